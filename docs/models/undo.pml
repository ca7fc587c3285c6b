/*
 * The failure path of a family: a section whose elements are taken back, the last first. It begins where `family.pml` stops:
 * all M elements may begin, some are under way. README.md beside it has the rules, their switches and the figures.
 *
 *   spin -a undo.pml && gcc -O2 -DSAFETY -DCOLLAPSE -o pan pan.c && ./pan -m1000000
 *
 * Abstracted as there: a conditional put is one step that looks whether the head is still the one that was loaded (`at`). Nobody
 * is woken: whoever may look does so at any time, so this judges what happens, not that it does (`family.pml` does that).
 * Every element has one cell, and that an undo. A holder that crashes or is slow: its cell is LOST, the truth may still come.
 */
#ifndef M
#define M 2       /* elements */
#endif
#ifndef N
#define N 1       /* max */
#endif
#ifndef NW
#define NW 2      /* workers */
#endif
#ifndef NCRASH
#define NCRASH 2  /* crashes and slow holders */
#endif
#ifndef NP
#define NP 2      /* verdicts of a person */
#endif
#ifndef NSTOP
#define NSTOP 1   /* cancels that stop what is at the end */
#endif

/* chains: an element on its way, and the one that takes it back */
#define NONE 0
#define RUN 1
#define HELD 2
#define LOST 3    /* its deadline has passed; the holder is gone or slow */
#define DOUBT 4
#define DONE 5    /* ended: its cell completed */
#define FAILED 6  /* ended: known not to have happened */
#define GIVEN 7   /* ended: cancelled before its cell began, or its undo stopped */
#define GIVEND 8  /* ended: stopped in doubt */
byte cs[M], us[M];
byte hold[M], uhold[M];   /* whose reservation is open: worker + 1 */

/* the parent's head */
#define WAY 0     /* the section is open, and its run is given up: what is to be taken back is known once all have ended */
#define BACK 1    /* the section that takes back is open */
#define OVER 2
byte pst;
byte ub;          /* may be taken back: the last ub elements */
byte ue;          /* a bit each: seen ended in that, or cited: nothing of them is there */
bool stopped;
byte at;          /* who loaded this head */
byte crashes, verdicts, stops;
bool judged;

/* judged only */
byte dn;          /* its cell really happened */
byte perm;        /* its undo may begin once */
byte bk;          /* it was taken back */
byte ud;          /* an undo of it may have happened, and nobody has said */

#define B(i) (1<<(i))
#define FULL (B(M)-1)
#define over(i) (cs[i]>=DONE)
#define uover(i) (us[i]>=DONE)
#if M > 2
#define allOver (over(0) && over(1) && over(2))
#define anyUnknown (cs[0]==LOST || cs[1]==LOST || cs[2]==LOST || cs[0]==DOUBT || cs[1]==DOUBT || cs[2]==DOUBT || cs[0]==HELD || cs[1]==HELD || cs[2]==HELD)
#else
#define allOver (over(0) && over(1))
#define anyUnknown (cs[0]==LOST || cs[1]==LOST || cs[0]==DOUBT || cs[1]==DOUBT || cs[0]==HELD || cs[1]==HELD)
#endif

#ifdef NO_CONDITION
#define FRESH true
#else
#define FRESH ((at>>id)&1)
#endif
/* the element whose undo is the k-th to begin */
#ifdef NO_ORDER
#define nth(k) (k)
#else
#define nth(k) (M-1-(k))
#endif
/* of an element as it is read: it has ended, and what it did is known */
#ifdef NO_ALL_ENDED
#define MAYEND(x) true
#else
#ifdef NO_DOUBT_FIRST
#define MAYEND(x) (over(x) || cs[x]==DOUBT)
#else
#define MAYEND(x) over(x)
#endif
#endif
#ifdef NO_NOTHING
#define NOTHING(x) false
#else
#define NOTHING(x) (cs[x]!=DONE)
#endif
#ifdef NO_STOP
#define GOING true
#else
#define GOING (!stopped)
#endif
#ifdef NO_MAX
#define ROOM true
#else
#define ROOM (n < N)
#endif

inline mayCrash() { if :: crashes < NCRASH -> crashes++; goto again :: skip fi }

/* one advance of an element on its way */
inline forward(x) {
  if
  :: atomic { cs[x]==RUN && pst==WAY -> cs[x] = HELD; hold[x] = id + 1 }
     if
     :: atomic { crashes < NCRASH -> crashes++; if :: cs[x]==HELD -> cs[x] = LOST :: else fi }; if :: goto again :: skip fi
     :: skip
     fi;
     /* its effect, then the outcome: what happened is told only where the slot is still free */
     atomic { if :: hold[x]==id+1 && cs[x]<=DOUBT -> dn = dn | B(x); cs[x] = DONE; hold[x] = 0
                 :: hold[x]==id+1 && cs[x]<=DOUBT -> cs[x] = FAILED; hold[x] = 0
                 :: else fi }
  :: atomic { cs[x]==LOST -> cs[x] = DOUBT }
  :: atomic { cs[x]==RUN -> cs[x] = GIVEN }              /* its run is given up */
  :: else                                                /* somebody else was there */
  fi
}

/* one advance of the child that takes an element back */
inline backward(x) {
  if
  :: atomic { us[x]==RUN ->
       assert(dn & B(x));                                /* what never happened is not taken back */
       assert(!(bk & B(x)));                             /* nor what was: an undo begins once */
       assert(!(ud & B(x)));                             /* nor beside its own doubt */
       assert(perm & B(x));                              /* nor without a permission */
       assert(!anyUnknown);                              /* nor while it is unknown what happened */
       j = x + 1;
       do :: j < M -> assert(N > 1 || !(dn & B(j)) || uover(j) || (ue & B(j))); j++ :: else -> break od; j = 0;  /* the last first */
       perm = perm & ~B(x); us[x] = HELD; uhold[x] = id + 1 }
     if
     :: atomic { crashes < NCRASH -> crashes++; if :: us[x]==HELD -> us[x] = LOST; ud = ud | B(x) :: else fi };
        if :: goto again :: skip fi
     :: skip
     fi;
     atomic { if :: uhold[x]==id+1 && us[x]<=DOUBT -> us[x] = DONE; bk = bk | B(x); ud = ud & ~B(x); uhold[x] = 0
                 :: else fi }
  :: atomic { us[x]==LOST -> us[x] = DOUBT }
  :: else
  fi
}

/* one look at the parent, in the way: reads the elements one by one, and puts upon the head that it loaded before */
inline lookWay() {
  atomic { at = at | B(id); i = 0; ok = 1; none = 0 };
  do
  :: atomic { i < M -> if :: !MAYEND(i) -> ok = 0 :: else fi; if :: NOTHING(i) -> none = none | B(i) :: else fi; i++ }
  :: i == M -> break
  od;
  atomic {
    if
    :: ok && pst==WAY && FRESH -> pst = BACK; ub = 0; ue = none; at = 0
    :: else -> at = at & ~B(id)
    fi; i = 0; none = 0; ok = 0 }
}

/* the same while elements are taken back: what was seen ended, and how far it may go; then the end */
inline lookBack() {
  atomic { at = at | B(id); e = ue; i = 0 };
  do
  :: atomic { i < M -> if :: uover(i) -> e = e | B(i) :: else fi; i++ }
  :: i == M -> break
  od;
  atomic {
    if
    :: pst==BACK && FRESH ->
       s = ub; n = 0; i = 0;
       do :: i < ub -> if :: !(e & B(nth(i))) -> n++ :: else fi; i++ :: else -> break od;
       do
       :: s < M && (e & B(nth(s))) -> s++
       :: s < M && !(e & B(nth(s))) && GOING && ROOM -> n++; assert(!stopped); perm = perm | B(nth(s)); s++
       :: else -> break
       od;
       assert(n <= N);                                   /* never more than max at a time */
       if
       :: s != ub || e != ue -> ub = s; ue = e; at = 0
#ifdef NO_END_WAIT
       :: s == ub && e == ue && (s==M || stopped) ->
#else
       :: s == ub && e == ue && n == 0 && (s==M || stopped) ->
#endif
          pst = OVER; at = 0
       :: else -> at = at & ~B(id)
       fi
    :: else -> at = at & ~B(id)
    fi; s = 0; n = 0; i = 0; e = 0 }
}

/* what stands is carried out: a child begins by the put of its own first slot, or has that taken from it */
inline carryOut() {
  i = 0;
  do
  :: atomic { i < M && us[nth(i)]==NONE && !(ue & B(nth(i))) &&
#ifdef NO_SPAWN_FIRST
       pst==BACK && i <= ub ->
#else
       pst==BACK && i < ub ->
#endif
       us[nth(i)] = (stopped -> GIVEN : RUN); i++ }
  :: atomic { i < M && stopped && us[nth(i)]==RUN -> us[nth(i)] = GIVEN; i++ }
  :: atomic { i < M && stopped && us[nth(i)]==DOUBT -> us[nth(i)] = GIVEND; uhold[nth(i)] = 0; i++ }
  :: atomic { i < M -> i++ }
  :: atomic { i == M -> i = 0; break }
  od
}

proctype worker(byte id) {
  byte i, j, n, s, e, none; bool ok;
again:
  atomic { at = at & ~B(id); i = 0; j = 0; n = 0; s = 0; e = 0; none = 0; ok = 0 }
end:
  do
  :: pst==WAY -> lookWay(); mayCrash(); goto again
  :: pst==BACK -> lookBack(); mayCrash(); carryOut(); mayCrash(); goto again
  :: (cs[0]==RUN || cs[0]==LOST) -> forward(0); goto again
  :: (cs[1]==RUN || cs[1]==LOST) -> forward(1); goto again
  :: (us[0]==RUN || us[0]==LOST) -> backward(0); goto again
  :: (us[1]==RUN || us[1]==LOST) -> backward(1); goto again
#if M > 2
  :: (cs[2]==RUN || cs[2]==LOST) -> forward(2); goto again
  :: (us[2]==RUN || us[2]==LOST) -> backward(2); goto again
#endif
  :: pst==OVER && !judged -> atomic {
       judged = 1; i = 0;
       do
       :: i < M ->
          assert(us[i]==NONE || uover(i));               /* the parent ends after all of them */
          assert(stopped || !(dn & B(i)) || (bk & B(i)));  /* and everything that happened was taken back, or somebody stopped it */
          i++
       :: else -> break
       od; i = 0 }
  od
}


/* a person who looked: what is in doubt happened, or did not */
inline verdict(x) {
  if
  :: cs[x]==DOUBT -> verdicts++; hold[x] = 0; if :: cs[x] = DONE; dn = dn | B(x) :: cs[x] = FAILED; dn = dn & ~B(x) fi
  :: us[x]==DOUBT -> verdicts++; uhold[x] = 0; ud = ud & ~B(x);
     if :: us[x] = DONE; bk = bk | B(x) :: us[x] = RUN; perm = perm | B(x) fi
  fi
}
proctype person() {
end:
  do
  :: atomic { verdicts < NP && (cs[0]==DOUBT || us[0]==DOUBT) -> verdict(0) }
  :: atomic { verdicts < NP && (cs[1]==DOUBT || us[1]==DOUBT) -> verdict(1) }
#if M > 2
  :: atomic { verdicts < NP && (cs[2]==DOUBT || us[2]==DOUBT) -> verdict(2) }
#endif
  :: atomic { stops < NSTOP && pst==BACK -> stops++; stopped = 1; at = 0 }
  :: break
  od
}

init {
  atomic {
    cs[0] = RUN; cs[1] = RUN;
#if M > 2
    cs[2] = RUN;
#endif
    run person(); run worker(0);
#if NW > 1
    run worker(1)
#endif
  }
}

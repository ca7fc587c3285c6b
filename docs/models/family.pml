/*
 * Families: `each`, `parallel`, `run`. A section whose parent spawns M children, at most N unfinished at a time, none while
 * STOP of them ended failed or stand halted or in doubt. README.md beside it has the rules, their switches and the figures.
 *
 *   spin -a -DNCRASH=1 -DNP=1 family.pml && gcc -O2 -DSAFETY -DCOLLAPSE -DMEMLIM=6000 -o pan pan.c && ./pan -m2000000
 *
 * Abstracted: a conditional put at head + 1 is one step that looks whether the head is still the one that was loaded (`at`
 * has a bit for each worker that loaded it: no counter, so far fewer states). A child has one cell. The put of a person, of a
 * canceller and of a holder who thaws is one step with its due mark: each arms first, and decision 9 keeps the mark up while
 * an earlier writer's put may still land. Nobody looks at a held cell before its deadline: its mark is due then.
 * A crash: a worker forgets everything. A holder that crashes or is slow: its cell is LOST, whoever looks finds it in doubt,
 * and the truth may still come. Failures, crashes, verdicts and cancels have budgets. Of a second visit the children take the
 * places of the first: their chains are others, so who works on one of the first visit finds it ended.
 */
#ifndef M
#define M 2       /* elements */
#endif
#ifndef N
#define N 1       /* max */
#endif
#ifndef STOP
#define STOP 1    /* stopAfter */
#endif
#ifndef NW
#define NW 2      /* workers: calls, hand-overs, ticks: whoever looks at what is due */
#endif
#ifndef NCRASH
#define NCRASH 1  /* crashes and slow holders: one budget */
#endif
#ifndef NF
#define NF 1      /* known failures */
#endif
#ifndef NP
#define NP 1      /* verdicts of a person */
#endif
#ifndef NCAN
#define NCAN 0    /* cancels of the parent */
#endif

/* the parent's head */
#define OPEN 0
#define CLOSED 1  /* the section closed failed: the parent halts there, a person decides */
#define OVER 2
byte pst;
byte ps;          /* spawned: elements 0 … ps-1 */
byte pe, pk, pf, ph;  /* a bit each: seen ended, of these completed, failed; and not ended: stands halted or in doubt */
bool pc;          /* cancelled */
bool vis;         /* second visit */
byte at;          /* who loaded this head */

/* the children's heads */
#define NONE 0
#define RUN 1     /* ready */
#define HELD 2    /* its cell is reserved */
#define LOST 3    /* reserved, its deadline has passed; the holder is gone or slow */
#define HALT 4    /* halted for a known failure */
#define DOUBT 5
#define DONE 6    /* ended: completed */
#define FAILED 7  /* ended: failed, rolled back */
#define GIVEN 8   /* ended: cancelled, nothing in doubt (also at seq 0) */
#define GIVEND 9  /* ended: cancelled with its cell in doubt */
byte cs[M];
byte cn;          /* cancelled while its cell was open */
byte cd;          /* the cell's outcome stands: a continuation cites it */
byte hold[M];     /* whose reservation is open: worker + 1 */

bool due[M+1];    /* due marks: view M is the parent's */
byte w[M+1];      /* a bit for each worker: somebody armed or woke since it armed */
byte crashes, fails, verdicts, cancels;

/* judged only */
byte perm;        /* may begin its cell once */
byte dn;          /* its cell completed, or a person said so */
byte db;          /* an attempt vanished and nobody has said what became of it */
byte hb;          /* was failed, halted or in doubt when the head was written, and has been since */

byte q, n, e2, k2, f2, h2, s2;

#define B(i) (1<<(i))
#define COUNT(x) (((x)&1)+(((x)>>1)&1)+(((x)>>2)&1))
#define FULL ((1<<M)-1)
#define stand(i) (cs[i]==HALT || cs[i]==DOUBT)
#define over(i) (cs[i]>=DONE)
#ifdef GIVEUP_STOPS
#define bad(i) (stand(i) || cs[i]==FAILED || cs[i]==GIVEN || cs[i]==GIVEND)
#else
#define bad(i) (stand(i) || cs[i]==FAILED)
#endif

#ifdef NO_CONDITION
#define FRESH (pst==OPEN)
#else
#define FRESH ((at>>id)&1)
#endif

/* the rules of `apply`, and what is left of each without it */
#ifdef NO_MAX
#define ROOM true
#else
#define ROOM (n < N)
#endif
#ifdef NO_CANCEL_STOPS
#define GOING true
#else
#define GOING (!c)
#endif
#ifdef NO_STOP
#define UNSTOPPED true
#else
#ifdef NO_STAND
#define UNSTOPPED (COUNT(f2) < STOP)
#else
#define UNSTOPPED (COUNT(f2) + COUNT(h2) < STOP)
#endif
#endif
/* the section may be closed: judged from the state alone */
#define mask (B(ls)-1)
#define allEnded ((le & mask) == mask)
#ifdef NO_CLOSE_WAIT
#define CLOSABLE (((le|lh) & mask) == mask && (ls==M || c || COUNT(lf)+COUNT(lh) >= STOP))
#else
#ifdef NO_FOR_GOOD
#define CLOSABLE (allEnded && (ls==M || c))
#else
#ifdef NO_FENCE
#define CLOSABLE ((allEnded && (ls==M || c || COUNT(lf) >= STOP)) || (c && overOrNone(0) && overOrNone(1) && overOrNone(M-1)))
#define overOrNone(x) (over(x) || cs[x]==NONE)
#else
#define CLOSABLE (allEnded && (ls==M || c || COUNT(lf) >= STOP))
#endif
#endif
#endif

#ifdef NO_CITE
#define CITED(x) 0
#else
#define CITED(x) (cd & B(x))
#endif

#if M > 2
#define anyGivend (cs[0]==GIVEND || cs[1]==GIVEND || cs[2]==GIVEND)
#define anyStand (stand(0) || stand(1) || stand(2))
#define told (((ph&1)==(stand(0)->1:0)) && (((ph>>1)&1)==(stand(1)->1:0)) && (((ph>>2)&1)==(stand(2)->1:0)))
#else
#define anyGivend (cs[0]==GIVEND || cs[1]==GIVEND)
#define anyStand (stand(0) || stand(1))
#define told (((ph&1)==(stand(0)->1:0)) && (((ph>>1)&1)==(stand(1)->1:0)))
#endif
#ifdef NO_DOUBT_FIRST
#define MAYRETRY true
#else
#define MAYRETRY !anyGivend
#endif

inline mayCrash() { if :: crashes < NCRASH -> crashes++; goto again :: skip fi }
inline wake(x) { due[x] = 1; w[x] = 255 }
inline arm(x) { atomic { due[x] = 1; w[x] = 255 - B(id) } }
inline settle(x) {
  atomic {
#ifdef NO_ARMS_COUNTED
    due[x] = 0
#else
    if :: !(w[x] & B(id)) -> due[x] = 0; w[x] = 0 :: else -> skip fi
#endif
  }
}
/* after every entry of the parent's chain */
inline written() {
  at = 0; hb = 0; q = 0;
  do :: q < M -> if :: bad(q) -> hb = hb | B(q) :: else fi; q++ :: else -> break od; q = 0
}

/* one advance of child x */
inline child(x) {
  arm(x);
  if
  :: atomic { cs[x]==RUN && CITED(x) -> cs[x] = DONE }                    /* a continuation whose cell was done */
  :: atomic { cs[x]==RUN && !CITED(x) ->
       assert(perm & B(x));                                               /* no cell begins without a permission */
       assert(!(dn & B(x)));                                              /* none that was done */
       assert(!(db & B(x)));                                              /* none whose last attempt is in doubt */
       perm = perm & ~B(x); cs[x] = HELD; hold[x] = id + 1 }
     if
     :: atomic { crashes < NCRASH -> crashes++; if :: cs[x]==HELD -> cs[x] = LOST; db = db | B(x) :: else fi };
        if :: goto again :: skip fi                                       /* dead, or slow */
     :: skip
     fi;
     atomic {
       if
       :: hold[x]==id+1 && !(cn & B(x)) && cs[x]<=DOUBT -> cs[x] = DONE; cd = cd | B(x); dn = dn | B(x)
       :: hold[x]==id+1 && !(cn & B(x)) && cs[x]<=DOUBT && fails < NF -> fails++; cs[x] = HALT
       :: hold[x]==id+1 && !(cn & B(x)) && cs[x]<=DOUBT && fails < NF -> fails++; cs[x] = FAILED
       :: hold[x]==id+1 && (cn & B(x)) && cs[x]<=DOUBT -> cs[x] = GIVEN; cd = cd | B(x); dn = dn | B(x)
       :: else -> goto fenced
       fi;
       db = db & ~B(x); hb = hb & ~B(x); hold[x] = 0; cn = cn & ~B(x);
       due[x] = 1; w[x] = w[x] | (255 - B(id));                           /* who thaws arms anew */
fenced:skip
     }
     mayCrash()
  :: atomic { cs[x]==LOST -> if :: cn & B(x) -> cs[x] = GIVEND; cn = cn & ~B(x); hold[x] = 0 :: else -> cs[x] = DOUBT fi }
     mayCrash()
  :: atomic { cs[x]==NONE || cs[x]==HELD -> goto again }                  /* its mark stays */
  :: cs[x]>=HALT -> skip
  fi;
#ifdef NO_WAKE_FIRST
  settle(x); mayCrash();
#endif
#ifdef NO_WAKE_HALT
  atomic { if :: over(x) -> wake(M) :: else fi };
#else
  atomic { if :: over(x) || stand(x) -> wake(M) :: else fi };             /* before its own mark goes down, and whenever it is looked at */
#endif
#ifndef NO_WAKE_FIRST
  mayCrash(); settle(x)
#endif
}
/* one by one: between two of them anything may happen */
inline readChildren() {
  do
  :: atomic { i < M ->
       do :: i < M && !(tb & B(i)) -> i++ :: else -> break od;
       if
       :: i == M -> skip
       :: else ->
          if
#ifdef HINT
          :: rd[i] = 5; part = 1                                          /* not read: only those that a wake named are */
#endif
          :: vis != vv -> skip                                            /* the chain of a visit that is over: its put will be lost */
          :: vis == vv ->
             if :: cs[i]==DONE -> rd[i] = 1 :: cs[i]==FAILED -> rd[i] = 2
                :: cs[i]==GIVEN || cs[i]==GIVEND -> rd[i] = 3 :: stand(i) -> rd[i] = 4 :: else -> rd[i] = 0 fi
          fi; i++
       fi }
  :: i == M -> i = 0; break
  od
}

inline load() {
  tb = 0; i = 0;
  do :: i < ps -> if :: !(pe & B(i)) -> tb = tb | B(i) :: else fi; i++ :: else -> break od; i = 0;
  c = pc; vv = vis; at = at | B(id); ls = ps; le = pe; lk = pk; lf = pf; lh = ph
}

/* what has been seen, and how far it may be spawned: e2 k2 f2 h2 s2 */
inline decide() {
  e2 = le; k2 = lk; f2 = lf; h2 = 0; q = 0;
  do
  :: q < M ->
     if
     :: (tb & B(q)) && rd[q]==1 -> e2 = e2 | B(q); k2 = k2 | B(q)
     :: (tb & B(q)) && rd[q]==2 -> e2 = e2 | B(q); f2 = f2 | B(q)
     :: (tb & B(q)) && rd[q]==3 -> e2 = e2 | B(q);
#ifdef GIVEUP_STOPS
        f2 = f2 | B(q)
#endif
     :: (tb & B(q)) && rd[q]==4 -> h2 = h2 | B(q)
     :: (tb & B(q)) && rd[q]==5 -> h2 = h2 | (lh & B(q))
     :: else
     fi; q++
  :: else -> break
  od; q = 0;
  s2 = ls; n = 0;
  do :: q < ls -> if :: !(e2 & B(q)) -> n++ :: else fi; q++ :: else -> break od; q = 0;
  do
  :: s2 < M && (lk & B(s2)) -> s2++                                        /* cited: passed over */
  :: s2 < M && !(lk & B(s2)) && ROOM && GOING && UNSTOPPED -> s2++; n++
  :: else -> break
  od; n = 0
}

/* what `apply` is there for, judged by what is really so */
inline judgeSpawn() {
  n = 0; q = 0;
  do :: q < s2 -> if :: !over(q) && !(pk & B(q)) -> n++ :: else fi; q++ :: else -> break od;
  assert(n <= N);                                                         /* never more than max unfinished */
  q = 0; n = 0;
  do :: q >= ps && q < s2 && !(pk & B(q)) -> n++; perm = perm | B(q); q++ :: q < s2 && (q < ps || (pk & B(q))) -> q++ :: else -> break od;
  assert(!n || !pc);                                                      /* no spawn after a cancellation */
  assert(!n || COUNT(f2) + COUNT(h2) < STOP);                             /* none while the chain, this entry with it, says stopAfter is reached */
#ifndef HINT
  assert(!n || COUNT(hb) < STOP);                                         /* nor while it is so: was so when the head was written, and still is */
#endif
  assert(pst == OPEN);
  n = 0; q = 0
}
inline judgeClose() {
  q = 0; n = 0;
  do :: q < ps -> assert(over(q) || cs[q]==NONE || (pk & B(q))); if :: bad(q) -> n++ :: else fi; q++ :: else -> break od;
  assert(ps == M || pc || n >= STOP);                                     /* closed only when nothing further may begin for good */
  n = 0; q = 0
}

/* one look at the parent */
inline parent() {
  arm(M);
more:
#ifdef HINT
  part = 0;
#endif
#ifdef NO_FRESH
  atomic { tb = FULL; vv = vis }                                          /* read first, then the head: put upon a head that is newer */
  readChildren();
#endif
  atomic { if :: pst != OPEN -> goto parked :: else -> load() fi }
#ifndef NO_FRESH
  readChildren();
#endif
  atomic {
    decide();
    if
    :: e2 != le || h2 != lh || s2 != ls ->
       if
       :: !FRESH -> r = 1                                                 /* the slot is lost: decided anew from the head */
#ifdef NO_SPAWN_FIRST
       :: FRESH && s2 != ls -> r = 3; nb = s2
       :: FRESH && s2 == ls ->
#else
       :: FRESH ->
#endif
          judgeSpawn(); ps = s2; pe = e2; pk = k2; pf = f2; ph = h2; written(); r = 2
       fi
    :: else ->
       if
       :: CLOSABLE && !FRESH -> r = 1
       :: CLOSABLE && FRESH -> judgeClose(); written(); ph = 0; r = 2;
          if :: c || lk == FULL -> pst = OVER :: else -> pst = CLOSED fi
       :: else -> r = 0
       fi
    fi;
    e2 = 0; k2 = 0; f2 = 0; h2 = 0; s2 = 0; q = 0; n = 0; i = 0;
    do :: i < M -> rd[i] = 0; i++ :: else -> break od; i = 0;
    ls = 0; le = 0; lk = 0; lf = 0; lh = 0;
    at = at & ~B(id);
    if
    :: r > 0 -> c = 0; vv = 0; tb = 0
    :: r == 0 && !c ->                                                    /* what is begun stays so: only the others are left to do */
       do :: i < M -> if :: (tb & B(i)) && cs[i] != NONE -> tb = tb & ~B(i) :: else fi; i++ :: else -> break od; i = 0
    :: else
    fi
  }
#ifdef NO_SPAWN_FIRST
  if
  :: r == 3 ->
     i = 0;
     do
     :: i < nb -> atomic { if :: cs[i]==NONE -> cs[i] = RUN; wake(i) :: else fi; i++ }
     :: else -> break
     od;
     atomic { i = 0; if :: FRESH -> ps = nb; written(); r = 2 :: else -> r = 1 fi; nb = 0 }
  :: else
  fi;
#endif
  if
  :: r == 2 -> r = 0; mayCrash(); goto more
  :: r == 1 -> r = 0; goto more
  :: r == 0
  fi;
  /* nothing new to write: carry out what stands */
  do
  :: i < M && (tb & B(i)) && !c ->
     if
#ifdef NO_MARK_FIRST
     :: cs[i]==NONE && vis==vv ->
#else
     :: atomic { cs[i]==NONE && vis==vv -> wake(i) }
        mayCrash();
#endif
        /* seq 0 of the child of this visit; that of the visit before is long taken */
        atomic { if :: cs[i]==NONE && vis==vv -> assert(pst==OPEN && i < ps); cs[i] = RUN :: else fi };
        mayCrash()
#ifdef NO_MARK_FIRST
        ; atomic { wake(i) }
#endif
     :: cs[i]!=NONE || vis!=vv
     fi; i++
  :: i < M && (tb & B(i)) && c ->
     atomic {
       if
       :: vis != vv -> skip
#ifdef NO_REREAD
       :: vis == vv && over(i) -> skip
#else
       :: vis == vv && over(i) -> r = 1                                   /* somebody else did, and may be dead: written down before the mark goes */
#endif
       :: vis == vv && !over(i) ->
          if
#ifdef NO_FENCE
          :: cs[i]==NONE -> skip
#else
          :: cs[i]==NONE -> cs[i] = GIVEN; r = 1                          /* at seq 0: can never begin */
#endif
          :: cs[i]==RUN || cs[i]==HALT -> cs[i] = GIVEN; r = 1
          :: cs[i]==DOUBT -> cs[i] = GIVEND; hold[i] = 0; r = 1
          :: cs[i]==HELD || cs[i]==LOST -> cn = cn | B(i)
          fi
       fi; i++ };
     mayCrash()
  :: i < M && !(tb & B(i)) -> i++
  :: i >= M -> break
  od;
  atomic { i = 0; tb = 0; c = 0; vv = 0 }
  if :: r == 1 -> r = 0; goto more :: else fi;                            /* it ended some itself: it writes that down */
parked:
  mayCrash();
#ifdef HINT
#ifndef NO_FULL_LOOK
  if :: part -> goto again :: else fi;                                    /* who did not read all leaves the mark */
#endif
#endif
  settle(M)
}
proctype worker(byte id) {
  byte tb, i, r, rd[M]; bool c, vv;
#ifdef HINT
  bool part;
#endif
  byte ls, le, lk, lf, lh;   /* the head as it was loaded */
#ifdef NO_SPAWN_FIRST
  byte nb;
#endif
again:
  atomic {
#ifdef HINT
    part = 0;
#endif
    tb = 0; r = 0; c = 0; vv = 0; ls = 0; le = 0; lk = 0; lf = 0; lh = 0; at = at & ~B(id); i = 0;
    do :: i < M -> rd[i] = 0; i++ :: else -> break od; i = 0
  }
end:
  do
  :: due[M] -> parent(); goto again
#ifdef NO_MARK_LEFT
  :: atomic { due[0] && cs[0]==NONE -> due[0] = 0 }
  :: atomic { due[1] && cs[1]==NONE -> due[1] = 0 }
#endif
  /* a mark without a journal is left standing */
  :: due[0] && cs[0] != HELD && cs[0] != NONE -> child(0); goto again
  :: due[1] && cs[1] != HELD && cs[1] != NONE -> child(1); goto again
#if M > 2
  :: due[2] && cs[2] != HELD && cs[2] != NONE -> child(2); goto again
#endif
  od
}

/* a verdict's due mark: armed before its put and kept up until that has landed, so one step here */
#ifdef NO_VERDICT_ARMS
#define armed(x) skip
#else
#define armed(x) wake(x)
#endif
inline settled(x) { hold[x] = 0; hb = hb & ~B(x); armed(x) }

inline verdict(x) {
  if
  :: stand(x) -> cs[x] = RUN; perm = perm | B(x); db = db & ~B(x)         /* retry */
  :: stand(x) -> cs[x] = DONE; cd = cd | B(x); dn = dn | B(x); db = db & ~B(x)   /* skip, done */
  :: cs[x]==HALT -> cs[x] = GIVEN                                         /* cancel of the child: given up */
  :: cs[x]==DOUBT -> cs[x] = GIVEND
  fi;
  settled(x)
}

/* a person: verdicts on children and on the section, a cancel of the parent; or nothing, at any time */
proctype person() {
  byte i, was;
  do
  :: atomic { verdicts < NP && stand(0) -> verdicts++; verdict(0) }
  :: atomic { verdicts < NP && stand(1) -> verdicts++; verdict(1) }
#if M > 2
  :: atomic { verdicts < NP && stand(2) -> verdicts++; verdict(2) }
#endif
  :: atomic { verdicts < NP && pst==CLOSED && !vis && MAYRETRY ->         /* retry of a section that closed failed */
       verdicts++; vis = 1; pst = OPEN; was = ps; ps = 0; pf = 0; ph = 0; 
#ifdef NO_CITE
       pk = 0;
#endif
       pe = pk;
       do
       :: i < M ->
          if :: !(pk & B(i)) -> assert(over(i) || (cs[i]==NONE && i >= was)); cs[i] = NONE; hold[i] = 0; perm = perm & ~B(i) :: else fi; i++
       :: else -> break
       od; i = 0; was = 0;
       written(); hb = 0; armed(M) }
  :: atomic { verdicts < NP && pst==CLOSED -> verdicts++; pst = OVER }    /* skip */
  :: atomic { cancels < NCAN && pst != OVER -> cancels++; pc = 1; if :: pst==CLOSED -> pst = OVER :: else fi; written(); armed(M) }
  :: break
  od
}
/* nothing is due any more and nobody does anything */
proctype judge() {
  timeout ->
    assert(pst==OVER || pst==CLOSED || (!pc && anyStand));                /* it has ended, or waits for a person */
    assert(pst!=OPEN || told);                                            /* the parent's chain names who stands, all of them and no other */
    q = 0; n = 0;
    do :: q < ps -> if :: !over(q) -> n++ :: else fi; assert(pst!=OPEN || (over(q)->1:0)==((pe>>q)&1)); q++ :: else -> break od;
    assert(pst!=OPEN || ps==M || n >= N || COUNT(pf)+COUNT(ph) >= STOP)   /* and nothing could go on meanwhile */
}

init {
  atomic {
    wake(M);                          /* the section has just opened, its view is armed */
    run judge(); run person(); run worker(0);
#if NW > 1
    run worker(1)
#endif
  }
}

/**
 * One seed decides everything: when each answer arrives, what fails, who crashes. Time is virtual; an event loop of our
 * own takes the next event only after every promise it set off has settled, so the same seed gives the same bytes.
 */

/** mulberry32: small, fast, good enough to draw schedules. */
export const createRandom = (seed: number) => {
  let a = seed | 0;
  const bits = (): number => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
  const fraction = (): number => bits() / 4_294_967_296;
  const int = (below: number): number => Math.floor(fraction() * below);
  const word = (): string => bits().toString(16).padStart(8, '0');
  return {
    fraction,
    /** A whole number from 0 to below `below`. */
    int,
    chance: (p: number): boolean => fraction() < p,
    pick: <T>(items: readonly T[]): T => items[int(items.length)] as T,
    /** 128 bits, hex. */
    token: (): string => word() + word() + word() + word(),
  };
};
export type Draw = ReturnType<typeof createRandom>;

export type Schedule = {
  nowMs(): number;
  after(ms: number, run: () => void): void;
  /** Runs events until none is left, `stop()` says so, or `eventsMax` have run. Returns how many ran. */
  run(eventsMax: number, stop?: () => boolean): Promise<number>;
};

type Event = { atMs: number; order: number; run: () => void };

const isBefore = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

const push = (heap: Event[], event: Event): void => {
  let at = heap.length;
  heap.push(event);
  while (at > 0) {
    const up = (at - 1) >> 1;
    const above = heap[up] as Event;
    if (!isBefore(event, above)) break;
    heap[at] = above;
    at = up;
  }
  heap[at] = event;
};

const pop = (heap: Event[]): Event | undefined => {
  const first = heap[0];
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child += 1;
    if (!isBefore(heap[child] as Event, last)) break;
    heap[at] = heap[child] as Event;
    at = child;
  }
  heap[at] = last;
  return first;
};

export const createSchedule = (startMs: number): Schedule => {
  const heap: Event[] = [];
  let now = startMs;
  let order = 0;
  return {
    nowMs: () => now,
    after: (ms, run) => push(heap, { atMs: now + Math.max(0, Math.round(ms)), order: order++, run }),
    run: (eventsMax, stop = () => false) =>
      new Promise((resolve, reject) => {
        let ran = 0;
        const next = (): void => {
          const event = ran === eventsMax || stop() ? undefined : pop(heap);
          if (event === undefined) {
            resolve(ran);
            return;
          }
          ran += 1;
          now = Math.max(now, event.atMs);
          try {
            event.run();
          } catch (error) {
            reject(error);
            return;
          }
          settle();
        };
        // Node runs what nextTick was given only when no promise is left that could settle: a turn of the real event
        // loop would show the same, at many times the price.
        const tick = (): void => process.nextTick(next);
        const settle = (): void => void Promise.resolve().then(tick);
        settle();
      }),
  };
};

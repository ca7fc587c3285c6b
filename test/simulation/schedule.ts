/**
 * One seed decides everything: when each answer arrives, what fails, who crashes. Time is virtual; an event loop of our
 * own takes the next event only after every promise it set off has settled, so the same seed gives the same bytes.
 */

/** mulberry32: small, fast, good enough to draw schedules. */
export const createRandom = (seed: number) => {
  let a = seed | 0;
  const fraction = (): number => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const int = (below: number): number => Math.floor(fraction() * below);
  return {
    fraction,
    int,
    chance: (p: number): boolean => fraction() < p,
    pick: <T>(items: readonly T[]): T => items[int(items.length)] as T,
    hex: (chars: number): string => Array.from({ length: chars }, () => int(16).toString(16)).join(''),
  };
};
export type Draw = ReturnType<typeof createRandom>;

export type Schedule = {
  nowMs(): number;
  after(ms: number, run: () => void): void;
  /** Runs events until none is left, `stop()` says so, or `eventsMax` have run. Returns how many ran. */
  run(eventsMax: number, stop?: () => boolean): Promise<number>;
};

/** Settles every promise that can settle without a further event. */
const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const createSchedule = (startMs: number): Schedule => {
  type Event = { atMs: number; order: number; run: () => void };
  const heap: Event[] = [];
  const before = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
  let now = startMs;
  let order = 0;
  const push = (event: Event): void => {
    heap.push(event);
    for (let at = heap.length - 1; at > 0; ) {
      const up = (at - 1) >> 1;
      if (!before(heap[at] as Event, heap[up] as Event)) break;
      [heap[at], heap[up]] = [heap[up] as Event, heap[at] as Event];
      at = up;
    }
  };
  const pop = (): Event | undefined => {
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    heap[0] = last;
    for (let at = 0; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && before(heap[child] as Event, heap[least] as Event)) least = child;
      }
      if (least === at) return first;
      [heap[at], heap[least]] = [heap[least] as Event, heap[at] as Event];
      at = least;
    }
  };
  return {
    nowMs: () => Math.floor(now),
    after: (ms, run) => push({ atMs: now + Math.max(0, ms), order: order++, run }),
    run: async (eventsMax, stop = () => false) => {
      await drain();
      for (let ran = 0; ran < eventsMax; ran += 1) {
        if (stop()) return ran;
        const event = pop();
        if (event === undefined) return ran;
        now = Math.max(now, event.atMs);
        event.run();
        await drain();
      }
      return eventsMax;
    },
  };
};

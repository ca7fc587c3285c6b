/**
 * A call that takes longer than a service may keep its caller waiting: it answers 202, its function `work` goes on, and
 * here the journal is read until it tells how that ended. Nothing is asked for a second time.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { createFollower, type Followed, type FollowRequest, type JournalPages } from '../engine/index.ts';

const pauseMs = 500;
/** Without an entry for so long, it has no holder: what is due is looked after, and the caller asks again. */
const patienceMs = 120_000;

/** What it came to; what was seen so far, when it runs nothing, it has no holder, or the signal has fired. */
export const untilOver = async (
  pages: JournalPages,
  request: FollowRequest,
  signal: AbortSignal,
): Promise<Followed> => {
  let newsMs = performance.now();
  const watched: JournalPages = {
    ...pages,
    page: async (after, limit) => {
      const page = await pages.page(after, limit);
      if (after >= request.afterSeq && page.entries.length > 0) newsMs = performance.now();
      return page;
    },
  };
  const readOn = createFollower(watched, request);
  for (;;) {
    const seen = await readOn();
    const isHeld = seen.kind === 'underWay' && seen.isHeld;
    const isLate = !isHeld && performance.now() - newsMs > patienceMs;
    if (seen.kind === 'over' || seen.kind === 'lost' || isLate || signal.aborted) return seen;
    await wait(pauseMs, undefined, { signal }).catch(() => undefined);
  }
};

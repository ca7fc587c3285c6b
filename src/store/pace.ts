/**
 * Until when the turn of a call lasts that decides about many, one item for all of them in the table of views: `pace:verdicts`. It
 * is in no index, and lost there is no turn: the next call has its own at once.
 */
import * as z from 'zod';
import type { Clock } from '../engine/index.ts';
import { type Access, getItem, updateView } from './access.ts';
import { pacing } from './conditions.ts';

/** `isMine: false`: another call has the turn, and this is until when. */
export type Turn = { isMine: boolean; untilMs: number };
export type Pace = {
  /**
   * Takes the turn for `ms`, unless another call has it. Nobody gives it back: it ends by itself, whatever becomes of its holder. One
   * that is longer than `longestMs` was taken by a clock that has been set back since, and holds nobody up.
   */
  take(ms: number, longestMs: number): Promise<Turn>;
};

const paceKey = 'pace:verdicts';
const paceItem = z.object({ about: z.number() });

export const createPace = (access: Access, clock: Pick<Clock, 'nowMs'>): Pace => {
  const standing = async (): Promise<number | undefined> =>
    paceItem.safeParse(await getItem(access, 'views', { instanceId: paceKey })).data?.about;
  return {
    async take(ms, longestMs) {
      // Read first: the time is the store's, and is learnt from its answers.
      const untilMs = await standing();
      const now = Math.ceil(clock.nowMs());
      const latest = now + longestMs;
      if (untilMs !== undefined && untilMs > now && untilMs <= latest) return { isMine: false, untilMs };
      const about = now + Math.ceil(ms);
      if ((await updateView(access, paceKey, pacing, { now, latest, about })) !== undefined)
        return { isMine: true, untilMs: about };
      return { isMine: false, untilMs: (await standing()) ?? about };
    },
  };
};

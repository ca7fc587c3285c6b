/**
 * Before a view becomes due at another place than home, the schedule of home gets to know that place: it may be one that no
 * worker ever served, or whose only process was a command that died, and then nobody else looks at what is left there.
 */
import { type Clock, isPawlError, type Views } from '../engine/index.ts';
import type { Workers } from './workers.ts';

/** A place that is not served any more is forgotten some day: by then it is said again. */
const saidAgainAfterMs = 24 * 60 * 60_000;

export const knowingPlaces = (
  views: Views,
  workers: Pick<Workers, 'want'>,
  clock: Pick<Clock, 'nowMs'>,
  home: string,
): Views => {
  const saidAtMs = new Map<string, number>();
  const sayOnce = async (place: string): Promise<void> => {
    const nowMs = clock.nowMs();
    if (nowMs - (saidAtMs.get(place) ?? Number.NEGATIVE_INFINITY) < saidAgainAfterMs) return;
    try {
      await workers.want(place, nowMs);
      saidAtMs.set(place, nowMs);
    } catch (error) {
      // The next view says it.
      if (!isPawlError(error)) throw error;
    }
  };
  return {
    ...views,
    save: async (view, armed) => {
      if (view.place !== home && view.dueAtMs !== null) await sayOnce(view.place);
      await views.save(view, armed);
    },
  };
};

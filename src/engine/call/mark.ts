/**
 * The due mark of one call, which keeps I7: every unfinished instance is due at some time, or waits for a person or a
 * claim and is woken by the person or writer that brings it.
 *
 * - A call arms before its first put, so whatever becomes of it, the instance is looked at when its time is over.
 * - It arms again when that time has come and it is still at work (a frozen sandbox thawed): the schedule may have looked
 *   since, found nothing to do, and taken the mark down.
 * - The mark goes down only with the view of an entry that was the newest after the arm. A head that was read before may be
 *   old by then, and the mark of its writer long over.
 * - An `await` stays due unless this call has read its claims, as a subscriber, since it armed. So does a section with `each` unless
 *   this call has looked at its elements, and begun those that may begin.
 */

import { brokenAt } from '../model/chain.ts';
import type { View } from '../model/view.ts';
import type { Armed, Ports, Witness } from '../ports.ts';

/** A command's own time: it runs no cell. */
export const commandMs = 30_000;

/** What `save` has to know of the chain. */
export type Watched = {
  /** The count of `arms` when an answer of the store last said what the newest entry is. */
  knownAt: number;
  /** Reads the newest entry. */
  refresh(): Promise<void>;
  view(): View;
  /** Seq of the `waiting` entry when it waits for claims, of the newest entry when it waits for elements, else `null`. */
  awaitsAt(): number | null;
};

export type Mark = {
  /** How often this call has armed. What was known at an earlier count is older than the mark. */
  readonly arms: number;
  /** Of which entry the view was saved last, when this call armed. */
  readonly seen: Witness | null;
  /** What the view has seen counts no more. @throws PawlError `store.unavailable` */
  forget(): Promise<void>;
  /** The view is probably due already: it is looked at because of that. A wrong guess costs two requests. */
  expectDue(): void;
  /** @throws PawlError `store.unavailable` */
  arm(): Promise<void>;
  /** The claims of the wait at `seq` were read, by a subscriber; or the elements that entry `seq` knows of were looked at. */
  looked(seq: number): void;
  /**
   * Saves the view, if this call armed.
   * @throws PawlError `store.unavailable`: then the instance stays due; `journal.broken` when it has seen another entry there
   */
  save(chain: Watched): Promise<void>;
};

export const whyOther = 'it is not the entry that stood here when the view was saved';

export const createMark = (
  { clock, marks, views, deployment }: Pick<Ports, 'clock' | 'marks' | 'views' | 'deployment'>,
  seed: Pick<View, 'instanceId' | 'runbookId'>,
  endAtMs: number,
): Mark => {
  let armed: Armed | null = null;
  let untilAtMs = 0;
  let arms = 0;
  let isDue = false;
  let lookedAt: number | null = null;

  const toSave = (chain: Watched): View => {
    const view = chain.view();
    const awaitsAt = chain.awaitsAt();
    if (awaitsAt === null || awaitsAt === lookedAt) return view;
    // Perhaps no subscription of it stands yet, an element has not begun, or what it waits for is there.
    const nowMs = Math.floor(clock.nowMs());
    return { ...view, dueAtMs: Math.min(view.dueAtMs ?? nowMs, nowMs) };
  };

  return {
    get arms() {
      return arms;
    },
    get seen() {
      return armed?.seen ?? null;
    },
    forget: async () => {
      if (armed === null || armed.seen === null) return;
      await marks.forget(seed.instanceId, armed.seen.seq);
      armed = { ...armed, seen: null };
    },
    expectDue: () => {
      isDue = true;
    },
    arm: async () => {
      while (armed === null || clock.nowMs() >= untilAtMs) {
        const nowMs = clock.nowMs();
        const overAtMs = armed === null ? endAtMs : nowMs + commandMs;
        const nextUntilAtMs = overAtMs + deployment.takeoverGraceMs;
        armed = await marks.arm(seed, nextUntilAtMs, nowMs, isDue);
        untilAtMs = nextUntilAtMs;
        arms += 1;
        lookedAt = null;
      }
    },
    looked: (seq) => {
      lookedAt = seq;
    },
    save: async (chain) => {
      if (armed === null) return;
      if (chain.knownAt !== arms) await chain.refresh();
      const view = toSave(chain);
      const isOther = armed.seen?.seq === view.seq && armed.seen.hash !== view.headHash;
      // The view is not made the forger's witness.
      if (isOther) throw brokenAt(view.instanceId, view.seq, whyOther);
      await views.save(view, armed);
    },
  };
};

/** What may be lost and is made again: due marks, views, and what a poll found last. */
import type { LastLook } from '../model/look.ts';
import type { View } from '../model/view.ts';

/**
 * What `arm` tells `save` and `settle`: how often it was armed, and the mark of others whose writes may still land: until
 * `landsLateMsMax` after it.
 */
export type Armed = {
  arms: number;
  othersUntilMs: number | null;
  /** Of which entry the view was saved last: a witness of what the chain was. `null`: of none. */
  seen: Witness | null;
};
export type Witness = { seq: number; hash: string };
/** An entry of the index of what is due: it may lag behind, and an instance that moved shows twice or not this time. */
export type Due = { instanceId: string; dueAtMs: number };
type Seed = Pick<View, 'instanceId' | 'runbookId'>;

/**
 * Due marks: when the schedule looks at an instance, or at a thing that is not an instance. Each place has a part of its own in
 * what is due. A mark that is made is due at home; which place a view is due at, its save says.
 */
export type Marks = {
  /**
   * Makes it due no later than `untilAtMs`, creating its view when missing. Before every command's first put. `isDue`: it
   * probably is due already; a wrong guess costs two requests.
   */
  arm(seed: Seed, untilAtMs: number, nowMs: number, isDue?: boolean): Promise<Armed>;
  /**
   * Makes it due now, creating its view when missing, and counts as an arm: a caller that armed before cannot take the mark down.
   * Unlike `arm` it announces no writer.
   */
  wake(seed: Seed, nowMs: number): Promise<void>;
  /**
   * Takes over the mark of what is due and is no view: due at `untilAtMs` instead, unless the time of another holder is not
   * over. `undefined`: it is not due, or another holder is at it.
   */
  hold(instanceId: string, untilAtMs: number, nowMs: number): Promise<Armed | undefined>;
  /** The view is a witness of the entry at `seq` no more: what stands in the journal counts. */
  forget(instanceId: string, seq: number): Promise<void>;
  /** Takes down the mark of what was armed and is no view, unless others armed since or may still be writing. */
  settle(instanceId: string, armed: Armed): Promise<void>;
  /**
   * One page of what is due at `nowMs` at a place, in one of `dueShards` parts of its index, longest due first; `next` is
   * where to go on, `null` at the end. What is not due is never read.
   */
  due(nowMs: number, place: string, shard: number, from?: Due): Promise<{ due: Due[]; next: Due | null }>;
  /**
   * Of these, the ones that a writer armed whose time is over, and that no save has put right since: their part of what is due
   * may be that of an entry before the last one.
   */
  orphans(instanceIds: readonly string[], nowMs: number): Promise<string[]>;
  /**
   * Takes a view that was armed and never saved out of what is due, unless it was armed after `beforeMs`. For an instance
   * that the journal does not know. `false`: it is not such a view (any more).
   */
  drop(instanceId: string, beforeMs: number): Promise<boolean>;
};

/** Views: mutable summaries for lists and the schedule, which can be made again from the journals. */
export type Views = {
  /**
   * Writes the view if its revision is not older than the stored one. The due mark goes down to the view's own only when
   * nothing armed since `armed` and nothing of an earlier writer may still land; otherwise it stays early.
   */
  save(view: View, armed: Armed): Promise<void>;
  get(instanceId: string): Promise<View | undefined>;
  /** Those of them that there are, in no order; a read may lag behind. */
  getEach(instanceIds: string[]): Promise<View[]>;
  /**
   * Newest first, from an index that may lag: for lists only. `sinceMs`, `untilMs`: when they started, from the one to
   * before the other. `where` is asked about each view that the index gives; of these `listReadMax` are read at most, and
   * `atLeast` says that not all were: then `next` goes on.
   */
  list(filter: {
    runbookId?: string;
    /** Any of them; absent: whatever it is. */
    statuses?: readonly View['status'][];
    sinceMs?: number;
    untilMs?: number;
    where?(view: View): Promise<boolean>;
    limit: number;
    next?: string;
  }): Promise<{ views: View[]; atLeast: boolean; next: string | null }>;
  /** As `list`, several of the same views by one walk, each with its own `where`, limit and mark: what is read for one is not read again. */
  lists(
    filter: Omit<Parameters<Views['list']>[0], 'where' | 'limit'>,
    kinds: { limit: number; where(view: View): Promise<boolean> }[],
  ): Promise<Awaited<ReturnType<Views['list']>>[]>;
  /**
   * How many of each status a list would have, counted in its index: no view is read, and of each status `listReadMax` keys at
   * most. `atLeast`: there may be more.
   */
  count(filter: {
    runbookId?: string;
    sinceMs?: number;
    untilMs?: number;
  }): Promise<{ status: View['status']; count: number; atLeast: boolean }[]>;
};

/** What the last look of a poll found. Mutable, for people; what is lost is there again after the next look. */
export type Looks = {
  /** @param about seq of the `waiting` entry */
  keep(instanceId: string, about: number, look: LastLook): Promise<void>;
  last(instanceId: string, about: number): Promise<LastLook | undefined>;
};

/**
 * The chain of an instance as one call knows it, and the one way to add an entry to it.
 *
 * I4 a token is compared only inside its call; no call resumes a reservation from the journal.
 * I10 what a caller is told stands in the journal; a put without an answer promises nothing.
 */
import assert from 'node:assert/strict';
import { brokenAt } from '../model/chain.ts';
import type { CommitWrite } from '../model/commit.ts';
import { type Entry, type EntryBody, journalVersion, type Standing } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import type { By } from '../model/fields.ts';
import type { Ports, Put, Refused } from '../ports.ts';
import { apply } from '../rules/apply.ts';
import { inCall, putUntilAnswered } from './answered.ts';
import { type Mark, whyOther } from './mark.ts';

/** The entry that `body` makes after `head`. An illegal step is an assertion: a defect of ours, never sent. */
export const seal = (
  head: Standing | null,
  body: EntryBody,
  from: { instanceId: string; token: string; by: By; atMs: number },
): Entry => {
  const seq = head === null ? 0 : head.entry.seq + 1;
  const { atMs, by, token } = from;
  const step = { ...body, seq, atMs, by, token };
  const state = apply(head?.entry.state ?? null, step);
  const prev = head?.hash ?? null;
  return { ...step, v: journalVersion, instanceId: from.instanceId, prev, state } as Entry;
};

const whyGone = 'the view was saved of this entry, and it is missing';

export type Chain = {
  /** The newest entry this call knows. */
  readonly head: Standing;
  /** Whether another writer took a slot this call wanted. */
  readonly lost: boolean;
  /** Whether an entry of this call stands: from then on it answers, and refuses nothing. */
  readonly wrote: boolean;
  /** The last put of this call got no answer: it may still land, so what stands is not known. */
  readonly unanswered: boolean;
  /** The mark's count of arms when an answer of the store last said what the newest entry is; -1: not since it armed. */
  readonly knownAt: number;
  /** One put at head + 1. Both answers move the head to what stands there. */
  put(body: EntryBody): Promise<Put<Standing>>;
  /**
   * The same with writes to tables of others, all or nothing. Into one slot the same entry is sent each time, whatever `body` is then: what
   * it says of the first try is what may have landed.
   */
  putWith(body: EntryBody, writes: readonly CommitWrite[]): Promise<Put<Standing> | Refused>;
  /**
   * Arms and puts at head + 1, again and again into the same slot while no answer comes. Answers with the entry of ours
   * that stands there, which may be of an earlier try; `undefined`: another writer's does, or it is too late; decide anew.
   * @param bodyNow made afresh for each try, since deadlines move
   * @param lastTryAtMs nothing is put after it: it would be held beyond the end of this call
   * @throws PawlError `store.unavailable` when no answer comes
   */
  append(bodyNow: (tried: number) => EntryBody, lastTryAtMs?: number): Promise<Entry | undefined>;
  /** Reads the newest entry: a winner may be long behind, and what is decided and told next rests on the newest. */
  refresh(): Promise<void>;
};

/** `head`: the newest entry that is known; `null` before the first is written. */
type From = { instanceId: string; token: string; by: By; head: Standing | null; endAtMs: number };

export const createChain = ({ clock, journal, observe, deployment }: Ports, mark: Mark, from: From): Chain => {
  const { instanceId, token, by, endAtMs } = from;
  let { head } = from;
  let lost = false;
  let wrote = false;
  let unanswered = false;
  let knownAt = -1;

  const sealNow = (body: EntryBody): Entry => seal(head, body, { instanceId, token, by, atMs: clock.nowMs() });

  /** What the answer to a put makes known. */
  const learn = (entry: Entry, answer: Put<Standing>): Put<Standing> => {
    unanswered = answer.kind === 'unknown';
    if (answer.kind === 'unknown') return answer;
    const stands = answer.kind === 'written' ? answer.standing : answer.winner;
    assert(stands.entry.seq === entry.seq && stands.entry.instanceId === instanceId);
    head = stands;
    const adopted = answer.kind === 'written' && answer.adopted;
    knownAt = answer.kind === 'written' && !adopted ? mark.arms : -1;
    if (answer.kind === 'conflict') lost = true;
    else wrote = true;
    const kind = answer.kind === 'conflict' ? 'put.conflict' : adopted ? 'self_conflict' : 'put.written';
    const cell = 'cell' in entry ? entry.cell : undefined;
    observe({
      kind,
      instanceId,
      seq: entry.seq,
      cell,
      meant: entry.kind,
      stands: stands.entry.kind,
      hash: stands.hash,
    });
    return answer;
  };

  const put = async (body: EntryBody): Promise<Put<Standing>> => {
    const entry = sealNow(body);
    return learn(entry, await journal.putOnce(entry));
  };

  let sent: Entry | undefined;
  const putWith: Chain['putWith'] = async (body, writes) => {
    const slot = (head?.entry.seq ?? -1) + 1;
    if (sent?.seq !== slot) sent = sealNow(body);
    const answer = await journal.putWith(sent, writes);
    if (answer.kind !== 'refused') return learn(sent, answer);
    unanswered = false;
    return answer;
  };

  const refresh = async (): Promise<void> => {
    const newest = await journal.head(instanceId);
    // Never back to an older one, whatever a store answers.
    if (newest !== undefined && newest.entry.seq >= (head?.entry.seq ?? 0)) head = newest;
    knownAt = mark.arms;
  };

  /**
   * Whether the chain goes on beyond the head that this call knows, as the view has seen when this call armed.
   * @throws PawlError `journal.broken` when what the view has seen does not stand any more: it was altered or cut off
   */
  const isBehind = async (): Promise<boolean> => {
    const { seen } = mark;
    if (seen === null || head === null || seen.seq < head.entry.seq) return false;
    if (seen.seq === head.entry.seq && seen.hash === head.hash) return false;
    // Held after a restore: what was restored counts, and is gone on with by a person's word alone.
    if (head.entry.state.epoch < deployment.epoch) {
      await mark.forget();
      return false;
    }
    const stands = seen.seq === head.entry.seq ? head : await journal.entry(instanceId, seen.seq);
    if (stands?.hash !== seen.hash) throw brokenAt(instanceId, seen.seq, stands === undefined ? whyGone : whyOther);
    head = stands;
    lost = true;
    knownAt = -1;
    return true;
  };

  const append: Chain['append'] = async (bodyNow, lastTryAtMs = Number.POSITIVE_INFINITY) => {
    let last: Put<Standing> | undefined;
    const armAndPut = async (tried: number): Promise<Put<Standing>> => {
      await mark.arm();
      // Arming may take long: nothing is put then that could not be held any more.
      if (clock.nowMs() > lastTryAtMs) return last ?? { kind: 'unknown', cause: null };
      if (head !== null && (await isBehind())) return { kind: 'conflict', winner: head };
      const entry = sealNow(bodyNow(tried));
      last = learn(entry, await journal.putOnce(entry));
      return last;
    };
    const answer = await putUntilAnswered(clock, armAndPut, inCall(Math.min(endAtMs, lastTryAtMs)));
    if (answer.kind === 'written') return answer.standing.entry;
    // Nothing was sent, so it is decided anew, in the time that is left.
    if (last === undefined) return undefined;
    if (answer.kind === 'unknown') {
      const message = `The store gave no answer; ask again for ${instanceId}, its journal tells what was written.`;
      throw new PawlError('store.unavailable', message, { instanceId }, answer.cause);
    }
    await refresh();
    return undefined;
  };

  return {
    get head() {
      assert(head !== null, 'nothing is written yet');
      return head;
    },
    get lost() {
      return lost;
    },
    get wrote() {
      return wrote;
    },
    get unanswered() {
      return unanswered;
    },
    get knownAt() {
      return knownAt;
    },
    put,
    putWith,
    append,
    refresh,
  };
};

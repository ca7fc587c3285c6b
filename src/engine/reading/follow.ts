/**
 * Following a call that was handed to another process: what it has come to, read from the journal. Writes nothing, so it
 * can be asked as often as one likes, by anybody.
 *
 * A hand-over names the seq it was made at, and runs only if the next entry is its own. So that entry tells whether there
 * is anything to wait for.
 */

import { type Call, type Engine, openCall } from '../call/call.ts';
import { readJournal } from '../call/journal.ts';
import { type AdvanceAnswer, reportOf, type StepReport } from '../call/progress.ts';
import type { By, Entry } from '../model/entries.ts';
import { decide } from '../rules/decide.ts';
import { parkedAt } from '../rules/parked.ts';
import { viewOf } from '../rules/view.ts';

export type FollowRequest = {
  /** Seq of the head when the call was handed over. */
  afterSeq: number;
  cell?: string;
  /** Reservations it may make after that seq. */
  maxCells: number;
  /** Whether an entry was written by the call that was handed over. */
  isOurs(by: By): boolean;
  by: By;
};

/** `unbegun`: nothing was written after the hand-over. `lost`: somebody else was first, so it runs nothing. */
export type Followed = { kind: 'unbegun' | 'lost' | 'underWay' } | { kind: 'over'; answer: AdvanceAnswer };

const reserves = (entry: Entry): boolean =>
  entry.kind === 'reserved' || (entry.kind === 'outcome' && entry.reserve !== undefined);

/** Every look reads what was written since the one before. */
export const createFollower = (engine: Engine, instanceId: string, request: FollowRequest) => {
  const { isOurs, maxCells, cell } = request;
  const steps: StepReport[] = [];
  let seq = request.afterSeq;
  let reserved = 0;
  let first: Entry | undefined;
  let last: Entry | undefined;
  let call: Call | undefined;

  return async (): Promise<Followed> => {
    for await (const { entry } of readJournal(engine, instanceId, seq)) {
      first ??= entry;
      last = entry;
      seq = entry.seq;
      if (!isOurs(entry.by)) continue;
      if (reserves(entry)) reserved += 1;
      if (entry.kind === 'outcome') steps.push(reportOf(entry, entry.closes ?? entry.seq, true));
    }
    if (first === undefined || last === undefined) return { kind: 'unbegun' };
    if (!isOurs(first.by)) return { kind: 'lost' };
    call ??= await openCall(engine, instanceId, request.by, 0);
    const { started, runbook } = call;
    const { takeoverGraceMs: graceMs, epoch } = engine.deployment;
    const nowMs = engine.clock.nowMs();
    const wish = {
      cell,
      reservationsLeft: maxCells - reserved,
      wroteSome: true,
      endAtMs: Number.POSITIVE_INFINITY,
      explicit: true,
    };
    const decision = decide(last.state, runbook, wish, { nowMs, graceMs, epoch });
    // What waits for something outside is not under way, however often it is looked at.
    const stop = decision.kind === 'waiting' ? parkedAt(decision.open, nowMs) : decision;
    if (stop.kind !== 'stop') return { kind: 'underWay' };
    if (stop.result === 'in_flight' && isOurs(stop.holder.by)) return { kind: 'underWay' };
    const view = viewOf(started, last, runbook, nowMs, graceMs);
    return { kind: 'over', answer: { stop, result: stop.result, steps, reserved, view, state: last.state } };
  };
};

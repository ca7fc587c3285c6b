/**
 * Carrying out a step that is ours. Batching: while one call runs several cells, the outcome of one also carries the
 * reservation of the next.
 */

import assert from 'node:assert/strict';
import type { Call, OutputCache } from '../call/call.ts';
import { inHand } from '../call/inputs.ts';
import type { OutcomeBody } from '../call/outcomes.ts';
import { keyOf, prepare, type Ready } from '../call/prepare.ts';
import { type AdvanceRequest, momentOf, type Progress, reportOf, wishOf } from '../call/progress.ts';
import type { Entry, Reservation, State } from '../model/entries.ts';
import type { Cell } from '../model/runbook.ts';
import { apply } from '../rules/apply.ts';
import { decide, reservedForMs } from '../rules/decide.ts';
import { execute, type Reserved } from './execute.ts';
import { record } from './record.ts';

export const reservationOf = (call: Call, cell: Cell, state: State, ready: Ready): Reservation => ({
  index: cell.index,
  cell: cell.name,
  visit: state.visit,
  attempt: state.attempt + 1,
  key: keyOf(call, cell, state.visit),
  inputsHash: ready.inputsHash,
  deadlineAtMs: Math.ceil(call.engine.clock.nowMs() + reservedForMs(cell)),
});

/** A step of ours: its reservation stands in the journal, and its body has not begun. */
export type Held = { cell: Cell; reserved: Reserved; ready: Ready };

/** Carries a step out, and those that its outcome and the next ones reserve. */
export const carryAllOut = async (
  call: Call,
  first: Held | undefined,
  request: AdvanceRequest,
  progress: Progress,
): Promise<void> => {
  for (let held = first; held !== undefined; held = await carryOut(call, held, request, progress)) {}
};

/** Carries a step out and records how it ended. Answers with the next step where the outcome reserved it as well. */
const carryOut = async (
  call: Call,
  { cell, reserved, ready }: Held,
  request: AdvanceRequest,
  progress: Progress,
): Promise<Held | undefined> => {
  const outcome = await execute(call, cell, reserved, ready.body, ready.inputs);
  let following: Following | undefined;
  const recorded = await record(call, outcome, reserved.deadlineAtMs, async () => {
    const found = await follow(call, outcome, request, progress);
    if (found === undefined) return undefined;
    following = found;
    return found.reservation;
  });
  if (recorded && outcome.then === 'next') rememberOutput(call.outputs, call.head.entry);
  progress.steps.push(reportOf(outcome, reserved.seq, recorded));
  return recorded ? heldBy(call, following, progress) : undefined;
};

/**
 * The step that an outcome of this call reserved as well. What stands counts here too: perhaps an earlier put of this
 * outcome landed, with a reservation that a later one lacked.
 */
export const heldBy = (call: Call, following: Following | undefined, progress: Progress): Held | undefined => {
  const stands = call.head.entry;
  if (stands.kind !== 'outcome' || stands.reserve === undefined) return undefined;
  progress.reservations += 1;
  assert(stands.token === call.token && following !== undefined, 'a reservation of this call stands');
  assert(following.ready.inputsHash === stands.reserve.inputsHash, 'one visit has one set of inputs');
  const { seq, atMs } = stands;
  return { cell: following.cell, ready: following.ready, reserved: { ...stands.reserve, seq, atMs } };
};

export type Following = { cell: Cell; ready: Ready; reservation: Reservation };

/**
 * Batching: what this call would reserve right after `outcome`, so that one entry can say both. Only if everything the
 * next cell reads is in hand: between an effect and its record nothing is asked of the store. Whoever takes the slot
 * first makes us come here again, and decide anew on the state that stands then.
 */
export const follow = async (
  call: Call,
  outcome: OutcomeBody,
  request: AdvanceRequest,
  progress: Progress,
): Promise<Following | undefined> => {
  if (outcome.then !== 'next' || request.signal?.aborted) return undefined;
  const { head, engine, by } = call;
  const step = { ...outcome, seq: head.entry.seq + 1, atMs: engine.clock.nowMs(), by };
  const state = apply(head.entry.state, step);
  // Decided for the time when the outcome stands: from then on a call refuses nothing.
  const wish = { ...wishOf(call, request, progress), wroteSome: true };
  const decision = decide(state, call.runbook, wish, momentOf(engine));
  if (decision.kind !== 'enter' || !decision.mayReserve) return undefined;
  const { cell } = decision;
  const outputs = new Map(call.outputs);
  rememberOutput(outputs, outcome);
  if (!inHand({ runbook: call.runbook, outputs }, cell)) return undefined;
  const ready = await prepare(call, cell, { state, outputs });
  return ready.kind === 'go' ? { cell, ready, reservation: reservationOf(call, cell, state, ready) } : undefined;
};

/** The next cells may read what was just recorded, without asking the store. */
export const rememberOutput = (outputs: OutputCache, entry: Entry | OutcomeBody): void => {
  if (entry.kind !== 'outcome') return;
  if (entry.output === null) outputs.set(entry.cell, null);
  if (entry.output?.kind === 'inline') outputs.set(entry.cell, entry.output.text);
};

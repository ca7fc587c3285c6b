/**
 * Running a step that is ours. Batching: while one call runs several cells, the outcome of one also carries the reservation
 * of the next.
 */
import assert from 'node:assert/strict';
import { orLate } from '../call/answered.ts';
import { type Call, momentOf, type OutputCache, stateOf } from '../call/call.ts';
import { inHand } from '../call/inputs.ts';
import type { OutcomeBody } from '../call/outcomes.ts';
import { keyOf, prepare, type Ready } from '../call/prepare.ts';
import { type Advancing, wishOf } from '../call/progress.ts';
import { claimFor, expectAfter } from '../call/standby.ts';
import { elsewhere, lackingNeeds, placedHere } from '../call/whereabouts.ts';
import type { Reservation } from '../model/bodies.ts';
import type { Entry } from '../model/entries.ts';
import { leaseFor } from '../model/lease.ts';
import { limits } from '../model/limits.ts';
import type { Cell } from '../model/runbook.ts';
import { sessionAlphabet, sessionNameCharsMax, shortName } from '../model/shortName.ts';
import type { State } from '../model/state.ts';
import type { Ports, RenderedBody } from '../ports.ts';
import { apply } from '../rules/apply.ts';
import { decide, reservedForMs } from '../rules/decide.ts';
import { execute, outcomeOfRan, type Reserved } from './execute.ts';
import { type Ran, record } from './record.ts';

/** The name by which AWS will know the visit, where it is told one: the same for all attempts, as the key is. */
const nameOf = (
  ports: Ports,
  body: RenderedBody,
  cell: string,
  instanceId: string,
  key: string,
): string | undefined => {
  const role = body.kind === 'aws' ? body.role : body.kind === 'http' ? (body.sigv4?.role ?? null) : null;
  if (role === null && (body.kind !== 'aws' || body.tokens.length === 0)) return undefined;
  return shortName([cell, instanceId, key], sessionNameCharsMax, sessionAlphabet, ports.sha256);
};

const withName = (name: string | undefined): Pick<Reservation, 'name'> => (name === undefined ? {} : { name });

/** From now on. What is held by a lease has its whole time-out in all, however often it is renewed. */
export const heldFrom = ({ engine }: Call, cell: Cell): Pick<Reservation, 'deadlineAtMs' | 'untilAtMs'> => {
  const nowMs = engine.clock.nowMs();
  const deadlineAtMs = Math.ceil(nowMs + reservedForMs(cell, engine.lease));
  if (leaseFor(cell, engine.lease) === undefined) return { deadlineAtMs };
  const untilAtMs = Math.ceil(nowMs + reservedForMs(cell));
  return { deadlineAtMs: Math.min(deadlineAtMs, untilAtMs), untilAtMs };
};

export const reservationOf = (call: Call, cell: Cell, state: State, ready: Ready): Reservation => ({
  index: cell.index,
  cell: cell.name,
  visit: state.visit,
  attempt: state.attempt + 1,
  key: keyOf(call, cell, state.visit),
  inputsHash: ready.inputsHash,
  ...(ready.versions === undefined ? {} : { secrets: ready.versions }),
  ...heldFrom(call, cell),
  ...named(call.engine.process?.() ?? null),
  ...claimFor(call, cell),
  ...placedHere(call),
  ...withName(nameOf(call.engine, ready.body, cell.name, call.instanceId, keyOf(call, cell, state.visit))),
});

const named = (process: string | null): Pick<Reservation, 'process'> => (process === null ? {} : { process });

/** A step of ours: its reservation stands in the journal, and its body has not begun. */
export type Held = { cell: Cell; reserved: Reserved; ready: Ready };

/** Runs a step, and those that its outcome and the next ones reserve. */
export const runSteps = async (advancing: Advancing, first: Held | undefined): Promise<void> => {
  for (let held = first; held !== undefined; held = await runStep(advancing, held)) {}
};

/** Runs a step and records how it ended. Answers with the next step where the outcome reserved it as well. */
const runStep = async (advancing: Advancing, { cell, reserved, ready }: Held): Promise<Held | undefined> => {
  const { call, progress } = advancing;
  const ending = execute(call, cell, reserved, ready);
  if (wishOf(advancing).reservationsLeft > 0 && !advancing.request.signal?.aborted) expectAfter(call, cell);
  const ended = await ending;
  const { seq: about } = reserved;
  const { deadlineAtMs } = ended;
  let now = ended;
  const { commit: writes = [] } = ended.result;
  const commit: Ran['commit'] =
    writes.length === 0
      ? undefined
      : {
          writes,
          not: (status, error) => {
            now = { ...ended, result: { status, error }, text: null };
          },
        };
  const { text, result } = ended;
  const ran = {
    cell: cell.name,
    about,
    deadlineAtMs,
    text,
    cutFromBytes: result.outputBytes,
    evidence: result.evidence,
    commit,
  };
  const { outcome, stands, next } = await record(call, ran, async (output) => {
    const body = outcomeOfRan(call, cell, reserved, ready.inputs, now, output);
    // What is repeated unchanged begins nothing: a deadline in it would pass meanwhile.
    if (commit !== undefined) return { body, next: undefined };
    const following = await reserveNext(advancing, body);
    return { body: following === undefined ? body : { ...body, reserve: following.reservation }, next: following };
  });
  // A sandbox may be frozen after the answer: its log is written by then, or its time is over.
  const leftMs = deadlineAtMs + limits.recordExtraMs - call.engine.clock.nowMs();
  if (ended.logBytes > 0) await orLate(call.engine.clock, ended.logged, Math.max(0, leftMs));
  if (stands !== undefined) rememberOutput(call.outputs, stands);
  progress.closed(outcome, about, stands !== undefined);
  return stands && reservedByOutcome(advancing, stands, next);
};

/**
 * The step that an outcome of this call reserved as well. What stands counts here too: perhaps an earlier put of this
 * outcome landed, with a reservation that a later one lacked.
 */
export const reservedByOutcome = (
  { call, progress }: Advancing,
  stands: Entry,
  next: Next | undefined,
): Held | undefined => {
  if (stands.kind !== 'outcome' || stands.reserve === undefined) return undefined;
  progress.reserved();
  assert(stands.token === call.token && next !== undefined, 'a reservation of this call stands');
  assert(next.ready.inputsHash === stands.reserve.inputsHash, 'one visit has one set of inputs');
  const { seq, atMs } = stands;
  return { cell: next.cell, ready: next.ready, reserved: { ...stands.reserve, seq, atMs } };
};

export type Next = { cell: Cell; ready: Ready; reservation: Reservation };

/**
 * Batching: what this call would reserve right after `outcome`, so that one entry can say both. Only if everything the
 * next cell reads is in hand: between an effect and its record nothing is asked of the store. A caller who takes the slot
 * first makes us come here again, and decide anew on the state that stands then. Nor is a store of secrets asked then: a cell that
 * uses some is reserved by an entry of its own.
 */
export const reserveNext = async (advancing: Advancing, outcome: OutcomeBody): Promise<Next | undefined> => {
  const { call, request } = advancing;
  if (outcome.then !== 'next' || request.signal?.aborted) return undefined;
  // Fenced, as a renewal found: what this call saw of its end is no outcome.
  if (stateOf(call).open?.seq !== outcome.closes) return undefined;
  const { chain, engine, by, runbook, token } = call;
  const step = { ...outcome, seq: chain.head.entry.seq + 1, atMs: engine.clock.nowMs(), by, token };
  const state = apply(stateOf(call), step);
  // Decided for the time when the outcome stands: from then on a call refuses nothing.
  const wish = { ...wishOf(advancing), wroteSome: true };
  const decision = decide(state, runbook, wish, momentOf(engine, state));
  if (decision.kind !== 'enter' || !decision.mayReserve) return undefined;
  if (elsewhere(call, state, decision) ?? (await lackingNeeds(call, state, decision))) return undefined;
  const { cell } = decision;
  if (cell.uses !== undefined) return undefined;
  const outputs = new Map(call.outputs);
  rememberOutput(outputs, outcome);
  if (!inHand({ ...call, outputs }, cell)) return undefined;
  const ready = await prepare(call, cell, { state, outputs });
  return ready.kind === 'go' ? { cell, ready, reservation: reservationOf(call, cell, state, ready) } : undefined;
};

/** The next cells may read what was just recorded, without asking the store: of a cell that is satisfied, as the journal has it. */
export const rememberOutput = (outputs: OutputCache, entry: Entry | OutcomeBody): void => {
  if (entry.kind !== 'outcome' || entry.then !== 'next') return;
  if (entry.output === null) outputs.set(entry.cell, null);
  if (entry.output?.kind === 'inline') outputs.set(entry.cell, entry.output.text);
};

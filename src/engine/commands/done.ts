/** Recording that a person did what a `manual` cell asks for, or that it failed. */
import { type Call, type Engine, nextCell, stateOf, viewNow } from '../call/call.ts';
import { change, type Moment } from '../call/change.ts';
import { resolveInputs, scopeOf } from '../call/inputs.ts';
import { check, failure, type OutcomeBody, outcomeOf } from '../call/outcomes.ts';
import { assertFresh, assertReason, assertUnfinished } from '../call/refusals.ts';
import { wakeIfAuto } from '../call/wake.ts';
import type { By, Checked, State, Waiting } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import type { Cell } from '../model/runbook.ts';
import type { View } from '../model/view.ts';
import { sequelOf } from '../rules/sequel.ts';
import { toldWhoAnswered } from './late.ts';

export type DoneRequest = { result: 'done' | 'failed'; note: string; expectedSeq?: number; by: By };

type OpenManual = { cell: Cell; open: Waiting };

/** The manual cell that the instance waits at. @throws PawlError `cell.notWaiting`, `instance.finished` */
const openManualAt = (call: Call, name: string): OpenManual => {
  assertUnfinished(call);
  const { instanceId } = call;
  const { open } = stateOf(call);
  const cell = nextCell(call);
  const refuse = (why: string): never => {
    const details = { instanceId, cell: name, view: viewNow(call) };
    throw new PawlError(
      'cell.notWaiting',
      `Cell ${name} of ${instanceId} ${why}. See \`pawl status ${instanceId}\`.`,
      details,
    );
  };
  if (open?.kind !== 'waiting' || open.cell !== name)
    return refuse(`is not waiting: ${open?.kind === 'waiting' ? `it waits for ${open.cell}` : 'it waits for nothing'}`);
  if (cell === undefined) throw new PawlError('journal.broken', 'The journal does not fit its runbook version.');
  if (cell.body.kind === 'approve') return refuse('is no manual cell: it is voted about: `pawl vote`');
  return cell.body.kind === 'manual' ? { cell, open } : refuse('is no manual cell: it waits for no person');
};

type Facts = OpenManual & { output: string; checks: Checked[] };

const statusOf = ({ result }: DoneRequest) => (result === 'done' ? 'completed' : 'failed');

const factsOf = async (call: Call, name: string, request: DoneRequest): Promise<Facts> => {
  const manual = openManualAt(call, name);
  const { cell } = manual;
  const { engine, instanceId } = call;
  // Only expectations look at earlier outputs; without them none is read.
  const inputs = await resolveInputs(call, cell.expect.length === 0 ? { ...cell, reads: [] } : cell);
  const output = JSON.stringify({ result: request.result, note: request.note, by: request.by.actor });
  const scope = scopeOf(engine, inputs, { instanceId, cell: cell.name, visit: stateOf(call).visit });
  const ended = { output: JSON.parse(output), status: statusOf(request), exitCode: null, error: null };
  const checks = check(engine.authoring, cell.expect, { ...scope, ...ended });
  if (request.result === 'done') assertExpected(call, cell, checks);
  return { ...manual, output, checks };
};

/** The person is there to answer otherwise: what the cell does not take is not put. @throws PawlError `answer.refused` */
const assertExpected = ({ instanceId }: Call, { name }: Cell, checks: Checked[]): void => {
  const missed = checks.filter(({ result }) => result !== 'pass');
  const [first] = missed;
  if (first === undefined) return;
  const why = first.result === 'error' ? `cannot be evaluated (${first.message})` : 'does not hold';
  const message = `Cell ${name} of ${instanceId} does not take this answer: \`${first.source}\` ${why}. Nothing was recorded; answer as it asks, or record that it failed.`;
  throw new PawlError('answer.refused', message, { instanceId, cell: name, expectations: missed });
};

export const decideDone = (
  state: State,
  { cell, open, output, checks }: Facts,
  { nowMs }: Pick<Moment, 'nowMs'>,
  request: DoneRequest,
): OutcomeBody => {
  const status = statusOf(request);
  const sequel = sequelOf({ ...cell, retryMax: 0 }, state, { status, checks, attempt: 1 }, 0, 0);
  return outcomeOf(cell, state, {
    closes: open.seq,
    status,
    closedBy: 'person',
    ...sequel,
    output: { kind: 'inline', text: output },
    error: status === 'failed' ? failure('cell.declared', 'A person recorded that it failed.') : null,
    expectations: checks,
    durationMs: Math.max(0, Math.round(nowMs - open.atMs)),
    note: request.note,
  });
};

/**
 * @throws PawlError `cell.notWaiting` naming what the instance waits for, `answer.refused` when its `expect` does not hold,
 *   `seq.stale`, `instance.finished`
 */
export const done = async (
  engine: Engine,
  instanceId: string,
  name: string,
  request: DoneRequest,
): Promise<{ view: View }> => {
  assertReason(request.note, 'Recording a manual cell');
  const { call, view } = await change(engine, instanceId, request.by, {
    open: (call) => toldWhoAnswered(call, { cell: name }, () => assertFresh(call, request.expectedSeq)),
    prepare: (call) => toldWhoAnswered(call, { cell: name }, () => factsOf(call, name, request)),
    decide: (state, facts, moment) => decideDone(state, facts, moment, request),
  });
  await wakeIfAuto(call, view);
  return { view };
};

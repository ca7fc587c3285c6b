/** Recording that a person did what a `manual` cell asks for, or that it failed. */
import { type Call, type Engine, nextCell, stateOf, viewNow } from '../call/call.ts';
import { change, type Moment } from '../call/change.ts';
import { resolveInputs, scopeOf } from '../call/inputs.ts';
import { check, failure, keepOutput, type OutcomeBody, outcomeOf } from '../call/outcomes.ts';
import { assertFresh, assertReason, assertUnfinished } from '../call/refusals.ts';
import { wakeIfAuto } from '../call/wake.ts';
import { PawlError } from '../model/errors.ts';
import type { Attached, By, Checked, Output } from '../model/fields.ts';
import type { Cell } from '../model/runbook.ts';
import type { State, Waiting } from '../model/state.ts';
import type { View } from '../model/view.ts';
import { sequelOf } from '../rules/sequel.ts';
import { type Attachment, answerOf, assertAttachment, keepAttachment } from './answer.ts';
import { toldWhoAnswered } from './late.ts';

export type DoneRequest = {
  result: 'done' | 'failed';
  note: string;
  /** What the cell asks for, as JSON says it; of a cell that asks for nothing, and with `failed`, there is none. */
  answer?: unknown;
  attachment?: Attachment;
  expectedSeq?: number;
  by: By;
};

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

type Facts = OpenManual & { output: Output | null; checks: Checked[]; attached: Attached[] };

const statusOf = ({ result }: DoneRequest) => (result === 'done' ? 'completed' : 'failed');

const factsOf = async (call: Call, name: string, request: DoneRequest): Promise<Facts> => {
  const manual = openManualAt(call, name);
  const { cell } = manual;
  const { engine, instanceId } = call;
  // Only expectations look at earlier outputs; without them none is read.
  const inputs = await resolveInputs(call, cell.expect.length === 0 ? { ...cell, reads: [] } : cell);
  const output = outputOf(call, cell, request);
  const scope = scopeOf(engine, inputs, { instanceId, cell: cell.name, visit: stateOf(call).visit });
  const parsed = output === null ? null : JSON.parse(output);
  const ended = { output: parsed, status: statusOf(request), exitCode: null, error: null };
  const checks = check(engine.authoring, cell.expect, { ...scope, ...ended });
  if (request.result === 'done') assertExpected(call, cell, checks);
  const { seq } = manual.open;
  // Each look at it has owners of its own: nothing that another left behind is met.
  const at = { instanceId, seq, owner: engine.random.token() };
  const { attachment } = request;
  return {
    ...manual,
    output: output === null ? null : await keepOutput(engine.journal, at, output, undefined),
    checks,
    attached:
      attachment === undefined ? [] : [await keepAttachment(call, manual.open, engine.random.token(), attachment)],
  };
};

/** An answer is the output as it was given; without one it says who did it and what they said. */
const outputOf = (call: Call, cell: Cell, { result, note, answer, by }: DoneRequest): string | null => {
  const said = JSON.stringify({ result, note, by: by.actor });
  if (result === 'done') return answerOf(call, cell, answer) ?? said;
  if (answer === undefined) return cell.body.kind === 'manual' && cell.body.answer !== undefined ? null : said;
  const message = `Cell ${cell.name} of ${call.instanceId} cannot have failed and be answered. Nothing was recorded; leave out the one or the other.`;
  throw new PawlError('answer.refused', message, { instanceId: call.instanceId, cell: cell.name });
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
  { cell, open, output, checks, attached }: Facts,
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
    output,
    error: status === 'failed' ? failure('cell.declared', 'A person recorded that it failed.') : null,
    expectations: checks,
    durationMs: Math.max(0, Math.round(nowMs - open.atMs)),
    note: request.note,
    ...(attached.length === 0 ? {} : { attached }),
  });
};

/**
 * What does not fit is refused before anything is kept; a file that was kept for a slot that another took is led to by nothing.
 * @throws PawlError `cell.notWaiting` naming what the instance waits for, `answer.refused` when its `expect` does not hold,
 *   `seq.stale`, `instance.finished`, `attachment.refused`, `limit.exceeded`
 */
export const done = async (
  engine: Engine,
  instanceId: string,
  name: string,
  request: DoneRequest,
): Promise<{ view: View }> => {
  assertReason(request.note, 'Recording a manual cell');
  if (request.attachment !== undefined) assertAttachment(engine, request.attachment);
  const { call, view } = await change(engine, instanceId, request.by, {
    open: (call) => toldWhoAnswered(call, { cell: name }, () => assertFresh(call, request.expectedSeq)),
    prepare: (call) => toldWhoAnswered(call, { cell: name }, () => factsOf(call, name, request)),
    decide: (state, facts, moment) => decideDone(state, facts, moment, request),
  });
  await wakeIfAuto(call, view);
  return { view };
};

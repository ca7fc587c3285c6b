/** What a caller may ask besides starting and advancing: publish, run, cancel, record a manual cell. */

import { advance } from '../advance.ts';
import { append, type Call, commandMs, type Engine, openCall, saveView, viewNow } from '../call/call.ts';
import { type Inputs, resolveInputs, scopeOf } from '../call/inputs.ts';
import { check, failure, type OutcomeBody } from '../call/outcomes.ts';
import type { AdvanceAnswer, AdvanceRequest } from '../call/progress.ts';
import type { By, Open, State } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { Cell } from '../model/runbook.ts';
import { sequelOf } from '../rules/sequel.ts';
import type { View } from '../rules/view.ts';
import { unsubscribe } from '../waiting/awaiting.ts';
import { waitingEntry } from '../waiting/wait.ts';

const assertReason = (reason: string, what: string): void => {
  if (reason.trim() === '' || reason.length > limits.reasonCharsMax) {
    const message = `${what} needs a text of 1 to ${limits.reasonCharsMax} characters (reasonCharsMax).`;
    throw new PawlError('request.invalid', message, { limit: 'reasonCharsMax' });
  }
};

export type Published = { runbookId: string; version: number; hash: string; cells: number; created: boolean };

/**
 * Publishes a document; the same content answers with the version that exists.
 * @throws PawlError `runbook.invalid` with every problem of the document
 */
export const publish = async (engine: Engine, source: string, by: By): Promise<Published> => {
  const compiled = engine.authoring.compile(source);
  if (compiled.kind === 'problems') {
    const { problems } = compiled;
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    throw new PawlError('runbook.invalid', `The runbook has ${count}; nothing was published.`, { problems });
  }
  const { runbook } = compiled;
  const hash = engine.sha256(source);
  const content = { runbookId: runbook.runbookId, hash, source, runbook };
  const { version, created } = await engine.versions.publish(runbook.runbookId, content, by);
  return { runbookId: runbook.runbookId, version, hash, cells: runbook.cells.length, created };
};

export type Cancelled = {
  view: View;
  /** A step that is still open: it may run until then, and its outcome is still recorded. */
  mayStillRun: { cell: string; seq: number; deadlineAtMs: number } | null;
};

const openReserved = (state: State): Cancelled['mayStillRun'] => {
  const { open } = state;
  return open?.kind === 'reserved' ? { cell: open.cell, seq: open.seq, deadlineAtMs: open.deadlineAtMs } : null;
};

/**
 * Cancels: an entry like any other. Nothing is reserved after it.
 * @throws PawlError `instance.finished` when it completed before
 */
export const cancel = async (engine: Engine, instanceId: string, reason: string, by: By): Promise<Cancelled> => {
  assertReason(reason, 'Cancelling');
  const call = await openCall(engine, instanceId, by, commandMs);
  let waited: Awaiting | undefined;
  for (;;) {
    const { state } = call.head.entry;
    waited = await awaitingOf(call);
    if (state.ended === 'completed') {
      throw new PawlError('instance.finished', `Instance ${instanceId} completed before it could be cancelled.`, {
        instanceId,
      });
    }
    // Cancelled already, by whomever: the same answer.
    if (state.cancelled !== null || (await append(call, () => ({ kind: 'cancelled', reason })))) break;
  }
  if (waited !== undefined) await unsubscribe(call, waited.cell, waited.about, waited.claims);
  return { view: await saveView(call), mayStillRun: openReserved(call.head.entry.state) };
};

type Awaiting = { cell: Cell; about: number; claims: string[] };
/** The claims that an instance waits for, so that they need not wake what was cancelled. */
const awaitingOf = async (call: Call): Promise<Awaiting | undefined> => {
  const { open, next } = call.head.entry.state;
  const cell = call.runbook.cells[next];
  if (open?.kind !== 'waiting' || cell?.body.kind !== 'await') return undefined;
  return { cell, about: open.seq, claims: (await waitingEntry(call, open)).claims ?? [] };
};

type Waiting = Extract<Open, { kind: 'waiting' }>;

export type DoneRequest = { result: 'done' | 'failed'; note: string; expectedSeq?: number; by: By };

const manualOutcome = (call: Call, cell: Cell, open: Waiting, inputs: Inputs, request: DoneRequest): OutcomeBody => {
  const { engine, head } = call;
  const { state } = head.entry;
  const status = request.result === 'done' ? 'completed' : 'failed';
  const output = JSON.stringify({ result: request.result, note: request.note, by: request.by.actor });
  const scope = scopeOf(engine, inputs, { instanceId: call.instanceId, cell: cell.name, visit: state.visit });
  const checks = check(engine.authoring, cell.expect, {
    ...scope,
    output: JSON.parse(output),
    status,
    exitCode: null,
    error: null,
  });
  const sequel = sequelOf({ ...cell, retryMax: 0 }, state, { status, checks, attempt: 1 }, 0, 0);
  return {
    kind: 'outcome',
    closes: open.seq,
    index: cell.index,
    cell: cell.name,
    visit: state.visit,
    attempt: state.attempt,
    status,
    closedBy: 'person',
    ...sequel,
    output: { kind: 'inline', text: output },
    error: status === 'failed' ? failure('cell.declared', 'A person recorded that it failed.') : null,
    exitCode: null,
    expectations: checks,
    durationMs: Math.max(0, Math.round(engine.clock.nowMs() - open.atMs)),
    logBytes: 0,
    note: request.note,
  };
};

/**
 * Records that a person did what a `manual` cell asks for, or that it failed.
 * @throws PawlError `cell.notWaiting` naming what the instance waits for, `seq.stale`, `instance.finished`
 */
export const done = async (
  engine: Engine,
  instanceId: string,
  cell: string,
  request: DoneRequest,
): Promise<{ view: View }> => {
  assertReason(request.note, 'Recording a manual cell');
  const call = await openCall(engine, instanceId, request.by, commandMs);
  if (request.expectedSeq !== undefined && request.expectedSeq !== call.head.entry.seq) {
    const message = `The journal of ${instanceId} is at ${call.head.entry.seq}, not at ${request.expectedSeq}; look again.`;
    throw new PawlError('seq.stale', message, { instanceId, seq: call.head.entry.seq, view: viewNow(call) });
  }
  for (;;) {
    const { state } = call.head.entry;
    const { open } = state;
    if (state.ended !== null) {
      throw new PawlError('instance.finished', `Instance ${instanceId} has ended as ${state.ended}.`, { instanceId });
    }
    if (open?.kind !== 'waiting' || open.cell !== cell) {
      const waits = open?.kind === 'waiting' ? `it waits for ${open.cell}` : 'it waits for nobody';
      const message = `Cell ${cell} of ${instanceId} is not waiting: ${waits}. See \`pawl status ${instanceId}\`.`;
      throw new PawlError('cell.notWaiting', message, { instanceId, cell, view: viewNow(call) });
    }
    const next = call.runbook.cells[state.next];
    if (next === undefined) throw new PawlError('journal.broken', 'The journal does not fit its runbook version.');
    if (next.body.kind !== 'manual') {
      const how = next.body.kind === 'approve' ? 'it is voted about: `pawl vote`' : 'it waits for no person';
      const message = `Cell ${cell} of ${instanceId} is no manual cell: ${how}. See \`pawl status ${instanceId}\`.`;
      throw new PawlError('cell.notWaiting', message, { instanceId, cell, view: viewNow(call) });
    }
    // Only expectations look at earlier outputs; without them none is read.
    const inputs = await resolveInputs(call, next.expect.length === 0 ? { ...next, reads: [] } : next);
    if (await append(call, () => manualOutcome(call, next, open, inputs, request)))
      return { view: await saveView(call) };
  }
};

export type Verdict = 'passed' | 'completed procedurally' | 'halted' | 'cancelled' | 'unfinished';
export type RunAnswer = AdvanceAnswer & {
  verdict: Verdict;
  /**
   * `declared`: how many of the cells gone through declared expectations that all passed; a run with none is never called
   * passed, whatever was forgiven or overridden.
   */
  coverage: { declared: number; cells: number; forgiven: number; skipped: number };
};

/** What the batch gate says beside the answer of an advance. */
export const gateOf = (answer: AdvanceAnswer): RunAnswer => {
  const { state } = answer;
  const { covered, forgiven, skipped } = state.counters;
  const halted = answer.result === 'halted' || answer.result === 'in_doubt';
  const coverage = { declared: covered, cells: state.next - state.from, forgiven, skipped };
  return { ...answer, verdict: verdictOf(state, halted), coverage };
};

const verdictOf = (state: State, halted: boolean): Verdict => {
  if (state.ended === 'cancelled') return 'cancelled';
  if (state.ended === null) return halted ? 'halted' : 'unfinished';
  return state.counters.covered > 0 ? 'passed' : 'completed procedurally';
};

/**
 * The batch gate: drive `auto`, no cell limit, and a verdict over the whole run. The same code path as `advance`.
 * @throws what `advance` throws
 */
export const run = async (
  engine: Engine,
  instanceId: string,
  request: Omit<AdvanceRequest, 'maxCells' | 'drive'>,
): Promise<RunAnswer> => {
  return gateOf(await advance(engine, instanceId, { ...request, maxCells: Number.POSITIVE_INFINITY, drive: 'auto' }));
};

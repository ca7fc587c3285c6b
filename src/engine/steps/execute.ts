/**
 * Carries out one reserved cell and says how it ended, as the body of an outcome. Never throws for what a cell does.
 *
 * I4 a body begins at most once per seq: only here, only right after its reservation stood, only in good time.
 */

import { type Call, noteQuietly, stateOf } from '../call/call.ts';
import { type Inputs, scopeOf } from '../call/inputs.ts';
import { check, failure, keepOutput, type OutcomeBody, outcomeOf } from '../call/outcomes.ts';
import type { EntryOf } from '../model/entries.ts';
import { limits } from '../model/limits.ts';
import type { Cell } from '../model/runbook.ts';
import { bytesOf } from '../model/text.ts';
import type { CellResult, RenderedBody, StepInfo } from '../ports.ts';
import { sequelOf } from '../rules/sequel.ts';

export type Reserved = Pick<
  EntryOf<'reserved'>,
  'seq' | 'atMs' | 'index' | 'cell' | 'visit' | 'attempt' | 'key' | 'deadlineAtMs'
>;

/** What cells and expressions may know about the attempt. */
const stepInfo = (call: Call, reserved: Reserved): StepInfo => ({
  instanceId: call.instanceId,
  runbookId: call.started.runbookId,
  version: call.started.version,
  cell: reserved.cell,
  seq: reserved.seq,
  visit: reserved.visit,
  attempt: reserved.attempt,
  idempotencyKey: reserved.key,
  deadlineAtMs: reserved.deadlineAtMs,
});

/** A cell's log goes out as notes every 10 s or 64 KB, so that a killed cell leaves one. It never fails a cell. */
const logOf = (call: Call, reserved: Reserved) => {
  const { engine, by } = call;
  let pending = '';
  let bytes = 0;
  let flushedAtMs = engine.clock.nowMs();
  let writing: Promise<void> = Promise.resolve();
  const flush = (): Promise<void> => {
    if (pending === '') return writing;
    const note = {
      kind: 'log',
      about: reserved.seq,
      cell: reserved.cell,
      atMs: engine.clock.nowMs(),
      by,
      text: pending,
    } as const;
    pending = '';
    flushedAtMs = note.atMs;
    writing = writing.then(async () => void (await noteQuietly(call, note)));
    return writing;
  };
  const add = (_stream: string, text: string): void => {
    pending += text;
    bytes += bytesOf(text);
    const due = engine.clock.nowMs() - flushedAtMs >= limits.logFlushMs;
    if (due || pending.length >= limits.logFlushBytes) void flush();
  };
  return { add, flush, bytes: () => bytes };
};

const run = async (
  call: Call,
  cell: Cell,
  reserved: Reserved,
  body: RenderedBody,
  inputs: Inputs,
  log: ReturnType<typeof logOf>,
) => {
  const { engine } = call;
  const stop = new AbortController();
  // The executor stops the body at its own time-out; this is the backstop at the deadline.
  const overdue = new AbortController();
  const left = reserved.deadlineAtMs - engine.clock.nowMs();
  void engine.clock.sleep(left, overdue.signal).then(() => stop.abort());
  try {
    return await engine.execute({
      body,
      params: inputs.params,
      outputs: inputs.outputs,
      step: stepInfo(call, reserved),
      timeoutMs: cell.timeoutMs,
      ...(call.by.trace === undefined ? {} : { trace: call.by.trace }),
      signal: stop.signal,
      log: log.add,
    });
  } catch (error) {
    // An executor that throws is a defect; what its cell did is not known.
    return { status: 'unknown', error: { code: 'cell.executor', message: String(error) } } satisfies CellResult;
  } finally {
    overdue.abort();
  }
};

/** Runs the body of a reservation that stands and is ours, and makes its outcome. */
export const execute = async (
  call: Call,
  cell: Cell,
  reserved: Reserved,
  body: RenderedBody,
  inputs: Inputs,
): Promise<OutcomeBody> => {
  const { engine } = call;
  const beganAtMs = engine.clock.nowMs();
  const log = logOf(call, reserved);
  // Checked again right before the effect: sandboxes freeze and thaw, laptops sleep. The whole time-out must fit before
  // the deadline.
  const tooLate = beganAtMs + engine.clock.behindMs() + cell.timeoutMs >= reserved.deadlineAtMs;
  const late: CellResult = {
    status: 'never',
    error: { code: 'cell.late', message: 'The deadline was too near to begin.' },
  };
  const result = tooLate ? late : await run(call, cell, reserved, body, inputs, log);
  await log.flush();

  let { status, error } = result;
  let text = result.output ?? null;
  let value: unknown = text;
  if (text !== null && result.outputBytes === undefined) {
    try {
      value = engine.authoring.parseJson(text);
    } catch (cause) {
      // Not JSON, or nested beyond what anybody could read again.
      text = null;
      value = null;
      if (status === 'completed') status = 'failed';
      error = { code: 'output.invalid', message: `The output cannot be read as JSON: ${(cause as Error).message}` };
    }
  }
  const at = { instanceId: call.instanceId, seq: reserved.seq, token: call.token };
  const output = text === null ? null : await keepOutput(engine.journal, at, text, result.outputBytes);
  if (output?.kind === 'truncated') {
    const message = `The output has ${output.bytes} bytes; outputBytesMax is ${limits.outputBytesMax}. Its beginning is kept.`;
    error ??= { code: 'output.truncated', message };
  }
  const ran = status === 'completed' || status === 'failed';
  const scope = {
    ...scopeOf(engine, inputs, { ...stepInfo(call, reserved) }),
    output: output?.kind === 'truncated' ? output.head : value,
    status,
    exitCode: result.exitCode ?? null,
    error: error ?? null,
  };
  const checks = ran
    ? check(engine.authoring, cell.expect, scope)
    : cell.expect.map((e) => ({ source: e.source, result: 'skipped' as const }));
  const nowMs = engine.clock.nowMs();
  const ended = { status, checks, attempt: reserved.attempt };
  const sequel = sequelOf(cell, stateOf(call), ended, nowMs, engine.random.fraction());
  return outcomeOf(cell, stateOf(call), {
    closes: reserved.seq,
    attempt: reserved.attempt,
    status,
    closedBy: status === 'unknown' && sequel.then === 'next' ? 'policy' : 'holder',
    ...sequel,
    output,
    error: error === undefined ? null : failure(error.code, error.message),
    exitCode: result.exitCode ?? null,
    expectations: checks,
    durationMs: Math.max(0, Math.round(nowMs - beganAtMs)),
    logBytes: log.bytes(),
  });
};

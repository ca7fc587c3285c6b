/**
 * Carries out one reserved cell and says how it ended. Never throws for what a cell does.
 *
 * I4 a body begins at most once per seq: only here, only right after its reservation stood, only in good time.
 */

import { type Call, noteQuietly, stateOf } from '../call/call.ts';
import { type Inputs, scopeOf } from '../call/inputs.ts';
import { check, failure, type OutcomeBody, outcomeOf } from '../call/outcomes.ts';
import type { EntryOf, Output } from '../model/entries.ts';
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

/** How a body ended, before anything of it is kept. */
export type Ended = {
  result: CellResult;
  /** What it told: JSON text, or the raw beginning of what was too large; `null`: nothing that can be read. */
  text: string | null;
  durationMs: number;
  logBytes: number;
  /** The log, once all of it is written or was tried. */
  logged: Promise<void>;
};

/** Runs the body of a reservation that stands and is ours. Asks the store for nothing after the body has ended. */
export const execute = async (
  call: Call,
  cell: Cell,
  reserved: Reserved,
  body: RenderedBody,
  inputs: Inputs,
): Promise<Ended> => {
  const { engine, instanceId } = call;
  const beganAtMs = engine.clock.nowMs();
  const log = logOf(call, reserved);
  // Checked again right before the effect: sandboxes freeze and thaw, laptops sleep. The whole time-out must fit before
  // the deadline.
  const tooLate = beganAtMs + engine.clock.behindMs() + cell.timeoutMs >= reserved.deadlineAtMs;
  const late: CellResult = {
    status: 'never',
    error: { code: 'cell.late', message: 'The deadline was too near to begin.' },
  };
  const ran = tooLate ? late : await run(call, cell, reserved, body, inputs, log);
  const durationMs = Math.max(0, Math.round(engine.clock.nowMs() - beganAtMs));
  const read = readable(call, ran);
  const { status, exitCode = null } = read.result;
  const outputBytes = ran.outputBytes ?? (ran.output === undefined ? 0 : bytesOf(ran.output));
  // Said before the store is asked for anything: whatever becomes of that, the log tells how it ended.
  engine.observe({
    kind: 'body.ended',
    instanceId,
    seq: reserved.seq,
    cell: cell.name,
    status,
    exitCode,
    durationMs,
    outputBytes,
  });
  return { ...read, durationMs, logBytes: log.bytes(), logged: log.flush() };
};

/** An output that cannot be read as JSON, or is nested beyond what anybody could read again, is none. */
const readable = ({ engine }: Call, ran: CellResult): Pick<Ended, 'result' | 'text'> => {
  const text = ran.output ?? null;
  if (text === null || ran.outputBytes !== undefined) return { result: ran, text };
  try {
    engine.authoring.parseJson(text);
    return { result: ran, text };
  } catch (cause) {
    const message = `The output cannot be read as JSON: ${(cause as Error).message}`;
    const status = ran.status === 'completed' ? 'failed' : ran.status;
    return { result: { ...ran, status, error: { code: 'output.invalid', message } }, text: null };
  }
};

/** The outcome of a body that has ended. `output`: how what it told is kept. */
export const outcomeOfRan = (
  call: Call,
  cell: Cell,
  reserved: Reserved,
  inputs: Inputs,
  ended: Ended,
  output: Output | null,
): OutcomeBody => {
  const { engine } = call;
  const { status, exitCode = null } = ended.result;
  const error = ended.result.error ?? errorOf(output);
  const ran = status === 'completed' || status === 'failed';
  const isWhole = ended.text !== null && ended.result.outputBytes === undefined;
  const scope = {
    ...scopeOf(engine, inputs, { ...stepInfo(call, reserved) }),
    output: isWhole ? engine.authoring.parseJson(ended.text as string) : ended.text,
    status,
    exitCode,
    error: error ?? null,
  };
  const checks = ran
    ? check(engine.authoring, cell.expect, scope)
    : cell.expect.map((e) => ({ source: e.source, result: 'skipped' as const }));
  const sequel = sequelOf(
    cell,
    stateOf(call),
    { status, checks, attempt: reserved.attempt },
    engine.clock.nowMs(),
    engine.random.fraction(),
  );
  return outcomeOf(cell, stateOf(call), {
    closes: reserved.seq,
    attempt: reserved.attempt,
    status,
    closedBy: status === 'unknown' && sequel.then === 'next' ? 'policy' : 'holder',
    ...sequel,
    output,
    error: error === undefined ? null : failure(error.code, error.message),
    exitCode,
    expectations: checks,
    durationMs: ended.durationMs,
    logBytes: ended.logBytes,
  });
};

/** What is said where an output was not kept whole. */
const errorOf = (output: Output | null): CellResult['error'] => {
  if (output?.kind !== 'truncated') return undefined;
  const { bytes, limitBytes } = output;
  const message =
    limitBytes > 0
      ? `The output has ${bytes} bytes; outputBytesMax is ${limitBytes}. Its beginning is kept.`
      : `The output has ${bytes} bytes, and the store did not take it in time. Its beginning is kept.`;
  return { code: limitBytes > 0 ? 'output.truncated' : 'output.unkept', message };
};

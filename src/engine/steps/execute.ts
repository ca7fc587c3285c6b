/**
 * Carries out one reserved cell and says how it ended. Never throws for what a cell does.
 *
 * I4 a body begins at most once per seq: only here, only right after its reservation stood, only in good time.
 */

import { type Call, noteQuietly, stateOf } from '../call/call.ts';
import { executionOf } from '../call/holder.ts';
import { type Inputs, scopeOf } from '../call/inputs.ts';
import { check, cutFailure, failure, type OutcomeBody, outcomeOf, readOutput } from '../call/outcomes.ts';
import { dropClaim } from '../call/standby.ts';
import { envOf } from '../call/whereabouts.ts';
import { isCommitted, isSafe } from '../model/cellNature.ts';
import type { EntryOf } from '../model/entries.ts';
import type { Output } from '../model/fields.ts';
import { leaseFor } from '../model/lease.ts';
import { limits } from '../model/limits.ts';
import type { Cell } from '../model/runbook.ts';
import { bytesOf } from '../model/text.ts';
import type { CellInput, CellResult, RenderedBody, StepInfo } from '../ports.ts';
import { isLogShown } from '../rules/logs.ts';
import { isAsExpected, sequelOf } from '../rules/sequel.ts';
import { type Holding, holdByLease } from './lease.ts';
import { keepMade, type Made } from './made.ts';

export type Reserved = Pick<
  EntryOf<'reserved'>,
  'seq' | 'atMs' | 'index' | 'cell' | 'visit' | 'attempt' | 'key' | 'deadlineAtMs' | 'untilAtMs' | 'execution' | 'name'
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
  deadlineAtMs: reserved.untilAtMs ?? reserved.deadlineAtMs,
  ...(reserved.name === undefined ? {} : { name: reserved.name }),
});

/** A cell's log goes out as notes while it runs, so that a killed cell leaves one. It never fails a cell. */
const logOf = (call: Call, reserved: Reserved) => {
  const { engine, by } = call;
  const { clock, logFlushMs = limits.logFlushMs } = engine;
  // Kept only where its hash is asked for.
  const told: string[] | undefined = isLogShown(call.runbook.cells, reserved.cell) ? [] : undefined;
  let pending = '';
  let bytes = 0;
  let writtenAtMs = 0;
  let flushing: AbortController | undefined;
  let writing: Promise<void> = Promise.resolve();
  const write = (text: string, glimpse: boolean): void => {
    // Notes of one moment have no order: each of a log has a moment of its own.
    writtenAtMs = Math.max(clock.nowMs(), writtenAtMs + 1);
    const about = { kind: 'log', about: reserved.seq, cell: reserved.cell, atMs: writtenAtMs, by } as const;
    const note = { ...about, text, ...(glimpse ? { glimpse } : {}) };
    writing = writing.then(async () => void (await noteQuietly(call, note)));
  };
  const flush = (): Promise<void> => {
    flushing?.abort();
    flushing = undefined;
    if (pending !== '') write(pending, false);
    told?.push(pending);
    pending = '';
    return writing;
  };
  const flushSoon = async (): Promise<void> => {
    flushing = new AbortController();
    const { signal } = flushing;
    await clock.alarm(logFlushMs, signal);
    if (!signal.aborted) void flush();
  };
  const add = (_stream: string, text: string, glimpse = false): void => {
    if (glimpse) {
      void flush();
      return write(text, true);
    }
    pending += text;
    bytes += bytesOf(text);
    if (pending.length >= limits.logFlushBytes) void flush();
    else if (flushing === undefined) void flushSoon();
  };
  /** Of all that was flushed. */
  const hash = (): Pick<Ended, 'logHash'> => (told === undefined ? {} : { logHash: engine.sha256(told.join('')) });
  return { add, flush, bytes: () => bytes, hash };
};

/** What is run, and what it is given. */
type Body = { body: RenderedBody; inputs: Inputs; secrets?: NonNullable<CellInput['secrets']> };
const run = async (
  call: Call,
  cell: Cell,
  reserved: Reserved,
  { body, inputs, secrets }: Body,
  log: ReturnType<typeof logOf>,
  { holding, stop }: { holding: Holding | undefined; stop: AbortController },
) => {
  const { engine } = call;
  const overdue = new AbortController();
  if (holding === undefined) {
    // The executor stops the body at its own time-out; this is the backstop at the deadline.
    const left = reserved.deadlineAtMs - engine.clock.nowMs();
    void engine.clock.alarm(left, overdue.signal).then(() => stop.abort());
  } else holding.begin();
  try {
    return await engine.execute({
      body,
      params: inputs.params,
      outputs: inputs.outputs,
      ...(inputs.each === undefined ? {} : { each: inputs.each }),
      ...(inputs.run === undefined ? {} : { run: inputs.run }),
      step: {
        ...stepInfo(call, reserved),
        ...(inputs.originalKey === undefined ? {} : { originalKey: inputs.originalKey }),
      },
      ...(secrets === undefined ? {} : { secrets }),
      execution: executionOf(engine, { ...call, seq: reserved.seq }, reserved),
      timeoutMs: cell.timeoutMs,
      ...(holding === undefined ? {} : { lease: { leftMs: holding.leftMs, onRenewed: holding.onRenewed } }),
      ...envOf(cell),
      ...(call.by.trace === undefined ? {} : { trace: call.by.trace }),
      signal: stop.signal,
      log: log.add,
    });
  } catch (error) {
    // An executor that throws is a defect; what its cell did is not known.
    return { status: 'unknown', error: { code: 'cell.executor', message: String(error) } } satisfies CellResult;
  } finally {
    overdue.abort();
    dropClaim(call);
    await holding?.end();
  }
};

/**
 * How the attempt ended, as far as it is about the visit. After an attempt that may have happened no refusal of a request
 * proves that the visit did not happen: the answer may even be a refusal because it did. A code cell's failure is its
 * author's own word, unless it is refused before its body begins.
 */
const ofVisit = (call: Call, cell: Cell, result: CellResult): CellResult => {
  const { status, error, unbegun = false } = result;
  // All that it does is committed with its outcome, and nothing was.
  if (isCommitted(cell) && status === 'unknown') {
    const { code = 'cell.killed', message = 'It was ended.' } = error ?? {};
    const said = message.replace(/: it may have happened\.$/, '.');
    return { status: 'failed', error: { code, message: `${said} Nothing was committed, so it did not happen.` } };
  }
  const asks = cell.body.kind === 'http' || cell.body.kind === 'aws';
  const open = status === 'failed' && (asks || unbegun) && !isSafe(cell) && stateOf(call).mayHaveHappened;
  if (!open) return result;
  const { code = `${cell.body.kind}.unclear`, message = 'It failed.' } = error ?? {};
  return {
    ...result,
    status: 'unknown',
    error: { code, message: `${message} But an earlier attempt may have happened.` },
  };
};

/** How a body ended, before anything of it is kept. */
export type Ended = Pick<Made, 'secrets' | 'isLost'> & {
  result: CellResult;
  /** What it told: JSON text, or the raw beginning of what was too large; `null`: nothing that can be read. */
  text: string | null;
  durationMs: number;
  logBytes: number;
  /** Where an approval shows the log. */
  logHash?: string;
  /** Of the reservation, or of its last renewal. */
  deadlineAtMs: number;
  /** The log, once all of it is written or was tried. */
  logged: Promise<void>;
};

/** Runs the body of a reservation that stands and is ours. Asks the store for nothing after the body has ended. */
export const execute = async (call: Call, cell: Cell, reserved: Reserved, body: Body): Promise<Ended> => {
  const { engine, instanceId } = call;
  const beganAtMs = engine.clock.nowMs();
  const log = logOf(call, reserved);
  const lease = reserved.untilAtMs === undefined ? undefined : leaseFor(cell, engine.lease);
  const stop = new AbortController();
  const holding = lease === undefined ? undefined : holdByLease(call, reserved, lease, () => stop.abort());
  // Checked again right before the effect: sandboxes freeze and thaw, laptops sleep. The whole time-out must fit before
  // the deadline; what is held by a lease has the time that is left of it.
  const leftMs = holding?.leftMs() ?? reserved.deadlineAtMs - (beganAtMs + engine.clock.behindMs()) - cell.timeoutMs;
  const tooLate = leftMs <= 0;
  const late: CellResult = {
    status: 'never',
    error: { code: 'cell.late', message: 'The deadline was too near to begin.' },
  };
  const { result: ran, ...made } = await keepMade(
    call,
    tooLate ? late : await run(call, cell, reserved, body, log, { holding, stop }),
  );
  const durationMs = Math.max(0, Math.round(engine.clock.nowMs() - beganAtMs));
  const read = readable(call, ofVisit(call, cell, ran));
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
  const deadlineAtMs = holding?.deadlineAtMs() ?? reserved.deadlineAtMs;
  const logged = log.flush();
  return { ...read, ...made, durationMs, logBytes: log.bytes(), ...log.hash(), deadlineAtMs, logged };
};

/** An output that cannot be read as JSON, or not in good time, is none. What ended by itself has completed all the same. */
const readable = ({ engine }: Call, ran: CellResult): Pick<Ended, 'result' | 'text'> => {
  const text = ran.output ?? null;
  if (text === null || ran.outputBytes !== undefined) return { result: ran, text };
  try {
    readOutput(engine.authoring, text);
    return { result: ran, text };
  } catch (cause) {
    const message = `The output cannot be read as JSON: ${(cause as Error).message}`;
    return { result: { ...ran, error: ran.error ?? { code: 'output.invalid', message } }, text: null };
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
  const { text } = ended;
  const { status, exitCode = null, unbegun = false, askedMs = 0 } = ended.result;
  const cut = output?.kind === 'truncated' ? cutFailure(output) : null;
  const error = ended.result.error ?? cut;
  // What is over a limit is beyond help, and its readers are refused; what the store did not take, the step was to leave.
  const lost =
    ended.isLost || cut?.code === 'output.unkept' || (status === 'completed' && error?.code === 'output.invalid');
  const arrived = status === 'completed' || status === 'failed' || (status === 'unknown' && text !== null);
  const scope = {
    ...scopeOf(engine, inputs, { ...stepInfo(call, reserved) }),
    // Nothing is handed on cut: an expectation over such an output cannot be evaluated, and says why.
    ...(cut === null ? { output: text === null ? null : engine.authoring.parseJson(text) } : {}),
    status,
    exitCode,
    error,
  };
  const checks =
    arrived && !lost
      ? check(engine.authoring, cell.expect, scope, cut?.message)
      : cell.expect.map((e) => ({ source: e.source, result: 'skipped' as const }));
  const sequel = sequelOf(
    cell,
    stateOf(call),
    { status, checks, attempt: reserved.attempt, lost, unbegun, askedMs },
    engine.clock.nowMs(),
    engine.random.fraction(),
  );
  return outcomeOf(cell, stateOf(call), {
    closes: reserved.seq,
    attempt: reserved.attempt,
    status,
    closedBy: status === 'unknown' && sequel.then === 'next' && !isAsExpected(checks) ? 'policy' : 'holder',
    ...sequel,
    output,
    error: error && failure(error.code, error.message),
    exitCode,
    expectations: checks,
    durationMs: ended.durationMs,
    logBytes: ended.logBytes,
    ...(ended.logHash === undefined ? {} : { logHash: ended.logHash }),
    ...(ended.secrets === undefined ? {} : { secrets: ended.secrets }),
    ...(unbegun ? { unbegun } : {}),
    ...(askedMs > 0 && sequel.dueAtMs !== null ? { askedMs } : {}),
  });
};

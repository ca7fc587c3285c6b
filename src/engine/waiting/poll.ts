/** `poll=`: a cell without effects, repeated until its expectations hold. Only the try that ends it is recorded. */

import { type Call, noteQuietly, stateOf } from '../call/call.ts';
import { scopeOf } from '../call/inputs.ts';
import { check, cutAt, cutWhyOf, failure, readOutput } from '../call/outcomes.ts';
import { prepare } from '../call/prepare.ts';
import type { Waiting } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { Cell } from '../model/runbook.ts';
import { headOf } from '../model/text.ts';
import { allPass } from '../rules/sequel.ts';
import { fits, runFree } from '../steps/free.ts';
import { endsAtMs, type Looked, type WaitEnd, type WaitKind } from './kind.ts';

type Poll = NonNullable<Cell['poll']>;

/** @throws PawlError `journal.broken` when the version polls nothing there */
const pollOf = ({ name, poll }: Cell): Poll => {
  if (poll !== undefined) return poll;
  throw new PawlError('journal.broken', `Cell ${name} is not polled.`);
};

/** One try. After its time a last one is made: whoever looks late does not find the answer of an earlier look. */
const look = async (call: Call, cell: Cell, open: Waiting): Promise<Looked> => {
  const { onTimeout } = pollOf(cell);
  const { engine, instanceId, by } = call;
  const { timeoutMs } = cell;
  if (!fits(call, timeoutMs)) return { kind: 'budget' };
  const found = await prepare(call, cell);
  if (found.kind === 'cannot') {
    const { error } = found;
    return { kind: 'over', end: { status: 'failed', output: null, error, note: error.message, checks: [] } };
  }
  if (found.kind !== 'go') return { kind: 'waits' };
  let log = '';
  const { body, inputs } = found;
  const keep = (text: string): void => {
    if (log.length < limits.noteTextCharsMax) log += text;
  };
  const result = await runFree(call, cell, { body, timeoutMs, inputs, seq: open.seq, log: keep });
  const { status, error = null, exitCode = null } = result;
  const ran = status === 'completed' || status === 'failed';
  const { value, text } = outputIn(call, result.output, result.outputBytes);
  const cutFromBytes = result.outputBytes;
  const cutWhy = cutFromBytes === undefined ? null : cutWhyOf({ bytes: cutFromBytes, limitBytes: cutAt(cutFromBytes) });
  const step = { instanceId, cell: cell.name, visit: stateOf(call).visit };
  const seen = cutWhy === null ? { output: value } : {};
  const scope = { ...scopeOf(engine, inputs, step), ...seen, status, exitCode, error };
  const checks = ran ? check(engine.authoring, cell.expect, scope, cutWhy) : [];
  const kept = {
    output: text,
    exitCode,
    ...(result.outputBytes === undefined ? {} : { outputBytes: result.outputBytes }),
  };
  const over = async (end: WaitEnd): Promise<Looked> => {
    const note = { kind: 'log', about: open.seq, cell: cell.name, atMs: engine.clock.nowMs(), by } as const;
    if (log !== '') await noteQuietly(call, { ...note, text: headOf(log, limits.noteTextCharsMax) });
    return { kind: 'over', end };
  };
  const ended = status === 'failed' ? 'failed' : 'completed';
  if (ran && allPass(checks))
    return await over({
      status: ended,
      ...kept,
      error: error && failure(error.code, error.message),
      note: 'as expected',
      checks,
    });
  if (open.dueAtMs === null || engine.clock.nowMs() < open.dueAtMs) return { kind: 'waits' };
  const why = `not as expected in time; the last try ended as ${status}${error === null ? '' : `: ${error.message}`}`;
  if (onTimeout === 'continue')
    // Its expectations did not hold, and its author goes on all the same: none of them is counted as covered.
    return await over({ status: 'completed', ...kept, error: null, note: `timed out: ${why}`, checks: [] });
  return await over({ status: 'failed', ...kept, error: failure('wait.timeout', why), note: why, checks });
};

const outputIn = (call: Call, text: string | undefined, outputBytes: number | undefined) => {
  if (text === undefined) return { text: null, value: null };
  if (outputBytes !== undefined) return { text, value: text };
  try {
    return { text, value: readOutput(call.engine.authoring, text) };
  } catch {
    return { text: null, value: null };
  }
};

export const poll: WaitKind<{ kind: 'poll'; everyMs: number }> = {
  begin: (call, cell) => {
    const { everyMs, withinMs } = pollOf(cell);
    return { dueAtMs: endsAtMs(call, withinMs), pollMs: everyMs };
  },
  park: () => ({ look: 'now' }),
  look,
  report: (_call, cell) => ({ kind: 'poll', everyMs: pollOf(cell).everyMs }),
};

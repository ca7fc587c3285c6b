/** `poll=`: a cell without effects, repeated until its expectations hold. Only the try that ends it is recorded. */

import { type Call, noteQuietly, stateOf } from '../call/call.ts';
import { scopeOf } from '../call/inputs.ts';
import { check, cutAt, cutWhyOf, failure, readOutput } from '../call/outcomes.ts';
import { prepare, withSecrets } from '../call/prepare.ts';
import type { Checked, Waiting } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import { causeOf } from '../model/events.ts';
import { limits } from '../model/limits.ts';
import type { LastLook } from '../model/look.ts';
import type { Cell } from '../model/runbook.ts';
import { createEnds, cut } from '../model/text.ts';
import type { CellResult } from '../ports.ts';
import { allPass } from '../rules/sequel.ts';
import type { Lacks } from '../rules/view.ts';
import { fits, runFree } from '../steps/free.ts';
import { endsAtMs, type Looked, type WaitEnd, type WaitKind } from './kind.ts';

/** The status of the answer to a request. */
const answeredIn = ({ body }: Cell, value: unknown): number | null => {
  const status = typeof value === 'object' && value !== null && 'status' in value ? value.status : null;
  return body.kind === 'http' && typeof status === 'number' ? status : null;
};

/** Keeps what a look found that goes on, and says loudly that an expectation does not work. It never fails a look. */
const keepLook = async (call: Call, cell: Cell, open: Waiting, found: Omit<LastLook, 'atMs'>): Promise<void> => {
  const { engine, instanceId } = call;
  const { seq } = open;
  const at = { instanceId, seq, cell: cell.name };
  try {
    const mayErr = found.status === 'completed' && found.unmet.some(({ result }) => result === 'error');
    const before = mayErr ? ((await engine.looks.last(instanceId, seq))?.unmet ?? []) : [];
    const unmet = found.unmet.map((one) => {
      if (found.status !== 'completed' || one.result !== 'error') return one;
      return { ...one, erred: 1 + (before.find(({ source }) => source === one.source)?.erred ?? 0) };
    });
    const times = Math.max(0, ...unmet.map(({ erred }) => erred));
    if (times === limits.pollErrorsMax) engine.observe({ kind: 'poll.erring', ...at, times });
    await engine.looks.keep(instanceId, seq, { ...found, unmet, atMs: Math.round(engine.clock.nowMs()) });
  } catch (error) {
    engine.observe({ kind: 'look.unwritten', ...at, cause: causeOf(error) });
  }
};

const unmetOf = (checks: Checked[]): LastLook['unmet'] =>
  checks.flatMap(({ source, result, message = null }) => {
    if (result !== 'fail' && result !== 'error') return [];
    return [{ source: cut(source, limits.errorMessageCharsMax), result, message, erred: 0 }];
  });

/** What of its expectations kept it waiting, in a few words. */
const unmetText = (unmet: LastLook['unmet']): string =>
  unmet
    .map(({ source, result, message }) =>
      result === 'fail' && message === null ? `${source} does not hold` : `${source}: ${message}`,
    )
    .map((text) => `; ${cut(text, limits.errorMessageCharsMax)}`)
    .join('');

/**
 * A look that could not be made, for what is missing here. It says nothing of the target, and the next one may have it. The time
 * of the poll is its author's, and runs on: when it is over another worker of the place still has its turn, and then it ends.
 */
const unmade = async (call: Call, cell: Cell, open: Waiting, lacks: Lacks): Promise<Looked> => {
  const { clock } = call.engine;
  const what = [...lacks.needs, ...lacks.secrets].join(', and ');
  const error = failure('needs.missing', what);
  if (open.dueAtMs !== null && clock.nowMs() >= open.dueAtMs + limits.leftToOthersMs) {
    const why = `not as expected in time; at the end no look could be made, for want of ${what}`;
    return { kind: 'over', end: timeOver(cell, why, { output: null, exitCode: null }, []) };
  }
  await keepLook(call, cell, open, { status: 'never', answered: null, error, unmet: [] });
  return { kind: 'waits', lacks };
};

/** Its time is over. Where its author goes on all the same, none of its expectations is counted as covered. */
const timeOver = (
  cell: Cell,
  why: string,
  kept: Pick<WaitEnd, 'output' | 'outputBytes' | 'exitCode'>,
  checks: Checked[],
): WaitEnd =>
  pollOf(cell).onTimeout === 'continue'
    ? { status: 'completed', ...kept, error: null, note: `timed out: ${why}`, checks: [], timedOut: true }
    : { status: 'failed', ...kept, error: failure('wait.timeout', why), note: why, checks };

type Poll = NonNullable<Cell['poll']>;

/** @throws PawlError `journal.broken` when the version polls nothing there */
const pollOf = ({ name, poll }: Cell): Poll => {
  if (poll !== undefined) return poll;
  throw new PawlError('journal.broken', `Cell ${name} is not polled.`);
};

/** One try. After its time a last one is made: a late look does not have the answer of an earlier one. */
const look = async (call: Call, cell: Cell, open: Waiting): Promise<Looked> => {
  const { engine, instanceId, by } = call;
  const { timeoutMs } = cell;
  if (!fits(call, timeoutMs)) return { kind: 'budget' };
  const found = await prepare(call, cell);
  if (found.kind === 'cannot') {
    const { error } = found;
    return { kind: 'over', end: { status: 'failed', output: null, error, note: error.message, checks: [] } };
  }
  if (found.kind !== 'go') return { kind: 'waits' };
  const needs = cell.needs === undefined ? [] : await engine.here.missing(cell.needs);
  if (needs.length > 0) return await unmade(call, cell, open, { needs, secrets: [] });
  const log = createEnds(limits.noteTextCharsMax, 'noteTextCharsMax');
  const ready = await withSecrets(call, cell, found, 'look');
  if (ready.kind === 'waits') return await unmade(call, cell, open, { needs: [], secrets: ready.missing });
  const { inputs } = found;
  const result =
    ready.kind === 'go'
      ? await runFree(call, cell, { ...ready, timeoutMs, seq: open.seq, log: log.add })
      : { status: 'never' as const, error: ready.error };
  const { status, exitCode = null } = result;
  const { value, text, problem } = outputIn(call, result);
  const error = problem ?? result.error ?? null;
  const ran = problem === null && (status === 'completed' || status === 'failed');
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
    const told = log.text();
    if (told !== '') await noteQuietly(call, { ...note, text: told });
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
  const unmet = unmetOf(checks).slice(0, limits.unmetToldMax);
  if (open.dueAtMs === null || engine.clock.nowMs() < open.dueAtMs) {
    const lastError = error === null ? null : failure(error.code, error.message);
    await keepLook(call, cell, open, { status, answered: answeredIn(cell, value), error: lastError, unmet });
    return { kind: 'waits' };
  }
  const errorText = error === null ? '' : `: ${error.message}`;
  const why = `not as expected in time; the last try ended as ${status}${errorText}${unmetText(unmet.slice(0, 1))}`;
  return await over(timeOver(cell, why, kept, checks));
};

/** What a try returned. `problem`: it completed, and what it returned cannot be read: that is no answer yet. */
const outputIn = (call: Call, { output: text, outputBytes, status, error }: CellResult) => {
  const none = { text: null, value: null };
  if (status === 'completed' && error?.code === 'output.invalid') return { ...none, problem: error };
  if (text === undefined) return { ...none, problem: null };
  // Only the beginning of it: nothing is handed on cut.
  if (outputBytes !== undefined) return { text, value: undefined, problem: null };
  try {
    return { text, value: readOutput(call.engine.authoring, text), problem: null };
  } catch (cause) {
    return { ...none, problem: { code: 'output.invalid', message: String((cause as Error).message) } };
  }
};

export const poll: WaitKind<{ kind: 'poll'; everyMs: number; last: LastLook | null }> = {
  begin: (call, cell) => {
    const { everyMs, withinMs } = pollOf(cell);
    return { dueAtMs: endsAtMs(call, withinMs), pollMs: everyMs };
  },
  park: () => ({ look: 'now' }),
  look,
  report: async ({ engine, instanceId }, cell, open) => {
    const last = (await engine.looks.last(instanceId, open.seq)) ?? null;
    return { kind: 'poll', everyMs: pollOf(cell).everyMs, last };
  },
};

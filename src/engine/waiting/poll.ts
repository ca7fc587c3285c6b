/** `poll=`: a cell without effects, repeated until its expectations hold. Only the try that ends it is recorded. */

import { type Call, noteQuietly, stateOf } from '../call/call.ts';
import { scopeOf } from '../call/inputs.ts';
import { check, cutAt, cutWhyOf, failure, readOutput } from '../call/outcomes.ts';
import { prepare, withSecrets } from '../call/prepare.ts';
import type { Holds } from '../model/cellKinds.ts';
import { PawlError } from '../model/errors.ts';
import { causeOf } from '../model/events.ts';
import type { Checked } from '../model/fields.ts';
import { limits } from '../model/limits.ts';
import type { LastLook } from '../model/look.ts';
import type { Cell } from '../model/runbook.ts';
import type { Waiting } from '../model/state.ts';
import { createEnds, cut } from '../model/text.ts';
import type { CellResult } from '../ports.ts';
import { allPass } from '../rules/sequel.ts';
import type { Lacks } from '../rules/view.ts';
import { fits, runFree } from '../steps/free.ts';
import { type Finding, lastHeldMs, rowOf } from './holding.ts';
import { endsAtMs, type Looked, type WaitEnd, type WaitKind, withinOf } from './kind.ts';

/** The status of the answer to a request. */
const answeredIn = ({ body }: Cell, value: unknown): number | null => {
  const status = typeof value === 'object' && value !== null && 'status' in value ? value.status : null;
  return body.kind === 'http' && typeof status === 'number' ? status : null;
};

type Found = Omit<LastLook, 'atMs'>;
/** When a look last found it holding: whoever keeps another look hands that on. */
type Held = Pick<LastLook, 'held'>;

/** Keeps what a look found that goes on, and says loudly that an expectation does not work. It never fails a look. */
const keepLook = async (call: Call, cell: Cell, open: Waiting, found: Found): Promise<void> => {
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
const unmade = async (call: Call, cell: Cell, open: Waiting, lacks: Lacks, held: Held): Promise<Looked> => {
  const { clock } = call.engine;
  const what = [...lacks.needs, ...lacks.secrets].join(', and ');
  const error = failure('needs.missing', what);
  if (open.dueAtMs !== null && clock.nowMs() >= open.dueAtMs + limits.leftToOthersMs) {
    const why = `not as expected in time; at the end no look could be made, for want of ${what}`;
    return { kind: 'over', end: timeOver(cell, why, { output: null, exitCode: null }, []) };
  }
  await keepLook(call, cell, open, { status: 'never', answered: null, error, unmet: [], ...held });
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

/** What is known of the row that it stands in. */
const heldBefore = async ({ engine, instanceId }: Call, open: Waiting): Promise<number> =>
  open.held === undefined ? 0 : lastHeldMs(open, await engine.looks.last(instanceId, open.seq));

/** What it says of its expectations, where they have to hold. What failed without a word of its own is no answer. */
const findingOf = (ran: boolean, checks: Checked[], errorText: string, isAnswer: boolean): Finding => {
  if (ran && allPass(checks)) return { kind: 'holds' };
  const unmet = unmetOf(checks);
  const why = `${errorText}${unmetText(unmet.slice(0, 1))}`.replace(/^[:;] /, '');
  return { kind: ran && isAnswer && unmet.every(({ result }) => result === 'fail') ? 'fails' : 'none', why };
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
  const heldMs = await heldBefore(call, open);
  const heldAt = (atMs: number): Held =>
    open.held === undefined ? {} : { held: { sinceMs: open.held.sinceMs, atMs } };
  const needs = cell.needs === undefined ? [] : await engine.here.missing(cell.needs);
  if (needs.length > 0) return await unmade(call, cell, open, { needs, secrets: [] }, heldAt(heldMs));
  const log = createEnds(limits.noteTextCharsMax, 'noteTextCharsMax');
  const ready = await withSecrets(call, cell, found, 'look');
  if (ready.kind === 'waits')
    return await unmade(call, cell, open, { needs: [], secrets: ready.missing }, heldAt(heldMs));
  const { inputs } = found;
  // A look says how it was when it began: what froze since is not taken for a look of now.
  const beganMs = Math.round(engine.clock.nowMs());
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
  const unmet = unmetOf(checks).slice(0, limits.unmetToldMax);
  const lastError = error === null ? null : failure(error.code, error.message);
  const errorText = error === null ? '' : `: ${error.message}`;
  const keep = (row: Held): Promise<void> =>
    keepLook(call, cell, open, { status, answered: answeredIn(cell, value), error: lastError, unmet, ...row });
  if (open.holds !== undefined) {
    const isAnswer = status === 'completed' || text !== null || exitCode !== null;
    const finding = findingOf(ran, checks, errorText, isAnswer);
    const row = rowOf(call, open, finding, heldMs);
    // One that is told off for beginning anew may hold just now: then it is no expectation that fails it.
    const failed = finding.kind === 'fails' ? checks : [];
    if (row.kind === 'failed')
      return await over({
        ...{ status: 'failed', ...kept, error: row.error, note: row.error.message },
        ...{ checks: failed, isFirm: true },
      });
    if (row.kind === 'put' || row.kind === 'goes') {
      // One that begins a row is told of by its entry.
      await keep(row.kind === 'goes' || row.looks > 1 ? heldAt(beganMs) : {});
      return row.kind === 'goes' ? { kind: 'waits' } : { kind: 'holding', looks: row.looks, anew: row.anew };
    }
  }
  if (ran && allPass(checks))
    return await over({
      status: ended,
      ...kept,
      error: lastError,
      note: heldText(open) ?? 'as expected',
      checks,
    });
  if (open.dueAtMs === null || engine.clock.nowMs() < open.dueAtMs) {
    await keep({});
    return { kind: 'waits' };
  }
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

/** What a poll came to that had to hold. */
const heldText = ({ holds, held }: Waiting): string | null => {
  if (holds === undefined || held === undefined) return null;
  const since = `as expected since ${new Date(held.sinceMs).toISOString()}`;
  return 'times' in holds ? `${since}, ${holds.times} times in a row` : since;
};

type Report = {
  kind: 'poll';
  everyMs: number;
  last: LastLook | null;
  /** Of one that has to hold: for how long, or how often, and since when and how often in a row it did; `null`: it does not. */
  holds?: Holds;
  held?: { sinceMs: number; looks: number } | null;
};

export const poll: WaitKind<Report> = {
  begin: (call, cell, { inputs }) => {
    const { everyMs, holds, withinMs: lasting } = pollOf(cell);
    const within = withinOf(call, cell, lasting, inputs);
    if ('code' in within) return within;
    const { withinMs } = within;
    const begun = { dueAtMs: endsAtMs(call, withinMs), pollMs: everyMs };
    if (holds === undefined) return begun;
    return { ...begun, holds, ...(withinMs === null ? {} : { withinMs }) };
  },
  park: () => ({ look: 'now' }),
  look,
  report: async ({ engine, instanceId }, cell, open) => {
    const last = (await engine.looks.last(instanceId, open.seq)) ?? null;
    const { everyMs, holds } = pollOf(cell);
    if (holds === undefined) return { kind: 'poll', everyMs, last };
    const { sinceMs, looks } = open.held ?? {};
    const held = sinceMs === undefined || looks === undefined ? null : { sinceMs, looks };
    return { kind: 'poll', everyMs, last, holds, held };
  },
};

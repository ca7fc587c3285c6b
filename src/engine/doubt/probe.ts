/**
 * Asking a probe whether an interrupted step happened. A probe has no effects, so it needs no reservation; but a note says
 * that it is asked before it is, so that it is asked five times at most, with backoff, whichever caller asks and whatever the store
 * takes afterwards. Each answer is a note too, and the one that settles the matter stands in the closing entry. Then a
 * person decides.
 */

import { type Call, noteQuietly, stateOf } from '../call/call.ts';
import { type Inputs, resolveInputs, scopeOf } from '../call/inputs.ts';
import { readOutput } from '../call/outcomes.ts';
import { keyOf } from '../call/prepare.ts';
import { filledWith, type Given, givenTo, placeholdersOf, secretsFor } from '../call/secrets.ts';
import { isPawlError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { whyUnread } from '../model/nesting.ts';
import type { Cell, Probe } from '../model/runbook.ts';
import { headOf } from '../model/text.ts';
import type { CellResult, Scope } from '../ports.ts';
import { fits, runFree } from '../steps/free.ts';

export type ProbeAnswer =
  | { kind: 'done'; output: string | null; detail: string }
  | { kind: 'not-done'; detail: string };
type ProbeReply =
  | { kind: 'answer'; answer: ProbeAnswer; scope: Scope }
  /** Unsure, or asked too often lately: not before. `missing`: it was not asked, for the secrets that it could not have. */
  | { kind: 'later'; atMs: number; missing?: string[] }
  /** No time left in this call to ask. */
  | { kind: 'budget' }
  /** Asked often enough, or asking again would not help. */
  | { kind: 'held' };

type Verdict = ProbeAnswer | { kind: 'unsure'; detail: string };
const unsure = (detail: string): Verdict => ({ kind: 'unsure', detail });

const byExpressions = (call: Call, probe: Probe, result: CellResult, scope: Scope): Verdict => {
  if (result.output === undefined || result.outputBytes !== undefined || result.status === 'unknown') {
    return unsure(`no usable answer: ${result.error?.message ?? result.status}`);
  }
  const { authoring } = call.engine;
  const seen = {
    ...scope,
    output: readOutput(authoring, result.output),
    status: result.status,
    exitCode: null,
    error: null,
  };
  const holds = (source: string | null): boolean | undefined => {
    const evaluated = authoring.evaluate({ source: source ?? '', line: probe.line }, seen);
    return evaluated.kind === 'value' && typeof evaluated.value === 'boolean' ? evaluated.value : undefined;
  };
  const [done, notDone] = [holds(probe.done), holds(probe.notDone)];
  if (done === true && notDone === false) return { kind: 'done', output: result.output, detail: `done: ${probe.done}` };
  if (done === false && notDone === true) return { kind: 'not-done', detail: `not done: ${probe.notDone}` };
  return unsure(`done is ${done ?? 'an error'}, notDone is ${notDone ?? 'an error'}`);
};

const byAnswer = (result: CellResult): Verdict => {
  if (result.status !== 'completed' || result.output === undefined || result.outputBytes !== undefined) {
    return unsure(`no usable answer: ${result.error?.message ?? result.status}`);
  }
  if (whyUnread(result.output) !== undefined) return unsure(`no usable answer: ${whyUnread(result.output)}`);
  const value: unknown = JSON.parse(result.output);
  const answer = typeof value === 'object' && value !== null && 'answer' in value ? value.answer : undefined;
  if (answer === 'done') {
    const output =
      typeof value === 'object' && value !== null && 'output' in value ? JSON.stringify(value.output) : null;
    return { kind: 'done', output, detail: 'the probe answered done' };
  }
  if (answer === 'not-done') return { kind: 'not-done', detail: 'the probe answered not-done' };
  return unsure(
    answer === 'unsure' ? 'the probe answered unsure' : 'the probe gave no answer of done, not-done, unsure',
  );
};

const run = async (
  call: Call,
  cell: Cell,
  probe: Probe,
  inputs: Inputs,
  scope: Scope,
  seq: number,
  given: Given,
): Promise<Verdict> => {
  const rendered = call.engine.authoring.renderBody(probe.body, { ...scope, ...placeholdersOf(cell) });
  if (rendered.kind === 'error') return unsure(rendered.message);
  const filled = filledWith(call, probe.body, rendered.body, given, scope);
  if (filled.kind === 'cannot') return unsure(filled.error.message);
  const { timeoutMs } = probe;
  const result = await runFree(call, cell, { ...given, body: filled.body, timeoutMs, inputs, seq, log: () => {} });
  try {
    return probe.body.kind === 'http' || probe.body.kind === 'aws'
      ? byExpressions(call, probe, result, scope)
      : byAnswer(result);
  } catch (error) {
    return unsure(String(error));
  }
};

/** Asks, unless it was asked five times already or a moment ago. `not-done` counts only once the step has settled. */
export const askProbe = async (
  call: Call,
  cell: Cell,
  takeover: { probe: Probe; settledAtMs: number; mayRetry: boolean },
  seq: number,
): Promise<ProbeReply> => {
  const { engine, instanceId, by } = call;
  const { probe, settledAtMs, mayRetry } = takeover;
  const earlier = (await engine.journal.notes(instanceId, seq)).filter((note) => note.kind === 'asked');
  if (earlier.length >= limits.probesMax) return { kind: 'held' };
  const nextAtMs = (earlier.at(-1)?.atMs ?? 0) + limits.probeBackoffMs * 2 ** Math.max(0, earlier.length - 1);
  if (earlier.length > 0 && engine.clock.nowMs() < nextAtMs) return { kind: 'later', atMs: nextAtMs };
  if (!fits(call, probe.timeoutMs)) return { kind: 'budget' };
  // Before it counts as asked: what it needs may be there the next time.
  const given = await secretsFor(call, cell, 'look');
  const laterMs = engine.clock.nowMs() + limits.probeBackoffMs;
  if (given.kind === 'waits') return { kind: 'later', atMs: laterMs, missing: given.missing };
  if (given.kind !== 'go') return { kind: 'later', atMs: laterMs };
  const note = { about: seq, cell: cell.name, by };
  const ask = {
    ...note,
    kind: 'asked',
    atMs: engine.clock.nowMs(),
    text: `probe ${earlier.length + 1} of ${limits.probesMax}`,
  } as const;
  if (!(await noteQuietly(call, ask))) return { kind: 'later', atMs: ask.atMs + limits.probeBackoffMs };

  const inputs = await resolveInputs(call, { ...cell, reads: probe.reads }).catch((error: unknown) => {
    if (!isPawlError(error, 'output.cut')) throw error;
    return undefined;
  });
  // What it reads is not whole, and will never be: a person decides.
  if (inputs === undefined) return { kind: 'held' };
  const state = stateOf(call);
  const key = keyOf(call, cell, state.visit);
  const scope = scopeOf(engine, inputs, {
    instanceId,
    cell: cell.name,
    seq,
    visit: state.visit,
    attempt: state.attempt,
    idempotencyKey: key,
  });
  const begunAtMs = engine.clock.nowMs();
  let verdict = await run(call, cell, probe, inputs, scope, seq, givenTo(probe.body, given));
  // An attempt that was cut may still be on its way: what is not there yet is no proof. The question was asked at its beginning.
  if (verdict.kind === 'not-done' && begunAtMs < settledAtMs)
    verdict = unsure(`${verdict.detail}, but not settled yet`);
  const text = headOf(engine.canonical({ answer: verdict.kind, detail: verdict.detail }), limits.noteTextCharsMax);
  await noteQuietly(call, { ...note, kind: 'probe', atMs: engine.clock.nowMs(), text });
  if (verdict.kind === 'not-done' && !mayRetry) return { kind: 'held' };
  if (verdict.kind === 'unsure') {
    const count = earlier.length + 1;
    if (count >= limits.probesMax) return { kind: 'held' };
    return { kind: 'later', atMs: Math.max(engine.clock.nowMs() + limits.probeBackoffMs * 2 ** (count - 1), 0) };
  }
  return { kind: 'answer', answer: verdict, scope };
};

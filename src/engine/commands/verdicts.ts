/**
 * A person decides about a step in doubt or halted. For an open step the verdict is its outcome, in the same race as a
 * late holder's; for one that was closed as `unknown`, or halted, it is a `resolved` entry.
 */

import { append, type Call, commandMs, type Engine, openCall, saveView, viewNow } from '../call/call.ts';
import { resolveInputs, scopeOf } from '../call/inputs.ts';
import { check, failure, keepOutput } from '../call/outcomes.ts';
import type { By, Checked, EntryBody, Output, Permission, State } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { Cell } from '../model/runbook.ts';
import { bytesOf } from '../model/text.ts';
import { noPermission, sequelOf } from '../rules/sequel.ts';
import type { View } from '../rules/view.ts';

export type VerdictRequest = {
  /** Seq of the step's reservation (of its outcome where there was none). */
  seq: number;
  verdict: 'succeeded' | 'failed' | 'retry' | 'skip';
  reason: string;
  /** With `succeeded`: JSON text of what the cell would have returned. */
  output?: string;
  /** What the person saw: a link, an id, a log line. Kept as a note of the step. */
  evidence?: string;
  /** With `retry`: another idempotency key, a new visit. */
  freshKey?: boolean;
  /** Refused unless the step is still in doubt: for a decision about many, looked for before. */
  onlyInDoubt?: boolean;
  by: By;
};

const assertRequest = (request: VerdictRequest): void => {
  const { verdict, reason, output, evidence, freshKey } = request;
  const refuse = (message: string): never => {
    throw new PawlError('request.invalid', message);
  };
  if (reason.trim() === '' || reason.length > limits.reasonCharsMax) {
    refuse(`A verdict needs a reason of 1 to ${limits.reasonCharsMax} characters (reasonCharsMax).`);
  }
  if (output !== undefined && verdict !== 'succeeded') refuse('Only the verdict `succeeded` takes an output.');
  if (output !== undefined && bytesOf(output) > limits.outputBytesMax) {
    refuse(`The output has ${bytesOf(output)} bytes; outputBytesMax is ${limits.outputBytesMax}.`);
  }
  if (freshKey === true && verdict !== 'retry') refuse('Only the verdict `retry` takes a fresh key.');
  if (evidence !== undefined && evidence.length > limits.noteTextCharsMax) {
    refuse(`The evidence has ${evidence.length} characters; noteTextCharsMax is ${limits.noteTextCharsMax}.`);
  }
  try {
    if (output !== undefined) JSON.parse(output);
  } catch {
    refuse('The output of a verdict is JSON text; this is not.');
  }
};

/** The step the verdict is about, or why it cannot be decided. */
const assertDecidable = (call: Call, request: VerdictRequest): Cell => {
  const { engine, instanceId, head, runbook } = call;
  const { state } = head.entry;
  const details = { instanceId, seq: request.seq, view: viewNow(call) };
  if (state.ended !== null) {
    throw new PawlError(
      'instance.finished',
      `Instance ${instanceId} has ended as ${state.ended}: nothing can be decided in it any more; see \`pawl journal ${instanceId}\`.`,
      details,
    );
  }
  const at = state.open?.kind === 'reserved' ? state.open.seq : state.halted?.seq;
  const cell = runbook.cells[state.next];
  if (at !== request.seq || cell === undefined) {
    const now = at === undefined ? 'no step of it needs a verdict' : `the step that may need one is at seq ${at}`;
    const message = `Seq ${request.seq} of ${instanceId} is not undecided: ${now}; look again with \`pawl status ${instanceId}\`.`;
    throw new PawlError('seq.stale', message, details);
  }
  if (cell.body.kind === 'approve' && (request.verdict === 'succeeded' || request.verdict === 'skip')) {
    const message = `Cell ${cell.name} of ${instanceId} is an approval: no verdict stands for votes. Ask again with \`retry\`, or cancel.`;
    throw new PawlError('verdict.refused', message, details);
  }
  const { open } = state;
  if (request.onlyInDoubt === true && open === null && state.halted?.doubt !== true) {
    const message = `Cell ${cell.name} of ${instanceId} is not in doubt any more: somebody has settled it; look again with \`pawl status ${instanceId}\`.`;
    throw new PawlError('seq.stale', message, details);
  }
  const untilMs = open?.kind === 'reserved' ? open.deadlineAtMs + engine.deployment.takeoverGraceMs : 0;
  const earlyMs = untilMs - engine.clock.nowMs();
  if (earlyMs > 0) {
    const until = new Date(untilMs).toISOString();
    const message = `Cell ${cell.name} of ${instanceId} may still be running: its holder may be heard of until ${until}; decide after that, in ${Math.ceil(earlyMs / 1_000)} s.`;
    throw new PawlError('verdict.early', message, { ...details, untilMs });
  }
  return cell;
};

/** A person's `succeeded` satisfies the cell; expectations that do not hold over the given output are marked overridden. */
const overridden = async (call: Call, cell: Cell, output: string | undefined): Promise<Checked[]> => {
  if (output === undefined)
    return cell.expect.map((one) => ({ source: one.source, result: 'skipped', overridden: true }));
  const { engine, head } = call;
  const inputs = await resolveInputs(call, cell);
  const { visit, attempt } = head.entry.state;
  const scope = scopeOf(engine, inputs, { instanceId: call.instanceId, cell: cell.name, visit, attempt });
  const seen = {
    ...scope,
    output: engine.authoring.parseJson(output),
    status: 'completed',
    exitCode: null,
    error: null,
  };
  return check(engine.authoring, cell.expect, seen).map((one) =>
    one.result === 'pass' ? one : { ...one, overridden: true },
  );
};

type Ruling = { checks: Checked[]; output: Output | null; permission: Permission | null };

const asOutcome = (call: Call, cell: Cell, request: VerdictRequest, ruling: Ruling): EntryBody => {
  const { engine } = call;
  const { state } = call.head.entry;
  const { verdict } = request;
  const nowMs = engine.clock.nowMs();
  const status = ({ succeeded: 'completed', failed: 'failed', retry: 'abandoned', skip: 'skipped' } as const)[verdict];
  const sequel =
    verdict === 'retry'
      ? { then: 'retry' as const, permission: ruling.permission, dueAtMs: nowMs }
      : verdict === 'failed'
        ? sequelOf(
            cell,
            state,
            { status: 'failed', checks: [], attempt: state.attempt },
            nowMs,
            engine.random.fraction(),
          )
        : { then: 'next' as const, ...noPermission };
  return {
    kind: 'outcome',
    closes: request.seq,
    index: cell.index,
    cell: cell.name,
    visit: state.visit,
    attempt: state.attempt,
    status,
    closedBy: 'person',
    ...sequel,
    output: ruling.output,
    error: verdict === 'failed' ? failure('cell.declared', 'A person declared that it failed.') : null,
    exitCode: null,
    expectations: ruling.checks,
    durationMs: 0,
    logBytes: 0,
    note: request.reason,
    ...(request.freshKey === true ? { freshKey: true as const } : {}),
  };
};

const asResolved = (call: Call, cell: Cell, request: VerdictRequest, ruling: Ruling): EntryBody => {
  const { verdict } = request;
  const then = verdict === 'retry' ? 'retry' : verdict === 'failed' ? (cell.optional ? 'next' : 'halt') : 'next';
  return {
    kind: 'resolved',
    about: request.seq,
    index: cell.index,
    cell: cell.name,
    verdict,
    closedBy: 'person',
    then,
    permission: ruling.permission,
    freshKey: request.freshKey === true,
    dueAtMs: verdict === 'retry' ? call.engine.clock.nowMs() : null,
    reason: request.reason,
    output: ruling.output,
    evidence: request.evidence ?? null,
    expectations: ruling.checks,
  };
};

/** Evidence about an open step is a note, written before the verdict that rests on it. */
const keepEvidence = async (call: Call, cell: Cell, request: VerdictRequest): Promise<void> => {
  const { evidence, seq, by } = request;
  if (evidence === undefined || !isOpen(call.head.entry.state)) return;
  const { engine, instanceId } = call;
  await engine.journal.addNote(instanceId, {
    kind: 'evidence',
    about: seq,
    cell: cell.name,
    atMs: engine.clock.nowMs(),
    by,
    text: evidence,
  });
};

const isOpen = (state: State): boolean => state.open?.kind === 'reserved';

/** What took the slot while somebody decided says what they did not know, unless it is about the run and not the step. */
const assertSameStep = async (call: Call, request: VerdictRequest, knownSeq: number): Promise<void> => {
  const since = await call.engine.journal.page(call.instanceId, knownSeq, limits.pageMax);
  if (since.every(({ entry }) => entry.kind === 'control' || entry.kind === 'cancelled')) return;
  const { instanceId } = call;
  const message = `Seq ${request.seq} of ${instanceId} was settled while you decided: nothing was recorded of your verdict; look again with \`pawl status ${instanceId}\`.`;
  throw new PawlError('seq.stale', message, { instanceId, seq: request.seq, view: viewNow(call) });
};

/**
 * Decides. Who loses the slot is told what stands now: a late holder's truth, another person's verdict.
 * @throws PawlError `request.invalid`, `seq.stale`, `verdict.early` (naming until when), `instance.finished`
 */
export const decideStep = async (
  engine: Engine,
  instanceId: string,
  request: VerdictRequest,
): Promise<{ view: View }> => {
  assertRequest(request);
  const call = await openCall(engine, instanceId, request.by, commandMs);
  await keepEvidence(call, assertDecidable(call, request), request);
  for (;;) {
    const cell = assertDecidable(call, request);
    const knownSeq = call.head.entry.seq;
    const { verdict, seq } = request;
    const checks = verdict === 'succeeded' ? await overridden(call, cell, request.output) : [];
    const at = { instanceId, seq, token: call.token };
    const output =
      request.output === undefined ? null : await keepOutput(engine.journal, at, request.output, undefined);
    const permission = verdict === 'retry' ? ({ kind: 'person', detail: request.by.actor } as const) : null;
    const ruling: Ruling = { checks, output, permission };
    const make = isOpen(call.head.entry.state) ? asOutcome : asResolved;
    if (await append(call, () => make(call, cell, request, ruling))) break;
    await assertSameStep(call, request, knownSeq);
  }
  return { view: await saveView(call) };
};

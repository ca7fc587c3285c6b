/** What a verdict is judged by, before it is decided: whether it can be, whether it is early, and what it would stand with. */
import { type Call, graceOf, nextCell, stateOf, viewNow } from '../call/call.ts';
import { holderStateAt } from '../call/holder.ts';
import { resolveInputs, scopeOf } from '../call/inputs.ts';
import { check, keepOutput } from '../call/outcomes.ts';
import { assertReason, assertUnfinished } from '../call/refusals.ts';
import { familyBody, isCommitted } from '../model/cellNature.ts';
import type { EntryOf } from '../model/entries.ts';
import { isPawlError, PawlError } from '../model/errors.ts';
import type { By, Checked, Output } from '../model/fields.ts';
import { limits } from '../model/limits.ts';
import { whyUnread } from '../model/nesting.ts';
import type { Cell } from '../model/runbook.ts';
import { bytesOf } from '../model/text.ts';
import { actsUntilOf, decidableAtMs } from '../rules/policy.ts';
import { notAgain } from '../waiting/again.ts';

export type VerdictRequest = {
  /** Seq of the step's reservation (of its outcome where there was none). */
  seq: number;
  verdict: 'succeeded' | 'failed' | 'retry' | 'skip';
  reason: string;
  /** With `succeeded`: JSON text of what the cell would have returned. */
  output?: string;
  /** What the person saw: a link, an id, a log line. Kept in the entry, beside the reason. */
  evidence?: string;
  /** With `retry`: another idempotency key, a new visit. */
  freshKey?: boolean;
  /** Refused unless the step is still in doubt: for a decision about many, looked for before. */
  onlyInDoubt?: boolean;
  /** At once instead of when its time is over: taken only where this process finds that the holder's is gone. */
  holderGone?: boolean;
  /** With `retry` and `holderGone`: what the attempt has begun elsewhere may act beside the next one, until its deadline. */
  overlapOk?: boolean;
  by: By;
};

export const assertRequest = (request: VerdictRequest): void => {
  const { verdict, reason, output, evidence, freshKey, holderGone, overlapOk } = request;
  const refuse = (message: string): never => {
    throw new PawlError('request.invalid', message);
  };
  assertReason(reason, 'A verdict');
  if (output !== undefined && verdict !== 'succeeded') refuse('Only the verdict `succeeded` takes an output.');
  if (output !== undefined && bytesOf(output) > limits.outputBytesMax) {
    refuse(`The output has ${bytesOf(output)} bytes; outputBytesMax is ${limits.outputBytesMax}.`);
  }
  if (freshKey === true && verdict !== 'retry') refuse('Only the verdict `retry` takes a fresh key.');
  if (overlapOk === true && (verdict !== 'retry' || holderGone !== true))
    refuse('Only the verdict `retry` of a holder that is gone (holderGone) may overlap (overlapOk).');
  if (evidence !== undefined && evidence.length > limits.noteTextCharsMax) {
    refuse(`The evidence has ${evidence.length} characters; noteTextCharsMax is ${limits.noteTextCharsMax}.`);
  }
  const why = output === undefined ? undefined : whyUnread(output);
  if (why !== undefined) refuse(`The output of a verdict cannot be read: ${why}.`);
  try {
    if (output !== undefined) JSON.parse(output);
  } catch {
    refuse('The output of a verdict is JSON text; this is not.');
  }
};

const iso = (ms: number): string => new Date(ms).toISOString();

export const refuseSettled = (call: Call, seq: number, how: string): never => {
  const { instanceId } = call;
  const message = `${how}; look again with \`pawl status ${instanceId}\`.`;
  throw new PawlError('seq.stale', message, { instanceId, seq, view: viewNow(call) });
};

/** Whether it goes through a section again. One that could not be opened has no elements, and is tried as any cell is. */
const isAgain = (call: Call, cell: Cell, verdict: VerdictRequest['verdict']): boolean =>
  familyBody(cell) !== undefined && verdict === 'retry' && stateOf(call).inputsHash !== null;

/** Nothing that an element did, or may have done, happens again by a word about its section. @throws PawlError `verdict.refused` */
const assertNothingAgain = async (call: Call, cell: Cell, seq: number): Promise<void> => {
  const { instanceId } = call;
  const found = await notAgain(call, seq);
  if (found.length === 0) return;
  const shown = found
    .slice(0, 3)
    .map((one) => `${one.instanceId} ${one.why}`)
    .join('; ');
  const message = `Section ${cell.name} of ${instanceId} cannot be gone through again: ${shown}. Nothing can be decided in what has ended: find out, and go on with \`skip\` or \`succeeded\`.`;
  const elements = found.slice(0, limits.pageMax).map((one) => one.instanceId);
  throw new PawlError('verdict.refused', message, { instanceId, elements });
};

/** The step the verdict is about, or why it cannot be decided. */
const assertDecidable = (call: Call, { seq, verdict, onlyInDoubt, freshKey }: VerdictRequest): Cell => {
  assertUnfinished(call);
  const { instanceId } = call;
  const { open, halted } = stateOf(call);
  const at = open?.kind === 'reserved' ? open.seq : halted?.seq;
  const cell = nextCell(call);
  if (at !== seq || cell === undefined) {
    const now = at === undefined ? 'no step of this run needs a verdict' : `the step that may need one is at seq ${at}`;
    return refuseSettled(call, seq, `Seq ${seq} of ${instanceId} needs no verdict: ${now}`);
  }
  const details = { instanceId, seq, view: viewNow(call) };
  if (cell.body.kind === 'approve' && (verdict === 'succeeded' || verdict === 'skip')) {
    const message = `Cell ${cell.name} of ${instanceId} is an approval: no verdict stands for votes. Ask again with \`retry\`, or cancel.`;
    throw new PawlError('verdict.refused', message, details);
  }
  if (isCommitted(cell) && open !== null && verdict === 'succeeded') {
    const message = `What ${cell.name} of ${instanceId} does is committed with its outcome, and none stands: it has not happened, and once its step is closed it cannot any more. Say \`failed\` or \`retry\`; of one that has failed \`succeeded\` says that it was done by hand.`;
    throw new PawlError('verdict.refused', message, details);
  }
  if (isAgain(call, cell, verdict) && freshKey === true) {
    const message = `Section ${cell.name} of ${instanceId} has no key of its own: \`retry\` goes through those of its elements again that did not complete, each where it stood.`;
    throw new PawlError('verdict.refused', message, details);
  }
  if (onlyInDoubt === true && open === null && halted?.doubt !== true)
    refuseSettled(call, seq, `Cell ${cell.name} of ${instanceId} is not in doubt any more: it was settled meanwhile`);
  return cell;
};

/** What a verdict says of itself where the step's time is not over. */
type Early = Pick<EntryOf<'outcome'>, 'holderGone' | 'overlapOk'>;

/**
 * Before the time of a step is over a person decides about it only where this process finds the holder's gone.
 * @throws PawlError `verdict.early`, `verdict.holderNotKnown`, both naming until when
 */
const assertTimely = async (call: Call, cell: Cell, request: VerdictRequest): Promise<Early> => {
  const { engine, instanceId } = call;
  const { seq, verdict, holderGone = false, overlapOk = false } = request;
  const state = stateOf(call);
  const untilMs = decidableAtMs(state, graceOf(engine, state));
  const nowMs = engine.clock.nowMs();
  if (nowMs >= untilMs) return {};
  const holder = await holderStateAt(engine, instanceId, seq);
  const after = (atMs: number): string => `decide after that, in ${Math.ceil((atMs - nowMs) / 1_000)} s`;
  const refuse = (code: 'verdict.early' | 'verdict.holderNotKnown', message: string, atMs = untilMs): never => {
    throw new PawlError(code, message, { instanceId, seq, view: viewNow(call), untilMs: atMs, holder });
  };
  if (!holderGone || holder === 'alive') {
    const why = state.open === null ? 'what it has begun may still act' : 'its holder may be heard of';
    const said = holder === 'gone' ? ' Its process is gone: with --holder-gone a person decides at once.' : '';
    const lives = holder === 'alive' ? ' Its process, or one that it began, is alive.' : '';
    const message = `Cell ${cell.name} of ${instanceId} may still be running: ${why} until ${iso(untilMs)}; ${after(untilMs)}.`;
    return refuse('verdict.early', `${message}${said}${lives}`);
  }
  if (holder !== 'gone') {
    const why =
      holder === null
        ? 'its reservation names no process'
        : 'it is of another machine, boot, container or user than what was asked, or hidden from it';
    const next = `Ask on its own machine, as its user or as root; or wait until ${iso(untilMs)}, ${Math.ceil((untilMs - nowMs) / 1_000)} s from now.`;
    const message = `Whether the holder of ${cell.name} of ${instanceId} is gone is not known here: ${why}. ${next}`;
    return refuse('verdict.holderNotKnown', message);
  }
  const actsUntilMs = actsUntilOf(state);
  if (verdict !== 'retry' || nowMs >= actsUntilMs) return { holderGone };
  if (overlapOk) return { holderGone, overlapOk };
  const message = `The holder of ${cell.name} of ${instanceId} is gone, but what it started elsewhere may act until ${iso(actsUntilMs)}: another attempt may overlap with that. Give --overlap-ok as well, or ${after(actsUntilMs)}.`;
  return refuse('verdict.early', message, actsUntilMs);
};

/** A person's `succeeded` satisfies the cell; expectations that do not hold over the given output are marked overridden. */
const overridden = async (call: Call, cell: Cell, output: string | undefined): Promise<Checked[]> => {
  const unseen = cell.expect.map(({ source }) => ({ source, result: 'skipped', overridden: true }) as const);
  if (output === undefined) return unseen;
  const { engine, instanceId } = call;
  const inputs = await resolveInputs(call, cell).catch((error: unknown) => {
    if (!isPawlError(error, 'output.cut')) throw error;
    return undefined;
  });
  // A person knows that it succeeded, whatever may be looked at.
  if (inputs === undefined) return unseen;
  const { visit, attempt } = stateOf(call);
  const scope = scopeOf(engine, inputs, { instanceId, cell: cell.name, visit, attempt });
  const ended = { output: engine.authoring.parseJson(output), status: 'completed', exitCode: null, error: null };
  return check(engine.authoring, cell.expect, { ...scope, ...ended }).map((one) =>
    one.result === 'pass' ? one : { ...one, overridden: true },
  );
};

/** What a verdict comes to: the expectations and the output as they are to stand, and whether it comes early. */
export type VerdictFacts = {
  instanceId: string;
  cell: Cell;
  checks: Checked[];
  output: Output | null;
  /** The sha256 of the output's text. */
  outputHash: string | null;
  early: Early;
  isAgain: boolean;
  /** How many the deployment asks for. */
  people: number | undefined;
};

export const factsOf = async (call: Call, request: VerdictRequest): Promise<VerdictFacts> => {
  const cell = assertDecidable(call, request);
  const early = await assertTimely(call, cell, request);
  const again = isAgain(call, cell, request.verdict);
  if (again) await assertNothingAgain(call, cell, request.seq);
  const { verdict, seq, output } = request;
  const checks = verdict === 'succeeded' ? await overridden(call, cell, output) : [];
  const at = { instanceId: call.instanceId, seq, owner: call.token };
  const kept = output === undefined ? null : await keepOutput(call.engine.journal, at, output, undefined);
  const outputHash = output === undefined ? null : call.engine.sha256(output);
  const { instanceId, engine } = call;
  const people = engine.deployment.decidePeople;
  return { instanceId, cell, checks, output: kept, outputHash, early, isAgain: again, people };
};

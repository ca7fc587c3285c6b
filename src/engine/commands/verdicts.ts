/**
 * A person decides about a step in doubt or halted. For an open step the verdict is its outcome, in the same race as a
 * late holder's; for one that was closed as `unknown`, or halted, it is a `resolved` entry.
 */
import { type Call, type Engine, stateOf, wakeParent } from '../call/call.ts';
import { change, type Moment } from '../call/change.ts';
import { failure, outcomeOf } from '../call/outcomes.ts';
import { passing } from '../call/prepare.ts';
import { wakeIfAuto } from '../call/wake.ts';
import type { EntryBody } from '../model/entries.ts';
import type { Permission } from '../model/fields.ts';
import { limits } from '../model/limits.ts';
import type { State } from '../model/state.ts';
import type { View } from '../model/view.ts';
import { closedAs } from '../rules/closing.ts';
import { actsUntilOf } from '../rules/policy.ts';
import { afterFailed, noPermission, type Sequel, sequelOfFailed } from '../rules/sequel.ts';
import { toldWhoAnswered } from './late.ts';
import { type Awaited, awaitedIn, seconded } from './proposing.ts';
import { assertRequest, factsOf, refuseSettled, type VerdictFacts, type VerdictRequest } from './verdictFacts.ts';

/** `awaits`: nothing follows from it until another person says the same; `null`: it has taken effect. */
export type VerdictGiven = { view: View; awaits: Awaited | null };

const isOpen = ({ open }: State): boolean => open?.kind === 'reserved';

const permissionOf = ({ verdict, by }: VerdictRequest): Permission | null =>
  verdict === 'retry' ? { kind: 'person', detail: by.actor } : null;

/** What may still act is not joined by an attempt of the cell's own `retry`. */
const notBefore = (atMs: number, sequel: Sequel): Sequel =>
  sequel.then === 'retry' ? { ...sequel, dueAtMs: Math.max(atMs, sequel.dueAtMs ?? 0) } : sequel;

const asOutcome = (
  state: State,
  { cell, checks, output, early }: VerdictFacts,
  { nowMs, fraction }: Moment,
  request: VerdictRequest,
): EntryBody => {
  const { verdict, seq, reason, evidence = null, freshKey } = request;
  const permission = permissionOf(request);
  const sequel =
    permission !== null
      ? { then: 'retry' as const, permission, dueAtMs: nowMs }
      : verdict === 'failed'
        ? notBefore(actsUntilOf(state), sequelOfFailed(cell, state, nowMs, fraction()))
        : { then: 'next' as const, ...noPermission };
  return outcomeOf(cell, state, {
    closes: seq,
    status: closedAs[verdict],
    closedBy: 'person',
    verdict,
    evidence,
    ...sequel,
    output,
    error: verdict === 'failed' ? failure('cell.declared', 'A person declared that it failed.') : null,
    expectations: checks,
    note: reason,
    ...(freshKey === true ? { freshKey: true as const } : {}),
    ...early,
  });
};

const asResolved = (
  _state: State,
  { cell, checks, output, early, isAgain: again }: VerdictFacts,
  { nowMs }: Moment,
  request: VerdictRequest,
): EntryBody => {
  const { verdict, seq: about, reason, evidence = null, freshKey = false } = request;
  const then = verdict === 'retry' ? 'retry' : verdict === 'failed' ? afterFailed(cell) : 'next';
  return {
    kind: 'resolved',
    about,
    index: cell.index,
    cell: cell.name,
    verdict,
    closedBy: 'person',
    then,
    permission: permissionOf(request),
    freshKey,
    dueAtMs: verdict === 'retry' ? nowMs : null,
    reason,
    output,
    evidence,
    expectations: checks,
    ...(verdict === 'skip' ? passing(cell) : {}),
    ...(again ? { again: true as const } : {}),
    ...early,
  };
};

export const decideVerdict = (
  state: State,
  ruling: VerdictFacts,
  moment: Moment,
  request: VerdictRequest,
): EntryBody | null =>
  seconded(state, (isOpen(state) ? asOutcome : asResolved)(state, ruling, moment, request), ruling, request);

/** What took the slot says what the person did not know when they decided, unless it is about the run and not the step. */
const assertSameStep = async (call: Call, { seq }: VerdictRequest, knownSeq: number): Promise<void> => {
  const { engine, instanceId } = call;
  const since = await engine.journal.page(instanceId, knownSeq, limits.pageMax);
  // Nor does a renewal settle it: it is decided anew, by the deadline that is the newest now.
  // What another person proposes is agreed with, or it stands beside what this one says.
  if (since.every(({ entry }) => ['control', 'cancelled', 'renewed', 'proposed'].includes(entry.kind))) return;
  refuseSettled(
    call,
    seq,
    `Seq ${seq} of ${instanceId} was settled while you decided: nothing was recorded of your verdict`,
  );
};

/**
 * Decides. Who loses the slot is told what stands now: a late holder's truth, another person's verdict.
 * @throws PawlError `request.invalid`, `seq.stale`, `verdict.early` and `verdict.holderNotKnown` (naming until when),
 *   `instance.finished`
 */
export const giveVerdict = async (
  engine: Engine,
  instanceId: string,
  request: VerdictRequest,
): Promise<VerdictGiven> => {
  assertRequest(request);
  const { call, view, stands } = await change(engine, instanceId, request.by, {
    prepare: (call) => toldWhoAnswered(call, { step: request.seq }, () => factsOf(call, request)),
    decide: (state, ruling, moment) => decideVerdict(state, ruling, moment, request),
    lost: (call, knownSeq) =>
      toldWhoAnswered(call, { step: request.seq }, () => assertSameStep(call, request, knownSeq)),
    // What kept its parent from going on may be settled.
    then: (call) => wakeParent(call),
  });
  await wakeIfAuto(call, view);
  // Without an entry this person has said so before.
  return {
    view,
    awaits: awaitedIn(
      stands?.state ?? stateOf(call),
      stands?.kind !== 'outcome' && stands?.kind !== 'resolved',
      request,
    ),
  };
};

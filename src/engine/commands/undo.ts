/** A person gives a run up for a failure: what it did is taken back, and what its runbook has for its end is gone through. */
import { type Call, type Engine, stateOf, viewNow } from '../call/call.ts';
import { change } from '../call/change.ts';
import { endingOf } from '../call/ending.ts';
import { assertFresh, assertReason, assertUnfinished } from '../call/refusals.ts';
import { wakeIfAuto } from '../call/wake.ts';
import { PawlError } from '../model/errors.ts';
import type { By } from '../model/fields.ts';
import { wayOf } from '../model/levels.ts';
import type { View } from '../model/view.ts';

export type UndoRequest = {
  reason: string;
  /** By a person's steps alone, as in drive `manual`. */
  manual?: boolean;
  /** Of the head that the caller has seen: what stands to be taken back may be other things by now. */
  expectedSeq?: number;
  by: By;
};

/** @throws PawlError `undo.refused` unless the run stands at a known failure, and its runbook has something for that */
const assertFailed = (call: Call): void => {
  assertUnfinished(call);
  const { instanceId, runbook, engine } = call;
  const { halted, open, ending, owes } = stateOf(call);
  const refuse = (why: string): never => {
    throw new PawlError('undo.refused', why, { instanceId, view: viewNow(call) });
  };
  if (ending !== undefined || owes !== undefined)
    refuse(`The way of ${instanceId} is over already: see \`pawl status ${instanceId}\`.`);
  if (open?.kind === 'reserved' || halted?.doubt === true) {
    const { seq, cell } = halted ?? open ?? { seq: 0, cell: '' };
    refuse(
      `Cell ${cell} of ${instanceId} is in flight or in doubt, and that is settled before anything is taken back: \`pawl verdict ${instanceId} --seq ${seq} …\`.`,
    );
  }
  if (halted === null)
    return refuse(
      `Instance ${instanceId} has not failed: nothing is taken back while it can go on. \`pawl cancel ${instanceId} --undo --reason …\` ends it and takes back what it did.`,
    );
  const actsUntilMs = halted.early === true ? (halted.deadlineAtMs ?? 0) : 0;
  if (engine.clock.nowMs() < actsUntilMs)
    refuse(
      `Cell ${halted.cell} of ${instanceId} was decided early: what it began may act until ${new Date(actsUntilMs).toISOString()}; take it back after that.`,
    );
  if (wayOf(runbook.cells) === runbook.cells.length)
    refuse(
      `The runbook of ${instanceId} takes nothing back: it has no \`undo=\` fence and no section with \`on\`. Cancel it, or continue it.`,
    );
};

/** @throws PawlError `request.invalid`, `seq.stale`, `undo.refused`, `instance.finished`, `instance.unknown`, `store.unavailable` */
export const undo = async (
  engine: Engine,
  instanceId: string,
  { reason, manual, expectedSeq, by }: UndoRequest,
): Promise<{ view: View }> => {
  assertReason(reason, 'Taking back');
  const fresh = (call: Call): void => assertFresh(call, expectedSeq);
  const { call, view } = await change(engine, instanceId, by, {
    open: fresh,
    lost: fresh,
    prepare: async (call) => {
      assertFailed(call);
      const began = { by: by.actor, reason };
      return await endingOf(call, { as: 'failed', undo: true }, { began, ...(manual === true ? { manual } : {}) });
    },
    decide: (_state, ending) => ending,
  });
  await wakeIfAuto(call, view);
  return { view };
};

/** After a restore from backup the deployment's epoch is raised, and older instances are held until a person releases them. */
import type { Call, Engine } from '../call/call.ts';
import { change } from '../call/change.ts';
import { assertFresh, assertReason, assertUnfinished } from '../call/refusals.ts';
import { wakeIfAuto } from '../call/wake.ts';
import type { By } from '../model/fields.ts';
import type { State } from '../model/state.ts';
import type { View } from '../model/view.ts';

export const decideRelease = ({ epoch }: State, now: { epoch: number; reason: string }) =>
  epoch < now.epoch ? ({ kind: 'control', ...now } as const) : null;

/**
 * Lets an instance of an older epoch go on. The person has checked that the restored journal forgot no reservation.
 * @param how `expectedSeq`: of the head that its caller has seen, and compared
 * @throws PawlError `request.invalid`, `seq.stale`, `instance.finished`
 */
export const release = async (
  engine: Engine,
  instanceId: string,
  reason: string,
  by: By,
  { expectedSeq }: { expectedSeq?: number } = {},
): Promise<{ view: View }> => {
  assertReason(reason, 'Releasing');
  const { epoch } = engine.deployment;
  const fresh = (call: Call): void => assertFresh(call, expectedSeq);
  const { call, view } = await change(engine, instanceId, by, {
    open: fresh,
    lost: fresh,
    prepare: assertUnfinished,
    decide: (state) => decideRelease(state, { epoch, reason }),
  });
  await wakeIfAuto(call, view);
  return { view };
};

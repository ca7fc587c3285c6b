/** After a restore from backup the deployment's epoch is raised, and older instances are held until a person releases them. */
import type { Engine } from '../call/call.ts';
import { change } from '../call/change.ts';
import { assertReason, assertUnfinished } from '../call/refusals.ts';
import { wakeIfAuto } from '../call/wake.ts';
import type { By, State } from '../model/entries.ts';
import type { View } from '../model/view.ts';

export const decideRelease = ({ epoch }: State, now: { epoch: number; reason: string }) =>
  epoch < now.epoch ? ({ kind: 'control', ...now } as const) : null;

/**
 * Lets an instance of an older epoch go on. The person has checked that the restored journal forgot no reservation.
 * @throws PawlError `request.invalid`, `instance.finished`
 */
export const release = async (engine: Engine, instanceId: string, reason: string, by: By): Promise<{ view: View }> => {
  assertReason(reason, 'Releasing');
  const { epoch } = engine.deployment;
  const { call, view } = await change(engine, instanceId, by, {
    prepare: assertUnfinished,
    decide: (state) => decideRelease(state, { epoch, reason }),
  });
  await wakeIfAuto(call, view);
  return { view };
};

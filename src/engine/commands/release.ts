/** After a restore from backup the deployment's epoch is raised, and older instances are held until a person releases them. */
import { append, commandMs, type Engine, openCall, saveView } from '../call/call.ts';
import type { By } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { View } from '../rules/view.ts';

/**
 * Lets an instance of an older epoch go on. The person has checked that the restored journal forgot no reservation.
 * @throws PawlError `request.invalid`, `instance.finished`
 */
export const release = async (engine: Engine, instanceId: string, reason: string, by: By): Promise<{ view: View }> => {
  if (reason.trim() === '' || reason.length > limits.reasonCharsMax) {
    const message = `Releasing needs a reason of 1 to ${limits.reasonCharsMax} characters (reasonCharsMax).`;
    throw new PawlError('request.invalid', message, { limit: 'reasonCharsMax' });
  }
  const call = await openCall(engine, instanceId, by, commandMs);
  const { epoch } = engine.deployment;
  for (;;) {
    const { state } = call.head.entry;
    if (state.ended !== null)
      throw new PawlError('instance.finished', `Instance ${instanceId} has ended as ${state.ended}.`, { instanceId });
    if (state.epoch >= epoch || (await append(call, () => ({ kind: 'control', epoch, reason }))))
      return { view: await saveView(call) };
  }
};

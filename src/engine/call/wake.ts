/** After a person's answer: who answers runs nothing, and does not wait for what follows. */
import { causeOf } from '../model/events.ts';
import type { View } from '../model/view.ts';
import { goesByItself } from '../rules/decide.ts';
import { type Call, stateOf } from './call.ts';

/** A run that goes by itself goes on at once, not with the next round of the schedule: its due mark stands behind the wake. */
export const wakeIfAuto = async (call: Call, view: View): Promise<void> => {
  const state = stateOf(call);
  const isDue =
    view.status === 'ready'
      ? goesByItself(state) || view.dueAtMs !== null
      : view.status === 'halted' && view.dueAtMs !== null;
  if (!isDue) return;
  const { engine, instanceId } = call;
  const atMs = Math.max(engine.clock.nowMs(), state.dueAtMs ?? 0);
  await engine.wakeAt(instanceId, atMs, view.seq).catch((error: unknown) => {
    engine.observe({ kind: 'wake.unsent', instanceId, cell: undefined, cause: causeOf(error) });
  });
};

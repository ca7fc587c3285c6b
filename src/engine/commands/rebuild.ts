/**
 * Views and subscriptions are made again from the journal: after they were lost, or restored older than the journal is.
 * What waits for a claim becomes due, so that it is looked at, which subscribes it again.
 */
import { type Engine, openCall, saveView } from '../call/call.ts';
import { commandMs } from '../call/mark.ts';
import type { By } from '../model/fields.ts';
import { isRunEnd } from '../model/runEnd.ts';
import { settleAll } from '../model/settleAll.ts';
import type { View } from '../model/view.ts';

/** Makes the view of an instance again. @throws PawlError `instance.unknown`, `journal.broken`, `store.unavailable` */
export const rebuild = async (engine: Engine, instanceId: string, by: By): Promise<{ view: View }> => {
  const call = await openCall(engine, instanceId, by, commandMs);
  await call.mark.arm();
  return { view: await saveView(call) };
};

export type Swept = { instances: number; rebuilt: string[]; next: string | null };

/** A view that the schedule would never look at, though its journal may ask for it. */
const mayBeLost = (view: View | undefined): boolean =>
  view === undefined || (view.dueAtMs === null && !isRunEnd(view.status));

/**
 * One page of the instances in a part of the list of journals: makes the view again of each that has none, or that is
 * not at its end and not due. `refused` gets what fails; it holds up none of the others.
 */
export const sweep = async (
  engine: Engine,
  shard: number,
  after: string | undefined,
  refused: (instanceId: string, error: unknown) => void,
  make: (instanceId: string) => Promise<unknown>,
): Promise<Swept> => {
  const { instanceIds, next } = await engine.journal.started(shard, after);
  const views = new Map((await engine.views.getEach(instanceIds)).map((view) => [view.instanceId, view]));
  const lost = instanceIds.filter((instanceId) => mayBeLost(views.get(instanceId)));
  const rebuilt = await settleAll(
    lost.map(async (instanceId) => {
      try {
        await make(instanceId);
        return [instanceId];
      } catch (error) {
        refused(instanceId, error);
        return [];
      }
    }),
  );
  return { instances: instanceIds.length, rebuilt: rebuilt.flat(), next };
};

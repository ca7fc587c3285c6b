/** Which elements under way have a step whose process is gone: their views say nothing of it. */
import { isPawlError, type WaitReport } from '../engine/index.ts';
import type { Client } from './client.ts';

/** More are not asked about for one screen: `pawl doubts` asks about all. */
const askedMax = 10;

export const goneElements = async (client: Client, waits: WaitReport): Promise<ReadonlySet<string>> => {
  if (waits.kind !== 'each') return new Set();
  // A holder that vanished may have left the view as it was before the step.
  const asked = waits.elements.filter(({ status }) => status === 'running' || status === 'ready').slice(0, askedMax);
  const found = await Promise.all(
    asked.map(async ({ instanceId }) => {
      try {
        return (await client.glance(instanceId)).holderProcess === 'gone' ? [instanceId] : [];
      } catch (error) {
        // What it cannot be asked hides nothing else of the screen.
        if (isPawlError(error)) return [];
        throw error;
      }
    }),
  );
  return new Set(found.flat());
};

/** A page of a list with the elements under their runs, which stand where they would without these. */
import { isChild, isPawlError, rootOf, type View } from '../engine/index.ts';
import type { Client } from './client.ts';

/** `view`: `null` where it cannot be read. `elements`: those of the page. */
export type Folded = { instanceId: string; view: View | null; elements: View[] };

/** Runs read at the same time. */
const readersMax = 10;

const runOf = async (client: Client, instanceId: string): Promise<string> => {
  let id = rootOf(instanceId);
  // Where it became too long, its parent does not stand in it.
  while (isChild(id)) {
    const first = await client.entry(id, 0);
    if (first?.kind !== 'started' || first.parent === undefined) return id;
    id = rootOf(first.parent.instanceId);
  }
  return id;
};

/** A run of whose elements some are on the page, and it is not. */
const viewOf = async (client: Client, instanceId: string): Promise<View | null> => {
  try {
    return (await client.glance(instanceId)).view;
  } catch (error) {
    if (!isPawlError(error) || error.code === 'store.unavailable') throw error;
    return null;
  }
};

export const foldedIn = async (client: Client, views: readonly View[]): Promise<Folded[]> => {
  const rows = new Map<string, Folded>();
  for (const view of views) {
    const { instanceId } = view;
    if (!isChild(instanceId)) rows.set(instanceId, { instanceId, view, elements: [] });
  }
  const placed = new Set<Folded>();
  const absent: Folded[] = [];
  for (const view of views) {
    const isElement = isChild(view.instanceId);
    const instanceId = isElement ? await runOf(client, view.instanceId) : view.instanceId;
    const known = rows.get(instanceId);
    const row = known ?? { instanceId, view: null, elements: [] };
    if (known === undefined) {
      rows.set(instanceId, row);
      absent.push(row);
    }
    // One that is on the page stands at its own time, others where the first of their elements does.
    if (!isElement || row.view === null) placed.add(row);
    if (isElement) row.elements.push(view);
  }
  while (absent.length > 0)
    await Promise.all(
      absent.splice(0, readersMax).map(async (row) => {
        row.view = await viewOf(client, row.instanceId);
      }),
    );
  return [...placed];
};

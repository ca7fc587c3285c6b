/** Which run goes on from one that has ended. */
import { isPawlError } from '../engine/index.ts';
import type { Client, Instance } from './client.ts';

/**
 * As its journal says; else the one that has the id which a continuation of it would take first.
 * @returns `undefined`: none is known
 */
export const continuedBy = async (client: Client, { view, head }: Instance): Promise<string | undefined> => {
  const { instanceId } = view;
  const { cancelled } = head.state;
  const ended = cancelled === null ? undefined : await client.entry(instanceId, cancelled);
  if (ended?.kind === 'cancelled' && ended.continuedAs !== undefined) return ended.continuedAs;
  const first = await client.entry(instanceId, 0);
  const [, stem, n] = /^(.+)\.(\d+)$/.exec(instanceId) ?? [];
  const isContinuation = first?.kind === 'started' && first.continues !== null;
  const next = isContinuation && stem !== undefined ? `${stem}.${Number(n) + 1}` : `${instanceId}.2`;
  try {
    const begun = await client.entry(next, 0);
    return begun?.kind === 'started' && begun.continues?.instanceId === instanceId ? next : undefined;
  } catch (error) {
    // Nothing has it, or it is too long to be an id.
    if (isPawlError(error) && (error.code === 'instance.unknown' || error.code === 'request.invalid')) return undefined;
    throw error;
  }
};

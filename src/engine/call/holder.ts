/** The process that holds a step, as its reservation names it. Whether it is alive only its own machine can tell. */

import type { Reservation } from '../model/bodies.ts';
import type { Entry } from '../model/entries.ts';
import type { HolderState } from '../ports.ts';
import type { Engine } from './call.ts';

/**
 * What everything carries that is begun for a reservation (128 bits, hex), so that it is found although its holder is gone.
 * It follows from the entry, or stands in it: whoever reads that knows what to look for.
 */
export const executionOf = (
  engine: Pick<Engine, 'sha256'>,
  step: { instanceId: string; seq: number; token: string },
  { execution }: Pick<Reservation, 'execution'>,
): string => execution ?? engine.sha256(`execution ${step.instanceId} ${step.seq} ${step.token}`).slice(0, 32);

const reservedBy = (entry: Entry): Pick<Reservation, 'process' | 'execution'> | undefined =>
  entry.kind === 'reserved' ? entry : entry.kind === 'outcome' ? entry.reserve : undefined;

/**
 * What this process can tell of the one that made the reservation at `seq`.
 * @returns `null`: nothing was reserved there by a process that has a name
 * @throws PawlError `store.unavailable`
 */
export const holderStateAt = async (engine: Engine, instanceId: string, seq: number): Promise<HolderState | null> => {
  const entry = (await engine.journal.entry(instanceId, seq))?.entry;
  const reserved = entry && reservedBy(entry);
  if (entry === undefined || reserved?.process === undefined) return null;
  return (await engine.holderState?.(reserved.process, executionOf(engine, entry, reserved))) ?? 'not here';
};

/** Nobody is left in doubt without a cause: a step whose holder did not close it had a holder that something struck. */
import type { FaultKind } from '../faults.ts';
import { must } from '../world.ts';
import type { Oracle } from './reading.ts';
import { writerOf } from './writer.ts';

/** Faults that the engine rides out by itself: they explain no doubt. */
const riddenOut = new Set<FaultKind>(['answerLostAndRetried', 'viewLost', 'viewReordered', 'probeUnsure', 'cutRead']);

export const checkCauses = ({ world, calls, entries }: Oracle): void => {
  const { clockFarOff, restore } = world.faults;
  // A clock far off, anybody's, lets a step be given up while its holder is still at it; a backup forgets outcomes.
  if (clockFarOff + restore > 0) return;
  for (const entry of entries) {
    if (entry.kind !== 'outcome' || entry.closes === null) continue;
    const reserved = entries[entry.closes];
    if (reserved === undefined || reserved.kind === 'waiting' || reserved.token === entry.token) continue;
    const holder = writerOf({ calls }, reserved);
    const cause = holder?.struck.some((kind) => !riddenOut.has(kind));
    must(
      cause === true,
      'cause',
      `seq ${entry.closes} was closed by ${entry.closedBy}, and nothing had struck its holder`,
    );
  }
};

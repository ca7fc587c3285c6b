/** Judges a simulated world at rest: its journal, its view, and the independent witness of what happened in it. */
import { checkPlaces } from '../places.ts';
import type { World } from '../world.ts';
import { checkCauses } from './causes.ts';
import { checkChain } from './chain.ts';
import { checkCommits } from './commits.ts';
import { checkRolledBack } from './endings.ts';
import type { Oracle, Reading } from './reading.ts';
import { checkTold } from './told.ts';
import { checkWitness } from './witness.ts';

export { checkFamilies, checkLeft, watchFamily } from './families.ts';
export { checkPeopleTold, checkProgress } from './progress.ts';
export type { Oracle, Reading } from './reading.ts';
export { checkSeveral, watchLock } from './several.ts';
export { checkStored } from './stored.ts';
export { promisesNothing } from './told.ts';
export { checkDue, checkHome, checkSwept, checkView } from './views.ts';

export const oracleOf = (world: World): Oracle => ({
  world,
  calls: Map.groupBy(world.calls, (call) => call.id),
  entries: world.chain.map(({ entry }) => entry),
});

/** I1 to I6, I9, I10; the reading of the journal, for what else is asked of it. */
export const checkSafety = (oracle: Oracle): Reading | undefined => {
  const reading = checkChain(oracle);
  checkWitness(oracle);
  checkCommits(oracle);
  if (reading !== undefined) checkRolledBack(oracle, reading);
  checkPlaces(oracle.world);
  checkTold(oracle);
  checkCauses(oracle);
  return reading;
};

/** How a plan tells what a runbook has for the ends of a run. */
import type { Ends, Failing } from '../engine/index.ts';
import type { Screen } from './screen.ts';

const onEnds = { failure: 'after a failure', cancel: 'once it is cancelled', always: 'at every end' } as const;

/** What a cell has to do with ends: which one it takes back, at which ends it runs, or what takes it back. */
export const endText = ({ cleanup, undoneBy, hasEffects }: Ends, hasEnds: boolean): string | null => {
  if (cleanup !== undefined && 'on' in cleanup)
    return `on=${cleanup.on}: passed over on the way, runs ${onEnds[cleanup.on]}`;
  if (cleanup !== undefined)
    return `takes back ${cleanup.undo}${cleanup.of === 'begun' ? ', also where it only began' : ''}`;
  if (undoneBy !== null)
    return `taken back by ${undoneBy.cell}${undoneBy.of === 'begun' ? ', also where it only began' : ''}`;
  return hasEnds && hasEffects ? 'nothing takes it back' : null;
};

const failureText = {
  ask: 'halts, and a person is asked (`pawl undo`); given up for it:',
  undo: 'gives the run up by itself:',
  end: 'ends it as it stands:',
} as const;

/** The failure path, of what was done before the failure. */
export const printFailing = (
  { print }: Screen,
  indent: string,
  what: string,
  { onFailure, path, stays }: Failing,
): void => {
  print(
    `${indent}${what} ${failureText[onFailure]} ${path.length === 0 ? 'nothing is gone through' : path.join(', ')}`,
  );
  if (stays.length > 0) print(`${indent}  stays as it is: ${stays.join(', ')}`);
};

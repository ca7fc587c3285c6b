/** What is said of an instance that waits for a worker of another place. */
import type { Instance } from './client.ts';
import { harmless, type Screen } from './screen.ts';
import { mannedText } from './workers.ts';

/** `kubectl and KUBECONFIG`, of what a worker lacks. */
const namesOf = (lacking: string[]): string => {
  const names = lacking.map((one) => harmless(one.replace(/^(program|env) /, '')));
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
};

export const explainElsewhere = (
  { print, paint }: Screen,
  { view, nowMs }: Pick<Instance, 'view' | 'nowMs'>,
  manned: NonNullable<Instance['manned']>,
): void => {
  const { place, alive, lacking = [] } = manned;
  const that = lacking.length === 0 ? '' : ` that has ${namesOf(lacking)}`;
  print(
    paint('warn', `Parked: ${view.cell} is waiting for a worker at ${place}${that}; ${mannedText(manned, nowMs)}.`),
  );
  if (alive === 0) return print(`Next: begin one on a machine there: \`pawl worker --at ${place}\`.`);
  if (lacking.length === 0) return print(`Next: nothing, or see what they lack: \`pawl workers --place ${place}\`.`);
  print(
    `Next: give a worker there what it lacks, or begin another: \`pawl workers --place ${place}\` says who lacks what.`,
  );
};

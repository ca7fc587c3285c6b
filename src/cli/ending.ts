/** What is told of the end of a run: how its way was over, what is taken back and what is not, and how it then ended. */

import type { EndReport } from '../engine/index.ts';
import { closed } from '../engine/index.ts';
import type { Instance } from './client.ts';
import { plural, unbroken } from './format.ts';
import { harmless, type Screen } from './screen.ts';
import { printFact } from './stepScreen.ts';

const listed = (names: string[]): string => (names.length === 0 ? 'nothing' : names.join(', '));

/** `onFailure`, `alice: not tonight`. */
const byWhom = ({ began: { by, reason } }: EndReport): string =>
  unbroken(harmless(reason === null ? by : `${by}: ${reason}`));

const whyOver = (ending: EndReport): string => {
  const { as, failed } = ending;
  if (as === 'completed') return 'its last cell is done';
  if (as === 'cancelled') return `cancelled by ${byWhom(ending)}`;
  if (failed === null)
    return ending.began.by === 'as=failed' ? 'a cell ended it as failed' : `taken back by ${byWhom(ending)}`;
  const { cell, seq, code, message } = failed;
  return `${cell}, seq ${seq}, failed: ${unbroken(harmless(message))} (${code}); given up by ${byWhom(ending)}`;
};

/** Who passed over what takes back, and why. */
const printSkipped = (screen: Screen, { skipped }: EndReport): void => {
  for (const { cell, by, reason } of skipped)
    printFact(screen, 'skipped', `what takes ${cell} back, by ${unbroken(harmless(`${by}: ${reason}`))}`);
};

/** What is taken back, before anything of it has begun. */
export const printAhead = (screen: Screen, { takesBack, then, stays }: EndReport): void => {
  printFact(screen, 'undoes', listed(takesBack));
  if (then.length > 0) printFact(screen, 'then', then.join(', '));
  if (stays.length > 0) printFact(screen, 'stays', stays.join(', '));
};

/** While it is gone through. Where it stands in that, and what is next, is told after it. */
export const explainEnding = (screen: Screen, instance: Instance, ending: EndReport): void => {
  const { takesBack, takenBack, then, left, stays, manual } = ending;
  screen.print(screen.paint('warn', closed(`The way is over: ${whyOver(ending)}`)));
  const count = takenBack.length === 0 ? 'none' : `${listed(takenBack)}: ${takenBack.length}`;
  if (takesBack.length > 0) printFact(screen, 'undone', `${count} of ${plural(takesBack.length, 'cell')}`);
  const rest = left.filter((name) => name !== instance.view.cell);
  if (rest.length > 0) printFact(screen, 'left', rest.join(', '));
  else if (then.length > 0 && takesBack.length === 0) printFact(screen, 'left', 'nothing after this');
  if (stays.length > 0) printFact(screen, 'stays', stays.join(', '));
  printSkipped(screen, ending);
  if (manual) printFact(screen, 'manual', 'each of its cells is advanced by a person');
};

/** Once the run has ended; of one that completed or was cancelled nothing is said where nothing was left. */
export const explainEnded = (screen: Screen, { view, ending }: Instance): void => {
  const { print, paint } = screen;
  if (view.status === 'rolled_back')
    print(paint('bad', 'Rolled back: it failed, and whatever it had begun was taken back.'));
  if (view.status === 'failed') print(paint('bad', 'Failed, and ended: nothing runs in it any more.'));
  if (ending === null) return;
  const { takesBack, takenBack, stays, stopped, as } = ending;
  if (as === 'failed') printFact(screen, 'why', whyOver(ending));
  if (takesBack.length > 0) printFact(screen, 'undone', listed(takenBack));
  if (as !== 'completed' && stays.length > 0)
    printFact(screen, 'stays', `${stays.join(', ')}: as it is, look after it`);
  printSkipped(screen, ending);
  if (stopped) printFact(screen, 'stopped', `by a person, before ${listed(ending.left)}`);
};

/** A process beside the test: says its name and waits, or (`ask NAME EXECUTION`) says what it can tell of another one. */
import { holderState, ownProcess } from '../../src/cells/index.ts';

const [what, named = '', execution = ''] = process.argv.slice(2);
if (what === 'ask') process.stdout.write(`${await holderState(named, execution)}\n`);
else {
  process.stdout.write(`${ownProcess()}\n`);
  setInterval(() => {}, 60_000);
}

/** An engine with processes that stand ready, one of them claimed: says their executions and waits, until somebody kills it. */
import { createStandby } from '../../src/cells/index.ts';

const standby = createStandby();
standby.expect({ kind: 'sh' });
const execution = standby.claim({ kind: 'js' });
// What is expected begins after this.
await new Promise((resolve) => setImmediate(resolve));
await standby.ready();
process.stdout.write(`${execution}\n`);
setInterval(() => {}, 60_000);

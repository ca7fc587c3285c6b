/** A process, or a thread, that appends to chains of its own and says each entry that was acknowledged: `<instance> <seq>` on a line. */
import { writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { createStore } from '../../src/store/index.ts';
import { openFile } from '../../src/store/local.ts';
import { entry } from './fixtures.ts';

const say = (text: string): void => {
  if (parentPort === null) writeSync(1, `${text}\n`);
  else parentPort.postMessage(text);
};

const [file = '', name = '', count = '1000000'] = process.argv.slice(2);
const { client, clock } = await openFile(file);
const { journal } = createStore(client, { clock });
let prev: string | null = null;
for (let seq = 0; seq < Number(count); seq += 1) {
  const put = await journal.putOnce({ ...entry(name, seq, `t-${seq}`), prev });
  if (put.kind !== 'written') throw new Error(`${name} ${seq}: ${put.kind}`);
  prev = put.standing.hash;
  say(`${name} ${seq}`);
}

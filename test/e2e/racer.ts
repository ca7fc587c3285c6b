/**
 * One of many processes that race for a cell. Arguments: endpoint or file of SQLite, tables prefix, put or insert, instance, expected seq, witness, how
 * many race. It waits at the witness's barrier, advances, and posts what it was told; the effect is a real http cell.
 */

import { createExecute } from '../../src/cells/index.ts';
import { isPawlError } from '../../src/engine/index.ts';
import { createClient } from '../../src/store/dynamodb.ts';
import { createStore } from '../../src/store/index.ts';
import { openFile } from '../../src/store/sqlite.ts';
import { engineOn } from '../support/engine.ts';

const [place = '', tablesPrefix = '', by = '', instanceId = '', seq = '', witness = '', count = ''] =
  process.argv.slice(2);
const { client, clock } = place.startsWith('http')
  ? createClient({ tablesPrefix, endpoint: place })
  : await openFile(place);
const store = createStore(client, { clock, appendOnly: by === 'insert' ? 'insert' : 'put' });
const engine = engineOn(store, { execute: createExecute({ httpAllow: [new URL(witness).host] }) });
const racer = { actor: `racer-${process.pid}`, via: 'test', where: `host:${process.pid}` };

await engine.inspect(instanceId, racer);
await fetch(`${witness}/barrier/${count}`);
const told = await engine.advance(instanceId, { budgetMs: 60_000, expectedSeq: Number(seq), by: racer }).then(
  (answer) => ({
    result: answer.result,
    steps: answer.steps.length,
    seq: answer.view.seq,
    holder: answer.stop.result === 'in_flight' ? answer.stop.holder : null,
  }),
  (error: unknown) =>
    isPawlError(error) ? { result: error.code, steps: 0, seq: error.details.seq } : { result: String(error), steps: 0 },
);
await fetch(`${witness}/told`, { method: 'POST', body: JSON.stringify({ pid: process.pid, ...told }) });

/** A process that works with an embedded store: opens it, writes what it is told, says where, and stays if asked to. */
import { createClient, createStore } from '../../src/store/index.ts';
import { openEmbedded } from '../../src/store/local.ts';
import { entry } from './fixtures.ts';

const [dataDir = '', idleMs = '', instanceId = '', stayMs = '0'] = process.argv.slice(2);
const { endpoint, tablesPrefix, pid } = await openEmbedded(dataDir, { idleMs: Number(idleMs) });
const { client, clock } = createClient({ endpoint });
const { journal } = createStore(client, { tablesPrefix, clock });
const put = await journal.putOnce(entry(instanceId, 0, 'opener'));
process.stdout.write(`${JSON.stringify({ endpoint, pid, put: put.kind })}\n`);
await clock.sleep(Number(stayMs));
if (Number(stayMs) > 0) process.stdout.write(`${(await journal.head(instanceId))?.entry.seq}\n`);

/**
 * A service in a process of its own, as `npm run dev` would start it, on an embedded store: the same environment as the
 * command line's, and no schedule, so that nothing goes on by itself here either. It tells its parent its port, and ends with it.
 */

import assert from 'node:assert/strict';
import { createExecute, parseHttpAllow } from '../../src/cells/index.ts';
import { readSettings } from '../../src/cli/settings.ts';
import { createStore } from '../../src/store/index.ts';
import { openFolder } from '../../src/store/local.ts';
import { beSilent, serve } from '../support/served.ts';

const { store, deployment, httpAllow } = readSettings();
assert(store.kind === 'embedded');
const { client, clock } = await openFolder(store.dataDir);
beSilent();
process.on('disconnect', () => process.exit(0));
const port = await serve({
  store: createStore(client, { clock }),
  clock,
  execute: createExecute({ httpAllow: parseHttpAllow(httpAllow) }),
  deployment,
  workMs: 900_000,
});
process.send?.({ port });

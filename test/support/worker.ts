/**
 * An engine in a process of its own, to be killed, frozen and thawed (workers.ts starts it). Its argument is a
 * `WorkerOptions` as JSON; it does what its parent says, and ends with its parent.
 */

import { createExecute } from '../../src/cells/index.ts';
import { isPawlError } from '../../src/engine/index.ts';
import { createClient } from '../../src/store/dynamodb.ts';
import { createStore } from '../../src/store/index.ts';
import { engineOn } from './engine.ts';
import type { Answered, Ordered, WorkerOptions } from './workers.ts';

const { endpoint, prefix, graceMs, httpAllow, aws }: WorkerOptions = JSON.parse(process.argv[2] ?? '');
const { client, clock } = createClient({ tablesPrefix: prefix, endpoint });
const store = createStore(client, { clock });
const engine = engineOn(store, {
  execute: createExecute({ httpAllow, ...(aws === undefined ? {} : { aws }) }),
  deployment: { name: 'test', epoch: 0, takeoverGraceMs: graceMs },
});
const by = { actor: `worker-${process.pid}`, via: 'test', where: `host:${process.pid}` };

const carryOut = async (order: Ordered): Promise<unknown> => {
  switch (order.do) {
    case 'advance':
      return await engine.advance(order.instanceId, { budgetMs: 60_000, by, ...order.with });
    case 'run':
      return await engine.run(order.instanceId, { budgetMs: 60_000, by, ...order.with });
    case 'inspect':
      return await engine.inspect(order.instanceId, by);
    case 'resources':
      return process.getActiveResourcesInfo();
  }
};

process.on('disconnect', () => process.exit(0));
process.on('message', async (order: Ordered) => {
  const answered: Answered = await carryOut(order).then(
    (value) => ({ id: order.id, value }),
    (error: unknown) => ({
      id: order.id,
      error: isPawlError(error)
        ? { code: error.code, message: error.message, details: error.details }
        : { code: 'not a PawlError', message: String(error), details: {} },
    }),
  );
  process.send?.(JSON.parse(JSON.stringify(answered)));
});
process.send?.('ready');

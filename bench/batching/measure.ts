/** What one run of a runbook costs on DynamoDB Local: requests and capacity units, by kind. Prints JSON. */

import { createClient, createTables } from '../../src/store/dynamodb.ts';
import { createStore } from '../../src/store/index.ts';
import { runbookOf } from '../../test/engine/runbooks.ts';
import { engineOn } from '../../test/support/engine.ts';
import { startJar } from '../../test/support/servers.ts';

export type Cost = { puts: number; updates: number; reads: number; writeUnits: number; readUnits: number };
/** By number of cells. */
export type Costs = Record<string, Cost>;

const sizes = [1, 2, 5, 10, 50];
/** As a cell tells it: a deployment's id, a count, a moment. */
const output = JSON.stringify({ deployment: 'd-7Q2F', instances: 12, finishedAt: '2026-11-25T03:00:00Z' });
const by = { actor: 'arn:aws:sts::111122223333:assumed-role/oncall/alice', via: 'api', where: 'a'.repeat(36) };

const measure = async (endpoint: string): Promise<Costs> => {
  const { client, clock, document } = createClient({ tablesPrefix: 'batching', endpoint });
  await createTables(document, 'batching');
  const engine = engineOn(createStore(client, { clock }), {
    execute: async () => ({ status: 'completed', output }),
  });
  const begin = (): Cost => ({ puts: 0, updates: 0, reads: 0, writeUnits: 0, readUnits: 0 });
  let cost = begin();
  document.middlewareStack.add(
    (next, context) => async (args) => {
      Object.assign(args.input, { ReturnConsumedCapacity: 'TOTAL' });
      const result = await next(args);
      const { ConsumedCapacity } = result.output as { ConsumedCapacity?: { CapacityUnits?: number } };
      const units = ConsumedCapacity?.CapacityUnits ?? 0;
      const kind = context.commandName;
      if (kind === 'PutItemCommand' || kind === 'PutCommand') cost.puts += 1;
      else if (kind === 'UpdateItemCommand' || kind === 'UpdateCommand') cost.updates += 1;
      else cost.reads += 1;
      if (/^(Put|Update)/.test(kind ?? '')) cost.writeUnits += units;
      else cost.readUnits += units;
      return result;
    },
    { step: 'initialize', name: 'capacity', priority: 'low' },
  );
  const costs: Costs = {};
  for (const cells of sizes) {
    const runbook = { ...runbookOf(Array.from({ length: cells }, () => ({}))), runbookId: `cells${cells}` };
    await engine.publish(JSON.stringify(runbook), by);
    const instanceId = `run${cells}`;
    await engine.start({ runbookId: runbook.runbookId, params: {}, instanceId, by });
    cost = begin();
    const { result } = await engine.run(instanceId, { budgetMs: 600_000, by });
    if (result !== 'completed') throw new Error(`the run of ${cells} cells ended as ${result}`);
    costs[cells] = { ...cost };
  }
  document.destroy();
  return costs;
};

const tables = await startJar();
try {
  console.log(JSON.stringify(await measure(tables.endpoint)));
} finally {
  await tables.stop();
}

import { expect, test } from 'vitest';
import { runbookOf } from '../engine/runbooks.ts';
import { engineOn } from '../support/engine.ts';
import { freshStore } from '../support/world.ts';

const by = { actor: 'alice', via: 'test', where: 'host:1' };

test('10,000 entries in one instance: an advance costs the same requests and capacity at the start and at the end', async () => {
  const { store, document } = await freshStore('dynamodb');
  let cost: string[] = [];
  document.middlewareStack.add(
    (next, context) => async (args) => {
      const input = args.input as unknown as Record<string, unknown>;
      input.ReturnConsumedCapacity = 'TOTAL';
      const result = await next(args);
      const units = (result.output as unknown as { ConsumedCapacity?: { CapacityUnits?: number } }).ConsumedCapacity
        ?.CapacityUnits;
      cost.push(`${context.commandName} ${String(input.TableName).split('-').at(-1)} ${units}`);
      return result;
    },
    { step: 'initialize', name: 'capacity', priority: 'low' },
  );
  // No jitter means no backoff: the same failing cell, thousands of attempts.
  const random = { token: () => Math.random().toString(16).slice(2).padEnd(16, '0'), fraction: () => 0 };
  const engine = engineOn(store, {
    random,
    execute: async (input) =>
      input.step.cell === 'c0' ? { status: 'completed', output: '{"n":1}' } : { status: 'failed', exitCode: 1 },
  });
  await engine.publish(JSON.stringify(runbookOf([{}, { retryMax: 99_000, reads: ['c0'] }])), by);
  await engine.start({ runbookId: 'demo', params: {}, instanceId: 'long', by });
  await engine.advance('long', { budgetMs: 600_000, by, maxCells: 2 });
  const costOf = async (): Promise<string[]> => {
    cost = [];
    expect((await engine.advance('long', { budgetMs: 600_000, by })).steps).toMatchObject([
      { cell: 'c1', then: 'retry' },
    ]);
    return [...cost];
  };
  const early = await costOf();
  await engine.advance('long', { budgetMs: 600_000, by, maxCells: 5_000 });
  const late = await costOf();
  expect((await engine.inspect('long', by)).view.seq).toBeGreaterThan(10_000);
  expect(late).toEqual(early);
  expect(early.length).toBeLessThan(10);
  console.log(`an advance at entry 10,000 costs what it cost at entry 6: ${early.join(', ')}`);
}, 240_000);

import { afterEach, describe, expect, test } from 'vitest';
import { createClient } from '../../src/store/dynamodb.ts';
import { createStore } from '../../src/store/index.ts';
import { runbookOf } from '../engine/runbooks.ts';
import { engineOn } from '../support/engine.ts';
import { createProxy, type Proxy as LossyProxy } from '../support/proxy.ts';
import { freshStore, storeKinds } from '../support/world.ts';

const by = { actor: 'alice', via: 'test', where: 'host:1' };
let proxy: LossyProxy;
afterEach(() => proxy.close());

const kinds = (await storeKinds()).filter((kind) => kind !== 'sqlite');
/** SQLite's answers go over no wire: what is lost in its commit is in test/store/sqlite.test.ts. */
describe.each(kinds)('scenario 1: the answer to a stored append is lost, on %s', (which) => {
  const setup = async () => {
    const { endpoint, options, prefix } = await freshStore(which);
    proxy = await createProxy(endpoint);
    const { client, clock } = createClient({ tablesPrefix: prefix, endpoint: proxy.endpoint });
    const store = createStore(client, { ...options, clock });
    const begun: number[] = [];
    const engine = engineOn(store, {
      execute: async (input) => {
        begun.push(input.step.seq);
        return { status: 'completed', output: '{"paid":true}' };
      },
    });
    // With time to begin, also once three answers were waited for.
    const cells = [{ timeoutMs: 40_000 }, { timeoutMs: 40_000 }];
    await engine.publish(JSON.stringify(runbookOf(cells)), by);
    await engine.start({ runbookId: 'demo', params: {}, instanceId: 'i1', by });
    return { engine, begun };
  };
  // The SDK sends an append up to three times: one lost answer meets its retry, three lost answers meet our own read.
  const cases = [
    ['reserved', 1],
    ['reserved', 3],
    ['outcome', 1],
    ['outcome', 3],
  ] as const;

  test.each(cases)('the answer to the %s is dropped %i times: the advancer knows that it won', async (kind, times) => {
    const { engine, begun } = await setup();
    let left = times;
    proxy.dropWhen((_target, _body, about) => about === kind && left-- > 0);
    const answer = await engine.advance('i1', { budgetMs: 60_000, by });
    expect(answer).toMatchObject({
      result: 'advanced',
      steps: [{ cell: 'c0', seq: 1, status: 'completed', recorded: true }],
    });
    const target = which === 'insert' ? 'ExecuteStatement' : 'PutItem';
    expect(proxy.dropped).toEqual(Array(times).fill(target));
    expect(begun).toEqual([1]);
    const kinds = (await engine.journal('i1', -1, 100)).map(({ entry }) => entry.kind);
    expect(kinds).toEqual(['started', 'reserved', 'outcome']);
  });

  test('every answer about the reservation is dropped, reads too: 503 names the instance, and nothing ran or will', async () => {
    const { engine, begun } = await setup();
    await engine.inspect('i1', by);
    proxy.dropWhen((target, _body, about) => about === 'reserved' || target === 'GetItem');
    const refused = engine.advance('i1', { budgetMs: 60_000, by });
    await expect(refused).rejects.toMatchObject({ code: 'store.unavailable', details: { instanceId: 'i1' } });
    expect(begun).toEqual([]);
    proxy.dropWhen(() => false);
    // It did land: a reservation without a holder, which nobody starts.
    expect(await engine.advance('i1', { budgetMs: 60_000, by })).toMatchObject({ result: 'in_flight', steps: [] });
    expect(begun).toEqual([]);
  });
});

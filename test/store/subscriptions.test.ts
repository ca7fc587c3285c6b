/** Conformance of subscriptions, against SQLite and DynamoDB Local. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Waiter } from '../../src/engine/index.ts';
import { createStore, type Store, type StoreClient } from '../../src/store/index.ts';
import { type FreshStore, freshStore, serviceKinds } from '../support/world.ts';
import { faulty, named, timeout } from './fixtures.ts';

const waiter = (instanceId: string, cell = 'wait', runbookId = 'deploy', about = 1): Waiter => ({
  instanceId,
  cell,
  about,
  runbookId,
});

describe.each(await serviceKinds())('subscriptions on %s', (which) => {
  let world: FreshStore;
  let subscriptions: Store['subscriptions'];
  const on = (client: StoreClient) => createStore(client, { clock: world.store.clock });
  beforeAll(async () => {
    world = await freshStore(which);
    subscriptions = world.store.subscriptions;
  });
  afterAll(() => world.drop());
  const all = async (claimId: string, limit: number) => {
    const pages: Waiter[][] = [];
    let from: string | undefined;
    do {
      const page: Awaited<ReturnType<typeof subscriptions.page>> = await subscriptions.page(claimId, limit, from);
      pages.push(page.waiters);
      from = page.next ?? undefined;
    } while (from !== undefined);
    return pages;
  };

  test('who subscribed is found, once, until removed; of each claim its own', async () => {
    expect(await subscriptions.page('none', 10)).toEqual({ waiters: [], next: null });
    for (let time = 0; time < 2; time += 1) {
      await subscriptions.add('ci/7', waiter('run-1'));
      await subscriptions.add('ci/7', waiter('run-1', 'other'));
      await subscriptions.add('ci/7', waiter('run-2', 'wait', 'backup'));
      await subscriptions.add('ci/8', waiter('run-1'));
    }
    const three = [waiter('run-1', 'other'), waiter('run-1'), waiter('run-2', 'wait', 'backup')];
    expect(await subscriptions.page('ci/7', 10)).toEqual({ waiters: three, next: null });
    expect(await subscriptions.page('ci/8', 10)).toEqual({ waiters: [waiter('run-1')], next: null });
    for (let time = 0; time < 2; time += 1)
      await subscriptions.remove('ci/7', { instanceId: 'run-1', cell: 'wait', about: 1 });
    expect((await subscriptions.page('ci/7', 10)).waiters).toEqual([three[0], three[2]]);
    expect((await subscriptions.page('ci/8', 10)).waiters).toEqual([waiter('run-1')]);
  });

  test('250 waiters in pages, each once, and `next` only where there is more', { timeout: 60_000 }, async () => {
    const ids = Array.from({ length: 250 }, (_, i) => `run-${String(i).padStart(3, '0')}`);
    await Promise.all(ids.map((id) => subscriptions.add('busy', waiter(id))));
    for (const [limit, sizes] of [
      [100, [100, 100, 50]],
      [125, [125, 125]],
      [250, [250]],
      [1000, [250]],
    ] as const) {
      const pages = await all('busy', limit);
      expect(pages.map((page) => page.length)).toEqual(sizes);
      expect(pages.flat()).toEqual(ids.map((id) => waiter(id)));
    }
  });

  test('a waker goes on where another one stopped, whoever comes and goes meanwhile', async () => {
    for (const id of ['b', 'd', 'f', 'h']) await subscriptions.add('moving', waiter(id));
    const first = await subscriptions.page('moving', 2);
    expect(first).toEqual({ waiters: [waiter('b'), waiter('d')], next: 'd/wait' });
    await subscriptions.remove('moving', { instanceId: 'd', cell: 'wait', about: 1 });
    await subscriptions.add('moving', waiter('e'));
    await subscriptions.add('moving', waiter('a'));
    const rest = await subscriptions.page('moving', 10, 'd/wait');
    expect(rest).toEqual({ waiters: [waiter('e'), waiter('f'), waiter('h')], next: null });
  });

  test('what an earlier wait of the same cell still writes or removes changes nothing of a later one', async () => {
    const of = (about: number): Waiter => waiter('run', 'wait', 'deploy', about);
    await subscriptions.add('again', of(3));
    await subscriptions.add('again', of(9));
    await subscriptions.add('again', of(3));
    expect((await subscriptions.page('again', 10)).waiters).toEqual([of(9)]);
    await subscriptions.remove('again', of(3));
    expect((await subscriptions.page('again', 10)).waiters).toEqual([of(9)]);
    await subscriptions.remove('again', of(9));
    expect((await subscriptions.page('again', 10)).waiters).toEqual([]);
  });

  test('a page is read consistently, from the table itself', async () => {
    const asked: object[] = [];
    const send = world.client.send.bind(world.client) as (operation: object) => Promise<unknown>;
    const watched = (operation: object) => {
      asked.push(operation);
      return send(operation);
    };
    await on({ send: watched } as StoreClient).subscriptions.page('ci/7', 10);
    expect(asked).toMatchObject([{ kind: 'query', table: 'subscriptions' }]);
    expect(asked[0]).not.toHaveProperty('query.index');
  });

  test('an item that cannot be read is nobody, and keeps nobody from being found', async () => {
    for (const id of ['a', 'b', 'c']) await subscriptions.add('odd', waiter(id));
    await world.raw.put('subscriptions', { claimId: 'odd', waiter: 'b' });
    await world.raw.put('subscriptions', { claimId: 'odd', waiter: 'b/wait' });
    expect((await all('odd', 1)).flat()).toEqual([waiter('a'), waiter('c')]);
  });

  test('no subscription to what is no claim, nor under too long a name', async () => {
    for (const tried of [
      subscriptions.add('lock:prod', waiter('run')),
      subscriptions.remove('', waiter('run')),
      subscriptions.page('link:x', 1),
    ])
      await expect(tried).rejects.toMatchObject({ code: 'request.invalid' });
    for (const tried of [
      subscriptions.add('x'.repeat(1025), waiter('run')),
      subscriptions.add('long', waiter('run', 'x'.repeat(1021))),
    ])
      await expect(tried).rejects.toMatchObject({ code: 'limit.exceeded' });
    await subscriptions.add('long', waiter('run', 'x'.repeat(1020)));
    expect((await subscriptions.page('long', 1)).waiters).toEqual([waiter('run', 'x'.repeat(1020))]);
  });

  test('no answer is the store that is unavailable, a refusal one that is misconfigured', async () => {
    for (const [error, code] of [
      [timeout(), 'store.unavailable'],
      [named('AccessDeniedException'), 'store.misconfigured'],
    ] as const) {
      const deaf = on(faulty(world.client, () => Promise.reject(error))).subscriptions;
      await expect(deaf.add('ci/9', waiter('run'))).rejects.toMatchObject({ code });
      await expect(deaf.remove('ci/9', waiter('run'))).rejects.toMatchObject({ code });
      await expect(deaf.page('ci/9', 1)).rejects.toMatchObject({ code });
    }
  });
});

/** Conformance of the store's own id, against SQLite and DynamoDB Local, by each way of appending. */
import { describe, expect, test } from 'vitest';
import { createStore, type StoreClient } from '../../src/store/index.ts';
import { freshStore, storeKinds } from '../support/world.ts';
import { faulty, timeout } from './fixtures.ts';

describe.each(await storeKinds())('the id of the store on %s', (which) => {
  test('it is drawn once: everybody who asks gets it, at once or later, in this process or another', async () => {
    const world = await freshStore(which);
    const drawn = await Promise.all(Array.from({ length: 20 }, () => world.again().store.storeId()));
    expect(drawn[0]).toMatch(/^[0-9a-f]{12}$/);
    expect(new Set(drawn).size).toBe(1);
    expect(await world.store.storeId()).toBe(drawn[0]);
    // It is nobody's claim.
    expect(await world.store.claims.list({ limit: 10 })).toEqual({ claims: [], next: null });
    await world.drop();
  });

  test('two stores have two', async () => {
    const [one, other] = [await freshStore(which), await freshStore(which)];
    expect(await one.store.storeId()).not.toBe(await other.store.storeId());
    await one.drop();
    await other.drop();
  });

  test('it is read once for each process, and a lost answer to its put gives the one that stands', async () => {
    const world = await freshStore(which);
    const sent: string[] = [];
    let lost = 0;
    const client = faulty(world.client as StoreClient, async (name, send) => {
      sent.push(name);
      const answer = await send();
      if (name !== world.append || lost > 0) return answer;
      lost += 1;
      throw timeout();
    });
    const store = createStore(client, { ...world.options, clock: world.clock });
    const first = await store.storeId();
    expect(sent).toEqual(['get', world.append, 'get']);
    expect([await store.storeId(), await world.again().store.storeId()]).toEqual([first, first]);
    expect(sent).toHaveLength(3);
    await world.drop();
  });

  test('a store that is away: asked again it answers, and nothing else was drawn', async () => {
    const world = await freshStore(which);
    let away = true;
    const client = faulty(world.client as StoreClient, async (_name, send) => {
      if (away) throw timeout();
      return await send();
    });
    const store = createStore(client, { ...world.options, clock: world.clock });
    await expect(store.storeId()).rejects.toMatchObject({ code: 'store.unavailable' });
    away = false;
    expect(await store.storeId()).toBe(await world.store.storeId());
    await world.drop();
  });

  test('a claim, a lock or a link of that name is none', async () => {
    const world = await freshStore(which);
    await expect(world.store.claims.newest('store:id')).rejects.toMatchObject({ code: 'request.invalid' });
    await world.drop();
  });
});

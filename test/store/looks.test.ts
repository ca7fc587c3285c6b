/** Conformance of the last looks of polls, against SQLite and DynamoDB Local. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LastLook } from '../../src/engine/index.ts';
import { type FreshStore, freshStore, serviceKinds } from '../support/world.ts';

const lookAt = (atMs: number): LastLook => ({
  atMs,
  status: 'failed',
  answered: 404,
  error: { code: 'http.status', message: 'The answer is 404.' },
  unmet: [{ source: 'output.ready', result: 'fail', message: null, erred: 0 }],
});
const T0 = 1_795_489_200_000;

describe.each(await serviceKinds())('last looks on %s', (which) => {
  let world: FreshStore;
  beforeAll(async () => {
    world = await freshStore(which);
  });
  afterAll(() => world.drop());

  test('the newest of a wait is kept, of each instance its own', async () => {
    const { looks } = world.store;
    expect(await looks.last('a', 1)).toBeUndefined();
    await looks.keep('a', 1, lookAt(T0));
    await looks.keep('a', 1, lookAt(T0 + 1));
    await looks.keep('b', 1, lookAt(T0 + 2));
    expect(await looks.last('a', 1)).toEqual(lookAt(T0 + 1));
    expect(await looks.last('b', 1)).toEqual(lookAt(T0 + 2));
  });
  test('an earlier wait changes nothing of a later one, and is not told for it', async () => {
    const { looks } = world.store;
    await looks.keep('c', 5, lookAt(T0));
    expect(await looks.last('c', 9)).toBeUndefined();
    await looks.keep('c', 9, lookAt(T0 + 1));
    await looks.keep('c', 5, lookAt(T0 + 2));
    expect(await looks.last('c', 9)).toEqual(lookAt(T0 + 1));
  });
  test('it is no view and never due', async () => {
    const { looks, views, marks } = world.store;
    await looks.keep('d', 1, lookAt(T0));
    expect(await views.get('look:d')).toBeUndefined();
    const due = await Promise.all(Array.from({ length: 16 }, (_, shard) => marks.due(T0 * 2, 'local', shard)));
    expect(due.flatMap((page) => page.due)).toEqual([]);
    expect((await views.list({ limit: 10 })).views).toEqual([]);
  });
});

/** An entry with writes to tables of others: on each store, and by each way of appending, all of it stands or nothing does. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommitWrite } from '../../src/engine/index.ts';
import { createStore } from '../../src/store/index.ts';
import { type UserTables, userTables } from '../support/userTables.ts';
import { type FreshStore, freshStore, storeKinds } from '../support/world.ts';
import { entry, faulty, timeout } from './fixtures.ts';

describe.each(await storeKinds())('commits on %s', (kind) => {
  let world: FreshStore;
  let tables: UserTables;
  let count = 0;
  beforeAll(async () => {
    world = await freshStore(kind);
    tables = await userTables(world);
  });
  afterAll(async () => {
    await tables.drop();
    await world.drop();
  });
  /** An instance, and a thing of which so much is left, of this test alone. */
  const fresh = async (left = 5): Promise<{ id: string; sku: string }> => {
    // The service knows a repetition by its token for ten minutes, whatever tables it is about; here calls have no tokens of their own.
    count += 1;
    const names = { id: `run-${kind}-${count}`, sku: `sku-${count}` };
    await tables.put(names.sku, left);
    return names;
  };
  const take = (sku: string, atLeast = 1): CommitWrite => ({
    kind: 'update',
    table: tables.stock,
    key: { sku },
    add: { left: -1 },
    where: { left: { atLeast } },
  });
  const pay = (id: string, sku: string): CommitWrite => ({
    kind: 'insert',
    table: tables.payments,
    key: { id },
    set: { sku },
  });

  test('the entry and all writes stand, each once however often they are sent', async () => {
    const { id, sku } = await fresh();
    const mine = entry(id, 0, 'mine');
    const writes = [take(sku), pay(id, sku)];
    const put = await world.store.journal.putWith(mine, writes);
    expect(put).toMatchObject({ kind: 'written', standing: { entry: { token: mine.token } } });
    for (let again = 0; again < 3; again += 1)
      expect(await world.store.journal.putWith(mine, writes)).toMatchObject({ kind: 'written' });
    expect([await tables.left(sku), await tables.paid(id)]).toEqual([4, sku]);
    expect(await world.store.journal.entry(id, 0)).toMatchObject({ entry: { token: mine.token } });
  });

  test('a slot that another holds takes none of it, and tells who', async () => {
    const { id, sku } = await fresh();
    await world.store.journal.putOnce(entry(id, 0, 'theirs'));
    const put = await world.store.journal.putWith(entry(id, 0, 'mine'), [take(sku), pay(id, sku)]);
    expect(put).toMatchObject({ kind: 'conflict', winner: { entry: { token: 'theirs..........' } } });
    expect([await tables.left(sku), await tables.paid(id)]).toEqual([5, undefined]);
  });

  test.each<[string, (names: { id: string; sku: string }) => CommitWrite[], number, RegExp]>([
    ['an update whose condition does not hold', ({ id, sku }) => [pay(id, sku), take(sku, 6)], 1, /no such row/],
    ['an update of a row that is not there', ({ id, sku }) => [pay(id, sku), take(`${sku}-absent`)], 1, /no such row/],
    [
      'an insert where something stands',
      ({ sku }) => [take(sku), { kind: 'insert', table: tables.stock, key: { sku: `${sku}-full` }, set: { left: 1 } }],
      1,
      /such a row already/,
    ],
    [
      'a deletion whose condition does not hold',
      ({ sku }) => [
        take(sku),
        { kind: 'delete', table: tables.stock, key: { sku: `${sku}-full` }, where: { left: { atMost: 2 } } },
      ],
      1,
      /no such row/,
    ],
    [
      'a check that fails',
      ({ sku }) => [
        take(sku),
        { kind: 'check', table: tables.stock, key: { sku: `${sku}-full` }, where: { left: { atMost: 2 } } },
      ],
      1,
      /no such row/,
    ],
    [
      'a check of no row',
      ({ sku }) => [{ kind: 'check', table: tables.payments, key: { id: 'absent' } }, take(sku)],
      0,
      /no such row/,
    ],
  ])('%s refuses all of it, and the slot stays free', async (_, writesOf, at, why) => {
    const names = await fresh();
    await tables.put(`${names.sku}-full`, 9);
    const put = await world.store.journal.putWith(entry(names.id, 0, 'mine'), writesOf(names));
    expect(put).toEqual({ kind: 'refused', at, why: expect.stringMatching(why) });
    expect([await tables.left(names.sku), await tables.paid(names.id)]).toEqual([5, undefined]);
    expect(await world.store.journal.putOnce(entry(names.id, 0, 'other'))).toMatchObject({ kind: 'written' });
  });

  test('sets, adds, deletes and checks rows as they are asked for', async () => {
    const { id, sku } = await fresh();
    await tables.put(`${sku}-old`, 1);
    await world.store.journal.putOnce(entry(`${id}-before`, 0, 'mine'));
    const writes: CommitWrite[] = [
      { kind: 'update', table: tables.stock, key: { sku }, set: { seen: 'yes' }, add: { left: 2 } },
      { kind: 'delete', table: tables.stock, key: { sku: `${sku}-old` }, where: { left: { is: 1 } } },
      { kind: 'delete', table: tables.stock, key: { sku: `${sku}-gone` }, where: { left: { is: 1 } } },
      { kind: 'delete', table: tables.stock, key: { sku: `${sku}-gone-too` } },
    ];
    expect(await world.store.journal.putWith(entry(id, 0, 'mine'), writes)).toMatchObject({ kind: 'written' });
    expect([await tables.left(sku), await tables.left(`${sku}-old`)]).toEqual([7, undefined]);
    const check: CommitWrite = {
      kind: 'check',
      table: tables.stock,
      key: { sku },
      where: { seen: { is: 'yes' }, left: { atLeast: 7 } },
    };
    expect(await world.store.journal.putWith(entry(`${id}-more`, 0, 'mine'), [check])).toMatchObject({
      kind: 'written',
    });
  });

  test('no table of Pawl is written, however it is named', async () => {
    const { id, sku } = await fresh();
    const own = ['journal', 'runbooks', 'claims', 'views', 'subscriptions'].map((name) =>
      kind === 'sqlite' ? name : `${world.prefix}-${name}`,
    );
    const more = kind === 'sqlite' ? ['JOURNAL', 'time', 'sqlite_schema'] : [];
    for (const [index, table] of [...own, ...more].entries()) {
      const writes: CommitWrite[] = [take(sku), { kind: 'insert', table, key: { instanceId: 'forged', seq: 0 } }];
      const put = await world.store.journal.putWith(entry(`${id}-${index}`, 0, 'mine'), writes);
      expect(put, table).toEqual({
        kind: 'refused',
        at: 1,
        why: 'it is a table of Pawl, which nothing but Pawl writes',
      });
    }
    expect(await tables.left(sku)).toBe(5);
  });

  test('a table that is not there is an error or a refusal, and nothing stands', async () => {
    const { id, sku } = await fresh();
    const writes: CommitWrite[] = [take(sku), { kind: 'insert', table: 'absent_table', key: { id } }];
    const put = await world.store.journal
      .putWith(entry(id, 0, 'mine'), writes)
      .catch((error: { code: string }) => ({ kind: error.code }));
    expect(['refused', 'store.misconfigured']).toContain(put.kind);
    expect([await tables.left(sku), await world.store.journal.newest(id)]).toEqual([5, undefined]);
  });

  test('an answer that is lost is found again: by the next try, and in the slot', async () => {
    const { id, sku } = await fresh();
    let lost = 0;
    const client = faulty(world.client, async (name, send) => {
      const answer = await send();
      if (name !== 'commit' || lost > 0) return answer;
      lost += 1;
      throw timeout();
    });
    const { journal } = createStore(client, { ...world.options, clock: world.clock });
    expect(await journal.putWith(entry(id, 0, 'mine'), [take(sku)])).toMatchObject({ kind: 'written', adopted: true });
    expect(await tables.left(sku)).toBe(4);
  });

  test('a request that is lost changes nothing, is not known, and the next one writes', async () => {
    const { id, sku } = await fresh();
    let lost = 0;
    const client = faulty(world.client, async (name, send) => {
      if (name !== 'commit' || lost > 0) return await send();
      lost += 1;
      throw timeout();
    });
    const { journal } = createStore(client, { ...world.options, clock: world.clock });
    expect(await journal.putWith(entry(id, 0, 'mine'), [take(sku)])).toMatchObject({ kind: 'unknown' });
    expect(await tables.left(sku)).toBe(5);
    expect(await journal.putWith(entry(id, 0, 'mine'), [take(sku)])).toMatchObject({ kind: 'written' });
    expect(await tables.left(sku)).toBe(4);
  });

  test('a slot that was closed meanwhile keeps out a commit that comes late', async () => {
    const { id, sku } = await fresh();
    expect(await world.store.journal.putOnce(entry(id, 0, 'closing'))).toMatchObject({ kind: 'written' });
    for (let again = 0; again < 2; again += 1)
      expect(await world.store.journal.putWith(entry(id, 0, 'late'), [take(sku)])).toMatchObject({ kind: 'conflict' });
    expect(await tables.left(sku)).toBe(5);
  });

  test('of many at the same row and the same slot one lands, with its write', async () => {
    const { id, sku } = await fresh(50);
    const others = [world.again(), world.again(), world.again()];
    const put = async (at: number) => {
      const { store } = others[at % others.length] ?? world;
      for (;;) {
        const answer = await store.journal.putWith(entry(id, 0, `caller-${at}`), [take(sku)]);
        if (answer.kind !== 'unknown') return answer.kind;
      }
    };
    const kinds = await Promise.all([0, 1, 2, 3, 4, 5].map(put));
    expect(kinds.filter((one) => one === 'written')).toHaveLength(1);
    expect(kinds.filter((one) => one === 'conflict')).toHaveLength(5);
    expect(await tables.left(sku)).toBe(49);
  });
});

/** Whatever is altered in a journal, reading it says so, and where: each attribute alone, entries missing, swapped, copied. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/index.ts';
import { type FreshStore, freshStore, serviceKinds } from '../support/world.ts';
import { putChain } from './fixtures.ts';

type Item = Record<string, unknown>;

describe.each(await serviceKinds())('what is read of a journal on %s is checked', (which) => {
  let world: FreshStore;
  let journal: Store['journal'];
  beforeAll(async () => {
    world = await freshStore(which);
    journal = world.store.journal;
  });
  afterAll(() => world.drop());

  /** Past every condition, as somebody with rights on the table can. */
  const put = (item: Item) => world.raw.put('journal', item);
  const drop = (instanceId: string, seq: number) => world.raw.delete('journal', { instanceId, seq });
  const itemAt = async (instanceId: string, seq: number): Promise<Item> =>
    (await world.raw.get('journal', { instanceId, seq })) ?? {};
  const brokenAt = (seq: number) => ({ code: 'journal.broken', details: { seq } });
  const readAll = (id: string) => journal.page(id, -1, 100);

  test('a whole journal reads whole, from any place on', async () => {
    await putChain(journal, 'whole', 6);
    for (const after of [-1, 0, 3, 4, 5]) expect(await journal.page('whole', after, 100)).toHaveLength(5 - after);
    expect(await journal.page('whole', 1, 2)).toMatchObject([{ entry: { seq: 2 } }, { entry: { seq: 3 } }]);
    expect((await journal.head('whole'))?.entry.seq).toBe(5);
  });

  test.each([
    ['its text, by one word', (item: Item) => ({ entry: String(item.entry).replace('"ada"', '"eve"') })],
    ['its text, by a space', (item: Item) => ({ entry: `${item.entry} ` })],
    ['its token', () => ({ token: 'f'.repeat(32) })],
    ['its kind', (item: Item) => ({ kind: 'cancelled', entry: withoutDrive(item) })],
  ])('%s altered alone is broken at the next entry', async (what, change) => {
    const id = `altered-${what.length}`;
    await putChain(journal, id, 5);
    const item = await itemAt(id, 2);
    await put({ ...item, ...change(item) });
    await expect(readAll(id)).rejects.toMatchObject(brokenAt(3));
    await expect(journal.page(id, 2, 10)).rejects.toMatchObject(brokenAt(3));
    await expect(journal.entry(id, 2)).rejects.toMatchObject(brokenAt(3));
    // What stands before it, and what is shown of it, is still to be had.
    expect(await journal.page(id, -1, 3)).toHaveLength(3);
  });

  test('its format number altered is refused as that', async () => {
    await putChain(journal, 'v', 3);
    await put({ ...(await itemAt('v', 1)), v: 7 });
    await expect(readAll('v')).rejects.toMatchObject({ code: 'journal.newer' });
  });

  test('two entries swapped are broken', async () => {
    await putChain(journal, 'swapped', 5);
    const [one, other] = [await itemAt('swapped', 2), await itemAt('swapped', 3)];
    await put({ ...other, seq: 2 });
    await put({ ...one, seq: 3 });
    await expect(readAll('swapped')).rejects.toMatchObject(brokenAt(2));
  });

  test('an entry copied from another instance is broken', async () => {
    await putChain(journal, 'from', 4);
    await putChain(journal, 'to', 4);
    await put({ ...(await itemAt('from', 2)), instanceId: 'to' });
    await expect(readAll('to')).rejects.toMatchObject(brokenAt(2));
  });

  test('an entry that is missing is named', async () => {
    await putChain(journal, 'gap', 5);
    await drop('gap', 2);
    await expect(readAll('gap')).rejects.toMatchObject(brokenAt(2));
    await expect(journal.page('gap', 2, 10)).rejects.toMatchObject(brokenAt(2));
    await expect(journal.entry('gap', 2)).rejects.toMatchObject(brokenAt(2));
  });

  test.each([1, 4, 6])('a reader that looks for entry %i as the newest sees what stands beyond a gap', async (seq) => {
    const id = `beyond-${seq}`;
    await putChain(journal, id, seq + 3);
    await drop(id, seq + 1);
    expect(await journal.opening(id, seq)).toBeUndefined();
    await expect(journal.head(id)).rejects.toMatchObject(brokenAt(seq + 1));
    await drop(id, seq + 2);
    expect((await journal.opening(id, seq))?.head.entry.seq).toBe(seq);
    if (seq > 1) {
      await drop(id, 1);
      await expect(journal.opening(id, seq)).rejects.toMatchObject(brokenAt(1));
    }
  });

  test('a first entry that is missing, or another, is broken', async () => {
    await putChain(journal, 'first', 4);
    const first = await itemAt('first', 0);
    await put({ ...first, entry: String(first.entry).replace('"ada"', '"eve"') });
    for (const read of [() => readAll('first'), () => journal.entry('first', 0), () => journal.opening('first', 3)])
      await expect(read()).rejects.toMatchObject(brokenAt(1));
    await drop('first', 0);
    for (const read of [() => readAll('first'), () => journal.entry('first', 0)])
      await expect(read()).rejects.toMatchObject(brokenAt(0));
  });

  test('the newest entry is held against the one before it', async () => {
    await putChain(journal, 'head', 4);
    const before = await itemAt('head', 2);
    const reads = [() => journal.head('head'), () => journal.opening('head', 3)];
    await put({ ...before, token: 'f'.repeat(32) });
    for (const read of reads) await expect(read()).rejects.toMatchObject(brokenAt(3));
    await drop('head', 2);
    for (const read of reads) await expect(read()).rejects.toMatchObject(brokenAt(2));
  });
});

/** The text of another kind, with what that needs. */
const withoutDrive = (item: Item): string => {
  const { drive: _, ...content } = JSON.parse(String(item.entry)) as Item;
  return JSON.stringify({ ...content, reason: 'because' });
};

/**
 * Conformance of the journal, against SQLite and DynamoDB Local; of appending, by INSERT as well. Against AWS: `PAWL_TEST_AWS=1`, the usual
 * credentials and AWS_REGION (see test/support/dynamo.ts).
 */
import { strict as assert } from 'node:assert';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Note } from '../../src/engine/index.ts';
import { createClient } from '../../src/store/dynamodb.ts';
import { createStore, type Store, type StoreClient } from '../../src/store/index.ts';
import { encodeEntry } from '../../src/store/items.ts';
import fc from '../support/properties.ts';
import { type FreshStore, freshStore, serviceKinds, storeKinds } from '../support/world.ts';
import { atMs, by, entry, faulty, named, putChain, timeout } from './fixtures.ts';

describe.each(await storeKinds())('appending to the journal on %s', (which) => {
  let world: FreshStore;
  let journal: Store['journal'];
  const on = (client: StoreClient) => createStore(client, { ...world.options, clock: world.store.clock });
  beforeAll(async () => {
    world = await freshStore(which);
    journal = world.store.journal;
  });
  afterAll(() => world.drop());

  test('I1: of 50 puts for one slot one wins, and every loser gets the winner', { timeout: 60_000 }, async () => {
    for (let round = 0; round < 20; round += 1) {
      const puts = await Promise.all(
        Array.from({ length: 50 }, (_, i) => journal.putOnce(entry(`race-${round}`, 0, `token-${i}`))),
      );
      const winners = puts.filter((put) => put.kind === 'written');
      expect(winners).toHaveLength(1);
      const stands = await journal.head(`race-${round}`);
      for (const put of puts) {
        assert(put.kind !== 'unknown');
        expect(put.kind === 'written' ? put.standing : put.winner).toEqual(stands);
      }
    }
  });

  test('an entry comes back as it was written, with the hash of its text', async () => {
    const written = entry('back', 0, 'mine', 'żółć 🦊 \u0000 "quoted"');
    const put = await journal.putOnce(written);
    expect(put).toEqual({
      kind: 'written',
      adopted: false,
      standing: { entry: written, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    assert(put.kind === 'written');
    expect(await journal.head('back')).toEqual(put.standing);
    expect(await journal.entry('back', 0)).toEqual(put.standing);
    expect(await journal.entry('back', 1)).toBeUndefined();
    expect(await journal.head('nobody')).toBeUndefined();
    expect(await journal.page('nobody', -1, 10)).toEqual([]);
  });

  test('a put whose answer was lost is recognized by its token (failure 1)', async () => {
    const lost = on(
      faulty(world.client, async (name, send) => {
        const answer = await send();
        if (name === world.append) throw timeout();
        return answer;
      }),
    ).journal;
    expect(await lost.putOnce(entry('lost', 0, 'mine'))).toMatchObject({
      kind: 'written',
      standing: { entry: { seq: 0 } },
    });
    // The repetition of the same call collides with itself, and what stands counts, not what it means now.
    const again = await journal.putOnce(entry('lost', 0, 'mine', 'other words'));
    expect(again).toMatchObject({ kind: 'written', standing: { entry: { reason: null } } });
    expect(await lost.putOnce(entry('lost', 0, 'another'))).toMatchObject({
      kind: 'conflict',
      winner: { entry: { token: entry('lost', 0, 'mine').token } },
    });
  });

  test('a put without any answer, into a slot that reads free, is unknown', async () => {
    const cause = timeout();
    const mute = on(
      faulty(world.client, async (name, send) => {
        if (name === world.append) throw cause;
        return send();
      }),
    ).journal;
    expect(await mute.putOnce(entry('mute', 0, 'mine'))).toEqual({ kind: 'unknown', cause });
    const deaf = on(faulty(world.client, () => Promise.reject(cause))).journal;
    expect(await deaf.putOnce(entry('mute', 0, 'mine'))).toEqual({ kind: 'unknown', cause });
    await expect(deaf.head('mute')).rejects.toMatchObject({ code: 'store.unavailable', cause });
  });

  test.each([
    'ProvisionedThroughputExceededException',
    'ThrottlingException',
    'RequestLimitExceeded',
    'InternalServerError',
  ])('%s proves nothing: unknown if the slot reads free, else what stands', async (name) => {
    const throttled = on(
      faulty(world.client, async (command, send) => {
        if (command === world.append) throw named(name);
        return send();
      }),
    ).journal;
    expect(await throttled.putOnce(entry(name, 0, 'mine'))).toMatchObject({ kind: 'unknown', cause: { name } });
    await journal.putOnce(entry(name, 0, 'theirs'));
    expect(await throttled.putOnce(entry(name, 0, 'mine'))).toMatchObject({ kind: 'conflict' });
    expect(await throttled.putOnce(entry(name, 0, 'theirs'))).toMatchObject({ kind: 'written' });
  });

  test.each(['ValidationException', 'AccessDeniedException', 'ResourceNotFoundException', 'CredentialsProviderError'])(
    '%s proves that nothing was written, unless an earlier attempt had no answer',
    async (name) => {
      const refused = (attempts: number) =>
        on(
          faulty(world.client, async (command, send) => {
            if (command === world.append) throw named(name, { $metadata: { attempts } });
            return send();
          }),
        ).journal;
      await expect(refused(1).putOnce(entry('refused', 0, 'mine'))).rejects.toMatchObject({
        code: 'store.misconfigured',
      });
      expect(await refused(2).putOnce(entry('refused', 0, 'mine'))).toMatchObject({ kind: 'unknown' });
    },
  );

  test('tables that do not exist are a matter of configuration', async () => {
    if (world.kind === 'sqlite') return;
    const { client } = createClient({
      tablesPrefix: 'nowhere',
      ...(world.endpoint === 'AWS' ? {} : { endpoint: world.endpoint }),
    });
    const nowhere = createStore(client, { ...world.options, clock: world.store.clock }).journal;
    await expect(nowhere.putOnce(entry('a', 0, 'mine'))).rejects.toMatchObject({ code: 'store.misconfigured' });
    await expect(nowhere.head('a')).rejects.toMatchObject({ code: 'store.misconfigured' });
  });

  test('an entry over 400 KB is refused by name of the limit', async () => {
    const put = journal.putOnce(entry('large', 0, 'mine', 'x'.repeat(400 * 1024)));
    await expect(put).rejects.toMatchObject({ code: 'limit.exceeded', details: { limit: 'itemBytesMax' } });
    expect(await journal.head('large')).toBeUndefined();
  });

  test('notes are all there, oldest first, and apart from the chain', async () => {
    const note = (about: number, minute: number, text: string) =>
      ({ kind: 'log', about, cell: 'first', atMs: atMs + minute * 60_000, by, text }) as const;
    const same = Array.from({ length: 20 }, (_, i) => note(1, 1, `at once ${i}`));
    await journal.addNote('noted', note(2, 2, 'last'));
    await Promise.all(same.map((one) => journal.addNote('noted', one)));
    await journal.addNote('noted', note(1, 0, 'x'.repeat(64 * 1024)));
    const all = await journal.notes('noted');
    expect(all).toHaveLength(22);
    expect(all[0]?.text).toHaveLength(64 * 1024);
    expect(all.at(-1)).toEqual(note(2, 2, 'last'));
    expect(await journal.notes('noted', 2)).toEqual([note(2, 2, 'last')]);
    expect(await journal.notes('none')).toEqual([]);
    expect(await journal.head('noted')).toBeUndefined();
  });

  test('an output of 5 MB that does not compress round-trips; a byte more is refused', {
    timeout: 60_000,
  }, async () => {
    const bytes = new Uint8Array(5 * 1024 * 1024);
    for (let i = 0; i < bytes.length; i += 65_536) crypto.getRandomValues(bytes.subarray(i, i + 65_536));
    const text = Buffer.from(bytes)
      .toString('base64')
      .slice(0, 5 * 1024 * 1024);
    const output = await journal.putOutput('large', 7, 'owner', text);
    expect(output).toMatchObject({ kind: 'stored', partition: 'large/out/7/owner', bytes: 5 * 1024 * 1024 });
    expect((await journal.outputText(output)) === text).toBe(true);
    // The same writer again (its answer was lost): nothing changes.
    expect(await journal.putOutput('large', 7, 'owner', text)).toEqual(output);
    await expect(journal.putOutput('large', 8, 'owner', `${text}x`)).rejects.toMatchObject({ code: 'limit.exceeded' });
  });
});

describe.each(await serviceKinds())('the journal on %s', (which) => {
  let world: FreshStore;
  let journal: Store['journal'];
  beforeAll(async () => {
    world = await freshStore(which);
    journal = world.store.journal;
  });
  afterAll(() => world.drop());

  test('one request has the first entry and the newest, where the caller knows its seq', async () => {
    const id = `${which}-opening`;
    await putChain(journal, id, 3);
    const opening = await journal.opening(id, 2);
    expect([opening?.first, opening?.head]).toEqual([await journal.entry(id, 0), await journal.head(id)]);
    // Something follows it; it is not there yet; there is no such instance.
    for (const seq of [1, 3, 7, Number.MAX_SAFE_INTEGER]) expect(await journal.opening(id, seq)).toBeUndefined();
    expect(await journal.opening('nobody', 1)).toBeUndefined();
  });

  test('3 MB of entries page without a gap, a repetition or a cut (failure 29)', { timeout: 60_000 }, async () => {
    const long = 'x'.repeat(100_000);
    await putChain(journal, 'pages', 30, long);
    const seqs = async (after: number, limit: number) =>
      (await journal.page('pages', after, limit)).map((standing) => standing.entry.seq);
    expect(await seqs(-1, 100)).toEqual(Array.from({ length: 30 }, (_, seq) => seq));
    expect(await seqs(-1, 25)).toEqual(Array.from({ length: 25 }, (_, seq) => seq));
    expect(await seqs(24, 25)).toEqual([25, 26, 27, 28, 29]);
    expect(await seqs(29, 25)).toEqual([]);
    expect((await journal.head('pages'))?.entry.seq).toBe(29);
  });

  test('notes come in pages, each from where the one before ended', async () => {
    const at = (ms: number, text: string): Note =>
      ({ kind: 'log', about: 1, cell: 'first', atMs: atMs + ms, by, text }) as const;
    for (const [ms, text] of [
      [5, 'e'],
      [1, 'a'],
      [4, 'd'],
      [2, 'b'],
      [3, 'c'],
    ] as const)
      await journal.addNote('paged', at(ms, text));
    const texts: string[][] = [];
    let after: number | undefined;
    do {
      const page = await journal.notesPage('paged', 2, after);
      texts.push(page.notes.map(({ note }) => note.text));
      after = page.next ?? undefined;
    } while (after !== undefined);
    expect(texts).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
    expect(await journal.notesPage('none', 2)).toEqual({ notes: [], next: null });
  });

  test('an output is JSON text and comes back to the letter (failure 28)', async () => {
    const json = fc.oneof(
      fc.json(),
      fc.bigInt().map(String),
      fc.constantFrom('1e400', '0.10', '9007199254740993', '-0'),
    );
    let seq = 0;
    await fc.assert(
      fc.asyncProperty(json, async (text) => {
        seq += 1;
        expect(await journal.outputText(await journal.putOutput('outputs', seq, 'owner', text))).toBe(text);
      }),
      { numRuns: 30 },
    );
  });

  test('an output that is missing or altered is broken, an inline one is read from itself', async () => {
    const output = await journal.putOutput('altered', 1, 'owner', '"true"');
    assert(output.kind === 'stored');
    await expect(journal.outputText({ ...output, sha256: '0'.repeat(64) })).rejects.toMatchObject({
      code: 'journal.broken',
    });
    await expect(journal.outputText({ ...output, partition: 'gone' })).rejects.toMatchObject({
      code: 'journal.broken',
    });
    expect(await journal.outputText({ kind: 'inline', text: '[1]' })).toBe('[1]');
  });

  describe('items that somebody else wrote', () => {
    const put = (item: Record<string, unknown>) => world.raw.put('journal', item);
    /** `good` is a whole item; each row below spoils it. */
    const good = (instanceId: string) => encodeEntry(entry(instanceId, 0, 'mine'));
    const content = (instanceId: string) => JSON.parse(good(instanceId).entry as string) as object;

    test('a newer format is refused as newer, whatever is in it', async () => {
      await put({ instanceId: 'newer', seq: 0, v: 2, body: 'unheard of' });
      await expect(journal.head('newer')).rejects.toMatchObject({ code: 'journal.newer', details: { v: 2 } });
      await expect(journal.putOnce(entry('newer', 0, 'mine'))).rejects.toMatchObject({ code: 'journal.newer' });
    });

    test.each([
      ['not JSON', { entry: '{' }],
      ['not an object', { entry: '[]' }],
      ['not an entry', { entry: '{"by":1}' }],
      ['no format number', { v: 'one' }],
      ['another seq inside', { entry: JSON.stringify({ ...content('broken'), seq: 5 }) }],
      ['another token inside', { entry: JSON.stringify({ ...content('broken'), token: 'f'.repeat(16) }) }],
      ['a field that no entry has', { entry: JSON.stringify({ ...content('broken'), extra: 1 }) }],
      ['another kind outside', { kind: 'started' }],
    ])('%s is broken, naming instance and seq', async (_, change) => {
      await put({ ...good('broken'), ...change });
      await expect(journal.head('broken')).rejects.toMatchObject({
        code: 'journal.broken',
        message: expect.stringContaining('broken seq 0'),
      });
    });
  });
});

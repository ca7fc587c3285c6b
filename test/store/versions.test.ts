/** Conformance of runbook versions and locks, against SQLite and DynamoDB Local; of appending, by INSERT as well. */
import { strict as assert } from 'node:assert';
import { createHash, randomBytes } from 'node:crypto';
import { brotliCompressSync } from 'node:zlib';
import canonicalize from 'canonicalize';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Runbook } from '../../src/engine/index.ts';
import { createStore, type Store, type StoreClient } from '../../src/store/index.ts';
import { type FreshStore, freshStore, serviceKinds, storeKinds } from '../support/world.ts';
import { atMs, by, faulty, timeout } from './fixtures.ts';

const runbook = (runbookId: string, title: string): Runbook => ({
  format: 1,
  runbookId,
  title,
  params: { type: 'object', properties: {}, required: [], additionalProperties: false },
  unique: null,
  concurrency: null,
  cells: [],
});
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
/** @param title of the compiled form, which may be of a Pawl that compiles otherwise */
const content = (runbookId: string, source: string, title = source.slice(0, 20)) => {
  const compiled = runbook(runbookId, title);
  const runHash = sha256(canonicalize({ format: 1, source, runbook: compiled }) ?? '');
  return { runbookId, source, sourceHash: sha256(source), runHash, runbook: compiled };
};

describe.each(await storeKinds())('appending versions and locks on %s', (which) => {
  let world: FreshStore;
  let versions: Store['versions'];
  const on = (client: StoreClient) => createStore(client, { ...world.options, clock: world.store.clock });
  beforeAll(async () => {
    world = await freshStore(which);
    versions = world.store.versions;
  });
  afterAll(() => world.drop());

  test('a content that the newest version does not have is the next version', async () => {
    const [one, two] = [content('deploy', 'one'), content('deploy', 'two')];
    const publish = (what: typeof one) => versions.publish('deploy', what, by);
    expect(await publish(one)).toEqual({ version: 1, runHash: one.runHash, created: true });
    expect(await publish(two)).toEqual({ version: 2, runHash: two.runHash, created: true });
    expect(await publish(two)).toEqual({ version: 2, runHash: two.runHash, created: false });
    const second = { version: 2, ...two };
    for (const reader of [versions, on(world.client).versions]) {
      expect(await reader.get('deploy')).toEqual(second);
      expect(await reader.get('deploy', 2)).toEqual(second);
      expect(await reader.get('deploy', 1)).toMatchObject({ source: 'one' });
      expect(await reader.get('deploy', 3)).toBeUndefined();
      expect(await reader.get('nothing')).toBeUndefined();
    }
  });

  test('publishers at once: each content was the newest once, and no version says what the one before says', async () => {
    const sources = ['a', 'b', 'c', 'd', 'a', 'b', 'a', 'a'];
    const published = await Promise.all(
      sources.map((source) => on(world.client).versions.publish('busy', content('busy', source), by)),
    );
    const newest = (await versions.get('busy'))?.version ?? 0;
    const chain: string[] = [];
    for (let version = 1; version <= newest; version += 1)
      chain.push((await versions.get('busy', version))?.source ?? 'missing');
    expect(published.filter(({ created }) => created)).toHaveLength(newest);
    sources.forEach((source, i) => void expect(chain[(published[i]?.version ?? 0) - 1]).toBe(source));
    chain.forEach((source, i) => void expect(source).not.toBe(chain[i - 1]));
    expect([...new Set(chain)].sort()).toEqual(['a', 'b', 'c', 'd']);
  });

  test('a publication whose answers were lost is one version, created', async () => {
    const seen = new Map<string, number>();
    const lost = on(
      faulty(world.client, async (name, send) => {
        const answer = await send();
        seen.set(name, (seen.get(name) ?? 0) + 1);
        if (name === world.append) throw timeout();
        return answer;
      }),
    ).versions;
    expect(await lost.publish('lost', content('lost', 'one'), by)).toMatchObject({ version: 1, created: true });
    expect(seen.get(world.append)).toBe(2);
    expect(await versions.get('lost', 2)).toBeUndefined();
  });

  test('300 KB of source with its compiled double fit; what does not compress is refused by name', async () => {
    const words = randomBytes(110 * 1024).toString('hex');
    const doubled = content('long', words, words);
    expect(await versions.publish('long', doubled, by)).toMatchObject({ created: true });
    expect((await on(world.client).versions.get('long'))?.runbook.title === words).toBe(true);
    const dense = content('dense', randomBytes(900 * 1024).toString('base64'));
    await expect(versions.publish('dense', dense, by)).rejects.toMatchObject({ code: 'limit.exceeded' });
    expect(await versions.get('dense')).toBeUndefined();
  });

  test('a lock is a chain: one holder per revision, the newest names it', async () => {
    const { locks } = world.store;
    const claim = (revision: number, instanceId: string) => ({
      lock: 'prod/eu west',
      revision,
      instanceId,
      token: `token-of-${instanceId}`,
      atMs,
    });
    expect(await locks.newest('prod/eu west')).toBeUndefined();
    const puts = await Promise.all(['a', 'b', 'c', 'd'].map((id) => locks.putOnce(claim(0, id))));
    const first = await locks.newest('prod/eu west');
    expect(puts.filter((put) => put.kind === 'written')).toHaveLength(1);
    for (const put of puts) {
      assert(put.kind !== 'unknown');
      expect(put.kind === 'written' ? put.standing : put.winner).toEqual(first);
    }
    await locks.putOnce(claim(1, 'e'));
    expect(await locks.newest('prod/eu west')).toEqual(claim(1, 'e'));
    await expect(locks.newest('x'.repeat(1025))).rejects.toMatchObject({ code: 'limit.exceeded' });
  });
});

describe.each(await serviceKinds())('versions and locks on %s', (which) => {
  let world: FreshStore;
  let versions: Store['versions'];
  const on = (client: StoreClient) => createStore(client, { ...world.options, clock: world.store.clock });
  beforeAll(async () => {
    world = await freshStore(which);
    versions = world.store.versions;
  });
  afterAll(() => world.drop());

  test('publishing an earlier content again makes it the newest, with the hashes it had', async () => {
    const [good, bad] = [content('reverted', 'good'), content('reverted', 'bad')];
    for (const [what, version] of [
      [good, 1],
      [bad, 2],
      [good, 3],
    ] as const)
      expect(await versions.publish('reverted', what, by)).toEqual({ version, runHash: what.runHash, created: true });
    expect(await versions.get('reverted')).toEqual({ version: 3, ...good });
  });

  test('the same source is another content where it runs another version of something', async () => {
    const running = (version: number) => {
      const plain = content('running', 'one');
      const body = { kind: 'run', pin: { runbookId: 'run', version, runHash: 'f'.repeat(64) } };
      const compiled = { ...plain.runbook, cells: [{ name: 'it', body }] } as unknown as Runbook;
      const runHash = sha256(canonicalize({ format: 1, source: plain.source, runbook: compiled }) ?? '');
      return { ...plain, runHash, runbook: compiled };
    };
    const [first, second] = [running(1), running(2)];
    const publish = (what: typeof first) => versions.publish('running', what, by);
    expect(await publish(first)).toEqual({ version: 1, runHash: first.runHash, created: true });
    expect(await publish(first)).toEqual({ version: 1, runHash: first.runHash, created: false });
    expect(await publish(second)).toEqual({ version: 2, runHash: second.runHash, created: true });
    expect(await publish(first)).toEqual({ version: 3, runHash: first.runHash, created: true });
  });

  test('compiled again by another Pawl, the newest version stays what it is', async () => {
    const first = content('kept-as-is', 'one');
    const again = content('kept-as-is', 'one', 'compiled otherwise');
    await versions.publish('kept-as-is', first, by);
    expect(await versions.publish('kept-as-is', again, by)).toEqual({
      version: 1,
      runHash: first.runHash,
      created: false,
    });
    expect(await on(world.client).versions.get('kept-as-is')).toEqual({ version: 1, ...first });
  });

  test.each([
    [
      'the compiled form',
      (what: ReturnType<typeof content>) => ({ ...what, runbook: { ...what.runbook, title: 'x' } }),
    ],
    ['the source', (what: ReturnType<typeof content>) => ({ ...what, source: 'twO' })],
  ])('a content of which %s was altered in the store is not run', async (name, alter) => {
    const runbookId = `altered-${name.length}`;
    const good = content(runbookId, 'two');
    await versions.publish(runbookId, good, by);
    const { source, runbook } = alter(good);
    const Item = {
      runbookId: `${runbookId}/content/${good.runHash}`,
      version: 0,
      v: 1,
      token: 'f'.repeat(32),
      data: brotliCompressSync(JSON.stringify({ source, runbook })),
    };
    await world.raw.put('runbooks', Item);
    await expect(on(world.client).versions.get(runbookId)).rejects.toMatchObject({ code: 'journal.broken' });
  });

  test('the list shows each runbook once, by its newest version, in order of names and page by page', async () => {
    const listing = await freshStore(which);
    const { versions } = listing.store;
    for (const [runbookId, source] of [
      ['deploy', 'one'],
      ['backup', 'one'],
      ['deploy', 'two'],
      ['rotate', 'one'],
    ] as const) {
      await versions.publish(runbookId, content(runbookId, source), by);
    }
    const first = await versions.list(2);
    expect(first.runbooks).toEqual([
      expect.objectContaining({ runbookId: 'backup', version: 1, title: 'one', cells: 0, by: by.actor }),
      expect.objectContaining({ runbookId: 'deploy', version: 2, title: 'two', cells: 0, by: by.actor }),
    ]);
    expect(Object.keys(first.runbooks[0] ?? {}).sort()).toEqual(
      ['atMs', 'by', 'cells', 'runHash', 'runbookId', 'sourceHash', 'title', 'version'].sort(),
    );
    expect(first.next).toBe('deploy');
    const second = await versions.list(2, 'deploy');
    expect(second).toEqual({ runbooks: [expect.objectContaining({ runbookId: 'rotate', version: 1 })], next: null });
    expect(await versions.list(2, 'rotate')).toEqual({ runbooks: [], next: null });
    const told = (found: { version: number; title: string; by: string }[]) =>
      found.map(({ version, title, by: author }) => [version, title, author]);
    const [first2, second2] = [
      [2, 'two', by.actor],
      [1, 'one', by.actor],
    ];
    expect(told(await versions.history('deploy', 5))).toEqual([first2, second2]);
    expect(told(await versions.history('deploy', 1))).toEqual([first2]);
    expect(told(await versions.history('deploy', 5, 2))).toEqual([second2]);
    expect(await versions.history('none', 5)).toEqual([]);
    await listing.drop();
  });

  test('a version is read once and kept; the newest is looked up each time', async () => {
    await versions.publish('kept', content('kept', 'one'), by);
    let reads = 0;
    const counting = on(
      faulty(world.client, (_, send) => {
        reads += 1;
        return send();
      }),
    ).versions;
    await counting.get('kept', 1);
    reads = 0;
    await counting.get('kept', 1);
    expect(reads).toBe(0);
    await versions.publish('kept', content('kept', 'two'), by);
    expect(await counting.get('kept')).toMatchObject({ version: 2 });
  });
});

describe.each(await storeKinds())('a version that a newer Pawl has compiled on %s', (which) => {
  test('is told for what it is, and is not broken', async () => {
    const world = await freshStore(which);
    const known = content('later', 'one');
    const runbook = { ...known.runbook, format: 2, loops: [] } as unknown as typeof known.runbook;
    await world.store.versions.publish('later', { ...known, runbook, runHash: '7'.repeat(64) }, by);
    const { versions } = createStore(world.client, { ...world.options, clock: world.store.clock });
    await expect(versions.get('later', 1)).rejects.toMatchObject({
      code: 'journal.newer',
      message: expect.stringContaining('update this one'),
    });
    await world.drop();
  });
});

describe.each(await storeKinds())('a version item that was altered on %s', (which) => {
  let world: FreshStore;
  beforeAll(async () => {
    world = await freshStore(which);
  });
  afterAll(() => world.drop());
  const fresh = () => createStore(world.client, { ...world.options, clock: world.store.clock }).versions;
  const tamper = (item: Record<string, unknown>) => world.raw.put('runbooks', item);
  const raw = async (runbookId: string, version: number) =>
    (await world.raw.get('runbooks', { runbookId, version })) ?? {};

  test('is not believed about its `sourceHash`: publishing does not answer with a version of another content', async () => {
    const [one, two] = [content('lies', 'one'), content('lies', 'two')];
    await fresh().publish('lies', two, by);
    await tamper({ ...(await raw('lies', 1)), sourceHash: one.sourceHash });
    const published = await fresh()
      .publish('lies', one, by)
      .catch(() => undefined);
    expect(published?.runHash ?? one.runHash).toBe(one.runHash);
  });

  test('does not bring in the content of another runbook', async () => {
    const [good, evil] = [content('good', 'good'), content('evil', 'evil')];
    await fresh().publish('good', good, by);
    await fresh().publish('evil', evil, by);
    const stored = await raw(`evil/content/${evil.runHash}`, 0);
    await tamper({ ...stored, runbookId: `good/content/${evil.runHash}` });
    await tamper({ ...(await raw('good', 1)), runHash: evil.runHash });
    await expect(fresh().get('good', 1)).rejects.toMatchObject({ code: 'journal.broken' });
  });
});

/** Conformance of claims and one-time links, against SQLite and DynamoDB Local; of appending, by INSERT as well. */
import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClaimEntry, LinkEntry } from '../../src/engine/index.ts';
import { createStore, type Store, type StoreClient } from '../../src/store/index.ts';
import { type FreshStore, freshStore, serviceKinds, storeKinds } from '../support/world.ts';
import { atMs, by, faulty, timeout } from './fixtures.ts';

const claim = (claimId: string, revision: number, more: Partial<ClaimEntry> = {}): ClaimEntry => ({
  claimId,
  revision,
  status: 'asserted',
  statement: null,
  evidence: null,
  by,
  atMs,
  token: `token-${revision}`,
  ...more,
});
const link = (linkHash: string, revision: 1 | 2, more: Partial<LinkEntry> = {}): LinkEntry => ({
  linkHash,
  revision,
  instanceId: 'run-1',
  cell: 'approve',
  about: 7,
  actor: 'grace',
  expiresAtMs: atMs + 3_600_000,
  by,
  atMs,
  token: `token-${revision}`,
  ...more,
});
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const revisions = (entries: ClaimEntry[]): number[] => entries.map(({ revision }) => revision);

describe.each(await storeKinds())('appending claims and links on %s', (which) => {
  let world: FreshStore;
  let claims: Store['claims'];
  const on = (client: StoreClient) => createStore(client, { ...world.options, clock: world.store.clock });
  beforeAll(async () => {
    world = await freshStore(which);
    claims = world.store.claims;
  });
  afterAll(() => world.drop());

  test('a claim comes back as it was written, whatever was said of it', async () => {
    const whole = claim('ci/Ünïcode 🦊#1', 1, {
      status: 'supported',
      statement: 'żółć\n"quoted"',
      evidence: '{"run":9007199254740993,"ok":true}',
      reason: 'it was of another branch 🦊',
      by: { ...by, trace: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` },
    });
    expect(await claims.newest(whole.claimId)).toBeUndefined();
    expect(await claims.history(whole.claimId, 10)).toEqual([]);
    expect(await claims.putOnce(whole)).toEqual({ kind: 'written', standing: whole, adopted: false });
    expect(await claims.newest(whole.claimId)).toEqual(whole);
    const halved = { ...whole, revision: 2, statement: 'half \ud83e', evidence: null };
    await claims.putOnce(halved);
    expect(await claims.newest(whole.claimId)).toEqual({ ...halved, statement: 'half \ufffd' });
    expect(await claims.history(whole.claimId, 10)).toEqual([{ ...halved, statement: 'half \ufffd' }, whole]);
  });

  test('of 50 puts for one revision one wins, and every loser gets the winner', { timeout: 60_000 }, async () => {
    for (const revision of [1, 2, 3]) {
      const puts = await Promise.all(
        Array.from({ length: 50 }, (_, i) => claims.putOnce(claim('race', revision, { token: `t-${i}` }))),
      );
      expect(puts.filter((put) => put.kind === 'written')).toHaveLength(1);
      const stands = await claims.newest('race');
      expect(stands?.revision).toBe(revision);
      for (const put of puts) {
        assert(put.kind !== 'unknown');
        expect(put.kind === 'written' ? put.standing : put.winner).toEqual(stands);
      }
    }
    expect(revisions(await claims.history('race', 10))).toEqual([3, 2, 1]);
  });

  test('a put whose answer was lost is found again by its token, and what stands counts', async () => {
    const lost = on(
      faulty(world.client, async (name, send) => {
        const answer = await send();
        if (name === world.append) throw timeout();
        return answer;
      }),
    ).claims;
    const mine = claim('lost', 1, { token: 'mine' });
    expect(await lost.putOnce(mine)).toEqual({ kind: 'written', standing: mine, adopted: true });
    const again = await claims.putOnce({ ...mine, status: 'invalidated' });
    expect(again).toEqual({ kind: 'written', standing: mine, adopted: true });
    const theirs = await claims.putOnce({ ...mine, token: 'theirs', status: 'invalidated' });
    expect(theirs).toEqual({ kind: 'conflict', winner: mine });
  });

  test('a put without any answer is unknown while its revision reads free', async () => {
    const cause = timeout();
    const mute = on(
      faulty(world.client, async (name, send) => {
        if (name === world.append) throw cause;
        return send();
      }),
    ).claims;
    expect(await mute.putOnce(claim('mute', 1))).toEqual({ kind: 'unknown', cause });
    const deaf = on(faulty(world.client, () => Promise.reject(cause))).claims;
    await expect(deaf.newest('mute')).rejects.toMatchObject({ code: 'store.unavailable', cause });
  });

  test('evidence that is no JSON is never written', async () => {
    await expect(claims.putOnce(claim('no-json', 1, { evidence: '{oops' }))).rejects.toMatchObject({
      code: 'journal.broken',
    });
    expect(await claims.newest('no-json')).toBeUndefined();
  });

  test('a link is made once and used once: of 20 who try, one', async () => {
    const { links } = world.store;
    const linkHash = hashOf('secret');
    expect(await links.newest(linkHash)).toBeUndefined();
    const made = link(linkHash, 1);
    expect(await links.putOnce(made)).toEqual({ kind: 'written', standing: made, adopted: false });
    expect(await links.putOnce(made)).toEqual({ kind: 'written', standing: made, adopted: true });
    expect(await links.newest(linkHash)).toEqual(made);
    const puts = await Promise.all(
      Array.from({ length: 20 }, (_, i) => links.putOnce(link(linkHash, 2, { token: `voter-${i}` }))),
    );
    const used = await links.newest(linkHash);
    expect(puts.filter((put) => put.kind === 'written')).toHaveLength(1);
    for (const put of puts) {
      assert(put.kind !== 'unknown');
      expect(put.kind === 'written' ? put.standing : put.winner).toEqual(used);
    }
    expect(used).toMatchObject({ linkHash, revision: 2, actor: 'grace', about: 7 });
    expect(await links.newest(hashOf('another'))).toBeUndefined();
  });
});

describe.each(await serviceKinds())('claims and links on %s', (which) => {
  let world: FreshStore;
  let claims: Store['claims'];
  const on = (client: StoreClient) => createStore(client, { ...world.options, clock: world.store.clock });
  const counting = () => {
    const sent: string[] = [];
    const { claims } = on(
      faulty(world.client, (name, send) => {
        sent.push(name);
        return send();
      }),
    );
    return { sent, claims };
  };
  beforeAll(async () => {
    world = await freshStore(which);
    claims = world.store.claims;
  });
  afterAll(() => world.drop());

  test('the newest of a long history is one request; the history comes newest first, in pages', async () => {
    const evidence = JSON.stringify('x'.repeat(60 * 1024));
    for (let revision = 1; revision <= 25; revision += 1) await claims.putOnce(claim('long', revision, { evidence }));
    const { sent, claims: counted } = counting();
    expect((await counted.newest('long'))?.revision).toBe(25);
    expect(sent).toEqual(['query']);
    // More than one answer of the service holds.
    expect(revisions(await claims.history('long', 100))).toEqual(Array.from({ length: 25 }, (_, i) => 25 - i));
    expect(revisions(await claims.history('long', 10))).toEqual([25, 24, 23, 22, 21, 20, 19, 18, 17, 16]);
    expect(revisions(await claims.history('long', 10, 16))).toEqual([15, 14, 13, 12, 11, 10, 9, 8, 7, 6]);
    expect(revisions(await claims.history('long', 10, 6))).toEqual([5, 4, 3, 2, 1]);
    expect(await claims.history('long', 10, 1)).toEqual([]);
  });

  test('an id that is a lock or a link, empty, broken or too long is no claim: neither read nor written', async () => {
    await world.store.locks.putOnce({ lock: 'prod', revision: 1, instanceId: 'holder', token: 'lock-token', atMs });
    for (const id of ['lock:prod', 'lock:', `link:${hashOf('any')}`, '', 'half \ud83e']) {
      for (const tried of [claims.newest(id), claims.history(id, 1), claims.putOnce(claim(id, 2))]) {
        await expect(tried, id).rejects.toMatchObject({ code: 'request.invalid' });
      }
    }
    expect(await world.store.locks.newest('prod')).toMatchObject({ revision: 1, instanceId: 'holder' });
    const long = 'ż'.repeat(512);
    await claims.putOnce(claim(long, 1));
    expect(await claims.newest(long)).toEqual(claim(long, 1));
    for (const tried of [
      claims.newest(`${long}x`),
      claims.history(`${long}x`, 1),
      claims.putOnce(claim(`${long}x`, 1)),
    ])
      await expect(tried).rejects.toMatchObject({
        code: 'limit.exceeded',
        details: { limit: 'claimIdBytesMax', bytes: 1025, max: 1024 },
      });
    await expect(world.store.locks.newest('x'.repeat(1025))).rejects.toMatchObject({ code: 'limit.exceeded' });
  });

  test('an item of a newer Pawl is refused for what it is, one that was tampered with as broken', async () => {
    for (const [claimId, code, change] of [
      ['newer', 'journal.newer', { v: 2 }],
      ['no-format', 'journal.broken', { v: 'one' }],
      ['no-status', 'journal.broken', { status: 'perhaps' }],
      ['no-evidence', 'journal.broken', { evidence: '{"half":' }],
      ['nobody', 'journal.broken', { by: '"ada"' }],
    ] as const) {
      await claims.putOnce(claim(claimId, 1, { evidence: '{}' }));
      const Item = await world.raw.get('claims', { claimId, revision: 1 });
      await world.raw.put('claims', { ...Item, revision: 2, ...change });
      await expect(claims.newest(claimId), claimId).rejects.toMatchObject({ code });
      await expect(claims.putOnce(claim(claimId, 2)), claimId).rejects.toMatchObject({ code });
    }
  });

  describe('the list', () => {
    let world2: FreshStore;
    // In order of UTF-8, which is not that of JavaScript: the fox comes last.
    const ids = [...Array.from({ length: 37 }, (_, i) => `ci/${String(i).padStart(2, '0')}`), 'ﬁne', '🦊'];
    beforeAll(async () => {
      world2 = await freshStore(which);
      const { store } = world2;
      for (const [i, claimId] of [...ids].reverse().entries()) {
        await store.claims.putOnce(claim(claimId, 1));
        if (i % 2 === 0) await store.claims.putOnce(claim(claimId, 2, { status: 'superseded' }));
        await store.locks.putOnce({ lock: claimId, revision: 1, instanceId: `run-${i}`, token: `lock-${i}`, atMs });
        await store.links.putOnce(link(hashOf(claimId), 1));
        await store.links.putOnce(link(hashOf(claimId), 2));
      }
    });
    afterAll(() => world2.drop());
    const pages = async (limit: number) => {
      const found: ClaimEntry[] = [];
      const sizes: number[] = [];
      let next: string | undefined;
      do {
        const page = await world2.store.claims.list({ limit, ...(next === undefined ? {} : { next }) });
        found.push(...page.claims);
        sizes.push(page.claims.length);
        next = page.next ?? undefined;
      } while (next !== undefined);
      return { found, sizes };
    };

    test.each([
      [1, Array(39).fill(1)],
      [7, [7, 7, 7, 7, 7, 4]],
      [13, [13, 13, 13]],
      [100, [39]],
      [0, Array(39).fill(1)],
    ])(
      'in pages of %i: each claim once by its newest revision, in order, and no lock or link',
      async (limit, sizes) => {
        const listed = await pages(limit);
        expect(listed.sizes).toEqual(sizes);
        expect(listed.found.map(({ claimId }) => claimId)).toEqual(ids);
        expect(listed.found.map(({ revision }) => revision)).toEqual(ids.map((_, i) => (i % 2 === 0 ? 2 : 1)));
      },
    );

    test('a page of at most a hundred, whatever is asked for', async () => {
      const world3 = await freshStore(which);
      await Promise.all(Array.from({ length: 101 }, (_, i) => world3.store.claims.putOnce(claim(`many-${i}`, 1))));
      const { claims: found, next } = await world3.store.claims.list({ limit: 1000 });
      expect(found).toHaveLength(100);
      const rest = await world3.store.claims.list({ limit: 1000, ...(next === null ? {} : { next }) });
      expect(rest.claims).toHaveLength(1);
      expect(rest.next).toBeNull();
      await world3.drop();
    });

    test('an empty list is one page without a mark; a page mark is taken as it was given out', async () => {
      const empty = await freshStore(which);
      expect(await empty.store.claims.list({ limit: 10 })).toEqual({ claims: [], next: null });
      await empty.drop();
      const { next } = await world2.store.claims.list({ limit: 2 });
      assert(next !== null);
      const edited = (text: string): string => Buffer.from(text).toString('base64url');
      const spaced = edited(`${Buffer.from(next, 'base64url').toString()} `);
      const wrong = ['{"after":""}', '{"after":"lock:prod"}', '{"before":"ci/01"}', '{"after":7}', 'null', '[]'];
      const long = edited(JSON.stringify({ after: 'x'.repeat(1025) }));
      for (const mark of ['', 'rubbish', `${next}A`, spaced, long, ...wrong.map(edited)]) {
        await expect(world2.store.claims.list({ limit: 2, next: mark }), mark).rejects.toMatchObject({
          code: 'request.invalid',
        });
      }
    });
  });
});

/** Approvals: who may vote, what votes come to, and that nothing but votes (or their expiry) decides. */
import { describe, expect, test } from 'vitest';
import { type By, type CellBody, createEngine, type Entry, type LinkEntry } from '../../src/engine/index.ts';
import { whyNoVote } from '../../src/engine/model/asked.ts';
import { approving, pass, runbookOf } from './runbooks.ts';
import { alice, bob, setup, T0, type World, watched } from './world.ts';

const carol: By = { actor: 'carol', via: 'test', where: 'host:4' };
const dave: By = { actor: 'dave', via: 'test', where: 'host:5' };
const request = { budgetMs: 60_000, by: alice };
const lines = (entries: Entry[]): string[] =>
  entries.map((entry) => {
    if (entry.kind === 'vote') return `${entry.by.actor} ${entry.decision} (${entry.approvals.join(',')})`;
    return entry.kind === 'outcome' ? `${entry.cell} ${entry.status} > ${entry.then}` : entry.kind;
  });

/** An instance that alice started and that asks; and the hash of what it shows. */
const asking = async (world: World, body: CellBody, over: object = {}): Promise<string> => {
  const id = await world.start(runbookOf([{ name: 'go', body, ...over }, {}]));
  await world.engine.advance(id, request);
  const { waits } = await world.engine.inspect(id, alice);
  if (waits?.kind !== 'approve') throw new Error('It asks nobody.');
  return waits.shownHash;
};
type Decision = 'approve' | 'reject' | 'withdraw';
const vote = (world: World, by: By, decision: Decision, shownHash: string, over: object = {}) =>
  world.engine.vote('i1', 'go', { decision, shownHash, groups: [], by, ...over });
const outcome = async (world: World) => (await world.entries('i1')).find((entry) => entry.kind === 'outcome');

describe('an approval', () => {
  test('parks, shows what it is about, and goes on with the approval that makes the quorum', async () => {
    const world = setup();
    const hash = await asking(world, approving(['bob', 'carol'], { quorum: 2 }));
    const { waits } = await world.engine.inspect('i1', bob);
    expect(waits).toMatchObject({
      kind: 'approve',
      cell: 'go',
      approvers: ['bob', 'carol'],
      quorum: 2,
      approvals: [],
      shown: { text: 'Shall it go on?', hash },
    });
    expect(await vote(world, bob, 'approve', hash, { comment: 'looked at it' })).toMatchObject({
      decision: null,
      approvals: ['bob'],
      view: { status: 'waiting' },
    });
    expect(await vote(world, carol, 'approve', hash)).toMatchObject({
      decision: 'approved',
      approvals: ['bob', 'carol'],
      view: { status: 'ready', cell: 'c1' },
    });
    expect(world.begun).toEqual([]);
    expect(lines(await world.entries('i1'))).toEqual([
      'started',
      'waiting',
      'bob approve (bob)',
      'carol approve (bob,carol)',
      'go completed > next',
    ]);
    const entry = await outcome(world);
    expect(entry).toMatchObject({ closedBy: 'policy', note: 'approved by bob, carol' });
    expect(entry?.output?.kind === 'inline' && JSON.parse(entry.output.text)).toMatchObject({
      decision: 'approved',
      by: 'votes',
      votes: [
        { actor: 'bob', decision: 'approve', comment: 'looked at it', seq: 2 },
        { actor: 'carol', seq: 3 },
      ],
    });
    expect((await world.engine.advance('i1', request)).result).toBe('completed');
  });

  test('a rejection ends it: the run halts, whatever its expectations say, unless it is to go on', async () => {
    const world = setup();
    const hash = await asking(world, approving(['bob', 'carol'], { quorum: 2 }), { expect: [pass] });
    await vote(world, bob, 'approve', hash);
    expect(await vote(world, carol, 'reject', hash)).toMatchObject({
      decision: 'rejected',
      view: { status: 'halted' },
    });
    expect(await outcome(world)).toMatchObject({
      status: 'failed',
      then: 'halt',
      error: { code: 'approval.rejected' },
    });
    await expect(vote(world, bob, 'approve', hash)).rejects.toMatchObject({ code: 'cell.notWaiting' });

    const going = setup();
    const shown = await asking(going, approving(['bob'], { onReject: 'continue' }));
    expect(await vote(going, bob, 'reject', shown)).toMatchObject({ decision: 'rejected', view: { status: 'ready' } });
  });

  test('no verdict stands for votes; a person may have it asked again', async () => {
    const world = setup();
    const hash = await asking(world, approving(['bob']));
    await vote(world, bob, 'reject', hash);
    for (const verdict of ['succeeded', 'skip'] as const)
      await expect(
        world.engine.verdict('i1', { seq: 1, verdict, reason: 'I know better', by: alice }),
      ).rejects.toMatchObject({
        code: 'verdict.refused',
      });
    await world.engine.verdict('i1', { seq: 1, verdict: 'retry', reason: 'mended', by: bob });
    await world.engine.advance('i1', request);
    const { waits } = await world.engine.inspect('i1', bob);
    const again = waits?.kind === 'approve' ? waits.shownHash : '';
    expect(await vote(world, bob, 'approve', again)).toMatchObject({ decision: 'approved' });
  });

  test('expires into its default, also when only the schedule looks', async () => {
    for (const [onExpiry, result] of [
      ['reject', 'halted'],
      ['approve', 'completed'],
    ] as const) {
      const world = setup();
      const hash = await asking(world, approving(['bob', 'carol'], { quorum: 2, withinMs: 3_600_000, onExpiry }));
      await vote(world, bob, 'approve', hash);
      expect((await world.ports.views.get('i1'))?.dueAtMs).toBe(T0 + 3_600_000);
      world.now = T0 + 3_600_000;
      await expect(vote(world, carol, 'approve', hash)).rejects.toMatchObject({ code: 'vote.closed' });
      expect((await world.engine.run('i1', request)).result).toBe(result);
      expect(await outcome(world)).toMatchObject({
        note: `${onExpiry === 'reject' ? 'rejected' : 'approved'} by expiry: 1 of 2 approvals in time`,
      });
    }
  });

  test('a withdrawn approval does not count; before the quorum it can be withdrawn, afterwards not', async () => {
    const world = setup();
    const hash = await asking(world, approving(['bob', 'carol'], { quorum: 2 }));
    await expect(vote(world, bob, 'withdraw', hash)).rejects.toMatchObject({ code: 'vote.double' });
    await vote(world, bob, 'approve', hash);
    expect(await vote(world, bob, 'withdraw', hash)).toMatchObject({ approvals: [] });
    await vote(world, carol, 'approve', hash);
    expect(await vote(world, bob, 'approve', hash)).toMatchObject({
      decision: 'approved',
      approvals: ['carol', 'bob'],
    });
    await expect(vote(world, bob, 'withdraw', hash)).rejects.toMatchObject({ code: 'cell.notWaiting' });
  });

  test('a vote that decided and whose voter died is recorded by the schedule', async () => {
    const world = setup();
    const hash = await asking(world, approving(['bob']));
    const journal = { ...world.ports.journal, page: () => Promise.reject(new Error('it died here')) };
    const dying = createEngine({ ...world.ports, journal });
    await expect(
      dying.vote('i1', 'go', { decision: 'approve', shownHash: hash, groups: [], by: bob }),
    ).rejects.toThrow();
    expect(lines(await world.entries('i1')).at(-1)).toBe('bob approve (bob)');
    const view = await world.ports.views.get('i1');
    expect(view?.dueAtMs).toBeLessThanOrEqual(T0 + 45_000);
    await expect(vote(world, carol, 'approve', hash)).rejects.toMatchObject({ code: 'vote.notAsked' });
    expect((await world.engine.run('i1', request)).result).toBe('completed');
  });

  test('whoever differs from one who is asked only in case is told that case counts', async () => {
    const world = setup();
    const hash = await asking(world, approving(['bob'], { groups: [['sre']] }));
    const by = { ...bob, actor: 'Bob' };
    const refused = (groups: string[]) =>
      world.engine.vote('i1', 'go', { decision: 'approve', shownHash: hash, groups, by });
    await expect(refused([])).rejects.toMatchObject({
      code: 'vote.notAsked',
      message: 'Bob is not asked by cell go of i1; it asks bob, members of sre. Case counts: Bob is not bob.',
    });
    const another = { ...bob, actor: 'erin' };
    await expect(
      world.engine.vote('i1', 'go', { decision: 'approve', shownHash: hash, groups: ['SRE'], by: another }),
    ).rejects.toMatchObject({
      message: 'erin is not asked by cell go of i1; it asks bob, members of sre. Case counts: SRE is not sre.',
    });
    await expect(
      world.engine.vote('i1', 'go', { decision: 'approve', shownHash: hash, groups: ['dba'], by: another }),
    ).rejects.toMatchObject({ message: 'erin is not asked by cell go of i1; it asks bob, members of sre.' });
  });

  test('of twenty who vote at once three are needed, each counts once, and nothing is lost', async () => {
    const world = setup();
    const names = Array.from({ length: 20 }, (_, n) => `voter${n}`);
    const hash = await asking(world, approving(names, { quorum: 3 }));
    const votes = await Promise.allSettled(
      names.map((actor) => vote(world, { actor, via: 'test', where: actor }, 'approve', hash)),
    );
    const counted = votes.filter((one) => one.status === 'fulfilled').map((one) => one.value);
    expect(counted.map(({ decision }) => decision).sort()).toEqual(['approved', null, null]);
    const refused = votes.filter((one) => one.status === 'rejected').map((one) => one.reason.code);
    expect(refused.filter((code) => code !== 'vote.closed' && code !== 'cell.notWaiting')).toEqual([]);
    expect((await world.entries('i1')).filter(({ kind }) => kind === 'vote')).toHaveLength(3);
  });

  test('a vote and a cancellation race for one slot: what stands first counts', async () => {
    const world = setup();
    const hash = await asking(world, approving(['bob'], { quorum: 1 }));
    await world.engine.cancel('i1', 'enough', alice);
    await expect(vote(world, bob, 'approve', hash)).rejects.toMatchObject({ code: 'instance.finished' });
  });
});

describe('who may vote', () => {
  const terms = { approvers: ['alice', 'bob'], groups: ['sre'], self: false };
  test.each([
    ['one who is named', 'bob', [], undefined],
    ['a member of a group', 'dave', ['dev', 'sre'], undefined],
    ['nobody else', 'dave', ['dev'], 'notAsked'],
    ['a person who is called as the group', 'sre', [], 'notAsked'],
    ['a group that is called as a person', 'dave', ['bob'], 'notAsked'],
    ['in other case', 'Bob', ['SRE'], 'notAsked'],
    ['who started it', 'alice', [], 'self'],
    ['who started it, as a member', 'carol', ['sre'], 'self'],
  ] as const)('%s', (_, actor, groups, why) => {
    const voter = { actor, groups: [...groups] };
    expect(whyNoVote(terms, ['alice', 'carol'], voter)).toBe(why);
    expect(whyNoVote({ ...terms, self: true }, ['alice', 'carol'], voter)).toBe(why === 'self' ? undefined : why);
  });

  test('those who are named, and members of a group; not who started it unless the cell says so', async () => {
    const world = setup();
    const hash = await asking(world, approving(['alice', 'bob'], { groups: [['sre']], quorum: 3 }));
    await expect(vote(world, dave, 'approve', hash)).rejects.toMatchObject({ code: 'vote.notAsked' });
    await expect(vote(world, alice, 'approve', hash)).rejects.toMatchObject({ code: 'vote.self' });
    await expect(vote(world, alice, 'reject', hash)).rejects.toMatchObject({ code: 'vote.self' });
    await expect(vote(world, dave, 'approve', hash, { groups: ['dev'] })).rejects.toMatchObject({
      code: 'vote.notAsked',
    });
    expect(await vote(world, dave, 'approve', hash, { groups: ['dev', 'sre'] })).toMatchObject({ approvals: ['dave'] });

    const own = setup();
    const shown = await asking(own, approving(['alice'], { self: true }));
    expect(await vote(own, alice, 'approve', shown)).toMatchObject({ decision: 'approved' });
  });

  test('once, and only about what was shown', async () => {
    const world = setup();
    const hash = await asking(world, approving(['bob', 'carol'], { quorum: 2 }));
    const other = hash.replace(/./, (first) => (first === '0' ? '1' : '0'));
    await expect(vote(world, bob, 'approve', other)).rejects.toMatchObject({ code: 'vote.stale' });
    await vote(world, bob, 'approve', hash);
    await expect(vote(world, bob, 'approve', hash)).rejects.toMatchObject({ code: 'vote.double' });
    expect(lines(await world.entries('i1'))).toHaveLength(3);
  });
});

describe('one-time links', () => {
  const link = (world: World, actor = 'bob', by = carol) => world.engine.makeLink('i1', 'go', { actor, by });
  const use = (world: World, secret: string, shownHash: string, decision: 'approve' | 'reject' = 'approve') =>
    world.engine.useLink(secret, { decision, shownHash, where: 'a-phone' });

  test('show what is asked, vote once as the person they were made for, and say by whom they were made', async () => {
    const world = setup();
    const hash = await asking(world, approving(['bob', 'carol'], { quorum: 2 }));
    const { secret } = await link(world);
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    for (const _ of [1, 2])
      expect(await world.engine.readLink(secret, bob)).toMatchObject({
        instanceId: 'i1',
        cell: 'go',
        actor: 'bob',
        shown: { hash },
      });
    expect(lines(await world.entries('i1'))).toHaveLength(2);
    expect(await use(world, secret, hash)).toMatchObject({ decision: null, approvals: ['bob'] });
    await expect(use(world, secret, hash)).rejects.toMatchObject({ code: 'link.used' });
    await expect(world.engine.readLink(secret, bob)).rejects.toMatchObject({ code: 'link.used' });
    expect((await world.entries('i1')).at(-1)).toMatchObject({
      by: { actor: 'bob', via: 'link', where: 'a-phone' },
      link: { madeBy: 'carol' },
    });
    const stored = ['journal', 'claims', 'views'].flatMap((table) => world.tables.rows(table));
    expect(stored.length).toBeGreaterThan(4);
    expect(JSON.stringify(stored)).not.toContain(secret);
  });

  test('used by many at once vote once', async () => {
    const world = setup();
    const hash = await asking(world, approving(['bob', 'carol'], { quorum: 2 }));
    const { secret } = await link(world);
    const used = await Promise.allSettled(Array.from({ length: 20 }, () => use(world, secret, hash)));
    expect(used.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  describe('of two uses that both found it unused, the one that loses the slot votes about nothing', () => {
    /** Right before the first use spends the link, another one does; `then` is what becomes of that. */
    const raced = async (then: (world: World, other: () => Promise<unknown>) => Promise<unknown>) => {
      const { world, once } = watched();
      const hash = await asking(world, approving(['bob', 'carol'], { quorum: 2 }));
      const { secret } = await link(world);
      once(
        ({ item }) => String(item?.claimId).startsWith('link:') && item?.revision === 2,
        () => then(world, () => use(world, secret, hash)),
      );
      const first = use(world, secret, hash);
      await expect(first).rejects.toMatchObject({ code: 'link.used' });
      expect(world.tables.rows('claims').filter(({ revision }) => revision === 2)).toHaveLength(1);
      return lines(await world.entries('i1'));
    };

    test('when the other voted', async () => {
      expect(await raced((_, other) => other())).toEqual(['started', 'waiting', 'bob approve (bob)']);
    });

    test('when the other voted and bob took that back', async () => {
      const took = await raced(async (world, other) => {
        await other();
        const { waits } = await world.engine.inspect('i1', alice);
        await vote(world, bob, 'withdraw', waits?.kind === 'approve' ? waits.shownHash : '');
      });
      expect(took).toEqual(['started', 'waiting', 'bob approve (bob)', 'bob withdraw ()']);
    });

    test('when the other spent it and its vote was lost', async () => {
      const lost = await raced(async (world) => {
        const made = world.tables.rows('claims').find(({ revision }) => revision === 1);
        const linkHash = String(made?.claimId).slice('link:'.length);
        const standing = await world.ports.links.newest(linkHash);
        if (standing === undefined) throw new Error('There is no link.');
        await world.ports.links.putOnce({ ...standing, revision: 2, token: 'f'.repeat(32) });
      });
      expect(lost).toEqual(['started', 'waiting']);
    });
  });

  test('are refused when guessed, over, of another approval, or made by or for whoever may not vote', async () => {
    const world = setup();
    const hash = await asking(world, approving(['bob', 'alice'], { withinMs: 3_600_000 }));
    await expect(use(world, 'a'.repeat(64), hash)).rejects.toMatchObject({ code: 'link.unknown' });
    await expect(use(world, '../x', hash)).rejects.toMatchObject({ code: 'link.unknown' });
    await expect(link(world, 'dave')).rejects.toMatchObject({ code: 'vote.notAsked' });
    await expect(link(world, 'alice')).rejects.toMatchObject({ code: 'vote.self' });
    await expect(link(world, 'bob', alice)).rejects.toMatchObject({ code: 'vote.self' });
    const { secret, expiresAtMs } = await link(world);
    expect(expiresAtMs).toBe(T0 + 3_600_000);
    const stale = use(world, secret, 'f'.repeat(64));
    await expect(stale).rejects.toMatchObject({ code: 'vote.stale' });
    world.now = T0 + 3_600_000;
    await expect(use(world, secret, hash)).rejects.toMatchObject({ code: 'link.expired' });

    const again = setup();
    const shown = await asking(again, approving(['bob', 'carol'], { quorum: 2 }));
    const old = await link(again);
    await vote(again, carol, 'reject', shown);
    await again.engine.verdict('i1', { seq: 1, verdict: 'retry', reason: 'mended', by: bob });
    await again.engine.advance('i1', request);
    await expect(use(again, old.secret, shown)).rejects.toMatchObject({ code: 'vote.stale' });
  });

  test('end with one call: what the link took is not there for its vote a second time', async () => {
    const tries = async (slowMs: number): Promise<number> => {
      const world = setup();
      const hash = await asking(world, approving(['bob']));
      const { secret } = await link(world);
      let puts = 0;
      const journal = {
        ...world.ports.journal,
        putOnce: async () => {
          puts += 1;
          return { kind: 'unknown', cause: 'away' } as const;
        },
      };
      const links = {
        ...world.ports.links,
        putOnce: async (entry: LinkEntry) => {
          world.now += slowMs;
          return await world.ports.links.putOnce(entry);
        },
      };
      const slow = createEngine({ ...world.ports, journal, links });
      const using = slow.useLink(secret, { decision: 'approve', shownHash: hash, where: 'x' });
      await expect(using).rejects.toMatchObject({ code: 'store.unavailable' });
      return puts;
    };
    expect(await tries(0)).toBe(4);
    expect(await tries(30_000)).toBe(1);
  });

  test('are spent before the vote: a store that goes away in between leaves no vote and no link', async () => {
    const world = setup();
    const hash = await asking(world, approving(['bob']));
    const { secret } = await link(world);
    const journal = { ...world.ports.journal, putOnce: async () => ({ kind: 'unknown', cause: 'away' }) as const };
    const away = createEngine({ ...world.ports, journal });
    await expect(away.useLink(secret, { decision: 'approve', shownHash: hash, where: 'x' })).rejects.toThrow(
      'The link is spent',
    );
    await expect(use(world, secret, hash)).rejects.toMatchObject({ code: 'link.used' });
    expect(lines(await world.entries('i1'))).toEqual(['started', 'waiting']);
  });
});

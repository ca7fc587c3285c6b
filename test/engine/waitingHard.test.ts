/** What a hostile reader tried on cells that wait, and what comes of it. */
import { describe, expect, test } from 'vitest';
import type { By, Cell, CellBody, VoteRequest } from '../../src/engine/index.ts';
import { approving, awaiting, runbookOf } from './runbooks.ts';
import { alice, bob, setup, T0, type World } from './world.ts';

const carol: By = { actor: 'carol', via: 'test', where: 'host:4' };
const request = { budgetMs: 60_000, by: alice };

const hashOf = async (world: World, id = 'i1'): Promise<string> => {
  const { waits } = await world.engine.inspect(id, alice);
  if (waits?.kind !== 'approve') throw new Error('It asks nobody.');
  return waits.shownHash;
};
const asking = async (world: World, body: CellBody): Promise<string> => {
  const id = await world.start(runbookOf([{ name: 'go', body }, {}]));
  await world.engine.advance(id, request);
  return await hashOf(world);
};
const vote = (
  world: World,
  by: By,
  decision: VoteRequest['decision'],
  shownHash: string,
  over: { comment?: string; id?: string } = {},
) => {
  const { id = 'i1', ...more } = over;
  return world.engine.vote(id, 'go', { decision, shownHash, groups: [], by, ...more });
};
const votesIn = async (world: World) => (await world.entries('i1')).filter(({ kind }) => kind === 'vote');

describe('an advance that names the cell that waits', () => {
  test.each([[1], [2]])('closes it when it is over, with %i cells', async (cells) => {
    const world = setup();
    await world.start(runbookOf([{ body: awaiting(['ci']) }, {}].slice(0, cells)));
    expect((await world.engine.advance('i1', { ...request, cell: 'c0' })).result).toBe('parked');
    await world.engine.setClaim('ci', { status: 'supported', by: bob });
    const { result } = await world.engine.advance('i1', { ...request, cell: 'c0' });
    expect(result).toBe(cells === 1 ? 'completed' : 'advanced');
    expect(world.begun).toEqual([]);
  });
});

describe('the end of an approval', () => {
  test('a vote whose put would come after it is refused, however slow the store is', async () => {
    const world = setup();
    const hash = await asking(world, approving(['bob'], { withinMs: 3_600_000 }));
    world.now = T0 + 3_599_999;
    const { arm } = world.ports.marks;
    world.ports.marks.arm = async (...args) => {
      world.now += 30_000;
      return await arm(...args);
    };
    await expect(vote(world, bob, 'approve', hash)).rejects.toMatchObject({ code: 'vote.closed' });
    expect(await votesIn(world)).toEqual([]);
  });

  test('a vote that was sent in time and not answered promises nothing, and is not sent again too late', async () => {
    const world = setup();
    const hash = await asking(world, approving(['bob'], { withinMs: 10_000 }));
    world.now = T0 + 9_950;
    const put = world.ports.journal.putOnce;
    let lost = 0;
    world.ports.journal.putOnce = async (entry) => (lost++ === 0 ? { kind: 'unknown', cause: 'x' } : put(entry));
    await expect(vote(world, bob, 'approve', hash)).rejects.toMatchObject({ code: 'store.unavailable' });
    expect(await votesIn(world)).toEqual([]);
  });
});

describe('what an approval is about', () => {
  test('a vote does not fit the same approval asked again', async () => {
    const world = setup();
    const hash = await asking(world, approving(['bob', 'carol']));
    await vote(world, carol, 'reject', hash);
    await world.engine.verdict('i1', { seq: 1, verdict: 'retry', reason: 'mended', by: carol });
    await world.engine.advance('i1', request);
    await expect(vote(world, bob, 'approve', hash)).rejects.toMatchObject({ code: 'vote.stale' });
    expect(await vote(world, bob, 'approve', await hashOf(world))).toMatchObject({ decision: 'approved' });
  });

  const publish = async (world: World, over: object = {}) =>
    await world.engine.publish(
      JSON.stringify({
        ...runbookOf([{ name: 'go', body: approving(['bob']) }, { name: 'deploy' }]),
        params: { type: 'object', properties: { target: {} }, required: [], additionalProperties: true },
        ...over,
      }),
      alice,
    );
  const cancelled = async (world: World): Promise<void> => {
    await world.engine.start({ runbookId: 'demo', params: { target: 'staging' }, instanceId: 'i1', by: alice });
    await world.engine.advance('i1', request);
    await vote(world, bob, 'approve', await hashOf(world));
    await world.engine.cancel('i1', 'because', alice);
  };
  const goOn = (world: World, params: Record<string, unknown>, at: string) =>
    world.engine.start({ runbookId: 'demo', params, continues: { instanceId: 'i1', at, reason: 'r' }, by: alice });

  test('a run that goes on with other parameters does not go past what was approved for the earlier ones', async () => {
    const world = setup();
    await publish(world);
    await cancelled(world);
    await expect(goOn(world, { target: 'production' }, 'deploy')).rejects.toMatchObject({
      code: 'continue.refused',
      message: expect.stringContaining('the parameters have changed'),
    });
    expect(await world.engine.journal('i1.2', -1, 1)).toEqual([]);
    await goOn(world, { target: 'production' }, 'go');
    expect((await world.engine.run('i1.2', request)).result).toBe('parked');
    expect(world.begun).toEqual([]);
  });

  test('nor with a document that has changed before it; with the same of both it goes on', async () => {
    const world = setup();
    await publish(world);
    await cancelled(world);
    await publish(world, { title: 'another one' });
    await expect(goOn(world, {}, 'deploy')).rejects.toMatchObject({
      code: 'continue.refused',
      message: expect.stringContaining('the document up to it has changed'),
    });
    await world.engine.start({
      runbookId: 'demo',
      version: 1,
      params: { target: 'staging' },
      continues: { instanceId: 'i1', at: 'deploy' },
      by: alice,
    });
    expect((await world.engine.run('i1.2', request)).result).toBe('completed');
  });
});

describe('who approves', () => {
  test('not who started a run that this one continues', async () => {
    const world = setup();
    await vote(world, bob, 'reject', await asking(world, approving(['bob', 'alice'])));
    await world.engine.start({ runbookId: 'demo', params: {}, continues: { instanceId: 'i1', at: 'go' }, by: carol });
    await world.engine.advance('i1.2', { ...request, by: carol });
    const hash = await hashOf(world, 'i1.2');
    await expect(vote(world, alice, 'approve', hash, { id: 'i1.2' })).rejects.toMatchObject({ code: 'vote.self' });
    // Whoever shows the question knows it beforehand.
    expect((await world.engine.inspect('i1.2', bob)).waits).toMatchObject({ starters: ['carol', 'alice'] });
    expect(await vote(world, bob, 'approve', hash, { id: 'i1.2' })).toMatchObject({ decision: 'approved' });
  });

  test.each([
    ['the starter is one of two', approving(['alice', 'bob'], { quorum: 2 })],
    ['one person is named twice', approving(['bob', 'bob'], { quorum: 2 })],
  ])('a quorum that cannot be reached is refused, not waited for: %s', async (_, body) => {
    const world = setup();
    await world.start(runbookOf([{ name: 'go', body }, {}]));
    expect((await world.engine.advance('i1', request)).result).toBe('halted');
    expect((await world.entries('i1')).at(-1)).toMatchObject({ error: { code: 'approval.unreachable' } });
  });

  test('what nobody could be shown is not asked', async () => {
    const world = setup();
    const text = [`${'<'.repeat(600 * 1024)}`];
    await world.start(runbookOf([{ name: 'go', body: approving(['bob'], { text }) }, {}]));
    expect((await world.engine.advance('i1', request)).result).toBe('halted');
    expect((await world.entries('i1')).at(-1)).toMatchObject({
      error: { code: 'inputs.tooLarge', message: expect.stringContaining('shownBytesMax') },
    });
  });

  test('whoever changes their mind for ever is stopped, and the decision stays readable', async () => {
    const comment = '\u0001'.repeat(2_000);
    const other = setup();
    const shown = await asking(other, approving(['bob', 'carol'], { quorum: 2 }));
    let refused = '';
    for (let n = 0; refused === '' && n < 1_000; n += 1)
      await vote(other, bob, n % 2 === 0 ? 'approve' : 'withdraw', shown, { comment }).catch(({ message }) => {
        refused = message;
      });
    expect(refused).toContain('votesMax');
    expect(await votesIn(other)).toHaveLength(200);
    const { waits } = await other.engine.inspect('i1', alice);
    expect(waits?.kind === 'approve' && waits.votes.length).toBe(50);
  });
});

describe('a link', () => {
  const linked = async (world: World, actor: string, by: By) =>
    (await world.engine.makeLink('i1', 'go', { actor, by })).secret;

  test('is not spent by a comment that is too long', async () => {
    const world = setup();
    const shownHash = await asking(world, approving(['bob']));
    const secret = await linked(world, 'bob', carol);
    const by = { decision: 'approve', shownHash, where: 'w' } as const;
    await expect(world.engine.useLink(secret, { ...by, comment: 'x'.repeat(2_001) })).rejects.toMatchObject({
      code: 'request.invalid',
    });
    expect(await world.engine.useLink(secret, by)).toMatchObject({ decision: 'approved' });
  });

  test('and its maker fill one place of a quorum: two links of one hand do not, nor a link and their own vote', async () => {
    const world = setup();
    const shownHash = await asking(world, approving(['bob', 'carol'], { quorum: 2 }));
    const by = { decision: 'approve', shownHash, where: 'w' } as const;
    const mallory: By = { actor: 'mallory', via: 'test', where: 'host:6' };
    const [first, second] = [await linked(world, 'bob', mallory), await linked(world, 'carol', mallory)];
    expect(await world.engine.useLink(first, by)).toMatchObject({ decision: null, approvals: ['bob'] });
    await expect(world.engine.useLink(second, by)).rejects.toMatchObject({
      code: 'vote.double',
      message: expect.stringContaining('mallory already counts towards the approval'),
    });
    // Refused, it is not spent; and bob's own withdrawal frees the hand.
    await vote(world, bob, 'withdraw', shownHash);
    expect(await world.engine.useLink(second, by)).toMatchObject({ approvals: ['carol'] });
    expect(await vote(world, bob, 'approve', shownHash)).toMatchObject({ decision: 'approved' });

    const own = setup();
    const hash = await asking(own, approving(['bob', 'carol'], { quorum: 2 }));
    await vote(own, carol, 'approve', hash);
    const link = await linked(own, 'bob', carol);
    await expect(own.engine.useLink(link, { decision: 'approve', shownHash: hash, where: 'w' })).rejects.toMatchObject({
      code: 'vote.double',
    });
  });

  test('is made by whoever started the run for themselves only, where they may approve it at all', async () => {
    const world = setup();
    await asking(world, approving(['alice', 'bob'], { quorum: 2, self: true }));
    await expect(linked(world, 'bob', alice)).rejects.toMatchObject({ code: 'vote.self' });
    expect(await linked(world, 'alice', alice)).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('a claim', () => {
  const duringMarks = async (world: World): Promise<string[]> => {
    const shards = Array.from({ length: 16 }, (_, shard) => world.ports.marks.due(world.now, 'local', shard));
    return (await Promise.all(shards)).flatMap(({ due }) => due.map(({ instanceId }) => instanceId));
  };

  test('whose writer thaws after its mark arms anew before it is put: who waits is found although the writer dies', async () => {
    const world = setup();
    await world.start(runbookOf([{ body: awaiting(['ci']) }, {}]));
    await world.engine.run('i1', request);
    const { arm } = world.ports.marks;
    let armed = 0;
    world.ports.marks.arm = async (...args) => {
      const answer = await arm(...args);
      if (args[0].instanceId === 'wake:ci' && armed++ === 0) {
        // Frozen for ten minutes, in which the schedule looks.
        for (let minute = 0; minute < 10; minute += 1) {
          world.now += 60_000;
          if ((await duringMarks(world)).includes('wake:ci')) await world.engine.wake('ci');
        }
      }
      return answer;
    };
    const { page } = world.ports.subscriptions;
    const put = world.ports.claims.putOnce;
    world.ports.claims.putOnce = async (entry) => {
      const answer = await put(entry);
      world.ports.subscriptions.page = async () => {
        throw new Error('died');
      };
      return answer;
    };
    await world.engine.setClaim('ci', { status: 'supported', by: bob });
    world.ports.subscriptions.page = page;
    expect(armed).toBe(2);
    for (let minute = 0; minute < 5; minute += 1) {
      world.now += 60_000;
      for (const id of await duringMarks(world)) {
        if (id === 'wake:ci') await world.engine.wake('ci');
        else await world.engine.advance(id, { ...request, explicit: false });
      }
    }
    expect((await world.entries('i1')).find(({ kind }) => kind === 'outcome')).toMatchObject({ cell: 'c0' });
  });

  test('is woken by one at a time, and a waking that takes longer than the schedule pauses comes to an end', async () => {
    const world = setup();
    await world.start(runbookOf([{ body: awaiting(['ci']) }, {}]));
    await world.engine.advance('i1', request);
    const { page } = world.ports.subscriptions;
    world.ports.subscriptions.page = async () => {
      throw new Error('dead');
    };
    expect(await world.engine.setClaim('ci', { status: 'asserted', by: bob })).toMatchObject({ woken: null });
    // Each pass takes four minutes, the schedule comes every minute.
    const held: (() => void)[] = [];
    world.ports.subscriptions.page = async (...args) => {
      await new Promise<void>((resolve) => held.push(resolve));
      return await page(...args);
    };
    let passes = 0;
    for (let minute = 1; minute <= 40; minute += 1) {
      world.now += 60_000;
      if (minute % 4 === 0) for (const go of held.splice(0)) go();
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (!(await duringMarks(world)).includes('wake:ci')) continue;
      void world.engine.wake('ci').catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 1));
      passes = Math.max(passes, held.length);
    }
    expect(passes).toBe(1);
    expect(await duringMarks(world)).not.toContain('wake:ci');
  });

  test('that came after the time-out does not count, and one that came in time does, whoever sets it again', async () => {
    const late = setup();
    await late.start(runbookOf([{ body: awaiting(['ci'], { withinMs: 60_000, onTimeout: 'continue' }) }, {}]));
    await late.engine.advance('i1', request);
    late.now = T0 + 70_000;
    await late.engine.setClaim('ci', { status: 'supported', by: bob });
    await late.engine.advance('i1', request);
    expect((await late.entries('i1')).find(({ kind }) => kind === 'outcome')).toMatchObject({
      note: 'timed out: ci does not exist',
    });

    const early = setup();
    await early.start(runbookOf([{ body: awaiting(['ci'], { withinMs: 60_000 }) }, {}]));
    await early.engine.advance('i1', request);
    early.now = T0 + 50_000;
    await early.engine.setClaim('ci', { status: 'supported', by: bob });
    early.now = T0 + 70_000;
    await early.engine.setClaim('ci', { status: 'invalidated', by: bob });
    await early.engine.advance('i1', request);
    expect((await early.entries('i1')).find(({ kind }) => kind === 'outcome')).toMatchObject({
      status: 'completed',
      note: 'ci is supported (revision 1, bob)',
    });
  });

  test('written by forty at once has forty revisions', async () => {
    const world = setup();
    await world.engine.setClaim('ci', { status: 'asserted', by: bob });
    await Promise.all(Array.from({ length: 40 }, () => world.engine.setClaim('ci', { status: 'supported', by: bob })));
    expect((await world.engine.claim('ci')).revision).toBe(41);
  });

  test('with evidence nested without end is refused', async () => {
    const deep = `${'['.repeat(200)}1${']'.repeat(200)}`;
    await expect(setup().engine.setClaim('ci', { status: 'asserted', evidence: deep, by: bob })).rejects.toMatchObject({
      code: 'request.invalid',
      message: expect.stringContaining('bodyNestingMax'),
    });
  });
});

describe('a poll', () => {
  const looking: Partial<Cell> = {
    name: 'look',
    poll: { everyMs: 15_000, withinMs: null, onTimeout: 'fail' },
    expect: [{ source: 'false', line: 1 }],
  };

  test.each([
    [true, 4],
    [false, 1],
  ])('holds a call for a minute at most, and the schedule not at all: explicit %s', async (explicit, tries) => {
    const world = setup();
    world.behave = () => ({ status: 'completed', output: '{}' });
    await world.engine.publish(JSON.stringify(runbookOf([looking, {}])), alice);
    await world.engine.start({ runbookId: 'demo', params: {}, instanceId: 'i1', drive: 'auto', by: alice });
    const { result } = await world.engine.advance('i1', { budgetMs: 860_000, by: alice, maxCells: 9, explicit });
    expect([result, world.begun.length, world.now - T0]).toEqual(['parked', tries, (tries - 1) * 15_000]);
  });
});

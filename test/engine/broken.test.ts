/** An instance whose journal is broken: nothing runs in it, it is looked at ever more rarely, and a person may end it. */
import { describe, expect, test } from 'vitest';
import { createEngine, limits, type View } from '../../src/engine/index.ts';
import type { Row } from '../../src/testing/tables.ts';
import { approving, runbookOf } from './runbooks.ts';
import { alice, bob, setup, type World } from './world.ts';

const request = { maxCells: 1, budgetMs: 60_000, by: alice };
const rowAt = (world: World, seq: number): Row => world.tables.row('journal', 'i1', seq) as Row;
/** Past every condition, as somebody with rights on the table can. */
const alter = (world: World, seq: number, change: (row: Row) => Row): void => {
  const row = rowAt(world, seq);
  world.tables.tamper('journal', { ...row, ...change(row) });
};
const forgeStarter = (row: Row): Row => ({ entry: String(row.entry).replace('"alice"', '"mallory"') });
const viewOf = async (world: World): Promise<View | undefined> => await world.ports.views.get('i1');

/** Two of three cells done, then the outcome of the first is altered. */
const broken = async (): Promise<World> => {
  const world = setup();
  await world.start(runbookOf([{}, {}, {}]));
  await world.engine.advance('i1', { ...request, maxCells: 2 });
  return world;
};

describe('a broken journal', () => {
  test('at its head reserves nothing: refused by place and reason, the view says `broken`, an event rings', async () => {
    const world = await broken();
    const begun = world.begun.length;
    const before = await viewOf(world);
    const head = (await world.entries('i1')).length - 1;
    alter(world, head - 1, forgeStarter);
    await expect(world.engine.advance('i1', request)).rejects.toMatchObject({
      code: 'journal.broken',
      details: { instanceId: 'i1', seq: head },
    });
    expect(world.begun).toHaveLength(begun);
    expect(await viewOf(world)).toMatchObject({ status: 'broken', seq: before?.seq, headHash: before?.headHash });
    expect(world.events.filter(({ kind }) => kind === 'instance.broken')).toMatchObject([
      { instanceId: 'i1', seq: head },
    ]);
  });

  test.each(['run', 'done', 'verdict', 'release', 'vote'] as const)(
    'refuses %s, and the view says so',
    async (what) => {
      const world = await broken();
      alter(world, (await world.entries('i1')).length - 2, forgeStarter);
      const { engine } = world;
      const calls = {
        run: () => engine.run('i1', { budgetMs: 60_000, by: alice }),
        done: () => engine.done('i1', 'c2', { result: 'done', note: 'seen', by: alice }),
        verdict: () => engine.verdict('i1', { seq: 1, verdict: 'retry', reason: 'seen', by: alice }),
        release: () => engine.release('i1', 'checked', alice),
        vote: () => engine.vote('i1', 'c2', { decision: 'approve', shownHash: 'a'.repeat(64), groups: [], by: alice }),
      };
      await expect(calls[what]()).rejects.toMatchObject({ code: 'journal.broken' });
      expect((await viewOf(world))?.status).toBe('broken');
    },
  );

  test('is looked at ever more rarely, at last once a day', async () => {
    const world = await broken();
    alter(world, (await world.entries('i1')).length - 2, forgeStarter);
    const pauses: number[] = [];
    for (let look = 0; look < 20; look += 1) {
      await expect(world.engine.rebuild('i1', alice)).rejects.toMatchObject({ code: 'journal.broken' });
      const { dueAtMs } = (await viewOf(world)) as View;
      pauses.push((dueAtMs as number) - world.now);
      world.now = dueAtMs as number;
    }
    expect(pauses[0]).toBe(limits.doubtBackoffMsMin);
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
    expect(pauses.at(-1)).toBe(limits.brokenBackoffMsMax);
  });

  test('restored, it goes on, and its view follows', async () => {
    const world = await broken();
    const head = (await world.entries('i1')).length - 1;
    const whole = { ...rowAt(world, head - 1) };
    alter(world, head - 1, forgeStarter);
    await expect(world.engine.advance('i1', request)).rejects.toMatchObject({ code: 'journal.broken' });
    world.tables.tamper('journal', whole);
    expect(await world.engine.advance('i1', request)).toMatchObject({ result: 'completed' });
    expect(await viewOf(world)).toMatchObject({ status: 'completed', dueAtMs: null });
  });

  test.each([
    ['altered', forgeStarter],
    ['unreadable', (): Row => ({ entry: '{' })],
    ['of a newer format', (): Row => ({ v: 9 })],
  ])('its newest entry %s: a person ends it with a reason, which says where it was broken', async (what, change) => {
    const world = await broken();
    const head = (await world.entries('i1')).length - 1;
    alter(world, what === 'altered' ? head - 1 : head, change);
    const refusedBy = what === 'of a newer format' ? 'journal.newer' : 'journal.broken';
    await expect(world.engine.advance('i1', request)).rejects.toMatchObject({ code: refusedBy });
    if (refusedBy === 'journal.newer') {
      // A newer Pawl may have written it: this one ends nothing that it cannot read.
      await expect(world.engine.cancel('i1', 'tampered', bob)).rejects.toMatchObject({ code: 'journal.newer' });
      return;
    }
    const cancelled = await world.engine.cancel('i1', 'tampered with, see incident 7', bob);
    expect(cancelled.view).toMatchObject({ status: 'cancelled', dueAtMs: null, seq: head + 1 });
    const newest = await world.ports.journal.newest('i1');
    expect(newest?.entry).toMatchObject({
      kind: 'cancelled',
      seq: head + 1,
      reason: 'tampered with, see incident 7',
      broken: { why: expect.any(String) },
      state: { ended: 'cancelled', open: null },
    });
    expect(await viewOf(world)).toMatchObject({ status: 'cancelled', dueAtMs: null });
    // Ended, it is found so by whoever looks at its head, and a second time changes nothing.
    expect((await world.ports.journal.head('i1'))?.entry.state.ended).toBe('cancelled');
    expect((await world.engine.cancel('i1', 'again', bob)).view.seq).toBe(head + 1);
    const begun = world.begun.length;
    await world.engine.advance('i1', request).catch(() => undefined);
    expect(world.begun).toHaveLength(begun);
    expect((await viewOf(world))?.status).toBe('cancelled');
  });

  test('two who end it at once write one entry; the lock it held is free', async () => {
    const world = setup();
    await world.start(runbookOf([{}, {}, {}], { concurrency: ['one'] }));
    await world.engine.advance('i1', { ...request, maxCells: 2 });
    const head = (await world.entries('i1')).length - 1;
    alter(world, head - 1, forgeStarter);
    const both = await Promise.all([
      world.engine.cancel('i1', 'broken, says alice', alice),
      world.engine.cancel('i1', 'broken, says bob', bob),
    ]);
    expect(both.map(({ view }) => view.seq)).toEqual([head + 1, head + 1]);
    expect((await world.ports.journal.newest('i1'))?.seq).toBe(head + 1);
    const next = await world.engine.start({ runbookId: 'demo', params: {}, instanceId: 'i2', by: bob });
    expect(next.created).toBe(true);
  });
});

describe('verify', () => {
  const verified = (world: World, ...more: [{ seq: number; hash: string; what: string }?]) =>
    world.engine.verify('i1', ...more);

  test('a whole journal is intact, and its head is a witness for another time', async () => {
    const world = await broken();
    const first = await verified(world);
    expect(first).toMatchObject({ instanceId: 'i1', intact: true, breaks: [], ended: null });
    await world.engine.advance('i1', request);
    expect(await verified(world, { ...first.head, what: 'the witness' })).toMatchObject({ intact: true, breaks: [] });
  });

  test('votes are about what was shown: a journal with votes is intact, a vote about something else is not', async () => {
    const world = setup();
    await world.start(runbookOf([{ name: 'go', body: approving(['bob', 'carol'], { quorum: 2 }) }]));
    await world.engine.advance('i1', request);
    const { waits } = await world.engine.inspect('i1', alice);
    const shownHash = waits?.kind === 'approve' ? waits.shownHash : '';
    await world.engine.vote('i1', 'go', { decision: 'approve', shownHash, groups: [], by: bob });
    expect(await verified(world)).toMatchObject({ intact: true, breaks: [] });
    alter(world, 2, (row) => ({ entry: String(row.entry).replace(shownHash, 'f'.repeat(64)) }));
    const { breaks } = await verified(world);
    expect(breaks).toContainEqual({ seq: 2, why: 'the vote is about something else than entry 1 showed' });
  });

  test('an altered entry, a missing one and one that cannot be read are each named by place', async () => {
    const world = await broken();
    alter(world, 1, forgeStarter);
    expect((await verified(world)).breaks).toMatchObject([{ seq: 2, why: expect.stringMatching(/prev/) }]);
    alter(world, 1, () => ({ entry: 'rubbish' }));
    expect((await verified(world)).breaks.map(({ seq }) => seq)).toEqual([1, 2]);
  });

  test('a chain rewritten with all its hashes is found by its view, and a cut tail too', async () => {
    const world = await broken();
    const view = (await viewOf(world)) as View;
    const entries = await world.entries('i1');
    // What an attacker with rights on the journal alone would do: the same journal by another starter, all hashes new.
    const forged = setup();
    forged.now = world.now;
    await forged.engine.publish(JSON.stringify(runbookOf([{}, {}, {}])), alice);
    await forged.engine.start({ runbookId: 'demo', params: {}, instanceId: 'i1', by: bob });
    await forged.engine.advance('i1', { ...request, maxCells: 2 });
    for (const row of forged.tables.partition('journal', 'i1')) world.tables.tamper('journal', row);
    const fresh = { ...world, engine: (await rebuiltEngine(world)).engine };
    expect((await verified(fresh)).breaks).toMatchObject([{ seq: view.seq }]);
    // A witness from elsewhere finds it even when the view is forged as well.
    const row = world.tables.row('views', 'i1') as Row;
    world.tables.tamper('views', { ...row, headHash: (await forged.ports.journal.head('i1'))?.hash });
    expect((await verified(fresh)).breaks).toEqual([]);
    const witness = { seq: view.seq, hash: view.headHash, what: 'the witness' };
    expect((await verified(fresh, witness)).breaks).toMatchObject([{ seq: view.seq }]);
    const beyond = { seq: entries.length + 3, hash: 'a'.repeat(64), what: 'the witness' };
    expect((await verified(fresh, beyond)).breaks).toMatchObject([{ seq: entries.length + 3 }]);
  });

  test('a state that does not follow is found, though every hash is right', async () => {
    const world = await broken();
    const { ports } = world;
    const head = await ports.journal.head('i1');
    if (head === undefined) throw new Error('no head');
    const { entry } = head;
    const state = { ...entry.state, next: entry.state.next + 1 };
    const put = await ports.journal.putOnce({
      v: 1,
      instanceId: 'i1',
      seq: entry.seq + 1,
      token: 'f'.repeat(32),
      by: bob,
      atMs: entry.atMs,
      prev: head.hash,
      kind: 'control',
      reason: null,
      state,
    });
    expect(put.kind).toBe('written');
    expect((await verified(world)).breaks).toMatchObject([{ seq: entry.seq + 1 }]);
  });

  test('a large output that was altered is found', async () => {
    const world = setup();
    world.behave = () => ({
      status: 'completed',
      output: JSON.stringify('x'.repeat(limits.outputInlineBytesMax + 10)),
    });
    await world.start(runbookOf([{}]));
    await world.engine.advance('i1', request);
    expect((await verified(world)).intact).toBe(true);
    const [chunk] = world.tables.rows('journal').filter((row) => String(row.instanceId).includes('/out/'));
    world.tables.tamper('journal', { ...chunk, data: new Uint8Array([1, 2, 3]) });
    expect((await verified(world)).breaks).toMatchObject([{ why: expect.stringMatching(/output/) }]);
  });

  test('ended because of it, it says by whom and why', async () => {
    const world = await broken();
    alter(world, 1, forgeStarter);
    const head = (await world.ports.journal.newest('i1'))?.seq ?? 0;
    await expect(world.engine.rebuild('i1', alice)).resolves.toBeDefined();
    alter(world, head - 1, forgeStarter);
    await world.engine.cancel('i1', 'tampered with', bob);
    expect(await verified(world)).toMatchObject({
      intact: false,
      ended: { seq: head + 1, by: 'bob', reason: 'tampered with' },
    });
  });

  test('what is not there is an error; what only its view remembers is broken', async () => {
    const world = await broken();
    await expect(world.engine.verify('nobody')).rejects.toMatchObject({ code: 'instance.unknown' });
    const row = world.tables.row('views', 'i1') as Row;
    world.tables.tamper('views', { ...row, instanceId: 'gone' });
    expect(await world.engine.verify('gone')).toMatchObject({ intact: false, breaks: [{ seq: 0 }] });
  });
});

/** An engine that has cached nothing. */
const rebuiltEngine = async (world: World): Promise<World> => {
  const fresh = setup((client) => client, world.tables);
  fresh.now = world.now;
  return fresh;
};

describe('what the view has seen', () => {
  /** Entries from `seq` on are gone, as somebody with rights on the table can take them away. */
  const cutFrom = (world: World, seq: number): void =>
    void world.tables.lose('journal', (row) => row.instanceId === 'i1' && (row.seq as number) >= seq);

  test('is not forged: a newest entry that was altered alone is not gone on with, and stays found', async () => {
    const world = await broken();
    const begun = world.begun.length;
    const before = await viewOf(world);
    const head = (await world.entries('i1')).length - 1;
    alter(world, head, forgeStarter);
    for (const call of [world.engine.advance('i1', request), world.engine.rebuild('i1', alice)])
      await expect(call).rejects.toMatchObject({ code: 'journal.broken', details: { seq: head } });
    expect(world.begun).toHaveLength(begun);
    expect(await viewOf(world)).toMatchObject({ status: 'broken', headHash: before?.headHash });
    expect((await world.engine.verify('i1')).intact).toBe(false);
  });

  test('is not run again: a journal that was cut is broken, until a person ends it', async () => {
    const world = await broken();
    const begun = world.begun.length;
    const head = (await world.entries('i1')).length - 1;
    cutFrom(world, 1);
    for (let tries = 0; tries < 3; tries += 1)
      await expect(world.engine.advance('i1', request)).rejects.toMatchObject({
        code: 'journal.broken',
        details: { seq: head },
      });
    expect(world.begun).toHaveLength(begun);
    expect((await viewOf(world))?.status).toBe('broken');
    const { view } = await world.engine.cancel('i1', 'entries were deleted', alice);
    expect(view.status).toBe('cancelled');
    expect(await viewOf(world)).toMatchObject({ status: 'cancelled' });
    await expect(world.engine.advance('i1', request)).resolves.toMatchObject({ result: 'cancelled' });
  });

  test('counts no more once a person has released what was restored: the journal is what stands', async () => {
    const world = setup();
    await world.start(runbookOf([{}, {}, {}]));
    for (let cell = 0; cell < 2; cell += 1) await world.engine.advance('i1', request);
    cutFrom(world, 3);
    const ports = { ...world.ports, deployment: { ...world.ports.deployment, epoch: 1 } };
    const restored = createEngine(ports);
    await restored.release('i1', 'the backup is older, and what it forgot was checked', alice);
    const { result, steps } = await restored.advance('i1', { ...request, maxCells: 9 });
    expect({ result, steps: steps.length }).toEqual({ result: 'completed', steps: 2 });
    expect(await viewOf(world)).toMatchObject({ status: 'completed' });
    expect((await restored.verify('i1')).intact).toBe(true);
  });
});

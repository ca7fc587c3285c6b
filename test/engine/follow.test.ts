/** What a call that was handed to another process has come to, as the journal tells it. */
import { describe, expect, test } from 'vitest';
import { type By, createFollower, type JournalPages } from '../../src/engine/index.ts';
import { pass, runbookOf } from './runbooks.ts';
import { alice, bob, setup, T0, type World } from './world.ts';

const worker: By = { actor: 'alice', via: 'api', where: 'api-1 work-9' };
const isOurs = (by: By): boolean => by.where.startsWith('api-1 ');
const budgetMs = 60_000;
/** Served two entries at a time, so that every journal here is more than one page. */
const pagesOf = ({ engine, ports }: World, id: string): JournalPages => ({
  page: async (after, limit) => {
    const page = await engine.journal(id, after, Math.min(limit, 2));
    const entries = page.map(({ entry }) => entry);
    const next = entries.length < 2 ? null : (entries.at(-1)?.seq ?? null);
    return {
      entries,
      lastHash: page.at(-1)?.hash ?? null,
      next,
      nowMs: ports.clock.nowMs(),
      deployment: { ...ports.deployment, ...ports.here },
    };
  },
  runbook: async (runbookId, version) => {
    const found = await ports.versions.get(runbookId, version);
    if (found === undefined) throw new Error(`no version ${version} of ${runbookId}`);
    return found.runbook;
  },
  render: async (template, params) => {
    const rendered = ports.authoring.render(template, { params, outputs: {}, step: {} });
    return rendered.kind === 'text' ? rendered.text : null;
  },
});
const follow = (world: World, id: string, more: { afterSeq?: number; maxCells?: number; cell?: string } = {}) =>
  createFollower(pagesOf(world, id), { afterSeq: 0, maxCells: 1, isOurs, ...more });

describe('following a hand-over', () => {
  test('one that stops before what belongs to another place is over, and waits for that', async () => {
    const world = setup();
    await world.engine.publish(
      JSON.stringify(runbookOf([{}, { at: [{ expression: 'site', write: 'text' }] }, {}])),
      alice,
    );
    const id = 'i1';
    await world.engine.start({ runbookId: 'demo', params: { site: 'bastion' }, instanceId: id, by: alice });
    const told = await world.engine.advance(id, { budgetMs, by: worker, expectedSeq: 0, maxCells: 3 });
    expect(told).toMatchObject({
      stop: { result: 'parked', waitsFor: { place: 'bastion', missing: [] } },
      view: { place: 'bastion', waitsFor: 'a worker at bastion' },
    });
    expect(await follow(world, id, { maxCells: 3 })()).toEqual({ kind: 'over', answer: told });
  });

  test('while the `when` of what belongs elsewhere may still be judged it is under way; then it waits for that place', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, { at: ['bastion'], when: pass }]));
    const told = await world.engine.advance(id, { budgetMs, by: worker, expectedSeq: 0, maxCells: 3 });
    expect(told).toMatchObject({ result: 'parked', stop: { waitsFor: { place: 'bastion' } } });
    const readOn = follow(world, id, { maxCells: 3 });
    expect(await readOn()).toMatchObject({ kind: 'underWay', isHeld: false, reserved: 1 });
    world.now += 5_000;
    expect(await readOn()).toMatchObject({ kind: 'over', answer: { stop: told.stop } });
  });

  test('one that comes as far as it was asked to is over as ever, and its view knows what is next', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, { at: ['bastion'] }]));
    const told = await world.engine.advance(id, { budgetMs, by: worker, expectedSeq: 0 });
    expect(told).toMatchObject({ result: 'advanced', view: { place: 'bastion' } });
    expect(await follow(world, id)()).toEqual({ kind: 'over', answer: told });
  });

  test('nothing was written yet: it has not begun', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}]));
    expect(await follow(world, id)()).toEqual({ kind: 'unbegun' });
  });

  test('while its cell runs it is under way; when it is recorded it is over, with the steps of the journal', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}]));
    const look = follow(world, id);
    const seen: unknown[] = [];
    world.behave = async () => {
      seen.push(await look());
      return { status: 'completed', output: '1' };
    };
    const told = await world.engine.advance(id, { budgetMs, by: worker, expectedSeq: 0 });
    seen.push(await look());
    expect(seen[0]).toEqual({ kind: 'underWay', steps: [], reserved: 1, isHeld: true });
    expect(seen[1]).toEqual({ kind: 'over', answer: told });
    expect(told).toMatchObject({ result: 'advanced', reserved: 1, steps: [{ cell: 'c0', seq: 1 }] });
  });

  test('between two of its cells it is under way', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}, {}]));
    const told = await world.engine.advance(id, { budgetMs, by: worker, expectedSeq: 0 });
    expect(await follow(world, id, { maxCells: 2 })()).toEqual({
      kind: 'underWay',
      steps: told.steps,
      reserved: 1,
      isHeld: false,
    });
    expect(await follow(world, id, { maxCells: 1 })()).toMatchObject({ kind: 'over' });
  });

  test('a run is over at its end, and where it halts', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}]));
    world.behave = ({ step }) => (step.cell === 'c1' ? { status: 'failed' } : { status: 'completed' });
    const told = await world.engine.advance(id, { budgetMs, by: worker, maxCells: Number.POSITIVE_INFINITY });
    const over = await follow(world, id, { maxCells: Number.POSITIVE_INFINITY })();
    expect(over).toEqual({ kind: 'over', answer: told });
    expect(told.result).toBe('halted');
  });

  test('somebody else took the slot: it is lost, whatever they wrote', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}]));
    await world.engine.advance(id, { budgetMs, by: bob });
    await world.engine.advance(id, { budgetMs, by: worker });
    expect(await follow(world, id)()).toEqual({ kind: 'lost' });
  });

  test('cancelled by somebody while its cell runs: over, once the cell is recorded', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}]));
    const look = follow(world, id);
    const seen: unknown[] = [];
    world.behave = async () => {
      await world.engine.cancel(id, 'enough', bob);
      seen.push(await look());
      return { status: 'completed' };
    };
    await world.engine.advance(id, { budgetMs, by: worker, expectedSeq: 0 });
    expect(seen).toEqual([{ kind: 'underWay', steps: [], reserved: 1, isHeld: true }]);
    expect(await look()).toMatchObject({ kind: 'over', answer: { result: 'cancelled', steps: [{ cell: 'c0' }] } });
  });

  test('its holder vanished: over and in doubt after deadline and grace', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}]));
    world.behave = () => new Promise(() => {});
    void world.engine.advance(id, { budgetMs, by: worker });
    await expect.poll(() => world.begun.length).toBe(1);
    const look = follow(world, id);
    world.now = T0 + 5_000 + 14_999;
    expect(await look()).toEqual({ kind: 'underWay', steps: [], reserved: 1, isHeld: true });
    world.now = T0 + 5_000 + 15_000;
    expect(await look()).toMatchObject({ kind: 'over', answer: { result: 'in_doubt' } });
  });
});

describe('inspecting', () => {
  test('outputs that do not fit are left out and named by seq and size; each can be asked for by itself', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}, {}]));
    world.behave = ({ step }) => ({ status: 'completed', output: JSON.stringify(step.cell.repeat(5)) });
    await world.engine.run(id, { budgetMs, by: alice });
    const cells = async (bytesMax?: number) =>
      (await world.engine.inspect(id, alice, bytesMax)).cells.map((c) => [c.output, c.outputSeq, c.outputBytes]);
    expect(await cells()).toEqual([
      ['"c0c0c0c0c0"', 3, 12],
      ['"c1c1c1c1c1"', 4, 12],
      ['"c2c2c2c2c2"', 5, 12],
    ]);
    expect((await cells(24)).map(([output]) => output)).toEqual(['"c0c0c0c0c0"', '"c1c1c1c1c1"', null]);
    expect((await cells(0)).map(([, seq, bytes]) => [seq, bytes])).toEqual([
      [3, 12],
      [4, 12],
      [5, 12],
    ]);
    expect(await world.engine.output(id, 5)).toEqual({ text: '"c2c2c2c2c2"', bytes: 12, truncated: false });
    expect(await world.engine.output(id, 2)).toBeUndefined();
    expect(await world.engine.output(id, 99)).toBeUndefined();
  });

  test('what a manual cell asks for is there while the instance waits', async () => {
    const world = setup();
    const look = { name: 'look', body: { kind: 'manual' as const, instructions: ['Look at the board.'] } };
    const id = await world.start(runbookOf([look]));
    expect((await world.engine.inspect(id, alice)).waits).toBeNull();
    await world.engine.advance(id, { budgetMs, by: alice });
    expect((await world.engine.inspect(id, alice)).waits).toMatchObject({
      kind: 'manual',
      cell: 'look',
      instructions: 'Look at the board.',
    });
    await world.engine.done(id, 'look', { result: 'done', note: 'fine', by: bob });
    expect((await world.engine.inspect(id, alice)).waits).toBeNull();
  });
});

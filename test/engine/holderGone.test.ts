/** A verdict before the time of a step is over: only where the port finds that the process of its holder is gone. */
import { describe, expect, test } from 'vitest';
import { type Cell, createEngine, type HolderState } from '../../src/engine/index.ts';
import { runbookOf } from './runbooks.ts';
import { alice, bob, setup, T0, type World } from './world.ts';

const request = { budgetMs: 60_000, by: alice };
const named = '0123456789ab.4026531836.4711.123456.1000';
const deadline = T0 + 5_000;
const decidable = deadline + 15_000;

type Asked = { process: string; execution: string };

/** A first cell whose holder vanished; what this process can tell of it. */
const vanished = async (
  holder: HolderState | undefined,
  { cells = [{}, {}], process = named as string | null }: { cells?: Partial<Cell>[]; process?: string | null } = {},
) => {
  const world = setup();
  const asked: Asked[] = [];
  const begun: (string | undefined)[] = [];
  const ports = {
    ...world.ports,
    process: () => process,
    ...(holder === undefined
      ? {}
      : {
          holderState: async (process: string, execution: string) => {
            asked.push({ process, execution });
            return holder;
          },
        }),
  };
  const id = await world.start(runbookOf(cells));
  const lost = createEngine({
    ...ports,
    execute: async (input) => {
      begun.push(input.execution);
      return await new Promise(() => {});
    },
  });
  void lost.advance(id, { ...request, by: bob });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(begun).toHaveLength(1);
  const engine = createEngine(ports);
  const decide = (verdict: 'succeeded' | 'failed' | 'retry' | 'skip', over: object = {}) =>
    engine.verdict(id, { seq: 1, verdict, reason: 'looked it up', by: bob, ...over });
  return { world, id, engine, decide, asked, begun };
};
const last = async (world: World, id: string) => (await world.entries(id)).at(-1);
const gone = { holderGone: true };

describe('a holder whose process is gone', () => {
  test('a reservation names the process and what it begins carries a marker that follows from the entry', async () => {
    const { world, id, asked, begun, decide } = await vanished('gone');
    expect(await last(world, id)).toMatchObject({ kind: 'reserved', process: named });
    await decide('skip', gone);
    expect(begun[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(asked).toEqual([{ process: named, execution: begun[0] }]);
  });

  test('so does one that stands in an outcome, and each has a marker of its own', async () => {
    const world = setup();
    const begun: (string | undefined)[] = [];
    const execute = async (input: { execution?: string }) => {
      begun.push(input.execution);
      return { status: 'completed' } as const;
    };
    const id = await world.start(runbookOf([{}, {}]));
    await createEngine({ ...world.ports, process: () => named, execute }).advance(id, { ...request, maxCells: 2 });
    const fused = (await world.entries(id)).find((entry) => entry.kind === 'outcome' && entry.reserve !== undefined);
    expect(fused).toMatchObject({ reserve: { process: named } });
    expect(new Set(begun).size).toBe(2);
  });

  test.each(['succeeded', 'failed', 'skip'] as const)(
    '`%s` is taken at once, and the entry says so',
    async (verdict) => {
      const { world, id, decide } = await vanished('gone');
      await decide(verdict, gone);
      expect(await last(world, id)).toMatchObject({ kind: 'outcome', closedBy: 'person', verdict, holderGone: true });
      expect(await last(world, id)).not.toHaveProperty('overlapOk');
    },
  );

  test('without holderGone it is refused with the time, and told that it could be said', async () => {
    const { world, id, decide } = await vanished('gone');
    await expect(decide('skip')).rejects.toMatchObject({
      code: 'verdict.early',
      message: expect.stringContaining('with --holder-gone'),
      details: { untilMs: decidable, holder: 'gone' },
    });
    expect(await last(world, id)).toMatchObject({ kind: 'reserved' });
  });

  test('`retry` also needs overlapOk until the deadline; in the grace after it nothing can overlap', async () => {
    const first = await vanished('gone');
    await expect(first.decide('retry', gone)).rejects.toMatchObject({
      code: 'verdict.early',
      message: expect.stringContaining('--overlap-ok'),
      details: { untilMs: deadline },
    });
    await first.decide('retry', { ...gone, overlapOk: true });
    expect(await last(first.world, first.id)).toMatchObject({ status: 'abandoned', holderGone: true, overlapOk: true });
    const later = await vanished('gone');
    later.world.now = deadline;
    await later.decide('retry', gone);
    expect(await last(later.world, later.id)).toMatchObject({ status: 'abandoned', holderGone: true });
  });

  test.each([
    ['alive', 'alive', {}, 'verdict.early'],
    ['of another machine', 'not here', {}, 'verdict.holderNotKnown'],
    ['asked of a service that cannot look', undefined, {}, 'verdict.holderNotKnown'],
    ['without a name', 'gone', { process: null }, 'verdict.holderNotKnown'],
  ] as const)('one that is %s: refused with the time, nothing is recorded', async (_what, holder, over, code) => {
    const { world, id, decide } = await vanished(holder, over);
    for (const verdict of ['succeeded', 'failed', 'retry', 'skip'] as const) {
      const overlap = verdict === 'retry' ? { overlapOk: true } : {};
      await expect(decide(verdict, { ...gone, ...overlap })).rejects.toMatchObject({
        code,
        details: { untilMs: decidable },
      });
    }
    expect(await last(world, id)).toMatchObject({ kind: 'reserved' });
    world.now = decidable;
    await decide('skip', gone);
    expect(await last(world, id)).not.toHaveProperty('holderGone');
  });

  test('policies wait for the deadline and the grace as ever', async () => {
    const { world, id, engine } = await vanished('gone', { cells: [{ interrupted: 'retry' }, {}] });
    expect((await engine.advance(id, request)).result).toBe('in_flight');
    expect(await last(world, id)).toMatchObject({ kind: 'reserved' });
  });

  test("an attempt by the cell's own retry= after `failed` waits for the deadline of what may still act", async () => {
    const { world, id, decide } = await vanished('gone', { cells: [{ retryMax: 2 }] });
    await decide('failed', gone);
    const closed = await last(world, id);
    expect(closed).toMatchObject({ kind: 'outcome', then: 'retry', holderGone: true });
    expect(closed?.state.dueAtMs).toBeGreaterThanOrEqual(deadline);
  });

  test('declared failed early it stays a step that may act: another attempt, and a run that continues it, need as much', async () => {
    const { world, id, engine, decide } = await vanished('gone', { cells: [{ retryMax: 0 }] });
    await decide('failed', gone);
    expect((await last(world, id))?.state.halted).toMatchObject({ doubt: false, early: true });
    await expect(decide('retry')).rejects.toMatchObject({ code: 'verdict.early', details: { untilMs: deadline } });
    await expect(decide('retry', gone)).rejects.toMatchObject({ code: 'verdict.early' });
    const { runbookId, version } = (await engine.inspect(id, alice)).view;
    const name = (await engine.inspect(id, alice)).cells[0]?.name ?? '';
    const again = { runbookId, version, params: {}, continues: { instanceId: id, at: name, reason: 'again' }, by: bob };
    await expect(engine.start(again)).rejects.toMatchObject({
      code: 'continue.refused',
      message: expect.stringContaining('was decided early'),
    });
    await decide('retry', { ...gone, overlapOk: true });
    expect(await last(world, id)).toMatchObject({ kind: 'resolved', holderGone: true, overlapOk: true });
  });

  test('so may one that its own holder recorded as unknown', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}]));
    const ports = { ...world.ports, process: () => named, holderState: async () => 'gone' as const };
    const engine = createEngine({ ...ports, execute: async () => ({ status: 'unknown' }) });
    await engine.advance(id, request);
    expect((await engine.inspect(id, alice)).holderProcess).toBe('gone');
    const verdict = { seq: 1, verdict: 'skip', reason: 'looked', by: bob } as const;
    await expect(engine.verdict(id, verdict)).rejects.toMatchObject({ code: 'verdict.early' });
    await engine.verdict(id, { ...verdict, holderGone: true });
    expect(await last(world, id)).toMatchObject({ kind: 'resolved', verdict: 'skip', holderGone: true });
  });

  test('whose put lands all the same: the chain decides, and the person is told', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}, {}]));
    let end = (): void => {};
    const body = new Promise<void>((resolve) => {
      end = resolve;
    });
    const holder = createEngine({
      ...world.ports,
      process: () => named,
      execute: async () => {
        await body;
        return { status: 'completed' };
      },
    });
    const running = holder.advance(id, request);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const engine = createEngine({
      ...world.ports,
      holderState: async () => {
        end();
        await running;
        return 'gone';
      },
    });
    await expect(
      engine.verdict(id, { seq: 1, verdict: 'skip', reason: 'it is gone', by: bob, ...gone }),
    ).rejects.toMatchObject({ code: 'seq.stale' });
    expect((await world.entries(id)).map(({ kind }) => kind)).toEqual(['started', 'reserved', 'outcome']);
  });

  test('one that comes after the verdict is fenced, and leaves a note', async () => {
    const { world, id, decide } = await vanished('gone');
    let end = (): void => {};
    const other = await world.start(runbookOf([{}, {}]), 'i2');
    const ports = { ...world.ports, process: () => named, holderState: async () => 'gone' as const };
    const late = createEngine({
      ...ports,
      execute: async () => {
        await new Promise<void>((resolve) => {
          end = resolve;
        });
        return { status: 'completed' };
      },
    });
    const running = late.advance(other, request);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await late.verdict(other, { seq: 1, verdict: 'skip', reason: 'it is gone', by: bob, ...gone });
    end();
    await running;
    expect((await world.engine.notes(other, 1)).map(({ kind }) => kind)).toEqual(['fenced']);
    await decide('skip', gone);
    expect((await world.entries(id)).length).toBe(3);
  });

  test('what makes no sense together is refused before anything is read', async () => {
    const { decide, asked } = await vanished('gone');
    await expect(decide('skip', { ...gone, overlapOk: true })).rejects.toMatchObject({ code: 'request.invalid' });
    await expect(decide('retry', { overlapOk: true })).rejects.toMatchObject({ code: 'request.invalid' });
    expect(asked).toEqual([]);
  });

  test('what can be told of it is part of an inspection, and only while the step is not settled', async () => {
    const { id, engine, decide } = await vanished('not here');
    expect((await engine.inspect(id, alice)).holderProcess).toBe('not here');
    await expect(decide('skip', gone)).rejects.toMatchObject({ code: 'verdict.holderNotKnown' });
    const settled = setup();
    const other = await settled.start(runbookOf([{}]));
    expect((await settled.engine.inspect(other, alice)).holderProcess).toBeNull();
  });
});

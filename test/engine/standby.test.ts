/** What stands ready for code cells: claimed for a reservation, used only after it stood (I4), and never kept. */
import { describe, expect, test } from 'vitest';
import { type CodeToCome, createEngine, type Entry } from '../../src/engine/index.ts';
import type { StoreClient } from '../../src/store/access.ts';
import type { Command } from '../support/operations.ts';
import { runbookOf } from './runbooks.ts';
import { alice, bob, isEntry, setup, type World, watched } from './world.ts';

const request = { budgetMs: 60_000, by: alice };
const all = { ...request, maxCells: Number.POSITIVE_INFINITY };
const named = '0123456789ab.4026531836.4711.123456.1000';
const hex = (number: number): string => number.toString(16).padStart(32, '0');

/** An engine with something that stands ready, and what was done with it, in order. */
const withStandby = (world: World) => {
  const told: string[] = [];
  const expected: CodeToCome[] = [];
  let drawn = 0;
  const engine = createEngine({
    ...world.ports,
    process: () => named,
    standby: {
      claim: ({ kind }) => {
        drawn += 1;
        told.push(`claim ${kind} ${drawn}`);
        return hex(drawn);
      },
      expect: (code) => expected.push(code),
      drop: (execution) => told.push(`drop ${Number.parseInt(execution, 16)}`),
    },
    execute: async (input) => {
      const { step, execution = '' } = input;
      const stands = (await world.entries(step.instanceId)).find(({ seq }) => seq === step.seq);
      const reserved = stands?.kind === 'outcome' ? stands.reserve : stands?.kind === 'reserved' ? stands : undefined;
      // What it is told it is told after the store has it.
      told.push(`${step.cell} ${reserved?.execution === execution ? 'stands' : 'absent'} ${execution}`);
      world.begun.push(input);
      return await world.behave(input);
    },
  });
  return { engine, told, expected };
};
const reservations = (entries: Entry[]): (string | undefined)[] =>
  entries.flatMap((entry) => {
    if (entry.kind === 'reserved') return [entry.execution];
    return entry.kind === 'outcome' && entry.reserve !== undefined ? [entry.reserve.execution] : [];
  });

describe('what stands ready for a code cell (I4)', () => {
  test('is claimed before each reservation, which says it, and executed after that stood', async () => {
    const world = setup();
    const { engine, told } = withStandby(world);
    const id = await world.start(runbookOf([{}, { body: { kind: 'sh', code: 'true' } }]));
    expect((await engine.advance(id, all)).result).toBe('completed');
    expect(told).toEqual([
      'claim ts 1',
      `c0 stands ${hex(1)}`,
      'drop 1',
      'claim sh 2',
      `c1 stands ${hex(2)}`,
      'drop 2',
    ]);
    expect(reservations(await world.entries(id))).toEqual([hex(1), hex(2)]);
  });

  test('of the next cell is expected while one runs, where this call may go on to it', async () => {
    const world = setup();
    const { engine, expected } = withStandby(world);
    const id = await world.start(runbookOf([{}, {}, { body: { kind: 'sh', code: 'true' } }]));
    await engine.advance(id, { ...request, maxCells: 1 });
    expect(expected).toEqual([]);
    await engine.advance(id, all);
    expect(expected).toEqual([{ kind: 'sh' }]);
  });

  test('is not executed by a caller that lost the slot, and dropped', async () => {
    const { world, once } = watched();
    const { engine, told } = withStandby(world);
    const id = await world.start(runbookOf([{}]));
    once(isEntry, () => world.engine.advance(id, { ...request, by: bob }));
    await engine.advance(id, request);
    expect(world.begun).toHaveLength(1);
    expect(told).toEqual(['claim ts 1', 'drop 1']);
    expect(reservations(await world.entries(id))).toEqual([undefined]);
  });

  test('is dropped where the store takes nothing, and nothing has begun', async () => {
    let isAway = false;
    const world = setup((client) => {
      const send = async (command: Command): Promise<unknown> => {
        if (isAway && isEntry(command)) throw Object.assign(new Error('away'), { name: 'InternalServerError' });
        return await client.send(command as never);
      };
      return { send } as unknown as StoreClient;
    });
    const { engine, told } = withStandby(world);
    const id = await world.start(runbookOf([{}]));
    isAway = true;
    await expect(engine.advance(id, request)).rejects.toMatchObject({ code: 'store.unavailable' });
    expect(told).toEqual(['claim ts 1', 'drop 1']);
    expect(world.begun).toEqual([]);
  });

  test('is looked for by what the reservation says, when its holder vanished', async () => {
    const world = setup();
    const asked: string[] = [];
    world.behave = () => new Promise(() => {});
    const { engine, told } = withStandby(world);
    const id = await world.start(runbookOf([{}]));
    void engine.advance(id, request);
    await expect.poll(() => told.length).toBe(2);
    const other = createEngine({
      ...world.ports,
      holderState: async (process, execution) => {
        asked.push(`${process} ${execution}`);
        return 'gone';
      },
    });
    await other.verdict(id, { seq: 1, verdict: 'skip', reason: 'looked', by: bob, holderGone: true });
    expect(asked).toEqual([`${named} ${hex(1)}`]);
  });
});

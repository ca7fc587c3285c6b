/** The due mark of a call (I7), alone: what it arms, what it saves, and when it reads the head once more. */
import { describe, expect, test } from 'vitest';
import { createMark, type Watched } from '../../src/engine/call/mark.ts';
import type { Armed, Marks, View, Views } from '../../src/engine/index.ts';

const startMs = 1_795_489_200_000;
const seed = { instanceId: 'i1', runbookId: 'demo' };
const view: View = {
  instanceId: 'i1',
  seq: 4,
  status: 'ready',
  runbookId: 'demo',
  version: 1,
  cell: 'a',
  cellsDone: 0,
  cells: 1,
  drive: 'auto',
  dueAtMs: startMs + 500_000,
  startedAtMs: startMs,
  updatedAtMs: startMs,
  startedBy: 'ann',
  params: '{}',
  place: 'local',
  waitsFor: null,
  headHash: 'h4',
};

const setup = () => {
  const world = { nowMs: startMs, told: [] as unknown[][], armed: 0, refuse: false, armTakesMs: [] as number[] };
  const marks = {
    arm: async (of: unknown, untilAtMs: number, _nowMs: number, isDue?: boolean): Promise<Armed> => {
      if (world.refuse) throw new Error('no store');
      world.nowMs += world.armTakesMs.shift() ?? 0;
      world.told.push(['arm', of, untilAtMs - startMs, isDue]);
      world.armed += 1;
      return { arms: world.armed, othersUntilMs: null, seen: null };
    },
  } as unknown as Marks;
  const views = {
    save: async ({ dueAtMs }: View, { arms }: Armed): Promise<void> => {
      world.told.push(['save', dueAtMs === null ? null : dueAtMs - startMs, arms]);
    },
  } as unknown as Views;
  const clock = {
    nowMs: () => world.nowMs,
    behindMs: () => 0,
    heldMs: () => 0,
    sleep: async () => {},
    alarm: async () => {},
  };
  const deployment = { name: 'test', epoch: 0, takeoverGraceMs: 15_000 };
  const mark = createMark({ clock, marks, views, deployment }, seed, startMs + 60_000);
  const chain = (over: Partial<Watched> = {}): Watched => ({
    knownAt: mark.arms,
    refresh: async () => void world.told.push(['refresh']),
    view: () => view,
    awaitsAt: () => null,
    ...over,
  });
  return { world, mark, chain };
};

describe('the due mark of one call', () => {
  test('it is armed once, until the call is over and its grace has passed', async () => {
    const { world, mark } = setup();
    await mark.arm();
    await mark.arm();
    expect(world.told).toEqual([['arm', seed, 75_000, false]]);
    expect(mark.arms).toBe(1);
  });

  test('it is armed again, for the time of a command, when its time has come and the call is still at work', async () => {
    const { world, mark } = setup();
    await mark.arm();
    world.nowMs = startMs + 75_000;
    mark.expectDue();
    await mark.arm();
    expect(world.told[1]).toEqual(['arm', seed, 120_000, true]);
  });

  test('it is armed again at once when arming took longer than the mark holds', async () => {
    const { world, mark } = setup();
    world.armTakesMs = [80_000];
    await mark.arm();
    expect(world.told).toEqual([
      ['arm', seed, 75_000, false],
      ['arm', seed, 125_000, false],
    ]);
  });

  test('a call that never armed saves nothing', async () => {
    const { world, mark, chain } = setup();
    await mark.save(chain());
    expect(world.told).toEqual([]);
  });

  test('a view is saved of a head that was known after the arm, else the head is read once more', async () => {
    const { world, mark, chain } = setup();
    const before = mark.arms;
    await mark.arm();
    await mark.save(chain());
    await mark.save(chain({ knownAt: before }));
    expect(world.told.slice(1)).toEqual([['save', 500_000, 1], ['refresh'], ['save', 500_000, 1]]);
  });

  test('an await stays due until this call has looked at it since it armed', async () => {
    const { world, mark, chain } = setup();
    const awaits = () => chain({ awaitsAt: () => 4 });
    await mark.arm();
    await mark.save(awaits());
    mark.looked(4);
    await mark.save(awaits());
    await mark.save(chain({ awaitsAt: () => 7 }));
    world.nowMs = startMs + 75_000;
    await mark.arm();
    await mark.save(awaits());
    const saves = world.told.filter(([what]) => what === 'save').map(([, dueInMs]) => dueInMs);
    expect(saves).toEqual([0, 500_000, 0, 75_000]);
  });

  test('a mark that could not be set is no mark: the error goes to the caller, and nothing is saved', async () => {
    const { world, mark, chain } = setup();
    world.refuse = true;
    await expect(mark.arm()).rejects.toThrow('no store');
    await mark.save(chain());
    expect(world.told).toEqual([]);
  });
});

/** The writer of a claim dies in the middle of waking: the mark that it left is due, and the schedule wakes them all. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { engineFor, openParked, tickOnce, type World } from '../../bench/scale/measure.ts';
import { authoring } from '../../src/authoring/index.ts';
import { limits, PawlError, wakeIdOf } from '../../src/engine/index.ts';
import { engineOn } from '../support/engine.ts';
import { fill, modelOf, park } from '../support/parked.ts';
import { type FreshStore, freshStore } from '../support/world.ts';

const waiters = 400;
const wokenBefore = 150;
const graceMs = 1_000;
/** A command's own time, and the grace. */
const overMs = 30_000 + graceMs;
/** What two processes that have just begun know of the time differs by less. */
const clocksApartMs = 1_000;
const by = { actor: 'ci', via: 'test', where: 'host:2' };
const claimId = 'release/1';
const idOf = (n: number): string => `waits-${String(n).padStart(3, '0')}`;
const all = Array.from({ length: waiters }, (_, n) => idOf(n));

let world: FreshStore;
beforeAll(async () => {
  world = await freshStore('dynamodb');
  await openParked(world);
  const model = await modelOf(world, await park(engineFor(world.store), { instanceId: idOf(0), claimId }));
  await fill(
    world,
    model,
    all.slice(1).map((instanceId) => ({ instanceId, claimId })),
  );
});
afterAll(() => world.drop());

/** From its 151st waiter on, nothing that this process sends arrives any more. */
const dyingWriter = ({ store }: FreshStore) => {
  let left = wokenBefore;
  const died = new PawlError('store.unavailable', 'It died.');
  const alive =
    <A extends unknown[], R>(ask: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (left <= 0) throw died;
      return await ask(...args);
    };
  const { marks, views, subscriptions } = store;
  const wake: typeof marks.wake = async (...args) => {
    if (left <= 0) throw died;
    left -= 1;
    await marks.wake(...args);
  };
  return engineOn(store, {
    authoring,
    deployment: { name: 'test', epoch: 0, takeoverGraceMs: graceMs },
    marks: { ...marks, wake, arm: alive(marks.arm), settle: alive(marks.settle) },
    views: { ...views, save: alive(views.save) },
    subscriptions: { ...subscriptions, page: alive(subscriptions.page) },
  });
};

/** The same tables for a process that runs so much later. */
const later = (ms: number): World => {
  const { store, clock } = world.again();
  const moved = { ...clock, nowMs: () => clock.nowMs() + ms };
  return { document: world.document, prefix: world.prefix, store: { ...store, clock: moved } };
};
const dueIn = async (ms: number): Promise<string[]> => (await tickOnce(later(ms))).handed;

test('150 of 400 were woken when it died: its mark becomes due, the schedule wakes all of them, and each goes on once', async () => {
  const set = await dyingWriter(world).setClaim(claimId, { status: 'supported', by });
  expect(set).toMatchObject({ woken: null, claim: { status: 'supported', revision: 1 } });

  // Not before its time is over: until then it may still be at it.
  const mark = wakeIdOf(claimId);
  const early = await dueIn(clocksApartMs);
  expect(early).toHaveLength(wokenBefore);
  expect(all).toEqual(expect.arrayContaining(early));
  const first = await dueIn(overMs + clocksApartMs);
  expect(first).toEqual([...early, mark].sort());

  expect(await engineFor(later(overMs + clocksApartMs).store).wake(claimId)).toEqual({ woken: waiters });
  const second = await dueIn(overMs + 2 * clocksApartMs);
  expect(second.filter((id) => id !== mark)).toEqual(all);

  const begun: string[] = [];
  const engine = engineOn(later(overMs + 3 * clocksApartMs).store, {
    authoring,
    execute: async ({ step }) => {
      begun.push(step.instanceId);
      return { status: 'completed', output: '1' };
    },
  });
  // Who was woken twice is looked at twice.
  const left = [...early, ...all];
  const advanceSome = async (): Promise<void> => {
    for (let id = left.shift(); id !== undefined; id = left.shift()) {
      const { result } = await engine.advance(id, { budgetMs: 60_000, by, explicit: false });
      expect([id, result]).toEqual([id, 'completed']);
    }
  };
  await engine.claim(claimId);
  await Promise.all(Array.from({ length: 8 }, advanceSome));
  expect(begun.sort()).toEqual(all);
  expect((await world.store.subscriptions.page(claimId, 100)).waiters).toEqual([]);

  // What the dead writer sent last may land late. After that the schedule finds nobody, and takes the mark down.
  const lateMs = overMs + limits.wakeMsMax + limits.landsLateMsMax + 5 * clocksApartMs;
  expect(await dueIn(lateMs)).toEqual([mark]);
  expect(await engineFor(later(lateMs).store).wake(claimId)).toEqual({ woken: 0 });
  expect(await dueIn(2 * lateMs)).toEqual([]);
});

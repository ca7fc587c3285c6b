/** Conformance of the heartbeats of workers, against SQLite and DynamoDB Local. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { forgetGone } from '../../src/cli/worker/heartbeat.ts';
import type { Heartbeat } from '../../src/store/index.ts';
import { type FreshStore, freshStore, serviceKinds } from '../support/world.ts';

const T0 = 1_795_489_200_000;
const hourMs = 3_600_000;
const beatOf = (place: string, id: string, seenAtMs: number, leftAtMs: number | null = null): Heartbeat => ({
  place,
  id,
  host: 'here',
  pid: 7,
  version: '0.18.0',
  startedAtMs: T0,
  seenAtMs,
  leftAtMs,
  concurrency: 16,
  running: 2,
  lacks: ['program kubectl (looked in PATH)'],
});

describe.each(await serviceKinds())('heartbeats on %s', (which) => {
  let world: FreshStore;
  beforeAll(async () => {
    world = await freshStore(which);
  });
  afterAll(() => world.drop());
  const idsAt = async (place?: string) => (await world.store.workers.list(place)).workers.map(({ id }) => id);

  test('the newest of each worker is kept, and an older one changes nothing', async () => {
    const { workers } = world.store;
    await workers.beat(beatOf('bastion', 'a:1-x', T0));
    await workers.beat(beatOf('bastion', 'a:1-x', T0 + 30_000));
    await workers.beat(beatOf('bastion', 'a:1-x', T0 + 29_999));
    await workers.beat(beatOf('bastion', 'b:2-y', T0 + 5));
    expect(await workers.list()).toEqual({
      workers: [beatOf('bastion', 'a:1-x', T0 + 30_000), beatOf('bastion', 'b:2-y', T0 + 5)],
      wanted: [],
    });
  });

  test('of one place only its own, whatever the others are called', async () => {
    const { workers } = world.store;
    for (const place of ['basti', 'bastion-2', 'bastion2', 'zone'])
      await workers.beat(beatOf(place, `${place}:1-z`, T0));
    expect(await idsAt('bastion')).toEqual(['a:1-x', 'b:2-y']);
    expect(await idsAt('bastion-2')).toEqual(['bastion-2:1-z']);
    expect(await idsAt('nowhere')).toEqual([]);
  });

  test('a place that is waited for is known without a worker, and one that has one stays as it is', async () => {
    const { workers } = world.store;
    await workers.want('typo', T0 + 2);
    await workers.want('typo', T0 + 1);
    expect(await workers.list('typo')).toEqual({ workers: [], wanted: [{ place: 'typo', sinceMs: T0 + 2 }] });
  });

  test('a place is not waited for as one that nobody ever served once somebody did', async () => {
    const { workers } = world.store;
    await workers.want('served', T0);
    await workers.beat(beatOf('served', 'once:1-z', T0));
    expect((await workers.list('served')).wanted).toEqual([]);
    await workers.forget({ place: 'served', id: 'once:1-z', seenAtMs: T0 });
    expect((await workers.list('served')).wanted).toHaveLength(1);
    await workers.forget({ place: 'served', id: '', seenAtMs: T0 });
  });

  test('one that was seen again is not forgotten', async () => {
    const { workers } = world.store;
    await workers.beat(beatOf('zone', 'again:1-z', T0));
    await workers.beat(beatOf('zone', 'again:1-z', T0 + 1));
    await workers.forget({ place: 'zone', id: 'again:1-z', seenAtMs: T0 });
    expect(await idsAt('zone')).toEqual(['again:1-z', 'zone:1-z']);
    await workers.forget({ place: 'zone', id: 'again:1-z', seenAtMs: T0 + 1 });
    expect(await idsAt('zone')).toEqual(['zone:1-z']);
  });

  test('those that are gone for a day are forgotten, the last of a place after a month', async () => {
    const { workers } = world.store;
    const at = (nowMs: number) => forgetGone(workers, { nowMs: () => nowMs });
    await at(T0 + 25 * hourMs);
    expect(await idsAt('bastion')).toEqual(['a:1-x']);
    expect(await idsAt('zone')).toEqual(['zone:1-z']);
    expect((await workers.list('typo')).wanted).toHaveLength(1);
    await at(T0 + 31 * 24 * hourMs);
    expect(await workers.list()).toEqual({ workers: [], wanted: [] });
  });

  test('what a newer one writes otherwise is passed over', async () => {
    await world.raw.put('subscriptions', { claimId: 'store:workers', waiter: 'new/x', about: T0, worker: '{"v":2}' });
    await world.store.workers.beat(beatOf('new', 'y', T0));
    expect(await idsAt('new')).toEqual(['y']);
  });

  test('no claim is named like them', async () => {
    const waiter = { instanceId: 'i', cell: 'c', about: 1, runbookId: 'r' };
    await expect(world.store.subscriptions.add('store:workers', waiter)).rejects.toMatchObject({
      code: 'request.invalid',
    });
  });
});

/** Heartbeats stand in a table that others may write: what they say there neither hides who is alive nor stands for anybody. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { forgetGone } from '../../src/cli/worker/heartbeat.ts';
import { workerRows } from '../../src/cli/workers.ts';
import { mannedAt, workerStateOf } from '../../src/contract/index.ts';
import { workersKey } from '../../src/store/claimItems.ts';
import type { Heartbeat } from '../../src/store/index.ts';
import { type FreshStore, freshStore, serviceKinds } from '../support/world.ts';

const T0 = 1_795_489_200_000;
const minuteMs = 60_000;
const honest: Heartbeat = {
  place: 'bastion',
  id: 'here:1-x',
  host: 'here',
  pid: 7,
  version: '0.18.0',
  startedAtMs: T0,
  seenAtMs: T0,
  leftAtMs: null,
  concurrency: 16,
  running: 0,
  lacks: [],
};
const nested = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;

const forged: [string, string, unknown, unknown][] = [
  ['a moment that is a text', 'bastion/a', 'soon', JSON.stringify({ ...honest, id: 'a' })],
  ['a moment that is a list', 'bastion/b', [T0], JSON.stringify({ ...honest, id: 'b' })],
  ['no JSON', 'bastion/c', T0, '{'],
  ['JSON of 100,000 levels', 'bastion/d', T0, nested],
  ['no text', 'bastion/e', T0, { place: 'bastion' }],
  ['a place that it does not stand at', 'bastion/f', T0, JSON.stringify({ ...honest, id: 'f', place: 'edge' })],
  ['the id of another', 'bastion/g', T0, JSON.stringify(honest)],
  ['a place that steers a terminal', '\u001b[2J/h', T0, JSON.stringify({ ...honest, id: 'h', place: '\u001b[2J' })],
  ['the same, waited for', '\u001b[2J/', T0, undefined],
  ['a place in another', 'bastion/i/j', T0, JSON.stringify({ ...honest, id: 'i' })],
  ['__proto__ as a place', '__proto__/k', T0, JSON.stringify({ ...honest, id: 'k', place: '__proto__' })],
  ['a place without a name', '/l', T0, JSON.stringify({ ...honest, id: 'l', place: '' })],
  ['no time', 'bastion/m', T0, JSON.stringify({ ...honest, id: 'm' }).replace(`"seenAtMs":${T0}`, '"seenAtMs":1e999')],
];

describe.each(await serviceKinds())('heartbeats on %s', (which) => {
  let world: FreshStore;
  beforeAll(async () => {
    world = await freshStore(which);
    await world.store.workers.beat(honest);
    await world.store.workers.want('typo', T0);
  });
  afterAll(() => world.drop());

  test.each(forged)(
    'hostile 55: one that is forged, with %s, is nobody’s, and hides no other',
    async (_what, waiter, about, worker) => {
      const item = { claimId: workersKey, waiter, about, ...(worker === undefined ? {} : { worker }) };
      await world.raw.put('subscriptions', item);
      const found = [await world.store.workers.list(), await world.store.workers.list('bastion')];
      await world.raw.delete('subscriptions', { claimId: workersKey, waiter });
      expect(found).toEqual([
        { workers: [honest], wanted: [{ place: 'typo', sinceMs: T0 }] },
        { workers: [honest], wanted: [] },
      ]);
    },
  );

  test('hostile 68: one from the year 9999 is not alive, mans no place, and is forgotten', async () => {
    const { workers } = world.store;
    const late = { ...honest, place: 'far', id: 'far:1-x', seenAtMs: 253_402_300_799_000 };
    await workers.beat(late);
    const found = (await workers.list('far')).workers;
    expect(found).toEqual([late]);
    expect(workerStateOf(late, T0)).toBe('gone');
    expect(mannedAt('far', found, T0)).toEqual({ place: 'far', alive: 0, lastSeenAtMs: null });
    const [row] = workerRows({ workers: [{ ...late, state: 'gone' }], wanted: [], nowMs: T0 });
    expect(row?.[2]).toBe('seen at a time that is not yet');
    await forgetGone(workers, { nowMs: () => T0 });
    expect((await workers.list('far')).workers).toEqual([]);
    expect((await workers.list('bastion')).workers).toEqual([honest]);
  });
});

test('hostile 70: a clock that is somewhat ahead is no forgery: whoever beats is alive', () => {
  expect(workerStateOf({ seenAtMs: T0 + minuteMs, leftAtMs: null }, T0)).toBe('alive');
});

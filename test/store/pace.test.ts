/** Conformance of the turn of a call that decides about many, against SQLite and DynamoDB Local. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createPace } from '../../src/store/pace.ts';
import { type FreshStore, freshStore, serviceKinds } from '../support/world.ts';

const T0 = 1_795_489_200_000;
const longestMs = 10_000;

describe.each(await serviceKinds())('the turn on %s', (which) => {
  let world: FreshStore;
  const clock = { atMs: T0, nowMs: () => clock.atMs };
  const paceOf = (client = world.client) => createPace({ client, appendBy: 'put' }, clock);
  beforeAll(async () => {
    world = await freshStore(which);
  });
  beforeEach(async () => {
    clock.atMs = T0;
    await world.raw.delete('views', { instanceId: 'pace:verdicts' });
  });
  afterAll(() => world.drop());

  test('of many who take it at once, from processes of their own, one has it; the others learn until when', async () => {
    const takers = Array.from({ length: 6 }, () => paceOf(world.again().client));
    const turns = await Promise.all(takers.map((pace) => pace.take(5_000, longestMs)));
    expect(turns.filter(({ isMine }) => isMine)).toEqual([{ isMine: true, untilMs: T0 + 5_000 }]);
    expect(new Set(turns.map(({ untilMs }) => untilMs))).toEqual(new Set([T0 + 5_000]));
  });

  test('it ends by itself, also that of a holder that died', async () => {
    const pace = paceOf();
    expect(await pace.take(5_000, longestMs)).toMatchObject({ isMine: true });
    clock.atMs = T0 + 4_999;
    expect(await pace.take(1_000, longestMs)).toEqual({ isMine: false, untilMs: T0 + 5_000 });
    clock.atMs = T0 + 5_000;
    expect(await pace.take(1_000, longestMs)).toEqual({ isMine: true, untilMs: T0 + 6_000 });
  });

  test('one that was taken by a clock that has been set back since holds nobody up', async () => {
    const pace = paceOf();
    clock.atMs = T0 + 86_400_000;
    expect(await pace.take(5_000, longestMs)).toMatchObject({ isMine: true });
    clock.atMs = T0;
    expect(await pace.take(5_000, longestMs)).toEqual({ isMine: true, untilMs: T0 + 5_000 });
  });
});

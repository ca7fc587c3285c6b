/** Which places the schedule says have nobody. */
import { expect, test } from 'vitest';
import { isTimeForPlaces, tellUnmanned } from '../../src/handlers/unmanned.ts';

const nowMs = 1_795_489_200_000;
const minuteMs = 60_000;

const told = async (
  known: { place: string; ageMs: number; left?: true }[],
  due: Record<string, number>,
  wanted: string[] = [],
  orphans: string[] = [],
) => {
  const looked: string[] = [];
  const said: object[] = [];
  const counted: string[] = [];
  const asked = new Set<string>();
  const workers = known.map(({ place, ageMs, left }) => ({
    place,
    seenAtMs: nowMs - ageMs,
    leftAtMs: left ? nowMs - ageMs : null,
  }));
  const logger = { warn: (what: string, about: object) => void said.push({ what, ...about }) };
  await tellUnmanned(
    {
      places: ['lambda'],
      workers: { list: async () => ({ workers, wanted: wanted.map((place) => ({ place })) }) },
      due: async (untilMs, place, shard, from) => {
        asked.add(place);
        const dueAtMs = nowMs - (due[place] ?? -1);
        const isDue = shard === 3 && dueAtMs <= untilMs;
        const ids = from === undefined ? [`${place}-1`, `${place}-2`] : [`${place}-3`];
        const next = from === undefined ? { instanceId: `${place}-2`, dueAtMs } : null;
        return { due: isDue ? ids.map((instanceId) => ({ instanceId, dueAtMs })) : [], next: isDue ? next : null };
      },
      orphans: async (ids) => ids.filter((id) => orphans.includes(id)),
      lookAt: async (instanceId) => void looked.push(instanceId),
      hasTime: () => true,
      telemetry: { logger, count: (name: string) => void counted.push(name) } as never,
    },
    nowMs,
  );
  return { said, counted, asked: [...asked], looked };
};

test('a place whose workers are gone or have left, where something has been due for minutes', async () => {
  const known = [
    { place: 'bastion', ageMs: 3 * 60 * minuteMs },
    { place: 'bastion', ageMs: 2 * 60 * minuteMs, left: true as const },
    { place: 'edge', ageMs: 30_000 },
    { place: 'idle', ageMs: 3 * 60 * minuteMs },
    { place: 'soon', ageMs: 3 * 60 * minuteMs },
  ];
  const { said, counted, asked } = await told(known, { bastion: 6 * minuteMs, edge: 6 * minuteMs, soon: 4 * minuteMs });
  expect(said).toMatchObject([
    { what: 'place unmanned', place: 'bastion', dueForMs: 360_000, lastSeenAtMs: nowMs - 2 * 60 * minuteMs },
  ]);
  expect(counted).toEqual(['PlaceUnmanned']);
  expect(asked).toEqual(['bastion', 'idle', 'soon']);
});

test('a place that nobody ever served and something waits for; never the own one', async () => {
  const { said } = await told([], { typo: 6 * minuteMs, lambda: 60 * minuteMs }, ['typo', 'lambda']);
  expect(said).toMatchObject([{ place: 'typo', lastSeenAtMs: null }]);
});

test('what a writer left behind there is looked at from home, and nothing that waits for a worker', async () => {
  const known = [
    { place: 'bastion', ageMs: 3 * 60 * minuteMs },
    { place: 'edge', ageMs: 30_000 },
  ];
  const due = { bastion: 6 * minuteMs, edge: 6 * minuteMs };
  const { looked } = await told(known, due, [], ['bastion-2', 'bastion-3', 'edge-1']);
  expect(looked).toEqual(['bastion-2', 'bastion-3']);
});

test('they are looked for every five minutes of a schedule that comes each minute', () => {
  const minutes = Array.from({ length: 60 }, (_, minute) => isTimeForPlaces(nowMs + minute * minuteMs + 12_345));
  expect(minutes.filter(Boolean)).toHaveLength(12);
});

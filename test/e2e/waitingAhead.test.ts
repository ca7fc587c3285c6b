/**
 * Waits that end in weeks, on a real store: the schedule finds nothing one millisecond before, and everything at the
 * moment itself. Documents are compiled; the time is the test's own, and stands still unless a test moves it.
 */
import { afterEach, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import type { Entry } from '../../src/engine/index.ts';
import type { HandOver } from '../../src/handlers/events.ts';
import { createTick } from '../../src/handlers/tick.ts';
import { createWork } from '../../src/handlers/work.ts';
import { contextOf } from '../handlers/support.ts';
import { engineOn } from '../support/engine.ts';
import { freshStore } from '../support/world.ts';

const by = { actor: 'alice', via: 'test', where: 'host:1' };
const bob = { ...by, actor: 'bob' };
const dayMs = 24 * 3_600_000;
const days = (count: number): number => count * dayMs;
const iso = (ms: number | null | undefined): string => new Date(ms ?? Number.NaN).toISOString();
const drops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const drop of drops.splice(0)) await drop();
});

const open = async (start: string, cells: string[]) => {
  const { store, drop } = await freshStore('dynamodb');
  drops.push(drop);
  let nowMs = Date.parse(start);
  const clock = {
    nowMs: () => nowMs,
    behindMs: () => 0,
    heldMs: () => 0,
    sleep: async (ms: number): Promise<void> => {
      nowMs += ms;
    },
    // Nothing takes too long here.
    alarm: (_ms: number, signal: AbortSignal) =>
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
  };
  const ran: string[] = [];
  const wakes: string[] = [];
  const engine = engineOn(
    { ...store, clock },
    {
      authoring,
      execute: async ({ step }) => {
        ran.push(step.cell);
        return { status: 'completed', output: '1' };
      },
      wakeAt: async (instanceId) => void wakes.push(instanceId),
    },
  );
  const work = createWork((telemetry) => ({
    engine,
    clock,
    views: store.views,
    marks: store.marks,
    workers: store.workers,
    telemetry,
  }));
  const tick = createTick((telemetry) => ({
    nowMs: async () => nowMs,
    due: store.marks.due,
    places: ['local'],
    home: 'local',
    handOver: async (event) => {
      if (!('sweep' in event)) await work(event as HandOver, contextOf(900_000));
      return true;
    },
    fraction: () => 0,
    telemetry,
  }));
  const fences = [...cells, '```js { name=last }\nexport default () => 1;\n```'].join('\n\n');
  await engine.publish(`---\nrunbook: ahead\ntitle: Waits for weeks\n---\n${fences}\n`, by);
  await engine.start({ runbookId: 'ahead', params: {}, instanceId: 'i1', drive: 'auto', by });
  expect((await engine.advance('i1', { budgetMs: 60_000, by })).result).toBe('parked');

  const dueAtMs = async (): Promise<number> => (await store.views.get('i1'))?.dueAtMs ?? Number.NaN;
  return {
    engine,
    ran,
    wakes,
    dueAtMs,
    moveTo: (ms: number): void => {
      nowMs = ms;
    },
    tick: () => tick({ source: 'aws.events' }, contextOf(50_000)),
    status: async () => (await engine.inspect('i1', by)).view.status,
    outcome: async (cell: string): Promise<(Entry & { kind: 'outcome' }) | undefined> => {
      const entries = (await engine.journal('i1', -1, 50)).map(({ entry }) => entry);
      return entries.filter((entry) => entry.kind === 'outcome').find((entry) => entry.cell === cell);
    },
  };
};

/** One millisecond before its end the schedule finds nothing; at its end it finds it. */
const untilDue = async ({ dueAtMs, moveTo, tick, status }: Awaited<ReturnType<typeof open>>): Promise<void> => {
  const endMs = await dueAtMs();
  moveTo(endMs - 1);
  expect(await tick()).toMatchObject({ due: 0 });
  expect(await status()).toBe('waiting');
  moveTo(endMs);
  expect(await tick()).toMatchObject({ due: 1, handedOver: 1 });
};

test('a wait of 30 days is not due before, is due at its moment, and goes on', async () => {
  const world = await open('2027-01-10T09:00:00Z', ['```wait { name=rest for=30d }\n```']);
  expect(iso(await world.dueAtMs())).toBe('2027-02-09T09:00:00.000Z');
  await untilDue(world);
  expect([await world.status(), world.ran]).toEqual(['completed', ['last']]);
  expect((await world.outcome('rest'))?.note).toBe('it is past 2027-02-09T09:00:00.000Z');
  // Nothing is due any more, and no queue holds a message back for weeks.
  expect(await world.tick()).toMatchObject({ due: 0 });
  expect(world.wakes).toEqual([]);
});

test('a wait that ended while no schedule came for two days goes on with the first one', async () => {
  const world = await open('2027-01-10T09:00:00Z', ['```wait { name=rest for=30d }\n```']);
  world.moveTo((await world.dueAtMs()) + days(2));
  expect(await world.tick()).toMatchObject({ due: 1, oldestAgeMs: days(2) });
  expect([await world.status(), world.ran]).toEqual(['completed', ['last']]);
});

test('who looks in between changes nothing: it is due when it was', async () => {
  const world = await open('2027-01-10T09:00:00Z', ['```wait { name=rest for=30d }\n```']);
  const endMs = await world.dueAtMs();
  world.moveTo(endMs - days(7));
  expect((await world.engine.advance('i1', { budgetMs: 60_000, by })).result).toBe('parked');
  expect((await world.engine.advance('i1', { budgetMs: 60_000, by, explicit: false })).result).toBe('parked');
  expect(await world.dueAtMs()).toBe(endMs);
  await untilDue(world);
  expect(await world.status()).toBe('completed');
});

const berlin = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'Europe/Berlin',
  dateStyle: 'short',
  timeStyle: 'short',
});
test.each([
  ['put on', '2027-03-26T12:00:00Z', ['27/03/2027, 09:00', '28/03/2027, 09:00', '29/03/2027, 09:00'], [23, 24]],
  ['put back', '2027-10-29T12:00:00Z', ['30/10/2027, 09:00', '31/10/2027, 09:00', '01/11/2027, 09:00'], [25, 24]],
])('every day at nine in Berlin stays at nine when the clock is %s', async (_, start, local, hours) => {
  const daily = (name: string): string => `\`\`\`wait { name=${name} cron="0 9 * * *" tz=Europe/Berlin }\n\`\`\``;
  const world = await open(start, [daily('one'), daily('two'), daily('three')]);
  const times: number[] = [];
  for (const _day of local) {
    times.push(await world.dueAtMs());
    await untilDue(world);
  }
  expect(times.map((ms) => berlin.format(ms))).toEqual(local);
  expect(times.slice(1).map((ms, at) => (ms - (times[at] ?? 0)) / 3_600_000)).toEqual(hours);
  expect(await world.status()).toBe('completed');
});

const approving = (more: string): string => `\`\`\`approve { name=go approvers=bob expires=30d ${more} }\nGo?\n\`\`\``;

test('an approval that nobody gave in 30 days is given by `default=approve`, and says so', async () => {
  const world = await open('2027-01-10T09:00:00Z', [approving('default=approve')]);
  expect(iso(await world.dueAtMs())).toBe('2027-02-09T09:00:00.000Z');
  await untilDue(world);
  expect([await world.status(), world.ran]).toEqual(['completed', ['last']]);
  const outcome = await world.outcome('go');
  expect(outcome).toMatchObject({ status: 'completed', then: 'next', closedBy: 'policy' });
  expect(outcome?.note).toBe('approved by expiry: 0 of 1 approvals in time');
  expect(outcome?.output).toEqual({
    kind: 'inline',
    text: '{"decision":"approved","by":"expiry","approvals":[],"votes":[]}',
  });
});

test('without `default` it is rejected, and halts', async () => {
  const world = await open('2027-01-10T09:00:00Z', [approving('')]);
  await untilDue(world);
  expect([await world.status(), world.ran]).toEqual(['halted', []]);
  expect((await world.outcome('go'))?.error?.code).toBe('approval.rejected');
});

test('a vote in the last millisecond counts; one at the moment itself is refused, though no schedule has come', async () => {
  const voteAt = async (beforeMs: number) => {
    const world = await open('2027-01-10T09:00:00Z', [approving('')]);
    const { waits } = await world.engine.inspect('i1', bob);
    const shownHash = waits?.kind === 'approve' ? waits.shownHash : '';
    world.moveTo((await world.dueAtMs()) - beforeMs);
    return { world, vote: world.engine.vote('i1', 'go', { decision: 'approve', shownHash, groups: [], by: bob }) };
  };
  const inTime = await voteAt(1);
  await inTime.vote;
  expect((await inTime.world.outcome('go'))?.note).toBe('approved by bob');
  const late = await voteAt(0);
  await expect(late.vote).rejects.toMatchObject({ code: 'vote.closed' });
});

const awaiting = (more: string): string =>
  `\`\`\`await { name=ci timeout=30d ${more} }\nclaim: ci/42\nuntil: supported\n\`\`\``;

test('an await that nothing came for in 30 days halts, or goes on with `onTimeout=continue`', async () => {
  const halts = await open('2027-01-10T09:00:00Z', [awaiting('')]);
  expect(iso(await halts.dueAtMs())).toBe('2027-02-09T09:00:00.000Z');
  await untilDue(halts);
  expect([await halts.status(), halts.ran]).toEqual(['halted', []]);
  expect((await halts.outcome('ci'))?.error).toMatchObject({ code: 'wait.timeout' });

  const goesOn = await open('2027-01-10T09:00:00Z', [awaiting('onTimeout=continue')]);
  await untilDue(goesOn);
  expect([await goesOn.status(), goesOn.ran]).toEqual(['completed', ['last']]);
  const output = (await goesOn.outcome('ci'))?.output;
  expect(output).toEqual({ kind: 'inline', text: '{"timedOut":true,"claims":{"ci/42":null}}' });
});

test('a claim that came in the last millisecond counts, though it is looked at after the end', async () => {
  const world = await open('2027-01-10T09:00:00Z', [awaiting('')]);
  const endMs = await world.dueAtMs();
  world.moveTo(endMs - 1);
  expect(await world.engine.setClaim('ci/42', { status: 'supported', by: bob })).toMatchObject({ woken: 1 });
  expect(world.wakes).toEqual(['i1']);
  world.moveTo(endMs + days(1));
  expect(await world.tick()).toMatchObject({ due: 1 });
  expect([await world.status(), world.ran]).toEqual(['completed', ['last']]);
  expect((await world.outcome('ci'))?.note).toBe('ci/42 is supported (revision 1, bob)');
});

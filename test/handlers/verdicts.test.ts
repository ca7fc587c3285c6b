/** One decision about many: at a rate that holds over all callers, and each step answered by itself. */
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type By, type Clock, limits, PawlError } from '../../src/engine/index.ts';
import { decideMany } from '../../src/handlers/verdicts.ts';
import { createPace } from '../../src/store/pace.ts';
import { type FreshStore, freshStore } from '../support/world.ts';
import { assertDocumented } from './document.ts';
import { documentOf, openService, publish, type Service, start, untilDecidable } from './support.ts';

const T0 = 1_795_489_200_000;
const by: By = { actor: 'ada', via: 'api', where: 'here' };

describe('the rate', () => {
  let world: FreshStore;
  beforeAll(async () => {
    world = await freshStore('sqlite');
  });
  beforeEach(() => world.raw.delete('views', { instanceId: 'pace:verdicts' }));
  afterAll(() => world.drop());

  /** Time goes on only to the next moment that somebody sleeps to. */
  const clockOf = () => {
    const sleepers: { atMs: number; wake(): void }[] = [];
    const clock = {
      atMs: T0,
      nowMs: () => clock.atMs,
      sleep: (ms: number) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        sleepers.push({ atMs: clock.atMs + ms, wake: resolve });
        return promise;
      },
      through: async <T>(work: Promise<T>): Promise<T> => {
        let isOver = false;
        const end = (): void => {
          isOver = true;
        };
        void work.then(end, end);
        while (!isOver) {
          for (let turn = 0; turn < 50; turn += 1) await setImmediate();
          sleepers.sort((a, b) => a.atMs - b.atMs);
          const next = sleepers.shift();
          if (next === undefined) continue;
          clock.atMs = Math.max(clock.atMs, next.atMs);
          next.wake();
        }
        return await work;
      },
    };
    return clock;
  };
  /** Two processes, each with an engine that takes `workMs` for a verdict. */
  const processesOf = (clock: ReturnType<typeof clockOf>, workMs = 0) => {
    const began: number[] = [];
    const verdict = async () => {
      began.push(clock.atMs - T0);
      if (workMs > 0) await clock.sleep(workMs);
      return { view: { status: 'ready' }, awaits: null };
    };
    const depsOf = (client: FreshStore['client']) =>
      ({
        engine: { verdict },
        clock: clock as unknown as Clock,
        pace: createPace({ client, appendBy: 'put' }, clock),
      }) as unknown as Parameters<typeof decideMany>[0];
    return { began, deps: [depsOf(world.client), depsOf(world.again().client)] as const };
  };
  const asked = (count: number, perSecond?: number) => ({
    steps: Array.from({ length: count }, (_, index) => ({ instanceId: `i-${index}`, seq: 1 })),
    verdict: 'skip' as const,
    reason: 'r',
    ...(perSecond === undefined ? {} : { perSecond }),
  });
  const gaps = (began: number[]): number[] => began.slice(1).map((atMs, index) => atMs - (began[index] ?? 0));

  test('of two callers at once, in processes of their own, is that of one: what the second decides comes after', async () => {
    const clock = clockOf();
    const { began, deps } = processesOf(clock);
    const both = await clock.through(Promise.all(deps.map((one) => decideMany(one, asked(10), by))));
    expect(both.flat().map(({ result }) => result)).toEqual(Array(20).fill('taken'));
    expect(began).toHaveLength(20);
    expect(Math.min(...gaps(began))).toBe(1_000 / limits.verdictsPerSecond);
  });

  test('is kept where a verdict takes longer: what the turn has no time for is left as it was', async () => {
    const clock = clockOf();
    const { began, deps } = processesOf(clock, 300);
    const answers = await clock.through(decideMany(deps[0], asked(10), by));
    expect(began).toEqual([0, 300, 600, 900, 1_200, 1_500, 1_800]);
    expect(answers.slice(7)).toEqual([7, 8, 9].map((n) => ({ instanceId: `i-${n}`, seq: 1, result: 'left' })));
  });

  test('a turn is of ten seconds at most, and who would wait longer for it is told until when', async () => {
    const clock = clockOf();
    const { began, deps } = processesOf(clock);
    const first = decideMany(deps[0], asked(25, 1), by);
    await setImmediate();
    const second = decideMany(deps[1], asked(25, 1), by);
    const third = decideMany(deps[1], asked(1), by).catch((error: unknown) => error);
    const [all, more, refused] = await clock.through(Promise.all([first, second, third]));
    expect(all.filter(({ result }) => result === 'taken')).toHaveLength(10);
    expect(all.filter(({ result }) => result === 'left')).toHaveLength(15);
    expect(more.filter(({ result }) => result === 'taken')).toHaveLength(10);
    expect(refused).toMatchObject({ code: 'verdicts.busy', details: { untilMs: T0 + 20_000 } });
    expect(gaps(began)).toEqual(Array(19).fill(1_000));
  });

  test('a store that goes away ends it: what was not decided is left', async () => {
    const clock = clockOf();
    const { deps } = processesOf(clock);
    let calls = 0;
    const verdict = async () => {
      calls += 1;
      if (calls === 2) throw new PawlError('store.unavailable', 'It gave no answer.');
      return { view: { status: 'ready' }, awaits: null };
    };
    const away = { ...deps[0], engine: { verdict } } as unknown as (typeof deps)[0];
    const answers = await clock.through(decideMany(away, asked(4), by));
    expect(answers.map(({ result }) => result)).toEqual(['taken', 'refused', 'left', 'left']);
  });
});

test('a word is found behind as many renewals of a lease as there may be, page by page', async () => {
  const told = { by: { actor: 'ada' }, closedBy: 'person', about: 1, verdict: 'skip', reason: 'r', output: null };
  const renewed = Array.from({ length: 288 }, (_, index) => ({
    entry: { kind: 'renewed', seq: 2 + index, by: { actor: 'carol' } },
  }));
  const all = [...renewed, { entry: { ...told, kind: 'resolved', seq: 290, atMs: T0 } }];
  const verdict = async () => {
    throw new PawlError('seq.stale', 'It is settled.', { view: { status: 'ready' } });
  };
  const journal = async (_: string, after: number, limit: number) => {
    expect(limit).toBeLessThanOrEqual(limits.pageMax);
    return all.filter(({ entry }) => entry.seq > after).slice(0, limit);
  };
  const clock = { nowMs: () => T0, sleep: async () => {} };
  const pace = { take: async () => ({ isMine: true, untilMs: T0 + 1_000 }) };
  const deps = { engine: { verdict, journal }, clock, pace } as unknown as Parameters<typeof decideMany>[0];
  const asked = { steps: [{ instanceId: 'a', seq: 1 }], verdict: 'skip' as const, reason: 'r' };
  expect(await decideMany(deps, asked, by)).toMatchObject([{ result: 'taken', view: { status: 'ready' } }]);
  const others = await decideMany(deps, asked, { ...by, actor: 'bob' });
  expect(others).toMatchObject([{ result: 'refused', first: { actor: 'ada', said: 'skip' } }]);
});

describe('each step', () => {
  let service: Service;
  beforeAll(async () => {
    service = await openService();
    const source = documentOf('doubtful', ['name=first timeout=100ms', 'name=second']);
    expect((await publish(service, source)).status).toBe(201);
  });
  afterAll(() => service.world.drop());

  const inDoubt = async (): Promise<string> => {
    const id = await start(service, 'doubtful');
    service.cells.execute = async () => ({ status: 'unknown' });
    await service.ask({ method: 'POST', path: `/instances/${id}/advance` });
    service.cells.execute = async () => ({ status: 'completed', output: '{"a":1}' });
    await untilDecidable(service, id);
    return id;
  };
  const decide = (steps: object[], actor: string, where = service, more = {}) =>
    where.ask({
      method: 'POST',
      path: '/verdicts',
      body: { steps, verdict: 'skip', reason: 'seen', perSecond: 20, ...more },
      headers: { 'x-pawl-actor': actor },
    });
  const entries = async (id: string, kind: string) => {
    const { body } = await service.ask({ path: `/instances/${id}/journal` });
    return (body.entries as { kind: string }[]).filter((entry) => entry.kind === kind);
  };

  test('is answered by itself: taken, or refused with who was first and what they said', async () => {
    const [mine, theirs, over] = [await inDoubt(), await inDoubt(), await inDoubt()];
    const retried = { seq: 1, verdict: 'retry', reason: 'the bank knows nothing' };
    await service.ask({
      method: 'POST',
      path: `/instances/${theirs}/verdict`,
      body: retried,
      headers: { 'x-pawl-actor': 'bob' },
    });
    await service.ask({
      method: 'POST',
      path: `/instances/${over}/cancel`,
      body: { reason: 'not tonight' },
      headers: { 'x-pawl-actor': 'carol' },
    });
    await service.ask({ method: 'POST', path: `/instances/${over}/verdict`, body: { ...retried, verdict: 'failed' } });
    const ids = [theirs, mine, over, 'none'];
    const answer = await decide(
      ids.map((instanceId) => ({ instanceId, seq: 1 })),
      'ada',
    );
    assertDocumented('verdicts', answer);
    expect(answer).toMatchObject({
      status: 200,
      body: {
        steps: [
          {
            instanceId: theirs,
            result: 'refused',
            code: 'seq.stale',
            first: { actor: 'bob', said: 'retry', reason: 'the bank knows nothing' },
          },
          { instanceId: mine, result: 'taken', view: { status: 'ready', cell: 'second' } },
          { instanceId: over, result: 'refused', first: { actor: 'carol', said: 'cancelled', reason: 'not tonight' } },
          { instanceId: 'none', result: 'refused', code: 'instance.unknown', first: null },
        ],
      },
    });
    expect(await entries(mine, 'resolved')).toMatchObject([{ verdict: 'skip', reason: 'seen', by: { actor: 'ada' } }]);
    expect(await entries(theirs, 'resolved')).toMatchObject([{ verdict: 'retry', by: { actor: 'bob' } }]);
  });

  test('that stands already as it is asked for, by the same actor, is taken: the answer before was lost; any other word is refused', async () => {
    const id = await inDoubt();
    const steps = [{ instanceId: id, seq: 1 }];
    const given = { verdict: 'succeeded', reason: 'seen', output: '{"b":2}', evidence: 'the statement' };
    const said = async (actor: string, more: object) =>
      (await decide(steps, actor, service, { ...given, ...more })).body.steps;
    expect(await said('ada', {})).toMatchObject([{ result: 'taken' }]);
    const again = await decide(steps, 'ada', service, given);
    assertDocumented('verdicts', again);
    expect(again.body.steps).toMatchObject([{ result: 'taken', view: { status: 'ready', cell: 'second' } }]);
    const first = { actor: 'ada', said: 'succeeded', reason: 'seen' };
    for (const more of [
      { reason: 'heard' },
      { output: '{"b":3}' },
      { output: undefined },
      { evidence: undefined },
      { verdict: 'retry', output: undefined },
      { verdict: 'retry', output: undefined, freshKey: true },
    ])
      expect(await said('ada', more)).toMatchObject([{ result: 'refused', code: 'seq.stale', first }]);
    expect(await said('bob', {})).toMatchObject([{ result: 'refused', code: 'seq.stale', first }]);
    expect(await entries(id, 'resolved')).toHaveLength(1);
  });

  test('that somebody has overruled since is refused, with who did, and what they said', async () => {
    const id = await inDoubt();
    const steps = [{ instanceId: id, seq: 1 }];
    const failed = { verdict: 'failed', reason: 'seen' };
    expect((await decide(steps, 'ada', service, failed)).body.steps).toMatchObject([{ result: 'taken' }]);
    const retried = await service.ask({
      method: 'POST',
      path: `/instances/${id}/verdict`,
      body: { seq: 1, verdict: 'retry', reason: 'the bank was down' },
      headers: { 'x-pawl-actor': 'bob' },
    });
    expect(retried.status).toBe(200);
    const overruled = { result: 'refused', first: { actor: 'bob', said: 'retry', reason: 'the bank was down' } };
    expect((await decide(steps, 'ada', service, failed)).body.steps).toMatchObject([overruled]);
  });

  test('that stands already is taken also where the run has ended by it', async () => {
    const id = await inDoubt();
    const failed = { verdict: 'failed', reason: 'seen' };
    const steps = [{ instanceId: id, seq: 1 }];
    expect((await decide(steps, 'ada', service, failed)).body.steps).toMatchObject([{ result: 'taken' }]);
    await service.ask({ method: 'POST', path: `/instances/${id}/cancel`, body: { reason: 'enough' } });
    expect((await decide(steps, 'ada', service, failed)).body.steps).toMatchObject([
      { result: 'taken', view: { status: 'cancelled' } },
    ]);
  });

  test('where two people decide is proposed by the first and taken from the second', async () => {
    const id = await inDoubt();
    const two = service.as({ deployment: { name: 'test', epoch: 0, takeoverGraceMs: 1_000, decidePeople: 2 } });
    const steps = [{ instanceId: id, seq: 1 }];
    const first = await decide(steps, 'ada', two);
    assertDocumented('verdicts', first);
    expect(first.body.steps).toMatchObject([{ result: 'proposed', awaits: { said: [{ actor: 'ada' }] } }]);
    expect(await entries(id, 'resolved')).toEqual([]);
    expect((await decide(steps, 'bob', two)).body.steps).toMatchObject([{ result: 'taken' }]);
    expect(await entries(id, 'resolved')).toMatchObject([{ verdict: 'skip', by: { actor: 'bob' } }]);
  });

  test("a turn that is another caller's for long is answered 429, with when to ask again", async () => {
    const nowMs = service.world.clock.nowMs();
    // As where others have taken every turn until then.
    service.world.store.pace.take = async () => ({ isMine: false, untilMs: nowMs + 15_000 });
    const answer = await decide([{ instanceId: 'any', seq: 1 }], 'ada');
    assertDocumented('verdicts', answer);
    expect(answer).toMatchObject({ status: 429, body: { code: 'verdicts.busy' } });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(9);
  });
});

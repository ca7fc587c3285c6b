/** Cells that wait: claims, times, polls. What satisfied them stands in the journal; nothing they wait for is missed. */
import { describe, expect, test } from 'vitest';
import { type CellBody, createEngine, type Entry, PawlError, type Runbook } from '../../src/engine/index.ts';
import type { StoreClient } from '../../src/store/index.ts';
import { approving, awaiting, broken, runbookOf, waitingFor } from './runbooks.ts';
import { alice, bob, setup, T0, type World, watched } from './world.ts';

const request = { budgetMs: 60_000, by: alice };
const tick = { budgetMs: 60_000, by: { actor: 'schedule', via: 'tick', where: 'host:3' }, explicit: false };
const lines = (entries: Entry[]): string[] =>
  entries.map((entry) => {
    const fused = entry.kind === 'outcome' && entry.reserve !== undefined ? ` + ${entry.reserve.cell}` : '';
    if (entry.kind === 'outcome') return `${entry.cell} ${entry.status} > ${entry.then}${fused}`;
    return 'cell' in entry ? `${entry.kind} ${entry.cell}` : entry.kind;
  });
const outputOf = (entry: Entry | undefined): unknown =>
  entry?.kind === 'outcome' && entry.output?.kind === 'inline' ? JSON.parse(entry.output.text) : undefined;
const supported = { status: 'supported' as const, by: bob };
const dueOf = async (world: World, id = 'i1'): Promise<number | null> =>
  (await world.ports.views.get(id))?.dueAtMs ?? null;

const parkedAt = async (world: World, body: CellBody, over: Partial<Runbook['cells'][0]> = {}): Promise<string> => {
  const id = await world.start(runbookOf([{ body, ...over }, {}]));
  const { result } = await world.engine.advance(id, { ...request, maxCells: 9 });
  expect(result).toBe('parked');
  return id;
};

describe('await', () => {
  test('parks without being due, and goes on when the claim has its status: one entry closes it and reserves the next', async () => {
    const world = setup();
    const id = await parkedAt(world, awaiting(['ci/42']));
    expect(await dueOf(world)).toBeNull();
    const evidence = '{"run":12345678901234567890}';
    const set = await world.engine.setClaim('ci/42', { ...supported, evidence });
    expect(set).toMatchObject({ woken: 1, claim: { revision: 1, status: 'supported' } });
    expect(await dueOf(world)).toBe(T0);
    expect(world.wakes).toEqual([{ instanceId: id, atMs: T0 }]);

    expect((await world.engine.advance(id, { ...tick, explicit: true })).result).toBe('completed');
    const entries = await world.entries(id);
    expect(lines(entries)).toEqual(['started', 'waiting c0', 'c0 completed > next + c1', 'c1 completed > next']);
    expect(entries[2]).toMatchObject({ closes: 1, closedBy: 'policy', note: 'ci/42 is supported (revision 1, bob)' });
    const output = entries[2]?.kind === 'outcome' && entries[2].output?.kind === 'inline' ? entries[2].output.text : '';
    expect(output).toContain(`"evidence":${evidence}`);
    expect((await world.ports.subscriptions.page('ci/42', 10)).waiters).toEqual([]);
    expect(await dueOf(world)).toBeNull();
  });

  test('of a claim that stands already does not wait', async () => {
    const world = setup();
    await world.engine.setClaim('ci/42', supported);
    const id = await world.start(runbookOf([{ body: awaiting(['ci/42']) }, {}]));
    expect((await world.engine.advance(id, request)).result).toBe('completed');
    expect(lines(await world.entries(id)).slice(1, 3)).toEqual(['waiting c0', 'c0 completed > next + c1']);
  });

  test('all, any, several statuses, and a condition over the evidence', async () => {
    const world = setup();
    const condition = { source: 'claim.evidence.errors == 0', line: 1 };
    const until = ['supported', 'superseded'] as const;
    await parkedAt(world, awaiting(['a', 'b'], { match: 'all', until: [...until], condition }));
    const set = (claimId: string, status: 'asserted' | 'supported' | 'superseded', errors: number) =>
      world.engine.setClaim(claimId, { status, evidence: JSON.stringify({ errors }), by: bob });
    const result = async () => (await world.engine.advance('i1', request)).result;
    await set('a', 'supported', 0);
    await set('b', 'asserted', 0);
    expect(await result()).toBe('parked');
    await set('b', 'superseded', 2);
    expect(await result()).toBe('parked');
    await set('b', 'superseded', 0);
    expect(await result()).toBe('completed');

    const other = setup();
    await parkedAt(other, awaiting(['a', 'b'], { match: 'any' }));
    await other.engine.setClaim('b', supported);
    expect((await other.engine.advance('i1', request)).result).toBe('completed');
    expect((await other.entries('i1'))[2]).toMatchObject({ note: 'b is supported (revision 1, bob)' });
  });

  test('a time-out fails it, or lets it go on and says so; a claim that came in time counts also when looked at late', async () => {
    const failing = setup();
    await parkedAt(failing, awaiting(['ci'], { withinMs: 60_000 }));
    expect(await dueOf(failing)).toBe(T0 + 60_000);
    failing.now = T0 + 60_000;
    expect(await failing.engine.advance('i1', tick)).toMatchObject({ result: 'halted', stop: { cell: 'c0', seq: 1 } });
    expect((await failing.entries('i1')).at(-1)).toMatchObject({
      status: 'failed',
      error: { code: 'wait.timeout', message: 'timed out: ci does not exist' },
    });

    const going = setup();
    await parkedAt(going, awaiting(['ci'], { withinMs: 60_000, onTimeout: 'continue' }));
    going.now = T0 + 60_000;
    expect((await going.engine.advance('i1', request)).result).toBe('completed');
    expect(outputOf((await going.entries('i1'))[2])).toEqual({ timedOut: true, claims: { ci: null } });

    const late = setup();
    await parkedAt(late, awaiting(['ci'], { withinMs: 60_000 }));
    await late.engine.setClaim('ci', supported);
    late.now = T0 + 3_600_000;
    expect((await late.engine.advance('i1', request)).result).toBe('completed');
  });

  test('in drive manual the schedule records what is satisfied, and begins nothing', async () => {
    const world = setup();
    await parkedAt(world, awaiting(['ci']));
    await world.engine.setClaim('ci', supported);
    expect(await world.engine.advance('i1', { ...tick, maxCells: 9 })).toMatchObject({ result: 'parked' });
    expect(lines(await world.entries('i1'))).toEqual(['started', 'waiting c0', 'c0 completed > next']);
    expect(world.begun).toEqual([]);
    expect(await dueOf(world)).toBeNull();
  });

  test('after a person asked for it once more it waits anew, with a new time-out', async () => {
    const world = setup();
    const id = await parkedAt(world, awaiting(['ci'], { withinMs: 60_000 }));
    world.now = T0 + 60_000;
    await world.engine.advance(id, tick);
    await world.engine.verdict(id, { seq: 1, verdict: 'retry', reason: 'the build is late', by: bob });
    expect((await world.engine.advance(id, request)).result).toBe('parked');
    expect(await dueOf(world)).toBe(T0 + 120_000);
    await world.engine.setClaim('ci', supported);
    expect((await world.engine.advance(id, request)).result).toBe('completed');
  });

  test('a cancelled instance is woken by nobody any more', async () => {
    const world = setup();
    const id = await parkedAt(world, awaiting(['ci']));
    await world.engine.cancel(id, 'enough', bob);
    expect(await world.engine.setClaim('ci', supported)).toMatchObject({ woken: 0 });
    expect(await dueOf(world)).toBeNull();
  });

  test('a condition that cannot be evaluated is told as such, and is met by nothing', async () => {
    const world = setup();
    const condition = { source: 'broken', line: 1 };
    const id = await parkedAt(world, awaiting(['ci'], { condition }));
    const whyNot = async () => {
      const { waits } = await world.engine.inspect(id, alice);
      return waits?.kind === 'await' ? waits.claims.map(({ unmet }) => unmet) : [];
    };
    expect(await whyNot()).toEqual(['it does not exist yet']);
    await world.engine.setClaim('ci', { ...supported, status: 'asserted' });
    expect(await whyNot()).toEqual(['it is asserted']);
    await world.engine.setClaim('ci', supported);
    await world.engine.advance(id, request);
    expect(await whyNot()).toEqual(['the condition cannot be evaluated: broken on purpose']);
  });

  test('waking takes at most three requests before the first cell is reserved', async () => {
    const sent: string[] = [];
    const world = setup((client) => {
      const send = (command: never): unknown => {
        sent.push((command as { kind: string }).kind);
        return client.send(command);
      };
      return { send } as StoreClient;
    });
    const id = await parkedAt(world, awaiting(['ci']));
    await world.engine.setClaim('ci', supported);
    sent.length = 0;
    world.behave = () => {
      sent.push('begins');
      return { status: 'completed', output: '{}' };
    };
    await world.engine.advance(id, request);
    expect(sent.slice(0, 4)).toEqual(['query', 'update', 'query', 'putIf']);
    expect(sent.filter((name) => name === 'putIf' || name === 'begins').slice(0, 2)).toEqual(['putIf', 'begins']);
  });
});

describe('no lost wake-up', () => {
  test('a writer that dies between its claim and its waiters leaves a mark, and the schedule wakes them', async () => {
    const world = setup();
    const id = await parkedAt(world, awaiting(['ci']));
    const dying = createEngine({
      ...world.ports,
      subscriptions: { ...world.ports.subscriptions, page: () => Promise.reject(new Error('it died here')) },
    });
    expect(await dying.setClaim('ci', supported)).toMatchObject({ claim: { revision: 1 }, woken: null });
    expect(await dueOf(world, id)).toBeNull();
    const due = async (): Promise<string[]> => {
      const shards = Array.from({ length: 16 }, (_, shard) => world.ports.marks.due(world.now, 'local', shard));
      return (await Promise.all(shards)).flatMap((page) => page.due.map(({ instanceId }) => instanceId));
    };
    world.now = T0 + 50_000;
    expect(await due()).toEqual(['wake:ci']);
    expect(await world.engine.wake('ci')).toEqual({ woken: 1 });
    expect(await due()).toContain(id);
    // Once nothing of the writer that died may still land, the mark is taken down.
    world.now += 120_000;
    await world.engine.wake('ci');
    expect(await due()).toEqual([id]);
  });

  test('a claim that is set after the schedule has read it, and before it saves what it found, leaves the instance due', async () => {
    const world = setup();
    const id = await parkedAt(world, awaiting(['ci']));
    await world.ports.marks.wake({ instanceId: id, runbookId: 'demo' }, T0);
    let reads = 0;
    const claims: typeof world.ports.claims = {
      ...world.ports.claims,
      newest: async (claimId) => {
        const found = await world.ports.claims.newest(claimId);
        reads += 1;
        if (reads === 2) await world.engine.setClaim('ci', supported);
        return found;
      },
    };
    expect((await createEngine({ ...world.ports, claims }).advance(id, tick)).result).toBe('parked');
    expect(await dueOf(world, id)).toBe(T0);
  });

  test('a look that fails half way, and a command that does not look, leave the instance due', async () => {
    const world = setup();
    let away = true;
    const claims: typeof world.ports.claims = {
      ...world.ports.claims,
      newest: async (claimId) => {
        if (away) throw new PawlError('store.unavailable', 'away');
        return await world.ports.claims.newest(claimId);
      },
    };
    const engine = createEngine({ ...world.ports, claims });
    const id = await world.start(runbookOf([{}, { body: awaiting(['ci']) }]));
    expect((await engine.advance(id, { ...request, maxCells: 2 })).stop).toMatchObject({
      result: 'deferred',
      why: 'store',
    });
    expect(await dueOf(world)).toBe(T0);
    await engine.advance(id, { ...request, drive: 'auto' }).catch(() => {});
    expect(await dueOf(world)).toBe(T0);
    away = false;
    // Until nothing of those who failed may still land, their mark stays.
    world.now += 200_000;
    expect((await engine.advance(id, tick)).result).toBe('parked');
    expect(await dueOf(world)).toBeNull();
  });

  test('a claim set between a subscription and the parking is seen', async () => {
    const world = setup();
    const subscriptions: typeof world.ports.subscriptions = {
      ...world.ports.subscriptions,
      add: async (claimId, waiter) => {
        await world.ports.subscriptions.add(claimId, waiter);
        await world.engine.setClaim(claimId, supported);
      },
    };
    const id = await world.start(runbookOf([{ body: awaiting(['ci']) }, {}]));
    expect((await createEngine({ ...world.ports, subscriptions }).advance(id, request)).result).toBe('completed');
  });
});

test('what an earlier wait of a cell sends late changes nothing of a later one', async () => {
  const { ports } = setup();
  const { subscriptions } = ports;
  const waiter = { instanceId: 'i1', cell: 'c0', runbookId: 'demo' };
  await subscriptions.add('ci', { ...waiter, about: 1 });
  await subscriptions.add('ci', { ...waiter, about: 4 });
  await subscriptions.remove('ci', { ...waiter, about: 1 });
  await subscriptions.add('ci', { ...waiter, about: 1 });
  expect((await subscriptions.page('ci', 10)).waiters).toEqual([{ ...waiter, about: 4 }]);
  await subscriptions.remove('ci', { ...waiter, about: 4 });
  expect((await subscriptions.page('ci', 10)).waiters).toEqual([]);
});

describe('claims', () => {
  test('grow by revisions; whoever holds on to one is refused when it moved on', async () => {
    const { engine } = setup();
    expect(
      await engine.setClaim('db/primary', { status: 'asserted', statement: 'eu-1', revision: 0, by: alice }),
    ).toMatchObject({ claim: { revision: 1 } });
    expect(await engine.setClaim('db/primary', { ...supported, revision: 1 })).toMatchObject({
      claim: { revision: 2 },
    });
    await expect(engine.setClaim('db/primary', { ...supported, revision: 1 })).rejects.toMatchObject({
      code: 'claim.stale',
      details: { revision: 2 },
    });
    await expect(engine.setClaim('db/other', { ...supported, revision: 1 })).rejects.toMatchObject({
      code: 'claim.stale',
    });
    expect((await engine.claimHistory('db/primary', 10)).map(({ revision, status }) => [revision, status])).toEqual([
      [2, 'supported'],
      [1, 'asserted'],
    ]);
  });

  test('of fifty at once who hold on to nothing, every one stands; of fifty who hold on to one, one does', async () => {
    const { engine } = setup();
    const set = (n: number, over: object = {}) =>
      engine.setClaim('a', { status: 'asserted', statement: `${n}`, by: alice, ...over });
    const ten = await Promise.all(Array.from({ length: 10 }, (_, n) => set(n)));
    expect(ten.map(({ claim }) => claim.revision).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const held = await Promise.allSettled(Array.from({ length: 50 }, (_, n) => set(n, { revision: 10 })));
    expect(held.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('what is not said anew stays: statement and evidence outlive a change of status', async () => {
    const { engine } = setup();
    const set = (over: object) => engine.setClaim('ci/7', { status: 'asserted', by: alice, ...over });
    await set({ statement: 'It is green.', evidence: '{"errors":0}' });
    expect(await set({ status: 'supported' })).toMatchObject({
      claim: { revision: 2, status: 'supported', statement: 'It is green.', evidence: '{"errors":0}' },
    });
    expect(await set({ status: 'invalidated', evidence: '{"errors":2}' })).toMatchObject({
      claim: { revision: 3, statement: 'It is green.', evidence: '{"errors":2}' },
    });
    expect(await set({ status: 'invalidated', statement: 'It was not.', evidence: 'null' })).toMatchObject({
      claim: { revision: 4, statement: 'It was not.', evidence: 'null' },
    });
  });

  test.each(['invalidated', 'superseded'] as const)(
    '%s is final: only who names the current revision and a reason says otherwise',
    async (status) => {
      const { engine } = setup();
      await engine.setClaim('ci/7', supported);
      await engine.setClaim('ci/7', { status, by: alice });
      const other = status === 'invalidated' ? 'superseded' : 'invalidated';
      for (const late of [
        {},
        { revision: 2 },
        { reason: 'I know better' },
        { evidence: '{"errors":0}' },
        { status: 'asserted' as const },
        { status: other } as const,
      ])
        await expect(engine.setClaim('ci/7', { ...supported, ...late })).rejects.toMatchObject({
          code: 'claim.final',
          message: `Claim ci/7 is ${status} (revision 2, alice), and stays so: who knows better names that revision and a reason (\`--revision 2 --reason TEXT\`).`,
          details: { claimId: 'ci/7', revision: 2, status },
        });
      await expect(
        engine.setClaim('ci/7', { ...supported, revision: 1, reason: 'I know better' }),
      ).rejects.toMatchObject({ code: 'claim.stale' });
      await expect(engine.setClaim('ci/7', { ...supported, revision: 2, reason: ' ' })).rejects.toMatchObject({
        code: 'request.invalid',
      });
      // The same again is no change of it.
      expect(await engine.setClaim('ci/7', { status, evidence: '1', by: bob })).toMatchObject({
        claim: { revision: 3 },
      });
      const reopened = { ...supported, revision: 3, reason: 'the job that said so was broken' };
      expect(await engine.setClaim('ci/7', reopened)).toMatchObject({
        claim: { revision: 4, status: 'supported', reason: 'the job that said so was broken', evidence: '1' },
      });
      expect((await engine.setClaim('ci/7', { status: 'asserted', by: alice })).claim.reason).toBeUndefined();
    },
  );

  test('the late report of a stale job releases nobody: also one that raced with what made it final', async () => {
    const { world, once } = watched();
    const id = await world.start(runbookOf([{ body: awaiting(['ci/7']) }]));
    await world.engine.advance(id, request);
    await world.engine.setClaim('ci/7', { status: 'asserted', by: bob });
    once(
      ({ item }) => item?.claimId === 'ci/7',
      () => world.engine.setClaim('ci/7', { status: 'invalidated', by: bob }),
    );
    await expect(world.engine.setClaim('ci/7', supported)).rejects.toMatchObject({ code: 'claim.final' });
    await expect(world.engine.setClaim('ci/7', supported)).rejects.toMatchObject({ code: 'claim.final' });
    expect((await world.engine.advance(id, request)).result).toBe('parked');
  });

  test.each([[''], ['/a'], ['a/'], ['a//b'], ['lock:x'], ['a b'], ['x'.repeat(257)], ['ä']])(
    '%j is no claim id',
    async (claimId) => {
      await expect(setup().engine.setClaim(claimId, supported)).rejects.toMatchObject({ code: 'request.invalid' });
    },
  );

  test('evidence is JSON within its limit', async () => {
    const { engine } = setup();
    await expect(engine.setClaim('a', { ...supported, evidence: '{' })).rejects.toThrow('JSON text');
    const large = JSON.stringify('x'.repeat(64 * 1024));
    await expect(engine.setClaim('a', { ...supported, evidence: large })).rejects.toThrow('claimEvidenceBytesMax');
    await expect(engine.claim('a')).rejects.toMatchObject({ code: 'claim.unknown' });
  });
});

describe('wait', () => {
  test('fixes its moment in the journal, is due then, and goes on', async () => {
    const world = setup();
    const days = 30 * 24 * 3_600_000;
    const id = await parkedAt(world, waitingFor(days));
    expect(await dueOf(world)).toBe(T0 + days);
    expect(world.wakes).toEqual([]);
    world.now = T0 + days - 1;
    expect(await world.engine.advance(id, { ...request, budgetMs: 0 })).toMatchObject({ result: 'parked' });
    world.now = T0 + days;
    expect((await world.engine.run(id, request)).result).toBe('completed');
    expect((await world.entries(id)).filter(({ kind }) => kind === 'outcome')[0]).toMatchObject({
      note: 'it is past 2026-12-24T03:00:00.000Z',
    });
  });

  test('a short one is slept through inside the call; one of minutes is woken to the second', async () => {
    const short = setup();
    const id = await short.start(runbookOf([{ body: waitingFor(5_000) }, {}]));
    expect((await short.engine.advance(id, request)).result).toBe('completed');
    expect(short.now).toBe(T0 + 5_000);

    const longer = setup();
    await parkedAt(longer, waitingFor(300_000));
    expect(longer.wakes).toEqual([{ instanceId: 'i1', atMs: T0 + 300_000 }]);
  });

  test('a moment that has passed does not wait; one that is no time fails', async () => {
    const world = setup();
    const until = (text: string): CellBody => ({ kind: 'wait', forMs: null, until: [text], cron: null, tz: 'UTC' });
    const id = await world.start(runbookOf([{ body: until('1960-01-01T00:00:00Z') }, { body: until('never') }]));
    expect(await world.engine.run(id, request)).toMatchObject({ result: 'halted', stop: { cell: 'c1' } });
    expect((await world.entries(id)).at(-1)).toMatchObject({
      status: 'failed',
      error: { code: 'inputs.unresolvable', message: 'never is no time' },
    });
  });
});

describe('poll', () => {
  const ready = { source: 'output.ready == true', line: 1 };
  const polled = (over: object = {}) => ({
    expect: [ready],
    poll: { everyMs: 30_000, withinMs: null, onTimeout: 'fail' as const, ...over },
  });
  const answers = (world: World, ...outputs: boolean[]): void => {
    world.behave = () => ({ status: 'completed', output: JSON.stringify({ ready: outputs.shift() ?? true }) });
  };

  test('is tried every so often without a reservation, and recorded once', async () => {
    const world = setup();
    answers(world, false, false, true);
    const id = await world.start(runbookOf([polled(), {}]));
    expect(await world.engine.advance(id, request)).toMatchObject({ result: 'parked', stop: { dueAtMs: T0 + 30_000 } });
    expect(await dueOf(world)).toBe(T0 + 30_000);
    expect(world.wakes).toEqual([{ instanceId: id, atMs: T0 + 30_000 }]);
    world.now = T0 + 30_000;
    await world.engine.advance(id, tick);
    expect(await dueOf(world)).toBe(T0 + 60_000);
    world.now = T0 + 61_000;
    expect((await world.engine.run(id, request)).result).toBe('completed');
    const entries = await world.entries(id);
    expect(lines(entries)).toEqual([
      'started',
      'waiting c0',
      'control',
      'c0 completed > next + c1',
      'c1 completed > next',
    ]);
    expect(entries[3]).toMatchObject({ expectations: [{ result: 'pass' }], closedBy: 'policy' });
    expect(world.begun.map(({ step }) => step.cell)).toEqual(['c0', 'c0', 'c0', 'c1']);
  });

  test('what is unknown, fails or cannot be read is no answer yet', async () => {
    const world = setup();
    const ends = [
      { status: 'unknown', error: { code: 'cell.timeout', message: 'cut' } },
      { status: 'completed', output: '{' },
      { status: 'failed', error: { code: 'cell.failed', message: 'no' } },
    ] as const;
    let at = 0;
    world.behave = () => ends[at++] ?? { status: 'completed', output: '{"ready":true}' };
    const id = await world.start(runbookOf([polled()]));
    for (const _ of ends) {
      expect((await world.engine.advance(id, request)).result).toBe('parked');
      world.now += 30_000;
    }
    expect((await world.engine.advance(id, request)).result).toBe('completed');
  });

  test('ends after its time: by then one more try is made, and what it saw stands in the outcome', async () => {
    const world = setup();
    answers(world, false, false, false);
    const id = await world.start(runbookOf([polled({ withinMs: 55_000 })]));
    await world.engine.advance(id, request);
    world.now = T0 + 30_000;
    await world.engine.advance(id, request);
    expect(await dueOf(world)).toBe(T0 + 55_000);
    world.now = T0 + 55_000;
    expect((await world.engine.advance(id, request)).result).toBe('halted');
    expect((await world.entries(id)).at(-1)).toMatchObject({
      status: 'failed',
      error: { code: 'wait.timeout' },
      expectations: [{ result: 'fail' }],
      output: { kind: 'inline', text: '{"ready":false}' },
    });

    const going = setup();
    answers(going, false, false);
    await going.start(runbookOf([polled({ withinMs: 20_000, onTimeout: 'continue' })]));
    await going.engine.advance('i1', { ...request, budgetMs: 10_000 });
    going.now = T0 + 20_000;
    expect(await going.engine.run('i1', request)).toMatchObject({
      result: 'completed',
      verdict: 'completed procedurally',
    });
  });

  test('an output that cannot be read is no answer, whatever is expected of the rest', async () => {
    const world = setup();
    world.behave = () => ({ status: 'completed', output: world.begun.length === 1 ? '{' : '{}' });
    const done = { source: 'status == "completed"', line: 1 };
    const id = await world.start(runbookOf([{ ...polled(), expect: [done] }]));
    expect((await world.engine.advance(id, { ...request, budgetMs: 10_000 })).result).toBe('parked');
    expect((await world.engine.inspect(id, alice)).waits).toMatchObject({
      last: { error: { code: 'output.invalid' } },
    });
    expect((await world.engine.advance(id, request)).result).toBe('completed');
  });

  const once = { ...request, budgetMs: 10_000 };
  const lastOf = async (world: World) => (await world.engine.inspect('i1', alice)).waits as object;

  test('the last look is told: when, the status that was answered, and what does not hold', async () => {
    const world = setup();
    world.behave = () => ({
      status: 'failed',
      output: '{"status":404,"ready":false}',
      error: { code: 'http.status', message: 'The answer is 404.' },
    });
    const body = { kind: 'http' as const, method: 'GET', url: ['https://example.com/'], headers: [], body: null };
    await world.start(runbookOf([{ ...polled(), body }]));
    await world.engine.advance('i1', { ...once, maxCells: 0 });
    await world.engine.advance('i1', once);
    world.now = T0 + 30_000;
    await world.engine.advance('i1', tick);
    expect(await lastOf(world)).toMatchObject({
      kind: 'poll',
      everyMs: 30_000,
      last: {
        atMs: T0 + 30_000,
        status: 'failed',
        answered: 404,
        error: { code: 'http.status', message: 'The answer is 404.' },
        unmet: [{ source: 'output.ready == true', result: 'fail', message: null, erred: 0 }],
      },
    });
    // No look is an entry.
    expect(lines(await world.entries('i1'))).toEqual(['started', 'waiting c0']);
  });

  test('nobody has looked: there is no last look, and none of an earlier wait is taken for it', async () => {
    const world = setup();
    await world.start(runbookOf([polled()]));
    await world.ports.looks.keep('i1', 0, { atMs: T0, status: 'completed', answered: null, error: null, unmet: [] });
    await world.engine.advance('i1', { ...request, budgetMs: 4_000 });
    expect(await lastOf(world)).toMatchObject({ kind: 'poll', last: null });
  });

  test('an expectation that errs three times in a row over good answers is said loudly, once, and counted on', async () => {
    const world = setup();
    const ends = ['completed', 'completed', 'failed', 'completed', 'completed', 'completed', 'completed'] as const;
    world.behave = () => ({ status: ends[world.begun.length - 1] ?? 'completed', output: '{"ready":false}' });
    await world.start(runbookOf([{ ...polled(), expect: [ready, broken] }]));
    const loud = () => world.events.filter(({ kind }) => kind === 'poll.erring');
    const seen: unknown[] = [];
    for (const _ of ends) {
      await world.engine.advance('i1', once);
      const { last } = (await lastOf(world)) as { last: { unmet: { erred: number }[] } };
      seen.push([last.unmet.map(({ erred }) => erred), loud().length]);
      world.now += 30_000;
    }
    expect(seen).toEqual([
      [[0, 1], 0],
      [[0, 2], 0],
      [[0, 0], 0],
      [[0, 1], 0],
      [[0, 2], 0],
      [[0, 3], 1],
      [[0, 4], 1],
    ]);
    expect(loud()).toEqual([{ kind: 'poll.erring', instanceId: 'i1', seq: 1, cell: 'c0', times: 3 }]);
  });

  test('a last look that cannot be kept fails nothing', async () => {
    const world = setup();
    world.ports.looks.keep = () => Promise.reject(new PawlError('store.unavailable', 'away'));
    world.engine = createEngine(world.ports);
    answers(world, false, true);
    const id = await world.start(runbookOf([polled()]));
    expect((await world.engine.advance(id, once)).result).toBe('parked');
    expect(world.events).toContainEqual(expect.objectContaining({ kind: 'look.unwritten', cell: 'c0' }));
    world.now += 30_000;
    expect((await world.engine.advance(id, once)).result).toBe('completed');
  });

  test('one that ends in vain says what did not hold', async () => {
    const world = setup();
    answers(world, false, false);
    const id = await world.start(runbookOf([polled({ withinMs: 20_000, onTimeout: 'continue' })]));
    await world.engine.advance(id, once);
    world.now += 20_000;
    await world.engine.advance(id, once);
    expect((await world.entries(id)).at(-1)).toMatchObject({
      status: 'completed',
      note: 'timed out: not as expected in time; the last try ended as completed; output.ready == true does not hold',
    });
  });

  test('is not tried when it does not fit into the call', async () => {
    const world = setup();
    const id = await world.start(runbookOf([polled()]));
    expect(await world.engine.advance(id, { ...request, budgetMs: 4_000 })).toMatchObject({ result: 'deferred' });
    expect(world.begun).toEqual([]);
  });
});

test('a person cannot record what only claims, times or votes decide', async () => {
  for (const body of [awaiting(['ci']), waitingFor(3_600_000), approving(['bob'])]) {
    const world = setup();
    const id = await parkedAt(world, body);
    const done = world.engine.done(id, 'c0', { result: 'done', note: 'looks fine', by: alice });
    await expect(done).rejects.toMatchObject({ code: 'cell.notWaiting' });
  }
});

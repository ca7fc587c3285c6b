/** Where cells run: engines at several places on one store. */
import { describe, expect, test } from 'vitest';
import {
  type Cell,
  type CellBody,
  createEngine,
  type Engine,
  type Needs,
  type Runbook,
} from '../../src/engine/index.ts';
import { broken, fail, pass, probe, runbookOf } from './runbooks.ts';
import { alice, bob, setup, T0, type World } from './world.ts';

const request = { budgetMs: 60_000, by: alice };
const bastion = { at: ['bastion'] };

/** An engine at a place, on the store of the world. `lacks`: what is not there, asked anew each time. */
const engineAt = (world: World, place: string, lacks: () => string[] = () => []): Engine & { asked: Needs[] } => {
  const asked: Needs[] = [];
  const missing = async (needs: Needs): Promise<string[]> => {
    asked.push(needs);
    return lacks();
  };
  const engine = createEngine({ ...world.ports, here: { place, home: 'local', missing } });
  return { ...engine, asked };
};

const kinds = async (world: World, id = 'i1'): Promise<string[]> =>
  (await world.entries(id)).map((entry) => (entry.kind === 'outcome' ? `${entry.status} > ${entry.then}` : entry.kind));
const begun = (world: World): string[] => world.begun.map(({ step }) => step.cell);
const viewOf = async (world: World, id = 'i1') => await world.ports.views.get(id);

/** Started at `local`, its first two cells anywhere else but there. */
const startedWith = async (cells: Partial<Cell>[], over: Partial<Runbook> = {}): Promise<World> => {
  const world = setup();
  await world.start(runbookOf(cells, over));
  return world;
};

describe('a cell that says `at`', () => {
  test('is not reserved anywhere else: a run at the wrong place stops before it, and says whom it waits for', async () => {
    const world = await startedWith([{}, {}, bastion, {}]);
    const stopped = await world.engine.run('i1', request);
    expect(stopped).toMatchObject({
      result: 'parked',
      verdict: 'unfinished',
      stop: { cell: 'c2', seq: null, waitsFor: { place: 'bastion', missing: [] } },
      view: { place: 'bastion', waitsFor: 'a worker at bastion', status: 'ready', cell: 'c2' },
    });
    expect(begun(world)).toEqual(['c0', 'c1']);
    const before = await kinds(world);
    const again = await world.engine.run('i1', request);
    expect(again).toMatchObject({ result: 'parked', reserved: 0, wrote: false });
    expect(await kinds(world)).toEqual(before);
    expect(await viewOf(world)).toMatchObject({ place: 'bastion', waitsFor: 'a worker at bastion' });
  });

  test('runs there; its reservation says so, and what follows belongs to the start again', async () => {
    const world = await startedWith([bastion, {}]);
    await engineAt(world, 'bastion').run('i1', request);
    const [, , reserved] = await world.entries('i1');
    expect(reserved).toMatchObject({ kind: 'reserved', cell: 'c0', place: 'bastion', state: { place: 'bastion' } });
    expect(begun(world)).toEqual(['c0']);
    expect((await viewOf(world))?.place).toBe('local');
    await world.engine.run('i1', request);
    expect((await world.entries('i1')).at(-1)?.state.place).toBeUndefined();
    expect(begun(world)).toEqual(['c0', 'c1']);
    expect((await world.entries('i1')).find(({ kind }) => kind === 'started')).toMatchObject({ place: 'local' });
  });

  test('is not reserved by the outcome before it either', async () => {
    const world = await startedWith([{}, bastion]);
    await world.engine.run('i1', request);
    expect(await kinds(world)).toEqual(['started', 'control', 'reserved', 'completed > next']);
    const [, , , outcome] = await world.entries('i1');
    expect(outcome).not.toHaveProperty('reserve');
  });

  test('may name its place by a parameter; what is no place refuses the start', async () => {
    const world = setup();
    const book = runbookOf([{ at: [{ expression: 'site', write: 'text' }] }]);
    await world.engine.publish(JSON.stringify(book), alice);
    const start = (params: Record<string, unknown>, instanceId: string) =>
      world.engine.start({ runbookId: 'demo', params, instanceId, by: alice });
    await expect(start({ site: 'Far away' }, 'i0')).rejects.toMatchObject({
      code: 'params.invalid',
      message: expect.stringContaining('"Far away"'),
    });
    expect(await world.engine.list({ limit: 10 })).toMatchObject({ views: [] });
    await start({ site: 'edge-2' }, 'i1');
    expect(await world.engine.run('i1', request)).toMatchObject({ stop: { waitsFor: { place: 'edge-2' } } });
    expect(await engineAt(world, 'edge-2').run('i1', request)).toMatchObject({ result: 'completed' });
  });
});

describe('a cell that says no place', () => {
  test('belongs to where the run was started if it is code, and to nobody if it is a request or says `any`', async () => {
    const http: CellBody = { kind: 'http', method: 'POST', url: ['x'], headers: [], body: null };
    const world = await startedWith([{ body: http }, { at: ['any'] }, {}]);
    const edge = engineAt(world, 'edge');
    expect(await edge.run('i1', request)).toMatchObject({ stop: { cell: 'c2', waitsFor: { place: 'local' } } });
    expect(begun(world)).toEqual(['c0', 'c1']);
    expect(await world.engine.run('i1', request)).toMatchObject({ result: 'completed' });
  });

  test('waits, assertions and what only writes entries are done anywhere', async () => {
    const world = await startedWith([
      { body: { kind: 'assert', expressions: [pass] }, ...bastion },
      { body: { kind: 'wait', forMs: 5_000, until: null, cron: null, tz: 'UTC' } },
      {},
    ]);
    expect(await engineAt(world, 'edge').run('i1', request)).toMatchObject({ stop: { cell: 'c2' } });
  });
});

describe('a `when` is judged by whoever is there, since it reads what is the same everywhere', () => {
  test('a false one is passed over at once: where the cell says `at`, where it is code of another start, and of a poll', async () => {
    const poll = { everyMs: 5_000, withinMs: null, onTimeout: 'fail' } as const;
    const never = { when: fail };
    const world = await startedWith([
      { ...bastion, ...never },
      never,
      { ...bastion, ...never, poll, expect: [pass] },
      { ...bastion, ...never, timeoutMs: 3_600_000 },
      { at: ['edge'] },
    ]);
    const edge = engineAt(world, 'edge', () => ['program kubectl']);
    expect(await edge.run('i1', request)).toMatchObject({ result: 'completed', reserved: 1 });
    expect(await kinds(world)).toEqual([
      'started',
      'control',
      ...Array(4).fill('skipped > next'),
      'reserved',
      'completed > next',
    ]);
    expect(begun(world)).toEqual(['c4']);
    expect(edge.asked).toEqual([]);
  });

  test('a true one leaves the cell to its place, and nothing is written, begun or asked', async () => {
    const poll = { everyMs: 5_000, withinMs: null, onTimeout: 'fail' } as const;
    for (const cell of [{}, { poll, expect: [pass] }, { timeoutMs: 3_600_000 }]) {
      const world = await startedWith([{ ...bastion, when: pass, ...cell }]);
      expect(await world.engine.advance('i1', request)).toMatchObject({
        result: 'parked',
        wrote: false,
        stop: { cell: 'c0', seq: null, waitsFor: { place: 'bastion', missing: [] } },
        view: { place: 'bastion', waitsFor: 'a worker at bastion' },
      });
      expect(await kinds(world)).toEqual(['started']);
      expect(begun(world)).toEqual([]);
    }
  });

  test('one that cannot be judged halts the run wherever that is found', async () => {
    const world = await startedWith([{ ...bastion, when: broken }]);
    expect(await world.engine.advance('i1', request)).toMatchObject({ result: 'halted', reserved: 0 });
    expect((await world.entries('i1')).at(-1)).toMatchObject({ status: 'failed', error: { code: 'when.error' } });
  });

  test('what is missing here is not waited for where nothing is to be done', async () => {
    const needs = { programs: ['kubectl'], env: [] };
    const world = await startedWith([
      { needs, when: fail },
      { needs, when: pass },
    ]);
    const engine = engineAt(world, 'local', () => ['program kubectl']);
    expect(await engine.run('i1', request)).toMatchObject({ stop: { cell: 'c1', waitsFor: { place: 'local' } } });
    expect(await kinds(world)).toEqual(['started', 'control', 'skipped > next']);
  });

  test('a visit that has begun stays at its place, and is not judged again', async () => {
    const world = await startedWith([{ at: ['any'], when: pass, retryMax: 3 }]);
    world.behave = () => ({ status: 'failed', error: { code: 'x', message: 'no' } });
    await engineAt(world, 'edge').advance('i1', request);
    world.now += 60_000;
    const away = createEngine({
      ...world.ports,
      authoring: { ...world.ports.authoring, evaluate: () => ({ kind: 'value', value: false }) },
    });
    expect(await away.run('i1', request)).toMatchObject({ result: 'parked', stop: { waitsFor: { place: 'edge' } } });
    expect((await world.entries('i1')).at(-1)).toMatchObject({ kind: 'control' });
  });

  test('a process that is leaving judges nothing any more', async () => {
    const world = await startedWith([{ ...bastion, when: fail }]);
    const leaving = createEngine({ ...world.ports, leaving: AbortSignal.abort() });
    expect(await leaving.advance('i1', request)).toMatchObject({ result: 'parked', wrote: false });
  });
});

describe('a continuation', () => {
  test('belongs to where the run that it continues was started, not to where it was asked for', async () => {
    const world = await startedWith([{}, {}]);
    world.behave = ({ step }) =>
      step.cell === 'c1' ? { status: 'failed' } : { status: 'completed', output: JSON.stringify(step.cell) };
    expect(await world.engine.run('i1', request)).toMatchObject({ result: 'halted' });
    const edge = engineAt(world, 'edge');
    const begin = (continues: { instanceId: string; at: string }) =>
      edge.start({ runbookId: 'demo', params: {}, continues, by: bob });
    expect(await begin({ instanceId: 'i1', at: 'c1' })).toMatchObject({ view: { instanceId: 'i1.2', place: 'local' } });
    expect((await world.entries('i1.2'))[0]).toMatchObject({ kind: 'started', place: 'local' });
    expect(await edge.run('i1.2', request)).toMatchObject({ stop: { cell: 'c1', waitsFor: { place: 'local' } } });
    expect(await world.engine.run('i1.2', request)).toMatchObject({ result: 'halted' });
    // And so on down the line.
    await begin({ instanceId: 'i1.2', at: 'c1' });
    expect((await world.entries('i1.3'))[0]).toMatchObject({ kind: 'started', place: 'local' });
  });
});

describe('a visit stays where it began', () => {
  test('its further attempts are not begun elsewhere, also where any place might have begun it', async () => {
    const world = await startedWith([{ at: ['any'], retryMax: 3 }]);
    world.behave = () => ({ status: 'failed', error: { code: 'x', message: 'no' } });
    await engineAt(world, 'edge').advance('i1', request);
    expect((await world.entries('i1')).at(-1)).toMatchObject({ then: 'retry', state: { place: 'edge' } });
    expect(await viewOf(world)).toMatchObject({ place: 'edge' });
    world.now += 60_000;
    world.behave = () => ({ status: 'completed', output: '{}' });
    expect(await world.engine.run('i1', request)).toMatchObject({
      result: 'parked',
      stop: { waitsFor: { place: 'edge' } },
    });
    expect(begun(world)).toEqual(['c0']);
    expect(await engineAt(world, 'edge').run('i1', request)).toMatchObject({ result: 'completed' });
    const reserved = (await world.entries('i1')).filter(({ kind }) => kind === 'reserved');
    expect(reserved.map((entry) => 'place' in entry && entry.place)).toEqual(['edge', 'edge']);
  });

  test('a pause before an attempt is not slept elsewhere', async () => {
    const world = await startedWith([{ at: ['any'], retryMax: 3 }]);
    world.behave = () => ({ status: 'failed', error: { code: 'x', message: 'no' } });
    await engineAt(world, 'edge').advance('i1', request);
    const at = world.now;
    await world.engine.advance('i1', request);
    expect(world.now).toBe(at);
  });

  test('a fresh key is a new visit, which any place may begin', async () => {
    const world = await startedWith([{ at: ['any'] }]);
    world.behave = () => ({ status: 'unknown', error: { code: 'x', message: 'lost' } });
    await engineAt(world, 'edge').advance('i1', request);
    world.now += 60_000;
    const verdict = { verdict: 'retry', freshKey: true, reason: 'looked', seq: 1, by: bob } as const;
    await world.engine.verdict('i1', { ...verdict, cell: 'c0' } as never);
    world.behave = () => ({ status: 'completed', output: '{}' });
    expect(await world.engine.run('i1', request)).toMatchObject({ result: 'completed' });
    expect(begun(world)).toEqual(['c0', 'c0']);
  });

  test('its probe is asked there alone; elsewhere the step stays in doubt, and says whom it waits for', async () => {
    const world = await startedWith([{ ...bastion, interrupted: 'probe', probe, settleMs: 0 }]);
    const lost = createEngine({
      ...world.ports,
      here: { place: 'bastion', home: 'local', missing: async () => [] },
      execute: () => new Promise(() => {}),
    });
    void lost.advance('i1', { ...request, by: bob });
    await new Promise((resolve) => setTimeout(resolve, 20));
    world.now = T0 + 30_000;
    world.behave = () => ({ status: 'completed', output: '{"answer":"done"}' });
    expect(await world.engine.advance('i1', request)).toMatchObject({
      result: 'in_doubt',
      stop: { cell: 'c0', seq: 1, waitsFor: { place: 'bastion', missing: [] } },
      view: { status: 'in_doubt', place: 'bastion', waitsFor: 'a worker at bastion' },
    });
    expect(world.begun).toEqual([]);
    expect((await world.engine.notes('i1', 1)).filter(({ kind }) => kind === 'asked')).toEqual([]);
    expect(await engineAt(world, 'bastion').advance('i1', request)).toMatchObject({ result: 'completed' });
    expect(world.begun).toHaveLength(1);
  });

  test('while its holder may be at it, home looks after it; only then the place of its probe', async () => {
    const world = await startedWith([bastion]);
    void createEngine({
      ...world.ports,
      here: { place: 'bastion', home: 'local', missing: async () => [] },
      execute: () => new Promise(() => {}),
    }).advance('i1', { ...request, by: bob });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await world.engine.advance('i1', request)).toMatchObject({ result: 'in_flight', view: { place: 'local' } });
  });

  test('it is polled there alone', async () => {
    const poll = { everyMs: 5_000, withinMs: null, onTimeout: 'fail' } as const;
    const world = await startedWith([{ at: ['any'], poll, expect: [{ source: 'output.ready == true', line: 1 }] }]);
    world.behave = () => ({ status: 'completed', output: '{"ready":false}' });
    const tick = { ...request, drive: 'auto', explicit: false } as const;
    await engineAt(world, 'edge').advance('i1', tick);
    expect((await world.entries('i1')).at(-1)).toMatchObject({
      kind: 'waiting',
      place: 'edge',
      state: { place: 'edge' },
    });
    expect(await viewOf(world)).toMatchObject({ place: 'edge', status: 'waiting', dueAtMs: T0 + 5_000 });
    expect(world.begun).toHaveLength(1);
    world.now += 5_000;
    world.behave = () => ({ status: 'completed', output: '{"ready":true}' });
    expect(await world.engine.advance('i1', tick)).toMatchObject({
      result: 'parked',
      stop: { cell: 'c0', waitsFor: { place: 'edge', missing: [] } },
    });
    expect(world.begun).toHaveLength(1);
    expect(await engineAt(world, 'edge').advance('i1', tick)).toMatchObject({ result: 'completed' });
  });
});

describe('what a cell needs', () => {
  const needs = { programs: ['kubectl'], env: ['KUBECONFIG'] };

  test('is asked for before anything is reserved: where it is missing nothing is written, and no attempt is used', async () => {
    const world = await startedWith([{}, { needs, retryMax: 0 }]);
    let missing = ['program kubectl (looked in PATH)'];
    const engine = engineAt(world, 'local', () => missing);
    const stopped = await engine.run('i1', request);
    expect(stopped).toMatchObject({
      result: 'parked',
      stop: { cell: 'c1', seq: null, dueAtMs: null, waitsFor: { place: 'local', missing } },
      view: { status: 'ready', place: 'local', cell: 'c1', waitsFor: missing[0], dueAtMs: T0 },
    });
    // Still due: another worker of the place may have it.
    expect(await viewOf(world)).toMatchObject({ waitsFor: missing[0], dueAtMs: T0 });
    expect((await engine.inspect('i1', alice)).view).toMatchObject({ waitsFor: missing[0] });
    const before = await world.entries('i1');
    expect(before.at(-1)).toMatchObject({
      kind: 'outcome',
      cell: 'c0',
      state: { attempt: 0, counters: { attempts: 1 } },
    });
    expect(before.at(-1)).not.toHaveProperty('reserve');
    expect(await engine.advance('i1', { ...request, explicit: false })).toMatchObject({
      result: 'parked',
      wrote: false,
    });
    expect(await world.entries('i1')).toEqual(before);
    missing = [];
    expect(await engine.run('i1', request)).toMatchObject({ result: 'completed', steps: [{ cell: 'c1', attempt: 1 }] });
    expect(await viewOf(world)).toMatchObject({ waitsFor: null });
    expect(engine.asked).not.toContainEqual(expect.not.objectContaining(needs));
  });

  test('goes to the executor by the names of its variables alone, and to no journal', async () => {
    const world = await startedWith([{ needs }, {}]);
    await world.engine.run('i1', request);
    expect(world.begun.map(({ env }) => env)).toEqual([['KUBECONFIG'], undefined]);
    expect(JSON.stringify(await world.entries('i1'))).not.toContain('KUBECONFIG');
  });

  test('goes to the executor without the mark of what need not be set', async () => {
    const world = await startedWith([{ needs: { programs: [], env: ['AWS_PROFILE?'] } }]);
    await world.engine.run('i1', request);
    expect(world.begun.map(({ env }) => env)).toEqual([['AWS_PROFILE']]);
  });

  test('is asked for before a probe and before a poll begins or looks', async () => {
    const poll = { everyMs: 5_000, withinMs: null, onTimeout: 'fail' } as const;
    const world = await startedWith([{ needs, poll, expect: [{ source: 'output.ready == true', line: 1 }] }]);
    let missing = ['env KUBECONFIG'];
    const engine = engineAt(world, 'local', () => missing);
    expect(await engine.advance('i1', request)).toMatchObject({ stop: { waitsFor: { missing } } });
    expect(await kinds(world)).toEqual(['started']);
    missing = [];
    world.behave = () => ({ status: 'completed', output: '{"ready":false}' });
    await engine.advance('i1', { ...request, drive: 'auto', explicit: false });
    expect(world.begun).toHaveLength(1);
    missing = ['env KUBECONFIG'];
    world.now += 5_000;
    expect(await engine.advance('i1', request)).toMatchObject({ result: 'parked', stop: { waitsFor: { missing } } });
    expect(world.begun).toHaveLength(1);
  });

  test('does not keep a poll waiting beyond its time, when another worker of the place had its turn', async () => {
    const poll = { everyMs: 5_000, withinMs: 20_000, onTimeout: 'fail' } as const;
    const world = await startedWith([{ needs, poll, expect: [{ source: 'output.ready == true', line: 1 }] }]);
    let missing: string[] = [];
    const engine = engineAt(world, 'local', () => missing);
    world.behave = () => ({ status: 'completed', output: '{"ready":false}' });
    const tick = { ...request, drive: 'auto', explicit: false } as const;
    await engine.advance('i1', tick);
    missing = ['env KUBECONFIG'];
    world.now = T0 + 79_999;
    expect(await engine.advance('i1', tick)).toMatchObject({ result: 'parked', stop: { waitsFor: { missing } } });
    expect((await engine.inspect('i1', alice)).waits).toMatchObject({ last: { error: { code: 'needs.missing' } } });
    world.now = T0 + 80_000;
    expect(await engine.advance('i1', tick)).toMatchObject({
      result: 'halted',
      steps: [{ error: { code: 'wait.timeout', message: expect.stringContaining('for want of env KUBECONFIG') } }],
    });
    expect(world.begun).toHaveLength(1);
  });

  test('is not asked for at another place', async () => {
    const world = await startedWith([{ needs, ...bastion }]);
    const engine = engineAt(world, 'local', () => ['program kubectl']);
    expect(await engine.run('i1', request)).toMatchObject({ stop: { waitsFor: { place: 'bastion', missing: [] } } });
    expect(engine.asked).toEqual([]);
  });
});

/** Sections with `each`: a parent, and a child for every element. */
import { describe, expect, test } from 'vitest';
import {
  type Cell,
  type CellInput,
  type CellResult,
  createEngine,
  type EntryOf,
  limits,
} from '../../src/engine/index.ts';
import type { Row } from '../../src/testing/tables.ts';
import { cellOf, runbookOf } from './runbooks.ts';
import { alice, bob, setup, type World } from './world.ts';

type Each = Extract<Cell['body'], { kind: 'each'; parts?: never }>;
const inner = (cells: Partial<Cell>[]): Cell[] =>
  cells.map((over, index) => cellOf(index, over.name ?? `e${index}`, over));
const each = (over: Partial<Each> = {}, cells: Partial<Cell>[] = [{ name: 'restart' }]): Partial<Cell> => ({
  name: 'nodes',
  body: {
    kind: 'each',
    over: { source: 'params.nodes', line: 1 },
    as: 'node',
    max: { count: 1 },
    stopAfter: 1,
    output: null,
    cells: inner(cells),
    ...over,
  },
});
const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `n${index}`);
const request = { budgetMs: 600_000, maxCells: Number.POSITIVE_INFINITY, by: alice };

const begin = async (cells: Partial<Cell>[], nodes: unknown, drive: 'auto' | 'manual' = 'auto'): Promise<World> => {
  const world = setup();
  // Items are rendered by the authoring port, which only knows paths.
  const { authoring } = world.ports;
  const render: typeof authoring.renderBody = (body, scope) => {
    if (body.kind !== 'each') return authoring.renderBody(body, scope);
    const found = authoring.evaluate(body.over, scope);
    return found.kind === 'error'
      ? found
      : { kind: 'body', body: { kind: 'each', items: JSON.stringify(found.value) } };
  };
  world.ports.authoring = { ...authoring, renderBody: render };
  world.engine = createEngine(world.ports);
  await world.engine.publish(JSON.stringify(runbookOf(cells)), alice);
  await world.engine.start({ runbookId: 'demo', params: { nodes }, instanceId: 'p', drive, by: alice });
  return world;
};
const ran = (world: World): string[] => world.begun.map(({ step }) => `${step.instanceId}:${step.cell}`);
const outputIn = async (world: World): Promise<unknown> => {
  const { cells } = await world.engine.inspect('p', alice);
  return JSON.parse(cells.find(({ kind }) => kind === 'each')?.output ?? 'null');
};
const progressIn = async (world: World): Promise<EntryOf<'progress'>[]> =>
  (await world.entries('p')).filter((entry) => entry.kind === 'progress');

describe('a section with each', () => {
  test('goes through its cells once for every element, one after the other, and cites nothing twice', async () => {
    const world = await begin(
      [{ name: 'before' }, each({}, [{ name: 'off' }, { name: 'restart' }]), { name: 'after' }],
      names(3),
    );
    const { result } = await world.engine.advance('p', request);
    expect(result).toBe('completed');
    expect(ran(world)).toEqual([
      'p:before',
      ...names(3).flatMap((_, index) => [`p~nodes.${index}:off`, `p~nodes.${index}:restart`]),
      'p:after',
    ]);
    expect(await outputIn(world)).toEqual(names(3).map((item) => ({ item, status: 'completed', output: null })));
    const entries = await world.entries('p');
    expect(entries.map(({ kind }) => kind)).toEqual([
      'started',
      'reserved',
      'outcome',
      'waiting',
      ...['progress', 'progress', 'progress', 'progress'],
      'outcome',
      'outcome',
    ]);
    expect(await progressIn(world)).toMatchObject([
      { spawned: 1, ended: [] },
      { spawned: 2, ended: [{ index: 0, as: 'completed' }] },
      { spawned: 3, ended: [{ index: 1, as: 'completed' }] },
      { spawned: 3, ended: [{ index: 2, as: 'completed' }] },
    ]);
    for (const id of ['p', 'p~nodes.0', 'p~nodes.2'])
      expect(await world.engine.verify(id), id).toMatchObject({ intact: true });
  });

  test('each child sees its element, the parameters and earlier outputs, and copies none of them', async () => {
    const reads = { reads: ['before'], name: 'restart' };
    const world = await begin([{ name: 'before' }, each({}, [reads])], names(2));
    world.behave = ({ step }: CellInput): CellResult => ({ status: 'completed', output: JSON.stringify(step.cell) });
    await world.engine.advance('p', request);
    const child = world.begun.filter(({ step }) => step.cell === 'restart');
    expect(child.map(({ params, outputs, each: seen }) => ({ params, outputs, seen }))).toEqual(
      [0, 1].map((index) => ({
        params: { nodes: names(2) },
        outputs: { before: '"before"' },
        seen: { node: `n${index}`, index },
      })),
    );
    expect(new Set(child.map(({ step }) => step.idempotencyKey)).size).toBe(2);
    const [first] = await world.entries('p~nodes.1');
    expect(first).toMatchObject({ params: {}, parent: { instanceId: 'p', cell: 'nodes', index: 1 } });
  });

  test.each([
    [2, { count: 2 }, 2],
    [10, { percent: 30 }, 3],
    [10, { percent: 1 }, 1],
    [3, { count: 10 }, 3],
  ])('%i elements, %j: %i at a time', async (count, max, expected) => {
    const world = await begin([each({ max })], names(count));
    let running = 0;
    let most = 0;
    world.behave = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return { status: 'completed' };
    };
    expect((await world.engine.advance('p', request)).result).toBe('completed');
    expect(most).toBe(expected);
    for (const { state } of await progressIn(world)) {
      const { family } = state.open?.kind === 'waiting' ? state.open : {};
      if (family !== undefined)
        expect(family.spawned - family.completed - family.cancelled).toBeLessThanOrEqual(expected);
    }
  });

  test('over no element completes at once', async () => {
    const world = await begin([each()], []);
    expect((await world.engine.advance('p', request)).result).toBe('completed');
    expect(await outputIn(world)).toEqual([]);
  });

  test.each<[string, unknown, string]>([
    ['no list', 'n0', 'What section nodes goes over is no list, but string.'],
    ['nothing', null, 'What section nodes goes over is no list, but null.'],
    [
      'equal elements',
      [{ a: 1, b: 2 }, 'x', { b: 2, a: 1 }],
      'Elements 1 and 3 of section nodes are the same: nothing could tell them apart.',
    ],
    ['too many', names(1_001), 'Section nodes would go over 1001 elements; elementsMax is 1000.'],
  ])('%s: it halts, and no child begins', async (_, nodes, message) => {
    const world = await begin([each()], nodes);
    expect((await world.engine.advance('p', request)).result).toBe('halted');
    expect((await world.entries('p')).at(-1)).toMatchObject({ kind: 'outcome', error: { message } });
    expect(world.begun).toEqual([]);
  });

  test('the state stays below 1 KB with a thousand elements, however many are under way', async () => {
    const world = await begin([each({ max: { count: 1_000 }, stopAfter: 1_000 })], names(1_000));
    world.behave = ({ step }) => ({
      status: step.seq % 2 === 1 && step.instanceId.endsWith('7') ? 'failed' : 'completed',
    });
    await world.engine.advance('p', request);
    for (const { state } of await world.entries('p')) expect(JSON.stringify(state).length).toBeLessThan(1_024);
    const state = (await world.entries('p')).at(-1)?.state;
    expect(state?.open).toMatchObject({ family: { spawned: 1_000, completed: 900, stuck: 100 } });
  });
});

describe('the output of a section', () => {
  test('an element that ended before its last cell has one too, of the cells that it came to', async () => {
    const cells: Partial<Cell>[] = [
      { name: 'first' },
      { name: 'stop', when: { source: 'each.node', line: 1 }, body: { kind: 'end' } },
      { name: 'last' },
    ];
    const outputOf = async (source: string) => {
      const world = await begin([each({ output: { source, line: 1 } }, cells)], [true, false]);
      world.behave = ({ step }) => ({ status: 'completed', output: JSON.stringify(step.cell) });
      expect((await world.engine.advance('p', request)).result).toBe('completed');
      return ((await outputIn(world)) as { output: unknown }[]).map(({ output }) => output);
    };
    expect(await outputOf('outputs.first')).toEqual(['first', 'first']);
    expect(await outputOf('outputs.last')).toEqual([{ error: expect.any(String) }, 'last']);
    expect(await outputOf('cells.first.state')).toEqual(['completed', 'completed']);
  });

  test('what an element has written is too large to be read: that is told, and the section goes on', async () => {
    const world = await begin([each({ output: { source: 'outputs.restart', line: 1 } })], names(1));
    world.behave = () => ({ status: 'completed', output: JSON.stringify('x'.repeat(limits.outputBytesMax)) });
    expect((await world.engine.advance('p', request)).result).toBe('completed');
    expect(await outputIn(world)).toEqual([
      { item: 'n0', status: 'completed', output: { error: expect.stringContaining('outputBytesMax') } },
    ]);
  });
});

describe('an element that fails', () => {
  test('halts in its own journal; no more begin; a verdict there lets the section go on', async () => {
    const world = await begin([each(), { name: 'after' }], names(3));
    let failing = true;
    world.behave = ({ step }) => ({ status: failing && step.instanceId === 'p~nodes.1' ? 'failed' : 'completed' });
    expect((await world.engine.advance('p', request)).result).toBe('parked');
    expect(ran(world)).toEqual(['p~nodes.0:restart', 'p~nodes.1:restart']);
    const { view, waits } = await world.engine.inspect('p', alice);
    expect(view).toMatchObject({ status: 'waiting', waitsFor: '1/3 elements, 1 needs somebody' });
    expect(waits).toMatchObject({ kind: 'each', completed: 1, stuck: 1, elements: [{ index: 1, status: 'halted' }] });
    const halted = (await world.entries('p~nodes.1')).at(-1)?.state.halted;
    failing = false;
    await world.engine.verdict('p~nodes.1', { seq: halted?.seq ?? 0, verdict: 'retry', reason: 'mended', by: bob });
    expect((await world.engine.advance('p', request)).result).toBe('completed');
    expect(ran(world)).toEqual([
      'p~nodes.0:restart',
      'p~nodes.1:restart',
      'p~nodes.1:restart',
      'p~nodes.2:restart',
      'p:after',
    ]);
  });

  test('with stopAfter more of them begin beside it', async () => {
    const world = await begin([each({ stopAfter: 2, max: { count: 2 } })], names(5));
    world.behave = ({ step }) => ({ status: step.instanceId === 'p~nodes.1' ? 'failed' : 'completed' });
    expect((await world.engine.advance('p', request)).result).toBe('parked');
    expect((await world.entries('p')).at(-1)?.state.open).toMatchObject({
      family: { completed: 4, stuck: 1, spawned: 5 },
    });
  });

  test('given up, it ends the section as failed: what did not begin is told', async () => {
    const world = await begin([each()], names(3));
    world.behave = ({ step }) => ({ status: step.instanceId === 'p~nodes.1' ? 'failed' : 'completed' });
    await world.engine.advance('p', request);
    await world.engine.cancel('p~nodes.1', 'broken for good', bob);
    expect((await world.engine.advance('p', request)).result).toBe('halted');
    expect(await outputIn(world)).toEqual([
      { item: 'n0', status: 'completed', output: null },
      { item: 'n1', status: 'cancelled', output: null },
      { item: 'n2', status: 'not_begun', output: null },
    ]);
    expect((await world.entries('p')).at(-1)).toMatchObject({ status: 'failed', error: { code: 'each.unfinished' } });
  });
});

describe('expectations of a section', () => {
  const given = async (expect: Cell['expect']) => {
    const world = await begin([{ ...each(), expect }, { name: 'after' }], names(2));
    world.behave = ({ step }) => ({ status: step.instanceId === 'p~nodes.1' ? 'failed' : 'completed' });
    await world.engine.advance('p', request);
    await world.engine.cancel('p~nodes.1', 'not this one', bob);
    return (await world.engine.advance('p', request)).result;
  };
  test('let it go on where they hold, and halt it where they do not', async () => {
    expect(await given([{ source: 'status == "failed"', line: 1 }])).toBe('completed');
    expect(await given([{ source: 'status == "completed"', line: 1 }])).toBe('halted');
  });
});

describe('a section that halted', () => {
  const retry = async (world: World, freshKey = true): Promise<unknown> => {
    const { halted } = (await world.entries('p')).at(-1)?.state ?? {};
    return await world.engine.verdict('p', {
      seq: halted?.seq ?? 0,
      verdict: 'retry',
      freshKey,
      reason: 'again',
      by: bob,
    });
  };
  test('is not begun again once elements of it have been, neither under the same key nor under another', async () => {
    const unmet = { ...each(), expect: [{ source: 'false', line: 1 }] };
    const world = await begin([unmet], names(2));
    expect((await world.engine.advance('p', request)).result).toBe('halted');
    await expect(retry(world)).rejects.toMatchObject({ code: 'verdict.refused' });
    // Each of them completed, so gone through again it cites them.
    await retry(world, false);
    expect((await world.engine.advance('p', request)).result).toBe('halted');
    expect(ran(world)).toHaveLength(2);
  });
  test('may be tried again where it could not be opened: it has no elements', async () => {
    const world = await begin([each()], 'no list');
    expect((await world.engine.advance('p', request)).result).toBe('halted');
    await retry(world);
    expect((await world.engine.advance('p', request)).result).toBe('halted');
    expect(ran(world)).toEqual([]);
  });
});

describe('many callers', () => {
  test('at one parent begin each element once', async () => {
    const world = await begin([each({ max: { count: 3 } })], names(12));
    const calls = [alice, bob, { ...alice, actor: 'carol' }, { ...alice, actor: 'dave' }];
    await Promise.all(calls.map((by) => world.engine.advance('p', { ...request, by }).catch(() => null)));
    for (let round = 0; round < 20; round += 1) await world.engine.advance('p', request);
    expect((await world.entries('p')).at(-1)?.state.ended).toBe('completed');
    expect(ran(world).sort()).toEqual(
      names(12)
        .map((_, index) => `p~nodes.${index}:restart`)
        .sort(),
    );
  });

  test('of whom one closes the section and goes on: a slower one takes nothing of the next section for this one', async () => {
    const more = { ...each({}, [{ name: 'check' }]), name: 'more' };
    const world = await begin([each(), more], names(1));
    world.behave = ({ step }) => ({ status: step.cell === 'check' ? 'failed' : 'completed' });
    const { page } = world.ports.journal;
    let slow = true;
    world.ports.journal.page = async (instanceId, afterSeq, limit) => {
      if (slow && instanceId === 'p' && afterSeq === 1) {
        slow = false;
        await world.engine.advance('p', { ...request, by: bob });
        await world.engine.cancel('p~more.0', 'not this one', bob);
        await world.engine.advance('p', { ...request, by: bob });
      }
      return await page(instanceId, afterSeq, limit);
    };
    expect((await world.engine.advance('p', request)).result).toBe('halted');
    expect(slow).toBe(false);
    expect(ran(world)).toEqual(['p~nodes.0:restart', 'p~more.0:check']);
  });

  test('a child that a stranger advances wakes its parent before its own mark goes down', async () => {
    const world = await begin(
      [each({ max: { count: 2 } }, [{ name: 'off' }, { name: 'restart' }])],
      names(2),
      'manual',
    );
    await world.engine.advance('p', { ...request, maxCells: 1 });
    const before = world.wakes.length;
    await world.engine.advance('p~nodes.0', request);
    expect(world.wakes.slice(before).map(({ instanceId }) => instanceId)).toContain('p');
    const view = await world.ports.views.get('p');
    expect(view?.dueAtMs).not.toBeNull();
  });
});

describe('a cancellation', () => {
  test('is carried into every child, and nothing more begins', async () => {
    const world = await begin([each({ max: { count: 2 } }), { name: 'after' }], names(4));
    world.behave = ({ step }) => ({ status: /[01]$/.test(step.instanceId) ? 'failed' : 'completed' });
    await world.engine.advance('p', request);
    const { view, elements } = await world.engine.cancel('p', 'enough', bob);
    expect(view.status).toBe('cancelled');
    expect(elements).toEqual([]);
    for (const index of [0, 1])
      expect((await world.entries(`p~nodes.${index}`)).at(-1)).toMatchObject({
        kind: 'cancelled',
        state: { ended: 'cancelled' },
      });
    const before = world.begun.length;
    await world.engine.advance('p', request).catch(() => null);
    expect(world.begun.length).toBe(before);
  });

  test('takes the first slot of a child that is not begun: a starter that thaws begins nothing', async () => {
    const world = await begin([each()], names(2));
    // The caller dies between the entry that lets the first element begin and that element's own first entry.
    const { putOnce } = world.ports.journal;
    let dies = true;
    world.ports.journal.putOnce = async (entry) => {
      if (dies && entry.instanceId !== 'p') throw new Error('killed');
      return await putOnce(entry);
    };
    await expect(world.engine.advance('p', request)).rejects.toThrow('killed');
    dies = false;
    expect((await world.engine.cancel('p', 'enough', bob)).view.status).toBe('cancelled');
    expect(await world.entries('p~nodes.0')).toMatchObject([{ kind: 'cancelled', seq: 0 }]);
    await expect(world.engine.advance('p~nodes.0', request)).rejects.toThrow();
    expect(world.begun).toEqual([]);
  });

  test('waits for a step that is open, and ends with it', async () => {
    const world = await begin([each()], names(2));
    let cancelled: Awaited<ReturnType<typeof world.engine.cancel>> | undefined;
    world.behave = async () => {
      cancelled = await world.engine.cancel('p', 'enough', bob);
      return { status: 'completed' };
    };
    await world.engine.advance('p', request);
    expect(cancelled?.view.status).toBe('waiting');
    expect(cancelled?.elements).toMatchObject([{ instanceId: 'p~nodes.0', cell: 'restart' }]);
    await world.engine.advance('p', request).catch(() => null);
    expect((await world.entries('p')).at(-1)?.state.ended).toBe('cancelled');
    expect(ran(world)).toEqual(['p~nodes.0:restart']);
  });
});

describe('a cancellation, further down', () => {
  const inTwo = async (max = 1): Promise<World> => {
    const disks = each({ over: { source: 'each.node', line: 1 }, as: 'disk', max: { count: max } }, [
      { name: 'wipe' },
      { name: 'format' },
    ]);
    const world = await begin([each({ max: { count: max } }, [{ ...disks, name: 'disks' }])], [['a', 'b'], ['c']]);
    world.ports.authoring.evaluate = (
      (evaluate) => (expression, scope) =>
        expression.source === 'each.node' ? { kind: 'value', value: scope.each?.node } : evaluate(expression, scope)
    )(world.ports.authoring.evaluate);
    return world;
  };

  test('holds in elements of elements: nothing more begins in one whose step is under way, and that one is named', async () => {
    const world = await inTwo();
    let cancelled: Awaited<ReturnType<typeof world.engine.cancel>> | undefined;
    world.behave = async ({ step }) => {
      if (step.cell === 'wipe') cancelled = await world.engine.cancel('p', 'enough', bob);
      return { status: 'completed' };
    };
    await world.engine.advance('p', request);
    expect(ran(world)).toEqual(['p~nodes.0~disks.0:wipe']);
    expect(cancelled?.elements).toMatchObject([{ instanceId: 'p~nodes.0~disks.0', cell: 'wipe' }]);
    await world.engine.advance('p', request).catch(() => null);
    expect((await world.entries('p')).at(-1)?.state.ended).toBe('cancelled');
  });

  test('tells as many as there is time for, and whoever looks next the others', async () => {
    const world = await begin([each({ max: { count: 40 }, stopAfter: 99 })], names(40));
    world.behave = () => ({ status: 'failed' });
    await world.engine.advance('p', request);
    // Each cancellation takes two seconds, sixteen at a time.
    const { putOnce } = world.ports.journal;
    world.ports.journal.putOnce = async (entry) => {
      if (entry.instanceId !== 'p') world.now += 2000;
      return await putOnce(entry);
    };
    const { view, unreached } = await createEngine(world.ports).cancel('p', 'enough', bob);
    expect(view).toMatchObject({ status: 'waiting', dueAtMs: expect.any(Number) });
    expect(unreached.map(({ why }) => why)).toEqual(Array.from({ length: 24 }, () => 'late'));
    world.ports.journal.putOnce = putOnce;
    await world.engine.advance('p', { ...request, explicit: false });
    expect((await world.entries('p')).at(-1)?.state.ended).toBe('cancelled');
  });

  test('ends it at once where all elements of elements stand', async () => {
    const world = await inTwo(2);
    world.behave = () => ({ status: 'failed' });
    await world.engine.advance('p', request);
    const { view, elements } = await world.engine.cancel('p', 'enough', bob);
    expect({ status: view.status, elements }).toEqual({ status: 'cancelled', elements: [] });
    for (const id of ['p~nodes.0', 'p~nodes.0~disks.0', 'p~nodes.0~disks.1', 'p~nodes.1~disks.0'])
      expect((await world.entries(id)).at(-1)?.state.ended, id).toBe('cancelled');
  });
});

describe('an element whose journal is broken', () => {
  /** The first of three: `back` entries before its newest. */
  const broken = async (back: number): Promise<World> => {
    const world = await begin([each({ max: { count: 2 }, stopAfter: 3 }), { name: 'after' }], names(3));
    world.behave = ({ step }) => ({ status: step.instanceId === 'p~nodes.2' ? 'completed' : 'failed' });
    await world.engine.advance('p', request);
    const seq = (await world.entries('p~nodes.0')).length - 1 - back;
    const row = world.tables.row('journal', 'p~nodes.0', seq) as Row;
    world.tables.tamper('journal', { ...row, entry: '{' });
    return world;
  };

  test.each([0, 1])('stands, and holds up none of the others: %i before its newest', async (back) => {
    const world = await broken(back);
    await world.engine.verdict('p~nodes.1', { seq: 1, verdict: 'skip', reason: 'gone', by: bob });
    const { view } = await world.engine.advance('p', request);
    expect(view).toMatchObject({ status: 'waiting', waitsFor: '2/3 elements, 1 needs somebody' });
    const { waits } = await world.engine.inspect('p', alice);
    expect(waits).toMatchObject({ elements: [{ index: 0, status: 'broken' }] });
    expect(ran(world)).toEqual(['p~nodes.0:restart', 'p~nodes.1:restart', 'p~nodes.2:restart']);
  });

  test('does not end its run by being cancelled with it: the others are, and it is named', async () => {
    const world = await broken(0);
    const { view, unreached } = await world.engine.cancel('p', 'enough', bob);
    expect({ status: view.status, unreached }).toEqual({
      status: 'waiting',
      unreached: [{ instanceId: 'p~nodes.0', why: 'broken' }],
    });
    expect((await world.entries('p~nodes.1')).at(-1)?.state.ended).toBe('cancelled');
    expect((await world.entries('p')).at(-1)).not.toHaveProperty('broken');
  });

  test('wakes its run when somebody ends it', async () => {
    const world = await broken(0);
    await world.engine.cancel('p', 'enough', bob);
    const woken: string[] = [];
    world.ports.wakeAt = async (instanceId) => void woken.push(instanceId);
    await createEngine(world.ports).cancel('p~nodes.0', 'it cannot be read', bob);
    expect(woken).toEqual(['p']);
    expect((await world.ports.views.get('p'))?.dueAtMs).toBeLessThanOrEqual(world.now);
    await world.engine.advance('p', request);
    expect((await world.entries('p')).at(-1)?.state.ended).toBe('cancelled');
  });
});

describe('drive', () => {
  test('manual: one reservation at a time, whichever child has it', async () => {
    const world = await begin([each({ max: { count: 2 } }, [{ name: 'off' }, { name: 'on' }])], names(2), 'manual');
    for (let call = 1; call <= 4; call += 1) {
      await world.engine.advance('p', { ...request, maxCells: 1 });
      expect(world.begun.length).toBe(call);
    }
    expect((await world.engine.advance('p', { ...request, maxCells: 1 })).result).toBe('completed');
  });

  test('the schedule begins nothing in drive manual', async () => {
    const world = await begin([each()], names(2), 'manual');
    await world.engine.advance('p', { ...request, maxCells: 0 });
    await world.engine.advance('p', { ...request, explicit: false });
    expect(world.begun).toEqual([]);
    expect(await progressIn(world)).toEqual([]);
  });
});

describe('sections in sections', () => {
  test('a child goes over a list of its own', async () => {
    const second = {
      ...each({ over: { source: 'each.node', line: 1 }, as: 'disk' }, [{ name: 'wipe' }]),
      name: 'disks',
    };
    const world = await begin([each({}, [{ name: 'first' }, second])], [['a', 'b'], ['c']]);
    world.ports.authoring.evaluate = (
      (evaluate) => (expression, scope) =>
        expression.source === 'each.node' ? { kind: 'value', value: scope.each?.node } : evaluate(expression, scope)
    )(world.ports.authoring.evaluate);
    expect((await world.engine.advance('p', request)).result).toBe('completed');
    expect(ran(world)).toEqual([
      'p~nodes.0:first',
      'p~nodes.0~disks.0:wipe',
      'p~nodes.0~disks.1:wipe',
      'p~nodes.1:first',
      'p~nodes.1~disks.0:wipe',
    ]);
    expect(world.begun.at(-1)?.each).toEqual({ node: ['c'], disk: 'c', index: 0 });
  });
});

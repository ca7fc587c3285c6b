/** Sections with `parallel`: each part is a child of its own, over cells of its own. */
import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import {
  type Cell,
  type CellResult,
  createEngine,
  type Engine,
  type EntryOf,
  type Runbook,
} from '../../src/engine/index.ts';
import { sectionOf } from '../../src/engine/model/levels.ts';
import { cellOf, runbookOf } from './runbooks.ts';
import { alice, bob, setup, type World } from './world.ts';

const js = (name: string, code = 'null', more = ''): string =>
  `\`\`\`js { name=${name} interrupted=retry${more} }\nexport default ({ outputs, item, params }) => ${code};\n\`\`\`\n`;
const approve = (name: string): string =>
  `\`\`\`approve { name=${name} approvers="bob" }\nRestore {{ item }}?\n\`\`\`\n`;

const document = (...parts: string[]): string =>
  ['---\nrunbook: regions\nparams: { env: { type: string, default: prod } }\n---\n', ...parts].join('\n');
const regions = (heading = 'parallel') =>
  document(
    js('before'),
    `## Both regions { name=regions ${heading} }`,
    '### Europe { name=eu output="outputs.eu_done" }',
    js('eu_off', 'outputs.before'),
    js('eu_done', 'outputs.eu_off'),
    '### America { name=us }',
    js('us_off', 'outputs.before'),
    '## After',
    js('after', 'outputs.regions'),
  );

const request = { budgetMs: 600_000, maxCells: Number.POSITIVE_INFINITY, by: alice };
const begin = async (source: string, drive: 'auto' | 'manual' = 'auto'): Promise<{ world: World; engine: Engine }> => {
  const world = setup();
  const engine = createEngine({ ...world.ports, authoring });
  await engine.publish(source, alice);
  await engine.start({ runbookId: 'regions', params: {}, instanceId: 'p', drive, by: alice });
  return { world, engine };
};
const ran = (world: World): string[] => world.begun.map(({ step }) => `${step.instanceId}:${step.cell}`);
const outputIn = async (engine: Engine): Promise<unknown> => {
  const { cells } = await engine.inspect('p', alice);
  return JSON.parse(cells.find(({ name }) => name === 'regions')?.output ?? 'null');
};

describe('a section with parallel', () => {
  test('goes through its parts at the same time, each by a child of its own, and the run goes on after all', async () => {
    const { world, engine } = await begin(regions());
    let running = 0;
    let most = 0;
    world.behave = async ({ step }): Promise<CellResult> => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return { status: 'completed', output: JSON.stringify(step.cell) };
    };
    expect((await engine.advance('p', request)).result).toBe('completed');
    expect(most).toBe(2);
    expect(ran(world).sort()).toEqual([
      'p:after',
      'p:before',
      'p~regions.0:eu_done',
      'p~regions.0:eu_off',
      'p~regions.1:us_off',
    ]);
    expect(ran(world).at(-1)).toBe('p:after');
    expect(await outputIn(engine)).toEqual([
      { item: 'eu', status: 'completed', output: 'eu_done' },
      { item: 'us', status: 'completed', output: null },
    ]);
    const opened = (await world.entries('p')).find((entry): entry is EntryOf<'waiting'> => entry.kind === 'waiting');
    expect(opened?.each).toMatchObject({ count: 2, max: 2, stopAfter: 1 });
    for (const id of ['p', 'p~regions.0', 'p~regions.1'])
      expect(await engine.verify(id), id).toMatchObject({ intact: true });
  });

  test('a part knows its name, what came before the section and its own cells, and no others', async () => {
    const { world, engine } = await begin(regions());
    world.behave = ({ step }) => ({ status: 'completed', output: JSON.stringify(step.cell) });
    await engine.advance('p', request);
    const seen = world.begun.filter(({ step }) => step.instanceId !== 'p');
    expect(
      Object.fromEntries(seen.map(({ step, outputs, each, params }) => [step.cell, { outputs, each, params }])),
    ).toEqual({
      eu_off: { outputs: { before: '"before"' }, each: { item: 'eu', index: 0 }, params: { env: 'prod' } },
      eu_done: { outputs: { eu_off: '"eu_off"' }, each: { item: 'eu', index: 0 }, params: { env: 'prod' } },
      us_off: { outputs: { before: '"before"' }, each: { item: 'us', index: 1 }, params: { env: 'prod' } },
    });
    const first = await Promise.all([0, 1].map(async (index) => (await world.entries(`p~regions.${index}`))[0]));
    expect(first.map((entry) => entry?.kind === 'started' && entry.cells)).toEqual([2, 1]);
  });

  test('one after the other with max=1, and none after one that halted; decided there, the section goes on', async () => {
    const { world, engine } = await begin(regions('parallel max=1'));
    let fails = true;
    world.behave = ({ step }) => ({ status: fails && step.cell === 'eu_done' ? 'failed' : 'completed' });
    expect((await engine.advance('p', request)).result).toBe('parked');
    expect(ran(world)).toEqual(['p:before', 'p~regions.0:eu_off', 'p~regions.0:eu_done']);
    const { view, waits } = await engine.inspect('p', alice);
    expect(view.waitsFor).toBe('0/2 elements, 1 needs somebody');
    expect(waits).toMatchObject({ elements: [{ item: 'eu', status: 'halted', cell: 'eu_done' }] });
    const halted = (await world.entries('p~regions.0')).at(-1)?.state.halted;
    fails = false;
    await engine.verdict('p~regions.0', { seq: halted?.seq ?? 0, verdict: 'retry', reason: 'mended', by: bob });
    expect((await engine.advance('p', request)).result).toBe('completed');
    expect(ran(world).slice(3)).toEqual(['p~regions.0:eu_done', 'p~regions.1:us_off', 'p:after']);
  });

  test('in drive manual a part begins when the one before can go no further', async () => {
    const { world, engine } = await begin(regions(), 'manual');
    const one = { ...request, maxCells: 1 };
    for (let call = 0; call < 5; call += 1) await engine.advance('p', one);
    expect(ran(world)).toEqual([
      'p:before',
      'p~regions.0:eu_off',
      'p~regions.0:eu_done',
      'p~regions.1:us_off',
      'p:after',
    ]);
  });

  test('cancelled, nothing more begins in any part', async () => {
    const { world, engine } = await begin(regions(), 'manual');
    for (let call = 0; call < 2; call += 1) await engine.advance('p', { ...request, maxCells: 1 });
    await engine.cancel('p', 'enough', bob);
    await engine.advance('p', request);
    expect(ran(world)).toEqual(['p:before', 'p~regions.0:eu_off']);
    expect((await world.entries('p')).at(-1)?.state.ended).toBe('cancelled');
    expect((await world.entries('p~regions.0')).at(-1)?.state.ended).toBe('cancelled');
  });

  test('stands in a part of another one, and in a section with each', async () => {
    const source = document(
      '# Twice { name=twice each="[1, 2]" as=round }',
      '## Both { name=both parallel }',
      '### Europe { name=eu }',
      '#### Halls { name=halls parallel as=hall }',
      '##### North { name=north }',
      js('in_north'),
      '##### South { name=south }',
      js('in_south'),
      '### America { name=us }',
      js('in_us'),
    );
    const { world, engine } = await begin(source);
    expect((await engine.advance('p', request)).result).toBe('completed');
    const seen = world.begun.map(({ step, each }) => `${step.instanceId} ${step.cell} ${JSON.stringify(each)}`);
    expect(seen.filter((text) => text.startsWith('p~twice.1')).sort()).toEqual([
      'p~twice.1~both.0~halls.0 in_north {"round":2,"index":0,"item":"eu","hall":"north"}',
      'p~twice.1~both.0~halls.1 in_south {"round":2,"index":1,"item":"eu","hall":"south"}',
      'p~twice.1~both.1 in_us {"round":2,"index":1,"item":"us"}',
    ]);
  });
});

describe('an approval in a part', () => {
  const source = document(
    '## Both { name=regions parallel }',
    '### Europe { name=eu }',
    js('eu_off'),
    approve('eu_go'),
    js('eu_done'),
    '### America { name=us }',
    js('us_off'),
    approve('us_go'),
    js('us_done'),
    '## After',
    js('after'),
  );
  const askedOf = async (engine: Engine, instanceId: string) => {
    const { waits } = await engine.inspect(instanceId, alice);
    if (waits?.kind !== 'approve' || waits.shown === null) throw new Error(`${instanceId} asks nobody.`);
    return { shown: waits.shown, freed: waits.freed };
  };

  test('is about that part, whatever the one beside it does', async () => {
    const { engine } = await begin(source);
    await engine.advance('p', request);
    const { shown } = await askedOf(engine, 'p~regions.1');
    expect(shown).toMatchObject({ text: 'Restore us?', each: { item: 'us', index: 1 } });
    const vote = { decision: 'approve' as const, groups: [], by: bob, shownHash: shown.hash };
    await expect(engine.vote('p~regions.0', 'eu_go', vote)).rejects.toMatchObject({ code: 'vote.stale' });
    expect((await engine.vote('p~regions.1', 'us_go', vote)).decision).toBe('approved');
  });

  test('frees what comes after the section too: the approval in the part beside it may have been given', async () => {
    const { engine } = await begin(source);
    await engine.advance('p', request);
    const { freed } = await askedOf(engine, 'p~regions.0');
    expect(freed).toMatchObject({ until: null, cells: ['eu_done', 'us_off', 'us_go', 'us_done', 'after'] });
    const other = (await askedOf(engine, 'p~regions.1')).freed;
    expect(other).toMatchObject({ until: null, cells: ['us_done', 'after'] });
  });
});

describe('the ends of parts', () => {
  const undo = (name: string): Partial<Cell> => ({ name: `undo_${name}`, reads: [name], cleanup: { undo: name } });
  const numbered = (cells: Partial<Cell>[]): Cell[] => cells.map((cell, index) => cellOf(index, cell.name ?? '', cell));
  const how = { as: 'item', max: { count: 2 }, stopAfter: 1, over: { source: '["eu","us"]', line: 1 } };
  /** As the compiler makes it of a section and of what takes it back. */
  const section = (onFailure?: 'undo'): Partial<Cell> => ({
    name: 'regions',
    body: {
      kind: 'each',
      ...how,
      ...(onFailure === undefined ? {} : { onFailure }),
      parts: [
        {
          name: 'eu',
          output: null,
          cells: numbered([{ name: 'eu_off' }, { name: 'eu_done' }, undo('eu_done'), undo('eu_off')]),
        },
        { name: 'us', output: null, cells: numbered([{ name: 'us_off' }, undo('us_off')]) },
      ],
    },
  });
  const undoSection: Partial<Cell> = {
    name: 'undo_regions',
    cleanup: { undo: 'regions' },
    body: { kind: 'each', ...how, undoes: 'regions', output: null, cells: [] },
  };
  const beginOf = async (cells: Partial<Cell>[], over: Partial<Runbook> = {}): Promise<World> => {
    const world = setup();
    await world.engine.publish(JSON.stringify(runbookOf(cells, over)), alice);
    await world.engine.start({ runbookId: 'demo', params: {}, instanceId: 'p', drive: 'auto', by: alice });
    return world;
  };
  const failing = (world: World, ...steps: string[]): void => {
    world.behave = ({ step }) => ({ status: steps.includes(step.cell) ? 'failed' : 'completed', output: '1' });
  };

  test('one that fails takes back what its own cells did', async () => {
    const world = await beginOf([section('undo')]);
    failing(world, 'eu_done');
    await world.engine.advance('p', request);
    expect(ran(world).filter((one) => one.startsWith('p~regions.0'))).toEqual([
      'p~regions.0:eu_off',
      'p~regions.0:eu_done',
      'p~regions.0:undo_eu_off',
    ]);
    expect(ran(world)).not.toContain('p~regions.1:undo_us_off');
  });

  test('all are taken back, the last first, each over its own cells', async () => {
    const world = await beginOf([section(), { name: 'after' }, undoSection], { onFailure: 'undo' });
    failing(world, 'after');
    expect((await world.engine.advance('p', request)).result).toBe('failed');
    const after = ran(world).slice(ran(world).indexOf('p:after') + 1);
    expect(after.filter((one) => one.includes('eu'))).toEqual([
      'p~undo_regions.0:undo_eu_done',
      'p~undo_regions.0:undo_eu_off',
    ]);
    expect(after.filter((one) => one.includes('us'))).toEqual(['p~undo_regions.1:undo_us_off']);
    for (const id of ['p', 'p~undo_regions.0', 'p~undo_regions.1'])
      expect(await world.engine.verify(id), id).toMatchObject({ intact: true });
  });

  test('whoever follows what takes back a section in a part sees the cells of that', () => {
    const nested = numbered([section(), undoSection]);
    const outer: Partial<Cell> = {
      name: 'outer',
      body: { kind: 'each', ...how, parts: [{ name: 'a', output: null, cells: nested }] },
    };
    const followed = sectionOf(runbookOf([outer]), { cell: 'undo_regions', index: 1 });
    expect(followed.cells.map(({ name }) => name)).toEqual(['us_off', 'undo_us_off']);
  });

  test('a section that failed is gone through again: one that completed is cited, the other goes on', async () => {
    const world = await beginOf([section(), { name: 'after' }]);
    failing(world, 'eu_done');
    await world.engine.advance('p', request);
    await world.engine.cancel('p~regions.0', 'not now', bob);
    await world.engine.advance('p', request);
    const { halted } = (await world.entries('p')).at(-1)?.state ?? {};
    failing(world);
    await world.engine.verdict('p', { seq: halted?.seq ?? 0, verdict: 'retry', reason: 'mended', by: bob });
    const before = ran(world).length;
    expect((await world.engine.advance('p', request)).result).toBe('completed');
    expect(ran(world).slice(before)).toEqual(['p~regions-2.0:eu_done', 'p:after']);
  });
});

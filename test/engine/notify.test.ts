/** `notify`: people are told when one of them is needed, at least once, and the view stays due until that is known. */
import { describe, expect, test } from 'vitest';
import type { Cell, CellInput, CellResult, Notify, Runbook } from '../../src/engine/index.ts';
import type { StoreClient } from '../../src/store/access.ts';
import type { Command } from '../support/operations.ts';
import { awaiting, runbookOf } from './runbooks.ts';
import { begin as beginRun, json, other, running } from './runs.ts';
import { nodes } from './sections.ts';
import { alice, setup, type World } from './world.ts';

const request = { budgetMs: 600_000, maxCells: Number.POSITIVE_INFINITY, by: alice };
const byItself = { ...request, explicit: false };
const pager: Notify = {
  line: 3,
  kind: 'http',
  method: 'POST',
  url: ['https://pager.example.com/'],
  headers: [],
  body: null,
  uses: [],
};
const pages: Notify = { line: 3, kind: 'claim', claim: ['pages/oncall'] };
const failed: CellResult = { status: 'failed', error: { code: 'cell.exit', message: 'it said no' } };

const isPage = ({ body }: CellInput): boolean => body.kind === 'http' && body.url === 'https://pager.example.com/';
const pagesOf = (world: World) => world.begun.filter(isPage).map(({ step }) => step.idempotencyKey);
const notesOf = async (world: World, id = 'i1') =>
  (await world.engine.notes(id)).filter(({ kind }) => kind === 'told').map(({ about, text }) => ({ about, text }));
const dueOf = async (world: World, id = 'i1') => (await world.ports.views.get(id))?.dueAtMs;

/** Cells of these names fail; a page is answered. */
const failing =
  (...names: string[]) =>
  (input: CellInput): CellResult =>
    names.includes(input.step.cell) && !isPage(input) ? failed : { status: 'completed', output: '{}' };

const begin = async (
  notify: Notify,
  cells: Partial<Cell>[] = [{ name: 'a' }, { name: 'b' }],
  over: Partial<Runbook> = {},
  wrap?: (client: StoreClient) => StoreClient,
) => {
  const world = setup(wrap);
  await world.start(runbookOf(cells, { notify, ...over }));
  return world;
};

describe('a run that halts', () => {
  test('tells once, under a key of its own, and is not due any more', async () => {
    const world = await begin(pager);
    world.behave = failing('a');
    expect((await world.engine.advance('i1', request)).stop).toMatchObject({ result: 'halted', seq: 1 });
    await world.engine.advance('i1', request);
    await world.engine.advance('i1', byItself);
    expect(pagesOf(world)).toEqual(['i1/1/halt']);
    expect(await notesOf(world)).toEqual([{ about: 1, text: 'by POST to pager.example.com' }]);
    expect(await dueOf(world)).toBeNull();
  });

  test('without `notify` tells nobody', async () => {
    const world = setup();
    await world.start(runbookOf([{ name: 'a' }]));
    world.behave = failing('a');
    await world.engine.advance('i1', request);
    expect([pagesOf(world), await notesOf(world), await dueOf(world)]).toEqual([[], [], null]);
  });

  test('and can tell nobody stays due, ever more rarely, until somebody was told', async () => {
    const world = await begin(pager);
    world.behave = () => failed;
    await world.engine.advance('i1', request);
    const first = await dueOf(world);
    expect(first).toBe(world.now + 15_000);
    world.now += 60_000;
    await world.engine.advance('i1', byItself);
    expect(await dueOf(world)).toBe(world.now + 60_000);
    expect(world.events.filter(({ kind }) => kind === 'notify.failed')).toHaveLength(2);
    world.behave = failing('a');
    world.now += 60_000;
    await world.engine.advance('i1', byItself);
    expect(pagesOf(world)).toEqual(['i1/1/halt', 'i1/1/halt', 'i1/1/halt']);
    expect([await notesOf(world), await dueOf(world)]).toMatchObject([[{ about: 1 }], null]);
  });

  test('and dies before the note is written tells once more, under the same key', async () => {
    let isAway = true;
    const world = await begin(pager, [{ name: 'a' }], {}, (client) => {
      const send = async (command: Command): Promise<unknown> => {
        const text = JSON.stringify(command);
        if (isAway && text.includes('"told"')) throw new Error('gone');
        return await client.send(command as never);
      };
      return { send } as unknown as StoreClient;
    });
    world.behave = failing('a');
    await world.engine.advance('i1', request);
    expect([pagesOf(world), await notesOf(world)]).toEqual([['i1/1/halt'], []]);
    expect(await dueOf(world)).not.toBeNull();
    isAway = false;
    await world.engine.advance('i1', byItself);
    await world.engine.advance('i1', byItself);
    expect([pagesOf(world), await dueOf(world)]).toEqual([['i1/1/halt', 'i1/1/halt'], null]);
  });

  test('again, after a retry, tells again under the key of that step', async () => {
    const world = await begin(pager);
    world.behave = failing('a');
    await world.engine.advance('i1', request);
    await world.engine.verdict('i1', { seq: 1, verdict: 'retry', reason: 'once more', by: alice });
    await world.engine.advance('i1', request);
    expect(pagesOf(world)).toEqual(['i1/1/halt', 'i1/4/halt']);
  });

  test('in a cell of its end tells as well', async () => {
    const world = await begin(pager, [{ name: 'a' }, { name: 'b' }, { name: 'undo_a', cleanup: { undo: 'a' } }], {
      onFailure: 'undo',
    });
    world.behave = failing('b', 'undo_a');
    expect((await world.engine.advance('i1', request)).stop).toMatchObject({ result: 'halted', cell: 'undo_a' });
    expect(pagesOf(world)).toEqual(['i1/5/halt']);
  });

  test('that is held by a release tells nobody: no step needs a person', async () => {
    const world = await begin(pager);
    const { createEngine } = await import('../../src/engine/index.ts');
    const later = createEngine({ ...world.ports, deployment: { ...world.ports.deployment, epoch: 1 } });
    expect((await later.advance('i1', request)).stop).toMatchObject({ result: 'halted', why: 'epoch' });
    expect(pagesOf(world)).toEqual([]);
  });

  test('by an element of a section tells of the element, and its parent tells nothing', async () => {
    const world = setup();
    const section = nodes({ over: { source: '["n1","n2"]', line: 1 }, stopAfter: 2 }, [{ name: 'a' }]);
    await world.start(runbookOf([section], { notify: pages }));
    world.behave = ({ step }) => (step.instanceId.endsWith('.0') ? failed : { status: 'completed', output: '{}' });
    await world.engine.advance('i1', request);
    const claim = await world.engine.claim('pages/oncall');
    expect(JSON.parse(claim.evidence ?? '')).toMatchObject({
      key: 'i1~nodes.0/1/halt',
      instanceId: 'i1~nodes.0',
      item: 'n1',
    });
    expect(await notesOf(world, 'i1')).toEqual([]);
    expect(await notesOf(world, 'i1~nodes.0')).toHaveLength(1);
  });
});

describe('a run that another begins', () => {
  test('tells by the runbook of the run around it, where its own says nothing', async () => {
    const deploy = other([{ name: 'push' }], {}, ['image']);
    const cell = running(deploy, { params: { image: json('params.image') } });
    const claim = ['pages/', { expression: 'team', write: 'text' as const }];
    const world = await beginRun([deploy], [cell], {
      params: { image: 'a:1', team: 'db' },
      notify: { line: 3, kind: 'claim', claim },
    });
    world.behave = () => failed;
    await world.engine.advance('p', request);
    const { evidence } = await world.engine.claim('pages/db');
    expect(JSON.parse(evidence ?? '')).toMatchObject({ key: 'p~ship.0/1/halt', cell: 'push', item: 'deploy' });
  });

  test('names the element in whose section a run of another runbook halts', async () => {
    const deploy = other([{ name: 'push' }]);
    const world = await beginRun([deploy], [nodes({}, [running(deploy)])], {
      params: { nodes: ['n1'] },
      notify: pages,
    });
    world.behave = failing('push');
    await world.engine.advance('p', request);
    const { evidence } = await world.engine.claim('pages/oncall');
    expect(JSON.parse(evidence ?? '')).toMatchObject({ key: 'p~nodes.0~ship.0/1/halt', cell: 'push', item: 'n1' });
  });
});

describe('a step in doubt', () => {
  const vanish = async (world: World): Promise<void> => {
    world.behave = () => ({ status: 'unknown', error: { code: 'http.noAnswer', message: 'no answer' } });
    await world.engine.advance('i1', request);
  };

  test('that its policy holds tells of it', async () => {
    const world = await begin(pages);
    await vanish(world);
    const claim = await world.engine.claim('pages/oncall');
    expect(JSON.parse(claim.evidence ?? '')).toMatchObject({ status: 'in_doubt', code: 'step.inDoubt', seq: 1 });
  });

  test('that its policy settles tells nobody', async () => {
    const world = await begin(pager, [{ name: 'a', interrupted: 'continue' }]);
    await vanish(world);
    expect((await world.engine.advance('i1', byItself)).result).toBe('completed');
    expect(pagesOf(world)).toEqual([]);
  });
});

describe('by a claim', () => {
  test('sets it, wakes who waits for it, and says what a person has to know', async () => {
    const world = await begin(pages);
    await world.engine.publish(
      JSON.stringify(
        runbookOf([{ name: 'w', body: awaiting(['pages/oncall'], { until: ['asserted'] }) }], { runbookId: 'pager' }),
      ),
      alice,
    );
    await world.engine.start({ runbookId: 'pager', params: {}, instanceId: 'w1', by: alice });
    await world.engine.advance('w1', request);
    world.behave = failing('a');
    await world.engine.advance('i1', request);
    const claim = await world.engine.claim('pages/oncall');
    expect(claim).toMatchObject({ revision: 1, status: 'asserted', statement: 'i1 is halted at a: it said no' });
    expect(JSON.parse(claim.evidence ?? '')).toEqual({
      key: 'i1/1/halt',
      instanceId: 'i1',
      seq: 1,
      cell: 'a',
      status: 'halted',
      item: null,
      code: 'cell.exit',
      message: 'it said no',
      url: null,
    });
    expect(world.wakes.map(({ instanceId }) => instanceId)).toContain('w1');
  });

  test('that was settled opens it again', async () => {
    const world = await begin(pages);
    await world.engine.setClaim('pages/oncall', { status: 'invalidated', reason: 'all well', by: alice });
    world.behave = failing('a');
    await world.engine.advance('i1', request);
    expect(await world.engine.claim('pages/oncall')).toMatchObject({ revision: 2, status: 'asserted' });
  });

  test('whose id cannot be is told to the operators, and fails nothing', async () => {
    const world = await begin({ line: 3, kind: 'claim', claim: ['no id'] });
    world.behave = failing('a');
    expect((await world.engine.advance('i1', request)).result).toBe('halted');
    expect(world.events.filter(({ kind }) => kind === 'notify.failed')).toMatchObject([
      { instanceId: 'i1', seq: 1, cell: 'a', cause: { code: 'request.invalid' } },
    ]);
    expect(await dueOf(world)).not.toBeNull();
  });
});

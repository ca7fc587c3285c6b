/** Sections that may be passed over: what is judged, what is recorded, and where a run goes on. */
import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { createEngine, limits } from '../../src/engine/index.ts';
import { alice, bob, setup, type World } from './world.ts';

const front = '---\nrunbook: demo\nparams:\n  env: { type: string, default: test }\n---\n';
const cell = (name: string, more = ''): string => `\`\`\`js { name=${name} ${more} }\nexport default () => 1\n\`\`\`\n`;
const prod = `{ when="params.env == 'prod'" }`;

type Run = World & { go(): Promise<string>; ran(): string[]; states(): Promise<Record<string, string>> };
const begin = async (parts: string[], params: Record<string, unknown> = {}): Promise<Run> => {
  const world = setup();
  const engine = createEngine({ ...world.ports, authoring });
  const published = await engine.publish(`${front}${parts.join('\n')}\n`, alice);
  expect(published).toMatchObject({ version: 1 });
  await engine.start({ runbookId: 'demo', params, instanceId: 'i1', by: alice });
  const go = async () => (await engine.advance('i1', { budgetMs: 600_000, maxCells: 1_000, by: alice })).result;
  const ran = () => world.begun.map(({ step }) => step.cell);
  const states = async () => {
    const { cells } = await engine.inspect('i1', alice);
    return Object.fromEntries(cells.map(({ name, state }) => [name, state]));
  };
  return Object.assign(world, { engine, go, ran, states });
};
const both = [
  cell('a'),
  `## Prod ${prod}`,
  cell('b'),
  cell('c'),
  '## Otherwise { else }',
  cell('d'),
  '## After',
  cell('e'),
];

describe('a branch', () => {
  test('whose `when` is false is passed over by one entry, and its else is gone through', async () => {
    const run = await begin(both);
    expect(await run.go()).toBe('completed');
    expect(run.ran()).toEqual(['a', 'd', 'e']);
    expect(await run.states()).toEqual({
      a: 'completed',
      prod: 'skipped',
      b: 'skipped',
      c: 'skipped',
      otherwise: 'completed',
      d: 'completed',
      e: 'completed',
    });
    const entries = await run.entries('i1');
    const judged = entries.filter((entry) => entry.kind === 'outcome' && ['prod', 'otherwise'].includes(entry.cell));
    expect(judged).toMatchObject([
      { cell: 'prod', status: 'skipped', passes: 2, state: { next: 4, counters: { skipped: 3 } } },
      { cell: 'otherwise', status: 'completed', state: { next: 5 } },
    ]);
    expect(await run.engine.verify('i1')).toMatchObject({ intact: true });
  });

  test('whose `when` is true is gone through, and its else passed over', async () => {
    const run = await begin(both, { env: 'prod' });
    expect(await run.go()).toBe('completed');
    expect(run.ran()).toEqual(['a', 'b', 'c', 'e']);
    expect((await run.states()).d).toBe('skipped');
  });

  test('inside of one that is passed over is not judged, nor is its else gone through', async () => {
    const run = await begin([
      `## Outer ${prod}`,
      `### Inner { when="1 == 2" }`,
      cell('a'),
      '### Not inner { else }',
      cell('b'),
      '## Not outer { else }',
      cell('c'),
    ]);
    expect(await run.go()).toBe('completed');
    expect(run.ran()).toEqual(['c']);
  });

  test('of as many cells as there may be is passed over by one entry, and told whole', async () => {
    const many = Array.from({ length: limits.cellsPerRunbookMax - 3 }, (_, at) => cell(`m${at}`));
    const run = await begin([`## Prod ${prod}`, ...many, '## Otherwise { else }', cell('z')]);
    expect(await run.go()).toBe('completed');
    expect(run.ran()).toEqual(['z']);
    const entries = await run.entries('i1');
    expect(entries.map(({ kind }) => kind)).toEqual(['started', 'outcome', 'outcome', 'reserved', 'outcome']);
    expect(entries[1]).toMatchObject({ passes: 497, state: { next: 498, counters: { skipped: 498 } } });
    expect(Object.values(await run.states()).filter((state) => state === 'skipped')).toHaveLength(498);
    expect(await run.engine.verify('i1')).toMatchObject({ intact: true });
    const only = await begin([`## Prod ${prod}`, ...many, cell('n0'), cell('n1')]);
    expect(await only.go()).toBe('completed');
    expect((await only.entries('i1')).at(-1)).toMatchObject({ kind: 'outcome', passes: 499, state: { next: 500 } });
  });

  test('at the end of a runbook ends the run when it is passed over', async () => {
    const run = await begin([`## Prod ${prod}`, cell('a'), cell('b')]);
    expect(await run.go()).toBe('completed');
    expect(run.ran()).toEqual([]);
    expect(await run.entries('i1')).toHaveLength(2);
  });

  test('that cannot be judged halts; skipped by a person its section is passed over, and so is its else', async () => {
    const run = await begin([
      cell('a'),
      '## Odd { when="dyn(outputs.a).x == 1" }',
      cell('b'),
      '## Otherwise { else }',
      cell('c'),
      '## After { when="cells.odd.state == \'failed\'" }',
      cell('d'),
    ]);
    expect(await run.go()).toBe('halted');
    const { halted } = (await run.entries('i1')).at(-1)?.state ?? {};
    expect(halted).toMatchObject({ cell: 'odd', doubt: false });
    await run.engine.verdict('i1', { seq: halted?.seq ?? 0, verdict: 'skip', reason: 'not here', by: bob });
    expect(await run.go()).toBe('completed');
    expect(run.ran()).toEqual(['a', 'd']);
  });

  test('that cannot be judged is gone into where a person says that it holds', async () => {
    const run = await begin([
      cell('a'),
      '## B { when="dyn(outputs.a).x == 1" }',
      cell('b'),
      '## C { else }',
      cell('c'),
    ]);
    expect(await run.go()).toBe('halted');
    const { halted } = (await run.entries('i1')).at(-1)?.state ?? {};
    await run.engine.verdict('i1', { seq: halted?.seq ?? 0, verdict: 'succeeded', reason: 'it does', by: bob });
    expect(await run.go()).toBe('completed');
    expect(run.ran()).toEqual(['a', 'b']);
  });

  test('has one entry, and no reservation, whoever comes by', async () => {
    const run = await begin(both);
    await Promise.all(
      [1, 2, 3, 4].map(() =>
        run.engine.advance('i1', { budgetMs: 600_000, maxCells: 1_000, by: bob }).catch(() => null),
      ),
    );
    await run.go();
    expect(run.ran()).toEqual(['a', 'd', 'e']);
  });
});

describe('outputs', () => {
  test.each([1, 31, 32, 33, 64, 70, 130])(
    'are found behind a section of %i cells that was passed over',
    async (count) => {
      const many = Array.from({ length: count }, (_, at) => cell(`m${at}`));
      const last = '```js { name=last }\nexport default ({ outputs }) => outputs\n```\n';
      for (const before of [0, 5, 31, 32, 33]) {
        const first = Array.from({ length: before }, (_, at) => cell(`f${at}`));
        const run = await begin([
          cell('a'),
          ...first,
          `## Prod ${prod}`,
          ...many,
          '## After',
          cell('z'),
          ...[0, 1, 2].map((at) => cell(`y${at}`)),
          last,
        ]);
        run.behave = ({ step }) => ({ status: 'completed', output: JSON.stringify(step.cell) });
        expect(await run.go()).toBe('completed');
        const seen = run.begun.at(-1)?.outputs;
        expect(Object.keys(seen ?? {})).toEqual(['a', ...first.map((_, at) => `f${at}`), 'z', 'y0', 'y1', 'y2']);
        expect(run.begun.at(-1)?.outputs.z).toBeDefined();
        const state = (await run.entries('i1')).at(-1)?.state;
        expect(JSON.stringify(state).length).toBeLessThan(1_024);
        expect(state?.satisfied.chunks.length).toBe(Math.floor((before + count + 6) / limits.satisfiedChunk));
      }
    },
  );
});

describe('how a cell ended', () => {
  const asks = (of: string) => `\`\`\`manual { name=show }\nIt is {{ cells.${of}.state }}.\n\`\`\`\n`;
  const told = async (run: Run): Promise<string | null | undefined> => {
    await run.go();
    const { waits } = await run.engine.inspect('i1', alice);
    return waits?.kind === 'manual' ? waits.instructions : undefined;
  };

  test.each<[string, string, World['behave'], string]>([
    ['completed', cell('x'), () => ({ status: 'completed' }), 'completed'],
    ['failed and forgiven', cell('x', 'optional'), () => ({ status: 'failed' }), 'forgiven'],
    [
      'not as expected and forgiven',
      `${cell('x', 'optional')}\`\`\`cel { expect=x }\noutput == 2\n\`\`\`\n`,
      () => ({ status: 'completed', output: '1' }),
      'unexpected',
    ],
    [
      'failed as expected',
      `${cell('x')}\`\`\`cel { expect=x }\nstatus == 'failed'\n\`\`\`\n`,
      () => ({ status: 'failed' }),
      'failed',
    ],
    ['unknown, and its policy went on', cell('x', 'interrupted=continue'), () => ({ status: 'unknown' }), 'unknown'],
    ['skipped', cell('x', 'when="1 == 2"'), () => ({ status: 'completed' }), 'skipped'],
  ])('%s', async (_, x, behave, state) => {
    const run = await begin([x, asks('x')]);
    run.behave = behave;
    expect(await told(run)).toBe(`It is ${state}.`);
  });

  test('timed out, and the run went on', async () => {
    const x = '```await { name=x timeout=10s onTimeout=continue }\nclaim: ready\nuntil: supported\n```\n';
    const run = await begin([x, asks('x')]);
    expect(await told(run)).toBeUndefined();
    run.now += 10_000;
    expect(await told(run)).toBe('It is timed_out.');
  });

  test('passed over with its section', async () => {
    const run = await begin([`## Prod ${prod}`, cell('x'), '## After', asks('x')]);
    expect(await told(run)).toBe('It is skipped.');
  });

  test('stands in what approvers see, under the hash', async () => {
    const question = '```approve { name=ask approvers=bob }\nShip? It is {{ cells.x.state }}.\n```\n';
    const run = await begin([cell('x', 'when="1 == 2"'), question]);
    await run.go();
    const { waits } = await run.engine.inspect('i1', alice);
    expect(waits?.kind === 'approve' ? waits.shown : null).toMatchObject({
      states: { x: 'skipped' },
      text: 'Ship? It is skipped.',
    });
  });
});

describe('a continuation', () => {
  test('knows how cells ended that it cites, and judges an else by it', async () => {
    const run = await begin([cell('a'), `## Prod ${prod}`, cell('b'), '## Otherwise { else }', cell('c'), cell('d')]);
    run.behave = ({ step }) => ({ status: step.cell === 'c' ? 'failed' : 'completed' });
    expect(await run.go()).toBe('halted');
    const continues = { instanceId: 'i1', at: 'otherwise', reason: 'mended' };
    const again = await run.engine.start({ runbookId: 'demo', params: {}, continues, by: bob });
    const [first] = await run.entries(again.view.instanceId);
    expect(first).toMatchObject({ continues: { at: 'otherwise', states: { prod: 'skipped', b: 'skipped' } } });
    run.behave = () => ({ status: 'completed' });
    const request = { budgetMs: 600_000, maxCells: 10, by: alice };
    expect((await run.engine.advance(again.view.instanceId, request)).result).toBe('completed');
    expect(run.ran()).toEqual(['a', 'c', 'c', 'd']);
  });

  test('does not begin in a section that was passed over', async () => {
    const run = await begin([`## Prod ${prod}`, cell('a'), cell('b'), '## After', cell('c')]);
    run.behave = () => ({ status: 'failed' });
    expect(await run.go()).toBe('halted');
    const start = (at: string) =>
      run.engine.start({
        runbookId: 'demo',
        params: {},
        continues: { instanceId: 'i1', at, reason: 'mended' },
        by: bob,
      });
    await expect(start('b')).rejects.toMatchObject({
      code: 'continue.refused',
      message:
        'Cell b stands in the section prod, which i1 passed over: continue at prod, where that is judged anew, or after its section.',
    });
  });
});

/** Sections with `parallel`: what stands directly under one is gone through side by side. */
import { describe, expect, test } from 'vitest';
import { allCells, type Cell } from '../../src/engine/index.ts';
import { compiling } from './compiling.ts';

const front = '---\nrunbook: demo\nparams: { env: { type: string } }\n---\n';
const { runbookOf, told } = compiling((parts) => front + parts.map((part) => `${part}\n`).join(''));
const cell = (name: string): string => `\`\`\`js { name=${name} }\nexport default () => ({ n: 1 });\n\`\`\`\n`;
const shows = (name: string, text: string): string => `\`\`\`manual { name=${name} }\n${text}\n\`\`\`\n`;
const both = '## Both regions { name=regions parallel }';
const eu = '### Europe { name=eu }';
const us = '### America { name=us }';
/** The parts of a cell: their names, and the names of their cells with their numbers. */
const partsIn = (one: Cell | undefined) => {
  if (one?.body.kind !== 'each') throw new Error('It is no section.');
  return one.body.parts?.map(({ name, cells }) => [name, cells.map((inner) => `${inner.index} ${inner.name}`)]);
};

describe('a section with parallel', () => {
  test('is one cell, and the cells of each part stand in that, numbered from 0', () => {
    const runbook = runbookOf(cell('before'), both, eu, cell('a'), cell('b'), us, cell('c'), '## After', cell('after'));
    expect(runbook.cells.map(({ name, index }) => `${index} ${name}`)).toEqual(['0 before', '1 regions', '2 after']);
    expect(partsIn(runbook.cells[1])).toEqual([
      ['eu', ['0 a', '1 b']],
      ['us', ['0 c']],
    ]);
    expect(allCells(runbook.cells).map(({ name }) => name)).toEqual(['before', 'regions', 'a', 'b', 'c', 'after']);
  });

  test('goes over the names of its parts, all at once unless it says how many', () => {
    const [one] = runbookOf(both, eu, cell('a'), us, cell('b')).cells;
    expect(one?.body).toMatchObject({
      as: 'item',
      max: { percent: 100 },
      stopAfter: 1,
      over: { source: '["eu","us"]' },
    });
    const heading = '## Both { name=regions parallel as=region max=1 stopAfter=2 onFailure=end }';
    const [other] = runbookOf(heading, eu, cell('a'), us, shows('b', '{{ region }} {{ index }}')).cells;
    expect(other?.body).toMatchObject({ as: 'region', max: { count: 1 }, stopAfter: 2, onFailure: 'end' });
  });

  test('has branches and sections of its own in a part, each with its own numbers, and headings without braces', () => {
    const runbook = runbookOf(
      '# Outer { when="params.env == \'prod\'" }',
      both,
      eu,
      '#### Only then { when="params.env == item" }',
      cell('a'),
      '#### Disks { name=disks each="[1, 2]" as=disk }',
      shows('b', '{{ item }} {{ disk }}'),
      us,
      '#### As the text says',
      cell('c'),
      '## Last',
      cell('last'),
    );
    expect(runbook.cells[0]?.body).toEqual({ kind: 'branch', cells: 2 });
    expect(partsIn(runbook.cells[1])).toEqual([
      ['eu', ['0 only_then', '1 a', '2 disks']],
      ['us', ['0 c']],
    ]);
  });

  test('stands in itself and in a section with each, and a part is no level of nesting', () => {
    const runbook = runbookOf(
      '# A { name=a each="[1]" as=one }',
      '## B { name=b parallel as=two }',
      '### C { name=c }',
      '#### D { name=d parallel }',
      '##### E { name=e }',
      '###### F { name=f when="item == two" }',
      cell('x'),
      '##### G { name=g }',
      cell('y'),
      '### H { name=h }',
      cell('z'),
    );
    expect(allCells(runbook.cells).map(({ name }) => name)).toEqual(['a', 'b', 'd', 'f', 'x', 'y', 'z']);
  });

  test('a part says by `output=` what the output of the section says of it', () => {
    const [one] = runbookOf(
      both,
      '### Europe { name=eu output="outputs.a.n + index" }',
      cell('a'),
      us,
      cell('b'),
    ).cells;
    const parts = one?.body.kind === 'each' ? one.body.parts : [];
    expect(parts?.map(({ output }) => output?.source ?? null)).toEqual(['outputs.a.n + index', null]);
  });

  test('has expectations over its output, and is asked how it ended', () => {
    const expects = '```cel { expect=regions }\noutput.exists(one, one.status == "completed")\n```';
    const ended = "```assert { name=both }\ncells.regions.state == 'completed' && size(outputs.regions) == 2\n```";
    const runbook = runbookOf(both, eu, cell('a'), us, cell('b'), expects, '## After', ended);
    expect(runbook.cells[0]?.expect).toHaveLength(1);
    expect(runbook.cells[1]).toMatchObject({ states: ['regions'], reads: ['regions'] });
  });

  test('the names of parts may be those of cells, and those of parts of another section', () => {
    const other = ['## Again { name=again parallel }', eu, cell('c'), us, cell('d')];
    expect(told(cell('eu'), both, eu, cell('a'), us, cell('b'), ...other)).toEqual([]);
  });

  test('parts are no cells: as many cells as there may be stand in more sections', () => {
    const unit = (n: number): string[] => [
      '# Halves { parallel }',
      ...[1, 2].flatMap((half) => [
        `## Half { name=half_${half} }`,
        '### Quarters { parallel as=quarter }',
        ...[1, 2].flatMap((quarter) => [`#### Quarter { name=quarter_${quarter} }`, cell(`c_${n}_${half}_${quarter}`)]),
      ]),
    ];
    const runbook = runbookOf(...Array.from({ length: 70 }, (_, n) => unit(n)).flat());
    expect(runbook.cells).toHaveLength(70);
    expect(allCells(runbook.cells)).toHaveLength(490);
  });

  test.each<[string, string[], string[]]>([
    [
      'a cell of the part beside it, earlier or later',
      [both, eu, shows('a', '{{ outputs.b }}'), us, cell('b'), shows('c', '{{ outputs.a }}')],
      [
        '8:12 cell `b` is gone through in part `us` of section `regions`; this one is beside it, and its parts read nothing of each other',
        '17:12 cell `a` is gone through in part `eu` of section `regions`; this one is beside it, and its parts read nothing of each other',
      ],
    ],
    [
      'how a cell of the part beside it ended',
      [both, eu, cell('a'), us, shows('b', '{{ cells.a.state }}')],
      [
        '13:10 cell `a` ends in part `eu` of section `regions`; this one is beside it, and its parts ask nothing of each other',
      ],
    ],
    [
      'an output of it, outside',
      [both, eu, cell('a'), us, cell('b'), '## After', shows('c', '{{ outputs.a }}')],
      [
        '18:12 cell `a` is gone through in part `eu` of section `regions`; outside of it only `outputs.regions` can be read',
      ],
    ],
    [
      'how a cell of it ended, outside',
      [both, eu, cell('a'), us, cell('b'), '## After', shows('c', '{{ cells.a.state }}')],
      ['18:10 cell `a` ends in part `eu` of section `regions`; outside of it ask `cells.regions.state`'],
    ],
    [
      'an output of another part, in what is said of one',
      [both, '### Europe { name=eu output="outputs.b" }', cell('a'), us, cell('b')],
      [
        '6:38 cell `b` is gone through in part `us` of section `regions`; this one is beside it, and its parts read nothing of each other',
      ],
    ],
    [
      'a cell in none of its parts',
      [both, cell('x'), eu, cell('a'), us, cell('b')],
      [
        '6:1 a `parallel` section has its cells in the sections directly under it: move this one below a heading like `### Europe { name=eu }`',
      ],
    ],
    [
      'a part alone',
      [both, eu, cell('a')],
      [
        '5:1 a `parallel` section has two parts or more directly under it, like `### Europe { name=eu }`; this one has one',
      ],
    ],
    [
      'none at all',
      [both, '### Europe', cell('a')],
      [
        '5:1 a `parallel` section has two parts or more directly under it, like `### Europe { name=eu }`; this one has none',
      ],
    ],
    [
      'a part without a cell',
      [both, eu, cell('a'), us],
      ['11:1 this section has no cell: it reaches to the next heading of its level or a higher one'],
    ],
    [
      'a part without a name',
      [both, eu, cell('a'), '### America { output="index" }', cell('b')],
      ['11:13 a section directly under `parallel` needs a name of its own: `{ name=eu }`, say'],
    ],
    [
      'a part of the same name',
      [both, eu, cell('a'), '### Europe { name=EU }', cell('b')],
      ['11:19 the part in line 6 is called `eu`; give this one another name'],
    ],
    [
      'a section of another kind directly under it',
      [both, eu, cell('a'), us, cell('b'), '### Then { when="true" }', cell('c')],
      [
        '16:12 a section directly under `parallel` is one of its parts and has a `name`, not `when`; put a section with `when` inside of it',
      ],
    ],
    [
      "words that are no part's",
      [both, '### Europe { name=eu max=2 }', cell('a'), us, cell('b')],
      ['6:22 unknown attribute `max` for parts of a `parallel` section; known here: name, output'],
    ],
    [
      'an output of all parts',
      ['## Both { name=regions parallel output="index" }', eu, cell('a'), us, cell('b')],
      [
        '5:33 each part of a `parallel` section has cells of its own: write `output=` on the headings directly under it',
      ],
    ],
    [
      'a value',
      ['## Both { name=regions parallel=2 }', eu, cell('a'), us, cell('b')],
      ['5:33 `parallel` has no value, so not `2`; write `{ name=… parallel }`'],
    ],
    [
      'a list as well',
      ['## Both { name=regions each="[1]" parallel }', cell('a')],
      ['5:9 `each` and `parallel` exclude each other: one of them belongs to a section of its own'],
    ],
    [
      'braces with a name alone anywhere else',
      ['## A { name=a }', cell('a')],
      [
        '5:6 braces at the end of a heading make it a section: it needs `when="…"`, `else`, `each="…"`, `parallel` or `on=…`; `{#id}` is left alone',
      ],
    ],
  ])('refused is %s', (_, parts, messages) => {
    expect(told(...parts)).toEqual(messages);
  });
});

/** `run` cells: another published runbook, its version pinned when the document is published. */
import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { allCells, type Pinned, type Pins } from '../../src/engine/index.ts';
import { compiling } from './compiling.ts';

const fence = (info: string, body: string): string => `\`\`\`${info}\n${body}\n\`\`\`\n`;
const document = (runbookId: string, ...parts: string[]): string =>
  `---\nrunbook: ${runbookId}\nparams: { dbs: { type: array } }\n---\n${parts.join('\n')}`;

const restoreParams = `params:
  name: { type: string }
  hours: { type: integer, default: 1 }
  deep: { type: object, default: {} }`;
const child = (runbookId: string, version: number, hash: string, body: string, params = restoreParams): void => {
  const compiled = authoring.compile(`---\nrunbook: ${runbookId}\n${params}\n---\n${body}`, pins);
  if (compiled.kind === 'problems') throw new Error(JSON.stringify(compiled.problems));
  published.push({ runbookId, version, runHash: hash.repeat(64), runbook: compiled.runbook });
};
const put = fence('js { name=check }', 'export default () => ({ rows: 1 });');
const published: Pinned[] = [];
const pins: Pins = ({ runbookId, version }) =>
  published.findLast((one) => one.runbookId === runbookId && (version ?? one.version) === one.version) ?? null;
child('restore_db', 2, 'a', put);
child('restore_db', 3, 'b', `${put}${fence('js { name=maybe when="params.hours > 2" }', 'export default () => 1;')}`);
child('switch', 1, 'c', `${put}${fence('sh { undo=check }', 'true')}`);
child('deep', 1, 'd', `## A { when="true" }\n### B { name=b each="[1]" as=one }\n${put}`);
child('deeper', 1, 'e', fence('run { name=in_it }', 'runbook: deep@1\nparams: { name: x }'));

const { runbookOf, told } = compiling((parts) => document('demo', ...parts), pins);
const run = (info: string, body: string): string => fence(`run { name=restore ${info} }`, body);

describe('a run cell', () => {
  test('runs a version, with parameters that are JSON', () => {
    const [cell] = runbookOf(
      run('', 'runbook: restore_db@2\nparams:\n  name: "the {{ params.dbs }}"\n  hours: 4'),
    ).cells;
    expect(cell?.body).toEqual({
      kind: 'run',
      over: { source: '["restore_db"]', line: 5 },
      as: 'runbook',
      max: { count: 1 },
      stopAfter: 1,
      pin: { runbookId: 'restore_db', version: 2, runHash: 'a'.repeat(64) },
      params: { name: ['"the ', { expression: 'params.dbs', write: 'jsonString' }, '"'], hours: ['4'] },
      output: null,
    });
  });

  test('without a version runs the newest of when it is published', () => {
    const [cell] = runbookOf(run('', 'runbook: restore_db\nparams: { name: x }')).cells;
    expect(cell?.body).toMatchObject({ pin: { version: 3, runHash: 'b'.repeat(64) } });
  });

  test('waits for a lock as long as a parameter says', () => {
    const [cell] = runbookOf(run('within="{{ params.dbs[0] }}"', 'runbook: restore_db@2\nparams: { name: x }')).cells;
    if (cell?.body.kind !== 'run') throw new Error('It runs nothing.');
    const { withinMs = null } = cell.body;
    expect(withinMs).toEqual([{ expression: 'params.dbs[0]', write: 'text' }]);
    const lasts = (given: string) =>
      authoring.lasts(withinMs ?? 0, { params: { dbs: [given] }, outputs: {}, step: {} });
    expect(lasts('4h')).toEqual({ kind: 'ms', ms: 14_400_000 });
    expect(lasts('soon')).toMatchObject({
      kind: 'error',
      message: expect.stringContaining('`soon` is not a duration'),
    });
    const unknown = told(run('within="{{ params.no }}"', 'runbook: restore_db@2\nparams: { name: x }'));
    expect(unknown).toEqual([expect.stringContaining('there is no parameter `no`')]);
  });

  test('goes over a list, each run with its own parameters', () => {
    const info = 'each="params.dbs" as=db max=2 stopAfter=3 within=30m output="outputs.check.rows + params.hours"';
    const [cell] = runbookOf(
      run(info, 'runbook: restore_db@3\nparams:\n  name: "{{ db.name }}"\n  hours: {{ index }}'),
    ).cells;
    expect(cell).toMatchObject({ interrupted: 'hold', retryMax: null, reads: [] });
    expect(cell?.body).toMatchObject({
      over: { source: 'params.dbs', line: 5 },
      as: 'db',
      max: { count: 2 },
      stopAfter: 3,
      withinMs: 1_800_000,
      params: {
        name: ['"', { expression: 'db.name', write: 'jsonString' }, '"'],
        hours: [{ expression: 'index', write: 'json' }],
      },
      output: { source: 'outputs.check.rows + params.hours', line: 5 },
    });
  });

  test('reads earlier outputs in its list and its parameters, and has expectations and an output', () => {
    const runbook = runbookOf(
      fence('js { name=found }', 'export default () => [];'),
      fence('js { name=word }', "export default () => 'x';"),
      run(
        'when="params.dbs != []" each="outputs.found"',
        'runbook: restore_db@2\nparams: { name: "{{ outputs.word }}" }',
      ),
      fence('cel { expect=restore }', 'output.all(one, one.status == "completed")'),
      fence('manual { name=look when="has(outputs.restore)" }', '{{ outputs.restore }}'),
    );
    expect(runbook.cells[2]).toMatchObject({ reads: ['found', 'word'], when: { source: 'params.dbs != []' } });
    expect(runbook.cells[2]?.expect.map(({ source }) => source)).toEqual([
      'output.all(one, one.status == "completed")',
    ]);
  });

  test('knows the elements of the sections around it, and its own element is called otherwise', () => {
    const runbook = runbookOf(
      '## Each { name=each_host each="params.dbs" as=runbook }',
      run('', 'runbook: restore_db@2\nparams: { name: "{{ runbook }}" }'),
    );
    expect(allCells(runbook.cells)[1]?.body).toMatchObject({ as: 'runbook_0' });
    const same = run('each="[1]" as=one', 'runbook: restore_db@2\nparams: { name: x }');
    expect(told('## Each { name=hosts each="params.dbs" as=one }', same)).toEqual([
      '6:34 the element of the section around it is called `one` too; give this one another name with `as=`',
    ]);
  });
});

test('a list of nothing but the runbook itself is what a run without a list has', () => {
  expect(told(run('each="[\\"restore_db\\"]" as=one', 'runbook: restore_db@2\nparams: { name: x }'))).toEqual([
    '5:29 a list of nothing but the runbook itself is what a `run` without `each` has: leave `each` out',
  ]);
});

describe('what a run names', () => {
  const refused: [what: string, body: string, problem: string][] = [
    [
      'nothing',
      'params: { name: x }',
      '6:1 a `run` cell names a runbook, as in `runbook: restore_db`, or `runbook: restore_db@3`',
    ],
    [
      'a runbook that is not published',
      'runbook: nowhere',
      '6:10 the runbook `nowhere` is not published: publish that document first (`pawl publish nowhere.md`)',
    ],
    [
      'a version that is not there',
      'runbook: restore_db@9',
      '6:10 there is no version 9 of the runbook `restore_db`: publish it first, or name another one',
    ],
    [
      'what is no name',
      'runbook: restore_db@0',
      '6:10 `runbook` names a runbook, as in `runbook: restore_db`, or `runbook: restore_db@3`, not `restore_db@0`',
    ],
    [
      'what is filled in',
      'runbook: "{{ params.dbs }}"',
      '6:10 which runbook runs is settled at publishing, so nothing is filled in here: name it, as in `runbook: restore_db`, or `runbook: restore_db@3`',
    ],
    [
      'itself',
      'runbook: demo',
      '6:10 a runbook cannot run itself: each publishing would make another version; go over a list with `each`',
    ],
    [
      'something beside it',
      'runbook: restore_db@2\nparam: { name: x }\nparams: { name: x }',
      '7:1 unknown key `param` in a `run` cell; did you mean `params`?',
    ],
  ];
  test.each(refused)('%s', (_what, body, problem) => {
    expect(told(run('', body))).toEqual([problem]);
  });

  test('is listed before anything is compiled, each once', () => {
    const source = document(
      'demo',
      run('', 'runbook: restore_db@2'),
      fence('run { name=two }', 'runbook: switch # the newest\nparams: { name: {{ params.dbs }} }'),
      fence('run { name=three }', 'runbook: restore_db@2'),
      fence('run { name=four }', 'runbook: [not, a, name]'),
      fence('sh { name=five }', 'runbook: not_this'),
      fence('run', 'runbook: nor_this'),
    );
    expect(authoring.runsIn(source)).toEqual([{ runbookId: 'restore_db', version: 2 }, { runbookId: 'switch' }]);
    expect(authoring.runsIn('no runbook at all')).toEqual([]);
  });

  test('is a note where nobody looked, and its parameters are not', () => {
    const source = document('demo', run('output="outputs.x"', 'runbook: restore_db\nparams: { nobody: knows }'));
    expect(authoring.compile(source)).toMatchObject({
      kind: 'runbook',
      notes: [
        {
          line: 6,
          column: 10,
          message:
            '`restore_db` was not looked at, since there is no store here: publishing looks for its version, and whether its parameters fit',
        },
      ],
      runbook: { cells: [{ body: { pin: { runbookId: 'restore_db', version: 0, runHash: '' } } }] },
    });
    const broken = document('demo', run('output="outputs.x +"', 'runbook: restore_db'));
    expect(authoring.compile(broken)).toMatchObject({ kind: 'problems', problems: [{ line: 5 }] });
  });
});

describe('the parameters of a run', () => {
  const refused: [what: string, body: string, problem: string][] = [
    [
      'one that it does not have',
      'params: { name: x, hors: 1 }',
      '7:20 restore_db@3 has no parameter `hors`; did you mean `hours`?',
    ],
    ['none of what it needs', 'params: { hours: 1 }', '6:10 restore_db@3 needs `name`: write it under `params:`'],
    ['nothing at all', '', '6:10 restore_db@3 needs `name`: write it under `params:`'],
    ['another type', 'params: { name: x, hours: "1" }', '7:27 the parameter `hours` of restore_db@3: must be integer'],
    [
      'a text that something is filled into',
      'params: { name: x, hours: "{{ params.dbs }}" }',
      '7:27 the parameter `hours` of restore_db@3: must be integer',
    ],
    [
      'another list',
      'params: [1]',
      '7:9 `params` is a mapping from names to values, as in `params: { name: "{{ item }}" }`',
    ],
    [
      'what nothing is called',
      'params: { name: "{{ outputs.nothing }}" }',
      '7:29 there is no cell `nothing` whose output could be read',
    ],
  ];
  test.each(refused)('%s', (what, body, problem) => {
    const problems = told(run('', `runbook: restore_db@3\n${body}`));
    expect(what === 'another list' ? problems.slice(1) : problems).toEqual([problem]);
  });

  test('may be whatever is filled in whole, and values of which a part is', () => {
    expect(
      told(run('', 'runbook: restore_db@3\nparams: { name: {{ params.dbs[0] }}, deep: { a: {{ params.dbs }} } }')),
    ).toEqual([]);
  });
});

describe('the output of a run', () => {
  test.each([
    [
      'outputs.chek.rows',
      '5:39 in restore_db@3: there is no cell `chek` whose output could be read; did you mean `check`?',
    ],
    ['params.dbs', '5:38 in restore_db@3: there is no parameter `dbs`; declare it under `params:`'],
    [
      'outputs.maybe',
      '5:39 in restore_db@3: `outputs.maybe` may be absent: cell `maybe` (line 11) is skipped when its `when` is false; look first, as in `has(outputs.maybe) ? … : …`',
    ],
    ['item', '5:31 in restore_db@3: there is nothing called `item`; did you mean `step`?'],
  ])('%s is refused', (output, problem) => {
    expect(told(run(`output="${output}"`, 'runbook: restore_db@3\nparams: { name: x }'))).toEqual([problem]);
  });

  test('reads its cells, parameters and how cells ended', () => {
    const output = `outputs.check.rows + (cells.maybe.state == 'skipped' ? params.hours : 0)`;
    expect(told(run(`output="${output}"`, 'runbook: restore_db@3\nparams: { name: x }'))).toEqual([]);
  });
});

describe('what a run cell cannot have', () => {
  const body = 'runbook: restore_db@3\nparams: { name: x }';
  test.each([
    [
      'retry=2',
      '5:23 unknown attribute `retry` for `run` cells; known here: name, when, each, as, max, stopAfter, within, output',
    ],
    ['max=2', '5:23 `max` says how a list is gone through; it needs `each="…"`'],
    ['as=db', '5:23 `as` says how a list is gone through; it needs `each="…"`'],
    ['within=0s', '5:30 `within`: `0s` is too short; at least 1s'],
    ['onFailure=undo', '5:23 what becomes of a run that fails says the front matter of its own runbook (`onFailure:`)'],
  ])('%s', (info, problem) => {
    expect(told(run(info, body))).toEqual([problem]);
  });

  test('a probe, a schema, and an undo fence of its own', () => {
    expect(told(run('', body), fence('sh { probe=restore }', 'true'))).toHaveLength(1);
    expect(told(run('', body), fence('json { schema=restore }', '{}'))).toEqual([
      '10:1 a schema is of an answer or of the output of code; `restore` is `run`',
    ]);
    expect(told(run('', body), fence('sh { undo=restore }', 'true'))).toEqual([
      '10:14 `restore` (line 5) runs another runbook, and what takes it back are the undo fences of that one: write them there, or what has to run at the end into a section `{ on=failure }`',
    ]);
  });

  test('a place at the end of a run', () => {
    expect(told(put, '## End { on=always }', run('', body))).toEqual([
      '10:1 no `run` can stand in a section with `on`: what has to run at the end is a cell of its own',
    ]);
  });

  test('more than four levels, those of what it runs among them', () => {
    const deep = fence('run { name=x }', 'runbook: deep@1\nparams: { name: x }');
    const deeper = fence('run { name=x }', 'runbook: deeper@1\nparams: { name: x }');
    expect(told('## One { when="true" }', deep)).toEqual([]);
    expect(told(deeper)).toEqual([]);
    expect(told('## One { when="true" }', '### Two { when="true" }', deep)).toEqual([
      '7:1 sections and runs are nested 5 deep, with those of deep@1; at most 4 (sectionNestingMax)',
    ]);
    expect(told('## One { when="true" }', deeper)).toEqual([
      '6:1 sections and runs are nested 5 deep, with those of deeper@1; at most 4 (sectionNestingMax)',
    ]);
  });
});

describe('what takes back a run', () => {
  const body = 'runbook: switch\nparams: { name: x }';
  test('is made where its version takes something back', () => {
    const runbook = runbookOf(run('when="params.dbs != []" each="params.dbs" within=1h', body), put);
    expect(runbook.cells.map(({ name, index }) => `${index} ${name}`)).toEqual([
      '0 restore',
      '1 check',
      '2 undo_restore',
    ]);
    expect(runbook.cells[2]).toMatchObject({ when: null, expect: [], reads: [], cleanup: { undo: 'restore' } });
    expect(runbook.cells[2]?.body).toEqual({
      kind: 'run',
      over: { source: 'params.dbs', line: 5 },
      as: 'item',
      max: { count: 1 },
      stopAfter: 1,
      pin: { runbookId: 'switch', version: 1, runHash: 'c'.repeat(64) },
      params: {},
      output: null,
      undoes: 'restore',
    });
    expect(runbookOf(run('', 'runbook: restore_db\nparams: { name: x }')).cells).toHaveLength(1);
  });

  test('makes an undo of the section that it stands in, and of what runs that in its turn', () => {
    const heading = '## Hosts { name=hosts each="params.dbs" as=host onFailure=undo }';
    const { cells } = runbookOf(heading, run('', body));
    expect(cells.map(({ name }) => name)).toEqual(['hosts', 'undo_hosts']);
    expect(allCells(cells).map(({ name }) => name)).toEqual(['hosts', 'restore', 'undo_restore', 'undo_hosts']);
  });

  test('is what `onFailure: undo` needs, and its name is taken', () => {
    const front = '---\nrunbook: demo\nonFailure: undo\n---\n';
    expect(authoring.compile(front + run('', body), pins)).toMatchObject({ kind: 'runbook' });
    expect(authoring.compile(front + run('', 'runbook: restore_db\nparams: { name: x }'), pins)).toMatchObject({
      problems: [{ line: 3 }],
    });
    expect(told(fence('sh { name=undo_restore }', 'true'), run('', body))).toEqual([
      '9:15 what takes back `restore` is called `undo_restore`, as the cell in line 5 is; rename one of them',
    ]);
  });
});

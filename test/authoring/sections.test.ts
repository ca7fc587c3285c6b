/** Headings with braces: which are sections, what stands in them, and what is refused. */
import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { branchesOf, limits, type Runbook } from '../../src/engine/index.ts';
import { compiling } from './compiling.ts';

const front = '---\nrunbook: demo\nparams:\n  env: { type: string, default: test }\n---\n';
const cell = (name: string, more = '', body = 'export default () => ({ n: 1 })'): string =>
  `\`\`\`js { name=${name}${more === '' ? '' : ` ${more}`} }\n${body}\n\`\`\`\n`;
const documentOf = (...parts: string[]): string => front + parts.map((part) => `${part}\n`).join('');
const compiled = (...parts: string[]): Runbook => {
  const result = authoring.compile(documentOf(...parts));
  if (result.kind === 'problems') throw new Error(JSON.stringify(result.problems));
  return result.runbook;
};
const problems = (...parts: string[]): string[] => {
  const result = authoring.compile(documentOf(...parts));
  return result.kind === 'runbook' ? [] : result.problems.map((one) => `${one.line}:${one.column} ${one.message}`);
};
const prod = `{ when="params.env == 'prod'" }`;

describe('a section', () => {
  test('is a branch with the cells to the next heading of its level, in the order of the document', () => {
    const runbook = compiled(
      '# Title',
      cell('a'),
      `## Only in production ${prod}`,
      cell('b'),
      '### Details',
      cell('c'),
      '## Otherwise { else }',
      cell('d'),
      '## At last',
      cell('e'),
    );
    expect(runbook.title).toBe('Title');
    expect(runbook.cells.map(({ name, index }) => `${index} ${name}`)).toEqual([
      '0 a',
      '1 only_in_production',
      '2 b',
      '3 c',
      '4 otherwise',
      '5 d',
      '6 e',
    ]);
    const [, branch, b, , otherwise, d, e] = runbook.cells;
    expect(branch).toMatchObject({ line: 11, body: { kind: 'branch', cells: 2 }, reads: [] });
    expect(branch?.when?.source).toBe("params.env == 'prod'");
    expect(otherwise).toMatchObject({ body: { kind: 'branch', cells: 1 }, states: ['only_in_production'] });
    expect(otherwise?.when?.source).toBe("cells.only_in_production.state == 'skipped'");
    expect([b, d, e].map((one) => branchesOf(runbook, one?.index ?? 0))).toEqual([
      ['only_in_production'],
      ['otherwise'],
      [],
    ]);
  });

  test('stands in others, its branch among their cells', () => {
    const runbook = compiled(
      `## Outer ${prod}`,
      cell('a'),
      '### Inner { when="outputs.a.n > 0" name=inner_one }',
      cell('b'),
      '## After',
      cell('c'),
    );
    expect(runbook.cells.map(({ name, body }) => [name, body.kind === 'branch' ? body.cells : 0])).toEqual([
      ['outer', 3],
      ['a', 0],
      ['inner_one', 1],
      ['b', 0],
      ['c', 0],
    ]);
    expect(branchesOf(runbook, 3)).toEqual(['outer', 'inner_one']);
  });

  test.each([
    ['an id or a class', '## A heading {#there .note}'],
    ['what is filled in', '## Restart {{ params.node }}'],
    ['words in braces before the end', '## The {curly} braces'],
    ['none', '## when'],
  ])('%s makes none', (_, heading) => {
    expect(compiled(heading, cell('a')).cells.map(({ name }) => name)).toEqual(['a']);
  });

  test('has a name of its heading, which no cell has, and none that it could not have', () => {
    const always = '{ when="true" }';
    const runbook = compiled(
      `## Ship ${always}`,
      cell('ship'),
      `## Ship ${always}`,
      cell('a'),
      `## 3 nodes, été ${always}`,
      cell('b'),
      `## 你好 ${always}`,
      cell('c'),
    );
    expect(runbook.cells.filter(({ body }) => body.kind === 'branch').map(({ name }) => name)).toEqual([
      'ship_2',
      'ship_3',
      'section_3_nodes_ete',
      'section',
    ]);
  });

  test('the closing marks of a heading, an underlined one, and quoted braces are read', () => {
    const runbook = compiled('## One { when="params.env != \'{}\'" } ##', cell('a'), 'Two { else }\n---', cell('b'));
    expect(runbook.cells.map(({ name }) => name)).toEqual(['one', 'a', 'two', 'b']);
    expect(runbook.cells[0]?.when?.source).toBe("params.env != '{}'");
  });

  test('no title has its braces', () => {
    expect(compiled(`# Ship it ${prod}`, cell('a')).title).toBe('Ship it');
  });
});

describe('refused', () => {
  const when = '{ when="true" }';
  test.each<[string, string[], string[]]>([
    [
      'a word that is none',
      [`## A { els }`, cell('a')],
      [
        '6:6 braces at the end of a heading make it a section: it needs `when="…"`, `else`, `each="…"`, `parallel` or `on=…`; did you mean `else`?; `{#id}` is left alone',
      ],
    ],
    [
      'empty braces',
      ['## A {}', cell('a')],
      [
        '6:6 braces at the end of a heading make it a section: it needs `when="…"`, `else`, `each="…"`, `parallel` or `on=…`; `{#id}` is left alone',
      ],
    ],
    [
      'both words',
      ['## A { when="true" }', cell('a'), '## B { when="true" else }', cell('b')],
      ['11:6 `when` and `else` exclude each other: one of them belongs to a section of its own'],
    ],
    [
      'an unknown attribute',
      ['## A { when="true" timeout=3s }', cell('a')],
      ['6:20 unknown attribute `timeout` for sections; known here: when, else, each, parallel, on, name'],
    ],
    [
      'braces that stay open',
      ['## A { when="true"', cell('a')],
      ['6:1 these braces do not end the heading: close them with `}`, and let nothing stand after that'],
    ],
    [
      'something after them',
      ['## A { when="true" } now', cell('a')],
      ['6:1 these braces do not end the heading: close them with `}`, and let nothing stand after that'],
    ],
    [
      'an else without a when',
      ['## A { else }', cell('a')],
      ['6:1 `else` needs a section with `when` right before it, at the same level of heading: this one has none'],
    ],
    [
      'an else after an else',
      [`## A ${when}`, cell('a'), '## B { else }', cell('b'), '## C { else }', cell('c')],
      ['16:1 `else` needs a section with `when` right before it, at the same level of heading: this one has none'],
    ],
    [
      'an else at another level',
      [`## A ${when}`, cell('a'), '### B { else }', cell('b')],
      ['11:1 `else` needs a section with `when` right before it, at the same level of heading: this one has none'],
    ],
    [
      'an else that is not right after it',
      [`## A ${when}`, cell('a'), '## Between', '## B { else }', cell('b')],
      ['12:1 `else` needs a section with `when` right before it, at the same level of heading: this one has none'],
    ],
    [
      'a value of else',
      [`## A ${when}`, cell('a'), '## B { else="x" }', cell('b')],
      ['11:14 `else` has no value, so not `x`; write `{ else }`'],
    ],
    [
      'a section without a cell',
      [`## A ${when}`, 'Nothing.', '## B', cell('b')],
      ['6:1 this section has no cell: it reaches to the next heading of its level or a higher one'],
    ],
    [
      'a heading in a list',
      [`- # A ${when}`, cell('a')],
      ['6:1 a section begins with a heading that stands in no list and no quotation; move it out'],
    ],
    [
      'a name that a cell has',
      [`## A { when="true" name=b }`, cell('a'), cell('b')],
      ['11:9 the name `b` is taken by the section in line 6; choose another one'],
    ],
    [
      'a name that is none',
      ['## A { when="true" name=1b }', cell('a')],
      [
        '6:25 `1b` is not a name; names are letters, digits and `_`, do not begin with a digit, and have at most 64 characters',
      ],
    ],
    [
      'expectations of a section',
      ['## A { when="true" }', cell('b'), '```cel { expect=a }\ntrue\n```'],
      ['11:17 `a` is a section (line 6); name one of its cells'],
    ],
    [
      'a condition that is none',
      ['## A { when="1 + 1" }', cell('a')],
      ['6:14 a condition must be true or false; this one is of type int'],
    ],
    [
      'a condition about a later cell',
      ['## A { when="outputs.a.n > 1" }', cell('a')],
      ['6:22 cell `a` stands later (line 7); only outputs of earlier cells can be read'],
    ],
  ])('%s', (_, parts, told) => {
    expect(problems(...parts)).toEqual(told);
  });

  test('sections nested too deeply', () => {
    const marks = [1, 2, 3, 4, 5].map((level) => `${'#'.repeat(level)} L${level} ${when}`);
    expect(problems(...marks, cell('a'))).toEqual([
      `10:1 sections are nested 5 deep; at most ${limits.sectionNestingMax} (sectionNestingMax)`,
    ]);
  });
});

describe('outputs of a section', () => {
  const reads = (name: string, expression = 'outputs.b.n > 0'): string =>
    `\`\`\`assert { name=${name} }\n${expression}\n\`\`\`\n`;
  const using = (name: string, more = ''): string => cell(name, more, 'export default ({ outputs }) => outputs.b?.n');
  const shown = '```manual { name=show }\nN is {{ outputs.b.n }}.\n```\n';
  const told =
    /^\d+:\d+ `outputs.b` may be absent: cell `b` \(line 7\) stands in a section that may be passed over; look first/;

  test('are there in it, and in what stands in it', () => {
    expect(
      problems(`## A ${prod}`, cell('b'), shown, '### More { when="outputs.b.n > 1" }', shown.replace('show', 'again')),
    ).toEqual([]);
  });
  test('may be absent after it, and in its else', () => {
    expect(problems(`## A ${prod}`, cell('b'), '## After', shown)[0]).toMatch(told);
    expect(problems(`## A ${prod}`, cell('b'), '## After { else }', shown)[0]).toMatch(told);
    expect(problems(`## A ${prod}`, cell('b'), '## After', reads('ok'), using('free'))).toEqual([]);
  });
  test('are there where a section, an assert in it or an end in it has looked', () => {
    const behind = (heading: string, ...rest: string[]) => problems(`## A ${prod}`, cell('b'), heading, ...rest);
    expect(behind('## B { when="has(outputs.b)" }', shown)).toEqual([]);
    expect(behind('## B { when="!has(outputs.b)" }', cell('c'), '## C { else }', shown)).toEqual([]);
    expect(behind(`## B ${prod}`, reads('ok', 'has(outputs.b)'), shown)).toEqual([]);
    expect(behind(`## B ${prod}`, reads('ok', 'has(outputs.b)'), '## C', shown)[0]).toMatch(told);
    expect(behind('## B', '```end { name=stop when="!has(outputs.b)" }\n```\n', shown)).toEqual([]);
    expect(behind(`## B ${prod}`, '```end { name=stop when="!has(outputs.b)" }\n```\n', '## C', shown)[0]).toMatch(
      told,
    );
  });
  test('a branch has none', () => {
    expect(problems(`## A { when="true" name=b }`, cell('a'), '## After', shown)[0]).toMatch(/never has an output/);
  });
});

describe('how a cell ended', () => {
  const skipped = '```sh { name=last when="cells.a.state == \'skipped\'" }\ntrue\n```\n';

  test('is asked by `cells.NAME.state`, and stands among what the cell asks about', () => {
    const runbook = compiled(cell('a', 'optional'), cell('b'), skipped);
    expect(runbook.cells[2]).toMatchObject({ states: ['a'], reads: [] });
    expect(runbook.cells[1]).not.toHaveProperty('states');
    expect(compiled(cell('a'), `## B { when="cells['a'].state != 'skipped'" }`, cell('b')).cells[1]?.states).toEqual([
      'a',
    ]);
  });

  test.each<[string, string, string]>([
    [
      'a word that it never is',
      `cells.a.state == 'done'`,
      'this status is never `done`, it is completed, unexpected, failed, forgiven, unknown, skipped, timed_out, taken_back or not_reached',
    ],
    [
      'another field',
      `cells.a.status == 'failed'`,
      'of a cell only its `state` is known here, as in `cells.NAME.state`',
    ],
    ['all of them', 'size(cells) > 0', 'of a cell only its `state` is known here, as in `cells.NAME.state`'],
    [
      'a cell itself',
      `cells.last.state == 'skipped'`,
      'a cell cannot ask how it ended itself; its expectations know `status`',
    ],
    [
      'a later one',
      `cells.later.state == 'skipped'`,
      'cell `later` stands later (line 13); only earlier cells have ended',
    ],
    [
      'none',
      `cells.aa.state == 'skipped'`,
      'there is no cell `aa` that could be asked how it ended; did you mean `a`?',
    ],
  ])('%s is refused', (_, expression, told) => {
    const found = problems(cell('a'), `\`\`\`sh { name=last when="${expression}" }\ntrue\n\`\`\``, cell('later'));
    expect(found.map((one) => one.replace(/^\d+:\d+ /, ''))).toEqual([told]);
  });
});

describe('a section with each', () => {
  const front = '---\nrunbook: demo\nparams: { nodes: { type: array, items: { type: string } } }\n---\n';
  const { runbookOf, told } = compiling((parts) => front + parts.map((part) => `${part}\n`).join(''));
  const shows = (name: string, text: string) => `\`\`\`manual { name=${name} }\n${text}\n\`\`\`\n`;
  const over = '{ name=nodes each="params.nodes" as=node }';

  test('is one cell, and its cells stand in it, numbered from 0', () => {
    const runbook = runbookOf(
      cell('before'),
      '## Each { name=nodes each="params.nodes" as=node max=20% stopAfter=3 onFailure=end output="has(outputs.b) ? outputs.b.n : node" }',
      cell('a'),
      '### Only some { when="node != outputs.before.n" }',
      cell('b'),
      '## After',
      cell('after'),
    );
    expect(runbook.cells.map(({ name, index, body }) => [name, index, body.kind])).toEqual([
      ['before', 0, 'js'],
      ['nodes', 1, 'each'],
      ['after', 2, 'js'],
    ]);
    const body = runbook.cells[1]?.body;
    if (body?.kind !== 'each' || body.parts !== undefined) throw new Error('It is no section.');
    expect(body).toMatchObject({
      as: 'node',
      max: { percent: 20 },
      stopAfter: 3,
      onFailure: 'end',
      over: { source: 'params.nodes' },
    });
    expect(body.cells.map(({ name, index, reads }) => [name, index, reads])).toEqual([
      ['a', 0, []],
      ['only_some', 1, ['before']],
      ['b', 2, []],
    ]);
    expect(body.cells[1]?.body).toEqual({ kind: 'branch', cells: 1 });
  });

  test('stands in another, in a branch and around one, each with its own numbers', () => {
    const runbook = runbookOf(
      '# Outer { when="size(params.nodes) > 0" }',
      '## Each { name=nodes each="params.nodes" as=node }',
      '### Inner { name=disks each="[node, index]" as=disk }',
      shows('a', '{{ node }} {{ disk }} {{ index }}'),
      '## Last',
      cell('b'),
    );
    expect(runbook.cells.map(({ name, body }) => [name, body.kind === 'branch' ? body.cells : null])).toEqual([
      ['outer', 2],
      ['nodes', null],
      ['b', null],
    ]);
  });

  test('has expectations over its output', () => {
    const runbook = runbookOf(
      `## A ${over}`,
      cell('a'),
      '```cel { expect=nodes }\noutput.exists(one, one.status == "completed")\n```',
    );
    expect(runbook.cells[0]?.expect).toMatchObject([{ source: 'output.exists(one, one.status == "completed")' }]);
  });

  test('its element and index are known in it, and nowhere else', () => {
    expect(told(`## A ${over}`, shows('a', '{{ node }}, {{ index + 1 }}'))).toEqual([]);
    expect(told(`## A ${over}`, cell('a'), '## B', shows('b', '{{ node }}'))).toEqual([
      '12:4 there is nothing called `node`; known here: params, outputs, cells and step',
    ]);
  });

  test.each<[string, string[], string]>([
    [
      'an output of it, outside',
      [`## A ${over}`, cell('a'), '## B', shows('b', '{{ outputs.a }}')],
      '12:12 cell `a` is gone through for every element of section `nodes`; outside of it only `outputs.nodes` can be read',
    ],
    [
      'how a cell of it ended, outside',
      [`## A ${over}`, cell('a'), '## B', shows('b', '{{ cells.a.state }}')],
      '12:10 cell `a` ends once for every element of section `nodes`; outside of it ask `cells.nodes.state`',
    ],
    [
      'max that is none',
      ['## A { name=nodes each="params.nodes" max=0 }', cell('a')],
      '5:43 `max` is how many elements are under way at a time, from 1 to 1000 (elementsMax), or a part of them from 1% to 100%, not `0`',
    ],
    [
      'stopAfter that is none',
      ['## A { name=nodes each="params.nodes" stopAfter=x }', cell('a')],
      '5:49 `stopAfter` is how many elements may halt, be in doubt or be given up before no more begin: from 1 to 1000 (elementsMax), not `x`',
    ],
    [
      'a name that has a meaning',
      ['## A { name=nodes each="params.nodes" as=outputs }', cell('a')],
      '5:42 `outputs` has a meaning here already; call the element otherwise',
    ],
    [
      'the name of the element around',
      [`# A ${over}`, '## B { name=b each="[1]" as=node }', cell('a')],
      '6:1 the element of the section around it is called `node` too; give this one another name with `as=`',
    ],
    [
      'a schema',
      [`## A ${over}`, cell('a'), '```json { schema=nodes }\n{}\n```'],
      '10:18 `nodes` is a section (line 5); name one of its cells',
    ],
    [
      'words of each without it',
      ['## A { when="true" max=2 }', cell('a')],
      '5:20 unknown attribute `max` for sections; known here: when, else, each, parallel, on, name',
    ],
  ])('%s is refused', (_, parts, message) => {
    expect(told(...parts)).toEqual([message]);
  });
});

/** Fences that take a cell back, sections that run at the end, and what is gone through where a run fails. */
import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import type { Cell, Runbook } from '../../src/engine/index.ts';

const frontOf = (more = ''): string =>
  `---\nrunbook: demo\nparams: { env: { type: string, default: test }, nodes: { type: array, default: [] } }\n${more}---\n`;
const fence = (info: string, body = 'true'): string => `\`\`\`${info}\n${body}\n\`\`\`\n`;
/** A cell that has an output, and what takes it back. */
const cell = (name: string, more = ''): string =>
  fence(`js { name=${name} ${more}}`, 'export default () => ({ n: 1 })');
const undo = (name: string, body = 'true', more = ''): string => fence(`sh { undo=${name} ${more}}`, body);
const http = (info: string, text: string): string =>
  fence(info.replace(' }', ' escape=none }'), `POST https://a.b/\n\n${text}`);
const documentOf = (parts: string[], front = ''): string => frontOf(front) + parts.map((part) => `${part}\n`).join('');
const compiled = (parts: string[], front = ''): Runbook => {
  const result = authoring.compile(documentOf(parts, front));
  if (result.kind === 'problems') throw new Error(JSON.stringify(result.problems, null, 1));
  return result.runbook;
};
/** The front matter has four lines, the first part begins in line 5. */
const problems = (parts: string[], front = ''): string[] => {
  const result = authoring.compile(documentOf(parts, front));
  return result.kind === 'runbook' ? [] : result.problems.map((one) => `${one.line}:${one.column} ${one.message}`);
};
const sketch = (cells: readonly Cell[]): string[] =>
  cells.map(({ index, name, body, cleanup }) => {
    const how = cleanup === undefined ? '' : 'undo' in cleanup ? ' takes back' : ` on ${cleanup.on}`;
    return `${index} ${name}${body.kind === 'branch' ? ` of ${body.cells}` : ''}${how}`;
  });
const named = (cells: readonly Cell[], name: string): Cell => {
  const found = cells.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
};
const eachIn = (runbook: Runbook, name: string) => {
  const { body } = named(runbook.cells, name);
  if (body.kind !== 'each' || body.parts !== undefined) throw new Error(body.kind);
  return body;
};
const prod = `{ when="params.env == 'prod'" }`;
const nodes = '## Nodes { name=nodes each="params.nodes" as=node }';

describe('what is gone through, and in which order', () => {
  test('the way, then what takes back, the last first, then sections with on, in their order', () => {
    const { cells } = compiled([
      cell('a'),
      undo('a'),
      '## At last { on=always }',
      cell('tidy'),
      '## Then',
      cell('b'),
      cell('c'),
      '## If it failed { on=failure }',
      cell('tell'),
      '## Undone',
      undo('c'),
      undo('b', 'true', 'of=begun '),
    ]);
    expect(sketch(cells)).toEqual([
      '0 a',
      '1 b',
      '2 c',
      '3 undo_c takes back',
      '4 undo_b takes back',
      '5 undo_a takes back',
      '6 tidy on always',
      '7 tell on failure',
    ]);
    expect(named(cells, 'undo_b').cleanup).toEqual({ undo: 'b', of: 'begun' });
    expect(named(cells, 'undo_c').cleanup).toEqual({ undo: 'c' });
    expect(cells[0]).not.toHaveProperty('cleanup');
  });

  test('a section counts the cells of its own way, also one that runs at the end', () => {
    const { cells } = compiled([
      `## Switch ${prod}`,
      cell('a'),
      undo('a'),
      '### Inner { when="true" }',
      cell('b'),
      undo('b'),
      '## Otherwise { else }',
      cell('c'),
      '## Whatever { on=cancel }',
      '### Only there { when="cells.a.state == \'completed\'" }',
      cell('d'),
      '### Or { else }',
      cell('e'),
    ]);
    expect(sketch(cells)).toEqual([
      '0 switch of 3',
      '1 a',
      '2 inner of 1',
      '3 b',
      '4 otherwise of 1',
      '5 c',
      '6 undo_b takes back',
      '7 undo_a takes back',
      '8 only_there of 1 on cancel',
      '9 d on cancel',
      '10 or of 1 on cancel',
      '11 e on cancel',
    ]);
  });

  test('a section with each has its own, and is taken back by what takes back its elements', () => {
    const runbook = compiled([
      cell('a'),
      nodes,
      cell('off'),
      undo('off'),
      '### Whatever happens { on=always }',
      cell('on'),
      '### Inner { name=disks each="node.disks" as=disk max=2 }',
      cell('detach'),
      undo('detach'),
      '## After',
      cell('b'),
      undo('a'),
      undo('b'),
    ]);
    expect(sketch(runbook.cells)).toEqual([
      '0 a',
      '1 nodes',
      '2 b',
      '3 undo_b takes back',
      '4 undo_nodes takes back',
      '5 undo_a takes back',
    ]);
    const inner = eachIn(runbook, 'nodes');
    expect(sketch(inner.cells)).toEqual([
      '0 off',
      '1 disks',
      '2 undo_disks takes back',
      '3 undo_off takes back',
      '4 on on always',
    ]);
    expect(eachIn(runbook, 'undo_nodes')).toMatchObject({ undoes: 'nodes', cells: [], as: 'node', max: { count: 1 } });
    const disks = named(inner.cells, 'disks').body;
    expect(disks.kind === 'each' ? sketch(disks.cells ?? []) : []).toEqual(['0 detach', '1 undo_detach takes back']);
    expect(named(inner.cells, 'undo_disks').body).toMatchObject({ undoes: 'disks', max: { count: 2 } });
  });

  test('one in which nothing is taken back is not taken back', () => {
    const { cells } = compiled([nodes, cell('a'), '### Last { on=failure }', cell('b')]);
    expect(sketch(cells)).toEqual(['0 nodes']);
  });

  test('probe, expectations and schema belong to what takes back as to any cell, and what its kind takes', () => {
    const { cells } = compiled([
      cell('a'),
      undo('a', 'true', 'timeout=9s retry=2 keyWindow=1h interrupted=probe '),
      fence('sh { probe=undo_a }'),
      fence('cel { expect=undo_a }', 'exitCode == 0 && outputs.a.n == 1'),
      fence('json { schema=undo_a }', '{ "type": "object" }'),
      fence('manual { name=ask }', 'Plug it in.'),
      fence('manual { undo=ask }', 'Unplug it.'),
    ]);
    const undone = named(cells, 'undo_a');
    expect(undone).toMatchObject({ timeoutMs: 9_000, retryMax: 2, keyWindowMs: 3_600_000, interrupted: 'probe' });
    expect([undone.probe?.body.kind, undone.expect.length]).toEqual(['sh', 2]);
    expect(named(cells, 'undo_ask')).toMatchObject({ body: { kind: 'manual' }, cleanup: { undo: 'ask' } });
  });

  test('onFailure and as=failed are kept where they say anything', () => {
    const runbook = compiled(
      [cell('a'), undo('a'), fence('end { name=no when="false" as=failed }', '')],
      'onFailure: undo\n',
    );
    expect(runbook.onFailure).toBe('undo');
    expect(named(runbook.cells, 'no').body).toEqual({ kind: 'end', as: 'failed' });
    expect(compiled([cell('a')], 'onFailure: ask\n')).not.toHaveProperty('onFailure');
    const section = (word: string) => `## Nodes { name=nodes each="params.nodes" stopAfter=2 onFailure=${word} }`;
    expect(eachIn(compiled([section('end'), cell('a')]), 'nodes').onFailure).toBe('end');
    expect(eachIn(compiled([section('undo'), cell('a'), undo('a')]), 'nodes').onFailure).toBe('undo');
    expect(eachIn(compiled([section('ask'), cell('a')]), 'nodes')).not.toHaveProperty('onFailure');
    expect(eachIn(compiled([section('ask'), cell('a')]), 'nodes')).not.toHaveProperty('onFailureAt');
  });

  test('front matter takes elements back too: those of a section that takes back', () => {
    expect(compiled([nodes, cell('a'), undo('a')], 'onFailure: undo\n').onFailure).toBe('undo');
  });
});

describe('an undo fence is refused', () => {
  const noEffects = (name: string, why: string): string =>
    `there is nothing to take back: cell \`${name}\` (line 5) has no effects, since it ${why}; name the cell that has them, or write what has to run at the end into a section \`{ on=failure }\``;
  const passing = (name: string): string =>
    `what takes back has no \`${name}\`: passed over, it would be named as not taken back; decide in its body instead`;
  test.each<[string, string[], string[]]>([
    ['of no cell', [cell('cleanup'), undo('cleanpu')], ['9:14 there is no cell `cleanpu`; did you mean `cleanup`?']],
    ['before its cell', [undo('a'), cell('a')], ['5:14 there is no cell `a`; name one that stands before this fence']],
    [
      'a second time',
      [cell('a'), undo('a'), undo('a')],
      ['13:14 cell `a` has a fence already that takes it back, in line 9; keep one'],
    ],
    [
      'of a section',
      [`## A ${prod}`, cell('a'), '## B', undo('a_2')],
      ['11:14 `a_2` (line 5) is a section: write undo fences for its cells'],
    ],
    [
      'of a section with each',
      [nodes, cell('a'), '## After', undo('nodes')],
      ['11:14 `nodes` (line 5) is a section with `each`: write undo fences for its cells, into that section'],
    ],
    [
      'outside of the section with each of its cell',
      [nodes, cell('a'), '## After', undo('a')],
      [
        '11:14 cell `a` (line 6) stands in section `nodes`, and each element takes back its own; move this fence into it',
      ],
    ],
    [
      'in a section with each in which its cell is not',
      [cell('a'), nodes, cell('b'), undo('a')],
      ['14:14 cell `a` (line 5) stands outside of section `nodes`; move this fence out of it'],
    ],
    [
      'in another section than its cell',
      [cell('a'), `## Prod ${prod}`, cell('b'), undo('a')],
      [
        '14:14 this fence stands in another section than cell `a` (line 5), and no section decides about what takes back: move it to its cell',
      ],
    ],
    [
      'of what takes back',
      [cell('a'), undo('a'), undo('undo_a')],
      ['13:14 `undo_a` (line 9) takes back itself; what went wrong with it is for a person'],
    ],
    [
      'of what runs at the end',
      [cell('w'), '## End { on=always }', cell('a'), undo('a')],
      ['14:14 `a` (line 10) runs at the end, where nothing is taken back'],
    ],
    [
      'in a kind that changes nothing',
      [cell('a'), fence('assert { undo=a }', 'true')],
      ['9:4 what takes back is ts, js, sh, http, aws, task or manual, not `assert`'],
    ],
    ['in no kind', [cell('a'), fence('bash { undo=a }')], ['9:4 unknown kind of cell `bash`; did you mean `sh`?']],
    [
      'with a name as well',
      [cell('a'), fence('sh { name=b undo=a }')],
      [
        '9:16 `name` and `undo` exclude each other; a fence is a cell, takes one back, or is a probe, expectations or a schema',
        '9:16 unknown attribute `undo` for `sh` cells; known here: name, timeout, retry, retryOn, interrupted, settle, keyWindow, when, optional, poll, within, onTimeout, holds, times, at, uses, programs, env, errexit, shell',
      ],
    ],
    ['with when', [cell('a'), undo('a', 'true', 'when="true" ')], [`9:16 ${passing('when')}`]],
    ['with optional', [cell('a'), undo('a', 'true', 'optional ')], [`9:16 ${passing('optional')}`]],
    ['with poll', [cell('a'), undo('a', 'true', 'poll=5s within=1m ')], [`9:16 ${passing('poll')}`]],
    [
      'with another of',
      [cell('a'), undo('a', 'true', 'of=beginning ')],
      ['9:19 `of` is begun, not `beginning`; without it, only what completed is taken back'],
    ],
    [
      'with what its kind does not take',
      [cell('a'), fence('manual { undo=a timeout=3s }', 'Do it.')],
      ['9:20 unknown attribute `timeout` for `manual` cells that take back; known here: undo, of'],
    ],
    ['of an assert', [fence('assert { name=a }', 'true'), undo('a')], [`9:14 ${noEffects('a', 'is `assert`')}`]],
    ['of an end', [fence('end { name=a when="false" }', ''), undo('a')], [`9:14 ${noEffects('a', 'is `end`')}`]],
    ['of a wait', [fence('wait { name=a for=1h }', ''), undo('a')], [`9:14 ${noEffects('a', 'is `wait`')}`]],
    [
      'of an approval',
      [fence('approve { name=a groups=sre }', 'May it?'), undo('a')],
      [`9:14 ${noEffects('a', 'is `approve`')}`],
    ],
    [
      'of a poll',
      [
        fence('http { name=a poll=5s within=1h }', 'GET https://a.b/'),
        fence('cel { expect=a }', 'output.status == 200'),
        undo('a'),
      ],
      [`13:14 ${noEffects('a', 'only looks (`poll`)')}`],
    ],
    [
      'of a request that asks for no effect',
      [fence('http { name=a }', 'GET https://a.b/'), undo('a')],
      [`9:14 ${noEffects('a', 'sends GET, which asks for none')}`],
    ],
  ])('%s', (_, parts, expected) => {
    expect(problems(parts)).toEqual(expected);
  });

  test.each<[string, string[], string[]]>([
    [
      'an earlier cell has its name',
      [cell('undo_a'), cell('a'), undo('a')],
      ['13:9 what takes back `a` is called `undo_a`, as the cell in line 5 is; rename one of them'],
    ],
    [
      'a later cell has its name',
      [cell('a'), undo('a'), cell('undo_a')],
      ['13:9 the name `undo_a` is taken by what takes a cell back in line 9; choose another one'],
    ],
    [
      'a cell is called like what takes back a section',
      [cell('undo_nodes'), nodes, cell('a'), undo('a')],
      ['9:17 what takes back `nodes` is called `undo_nodes`, as the cell in line 5 is; rename one of them'],
    ],
    [
      'its name would be too long',
      [cell('a'.repeat(60)), undo('a'.repeat(60))],
      [
        `9:14 \`undo_${'a'.repeat(60)}\`, as is called what takes it back, has more than 64 characters; give cell \`${'a'.repeat(60)}\` a name of at most 59`,
      ],
    ],
  ])('where %s', (_, parts, expected) => {
    expect(problems(parts)).toEqual(expected);
  });

  test('a heading makes no name that something takes back has', () => {
    const { cells } = compiled([cell('a'), `## Undo a ${prod}`, cell('b'), '## Undone', undo('a')]);
    expect(cells.map(({ name }) => name)).toEqual(['a', 'undo_a_2', 'b', 'undo_a']);
  });

  test('one that cannot be read is not missed by its probe as well', () => {
    expect(problems([cell('a'), fence('sh { undo=a "x }'), fence('cel { expect=undo_a }', 'true')])).toHaveLength(1);
  });
});

describe('a section with on is refused', () => {
  const moved = (line: number): string =>
    `a section with \`on\` runs at the end, whatever is decided around it, so it cannot stand in the section of line ${line}: move it out; a section with \`when\` may stand in it`;
  test.each<[string, string[], string[]]>([
    [
      'with another end',
      [cell('w'), '## A { on=failed }', cell('a')],
      ['9:11 `on` is failure, cancel or always, not `failed`'],
    ],
    ['without one', [cell('w'), '## A { on }', cell('a')], ['9:8 `on` has no value; write `on=…`']],
    [
      'with a name',
      [cell('w'), '## A { on=always name=b }', cell('a')],
      ['9:18 unknown attribute `name` for sections with `on`; known here: when, else, each, parallel, on'],
    ],
    [
      'with when',
      [cell('w'), '## A { on=always when="true" }', cell('a')],
      ['9:6 `when` and `on` exclude each other: one of them belongs to a section of its own'],
    ],
    ['in one with when', [`## B ${prod}`, cell('w'), '### A { on=always }', cell('a')], [`10:1 ${moved(5)}`]],
    [
      'in another one',
      [cell('w'), '## B { on=failure }', cell('b'), '### A { on=always }', cell('a')],
      [`14:1 ${moved(9)}`],
    ],
    [
      'around one with each',
      [cell('w'), '## B { on=failure }', cell('b'), '### A { each="params.nodes" }', cell('a')],
      ['14:1 no section with `each` can stand in one with `on` (line 9): go over the list in a cell'],
    ],
    [
      'around an end',
      [cell('w'), '## B { on=failure }', fence('end { name=a when="true" }', '')],
      ['10:1 an `end` cell ends the way, which is over here; pass over cells by a section with `when`'],
    ],
    [
      'without a cell',
      [cell('w'), '## B { on=failure }'],
      ['9:1 this section has no cell: it reaches to the next heading of its level or a higher one'],
    ],
    [
      'in a runbook of nothing else',
      ['## B { on=failure }', cell('a')],
      ['1:1 this runbook has only cells that run at its end; write one of its way as a fence like `sh { name=check }`'],
    ],
    [
      'in a section with each of nothing else',
      [cell('w'), nodes, '### B { on=failure }', cell('a')],
      [
        '9:1 this section has no cell that does not run at the end of an element: it reaches to the next heading of its level or a higher one',
      ],
    ],
  ])('%s', (_, parts, expected) => {
    expect(problems(parts)).toEqual(expected);
  });

  test('and an approval may stand in it', () => {
    const parts = [cell('w'), '## B { on=failure }', fence('approve { name=a groups=sre }', 'May it?')];
    expect(sketch(compiled(parts).cells)).toEqual(['0 w', '1 a on failure']);
  });
});

describe('what becomes of a failure is refused', () => {
  test.each<[string, string[], string, string[]]>([
    [
      'where nothing takes back',
      [cell('a'), '## B { on=cancel }', cell('b')],
      'onFailure: undo\n',
      [
        '4:12 nothing takes anything back here: write an undo fence (`sh { undo=CELL }`) or a section with `on=failure`, or leave `onFailure` out',
      ],
    ],
    ['that is none', [cell('a')], 'onFailure: halt\n', ['4:12 `onFailure` is ask or undo, not `halt`']],
    ['that only elements have', [cell('a')], 'onFailure: end\n', ['4:12 `onFailure` is ask or undo, not `end`']],
    [
      'of elements that take nothing back',
      ['## A { each="params.nodes" onFailure=undo }', cell('a'), '## B', undo('b')],
      '',
      [
        '5:28 nothing in this section takes anything back: write an undo fence (`sh { undo=CELL }`) or a section with `on=failure` into it, or `onFailure=end`',
        '11:14 there is no cell `b`; did you mean `a`?',
      ],
    ],
    [
      'of elements that is none',
      ['## A { each="params.nodes" onFailure=halt }', cell('a')],
      '',
      ['5:38 `onFailure` of a section is ask, undo or end, not `halt`'],
    ],
    [
      'that is not said of a section that goes on after one',
      ['## A { each="params.nodes" stopAfter=2 }', cell('a')],
      '',
      [
        '5:28 with another `stopAfter` than 1 say what becomes of an element that fails: `onFailure=ask` (it halts, and a person decides), `onFailure=undo` (it takes itself back) or `onFailure=end` (it ends as it stands)',
      ],
    ],
    [
      'of a section without each',
      ['## A { when="true" onFailure=undo }', cell('a')],
      '',
      ['5:20 unknown attribute `onFailure` for sections; known here: when, else, each, parallel, on, name'],
    ],
    [
      'as which an end ends',
      [cell('a'), fence('end { name=e when="true" as=completed }', '')],
      '',
      ['9:32 `as` is failed, not `completed`; without it, the run has completed'],
    ],
  ])('%s', (_, parts, front, expected) => {
    expect(problems(parts, front)).toEqual(expected);
  });
});

describe('what takes back', () => {
  const reading = (text: string, more = ''): string => http(`http { undo=b ${more}}`, text);
  test('sees what its cell sees, in its element too, and what that one left', () => {
    const runbook = compiled([
      cell('a'),
      nodes,
      cell('b', 'when="has(outputs.a)" '),
      cell('c'),
      reading('{{ outputs.a.n }} {{ outputs.b.n }} {{ node }} {{ index }} {{ cells.a.state }} {{ step.originalKey }}'),
    ]);
    const { cells } = eachIn(runbook, 'nodes');
    expect(named(cells, 'undo_b')).toMatchObject({ reads: ['a', 'b'], states: ['a'] });
  });

  test('has what an assert before its cell looked for, and not what one after it did', () => {
    const parts = (first: string[], second: string[]): string[] => [
      cell('a', 'optional '),
      ...first,
      cell('b'),
      ...second,
      reading('{{ outputs.a.n }}'),
    ];
    const looked = [fence('assert { name=looked }', 'has(outputs.a)')];
    expect(problems(parts(looked, []))).toEqual([]);
    expect(problems(parts([], looked))).toEqual([
      '20:12 `outputs.a` may be absent: cell `a` (line 5) may fail and is optional; look first, as in `has(outputs.a) ? … : …`',
    ]);
  });

  test.each<[string, string[], string[]]>([
    [
      'what came after its cell',
      [cell('b'), cell('c'), reading('{{ outputs.c.n }}')],
      ['16:12 cell `c` stands later (line 9); only outputs of earlier cells can be read'],
    ],
    [
      'how such a one ended',
      [cell('b'), cell('c'), reading('{{ cells.c.state }}')],
      ['16:10 cell `c` stands later (line 9); only earlier cells have ended'],
    ],
    [
      'its own output',
      [cell('b'), reading('{{ outputs.undo_b }}')],
      ['12:12 a cell knows neither its own `outputs.undo_b` nor how it will end'],
    ],
    [
      'another that takes back',
      [cell('a'), undo('a'), cell('b'), reading('{{ cells.undo_a.state }}')],
      [
        "20:10 cell `undo_a` (line 9) runs at the end too; what takes back knows what its cell knows, and that one's output",
      ],
    ],
    [
      'what its cell may not have left',
      [cell('b'), reading('{{ outputs.b.n }}', 'of=begun ')],
      [
        '12:12 `outputs.b` may be absent: cell `b` (line 5) may have failed, or it is unknown (`of=begun`); look first, as in `has(outputs.b) ? … : …`',
      ],
    ],
    [
      'what its cell never leaves',
      [fence('sh { name=b }'), reading('{{ outputs.b.n }}')],
      [
        '12:12 `outputs.b` may be absent: cell `b` (line 5) is a script that does not name `PAWL_OUTPUT`; look first, as in `has(outputs.b) ? … : …`',
      ],
    ],
    [
      'a key where there was none',
      [fence('manual { name=b }', 'Do it.'), reading('{{ step.originalKey }}')],
      ['12:9 `step` has no field `originalKey` here; it has instanceId, cell, visit and idempotencyKey'],
    ],
  ])('cannot read %s', (_, parts, expected) => {
    expect(problems(parts)).toEqual(expected);
  });

  test('has what the section of its cell looked for', () => {
    const parts = [
      cell('a', 'optional '),
      '## With { when="has(outputs.a)" }',
      cell('b'),
      reading('{{ outputs.a.n }}'),
    ];
    expect(problems(parts)).toEqual([]);
  });

  test('has an output for sure, though its cell may be passed over, fail or be optional', () => {
    expect(problems([cell('b', 'optional when="params.env == \'prod\'" '), reading('{{ outputs.b.n }}')])).toEqual([]);
  });
});

describe('what runs at the end', () => {
  const end = '## End { on=always }';
  const reading = (text: string): string => http('http { name=last }', text);
  test('reads what came before it, where it looks first, and asks how that ended', () => {
    const { cells } = compiled([
      cell('a'),
      end,
      cell('first'),
      reading("{{ has(outputs.a) ? outputs.a.n : 0 }} {{ outputs.first.n }} {{ cells.a.state == 'not_reached' }}"),
    ]);
    expect(named(cells, 'last')).toMatchObject({ reads: ['a', 'first'], states: ['a'] });
  });

  test('of an element has what came before the section', () => {
    const parts = [cell('a'), nodes, cell('b'), '### End { on=failure }', reading('{{ outputs.a.n }} {{ node }}')];
    expect(problems(parts)).toEqual([]);
  });

  test.each<[string, string[], string[]]>([
    [
      'an output without looking',
      [cell('a'), end, reading('{{ outputs.a.n }}')],
      [
        '13:12 `outputs.a` may be absent: cell `a` (line 5) may not have been reached when the run came to its end; look first, as in `has(outputs.a) ? … : …`, or give this cell `when="has(outputs.a)"`',
      ],
    ],
    [
      'one of a cell with the same when, to which the run need not have come',
      [
        cell('a', 'when="params.env == \'prod\'" '),
        end,
        http('http { name=last when="params.env == \'prod\'" }', '{{ outputs.a.n }}'),
      ],
      [
        '13:12 `outputs.a` may be absent: cell `a` (line 5) is skipped when its `when` is false; look first, as in `has(outputs.a) ? … : …`, or give this cell `when="has(outputs.a)"`',
      ],
    ],
    [
      'one that an assert of the way looked for',
      [cell('a', 'optional '), fence('assert { name=looked }', 'has(outputs.a)'), end, reading('{{ outputs.a.n }}')],
      [
        '17:12 `outputs.a` may be absent: cell `a` (line 5) may fail and is optional; look first, as in `has(outputs.a) ? … : …`, or give this cell `when="has(outputs.a)"`',
      ],
    ],
    [
      'one of another section at the end',
      [cell('a'), '## Before { on=cancel }', cell('b'), end, reading('{{ outputs.b.n }}')],
      [
        '18:12 `outputs.b` may be absent: cell `b` (line 10) stands in a section that may be passed over; look first, as in `has(outputs.b) ? … : …`, or give this cell `when="has(outputs.b)"`',
      ],
    ],
    [
      'what stands after it',
      [cell('a'), end, reading('{{ has(outputs.z) }}'), '## After', cell('z')],
      ['13:16 cell `z` stands later (line 17); only outputs of earlier cells can be read'],
    ],
    [
      'what takes back',
      [cell('a'), undo('a'), end, reading('{{ cells.undo_a.state }}')],
      ["17:10 cell `undo_a` (line 9) takes back `a`; ask whether it did by `cells.a.state == 'taken_back'`"],
    ],
    [
      'the key of another cell',
      [cell('a'), end, reading('{{ step.originalKey }}')],
      ['13:9 `step` has no field `originalKey` here; it has instanceId, cell, visit and idempotencyKey'],
    ],
  ])('cannot read %s', (_, parts, expected) => {
    expect(problems(parts)).toEqual(expected);
  });

  test.each<[string, string, string]>([
    ['read', '{{ outputs.x }}', '12'],
    ['asked about', '{{ cells.x.state }}', '10'],
  ])('cannot be %s by the way', (_, text, column) => {
    expect(problems([cell('a'), end, cell('x'), '## After', reading(text)])).toEqual([
      `18:${column} cell \`x\` (line 10) runs at the end, when all others are over: nothing before can know of it`,
    ]);
  });
});

describe('run', () => {
  const at = (on: string, text: string): string[] => [
    cell('a'),
    `## End { on=${on} }`,
    http('http { name=last }', text),
  ];
  const mayBeNull =
    "`run.failed` may be null: a run also comes to its end without a failure; look first, as in `run.failed == null ? '' : run.failed.message`";

  test('is known at the end: why, by whom, and where', () => {
    const text =
      "{{ run.failed == null ? '' : run.failed.cell + run.failed.code + run.failed.message + string(run.failed.item) }} {{ run.began.by }} {{ run.began.reason }} {{ run.url }}";
    expect(problems(at('always', text))).toEqual([]);
    const undone = [cell('a'), http('http { undo=a }', text), fence('cel { expect=undo_a }', 'run.began.by != ""')];
    expect(problems(undone)).toEqual([]);
  });

  test.each<[string, string[], string[]]>([
    [
      'a field that there is not',
      at('always', '{{ run.fail }}'),
      ['13:8 `run` has no field `fail`; did you mean `failed`?'],
    ],
    [
      'a field of a field',
      at('failure', '{{ run.failed.reason }}'),
      ['13:15 `run.failed` has no field `reason`; it has cell, item, code and message'],
    ],
    ['a failure without looking', at('always', '{{ run.failed.cell }}'), [`13:15 ${mayBeNull}`]],
    [
      'a failure where an end says that the run has failed',
      [fence('end { name=e when="false" as=failed }', ''), ...at('failure', '{{ run.failed.cell }}')],
      [`17:15 ${mayBeNull}`],
    ],
    [
      'anything of it on the way',
      [http('http { name=a }', '{{ run.url }}')],
      [
        '8:4 `run` is known only to cells that run at the end (`undo=`, and sections with `on`); known here: params, outputs, cells and step',
      ],
    ],
    [
      'it in code of the way',
      [fence('js { name=a }', 'export default ({ run }) => run.url')],
      ['6:19 `run` is known only to cells that run at the end (`undo=`, and sections with `on`)'],
    ],
    [
      'its variables in a script of the way',
      [fence('sh { name=a }', 'echo "$PAWL_RUN_URL"')],
      [
        '6:7 there is no `PAWL_RUN_URL` here: `run` is known only to cells that run at the end (`undo=`, and sections with `on`)',
      ],
    ],
    [
      'a variable that there is not',
      [cell('a'), undo('a', 'echo "$PAWL_RUN_FAILED_CEL"')],
      ['10:7 there is no `PAWL_RUN_FAILED_CEL`; did you mean `PAWL_RUN_FAILED_CELL`?'],
    ],
    [
      'the key of a cell that it does not take back',
      [fence('sh { name=a }', 'echo "$PAWL_ORIGINAL_KEY"')],
      [
        '6:7 there is no `PAWL_ORIGINAL_KEY` here: only a cell that takes back has `PAWL_ORIGINAL_KEY`, that of a cell with a key',
      ],
    ],
    [
      'an element of that name',
      ['## A { each="params.nodes" as=run }', cell('a')],
      ['5:31 `run` has a meaning here already; call the element otherwise'],
    ],
  ])('is refused: %s', (_, parts, expected) => {
    expect(problems(parts)).toEqual(expected);
  });

  test('a failure is there at the end of one, and where something looked', () => {
    expect(problems(at('failure', '{{ run.failed.cell }}'))).toEqual([]);
    const branch = [cell('a'), '## End { on=always }', '### Failed { when="run.failed != null" }'];
    expect(problems([...branch, http('http { name=last }', '{{ run.failed.code }}')])).toEqual([]);
  });

  test('scripts at the end have their variables, and may set their own', () => {
    expect(problems([cell('a'), undo('a', 'echo "$PAWL_RUN_BEGAN_BY $PAWL_ORIGINAL_KEY"')])).toEqual([]);
    expect(problems([fence('sh { name=a }', 'PAWL_RUN_URL=x\necho "$PAWL_RUN_URL"')])).toEqual([]);
  });

  test('is evaluated', () => {
    const run = { failed: null, began: { by: 'bob', reason: null }, url: 'https://a.b/instances/i1' };
    const scope = { params: {}, outputs: {}, step: {}, run };
    const source = "run.failed == null ? run.began.by : 'x'";
    expect(authoring.evaluate({ source, line: 1 }, scope)).toEqual({ kind: 'value', value: 'bob' });
  });
});

test('parts of a parallel section take back their own, and their section is taken back over the same parts', () => {
  const runbook = compiled([
    '## Both { name=regions parallel }',
    '### Europe { name=eu }',
    cell('a'),
    undo('a'),
    '### America { name=us }',
    cell('b'),
    '#### Always { on=always }',
    cell('c'),
    '## After',
    cell('d'),
  ]);
  expect(sketch(runbook.cells)).toEqual(['0 regions', '1 d', '2 undo_regions takes back']);
  const { body } = named(runbook.cells, 'regions');
  const parts = body.kind === 'each' ? (body.parts ?? []) : [];
  expect(parts.map(({ cells }) => sketch(cells))).toEqual([
    ['0 a', '1 undo_a takes back'],
    ['0 b', '1 c on always'],
  ]);
  expect(named(runbook.cells, 'undo_regions').body).toMatchObject({ undoes: 'regions', cells: [] });
});

test('what takes a cell back stands in the part of that', () => {
  const both = ['## Both { name=regions parallel }', '### Europe { name=eu }', cell('a'), '### America { name=us }'];
  expect(problems([...both, cell('b'), undo('a')])).toEqual([
    '16:14 cell `a` (line 7) stands in another part of section `regions`, and each takes back its own; move this fence into that',
  ]);
});

/** docs/runbooks.md: what is made of the sources is fresh, its runbooks compile, and nothing that an author may write is missing. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { renewed } from '../../scripts/reference/regions.ts';
import { authoringWith } from '../../src/authoring/index.ts';
import { type FenceKind, kinds } from '../../src/authoring/kinds.ts';
import { type Cell, errorCodes } from '../../src/engine/index.ts';
import { someTasks } from '../support/tasks.ts';
import { readPage } from './blocks.ts';

/** The page has its own tasks, whose files are run where its commands are. */
const authoring = authoringWith(someTasks('charge', 'count_stock', 'sell'));
const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const text = read('docs/runbooks.md');
const { documents } = await readPage('runbooks.md');
const ofAuthors = globSync('src/{authoring,cells}/*.{ts,mjs}', { cwd: root }).map(read).join('\n');
const found = (source: string, pattern: RegExp): string[] =>
  [...new Set([...source.matchAll(pattern)].map((match) => match[1] ?? ''))].sort();

const region = (name: string): string => text.split(`<!-- generated: ${name} -->\n`)[1]?.split('<!-- end -->')[0] ?? '';
/** The rows of a table, its cells without the marks of code. */
const rowsOf = (name: string): string[][] =>
  region(name)
    .split('\n')
    .slice(2)
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
const named = (name: string): string[] => rowsOf(name).map(([first = '']) => first.replaceAll('`', ''));

const problems = (source: string): string[] => {
  const compiled = authoring.compile(source);
  return compiled.kind === 'runbook' ? [] : compiled.problems.map(({ line, message }) => `${line}: ${message}`);
};
const documentOf = (...fences: string[]): string =>
  `---\nrunbook: a\nsecrets: { KEY: { from: "env:KEY", hosts: [a.b] } }\n---\n\n${fences.join('\n\n')}\n`;
const fence = (info: string, body: string): string => `\`\`\`${info}\n${body}\n\`\`\``;
const cellOf = (...fences: string[]): Cell | undefined => {
  const compiled = authoring.compile(documentOf(...fences));
  return compiled.kind === 'runbook' ? compiled.runbook.cells[0] : undefined;
};

test('what is made of the sources is fresh: else `npm run reference`', () => {
  expect(renewed(text)).toBe(text);
});

describe('its runbooks', () => {
  test('have ids of their own', () => {
    expect(new Set(documents.map(({ file }) => file)).size).toBe(documents.length);
    expect(documents.length).toBeGreaterThan(8);
  });

  test.each(documents)('$file, line $line, compiles, or is refused where the page says so', ({ source, isRefused }) => {
    if (isRefused) expect(problems(source).length).toBeGreaterThan(0);
    else expect(problems(source)).toEqual([]);
  });

  test('show every attribute', () => {
    const infos = documents.flatMap(({ source }) => found(source, /^```\w+ \{ (.*) \}$/gm)).join(' ');
    const missing = [...named('attributes'), ...named('attributes of probes')].filter(
      (name) => !new RegExp(`(?:^|\\s)${name}(?:=|\\s|$)`).test(infos),
    );
    expect(missing).toEqual([]);
  });

  test('show every kind of cell, and probes of each sort', () => {
    const cells = documents.flatMap(({ source }) => {
      const compiled = authoring.compile(source);
      return compiled.kind === 'runbook' ? compiled.runbook.cells : [];
    });
    expect(new Set(cells.map(({ body }) => body.kind))).toEqual(new Set([...kinds, 'branch', 'each']));
    expect(new Set(cells.flatMap(({ probe }) => probe?.body.kind ?? []))).toEqual(new Set(['sh', 'js', 'http', 'aws']));
  });
});

describe('nothing is missing that the sources know', () => {
  test('every kind, and one that comes later', () => {
    expect(named('kinds')).toEqual([...kinds]);
    expect(text).toContain('`lambda`');
  });

  test('every attribute that is read anywhere', () => {
    const reading =
      /(?:attributes\.(?:get|has)|textOfAttribute|readDuration|readNames|readStatuses|choose|within|answer)\(\s*'(\w+)'/g;
    const table = text.slice(text.indexOf('| on the heading |'), text.indexOf('**In the section**'));
    const ofHeadings = [...found(table, /^\| `(\w+)` \|/gm), ...found(text, /^\| `\{ (\w+)=\w+ \}` \|/gm)];
    const known = [...named('attributes'), ...named('attributes of probes'), ...ofHeadings, 'probe', 'expect'];
    const used = found(ofAuthors, reading);
    expect(used.length).toBeGreaterThan(20);
    expect(known).toEqual(expect.arrayContaining(used));
    for (const role of ['probe', 'expect']) expect(text).toContain(`\`${role}=\``);
  });

  test('every limit', () => {
    const used = [
      ...found(ofAuthors, /\blimits\.(\w+)/g),
      ...found(ofAuthors, /\((\w+Max)\)/g),
      ...found(ofAuthors, /\{ (?:(\w+Max)[^}]*) \} = limits/g).map((name) => name),
    ];
    expect(used.length).toBeGreaterThan(40);
    expect(named('limits')).toEqual(expect.arrayContaining(used));
  });

  test('every environment variable', () => {
    const used = found(ofAuthors, /\b(PAWL_[A-Z]+(?:_[A-Z]+)*)\b/g);
    expect(used).toContain('PAWL_OUTPUT');
    for (const name of used) expect(text, name).toContain(`\`${name}`);
    const shown = /^ {2}(HOME LANG .*)$/m
      .exec(text)?.[1]
      ?.split(' ')
      .map((name) => name.replace(/_PARAM_.*/, '_PARAM_NAME'));
    const rows = found(text, /^\| (`(?:[A-Z_]+`(?:, `[A-Z_]+`)*)) \|/gm).flatMap(
      (names) => names.match(/[A-Z_]+/g) ?? [],
    );
    const named = ['PAWL_OUT_CELL', 'PAWL_OUT_CELL_FIELD', 'PAWL_ITEM', 'PAWL_INDEX'];
    expect(new Set(rows)).toEqual(new Set([...(shown ?? []), ...named, 'TRACEPARENT']));
  });

  test('every code by which a cell or a document is refused, and none that there is not', () => {
    const family = /'((?:approval|cell|each|http|inputs|key|limit|output|params|request|wait|when)\.[a-zA-Z]+)'/g;
    const executors = read('src/handlers/remote.ts') + read('src/engine/advance.ts');
    const steps = globSync('src/engine/{call,commands,steps,waiting,rules}/*.ts', { cwd: root }).map(read).join('\n');
    const ofSteps = found(steps, /(?:failure\(\s*|code: )'([\w.]+)'/g);
    const used = [...found(ofAuthors + executors, family), ...ofSteps].filter(
      (one) => !refusalsOfCalls.has(one) && !one.endsWith('.json'),
    );
    expect(used.length).toBeGreaterThan(25);
    expect(named('errors')).toEqual(expect.arrayContaining(used));
    const all = globSync('src/{authoring,cells,engine,handlers}/**/*.{ts,mjs}', { cwd: root }).map(read).join('\n');
    for (const code of named('errors')) expect(all, code).toContain(`'${code}'`);
  });

  test('every key of front matter and every status of a claim', () => {
    expect(named('front matter')).toEqual(
      expect.arrayContaining(['runbook', 'params', 'defaults.keyWindow', 'concurrency']),
    );
    for (const status of ['asserted', 'supported', 'invalidated', 'superseded'])
      expect(text).toContain(`\`${status}\``);
  });
});

/** Codes of the API about a call, not about a step or a document: `/openapi.json` has them. */
const refusalsOfCalls = new Set(
  Object.keys(errorCodes).filter(
    (code) => !['limit.exceeded', 'params.invalid', 'request.invalid', 'inputs.changed'].includes(code),
  ),
);

describe('what it says of attributes', () => {
  const bare = cellOf(fence('sh { name=a }', 'true'));

  test('is what a cell gets that says nothing', () => {
    expect(bare).toMatchObject({
      timeoutMs: 15_000,
      retryMax: null,
      interrupted: 'hold',
      settleMs: 120_000,
      keyWindowMs: null,
      optional: false,
    });
    expect(cellOf(fence('http { name=a }', 'GET https://example.com'))?.interrupted).toBe('retry');
    const normally = Object.fromEntries(rowsOf('attributes').map(([name, , , said]) => [name, said]));
    expect(normally).toMatchObject({ '`settle`': '`2m`', '`quorum`': '1', '`tz`': '`UTC`' });
    expect(rowsOf('attributes').find(([name]) => name === '`timeout`')?.[3]).toBe('`15s`');
  });

  const bounded: [
    attribute: string,
    min: string,
    max: string,
    beyond: [string, string],
    document: (value: string) => string,
  ][] = [
    ['timeout', '100ms', '1d', ['99ms', '86400001ms'], (v) => fence(`sh { name=a timeout=${v} }`, 'true')],
    [
      'timeout of http',
      '100ms',
      '5m',
      ['99ms', '300001ms'],
      (v) => fence(`http { name=a timeout=${v} }`, 'GET https://a.b'),
    ],
    ['retry', '0', '100', ['-1', '101'], (v) => fence(`sh { name=a retry=${v} }`, 'true')],
    [
      'settle',
      '0',
      '1d',
      ['-1ms', '86400001ms'],
      (v) => `${fence(`sh { name=a interrupted=probe settle=${v} }`, 'true')}\n\n${fence('sh { probe=a }', 'true')}`,
    ],
    ['keyWindow', '1s', '366d', ['999ms', '367d'], (v) => fence(`sh { name=a keyWindow=${v} }`, 'true')],
    [
      'poll',
      '1s',
      '1d',
      ['999ms', '86400001ms'],
      (v) => `${fence(`sh { name=a poll=${v} within=1h }`, 'true')}\n\n${fence('cel { expect=a }', 'exitCode == 0')}`,
    ],
    [
      'within',
      '1s',
      '366d',
      ['999ms', '367d'],
      (v) => `${fence(`sh { name=a poll=1s within=${v} }`, 'true')}\n\n${fence('cel { expect=a }', 'exitCode == 0')}`,
    ],
    ['expires', '1s', '366d', ['999ms', '367d'], (v) => fence(`approve { name=a approvers=b expires=${v} }`, 'Well?')],
    ['quorum', '1', '10', ['0', '11'], (v) => fence(`approve { name=a groups=b quorum=${v} }`, 'Well?')],
    ['for', '1s', '366d', ['999ms', '367d'], (v) => fence(`wait { name=a for=${v} }`, '')],
  ];

  test.each(bounded)('%s is %s to %s', (attribute, min, max, beyond, body) => {
    const [name, ofHttp] = attribute.split(' of ');
    const said = rowsOf('attributes').find(([first]) => first === `\`${name}\``)?.[2] ?? '';
    expect(said).toContain(ofHttp === undefined ? `${min} to ${max}` : `\`http\` to ${max}`);
    for (const value of [min, max]) expect(problems(documentOf(body(value))), value).toEqual([]);
    for (const value of beyond) expect(problems(documentOf(body(value))), value).toHaveLength(1);
  });
});

describe('the table of attributes', () => {
  const bodies: Record<FenceKind, string> = {
    ts: 'export default () => 1',
    js: 'export default () => 1',
    sh: 'true',
    http: 'GET https://a.b',
    aws: '',
    task: '',
    assert: 'true',
    manual: 'Look.',
    await: 'claim: x\nuntil: supported',
    approve: 'Well?',
    wait: '',
    end: '',
    run: 'runbook: other',
  };
  /** What a cell of the kind needs to be one. */
  const needs: Partial<Record<FenceKind, string>> = {
    approve: 'approvers=b',
    aws: 'service=dynamodb action=ListTables',
    task: 'task=charge',
    wait: 'for=1s',
    end: 'when=true',
  };
  /** What each attribute stands beside; in the place of what is needed where they exclude each other. */
  const samples: Record<string, string> = {
    name: '',
    undo: 'undo=b',
    of: 'undo=b of=begun',
    as: 'as=failed',
    when: 'when=true',
    optional: 'optional',
    timeout: 'timeout=5s',
    retry: 'retry=1',
    retryOn: 'retry=1 retryOn=unexpected',
    interrupted: 'interrupted=hold',
    settle: 'interrupted=probe settle=5s',
    keyWindow: 'keyWindow=1h',
    uses: 'uses=KEY',
    poll: 'poll=1s',
    within: 'poll=1s within=1h',
    onTimeout: 'poll=1s within=1h onTimeout=fail',
    holds: 'poll=1s holds=1m',
    times: 'poll=1s times=2',
    escape: 'escape=none',
    failedOn: 'failedOn=500',
    unknownOn: 'unknownOn=404',
    at: 'at=bastion',
    programs: 'programs=jq',
    env: 'env=KUBECONFIG',
    cookies: 'cookies=keep',
    redirects: 'redirects=2',
    sigv4: 'sigv4="execute-api eu-west-1"',
    role: 'role=arn:aws:iam::123456789012:role/r',
    service: 'service=dynamodb action=ListTables',
    action: 'service=dynamodb action=ListTables',
    region: 'region=eu-west-1',
    task: 'task=charge',
    errexit: 'errexit=off',
    shell: 'shell=bash',
    approvers: 'approvers=b',
    groups: 'groups=g',
    quorum: 'quorum=1',
    self: 'self=true',
    expires: 'expires=1h',
    default: 'expires=1h default=reject',
    onReject: 'onReject=halt',
    shows: 'shows=b.log',
    for: 'for=1s',
    until: 'until=2026-01-01T00:00:00Z',
    cron: 'cron="0 2 * * *"',
    tz: 'cron="0 2 * * *" tz=UTC',
    each: 'each=[1]',
    max: 'each=[1] max=2',
    stopAfter: 'each=[1] stopAfter=2',
    output: 'output=params',
  };
  const written = (kind: FenceKind, attribute: string): string[] => {
    const own: Record<string, string> = {
      'await onTimeout': 'timeout=1h onTimeout=fail',
      'aws failedOn': 'failedOn=Conflict',
      'aws unknownOn': 'unknownOn=Conflict',
      'run as': 'each=[1] as=one',
      'run within': 'within=1h',
      'http role': `${samples.sigv4} ${samples.role}`,
    };
    const sample = own[`${kind} ${attribute}`] ?? samples[attribute];
    const isItself =
      /^(?:action|approvers|for|service|task|until|cron|tz)$/.test(attribute) ||
      (kind === 'end' && attribute === 'when');
    const needed = isItself ? '' : (needs[kind] ?? '');
    const body = attribute === 'escape' && kind === 'http' ? 'POST https://a.b\n\n{{ step.cell }}' : bodies[kind];
    const undoes = sample?.includes('undo=b') === true;
    const isAfter = undoes || attribute === 'shows';
    const cell = fence(`${kind} { ${undoes ? '' : 'name=a'} ${needed} ${sample} }`, body);
    const expectation = fence('cel { expect=a }', 'true');
    const isLooked =
      ['retryOn', 'poll', 'within', 'onTimeout', 'holds', 'times'].includes(attribute) &&
      !['await', 'assert', 'end'].includes(kind);
    return [
      ...(isAfter ? [fence('sh { name=b }', 'true')] : []),
      cell,
      ...(isLooked ? [expectation] : []),
      ...(attribute === 'settle' ? [fence('sh { probe=a }', 'true')] : []),
    ];
  };

  test('has a sample for each', () => {
    expect(new Set(named('attributes'))).toEqual(new Set(Object.keys(samples)));
  });

  test.each(rowsOf('kinds'))('%s takes what stands in its row, and nothing else', (first = '', _, taken = '') => {
    const kind = first.replaceAll('`', '') as FenceKind;
    const said = taken.match(/\w+/g) ?? [];
    const takes = Object.keys(samples).filter(
      (attribute) => problems(documentOf(...written(kind, attribute))).length === 0,
    );
    expect(takes.sort()).toEqual(said.sort());
  });
});

describe('what it says of step', () => {
  const use = (name: string): [where: string, fences: string[]][] => {
    const looks = `has(step.${name})`;
    return [
      ['a placeholder', [fence('manual { name=a }', `{{ step.${name} }}`)]],
      ['when', [fence(`sh { name=a when="${looks}" }`, 'true')]],
      ['an expectation', [fence('sh { name=a }', 'true'), fence('cel { expect=a }', looks)]],
      ['an await', [fence('await { name=a }', `claim: x\nuntil: supported\nif: ${looks}`)]],
      ['an assert', [fence('assert { name=a }', looks)]],
    ];
  };

  test.each(rowsOf('step'))('%s', (field, _, inPlaceholders, inExpectations, without) => {
    const allowed = [inPlaceholders, inPlaceholders, inExpectations, without, without].map((said) => said === 'yes');
    const name = (field ?? '').replaceAll('`', '');
    expect(use(name).map(([, fences]) => problems(documentOf(...fences)).length === 0)).toEqual(allowed);
  });
});

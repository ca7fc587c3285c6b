/** `secrets` of the front matter, and what its cells use of them. */
import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';

const front = `---
runbook: demo
params: { host: { type: string, default: a.example } }
secrets:
  PAGER: { from: "ssm:/pawl/pager", hosts: [events.example.com] }
  KEY: { from: "file:/etc/key" }
  DB: { from: "env:DB_PASSWORD", hosts: [db.example.com] }
---
`;
const fence = (info: string, body = 'true'): string => `\`\`\`${info}\n${body}\n\`\`\`\n`;
const compile = (body: string) => authoring.compile(front + body);
const usesOf = (body: string): (string[] | undefined)[] => {
  const result = compile(body);
  if (result.kind === 'problems') throw new Error(JSON.stringify(result.problems));
  return result.runbook.cells.map(({ uses }) => uses);
};
const problems = (body: string): string[] => {
  const result = compile(body);
  return result.kind === 'runbook' ? [] : result.problems.map((one) => `${one.line}:${one.column} ${one.message}`);
};
const js = (body: string, more = ''): string => fence(`js { name=a${more} }`, body);
const http = (body: string, more = ''): string => fence(`http { name=a${more} }`, body);

test('they stand in the compiled runbook, which has none where none is declared', () => {
  const result = compile(fence('sh { name=a uses="KEY DB PAGER" }'));
  expect(result).toMatchObject({
    kind: 'runbook',
    notes: [],
    runbook: {
      secrets: {
        PAGER: { from: 'ssm:/pawl/pager', hosts: ['events.example.com'] },
        KEY: { from: 'file:/etc/key', hosts: [] },
        DB: { from: 'env:DB_PASSWORD', hosts: ['db.example.com'] },
      },
    },
  });
  const plain = authoring.compile(`---\nrunbook: demo\n---\n${fence('sh { name=a }')}`);
  expect(plain.kind === 'runbook' && ('secrets' in plain.runbook || 'uses' in (plain.runbook.cells[0] ?? {}))).toBe(
    false,
  );
});

test('one that no cell uses is a note', () => {
  const result = compile(fence('sh { name=a uses="KEY PAGER" }'));
  expect(result).toMatchObject({ kind: 'runbook', notes: [{ line: 7, message: expect.stringContaining('`DB`') }] });
});

describe('a cell uses what it names and what its text refers to', () => {
  test.each<[string, string, string[] | undefined]>([
    ['nothing', fence('sh { name=a }'), undefined],
    ['by its attribute', fence('sh { name=a uses="KEY DB" }'), ['DB', 'KEY']],
    [
      'a file of a script',
      fence('sh { name=a }', 'curl -K "$PAWL_SECRETS/KEY" -d @"${PAWL_SECRETS}/DB"'),
      ['DB', 'KEY'],
    ],
    ['the same in quotes', fence('sh { name=a }', 'cat "$PAWL_SECRETS"/KEY'), ['KEY']],
    ['both', fence('sh { name=a uses=DB }', 'cat $PAWL_SECRETS/KEY'), ['DB', 'KEY']],
    ['a parameter that is taken apart', js('export default ({ secrets: { KEY } }) => KEY.length'), ['KEY']],
    ['a field', js('export default ({ secrets }) => secrets.KEY.length + secrets["DB"].length'), ['DB', 'KEY']],
    ['a field of the whole', js('export default (it) => it.secrets.KEY.length'), ['KEY']],
    [
      'more than can be told, with the attribute',
      js('export default ({ secrets }) => Object.keys(secrets)', ' uses=DB'),
      ['DB'],
    ],
    ['other names that are called so', js('export default ({ outputs }) => ({ secrets: 1 })'), undefined],
    ['a header', http('GET https://events.example.com/\nAuthorization: Bearer {{ secrets.PAGER }}'), ['PAGER']],
    [
      'a body',
      http(
        'POST https://db.example.com/\nContent-Type: application/json\n\n{ "key": {{ secrets.DB }}, "b": "x{{secrets.PAGER}}" }',
      ),
      ['DB', 'PAGER'],
    ],
    [
      'its probe',
      fence('http { name=a interrupted=probe }', 'POST https://a.example/') +
        fence(
          'http { probe=a done="output.status == 200" notDone="output.status == 404" }',
          'GET https://a.example/\nX-Key: {{ secrets.DB }}',
        ),
      ['DB'],
    ],
  ])('%s', (_, body, uses) => {
    expect(usesOf(body)).toEqual([uses]);
  });
});

describe('what is refused, and where', () => {
  test.each<[string, string, string]>([
    [
      'a name that is not declared',
      fence('sh { name=a uses="KEY KEYS" }'),
      '9:26 there is no secret `KEYS`; did you mean `KEY`?',
    ],
    ['the same in a script', fence('sh { name=a }', 'true\ncat $PAWL_SECRETS/NOPE'), '11:6 there is no secret `NOPE`'],
    ['the same in code', js('export default ({ secrets }) => secrets.NOPE'), '10:41 there is no secret `NOPE`'],
    [
      'the same in a request',
      http('GET https://a.example/\nX-A: {{ secrets.NOPE }}'),
      '11:17 there is no secret `NOPE`',
    ],
    [
      'code that takes them all',
      js('export default ({ secrets }) => Object.keys(secrets)'),
      '10:19 which secrets this code uses',
    ],
    ['a script that takes them all', fence('sh { name=a }', 'ls "$PAWL_SECRETS"'), '10:6 which secrets this code uses'],
    [
      'one in an address',
      http('GET https://events.example.com/{{ secrets.PAGER }}'),
      '10:35 a secret stands alone in the headers',
    ],
    [
      'one in an expression',
      http('GET https://events.example.com/\nX-A: {{ secrets.PAGER + "x" }}'),
      '11:9 a secret stands alone',
    ],
    ['one in `when`', fence('sh { name=a when="secrets.KEY == \'x\'" }'), '9:22 a secret stands alone'],
    [
      'one in an expectation',
      fence('sh { name=a }') + fence('cel { expect=a }', 'output == secrets.KEY'),
      '13:11 a secret stands alone',
    ],
    ['one in instructions', fence('manual { name=a }', 'Say {{ secrets.KEY }}'), '10:8 a secret stands alone'],
    [
      'a request with one that has no hosts',
      http('GET https://a.example/\nX-A: {{ secrets.KEY }}'),
      '9:1 the secret `KEY` has no `hosts`',
    ],
    [
      'a placeholder in a script',
      fence('sh { name=a }', 'echo {{ secrets.KEY }}'),
      '10:6 `{{ secrets.KEY }}` is not filled in here; a script reads it from its file, as `"$(cat "$PAWL_SECRETS/KEY")"`',
    ],
    [
      'one in the input of an `aws` cell',
      fence('aws { name=a service=dynamodb action=ListTables }', 'ExclusiveStartTableName: "{{ secrets.KEY }}"'),
      '10:30 a secret stands alone in the headers or the body of an `http` cell',
    ],
    [
      'the attribute at an `aws` cell',
      fence('aws { name=a service=dynamodb action=ListTables uses=KEY }', ''),
      '9:52 `uses` is for `ts`, `js`, `sh`, `http` and `task` cells',
    ],
    [
      'a script that makes one which is a variable',
      fence('sh { name=a }', 'printf x > "$PAWL_SECRETS/DB"'),
      '10:10 `DB` is a variable of Pawl',
    ],
    ['the attribute where nothing runs', fence('assert { name=a uses=KEY }', '1 == 1'), '9:'],
  ])('%s', (_, body, where) => {
    expect(
      problems(body).some((line) => line.startsWith(where)),
      problems(body).join('\n'),
    ).toBe(true);
  });

  test('a variable that is handed to no cell, whatever a place allows', () => {
    for (const name of ['AWS_SECRET_ACCESS_KEY', 'PAWL_TOKEN', 'LD_PRELOAD']) {
      const source = `---\nrunbook: demo\nsecrets: { X: { from: "env:${name}" } }\n---\n${fence('sh { name=a uses=X }')}`;
      const result = authoring.compile(source);
      expect(result.kind === 'problems' && result.problems[0]?.message).toContain('is never handed to a cell');
    }
  });

  test('`unique` takes none: it stands in the journal', () => {
    const result = authoring.compile(
      front.replace('params:', 'unique: "{{ secrets.KEY }}"\nparams:') + fence('sh { name=a }'),
    );
    expect(result).toMatchObject({ kind: 'problems', problems: [{ line: 3 }] });
  });
});

describe('a request is filled in', () => {
  const result = compile(
    http(
      'POST https://db.example.com/\nAuthorization: Bearer {{ secrets.PAGER }}\nContent-Type: application/json\n\n{ "key": {{ secrets.DB }}, "b": "x{{secrets.DB}}" }',
    ),
  );
  const body = result.kind === 'runbook' ? result.runbook.cells[0]?.body : undefined;
  const filled = (secrets: Record<string, string>) =>
    body === undefined ? undefined : authoring.renderBody(body, { params: {}, outputs: {}, step: {}, secrets });

  test('as its type writes a value', () => {
    expect(filled({ PAGER: 'pager-1', DB: 'a"b\\c' })).toMatchObject({
      kind: 'body',
      body: {
        headers: [
          ['Authorization', 'Bearer pager-1'],
          ['Content-Type', 'application/json'],
        ],
        body: '{ "key": "a\\"b\\\\c", "b": "xa\\"b\\\\c" }',
      },
    });
  });

  test('one that no header may hold is not told', () => {
    const refused = filled({ PAGER: 'one\ntwo-three', DB: 'x' });
    expect(refused).toMatchObject({ kind: 'error', message: expect.stringContaining('Authorization') });
    expect(JSON.stringify(refused)).not.toContain('two-three');
  });

  test('one that is not there is an error', () => {
    expect(filled({ PAGER: 'pager-1' })).toEqual({ kind: 'error', message: 'There is no secret DB.' });
  });
});

test('how a script is run goes with it to where it runs', () => {
  const result = compile(fence('sh { name=a shell=bash }', 'true'));
  const body = result.kind === 'runbook' ? result.runbook.cells[0]?.body : undefined;
  expect(body && authoring.renderBody(body, { params: {}, outputs: {}, step: {} })).toEqual({
    kind: 'body',
    body: { kind: 'sh', code: 'true', errexit: true, shell: 'bash' },
  });
});

/** Values in requests: whoever gives them changes nothing of what the author wrote around them. */
import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';

const documentOf = (type: string | undefined, body: string, attributes = ''): string =>
  [
    '---',
    'runbook: demo',
    'params:',
    '  v: {}',
    '---',
    `\`\`\`http { name=a${attributes} }`,
    'POST https://example.com/users',
    ...(type === undefined ? [] : [`Content-Type: ${type}`]),
    '',
    body,
    '```',
    '',
  ].join('\n');
const problems = (type: string | undefined, body: string, attributes = ''): string[] => {
  const result = authoring.compile(documentOf(type, body, attributes));
  return result.kind === 'runbook' ? [] : result.problems.map((one) => `${one.line}:${one.column} ${one.message}`);
};
const sent = (type: string | undefined, body: string, v: unknown, attributes = ''): unknown => {
  const result = authoring.compile(documentOf(type, body, attributes));
  const cell = result.kind === 'runbook' ? result.runbook.cells[0]?.body : undefined;
  if (cell === undefined) throw new Error(JSON.stringify(result));
  const rendered = authoring.renderBody(cell, { params: { v }, outputs: {}, step: {} });
  if (rendered.kind === 'error') return rendered.message;
  return rendered.body.kind === 'http' ? rendered.body.body : undefined;
};

test.each([
  'application/json',
  'application/json; charset=utf-8',
  'text/json',
  'APPLICATION/JSON',
  'application/x-json',
  'application/vnd.api+json',
  'application/problem+json; v={{ 1 + 1 }}',
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/x-jsonlines',
])('%s: a value stays inside its string, or is one JSON value', (type) => {
  const end = /ndjson|jsonl/.test(type) ? '\n' : '';
  expect(sent(type, '{ "name": "{{ params.v }}" }', 'x", "role": "admin')).toBe(
    `{ "name": "x\\", \\"role\\": \\"admin" }${end}`,
  );
  expect(sent(type, '{ "name": {{ params.v }} }', '1, "role": 2')).toBe(`{ "name": "1, \\"role\\": 2" }${end}`);
  expect(sent(type, '{ "name": {{ params.v }} }', 'a\n{}')).toBe(`{ "name": "a\\n{}" }${end}`);
});

test('JSON lines are looked at line by line, and a broken one is told where it stands', () => {
  expect(sent('application/x-ndjson', '{ "a": {{ params.v }} }\n{ "b": "{{ params.v }}" }', 7)).toBe(
    '{ "a": 7 }\n{ "b": "7" }\n',
  );
  expect(problems('application/x-ndjson', '{ "a": 1 }\n{ "b": }')).toEqual([
    "11:1 the Content-Type says JSON lines, but this line is not JSON: Unexpected token '}'",
  ]);
  expect(problems('text/json', '{ "a": }')[0]).toMatch(/^10:1 the Content-Type says JSON, but the body is not JSON/);
});

test('a form: no value adds a parameter', () => {
  const form = 'application/x-www-form-urlencoded';
  expect(sent(form, 'user={{ params.v }}&role=guest', 'eve&role=admin')).toBe('user=eve%26role%3Dadmin&role=guest');
  expect(sent(`${form}; charset=UTF-8`, 'user={{ params.v }}', 'a b+ü%')).toBe('user=a%20b%2B%C3%BC%25');
  expect(sent(form, 'n={{ params.v }}', 7)).toBe('n=7');
  expect(sent(form, 'n={{ params.v }}', { a: 1 })).toContain(
    'only a text, a number or a truth value can be part of a form',
  );
});

describe('XML', () => {
  test.each(['application/xml', 'text/xml; charset=utf-8', 'application/soap+xml', 'image/svg+xml'])(
    '%s: a value is text or part of a quoted attribute',
    (type) => {
      expect(sent(type, '<u name="{{ params.v }}">{{ params.v }}</u>', "\"/><role a='x'>&")).toBe(
        '<u name="&quot;/&gt;&lt;role a=&apos;x&apos;&gt;&amp;">&quot;/&gt;&lt;role a=&apos;x&apos;&gt;&amp;</u>',
      );
      expect(sent(type, "<u name='{{ params.v }}'/>", "a'\n\tb")).toBe("<u name='a&apos;&#10;&#9;b'/>");
      expect(sent(type, '<u>{{ params.v }}</u>', 'a\u0001')).toContain('a character that XML cannot have');
      expect(sent(type, '<!-- a > b --><u>{{ params.v }}</u>', 3)).toBe('<!-- a > b --><u>3</u>');
    },
  );
  test.each([
    ['<u {{ params.v }}/>', '10:4', 'a tag, outside of the quotes of an attribute'],
    ['<{{ params.v }}/>', '10:2', 'a tag, outside of the quotes of an attribute'],
    ['<u a="1" b={{ params.v }}/>', '10:12', 'a tag, outside of the quotes of an attribute'],
    ['<u><![CDATA[{{ params.v }}]]></u>', '10:13', 'a CDATA section'],
    ['<u><!-- {{ params.v }} --></u>', '10:9', 'a comment'],
    ['<?x {{ params.v }}?><u/>', '10:5', 'a processing instruction'],
    ['<!DOCTYPE {{ params.v }}><u/>', '10:11', 'a declaration'],
  ])('%s is refused', (body, where, place) => {
    expect(problems('text/xml', body)).toEqual([
      `${where} a value keeps its place in the text of an element or in a quoted attribute, but this one stands in ${place}; move it, or write \`escape=none\` to put it in as it is`,
    ]);
  });
});

describe('a type without a known way of writing values', () => {
  test.each(['text/plain', 'text/csv', 'application/yaml', 'application/json5'])('%s wants escape=none', (type) => {
    expect(problems(type, 'a: {{ params.v }}')).toEqual([
      '10:4 how a value is written in this Content-Type is not known (it is in JSON, JSON lines, application/x-www-form-urlencoded and XML); write `escape=none` on the cell to put values in as they are',
    ]);
    expect(problems(type, 'a: 1')).toEqual([]);
    expect(sent(type, 'a: {{ params.v }}', 'x\ny: "z"', ' escape=none')).toBe('a: x\ny: "z"');
  });
  test.each([
    [undefined, '9:4'],
    ['{{ params.v }}', '10:4'],
    ['application/{{ params.v }}', '10:4'],
  ])('no declared type (%s) wants one, or escape=none', (type, where) => {
    expect(problems(type, 'a: {{ params.v }}')).toEqual([
      `${where} no Content-Type says how a value is written here; declare one (values are known in JSON, JSON lines, application/x-www-form-urlencoded and XML), or write \`escape=none\` on the cell to put values in as they are`,
    ]);
    expect(sent(type, 'a: {{ params.v }}', 'x&y', ' escape=none')).toBe('a: x&y');
  });
  test('escape=none also for JSON that an earlier cell wrote; about nothing, or misspelt, it is refused', () => {
    expect(sent('application/json', '{{ params.v }}', '{"a":1}', ' escape=none')).toBe('{"a":1}');
    expect(problems('text/plain', 'hello', ' escape=none')).toEqual([
      '10:1 there is no placeholder in a body here that `escape=none` could be about; leave it out',
    ]);
    expect(problems('text/plain', '', ' escape=none')).toEqual([
      '7:1 there is no placeholder in a body here that `escape=none` could be about; leave it out',
    ]);
    expect(problems('text/plain', 'a {{ params.v }}', ' escape=non')[0]).toContain('6:25 `escape` is none, not `non`');
  });
});

test.each(['x\r\nX-Admin: 1', 'x\nX-Admin: 1', 'x\rX-Admin: 1', 'x\0', 'x\u010aX-Admin: 1', 'x\u2028y'])(
  'the value %j of a header begins no other header',
  (v) => {
    const source = documentOf('text/plain', 'x').replace('Content-Type', 'X-V: {{ params.v }}\nContent-Type');
    const result = authoring.compile(source);
    const body = result.kind === 'runbook' ? result.runbook.cells[0]?.body : undefined;
    if (body === undefined) throw new Error(JSON.stringify(result));
    expect(authoring.renderBody(body, { params: { v }, outputs: {}, step: {} })).toEqual({
      kind: 'error',
      message: 'The value of the header X-V holds a control character or one beyond Latin-1.',
    });
  },
);

describe('a body arrives as its type demands', () => {
  test('JSON lines end with one line break, also where the last value brings its own', () => {
    const type = 'application/x-ndjson';
    expect(sent(type, '\n{ "index": {} }\n{ "a": 1 }\n\n', null)).toBe('{ "index": {} }\n{ "a": 1 }\n');
    for (const v of ['{}', '{}\n', '{}\n\n']) expect(sent(type, '{{ params.v }}', v, ' escape=none')).toBe('{}\n');
  });
  test('white space around JSON, a form and XML is left out; another text goes as it stands', () => {
    expect(sent('application/json', '\n  { "a": 1 }\n\n', null)).toBe('{ "a": 1 }');
    expect(sent('application/x-www-form-urlencoded', ' a=1\n', null)).toBe('a=1');
    expect(sent('application/xml', '\n<?xml version="1.0"?><a/>\n', null)).toBe('<?xml version="1.0"?><a/>');
    expect(sent('text/plain', '\n  indented\n\tand\n\n', null)).toBe('\n  indented\n\tand\n\n');
    expect(sent(undefined, '  a ', null)).toBe('  a ');
    expect(sent('text/plain', '{{ params.v }}\n', 'a\n\n', ' escape=none')).toBe('a\n\n\n');
  });
  test.each([undefined, 'text/markdown', 'text/plain', 'text/x-markdown; charset=utf-8'])(
    'a heading of Markdown in a body of the type %s is text',
    (type) => {
      const text = '# News\n\n### Changes\n\n- one\n\n###\n';
      expect(sent(type, text, null)).toBe(text);
    },
  );
  test('where a second request follows, it is refused; in Markdown it is an example of one', () => {
    const text = 'x\n\n### next\n# why\nGET https://example.com';
    expect(problems('text/plain', text)).toEqual([expect.stringContaining('12:1 an http cell holds one request')]);
    expect(sent('text/markdown', text, null)).toBe(text);
  });
  const type = 'multipart/form-data; boundary=part';
  const parts = [
    '--part',
    'Content-Disposition: form-data; name="a"',
    '',
    'one',
    'two',
    '--part',
    'Content-Disposition: form-data; name="f"; filename="{{ params.v }}.txt"',
    'Content-Type: text/plain',
    '',
    '{{ params.v }}',
    '',
    '--part--',
    '',
  ].join('\n');
  test('of multipart the lines around the parts end with CR LF, those in them stay', () => {
    expect(sent(type, parts, 'x\ny', ' escape=none')).toBe(
      [
        '--part\r\nContent-Disposition: form-data; name="a"\r\n\r\none\ntwo\r\n',
        '--part\r\nContent-Disposition: form-data; name="f"; filename="x\ny.txt"\r\n',
        'Content-Type: text/plain\r\n\r\nx\ny\n\r\n--part--\r\n',
      ].join(''),
    );
  });
  test.each([
    ['multipart/form-data', '--part\n\n--part--', 'write one into the Content-Type, as in `boundary=part`'],
    ['multipart/form-data; boundary={{ step.cell }}', '--a\n\n--a--', 'without a placeholder'],
    [type, '--part\n\n{{ params.v }}\n--part--', 'write `escape=none` on the cell'],
    [type, 'a\n--part--', 'begins with a line `--part`'],
    [type, '--part\n\na', 'ends with a line `--part--`'],
    ['text/plain; charset=iso-8859-1', 'ü', 'a body is sent as UTF-8, but the Content-Type says `iso-8859-1`'],
  ])('%s that would arrive as something else is refused', (declared, body, says) => {
    expect(problems(declared, body)).toEqual([expect.stringContaining(says)]);
  });
});

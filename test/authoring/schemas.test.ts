/** `json { schema=cell }`: what a good answer looks like. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import type { Expression } from '../../src/engine/index.ts';
import { testRunbook } from '../../src/testing/index.ts';

const documentOf = (schema: string, { cell = 'http { name=a }', body = 'GET https://x.example/', more = '' } = {}) =>
  `---\nrunbook: demo\n---\n\n\`\`\`${cell}\n${body}\n\`\`\`\n\n\`\`\`json { schema=a }\n${schema}\n\`\`\`\n${more}`;
const compile = (...given: Parameters<typeof documentOf>) => authoring.compile(documentOf(...given));
const problems = (...given: Parameters<typeof documentOf>): string[] => {
  const compiled = compile(...given);
  return compiled.kind === 'runbook' ? [] : compiled.problems.map((p) => `${p.line}:${p.column} ${p.message}`);
};
const schemaOf = (...given: Parameters<typeof documentOf>): Expression => {
  const compiled = compile(...given);
  const found = compiled.kind === 'runbook' ? compiled.runbook.cells[0]?.expect.at(-1) : undefined;
  if (found === undefined) throw new Error(JSON.stringify(compiled));
  return found;
};
const look = (schema: string, output: unknown) =>
  authoring.evaluate(schemaOf(schema), { params: {}, outputs: {}, step: {}, output });

const items =
  '{ "type": "object", "required": ["items"], "properties": { "items": { "items": { "type": "integer" } } } }';

test('is one of the expectations of its cell, with the line that it begins in', () => {
  expect(schemaOf(items)).toEqual({ source: 'output.body fits its schema', line: 10, schema: JSON.parse(items) });
  const code = { cell: 'js { name=a }', body: 'export default () => 1' };
  expect(schemaOf('{ "const": 1 }', code).source).toBe('output fits its schema');
});

test.each([
  ['{ "type": "strin" }', '10:11 the schema of `output` is not JSON Schema'],
  ['{\n  "properties": { "a": { "minimun": 3 } }\n}', '11:26 JSON Schema has no keyword `minimun`'],
  ['{ "$ref": "https://x.example/schema" }', '10:3 `$ref` is not read in a schema'],
  ['{ "pattern": "(" }', '10:3 the schema of `output` cannot be used'],
  ['{ "type": ', '10:1 a schema is JSON'],
  ['[]', 'the schema is not a mapping'],
])('%s is refused where it stands', (schema, says) => {
  expect(problems(schema)[0]).toContain(says);
});

test('belongs to a cell that has an answer or an output of code', () => {
  expect(problems('{}', { cell: 'manual { name=a }', body: 'look' })).toEqual([
    expect.stringContaining('9:1 a schema is of an answer or of the output of code'),
  ]);
  const cel = '```cel { schema=a }\ntrue\n```\n';
  expect(authoring.compile(documentOf('{}', { more: cel }))).toMatchObject({
    problems: [{ message: expect.stringContaining('a schema stands in a fence of the language `json`, not `cel`') }],
  });
});

describe('a body', () => {
  test('that does not fit is told by its path; nothing is added to it', () => {
    expect(look(items, { body: { items: [1, 2] } })).toEqual({ kind: 'value', value: true });
    expect(look(items, { body: { items: [1, 'x'] } })).toMatchObject({
      value: false,
      why: '`items[1]` must be integer',
    });
    expect(look(items, { body: {} })).toMatchObject({ value: false, why: '`items` is missing' });
    expect(look(items, { body: 'text' })).toMatchObject({ value: false, why: 'must be object' });
    expect(look(items, null)).toMatchObject({ value: false, why: 'there is no output' });
    const output = { body: {} };
    expect(look('{ "properties": { "a": { "default": 1 } }, "required": ["a"] }', output)).toMatchObject({
      value: false,
    });
    expect(output).toEqual({ body: {} });
  });
  test('with whole numbers beyond 2^53 is looked at as JSON Schema knows numbers', () => {
    expect(look(items, { body: { items: [12345678901234567890n] } })).toEqual({ kind: 'value', value: true });
  });
  test('that takes too long to look at is an error, and ends', () => {
    const body = Array.from({ length: 60_000 }, (_, index) => ({ index }));
    expect(look('{ "uniqueItems": true }', { body })).toMatchObject({
      kind: 'error',
      message: expect.stringContaining('expressionTimeMsMax'),
    });
  });
});

describe('a run', () => {
  const run = async (status: number, body: string, cell = '', more = '') => {
    const server = createServer((_request, response) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(body),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const document = documentOf(items, { cell: `http { name=a ${cell} }`, body: `POST http://${host}/`, more });
      return (await testRunbook(document, { httpAllow: host })).cells[0]?.ended;
    } finally {
      server.closeAllConnections();
      server.close();
    }
  };
  const cel = '```cel { expect=a }\noutput.status == 500\n```\n';
  test.each([
    [200, '{"items":[1]}', 'completed', true, ''],
    [200, '{"items":["x"]}', 'completed', false, ''],
    // What fits is not good for that: a shape alone makes no failure a success, and settles no doubt.
    [400, '{"items":[1]}', 'failed', false, ''],
    [500, '{"items":[1]}', 'unknown', false, ''],
    [500, '{"items":[1]}', 'unknown', true, cel],
    [500, '{"items":["x"]}', 'unknown', false, cel],
  ])('an answer of %i with %s is %s, and as expected: %s', async (status, body, ended, satisfied, more) => {
    expect(await run(status, body, '', more)).toMatchObject({ status: ended, satisfied });
  });
});

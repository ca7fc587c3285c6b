import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import type { Cell } from '../../src/engine/index.ts';

const fence = (info: string, body: string): string => `\`\`\`${info}\n${body}\n\`\`\`\n`;
const front = (defaults = ''): string => `---\nrunbook: demo\n${defaults}---\n`;
const get = 'GET https://example.com/';
const post = 'POST https://example.com/';
const expects = fence('cel { expect=a }', 'status == "completed"');

const compiled = (source: string) => {
  const result = authoring.compile(source);
  if (result.kind === 'problems') throw new Error(JSON.stringify(result.problems));
  return { cell: result.runbook.cells[0] as Cell, notes: result.notes };
};
const problems = (source: string): string[] => {
  const result = authoring.compile(source);
  return result.kind === 'runbook' ? [] : result.problems.map((one) => `${one.line}:${one.column} ${one.message}`);
};

describe('what an interruption leads to, where the author does not say', () => {
  test.each(['GET', 'HEAD', 'OPTIONS'])('%s is declared safe by its method, and check notes it', (method) => {
    const { cell, notes } = compiled(
      front() + fence('http { name=a }', `# a comment\n\n${method} https://example.com/`),
    );
    expect(cell).toMatchObject({ interrupted: 'retry', byMethod: method });
    const message = `\`interrupted=retry\` (${method}, RFC 9110): it is asked again when in doubt; write \`interrupted=hold\` if a person is to look`;
    expect(notes).toEqual([{ line: 4, column: 1, message }]);
  });
  test.each(['POST', 'PUT', 'PATCH', 'DELETE'])('%s is not', (method) => {
    const { cell, notes } = compiled(front() + fence('http { name=a }', `${method} https://example.com/`));
    expect(cell.interrupted).toBe('hold');
    expect([cell.byMethod, notes]).toEqual([undefined, []]);
  });
  test.each([
    ['the cell', front(), 'http { name=a interrupted=hold }'],
    ['`defaults`', front('defaults: { interrupted: hold }\n'), 'http { name=a }'],
  ])('what %s says wins', (_where, start, info) => {
    const { cell, notes } = compiled(start + fence(info, get));
    expect(cell.interrupted).toBe('hold');
    expect([cell.byMethod, notes]).toEqual([undefined, []]);
  });
  test('a poll is in no doubt', () => {
    const { cell } = compiled(front() + fence('http { name=a poll=30s within=1h }', get) + expects);
    expect([cell.interrupted, cell.byMethod]).toEqual(['hold', undefined]);
  });
});

describe('retryOn', () => {
  test('unexpected: what completed and is not as expected is repeated as well', () => {
    const { cell } = compiled(front() + fence('sh { name=a retry=2 retryOn=unexpected }', 'true') + expects);
    expect(cell.retryOn).toBe('unexpected');
    expect(compiled(front() + fence('sh { name=a retry=2 }', 'true')).cell).not.toHaveProperty('retryOn');
  });
  test.each([
    ['retryOn=failed retry=1', expects, '4:24 `retryOn` is unexpected, not `failed`'],
    ['retryOn=unexpected', expects, '4:24 `retryOn` says what `retry` repeats; it needs `retry=`'],
    ['retryOn=unexpected retry=2', '', '4:24 nothing is expected here that could not hold'],
    ['retryOn=unexpected poll=30s within=1h', expects, '`retryOn` cannot stand beside `poll`'],
  ])('%s: refused', (attributes, more, message) => {
    const found = problems(front() + fence(`sh { name=a ${attributes} }`, 'echo 1') + more);
    expect(found.join('\n')).toContain(message);
  });
});

describe('failedOn and unknownOn', () => {
  test('stand in the request', () => {
    const source = front() + fence('http { name=a failedOn="500 503" unknownOn=404 }', post);
    expect(compiled(source).cell.body).toMatchObject({ failedOn: [500, 503], unknownOn: [404] });
    const rendered = authoring.renderBody(compiled(source).cell.body, { params: {}, outputs: {}, step: {} });
    expect(rendered).toMatchObject({ body: { failedOn: [500, 503], unknownOn: [404] } });
    expect(compiled(front() + fence('http { name=a }', post)).cell.body).not.toHaveProperty('failedOn');
  });
  test.each([
    [
      'http { name=a failedOn="500 5xx" }',
      post,
      '4:32 `failedOn` is a list of statuses from 100 to 599, with spaces between them, not `5xx`',
    ],
    ['http { name=a unknownOn=600 }', post, '`unknownOn` is a list of statuses from 100 to 599'],
    ['http { name=a failedOn="500 500" }', post, '4:32 the status 500 is given twice; keep one'],
    ['http { name=a failedOn=" " }', post, '`failedOn` names no status'],
    [
      'http { name=a failedOn="500 503" unknownOn=503 }',
      post,
      '4:37 the status 503 is in `failedOn` and in `unknownOn`; keep one',
    ],
    ['sh { name=a failedOn=500 }', 'true', 'unknown attribute `failedOn` for `sh` cells'],
    ['http { name=a failedOn=500 poll=30s within=1h }', get, '`failedOn` cannot stand beside `poll`'],
  ])('%s: refused', (info, body, message) => {
    expect(problems(front() + fence(info, body) + expects).join('\n')).toContain(message);
  });
});

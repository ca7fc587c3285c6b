/** What a runbook and its cells say about the place that carries them out. */
import { describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import type { Cell } from '../../src/engine/index.ts';

const fence = (info: string, body: string): string => `\`\`\`${info}\n${body}\n\`\`\`\n`;
const front = (more = ''): string => `---\nrunbook: demo\n${more}---\n`;
const sh = (attributes = ''): string => fence(`sh { name=a ${attributes} }`, 'true');

const cellsOf = (source: string): Cell[] => {
  const result = authoring.compile(source);
  if (result.kind === 'problems') throw new Error(JSON.stringify(result.problems));
  return result.runbook.cells;
};
const problems = (source: string): string[] => {
  const result = authoring.compile(source);
  return result.kind === 'runbook' ? [] : result.problems.map((one) => `${one.line}:${one.column} ${one.message}`);
};

describe('needs', () => {
  test('of the front matter and of the cell are one list, of code cells alone', () => {
    const needs = 'needs: { programs: [kubectl], env: [KUBECONFIG] }\n';
    const http = fence('http { name=b }', 'GET https://example.com/');
    const [a, b] = cellsOf(front(needs) + sh('programs="jq kubectl" env=AWS_PROFILE') + http);
    expect(a?.needs).toEqual({ programs: ['kubectl', 'jq'], env: ['KUBECONFIG', 'AWS_PROFILE'] });
    expect(b).not.toHaveProperty('needs');
  });

  test('a variable that need not be set says so; one that the cell needs is needed', () => {
    const needs = 'needs: { env: [AWS_PROFILE?, KUBECONFIG?] }\n';
    const [a] = cellsOf(front(needs) + sh('env="KUBECONFIG TZ?"'));
    expect(a?.needs).toEqual({ programs: [], env: ['AWS_PROFILE?', 'KUBECONFIG', 'TZ?'] });
  });

  test.each(['AWS_SECRET_ACCESS_KEY?', 'PAWL_TOKEN?'])('%s is never handed on either', (name) => {
    expect(problems(front(`needs: { env: [${name}] }\n`) + sh())).toEqual([
      expect.stringContaining(`\`${name.slice(0, -1)}\` is never handed to a cell`),
    ]);
  });

  test('a cell without any is compiled as before', () => {
    const [cell] = cellsOf(front() + sh());
    expect(cell).not.toHaveProperty('needs');
    expect(cell).not.toHaveProperty('at');
  });

  test.each([
    ['/usr/bin/kubectl', 'programs: [/usr/bin/kubectl]', 'is no name of a program'],
    ['two words', 'programs: ["a b"]', 'is no name of a program'],
    ['a number', 'env: [1]', '`env` is a list of names'],
    ['no name of a variable', 'env: [A-B]', 'is no name of a variable'],
    ['twice', 'programs: [jq, jq]', 'is given twice; keep one'],
    ['needed and not', 'env: [TZ, TZ?]', '`TZ` is given twice; keep one'],
    ['a mark and more', 'env: ["TZ??"]', 'is no name of a variable'],
    ['a program with a mark', 'programs: [jq?]', 'is no name of a program'],
    ['another key', 'tools: [jq]', 'unknown key `tools` in `needs`'],
    ['one text', 'programs: jq', '`programs` is a list of names'],
  ])('%s is refused', (_, inside, why) => {
    expect(problems(`${front(`needs: { ${inside} }\n`)}${sh()}`)).toEqual([expect.stringContaining(why)]);
  });

  test('that are no mapping are refused', () => {
    expect(problems(front('needs: kubectl\n') + sh())).toEqual([expect.stringContaining('`needs` is a mapping')]);
  });

  test.each([
    'PAWL_TOKEN',
    'pawl_token',
    'AWS_ACCESS_KEY_ID',
    'AWS_SECRET_ACCESS_KEY',
    'AWS_SESSION_TOKEN',
    'AWS_CONTAINER_CREDENTIALS_FULL_URI',
    'AWS_WEB_IDENTITY_TOKEN_FILE',
    'NODE_OPTIONS',
    'LD_PRELOAD',
  ])('%s is never handed on, and so never published', (name) => {
    const why = expect.stringContaining(`\`${name}\` is never handed to a cell`);
    expect(problems(front(`needs: { env: [${name}] }\n`) + sh())).toEqual([why]);
    expect(problems(front() + sh(`env=${name}`))).toEqual([why]);
  });

  test.each([
    ['http', 'GET https://example.com/', 'a `http` cell sends a request, and needs none'],
    ['assert', 'true', 'a `assert` cell runs no program, and needs none'],
    ['manual', 'Look.', 'a `manual` cell runs no program, and needs none'],
  ])('a cell of kind %s has none, and is told so', (kind, body, why) => {
    expect(problems(front() + fence(`${kind} { name=a programs=jq }`, body))).toEqual([expect.stringContaining(why)]);
    expect(problems(front() + fence(`${kind} { name=a env=X }`, body))).toEqual([expect.stringContaining(why)]);
  });
});

describe('at', () => {
  test('of a cell goes before that of the front matter, and cells that carry nothing out have none', () => {
    const source =
      front('at: bastion\n') + sh() + fence('sh { name=b at=any }', 'true') + fence('manual { name=c }', 'Look.');
    expect(cellsOf(source).map(({ at }) => at)).toEqual([['bastion'], ['any'], undefined]);
  });

  test('may be made of parameters, and of nothing else', () => {
    const params = 'params: { site: { type: string } }\n';
    const [cell] = cellsOf(`${front(params)}${sh('at="{{ params.site }}"')}`);
    expect(cell?.at).toEqual([{ expression: 'params.site', write: 'text' }]);
    const [all] = cellsOf(`${front(`${params}at: "edge-{{ params.site }}"\n`)}${sh()}`);
    expect(all?.at).toEqual(['edge-', { expression: 'params.site', write: 'text' }]);
    expect(problems(front() + sh() + fence('sh { name=b at="{{ outputs.a }}" }', 'true'))).not.toEqual([]);
  });

  test.each(['Bastion', '9th', 'home', 'a_b', `a${'b'.repeat(32)}`])('%s is no place', (place) => {
    const why = expect.stringContaining(`\`${place}\` is no place`);
    expect(problems(front() + sh(`at=${place}`))).toEqual([why]);
    expect(problems(front(`at: "${place}"\n`) + sh())).toEqual([why]);
  });

  test('is nothing for a cell that carries nothing out', () => {
    expect(problems(front() + fence('manual { name=a at=bastion }', 'Look.'))).toEqual([
      expect.stringContaining('unknown attribute `at` for `manual` cells'),
    ]);
  });
});

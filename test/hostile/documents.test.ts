/** Hostile documents through both doors: `pawl check` and `PUT /runbooks/{id}`. Refused with the place, and nothing stored. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { at, setup } from '../cli/support.ts';
import { openService, type Service, start } from '../handlers/support.ts';
import { longHeadings, longMarks, refusedDocuments } from './documents.ts';
import { reachingDocuments } from './reaching.ts';

type Problem = { file?: string; line: number; column: number; message: string };

const refused = [...refusedDocuments, ...reachingDocuments];
const place = setup();
let service: Service;
beforeAll(async () => {
  service = await openService();
});
afterAll(() => service.world.drop());

const put = (source: string) =>
  service.ask({ method: 'PUT', path: '/runbooks/demo', body: source, headers: { 'content-type': 'text/markdown' } });
const problemsOf = (document: unknown): Problem[] => (at(document, 'problems') ?? []) as Problem[];

describe('documents that are refused', () => {
  let byFile: Map<string, Problem[]>;
  beforeAll(async () => {
    const files = await Promise.all(
      refused.map(({ source }, i) => place.write(`h${String(i).padStart(3, '0')}.md`, source)),
    );
    const { exit, json } = await place.pawl('check', '--json', ...files);
    expect(exit).toBe(2);
    byFile = Map.groupBy(problemsOf(at(json, 'error', 'details')), ({ file }) => file ?? '');
  });

  test.each(refused.map((one, i) => ({ ...one, i })))(
    'hostile $entry: $name is refused by the command line and by the service, with its line',
    async ({ source, says, i }) => {
      const byCli = byFile.get(`h${String(i).padStart(3, '0')}.md`) ?? [];
      const { status, body } = await put(source);
      expect([status, body.code]).toEqual([422, 'runbook.invalid']);
      for (const problems of [byCli, problemsOf(body)]) {
        expect(problems.map(({ message }) => message).join('\n')).toMatch(says);
        expect(problems.every(({ line, column }) => line >= 1 && column >= 1)).toBe(true);
      }
      expect(Reflect.get({}, 'polluted')).toBeUndefined();
    },
  );

  test('hostile 1: none of them is stored', async () => {
    const { status } = await service.ask({ path: '/runbooks/demo' });
    expect(status).toBe(404);
  });
});

test('hostile 6: 10 MB are refused by name of the limit: 413 by the service, exit 2 by the command line', async () => {
  const source = `---\nrunbook: demo\n---\n${'x'.repeat(10 * 1024 * 1024)}`;
  const { status, body } = await put(source);
  expect([status, body.code, body.limit]).toEqual([413, 'limit.exceeded', 'sourceBytesMax']);
  const { exit, err } = await place.pawl('check', await place.write('large.md', source));
  expect(exit).toBe(2);
  expect(err).toContain('sourceBytesMax');
});

test.each(['constructor', 'toString', 'valueOf', 'hasOwnProperty'])(
  'hostile 8: a parameter named %s is data, through both doors',
  async (name) => {
    const source = `---\nrunbook: named\nparams:\n  ${name}: { type: string }\n---\n\`\`\`assert { name=same }\nparams.${name} == "x"\n\`\`\`\n`;
    await service.ask({
      method: 'PUT',
      path: '/runbooks/named',
      body: source,
      headers: { 'content-type': 'text/markdown' },
    });
    const id = await start(service, 'named', { params: { [name]: 'x' } });
    const { body } = await service.ask({ method: 'POST', path: `/instances/${id}/run`, body: {} });
    expect(body).toMatchObject({ result: 'completed', verdict: 'passed' });
    const { exit, json } = await place.pawl('plan', await place.write('named.md', source), '-p', `${name}=x`, '--json');
    expect([exit, at(json, 'params')]).toEqual([0, { [name]: 'x' }]);
  },
);

test('hostile 7: what is said about an empty cell is said where it stands', async () => {
  const { body } = await put('---\nrunbook: demo\n---\n\nText.\n\n```sh { name=a }\n```\n');
  expect(problemsOf(body)).toEqual([{ line: 7, column: 1, message: 'this script is empty; write what the cell does' }]);
});

test('hostile 8: __proto__ given as a parameter is refused through both doors, and nothing is polluted', async () => {
  const source = '---\nrunbook: plain\n---\n```sh { name=a }\ntrue\n```\n';
  await service.ask({
    method: 'PUT',
    path: '/runbooks/plain',
    body: source,
    headers: { 'content-type': 'text/markdown' },
  });
  const { status, body } = await service.ask({
    method: 'POST',
    path: '/runbooks/plain/instances',
    body: '{"params":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}',
  });
  expect([status, body.code]).toEqual([400, 'params.invalid']);
  const { exit, err } = await place.pawl('plan', await place.write('plain.md', source), '-p', '__proto__=x');
  expect(exit).toBe(2);
  expect(err).toContain('__proto__');
  expect(Reflect.get({}, 'polluted')).toBeUndefined();
});

test.each(longMarks)(
  'hostile 11: a document with 100,000 times $mark ends, and is read the same way twice',
  ({ source }) => {
    const [one, other] = [authoring.compile(source), authoring.compile(source)];
    expect(one).toEqual(other);
  },
);

test.each(longHeadings)('hostile 11: $what, 290 KB of them, end, and are read the same way twice', ({ source }) => {
  const [one, other] = [authoring.compile(source), authoring.compile(source)];
  expect(one).toEqual(other);
  expect(source.length).toBeGreaterThan(270_000);
});

test('hostile 16: another version published while an instance runs: the instance goes on in its own', async () => {
  const document = (word: string) =>
    `---\nrunbook: swapped\n---\n\`\`\`manual { name=look }\nLook.\n\`\`\`\n\`\`\`assert { name=is }\n"${word}" == "first"\n\`\`\`\n`;
  const publishing = (word: string) =>
    service.ask({
      method: 'PUT',
      path: '/runbooks/swapped',
      body: document(word),
      headers: { 'content-type': 'text/markdown' },
    });
  await publishing('first');
  const id = await start(service, 'swapped');
  const post = (rest: string, body: object) => service.ask({ method: 'POST', path: `/instances/${id}/${rest}`, body });
  await post('run', {});
  expect((await publishing('second')).body.version).toBe(2);
  await post('cells/look/done', { result: 'done', note: 'seen' });
  const { body } = await post('run', {});
  expect(body).toMatchObject({ result: 'completed', view: { version: 1 } });
});

/** People are told when one of them is needed: a real request, with a secret in it, and a claim. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setup } from './support.ts';

let host = '';
const place = setup('in process', async () => {
  await new Promise<void>((resolve) => pager.listen(0, '127.0.0.1', resolve));
  host = `127.0.0.1:${(pager.address() as AddressInfo).port}`;
  return { PAWL_HTTP_ALLOW: host };
});
type Page = { key: unknown; authorization: unknown; body: unknown };
const pages: Page[] = [];
/** The answer of the pager, until it is set anew. */
let answer = 503;
const pager = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => {
    const { 'idempotency-key': key, authorization } = request.headers;
    pages.push({ key, authorization, body: JSON.parse(body) });
    response.writeHead(answer).end();
  });
});

const documentOf = (runbook: string, notify: string): string => `---
runbook: ${runbook}
secrets: { PAGER: { from: "file:${place.folder}/pager", hosts: ["${host}"] } }
notify:
${notify}
---
\`\`\`sh { name=fails }
echo "no room" >&2
exit 7
\`\`\`
`;
const byRequest = () => `  http: |
    POST http://${host}/pages
    Authorization: Bearer {{ secrets.PAGER }}
    Content-Type: application/json

    {"run": {{ step.instanceId }}, "cell": {{ run.failed.cell }}, "code": {{ run.failed.code }}, "see": {{ run.url }}}`;

beforeAll(() => {
  mkdirSync(join(place.folder, 'data'));
  writeFileSync(join(place.folder, 'data/allow.json'), JSON.stringify({ secrets: [`file:${place.folder}/*`] }));
  writeFileSync(join(place.folder, 'pager'), 'pag3r-s3cret', { mode: 0o600 });
});
afterAll(() => new Promise((resolve) => pager.close(resolve)));

test('a pager that is away is told by the next tick, once, and the secret stands in no journal', async () => {
  await place.write('disk.md', documentOf('disk', byRequest()));
  const ran = await place.pawl('run', 'disk.md', '--instance', 'd1');
  expect(ran.exit).toBe(1);
  expect([pages.length, ran.err]).toEqual([1, expect.stringContaining('"kind":"notify.failed"')]);
  answer = 202;
  await place.pawl('advance', 'd1');
  await place.pawl('advance', 'd1');
  const page = {
    key: 'd1/1/halt',
    authorization: 'Bearer pag3r-s3cret',
    body: { run: 'd1', cell: 'fails', code: 'cell.exit', see: null },
  };
  expect(pages).toEqual([page, page]);
  const { out } = await place.pawl('journal', 'd1', '--notes');
  expect(out).toMatch(new RegExp(`told of fails, seq 1, .*alice\\n +by POST to ${host}\\n`));
  expect(out).not.toContain('pag3r-s3cret');
});

test('a claim is set, with what a person has to know', async () => {
  await place.write('claimed.md', documentOf('claimed', '  claim: pages/oncall').replace(/^secrets.*\n/m, ''));
  await place.pawl('run', 'claimed.md', '--instance', 'c1');
  const { json } = await place.pawl('claim', 'get', 'pages/oncall', '--json');
  expect(json.claim).toMatchObject({
    status: 'asserted',
    statement: 'c1 is halted at fails: The script exited with 7.',
    evidence: { key: 'c1/1/halt', instanceId: 'c1', cell: 'fails', code: 'cell.exit' },
  });
});

test('the plan says who is told', async () => {
  const { out } = await place.pawl('plan', 'disk.md');
  expect(out).toContain(`when it halts, or is in doubt: POST http://${host}/pages`);
});

test.each([
  ['nothing', '  {}', '`notify` names one way'],
  ['two ways', '  claim: a\n  http: GET http://a.b', '`notify` names one way'],
  ['another way', '  mail: me', 'unknown key `mail` in `notify`; known are http and claim'],
  ['an id that is none', '  claim: "a b"', '`a b` is no claim id'],
  ['what began the end', '  claim: "x/{{ run.began.by }}"', '`run` has no field `began`'],
  ['an output', '  claim: "x/{{ outputs.fails }}"', '`outputs` is not known here'],
  ['a secret in the URL', '  http: "POST http://a.b/{{ secrets.PAGER }}"', 'a secret stands alone'],
])('%s is refused', async (_, notify, message) => {
  await place.write('bad.md', documentOf('bad', notify));
  const { exit, err } = await place.pawl('check', 'bad.md');
  expect([exit, err]).toEqual([2, expect.stringContaining(message)]);
});

/** A secret is replaced while its cell runs: real processes, on a data folder, and a stub of the Parameter Store. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { at, type Ended, type Running, setup } from './support.ts';

const [old, fresh] = ['firstS3cret-aaaa', 'secondS3cret-bbbb'];
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Notes what it got, waits until it is let go, and fails until it may succeed. */
const documentOf = (runbook: string, from: string, retry: number): string =>
  `---
runbook: ${runbook}
secrets: { TOKEN: { from: "${from}" } }
---
\`\`\`sh { name=uses retry=${retry} timeout=60s uses=TOKEN }
printf '%s' "$(cat "$PAWL_SECRETS/TOKEN")" | sha256sum | cut -c1-64 >> "$PAWL_PARAM_AT/seen"
while ! [ -e "$PAWL_PARAM_AT/go" ]; do sleep 0.1; done
[ -e "$PAWL_PARAM_AT/well" ]
\`\`\`
`.replace('secrets:', 'params: { at: { type: string } }\nsecrets:');

const place = setup('in process');
const said: Ended[] = [];
const env: Record<string, string> = {};
const ended = async (running: Running): Promise<Ended> => {
  const all = await running.ended;
  said.push(all);
  return all;
};
const pawl = async (...args: string[]): Promise<Ended> => await ended(place.begin(args, { env }));
const pathOf = (id: string, name: string): string => join(place.folder, id, name);
const seenBy = (id: string): string[] =>
  existsSync(pathOf(id, 'seen')) ? readFileSync(pathOf(id, 'seen'), 'utf8').trim().split('\n') : [];

/** A run whose first attempt is at work, with the old value. */
const beginRun = async (id: string, from: string, retry = 1): Promise<Running> => {
  mkdirSync(join(place.folder, id));
  await place.write(`${id}.md`, documentOf(id, from, retry));
  const running = place.begin(['run', `${id}.md`, '--instance', id, '-p', `at=${join(place.folder, id)}`], { env });
  const early = running.ended.then(({ out, err }) => {
    if (seenBy(id).length === 0) throw new Error(`It ended before its cell began: ${out}${err}`);
  });
  while (seenBy(id).length === 0) await Promise.race([wait(20), early]);
  return running;
};
type Told = {
  seq: number;
  kind: string;
  attempt?: number;
  secrets?: { TOKEN: string };
  state: Record<string, unknown>;
};
const journalOf = async (id: string): Promise<Told[]> =>
  at((await pawl('journal', id, '--json')).json, 'entries') as Told[];
/** A person decides that it is tried again. */
const permit = async (id: string): Promise<void> => {
  const seq = at((await pawl('status', id, '--json')).json, 'step', 'seq');
  const { exit, out, err } = await pawl('verdict', id, '--seq', `${seq}`, '--retry', '--reason', 'it was rotated');
  expect(exit, out + err).toBe(0);
};
const versionsIn = (entries: Told[]): (string | undefined)[] =>
  entries.filter(({ kind }) => kind === 'reserved').map(({ secrets }) => secrets?.TOKEN);

/** As the Parameter Store: each put is one more version, and earlier ones can be read. */
const versions: string[] = [];
const asked: string[] = [];
const stub = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => (body += chunk));
  request.on('end', () => {
    const { Name } = JSON.parse(body) as { Name: string };
    asked.push(Name);
    const wanted = Number(Name.split(':')[1] ?? versions.length);
    const Value = versions[wanted - 1];
    const told =
      Value === undefined ? { __type: 'ParameterVersionNotFound' } : { Parameter: { Value, Version: wanted } };
    response
      .writeHead(Value === undefined ? 400 : 200, { 'content-type': 'application/x-amz-json-1.1' })
      .end(JSON.stringify(told));
  });
});

beforeAll(async () => {
  await new Promise<void>((resolve) => stub.listen(0, '127.0.0.1', resolve));
  Object.assign(env, {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${(stub.address() as AddressInfo).port}`,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'not-a-key',
  });
  mkdirSync(join(place.folder, 'data'));
  writeFileSync(
    join(place.folder, 'data/allow.json'),
    JSON.stringify({ secrets: [`file:${place.folder}/*`, 'ssm:/pawl/*'] }),
  );
});
afterAll(() => void stub.close());

test('a file: the next attempt by policy finds its version gone and halts without an attempt; a person’s takes the newest', async () => {
  const file = join(place.folder, 'token');
  writeFileSync(file, old, { mode: 0o600 });
  const running = await beginRun('filed', `file:${file}`);
  writeFileSync(file, fresh);
  writeFileSync(pathOf('filed', 'go'), '');
  const run = await ended(running);
  expect(run.exit, run.out).not.toBe(0);
  expect(run.out.replace(/\s+/g, ' ')).toMatch(
    /version [0-9a-f]{16} of secret TOKEN .*which is gone; `pawl verdict --retry` takes the newest/,
  );

  const halted = await journalOf('filed');
  expect(halted.at(-1)).toMatchObject({
    kind: 'outcome',
    status: 'failed',
    closes: null,
    then: 'halt',
    error: { code: 'secret.gone' },
  });
  const [first, ...more] = versionsIn(halted);
  expect([first, more]).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/), []]);
  expect(seenBy('filed')).toEqual([hashOf(old)]);

  writeFileSync(pathOf('filed', 'well'), '');
  await permit('filed');
  const advanced = await pawl('advance', 'filed', '--max-cells', 'all');
  expect(advanced.exit, advanced.out).toBe(0);
  const entries = await journalOf('filed');
  const [, second, ...rest] = versionsIn(entries);
  expect(rest).toEqual([]);
  expect(second).toMatch(/^[0-9a-f]{16}$/);
  expect(second).not.toBe(first);
  expect(seenBy('filed')).toEqual([hashOf(old), hashOf(fresh)]);
  expect((await pawl('verify', 'filed')).exit).toBe(0);
});

test('a parameter: attempts by policy read the version of the first, a person’s the newest, and its reservation says so', async () => {
  versions.push(old);
  const running = await beginRun('kept', 'ssm:/pawl/token', 2);
  versions.push(fresh);
  writeFileSync(pathOf('kept', 'go'), '');
  const run = await ended(running);
  expect(run.exit, run.out).not.toBe(0);
  expect(versionsIn(await journalOf('kept'))).toEqual(['1', '1', '1']);
  expect(seenBy('kept')).toEqual([old, old, old].map(hashOf));
  expect(asked.slice(-3)).toEqual(['/pawl/token', '/pawl/token:1', '/pawl/token:1']);

  writeFileSync(pathOf('kept', 'well'), '');
  await permit('kept');
  const advanced = await pawl('advance', 'kept', '--max-cells', 'all');
  expect(advanced.exit, advanced.out).toBe(0);
  expect(versionsIn(await journalOf('kept'))).toEqual(['1', '1', '1', '2']);
  expect(seenBy('kept')).toEqual([old, old, old, fresh].map(hashOf));
  expect(asked.at(-1)).toBe('/pawl/token');
});

test('neither value is in the store, or was printed', () => {
  const files = readdirSync(join(place.folder, 'data'), { recursive: true, withFileTypes: true }).filter((one) =>
    one.isFile(),
  );
  expect(files.map(({ name }) => name)).toContain('pawl.db');
  const kept = files.map((one) => readFileSync(join(one.parentPath, one.name), 'latin1'));
  for (const value of [old, fresh])
    for (const text of [...kept, ...said.flatMap(({ out, err }) => [out, err])])
      expect(text.includes(value)).toBe(false);
});

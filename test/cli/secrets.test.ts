/** A hunt: cells that tell their secrets in every way, and then every file of the store and all that the commands print. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectNoneOf, formsOf, unpacked } from '../support/hunt.ts';
import { at, type Ended, setup } from './support.ts';

const file = 'fileS3cret/+9"q';
const rotated = 'rotatedS3cret/+7"z';
const variable = 'envS3cret/+8"w';
const forms = [file, rotated, variable].flatMap(formsOf);

const documentOf = (port: number, folder: string): string => `---
runbook: leaks
secrets:
  FILE: { from: "file:${folder}/secret" }
  VAR: { from: "env:TOKEN", hosts: ["127.0.0.1:${port}", "127.0.0.1:1"] }
---
\`\`\`sh { name=script timeout=3m }
s="$PAWL_SECRETS/FILE"
cat "$s"; echo; cat "$s" >&2; base64 < "$s"; od -An -tx1 "$s" | tr -d ' \\n'; set -x; : "$(cat "$s")"; set +x
head -c 6 "$s"; sleep 0.2; tail -c +7 "$s"; echo
i=0; while [ $i -lt 900 ]; do printf '%01000d' $i; cat "$s"; i=$((i + 1)); done
printf '{"a": "%s", "b": ["%s"]}' "$(base64 < "$s")" "$(sed 's/"/\\\\"/g' "$s")" > "$PAWL_OUTPUT"
\`\`\`
\`\`\`js { name=throws optional=true }
export default ({ secrets }) => { throw new Error('refused: ' + secrets.FILE + ' ' + JSON.stringify({ a: secrets.FILE })) };
\`\`\`
\`\`\`js { name=returns uses="FILE VAR" }
export default ({ secrets, log }) => { log(secrets); return { [secrets.VAR]: secrets.VAR, url: encodeURIComponent(secrets.FILE) } };
\`\`\`
\`\`\`sh { name=fails optional=true retry=1 }
cat "$PAWL_SECRETS/FILE" > "$PAWL_OUTPUT"; exit 3
\`\`\`
\`\`\`http { name=echoed }
POST http://127.0.0.1:${port}/
Authorization: Bearer {{ secrets.VAR }}
Content-Type: application/json

{ "token": {{ secrets.VAR }} }
\`\`\`
\`\`\`http { name=unreachable optional=true }
POST http://127.0.0.1:1/
Authorization: Bearer {{ secrets.VAR }}
\`\`\`
\`\`\`sh { name=rotates }
printf '%s' '${rotated.slice(0, 7)}''${rotated.slice(7)}' > "$PAWL_SECRETS/FILE"; cat "$PAWL_SECRETS/FILE"
\`\`\`
`;

const place = setup('in process', async () => ({ TOKEN: variable, PAWL_HTTP_ALLOW: '127.0.0.1' }));
const server = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => (body += chunk));
  request.on('end', () => response.end(JSON.stringify({ headers: request.headers, body, raw: body })));
});
afterAll(() => server.close());

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
const expectNone = (what: string, text: string): void => {
  expectNoneOf(forms, what, text);
};
const said: [string, Ended][] = [];
const pawl = async (...args: string[]): Promise<Ended> => {
  const ended = await place.pawl(...args);
  said.push([args.join(' '), ended]);
  return ended;
};
const allow = (secrets: string[]): void =>
  writeFileSync(join(place.folder, 'data/allow.json'), JSON.stringify({ secrets }));

let id = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  mkdirSync(join(place.folder, 'data'));
  writeFileSync(join(place.folder, 'secret'), `${file}\n`);
  chmodSync(join(place.folder, 'secret'), 0o600);
  await place.write('leaks.md', documentOf((server.address() as AddressInfo).port, place.folder));
});

test('without a word of the place nothing is had: the run waits, and says for what', async () => {
  const ended = await pawl('run', 'leaks.md', '--instance', 'leaks-1');
  id = 'leaks-1';
  expect(ended.exit).toBe(3);
  expect(ended.out).toContain('Parked: script waits for a worker at local that has what is missing here:');
  expect(ended.out).toContain('which allow.secrets of this place does not list');
  const journal = await pawl('journal', id, '--json');
  expect(JSON.stringify(journal.json)).not.toContain('"reserved"');
  expect((await pawl('status', id)).out).toContain('secret FILE');
});

test('allowed, it runs; the reservations name versions', async () => {
  allow([`file:${place.folder}/*`, 'env:TOKEN']);
  const ended = await pawl('advance', id, '--max-cells', 'all', '--json');
  expect(at(ended.json, 'result'), ended.out).toBe('completed');
  const entries = at((await pawl('journal', id, '--json', '--notes')).json, 'entries') as {
    kind: string;
    cell: string;
    secrets?: Record<string, string>;
  }[];
  const reserved = entries.filter(({ kind }) => kind === 'reserved');
  expect(reserved.map(({ cell }) => cell)).toEqual([
    'script',
    'throws',
    'returns',
    'fails',
    'fails',
    'echoed',
    'unreachable',
    'rotates',
  ]);
  for (const { secrets = {} } of reserved)
    for (const version of Object.values(secrets)) expect(version).toMatch(/^[0-9a-f]{16}$/);
  expect(entries.at(-1)?.secrets?.FILE).toMatch(/^[0-9a-f]{16}$/);
  expect(readFileSync(join(place.folder, 'secret'), 'utf8')).toBe(rotated);
});

test('no form of them is in anything that the commands print', async () => {
  for (const args of [
    ['status', id],
    ['logs', id],
    ['journal', id, '--notes'],
    ['journal', id, '--json', '--notes'],
    ['list'],
    ['list', '--json'],
    ['verify', id],
    ['status', id, '--json'],
    ['plan', 'leaks.md'],
    ['check', 'leaks.md'],
  ])
    await pawl(...args);
  expect(said.some(([, { out }]) => out.includes('•••'))).toBe(true);
  for (const [what, { out, err }] of said) expectNone(what, out + err);
});

test('nor in any file of the data folder, or of a backup of it', async () => {
  expect((await pawl('backup', 'copy.db')).exit).toBe(0);
  expect((await pawl('redrive')).exit).toBe(0);
  for (const [what, { out, err }] of said.slice(-2)) expectNone(what, out + err);
  const files = [...filesIn(join(place.folder, 'data')), join(place.folder, 'copy.db')];
  expect(files.some((name) => name.endsWith('pawl.db'))).toBe(true);
  for (const name of files) for (const text of unpacked(readFileSync(name))) expectNone(name, text);
});

describe('what an author asks for in vain, although everything of its kind is allowed', () => {
  test.each([
    ['the environment of Pawl', 'file:/proc/self/environ'],
    ['what is allowed', 'file:DATA/allow.json'],
    ['the store', 'file:DATA/pawl.db'],
    ['the key of versions', 'file:DATA/secrets.key'],
    ['the parameter of another team', 'ssm:/other/team'],
    ['the same by a detour', 'file:DATA/../data/secrets.key'],
  ])('%s: %s', async (_, from) => {
    allow(['env:*', 'file:/*', 'ssm:/pawl/*']);
    const source = from.replace('DATA', join(place.folder, 'data'));
    await place.write(
      'asks.md',
      `---\nrunbook: asks\nsecrets: { X: { from: "${source}" } }\n---\n\`\`\`sh { name=one }\ncat "$PAWL_SECRETS/X"\n\`\`\`\n`,
    );
    const ended = await place.pawl('run', 'asks.md', '--json');
    expect(ended.exit).toBe(3);
    expect(at(ended.json, 'result')).toBe('parked');
    expect(ended.out).toMatch(/handed on to no cell|does not list|has a `\.\.`/);
    expect(at(ended.json, 'reserved')).toBe(0);
  });

  test.each(['env:AWS_SECRET_ACCESS_KEY', 'env:PAWL_TOKEN'])('%s is not even published', async (from) => {
    await place.write(
      'own.md',
      `---\nrunbook: own\nsecrets: { X: { from: "${from}" } }\n---\n\`\`\`sh { name=one }\ncat "$PAWL_SECRETS/X"\n\`\`\`\n`,
    );
    expect((await place.pawl('run', 'own.md')).err).toContain(`\`${from}\` is never handed to a cell`);
  });

  test('a file that is open to others is refused, and the run says what to do', async () => {
    allow(['file:/*']);
    await place.write(
      'open.md',
      '---\nrunbook: open\nsecrets: { X: { from: "file:/etc/passwd" } }\n---\n```sh { name=one }\ncat "$PAWL_SECRETS/X"\n```\n',
    );
    expect((await place.pawl('run', 'open.md')).out).toContain('`chmod 600` it');
  });
});

test('what cells may ask of AWS stands in the same file, and counts at once', async () => {
  const role = 'arn:aws:iam::123456789012:role/other';
  await place.write(
    'aws.md',
    `---\nrunbook: asks-aws\n---\n\`\`\`aws { name=one service=dynamodb action=ListTables retry=0 role="${role}" }\n\`\`\`\n`,
  );
  const told = async (): Promise<string> => (await place.pawl('run', 'aws.md')).out.replace(/\s+/g, ' ');
  allow([]);
  expect(await told()).toContain('dynamodb:ListTables is not allowed');
  writeFileSync(join(place.folder, 'data', 'allow.json'), '{"aws":["dynamodb:List*"]}');
  expect(await told()).toContain(`The role ${role} is not allowed`);
  writeFileSync(join(place.folder, 'data', 'allow.json'), '{"aws":["*"]}');
  expect(await told()).toContain('allow.aws has "*"');
  writeFileSync(join(place.folder, 'data', 'allow.json'), '{');
  expect(await told()).toContain('is not JSON');
});

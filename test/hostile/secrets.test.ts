/** What runbooks ask of secrets, and what cells do with theirs, that they should not: by the command line, under a place's own word. */
import { chmodSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { limits } from '../../src/engine/index.ts';
import { createSecrets, parseAllow } from '../../src/places/index.ts';
import { at, setup } from '../cli/support.ts';
import { documentOf, endOf, serve } from './support.ts';

const place = setup();
const value = 'hunter2-hunter2';
const fileOf = (name: string, text: string | Buffer = `${value}\n`): string => {
  const path = join(place.folder, name);
  writeFileSync(path, text);
  chmodSync(path, 0o600);
  return path;
};
beforeAll(() => {
  mkdirSync(join(place.folder, 'data'));
  writeFileSync(join(place.folder, 'data/allow.json'), JSON.stringify({ secrets: [`file:${place.folder}/*`] }));
});

let runs = 0;
/** A run of one script that uses a secret of a file. */
const runOf = async (script: string, path: string) => {
  runs += 1;
  const secret = `secrets: { X: { from: "file:${path}" } }\n`;
  await place.write('one.md', documentOf(`\`\`\`sh { name=a timeout=2m }\n${script}\n\`\`\`\n`, secret));
  return await place.pawl('run', 'one.md', '--instance', `one-${runs}`, '--json');
};
const endOfRun = async () => {
  const { json } = await place.pawl('journal', `one-${runs}`, '--json', '--notes');
  return { text: JSON.stringify(json), last: (at(json, 'entries') as Record<string, unknown>[]).at(-1) };
};

describe('a cell that makes a secret', () => {
  test.each([
    ['larger than one may be', `head -c ${limits.secretBytesMax + 9} /dev/zero | tr '\\0' s`, 'secretBytesMax'],
    ['of 1 GB', 'truncate -s 1G "$PAWL_SECRETS/X"; true', 'secretBytesMax'],
    ['of bytes that are no text', "printf 'hunter2\\377\\376hunter2'", 'is no text'],
    ['of three characters', 'printf abc', 'secretCharsMin'],
  ])('hostile 47: one %s is told as lost, a person decides, and the store is as it was', async (_what, make, why) => {
    const path = fileOf('made');
    const ended = await runOf(make.includes('PAWL_SECRETS') ? make : `${make} > "$PAWL_SECRETS/X"`, path);
    expect(at(ended.json, 'result'), ended.out).toBe('halted');
    const { last } = await endOfRun();
    expect(last).toMatchObject({ status: 'completed', error: { code: 'secret.lost' } });
    expect(JSON.stringify(last)).toContain(why);
    expect(readFileSync(path, 'utf8')).toBe(`${value}\n`);
  });

  test.each([
    ['a pipe', 'rm "$PAWL_SECRETS/X"; mkfifo "$PAWL_SECRETS/X"'],
    ['a folder', 'rm "$PAWL_SECRETS/X"; mkdir "$PAWL_SECRETS/X"'],
    ['a link to a file of the system', 'ln -sf /etc/passwd "$PAWL_SECRETS/X"'],
    [
      'files beside it',
      'cd "$(dirname "$PAWL_SECRETS/X")"; for n in Y ../Z __proto__ ..X; do echo other-secret > "$n"; done',
    ],
    ['its folder moved away', 'd=$(dirname "$PAWL_SECRETS/X"); mv "$d" "$d.gone"; ln -s /etc "$d"'],
  ])('hostile 47: %s in its place is no secret, and nothing is put anywhere', async (_what, script) => {
    const path = fileOf('made');
    const ended = await runOf(script, path);
    expect(at(ended.json, 'result'), ended.out).toBe('completed');
    const { text } = await endOfRun();
    expect(text).not.toContain('root:');
    expect(readFileSync(path, 'utf8')).toBe(`${value}\n`);
  });
});

test('hostile 47: a secret of bytes that are no text is not handed on as another one: the run waits, and says why', async () => {
  const ended = await runOf(
    'cat "$PAWL_SECRETS/X"',
    fileOf('binary', Buffer.from([0x68, 0xff, 0xfe, ...Buffer.from('unter2-hunter2')])),
  );
  expect(at(ended.json, 'result')).toBe('parked');
  expect(ended.out).toContain('is no text');
});

describe('a secret as long as one may be', () => {
  const long = `"é/+${'s3cr3t/+'.repeat(limits.secretBytesMax / 8 - 1)}`;
  const front = (host: string) => `secrets: { X: { from: "ssm:/a/b", hosts: ["${host}"] } }\n`;

  test('hostile 49: echoed by a server, or told by a script, it is masked, and the run goes on', async () => {
    const host = await serve((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += chunk));
      request.on('end', () => response.end(JSON.stringify({ body, hex: Buffer.from(body).toString('hex') })));
    });
    const http = `\`\`\`http { name=a escape=none }\nPOST http://${host}/\nContent-Type: text/plain\n\n{{ secrets.X }}\n\`\`\`\n`;
    const sh = '```sh { name=a }\ncat "$PAWL_SECRETS/X"; base64 < "$PAWL_SECRETS/X" | tr -d "\\n"\n```\n';
    for (const cell of [http, sh]) {
      const ended = await endOf(cell, { secrets: { X: long }, httpAllow: host }, front(host));
      expect(ended.status, ended.error ?? '').toBe('completed');
      expect(JSON.stringify(ended)).not.toContain('s3cr3t');
      expect(JSON.stringify(ended)).not.toContain(Buffer.from('s3cr3t/+').toString('hex'));
    }
  });
});

describe('a text that only looks like a placeholder', () => {
  test('hostile 30: of a parameter or an output stays a text, and no secret is put there', async () => {
    const asked: string[] = [];
    const host = await serve((request, response) => {
      request.on('data', (chunk) => asked.push(String(chunk)));
      asked.push(String(request.headers['x-told']));
      request.on('end', () => response.end('{}'));
    });
    const front = `params: { p: { type: string } }\nsecrets: { X: { from: "ssm:/a/b", hosts: ["${host}"] } }\n`;
    const cell = `\`\`\`http { name=a escape=none }\nPOST http://${host}/\nX-Told: {{ params.p }}\nAuthorization: {{ secrets.X }}\nContent-Type: text/plain\n\n{{ params.p }}\n\`\`\`\n`;
    const options = { params: { p: '{{ secrets.X }}' }, secrets: { X: value }, httpAllow: host };
    expect((await endOf(cell, options, front)).status).toBe('completed');
    expect(asked.join(' ')).toBe('{{ secrets.X }} {{ secrets.X }}');
  });

  test('hostile 29: a secret with a line break breaks no header: nothing is sent, and it is not told', async () => {
    const asked: unknown[] = [];
    const host = await serve((_request, response) => void asked.push(response.end('{}')));
    const front = `secrets: { X: { from: "ssm:/a/b", hosts: ["${host}"] } }\n`;
    const cell = `\`\`\`http { name=a }\nGET http://${host}/\nX-Key: {{ secrets.X }}\n\`\`\`\n`;
    const ended = await endOf(cell, { secrets: { X: `${value}\r\nX-Admin: true` }, httpAllow: host }, front);
    expect(ended.status).toBe('failed');
    expect(JSON.stringify(ended)).not.toContain('hunter2');
    expect(asked).toEqual([]);
  });
});

describe('files that are swapped', () => {
  /** Right after it was looked at, `path` becomes a link to `to`. */
  const swapping = (path: string, to: string) => {
    const ownPaths: string[] = [];
    let isOver = false;
    ownPaths.map = ((each: never) => {
      if (!isOver) {
        isOver = true;
        symlinkSync(to, `${path}.new`);
        renameSync(`${path}.new`, path);
      }
      return Array.prototype.map.call(ownPaths, each);
    }) as typeof ownPaths.map;
    const allow = parseAllow(
      JSON.stringify({ secrets: [`file:${place.folder}/swapped*`, `file:${place.folder}/beside`] }),
      'x',
    );
    return createSecrets({ allow: () => allow, env: {}, ownPaths, key: async () => 'key' });
  };

  test('hostile 26: a link put there between the look and the opening leads out of nothing that is allowed', async () => {
    const outside = join(place.folder, 'data/swapped-to');
    writeFileSync(outside, 'of-somebody-else\n', { mode: 0o600 });
    const path = fileOf('swapped');
    const found = await swapping(path, outside).read({ X: `file:${path}` }, {});
    expect(found).toMatchObject({ kind: 'missing' });
    expect(JSON.stringify(found)).not.toContain('of-somebody-else');
  });

  test('hostile 26: one to what is allowed too is no harm', async () => {
    const path = fileOf('swapped-2');
    const found = await swapping(path, fileOf('beside', 'also-allowed\n')).read({ X: `file:${path}` }, {});
    expect(found).toMatchObject({ kind: 'read', values: { X: { value: 'also-allowed' } } });
  });
});

describe('what a place allows', () => {
  test.each([
    ['__proto__', '{"secrets":[],"__proto__":{"env":["*"]}}', 'Unrecognized key'],
    [
      'a list twice, of which the second counts and the first is read',
      '{"secrets":["ssm:/pawl/*"],"secrets":["file:/*"]}',
      '`secrets` stands there twice',
    ],
    ['the same, written otherwise', '{"env":["A"],"\\u0065nv":["*"]}', '`env` stands there twice'],
    ['everything of every kind', '{"secrets":["*"]}', 'a secret is allowed by where it is'],
    ['a star in the middle', '{"secrets":["ssm:/*/key"]}', 'a * may stand at the end only'],
    ['what is like a list', '{"env":{"0":"A","length":1}}', 'expected array'],
    ['100,000 levels', '['.repeat(100_000), 'is not JSON'],
    ['501 entries', JSON.stringify({ env: Array.from({ length: 501 }, (_, i) => `A${i}`) }), '500'],
  ])('hostile 4–8: %s is refused by name', (_what, text, why) => {
    expect(() => parseAllow(text, 'PAWL_ALLOW')).toThrow(/^PAWL_ALLOW, which says what cells may have/);
    expect(() => parseAllow(text, 'PAWL_ALLOW')).toThrow(why);
    expect(Reflect.get({}, 'env')).toBeUndefined();
  });
});

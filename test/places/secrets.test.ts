/** Secrets of a place: files and variables. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { limits } from '../../src/engine/index.ts';
import { createSecrets, keyOfFolder, parseAllow } from '../../src/places/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'pawl-secrets-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const everything = parseAllow('{"secrets":["env:*","file:/*"]}', 'x');
const secretsOf = (env: Record<string, string> = {}, key = 'key') =>
  createSecrets({ allow: () => everything, env, ownPaths: [], key: async () => key });
const fileOf = (name: string, text: string, mode = 0o600): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return `file:${path}`;
};

describe('a variable', () => {
  test('with a version that says whether it is the same, under the key', async () => {
    const read = async (value: string, key: string) => {
      const found = await secretsOf({ A: value }, key).read({ A: 'env:A' }, {});
      return found.kind === 'read' ? found.values.A : undefined;
    };
    const first = await read('hunter2-1', 'one');
    expect(first).toEqual({ value: 'hunter2-1', version: expect.stringMatching(/^[0-9a-f]{16}$/) });
    expect(await read('hunter2-1', 'one')).toEqual(first);
    expect((await read('hunter2-2', 'one'))?.version).not.toBe(first?.version);
    expect((await read('hunter2-1', 'two'))?.version).not.toBe(first?.version);
  });

  test('that is another than the one that is kept is gone', async () => {
    expect(await secretsOf({ A: 'hunter2-1' }).read({ A: 'env:A' }, { A: '0123456789abcdef' })).toEqual({
      kind: 'gone',
      what: 'version 0123456789abcdef of secret A (env:A)',
    });
  });

  test.each([
    ['not there', {}, 'secret A (env:A) is not set here'],
    ['short', { A: '1234567' }, 'secret A (env:A) is shorter than 8 characters'],
    ['long', { A: 'x'.repeat(limits.secretBytesMax + 1) }, 'secretBytesMax'],
  ])('%s is waited for', async (_, env, why) => {
    expect(await secretsOf(env).read({ A: 'env:A' }, {})).toEqual({
      kind: 'missing',
      what: [expect.stringContaining(why)],
    });
  });

  test.each([['env:A'], [fileOf('of-a-function', 'hunter2-1')]])(
    'cannot be had by functions (%s), whatever is allowed, and it is said what to do instead',
    async (from) => {
      const ofFunctions = (allow: typeof everything) =>
        createSecrets({ allow: () => allow, env: { A: 'hunter2-1' }, ownPaths: [], key: null });
      for (const allow of [everything, parseAllow('{}', 'x')]) {
        const found = await ofFunctions(allow).read({ A: from }, {});
        const what = found.kind === 'missing' ? found.what.join() : '';
        expect(what).toContain(`secret A (${from}) cannot be had by functions`);
        expect(what).toContain('keep it in `ssm:` or `secretsmanager:`');
      }
      const kept = await ofFunctions(everything).keep(from, 'hunter2-2');
      expect(kept).toEqual({ kind: 'lost', why: expect.stringContaining('by functions') });
    },
  );
});

describe('a file', () => {
  test('without its last line end', async () => {
    const from = fileOf('plain', 'line one\nline two\n');
    expect(await secretsOf().read({ A: from }, {})).toMatchObject({
      kind: 'read',
      values: { A: { value: 'line one\nline two' } },
    });
    expect(await secretsOf().read({ A: fileOf('read-only', 'hunter2-1\r\n', 0o400) }, {})).toMatchObject({
      values: { A: { value: 'hunter2-1' } },
    });
  });

  test.each([
    [
      'that others may read',
      () => fileOf('open', 'hunter2-1', 0o640),
      'may be read by others than its owner (mode 0640)',
    ],
    ['that is not there', () => `file:${folder}/none`, 'is not there'],
    ['that is a folder', () => `file:${folder}`, 'is no file'],
    ['that is too large', () => fileOf('large', 'x'.repeat(limits.secretBytesMax + 9)), 'secretBytesMax'],
    ['that is a folder’s child and none', () => `file:${folder}/plain/x`, 'is not there'],
  ])('%s is waited for', async (_, from, why) => {
    expect(await secretsOf().read({ A: from() }, {})).toEqual({
      kind: 'missing',
      what: [expect.stringContaining(why)],
    });
  });

  test('is written whole, for its owner alone', async () => {
    const from = `file:${folder}/made`;
    const kept = await secretsOf().keep(from, 'hunter2-9');
    expect(await secretsOf().read({ A: from }, {})).toEqual({
      kind: 'read',
      values: { A: { value: 'hunter2-9', version: kept.kind === 'kept' ? kept.version : '' } },
    });
    expect(statSync(join(folder, 'made')).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).filter((name) => name.startsWith('.pawl'))).toEqual([]);
    expect(await secretsOf().keep(`file:${folder}/none/made`, 'hunter2-9')).toMatchObject({ kind: 'lost' });
    expect(await secretsOf().keep(from, 'short')).toMatchObject({ kind: 'lost' });
  });
});

test('what lacks is told together', async () => {
  const found = await secretsOf({ B: 'hunter2-2' }).read({ A: 'env:A', B: 'env:B', C: 'env:PAWL_TOKEN' }, {});
  expect(found).toEqual({
    kind: 'missing',
    what: [
      'secret A (env:A) is not set here',
      'secret C (env:PAWL_TOKEN), which is handed on to no cell, whatever is allowed',
    ],
  });
});

test('the key of a folder is drawn once, by however many at a time, and nobody else may read it', async () => {
  const data = join(folder, 'data');
  mkdirSync(data);
  const keys = await Promise.all(Array.from({ length: 8 }, () => keyOfFolder(data)));
  expect(new Set(keys).size).toBe(1);
  expect(keys[0]).toMatch(/^[0-9a-f]{64}$/);
  expect(readdirSync(data)).toEqual(['secrets.key']);
  expect(statSync(join(data, 'secrets.key')).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(data, 'secrets.key'), 'utf8').trim()).toBe(keys[0]);
});

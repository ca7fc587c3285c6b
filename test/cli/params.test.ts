/** `-p name=value`: numbers that would not be kept are refused with the way out, and kept where a text will do. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { textOfFile } from '../../src/cli/given.ts';
import { readParams } from '../../src/cli/params.ts';

const read = (schema: unknown, text: string) => readParams({ params: { properties: { n: schema } } }, [`n=${text}`]);

describe('a number that would not be kept', () => {
  test.each([
    [{ type: 'integer' }, '9007199254740993', '9007199254740993'],
    [{ type: 'integer' }, '9007199254740992', '9007199254740992'],
    [{ type: 'number' }, '1e400', '1e400'],
    [{ type: 'number' }, '9007199254740993.0', '9007199254740993.0'],
    [{}, '9007199254740993', '9007199254740993'],
    [{ type: 'object' }, '{"a":[1,9007199254740993]}', '9007199254740993 at a[1]'],
    [{ type: ['object', 'string'] }, '{"a":1e400}', '1e400 at a'],
    [{}, '{"a":1e400}', '1e400 at a'],
  ])('%j is refused: %s', async (schema, text, what) => {
    await expect(read(schema, text)).rejects.toMatchObject({
      code: 'params.invalid',
      message: `Parameter n: ${what} cannot be kept as a number (whole ones go up to 9007199254740991); declare it as a string in the runbook, and give a text.`,
    });
  });
  test.each([
    [{ type: 'string' }, '9007199254740993', '9007199254740993'],
    [{ type: ['integer', 'string'] }, '9007199254740993', '9007199254740993'],
    [{ type: 'string' }, '{"a":1e400}', '{"a":1e400}'],
    [{}, '"9007199254740993"', '9007199254740993'],
    [{}, 'sha 9007199254740993', 'sha 9007199254740993'],
    [{ type: 'integer' }, '9007199254740991', 9007199254740991],
    [{ type: 'number' }, '0.1', 0.1],
  ])('%j takes %s', async (schema, text, value) => {
    expect({ ...(await read(schema, text)) }).toEqual({ n: value });
  });
  test('of another type it is of another type', async () => {
    await expect(read({ type: 'boolean' }, '9007199254740993')).rejects.toThrow(
      'Parameter n must be true or false; "9007199254740993" is not.',
    );
  });
});

test('bytes that are no UTF-8 are refused: the command line has made another text of them', async () => {
  await expect(read({ type: 'string' }, 'a\ufffdb')).rejects.toMatchObject({
    code: 'params.invalid',
    message: expect.stringContaining('Parameter n holds bytes that are no UTF-8'),
  });
});

test('the byte order mark that begins a file is no part of what it says', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'pawl-params-'));
  try {
    await writeFile(join(dir, 'n.json'), '\uFEFF{"a":1}');
    expect({ ...(await read({ type: 'object' }, `@${join(dir, 'n.json')}`)) }).toEqual({ n: { a: 1 } });
  } finally {
    await rm(dir, { recursive: true });
  }
});

test('a file that is no UTF-8 is refused: it would be another text', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'pawl-params-'));
  const file = join(dir, 'n.txt');
  try {
    await writeFile(file, Buffer.from([0x67, 0x72, 0xfc, 0x6e]));
    const refused = { code: 'request.invalid', message: `The file ${file} is not UTF-8 text: save it as that.` };
    await expect(read({ type: 'string' }, `@${file}`)).rejects.toMatchObject(refused);
    await expect(textOfFile(file)).rejects.toMatchObject(refused);
  } finally {
    await rm(dir, { recursive: true });
  }
});

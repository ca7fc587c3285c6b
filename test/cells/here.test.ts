/** What is here, and what of it cells may have. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openHere, openRemoteHere, placeIn, readAllow } from '../../src/places/index.ts';

let dir: string;
const local = { place: 'local', home: 'local' };
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'pawl-test-'));
  mkdirSync(join(dir, 'bin'));
  mkdirSync(join(dir, 'bin/folder'));
  mkdirSync(join(dir, 'data'));
  writeFileSync(join(dir, 'bin/there'), '#!/bin/sh\n');
  chmodSync(join(dir, 'bin/there'), 0o700);
  writeFileSync(join(dir, 'bin/plain'), 'text');
  chmodSync(join(dir, 'bin/plain'), 0o600);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const missing = (programs: string[], variables: string[], env: NodeJS.ProcessEnv = {}, dataDir: string | null = null) =>
  openHere(local, { PATH: `/nowhere:${join(dir, 'bin')}`, ...env }, () => readAllow(env.PAWL_ALLOW, dataDir)).missing({
    programs,
    env: variables,
  });

describe('programs', () => {
  test('are files of the PATH that may be run: no folder, no plain file, nothing beside the PATH', async () => {
    const wanted = ['there', 'plain', 'folder', 'absent', '../bin/there'];
    expect(await missing(wanted, [])).toEqual(wanted.slice(1).map((name) => `program ${name} (looked in PATH)`));
  });

  test('are not looked for in a folder that depends on where one stands', async () => {
    const at = process.cwd();
    process.chdir(dir);
    try {
      expect(await missing(['there'], [], { PATH: 'bin::.' })).toHaveLength(1);
    } finally {
      process.chdir(at);
    }
  });
});

describe('variables', () => {
  test('are here when they are set and the place lists them; without a list none is', async () => {
    const env = { ONE: '1', KUBE_A: 'a' };
    const not = (name: string) => `env ${name}, which allow.env of this place does not list`;
    expect(await missing([], ['ONE'], env)).toEqual([not('ONE')]);
    const allowed = { ...env, PAWL_ALLOW: JSON.stringify({ env: ['ONE', 'KUBE_*'] }) };
    expect(await missing([], ['ONE', 'KUBE_A', 'KUBE_B', 'ONES'], allowed)).toEqual(['env KUBE_B', not('ONES')]);
  });

  test('that need not be set are not missing where they are not; where they are the place has to list them', async () => {
    expect(await missing([], ['ONE?'])).toEqual([]);
    expect(await missing([], ['ONE?'], { ONE: '1' })).toEqual(['env ONE, which allow.env of this place does not list']);
    expect(await missing([], ['ONE?'], { ONE: '1', PAWL_ALLOW: '{"env":["ONE"]}' })).toEqual([]);
    expect(await missing([], ['PAWL_TOKEN?'], { PAWL_TOKEN: '1', PAWL_ALLOW: '{"env":["*"]}' })).toEqual([
      'env PAWL_TOKEN, which is never handed to a cell',
    ]);
  });

  test('of Pawl are never, whatever the place lists', async () => {
    const names = ['PAWL_TOKEN', 'AWS_SESSION_TOKEN', 'AWS_SECURITY_TOKEN', 'AWS_SECRET_KEY', 'LD_PRELOAD'];
    for (const name of [...names, 'DYLD_INSERT_LIBRARIES'])
      expect(await missing([], [name], { PAWL_ALLOW: '{"env":["*"]}', [name]: 'x' })).toEqual([
        `env ${name}, which is never handed to a cell`,
      ]);
  });

  test('the list is read anew each time, from the data folder or the file that PAWL_ALLOW names', async () => {
    const data = join(dir, 'data');
    expect(await missing([], ['ONE'], { ONE: '1' }, data)).toHaveLength(1);
    writeFileSync(join(data, 'allow.json'), '{"env":["ONE"]}');
    expect(await missing([], ['ONE'], { ONE: '1' }, data)).toEqual([]);
    const other = join(dir, 'other.json');
    writeFileSync(other, '{"env":[]}');
    expect(await missing([], ['ONE'], { ONE: '1', PAWL_ALLOW: other }, data)).toHaveLength(1);
  });

  test.each(['{"env":"ONE"}', '{"environment":[]}', '{'])(
    'a list that cannot be read allows nothing, and says so: %s',
    async (text) => {
      const found = await missing([], ['ONE'], { ONE: '1', PAWL_ALLOW: text });
      expect(found).toEqual([expect.stringMatching(/^env ONE \(PAWL_ALLOW, which says what cells may have, is /)]);
    },
  );

  test('a file that PAWL_ALLOW names and that is not there allows nothing', async () => {
    const found = await missing([], ['ONE'], { ONE: '1', PAWL_ALLOW: join(dir, 'absent.json') }, join(dir, 'data'));
    expect(found).toEqual([expect.stringContaining('cannot be read (ENOENT)')]);
  });
});

test('a place that cannot look into its functions has what its settings say', async () => {
  const needs = { programs: ['jq', 'kubectl'], env: ['ONE', 'TWO'] };
  const at = { place: 'lambda', home: 'lambda' };
  expect(await openRemoteHere(at, {}, () => readAllow(undefined, null)).missing(needs)).toHaveLength(4);
  const env = { PAWL_PROGRAMS: 'jq  aws', PAWL_ALLOW: '{"env":["ONE"]}' };
  expect(await openRemoteHere(at, env, () => readAllow(env.PAWL_ALLOW, null)).missing(needs)).toEqual([
    'program kubectl (not in PAWL_PROGRAMS)',
    'env TWO, which allow.env of this place does not list',
  ]);
  // Whether it is set there cannot be seen from here, so it is not handed on unasked.
  const open = { programs: [], env: ['ONE?', 'TWO?'] };
  expect(await openRemoteHere(at, env, () => readAllow(env.PAWL_ALLOW, null)).missing(open)).toEqual([
    'env TWO, which allow.env of this place does not list',
  ]);
});

test('PAWL_PLACE names a place, and nothing else', () => {
  expect(placeIn({}, 'local')).toBe('local');
  expect(placeIn({ PAWL_PLACE: 'edge-1' }, 'local')).toBe('edge-1');
  for (const name of ['any', 'home', 'Edge', '1'])
    expect(() => placeIn({ PAWL_PLACE: name }, 'local')).toThrow(`PAWL_PLACE is "${name}"`);
});

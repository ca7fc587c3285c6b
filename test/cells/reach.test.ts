/** What a code cell can reach on the machine it runs on, as docs/security.md says it; and what Node's permission model would change. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { executeCode } from '../../src/cells/index.ts';
import type { CellInput } from '../../src/engine/index.ts';

let folder: string;
let url: string;
/** A process beside the engine, as that one looks from the outside: its environment is that it was started with. */
let beside: ChildProcess;
const server = createServer((_, response) => response.end('here'));
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pawl-reach-'));
  await writeFile(join(folder, 'secret.txt'), 'of somebody else');
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const env = { PATH: process.env.PATH, PAWL_TEST_SECRET: 'of the engine' };
  beside = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'], { env, stdio: 'ignore' });
});
afterAll(async () => {
  beside.kill('SIGKILL');
  server.close();
  await rm(folder, { recursive: true });
});

/** Tries one thing after the other and says what came of each. */
const probes = (target: { folder: string; url: string }) => `
import { readFileSync, writeFileSync, readdirSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
const tried = async (act) => { try { return String(await act()); } catch (error) { return error.code ?? error.name; } };
const environments = () => readdirSync('/proc').filter((pid) => /^\\d+$/.test(pid)).some((pid) => {
  try { return readFileSync('/proc/' + pid + '/environ', 'latin1').includes('PAWL_TEST_SECRET=of the engine'); } catch { return false; }
});
const all = async () => ({
  ownEnvironment: String(process.env.PAWL_TEST_SECRET ?? 'nothing'),
  otherEnvironments: await tried(environments),
  files: await tried(() => readFileSync(${JSON.stringify(join(target.folder, 'secret.txt'))}, 'utf8')),
  writing: await tried(() => writeFileSync(${JSON.stringify(join(target.folder, 'written'))}, 'x') ?? 'written'),
  programs: await tried(() => execFileSync('/bin/sh', ['-c', 'echo ran'], { encoding: 'utf8' }).trim()),
  network: await tried(async () => (await fetch(${JSON.stringify(target.url)})).text()),
});
`;

describe('a code cell', () => {
  test('has an environment of its own, and else reaches what the user reaches who runs the engine', async () => {
    const input: CellInput = {
      body: { kind: 'js', code: `${probes({ folder, url })}\nexport default all;` },
      params: {},
      outputs: {},
      step: {
        instanceId: 'i',
        runbookId: 'r',
        version: 1,
        cell: 'reach',
        seq: 1,
        visit: 1,
        attempt: 1,
        idempotencyKey: 'k',
        deadlineAtMs: Date.now() + 60_000,
      },
      timeoutMs: 30_000,
      signal: new AbortController().signal,
      log: () => {},
    };
    const { status, output } = await executeCode(input);
    expect([status, JSON.parse(output ?? '')]).toEqual([
      'completed',
      {
        ownEnvironment: 'nothing',
        // Linux only: a process of the same user may read it.
        otherEnvironments: process.platform === 'linux' ? 'true' : 'ENOENT',
        files: 'of somebody else',
        writing: 'written',
        programs: 'ran',
        network: 'here',
      },
    ]);
  });
});

test('with Node’s permission model files and programs would be out of reach, and the network not', async () => {
  const file = join(folder, 'probe.mjs');
  await writeFile(file, `${probes({ folder, url })}\nconsole.log(JSON.stringify(await all()));`);
  const { stdout } = await promisify(execFile)(process.execPath, ['--permission', `--allow-fs-read=${file}`, file]);
  expect(JSON.parse(stdout)).toMatchObject({
    otherEnvironments: 'ERR_ACCESS_DENIED',
    files: 'ERR_ACCESS_DENIED',
    writing: 'ERR_ACCESS_DENIED',
    programs: 'ERR_ACCESS_DENIED',
    network: 'here',
  });
});

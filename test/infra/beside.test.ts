/** What is bundled finds the files that it starts as processes and threads of their own: they lie beside it, with all that they import. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { plugins } from '../../infra/bundle.mjs';

const folder = mkdtempSync(join(tmpdir(), 'pawl-test-beside-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const input = `{
  params: {}, outputs: {}, timeoutMs: 60_000, signal: new AbortController().signal, log: () => {},
  step: { instanceId: 'i', runbookId: 'r', version: 1, cell: 'c', seq: 1, visit: 1, attempt: 1, idempotencyKey: 'k', deadlineAtMs: 0 },
}`;
/** A code cell for which all stands ready, one for which nothing does. */
const entry = `import { createExecute, createStandby } from './src/cells/index.ts';
const standby = createStandby();
const told = [];
for (const kind of ['js', 'sh']) {
  const body = { kind, code: kind === 'js' ? 'export default () => 7' : 'echo 7 > "$PAWL_OUTPUT"' };
  const execution = standby.claim({ kind });
  await standby.ready();
  told.push(await createExecute({ standby })({ ...${input}, body, execution }));
  told.push(await createExecute()({ ...${input}, body }));
}
await standby.close();
console.log(JSON.stringify(told.map(({ status, output }) => ({ status, output }))));`;

beforeAll(async () => {
  await build({
    stdin: { contents: entry, resolveDir: join(import.meta.dirname, '../..'), loader: 'ts' },
    absWorkingDir: join(import.meta.dirname, '../..'),
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.18',
    plugins,
    logLevel: 'warning',
    banner: {
      js: "import { createRequire as pawlRequire } from 'node:module';const require = pawlRequire(import.meta.url);",
    },
  });
});

test('every file that is named beside a bundle lies there', () => {
  const all = readdirSync(folder).filter((name) => name.endsWith('.mjs'));
  const named = all.flatMap((name) =>
    [...readFileSync(join(folder, name), 'utf8').matchAll(/new URL\("(\w+\.mjs)", import\.meta\.url\)/g)].map(
      ([, file]) => file,
    ),
  );
  expect(named).toEqual(expect.arrayContaining(['runner.mjs', 'harness.mjs', 'readyRunner.mjs', 'taskThread.mjs']));
  expect(named.filter((name) => !existsSync(join(folder, String(name))))).toEqual([]);
});

test('code cells run from there, with what stands ready and without', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'stdin.mjs')]);
  expect(JSON.parse(stdout)).toEqual(Array.from({ length: 4 }, () => ({ status: 'completed', output: '7' })));
});

/** Tasks: code of the deployment, each run in a thread that is ended. */
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTask, type FoundTasks, readTasks } from '../../src/cells/index.ts';
import type { CellInput } from '../../src/engine/index.ts';
import { isAlive, type Ran, run as runBody, until } from './cells.ts';

let folder = '';
const file = (name: string, code: string): void => writeFileSync(join(folder, name), code);
const declared = (name: string, run: string, more = ''): string =>
  `export const ${name} = defineTask({ name: '${name}', input: z.object({ n: z.number().optional() }), output: z.any(), ${more} run: ${run} });\n`;
const head = "import { defineTask, z } from 'pawl/tasks';\n";
let tasks: Promise<FoundTasks>;
const execute = createTask(() => tasks);
const run = (task: string, input: unknown = {}, over: Partial<CellInput> = {}, give?: { up(): void }): Promise<Ran> =>
  runBody(
    { kind: 'task', task, input: JSON.stringify(input) },
    over,
    give === undefined ? execute : createTask(() => tasks, give),
  );
const read = (name: string): string =>
  existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8').trim() : '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tasks-'));
  mkdirSync(join(folder, 'inner'));
  file(
    'charge.ts',
    `${head}
type Charge = { charge: string; cents: number };
export const chargeCard = defineTask({
  name: 'charge_card',
  input: z.object({ customer: z.string().min(1), cents: z.int().positive(), mail: z.email().optional() }),
  output: z.object({ charge: z.string(), cents: z.number() }),
  run: async ({ input, step, log }): Promise<Charge> => {
    log('charging', input.customer);
    return { charge: step.idempotencyKey, cents: input.cents };
  },
});
`,
  );
  file(
    'odd.mjs',
    [
      head,
      declared('told', 'async (context) => ({ ...context, signal: context.signal.aborted })'),
      declared('throws', '() => { throw new RangeError("too far"); }'),
      declared('rejects_later', '() => new Promise(() => setTimeout(() => Promise.reject(new Error("late")), 10))'),
      declared('nothing', '() => {}'),
      declared('odd', '() => ({ n: 1n })'),
      declared('exits', '({ input }) => process.exit(input.n)'),
      declared(
        'busy',
        `({ step }) => { writeFileSync(${JSON.stringify(folder)} + '/began-' + step.cell, '1'); for (;;) {} }`,
      ),
      declared('large', '() => "x".repeat(6_000_000)'),
      declared(
        'prints',
        '({ secrets }) => { for (let i = 0; i < 2_000; i++) console.log("line", i); console.log(Object.values(secrets).join()); return secrets; }',
      ),
      declared(
        'listens',
        '({ signal }) => new Promise((resolve) => { const waiting = setInterval(() => {}, 1_000); signal.addEventListener("abort", () => { clearInterval(waiting); resolve("stopped"); }); })',
      ),
      `import { execFileSync, spawn } from 'node:child_process';\nimport { readFileSync, writeFileSync } from 'node:fs';\n`,
      declared(
        'leaves',
        `() => { const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' }); writeFileSync(${JSON.stringify(join(folder, 'left'))}, String(child.pid)); return 'left'; }`,
      ),
      declared('waits', `() => { execFileSync('sleep', ['600']); }`),
      declared('stuck', `() => { readFileSync(${JSON.stringify(join(folder, 'pipe'))}); }`),
      declared('looks', `() => ({ own: process.env.PAWL_TEST_OWN ?? null, other: process.env.PLACES_TEST ?? null })`),
    ].join('\n'),
  );
  const checks = "({ commit }) => { commit({ kind: 'check', table: 'a', key: { id: 1 } });";
  const commits = "effects: 'commit',";
  file(
    'commits.ts',
    [
      head,
      declared(
        'sells',
        `${checks} commit({ kind: 'insert', table: 'b', key: { id: 'x' }, set: { n: 1 } }); return 1; }`,
        commits,
      ),
      declared('commits_nothing', '() => 1', commits),
      declared('commits_then_throws', `${checks} throw new Error('no'); }`, commits),
      declared(
        'commits_oddly',
        "({ commit }) => commit({ kind: 'insert', table: 'arn:aws:x', key: { id: 1 } })",
        commits,
      ),
      declared('commits_without_saying', `${checks} }`),
      declared('returns_oddly', `${checks} return { n: 1n }; }`, commits),
    ].join('\n'),
  );
  file(
    'picky.js',
    `${head}export const picky = defineTask({ name: 'picky', input: z.object({}), output: z.object({ id: z.string() }), run: () => ({ id: 7 }) });\n`,
  );
  file('broken.ts', 'export const a = ;\n');
  file('twice.ts', head + declared('throws', '() => {}'));
  file('notes.txt', 'no code');
  tasks = readTasks(folder, 'tasks');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the tasks of a folder', () => {
  test('are told with JSON Schemas of what they take and return; a file that cannot be read spoils no other', async () => {
    const { known, broken, pathOf } = await tasks;
    expect(known.get('charge_card')).toEqual({
      name: 'charge_card',
      file: 'tasks/charge.ts',
      input: {
        type: 'object',
        properties: {
          customer: { type: 'string', minLength: 1 },
          cents: { type: 'integer', exclusiveMinimum: 0, maximum: Number.MAX_SAFE_INTEGER },
          mail: { type: 'string' },
        },
        required: ['customer', 'cents'],
        additionalProperties: false,
      },
      output: {
        type: 'object',
        properties: { charge: { type: 'string' }, cents: { type: 'number' } },
        required: ['charge', 'cents'],
        additionalProperties: false,
      },
    });
    expect(pathOf('charge_card')).toBe(join(folder, 'charge.ts'));
    expect(broken.map(({ file }) => file)).toEqual(['tasks/broken.ts', 'tasks/twice.ts']);
    expect(broken[0]?.why).toMatch(/^SyntaxError/);
    expect(broken[1]?.why).toBe('throws is declared in tasks/odd.mjs already');
  });
  test('are none where there is no folder', async () => {
    expect((await readTasks(join(folder, 'absent'))).known.size).toBe(0);
  });
});

describe('a task', () => {
  test('gets its input as its schema reads it, and the step; it returns JSON, and its log is kept', async () => {
    const ran = await run('charge_card', { customer: 'c1', cents: 100 });
    expect(ran).toEqual({
      status: 'completed',
      output: '{"charge":"test/i1/cell/1","cents":100}',
      log: 'charging c1\n',
    });
  });
  test('gets parameters, element, end of the run and secrets', async () => {
    const ran = await run(
      'told',
      { n: 1 },
      {
        params: { p: 1 },
        each: { host: 'a', index: 0 },
        secrets: { KEY: { value: 'key-of-eight', hosts: [] } },
      },
    );
    expect(JSON.parse(ran.output ?? '')).toMatchObject({
      input: { n: 1 },
      params: { p: 1 },
      each: { host: 'a', index: 0 },
      step: { cell: 'cell', attempt: 1, idempotencyKey: 'test/i1/cell/1' },
      secrets: { KEY: '•••' },
      signal: false,
    });
  });
  test('whose input does not fit, or which is not there, is not begun', async () => {
    expect(await run('charge_card', { customer: '', cents: 1 })).toMatchObject({
      status: 'failed',
      unbegun: true,
      error: { code: 'task.input', message: expect.stringContaining('customer: ') },
    });
    expect(await run('absent')).toMatchObject({ status: 'failed', unbegun: true, error: { code: 'task.unknown' } });
  });
  test.each([
    ['throws', {}, { status: 'failed', error: { code: 'cell.threw', message: 'RangeError: too far' } }],
    ['rejects_later', {}, { status: 'failed', error: { code: 'cell.threw', message: 'Error: late' } }],
    ['nothing', {}, { status: 'completed' }],
    ['odd', {}, { status: 'completed', error: { code: 'output.invalid' } }],
    ['picky', {}, { status: 'completed', error: { code: 'output.invalid', message: expect.stringContaining('id: ') } }],
    ['exits', { n: 3 }, { status: 'failed', exitCode: 3, error: { code: 'cell.exited' } }],
    ['exits', { n: 0 }, { status: 'completed', error: { code: 'output.invalid' } }],
    ['large', {}, { status: 'completed', outputBytes: 6_000_002 }],
  ])('%s ends as its author says', async (task, input, expected) => {
    expect(await run(task, input)).toMatchObject(expected);
  });
  const committing = async (task: string, effects?: 'commit'): Promise<Ran> =>
    await runBody({ kind: 'task', task, input: '{}', ...(effects && { effects }) }, {}, execute);
  test('gives what it commits with its output, and nothing where it did not complete', async () => {
    expect(await committing('sells', 'commit')).toMatchObject({
      status: 'completed',
      output: '1',
      commit: [
        { kind: 'check', table: 'a', key: { id: 1 } },
        { kind: 'insert', table: 'b', key: { id: 'x' }, set: { n: 1 } },
      ],
    });
    const nothing = await committing('commits_nothing', 'commit');
    expect([nothing.status, nothing.commit]).toEqual(['completed', undefined]);
    const thrown = await committing('commits_then_throws', 'commit');
    expect([thrown.status, thrown.commit]).toEqual(['failed', undefined]);
    const odd = await committing('returns_oddly', 'commit');
    expect([odd.status, odd.error?.code, odd.commit]).toEqual(['failed', 'output.invalid', undefined]);
    expect(await committing('commits_oddly', 'commit')).toMatchObject({
      status: 'failed',
      error: { code: 'commit.invalid', message: expect.stringContaining('Nothing was committed: write 1, table') },
    });
  });
  test('commits only where it declares that, and as the version knows it', async () => {
    expect(await committing('commits_without_saying')).toMatchObject({
      status: 'failed',
      error: { code: 'cell.threw', message: expect.stringContaining("declare `effects: 'commit'`") },
    });
    for (const [task, effects] of [
      ['sells', undefined],
      ['nothing', 'commit'],
    ] as const)
      expect(await committing(task, effects)).toMatchObject({
        status: 'failed',
        unbegun: true,
        error: { code: 'task.changed' },
      });
  });
  test('says all that it prints, with secrets masked', async () => {
    const ran = await run('prints', {}, { secrets: { KEY: { value: 'key-of-eight', hosts: [] } } });
    expect(ran.log.split('\n')).toHaveLength(2_002);
    expect(ran.log.endsWith('line 1999\n•••\n')).toBe(true);
    expect(ran.output).toBe('{"KEY":"•••"}');
  });
  test('sees the environment of its process, but nothing of Pawl', async () => {
    process.env.PLACES_TEST = 'there';
    process.env.PAWL_TEST_OWN = 'own';
    try {
      expect((await run('looks')).output).toBe('{"own":null,"other":"there"}');
    } finally {
      delete process.env.PLACES_TEST;
      delete process.env.PAWL_TEST_OWN;
    }
  });
  test('that is busy for ever is ended at its time-out, and nobody else is held up', async () => {
    const seen: number[] = [];
    const ticking = setInterval(() => seen.push(performance.now()), 20);
    const [busy, other] = await Promise.all([
      run('busy', {}, { timeoutMs: 6_000 }),
      run('charge_card', { customer: 'c', cents: 2 }),
    ]);
    clearInterval(ticking);
    expect(busy).toMatchObject({ status: 'unknown', error: { code: 'cell.timeout' } });
    expect(other).toMatchObject({ status: 'completed' });
    expect(seen.length).toBeGreaterThan(10);
  });
  test('is told shortly before its time-out, and may end by itself', async () => {
    expect(await run('listens', {}, { timeoutMs: 10_000 })).toMatchObject({ status: 'completed', output: '"stopped"' });
  });
  test('stops where its caller gives up', async () => {
    const stop = new AbortController();
    rmSync(join(folder, 'began-cell'), { force: true });
    const running = run('busy', {}, { timeoutMs: 120_000, signal: stop.signal });
    expect(await until(() => read('began-cell') === '1')).toBe(true);
    stop.abort();
    expect(await running).toMatchObject({ status: 'unknown', error: { code: 'cell.aborted' } });
  });
  test('takes along what it began and left', async () => {
    expect(await run('leaves')).toMatchObject({ status: 'completed', output: '"left"' });
    expect(isAlive(Number(read('left')))).toBe(false);
  });
  test('that waits for a program is ended with it', async () => {
    const ran = await run('waits', {}, { timeoutMs: 6_000 }, { up: () => expect.unreachable() });
    expect(ran).toMatchObject({ status: 'unknown', error: { code: 'cell.timeout' } });
  });
  test('that cannot be ended ends with its process, before its deadline', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const given: number[] = [];
    const up = (): void => {
      given.push(1);
      // Here the process goes on, so its thread is let go.
      closeSync(openSync(pipe, 'w'));
    };
    const running = run('stuck', {}, { timeoutMs: 8_000 }, { up });
    expect(await running).toMatchObject({ status: 'unknown', error: { code: 'cell.timeout' } });
    expect(given).toEqual([1]);
  });
});

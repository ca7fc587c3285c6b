/** Code cells over `execute-cell`: what is known when it goes wrong, and that it is never asked twice what may have begun. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createTask, executeCode, readTasks } from '../../src/cells/index.ts';
import type { CellInput, CellResult, Execute } from '../../src/engine/index.ts';
import { createExecuteCell, createExecuteTask } from '../../src/handlers/executeCell.ts';
import { createRemote, type Invoked, type Packed, pack } from '../../src/handlers/remote.ts';
import { contextOf, written } from './support.ts';

const nowMs = 1_800_000_000_000;
const inputOf = (code: string, over: Partial<CellInput> = {}): CellInput => ({
  body: { kind: 'ts', code },
  params: { n: 1 },
  outputs: { before: '{"big":12345678901234567890}' },
  step: {
    instanceId: 'deploy-7',
    runbookId: 'deploy',
    version: 1,
    cell: 'first',
    seq: 3,
    visit: 1,
    attempt: 1,
    idempotencyKey: 'test/deploy-7/first/1',
    deadlineAtMs: nowMs + 12_000,
  },
  timeoutMs: 10_000,
  signal: new AbortController().signal,
  log: () => {},
  ...over,
});
const http: Execute = async () => ({ status: 'completed', output: '"http"' });

const cellFunction = (execute: Execute = executeCode, over: { allowSh?: boolean; nowMs?: number } = {}) =>
  createExecuteCell((telemetry) => ({
    execute,
    allowSh: over.allowSh ?? true,
    nowMs: () => over.nowMs ?? nowMs,
    telemetry,
  }));
/** As `api` sees it: the payload as text, there and back. */
const through = (fn: ReturnType<typeof cellFunction>, remainingMs = 900_000, allowSh = true) => {
  const invoked: string[] = [];
  const execute = createRemote({
    http,
    aws: http,
    allowSh,
    invoke: async (payload) => {
      invoked.push(payload);
      return { kind: 'answer', payload: JSON.stringify(await fn(JSON.parse(payload), contextOf(remainingMs))) };
    },
  });
  return { execute, invoked };
};

describe('a cell that runs there', () => {
  afterEach(() => vi.unstubAllEnvs());
  test('knows its element, and at the end of a run how that came', async () => {
    const { execute } = through(cellFunction());
    const run = {
      failed: { cell: 'second', item: 'n1', code: 'cell.exit', message: 'no room' },
      began: { by: 'alice', reason: null },
      url: null,
    };
    const code = 'export default ({ node, index, run, step }) => ({ node, index, run, was: step.originalKey })';
    const input = inputOf(code, { each: { node: 'n1', index: 0 }, run });
    input.step.originalKey = 'test/deploy-7/second/1';
    const { output = '' } = await execute(input);
    expect(JSON.parse(output)).toEqual({ node: 'n1', index: 0, run, was: 'test/deploy-7/second/1' });
  });

  test('gets the variables of that function that it names, and never the credentials of its role', async () => {
    const keys = {
      AWS_ACCESS_KEY_ID: 'ASIAROLE',
      AWS_SECRET_ACCESS_KEY: 'role-secret',
      AWS_SESSION_TOKEN: 'role-token',
    };
    const set = { AWS_REGION: 'eu-west-1', AWS_PROFILE: 'operator', OTHER: 'not named', ...keys };
    for (const [name, value] of Object.entries(set)) vi.stubEnv(name, value);
    const { execute } = through(cellFunction());
    const code = 'export default () => Object.keys(process.env).filter((name) => /^(AWS|OTHER)/.test(name)).sort();';
    const ran = await execute(inputOf(code, { env: ['AWS_REGION', 'AWS_PROFILE', ...Object.keys(keys)] }));
    expect(JSON.parse(ran.output ?? '')).toEqual(['AWS_PROFILE', 'AWS_REGION']);
  });

  test('gets parameters, outputs and step, and its output and log come back', async () => {
    const log: string[] = [];
    const code = `export default async ({ params, outputs, step, log }) => {
      log('working'); return { n: params.n, big: outputs.before.big, key: step.idempotencyKey }; };`;
    const { execute } = through(cellFunction());
    const result = await execute(inputOf(code, { log: (stream, text) => void log.push(`${stream}: ${text}`) }));
    expect(result).toMatchObject({ status: 'completed' });
    expect(JSON.parse(result.output ?? '')).toMatchObject({ n: 1, key: 'test/deploy-7/first/1' });
    expect(log.join('')).toContain('working');
  });

  test('gets its secrets in the payload; no form of them comes back, or is in the log of the function', async () => {
    const value = 'hunter2/+"hunter2';
    const log: string[] = [];
    const code = `export default ({ secrets, log }) => { log(secrets.TOKEN); log(encodeURIComponent(secrets.TOKEN));
      return { it: secrets.TOKEN, length: secrets.TOKEN.length, coded: Buffer.from(secrets.TOKEN).toString('base64') }; };`;
    const { execute, invoked } = through(cellFunction());
    const secrets = { TOKEN: { value, hosts: [] } };
    const ran = await execute(inputOf(code, { secrets, log: (_, text) => void log.push(text) }));
    expect(ran).toMatchObject({ status: 'completed' });
    expect(JSON.parse(ran.output ?? '')).toEqual({
      it: '•••',
      length: value.length,
      coded: expect.stringMatching(/^•••/),
    });
    expect(log.join('')).toContain('•••');
    expect(invoked).toHaveLength(1);
    for (const text of [JSON.stringify(ran), log.join(''), JSON.stringify(written.lines)])
      for (const form of [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value), btoa(value)])
        expect(text).not.toContain(form);
  });

  test('gets the trace of whoever asked', async () => {
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const seen: unknown[] = [];
    const { execute } = through(
      cellFunction(async (input) => {
        seen.push(input.trace);
        return { status: 'completed', output: '1' };
      }),
    );
    await execute(inputOf('', { trace }));
    expect(seen).toEqual([trace]);
  });

  test('fails, or is cut off, as it would on this side', async () => {
    const { execute } = through(cellFunction());
    const failed = await execute(inputOf('export default () => { throw new Error("no") }'));
    expect(failed).toMatchObject({ status: 'failed' });
    // Long enough to begin on a busy machine: what has not begun by then is `never`.
    const slow = inputOf('export default () => new Promise((done) => setTimeout(done, 20_000))', { timeoutMs: 3_000 });
    expect(await execute(slow)).toMatchObject({ status: 'unknown' });
  });

  test('leaves neither its code nor what it said in the log of the function', async () => {
    const { execute } = through(cellFunction());
    await execute(inputOf('export default ({ log }) => { log("hunter2"); return "hunter3"; }; // hunter4'));
    expect(written.lines).toContainEqual(
      expect.objectContaining({
        message: 'executed',
        instanceId: 'deploy-7',
        seq: 3,
        cell: 'first',
        status: 'completed',
      }),
    );
    expect(written.text).not.toMatch(/hunter/);
  });
});

describe('what never begins', () => {
  const begun: string[] = [];
  const noting: Execute = async ({ step }) => {
    begun.push(step.cell);
    return { status: 'completed', output: '1' };
  };

  test.each([
    ['delivered when its time-out no longer fits before deadline and least grace', nowMs + 3_000, 900_000],
    ['delivered six hours late', nowMs + 6 * 3_600_000, 900_000],
    ['whose time-out does not fit into the invocation', nowMs, 14_000],
  ])('a cell %s', async (_, atMs, remainingMs) => {
    begun.length = 0;
    const { execute } = through(cellFunction(noting, { nowMs: atMs }), remainingMs);
    expect(await execute(inputOf(''))).toMatchObject({ status: 'never', error: { code: 'cell.late' } });
    expect(begun).toEqual([]);
  });

  test('a cell just in time does begin', async () => {
    begun.length = 0;
    const { execute } = through(cellFunction(noting, { nowMs: nowMs + 2_999 }));
    expect(await execute(inputOf(''))).toMatchObject({ status: 'completed' });
    expect(begun).toEqual(['first']);
  });

  test('a shell cell where they are off, on either side', async () => {
    begun.length = 0;
    const sh = inputOf('', { body: { kind: 'sh', code: 'echo 1' } });
    const near = through(cellFunction(noting), 900_000, false);
    expect(await near.execute(sh)).toMatchObject({ status: 'failed', error: { code: 'cell.shOff' }, unbegun: true });
    expect(near.invoked).toEqual([]);
    const far = through(cellFunction(noting, { allowSh: false }));
    expect(await far.execute(sh)).toMatchObject({ status: 'failed', error: { code: 'cell.shOff' }, unbegun: true });
    expect(begun).toEqual([]);
  });

  test('an event that is none fails the invocation', async () => {
    const fn = cellFunction(noting);
    for (const event of [null, {}, { v: 2, gzip: '' }, { v: 1, gzip: 'AAAA' }, pack({ body: { kind: 'http' } })])
      await expect(fn(event, contextOf())).rejects.toThrow();
  });
});

describe('seen from api and work', () => {
  const remote = (invoked: Invoked | ((signal: AbortSignal) => Promise<Invoked>)) => {
    let asked = 0;
    const execute = createRemote({
      http,
      aws: http,
      allowSh: true,
      invoke: async (_payload, signal) => {
        asked += 1;
        return typeof invoked === 'function' ? await invoked(signal) : invoked;
      },
    });
    return { execute, asked: () => asked };
  };

  test.each<[string, Invoked, CellResult['status']]>([
    ['turned down', { kind: 'refused', why: 'throttled' }, 'never'],
    ['without answer', { kind: 'lost', why: 'no answer' }, 'unknown'],
    ['with an answer that is not JSON', { kind: 'answer', payload: '<html>' }, 'unknown'],
    ['with an answer of nothing', { kind: 'answer', payload: 'null' }, 'unknown'],
    ['with an answer of another shape', { kind: 'answer', payload: JSON.stringify(pack({ ok: 1 })) }, 'unknown'],
  ])('an invocation %s is asked for once', async (_, invoked, status) => {
    const { execute, asked } = remote(invoked);
    expect((await execute(inputOf(''))).status).toBe(status);
    expect(asked()).toBe(1);
  });

  test('an answer is waited for until some seconds after the time-out, and then it may have happened', async () => {
    const { execute } = remote(async (signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return { kind: 'lost', why: 'aborted' };
    });
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 50);
    expect(await execute(inputOf('', { signal: stop.signal }))).toMatchObject({ status: 'unknown' });
  });

  test('an http cell runs on this side, and other kinds are not executed', async () => {
    const { execute, asked } = remote({ kind: 'lost', why: '' });
    const body = { kind: 'http', method: 'GET', url: 'https://example.com', headers: [], body: null } as const;
    expect(await execute(inputOf('', { body: { ...body, headers: [] } }))).toMatchObject({ output: '"http"' });
    expect(await execute(inputOf('', { body: { kind: 'assert' } }))).toMatchObject({ status: 'never' });
    expect(asked()).toBe(0);
  });

  const noise = (bytes: number): string => {
    // Nothing that gzip could make smaller.
    let text = '';
    for (let seed = 1; text.length < bytes; seed = (seed * 48_271) % 2_147_483_647) text += seed.toString(36);
    return text.slice(0, bytes);
  };

  test('an output of the largest size comes back whole', async () => {
    const output = JSON.stringify('x'.repeat(5 * 1024 * 1024 - 2));
    const { execute } = through(cellFunction(async () => ({ status: 'completed', output })));
    const result = await execute(inputOf(''));
    expect(result.output === output).toBe(true);
  });

  test('files that it left come back; those without room in its answer are named, and the output is whole', async () => {
    const code = `import { randomBytes } from 'node:crypto';
      import { writeFileSync } from 'node:fs';
      export default () => { for (const name of ['a', 'b', 'c'])
        writeFileSync(process.env.PAWL_EVIDENCE + '/' + name, randomBytes(2_500_000)); return 'x'.repeat(1000); };`;
    const { execute } = through(cellFunction());
    const { output, outputBytes, evidence } = await execute(inputOf(code));
    expect({ output: output?.length, outputBytes }).toEqual({ output: 1_002, outputBytes: undefined });
    expect(evidence?.files.map(({ name, base64 }) => [name, Buffer.from(base64, 'base64').length])).toEqual([
      ['a', 2_500_000],
    ]);
    expect(evidence?.unkept).toEqual({
      files: [
        { name: 'c', bytes: 2_500_000, why: 'carried' },
        { name: 'b', bytes: 2_500_000, why: 'carried' },
      ],
      more: 0,
    });
  });

  test('an output that cannot be carried is cut, and its size is known', async () => {
    const output = JSON.stringify(noise(9 * 1024 * 1024));
    const { execute } = through(cellFunction(async () => ({ status: 'completed', output })));
    const result = await execute(inputOf(''));
    expect(result).toMatchObject({ status: 'completed', outputBytes: 9 * 1024 * 1024 + 2 });
    expect(result.output).toBe(output.slice(0, 64 * 1024));
  });

  test('inputs that cannot be carried: it failed, and nothing was invoked', async () => {
    const outputs = { before: JSON.stringify(noise(9 * 1024 * 1024)) };
    const { execute, asked } = remote({ kind: 'lost', why: '' });
    expect(await execute(inputOf('', { outputs }))).toMatchObject({
      status: 'failed',
      error: { code: 'cell.inputsTooLarge', message: expect.stringMatching(/remotePayloadBytesMax/) },
    });
    expect(asked()).toBe(0);
  });

  test('what is carried is what Lambda takes', () => {
    const { gzip }: Packed = pack({ a: 1 });
    expect(gzip).toMatch(/^[A-Za-z0-9+/]+=*$/);
  });
});

describe('a task, in a function of its own', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'pawl-tasks-'));
    const declared = (name: string, run: string, effects = '') =>
      `export const ${name} = defineTask({ name: '${name}', input: z.any(), output: z.any(), ${effects} run: ${run} });`;
    const commits = "effects: 'commit',";
    const write = "{ kind: 'insert', table: 'sales', key: { id: step.idempotencyKey }, set: { n: input.n } }";
    const text = [
      "import { defineTask, z } from 'pawl/tasks';",
      declared(
        'sells',
        `({ input, step, commit, log }) => { log('sold'); commit(${write}); return { n: input.n }; }`,
        commits,
      ),
      declared('keeps', '({ secrets }) => secrets'),
      declared('busy', '() => { for (;;); }'),
    ].join('\n');
    writeFileSync(join(folder, 'all.ts'), text);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const ofTasks = () => {
    const fn = createExecuteTask((telemetry) => ({
      execute: createTask(() => readTasks(folder, 'tasks')),
      nowMs: () => nowMs,
      telemetry,
    }));
    const invokeTask = async (payload: string): Promise<Invoked> => ({
      kind: 'answer',
      payload: JSON.stringify(await fn(JSON.parse(payload), contextOf(900_000))),
    });
    return createRemote({
      http,
      aws: http,
      allowSh: false,
      invoke: async () => ({ kind: 'lost', why: '' }),
      invokeTask,
    });
  };
  const taskOf = (task: string, over: Partial<CellInput> = {}): CellInput =>
    inputOf('', { body: { kind: 'task', task, input: '{"n":7}' }, ...over });
  const committing: CellInput['body'] = { kind: 'task', task: 'sells', input: '{"n":7}', effects: 'commit' };

  test('its output and log come back, and what it commits, for the caller to write with the outcome', async () => {
    const log: string[] = [];
    const input = taskOf('', { body: committing, log: (_, text) => void log.push(text) });
    expect(await ofTasks()(input)).toEqual({
      status: 'completed',
      output: '{"n":7}',
      commit: [{ kind: 'insert', table: 'sales', key: { id: 'test/deploy-7/first/1' }, set: { n: 7 } }],
    });
    expect(log.join('')).toBe('sold\n');
  });

  test('no form of its secrets comes back; one that is busy for ever is ended there at its time-out', async () => {
    const execute = ofTasks();
    const secrets = { TOKEN: { value: 'hunter2hunter2', hosts: [] } };
    expect(await execute(taskOf('keeps', { secrets }))).toMatchObject({ output: '{"TOKEN":"•••"}' });
    expect(await execute(taskOf('busy', { timeoutMs: 3_000 }))).toMatchObject({
      status: 'unknown',
      error: { code: 'cell.timeout' },
    });
  });

  test('what the deployment does not know begins nothing, and neither does a stack without the function', async () => {
    expect(await ofTasks()(taskOf('other'))).toMatchObject({ error: { code: 'task.unknown' }, unbegun: true });
    const without = createRemote({ http, aws: http, allowSh: false, invoke: async () => ({ kind: 'lost', why: '' }) });
    expect(await without(taskOf('sells'))).toMatchObject({ error: { code: 'task.unknown' }, unbegun: true });
  });

  test('writes that come back from what commits none, or that cannot be read, are no answer', async () => {
    const [own] = [{ kind: 'insert', table: 'sales', key: { id: 'a' } }];
    const answering = (result: object): Promise<Invoked> =>
      Promise.resolve({ kind: 'answer', payload: JSON.stringify(pack({ result, log: [] })) });
    const ask = (result: object, input: CellInput) => {
      const invoke = () => answering(result);
      return createRemote({ http, aws: http, allowSh: false, invoke, invokeTask: invoke })(input);
    };
    const lost = { status: 'unknown', error: { code: 'cell.lost' } };
    const done = { status: 'completed', commit: [own] };
    expect(await ask(done, taskOf('', { body: committing }))).toEqual(done);
    expect(await ask(done, inputOf(''))).toMatchObject(lost);
    expect(await ask(done, taskOf('sells'))).toMatchObject(lost);
    expect(await ask({ ...done, status: 'failed' }, taskOf('', { body: committing }))).toMatchObject(lost);
    const arn = { ...own, table: 'arn:aws:x' };
    expect(await ask({ ...done, commit: [arn] }, taskOf('', { body: committing }))).toMatchObject(lost);
  });
});

/** Code cells over `execute-cell`: what is known when it goes wrong, and that it is never asked twice what may have begun. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { executeCode } from '../../src/cells/index.ts';
import type { CellInput, CellResult, Execute } from '../../src/engine/index.ts';
import { createExecuteCell } from '../../src/handlers/executeCell.ts';
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

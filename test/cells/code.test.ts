import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reap } from '../../src/cells/reap.mjs';
import { isAlive, sh, ts, until } from './cells.ts';

let dir = '';
let place = '';
const tmpBefore = process.env.TMPDIR;
beforeAll(() => {
  // Of their own: other tests run cells beside these, and what they leave is looked for.
  place = mkdtempSync(join(tmpdir(), 'cells-place-'));
  process.env.TMPDIR = place;
  dir = mkdtempSync(join(tmpdir(), 'cells-test-'));
});
afterAll(() => {
  if (tmpBefore === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = tmpBefore;
  rmSync(place, { recursive: true, force: true });
});
const read = (name: string): string =>
  existsSync(join(dir, name)) ? readFileSync(join(dir, name), 'utf8').trim() : '';

describe('ts and js cells', () => {
  test('get parameters, outputs and the step, and return JSON', async () => {
    const code =
      'export default ({ params, outputs, step, secrets }) => ({ n: params.n + outputs.before.n, key: step.idempotencyKey, secrets })';
    const ran = await ts(code, { params: { n: 1 }, outputs: { before: '{"n":41}' } });
    expect(ran).toMatchObject({ status: 'completed', output: '{"n":42,"key":"test/i1/cell/1","secrets":{}}' });
  });
  test('get the variables that they declared, by name, and no others; of Pawl none', async () => {
    process.env.PLACES_TEST = 'there';
    process.env.PAWL_TEST_OWN = 'own';
    try {
      const code = 'export default () => ["PLACES_TEST", "PAWL_TEST_OWN"].map((name) => process.env[name] ?? null)';
      expect((await ts(code)).output).toBe('[null,null]');
      expect((await ts(code, { env: ['PLACES_TEST', 'PAWL_TEST_OWN', 'ABSENT'] })).output).toBe('["there",null]');
      expect((await sh('printf %s "$PLACES_TEST"', { env: ['PLACES_TEST'] })).log).toBe('there');
    } finally {
      delete process.env.PLACES_TEST;
      delete process.env.PAWL_TEST_OWN;
    }
  });
  test('may return nothing', async () => {
    expect(await ts('export default async () => {}')).toEqual({ status: 'completed', log: '' });
  });
  test('a thrown error fails the cell; the stack names its own lines in the log', async () => {
    const ran = await ts('const a = 1;\nexport default () => {\n  throw new RangeError("too far");\n};');
    expect(ran).toMatchObject({ status: 'failed', error: { code: 'cell.threw', message: 'RangeError: too far' } });
    expect(ran.log).toContain('cell.mjs:3:');
  });
  test.each([
    ['{ code: 1, name: "NoRoute" }', "threw { code: 1, name: 'NoRoute' }"],
    ['"no such host"', 'threw no such host'],
    ['null', 'threw null'],
    ['undefined', 'threw undefined'],
    ['[1, { a: { b: 2 } }]', 'threw [ 1, { a: { b: 2 } } ]'],
    ['Object.create(null, { code: { value: 7, enumerable: true } })', 'threw [Object: null prototype] { code: 7 }'],
    ['Object.assign(new Error(), { code: "EBUSY" })', "Error: { code: 'EBUSY' }"],
    ['new Error("plain")', 'Error: plain'],
    ['new Error("")', 'Error: '],
    ['{ [Symbol.for("nodejs.util.inspect.custom")]() { throw 1; }, code: 2 }', /^threw \{ code: 2/],
    ['new Proxy({}, { get() { throw 1; } })', /^threw \{/],
    ['{ get message() { throw 1; }, [Symbol.toPrimitive]() { throw 2; } }', /^threw \{/],
  ])('a throw of %s is told as a person would print it', async (thrown, message) => {
    const ran = await ts(`export default () => { throw ${thrown}; }`);
    const told = typeof message === 'string' ? message : expect.stringMatching(message);
    expect(ran).toMatchObject({ status: 'failed', error: { code: 'cell.threw', message: told } });
  });
  test.each([
    ['10n', 'BigInt'],
    ['(() => { const a = {}; a.a = a; return a; })()', 'circular'],
    ['Symbol("x")', 'a symbol'],
    ['() => 1', 'a function'],
    ['(() => { let a = 1; for (let i = 0; i < 100000; i++) a = [a]; return a; })()', 'RangeError'],
    ['({ toJSON() { throw new Error("no"); } })', 'no'],
  ])('a return of %s is no JSON: it completed, and its output cannot be read', async (value, why) => {
    const ran = await ts(`export default () => (${value})`);
    expect(ran).toMatchObject({
      status: 'completed',
      error: { code: 'output.invalid', message: expect.stringContaining(why) },
    });
  });
  test('an early exit is a failure with its code; a syntax error too', async () => {
    expect(await ts('export default () => process.exit(4)')).toMatchObject({
      status: 'failed',
      exitCode: 4,
      error: { code: 'cell.exited' },
    });
    expect(await ts('export default () => process.exit(0)')).toMatchObject({
      status: 'completed',
      exitCode: 0,
      error: { code: 'output.invalid' },
    });
    expect(await ts('export default () => {')).toMatchObject({
      status: 'failed',
      error: { code: 'cell.threw', message: expect.stringContaining('SyntaxError') },
    });
    expect(await ts('export const a = 1')).toMatchObject({
      status: 'failed',
      error: { message: expect.stringContaining('default export') },
    });
  });
  test('a promise left running ends with the return (hostile 48)', async () => {
    await ts(
      `import { writeFileSync } from 'node:fs'; export default () => { setTimeout(() => writeFileSync(${JSON.stringify(join(dir, 'late'))}, 'x'), 100); return 1; }`,
    );
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(read('late')).toBe('');
  });
  test('what is written to the result channel by others is no result (forged frames)', async () => {
    const forged = await ts(
      `import { writeSync } from 'node:fs'; export default () => { writeSync(3, '0123456789abcdef value 1\\n7'); return 1; }`,
    );
    expect(forged).toMatchObject({ status: 'completed', error: { code: 'output.invalid' } });
    expect(forged.output).toBeUndefined();
    const printed = await ts(`export default () => { console.log('x value 1\\n7'); process.exit(3); }`);
    expect(printed).toMatchObject({ status: 'failed', error: { code: 'cell.exited' } });
  });
  test('it ends with what it returned: what it listens for at its end is called, and cannot change that', async () => {
    const listening = (what: string) =>
      `process.on('exit', (code) => { console.log('exit', code); ${what} }); export default () => ({ n: 1 });`;
    for (const what of [
      '',
      'throw new Error("late");',
      'process.exit(3);',
      'process.exitCode = 4;',
      'process.kill(process.pid, "SIGKILL");',
    ]) {
      const ran = await ts(listening(what));
      if (what.includes('SIGKILL')) expect(ran).toMatchObject({ status: 'unknown', error: { code: 'cell.killed' } });
      else expect(ran, what).toMatchObject({ status: 'completed', output: '{"n":1}' });
      // Once, as by Node's own end.
      expect(ran.log.match(/^exit 0$/gm), what).toHaveLength(1);
    }
    // As libraries do that want to hear of every end.
    const heard = `process.on('SIGVTALRM', () => {}); ${listening('')}`;
    const ran = await ts(heard);
    expect(ran).toMatchObject({ status: 'completed', output: '{"n":1}' });
    expect(ran.log.match(/^exit 0$/gm)).toHaveLength(1);
    const itself = 'export default () => { process.kill(process.pid, "SIGVTALRM"); };';
    expect(await ts(itself)).toMatchObject({ status: 'unknown', error: { code: 'cell.crashed' } });
  });
  test('what one cell does to its prototypes does not reach the next (hostile 46)', async () => {
    await ts('export default () => { Object.prototype.polluted = 1; globalThis.fetch = null; return 1; }');
    expect(await ts('export default () => [({}).polluted ?? null, typeof fetch]')).toMatchObject({
      output: '[null,"function"]',
    });
  });
  test('is told shortly before its time-out, and may stop by itself', async () => {
    const code =
      'export default ({ signal }) => new Promise((resolve) => { signal.addEventListener("abort", () => resolve("stopped")); setInterval(() => {}, 50); })';
    expect(await ts(code, { timeoutMs: 10_000 })).toMatchObject({ status: 'completed', output: '"stopped"' });
  });
  test('memory beyond the limit ends the cell, not the machine; it may have happened (hostile 43)', async () => {
    const ran = await ts(
      'export default () => { const a = []; for (;;) a.push(new Array(1e6).fill("x" + a.length)); }',
      { timeoutMs: 30_000 },
    );
    expect(ran).toMatchObject({ status: 'unknown', error: { code: 'cell.crashed' } });
  });
  test('an output over 5 MB is told with its size and its beginning', async () => {
    const ran = await ts('export default () => "x".repeat(6 * 1024 * 1024)', { timeoutMs: 20_000 });
    expect(ran).toMatchObject({ status: 'completed', outputBytes: 6 * 1024 * 1024 + 2 });
    expect(ran.output).toHaveLength(64 * 1024);
  });
});

describe('sh cells', () => {
  test('write their output as JSON to a file; standard output is the log', async () => {
    const ran = await sh('echo "working"; echo \'{"big":12345678901234567890}\' > "$PAWL_OUTPUT"');
    expect(ran).toEqual({ status: 'completed', exitCode: 0, output: '{"big":12345678901234567890}', log: 'working\n' });
  });
  test('get parameters, inputs and the key; large integers of outputs survive', async () => {
    const script =
      'printf "%s|%s|%s|" "$PAWL_PARAM_NAME" "$PAWL_PARAM_LIST" "$PAWL_IDEMPOTENCY_KEY"; cat "$PAWL_INPUTS"';
    const ran = await sh(script, {
      params: { name: 'a "b"', list: [1, 2] },
      outputs: { c: '{"id":98765432109876543210}' },
    });
    expect(ran.log).toContain(
      'a "b"|[1,2]|test/i1/cell/1|{"params":{"name":"a \\"b\\"","list":[1,2]},"outputs":{"c":{"id":98765432109876543210}},"step":',
    );
  });
  test('another exit code is a known failure, its output kept', async () => {
    expect(await sh('echo 1 > "$PAWL_OUTPUT"; exit 3')).toMatchObject({
      status: 'failed',
      exitCode: 3,
      output: '1',
      error: { code: 'cell.exit' },
    });
  });
  test('an output that is not JSON, or not a file, or a link', async () => {
    expect(await sh('echo "{" > "$PAWL_OUTPUT"')).toMatchObject({
      status: 'completed',
      exitCode: 0,
      error: { code: 'output.invalid' },
    });
    const failed = await sh('echo "{" > "$PAWL_OUTPUT"; exit 3');
    expect(failed).toMatchObject({ status: 'failed', exitCode: 3, error: { code: 'cell.exit' } });
    expect(failed.output).toBeUndefined();
    expect(await sh('mkfifo "$PAWL_OUTPUT"')).toEqual({ status: 'completed', exitCode: 0, log: '' });
    expect(await sh('ln -s /etc/passwd "$PAWL_OUTPUT"')).toEqual({ status: 'completed', exitCode: 0, log: '' });
  });
  test('a `#!` line is honoured; an interpreter that is not there means that nothing began', async () => {
    expect(await sh('#!/usr/bin/env node\nconsole.log(1 + 1)')).toMatchObject({ status: 'completed', log: '2\n' });
    expect(await sh('#!/nowhere/at/all\n')).toMatchObject({ status: 'never', error: { code: 'cell.unstarted' } });
  });
  test('ended by a signal, whosever, it may have happened; so it may when one ended its last command', async () => {
    expect(await sh('kill -KILL $$')).toMatchObject({ status: 'unknown', error: { code: 'cell.killed' } });
    expect(await sh('kill -TERM $$')).toMatchObject({ status: 'unknown' });
    expect(await sh('kill -SEGV $$')).toMatchObject({ status: 'unknown', error: { code: 'cell.crashed' } });
    const below = { status: 'unknown', exitCode: 137, error: { code: 'cell.killed' } };
    expect(await sh("sh -c 'kill -KILL $$'")).toMatchObject(below);
    expect(await sh("#!/usr/bin/env bash\nsh -c 'kill -KILL $$'")).toMatchObject(below);
    // No shell: its number is the author's own.
    expect(await sh('#!/usr/bin/env node\nprocess.exit(137)')).toMatchObject({ status: 'failed', exitCode: 137 });
  });
});

describe('a job that cannot be sent', () => {
  const folders = (): string[] => readdirSync(dir).filter((name) => name.startsWith('pawl-'));
  const nested = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  test.each([
    ['an output nested beyond what can be written as a message', { outputs: { big: nested } }],
    ['an output that is no JSON', { outputs: { big: '{' } }],
    ['a parameter that cannot be written', { params: { big: 10n } }],
  ])('never began, and leaves no folder: %s', async (_what, over) => {
    const before = process.env.TMPDIR;
    process.env.TMPDIR = dir;
    try {
      const ran = await ts('export default () => 1', over as object);
      expect(ran).toMatchObject({ status: 'never', error: { code: 'cell.unstarted' } });
      expect(folders()).toEqual([]);
    } finally {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
    }
  });
});

describe('isolation', () => {
  test('the trace of whoever asked is in the environment, for scripts and for code', async () => {
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    expect((await sh('echo "$TRACEPARENT"', { trace })).log).toBe(`${trace}\n`);
    expect((await ts('export default () => process.env.TRACEPARENT', { trace })).output).toBe(JSON.stringify(trace));
  });

  test('nothing of the engine is in the environment, of the cell or of its parent (hostile 37)', async () => {
    process.env.PAWL_TEST_CANARY = 'canary-3141';
    const ran = await sh('env; tr "\\0" "\\n" < /proc/$PPID/environ; pwd; ls -ld . | cut -c1-10');
    delete process.env.PAWL_TEST_CANARY;
    expect(ran.log).not.toContain('canary-3141');
    const names = [...ran.log.matchAll(/^([A-Z_]+)=/gm)].map((match) => match[1]);
    expect(new Set(names)).toEqual(
      new Set([
        'PATH',
        'HOME',
        'TMPDIR',
        'LANG',
        'PWD',
        'PAWL_INPUTS',
        'PAWL_OUTPUT',
        'PAWL_OUTPUTS',
        'PAWL_EVIDENCE',
        'PAWL_SECRETS',
        'PAWL_PARAMS',
        'PAWL_INSTANCE_ID',
        'PAWL_RUNBOOK_ID',
        'PAWL_VERSION',
        'PAWL_CELL',
        'PAWL_SEQ',
        'PAWL_VISIT',
        'PAWL_ATTEMPT',
        'PAWL_IDEMPOTENCY_KEY',
        'PAWL_DEADLINE_AT_MS',
        'PAWL_EXECUTION',
        'PAWL_RUNNER',
        'NODE_CHANNEL_FD',
        'NODE_CHANNEL_SERIALIZATION_MODE',
      ]),
    );
    expect(ran.log).toContain('drwx------');
  });
  test('its temporary folder is removed, also when the cell made parts of it unwritable', async () => {
    const ran = await sh('mkdir a; touch a/b; chmod 000 a; pwd');
    expect(existsSync(ran.log.trim())).toBe(false);
    expect(existsSync(dirname(ran.log.trim()))).toBe(false);
  });
  test('300 MB on standard output neither block nor grow: beginning and end, with the limits named (hostile 41)', async () => {
    const ran = await sh('echo first; head -c 300000000 /dev/zero | tr "\\0" "x"; echo; echo why it failed; exit 5', {
      timeoutMs: 30_000,
    });
    expect(ran).toMatchObject({ status: 'failed', exitCode: 5 });
    expect(ran.log.length).toBeLessThan(800_000);
    expect(ran.log).toMatch(/^first\nx+\n\[\d+ bytes of this log are missing here: /);
    expect(ran.log).toMatch(/logHeadBytesMax is 524288, logEndBytesMax is 262144\]\nx+\nwhy it failed\n$/);
    const missing = Number(/\[(\d+) bytes/.exec(ran.log)?.[1]);
    const kept = ran.log.replace(/\n\[.*\]\n/, '').length;
    expect(missing + kept).toBe('first\n'.length + 300_000_000 + '\nwhy it failed\n'.length);
  });
  test('a log just over its beginning is whole', async () => {
    const ran = await sh('head -c 700000 /dev/zero | tr "\\0" "x"; echo end');
    expect(ran.log).toBe(`${'x'.repeat(700_000)}end\n`);
  });
  test('characters that stand across two chunks stay whole', async () => {
    expect((await sh("printf '\\303'; sleep 0.2; printf '\\244'")).log).toBe('ä');
  });
});

describe('nothing of a cell is alive when it has ended', () => {
  test('what it left in the background, in another session and deaf to SIGTERM, is gone (scenario 26)', async () => {
    await sh(
      `(trap '' TERM; setsid sh -c 'trap "" TERM; echo $$ > "${dir}/left"; sleep 60' &) ; until [ -s "${dir}/left" ]; do sleep 0.02; done`,
    );
    const pid = Number(read('left'));
    expect(pid).toBeGreaterThan(1);
    expect(isAlive(pid)).toBe(false);
  });
  test('its time-out kills it, however deaf, and it is unknown whether it happened (hostile 44)', async () => {
    const ran = await sh(`trap '' TERM INT; echo $$ > "${dir}/deaf"; while :; do :; done`, { timeoutMs: 4_000 });
    expect(ran).toMatchObject({ status: 'unknown', error: { code: 'cell.timeout' } });
    expect(isAlive(Number(read('deaf')))).toBe(false);
  });
  test('a caller that gives up stops it', async () => {
    const stop = new AbortController();
    const running = sh(`touch "${dir}/aborted"; sleep 600`, { signal: stop.signal, timeoutMs: 300_000 });
    expect(await until(() => existsSync(join(dir, 'aborted')))).toBe(true);
    stop.abort();
    expect(await running).toMatchObject({
      status: 'unknown',
      error: { code: 'cell.aborted' },
    });
  });
  test('a caller that had given up before: nothing began', async () => {
    expect(await sh(`touch "${dir}/begun"`, { signal: AbortSignal.abort() })).toMatchObject({ status: 'never' });
    expect(existsSync(join(dir, 'begun'))).toBe(false);
  });
  test('a runner that is killed: unknown, and its child is gone', async () => {
    const ran = await sh(`echo $$ > "${dir}/orphan"; kill -KILL $PPID; sleep 30`);
    expect(ran).toMatchObject({ status: 'unknown', error: { code: 'cell.killed' } });
    expect(isAlive(Number(read('orphan')))).toBe(false);
  });
  test('kill -9 of the engine: child, background child and folder are gone', async () => {
    const script = `pwd > "${dir}/where"; echo $$ > "${dir}/child"; setsid sh -c 'echo $$ > "${dir}/grandchild"; sleep 60' & sleep 60`;
    const engine = spawn(process.execPath, [fileURLToPath(new URL('engineProcess.ts', import.meta.url)), script, dir], {
      stdio: 'ignore',
    });
    expect(await until(() => read('child') !== '' && read('grandchild') !== '')).toBe(true);
    const pids = [Number(read('child')), Number(read('grandchild'))];
    expect(pids.map(isAlive)).toEqual([true, true]);
    engine.kill('SIGKILL');
    expect(await until(() => !pids.some(isAlive))).toBe(true);
    expect(await until(() => !existsSync(read('where')))).toBe(true);
  });
  test('no temporary folder is left by all of the above', () => {
    const mine = readdirSync(tmpdir()).filter((name) => /^pawl-[A-Za-z0-9]{6}$/.test(name));
    expect(
      mine.filter(
        (name) =>
          existsSync(join(tmpdir(), name, 'cell', 'cell.sh')) || existsSync(join(tmpdir(), name, 'cell', 'cell.mjs')),
      ),
    ).toEqual([]);
  });
});

test('a marker that is not one cell’s alone kills nobody: an empty one is in every environment', async () => {
  for (const marker of ['', 'PAWL_EXECUTION=', 'PATH', `PAWL_EXECUTION=${'a'.repeat(31)}`]) {
    await expect(reap(undefined, marker)).rejects.toThrow('marks no cell');
  }
  for (const group of [0, 1, -1, Number.NaN]) {
    await expect(reap(group, `PAWL_EXECUTION=${'a'.repeat(32)}`)).rejects.toThrow('no process group');
  }
});

describe('an engine that froze between its look at the clock and the beginning (I4)', () => {
  /** Hands a job to a runner as the engine does, with a kill time of the machine's monotonic clock. */
  const hand = async (killInMs: number) => {
    const { mkdirSync, writeFileSync } = await import('node:fs');
    const folder = join(dir, `frozen${killInMs}`);
    const cell = join(folder, 'cell');
    mkdirSync(cell, { recursive: true });
    const script = join(cell, 'cell.sh');
    const effect = join(dir, `effect${killInMs}`);
    writeFileSync(script, `touch "${effect}"`);
    const runner = spawn(process.execPath, [fileURLToPath(new URL('../../src/cells/runner.mjs', import.meta.url))], {
      env: {},
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const execution = 'b'.repeat(31) + (killInMs > 0 ? '1' : '2');
    const result = new Promise((resolve) => {
      runner.on('message', (message: { kind: string; result?: unknown }) => {
        if (message.kind === 'done') resolve(message.result);
      });
    });
    const killAtMs = Number(process.hrtime.bigint() / 1_000_000n) + killInMs;
    const log = { headBytes: 1_000, endBytes: 1_000, glimpseBytes: 1_000, glimpsesBytes: 1_000 };
    const sizes = {
      secrets: {},
      secretBytesMax: 1_000,
      outputBytesMax: 1_000,
      outputHeadBytes: 100,
      glimpseMs: 1_000,
      log,
    };
    runner.send({
      kind: 'sh',
      folder,
      dir: cell,
      file: script,
      command: '/bin/sh',
      args: [script],
      env: { PATH: '/usr/bin:/bin', PAWL_EXECUTION: execution, PAWL_OUTPUT: join(cell, 'output.json') },
      marker: `PAWL_EXECUTION=${execution}`,
      nonce: 'c'.repeat(32),
      input: null,
      killAtMs,
      timeoutAtMs: killAtMs,
      ...sizes,
    });
    return { result: await result, happened: existsSync(effect) };
  };
  test('a job whose time is over by the time it arrives never begins', async () => {
    expect(await hand(-1)).toMatchObject({
      result: { status: 'never', error: { code: 'cell.late' } },
      happened: false,
    });
    expect(await hand(60_000)).toMatchObject({ result: { status: 'completed' }, happened: true });
  });
});

/** `pawl serve`: the service of one machine as a process, how it ends, and who it lets in. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { begin, createWarm, type Ended, isAlive, until } from '../cli/support.ts';
import {
  descendantsOf,
  journalOf,
  newDataDir,
  removeDataDir,
  type Served,
  startDev,
  startServe,
  stopDev,
  stopServe,
  token,
  untilStatus,
  viewOf,
} from './support.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const warm = createWarm();
let dataDir: string;
let marks: string;
let all: Served[] = [];

const serve = async (...given: Parameters<typeof startServe> extends [string, (infer O)?] ? [O?] : never) => {
  const served = await startServe(dataDir, given[0]);
  all.push(served);
  return served;
};
/** The command line on the folder of the service. */
const pawl = (args: string[], env: Record<string, string> = {}): Promise<Ended> =>
  warm.pawl(marks, args, { env: { PAWL_DATA_DIR: dataDir, PAWL_TAKEOVER_GRACE_MS: '1000', ...env } });

beforeEach(async () => {
  dataDir = await newDataDir();
  marks = await mkdtemp(join(tmpdir(), 'pawl-marks-'));
});
afterEach(async () => {
  for (const served of all) await stopServe(served);
  all = [];
  await removeDataDir(dataDir);
  await rm(marks, { recursive: true, force: true });
});
afterAll(() => warm.end());

/** The first cell says that it runs, and waits until the file `go` is there. */
const twoCells = `---
runbook: two
title: Two cells
params:
  dir: { type: string }
---
\`\`\`sh { name=first timeout=10m }
echo $$ > "$PAWL_PARAM_DIR/first.pid"
until [ -e "$PAWL_PARAM_DIR/go" ]; do sleep 0.1; done
\`\`\`
\`\`\`sh { name=second }
echo run >> "$PAWL_PARAM_DIR/second.runs"
\`\`\`
`;

const pidOfFirst = async (): Promise<number> => {
  const file = join(marks, 'first.pid');
  await until('the first cell', () => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'));
  return Number(readFileSync(file, 'utf8'));
};

/** Begins the run and does not wait for it. */
const beginTwo = async (served: Served): Promise<{ instanceId: string; pid: number; asked: Promise<unknown> }> => {
  expect((await served.publish(twoCells)).status).toBe(201);
  const instanceId = await served.start('two', { params: { dir: marks } });
  const asked = served.ask('POST', `/instances/${instanceId}/run`).catch(() => undefined);
  return { instanceId, pid: await pidOfFirst(), asked };
};

/** As a person reads it, after the service has gone: its store is there. */
const journalHere = async (instanceId: string): Promise<string[]> => {
  const { json } = await pawl(['journal', instanceId, '--json']);
  return (json.entries as { kind: string; cell?: string; status?: string }[]).map(({ kind, cell, status }) =>
    [kind, cell, status].filter((one) => one !== undefined).join(' '),
  );
};

describe('pawl serve', { timeout: 180_000 }, () => {
  it('says where it is and how to log in, runs a runbook for the command line, and ends with 0', async () => {
    // A folder of its own for steps: what those of other tests were killed over is swept, and said, at the start.
    const served = await serve({ env: { TMPDIR: marks } });
    await until('the link for a browser', () => /code=[0-9a-f]{48}\n/.test(served.out()));
    expect(served.out().trim().split('\n')).toEqual([
      `Pawl is ready at ${served.url} (store: ${dataDir}; Ctrl-C ends it). Try: \`pawl new hello\`, then \`pawl --url ${served.url} run hello.md\``,
      expect.stringMatching(
        /^Browser, once, within five minutes: http:\/\/127\.0\.0\.1:\d+\/login\?code=[0-9a-f]{48}$/,
      ),
    ]);
    const ran = await pawl(['--url', served.url, 'run', join(root, 'runbooks/hello.md')], { PAWL_TOKEN: token });
    expect(ran.exit, ran.err).toBe(0);
    process.kill(served.pid, 'SIGTERM');
    expect(await served.ended).toBe(0);
    expect((await pawl(['list'])).out).toContain('completed');
  });

  it('looks after what waits, also when another process woke it, without any caller', async () => {
    const served = await serve();
    const waiting = `---
runbook: waits
title: Waits
---
\`\`\`wait { name=pause for=1s }
\`\`\`
\`\`\`await { name=green timeout=1h }
claim: build
until: supported
\`\`\`
\`\`\`js { name=after }
export default () => ({ done: true });
\`\`\`
`;
    await served.publish(waiting);
    const instanceId = await served.start('waits', { drive: 'auto' });
    await served.ask('POST', `/instances/${instanceId}/run`);
    await until('the claim to be waited for', async () => (await viewOf(served, instanceId)).cell === 'green');
    // Not through the service: its file alone tells.
    expect((await pawl(['claim', 'set', 'build', '--status', 'supported'])).exit).toBe(0);
    await untilStatus(served, instanceId, 'completed');
  });

  it('two on one folder share the work, and nothing happens twice', async () => {
    const [one, two] = await Promise.all([serve(), serve()]);
    const counting = `---
runbook: counting
title: Leaves a line
params:
  dir: { type: string }
  n: { type: integer }
---
\`\`\`sh { name=line }
echo "$PAWL_PARAM_N" >> "$PAWL_PARAM_DIR/lines"
\`\`\`
\`\`\`wait { name=pause for=1s }
\`\`\`
\`\`\`sh { name=again }
echo "$PAWL_PARAM_N" >> "$PAWL_PARAM_DIR/lines"
\`\`\`
`;
    await one.publish(counting);
    const ids = await Promise.all(
      Array.from({ length: 10 }, async (_, n) => {
        const served = n % 2 === 0 ? one : two;
        const id = await served.start('counting', { params: { dir: marks, n }, drive: 'auto' });
        // Both are asked for the same.
        await Promise.all([one, two].map((each) => each.ask('POST', `/instances/${id}/run`)));
        return id;
      }),
    );
    for (const id of ids) await untilStatus(one, id, 'completed');
    const lines = readFileSync(join(marks, 'lines'), 'utf8').trim().split('\n').map(Number);
    expect(lines.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => Math.floor(n / 2)));
  });

  it('says so when its port is taken, or cannot be listened on', async () => {
    const served = await serve();
    const { port } = new URL(served.url);
    const taken = await pawl(['serve', '--port', port]);
    expect([taken.exit, taken.err]).toEqual([2, expect.stringContaining(`Port ${port} of 127.0.0.1 is taken`)]);
    expect(taken.err).toContain(`\`pawl serve --port ${Number(port) + 1}\``);
    const nowhere = await pawl(['serve', '--listen', '192.0.2.1', '--behind-proxy', '--port', '0']);
    expect([nowhere.exit, nowhere.err]).toEqual([2, expect.stringContaining('This machine has no address 192.0.2.1')]);
    const elsewhere = await pawl(['serve', '--url', served.url]);
    expect([elsewhere.exit, elsewhere.err]).toEqual([
      2,
      expect.stringContaining('leave --url, PAWL_URL and contexts out'),
    ]);
  });

  it('kill -9 in mid-cell: the cell dies too, and is in doubt for the next one', async () => {
    const served = await serve();
    const short = twoCells.replace('timeout=10m', 'timeout=10s');
    await served.publish(short);
    const instanceId = await served.start('two', { params: { dir: marks } });
    served.ask('POST', `/instances/${instanceId}/run`).catch(() => undefined);
    const pid = await pidOfFirst();
    process.kill(served.pid, 'SIGKILL');
    await until('the end of its cell', () => !isAlive(pid));
    const next = await serve();
    await untilStatus(next, instanceId, 'in_doubt');
    writeFileSync(join(marks, 'go'), '');
    expect(existsSync(join(marks, 'second.runs'))).toBe(false);
    expect((await pawl(['doubts'])).exit).toBe(5);
  });
});

describe('SIGTERM', { timeout: 180_000 }, () => {
  it('to the whole group: the running cell goes on to its end, and nothing new begins', async () => {
    const served = await serve();
    const { instanceId, pid } = await beginTwo(served);
    process.kill(-served.pid, 'SIGTERM');
    await until('what it says', () => served.out().includes('Nothing new begins. Waiting for'));
    expect(served.out()).toContain(`${instanceId} first`);
    expect(isAlive(pid)).toBe(true);
    writeFileSync(join(marks, 'go'), '');
    expect(await served.ended).toBe(0);
    expect(await journalHere(instanceId)).toEqual(['started', 'control', 'reserved first', 'outcome first completed']);
    expect(existsSync(join(marks, 'second.runs'))).toBe(false);

    // Another one goes on where it left off, by itself: the run was to go on.
    const next = await serve();
    await untilStatus(next, instanceId, 'completed');
    expect(readFileSync(join(marks, 'second.runs'), 'utf8')).toBe('run\n');
  });

  it('after --drain seconds: what still runs is stopped, and recorded as unknown', async () => {
    const served = await serve({ args: ['--drain', '1'] });
    const { instanceId, pid } = await beginTwo(served);
    const family = descendantsOf(served.pid);
    process.kill(-served.pid, 'SIGTERM');
    expect(await served.ended).toBe(5);
    expect(served.out()).toContain('1 s are over: 1 cell stopped');
    expect(served.out()).toContain('1 cell recorded as unknown');
    expect([pid, ...family].filter(isAlive)).toEqual([]);
    expect(await journalHere(instanceId)).toEqual(['started', 'control', 'reserved first', 'outcome first unknown']);
    expect((await pawl(['doubts'])).exit).toBe(5);
  });

  it('a second one cuts the wait', async () => {
    const served = await serve();
    const { instanceId, pid } = await beginTwo(served);
    process.kill(served.pid, 'SIGTERM');
    await until('the wait', () => served.out().includes('Nothing new begins'));
    // Two within a moment are one wish.
    await new Promise((resolve) => setTimeout(resolve, 600));
    process.kill(served.pid, 'SIGTERM');
    expect(await served.ended).toBe(5);
    expect(served.out()).toContain('Not waiting any longer: 1 cell stopped');
    expect(isAlive(pid)).toBe(false);
    expect((await journalHere(instanceId)).at(-1)).toBe('outcome first unknown');
  });

  it('a look of a poll that is stopped puts nothing in doubt', async () => {
    const served = await serve();
    const first = '```sh { name=first timeout=10m }';
    const polling = twoCells.replace(first, '```sh { name=first poll=1s timeout=5m }');
    await served.publish(polling.replace('done\n```', "done\n```\n```cel { expect=first }\noutput == 'x'\n```"));
    const instanceId = await served.start('two', { params: { dir: marks }, drive: 'auto' });
    served.ask('POST', `/instances/${instanceId}/run`).catch(() => undefined);
    await pidOfFirst();
    process.kill(served.pid, 'SIGTERM');
    await until('the wait', () => served.out().includes('Nothing new begins'));
    await new Promise((resolve) => setTimeout(resolve, 600));
    process.kill(served.pid, 'SIGTERM');
    expect(await served.ended).toBe(0);
    expect(served.out()).not.toContain('recorded as unknown');
    expect((await pawl(['doubts'])).exit).toBe(0);
  });

  it('while it drains it takes nothing new', async () => {
    const served = await serve();
    const { asked } = await beginTwo(served);
    // A connection that stood before.
    process.kill(served.pid, 'SIGTERM');
    await until('the wait', () => served.out().includes('Nothing new begins'));
    const refused = await served.ask('POST', '/runbooks/two/instances', { params: { dir: marks } }).then(
      ({ status }) => status,
      () => 'no connection',
    );
    expect([503, 'no connection']).toContain(refused);
    writeFileSync(join(marks, 'go'), '');
    await asked;
    expect(await served.ended).toBe(0);
  });
});

type Plain = { status: number; headers: Record<string, string | string[] | undefined>; body: string };
const plain = (url: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Plain> =>
  new Promise((resolve, reject) => {
    const asked = request(url, { method, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    asked.on('error', reject);
    asked.end();
  });

describe('who is let in', { timeout: 180_000 }, () => {
  it('whoever has the token of the folder, which the command line finds', async () => {
    const served = await serve({ env: { PAWL_TOKEN: '' } });
    const file = join(dataDir, 'token');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    const found = await pawl(['--url', served.url, 'list', '--json']);
    expect([found.exit, found.json.views]).toEqual([0, []]);
    const lost = await warm.pawl(marks, ['--url', served.url, 'list', '--json']);
    expect([lost.exit, lost.json.error]).toEqual([
      2,
      expect.objectContaining({ code: 'actor.unknown', message: expect.stringContaining('PAWL_DATA_DIR') }),
    ]);
    const drawn = readFileSync(file, 'utf8');
    await stopServe(served);
    await serve({ env: { PAWL_TOKEN: '' } });
    expect(readFileSync(file, 'utf8')).toBe(drawn);
  });

  it('nobody else, but for /health, /login and one-time links', async () => {
    const served = await serve();
    const statuses: Record<string, number> = {};
    for (const path of ['/health', '/login', '/links/00', '/instances', '/openapi.json', '/', '/healthy', '/links'])
      statuses[path] = (await plain(`${served.url}${path}`)).status;
    expect(statuses).toEqual({
      '/health': 200,
      '/login': 401,
      '/links/00': 404,
      '/instances': 401,
      '/openapi.json': 401,
      '/': 401,
      '/healthy': 401,
      '/links': 401,
    });
    const wrong = await plain(`${served.url}/instances`, { authorization: `Bearer ${token.slice(0, -1)}x` });
    expect([wrong.status, wrong.headers['www-authenticate']]).toEqual([401, 'Bearer']);
    expect((await plain(`${served.url}/health`, {}, 'POST')).status).toBe(401);
    expect((await plain(`${served.url}/health`, {}, 'HEAD')).status).toBe(200);
  });

  it('no page of others, even with the cookie', async () => {
    const served = await serve();
    const auth = { authorization: `Bearer ${token}` };
    const { port } = new URL(served.url);
    for (const headers of [
      { ...auth, host: `evil.example:${port}` },
      { ...auth, origin: 'http://evil.example' },
      { ...auth, origin: 'null' },
      { ...auth, origin: `http://127.0.0.1:${Number(port) + 1}` },
    ]) {
      const { status, body } = await plain(`${served.url}/instances`, headers);
      expect([status, JSON.parse(body).code]).toEqual([403, 'request.foreign']);
    }
    expect((await plain(`${served.url}/instances`, { ...auth, origin: served.url })).status).toBe(200);
  });

  it('a browser by a link that is good once, and a cookie from then on', async () => {
    const served = await serve();
    const { exit, json } = await pawl(['--url', served.url, 'login', '--json'], {
      PAWL_TOKEN: token,
      PAWL_GROUPS: 'sre, dba',
    });
    expect(exit).toBe(0);
    expect(json).toMatchObject({ actor: 'alice', groups: 'sre, dba' });
    const entered = await plain(String(json.link));
    const told = 'as <strong>alice</strong>, in the groups sre, dba.';
    expect([entered.status, entered.body]).toEqual([200, expect.stringContaining(told)]);
    const [set = ''] = [entered.headers['set-cookie']].flat();
    const { port } = new URL(served.url);
    expect(set).toMatch(new RegExp(`^pawl-${port}=\\S+; Path=/; HttpOnly; SameSite=Strict; Max-Age=${12 * 60 * 60}$`));
    const cookie = set.split(';')[0] ?? '';
    expect((await plain(String(json.link))).status).toBe(410);
    expect((await plain(`${served.url}/instances`, { cookie: `other=1; ${cookie}` })).status).toBe(200);
    // It says who acts, and in which groups: a browser cannot be somebody else by a header.
    const me = await plain(`${served.url}/me`, { cookie, 'x-pawl-actor': 'mallory', 'x-pawl-groups': 'root' });
    expect(JSON.parse(me.body)).toMatchObject({ actor: 'alice', groups: ['sre', 'dba'] });
    await served.publish(twoCells);
    const started = await new Promise<Plain>((resolve, reject) => {
      const headers = { cookie, 'x-pawl-actor': 'mallory', 'content-type': 'application/json', origin: served.url };
      const asked = request(`${served.url}/runbooks/two/instances`, { method: 'POST', headers }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      });
      asked.on('error', reject);
      asked.end(JSON.stringify({ params: { dir: marks } }));
    });
    expect(started.status).toBe(201);
    const { view } = JSON.parse(started.body);
    expect((await served.ask('GET', `/instances/${view.instanceId}/journal`)).body.entries).toEqual([
      expect.objectContaining({ by: expect.objectContaining({ actor: 'alice' }) }),
    ]);
    // Altered, or of another port, it opens nothing.
    for (const bad of [`${cookie}x`, cookie.replace(/=[^.]+/, '=cm9vdA'), cookie.replace(`pawl-${port}`, 'pawl-1')])
      expect((await plain(`${served.url}/instances`, { cookie: bad })).status).toBe(401);
  });

  it('beyond this machine only behind TLS', async () => {
    const open = await pawl(['serve', '--listen', '0.0.0.0', '--port', '0']);
    expect([open.exit, open.err]).toEqual([2, expect.stringContaining('--behind-proxy')]);
    const half = await pawl(['serve', '--tls-cert', 'x.pem', '--port', '0']);
    expect([half.exit, half.err]).toEqual([2, expect.stringContaining('belong together')]);

    const [key, cert] = [join(marks, 'key.pem'), join(marks, 'cert.pem')];
    const made = spawnSync('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
    ]);
    expect(made.status, String(made.stderr)).toBe(0);
    const served = await serve({ args: ['--listen', '0.0.0.0', '--tls-cert', cert, '--tls-key', key] });
    const url = `https://127.0.0.1:${new URL(served.url).port}`;
    const running = begin(marks, ['--url', url, 'run', join(root, 'runbooks/hello.md')], {
      env: { PAWL_TOKEN: token, NODE_EXTRA_CA_CERTS: cert },
    });
    const { exit, err } = await running.ended;
    expect(exit, err).toBe(0);
  });
});

const isRoot = process.getuid?.() === 0;

/** As the user `nobody`, whom no folder of ours lets in. */
const asNobody = (script: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      uid: 65_534,
      gid: 65_534,
      cwd: '/',
      env: {},
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        out += text;
      });
    child.on('error', reject);
    child.on('close', () => resolve(out));
  });

const listeningPorts = (pids: number[]): number[] => {
  const { stdout, status } = spawnSync('ss', ['-Hltnp'], { encoding: 'utf8' });
  if (status !== 0) throw new Error('`ss` is needed to find the listening ports (Debian: iproute2).');
  return stdout
    .split('\n')
    .filter((line) => pids.some((pid) => line.includes(`pid=${pid},`)))
    .map((line) => Number(/:(\d+)\s/.exec(line.trim().split(/\s+/).slice(3).join(' '))?.[1]));
};

// Only root can become somebody else: elsewhere the gate counts this as skipped, and says so.
describe.runIf(isRoot)('another user of this machine', { timeout: 180_000 }, () => {
  beforeAll(async () => {
    // The interpreter itself may lie where nobody may look.
    expect(await asNobody('console.log(process.getuid())')).toContain('65534');
  });

  const attempts = (ports: number[], files: string[]): string => `
    import { readFileSync, readdirSync } from 'node:fs';
    const told = {};
    for (const port of ${JSON.stringify(ports)})
      for (const [method, path, headers] of [
        ['GET', '/instances', {}],
        ['POST', '/2015-03-31/functions/pawl-local-executeCell/invocations', {}],
        ['POST', '/2015-03-31/functions/pawl-local-work/invocations', { authorization: 'AWS4-HMAC-SHA256 Credential=local/20261128/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=00' }],
      ]) {
        const { status } = await fetch('http://127.0.0.1:' + port + path, { method, headers }).catch((error) => ({ status: String(error.cause ?? error) }));
        (told[port] ??= []).push(status);
      }
    const read = (file) => { try { readFileSync(file); return 'read'; } catch (error) { return error.code; } };
    const list = (file) => { try { readdirSync(file); return 'listed'; } catch (error) { return error.code; } };
    console.log(JSON.stringify({ told, files: ${JSON.stringify(files)}.map(read), folders: ${JSON.stringify(files)}.map((file) => list(file.replace(/\\/[^/]*$/, ''))) }));
  `;

  it.each(['serve', 'dev'])('asks the ports of %s in vain, and cannot read its folder', async (kind) => {
    // The way to the folder is open, so that only the folder itself keeps somebody out.
    await chmod(tmpdir(), 0o1777).catch(() => undefined);
    const service =
      kind === 'serve' ? await startServe(dataDir) : await startDev(dataDir, { PAWL_TOKEN: '', PAWL_HTTP_ALLOW: '' });
    try {
      const ports = listeningPorts([service.pid, ...descendantsOf(service.pid)]);
      expect(ports.length).toBeGreaterThanOrEqual(kind === 'serve' ? 1 : 2);
      const told = JSON.parse(await asNobody(attempts(ports, [join(dataDir, 'pawl.db'), join(dataDir, 'token')])));
      for (const port of ports) expect(told.told[port]).toEqual([401, 401, 401]);
      expect(told.files).toEqual(['EACCES', 'EACCES']);
      expect(told.folders).toEqual(['EACCES', 'EACCES']);
    } finally {
      if ('ended' in service) await stopServe(service);
      else await stopDev(service);
    }
  });
});

it('the runs that a journal shows are those that the service told of', async () => {
  const served = await serve();
  await served.publish(twoCells);
  writeFileSync(join(marks, 'go'), '');
  const instanceId = await served.start('two', { params: { dir: marks } });
  const { status, body } = await served.ask('POST', `/instances/${instanceId}/run`);
  expect([status, body.result]).toEqual([200, 'completed']);
  expect(await journalOf(served, instanceId)).toEqual([
    'started',
    'control',
    'reserved first',
    'outcome first completed + second',
    'outcome second completed',
  ]);
});

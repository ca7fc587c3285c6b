/**
 * Where a procedure is played: stand-ins for the programs and services that it calls, which share a small world (a folder)
 * and note every call in order; and the real command line on a store of its own, which can be killed in the middle of one.
 */
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import { begin, createWarm, type Ended, until } from '../cli/support.ts';
import { awsCallOf, configFor, isOfAws, role } from './aws.ts';

const programs = join(import.meta.dirname, 'programs');
/** What cells of this place may be handed. The stand-ins refuse who comes without. */
const handedOn = {
  AWS_PROFILE: 'operator',
  KUBECONFIG: '/etc/kube/config',
  PGPASSFILE: '/etc/pgpass',
  SSH_AUTH_SOCK: '/run/agent',
};
const heldWithinMs = 60_000;
/** What cells of this place may ask of AWS. */
const askedOfAws = ['cloudwatch:GetMetricStatistics', 'rds:*', 'route-53:*'];
/** Of all stages of a file. */
const warm = createWarm();
afterAll(() => warm.end());

export type World = {
  /** @returns null where there is none */
  read(name: string): string | null;
  write(name: string, text: string): void;
  remove(name: string): void;
  list(folder: string): string[];
};

/**
 * `call`: it came. `did`: it changed the world. `key`: what it came with, of AWS the name of the session; those that only look
 * have none.
 */
export type Noted = { kind: 'call' | 'did'; atMs: number; key: string; what: string };
type Request = { method: string; path: string; body: string; key: string; authorization: string };
type Answer = { status: number; body?: unknown; headers?: Record<string, string> };
/** A service of the world. What it answered to a key it answers to that key again, as services that know keys do. */
export type Serve = (request: Request, world: World) => Answer;

export type Stage = {
  /** A text with the URL of its services for `BASE`, and the folder of its world for `WORLD`. */
  placed(text: string): string;
  /** A document with the secrets and the service of this world. */
  settled(source: string): string;
  /** What the command line printed, and every byte of the folder of data. */
  said(): string;
  world: World;
  noted(): Noted[];
  /** Once, the call whose words match stops there, and the process that made it can be killed. */
  hold(when: 'before' | 'after', what: string): void;
  pawl(args: string[], env?: Record<string, string>): Promise<Ended>;
  /**
   * Runs the command until the call that `hold` named has stopped, and kills it with `kill -9`.
   * @returns what the command said where it ended before it came to the call
   */
  killed(args: string[]): Promise<Ended | undefined>;
  file(name: string, text: string): string;
  close(): Promise<void>;
};

const isLook = (method: string): boolean => method === 'GET' || method === 'HEAD';

const worldOf = (folder: string): World => ({
  read: (name) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8').trim() : null),
  write: (name, text) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), `${text}\n`, { mode: name.startsWith('secrets/') ? 0o600 : 0o644 });
  },
  remove: (name) => rmSync(join(folder, name)),
  list: (name) => readdirSync(join(folder, name)).sort(),
});

const lineOf = (text: string): Noted => {
  const [kind = '', seconds = '', key = '', what = ''] = text.split('\t');
  return { kind: kind as Noted['kind'], atMs: Number(seconds) * 1_000, key, what };
};

type Call = { what: string; key: string; answer(): { status: number; text: string; headers: Record<string, string> } };

/** A request to a service that knows keys. */
const createCallOf = (serve: Serve, world: World) => {
  const answers = new Map<string, Answer>();
  return ({ method = '', url: path = '', headers }: IncomingMessage, body: string, did: () => void): Call => {
    const key = String(headers['idempotency-key'] ?? '');
    const answer = (): Answer => {
      const known = key === '' ? undefined : answers.get(key);
      if (known !== undefined) return known;
      const said = serve({ method, path, body, key, authorization: String(headers.authorization) }, world);
      if (isLook(method) || said.status >= 300) return said;
      did();
      if (key !== '') answers.set(key, said);
      return said;
    };
    return {
      what: `${method} ${path}`,
      key,
      answer: () => {
        const { status, body: told, headers: more } = answer();
        const text = told === undefined ? '' : JSON.stringify(told);
        return { status, text, headers: { 'content-type': 'application/json', ...more } };
      },
    };
  };
};

const listen = async (folder: string, serve: Serve): Promise<Server> => {
  const world = worldOf(folder);
  const callOf = createCallOf(serve, world);
  const stops = (now: string, what: string): boolean => {
    const [when = '', pattern = ''] = world.read('.hold')?.split(/ (.*)/s) ?? [];
    if (when !== now || !matchesWords(what, pattern)) return false;
    renameSync(join(folder, '.hold'), join(folder, '.held'));
    return true;
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const note = (kind: string): void => {
      const words = [kind, Math.floor(Date.now() / 1_000), call.key, call.what];
      appendFileSync(join(folder, '.calls'), `${words.join('\t')}\n`);
    };
    const did = (): void => note('did');
    const call = isOfAws(request) ? awsCallOf(request, bytes, world, did) : callOf(request, bytes.toString(), did);
    note('call');
    if (stops('before', call.what)) return;
    const { status, text, headers } = call.answer();
    if (stops('after', call.what)) return;
    response.writeHead(status, headers).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
};

/** Every file in it, as it stands on the disk. */
const bytesIn = (folder: string): string =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => readFileSync(join(one.parentPath, one.name), 'latin1'))
    .join('');

/** `*` stands for any text, as in a shell's `case`. */
const matchesWords = (what: string, pattern: string): boolean => {
  const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's').test(what);
};

/** @param names of the programs that it has; no others but the system's are in PATH */
export const createStage = async (names: string[], serve: Serve = () => ({ status: 404 })): Promise<Stage> => {
  const folder = await mkdtemp(join(tmpdir(), 'pawl-procedure-'));
  const bin = join(folder, 'bin');
  const inWorld = join(folder, 'world');
  for (const one of [bin, inWorld]) mkdirSync(one);
  for (const name of [...names, 'standin.sh']) {
    cpSync(join(programs, name), join(bin, name));
    chmodSync(join(bin, name), 0o755);
  }
  const server = await listen(inWorld, serve);
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const env = {
    PATH: `${bin}:/usr/local/bin:/usr/bin:/bin`,
    PAWL_HTTP_ALLOW: host,
    PAWL_TAKEOVER_GRACE_MS: '1000',
    PAWL_PLACE: 'bastion',
    AWS_CONFIG_FILE: join(folder, 'aws-config'),
    ...handedOn,
  };
  writeFileSync(env.AWS_CONFIG_FILE, configFor(host), { mode: 0o600 });
  mkdirSync(join(folder, 'data'));
  writeFileSync(
    join(folder, 'data', 'allow.json'),
    JSON.stringify({
      env: [...Object.keys(handedOn), 'AWS_CONFIG_FILE'],
      secrets: [`file:${inWorld}/secrets/*`],
      aws: askedOfAws,
      roles: [role],
    }),
  );
  const printed: string[] = [];
  const isHeld = (): boolean => existsSync(join(inWorld, '.held'));
  return {
    placed: (text) => text.replaceAll('BASE', `http://${host}`).replaceAll('WORLD', inWorld),
    settled: (source) =>
      source.replaceAll('file:/etc/pawl/', `file:${inWorld}/secrets/`).replaceAll('[crm.example]', `['${host}']`),
    said: () => printed.join('') + bytesIn(join(folder, 'data')),
    world: worldOf(inWorld),
    noted: () =>
      (worldOf(inWorld).read('.calls') ?? '')
        .split('\n')
        .filter((line) => line !== '')
        .map(lineOf),
    hold: (when, what) => {
      rmSync(join(inWorld, '.held'), { force: true });
      writeFileSync(join(inWorld, '.hold'), `${when} ${what}\n`);
    },
    pawl: async (args, more = {}) => {
      const ended = await warm.pawl(folder, args, { env: { ...env, ...more } });
      printed.push(ended.out, ended.err);
      return ended;
    },
    killed: async (args) => {
      const command = begin(folder, args, { env });
      let ended: Ended | undefined;
      void command.ended.then((how) => {
        ended = how;
      });
      try {
        await until('the call to be held', () => isHeld() || ended !== undefined, heldWithinMs);
        return isHeld() ? undefined : ended;
      } finally {
        command.kill('SIGKILL');
        await command.ended;
      }
    },
    file: (name, text) => {
      writeFileSync(join(folder, name), text);
      return name;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
};

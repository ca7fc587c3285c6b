/**
 * Simulated processes: each has its own engine above the shipped store code and a client that loses, delays and
 * doubles. A crash stops a process at one of its awaits for ever; what it had on the wire may still land.
 */
import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { type CellInput, type CellResult, createEngine, type Engine, type Ports, type Version } from '../../src/engine/index.ts';
import type { StoreClient } from '../../src/store/access.ts';
import { createJournal } from '../../src/store/journal.ts';
import { createLocks } from '../../src/store/locks.ts';
import { createViews } from '../../src/store/views.ts';
import { plainAuthoring } from '../engine/runbooks.ts';
import type { Draw, Schedule } from './schedule.ts';
import type { Command, Row, Tables } from './tables.ts';

export const faultKinds = ['crash', 'answerLost', 'answerLostAndRetried', 'requestLost', 'delayed', 'throttled', 'unknownResult'] as const;
export type FaultKind = (typeof faultKinds)[number];
/** Chance of each fault at each place where it can strike. */
export type Rates = Record<FaultKind, number>;

/** What the outside world saw, independent of any journal. */
export type Begin = { process: string; tokens: Set<string>; instanceId: string; cell: string; seq: number; visit: number; attempt: number; key: string; atMs: number; endedAtMs: number | null };

export type World = {
  draw: Draw;
  schedule: Schedule;
  tables: Tables;
  version: Version;
  rates: Rates;
  faults: Record<FaultKind, number>;
  begins: Begin[];
  trace: string[];
};

export type Process = {
  name: string;
  dead: boolean;
  /** Every token it drew: a body may begin only under a reservation that carries one of them. */
  tokens: Set<string>;
  engine: Engine;
  ports: Ports;
  /** Resolves never once the process is dead. */
  pause(what: string, ms?: number): Promise<void>;
  /** Called when a crash strikes. */
  onCrash: () => void;
};

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const timeout = (): Error => Object.assign(new Error('socket hang up'), { name: 'TimeoutError' });
const throttle = (): Error => Object.assign(new Error('rate exceeded'), { name: 'ThrottlingException' });

/** Mostly quick, sometimes slow enough to cross a deadline. */
const latencyMs = (draw: Draw): number => {
  const x = draw.fraction();
  if (x < 0.85) return 1 + draw.int(12);
  return x < 0.98 ? 10 + draw.int(300) : 500 + draw.int(6_000);
};

const strikes = (world: World, kind: FaultKind): boolean => {
  if (world.rates[kind] === 0 || !world.draw.chance(world.rates[kind])) return false;
  world.faults[kind] += 1;
  return true;
};

const say = (world: World, process: Process, text: string): void => {
  world.trace.push(`${world.schedule.nowMs()} ${process.name} ${text}`);
};

const briefly = (command: Command): string => {
  const { input } = command;
  const item = (input.Item ?? input.Key ?? input.ExpressionAttributeValues) as Row;
  return `${command.constructor.name.replace('Command', '')} ${String(input.TableName).split('-').at(-1)} ${item.kind ?? ''} ${item.seq ?? ''}`.trim();
};

const createClient = (world: World, process: Process): StoreClient => {
  const { draw, schedule, tables } = world;
  const attempt = (command: Command): { answer: Row } | { error: unknown } => {
    try {
      return { answer: tables.execute(command) };
    } catch (error) {
      return { error };
    }
  };
  const send = async (command: Command): Promise<Row> => {
    const what = briefly(command);
    const put = command.constructor.name === 'PutCommand';
    await process.pause(`before ${what}`);
    if (strikes(world, 'throttled')) throw throttle();
    if (strikes(world, 'requestLost')) throw timeout();
    if (put && strikes(world, 'delayed')) {
      say(world, process, `${what}: late on the wire`);
      schedule.after(50 + draw.int(8_000), () => {
        const late = attempt(command);
        say(world, process, `${what}: landed late, ${'answer' in late ? 'written' : 'slot taken'}`);
      });
      throw timeout();
    }
    let done = attempt(command);
    say(world, process, `${what}: ${'answer' in done ? 'ok' : (done.error as Error).name}`);
    await process.pause(`after ${what}`);
    if (put && strikes(world, 'answerLostAndRetried')) {
      // The SDK repeats a put whose answer was lost, and collides with itself.
      done = attempt(command);
      say(world, process, `${what}: repeated by the SDK, ${'answer' in done ? 'ok' : (done.error as Error).name}`);
    } else if (strikes(world, 'answerLost')) {
      say(world, process, `${what}: answer lost`);
      throw timeout();
    }
    if ('error' in done) throw done.error;
    return done.answer;
  };
  return { send } as unknown as StoreClient;
};

const createExecute = (world: World, process: Process) => async (input: CellInput): Promise<CellResult> => {
  const { step } = input;
  const { draw, schedule } = world;
  const calledAtMs = schedule.nowMs();
  await process.pause(`before body ${step.cell}`);
  // The real executors' kill timer runs from the call: a body that did not begin by then never does.
  const leftMs = input.timeoutMs - (schedule.nowMs() - calledAtMs);
  if (leftMs <= 0) return { status: 'never', error: { code: 'cell.late', message: 'no time left to begin' } };
  const begin: Begin = {
    process: process.name,
    tokens: process.tokens,
    instanceId: step.instanceId,
    cell: step.cell,
    seq: step.seq,
    visit: step.visit,
    attempt: step.attempt,
    key: step.idempotencyKey,
    atMs: schedule.nowMs(),
    endedAtMs: null,
  };
  world.begins.push(begin);
  say(world, process, `body ${step.cell} begins at seq ${step.seq}`);
  // A crash in here leaves the effect in the world and nobody to say so.
  await process.pause(`in body ${step.cell}`, draw.int(leftMs));
  begin.endedAtMs = schedule.nowMs();
  if (strikes(world, 'unknownResult')) return { status: 'unknown', error: { code: 'cell.timeout', message: 'cut' } };
  if (draw.chance(0.15)) return { status: 'failed', error: { code: 'cell.exit', message: 'exit 1' } };
  return { status: 'completed', output: JSON.stringify({ seq: step.seq }) };
};

export const createProcess = (world: World, name: string): Process => {
  const { draw, schedule } = world;
  const process = { name, dead: false, tokens: new Set<string>(), onCrash: () => {} } as unknown as Process;
  process.pause = (what, ms) =>
    new Promise((resolve) => {
      if (process.dead) return;
      if (strikes(world, 'crash')) {
        process.dead = true;
        say(world, process, `CRASH ${what}`);
        process.onCrash();
        return;
      }
      schedule.after(ms ?? latencyMs(draw), () => {
        if (!process.dead) resolve();
      });
    });
  const random = {
    token: () => {
      const token = draw.hex(32);
      process.tokens.add(token);
      return token;
    },
    fraction: draw.fraction,
  };
  const access = { client: createClient(world, process), tablesPrefix: 's' };
  const { version } = world;
  process.ports = {
    clock: {
      nowMs: schedule.nowMs,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          signal?.addEventListener('abort', () => resolve());
          schedule.after(ms, () => {
            if (!process.dead) resolve();
          });
        }),
    },
    random,
    journal: createJournal(access, random),
    versions: { get: async () => version, publish: async () => ({ version: 1, created: false }) },
    locks: createLocks(access),
    views: createViews(access),
    authoring: plainAuthoring,
    execute: createExecute(world, process),
    sha256,
    canonical: (value) => canonicalize(value) as string,
    observe: () => {},
    deployment: { name: 'sim', epoch: 0, takeoverGraceMs: 15_000 },
  };
  process.engine = createEngine(process.ports);
  return process;
};

/**
 * Simulated processes: each has its own engine above the shipped store code, a clock of its own, and a client that loses,
 * delays and doubles. A crash stops a process at one of its awaits for ever; what it had on the wire may still land.
 */
import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import {
  type CellInput,
  type CellResult,
  createEngine,
  type Engine,
  type Ports,
  type Version,
} from '../../src/engine/index.ts';
import type { StoreClient } from '../../src/store/access.ts';
import { createJournal } from '../../src/store/journal.ts';
import { createLocks } from '../../src/store/locks.ts';
import { createViews } from '../../src/store/views.ts';
import { plainAuthoring } from '../engine/runbooks.ts';
import type { Draw, Schedule } from './schedule.ts';
import type { Command, Row, Tables } from './tables.ts';

export const faultKinds = [
  'crashBeforePut',
  'crashAfterPut',
  'crashInCell',
  'crashElsewhere',
  'childOutlives',
  'frozen',
  'clockOff',
  'clockFarOff',
  'answerLost',
  'answerLostAndRetried',
  'requestLost',
  'delayed',
  'throttled',
  'itemRefused',
  'staleRead',
  'cutRead',
  'viewLost',
  'unknownResult',
  'probeUnsure',
  'duplicateDelivery',
  'lateDelivery',
] as const;
export type FaultKind = (typeof faultKinds)[number];
/** Chance of each fault at each place where it can strike. */
export type Rates = Record<FaultKind, number>;
export const noFaults = Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as Rates;

/** What the outside world saw, independent of any journal. `effectAtMs`: when it happened, if it did. */
export type Begin = {
  process: string;
  tokens: Set<string>;
  instanceId: string;
  cell: string;
  seq: number;
  visit: number;
  attempt: number;
  key: string;
  atMs: number;
  endedAtMs: number | null;
  effectAtMs: number | null;
};

export type World = {
  draw: Draw;
  schedule: Schedule;
  tables: Tables;
  version: Version;
  rates: Rates;
  faults: Record<FaultKind, number>;
  begins: Begin[];
  /** Whether every process's clock is right, and whether nothing struck that lets two bodies overlap (frozen, far off). */
  readonly clocksRight: boolean;
  readonly noOverlap: boolean;
  /** Ways `decide` took. */
  branches: Set<string>;
  trace: string[];
};

export type Process = {
  name: string;
  dead: boolean;
  /** Faults that struck it: a call during which this grew was hit. */
  struck: number;
  /** Every token it drew: a body may begin only under a reservation that carries one of them. */
  tokens: Set<string>;
  engine: Engine;
  ports: Ports;
  /** Resolves never once the process is dead. */
  pause(what: string, ms?: number): Promise<void>;
  /** The body it is in the middle of. */
  child: Begin | null;
  /** Called when a crash strikes. */
  onCrash: () => void;
};

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const timeout = (): Error => Object.assign(new Error('socket hang up'), { name: 'TimeoutError' });
const refusal = (): Error => Object.assign(new Error('item refused'), { name: 'ValidationException' });
const throttle = (): Error => Object.assign(new Error('rate exceeded'), { name: 'ThrottlingException' });

/** Mostly quick, sometimes slow enough to cross a deadline. */
const latencyMs = (draw: Draw): number => {
  const x = draw.fraction();
  if (x < 0.85) return 1 + draw.int(12);
  return x < 0.98 ? 10 + draw.int(300) : 500 + draw.int(6_000);
};

export const strikes = (world: World, process: Process | null, kind: FaultKind): boolean => {
  if (world.rates[kind] === 0 || !world.draw.chance(world.rates[kind])) return false;
  world.faults[kind] += 1;
  if (process !== null) process.struck += 1;
  return true;
};

export const say = (world: World, process: Process, text: string): void => {
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
  /** Reads that a strongly consistent store never gives: safety must not rest on them all the same. */
  const read = (command: Command): { answer: Row } | { error: unknown } => {
    const done = attempt(command);
    if (
      'error' in done ||
      command.constructor.name !== 'QueryCommand' ||
      !String(command.input.TableName).endsWith('journal')
    )
      return done;
    const { Limit, ScanIndexForward } = command.input;
    const items = done.answer.Items as Row[];
    if (Limit === 1 && ScanIndexForward === false && strikes(world, process, 'staleRead')) {
      const older = attempt({ ...command, constructor: command.constructor, input: { ...command.input, Limit: 2 } });
      const second = 'answer' in older ? (older.answer.Items as Row[])[1] : undefined;
      return { answer: { Items: second === undefined ? items : [second] } };
    }
    if (items.length > 1 && strikes(world, process, 'cutRead')) {
      const half = items.slice(0, Math.ceil(items.length / 2));
      const last = half.at(-1) as Row;
      return { answer: { Items: half, LastEvaluatedKey: { instanceId: last.instanceId, seq: last.seq } } };
    }
    return done;
  };
  const send = async (command: Command): Promise<Row> => {
    const what = briefly(command);
    const put = command.constructor.name === 'PutCommand';
    const view = String(command.input.TableName).endsWith('views');
    await process.pause(`before ${what}`);
    if (strikes(world, process, 'throttled')) throw throttle();
    if (strikes(world, process, 'requestLost')) throw timeout();
    if (view && command.constructor.name === 'UpdateCommand' && strikes(world, process, 'viewLost')) throw timeout();
    if (put && strikes(world, process, 'itemRefused')) throw refusal();
    if (put && strikes(world, process, 'delayed')) {
      say(world, process, `${what}: late on the wire`);
      schedule.after(50 + draw.int(draw.chance(0.3) ? 60_000 : 8_000), () => {
        const late = attempt(command);
        say(world, process, `${what}: landed late, ${'answer' in late ? 'written' : 'slot taken'}`);
      });
      throw timeout();
    }
    let done = put || view ? attempt(command) : read(command);
    say(world, process, `${what}: ${'answer' in done ? 'ok' : (done.error as Error).name}`);
    await process.pause(`after ${what}`);
    if (put && strikes(world, process, 'answerLostAndRetried')) {
      // The SDK repeats a put whose answer was lost, and collides with itself.
      done = attempt(command);
      say(world, process, `${what}: repeated by the SDK, ${'answer' in done ? 'ok' : (done.error as Error).name}`);
    } else if (strikes(world, process, 'answerLost')) {
      say(world, process, `${what}: answer lost`);
      throw timeout();
    }
    if ('error' in done) throw done.error;
    return done.answer;
  };
  return { send } as unknown as StoreClient;
};

/** A probe looks at the world: has the effect of this key happened by now? */
const probe = (world: World, process: Process, input: CellInput): CellResult => {
  if (strikes(world, process, 'probeUnsure')) {
    const wrong: CellResult[] = [
      { status: 'failed' },
      { status: 'completed', output: '{"answer":"unsure"}' },
      { status: 'unknown' },
    ];
    return world.draw.pick(wrong);
  }
  const done = world.begins.some(
    (begin) =>
      begin.key === input.step.idempotencyKey &&
      begin.effectAtMs !== null &&
      begin.effectAtMs <= world.schedule.nowMs(),
  );
  say(world, process, `probe of ${input.step.cell} says ${done ? 'done' : 'not-done'}`);
  return { status: 'completed', output: JSON.stringify({ answer: done ? 'done' : 'not-done', output: {} }) };
};

const createExecute =
  (world: World, process: Process) =>
  async (input: CellInput): Promise<CellResult> => {
    const { step } = input;
    const { draw, schedule } = world;
    const calledAtMs = schedule.nowMs();
    await process.pause(`before body ${step.cell}`);
    if ('code' in input.body && input.body.code === 'probe') return probe(world, process, input);
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
      effectAtMs: null,
    };
    world.begins.push(begin);
    say(world, process, `body ${step.cell} begins at seq ${step.seq}`);
    process.child = begin;
    await process.pause(`in body ${step.cell}, before its effect`, draw.int(leftMs / 2));
    begin.effectAtMs = schedule.nowMs();
    // A crash in here leaves the effect in the world and nobody to say so.
    await process.pause(`in body ${step.cell}, after its effect`, draw.int(leftMs / 2));
    begin.endedAtMs = schedule.nowMs();
    process.child = null;
    if (strikes(world, process, 'unknownResult'))
      return { status: 'unknown', error: { code: 'cell.timeout', message: 'cut' } };
    if (draw.chance(0.15)) return { status: 'failed', error: { code: 'cell.exit', message: 'exit 1' } };
    return { status: 'completed', output: JSON.stringify({ seq: step.seq }) };
  };

/** How far a process's clock may be off: within the grace nothing changes; beyond it only cells declared safe may overlap. */
const clockErrorMs = (world: World): number => {
  const { draw } = world;
  const sign = draw.chance(0.5) ? 1 : -1;
  if (strikes(world, null, 'clockFarOff')) return sign * (15_000 + draw.int(60_000));
  return strikes(world, null, 'clockOff') ? sign * draw.int(graceMs / 2) : 0;
};
export const graceMs = 15_000;

const crashes = (world: World, process: Process, what: string): boolean => {
  const kind: FaultKind = what.startsWith('before Put')
    ? 'crashBeforePut'
    : what.startsWith('after Put')
      ? 'crashAfterPut'
      : what.startsWith('in body')
        ? 'crashInCell'
        : 'crashElsewhere';
  return strikes(world, process, kind);
};

export const createProcess = (world: World, name: string, epoch = 0): Process => {
  const { draw, schedule } = world;
  const process = {
    name,
    dead: false,
    struck: 0,
    child: null,
    tokens: new Set<string>(),
    onCrash: () => {},
  } as unknown as Process;
  process.pause = (what, ms) =>
    new Promise((resolve) => {
      if (process.dead) return;
      if (crashes(world, process, what)) {
        process.dead = true;
        say(world, process, `CRASH ${what}`);
        const child = process.child;
        if (child !== null && child.effectAtMs === null && strikes(world, process, 'childOutlives')) {
          // The runner did not get its child in time: the effect happens although its engine is gone.
          schedule.after(draw.int(3_000), () => {
            child.effectAtMs = schedule.nowMs();
          });
        }
        process.onCrash();
        return;
      }
      const frozenMs = strikes(world, process, 'frozen') ? 5_000 + draw.int(60_000) : 0;
      if (frozenMs > 0) say(world, process, `FROZEN ${frozenMs} ms ${what}`);
      schedule.after((ms ?? latencyMs(draw)) + frozenMs, () => {
        if (!process.dead) resolve();
      });
    });
  const offMs = clockErrorMs(world);
  const random = {
    token: () => {
      const token = draw.token();
      process.tokens.add(token);
      return token;
    },
    fraction: draw.fraction,
  };
  const access = { client: createClient(world, process), tablesPrefix: 's' };
  const { version } = world;
  process.ports = {
    clock: {
      nowMs: () => schedule.nowMs() + offMs,
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
    observe: (event) => {
      if (event.kind === 'decided') world.branches.add(event.branch as string);
    },
    deployment: { name: 'sim', epoch, takeoverGraceMs: graceMs },
  };
  process.engine = createEngine(process.ports);
  return process;
};

/**
 * Simulated processes: each has its own engine above the shipped store code, and a clock of its own. A crash stops a
 * process at one of its awaits for ever; a freeze stops it for a while; what it had on the wire may still land.
 */
import { hash } from 'node:crypto';
import { type Clock, createEngine, type Engine, type Ports, type Random } from '../../src/engine/index.ts';
import type { Access } from '../../src/store/access.ts';
import { createClaims } from '../../src/store/claims.ts';
import { createClock as createStoreClock } from '../../src/store/clock.ts';
import { canonical } from '../../src/store/items.ts';
import { createJournal } from '../../src/store/journal.ts';
import { createLinks } from '../../src/store/links.ts';
import { createLocks } from '../../src/store/locks.ts';
import { createLooks } from '../../src/store/looks.ts';
import { createMarks } from '../../src/store/marks.ts';
import { createStoreId } from '../../src/store/storeId.ts';
import { createSubscriptions } from '../../src/store/subscriptions.ts';
import { createViews } from '../../src/store/views.ts';
import { plainAuthoring } from '../engine/runbooks.ts';
import { createExecute } from './bodies.ts';
import { countFrom, isOver } from './calls.ts';
import type { FaultKind } from './faults.ts';
import { createLearntJudge, type LearntJudge, learntErrorMs } from './learnt.ts';
import { drawPlace, home } from './places.ts';
import { peopleOf } from './twoPeople.ts';
import { createClient } from './wire.ts';
import { type Begin, type Call, currentCall, RuleBroken, say, strikes, type World } from './world.ts';

/** By the monotonic clock and by the wall clock. */
type Sent = { sentMs: number; sentWallMs: number };

export type Process = {
  name: string;
  place: string;
  epoch: number;
  /** How far its clock is off. */
  offMs: number;
  dead: boolean;
  frozenUntilMs: number;
  /** What its monotonic clock does not count. */
  sleptMs: number;
  /** Learns from an answer, where it has a clock of the store. */
  learn(sent: Sent, servedAtMs: number): void;
  /** Of the time that it is told. */
  judge: LearntJudge;
  /** The moment in which a request is sent. */
  sending(): Sent;
  callsMade: number;
  /** Calls it is in the middle of. */
  calls: Set<Call>;
  /** Bodies it is in the middle of. */
  children: Set<Begin>;
  engine: Engine;
  ports: Ports;
  onCrash: () => void;
};

const clockReadsMax = 200_000;
/** Mostly quick, sometimes slow enough to cross a deadline. */
const latencyMs = (world: World, call: Call | undefined): number => {
  const { draw } = world;
  if (strikes(world, 'slow', call)) return 500 + draw.int(6_000);
  return draw.chance(0.85) ? 1 + draw.int(12) : 10 + draw.int(300);
};

/** Goes on after `ms`, or when the process thaws; never if it is dead by then. */
const later = (world: World, process: Process, ms: number, run: () => void): void => {
  const { schedule } = world;
  const fire = (): void => {
    if (process.dead) return;
    const frozenMs = process.frozenUntilMs - schedule.nowMs();
    if (frozenMs > 0) schedule.after(frozenMs, fire);
    else run();
  };
  schedule.after(ms, fire);
};

/** A place where a process can die, by the fault it dies of. */
export type Place = Extract<FaultKind, `crash${string}`>;

/** Everything that a process is in the middle of is struck with it. */
export const hitAll = (process: Process, kind: FaultKind): void => {
  for (const call of process.calls) if (!call.struck.includes(kind)) call.struck.push(kind);
};

/** Ends a process for ever. Its children die with it, or do not. */
export const crash = (world: World, process: Process, kind: FaultKind, what: string): void => {
  process.dead = true;
  hitAll(process, kind);
  world.processes.delete(process);
  say(world, process.name, `CRASH ${what}`);
  for (const child of process.children) {
    const outlives = child.effectAtMs === null && strikes(world, 'childOutlives', child.call);
    if (!outlives) {
      child.endedAtMs = world.schedule.nowMs();
      continue;
    }
    world.schedule.after(world.draw.int(world.draw.chance(0.7) ? 3_000 : 60_000), () => {
      child.effectAtMs = world.schedule.nowMs();
      child.endedAtMs = child.effectAtMs;
      say(world, process.name, `the child of ${child.cell} at seq ${child.seq} outlived its engine; now its effect`);
    });
  }
  process.onCrash();
};

/** Every await of an engine passes here: the process may die at it, freeze at it, or just take its time. */
export const pause = (world: World, process: Process, place: Place, what: string, ms?: number): Promise<void> =>
  new Promise((resolve) => {
    if (process.dead) return;
    const call = currentCall.getStore();
    if (strikes(world, place, call)) {
      crash(world, process, place, what);
      return;
    }
    const { draw, schedule } = world;
    if (call !== undefined && isOver(world, call) && strikes(world, 'killedAtEnd', call)) {
      crash(world, process, 'killedAtEnd', `${what}: its invocation is over`);
      return;
    }
    if (strikes(world, 'frozen', call)) {
      freeze(world, process, 'frozen', 5_000 + draw.int(60_000), what);
      frozen(call, place);
    }
    if (call?.onAbandoned != null && strikes(world, 'thawed', call)) {
      const frozenMs = 500 + draw.int(draw.chance(0.4) ? 60_000 : 600_000);
      freeze(world, process, 'thawed', frozenMs, `${what}, and the caller's time is over`);
      schedule.after(process.frozenUntilMs - schedule.nowMs() + draw.int(20), call.onAbandoned);
      call.onAbandoned = null;
      frozen(call, place);
    }
    later(world, process, ms ?? latencyMs(world, call), resolve);
  });

const frozen = (call: Call | undefined, place: Place): void => {
  if (call !== undefined && place === 'crashBeforePut') call.frozenInPut = true;
};

export const freeze = (world: World, process: Process, kind: FaultKind, ms: number, what: string): void => {
  hitAll(process, kind);
  const until = world.schedule.nowMs() + Math.round(ms);
  if (world.learns && until > process.frozenUntilMs && strikes(world, 'slept', undefined)) {
    const sleptMs = until - Math.max(world.schedule.nowMs(), process.frozenUntilMs);
    process.sleptMs += sleptMs;
    process.judge.slept();
    world.clockErrorMaxMs = Math.max(world.clockErrorMaxMs, sleptMs);
  }
  process.frozenUntilMs = Math.max(process.frozenUntilMs, until);
  say(world, process.name, `FROZEN for ${(ms / 1000).toFixed(3)} s ${what}`);
};

/** Within the grace nothing may change, however two clocks differ; beyond it only cells declared safe may overlap. */
const clockErrorMs = (world: World): number => {
  const { draw, graceMs } = world;
  const sign = draw.chance(0.5) ? 1 : -1;
  if (strikes(world, 'clockFarOff', undefined)) return sign * (graceMs + draw.int(60_000));
  return strikes(world, 'clockOff', undefined) ? sign * draw.int(graceMs / 2) : 0;
};

/** The store's time as the shipped clock knows it, or a time that is off for good. */
const timeOf = (world: World, process: Process): Pick<Clock, 'nowMs' | 'behindMs'> => {
  const { schedule } = world;
  const monotonicMs = (): number => schedule.nowMs() - world.startMs - process.sleptMs;
  process.sending = () => ({ sentMs: monotonicMs(), sentWallMs: schedule.nowMs() });
  process.learn = () => {};
  if (!world.learns) return { nowMs: () => schedule.nowMs() + process.offMs, behindMs: () => 0 };
  const clock = createStoreClock(monotonicMs, () => schedule.nowMs());
  process.learn = (sent, servedAtMs) => {
    const wrongMs = strikes(world, 'dateWrong', undefined)
      ? (world.draw.chance(0.5) ? 1 : -1) * world.draw.int(7_200_000)
      : 0;
    const date = new Date(servedAtMs + wrongMs).toUTCString();
    const receivedMs = monotonicMs();
    clock.learn({ ...sent, receivedMs, date });
    // By the wall clock: a machine that slept meanwhile does not know how long it took.
    process.judge.learnt({ tookMs: schedule.nowMs() - sent.sentWallMs, wrongMs });
  };
  // It has asked something before, when it was set up.
  const askedMs = world.draw.int(300);
  const sentMs = monotonicMs() - askedMs;
  const date = new Date(schedule.nowMs()).toUTCString();
  clock.learn({ sentMs, sentWallMs: schedule.nowMs() - askedMs, receivedMs: monotonicMs(), date });
  Object.defineProperty(process, 'offMs', { get: () => clock.nowMs() - schedule.nowMs() });
  world.clockErrorMaxMs = Math.max(world.clockErrorMaxMs, learntErrorMs);
  return {
    nowMs: () => {
      const nowMs = clock.nowMs();
      process.judge.read(nowMs, schedule.nowMs());
      return nowMs;
    },
    behindMs: clock.behindMs,
  };
};

const createClock = (world: World, process: Process): Clock => {
  const time = timeOf(world, process);
  const sleep: Clock['sleep'] = (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) resolve();
      let over = false;
      signal?.addEventListener('abort', () => {
        over = true;
        resolve();
      });
      const call = currentCall.getStore();
      later(world, process, ms, () => {
        if (over) return;
        if (strikes(world, 'crashElsewhere', call)) crash(world, process, 'crashElsewhere', 'waking up');
        else resolve();
      });
    });
  return {
    nowMs: () => {
      world.clockReads += 1;
      if (world.clockReads > clockReadsMax)
        throw new RuleBroken('rest', 'it did not come to rest: a loop without waits');
      return time.nowMs();
    },
    behindMs: time.behindMs,
    heldMs: () => 0,
    sleep,
    alarm: sleep,
  };
};

const createRandomOf = (world: World): Random => ({
  token: () => {
    const token = world.draw.token();
    const call = currentCall.getStore();
    if (call === undefined) return token;
    // The first is the call's own, drawn when it has loaded the head; from then on its time is counted.
    if (call.tokens.size === 0) countFrom(world, call);
    call.tokens.add(token);
    return token;
  },
  fraction: world.draw.fraction,
});

export const createProcess = (
  world: World,
  name: string,
  onCrash: () => void = () => {},
  place = drawPlace(world),
): Process => {
  const { version, ran, graceMs, epoch } = world;
  const offMs = world.learns ? 0 : clockErrorMs(world);
  const process = {
    name,
    place,
    epoch,
    offMs,
    dead: false,
    frozenUntilMs: 0,
    sleptMs: 0,
    callsMade: 0,
    calls: new Set(),
    children: new Set(),
    onCrash,
    judge: createLearntJudge(name),
  } as unknown as Process;
  world.clockErrorMaxMs = Math.max(world.clockErrorMaxMs, Math.abs(offMs));
  if (offMs !== 0) say(world, name, `starts with a clock off by ${(offMs / 1000).toFixed(3)} s`);
  world.processes.add(process);
  const random = createRandomOf(world);
  const access: Access = { client: createClient(world, process), appendBy: 'put' };
  let known = false;
  process.ports = {
    clock: createClock(world, process),
    random,
    journal: createJournal(access, random),
    versions: {
      // Immutable, hence cached: only the first time it is asked of the store.
      get: async (runbookId) => {
        if (!known) await pause(world, process, 'crashElsewhere', 'reading the version');
        known = true;
        return runbookId === ran?.runbookId ? ran : version;
      },
      publish: async () => ({ version: 1, runHash: version.runHash, created: false }),
    },
    locks: createLocks(access),
    claims: createClaims(access),
    subscriptions: createSubscriptions(access),
    links: createLinks(access),
    looks: createLooks(access),
    marks: createMarks(access, home),
    views: createViews(access),
    authoring: plainAuthoring,
    execute: createExecute(world, process),
    sha256: (text) => hash('sha256', text),
    canonical,
    observe: (event) => {
      if (event.kind === 'decided') world.branches.add(event.branch as string);
    },
    setAside: async (item) => {
      await pause(world, process, 'crashElsewhere', 'setting an outcome aside');
      world.aside.push(item);
      say(world, process.name, `the outcome of seq ${item.about} is set aside`);
      world.redrive(item);
    },
    wakeAt: async (id, atMs, seq) => world.wakeAt(id, atMs - process.offMs, seq),
    storeId: createStoreId(access, random),
    deployment: { name: 'sim', epoch, takeoverGraceMs: graceMs, ...peopleOf(world) },
    here: { place, home, missing: async () => [] },
    ...(world.leases === null ? {} : { lease: world.leases.lease }),
  };
  process.engine = createEngine(process.ports);
  return process;
};

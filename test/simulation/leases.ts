/**
 * Schedules with cells that are held by leases: of a minute, and of six hours with the shipped constants. Drawn apart, so that what
 * else a seed draws is what it would be without. The runner of such a body is a process of its own: a freeze of its engine does not
 * stop it, and it kills at the last deadline that it heard of.
 */
import {
  type Cell,
  type CellInput,
  type Lease,
  leaseOfPlaces,
  limits,
  natureOf,
  type Part,
} from '../../src/engine/index.ts';
import { crash, freeze, type Process } from './processes.ts';
import { createRandom, type Draw } from './schedule.ts';
import { type Begin, type Call, RuleBroken, say, strikes, type World } from './world.ts';

/** `awayAtMs`: when the store goes away for two minutes, counted from the begin of the first long body; `null`: it does not for that. */
export type Leases = {
  lease: Lease;
  draw: Draw;
  timeouts: readonly number[];
  budgetMs: number;
  awayAtMs: number | null;
};

const hourMs = 3_600_000;
const awayMs = 2 * 60_000;
/** In so many schedules, of those about one run or a family. */
const leaseEvery = 10;
const hasLeases = (seed: number): boolean => seed % leaseEvery === leaseEvery - 1;
const hoursShare = 0.3;
const longShare = 0.7;
const frozenShare = 0.2;
const short: Lease = { ms: 12_000, everyMs: 4_000, overMs: 8_000 };

export const drawLeases = (seed: number): Leases | null => {
  if (!hasLeases(seed)) return null;
  const draw = createRandom(seed ^ 0x1ea5e);
  if (!draw.chance(hoursShare))
    return { lease: short, draw, timeouts: [20_000, 60_000, 90_000], budgetMs: 60_000, awayAtMs: null };
  const awayAtMs = draw.chance(0.5) ? 4 * hourMs + draw.int(hourMs) : null;
  return { lease: leaseOfPlaces, draw, timeouts: [6 * hourMs], budgetMs: 14 * 60_000, awayAtMs };
};

const lengthen = (leases: Leases, cell: Cell): Cell => {
  const { body } = cell;
  if (body.kind === 'each') {
    const longer = <P extends Part>(part: P): P => ({ ...part, cells: lengthenCells(leases, part.cells) });
    return { ...cell, body: body.parts === undefined ? longer(body) : { ...body, parts: body.parts.map(longer) } };
  }
  const isLong = natureOf(cell) === 'effect' && body.kind === 'ts' && leases.draw.chance(longShare);
  return isLong ? { ...cell, timeoutMs: leases.draw.pick(leases.timeouts) } : cell;
};

/** Some of the cells that have effects, and are no requests, take longer than a lease; so do some that elements go through. */
export const lengthenCells = (leases: Leases | null, cells: Cell[]): Cell[] =>
  leases === null ? cells : cells.map((cell) => lengthen(leases, cell));

/** Goes away in hour five of the first body that takes hours. */
const goAway = (world: World, leases: Leases): void => {
  const { awayAtMs } = leases;
  if (awayAtMs === null) return;
  leases.awayAtMs = null;
  world.schedule.after(awayAtMs, () => {
    if (world.rates.outage === 0) return;
    world.outageUntilMs = world.schedule.nowMs() + awayMs;
    say(world, 'store', `AWAY for ${awayMs / 1000} s`);
  });
};

/**
 * The engine stands still past its lease, and goes on in the very moment in which its step is in doubt: then others take it over, and a
 * person decides.
 */
const freezePast = (world: World, process: Process, { step }: CellInput, killAtMs: number): void => {
  const { schedule, graceMs, leases } = world;
  if (leases === null) return;
  const marginMs = Math.min(10_000, leases.lease.ms / 4);
  const inDoubtAtMs = killAtMs + marginMs + graceMs;
  const ms = inDoubtAtMs - schedule.nowMs() - 60 + leases.draw.int(120);
  if (ms <= 0) return;
  world.faults.frozen += 1;
  freeze(world, process, 'frozen', ms, 'past its lease');
  world.rush(step.instanceId, inDoubtAtMs + leases.draw.int(60), step.seq);
};

/** How many bodies a call is in the middle of that are held by leases, and when it was to end without them. */
const holding = new WeakMap<Call, { bodies: number; endsAtMs: number }>();

/** A process of a place stays with what it holds beyond the end that its call began with: until the last of it is over. */
const staysWith = (call: Call, delta: 1 | -1, untilMs: () => number): void => {
  const { bodies, endsAtMs } = holding.get(call) ?? { bodies: 0, endsAtMs: call.endsAtMs };
  const left = bodies + delta;
  if (left > 0) holding.set(call, { bodies: left, endsAtMs });
  else holding.delete(call);
  call.endsAtMs = left > 0 ? Number.POSITIVE_INFINITY : Math.max(endsAtMs, untilMs()) + limits.recordExtraMs;
};

/**
 * Runs the body as its runner does, whatever becomes of the engine meanwhile.
 * @returns whether it was killed
 */
export const underRunner = async (
  world: World,
  process: Process,
  call: Call,
  { input, begin, log }: { input: CellInput; begin: Begin; log(text: string): void },
): Promise<boolean> => {
  const { schedule, leases } = world;
  const { lease, signal, step } = input;
  if (lease === undefined || leases === null) throw new RuleBroken('defect', 'a body without a lease');
  goAway(world, leases);
  const { draw } = leases;
  const nowMs = (): number => Math.max(schedule.nowMs(), process.frozenUntilMs);
  staysWith(call, 1, nowMs);
  const timeoutAtMs = schedule.nowMs() + input.timeoutMs;
  const killNow = (): number => Math.min(timeoutAtMs, schedule.nowMs() + lease.leftMs());
  let killAtMs = killNow();
  const lastsMs = draw.int(input.timeoutMs * (draw.chance(0.2) ? 1.1 : draw.pick([0.05, 0.3, 0.9])));
  const isAlive = (): boolean => begin.endedAtMs === null && !process.dead;
  const isKilled = await new Promise<boolean>((resolve) => {
    const end = (killed: boolean): void => {
      if (!isAlive()) return;
      begin.endedAtMs = schedule.nowMs();
      process.children.delete(begin);
      if (killed) say(world, call.id, `the runner KILLS ${step.cell} of seq ${step.seq}`);
      resolve(killed);
    };
    const kill = (): void => {
      const leftMs = killAtMs - schedule.nowMs();
      if (leftMs <= 0) end(true);
      else if (isAlive()) schedule.after(leftMs, kill);
    };
    lease.onRenewed(() => {
      killAtMs = killNow();
    });
    kill();
    schedule.after(draw.int(lastsMs), () => {
      if (!isAlive()) return;
      begin.effectAtMs = schedule.nowMs();
      say(world, call.id, `EFFECT of ${step.cell} at seq ${step.seq}`);
      log('midway\n');
    });
    schedule.after(draw.int(lastsMs), () => {
      if (isAlive() && strikes(world, 'crashInCell', call))
        crash(world, process, 'crashInCell', `in ${step.cell}, which is held by a lease`);
    });
    schedule.after(draw.int(lastsMs), () => {
      if (isAlive() && world.rates.frozen > 0 && draw.chance(frozenShare)) freezePast(world, process, input, killAtMs);
    });
    schedule.after(lastsMs, () => end(false));
    signal.addEventListener('abort', () => end(true));
  });
  staysWith(call, -1, nowMs);
  return isKilled;
};

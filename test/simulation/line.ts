/**
 * The time of a file of SQLite, which the processes of one machine share: clocks are set and machines sleep, so the wall
 * clock jumps against the monotonic one. Bodies are stopped by the monotonic clock, so that is what a holder's time is
 * judged by: nobody finds a step in doubt before its holder had deadline and grace, and everybody does soon afterwards.
 */
import { graceOf } from '../../src/engine/call/call.ts';
import { apply } from '../../src/engine/rules/apply.ts';
import { statusOf } from '../../src/engine/rules/view.ts';
import { createSqliteClock, type Machine, type SqliteClock, type Told } from '../../src/store/sqliteClock.ts';
import { createRandom, type Draw } from './schedule.ts';
import { must } from './world.ts';

const eventsMax = 60;
const rule = 'line';
const roundingMs = 2;

type Step = { atMs: number; deadlineAtMs: number; begunMs: number; jumpsBefore: number };

type Line = {
  draw: Draw;
  graceMs: number;
  /** The machine: its monotonic clock, by how much its wall clock is ahead of that, and how often it was started. */
  monotonicMs: number;
  wallAheadMs: number;
  boots: number;
  processes: SqliteClock[];
  /** What the file says, and by how much its time has gone ahead of the monotonic clock, each time. */
  told: Told | undefined;
  aheadMs: number[];
  step: Step | null;
  looks: number;
  doubts: number;
};

const by = { actor: 'holder', via: 'simulation', where: 'line' };
const unbegun = apply(null, {
  kind: 'started',
  seq: 0,
  atMs: 0,
  by,
  runbookId: 'line',
  version: 1,
  runHash: '0'.repeat(64),
  cells: 1,
  params: {},
  drive: 'auto',
  epoch: 0,
  deployment: 'line',
  storeId: '0'.repeat(12),
  lock: null,
  continues: null,
});

const start = (line: Line): SqliteClock => {
  const machine: Machine = {
    bootId: `boot${line.boots}`,
    monotonicMs: () => line.monotonicMs,
    wallMs: () => line.monotonicMs + line.wallAheadMs,
  };
  return createSqliteClock(machine);
};

/** What a commit leaves in the file. */
const keep = (line: Line, clock: SqliteClock): void => {
  const { told: before } = line;
  const after = clock.tell();
  if (before !== undefined && before.bootId === after.bootId) {
    const aheadMs = after.newestMs - after.monotonicMs - (before.newestMs - before.monotonicMs);
    must(aheadMs > -1, rule, `the time of the file went back by ${-aheadMs} ms`);
    if (aheadMs > 1) line.aheadMs.push(aheadMs);
  }
  const newestMs = before?.newestMs ?? 0;
  must(after.newestMs >= newestMs - 1, rule, `the newest time was ${newestMs} and is ${after.newestMs}`);
  line.told = after;
};

const write = (line: Line, clock: SqliteClock): void => {
  clock.learn(line.told);
  keep(line, clock);
};

/** A read tells the file of a jump at once, as `store/sqlite` does. */
const read = (line: Line, clock: SqliteClock): void => {
  if (clock.learn(line.told)) write(line, clock);
};

const reserve = (line: Line, clock: SqliteClock): void => {
  write(line, clock);
  const atMs = clock.nowMs();
  const deadlineAtMs = atMs + 5_000 + line.draw.int(60_000);
  line.step = { atMs, deadlineAtMs, begunMs: line.monotonicMs, jumpsBefore: line.aheadMs.length };
};

/** Whether somebody who looks now finds the step in doubt, by the shipped rules. */
const isInDoubt = ({ graceMs }: Line, clock: SqliteClock, { atMs, deadlineAtMs }: Step): boolean => {
  const open = { kind: 'reserved', seq: 1, cell: 'c0', attempt: 1, deadlineAtMs, by, atMs } as const;
  const state = { ...unbegun, open };
  const deployment = { name: 'line', epoch: 0, takeoverGraceMs: graceMs };
  return statusOf(state, clock.nowMs(), graceOf({ clock, deployment }, state)) === 'in_doubt';
};

/** By how much a process is ahead of the file: too little to be told at once. */
const untold = ({ told }: Line, clock: SqliteClock): number => {
  const mine = clock.tell();
  return told?.bootId === mine.bootId ? mine.newestMs - mine.monotonicMs - (told.newestMs - told.monotonicMs) : 0;
};

const look = (line: Line, clock: SqliteClock): void => {
  read(line, clock);
  const { step, graceMs, monotonicMs } = line;
  if (step === null) return;
  line.looks += 1;
  const hadMs = monotonicMs - step.begunMs;
  const itsMs = step.deadlineAtMs - step.atMs + graceMs;
  // Jumps of no more than half the grace are not given back, nor is what this one knows and has not told the file.
  const small = [...line.aheadMs.slice(step.jumpsBefore), untold(line, clock)].filter((ms) => ms <= graceMs / 2 + 1);
  const smallMs = small.reduce((sum, ms) => sum + ms, 0);
  if (isInDoubt(line, clock, step)) {
    const why = `a step is in doubt after ${hadMs} ms of the ${itsMs} that its holder has, and small jumps of ${smallMs}`;
    must(hadMs >= itsMs - smallMs - roundingMs, rule, why);
    line.doubts += 1;
    line.step = null;
  } else must(hadMs <= itsMs + graceMs + roundingMs, rule, `a step is not in doubt after ${hadMs} ms of ${itsMs}`);
};

/** The wall clock is set, or the machine has slept. */
const jump = (line: Line): void => {
  const { draw, graceMs } = line;
  const ms = draw.pick([draw.int(graceMs / 2), 1_000 + draw.int(120_000), draw.int(7_200_000), -draw.int(600_000)]);
  line.wallAheadMs += ms;
};

/** Whoever held a step is gone with the machine. */
const restart = (line: Line): void => {
  line.boots += 1;
  line.monotonicMs = line.draw.int(1_000_000);
  line.wallAheadMs += line.draw.int(60_000);
  line.processes = line.processes.map(() => start(line));
  for (const clock of line.processes) clock.learn(line.told);
  line.step = null;
  line.aheadMs = [];
};

/** One line, drawn by the seed alone. @throws RuleBroken @returns what happened, for the trace */
export const simulateLine = (seed: number, startMs: number): string => {
  const draw = createRandom(seed ^ 0x11e);
  const line: Line = {
    draw,
    graceMs: draw.pick([1_000, 5_000, 15_000]),
    monotonicMs: draw.int(1_000_000),
    wallAheadMs: startMs,
    boots: 0,
    processes: [],
    told: undefined,
    aheadMs: [],
    step: null,
    looks: 0,
    doubts: 0,
  };
  line.processes = Array.from({ length: 3 }, () => start(line));
  for (const clock of line.processes) write(line, clock);
  let jumps = 0;
  for (let event = 0; event < eventsMax; event += 1) {
    line.monotonicMs += draw.int(draw.chance(0.8) ? 4_000 : 30_000);
    const clock = draw.pick(line.processes);
    if (line.step === null && draw.chance(0.4)) reserve(line, clock);
    else if (draw.chance(0.12)) {
      jump(line);
      jumps += 1;
    } else if (draw.chance(0.01)) restart(line);
    else if (draw.chance(0.5)) look(line, clock);
    else write(line, clock);
  }
  return `   a line of time: ${jumps} jumps, ${line.looks} looks, ${line.doubts} doubts`;
};

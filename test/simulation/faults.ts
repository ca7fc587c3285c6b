/** What can go wrong, each kind by its name, and how often it does in the schedule of one seed. */
import type { Draw } from './schedule.ts';

/**
 * Chance of each fault at each place where it can strike, at most. The kinds from `outage` on strike a schedule as a
 * whole, clock errors a process, the others one of a process's awaits.
 */
const atMost = {
  crashBeforePut: 0.05,
  crashAfterPut: 0.05,
  crashInCell: 0.25,
  crashAfterEffect: 0.15,
  crashElsewhere: 0.01,
  /** With a crash inside a cell: the runner did not get its child in time. Over 1: in most schedules that have it, always. */
  childOutlives: 1.6,
  frozen: 0.012,
  /** The sandbox freezes and its caller's time is over; thawed by another call, the old promise goes on beside it. */
  thawed: 0.04,
  /** What is still alive when its invocation is over is killed. */
  killedAtEnd: 0.7,
  /** A call freezes between reading the head and arming, while others go on. */
  frozenBeforeArm: 0.15,
  /** Whoever begins to wait dies before it has subscribed. */
  crashAfterWaiting: 0.4,
  /** The claims that a look wants to read are not to be had. */
  claimUnread: 0.3,
  /** A holder freezes after its effect until its step is in doubt, and a person decides in the same moment. */
  operatorRace: 0.4,
  clockOff: 0.4,
  clockFarOff: 0.3,
  /** The date of an answer is wrong by hours, where clocks learn from it. */
  dateWrong: 0.03,
  /** What froze was a machine that slept: its monotonic clock stood still. */
  slept: 0.6,
  answerLost: 0.03,
  answerLostAndRetried: 0.15,
  requestLost: 0.03,
  /** An answer that takes seconds. */
  slow: 0.03,
  throttled: 0.03,
  itemRefused: 0.04,
  delayed: 0.06,
  delayedPastDeath: 0.05,
  staleRead: 0.08,
  cutRead: 0.5,
  viewLost: 0.1,
  viewReordered: 0.12,
  unknownResult: 0.2,
  probeUnsure: 1,
  givenUp: 0.1,
  /** A claim is changed while somebody parks. */
  claimRace: 0.5,
  /** The writer of a claim dies before it has woken everybody. */
  crashInWake: 0.25,
  /** A tick does not see what is due: its index lags. */
  indexLag: 0.4,
  duplicateTick: 0.2,
  lateTick: 0.15,
  duplicateHandOver: 0.4,
  lateHandOver: 0.3,
  outage: 0.5,
  /** Views, marks and subscriptions are lost, all of them. */
  viewsLost: 0.3,
  restore: 0.25,
} as const;

export type FaultKind = keyof typeof atMost;
export const faultKinds = Object.keys(atMost) as FaultKind[];
export type Rates = Record<FaultKind, number>;
export type Counts = Record<FaultKind, number>;

const each = (rateOf: (kind: FaultKind) => number): Rates =>
  Object.fromEntries(faultKinds.map((kind) => [kind, rateOf(kind)])) as Rates;

export const noFaults: Rates = each(() => 0);
export const countsFrom0 = (): Counts => each(() => 0);

/**
 * Each kind is on in some schedules and off in others, so that it is met alone, with a few others, and in a storm. In
 * a tenth of them nothing fails: whatever goes wrong there has no cause.
 */
export const drawRates = (draw: Draw): Rates => {
  const mood = draw.fraction();
  const on = mood < 0.1 ? 0 : mood < 0.45 ? 0.1 : mood < 0.85 ? 0.25 : 0.5;
  if (on === 0) return noFaults;
  return each((kind) => (draw.chance(on) ? atMost[kind] * (0.3 + 0.7 * draw.fraction()) : 0));
};

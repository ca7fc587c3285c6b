/** Cells that take longer than any invocation of a function: a place that stays holds them by a lease, and renews it. */
import { limits } from './limits.ts';

/** `ms`: for how long one renewal holds; `everyMs`: how often it is renewed; `overMs`: cells with a longer time-out are held so. */
export type Lease = { ms: number; everyMs: number; overMs: number };

/** Of every place but functions, which end with their invocation. */
export const leaseOfPlaces: Lease = {
  ms: limits.leaseMs,
  everyMs: limits.leaseRenewMs,
  overMs: limits.cellTimeoutMsMax,
};

/** The lease that a cell is held by; `undefined`: its one deadline holds it. */
export const leaseFor = ({ timeoutMs }: { timeoutMs: number }, lease: Lease | undefined): Lease | undefined =>
  lease !== undefined && timeoutMs > lease.overMs ? lease : undefined;

/** Until when an open step may run, if its holder goes on to renew it. */
export const runsUntilMs = (open: { deadlineAtMs: number; lease?: { untilAtMs: number } }): number =>
  open.lease?.untilAtMs ?? open.deadlineAtMs;

/** Whether it takes longer than a process may that holds nothing by a lease. */
export const isTooLong = ({ timeoutMs }: { timeoutMs: number }, lease: Lease | undefined): boolean =>
  lease === undefined && timeoutMs > limits.cellTimeoutMsMax;

/** One advance: what it was asked for, and how far it has come. */
import type { By, Failure, Status, Then } from '../model/fields.ts';
import { limits } from '../model/limits.ts';
import type { Drive, State } from '../model/state.ts';
import type { View } from '../model/view.ts';
import type { Wish } from '../rules/decide.ts';
import type { Stop } from '../rules/stop.ts';
import type { Call, Engine } from './call.ts';
import type { OutcomeBody } from './outcomes.ts';

/** `reserved`: how many reservations it took. `state` is what the head's entry says after the last step. */
export type AdvanceAnswer = {
  stop: Stop;
  result: Stop['result'];
  steps: StepReport[];
  reserved: number;
  /** Whether an entry of this call stands: a step, a wait, its drive. One that ran nothing and wrote nothing may be refused. */
  wrote: boolean;
  view: View;
  state: State;
};

export type AdvanceRequest = {
  /** Reservations at most; a wait, an assertion, an end, a skip cost none. Default 1. */
  maxCells?: number;
  /** Milliseconds until the end of this invocation. */
  budgetMs: number;
  /** Only this cell. */
  cell?: string;
  /** Seq of the head the caller has seen; a different one is refused with `seq.stale`. */
  expectedSeq?: number;
  /** Changes the drive first, by an entry of its own. */
  drive?: Drive;
  /** False for the schedule: in drive `manual` nothing new is reserved. Default true. */
  explicit?: boolean;
  /** Aborted when the caller gives up: the running cell is stopped, its end is still recorded, nothing further begins. */
  signal?: AbortSignal;
  by: By;
};

/** One step this call has closed. */
export type StepReport = {
  cell: string;
  /** Seq of its reservation; of the outcome where there was none. */
  seq: number;
  status: Status;
  then: Then;
  attempt: number;
  durationMs: number;
  error: Failure | null;
  /** `false`: another caller closed it first; what this call saw is a note. */
  recorded: boolean;
};

export const reportOf = (outcome: OutcomeBody, seq: number, recorded: boolean): StepReport => ({
  cell: outcome.cell,
  seq,
  status: outcome.status,
  then: outcome.then,
  attempt: outcome.attempt,
  durationMs: outcome.durationMs,
  error: outcome.error,
  recorded,
});

export type Progress = {
  readonly steps: readonly StepReport[];
  readonly reservations: number;
  /** A reservation of this call stands. */
  reserved(): void;
  /** A step was closed; `seq` as in `StepReport`. */
  closed(outcome: OutcomeBody, seq: number, recorded: boolean): void;
  /** Until when the call stays with a cell that it polls, from the first time it is asked. */
  polledUntilMs(nowMs: number): number;
};

export const createProgress = (): Progress => {
  const steps: StepReport[] = [];
  let reservations = 0;
  let pollUntilMs: number | null = null;
  return {
    steps,
    get reservations() {
      return reservations;
    },
    reserved: () => {
      reservations += 1;
    },
    closed: (outcome, seq, recorded) => {
      steps.push(reportOf(outcome, seq, recorded));
    },
    polledUntilMs: (nowMs) => {
      pollUntilMs ??= nowMs + limits.pollInCallMsMax;
      return pollUntilMs;
    },
  };
};

/** An advance under way. `drive`: advances a child of it, by a call that is open already. */
export type Advancing = {
  call: Call;
  request: AdvanceRequest;
  progress: Progress;
  drive(engine: Engine, instanceId: string, request: AdvanceRequest, begun: Call): Promise<AdvanceAnswer>;
};

export const wishOf = ({ call, request, progress }: Advancing): Wish => ({
  cell: request.cell,
  reservationsLeft: (request.maxCells ?? 1) - progress.reservations,
  wroteSome: call.chain.wrote,
  // Whoever is leaving has no time for anything that has not begun.
  endAtMs: call.engine.leaving?.aborted ? Number.NEGATIVE_INFINITY : call.endAtMs,
  explicit: request.explicit ?? true,
});

/** What ends a pause of this call early: its caller gives up, or its process is leaving. */
export const giveUp = ({ call, request }: Advancing): AbortSignal | undefined => {
  const signals = [request.signal, call.engine.leaving].filter((signal) => signal !== undefined);
  return signals.length < 2 ? signals[0] : AbortSignal.any(signals);
};

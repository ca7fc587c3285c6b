/** What a call asks for, and how far it has come. */

import type { By, Drive, Failure, State, Status, Then } from '../model/entries.ts';
import type { Wish } from '../rules/decide.ts';
import type { Stop } from '../rules/stop.ts';
import type { View } from '../rules/view.ts';
import type { Call, Engine } from './call.ts';
import type { OutcomeBody } from './outcomes.ts';

/** `reserved`: how many reservations it took. `state` is what the head's entry says after the last step. */
export type AdvanceAnswer = {
  stop: Stop;
  result: Stop['result'];
  steps: StepReport[];
  reserved: number;
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
  /** `false`: somebody else closed it first; what this call saw is a note. */
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

export type Progress = { steps: StepReport[]; reservations: number };

export const wishOf = (call: Call, request: AdvanceRequest, progress: Progress): Wish => ({
  cell: request.cell,
  reservationsLeft: (request.maxCells ?? 1) - progress.reservations,
  wroteSome: call.wrote,
  endAtMs: call.endAtMs,
  explicit: request.explicit ?? true,
});

export const momentOf = ({ clock, deployment }: Engine) => ({
  nowMs: clock.nowMs(),
  graceMs: deployment.takeoverGraceMs,
  epoch: deployment.epoch,
});

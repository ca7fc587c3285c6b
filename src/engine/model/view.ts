/** The view: a mutable summary of an instance for lists and the schedule. A hint, never the truth. Below 1 KB. */
import type { Drive } from './state.ts';

/** `broken`: its journal cannot be trusted, so nothing runs; written by the caller that met it, since no entry can say so. */
export const viewStatuses = [
  'ready',
  'running',
  'waiting',
  'in_doubt',
  'halted',
  'completed',
  'failed',
  'rolled_back',
  'cancelled',
  'broken',
] as const;
export type ViewStatus = (typeof viewStatuses)[number];

export type View = {
  instanceId: string;
  /** Seq of the head it was made from. Commands send it back as `expectedSeq`. */
  seq: number;
  status: ViewStatus;
  runbookId: string;
  version: number;
  /** The next unsatisfied cell, or the open one; `null` when none is left. */
  cell: string | null;
  cellsDone: number;
  cells: number;
  drive: Drive;
  /** In whose part of what is due it is: the place that the next step belongs to; home where that is any. */
  place: string;
  dueAtMs: number | null;
  startedAtMs: number;
  updatedAtMs: number;
  /** Who started it. */
  startedBy: string;
  /** The beginning of its parameters, as JSON text. */
  params: string;
  /** Whom or what it waits for; `null` where it waits for nothing. */
  waitsFor: string | null;
  /** Hash of the head: a witness of what the chain was when this was saved. */
  headHash: string;
};

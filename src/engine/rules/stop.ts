/** Why a call stops. */
import type { By } from '../model/fields.ts';
import type { RunEnd } from '../model/runEnd.ts';

/** `untilAtMs`: held by a lease, which may be renewed until then. */
export type Holder = {
  cell: string;
  seq: number;
  by: By;
  reservedAtMs: number;
  ageMs: number;
  deadlineAtMs: number;
  untilAtMs?: number;
};

/** Who is waited for: somebody at that place; `missing`: who has there what the caller, who is there, has not. */
export type WaitsFor = { place: string; missing: string[] };

/** Why a call stops, as it is told to the caller. */
export type Stop =
  | { kind: 'stop'; result: 'advanced' | RunEnd }
  | { kind: 'stop'; result: 'in_flight'; holder: Holder }
  /** `nextAtMs`: when the schedule will ask its probe again; `null`: a person is needed, or who can ask it. */
  | {
      kind: 'stop';
      result: 'in_doubt';
      cell: string;
      seq: number;
      holder: Holder | null;
      nextAtMs: number | null;
      waitsFor?: WaitsFor;
    }
  | { kind: 'stop'; result: 'halted'; cell: string; seq: number; why: 'step' | 'epoch' | 'attempts' }
  | {
      kind: 'stop';
      result: 'parked';
      cell: string;
      seq: number | null;
      dueAtMs: number | null;
      waitsFor?: WaitsFor;
    }
  | { kind: 'stop'; result: 'deferred'; cell: string; untilMs: number; why: 'backoff' | 'budget' | 'store' };

/**
 * What the engine tells its operators; never a way to change it. Log lines, their levels and metrics follow from this
 * list (the compiler sees to it), so that no event is without a level and no cause is lost.
 */
import type { EntryKind } from './entries.ts';
import { isPawlError } from './errors.ts';
import type { Status } from './fields.ts';
import { limits } from './limits.ts';
import { cut } from './text.ts';

/** Why something failed, fit for a log: a code, and the message of an error of ours, which never holds a payload. */
export type Cause = { code: string; message: string };

export const causeOf = (error: unknown): Cause => {
  if (!isPawlError(error)) return { code: error instanceof Error ? error.name : typeof error, message: '' };
  const below = error.cause instanceof Error ? ` (${error.cause.name})` : '';
  return { code: error.code, message: cut(`${error.message}${below}`, limits.errorMessageCharsMax) };
};

type About = { instanceId: string };
type At = About & { seq: number };

export type EngineEvent =
  | (At & { kind: 'decided'; cell: string | undefined; branch: string })
  /** `self_conflict`: ours stands, though not by this put's own answer. */
  | (At & {
      kind: 'put.written' | 'put.conflict' | 'self_conflict';
      cell: string | undefined;
      meant: EntryKind;
      stands: EntryKind;
      /** Hash of what stands: in a log that is kept elsewhere it is a witness of what the chain was. */
      hash: string;
    })
  /** Its journal cannot be trusted at `seq`: nothing runs in it. */
  | (At & { kind: 'instance.broken'; cause: Cause })
  | (About & { kind: 'view.unsaved'; cause: Cause })
  | (About & { kind: 'view.unarmed'; cell: string | undefined; cause: Cause })
  | (About & { kind: 'note.unwritten'; cause: Cause; note: string })
  | (About & { kind: 'wake.unsent'; cell: string | undefined; cause: Cause })
  /** A claim's writer could not wake all who wait for it: the schedule does. */
  | (About & { kind: 'wake.interrupted'; cause: Cause })
  | (At & { kind: 'look.unwritten'; cell: string; cause: Cause })
  /** An expectation of a poll could not be evaluated over good answers, again and again: it may never be met. */
  | (At & { kind: 'poll.erring'; cell: string; times: number })
  /** People could not be told that one of them is needed: the schedule does. */
  | (At & { kind: 'notify.failed'; cell: string; cause: Cause })
  | (About & { kind: 'subscription.left'; cell: string; cause: Cause })
  | (About & { kind: 'approval.unsettled'; cell: string; cause: Cause })
  /** A renewal got no answer: its body has the time that it had, and it is tried again while there is some. */
  | (At & { kind: 'lease.unrenewed'; cell: string; cause: Cause })
  /** A body has ended; nothing of it is recorded yet. */
  | (At & {
      kind: 'body.ended';
      cell: string;
      status: Status;
      exitCode: number | null;
      durationMs: number;
      outputBytes: number;
    })
  /** The store did not take a large output in time: its beginning is kept, and no cell can read it. */
  | (At & { kind: 'output.unkept'; cell: string; cause: Cause; bytes: number })
  /** The whole outcome was refused for its content: the smallest one is put. */
  | (At & { kind: 'evidence.unkept'; cell: string; cause: Cause })
  | (At & { kind: 'outcome.fallback'; cell: string; cause: Cause })
  /** The store did not take an outcome. `item`: all of it, as JSON text. */
  | (At & { kind: 'outcome.unrecorded'; cell: string; cause: Cause; item: string })
  /** Nor did the failure queue. */
  | (At & { kind: 'outcome.unqueued'; cell: string; cause: Cause });

export type EventKind = EngineEvent['kind'];

export type Level = 'debug' | 'info' | 'warn' | 'error';

/** How loud each event is. */
export const eventLevels = {
  decided: 'debug',
  'put.written': 'info',
  'put.conflict': 'info',
  self_conflict: 'info',
  'instance.broken': 'error',
  'view.unsaved': 'warn',
  'view.unarmed': 'warn',
  'note.unwritten': 'warn',
  'notify.failed': 'error',
  'wake.unsent': 'warn',
  'wake.interrupted': 'warn',
  'look.unwritten': 'warn',
  'poll.erring': 'warn',
  'subscription.left': 'warn',
  'approval.unsettled': 'warn',
  'lease.unrenewed': 'warn',
  'body.ended': 'info',
  'output.unkept': 'error',
  'evidence.unkept': 'error',
  'outcome.fallback': 'warn',
  'outcome.unrecorded': 'error',
  'outcome.unqueued': 'error',
} as const satisfies Record<EventKind, Level>;

/** What a look at a wait comes to, and the entry that began the wait. */

import type { Call } from '../call/call.ts';
import type { Checked, EntryOf, Failure, Waiting } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';

/** How a wait ended. */
export type WaitEnd = {
  status: 'completed' | 'failed';
  /** JSON text. */
  output: string | null;
  /** Its whole size where `output` is only the beginning of one over the limit. */
  outputBytes?: number;
  error: Failure | null;
  exitCode?: number | null;
  /** What satisfied it, for people. */
  note: string;
  /** Of a poll: what came of its expectations; others are evaluated over the output. */
  checks?: Checked[];
  /** The claims that it need not be woken for any more. */
  claims?: string[];
  /** Whatever the expectations say: a rejected approval halts. */
  halt?: boolean;
};

/** The `waiting` entry: usually the head itself. */
export const waitingEntry = async (call: Call, open: Waiting): Promise<EntryOf<'waiting'>> => {
  const { engine, instanceId, head } = call;
  const entry = head.entry.seq === open.seq ? head.entry : (await engine.journal.entry(instanceId, open.seq))?.entry;
  if (entry?.kind === 'waiting') return entry;
  throw new PawlError('journal.broken', `Entry ${open.seq} of ${instanceId} is no wait.`, { instanceId });
};

export type Looked = { kind: 'over'; end: WaitEnd } | { kind: 'waits' } | { kind: 'budget' };

/** The state of an instance of which nothing has run yet, in literals: the engine's own must be found equal to it. */
import type { State } from '../../src/engine/index.ts';

export const initialState = (over: Partial<State> = {}): State => ({
  cells: 1,
  next: 0,
  from: 0,
  visit: 1,
  attempt: 0,
  interruptions: 0,
  falseStarts: 0,
  mayHaveHappened: false,
  hasCompleted: false,
  actsUntilMs: null,
  firstAtMs: null,
  permission: null,
  dueAtMs: null,
  inputsHash: null,
  secrets: null,
  drive: 'manual',
  open: null,
  halted: null,
  cancelled: null,
  ended: null,
  epoch: 0,
  counters: { attempts: 0, covered: 0, forgiven: 0, skipped: 0, overridden: 0 },
  satisfied: { recent: [], chunks: [] },
  ...over,
});

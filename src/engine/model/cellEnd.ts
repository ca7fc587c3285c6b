/**
 * How a cell ended, for expressions that ask (`cells.x.state`). `completed`: it is satisfied. `unexpected`: it completed, what it
 * expects does not hold, and the run went on. `failed`: it failed as it was expected to; of a branch: it could not be judged.
 * `forgiven`: it failed, and the run went on. `unknown`: it may have happened, and its policy went on. `skipped`: by its `when`, with
 * its section, or by a person. `timed_out`: what it waited for did not come in time, and the run went on. `taken_back`: its undo completed. `not_reached`: the way was over before it.
 */
export const cellEnds = [
  'completed',
  'unexpected',
  'failed',
  'forgiven',
  'unknown',
  'skipped',
  'timed_out',
  'taken_back',
  'not_reached',
] as const;
export type CellEnd = (typeof cellEnds)[number];

/** How a cell ended, from the entry that satisfied it, or with which it was passed over. Pure. */
import type { CellEnd } from '../model/cellEnd.ts';
import type { Entry, EntryBody } from '../model/entries.ts';
import type { Checked } from '../model/fields.ts';
import type { Cell } from '../model/runbook.ts';

const holds = (checks: readonly Checked[]): boolean =>
  checks.every(({ result, overridden }) => result === 'pass' || overridden === true);

export const cellEndOf = ({ name, body }: Pick<Cell, 'name' | 'body'>, entry: Entry): CellEnd => {
  if (entry.kind === 'ending') return entry.failed?.cell === name ? entry.failed.how : 'not_reached';
  // It went with the branch in whose section it stands.
  if (!('cell' in entry) || entry.cell !== name) return 'skipped';
  if (entry.kind === 'resolved') {
    if (entry.verdict === 'skip') return body.kind === 'branch' ? 'failed' : 'skipped';
    if (entry.verdict === 'failed' && entry.closedBy === 'person') return 'forgiven';
    return holds(entry.expectations) ? 'completed' : 'unexpected';
  }
  if (entry.kind !== 'outcome') return 'completed';
  const { status, expectations, timedOut } = entry;
  if (status === 'skipped' || status === 'unknown') return status;
  if (timedOut === true) return 'timed_out';
  if (status === 'completed') return holds(expectations) ? 'completed' : 'unexpected';
  return expectations.length > 0 && holds(expectations) ? 'failed' : 'forgiven';
};

/** Whether a cell that was gone through did what it was to do: as its expectations say, where it has some, or by a person's word. */
export const isAsMeant = (step: Extract<EntryBody, { kind: 'outcome' | 'resolved' }>): boolean => {
  if (step.kind === 'resolved') return step.verdict === 'succeeded';
  // Of what takes a section back: an element of it could not.
  if (step.status === 'skipped' || step.error?.code === 'each.unfinished') return false;
  return step.expectations.length > 0 ? holds(step.expectations) : step.status === 'completed';
};

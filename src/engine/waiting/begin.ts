/** Beginning to wait: what is fixed then stands in the `waiting` entry, or an outcome says why it cannot wait. */
import { type Call, stateOf } from '../call/call.ts';
import { type Ready, withoutReservation } from '../call/prepare.ts';
import { placedHere } from '../call/whereabouts.ts';
import type { EntryBody } from '../model/entries.ts';
import type { Cell } from '../model/runbook.ts';
import { waitKindOf } from './kinds.ts';

export const beginWait = async (call: Call, cell: Cell, ready: Ready): Promise<EntryBody> => {
  const begun = await waitKindOf(cell).begin(call, cell, ready);
  if ('code' in begun) return withoutReservation(call, cell, { kind: 'cannot', error: begun });
  const { visit } = stateOf(call);
  const { inputsHash } = ready;
  const base = { kind: 'waiting', index: cell.index, cell: cell.name, visit, inputsHash } as const;
  const placed = cell.poll === undefined ? {} : placedHere(call);
  return { ...base, dueAtMs: null, shownHash: null, ...placed, ...begun };
};

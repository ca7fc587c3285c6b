/**
 * A poll that has to hold: since when it does stands in the chain, by an entry of the look that found it first; the looks after it
 * say beside the view that it still does. What they left there can only be missing or too old, and then it begins anew.
 */
import { type Call, stateOf } from '../call/call.ts';
import { failure } from '../call/outcomes.ts';
import type { EntryBody } from '../model/entries.ts';
import type { Failure } from '../model/fields.ts';
import { limits } from '../model/limits.ts';
import type { LastLook } from '../model/look.ts';
import type { Cell } from '../model/runbook.ts';
import type { Waiting } from '../model/state.ts';
import { hasHeld, isFurther } from '../rules/holding.ts';
import { endsAtMs, waitingEntry } from './kind.ts';

/** What a look says of its expectations. `none`: it was not answered, or they cannot be evaluated; why. */
export type Finding = { kind: 'holds' } | { kind: 'fails'; why: string } | { kind: 'none'; why: string };

/** What a look leads to. `goes`: on as it stands. `plain`: nothing has held yet, so it is a poll as any other. */
type Row =
  | { kind: 'over' }
  | { kind: 'goes' }
  | { kind: 'plain' }
  | { kind: 'failed'; error: Failure }
  | { kind: 'put'; looks: number; anew: string | null };

const atText = (ms: number): string => new Date(ms).toISOString();

/** When a look last found it holding that knew of this row, as far as that is known. */
export const lastHeldMs = ({ held }: Waiting, last: LastLook | undefined): number => {
  if (held === undefined) return 0;
  // A look that began before the row, or in an earlier one, was kept perhaps after a gap.
  return last?.held?.sinceMs === held.sinceMs ? Math.max(held.atMs, last.held.atMs) : held.atMs;
};

const stepOf = (open: Waiting, finding: Finding, lastMs: number, nowMs: number, unheldMs: number): Row => {
  const { held, pollMs = 0 } = open;
  if (held === undefined) return finding.kind === 'holds' ? { kind: 'put', looks: 1, anew: null } : { kind: 'plain' };
  const isGap = nowMs - lastMs > limits.pollGapTurns * pollMs;
  const gap = `no look found it holding between ${atText(lastMs)} and ${atText(nowMs)}`;
  if (finding.kind === 'none') return { kind: 'put', looks: 0, anew: finding.why };
  if (isGap) return { kind: 'put', looks: finding.kind === 'holds' ? 1 : 0, anew: gap };
  // A call that knew nothing of the row when it found otherwise says so once it knows of it.
  if (finding.kind === 'holds' && unheldMs >= held.sinceMs)
    return { kind: 'put', looks: 1, anew: `at ${atText(unheldMs)} a look of this call did not find it holding` };
  if (finding.kind === 'fails') {
    const why = `held since ${atText(held.sinceMs)}, and at ${atText(nowMs)} it does not: ${finding.why}`;
    return { kind: 'failed', error: failure('wait.unheld', why) };
  }
  if (hasHeld(open, nowMs)) return { kind: 'over' };
  const counts = open.holds !== undefined && 'times' in open.holds && isFurther(open, nowMs);
  return counts ? { kind: 'put', looks: held.looks + 1, anew: null } : { kind: 'goes' };
};

export const rowOf = (call: Call, open: Waiting, finding: Finding, lastMs: number): Row => {
  const { unheld } = call;
  const nowMs = call.engine.clock.nowMs();
  const row = stepOf(open, finding, lastMs, nowMs, unheld?.about === open.seq ? unheld.atMs : Number.NEGATIVE_INFINITY);
  if (finding.kind !== 'holds') call.unheld = { about: open.seq, atMs: nowMs };
  if (row.kind !== 'put' || call.chain.head.entry.seq - open.seq < limits.holdingsMax) return row;
  const why = `it held and did not for ${limits.holdingsMax} entries (holdingsMax); last: ${row.anew ?? 'it holds'}`;
  return { kind: 'failed', error: failure('wait.unsteady', why) };
};

/** Whether the wait stands as the look found it, whatever took the slot: then what broke the row still counts. */
export const isHeldAsBefore = (call: Call, { seq, held }: Waiting): boolean => {
  const { open } = stateOf(call);
  return open?.kind === 'waiting' && open.seq === seq && held !== undefined && open.held?.sinceMs === held.sinceMs;
};

/** Puts what the look found. @returns whether it stands; else another caller was first: decide anew */
export const putHolding = async (
  call: Call,
  cell: Cell,
  open: Waiting,
  { looks, anew }: Pick<Extract<Row, { kind: 'put' }>, 'looks' | 'anew'>,
): Promise<boolean> => {
  // As long as when it began: what a template said then, it need not say again.
  const { withinMs = null } = await waitingEntry(call, open);
  const bodyNow = (): EntryBody => {
    const dueAtMs = looks === 0 ? endsAtMs(call, withinMs) : null;
    return { kind: 'holding', about: open.seq, index: cell.index, cell: cell.name, looks, anew, dueAtMs };
  };
  for (;;) {
    if ((await call.chain.append(bodyNow)) !== undefined) return true;
    if (anew === null || !isHeldAsBefore(call, open)) return false;
  }
};

/** Of a step that a verdict can be about: what each verdict would lead to, for whoever is asked. */

import { familyBody } from '../model/cellNature.ts';
import type { EntryOf } from '../model/entries.ts';
import type { Then } from '../model/fields.ts';
import { wayOf } from '../model/levels.ts';
import type { Cell, Runbook } from '../model/runbook.ts';
import type { State } from '../model/state.ts';
import type { ViewStatus } from '../model/view.ts';
import { isCalledOff } from '../rules/going.ts';
import { failedLeadsTo } from '../rules/sequel.ts';

/**
 * Whether a further attempt may begin and could come out otherwise: `freshKey`, only as a new visit; `elements`: those that did not
 * complete.
 */
type Repeatable = 'yes' | 'freshKey' | 'elements' | 'no';

export type UndecidedReport = {
  /** What a verdict names: seq of the reservation, or of the outcome where there was none. */
  seq: number;
  repeatable: Repeatable;
  /** What the verdict `failed` would lead to: `retry` is the cell's own. */
  ifFailed: Then;
  /** What a known failure leads to by itself; `null`: it halts, and a person is asked. */
  onFailure: 'undo' | 'end' | null;
  /** A person can give the run up for it, and its runbook has something for that end. */
  undoable: boolean;
};

type Undecided = { seq: number; status: 'running' | 'in_doubt' | 'halted' };

/** `undefined`: it stands at no step that a verdict could be about. */
export const undecidedIn = ({ open, halted }: State, status: ViewStatus): Undecided | undefined => {
  const seq = open?.kind === 'reserved' ? open.seq : halted?.seq;
  if (seq === undefined || (status !== 'running' && status !== 'in_doubt' && status !== 'halted')) return undefined;
  return { seq, status };
};

/** Whether `entry` closed the step at `seq`, or is that step: what could not begin has no reservation. */
export const isClosingOf = (entry: EntryOf<'outcome'>, seq: number): boolean =>
  entry.closes === seq || (entry.seq === seq && entry.reserve === undefined);

/**
 * What could not begin is looked at with the same inputs every time: tried again, it halts again. Only a permission that
 * lapsed, and an expression that an overloaded machine gave up, are no matter of what it reads.
 */
const repeatableAs = (closing: EntryOf<'outcome'> | undefined): Repeatable => {
  if (closing === undefined || closing.closes !== null) return 'yes';
  const { code = '', message = '' } = closing.error ?? {};
  if (code === 'key.lapsed' || message.includes('expressionTimeMsMax')) return 'yes';
  return code === 'inputs.changed' ? 'freshKey' : 'no';
};

/** Elements that completed are not gone through again, also where what is expected of all of them does not hold. */
const repeatableOf = (cell: Cell, closing: EntryOf<'outcome'> | undefined): Repeatable => {
  if (familyBody(cell) === undefined || closing?.closes == null) return repeatableAs(closing);
  return closing.status === 'failed' ? 'elements' : 'no';
};

/**
 * @param runbook of the level that the instance goes through
 * @param closing the outcome that closed the step without settling it, or that it is
 * @returns `null`: it stands at no step that a verdict could be about
 */
export const undecidedReport = (
  runbook: Runbook,
  state: State,
  status: ViewStatus,
  closing: EntryOf<'outcome'> | undefined,
  nowMs: number,
): UndecidedReport | null => {
  const at = undecidedIn(state, status);
  const cell = runbook.cells[state.next];
  if (at === undefined || cell === undefined) return null;
  const { ending, cancelled, halted } = state;
  const isOnWay = ending === undefined && cancelled === null;
  const isEarly = halted?.early === true && (halted.deadlineAtMs ?? 0) > nowMs;
  const isGivenUp = status === 'halted' && isOnWay && !isEarly;
  return {
    seq: at.seq,
    repeatable: isCalledOff(state) ? 'no' : repeatableOf(cell, closing),
    ifFailed: failedLeadsTo(state, cell, nowMs),
    onFailure: (isOnWay && runbook.onFailure) || null,
    undoable: isGivenUp && wayOf(runbook.cells) < runbook.cells.length,
  };
};

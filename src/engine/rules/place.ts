/** Which place the next step belongs to. Pure: the same journal and the same `at=` give the same place everywhere. */

import { natureOf } from '../model/cellNature.ts';
import type { EntryOf } from '../model/entries.ts';
import { anyPlace } from '../model/place.ts';
import type { Cell } from '../model/runbook.ts';
import type { State } from '../model/state.ts';

/** What it rests on beside the state. */
export type Grounds = {
  started: Pick<EntryOf<'started'>, 'place'>;
  /** The place of the store's own schedule: what any place may do is due there. */
  home: string;
  /** The next cell, and what its `at=` says, filled in; `null` where it says nothing. */
  cell: Cell | undefined;
  at: string | null;
};

/** Where the instance was started. */
export const startedAt = ({ started, home }: Pick<Grounds, 'started' | 'home'>): string => started.place ?? home;

/** Whether something of it is carried out, so that it matters where. */
const isCarriedOut = (cell: Cell): boolean => natureOf(cell) === 'effect' || cell.poll !== undefined;

/**
 * Code sees the machine that it runs on, and so do the needs of a cell, and its secrets, which come from where it is; any other
 * request looks the same from everywhere.
 */
const seesItsPlace = ({ body, uses = [] }: Cell): boolean =>
  (body.kind !== 'http' && body.kind !== 'aws') || uses.length > 0;

/** Whether it is carried out at one place alone, whichever that is: at another one nothing can be done about it. */
export const isBound = ({ inputsHash }: Pick<State, 'inputsHash'>, cell: Cell): boolean => {
  if (!isCarriedOut(cell)) return false;
  if (inputsHash !== null) return true;
  // Whoever comes by may have to do no more than judge it.
  if (cell.when !== null) return false;
  return cell.at === undefined ? seesItsPlace(cell) : cell.at[0] !== anyPlace;
};

/**
 * The place that carries out the cell, with all attempts of a visit, its probe and its polls; `null`: whichever is first. Of a
 * visit under way that is the place where it began, so that no visit sees two worlds.
 */
export const placeOfCell = (state: State, grounds: Grounds): string | null => {
  const { cell, at } = grounds;
  if (cell === undefined || !isCarriedOut(cell)) return null;
  if (state.inputsHash !== null) return state.place ?? startedAt(grounds);
  if (at !== null) return at === anyPlace ? null : at;
  return seesItsPlace(cell) ? startedAt(grounds) : null;
};

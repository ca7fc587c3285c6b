/** What a continuation cites of the run that it goes on from: outputs stay where they are, and how cells ended is said. */

import type { Continues } from '../model/bodies.ts';
import type { CellEnd } from '../model/cellEnd.ts';
import { familyBody, hasEffects } from '../model/cellNature.ts';
import type { Entry } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import { wayOf } from '../model/levels.ts';
import type { Cell } from '../model/runbook.ts';
import { cellEndOf } from '../rules/cellEnd.ts';
import { type Call, stateOf } from './call.ts';
import { isTakenBack, satisfyingEntry } from './inputs.ts';
import { outputOf } from './texts.ts';

export type Cited = { outputs: Continues['outputs']; states: Record<string, CellEnd> };

/**
 * Of the cells that a run is past, by name: where the entry stands that has the output, and how the cell ended; cited ones as they
 * were cited there.
 */
export const satisfiedIn = async (call: Call): Promise<Cited> => {
  const { engine, instanceId, runbook, started } = call;
  const state = stateOf(call);
  const { outputs: citedOutputs = {}, states: citedStates = {} } = started.continues ?? {};
  const found: Cited = { outputs: {}, states: {} };
  const entries = new Map<number, Entry>();
  const entryAt = async (seq: number): Promise<Entry> => {
    const entry = entries.get(seq) ?? (await engine.journal.entry(instanceId, seq))?.entry;
    if (entry === undefined) throw new PawlError('journal.broken', `Entry ${seq} of ${instanceId} is missing.`);
    entries.set(seq, entry);
    return entry;
  };
  // One whose way is over says of all its cells how they ended.
  const past = state.ending === undefined ? state.next : wayOf(runbook.cells);
  for (const cell of runbook.cells.slice(0, past)) {
    const { name, index } = cell;
    const entry = await satisfyingEntry(state, index, entryAt);
    const hasOutput = entry?.kind !== undefined && 'cell' in entry && entry.cell === name && outputOf(entry) !== null;
    const stood =
      entry?.kind === 'ending' && entry.stood?.cell === name ? { instanceId, seq: entry.stood.seq } : undefined;
    const output =
      stood ?? (hasOutput ? { instanceId, seq: entry.seq } : index < state.from ? citedOutputs[name] : undefined);
    if (output !== undefined) found.outputs[name] = output;
    const own = entry === undefined ? citedStates[name] : cellEndOf(cell, entry);
    const end = (await isTakenBack(call, cell)) ? 'taken_back' : own;
    if (end !== undefined && end !== 'completed') found.states[name] = end;
  }
  return found;
};

/** What a run left behind, for one that would go on from it. */
export type Past = {
  /** Cells of the way that were gone through, or passed over, and were not taken back. */
  done: Cell[];
  /** The cell that it left off at, if an attempt of it happened or may have. */
  begun: Cell | undefined;
};

const isSection = (cell: Cell): boolean => familyBody(cell) !== undefined;

const undone: readonly CellEnd[] = ['taken_back', 'not_reached'];

/**
 * Of a cell that it left off at: what became of an earlier visit is not known any more; it was given up for a fresh key. Of a section
 * that was opened elements may have gone through its cells.
 */
const begunAt = (call: Call): Cell | undefined => {
  const { mayHaveHappened, visit, next, inputsHash } = stateOf(call);
  const cell = call.runbook.cells[next];
  const isOpened = cell !== undefined && isSection(cell) && inputsHash !== null && hasEffects(cell);
  return mayHaveHappened || visit > 1 || isOpened ? cell : undefined;
};

export const pastOf = async (call: Call): Promise<Past> => {
  const { next, ending } = stateOf(call);
  const { cells } = call.runbook;
  if (ending === undefined) return { done: cells.slice(0, next), begun: begunAt(call) };
  const { states } = await satisfiedIn(call);
  const stood = cells[ending.at];
  const how = stood && (states[stood.name] ?? 'completed');
  const isBegun =
    how === 'unexpected' || (how === 'failed' && stood !== undefined && isSection(stood) && hasEffects(stood));
  return {
    done: cells.slice(0, ending.at).filter(({ name }) => !undone.includes(states[name] ?? 'completed')),
    begun: isBegun ? stood : undefined,
  };
};

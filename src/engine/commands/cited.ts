/** What a continuation cites of the run that it goes on from, and whether that went into the sections in which it would begin. */
import { type Call, stateOf } from '../call/call.ts';
import { satisfyingEntry } from '../call/inputs.ts';
import { outputOf } from '../call/texts.ts';
import type { CellEnd } from '../model/cellEnd.ts';
import type { Continues, Entry } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import { branchesOf, type Cell, type Runbook } from '../model/runbook.ts';
import { cellEndOf } from '../rules/cellEnd.ts';

export const refuse = (message: string, details: Record<string, unknown>): never => {
  throw new PawlError('continue.refused', message, details);
};

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
  for (const cell of runbook.cells.slice(0, state.next)) {
    const { name, index } = cell;
    const entry = await satisfyingEntry(state, index, entryAt);
    const hasOutput = entry?.kind !== undefined && 'cell' in entry && entry.cell === name && outputOf(entry) !== null;
    const output = hasOutput ? { instanceId, seq: entry.seq } : index < state.from ? citedOutputs[name] : undefined;
    if (output !== undefined) found.outputs[name] = output;
    const end = entry === undefined ? citedStates[name] : cellEndOf(cell, entry);
    if (end !== undefined && end !== 'completed') found.states[name] = end;
  }
  return found;
};

/**
 * @param line the run and those that it goes on from
 * @throws PawlError `continue.refused`: where it would go into a section that the earlier run did not go into, or, without a reason,
 * into one that it went into by another `when`
 */
export const assertEntered = (
  line: [Call, ...Call[]],
  runbook: Runbook,
  first: Cell,
  { states }: Cited,
  reason = '',
): void => {
  const [{ instanceId }] = line;
  const details = { instanceId, cell: first.name };
  const around = branchesOf(runbook, first.index);
  const passed = around.find((name) => states[name] !== undefined);
  if (passed !== undefined) {
    const message = `Cell ${first.name} stands in the section ${passed}, which ${instanceId} passed over: continue at ${passed}, where that is judged anew, or after its section.`;
    refuse(message, details);
  }
  if (reason.trim() !== '') return;
  const branchIn = ({ cells }: Runbook, wanted: string): Cell | undefined => cells.find(({ name }) => name === wanted);
  /** Where it was judged: later runs of the line only cite that. */
  const judgedIn = (name: string): Call | undefined =>
    line.find((run) => (branchIn(run.runbook, name)?.index ?? -1) >= stateOf(run).from);
  const changed = (name: string): boolean => {
    const judged = judgedIn(name);
    return (
      judged === undefined || branchIn(judged.runbook, name)?.when?.source !== branchIn(runbook, name)?.when?.source
    );
  };
  const other = around.find(changed);
  if (other === undefined) return;
  const where = judgedIn(other)?.instanceId ?? instanceId;
  const message = `Cell ${first.name} stands in the section ${other}, which ${where} went into by another \`when\` than it has now: give a reason (\`--reason TEXT\`), or continue at ${other}, where it is judged anew.`;
  refuse(message, details);
};

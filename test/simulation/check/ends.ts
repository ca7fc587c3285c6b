/** How cells ended, and what a `when` of the simulation's runbooks says of it: read from the entries, in words of our own. */
import type { Cell, Entry, EntryOf } from '../../../src/engine/index.ts';
import { takenBackBy, wayOf } from '../way.ts';
import { must, type World } from '../world.ts';

type Closing = EntryOf<'outcome'> | EntryOf<'resolved'>;

const holds = ({ expectations }: Closing): boolean =>
  expectations.every(({ result, overridden }) => result === 'pass' || overridden === true);

/** It is as it was to be: as its expectations say, where it has some, or by a person's word. */
export const isGood = (entry: Closing): boolean => {
  const { expectations } = entry;
  if (entry.kind === 'resolved') return entry.verdict === 'succeeded';
  const holds = expectations.every(({ result, overridden }) => result === 'pass' || overridden === true);
  // Of a section that takes back something could not be.
  if (entry.error?.code === 'each.unfinished') return false;
  return holds && (entry.status === 'completed' || (expectations.length > 0 && entry.status !== 'skipped'));
};

/** What a person, or a probe, found out of a halted step. */
const endOfResolved = (cell: Cell, entry: EntryOf<'resolved'>): string => {
  switch (entry.verdict) {
    case 'skip':
      return cell.body.kind === 'branch' ? 'failed' : 'skipped';
    case 'failed':
      return entry.closedBy === 'person' ? 'forgiven' : holds(entry) ? 'completed' : 'unexpected';
    default:
      return holds(entry) ? 'completed' : 'unexpected';
  }
};

/** How a cell ended that this entry leaves behind. */
export const endOf = (cell: Cell, entry: Closing): string => {
  if (entry.kind === 'resolved') return endOfResolved(cell, entry);
  switch (entry.status) {
    case 'skipped':
    case 'unknown':
      return entry.status;
    case 'completed':
      if (entry.timedOut === true) return 'timed_out';
      return holds(entry) ? 'completed' : 'unexpected';
    default:
      return entry.expectations.length > 0 && holds(entry) ? 'failed' : 'forgiven';
  }
};

/** The names of the cells of a branch's section: so many as it says, right behind it. */
export const sectionOf = ({ cells }: { cells: readonly Cell[] }, { index, body }: Cell): string[] =>
  body.kind === 'branch' ? cells.slice(index + 1, index + 1 + body.cells).map(({ name }) => name) : [];

/** Of a whole run: how each cell ended that it is past, those that it cites among them. */
export const endsOf = ({ version: { runbook }, chain }: World): Map<string, string> => {
  const found = new Map<string, string>();
  const [first] = chain;
  if (first?.entry.kind !== 'started') return found;
  const { index = 0, states = {} } = first.entry.continues ?? {};
  for (const { name } of runbook.cells.slice(0, index)) found.set(name, states[name] ?? 'completed');
  const way = wayOf(runbook.cells);
  for (const { entry } of chain) {
    if (entry.kind === 'ending') {
      for (const { name } of runbook.cells.slice(entry.state.ending?.at, way)) found.set(name, 'not_reached');
      if (entry.failed !== null) found.set(entry.failed.cell, entry.failed.how);
    }
    if ((entry.kind !== 'outcome' && entry.kind !== 'resolved') || entry.then !== 'next') continue;
    const cell = runbook.cells[entry.index];
    const taken = cell && takenBackBy(cell);
    if (taken !== undefined && isGood(entry)) found.set(taken, 'taken_back');
    if (cell === undefined || cell.index >= way) continue;
    found.set(cell.name, endOf(cell, entry));
    if (entry.passes !== undefined) for (const name of sectionOf(runbook, cell)) found.set(name, 'skipped');
  }
  return found;
};

type Known = { outputs: Map<string, string | null>; ends: Map<string, string> };

/** What an expression of the simulation's runbooks says; `broken`: it cannot be judged. */
export const says = (source: string, { outputs, ends }: Known): boolean | 'broken' => {
  const [, asked, wanted] = /^cells\.(\w+)\.state == "(\w+)"$/.exec(source) ?? [];
  if (asked !== undefined) {
    must(ends.has(asked), 'I3', `it is asked how ${asked} ended, which it did not`);
    return ends.get(asked) === wanted;
  }
  const name = /^outputs\.(\w+)\.good == true$/.exec(source)?.[1];
  if (name === undefined) return source === 'broken' ? 'broken' : source === 'true';
  return (JSON.parse(outputs.get(name) ?? '{}') as { good?: boolean }).good === true;
};

/** What was checked of how cells ended is what they ended as. */
export const judgeAsked = (entry: Closing, known: Known): void => {
  for (const { source, result } of entry.expectations) {
    if (!source.startsWith('cells.')) continue;
    const right = says(source, known) === true ? 'pass' : 'fail';
    must(result === right, 'I3', `seq ${entry.seq} says ${result} of ${source}, and it is ${right}`);
  }
};

/** What began stands only in sections that the run had gone into by then. */
export const checkEntered = (world: World, entries: readonly Entry[]): void => {
  const { cells } = world.version.runbook;
  const [first] = entries;
  const { index: from = 0, states = {} } = (first?.kind === 'started' && first.continues) || {};
  for (const { cell: name, seq } of world.begins) {
    const index = cells.findIndex((cell) => cell.name === name);
    for (const { name: branch, body, index: at } of cells.slice(0, index)) {
      if (body.kind !== 'branch' || at + body.cells < index) continue;
      const judged = entries.findLast(
        (entry) => (entry.kind === 'outcome' || entry.kind === 'resolved') && entry.index === at && entry.seq <= seq,
      );
      const entered =
        judged === undefined
          ? at < from && states[branch] === undefined
          : (judged.kind === 'outcome' && judged.status === 'completed') ||
            (judged.kind === 'resolved' && judged.verdict === 'succeeded');
      must(entered, 'I3', `${name} began at seq ${seq}, in the section ${branch}, which was not gone into`);
    }
  }
};

/** Tasks that commit, in the words of the promise: effect and record are one, and closing a step is proof. */
import type { Cell, EntryOf } from '../../../src/engine/index.ts';
import { rowOf } from '../commits.ts';
import { must } from '../world.ts';
import type { Oracle, Reading } from './reading.ts';

export const commits = ({ body }: Cell): boolean => body.kind === 'task';

/** A step of such a task is closed as what is known: by its holder, or because that is gone. A person may say so, or ask for it once more. */
export const judgeCommitted = (reading: Reading, entry: EntryOf<'outcome'>, cell: Cell): void => {
  const at = `seq ${entry.seq}`;
  if (entry.error?.code === 'commit.closed')
    must(commits(cell) && entry.closedBy === 'policy', 'commit', `${at} says that nothing of it lands any more`);
  if (!commits(cell) || reading.open === null) return;
  const isKnown = entry.status !== 'unknown' && (entry.status !== 'abandoned' || entry.closedBy === 'person');
  must(isKnown && entry.closedBy !== 'probe', 'commit', `${at} of ${cell.name} is ${entry.status}`);
};

/** What is committed stands for every attempt that the journal calls completed, and for no other; by the very entry that says so. */
export const checkCommits = ({ world, entries }: Oracle): void => {
  if (world.commits === null) return;
  const { rows } = world.commits;
  const known = new Set<string>();
  for (const entry of entries) {
    if (entry.kind !== 'outcome' || entry.closes === null) continue;
    const cell = world.version.runbook.cells.find(({ name }) => name === entry.cell);
    if (cell === undefined || !commits(cell)) continue;
    const row = rowOf(world.instanceId, entry.closes);
    known.add(row);
    const by = rows.get(row);
    const right = entry.status === 'completed' ? rowOf(world.instanceId, entry.seq) : undefined;
    must(by === right, 'commit', `seq ${entry.seq} says ${entry.status} of ${cell.name}, and its row is by ${by}`);
  }
  for (const [row, by] of rows)
    if (row.startsWith(`${world.instanceId}#`))
      must(known.has(row), 'commit', `${row} was committed by ${by}, and no outcome says so`);
};

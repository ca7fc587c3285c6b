/** What `inspect` says of each cell is what the entries say of it, read by a reading of our own. */
import type { CellReport, Engine, Entry, EntryOf } from '../../../src/engine/index.ts';
import { runOf } from '../kin.ts';
import { takenBackBy, wayOf } from '../way.ts';
import { facetOf, must, type World } from '../world.ts';
import { toldText } from './outputs.ts';
import { same } from './same.ts';

/** What is known of one cell from the entries about it. */
type Known = {
  visit: number;
  attempts: number;
  seq: number | null;
  startedAtMs: number | null;
  closing: EntryOf<'outcome'> | EntryOf<'resolved'> | null;
  /** The newest entry with an output. */
  telling: Entry | null;
  /** When it was passed over with its section. */
  passedAtMs: number | null;
};
const nothing = (): Known => ({
  visit: 0,
  attempts: 0,
  seq: null,
  startedAtMs: null,
  closing: null,
  telling: null,
  passedAtMs: null,
});

const begin = (known: Known, { seq, atMs }: Entry, visit: number): void => {
  known.attempts = visit === known.visit ? known.attempts + 1 : 1;
  Object.assign(known, { visit, seq, startedAtMs: atMs });
};

const read = (entries: Entry[], cells: number): Known[] => {
  const known = Array.from({ length: cells }, nothing);
  for (const entry of entries) {
    const one = 'index' in entry ? known[entry.index] : undefined;
    if (one === undefined) continue;
    if (entry.kind === 'reserved') begin(one, entry, entry.visit);
    if (entry.kind === 'waiting') Object.assign(one, { seq: entry.seq, startedAtMs: entry.atMs });
    if (entry.kind !== 'outcome' && entry.kind !== 'resolved') continue;
    one.closing = entry;
    if (entry.output !== null) one.telling = entry;
    for (const other of known.slice(entry.index + 1, entry.index + 1 + (entry.passes ?? 0)))
      other.passedAtMs = entry.atMs;
    if (entry.kind === 'resolved') continue;
    one.seq ??= entry.seq;
    one.startedAtMs ??= entry.atMs;
    if (entry.status === 'never') one.attempts -= 1;
    const next = entry.reserve && known[entry.reserve.index];
    if (entry.reserve !== undefined && next !== undefined) begin(next, entry, entry.reserve.visit);
  }
  return known;
};

/** Whether what takes back did so: as it was meant to, or by a person's word. */
const wasMeant = (closing: Known['closing']): boolean => {
  if (closing === null) return false;
  if (closing.kind === 'resolved') return closing.verdict === 'succeeded';
  if (closing.status === 'skipped') return false;
  const good = closing.expectations.every(({ result, overridden }) => result === 'pass' || overridden === true);
  return closing.expectations.length > 0 ? good : closing.status === 'completed';
};

/** How a cell that was gone through ended. */
const endedAs = ({ closing, passedAtMs }: Known): string => {
  if (passedAtMs !== null) return 'skipped';
  if (closing === null) return 'nothing';
  const good = closing.expectations.every(({ result, overridden }) => result === 'pass' || overridden === true);
  const done = good ? 'completed' : 'completed, not as expected';
  if (closing.kind === 'outcome') return closing.status === 'completed' ? done : closing.status;
  if (closing.verdict === 'skip') return 'skipped';
  if (closing.verdict === 'succeeded') return 'completed';
  return closing.closedBy === 'person' ? 'failed' : done;
};

/** Where the instance stands; `null`: it may show how it ended there last. */
const standsAs = ({ world, state }: { world: World; state: Entry['state'] }): string | null => {
  const { open, halted, ended } = state;
  if (ended !== null) return null;
  if (open?.kind === 'waiting') return 'waiting';
  const nowMs = world.schedule.nowMs();
  if (open?.kind === 'reserved') return nowMs < open.deadlineAtMs + world.graceMs ? 'running' : 'in_doubt';
  if (halted !== null) return halted.doubt ? 'in_doubt' : null;
  return 'next';
};

const checkCell = (world: World, at: string, report: CellReport, known: Known): void => {
  const { closing, telling } = known;
  const { attempts, seq, startedAtMs } = known;
  const said = { attempts: report.attempts, seq: report.seq, startedAtMs: report.startedAtMs };
  const right = { attempts, seq, startedAtMs };
  must(same(said, right), 'report', `${at}: ${JSON.stringify(said)}, not ${JSON.stringify(right)}`);
  must(report.endedAtMs === (closing?.atMs ?? known.passedAtMs), 'report', `${at} ended at ${report.endedAtMs}`);
  must(same(report.expectations, closing?.expectations ?? []), 'report', `${at} has other expectations`);
  const output = telling !== null && 'output' in telling ? telling.output : null;
  must(report.outputSeq === (telling?.seq ?? null), 'report', `${at} has its output from seq ${report.outputSeq}`);
  must(report.output === toldText(world, output), 'report', `${at} shows another output`);
  const byPerson = closing?.closedBy === 'person' && closing.verdict !== undefined;
  const verdict = byPerson ? { verdict: closing.verdict, actor: closing.by.actor } : null;
  // Begun again after it, there is none.
  const over = closing !== null && known.seq !== null && known.seq > closing.seq;
  must(same(report.verdict, over ? null : verdict), 'report', `${at} shows another verdict`);
};

export const checkReport = async (engine: Engine, world: World, instanceId: string): Promise<void> => {
  const entries = facetOf(world, instanceId).chain.map(({ entry }) => entry);
  const [started] = entries;
  const head = entries.at(-1);
  if (started?.kind !== 'started' || head === undefined) return;
  const { state } = head;
  const by = { actor: 'reader', via: 'simulation', where: 'reader' };
  const { cells, params, view } = await engine.inspect(instanceId, by);
  const root = runOf(facetOf(world, instanceId)).chain[0]?.entry;
  must(
    same(params, root?.kind === 'started' ? root.params : started.params) && view.seq === head.seq,
    'report',
    `${instanceId}: other parameters or entry`,
  );
  const known = read(entries, cells.length);
  const ofVersion = facetOf(world, instanceId).version.runbook.cells;
  const way = wayOf(ofVersion);
  const end = entries.find((entry) => entry.kind === 'ending');
  cells.forEach((report, index) => {
    const at = `${instanceId}: ${report.name} is ${report.state}`;
    if (report.state === 'taken back') {
      const undo = ofVersion.findIndex((cell) => takenBackBy(cell) === report.name);
      must(undo !== -1 && wasMeant(known[undo]?.closing ?? null), 'report', at);
      return;
    }
    if (index < state.from) {
      must(report.state === 'cited', 'report', `${at}, and was done in an earlier run`);
      return;
    }
    const own = known[index] as Known;
    checkCell(world, at, report, own);
    const isWayOver = state.ended !== null || end !== undefined || state.owes !== undefined;
    const isLater = index < way ? isWayOver : state.ended !== null || (end !== undefined && !end.cells.includes(index));
    const later = isLater ? 'not reached' : 'pending';
    const isPast = index < state.next;
    const untouched = own.closing === null && own.passedAtMs === null;
    // The cell at which the way was over shows how it stood.
    const isLast = isPast && index === state.ending?.at && !untouched;
    const isLeftOut = isPast && state.ending !== undefined && untouched;
    const passed = isLeftOut ? later : endedAs(own);
    const expected = isLast ? null : isPast ? passed : index > state.next ? later : standsAs({ world, state });
    must(expected === null || report.state === expected, 'report', `${at}, not ${expected}`);
  });
};

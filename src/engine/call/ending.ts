/**
 * The end of a way: which cells are gone through before the run has ended. What is taken back follows from the journal alone, which is
 * read as a whole here, once: whoever writes the entry comes to the same.
 */
import type { CellEnd } from '../model/cellEnd.ts';
import { changesSomething, familyBody } from '../model/cellNature.ts';
import type { Entry, EntryBody, EntryOf } from '../model/entries.ts';
import type { Failure } from '../model/fields.ts';
import { cleanupOf, isAtEnd, wayOf } from '../model/levels.ts';
import type { Cell, Runbook } from '../model/runbook.ts';
import type { WayEnd } from '../model/runEnd.ts';
import type { State } from '../model/state.ts';
import { isAtEndOf } from '../rules/going.ts';
import { type Call, stateOf } from './call.ts';
import { readJournal } from './journal.ts';
import { type Engine, loadStarted } from './kin.ts';

/** What the journals of a run, and of those that it goes on from, say of a cell. */
type Trace = {
  /** Its body completed: as expected or not, by a verdict, or in a run that is cited for it. */
  done: boolean;
  /** The last outcome that says so. */
  doneAt: number | null;
  /** Something of it began; in which runs. */
  begun: boolean;
  begunIn: Set<string>;
  /** Idempotency keys: of the newest visit that was reserved, and of the newest by which it was done, or else began. */
  newest: string | null;
  key: string | null;
  /** Those of all visits that happened, or may have: only one of them is taken back. */
  visits: Map<string, 'yes' | 'maybe'>;
  /** Of a section: the runs that opened it, without those with whose elements another goes on. The newest of these is taken back. */
  openedIn: Set<string>;
  /** Of a section: the entry that opened it last. */
  opening: string | null;
  /** The key that a run hands to what takes it back, by the run; of a section the opening that was taken back last. */
  handedIn: Map<string, string>;
  triedBack: string | null;
};
type Traces = Map<string, Trace>;

const traceIn = (traces: Traces, cell: string): Trace => {
  const trace = traces.get(cell) ?? {
    done: false,
    doneAt: null,
    begun: false,
    begunIn: new Set(),
    newest: null,
    key: null,
    visits: new Map(),
    openedIn: new Set(),
    opening: null,
    handedIn: new Map(),
    triedBack: null,
  };
  traces.set(cell, trace);
  return trace;
};

const leave = (trace: Trace, isDone: boolean, { instanceId }: Pick<Entry, 'instanceId'>): void => {
  // A later visit that only began does not hide by which it was done.
  if (isDone || !trace.done) trace.key = trace.newest;
  trace.begun = true;
  trace.begunIn.add(instanceId);
  trace.done ||= isDone;
};

/** Of the newest visit: whether it happened, or may have; `no`: somebody who looked says that it did not. */
const happened = ({ newest, visits }: Trace, is: 'yes' | 'maybe' | 'no'): void => {
  if (newest === null || visits.get(newest) === 'yes') return;
  if (is === 'no') visits.delete(newest);
  else visits.set(newest, is);
};

/** How a step that was closed leaves its cell: a body that never began leaves nothing. */
const closed = (trace: Trace, entry: EntryOf<'outcome'>): void => {
  const { seq, status, closedBy, unbegun } = entry;
  if (status === 'completed') trace.doneAt = seq;
  const never = status === 'never' || unbegun === true || (status === 'abandoned' && closedBy === 'probe');
  if (!never) leave(trace, status === 'completed', entry);
  const isDenied = (status === 'abandoned' && closedBy === 'probe') || (status === 'failed' && closedBy === 'person');
  if (isDenied) happened(trace, 'no');
  else if (!never && status !== 'failed') happened(trace, status === 'completed' ? 'yes' : 'maybe');
};

/** What is decided about a step afterwards. */
const resolved = (trace: Trace, entry: EntryOf<'resolved'>): void => {
  const { verdict, closedBy } = entry;
  if (verdict === 'succeeded') {
    leave(trace, true, entry);
    happened(trace, 'yes');
  }
  if (verdict === 'failed' || (verdict === 'retry' && closedBy === 'probe')) happened(trace, 'no');
};

const openingName = ({ instanceId, seq }: { instanceId: string; seq: number }): string => `${instanceId}#${seq}`;

/** What takes a cell back began in an earlier run of the line: nobody has said that it may again. */
const isTried = (traces: Traces, cell: Cell): boolean => {
  const { name, cleanup } = cell;
  const trace = cleanup !== undefined && 'undo' in cleanup ? traces.get(cleanup.undo) : undefined;
  const undo = traces.get(name);
  if (trace === undefined || undo === undefined) return false;
  if (familyBody(cell) !== undefined) return undo.triedBack !== null && undo.triedBack === trace.opening;
  // What was done again since has another key, whatever an earlier run tried. What a person did has none, and is tried once.
  return [...undo.begunIn].some((run) => (trace.handedIn.get(run) ?? null) === trace.key);
};

const note = (traces: Traces, entry: Entry): void => {
  if (entry.kind === 'reserved') traceIn(traces, entry.cell).newest = entry.key;
  if (entry.kind === 'waiting' && entry.each !== undefined) {
    const trace = traceIn(traces, entry.cell);
    trace.begun = true;
    const { after } = entry.each;
    // It goes on with all the elements of that one.
    if (after?.left === 0) trace.openedIn.delete(after.instanceId);
    trace.openedIn.add(entry.instanceId);
    trace.opening = openingName(entry);
    if (entry.each.undoes !== undefined) trace.triedBack = openingName(entry.each.undoes);
  }
  if (entry.kind === 'outcome' && entry.closes !== null) closed(traceIn(traces, entry.cell), entry);
  if (entry.kind === 'outcome' && entry.reserve !== undefined)
    traceIn(traces, entry.reserve.cell).newest = entry.reserve.key;
  if (entry.kind === 'ending')
    for (const [cell, key] of Object.entries(entry.keys)) traceIn(traces, cell).handedIn.set(entry.instanceId, key);
  if (entry.kind === 'resolved') resolved(traceIn(traces, entry.cell), entry);
};

const doneEnds: readonly CellEnd[] = ['completed', 'unexpected'];

/** Of the runs that this one goes on from: what is cited of them is done here, the rest of what began there may have happened. */
const tracesBefore = async (engine: Engine, started: EntryOf<'started'>, cells: readonly Cell[]): Promise<Traces> => {
  const { continues } = started;
  const traces: Traces = new Map();
  if (continues === null) return traces;
  const line: NonNullable<EntryOf<'started'>['continues']>[] = [];
  for (let from: EntryOf<'started'>['continues'] = continues; from !== null; ) {
    line.unshift(from);
    from = (await loadStarted(engine, from.instanceId)).continues;
  }
  for (const { instanceId, states = {} } of line) {
    for await (const { entry } of readJournal(engine, instanceId)) note(traces, entry);
    // Nothing of it is left to be taken back.
    for (const [cell, end] of Object.entries(states)) if (end === 'taken_back') traces.delete(cell);
  }
  const cited = new Set(cells.slice(0, continues.index).map(({ name }) => name));
  for (const [cell, trace] of traces) {
    trace.done = cited.has(cell) && trace.done && doneEnds.includes(continues.states?.[cell] ?? 'completed');
    // An outcome of another journal.
    trace.doneAt = null;
  }
  return traces;
};

type Told = { traces: Traces; failed: EntryOf<'ending'>['failed']; cancelled: EntryOf<'cancelled'> | null };

/** Why the step at a seq failed, as far as an entry says. */
export const failureAt = (entry: Entry, seq: number): Failure | undefined => {
  if (entry.kind === 'outcome' && (entry.closes ?? entry.seq) === seq)
    return entry.error ?? { code: 'cell.unexpected', message: unmet(entry) };
  if (entry.kind === 'resolved' && entry.about === seq) return { code: 'cell.declared', message: entry.reason };
  return undefined;
};
const unmet = ({ expectations }: EntryOf<'outcome'>): string =>
  `What it expects does not hold: ${expectations
    .filter(({ result }) => result !== 'pass')
    .map(({ source }) => source)
    .join('; ')}`;

/** What the journal says that bears on the end of the run. */
const readWay = async ({ engine, started, runbook, instanceId, chain }: Call): Promise<Told> => {
  const traces = await tracesBefore(engine, started, runbook.cells);
  const { halted, hasCompleted, open } = chain.head.entry.state;
  let failure: Failure | undefined;
  let cancelled: EntryOf<'cancelled'> | null = null;
  for await (const { entry } of readJournal(engine, instanceId)) {
    note(traces, entry);
    if (halted !== null) failure = failureAt(entry, halted.seq) ?? failure;
    if (entry.kind === 'cancelled') cancelled = entry;
  }
  // Looked at while it is carried out, or in doubt: it began, as far as is known.
  if (open?.kind === 'reserved') traceIn(traces, open.cell).begun = true;
  const { code, message } = failure ?? { code: 'cell.failed', message: 'It failed.' };
  const how = hasCompleted ? ('unexpected' as const) : ('failed' as const);
  const failed = halted === null ? null : { cell: halted.cell, seq: halted.seq, how, code, message };
  return { traces, failed, cancelled };
};

/** By what of the runbook it is so, where no person said it. */
const groundOf = (as: WayEnd, call: Call): string => {
  if (call.started.undoes === true) return 'its parent';
  if (as === 'completed') return 'its last cell';
  return stateOf(call).owes === undefined ? 'onFailure' : 'as=failed';
};

const stoodAt = (cell: Cell | undefined, traces: Traces): EntryOf<'ending'>['stood'] => {
  const seq = cell === undefined ? null : (traces.get(cell.name)?.doneAt ?? null);
  return cell === undefined || seq === null ? null : { cell: cell.name, seq };
};

/** What takes an element back is stepped through where its run is: that says the entry which opened the section that does. */
const isSteppedIn = ({ started, family }: Call): boolean =>
  started.undoes === true && family?.household.opening.entry.state.ending?.manual === true;

/**
 * What is gone through at such an end, from the state at hand. Reads the journal where something is taken back.
 * @param said by a person who takes it back
 */
export const endingOf = async (
  call: Call,
  { as, undo }: { as: WayEnd; undo: boolean },
  said: { began?: EntryOf<'ending'>['began']; manual?: true } = {},
): Promise<Extract<EntryBody, { kind: 'ending' }>> => {
  const { runbook, chain, started } = call;
  const { cells } = runbook;
  const way = cells.slice(0, wayOf(cells));
  const { traces, failed, cancelled }: Told =
    as === 'completed' ? { traces: new Map(), failed: null, cancelled: null } : await readWay(call);
  const ground =
    cancelled === null
      ? { by: groundOf(as, call), reason: null }
      : { by: cancelled.by.actor, reason: cancelled.reason };
  const isUndone = (cell: Cell): boolean => {
    const { cleanup } = cell;
    if (!undo || cleanup === undefined || !('undo' in cleanup)) return false;
    const trace = traces.get(cleanup.undo);
    if (trace === undefined || isTried(traces, cell)) return false;
    // Of a section each element says for itself what of it is taken back; one that was never opened, whoever calls it done, has none.
    if (familyBody(cell) !== undefined) return trace.opening !== null;
    return trace.done || (trace.begun && cleanup.of === 'begun');
  };
  const undos = cells.filter(isUndone);
  // What takes an element back goes through nothing else: the element itself did at its end.
  const sections = started.undoes === true ? [] : cells.filter((cell) => isAtEnd(cell, as));
  const taken = new Set(
    undos.flatMap(({ cleanup }) => (cleanup !== undefined && 'undo' in cleanup ? cleanup.undo : [])),
  );
  const keys = [...taken].flatMap((cell) => {
    const key = traces.get(cell)?.key ?? null;
    return key === null ? [] : [[cell, key] as const];
  });
  const isLeft = (cell: string): boolean => {
    const { begun = false, openedIn = new Set(), visits = new Map() } = traces.get(cell) ?? {};
    return begun && (!taken.has(cell) || openedIn.size > 1 || visits.size > 1);
  };
  const isManual = said.manual === true || isSteppedIn(call);
  return {
    kind: 'ending',
    as,
    cells: [...undos, ...sections].map(({ index }) => index),
    undos: undos.length,
    keys: Object.fromEntries(keys),
    stays: way.filter((cell) => changesSomething(cell) && isLeft(cell.name)).map(({ name }) => name),
    failed: as === 'failed' ? failed : null,
    stood: stoodAt(way[chain.head.entry.state.next], traces),
    began: said.began ?? ground,
    ...(isManual ? { manual: true as const } : {}),
  };
};

/** What a first entry says of the cells of a runbook. */
export const cellsOf = ({ cells }: Runbook): Pick<EntryOf<'started'>, 'cells' | 'cleanup'> => {
  const cleanup = cleanupOf(cells);
  return { cells: wayOf(cells), ...(cleanup.length === 0 ? {} : { cleanup }) };
};

const undosIn = (state: State, cells: readonly Cell[]): string[] =>
  cells.flatMap(({ index, cleanup }) =>
    cleanup !== undefined && 'undo' in cleanup && isAtEndOf(state, index) ? [cleanup.undo] : [],
  );

/** Cells that were still to be taken back when that was stopped. */
export const leftToUndo = (state: State, { cells }: Pick<Runbook, 'cells'>): string[] =>
  undosIn(state, cells.slice(state.next));

/** Cells whose undo was gone through by then, whatever came of it. */
export const triedToUndo = (state: State, { cells }: Pick<Runbook, 'cells'>): string[] =>
  undosIn(state, cells.slice(0, state.next));

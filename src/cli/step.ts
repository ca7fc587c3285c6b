/**
 * The step an instance stands at, when it is under way, in doubt or halted: who holds it, how it was recorded, what it
 * left behind. Read from the journal and the notes beside it, and from nothing else.
 */
import {
  allCells,
  type By,
  type Cell,
  type Entry,
  type EntryOf,
  type Failure,
  type HolderState,
  isCalledOff,
  isClosingOf,
  isCommitted,
  levelOf,
  type Note,
  proposalsIn,
  type State,
  type Status,
  type UndecidedReport,
  undecidedIn,
  undecidedReport,
  type View,
} from '../engine/index.ts';
import { type ByItself, byItself, type Places } from './byItself.ts';
import type { HeadReport } from './client.ts';
import { wholeLogs } from './logText.ts';
import type { Session } from './session.ts';
import { waysOut } from './ways.ts';

export type Step = UndecidedReport & {
  instanceId: string;
  runbookId: string;
  version: number;
  status: 'running' | 'in_doubt' | 'halted';
  cell: string;
  kind: string;
  visit: number;
  attempt: number;
  /** `null` from here on where nothing was reserved: the cell has no effects, or could not begin. */
  key: string | null;
  /** By which the target's own records know it, where it was told one. */
  name: string | null;
  holder: By | null;
  reservedAtMs: number | null;
  ageMs: number | null;
  /** Of its newest renewal, where it is held by a lease. */
  deadlineAtMs: number | null;
  /** Held by a lease: until when it may be renewed. */
  untilAtMs: number | null;
  /**
   * What can be told, where the store is asked, of the process that holds it; `not here`: nothing. `null`: its reservation names
   * none, or it was not asked, since nobody waits for it any more.
   */
  holderProcess: HolderState | null;
  /** The outcome that closed it without settling it; `null` while it is open. */
  recorded: { seq: number; status: Status; atMs: number; durationMs: number; error: Failure | null } | null;
  /** The person who said that it failed. */
  declared: { actor: string; reason: string; evidence: string | null; atMs: number } | null;
  /** All that it does is committed with its outcome, and none stands: it has not happened, and cannot any more once its step is closed. */
  uncommitted: boolean;
  /** Two people decide about it while it is in doubt: what each of them has said so far. `null`: one person does. */
  proposed: { actor: string; verdict: string; freshKey: boolean; seq: number; reason: string }[] | null;
  /** What it has begun may still act: no verdict before this. `null`: it can be decided now, or needs no verdict. */
  decidableAtMs: number | null;
  /** It is gone through at the end of the run: seq of the newest entry, which stopping that names; else `null`. */
  atEndSeq: number | null;
  /** The instance is cancelled, or its end was stopped: however this step is decided, nothing of the way runs after it. */
  cancelled: boolean;
  /** The last lines of its log, of so many. */
  log: string[];
  logLines: number;
  /** Its other notes, oldest first. */
  notes: Note[];
  /** What may still happen without a person; `null` unless it is in doubt. */
  byItself: ByItself | null;
  /** Later cells that read its output. */
  readers: string[];
  /** Files that hold an outcome of it which the store did not take. */
  setAside: string[];
  /** What a person can do, by name. */
  commands: Record<string, string>;
};

const logLinesMax = 6;

/** Since an outcome may carry the next reservation, a step may have been opened by either. */
export const openedBy = (
  entry: Entry | undefined,
): EntryOf<'reserved'> | NonNullable<EntryOf<'outcome'>['reserve']> | null => {
  if (entry?.kind === 'reserved') return entry;
  return (entry?.kind === 'outcome' && entry.reserve) || null;
};

const linesOf = (notes: Note[]): string[] =>
  wholeLogs(notes)
    .map(({ text }) => text)
    .join('')
    .split('\n')
    .filter((line) => line.trim() !== '');

/** Of the cells at its own level, with those in the sections among them. */
export const readersOf = (cells: Cell[], { index, name }: Pick<Cell, 'index' | 'name'>): string[] =>
  allCells(cells.filter(({ index: at }) => at > index))
    .filter(({ reads }) => reads === 'all' || reads.includes(name))
    .map((cell) => cell.name);

/** A person says that a step failed by its outcome while it is open, and by a `resolved` entry afterwards. */
const declaredBy = (since: Entry[], seq: number): Step['declared'] => {
  const closing = since.findLast((entry) => entry.kind === 'outcome' || entry.kind === 'resolved');
  if (closing === undefined || closing.closedBy !== 'person') return null;
  const { evidence, atMs } = closing;
  const { actor } = closing.by;
  if (closing.kind === 'resolved' && closing.about === seq && closing.verdict === 'failed')
    return { actor, reason: closing.reason, evidence, atMs };
  if (closing.kind === 'outcome' && closing.closes === seq && closing.status === 'failed')
    return { actor, reason: closing.note ?? '', evidence, atMs };
  return null;
};

/** Of a visit under way it is where it began, as its reservation says where that is not where the run was started. */
const placesOf = async ({ client }: Session, instanceId: string, state: State): Promise<Places> => {
  const { startedAt, here } = await client.places(instanceId);
  return { place: state.place ?? startedAt, here };
};

/** The words that stand: of each person the newest. */
const proposedIn = (state: State, since: Entry[], about: number): Step['proposed'] => {
  const standing = proposalsIn(state, about);
  if (state.people === undefined && standing.length === 0) return null;
  return standing.map(({ actor, verdict, freshKey, seq }) => {
    const entry = since.find((one) => one.seq === seq);
    return { actor, verdict, freshKey, seq, reason: entry?.kind === 'proposed' ? entry.reason : '' };
  });
};

/** Whether an instance stands at a step that is under way, in doubt or halted, before anything more is read. */
export const standsAtStep = ({ head, status }: HeadReport): boolean => undecidedIn(head.state, status) !== undefined;

/** The step that `standing` is about; `undefined` when the instance waits, is ready or has ended. */
export const readStep = async (
  session: Session,
  { instanceId, runbookId, version }: Pick<View, 'instanceId' | 'runbookId' | 'version'>,
  standing: HeadReport,
): Promise<Step | undefined> => {
  const { head, nowMs, decidableAtMs } = standing;
  const { state } = head;
  const { client } = session;
  const { runbook: whole } = await client.runbook(runbookId, version);
  const runbook = levelOf(whole, state.open?.cell ?? state.halted?.cell ?? '');
  const cell = runbook.cells[state.next];
  const at = undecidedIn(state, standing.status);
  if (at === undefined || cell === undefined) return undefined;
  const { status, seq } = at;
  const [since, notes, setAside] = await Promise.all([
    client.entriesAfter(instanceId, seq - 1),
    client.notes(instanceId, seq),
    session.setAside.of(instanceId, seq),
  ]);
  const first = since[0];
  const reserved = openedBy(first);
  const closing = since.findLast(
    (entry): entry is EntryOf<'outcome'> =>
      entry.kind === 'outcome' && entry.seq <= head.seq && isClosingOf(entry, seq),
  );
  const decision = undecidedReport(runbook, state, status, closing, nowMs);
  if (decision === null) return undefined;
  const renewed = since.findLast(
    (entry): entry is EntryOf<'renewed'> => entry.kind === 'renewed' && entry.about === seq && entry.seq <= head.seq,
  );
  const waitedFor = status === 'running' || decidableAtMs > nowMs;
  const isNamed = reserved?.process !== undefined && waitedFor;
  const { holderProcess = isNamed ? (await client.glance(instanceId)).holderProcess : null } = standing;
  const lines = linesOf(notes);
  const cancelled = isCalledOff(state);
  const step = {
    instanceId,
    runbookId,
    version,
    status,
    cell: cell.name,
    kind: cell.body.kind,
    ...decision,
    visit: state.visit,
    attempt: state.attempt,
    key: reserved?.key ?? null,
    name: reserved?.name ?? null,
    holder: (reserved && first?.by) ?? null,
    reservedAtMs: (reserved && first?.atMs) ?? null,
    ageMs: reserved && first ? Math.max(0, nowMs - first.atMs) : null,
    deadlineAtMs: renewed?.deadlineAtMs ?? reserved?.deadlineAtMs ?? null,
    untilAtMs: reserved?.untilAtMs ?? null,
    holderProcess,
    recorded: closing
      ? {
          seq: closing.seq,
          status: closing.status,
          atMs: closing.atMs,
          durationMs: closing.durationMs,
          error: closing.error,
        }
      : null,
    uncommitted: isCommitted(cell) && state.open !== null,
    declared: status === 'halted' ? declaredBy(since, seq) : null,
    proposed: status === 'halted' ? null : proposedIn(state, since, seq),
    cancelled,
    atEndSeq: state.ending === undefined ? null : head.seq,
    decidableAtMs: status !== 'running' && decidableAtMs > nowMs ? decidableAtMs : null,
    log: lines.slice(-logLinesMax),
    logLines: lines.length,
    notes: notes.filter(({ kind }) => kind !== 'log'),
    byItself:
      status === 'in_doubt' ? byItself(runbook, state, notes, nowMs, await placesOf(session, instanceId, state)) : null,
    readers: readersOf(runbook.cells, cell),
    setAside,
  };
  return { ...step, commands: Object.fromEntries(waysOut(step).map(({ name, command }) => [name, command])) };
};

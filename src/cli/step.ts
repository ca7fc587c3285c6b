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
  failedLeadsTo,
  type HolderState,
  isCalledOff,
  levelOf,
  type Note,
  type State,
  type Status,
  type Then,
  type View,
  wayOf,
} from '../engine/index.ts';
import { type ByItself, byItself, type Places } from './byItself.ts';
import type { HeadReport } from './client.ts';
import { wholeLogs } from './logText.ts';
import type { Session } from './session.ts';
import { waysOut } from './ways.ts';

export type Step = {
  instanceId: string;
  runbookId: string;
  version: number;
  status: 'running' | 'in_doubt' | 'halted';
  cell: string;
  kind: string;
  /** What a verdict names: seq of the reservation, or of the outcome where there was none. */
  seq: number;
  visit: number;
  attempt: number;
  /** `null` from here on where nothing was reserved: the cell has no effects, or could not begin. */
  key: string | null;
  /** By which the target's own records know it, where it was told one. */
  name: string | null;
  holder: By | null;
  reservedAtMs: number | null;
  ageMs: number | null;
  deadlineAtMs: number | null;
  /**
   * What can be told, where the store is asked, of the process that holds it; `not here`: nothing. `null`: its reservation names
   * none, or it was not asked, since nobody waits for it any more.
   */
  holderProcess: HolderState | null;
  /** The outcome that closed it without settling it; `null` while it is open. */
  recorded: { seq: number; status: Status; atMs: number; durationMs: number; error: Failure | null } | null;
  /** The person who said that it failed. */
  declared: { actor: string; reason: string; evidence: string | null; atMs: number } | null;
  /** What it has begun may still act: no verdict before this. `null`: it can be decided now, or needs no verdict. */
  decidableAtMs: number | null;
  /** Whether a further attempt could come out otherwise: `freshKey`, only as a new visit. */
  repeatable: 'yes' | 'freshKey' | 'elements' | 'no';
  /** What the verdict `failed` would lead to: `retry` is the cell's own. */
  ifFailed: Then;
  /** What a known failure leads to by itself; `null`: it halts, and a person is asked. */
  onFailure: 'undo' | 'end' | null;
  /** A person can give the run up for it, and its runbook has something for that end. */
  undoable: boolean;
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
const readersOf = (cells: Cell[], { index, name }: Cell): string[] =>
  allCells(cells.filter(({ index: at }) => at > index))
    .filter(({ reads }) => reads === 'all' || reads.includes(name))
    .map((cell) => cell.name);

const undecided = ({ head, status }: HeadReport): { status: Step['status']; seq: number } | undefined => {
  const { open, halted } = head.state;
  const seq = open?.kind === 'reserved' ? open.seq : halted?.seq;
  if (seq === undefined || (status !== 'running' && status !== 'in_doubt' && status !== 'halted')) return undefined;
  return { status, seq };
};

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

/**
 * What could not begin is looked at with the same inputs every time: tried again, it halts again. Only a permission that
 * lapsed, and an expression that an overloaded machine gave up, are no matter of what it reads.
 */
const repeatableOf = (closing: EntryOf<'outcome'> | undefined): Step['repeatable'] => {
  if (closing === undefined || closing.closes !== null) return 'yes';
  const { code = '', message = '' } = closing.error ?? {};
  if (code === 'key.lapsed' || message.includes('expressionTimeMsMax')) return 'yes';
  return code === 'inputs.changed' ? 'freshKey' : 'no';
};

/** Elements that completed are not gone through again, also where what is expected of all of them does not hold. */
const ofSection = (closing: EntryOf<'outcome'> | undefined): Step['repeatable'] => {
  if (closing?.closes == null) return repeatableOf(closing);
  return closing.status === 'failed' ? 'elements' : 'no';
};

/** Of a visit under way it is where it began, as its reservation says where that is not where the run was started. */
const placesOf = async ({ client }: Session, instanceId: string, state: State): Promise<Places> => {
  const { startedAt, here } = await client.places(instanceId);
  return { place: state.place ?? startedAt, here };
};

/** Whether an instance stands at a step that is under way, in doubt or halted, before anything more is read. */
export const standsAtStep = (standing: HeadReport): boolean => undecided(standing) !== undefined;

/** The step that `standing` is about; `undefined` when the instance waits, is ready or has ended. */
export const readStep = async (
  session: Session,
  { instanceId, runbookId, version }: Pick<View, 'instanceId' | 'runbookId' | 'version'>,
  standing: HeadReport,
): Promise<Step | undefined> => {
  const at = undecided(standing);
  const { head, nowMs, decidableAtMs } = standing;
  const { state } = head;
  const { client } = session;
  const { runbook: whole } = await client.runbook(runbookId, version);
  const runbook = levelOf(whole, state.open?.cell ?? state.halted?.cell ?? '');
  const cell = runbook.cells[state.next];
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
      entry.kind === 'outcome' && entry.seq <= head.seq && (entry.closes === seq || (entry.seq === seq && !reserved)),
  );
  const waitedFor = status === 'running' || decidableAtMs > nowMs;
  const isNamed = reserved?.process !== undefined && waitedFor;
  const { holderProcess = isNamed ? (await client.glance(instanceId)).holderProcess : null } = standing;
  const lines = linesOf(notes);
  const cancelled = isCalledOff(state);
  const isOnWay = state.ending === undefined && state.cancelled === null;
  const isEarly = state.halted?.early === true && (state.halted.deadlineAtMs ?? 0) > nowMs;
  const isGivenUp = status === 'halted' && isOnWay && !isEarly;
  const step = {
    instanceId,
    runbookId,
    version,
    status,
    cell: cell.name,
    kind: cell.body.kind,
    seq,
    visit: state.visit,
    attempt: state.attempt,
    key: reserved?.key ?? null,
    name: reserved?.name ?? null,
    holder: (reserved && first?.by) ?? null,
    reservedAtMs: (reserved && first?.atMs) ?? null,
    ageMs: reserved && first ? Math.max(0, nowMs - first.atMs) : null,
    deadlineAtMs: reserved?.deadlineAtMs ?? null,
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
    declared: status === 'halted' ? declaredBy(since, seq) : null,
    cancelled,
    onFailure: (isOnWay && runbook.onFailure) || null,
    undoable: isGivenUp && wayOf(runbook.cells) < runbook.cells.length,
    atEndSeq: state.ending === undefined ? null : head.seq,
    decidableAtMs: status !== 'running' && decidableAtMs > nowMs ? decidableAtMs : null,
    repeatable: cell.body.kind === 'each' ? ofSection(closing) : repeatableOf(closing),
    ifFailed: failedLeadsTo(state, cell, nowMs),
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

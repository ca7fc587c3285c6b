/** What a run left: its journals held against the witness, against what callers were told, and against what struck whom. */
import type { Entry } from '../../src/engine/index.ts';
import type { Store } from '../../src/store/index.ts';
import { type Attempt, type Judged, judge, type Rules } from './judge.ts';
import type { Saw } from './processes.ts';
import { stepOf } from './steps.ts';

export const readJournals = async (store: Store, ids: readonly string[]): Promise<Map<string, Entry[]>> => {
  const journals = new Map<string, Entry[]>();
  for (const id of ids) {
    const items = await store.journal.page(id, -1, 10_000);
    journals.set(
      id,
      items.map(({ entry }) => entry),
    );
  }
  return journals;
};

/** Steps that were closed while their holder, kept waiting by the store, had not begun: it left a note that it never did. */
export const readNeverBegun = async (store: Store, ids: readonly string[]): Promise<Set<string>> => {
  const steps = new Set<string>();
  for (const id of ids)
    for (const { kind, about, text } of await store.journal.notes(id))
      if (kind === 'fenced' && text.includes('"status":"never"')) steps.add(stepOf(id, about));
  return steps;
};

/** A process that was killed (`untilMs` is infinite), or stood still. By the clock of this machine, as all else here. */
export type Strike = { pid: number; fromMs: number; untilMs: number };
/** What a caller was told of a step: it has to stand. */
export type Told = { id: string; seq: number; status: string };
export type Happened = Pick<Rules, 'permits' | 'cells'> & {
  journals: Map<string, Entry[]>;
  seen: Saw[];
  strikes: Strike[];
  told: Told[];
  /** Steps, by `stepOf`: of which a note says that they never began, and which a worker was about to begin. */
  neverBegun: Set<string>;
  begun: Set<string>;
};
export type Aftermath = Judged & {
  begins: number;
  /** Of them, those of commands. */
  beginsOfCommands: number;
  /** Stops during which somebody else closed the step of the one who stood still. */
  stopsOvertaken: number;
};

/** So long a client waits at most for the answer to a put: three times three seconds, and pauses. */
const answeredWithinMs = 10_000;
/** The clock of an entry is estimated from whole seconds. */
const clockOffMs = 1_500;

/** Of the process that made an entry: a request has one and a number, a command a host before it. */
export const pidOf = ({ by }: Pick<Attempt, 'by'>): number => Number(/(\d+)(?:-\d+)?$/.exec(by.where)?.[1] ?? -1);

type Closing = Extract<Entry, { kind: 'outcome' | 'resolved' }>;
/** How a step first ended: by its holder, or taken from it. */
const closingOf = (entries: Entry[], seq: number): Closing | undefined =>
  entries.find(
    (entry): entry is Closing =>
      (entry.kind === 'outcome' && entry.closes === seq) || (entry.kind === 'resolved' && entry.about === seq),
  );

/** What callers were told and no entry says. */
export const untrueOf = (told: Told[], journals: Map<string, Entry[]>): string[] =>
  told.flatMap(({ id, seq, status }) => {
    const stands = journals.get(id)?.some((e) => e.kind === 'outcome' && e.closes === seq && e.status === status);
    return stands === true ? [] : [`${id}: a caller was told that seq ${seq} ${status}, and no entry says so`];
  });

export const aftermath = ({ journals, seen, strikes, told, neverBegun, begun, ...rules }: Happened): Aftermath => {
  const entriesOf = (id: string): Entry[] => journals.get(id) ?? [];
  /**
   * Its holder was killed, or stood still, between the reservation and its end; or says itself that its request was cut; or the
   * store's answer came too late to begin, and the holder left a note of that, or was killed before it could.
   */
  const mayBeUnseen: Rules['mayBeUnseen'] = (id, attempt) => {
    const step = stepOf(id, attempt.seq);
    if (neverBegun.has(step)) return true;
    const fromMs = entriesOf(id)[attempt.seq]?.atMs ?? 0;
    const closing = closingOf(entriesOf(id), attempt.seq);
    if (closing?.kind === 'outcome' && closing.closedBy === 'holder' && closing.status === 'unknown') return true;
    const untilMs = closing?.atMs ?? 0;
    return strikes.some((strike) => {
      if (strike.pid !== pidOf(attempt) || strike.untilMs + clockOffMs < fromMs) return false;
      const mute = strike.untilMs === Number.POSITIVE_INFINITY && !begun.has(step);
      return strike.fromMs - clockOffMs <= untilMs + (mute ? answeredWithinMs : 0);
    });
  };
  const judged = judge(journals, seen, { ...rules, mayBeUnseen });
  judged.wrong.push(...untrueOf(told, journals));

  const taken = [...journals.values()].flatMap((entries) =>
    entries.flatMap((entry) => {
      const closing = closingOf(entries, entry.seq);
      const taken = closing !== undefined && closing.closedBy !== 'holder';
      return taken ? [{ pid: pidOf(entry), atMs: closing.atMs }] : [];
    }),
  );
  const overtook = ({ pid, fromMs, untilMs }: Strike): boolean =>
    untilMs !== Number.POSITIVE_INFINITY &&
    taken.some((one) => one.pid === pid && one.atMs > fromMs && one.atMs < untilMs);
  const begins = seen.filter(({ what }) => what === 'begin');
  return {
    ...judged,
    begins: begins.length,
    beginsOfCommands: begins.filter(({ seq }) => seq === null).length,
    stopsOvertaken: strikes.filter(overtook).length,
  };
};

/**
 * Logs that an approval shows (`shows=cell.log`). A log stands in notes, which decide nothing. So the outcome of a cell whose log is
 * shown has the hash of the whole log, as its holder told it, and only what fits that hash is shown as its log.
 */
import type { EntryOf } from '../model/entries.ts';
import { limits } from '../model/limits.ts';
import type { Cell } from '../model/runbook.ts';
import { settleAll } from '../model/settleAll.ts';
import { bytesOf, createEnds } from '../model/text.ts';
import type { Ports } from '../ports.ts';
import { entryThatSays, type Reader, sourcesOf } from './inputs.ts';

export type ShownLog = {
  /** `ends`: too long to be shown whole. The hash of the whole stands beside it. */
  covers: 'whole' | 'ends' | 'nothing';
  text: string;
  bytes: number;
  /** Of the whole log. */
  sha256: string | null;
  /** Why there is nothing. */
  why: string | null;
};

/** Which logs were found whole when an approval began to ask: the step of each, and its hash. */
export type FixedLogs = NonNullable<EntryOf<'waiting'>['logs']>;

/** The log of a step, as far as it was written down. */
export const logTextOf = async (
  { journal }: Pick<Ports, 'journal'>,
  instanceId: string,
  seq: number,
): Promise<string> =>
  (await journal.notes(instanceId, seq))
    .filter(({ kind, glimpse }) => kind === 'log' && glimpse !== true)
    .map(({ text }) => text)
    .join('');

const nothing = (why: string, of: { bytes: number; sha256: string | null } = { bytes: 0, sha256: null }) => ({
  shown: { covers: 'nothing', text: '', ...of, why } satisfies ShownLog,
});

type Found = { shown: ShownLog; fixed?: FixedLogs[string] };

const closers = { policy: 'its policy', probe: 'its probe', person: 'a person', holder: 'an older Pawl' } as const;

/**
 * @param fixed what the approval found when it began to ask; absent: it begins now
 * @returns `undefined`: it was whole then, and is not any more
 */
const findOne = async (reader: Reader, cell: Cell, fixed: FixedLogs | undefined): Promise<Found | undefined> => {
  const { engine } = reader;
  const entry = await entryThatSays(reader, cell);
  if (entry === undefined) return nothing('It was gone through in an earlier run, which this one goes on from.');
  if (!('cell' in entry) || entry.cell !== cell.name) return nothing('It was not gone through.');
  if (entry.kind !== 'outcome')
    return nothing('A person or its policy said how it ended, so nothing says what its log was.');
  const { instanceId, closes, logHash, logBytes: bytes, status, closedBy } = entry;
  if (status === 'skipped') return nothing('It was skipped.');
  if (closes === null) return nothing('It did not begin.');
  if (logHash === undefined)
    return nothing(`How it ended was recorded by ${closers[closedBy]}, so nothing says what its log was.`);
  const isFixed = fixed !== undefined && Object.hasOwn(fixed, cell.name);
  const text = fixed === undefined || isFixed ? await logTextOf(engine, instanceId, closes) : null;
  if (text === null || engine.sha256(text) !== logHash) {
    if (isFixed) return undefined;
    return nothing('Not all of it was written down when this was asked.', { bytes, sha256: logHash });
  }
  const ends = createEnds(limits.shownLogCharsMax, 'shownLogCharsMax');
  ends.add(text);
  const covers = text.length > limits.shownLogCharsMax ? 'ends' : 'whole';
  const shown: ShownLog = { covers, text: ends.text(), bytes: bytesOf(text), sha256: logHash, why: null };
  return { shown, fixed: { instanceId, seq: closes, sha256: logHash } };
};

export type ShownLogs = { logs: Record<string, ShownLog>; fixed: FixedLogs };

/** The logs that an approval shows, by cell. @returns `undefined`: one of them was whole when it began to ask, and is not any more */
export const shownLogsOf = async (
  reader: Reader,
  { index }: Pick<Cell, 'index'>,
  names: readonly string[],
  fixed?: FixedLogs,
): Promise<ShownLogs | undefined> => {
  const sources = sourcesOf(reader, index).filter(({ cell }) => names.includes(cell.name));
  const found = await settleAll(
    sources.map(async ({ from, cell }) => [cell.name, await findOne(from, cell, fixed)] as const),
  );
  const all: ShownLogs = { logs: {}, fixed: {} };
  for (const [name, one] of found) {
    if (one === undefined) return undefined;
    all.logs[name] = one.shown;
    if (one.fixed !== undefined) all.fixed[name] = one.fixed;
  }
  return all;
};

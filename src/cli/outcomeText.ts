/** What an outcome says, and what settled a step: its holder, a person, its policy, its probe. */
import type { Checked, EntryOf } from '../engine/index.ts';
import { askedFor } from './asked.ts';
import { fileTold, unkeptTold } from './files.ts';
import { clock, duration, plural } from './format.ts';

type Reserved = Pick<EntryOf<'reserved'>, 'cell' | 'attempt' | 'visit' | 'deadlineAtMs' | 'untilAtMs'>;
export const reserving = ({ cell, attempt, visit, deadlineAtMs, untilAtMs }: Reserved): string => {
  const renewable = untilAtMs === undefined ? '' : `, renewed up to ${clock(untilAtMs)} at most`;
  return `${cell}, attempt ${attempt}${visit > 1 ? ` of visit ${visit}` : ''}, until ${clock(deadlineAtMs)}${renewable}`;
};

const dueOf = ({ dueAtMs, atMs }: EntryOf<'outcome' | 'resolved'>): string =>
  dueAtMs !== null && dueAtMs - atMs >= 1_000 ? ` from ${clock(dueAtMs)} on` : '';

/** Where an attempt leads that its holder closed, or a person, and by what permission of the cell's own. */
const leading = (entry: EntryOf<'outcome' | 'resolved'>): string => {
  const asked = entry.kind === 'outcome' ? askedFor(entry.askedMs) : '';
  if (entry.then === 'halt')
    return entry.kind === 'outcome' && entry.status === 'unknown' ? `; in doubt${asked}` : '; halts';
  if (entry.then === 'end') return '; ends the run';
  if (entry.then === 'next') return '';
  return `; again${dueOf(entry)}${asked}${entry.permission === null ? '' : ` (${entry.permission.detail})`}`;
};

export const checks = (expectations: Checked[]): string[] =>
  expectations
    .filter(({ result }) => result !== 'pass')
    .map(({ source, result, overridden }) => `${overridden ? 'overridden' : result}: ${source}`);

/** How many cells a branch that is passed over takes along. */
const sectionOf = ({ passes }: { passes?: number | undefined }): string =>
  passes === undefined ? '' : `, with ${plural(passes, 'cell')}`;

/** Who or what settled a step that its holder did not: a person with a reason, the policy, the probe. */
export const settledBy = (
  entry: EntryOf<'outcome' | 'resolved'>,
  verdict: string,
  freshKey: boolean,
  reason: string,
): string => {
  const { cell, closedBy, by } = entry;
  if (closedBy === 'person') {
    const key = freshKey ? ' with a fresh key' : '';
    const early = entry.holderGone ? `, its holder gone${entry.overlapOk ? ', may overlap' : ''}` : '';
    const leads = verdict === 'retry' ? dueOf(entry) : leading(entry);
    return `${cell}: verdict by ${by.actor}: ${verdict}${sectionOf(entry)}${key}${early}${leads} — ${reason}`;
  }
  const who = `its ${closedBy}`;
  // Where the permission is all that it has to say, it is said already.
  const why = reason === entry.permission?.detail ? '' : `: ${reason}`;
  if (verdict !== 'retry') return `${cell}: ${verdict} by ${who}${leading(entry)}${why}`;
  return `${cell}: retry, permitted by ${who}${dueOf(entry)}: ${reason}`;
};

const verdicts = {
  completed: 'succeeded',
  failed: 'failed',
  skipped: 'skip',
  abandoned: 'retry',
  unknown: 'unknown',
  never: 'never',
} as const;

/** What its holder recorded, with what it did not know. */
const holderTold = (entry: EntryOf<'outcome'>): string => {
  const { cell, status, then, closes, durationMs, expectations, error } = entry;
  if (error?.code === 'key.lapsed') return `${cell}: its permission lapsed${leading(entry)}`;
  const time = closes === null ? '' : `, ${duration(durationMs)}`;
  if (then !== 'next' || status === 'skipped') return `${cell} ${status}${time}${sectionOf(entry)}${leading(entry)}`;
  const held = expectations.every(({ result }) => result === 'pass');
  const expected = held && expectations.length > 0;
  if (expected && (status === 'failed' || status === 'unknown'))
    return `${cell} ${status === 'failed' ? 'failed' : 'was answered'} as expected${time}`;
  return status === 'completed' && held ? `${cell} completed${time}` : `${cell} ${status}${time}; forgiven, goes on`;
};

export const outcomeTold = (entry: EntryOf<'outcome'>): string => {
  const { cell, status, closedBy, attempt, note, error, freshKey } = entry;
  const also = entry.reserve === undefined ? '' : `; reserved ${reserving(entry.reserve)}`;
  const unknown = status === 'unknown';
  // Where no answer came, nothing was looked at.
  const missed = checks(entry.expectations.filter(({ result }) => !unknown || result !== 'skipped'));
  // Best effort: by the caller that found it in doubt, or by the holder itself, which saw that it was cut off.
  const goesOn = unknown && closedBy === 'policy';
  const files = [
    ...(entry.attached ?? []).map((file) => `attached ${fileTold(file)}`),
    ...(entry.unkept === undefined ? [] : unkeptTold(entry.unkept)),
  ];
  // A manual cell is done by a person in the ordinary way: no verdict.
  if (closedBy !== 'holder' && attempt > 0 && !goesOn) {
    const settled = settledBy(entry, verdicts[status], freshKey === true, note ?? 'no reason given');
    return [settled, ...missed, ...files].join('; ') + also;
  }
  const ending = goesOn ? `${cell} unknown; goes on by its policy` : holderTold(entry);
  const because = [
    error?.message ?? '',
    ...missed,
    // What ends a wait says in its error what its note says.
    note === null || error?.message.includes(note) === true ? '' : closedBy === 'policy' ? note : `"${note}"`,
    ...files,
  ].filter((text) => text !== '');
  return `${ending}${also}${because.length === 0 ? '' : ` — ${because.join('; ')}`}`;
};

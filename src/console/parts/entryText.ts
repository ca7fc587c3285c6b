/** An entry of the journal as a sentence. The JSON beside it says the rest. */
import type { Entry } from '../api.ts';
import { clock, duration, harmless, statusText } from '../text.ts';

type Of<K extends Entry['kind']> = Extract<Entry, { kind: K }>;

export const verdictWords = {
  succeeded: 'it happened',
  failed: 'it did not happen',
  retry: 'once more',
  skip: 'go on without it',
} as const;
const wordsOf = { completed: 'succeeded', failed: 'failed', abandoned: 'retry', skipped: 'skip' } as const;

const leading = ({ then }: { then: string }): string =>
  ({ halt: '; it halts', retry: '; tried again', end: '; ends the run' })[then] ?? '';

const quoted = (text: string | null): string => (text === null || text === '' ? '' : `: “${text}”`);

const outcomeText = (entry: Of<'outcome'>): string => {
  const { cell, status, closedBy, by, note, error, attempt, durationMs, closes, verdict, reserve } = entry;
  const also = reserve === undefined ? '' : `; ${reserve.cell} began`;
  const said = verdict ?? wordsOf[status as keyof typeof wordsOf];
  if (closedBy === 'person' && verdict !== undefined && said !== undefined)
    return `${by.actor} decided about ${cell}: ${verdictWords[said]}${leading(entry)}${quoted(note)}${also}`;
  if (closedBy === 'person')
    return `${by.actor} said ${cell} is ${status === 'completed' ? 'done' : status}${quoted(note)}${also}`;
  const took = closes === null || attempt === 0 ? '' : ` in ${duration(durationMs)}`;
  const settled = closedBy === 'holder' ? '' : `, says its ${closedBy}`;
  const unmet = entry.expectations.filter(
    ({ result, overridden }) => result !== 'pass' && result !== 'skipped' && !overridden,
  );
  const missed = unmet.length === 0 ? '' : `, not as expected: ${unmet.map(({ source }) => source).join('; ')}`;
  // What nobody knows of did not fail: it stays in doubt, whatever its run does meanwhile.
  const next = status === 'unknown' && entry.then === 'halt' ? '; it is in doubt' : leading(entry);
  const why = error === null ? '' : ` (${error.code}: ${error.message})`;
  return `${cell} ${statusText(status)}${took}${settled}${missed}${next}${why}${quoted(note)}${also}`;
};

const textOf = (entry: Entry): string => {
  switch (entry.kind) {
    case 'started': {
      const { runbookId, version, continues, by } = entry;
      const on = continues === null ? '' : `, going on from ${continues.instanceId} at ${continues.at}`;
      return `${by.actor} started ${runbookId} v${version}${on}`;
    }
    case 'reserved':
      return `${entry.cell} began, attempt ${entry.attempt}, until ${clock(entry.deadlineAtMs)} at most`;
    case 'renewed':
      return `${entry.cell} goes on, until ${clock(entry.deadlineAtMs)}`;
    case 'outcome':
      return outcomeText(entry);
    case 'waiting':
      return `${entry.cell} waits${entry.dueAtMs === null ? '' : ` until ${clock(entry.dueAtMs)}`}`;
    case 'progress':
      return `${entry.cell}: ${entry.ended.length} elements ended${entry.stuck.length === 0 ? '' : `, ${entry.stuck.length} stuck`}`;
    case 'holding':
      return `${entry.cell} ${entry.looks === 0 ? 'does not hold any more' : 'holds'}${quoted(entry.anew)}`;
    case 'vote':
      return `${entry.by.actor} ${{ approve: 'approved', reject: 'rejected', withdraw: 'withdrew an approval of' }[entry.decision]} ${entry.cell}${quoted(entry.comment)}`;
    case 'resolved': {
      const who = entry.closedBy === 'person' ? entry.by.actor : `Its ${entry.closedBy}`;
      const key = entry.freshKey ? ' with a fresh key' : '';
      return `${who} decided about ${entry.cell}: ${verdictWords[entry.verdict]}${key}${leading(entry)}${quoted(entry.reason)}`;
    }
    case 'proposed':
      return `${entry.by.actor} proposes about ${entry.cell}: ${verdictWords[entry.verdict]}${entry.freshKey ? ' with a fresh key' : ''}${quoted(entry.reason)}`;
    case 'control': {
      const drive = entry.drive === 'auto' ? 'let it go on by itself' : 'changed how it goes on';
      return `${entry.by.actor} ${entry.drive === undefined ? 'released it' : drive}${quoted(entry.reason)}`;
    }
    case 'ending':
      return `The way is over: ${statusText(entry.as)}, by ${entry.began.by}${quoted(entry.began.reason)}`;
    case 'cancelled':
      return `${entry.by.actor} ${entry.stopsCleanup ? 'stopped its end' : 'cancelled it'}${quoted(entry.reason)}`;
  }
};

export const entryText = (entry: Entry): string => harmless(textOf(entry));

/** How it is coloured in the line of time. */
export const entryTone = (entry: Entry): string => {
  if (entry.kind === 'outcome') {
    if (entry.status === 'unknown') return 'bad';
    return entry.then === 'halt' || entry.status === 'failed' ? 'warn' : 'good';
  }
  if (entry.kind === 'resolved' || entry.kind === 'vote') return 'live';
  return entry.kind === 'cancelled' ? 'warn' : 'quiet';
};

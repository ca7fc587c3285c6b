/** The journal of an instance and its notes, as tables. */
import type { Checked, Entry, EntryOf, Note, RunEnd } from '../engine/index.ts';
import { askedFor } from './asked.ts';
import { fileTold, unkeptTold } from './files.ts';
import { clock, day, duration, holdsText, plural, stamp, unbroken, zone } from './format.ts';
import { noteLines } from './notes.ts';
import { harmless, type Screen } from './screen.ts';

type Reserved = Pick<EntryOf<'reserved'>, 'cell' | 'attempt' | 'visit' | 'deadlineAtMs' | 'untilAtMs'>;
const reserving = ({ cell, attempt, visit, deadlineAtMs, untilAtMs }: Reserved): string => {
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

const checks = (expectations: Checked[]): string[] =>
  expectations
    .filter(({ result }) => result !== 'pass')
    .map(({ source, result, overridden }) => `${overridden ? 'overridden' : result}: ${source}`);

/** How many cells a branch that is passed over takes along. */
const sectionOf = ({ passes }: { passes?: number | undefined }): string =>
  passes === undefined ? '' : `, with ${plural(passes, 'cell')}`;

/** Who or what settled a step that its holder did not: a person with a reason, the policy, the probe. */
const settledBy = (
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
  if (verdict !== 'retry') return `${cell}: ${verdict} by ${who}${leading(entry)}: ${reason}`;
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

const outcomeTold = (entry: EntryOf<'outcome'>): string => {
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

/** What a wait waits for, as far as its entry says: the moment, the names and the terms are fixed there. */
const waitingTold = ({
  cell,
  dueAtMs,
  pollMs,
  holds,
  claims,
  asked,
  shownHash,
  logs = {},
  each,
}: EntryOf<'waiting'>): string => {
  const until = dueAtMs === null ? '' : ` until ${stamp(dueAtMs)}`;
  if (each !== undefined) return `${cell} goes over ${plural(each.count, 'element')}, ${each.max} at a time`;
  if (pollMs !== undefined)
    return `${cell} is repeated every ${duration(pollMs)}${until}${holds === undefined ? '' : `; has to hold ${holdsText(holds)}`}`;
  if (claims !== undefined) return `${cell} waits for ${claims.join(', ')}${until}`;
  if (asked !== undefined) {
    const whom = [...asked.approvers, ...asked.groups.map((group) => `members of ${group}`)].join(', ');
    const whose = Object.keys(logs);
    const logged = whose.length === 0 ? '' : `, with the log of ${whose.join(', ')}`;
    return `${cell} asks ${whom}; ${plural(asked.quorum, 'approval')} needed${until}; shown ${shownHash?.slice(0, 12)}${logged}`;
  }
  return dueAtMs === null ? `${cell} waits for a person` : `${cell} waits${until}`;
};

const endWords: readonly [RunEnd, string][] = [
  ['completed', 'completed'],
  ['failed', 'failed'],
  ['rolled_back', 'rolled back'],
  ['cancelled', 'given up'],
];

const progressTold = ({ cell, ended, stuck, locked = [], spawned }: EntryOf<'progress'>): string => {
  const list = (indexes: number[]): string =>
    `element${indexes.length === 1 ? '' : 's'} ${indexes.map((index) => index + 1).join(', ')}`;
  const of = (as: RunEnd): number[] => ended.filter((one) => one.as === as).map(({ index }) => index);
  return [
    `${cell}: elements up to ${spawned} may begin`,
    ...endWords.flatMap(([as, word]) => (of(as).length === 0 ? [] : [`${list(of(as))} ${word}`])),
    ...(stuck.length === 0 ? [] : [`${list(stuck.map(({ index }) => index))} halted or in doubt`]),
    ...locked.map(({ index, holder }) => `${list([index])} waits for the lock of ${holder}`),
  ].join('; ');
};

const holdingTold = ({ cell, looks, anew, dueAtMs }: EntryOf<'holding'>): string => {
  const until = dueAtMs === null ? '' : ` until ${stamp(dueAtMs)}`;
  const so =
    looks === 0 ? `${cell} begins anew${until}` : `${cell} holds${looks === 1 ? '' : `, ${looks} times in a row`}`;
  return anew === null ? so : `${so} — ${anew}`;
};

const voteTold = ({ cell, decision, comment, approvals, link }: EntryOf<'vote'>): string => {
  const voted = { approve: 'approves', reject: 'rejects', withdraw: 'withdraws the approval of' }[decision];
  const by = link === null ? '' : `, by a link that ${link.madeBy} made`;
  const commented = comment === null ? '' : ` — "${comment}"`;
  const so = decision === 'reject' ? '' : `; ${plural(approvals.length, 'approval')} so far`;
  return `${voted} ${cell}${so}${by}${commented}`;
};

/** The way is over: what is gone through before the run has ended, and what stays as it is. */
const endingTold = ({ as, cells, undos, stays, failed, began }: EntryOf<'ending'>): string => {
  const others = cells.length - undos;
  return [
    failed === null ? `the way is over: ${as}` : `the way is over: ${failed.cell}, seq ${failed.seq}, failed`,
    `by ${began.by}${began.reason === null ? '' : `: ${began.reason}`}`,
    ...(undos === 0 ? [] : [`${plural(undos, 'cell')} to take back`]),
    ...(others === 0 ? [] : [`${plural(others, 'cell')} more at the end`]),
    ...(stays.length === 0 ? [] : [`stays as it is: ${stays.join(', ')}`]),
  ].join('; ');
};

const proposing = ({ cell, about, verdict, freshKey, reason, output }: EntryOf<'proposed'>): string => {
  const given = output === null ? '' : ', with an output';
  return `${cell}, seq ${about}: proposes ${verdict}${freshKey ? ' with a fresh key' : ''}${given}; takes effect when another person says the same — "${reason}"`;
};

/** A cancelled run may still have had a step that was not closed, or one in doubt. */
const cancelling = ({ reason, undo, stopsCleanup, state }: EntryOf<'cancelled'>): string => {
  const { open, halted, ended } = state;
  const stays = ended === null ? '' : ' and stays so';
  return [
    ...(stopsCleanup === undefined ? [] : ['stops what is at its end']),
    ...(undo === undefined ? [] : ['to be taken back']),
    reason,
    ...(open?.kind === 'reserved' ? [`${open.cell}, seq ${open.seq}, was not closed yet`] : []),
    ...(halted?.doubt === true ? [`${halted.cell}, seq ${halted.seq}, was in doubt${stays}`] : []),
  ].join('; ');
};

const elementOf = ({ parent }: EntryOf<'started'>): string =>
  parent === undefined
    ? ''
    : `; element ${parent.index + 1} of ${parent.cell} in ${parent.instanceId}, seq ${parent.seq}`;

const continuing = ({ continues }: EntryOf<'started'>): string => {
  if (continues === null) return '';
  const { instanceId, at, reason, outputs } = continues;
  const cited = Object.entries(outputs).map(([cell, { instanceId, seq }]) => `${cell} (${instanceId}, seq ${seq})`);
  const cites = cited.length === 0 ? '' : `; cites ${cited.join(', ')}`;
  return `; continues ${instanceId} at ${at}${reason === null ? '' : `: ${reason}`}${cites}`;
};

/** What an entry says, in a few words. */
const entryText = (entry: Entry): string => {
  switch (entry.kind) {
    case 'started':
      return `${entry.runbookId} version ${entry.version}, drive ${entry.drive}${elementOf(entry)}${continuing(entry)}`;
    case 'reserved':
      return reserving(entry);
    case 'renewed':
      return `${entry.cell}, seq ${entry.about}, until ${clock(entry.deadlineAtMs)}`;
    case 'outcome':
      return outcomeTold(entry);
    case 'waiting':
      return waitingTold(entry);
    case 'progress':
      return progressTold(entry);
    case 'holding':
      return holdingTold(entry);
    case 'vote':
      return voteTold(entry);
    case 'proposed':
      return proposing(entry);
    case 'resolved':
      return [settledBy(entry, entry.verdict, entry.freshKey, entry.reason), ...checks(entry.expectations)].join('; ');
    case 'control': {
      const released = entry.epoch === undefined ? '' : `released to epoch ${entry.epoch}`;
      const drive = entry.drive === undefined ? '' : `drive ${entry.drive}`;
      return [released, drive, entry.reason ?? ''].filter((text) => text !== '').join(': ');
    }
    case 'ending':
      return endingTold(entry);
    case 'cancelled':
      return cancelling(entry);
  }
};

/** The local day and its zone stand once above its times; a time of another day, or in another zone, says so. */
const timeWithin = (atMs: number, firstMs: number): string =>
  [day(atMs) === day(firstMs) ? '' : day(atMs), clock(atMs), zone(atMs) === zone(firstMs) ? '' : zone(atMs)]
    .filter((part) => part !== '')
    .join(' ');

/**
 * A journal that may go on: entries that come later go on in the same columns.
 * @param elementOf of a family's: of which element an entry is; empty for the run itself
 */
export const createJournalTable = (
  screen: Screen,
  elementOf?: (entry: Entry) => string,
): { add(entries: Entry[]): void } => {
  let firstMs: number | undefined;
  let widths: readonly number[] | undefined;
  return {
    add: (entries) => {
      const [first] = entries;
      if (first === undefined) return;
      if (firstMs === undefined)
        screen.print(screen.paint('quiet', `${day(first.atMs)}, times are UTC${zone(first.atMs)}`));
      const beganMs = firstMs ?? first.atMs;
      firstMs = beganMs;
      const rows = entries.map((entry) => [
        ...(elementOf === undefined ? [] : [elementOf(entry)]),
        String(entry.seq),
        timeWithin(entry.atMs, beganMs),
        entry.kind,
        unbroken(harmless(`${entry.by.actor} ${entry.by.where}`)),
        unbroken(harmless(entryText(entry))),
      ]);
      const head = ['seq', 'time', 'entry', 'who', 'what'];
      widths = screen.table(elementOf === undefined ? head : ['element', ...head], rows, widths);
    },
  };
};

export const journalTable = (screen: Screen, entries: Entry[]): void => {
  if (entries.length === 0) return screen.print('No entries.');
  createJournalTable(screen).add(entries);
};

/** Evidence for a verdict stands in its entry; it is read together with the notes. */
const evidenceOf = (entries: Entry[]): Note[] =>
  entries.flatMap((entry) =>
    (entry.kind === 'resolved' || entry.kind === 'outcome' || entry.kind === 'proposed') && entry.evidence !== null
      ? [
          {
            kind: 'evidence',
            about: entry.kind === 'outcome' ? (entry.closes ?? entry.seq) : entry.about,
            cell: entry.cell,
            atMs: entry.atMs,
            by: entry.by,
            text: entry.evidence,
          },
        ]
      : [],
  );

export const noteTable = (screen: Screen, entries: Entry[], written: Note[]): void => {
  // That a probe was asked is told where its answer never came.
  const isAnswered = ({ about, atMs }: Note): boolean =>
    written.some((other) => other.kind === 'probe' && other.about === about && other.atMs >= atMs);
  const unanswered = written.filter((note) => note.kind !== 'asked' || !isAnswered(note));
  const notes = [...unanswered, ...evidenceOf(entries)].sort((a, b) => a.atMs - b.atMs);
  if (notes.length === 0) return screen.print('No notes.');
  for (const note of notes) {
    const { kind, about, cell, atMs, by } = note;
    screen.print(
      screen.paint('strong', `${kind} of ${cell}, seq ${about}, ${stamp(atMs)}, ${unbroken(harmless(by.actor))}`),
    );
    for (const line of noteLines(note)) screen.print(`  ${line}`);
  }
};

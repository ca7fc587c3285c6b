/** What an entry of a journal says, in a few words. */
import type { Entry, EntryOf, RunEnd } from '../engine/index.ts';
import { clock, duration, holdsText, plural, stamp } from './format.ts';
import { checks, outcomeTold, reserving, settledBy } from './outcomeText.ts';

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
export const entryText = (entry: Entry): string => {
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

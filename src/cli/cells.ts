/** How a cell's state reads: a mark, a word, a colour. The same in progress lines, in the final table and in `status`. */
import type { CellReport, Entry, EntryOf, Failure, State, VerdictWord } from '../engine/index.ts';
import { duration, plural } from './format.ts';
import { harmless, type Screen, type Tone } from './screen.ts';

export type Badge = { mark: string; word: string; tone: Tone };

const badges: Record<CellReport['state'], Badge> = {
  pending: { mark: '·', word: 'pending', tone: 'quiet' },
  next: { mark: '›', word: 'next', tone: 'strong' },
  running: { mark: '…', word: 'running', tone: 'strong' },
  waiting: { mark: '‖', word: 'waiting', tone: 'warn' },
  in_doubt: { mark: '?', word: 'in doubt', tone: 'warn' },
  halted: { mark: '✗', word: 'halted', tone: 'bad' },
  completed: { mark: '✓', word: 'completed', tone: 'good' },
  cited: { mark: '✓', word: 'done before', tone: 'quiet' },
  'completed, not as expected': { mark: '✗', word: 'not as expected', tone: 'bad' },
  failed: { mark: '✗', word: 'failed', tone: 'bad' },
  skipped: { mark: '-', word: 'skipped', tone: 'quiet' },
  unknown: { mark: '?', word: 'in doubt', tone: 'warn' },
  'taken back': { mark: '↶', word: 'taken back', tone: 'quiet' },
  'not reached': { mark: '·', word: 'not reached', tone: 'quiet' },
};

type Ended = Pick<CellReport, 'state' | 'expectations'> & { error: Pick<Failure, 'code'> | null };
const wentOn: Badge = { mark: '!', word: 'unknown, went on', tone: 'warn' };

/** What completed, and is not satisfied since what it returned is lost. */
const lostOutputs: Readonly<Record<string, string>> = {
  'output.invalid': 'output unreadable',
  'output.unkept': 'output not kept',
};
const asExpected = (word: string): Badge => ({ ...badges.completed, word: `${word} as expected` });

/** `passed`: the run went on after it. A predicted failure is a success; a forgiven one is neither. */
const badgeOf = ({ state, expectations, error }: Ended, passed: boolean): Badge => {
  const held = expectations.every(({ result, overridden }) => result === 'pass' || overridden === true);
  if (state === 'unknown' && passed) return expectations.length > 0 && held ? asExpected('answered') : wentOn;
  const done = state === 'completed' || state === 'completed, not as expected';
  if (!done && state !== 'failed') return badges[state];
  const completed =
    error?.code === 'output.truncated' ? { ...badges.completed, word: 'completed, output cut' } : badges.completed;
  const lost = lostOutputs[error?.code ?? ''];
  if (lost !== undefined && done && !passed) return { ...badges.failed, word: lost };
  if (expectations.length > 0 && held) return state === 'failed' ? asExpected('failed') : completed;
  if (done && held) return completed;
  const word = state === 'failed' ? 'failed' : 'not as expected';
  return passed ? { mark: '!', word: `${word}, forgiven`, tone: 'warn' } : { ...badges.failed, word };
};

const again = (word: string): Badge => ({ mark: '↻', word, tone: 'warn' });

/** A person's word, which is told apart from what a holder recorded. */
const wordOfVerdict = (actor: string, verdict: VerdictWord): string => `verdict by ${harmless(actor)}: ${verdict}`;

const verdictBadges = {
  succeeded: badges.completed,
  failed: badges.failed,
  retry: { mark: '↻', word: '', tone: 'warn' },
  skip: badges.skipped,
} satisfies Record<VerdictWord, Badge>;

const badgeOfVerdict = ({ by }: Pick<Entry, 'by'>, verdict: VerdictWord): Badge => ({
  ...verdictBadges[verdict],
  word: wordOfVerdict(by.actor, verdict),
});

/** How an attempt ended, as one line of progress; or how a person, the policy or the probe settled what its holder did not. */
export const badgeOfOutcome = (entry: EntryOf<'outcome' | 'resolved'>): Badge => {
  // A wait is over by what it waited for: no person settled anything.
  if (entry.closedBy === 'person' && entry.verdict !== undefined) return badgeOfVerdict(entry, entry.verdict);
  const itself =
    entry.closedBy === 'holder' || (entry.kind === 'outcome' && entry.closedBy === 'policy' && entry.attempt === 0);
  const by = itself ? '' : entry.closedBy === 'person' ? entry.by.actor : `its ${entry.closedBy}`;
  if (entry.then === 'retry') {
    if (by !== '') return again(`again, by ${by}`);
    const ended = entry.kind === 'outcome' ? entry.status : 'unknown';
    return again(ended === 'never' ? 'did not begin' : `${ended}, again`);
  }
  if (entry.then === 'end') return { ...badges.completed, word: 'ended the run' };
  const status = entry.kind === 'outcome' ? entry.status : ended[entry.verdict];
  const state = status === 'abandoned' || status === 'never' ? 'halted' : status;
  const error = entry.kind === 'outcome' ? entry.error : null;
  const plain = badgeOf({ state, expectations: entry.expectations, error }, entry.then === 'next');
  // The cells of its section are told by no line of their own.
  const badge =
    entry.passes === undefined ? plain : { ...plain, word: `${plain.word}, with ${plural(entry.passes, 'cell')}` };
  return by === '' ? badge : { ...badge, word: `${badge.word}, by ${by}` };
};

/** What a verdict after the fact makes of a step. */
const ended = { succeeded: 'completed', failed: 'failed', skip: 'skipped', retry: 'abandoned' } as const;

export const nameWidthMax = 30;
const wordWidth = 25;

/** One line of progress: mark, name, state, attempts, time. A name longer than most moves the rest, and stays whole. */
export const progressLine = (
  screen: Screen,
  width: number,
  cell: string,
  badge: Badge,
  attempt: number,
  ms: number | null,
): string => {
  const name = cell.padEnd(width);
  const attempts = attempt > 0 ? `attempt ${attempt}` : '';
  const time = ms === null ? '' : duration(ms);
  const { paint } = screen;
  const ended = `${attempts.padEnd(12)}${time}`.trimEnd();
  return `  ${paint(badge.tone, badge.mark)} ${name}  ${paint(badge.tone, badge.word.padEnd(wordWidth))}${ended}`.trimEnd();
};

/** A cell that its holder did not close says what did. */
const badgeOfCell = (cell: CellReport, passed: boolean): Badge => {
  const badge = badgeOf(cell, passed);
  const settled =
    ['completed', 'completed, not as expected', 'failed', 'skipped'].includes(cell.state) && cell.kind !== 'manual';
  if (settled && cell.verdict !== null) {
    const { actor, verdict } = cell.verdict;
    return { ...badge, word: wordOfVerdict(actor, verdict) };
  }
  if (!settled || cell.closedBy === null || cell.closedBy === 'holder') return badge;
  // A wait is over by what it waited for.
  if (cell.closedBy === 'policy' && cell.attempts === 0) return badge;
  return { ...badge, word: `${badge.word}, by ${cell.closedBy}` };
};

/** What a cell at the end of a run is for. */
const forWhat = ({ kind, cleanup }: CellReport): string => {
  if (cleanup === undefined) return kind;
  return 'undo' in cleanup ? `${kind}, undo of ${cleanup.undo}` : `${kind}, on=${cleanup.on}`;
};

/** Whether the run went on after a cell. The next one at its end is beyond those that are not gone through there. */
const isPassed = ({ next, ending }: State, { cleanup }: CellReport, index: number): boolean =>
  index < (cleanup === undefined ? (ending?.at ?? next) : next);

type Told = { cells: CellReport[]; head: { state: State }; nowMs: number };

const rowOf = (screen: Screen, { head, nowMs }: Told, cell: CellReport, index: number): string[] => {
  const badge = badgeOfCell(cell, isPassed(head.state, cell, index));
  const running = cell.state === 'running' && cell.startedAtMs !== null ? nowMs - cell.startedAtMs : null;
  const ms = cell.state === 'skipped' ? null : (running ?? cell.durationMs);
  return [
    `  ${screen.paint(badge.tone, badge.mark)}`,
    cell.name,
    forWhat(cell),
    screen.paint(badge.tone, badge.word),
    cell.attempts > 0 ? String(cell.attempts) : '',
    ms === null ? '' : duration(ms),
  ];
};

/** The table of cells: those of the way, and under a line of their own those that are gone through at its end. `nowMs` is the store's time. */
export const cellTable = (screen: Screen, told: Told): void => {
  const rows = told.cells.map((cell, index) => rowOf(screen, told, cell, index));
  const first = told.cells.findIndex(({ cleanup }) => cleanup !== undefined);
  if (first !== -1) rows.splice(first, 0, ['', screen.paint('quiet', 'at its end:'), '', '', '', '']);
  screen.table(['', 'cell', 'kind', 'state', 'attempts', 'time'], rows);
};

/** What an instance waits for, since when, until when, and what helps: for `status` and for a caller that is told "parked". */
import { fieldTexts, goesByItself, limits, rootOf, type WaitReport, waitsForElements } from '../engine/index.ts';
import type { Instance } from './client.ts';
import { duration, holdsText, plural, stamp, time, unbroken } from './format.ts';
import { harmless, type Screen } from './screen.ts';
import { shellWord } from './shellWord.ts';
import { printFact } from './stepScreen.ts';

type Of<K extends WaitReport['kind']> = Extract<WaitReport, { kind: K }>;

const indented = (text: string): string =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => `    ${line}`.trimEnd())
    .join('\n');

/** `2026-11-27 09:00:00, in 21 h 3 min`, or that it has passed. */
const moment = (atMs: number, nowMs: number): string =>
  atMs > nowMs ? `${stamp(atMs)}, in ${duration(atMs - nowMs)}` : `${stamp(atMs)}, which is past`;

export const whomAsked = ({ approvers, groups }: Pick<Of<'approve'>, 'approvers' | 'groups'>): string =>
  harmless([...approvers, ...groups.map((group) => `members of ${group}`)].join(', '));

type ShownLog = NonNullable<NonNullable<Of<'approve'>['shown']>['logs']>[string];
/** What of a log a vote is about. */
export const shownLogTitle = (cell: string, { covers, bytes, sha256, why }: ShownLog): string => {
  const hash = sha256 === null ? '' : `, sha256 ${sha256}`;
  if (covers === 'nothing') return `Log of ${cell}: nothing of it is shown, so no vote is about it. ${why}`;
  const size = plural(bytes, 'byte');
  if (covers === 'whole') return `Log of ${cell}: all of its ${size}${hash}`;
  return `Log of ${cell}: its beginning and its end, of ${size} (shownLogCharsMax is ${limits.shownLogCharsMax})${hash}`;
};

const goesOn = ({ view, head }: Instance): string => {
  const advance = `\`pawl advance ${shellWord(rootOf(view.instanceId))} --max-cells all\``;
  const isElements = head.state.open?.kind === 'waiting' && head.state.open.family !== undefined;
  return goesByItself(head.state)
    ? `${isElements ? 'It' : 'Then it'} goes on by itself with the schedule of a service; without one, ${advance}.`
    : `${isElements ? 'Next' : 'Then'}${isElements ? ':' : ''} ${advance}.`;
};

const claimLine = ({ claimId, revision, status, unmet }: Of<'await'>['claims'][number]): string => {
  if (status === null) return `${claimId}  does not exist yet`;
  return `${claimId}  ${status}, revision ${revision}: ${unmet === null ? 'that is met' : harmless(unmet)}`;
};

const explainAwait = ({ print }: Screen, instance: Instance, waits: Of<'await'>): void => {
  const { claims, match, until, condition } = waits;
  const which = claims.length === 1 ? '' : match === 'all' ? 'each of ' : 'one of ';
  print(`It needs ${which}${plural(claims.length, 'claim')} to be ${until.join(' or ')}:`);
  for (const claim of claims) print(`    ${claimLine(claim)}`);
  if (condition !== null) print(`  and     ${harmless(unbroken(condition))}`);
  const [first] = claims;
  if (first === undefined) return;
  print(`Next: once it is known, set it: \`pawl claim set ${shellWord(first.claimId)} --status ${until[0]}\`.`);
  print(goesOn(instance));
};

const explainApprove = ({ print }: Screen, instance: Instance, waits: Of<'approve'>): void => {
  const { approvals, quorum, shown, onExpiry, dueAtMs } = waits;
  if (shown !== null) print(indented(harmless(shown.text)));
  for (const [cell, log] of Object.entries(shown?.logs ?? {})) print(`  ${shownLogTitle(cell, log)}`);
  const so = approvals.length === 0 ? 'none so far' : harmless(approvals.join(', '));
  print(`Asked: ${whomAsked(waits)}. ${approvals.length} of ${plural(quorum, 'approval')}: ${so}.`);
  if (dueAtMs !== null) print(`Without them it is ${onExpiry === 'approve' ? 'approved' : 'rejected'} at that time.`);
  const command = `pawl vote ${shellWord(instance.view.instanceId)} ${waits.cell}`;
  print(`Next: \`${command}\` shows what a vote is about, \`--approve\` or \`--reject\` votes.`);
  print(goesOn(instance));
};

/** Elements whose step is open, and whose process is gone. */
type Gone = ReadonlySet<string>;

type Told = Of<'each'>['elements'][number];
const isStuck = ({ status }: Told): boolean => status === 'halted' || status === 'in_doubt';

/** `3/40 completed, 2 under way, 1 needs somebody`. */
const progressText = ({ count, completed, failed, cancelled, underWay, elements, ...known }: Of<'each'>): string => {
  // The chain says how they stood when somebody looked last.
  const own = elements.filter(({ depth }) => depth === 0);
  const stuck = own.length < limits.elementsToldMax ? own.filter(isStuck).length : known.stuck;
  const running = underWay - stuck;
  return [
    `${completed}/${count} completed`,
    ...(failed === 0 ? [] : [`${failed} failed`]),
    ...(cancelled === 0 ? [] : [`${cancelled} given up`]),
    ...(running === 0 ? [] : [`${running} under way`]),
    ...(stuck === 0 ? [] : [`${stuck} ${stuck === 1 ? 'needs' : 'need'} somebody`]),
  ].join(', ');
};

/** Of an element, which may be large. */
const itemShownMax = 100;
const itemText = (item: unknown): string => {
  const text = (typeof item === 'string' ? item : JSON.stringify(item)).replace(/\s+/g, ' ');
  return harmless(text.length > itemShownMax ? `${text.slice(0, itemShownMax)}…` : text);
};

const explainEach = ({ print }: Screen, instance: Instance, waits: Of<'each'>, gone: Gone): void => {
  print(`  elements ${progressText(waits)}; ${waits.max} at a time`);
  for (const { depth, item, instanceId, status, cell, waitsFor } of waits.elements) {
    const at = cell === null ? '' : ` at ${cell}`;
    const whom = waitsFor === null || waitsFor === '' ? '' : ` for ${harmless(waitsFor)}`;
    const process = gone.has(instanceId) ? ', its process gone' : '';
    print(
      `    ${'  '.repeat(depth)}${itemText(item)}  ${status.replace('_', ' ')}${at}${whom}${process}  ${instanceId}`,
    );
  }
  const stuck = waits.elements.find(isStuck);
  // One that waits for its own elements is done nothing about.
  const waiting = waits.elements.find((one) => one.status === 'waiting' && !waitsForElements(one));
  if (stuck !== undefined) print(`Next: decide there: \`pawl status ${shellWord(stuck.instanceId)}\`.`);
  else if (waiting !== undefined) print(`Next: what one waits for: \`pawl status ${shellWord(waiting.instanceId)}\`.`);
  if (gone.size > 0)
    print(
      `The process of ${plural(gone.size, 'element')} is gone: \`pawl doubts\` names each step, and what can be decided.`,
    );
  if (stuck === undefined && instance.head.state.cancelled === null) print(goesOn(instance));
};

/** What a poll's last look found. An expectation that errs and errs is no wait: it stands out. */
export const printLastLook = (screen: Screen, last: Of<'poll'>['last']): void => {
  if (last === null) return;
  const { atMs, status, answered, error, unmet } = last;
  const what = answered === null ? status : `${status}, answered ${answered}`;
  const errorText = error === null || answered !== null ? '' : `: ${harmless(error.message)}`;
  // Of the target it says nothing.
  const isUnmade = error?.code === 'needs.missing';
  const found = isUnmade ? `could not be made, for want of ${harmless(error.message)}` : `${what}${errorText}`;
  printFact(screen, 'last look', `${time(atMs)}: ${found}`);
  for (const { source, result, message, erred } of unmet) {
    const cannot = `could not be evaluated${erred > 1 ? `, ${erred} times in a row` : ''}: ${harmless(message ?? '')}`;
    printFact(
      screen,
      'expected',
      `${harmless(source)}: ${result === 'fail' ? `does not hold${message === null ? '' : `: ${harmless(message)}`}` : cannot}`,
    );
  }
  if (unmet.some(({ erred }) => erred >= limits.pollErrorsMax))
    screen.print(screen.paint('bad', '  This may never be met: look whether the expectation fits what is answered.'));
};

/** Since when it holds, of how long, or how often, it has to. */
const heldText = ({ holds = { times: 1 }, held = null }: Of<'poll'>): string => {
  const has = `has to hold ${holdsText(holds)}`;
  if (held === null) return `not yet; ${has}`;
  return 'times' in holds ? `${plural(held.looks, 'time')} in a row; ${has}` : `since ${stamp(held.sinceMs)}; ${has}`;
};

const waitingText: Record<WaitReport['kind'], string> = {
  manual: 'waits for a person',
  await: 'waits for what others know',
  approve: 'waits for approval',
  wait: 'waits for a time',
  poll: 'is repeated until what it expects holds',
  each: 'waits for its elements',
};

/** @param gone what is known of elements, where it was asked */
export const explainWait = (screen: Screen, instance: Instance, waits: WaitReport, gone: Gone = new Set()): void => {
  const { print, paint } = screen;
  const { nowMs, view } = instance;
  const id = shellWord(view.instanceId);
  print(paint('warn', `Parked: ${waits.cell} ${waitingText[waits.kind]}.`));
  const since = `since ${stamp(waits.sinceMs)}, ${duration(nowMs - waits.sinceMs)}`;
  const until = waits.dueAtMs === null ? '' : `; until ${moment(waits.dueAtMs, nowMs)}`;
  print(`  waiting ${since}${until}`);
  switch (waits.kind) {
    case 'manual':
      if (waits.instructions !== null) print(indented(harmless(waits.instructions)));
      for (const field of waits.answer === undefined ? [] : fieldTexts(waits.answer))
        print(`  asked   ${harmless(unbroken(field))}`);
      print(
        `Next: do it, then \`pawl done ${id} ${waits.cell} --note "…"${waits.answer === undefined ? '' : ' --answer NAME=VALUE'}\` (or --failed), then \`pawl advance ${id} --max-cells all\`.`,
      );
      return;
    case 'await':
      return explainAwait(screen, instance, waits);
    case 'approve':
      return explainApprove(screen, instance, waits);
    case 'each':
      return explainEach(screen, instance, waits, gone);
    case 'wait':
      print('Next: nothing; the time comes.');
      print(goesOn(instance));
      return;
    case 'poll': {
      printLastLook(screen, waits.last);
      const next = waits.nextAtMs === null ? '' : `, next at ${moment(waits.nextAtMs, nowMs)}`;
      print(`  tried   every ${duration(waits.everyMs)}${next}`);
      if (waits.holds !== undefined) print(`  held    ${heldText(waits)}`);
      print(`Next: nothing, or look now: \`pawl advance ${id}\`.`);
      print(goesOn(instance));
    }
  }
};

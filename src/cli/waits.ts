/** What an instance waits for, since when, until when, and what helps: for `status` and for a caller that is told "parked". */
import { limits, type WaitReport } from '../engine/index.ts';
import type { Instance } from './client.ts';
import { clock, duration, oneLine, plural, shellWord, stamp } from './format.ts';
import { harmless, type Screen } from './screen.ts';
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

const goesOn = ({ view }: Instance): string => {
  const advance = `\`pawl advance ${shellWord(view.instanceId)} --max-cells all\``;
  return view.drive === 'auto'
    ? `Then it goes on by itself with the schedule of a service; without one, ${advance}.`
    : `Then ${advance}.`;
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
  if (condition !== null) print(`  and     ${harmless(oneLine(condition, 200))}`);
  const [first] = claims;
  if (first === undefined) return;
  print(`Next: once it is known, set it: \`pawl claim set ${shellWord(first.claimId)} --status ${until[0]}\`.`);
  print(goesOn(instance));
};

const explainApprove = ({ print }: Screen, instance: Instance, waits: Of<'approve'>): void => {
  const { approvals, quorum, shown, onExpiry, dueAtMs } = waits;
  if (shown !== null) print(indented(harmless(shown.text)));
  const so = approvals.length === 0 ? 'none so far' : harmless(approvals.join(', '));
  print(`Asked: ${whomAsked(waits)}. ${approvals.length} of ${plural(quorum, 'approval')}: ${so}.`);
  if (dueAtMs !== null) print(`Without them it is ${onExpiry === 'approve' ? 'approved' : 'rejected'} at that time.`);
  const command = `pawl vote ${shellWord(instance.view.instanceId)} ${waits.cell}`;
  print(`Next: \`${command}\` shows what a vote is about, \`--approve\` or \`--reject\` votes.`);
  print(goesOn(instance));
};

/** What a poll's last look found. An expectation that errs and errs is no wait: it stands out. */
export const printLastLook = (screen: Screen, last: Of<'poll'>['last']): void => {
  if (last === null) return;
  const { atMs, status, answered, error, unmet } = last;
  const what = answered === null ? status : `${status}, answered ${answered}`;
  const errorText = error === null || answered !== null ? '' : `: ${harmless(error.message)}`;
  printFact(screen, 'last look', `${clock(atMs)}: ${what}${errorText}`);
  for (const { source, result, message, erred } of unmet) {
    const cannot = `could not be evaluated${erred > 1 ? `, ${erred} times in a row` : ''}: ${harmless(message ?? '')}`;
    printFact(screen, 'expected', `${harmless(source)}: ${result === 'fail' ? 'does not hold' : cannot}`);
  }
  if (unmet.some(({ erred }) => erred >= limits.pollErrorsMax))
    screen.print(screen.paint('bad', '  This may never be met: look whether the expectation fits what is answered.'));
};

const waitingText: Record<WaitReport['kind'], string> = {
  manual: 'waits for a person',
  await: 'waits for what others know',
  approve: 'waits for approval',
  wait: 'waits for a time',
  poll: 'is repeated until what it expects holds',
};

export const explainWait = (screen: Screen, instance: Instance, waits: WaitReport): void => {
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
      print(
        `Next: do it, then \`pawl done ${id} ${waits.cell} --note "…"\` (or --failed), then \`pawl advance ${id} --max-cells all\`.`,
      );
      return;
    case 'await':
      return explainAwait(screen, instance, waits);
    case 'approve':
      return explainApprove(screen, instance, waits);
    case 'wait':
      print('Next: nothing; the time comes.');
      print(goesOn(instance));
      return;
    case 'poll': {
      printLastLook(screen, waits.last);
      const next = waits.nextAtMs === null ? '' : `, next at ${moment(waits.nextAtMs, nowMs)}`;
      print(`  tried   every ${duration(waits.everyMs)}${next}`);
      print(`Next: nothing, or look now: \`pawl advance ${id}\`.`);
      print(goesOn(instance));
    }
  }
};

/** doubts: which steps are in doubt, and what can be done about each. It changes nothing. */
import { findDoubts } from '../doubts.ts';
import { exits } from '../exits.ts';
import { duration, plural } from '../format.ts';
import { storeAt, tellNone } from '../nothing.ts';
import type { Screen } from '../screen.ts';
import type { Answer, Session } from '../session.ts';
import { shellWord } from '../shellWord.ts';
import type { Step } from '../step.ts';
import { printStep, printUnreadable, printWays } from '../stepScreen.ts';
import { type AddCommands, wholeNumber, withExamples } from './common.ts';

type Options = { runbook?: string; limit: number; next?: string };

const printDoubt = (screen: Screen, step: Step): void => {
  const { instanceId, runbookId, version, cell, kind, ageMs, reservedAtMs } = step;
  const nowMs = (reservedAtMs ?? 0) + (ageMs ?? 0);
  const is =
    step.status === 'running'
      ? 'is in flight, and its process is gone'
      : step.uncommitted
        ? 'is not closed, and has not happened'
        : 'is in doubt';
  const age = ageMs === null ? '' : `, begun ${duration(ageMs)} ago`;
  screen.print(
    `${screen.paint('strong', instanceId)}  ${runbookId} version ${version}: ${screen.paint('warn', `${cell} (${kind}) ${is}`)}${age}`,
  );
  printStep(screen, step, nowMs);
  if (step.cancelled) screen.print('  The run is cancelled: however it is decided, nothing runs after it.');
  printWays(screen, step);
  screen.print();
};

const doubts = async (session: Session, { runbook, limit, next: mark }: Options): Promise<Answer> => {
  const { screen } = session;
  const search = { runbookId: runbook, gone: true } as const;
  const { doubts: found, gone, unreadable, next } = await findDoubts(session, search, { limit, mark });
  for (const step of [...found, ...gone]) printDoubt(screen, step);
  printUnreadable(screen, unreadable);
  const of = runbook === undefined ? '' : ` of ${runbook}`;
  const beyond = mark === undefined ? '' : ' beyond this mark';
  if (found.length === 0 && gone.length > 0)
    screen.print(
      `Nothing${of} is in doubt yet${beyond}: the process of ${plural(gone.length, 'step')} is gone, and the time is not over.`,
    );
  else if (found.length === 0) await tellNone(session, `Nothing${of} is in doubt${beyond}.`);
  else screen.print(`${plural(found.length, 'step')}${of} in doubt. Look at what each acts upon before you decide.`);
  if (found.length > 0 && gone.length > 0)
    screen.print(
      `${plural(gone.length, 'step')}${of} not in doubt yet: the process is gone, and its time is not over.`,
    );
  if (next !== null) {
    const only = runbook === undefined ? '' : ` --runbook ${shellWord(runbook)}`;
    screen.print(`There may be more: \`pawl doubts${only} --limit ${limit} --next ${next}\`.`);
  }
  const exit = found.length > 0 ? exits.doubt : unreadable.length > 0 ? exits.failed : exits.done;
  return { exit, document: { doubts: found, gone, unreadable, next, ...(await storeAt(session)) } };
};

export const addDoubts: AddCommands = (program, run) => {
  const listing = program.command('doubts');
  listing.description(
    'Lists every step in doubt: who held it, its idempotency key, the end of its log, what its probe answered, what may\nhappen by itself, and the exact command for each way out. Reads the journals themselves, not only the lagging index. Names steps too that are not in\ndoubt yet, and whose process is gone from this machine.\nExits with 0 when nothing is in doubt, with 5 when something is.',
  );
  listing
    .option('--runbook <id>', 'only of this runbook')
    .option('--limit <n>', 'at most so many', wholeNumber(1), 20)
    .option('--next <mark>', 'go on from the mark that the last call ended with');
  withExamples(listing, 'pawl doubts', 'pawl doubts --runbook pay --json').action(run(doubts));
};

/** verdict and release: what only a person may decide, with a reason. */

import { levelOf, limits, type View } from '../../engine/index.ts';
import { exitOfMany, findMany, giveVerdicts, summarize } from '../bulk.ts';
import { exits } from '../exits.ts';
import { explain } from '../explain.ts';
import { plural, time, unbroken } from '../format.ts';
import { harmless } from '../screen.ts';
import type { Answer, Session } from '../session.ts';
import { readersOf } from '../step.ts';
import { printUnreadable, someOf, wordOf } from '../stepScreen.ts';
import { type Target, targetOf, type VerdictInput, type VerdictOptions, verdictInputOf } from '../verdict.ts';
import { leadsTo } from '../ways.ts';
import { type AddCommands, saidInWords, wholeNumber, withExamples } from './common.ts';

type One = Extract<Target, { kind: 'one' }>;
type Many = Extract<Target, { kind: 'many' }>;

/** Later cells that may read what a verdict leaves without an output. */
const leftWithout = async (
  { client }: Session,
  { runbookId, version }: Pick<View, 'runbookId' | 'version'>,
  cell: string | null,
  { verdict, output }: VerdictInput,
): Promise<string[]> => {
  if (cell === null || output !== undefined || (verdict !== 'succeeded' && verdict !== 'skip')) return [];
  const { cells } = levelOf((await client.runbook(runbookId, version)).runbook, cell);
  const found = cells.find(({ name }) => name === cell);
  return found === undefined ? [] : readersOf(cells, found);
};

const decideOne = async (session: Session, { instanceId, seq }: One, ruling: VerdictInput): Promise<Answer> => {
  const { screen, settings, client } = session;
  const { view, awaits } = await client.verdict({ path: { instanceId }, body: { ...ruling, seq } });
  const recorded = await client.entry(instanceId, view.seq);
  const cell = recorded !== undefined && 'cell' in recorded ? recorded.cell : view.cell;
  const { verdict, reason, freshKey } = ruling;
  const early = recorded !== undefined && 'holderGone' in recorded ? ', its holder gone' : '';
  screen.print(
    `${awaits === null ? 'Recorded' : 'Proposed'}: ${cell} of ${instanceId}, seq ${seq}: ${verdict}${freshKey ? ', fresh key' : ''}${early}, by ${harmless(settings.by.actor)}: ${unbroken(harmless(reason))}`,
  );
  if (awaits !== null)
    screen.print(
      screen.paint(
        'warn',
        `Two people decide about it: nothing follows until another person than ${harmless(settings.by.actor)} says ${wordOf(ruling)} too.`,
      ),
    );
  const overridden =
    recorded !== undefined && 'expectations' in recorded ? recorded.expectations.filter((one) => one.overridden) : [];
  for (const { source } of overridden)
    screen.print(
      `  overridden: ${harmless(source)} ${ruling.output === undefined ? 'was not looked at' : 'does not hold'}`,
    );
  const readers = await leftWithout(session, view, cell, ruling);
  if (readers.length > 0)
    screen.print(
      screen.paint(
        'warn',
        `${awaits === null ? 'It leaves' : 'It would leave'} no output of ${cell}, which ${someOf(readers)} may read: ${awaits === null ? 'none can be given to it any more' : 'to give one, say it again with --output'}.`,
      ),
    );
  const step = await explain(session, await client.instance(instanceId));
  const document = { instanceId, seq, cell, verdict, reason, by: settings.by, entry: recorded ?? null, view, awaits };
  return { exit: exits.done, document: { ...document, step: step ?? null } };
};

const decideThem = async (session: Session, target: Many, ruling: VerdictInput): Promise<Answer> => {
  const { screen, interruption, client } = session;
  const { runbookId, cell, dryRun, perSecond } = target;
  const { doubts, unreadable } = await findMany(session, target);
  printUnreadable(screen, unreadable);
  const asked = { runbookId, cell, verdict: ruling.verdict, reason: ruling.reason, dryRun, perSecond, unreadable };
  if (doubts.length === 0) {
    screen.print(`No instance of ${runbookId} is in doubt at ${cell}; nothing was decided.`);
    const exit = unreadable.length > 0 ? exits.failed : exits.done;
    return { exit, document: { ...asked, steps: [], decided: [], refused: [], left: [], stopped: null } };
  }
  const what = `${plural(doubts.length, 'step')} of ${runbookId} in doubt at ${cell}`;
  const steps = doubts.map(({ instanceId, seq, ageMs, holder, key, decidableAtMs, ifFailed, onFailure }) => {
    return { instanceId, seq, ageMs, holder, key, decidableAtMs, ifFailed, onFailure };
  });
  if (dryRun) {
    screen.print(`${what}; without --dry-run each would be decided: ${ruling.verdict}.`);
    for (const { instanceId, seq, key, decidableAtMs, ...failing } of steps) {
      const early = decidableAtMs === null ? '' : `; refused before ${time(decidableAtMs)}`;
      const leads = ruling.verdict === 'failed' ? leadsTo(failing) : '';
      screen.print(`  ${instanceId}  seq ${seq}  ${harmless(key ?? '')}${leads}${early}`);
    }
    return { exit: exits.done, document: { ...asked, steps, decided: [], refused: [], left: steps, stopped: null } };
  }
  screen.print(`${what}: ${ruling.verdict}, at most ${perSecond} a second. Ctrl-C stops between two.`);
  const announceStop = (): void => screen.print(screen.paint('warn', '  stopping after those of this second'));
  const bulk = await interruption.during(announceStop, (signal) =>
    giveVerdicts(screen, client, doubts, ruling, { perSecond, signal }),
  );
  summarize(screen, bulk);
  return { exit: exitOfMany(bulk, unreadable.length), document: { ...asked, steps, ...bulk } };
};

const verdict = async (session: Session, instance: string | undefined, options: VerdictOptions): Promise<Answer> => {
  const target = targetOf(instance, options);
  const ruling = await verdictInputOf(options);
  return target.kind === 'one' ? decideOne(session, target, ruling) : decideThem(session, target, ruling);
};

const release = async (
  session: Session,
  instanceId: string,
  { reason, seq: expectedSeq }: { reason: string; seq?: number },
): Promise<Answer> => {
  const { screen, client } = session;
  const { held } = await client.instance(instanceId);
  const { view } = await client.release({ path: { instanceId }, body: { reason, expectedSeq } });
  screen.print(
    held
      ? `Released ${instanceId}: it may go on.`
      : `${instanceId} was not held: it began after the last restore, or was released before. Nothing was recorded.`,
  );
  await explain(session, await client.instance(instanceId));
  return { exit: exits.done, document: { instanceId, released: held, view } };
};

export const addDeciding: AddCommands = (program, run) => {
  const deciding = program
    .command('verdict')
    .argument('[instance]', 'id of an instance; or --runbook and --cell for many');
  deciding.description(
    'Records what a person found out about a step that is in doubt or halted, with a reason. Runs nothing: `pawl advance`\ngoes on afterwards. Refused while its holder may still be heard of, and when the step is decided already. A holder whose\nprocess is gone from this machine need not be waited for: --holder-gone.',
  );
  deciding
    .option('--seq <n>', 'the step: seq of its reservation, as `pawl doubts` shows it', wholeNumber(0))
    .option('--succeeded', 'it happened: go on')
    .option('--failed', 'it did not happen; of a step still open the retry= of its cell follows, as `pawl status` says')
    .option('--retry', 'it may be tried once more')
    .option('--skip', 'go on without it')
    .requiredOption('--reason <text>', 'why; kept in the journal', saidInWords)
    .option('--output <json>', 'with --succeeded: what the cell would have returned; @FILE reads it from a file')
    .option('--evidence <text>', 'what you saw, kept as a note; @FILE reads it from a file')
    .option('--fresh-key', 'with --retry: another idempotency key, so that the target takes it for a new request')
    .option('--in-doubt', 'refuse unless it is still in doubt; always so for many')
    .option('--holder-gone', 'before its time is over: taken where the process of its holder is gone from this machine')
    .option('--overlap-ok', 'with --retry --holder-gone: what it started elsewhere may act beside the next attempt')
    .option('--runbook <id>', 'every instance of this runbook …')
    .option('--cell <name>', '… that is in doubt at this cell')
    .option(
      '--per-second <n>',
      `at most so many decisions a second, over all who decide (default: ${limits.verdictsPerSecond})`,
      wholeNumber(1),
    )
    .option('--dry-run', 'show what would be decided');
  withExamples(
    deciding,
    'pawl verdict pay-4711 --seq 3 --succeeded --reason "the bank shows it" --evidence "transfer 99"',
    'pawl verdict pay-4711 --seq 3 --retry --reason "the bank knows nothing of it"',
    'pawl verdict pay-4711 --seq 3 --failed --holder-gone --reason "killed before the bank was called"',
    'pawl verdict --runbook pay --cell charge --retry --reason "the bank was down" --dry-run',
  ).action(run(verdict));

  const releasing = program.command('release').argument('<instance>', 'id of an instance');
  releasing.description(
    'After a restore from backup (PAWL_EPOCH raised) older instances are held: their journals may have forgotten steps\nthat ran. The operator compares the two and releases each one.',
  );
  releasing
    .requiredOption('--reason <text>', 'what was compared; kept in the journal', saidInWords)
    .option('--seq <n>', 'refuse unless this is its newest entry, as `pawl status` shows it', wholeNumber(0));
  withExamples(releasing, 'pawl release pay-4711 --reason "journal and bank agree up to 14:02"').action(run(release));
};

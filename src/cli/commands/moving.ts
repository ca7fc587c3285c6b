/** run, start, rerun, advance and done: what moves an instance. */
import { Option } from 'commander';
import type { CallOf } from '../../contract/index.ts';
import { isRunEnd, PawlError, type View } from '../../engine/index.ts';
import { type AnswerOptions, answerGiven, attachmentGiven } from '../answered.ts';
import type { AdvanceInput } from '../client.ts';
import { readDocument } from '../documents.ts';
import { conclude, runThrough, watched } from '../drive.ts';
import { exits } from '../exits.ts';
import { explain } from '../explain.ts';
import { tellHere } from '../here.ts';
import { readParams } from '../params.ts';
import { inStore } from '../pins.ts';
import { harmless } from '../screen.ts';
import type { Answer, Session } from '../session.ts';
import { shellWord } from '../shellWord.ts';
import { type AddCommands, cellCount, collect, saidInWords, wholeNumber, withExamples, withParams } from './common.ts';

type StartInput = NonNullable<CallOf<'start'>['body']>;
type StartOptions = Pick<StartInput, 'version' | 'drive'> & {
  param: string[];
  instance?: string;
  continue?: string;
  at?: string;
  reason?: string;
};

/** @throws PawlError `request.invalid` unless --continue and --at come together */
const continuesOf = ({ continue: instanceId, at, reason }: StartOptions): StartInput['continues'] => {
  if (instanceId === undefined && at === undefined && reason === undefined) return undefined;
  if (instanceId === undefined || at === undefined) {
    const message =
      'An earlier run is continued by --continue ID --at CELL [--reason TEXT]: give both, or leave all three out.';
    throw new PawlError('request.invalid', message);
  }
  return { instanceId, at, ...(reason === undefined ? {} : { reason }) };
};

const existsText = (status: View['status']): string =>
  isRunEnd(status) ? `, exists already: it is ${status.replace('_', ' ')}` : ', exists already: going on with it';

const run = async (given: Session, file: string, options: StartOptions & { wait?: true }): Promise<Answer> => {
  // Who stays while it waits stays also while the service restarts.
  const session = options.wait === true ? { ...given, client: given.patient } : given;
  const { screen, client } = session;
  const authoring = await session.authoring();
  const { source, runbook } = await readDocument(authoring, file, inStore(session));
  const params = await readParams(runbook, options.param);
  const resolved = authoring.resolveParams(runbook, params); // Refused before anything is published.
  const { runbookId } = runbook;
  const { version } = await client.publish({ path: { runbookId }, body: source });
  const asked = { params, version, drive: 'auto', instanceId: options.instance } as const;
  const { view, created } = await client.start({ path: { runbookId }, body: asked });
  const { instanceId } = view;
  screen.print(
    `${screen.paint('strong', instanceId)}  ${runbookId} version ${version}${created ? '' : existsText(view.status)}`,
  );
  const here = await tellHere(session, runbook, resolved);
  const cells = runbook.cells.map(({ name }) => name);
  const answer = await watched(session, { view, cells }, (signal) =>
    runThrough(session, instanceId, signal, options.wait),
  );
  const { exit, instance, step } = await conclude(session, answer);
  const { state: _, ...progress } = answer;
  return {
    exit,
    document: { instanceId, created, here, ...progress, view: instance.view, cells: instance.cells, step },
  };
};

const start = async (session: Session, runbookId: string, options: StartOptions): Promise<Answer> => {
  const continues = continuesOf(options);
  const { client } = session;
  const { version, instance: instanceId, drive } = options;
  const { runbook } = await client.runbook(runbookId, version);
  const params = await readParams(runbook, options.param);
  const asked = { params, version, instanceId, drive, continues };
  const started = await client.start({ path: { runbookId }, body: asked });
  const { view, created } = started;
  session.screen.print(
    `${session.screen.paint('strong', view.instanceId)}  ${runbookId} version ${view.version}, drive ${view.drive}${created ? '' : ', exists already'}${options.continue === undefined ? '' : `, continues ${options.continue} at ${options.at}`}`,
  );
  const instance = await client.instance(view.instanceId);
  const here = await tellHere(session, runbook, instance.params);
  await explain(session, instance);
  return { exit: exits.done, document: { ...started, here } };
};

const rerun = async (
  session: Session,
  instanceId: string,
  options: Pick<StartOptions, 'drive' | 'instance'>,
): Promise<Answer> => {
  const { screen, client } = session;
  const { view: earlier, params } = await client.instance(instanceId);
  const { runbookId, version } = earlier;
  const { runbook } = await client.runbook(runbookId, version);
  if (runbook.unique !== null) {
    const message = `Runbook ${runbookId} is \`unique\`: with the same parameters it is the same run, ${instanceId}. Start it with others, or go on with a halted or cancelled one by \`pawl start ${shellWord(runbookId)} --continue ${shellWord(instanceId)} --at CELL\`.`;
    throw new PawlError('request.invalid', message, { instanceId, runbookId });
  }
  const asked = { params, version, instanceId: options.instance, drive: options.drive };
  const started = await client.start({ path: { runbookId }, body: asked });
  const { view, created } = started;
  screen.print(
    `${screen.paint('strong', view.instanceId)}  ${runbookId} version ${version}, drive ${view.drive}, as ${instanceId}${created ? '' : ', exists already'}`,
  );
  await explain(session, await client.instance(view.instanceId));
  return { exit: exits.done, document: { ...started, as: instanceId } };
};

const advance = async (session: Session, instanceId: string, options: AdvanceInput): Promise<Answer> => {
  const { client } = session;
  const before = await client.instance(instanceId);
  const asked = {
    expectedSeq: options.expectedSeq ?? before.view.seq,
    maxCells: options.maxCells ?? 1,
    cell: options.cell,
  };
  const from = { view: before.view, cells: before.cells.map(({ name }) => name) };
  const answer = await watched(session, from, (signal) => client.advance(instanceId, asked, signal));
  const { exit, step } = await conclude(session, answer);
  const { state: _, ...progress } = answer;
  return { exit, document: { ...progress, step } };
};

const done = async (
  session: Session,
  instanceId: string,
  cell: string,
  options: { note: string; failed?: true } & AnswerOptions,
): Promise<Answer> => {
  const { client, screen } = session;
  const { view, waits } = await client.instance(instanceId);
  const result = options.failed ? 'failed' : 'done';
  const asked = waits?.kind === 'manual' && waits.cell === cell && result === 'done' ? waits.answer : undefined;
  const attachment = await attachmentGiven(options.attach);
  const answer = await answerGiven(screen, asked, options);
  const recorded = await client.done({
    path: { instanceId, cell },
    body: { result, note: options.note, answer, attachment, expectedSeq: view.seq },
  });
  screen.print(`Recorded: ${cell} of ${instanceId} is ${result}, by ${session.settings.by.actor}.`);
  if (attachment !== undefined) screen.print(`  attached ${harmless(attachment.name)}, sha256 ${attachment.sha256}`);
  await explain(session, await client.instance(instanceId));
  return { exit: exits.done, document: recorded };
};

export const addMoving: AddCommands = (program, runner) => {
  const running = program.command('run').argument('<file>', 'a Markdown document');
  running.description(
    'Publishes a document, starts an instance of it (or goes on with the one that exists) and runs it to its end.\nCtrl-C stops the running cell, records how it ended, and begins nothing further.',
  );
  withParams(running)
    .option('--instance <id>', 'id of the instance, where the runbook has no `unique`')
    .option(
      '--wait',
      'stay while it waits for a person, a claim, votes or a time, or its service is away, and go on when that comes',
    );
  withExamples(running, 'pawl run runbooks/post_merge.md -p pr=7 -p dir=/srv/app').action(runner(run));

  const starting = program.command('start').argument('<runbook>', 'id of a published runbook');
  starting.description('Starts an instance of a published runbook. Nothing runs until it is advanced.');
  withParams(starting)
    .option('--version <n>', 'version of the runbook (default: the newest)', wholeNumber(1))
    .option('--instance <id>', 'id of the instance, where the runbook has no `unique`')
    .addOption(
      new Option('--drive <drive>', 'auto: the schedule goes on with it; manual: only people do')
        .choices(['auto', 'manual'])
        .default('manual'),
    )
    .option('--continue <id>', 'go on from this halted or cancelled run, which is cancelled first …')
    .option('--at <cell>', '… beginning with this cell; what came before is cited, not run again')
    .option('--reason <text>', 'why, when a cell that was done there would run again', saidInWords);
  withExamples(
    starting,
    'pawl start post_merge -p pr=7 -p dir=/srv/app --drive manual',
    'pawl start post_merge --continue post_merge.pr-7 --at cleanup',
  ).action(runner(start));

  const again = program.command('rerun').argument('<instance>', 'id of an instance, however it ended');
  again.description(
    'Starts a new instance of the same version with the same parameters, from the first cell. Nothing runs until it is advanced.\nTo go on where a run halted instead: `pawl start RUNBOOK --continue ID --at CELL`.',
  );
  again
    .option('--instance <id>', 'id of the new instance (default: drawn)')
    .addOption(
      new Option('--drive <drive>', 'auto: the schedule goes on with it; manual: only people do')
        .choices(['auto', 'manual'])
        .default('manual'),
    );
  withExamples(again, 'pawl rerun tidy-0a1b2c3d4e5f', 'pawl rerun tidy-1 --instance tidy-2 --drive auto').action(
    runner(rerun),
  );

  const advancing = program.command('advance').argument('<instance>', 'id of an instance');
  advancing.description(
    'Carries out the next cell of an instance, or several. Counted are reservations: what needs none on the way (a cell that is skipped, a poll or a wait that is over, an assert) is gone through. Refused if the instance has moved since it was looked at.',
  );
  advancing
    .option('--cell <name>', 'only this cell; refused unless it is the next one')
    .option('--max-cells <n|all>', 'cells to carry out at most, by their reservations (default: 1)', cellCount)
    .option('--expected-seq <n>', 'refuse unless the journal ends at this seq (default: as just read)', wholeNumber(0));
  withExamples(
    advancing,
    'pawl advance post_merge.pr-7',
    'pawl advance post_merge.pr-7 --max-cells all',
    'pawl advance post_merge.pr-7 --cell cleanup --expected-seq 4',
  ).action(runner(advance));

  const recording = program.command('done');
  recording.argument('<instance>', 'id of an instance').argument('<cell>', 'the manual cell it waits at');
  recording.description('Records that a person did what a manual cell asks for, or that it failed.');
  recording
    .requiredOption('--note <text>', 'what was done or seen', saidInWords)
    .option('--failed', 'it failed')
    .option('--answer <name=value>', 'a field of what the cell asks; name=@FILE reads it from a file', collect, [])
    .option('--answer-file <file>', 'the whole answer, a JSON object')
    .option('--attach <file>', 'a file that is kept with it, up to 4 MB');
  withExamples(
    recording,
    'pawl done rotate-42 confirm --note "the new key works"',
    'pawl done rotate-42 measure --note "read off the panel" --answer volts=11.9 --attach panel.png',
  ).action(runner(done));
};

/** demo: a real runbook from start to end, then eight processes that want the same step. */
import { randomInt } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DemoServer, startDemoServer } from '../demoServer.ts';
import { readDocument } from '../documents.ts';
import { conclude, runThrough, watched } from '../drive.ts';
import { exits } from '../exits.ts';
import { oneLine } from '../format.ts';
import { journalTable } from '../history.ts';
import { fileOfPackage } from '../ownPackage.ts';
import { inStore } from '../pins.ts';
import { type Racer, race, raceRunbook, racerCount } from '../race.ts';
import { type Answer, createSession, type Session } from '../session.ts';
import { demoSettings } from '../settings.ts';
import { type AddCommands, withExamples } from './common.ts';

const runbookFile = fileURLToPath(fileOfPackage('runbooks/post_merge.md'));
const migration = '0042_orders';

const say = ({ screen }: Session, ...lines: string[]): void => {
  for (const line of lines) screen.print(line);
  screen.print();
};

/** Act one: `runbooks/post_merge.md` against a service of our own, on leftovers of our own. */
const actOne = async (session: Session, server: DemoServer, folder: string) => {
  const { screen } = session;
  for (const name of ['orders.premigration', 'customers.premigration', 'orders.sql'])
    await writeFile(join(folder, name), `-- ${name}\n`);
  screen.print(screen.paint('strong', 'Act one: a runbook runs from start to end'));
  say(
    session,
    'runbooks/post_merge.md is a Markdown document; its fences are cells. Each cell that',
    'acts is reserved in the journal before it begins, and its outcome is recorded after.',
  );
  const { client } = session;
  const { source, runbook } = await readDocument(await session.authoring(), runbookFile, inStore(session));
  const { runbookId } = runbook;
  const { version } = await client.publish({ path: { runbookId }, body: source });
  const params = { pr: randomInt(1, 2 ** 31), base: server.base, dir: folder, migration };
  const { view } = await client.start({ path: { runbookId }, body: { params, version, drive: 'auto' } });
  screen.print(`${screen.paint('strong', view.instanceId)}  ${runbookId} version ${version}`);
  const from = { view, cells: runbook.cells.map(({ name }) => name) };
  const answer = await watched(session, from, (signal) => runThrough(session, view.instanceId, signal));
  const { exit } = await conclude(session, answer);
  const entries = await client.entriesAfter(view.instanceId, -1);
  screen.print();
  screen.print('Its journal: one chain of entries, each written once and never altered.');
  journalTable(screen, entries);
  screen.print();
  return {
    exit,
    instanceId: view.instanceId,
    result: answer.result,
    verdict: answer.verdict,
    entries: entries.length,
    announced: server.announced().length,
  };
};

const printRacers = ({ screen }: Session, racers: Racer[]): void => {
  for (const { number, told, ran } of racers) {
    const text = oneLine(told, screen.live ? screen.width - 16 : 1_000);
    screen.print(`  process ${number}  ${screen.paint(ran ? 'good' : 'quiet', text)}`);
  }
  screen.print();
};

/** Act two: the effect is counted in the file it leaves lines in, not in anything of ours. */
const actTwo = async (session: Session, folder: string) => {
  const { screen } = session;
  const file = join(folder, 'effects.txt');
  await writeFile(file, '');
  screen.print(screen.paint('strong', `Act two: ${racerCount} processes want the same step`));
  say(
    session,
    `${racerCount} processes of \`pawl advance\` start at the same moment. All want the cell \`effect\`, which`,
    'appends a line to a file and takes a second. One of them gets the reservation; the',
    'others are told who holds it, or that the journal has moved on, and run nothing.',
  );
  const { client } = session;
  const path = { runbookId: 'race' };
  const { version } = await client.publish({ path, body: raceRunbook });
  const { view } = await client.start({ path, body: { params: { file }, version } });
  // Ctrl-C reaches the racers by themselves; what they did is counted all the same.
  const racers = await session.interruption.during(
    () => undefined,
    () => race(view.instanceId, view.seq, session.settings.dataDir),
  );
  printRacers(session, racers);
  const effects = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '').length;
  const winners = racers.filter(({ ran }) => ran).length;
  const refused = racers.filter((racer) => racer.refused).length;
  const once = effects === 1 && winners === 1 && refused === racerCount - 1;
  const verdict = once ? 'It happened once.' : `${winners} ran it and ${refused} were refused: this must not be.`;
  screen.print(screen.paint(once ? 'good' : 'bad', `Lines in the file: ${effects}. ${verdict}`));
  return { instanceId: view.instanceId, effects, once, racers };
};

const demo = async ({ screen, settings, interruption }: Session): Promise<Answer> => {
  const folder = await mkdtemp(join(tmpdir(), 'pawl-demo-'));
  const server = await startDemoServer({ migration, delayMs: 150 });
  const session = createSession(screen, demoSettings(settings, server.host), interruption);
  try {
    const { exit: exitOfRun, ...run } = await actOne(session, server, folder);
    if (interruption.signal.aborted) return { exit: exitOfRun, document: { run, race: null } };
    const raced = await actTwo(session, folder);
    screen.print();
    screen.print(`Look around: \`pawl list\`, \`pawl status ${raced.instanceId}\`, and \`pawl --help\` for the rest.`);
    const exit = interruption.signal.aborted ? exits.interrupted : raced.once ? exitOfRun : exits.failed;
    return { exit, document: { run, race: raced } };
  } finally {
    await session.close();
    await server.close();
    await rm(folder, { recursive: true, force: true });
  }
};

export const addDemo: AddCommands = (program, run) => {
  const showing = program.command('demo');
  showing.description(
    'Runs runbooks/post_merge.md against a service of its own, then lets eight processes race for one step.\nExits with 0 only if the step happened once.',
  );
  withExamples(showing, 'pawl demo').action(run(demo));
};

/** test: runs a document under crashes, and says what each cell comes to. */
import { PawlError, type Runbook } from '../../engine/index.ts';
import type { ClaimAnswer, StubValue, TestOptions, WillRun } from '../../testing/index.ts';
import { ask } from '../ask.ts';
import { readDocuments } from '../documents.ts';
import { exits } from '../exits.ts';
import { textGiven, textOfFile } from '../given.ts';
import { readParams } from '../params.ts';
import { ifAtHand } from '../pins.ts';
import type { Answer, Session } from '../session.ts';
import { printTest, printWarning } from '../testScreen.ts';
import { type AddCommands, collect, withExamples, withParams } from './common.ts';

type Options = {
  param: string[];
  params?: string;
  stub: string[];
  secret: string[];
  claim: string[];
  reject: string[];
  answer: string[];
  ignore: string[];
  cell?: string;
  yes?: true;
  json?: true;
};

const refuse = (message: string): never => {
  throw new PawlError('request.invalid', message);
};

const pairOf = (option: string, given: string, wants: string): [string, string] => {
  const at = given.indexOf('=');
  if (at < 1) return refuse(`${option} wants ${wants}; ${JSON.stringify(given.slice(0, 80))} is not that.`);
  return [given.slice(0, at), given.slice(at + 1)];
};

const jsonOf = (what: string, text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return refuse(`${what} wants JSON, such as {"removed":3}; ${JSON.stringify(text.slice(0, 80))} is none.`);
  }
};

const stubsOf = async (given: string[]): Promise<Record<string, StubValue>> => {
  const stubs: Record<string, StubValue> = Object.create(null);
  for (const one of given) {
    const [name, text] = pairOf('--stub', one, 'NAME=JSON, or NAME=@FILE');
    stubs[name] = jsonOf(`--stub ${name}`, await textGiven(`--stub ${name}`, text)) as StubValue;
  }
  return stubs;
};

const answersOf = async (given: string[]): Promise<Record<string, unknown>> => {
  const answers: Record<string, unknown> = Object.create(null);
  for (const one of given) {
    const [name, text] = pairOf('--answer', one, 'NAME=JSON, or NAME=@FILE');
    answers[name] = jsonOf(`--answer ${name}`, await textGiven(`--answer ${name}`, text));
  }
  return answers;
};

const secretsOf = async (given: string[]): Promise<Record<string, string>> => {
  const secrets: Record<string, string> = Object.create(null);
  for (const one of given) {
    // Not quoted back: what was typed may be the secret itself.
    if (one.indexOf('=') < 1) refuse('--secret wants NAME=VALUE, or NAME=@FILE.');
    const [name, text] = pairOf('--secret', one, '');
    secrets[name] = (await textGiven(`--secret ${name}`, text)).replace(/\r?\n$/, '');
  }
  return secrets;
};

const claimsOf = async (given: string[]): Promise<Record<string, ClaimAnswer>> => {
  const claims: Record<string, ClaimAnswer> = Object.create(null);
  for (const one of given) {
    const [id, claimText] = pairOf('--claim', one, 'ID=STATUS, or ID={"status":…,"evidence":…}');
    const text = await textGiven(`--claim ${id}`, claimText);
    const value = text.trimStart().startsWith('{') ? jsonOf(`--claim ${id}`, text) : text;
    // `assertFits` looks at it.
    claims[id] = value as ClaimAnswer;
  }
  return claims;
};

const paramsOf = async (runbook: Runbook, { param, params }: Options): Promise<Record<string, unknown>> => {
  const given = await readParams(runbook, param);
  if (params === undefined) return given;
  const value = jsonOf(`--params ${params}`, await textOfFile(params));
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refuse(`--params ${params} wants a JSON object of parameters.`);
  return { ...value, ...given };
};

/** Nothing with effects runs unless a person who could see what agreed. */
const agree = async ({ screen }: Session, cells: WillRun[], { yes }: Options): Promise<boolean> => {
  if (cells.length === 0) return true;
  printWarning(screen, cells);
  if (yes) return true;
  if (!screen.live || !process.stdin.isTTY) {
    const names = cells.map(({ cell }) => cell);
    const message = `These cells would really run: ${names.join(', ')}. Nothing ran. Say --yes if they may, or answer for them: --stub ${names[0]}='{…}'.`;
    throw new PawlError('request.invalid', message, { cells: names });
  }
  return /^y(es)?$/i.test(await ask('Run them? [y/N] '));
};

const test = async (session: Session, file: string, runs: string[], options: Options): Promise<Answer> => {
  const { screen, settings } = session;
  const [{ assertFits, testRunbook, willRun }, { readAllow }, authoring] = await Promise.all([
    import('../../testing/index.ts'),
    import('../../places/index.ts'),
    session.authoring(),
  ]);
  const [document, ...others] = await readDocuments(authoring, [file, ...runs], ifAtHand(session));
  if (document === undefined) return refuse('Give one document to test.');
  const { source, runbook, pins } = document;
  const { cell } = options;
  const begun = new Set<string>();
  const stubs = await stubsOf(options.stub);
  const asked: TestOptions = {
    params: await paramsOf(runbook, options),
    stubs,
    claims: await claimsOf(options.claim),
    rejects: options.reject,
    answers: await answersOf(options.answer),
    ignore: options.ignore,
    secrets: await secretsOf(options.secret),
    allow: readAllow(settings.allow, settings.dataDir),
    httpAllow: settings.httpAllow,
    tasks: settings.tasks.folder,
    runs: others.map((one) => one.source),
    pins,
    ...(cell === undefined ? {} : { cell }),
    onCell: (name) => {
      begun.add(name);
      screen.status(`  ${name} …`);
    },
  };
  assertFits({ runbook, pins }, authoring, asked);
  if (!(await agree(session, willRun({ runbook, pins }, asked), options))) {
    screen.print('Nothing ran.');
    return { exit: exits.failed, document: { ok: false, ran: false } };
  }
  // What ran has had its effects: the person who stops the test has to know which.
  const left = (): never => {
    const names = [...begun].filter((name) => !Object.hasOwn(stubs, name));
    const ran = names.length === 0 ? 'no cell had begun' : `these had begun, with all effects: ${names.join(', ')}`;
    console.error(`\nInterrupted; ${ran}.`);
    screen.document({ ok: false, ran: true, interrupted: true, begun: names });
    process.exit(exits.interrupted);
  };
  const report = await session.interruption.during(left, () => testRunbook(source, asked));
  printTest(screen, report);
  return { exit: report.ok ? exits.done : exits.failed, document: report };
};

const how = [
  `Each cell really runs, on a store in memory that is thrown away; no run of yours is touched, and the idempotency keys are the test's own. At every entry of the journal the engine is taken away, and a fresh one comes when deadline and grace are over (time is moved, not waited for). For each cell it says whether it is`,
  `  held         it is unknown whether it happened: a person decides
  tried again  by interrupted=retry
  probed       by interrupted=probe: the probe has to say "done" after
               the effect, and "not done" before it
  going on     it is recorded; or, by interrupted=continue, best effort`,
  'A cell that is declared safe to repeat (interrupted=retry, retry=N) is then run once more, as after a crash between its effect and its record (or, for retry=N alone, after a failure that is made up), and has to leave the same status and output. Cells that must not run here are answered for by --stub. Cells of a runbook that is run go by restore/verify: the cell that runs it, and theirs. Waiting cells are answered: claims get the status that is waited for (or --claim), those asked first approve (or --reject), manual cells are done, those that ask for an answer with the one of --answer.',
  'Exit code 0: all as declared. 1: a repetition left another result, a probe was wrong or not sure, the run does not finish, or an answer was not used. 2: wrong usage; nothing ran.',
].join('\n\n');

export const addTesting: AddCommands = (program, run) => {
  const testing = program
    .command('test')
    .argument('<file>', 'a Markdown document')
    .argument('[runs...]', 'documents that it runs; without, what is published');
  testing.description(`Runs a document under crashes, and says what each cell comes to.\n\n${how}`);
  withParams(testing)
    .option('--params <file>', 'a JSON object of parameters; -p goes before it')
    .option('--stub <name=json>', 'the output of a cell that must not run; NAME.probe for its probe', collect, [])
    .option('--secret <name=value>', 'a secret for cells that really run; or NAME=@FILE', collect, [])
    .option('--claim <id=status>', 'what a claim is found to be; or ID={"status":…,"evidence":…}', collect, [])
    .option('--reject <cell>', 'an approval that is rejected', collect, [])
    .option('--answer <name=json>', 'what a person answers to a manual cell that asks; or NAME=@FILE', collect, [])
    .option('--ignore <name.path>', 'a result that may differ: NAME.output.at', collect, [])
    .option('--cell <name>', 'interrupt only this cell, and stop after it')
    .option('-y, --yes', 'cells with effects may run: ask nothing');
  withExamples(
    testing,
    'pawl test runbooks/hello.md --yes',
    'pawl test change.md restore.md --stub restore/verify=\'{"rows":3}\'',
    'pawl test runbooks/post_merge.md -p pr=7 -p dir=/tmp/copy --stub announce=\'{"status":201,"body":{}}\'',
  ).action(run(test));
};

/**
 * Tests of runbooks under crashes: `pawl test FILE`, and the same for vitest as `pawl/testing`.
 *
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises';
 * import { expect, test } from 'vitest';
 * import { testRunbook } from 'pawl/testing';
 *
 * test('the clean-up may be interrupted anywhere', async () => {
 *   const report = await testRunbook(await readFile('runbooks/clean_up.md', 'utf8'), { params: { dir: '/tmp/x' } });
 *   expect(report.findings).toEqual([]);
 * });
 * ```
 */
import { randomBytes } from 'node:crypto';
import { type Authoring, type Cell, isCommitted, limits, natureOf, PawlError, type Pins } from '../engine/index.ts';
import { type Answers, troubleOf } from './answers.ts';
import { isStubbed, type Stubs } from './bodies.ts';
import { isTested, testedOf } from './ends.ts';
import { judge } from './findings.ts';
import { pinsFor } from './given.ts';
import { assertAtHand, type NamedCell, namedCells, type Tested } from './levels.ts';
import type { RunbookTest } from './report.ts';
import { runUnderCrashes } from './run.ts';
import { secretsIn } from './secrets.ts';

export type { ClaimAnswer } from './answers.ts';
export type { Stub, StubInput, Stubs, StubValue } from './bodies.ts';
export { differenceText } from './findings.ts';
export type {
  CellTest,
  Consequence,
  Crash,
  CrashPoint,
  Difference,
  Ended,
  Finding,
  FindingCode,
  Repeat,
  RunbookTest,
} from './report.ts';

export type TestOptions = {
  /** As the runbook's parameter schema wants them; defaults are filled in. */
  params?: Record<string, unknown>;
  /**
   * Answers for cells that must not run: a value is the output of a cell that completed, a function makes one from
   * `{ params, outputs, step }` (and the cell failed when it throws). `'name.probe'` answers for a probe.
   */
  stubs?: Stubs;
  /** What `await` cells find; a claim that is not named gets the first status that is waited for. */
  claims?: Answers['claims'];
  /** Names of `approve` cells that are rejected; the others are approved by the first who are asked. */
  rejects?: readonly string[];
  /** What a person answers to `manual` cells that ask (`answer:`), by their names. One that is not named fails. */
  answers?: Answers['people'];
  /** Only this cell is interrupted, and the run stops after it. */
  cell?: string;
  /** Paths of results that may differ when a cell runs again: `name.output.at`. */
  ignore?: readonly string[];
  /** Values of secrets by name, for cells that really run. For the others they are made up. */
  secrets?: Readonly<Record<string, string>>;
  /** What cells that really run may ask of AWS, as `allow.json` of a place says it; default: nothing. */
  allow?: { aws?: readonly string[]; roles?: readonly string[]; hosts?: readonly string[] };
  /** What `http` cells may reach besides public addresses: `host[:port]`, separated by commas. */
  httpAllow?: string;
  /** Documents that this one runs, and those that they run in their turn, as if they were published before it. */
  runs?: readonly string[];
  /** Versions that it runs and that stand elsewhere; default: none. */
  pins?: Pins;
  /** Folder of the tasks that cells may call. Default: `tasks` in the working directory. */
  tasks?: string;
  /** Told when a cell is about to run. */
  onCell?: (cell: string) => void;
};

/**
 * A cell whose body will really run, and how often: `again` where a declaration permits further attempts, of which the
 * test makes one; what fails, or is cut short, is tried as often as its `retry=` and `interrupted=` permit. `polled`: until
 * what it expects holds, or its time is over. `section`: so for every element of that, and again for one of them.
 */
export type WillRun = {
  cell: string;
  kind: string;
  line: number;
  often: 'once' | 'again' | 'polled';
  section: string | null;
  probe: boolean;
};

/**
 * Every cell that a test goes through, those of elements and runs too; `only`: up to that one, with the whole of the section, or the run,
 * in which it stands.
 */
const testedUpTo = ({ runbook, pins }: Tested, only: string | undefined): NamedCell[] => {
  const all = namedCells({ runbook: testedOf(runbook), pins });
  const last = all.find(({ name }) => name === only)?.top;
  return last === undefined ? all : all.filter(({ top }) => top <= last);
};

/** Which cells a test would really run: those with bodies that nothing stands in for. */
export const willRun = (tested: Tested, { stubs = {}, cell: only }: Pick<TestOptions, 'stubs' | 'cell'>): WillRun[] =>
  testedUpTo(tested, only)
    .filter(({ name, cell }) => (natureOf(cell) === 'effect' || cell.poll !== undefined) && !isStubbed(stubs, name))
    .map(({ name, section, cell }) => {
      const { body, line, interrupted, byMethod, retryMax, probe, poll } = cell;
      const again = (interrupted === 'retry' && byMethod === undefined) || (retryMax ?? 0) > 0;
      const often = poll !== undefined ? 'polled' : again ? 'again' : 'once';
      return { cell: name, kind: body.kind, line, often, section, probe: probe !== null };
    });

const refuse = (message: string): never => {
  throw new PawlError('request.invalid', message);
};

const ignoredBy = (paths: readonly string[] = []): Record<string, string[]> => {
  const by: Record<string, string[]> = Object.create(null);
  for (const given of paths) {
    const dot = given.indexOf('.');
    if (dot < 1 || !/^(output|status|exitCode)(?![A-Za-z0-9_])/.test(given.slice(dot + 1)))
      refuse(
        `${JSON.stringify(given)} names no result of a cell; say NAME.output, NAME.output.field, NAME.status or NAME.exitCode.`,
      );
    const name = given.slice(0, dot);
    by[name] = [...(by[name] ?? []), given.slice(dot + 1)];
  }
  return by;
};

/**
 * Refuses answers and parameters that this runbook has no use for, before anything runs.
 * @throws PawlError `request.invalid`, `params.invalid`
 */
export const assertFits = (tested: Tested, authoring: Authoring, options: TestOptions): void => {
  const { params = {}, stubs = {}, secrets = {}, cell, ignore = [], rejects = [], claims = {}, answers = {} } = options;
  authoring.resolveParams(tested.runbook, params);
  const cells = namedCells(tested);
  assertAtHand(tested, cells);
  const namesOf = (wanted: (one: Cell) => boolean): string[] =>
    cells.filter((one) => wanted(one.cell)).map(({ name }) => name);
  const check = (what: string, name: string, known: string[], which: string): void => {
    if (known.includes(name)) return;
    const has = known.length === 0 ? 'none' : known.join(', ');
    refuse(`${what} names ${JSON.stringify(name)}, which is no ${which} of this runbook; it has ${has}.`);
  };
  const bodies = namesOf((one) => natureOf(one) === 'effect' || one.poll !== undefined);
  const probes = namesOf(({ probe }) => probe !== null).map((name) => `${name}.probe`);
  if (cell !== undefined) check('The cell to test', cell, namesOf(isTested), 'cell that a test goes through');
  for (const name of Object.keys(stubs))
    check('A stub', name, [...bodies, ...probes], 'cell with a body, and no probe,');
  for (const path of Object.keys(ignoredBy(ignore))) check('A path to ignore', path, bodies, 'cell with a body');
  for (const [id, given] of Object.entries(claims)) {
    const trouble = troubleOf(given);
    if (trouble !== undefined) refuse(`The answer for the claim ${id} cannot be taken: ${trouble}.`);
  }
  const sources = secretsIn(cells);
  for (const [name, value] of Object.entries(secrets)) {
    check('A secret', name, [...sources.keys()], 'secret');
    if (value.length < limits.secretCharsMin)
      refuse(`The secret ${name} is shorter than ${limits.secretCharsMin} characters (secretCharsMin).`);
  }
  // The world would be told what a test has made up.
  const isGiven = new Set(Object.keys(secrets).map((name) => sources.get(name)));
  const running = new Set(willRun(tested, options).map((one) => one.cell));
  for (const { name, cell: really, level } of cells) {
    if (!running.has(name)) continue;
    if (isCommitted(really))
      refuse(`Cell ${name} would really run, and commits to tables that a test has not: answer for the cell.`);
    const lacking = (really.uses ?? [])
      .map((used) => `${level.path}${used}`)
      .find((used) => !isGiven.has(sources.get(used)));
    if (lacking !== undefined)
      refuse(
        `Cell ${name} would really run, and uses the secret ${lacking}: give it one for the test (\`--secret ${lacking}=@FILE\`), or answer for the cell.`,
      );
  }
  const asking = namesOf(({ body }) => body.kind === 'manual' && body.answer !== undefined);
  for (const name of Object.keys(answers)) check('An answer', name, asking, 'manual cell that asks for one');
  for (const name of rejects)
    check(
      'A rejection',
      name,
      namesOf(({ body }) => body.kind === 'approve'),
      'approval',
    );
};

/** A test is at every place: what a cell says of where it runs is left out. It tells nobody that it halted. Of ends it goes through that of a run that completes. */
const anywhere = (authoring: Authoring): Authoring => ({
  ...authoring,
  compile: (source, pins) => {
    const compiled = authoring.compile(source, pins);
    return compiled.kind === 'runbook' ? { ...compiled, runbook: testedOf(compiled.runbook) } : compiled;
  },
});

/**
 * Runs a runbook on a store in memory, and looks at what a fresh engine would make of a crash at each entry of its journal.
 *
 * Bodies really run, each once; one that is declared safe to repeat (`interrupted=retry`, `retry=N`) runs a second time
 * after a crash between its effect and its outcome, and the two results are compared. Probes are asked. Waiting cells are
 * answered, and time is moved instead of waited for. Idempotency keys begin with a deployment of the test's own, so a
 * target never takes a test for a real run.
 *
 * @param source the Markdown document
 * @throws PawlError `runbook.invalid`, `params.invalid`, `request.invalid` for names that the runbook has not
 */
export const testRunbook = async (source: string, options: TestOptions = {}): Promise<RunbookTest> => {
  // Loaded on demand: `pawl --help` needs none of it.
  const [{ authoringWith }, cells] = await Promise.all([import('../authoring/index.ts'), import('../cells/index.ts')]);
  const {
    params = {},
    stubs = {},
    secrets = {},
    claims = {},
    answers = {},
    rejects = [],
    cell,
    ignore,
    onCell,
  } = options;
  const { allow = {}, httpAllow = '', tasks = 'tasks', runs = [], pins: elsewhere = () => undefined } = options;
  const found = await cells.readTasks(tasks);
  const authoring = authoringWith(found);
  const pins = await pinsFor(authoring, source, { sources: runs, elsewhere });
  const compiled = authoring.compile(source, pins);
  if (compiled.kind === 'runbook') assertFits({ runbook: compiled.runbook, pins }, authoring, options);
  const ran = await runUnderCrashes({
    authoring: anywhere(authoring),
    whole: compiled.kind === 'runbook' ? compiled.runbook : null,
    pins,
    source,
    params,
    stubs,
    secrets,
    claims,
    rejects,
    people: answers,
    cell,
    ignore: ignoredBy(ignore),
    really: cells.createExecute({
      httpAllow: cells.parseHttpAllow(httpAllow),
      aws: cells.parseAwsAllow(allow),
      tasks: async () => found,
    }),
    deployment: `test-${randomBytes(6).toString('hex')}`,
    ...(onCell === undefined ? {} : { onCell }),
  });
  return judge(ran);
};

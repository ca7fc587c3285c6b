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
import { type Authoring, type Cell, limits, natureOf, PawlError, type Runbook } from '../engine/index.ts';
import { type Answers, troubleOf } from './answers.ts';
import { isStubbed, type Stubs } from './bodies.ts';
import { isTested, testedOf } from './ends.ts';
import { judge } from './findings.ts';
import type { RunbookTest } from './report.ts';
import { runUnderCrashes } from './run.ts';

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
  /** Told when a cell is about to run. */
  onCell?: (cell: string) => void;
};

/**
 * A cell whose body will really run, and how often: `again` where a declaration permits further attempts, of which the
 * test makes one; what fails, or is cut short, is tried as often as its `retry=` and `interrupted=` permit. `polled`: until
 * what it expects holds, or its time is over.
 */
export type WillRun = { cell: string; kind: string; line: number; often: 'once' | 'again' | 'polled'; probe: boolean };

/** Which cells a test would really run: those with bodies that nothing stands in for. */
export const willRun = (
  runbook: Runbook,
  { stubs = {}, cell: only }: Pick<TestOptions, 'stubs' | 'cell'>,
): WillRun[] => {
  const last = runbook.cells.find(({ name }) => name === only)?.index ?? runbook.cells.length;
  return runbook.cells
    .filter(isTested)
    .filter((cell) => cell.index <= last && (natureOf(cell) === 'effect' || cell.poll !== undefined))
    .filter(({ name }) => !isStubbed(stubs, name))
    .map(({ name, body, line, interrupted, byMethod, retryMax, probe, poll }) => {
      const again = (interrupted === 'retry' && byMethod === undefined) || (retryMax ?? 0) > 0;
      const often = poll !== undefined ? 'polled' : again ? 'again' : 'once';
      return { cell: name, kind: body.kind, line, often, probe: probe !== null };
    });
};

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

/** What a test runs it names before, and it goes through no elements. @throws PawlError `request.invalid` */
const assertNoElements = ({ cells }: Runbook, only: string | undefined): void => {
  const last = cells.find(({ name }) => name === only)?.index ?? cells.length;
  const section = cells.find((cell) => isTested(cell) && cell.body.kind === 'each' && cell.index <= last);
  if (section === undefined) return;
  const before = cells[section.index - 1];
  const isParallel = section.body.kind === 'each' && section.body.parts !== undefined;
  const next = before === undefined ? '' : ` \`--cell ${before.name}\` tests what comes before it.`;
  refuse(
    `Section ${section.name} (line ${section.line}) ${isParallel ? 'has parts side by side' : 'goes over a list'}, and a test goes through no elements in this version of Pawl: nothing ran.${next}`,
  );
};

/**
 * Refuses answers and parameters that this runbook has no use for, before anything runs.
 * @throws PawlError `request.invalid`, `params.invalid`
 */
export const assertFits = (runbook: Runbook, authoring: Authoring, options: TestOptions): void => {
  const { params = {}, stubs = {}, secrets = {}, cell, ignore = [], rejects = [], claims = {} } = options;
  authoring.resolveParams(runbook, params);
  assertNoElements(runbook, cell);
  const { cells } = runbook;
  const namesOf = (wanted: (one: Cell) => boolean): string[] => cells.filter(wanted).map(({ name }) => name);
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
  for (const [name, value] of Object.entries(secrets)) {
    check('A secret', name, Object.keys(runbook.secrets ?? {}), 'secret');
    if (value.length < limits.secretCharsMin)
      refuse(`The secret ${name} is shorter than ${limits.secretCharsMin} characters (secretCharsMin).`);
  }
  // The world would be told what a test has made up.
  for (const really of willRun(runbook, options)) {
    const { uses = [] } = cells.find(({ name }) => name === really.cell) ?? {};
    const lacking = uses.find((name) => !Object.hasOwn(secrets, name));
    if (lacking !== undefined)
      refuse(
        `Cell ${really.cell} would really run, and uses the secret ${lacking}: give it one for the test (\`--secret ${lacking}=@FILE\`), or answer for the cell.`,
      );
  }
  for (const name of rejects)
    check(
      'A rejection',
      name,
      namesOf(({ body }) => body.kind === 'approve'),
      'approval',
    );
};

/** A test is at every place: what a cell says of where it runs is left out. Of ends it goes through that of a run that completes. */
const anywhere = (authoring: Authoring): Authoring => ({
  ...authoring,
  compile: (source) => {
    const compiled = authoring.compile(source);
    if (compiled.kind !== 'runbook') return compiled;
    const runbook = testedOf(compiled.runbook);
    return { ...compiled, runbook: { ...runbook, cells: runbook.cells.map(({ at: _, ...cell }) => cell) } };
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
  const [{ authoring }, cells] = await Promise.all([import('../authoring/index.ts'), import('../cells/index.ts')]);
  const { params = {}, stubs = {}, secrets = {}, claims = {}, rejects = [], cell, ignore, onCell } = options;
  const { allow = {}, httpAllow = '' } = options;
  const compiled = authoring.compile(source);
  if (compiled.kind === 'runbook') assertFits(compiled.runbook, authoring, options);
  const ran = await runUnderCrashes({
    authoring: anywhere(authoring),
    whole: compiled.kind === 'runbook' ? compiled.runbook : null,
    source,
    params,
    stubs,
    secrets,
    claims,
    rejects,
    cell,
    ignore: ignoredBy(ignore),
    really: cells.createExecute({ httpAllow: cells.parseHttpAllow(httpAllow), aws: cells.parseAwsAllow(allow) }),
    deployment: `test-${randomBytes(6).toString('hex')}`,
    ...(onCell === undefined ? {} : { onCell }),
  });
  return judge(ran);
};

/**
 * Runs a runbook once, and takes a crash from it at every entry of its journal: when a reservation, an outcome, a wait or a
 * vote stands, and when a body is through and its outcome is not stored. Each crash is looked at on a copy of the tables
 * while the run stands still, so the world that a probe or a repeated body meets is the one of that moment.
 */
import {
  type Authoring,
  type Cell,
  type Entry,
  type Execute,
  isRunEnd,
  natureOf,
  PawlError,
  type Runbook,
} from '../engine/index.ts';
import { type Answers, answerWait } from './answers.ts';
import { createBodies, isStubbed, type Stubs } from './bodies.ts';
import { differencesOf, ignoredOf } from './compare.ts';
import { afterStart, consequenceOf, type Moment, type Recovery, runAgain } from './crashes.ts';
import { putBackAt } from './ends.ts';
import { budgetMs, createProcess, type Process, tester } from './process.ts';
import type { CellTest, Crash, CrashPoint, Ended, Repeat, RunbookTest } from './report.ts';
import { createSecrets } from './secrets.ts';
import { createTables } from './tables.ts';

export type Wanted = Answers & {
  authoring: Authoring;
  source: string;
  /** With what a test does not go through; `null`: the document has problems. */
  whole: Runbook | null;
  params: Record<string, unknown>;
  stubs: Stubs;
  /** Secrets by name. */
  secrets: Readonly<Record<string, string>>;
  /** Only this cell is interrupted, and the run stops after it. */
  cell: string | undefined;
  /** By cell: paths of its result that may differ. */
  ignore: Readonly<Record<string, readonly string[]>>;
  really: Execute;
  deployment: string;
  /** Told before the body of a cell, or its answer, begins. */
  onCell?: (cell: string) => void;
};

/** Results of one cell as the run goes on. */
type Track = Pick<CellTest, 'crashes' | 'repeat' | 'answer' | 'ended' | 'attempts'> & { skipped: boolean };

const turnsMax = 10_000;

const pointOf = (entry: Entry): CrashPoint | undefined =>
  entry.kind === 'reserved' || entry.kind === 'outcome' || entry.kind === 'waiting' || entry.kind === 'vote'
    ? entry.kind
    : undefined;

const madeUp = {
  status: 'failed',
  error: { code: 'test.madeUp', message: 'The test says that it failed, though it ran.' },
} as const;

const createRun = (wanted: Wanted, runbook: Runbook) => {
  const { authoring, stubs, deployment, ignore } = wanted;
  const bodies = createBodies(runbook, wanted.really, stubs);
  const tracks = new Map<string, Track>();
  const trackOf = (name: string): Track => {
    let track = tracks.get(name);
    if (track === undefined) {
      track = { crashes: [], repeat: null, answer: null, ended: null, attempts: 0, skipped: false };
      tracks.set(name, track);
    }
    return track;
  };
  /** As it stood before the newest reservation of each cell. */
  const beforeReserved = new Map<string, Moment>();
  const secrets = createSecrets(runbook, wanted.secrets);
  const recovery: Recovery = { authoring, deployment, runbook, bodies, secrets, stubs, instanceId: '' };
  let started: RunbookTest['started'] = { then: 'goes_on', detail: null };
  let main: Process;

  /** What the run's own attempt came to, as the entry that is about to be put says. */
  const endedOf = (cell: Cell, entry: Entry & { kind: 'outcome' }): Ended => {
    const { then, error, exitCode } = entry;
    const result = main.bodies.results.get(cell.name);
    const errorText = error == null ? null : `${error.code}: ${error.message}`;
    const inline = entry.output?.kind === 'inline' ? entry.output.text : null;
    const own = {
      status: entry.status,
      output: result?.output ?? inline,
      exitCode: exitCode ?? null,
      error: errorText,
    };
    return { ...own, satisfied: then === 'next' || then === 'end' };
  };

  const compare = (by: Repeat['by'], cell: Cell, before: Ended, after: Ended | null): Repeat => {
    const ignored = [...ignoredOf(cell.body.kind), ...(ignore[cell.name] ?? [])];
    const differences = after === null ? [] : differencesOf(before, after, ignored);
    return { by, after, same: after !== null && differences.length === 0, differences };
  };

  const momentAt = (seq: number): Moment => ({ tables: main.tables.fork(), seq, nowMs: main.clock.nowMs() });

  const takeCrash = async (
    after: CrashPoint,
    entry: Entry,
    cell: Cell,
  ): Promise<{ crash: Crash; process: Process }> => {
    // A body is through while its outcome is about to be put: what stands is the entry before it.
    const stands = after === 'effect' ? entry.seq - 1 : entry.seq;
    const answered = await consequenceOf(recovery, momentAt(stands), cell);
    const { process, then, detail, halts = false, output } = answered;
    const attempt = entry.kind === 'reserved' || entry.kind === 'outcome' ? entry.attempt : 0;
    const lost = after === 'effect' && output === false && main.bodies.results.get(cell.name)?.output != null;
    const withoutOutputFor = lost ? readersOf(cell) : [];
    const crash: Crash = { after, seq: entry.seq, attempt, then, detail, halts, withoutOutputFor };
    trackOf(cell.name).crashes.push(crash);
    return { crash, process };
  };

  /** Later cells that read its output by name. */
  const readersOf = ({ name, index }: Cell): string[] =>
    runbook.cells
      .filter((one) => one.index > index && one.reads !== 'all' && one.reads.includes(name))
      .map((one) => one.name);

  /** A fixed answer says the same whenever it is asked: that shows nothing about the cell. */
  const canShow = (cell: Cell): boolean => !isStubbed(stubs, cell.name) || typeof stubs[cell.name] === 'function';

  const betweenEffectAndOutcome = async (entry: Entry & { kind: 'outcome' }, cell: Cell): Promise<void> => {
    const track = trackOf(cell.name);
    const { crash, process } = await takeCrash('effect', entry, cell);
    const ended = endedOf(cell, entry);
    if (!ended.satisfied || track.repeat !== null || !canShow(cell)) return;
    // A safe method is declared so by HTTP itself: what it answers may differ, and that does no harm.
    if (crash.then === 'retried' && cell.byMethod === undefined) {
      const closed = { tables: process.tables, seq: entry.seq - 1, nowMs: process.clock.nowMs() };
      const after = await runAgain(recovery, closed, cell);
      track.repeat = compare('interrupted', cell, ended, after);
      return;
    }
    const before = beforeReserved.get(cell.name);
    if (
      (cell.retryMax ?? 0) < 1 ||
      (cell.interrupted === 'retry' && cell.byMethod === undefined) ||
      before === undefined
    )
      return;
    const instead = { cell: cell.name, result: madeUp };
    const after = await runAgain(recovery, before, cell, instead);
    // A cell that is meant to fail takes the failure for its end: nothing permits another attempt.
    track.repeat = after === null ? null : compare('retry', cell, ended, after);
  };

  const cellOf = (entry: Entry): Cell | undefined => {
    if (!('cell' in entry)) return undefined;
    const cell = runbook.cells.find(({ name }) => name === entry.cell);
    return wanted.cell === undefined || wanted.cell === cell?.name ? cell : undefined;
  };
  const hasBody = (entry: Entry, cell: Cell): entry is Entry & { kind: 'outcome' } =>
    entry.kind === 'outcome' && natureOf(cell) === 'effect' && typeof entry.closes === 'number';

  const watch = {
    before: async (entry: Entry): Promise<void> => {
      const cell = cellOf(entry);
      if (cell === undefined) return;
      if (entry.kind === 'reserved') beforeReserved.set(cell.name, momentAt(entry.seq - 1));
      if (hasBody(entry, cell)) await main.clock.stopped(() => betweenEffectAndOutcome(entry, cell));
    },
    after: async (entry: Entry): Promise<void> => {
      recovery.instanceId = entry.instanceId;
      if (entry.kind === 'started')
        await main.clock.stopped(async () => {
          started = await afterStart(recovery, momentAt(entry.seq));
        });
      if (entry.kind === 'outcome') {
        const ran = runbook.cells.find(({ name }) => name === entry.cell);
        const track = trackOf(entry.cell);
        track.attempts = Math.max(track.attempts, entry.attempt);
        track.skipped = entry.status === 'skipped';
        const { passes = 0 } = entry;
        for (const { name } of runbook.cells.slice(entry.index + 1, entry.index + 1 + passes))
          trackOf(name).skipped = true;
        if (ran !== undefined) track.ended = endedOf(ran, entry);
      }
      const cell = cellOf(entry);
      const point = pointOf(entry);
      if (cell !== undefined && point !== undefined)
        await main.clock.stopped(async () => void (await takeCrash(point, entry, cell)));
      if (entry.kind === 'reserved') wanted.onCell?.(entry.cell);
    },
  };

  const tables = createTables();
  main = createProcess({ authoring, tables, bodies: bodies.by(), secrets, startAtMs: null, deployment, watch });
  return { main, trackOf, times: bodies.times, started: () => started, claimed: new Set<string>() };
};

const answeredMax = 200;
const addAnswer = (track: Track, answer: string): void => {
  if (track.answer === null) track.answer = answer;
  else if (!track.answer.includes(answer) && track.answer.length < answeredMax) track.answer += `, ${answer}`;
};

/** Drives the run to its end. Each call begins one cell at most, so that every crash is about one cell. */
const drive = async (run: ReturnType<typeof createRun>, runbook: Runbook, wanted: Wanted, instanceId: string) => {
  const { main, trackOf } = run;
  const stopAt = runbook.cells.find(({ name }) => name === wanted.cell)?.index;
  for (let turn = 0; turn < turnsMax; turn += 1) {
    const { stop, state } = await main.engine.advance(instanceId, { maxCells: 1, budgetMs, by: tester });
    if (isRunEnd(stop.result)) return stop.result;
    if (stopAt !== undefined && state.next > stopAt) return 'stopped';
    if (stop.result === 'halted') return 'halted';
    if (stop.result === 'deferred') main.clock.moveTo(stop.untilMs);
    if (stop.result === 'in_doubt') {
      if (stop.nextAtMs === null) return 'in_doubt';
      main.clock.moveTo(stop.nextAtMs);
    }
    if (stop.result === 'in_flight') main.clock.moveTo(stop.holder.deadlineAtMs + 60_000);
    if (stop.result !== 'parked') continue;
    const cell = runbook.cells[state.next];
    const found = await main.engine.inspect(instanceId, tester);
    if (found.waits?.kind === 'await') for (const { claimId } of found.waits.claims) run.claimed.add(claimId);
    const answer = cell && (await answerWait(main, instanceId, found, cell, wanted));
    if (answer == null || cell === undefined) return 'waiting';
    addAnswer(trackOf(cell.name), answer);
  }
  return 'waiting';
};

const ranOf = (cell: Cell, track: Track, stubs: Stubs): CellTest['ran'] => {
  if (track.skipped) return 'skipped';
  if (track.ended === null && track.crashes.length === 0) return 'not reached';
  if (natureOf(cell) === 'pure') return 'none';
  if (natureOf(cell) === 'waiting' && cell.poll === undefined) return 'answered';
  return isStubbed(stubs, cell.name) ? 'stubbed' : 'really';
};

export type Ran = Omit<RunbookTest, 'ok' | 'findings'> & { runbook: Runbook };

/** @throws PawlError `runbook.invalid`, `params.invalid`, and what `start` refuses */
export const runUnderCrashes = async (wanted: Wanted): Promise<Ran> => {
  const compiled = wanted.authoring.compile(wanted.source);
  if (compiled.kind === 'problems') {
    const { problems } = compiled;
    const listed = problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
    throw new PawlError('runbook.invalid', `Nothing ran: the runbook is not valid.\n${listed.join('\n')}`, {
      problems,
    });
  }
  const { runbook } = compiled;
  const run = createRun(wanted, runbook);
  const { engine } = run.main;
  await engine.publish(wanted.source, tester);
  const { view } = await engine.start({ runbookId: runbook.runbookId, params: wanted.params, by: tester });
  const result = await drive(run, runbook, wanted, view.instanceId);
  const { params } = await engine.inspect(view.instanceId, tester);
  const hasRun = (name: string): boolean => run.trackOf(name).ended !== null && !run.trackOf(name).skipped;
  const cells = runbook.cells.map((cell): CellTest => {
    const { skipped: _, ...track } = run.trackOf(cell.name);
    return {
      name: cell.name,
      kind: cell.body.kind,
      line: cell.line,
      ran: ranOf(cell, run.trackOf(cell.name), wanted.stubs),
      declared: {
        interrupted: cell.interrupted,
        retry: cell.retryMax,
        probe: cell.probe !== null,
        optional: cell.optional,
      },
      times: run.times.get(cell.name) ?? 0,
      putsBack: wanted.whole === null ? [] : putBackAt(wanted.whole, cell, hasRun),
      ...track,
    };
  });
  return {
    runbook,
    runbookId: runbook.runbookId,
    title: runbook.title,
    params,
    instanceId: view.instanceId,
    result,
    started: run.started(),
    crashes: 1 + cells.reduce((sum, { crashes }) => sum + crashes.length, 0),
    cells,
    stubbed: Object.keys(wanted.stubs),
    unusedClaims: Object.keys(wanted.claims).filter((id) => !run.claimed.has(id)),
  };
};

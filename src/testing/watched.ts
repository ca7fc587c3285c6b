/**
 * A run that takes a crash at every entry of its journal: when a reservation, an outcome, a wait or a
 * vote stands, and when a body is through and its outcome is not stored. Each crash is looked at on a copy of the tables
 * while the run stands still, so the world that a probe or a repeated body meets is the one of that moment.
 */
import {
  type Authoring,
  type Cell,
  type Entry,
  type Execute,
  levelOf,
  natureOf,
  type Pins,
  type Runbook,
} from '../engine/index.ts';
import type { Answers } from './answers.ts';
import { bodyOf, createBodies, isStubbed, type Stubs } from './bodies.ts';
import { differencesOf, ignoredOf } from './compare.ts';
import { afterStart, consequenceOf, type Moment, type Recovery, runAgain } from './crashes.ts';
import type { NamedCell } from './levels.ts';
import { createProcess, type Process } from './process.ts';
import type { CellTest, Crash, CrashPoint, Ended, Repeat, RunbookTest } from './report.ts';
import { createSecrets, secretsIn } from './secrets.ts';
import { createTables } from './tables.ts';

export type Wanted = Answers & {
  authoring: Authoring;
  source: string;
  /** With what a test does not go through; `null`: the document has problems. */
  whole: Runbook | null;
  /** The versions that it runs, and what these run. */
  pins: Pins;
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
export type Track = Pick<CellTest, 'crashes' | 'repeat' | 'answer' | 'ended' | 'attempts'> & {
  skipped: boolean;
  /** Runs and elements that came to it, and did not pass over it. */
  in: Set<string>;
  /** Whose `ended` is. */
  by: string | null;
};

const isBad = ({ ended }: Track): boolean => ended !== null && !ended.satisfied;

const pointOf = (entry: Entry): CrashPoint | undefined =>
  entry.kind === 'reserved' || entry.kind === 'outcome' || entry.kind === 'waiting' || entry.kind === 'vote'
    ? entry.kind
    : undefined;

const madeUp = {
  status: 'failed',
  error: { code: 'test.madeUp', message: 'The test says that it failed, though it ran.' },
} as const;

export const createRun = (wanted: Wanted, cells: readonly NamedCell[]) => {
  const { authoring, pins, stubs, deployment, ignore } = wanted;
  const byName = new Map(cells.map((one) => [one.name, one]));
  /** Before the names of the cells of each instance. */
  const pathOf = new Map<string, string>();
  const namedOf = ({ instanceId, cell }: { instanceId: string; cell: string }): NamedCell => {
    const name = `${pathOf.get(instanceId) ?? ''}${cell}`;
    const named = byName.get(name);
    if (named === undefined) throw new Error(`A test met the cell ${name}, which is none of its document.`);
    return named;
  };
  /** An instance is known before its first entry stands. */
  const meet = ({ instanceId, parent }: Entry & { kind: 'started' }): void => {
    const around = parent === undefined ? '' : (pathOf.get(parent.instanceId) ?? '');
    pathOf.set(instanceId, parent?.run === true ? `${around}${parent.cell}/` : around);
  };
  const bodies = createBodies(namedOf, wanted.really, stubs);
  const tracks = new Map<string, Track>();
  const trackOf = (name: string): Track => {
    let track = tracks.get(name);
    if (track === undefined) {
      track = {
        crashes: [],
        repeat: null,
        answer: null,
        ended: null,
        attempts: 0,
        skipped: false,
        in: new Set(),
        by: null,
      };
      tracks.set(name, track);
    }
    return track;
  };
  /** As it stood before the newest reservation of each cell. */
  const beforeReserved = new Map<string, Moment>();
  const secrets = createSecrets(secretsIn(cells), wanted.secrets);
  const recovery = { authoring, pins, deployment, bodies, secrets, stubs };
  let started: RunbookTest['started'] = { then: 'goes_on', detail: null };
  let main: Process;

  const recoveryOf = ({ instanceId }: Entry, { name }: NamedCell): Recovery => ({ ...recovery, instanceId, name });

  /** What the run's own attempt came to, as the entry that is about to be put says. */
  const endedOf = (cell: Cell, entry: Entry & { kind: 'outcome' }): Ended => {
    const { then, error, exitCode } = entry;
    const result = main.bodies.results.get(bodyOf(entry.instanceId, cell.name));
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

  const compare = (by: Repeat['by'], { name, cell }: NamedCell, before: Ended, after: Ended | null): Repeat => {
    const ignored = [...ignoredOf(cell.body.kind), ...(ignore[name] ?? [])];
    const differences = after === null ? [] : differencesOf(before, after, ignored);
    return { by, after, same: after !== null && differences.length === 0, differences };
  };

  const momentAt = (seq: number): Moment => ({ tables: main.tables.fork(), seq, nowMs: main.clock.nowMs() });

  const takeCrash = async (
    after: CrashPoint,
    entry: Entry,
    named: NamedCell,
  ): Promise<{ crash: Crash; process: Process }> => {
    // A body is through while its outcome is about to be put: what stands is the entry before it.
    const stands = after === 'effect' ? entry.seq - 1 : entry.seq;
    const { name, cell } = named;
    const answered = await consequenceOf(recoveryOf(entry, named), momentAt(stands), cell);
    const { process, then, detail, halts = false, output } = answered;
    const attempt = entry.kind === 'reserved' || entry.kind === 'outcome' ? entry.attempt : 0;
    const { instanceId } = entry;
    const own = main.bodies.results.get(bodyOf(instanceId, cell.name));
    const lost = after === 'effect' && output === false && own?.output != null;
    const withoutOutputFor = lost ? readersOf(named) : [];
    const crash: Crash = { after, instanceId, seq: entry.seq, attempt, then, detail, halts, withoutOutputFor };
    trackOf(name).crashes.push(crash);
    return { crash, process };
  };

  /** Later cells that read its output by name. */
  const readersOf = ({ level, cell: { name } }: NamedCell): string[] =>
    cells
      .filter(({ level: its, cell: { reads } }) => its === level && reads !== 'all' && reads.includes(name))
      .map((one) => one.name);

  /** A fixed answer says the same whenever it is asked: that shows nothing about the cell. */
  const canShow = ({ name }: NamedCell): boolean => !isStubbed(stubs, name) || typeof stubs[name] === 'function';

  const betweenEffectAndOutcome = async (entry: Entry & { kind: 'outcome' }, named: NamedCell): Promise<void> => {
    const { name, cell } = named;
    const track = trackOf(name);
    const { crash, process } = await takeCrash('effect', entry, named);
    const ended = endedOf(cell, entry);
    if (!ended.satisfied || track.repeat !== null || !canShow(named)) return;
    // A safe method is declared so by HTTP itself: what it answers may differ, and that does no harm.
    if (crash.then === 'retried' && cell.byMethod === undefined) {
      const closed = { tables: process.tables, seq: entry.seq - 1, nowMs: process.clock.nowMs() };
      const after = await runAgain(recoveryOf(entry, named), closed, cell);
      track.repeat = compare('interrupted', named, ended, after);
      return;
    }
    const before = beforeReserved.get(bodyOf(entry.instanceId, cell.name));
    if (
      (cell.retryMax ?? 0) < 1 ||
      (cell.interrupted === 'retry' && cell.byMethod === undefined) ||
      before === undefined
    )
      return;
    const instead = { cell: cell.name, result: madeUp };
    const after = await runAgain(recoveryOf(entry, named), before, cell, instead);
    // A cell that is meant to fail takes the failure for its end: nothing permits another attempt.
    track.repeat = after === null ? null : compare('retry', named, ended, after);
  };

  const wantedIn = (entry: Entry): NamedCell | undefined => {
    if (!('cell' in entry)) return undefined;
    const named = namedOf(entry);
    return wanted.cell === undefined || wanted.cell === named.name ? named : undefined;
  };
  const hasBody = (entry: Entry, cell: Cell): entry is Entry & { kind: 'outcome' } =>
    entry.kind === 'outcome' && natureOf(cell) === 'effect' && typeof entry.closes === 'number';

  const watch = {
    before: async (entry: Entry): Promise<void> => {
      if (entry.kind === 'started') meet(entry);
      const named = wantedIn(entry);
      if (named === undefined) return;
      const { cell } = named;
      if (entry.kind === 'reserved') beforeReserved.set(bodyOf(entry.instanceId, cell.name), momentAt(entry.seq - 1));
      if (hasBody(entry, cell)) await main.clock.stopped(() => betweenEffectAndOutcome(entry, named));
    },
    after: async (entry: Entry): Promise<void> => {
      if (entry.kind === 'started' && entry.parent === undefined)
        await main.clock.stopped(async () => {
          started = await afterStart({ ...recovery, instanceId: entry.instanceId }, momentAt(entry.seq));
        });
      if (entry.kind === 'outcome') {
        const { name: own, cell: ran, level } = namedOf(entry);
        const track = trackOf(own);
        track.attempts = Math.max(track.attempts, entry.attempt);
        if (entry.status === 'skipped') track.skipped = true;
        else track.in.add(entry.instanceId);
        const { passes = 0 } = entry;
        const around = levelOf(level.runbook, entry.cell);
        for (const { name } of around.cells.slice(entry.index + 1, entry.index + 1 + passes))
          trackOf(`${level.path}${name}`).skipped = true;
        if (!(isBad(track) && entry.instanceId !== track.by)) {
          track.ended = endedOf(ran, entry);
          track.by = entry.instanceId;
        }
      }
      const named = wantedIn(entry);
      const point = pointOf(entry);
      if (named !== undefined && point !== undefined)
        await main.clock.stopped(async () => void (await takeCrash(point, entry, named)));
      if (entry.kind === 'reserved') wanted.onCell?.(namedOf(entry).name);
    },
  };

  const tables = createTables();
  main = createProcess({ authoring, pins, tables, bodies: bodies.by(), secrets, startAtMs: null, deployment, watch });
  return {
    main,
    namedOf,
    trackOf,
    times: bodies.times,
    started: () => started,
    claimed: new Set<string>(),
    next: new Map<string, number>(),
  };
};

/**
 * One simulation: three advancers, ticks, operators and a canceller race over one instance under the faults a seed
 * draws. Then the faults stop, one honest caller goes on, and the journal and the witness are judged.
 */
import {
  type Cell,
  type Entry,
  isPawlError,
  type Probe,
  type Runbook,
  type State,
  type Version,
} from '../../src/engine/index.ts';
import { takeoverOf } from '../../src/engine/policy.ts';
import { pass, runbookOf } from '../engine/runbooks.ts';
import { checkAll, type Told } from './check.ts';
import {
  createProcess,
  type FaultKind,
  faultKinds,
  graceMs,
  noFaults,
  type Process,
  type Rates,
  strikes,
  type World,
} from './processes.ts';
import { createRandom, createSchedule, type Draw } from './schedule.ts';
import { createTables, type Row } from './tables.ts';

const startMs = Date.UTC(2026, 10, 24, 3, 0, 0);
const instanceId = 'sim';
const eventsMax = 20_000;
const hourMs = 3_600_000;
const by = (name: string) => ({ actor: name, via: 'simulation', where: name });

export type Simulated = {
  seed: number;
  entries: Entry[];
  faults: Record<FaultKind, number>;
  branches: Set<string>;
  trace: string[];
  begins: number;
  /** Calls that no fault struck, and those of them that were answered. */
  unhit: number;
  answered: number;
  ended: string | null;
};

const probe: Probe = {
  line: 1,
  timeoutMs: 2_000,
  done: null,
  notDone: null,
  reads: [],
  body: { kind: 'ts', code: 'probe' },
};

const drawCell = (draw: Draw, index: number): Partial<Cell> => {
  const x = draw.fraction();
  if (x < 0.07) return { body: { kind: 'assert', expressions: [pass] } };
  if (x < 0.14) return { when: { source: draw.chance(0.5) ? 'true' : 'false', line: 1 } };
  if (x < 0.2) return { body: { kind: 'manual', instructions: ['Look.'] } };
  if (x < 0.22) return { body: { kind: 'end' }, when: { source: draw.chance(0.3) ? 'true' : 'false', line: 1 } };
  const interrupted = draw.pick(['hold', 'retry', 'probe', 'continue'] as const);
  return {
    interrupted,
    probe: interrupted === 'probe' ? probe : null,
    settleMs: draw.pick([0, 5_000, 120_000]),
    keyWindowMs: draw.chance(0.2) ? 120_000 : null,
    retryMax: draw.chance(0.5) ? draw.int(4) : null,
    optional: draw.chance(0.15),
    reads: index > 0 && draw.chance(0.3) ? ['c0'] : [],
    timeoutMs: draw.pick([2_000, 8_000]),
  };
};

const drawRunbook = (draw: Draw): Runbook =>
  runbookOf(Array.from({ length: 1 + draw.int(6) }, (_, index) => drawCell(draw, index)));

/** Each kind of fault is on in some runs and off in others, so that it is met alone and with others. */
const drawRates = (draw: Draw): Rates => {
  const rate = (kind: FaultKind): number => {
    if (!draw.chance(0.4)) return 0;
    if (kind === 'clockOff' || kind === 'clockFarOff') return 0.3;
    if (kind === 'childOutlives') return 0.9;
    if (kind === 'unknownResult' || kind === 'probeUnsure' || kind === 'duplicateDelivery' || kind === 'lateDelivery')
      return 0.25;
    if (kind === 'crashInCell' || kind === 'cutRead') return 0.12;
    return draw.fraction() * 0.035;
  };
  return Object.fromEntries(faultKinds.map((kind) => [kind, rate(kind)])) as Rates;
};

type Counts = { unhit: number; answered: number };
type Run = { world: World; told: Told[]; counts: Counts; live: { calls: number } };

/** One call: what it was told is kept, and whether it was answered although nothing struck it. */
const call = async <T>(
  { world, counts }: Run,
  process: Process,
  name: string,
  ask: () => Promise<T>,
): Promise<T | undefined> => {
  const struck = process.struck;
  const count = (answered: boolean): void => {
    if (process.struck !== struck) return;
    counts.unhit += 1;
    if (answered) counts.answered += 1;
  };
  try {
    const answer = await ask();
    count(true);
    return answer;
  } catch (error) {
    if (!isPawlError(error)) throw error;
    world.trace.push(`${world.schedule.nowMs()} ${name} told ${error.code}`);
    // A refusal is an answer; only a store that could not be reached is none.
    count(!['store.unavailable', 'outcome.unrecorded', 'store.misconfigured', 'journal.broken'].includes(error.code));
    return undefined;
  }
};

type Advance = { maxCells?: number; expectedSeq?: number; explicit?: boolean; drive?: 'auto' };

const advance = async (run: Run, process: Process, name: string, request: Advance): Promise<string | undefined> => {
  const answer = await call(run, process, name, () =>
    process.engine.advance(instanceId, { budgetMs: 60_000, by: by(name), ...request }),
  );
  for (const step of answer?.steps ?? [])
    run.told.push({
      kind: 'step',
      by: name,
      cell: step.cell,
      seq: step.seq,
      status: step.status,
      recorded: step.recorded,
    });
  if (answer?.stop.result === 'in_flight') run.told.push({ kind: 'in_flight', seq: answer.stop.holder.seq });
  return answer?.result;
};

/** Starts `live` in a process, and again in a new one whenever that crashes. */
const keepAlive = (run: Run, name: string, live: (process: Process) => Promise<void>): void => {
  const { world } = run;
  let generation = 0;
  const begin = (): void => {
    const process = createProcess(world, `${name}.${generation++}`);
    process.onCrash = () => world.schedule.after(world.draw.int(20_000), begin);
    void live(process).catch((error: unknown) => world.trace.push(`DEFECT ${String((error as Error).stack)}`));
  };
  begin();
};

const advancer = (run: Run, name: string): void => {
  const { draw } = run.world;
  keepAlive(run, name, async (process) => {
    while (run.live.calls > 0) {
      run.live.calls -= 1;
      await process.pause('between calls', draw.int(6_000));
      const seen = draw.chance(0.5)
        ? await call(run, process, name, () => process.ports.journal.head(instanceId))
        : undefined;
      const expected = seen === undefined ? {} : { expectedSeq: seen.entry.seq };
      const request = draw.chance(0.6)
        ? { maxCells: 1 + draw.int(3) }
        : { maxCells: Number.POSITIVE_INFINITY, drive: 'auto' as const };
      const result = await advance(run, process, name, { ...request, ...expected });
      if (result === 'completed' || result === 'cancelled') return;
    }
  });
};

/** The schedule: looks at views that are due, hands them on once, twice or six hours late, with the seq it has seen. */
const ticker = (run: Run): void => {
  const { world } = run;
  const { draw, schedule } = world;
  keepAlive(run, 'tick', async (process) => {
    for (let tick = 0; tick < 6; tick += 1) {
      await process.pause('between ticks', 15_000 + draw.int(20_000));
      const due = world.tables
        .rows('views')
        .filter((view: Row) => typeof view.dueAtMs === 'number' && view.dueAtMs <= schedule.nowMs());
      for (const view of due) {
        const work = (name: string, delayMs: number): void =>
          schedule.after(delayMs, () => {
            const expectedSeq =
              draw.chance(0.5) && typeof view.revision === 'number' ? { expectedSeq: view.revision } : {};
            const worker = createProcess(world, name);
            worker.onCrash = () => {};
            void advance(run, worker, name, { maxCells: 3, explicit: false, ...expectedSeq }).catch((error: unknown) =>
              world.trace.push(`DEFECT ${String((error as Error).stack)}`),
            );
          });
        work(`work${tick}`, draw.int(500));
        if (strikes(world, null, 'duplicateDelivery')) work(`work${tick}again`, draw.int(2_000));
        if (strikes(world, null, 'lateDelivery')) work(`work${tick}late`, 6 * hourMs);
      }
    }
  });
};

/** People: they record manual cells, decide what is in doubt or halted, each looking before they act. */
const operator = (run: Run, name: string, looks: number): void => {
  const { draw } = run.world;
  keepAlive(run, name, async (process) => {
    for (let look = 0; look < looks; look += 1) {
      await process.pause('between looks', draw.int(40_000));
      const state = (await call(run, process, name, () => process.ports.journal.head(instanceId)))?.entry.state;
      if (draw.chance(0.3)) await call(run, process, name, () => process.engine.inspect(instanceId, by(name)));
      if (state === undefined || state.ended !== null) continue;
      await decideOne(run, process, name, state, draw);
    }
  });
};

const decideOne = async (run: Run, process: Process, name: string, state: State, draw: Draw): Promise<void> => {
  const { open, halted } = state;
  if (open?.kind === 'waiting') {
    const result = draw.chance(0.9) ? 'done' : 'failed';
    await call(run, process, name, () =>
      process.engine.done(instanceId, open.cell, { result, note: 'looked', by: by(name) }),
    );
    return;
  }
  const seq = open?.seq ?? halted?.seq;
  if (seq === undefined) return;
  const verdict = draw.pick(['succeeded', 'failed', 'retry', 'retry', 'skip'] as const);
  const fresh = verdict === 'retry' && draw.chance(0.3) ? { freshKey: true } : {};
  const decided = await call(run, process, name, () =>
    process.engine.verdict(instanceId, { seq, verdict, reason: 'looked', by: by(name), ...fresh }),
  );
  if (decided !== undefined) run.told.push({ kind: 'verdict', seq, verdict, by: name });
};

const canceller = (run: Run): void => {
  const process = createProcess(run.world, 'canceller');
  process.onCrash = () => {};
  run.world.schedule.after(run.world.draw.int(90_000), () => {
    const cancel = async (): Promise<void> => {
      const answer = await process.engine.cancel(instanceId, 'stop', by('canceller')).catch((error: unknown) => {
        if (!isPawlError(error)) throw error;
        if (error.code === 'instance.finished') run.told.push({ kind: 'cancelRefused' });
        return undefined;
      });
      if (answer !== undefined) run.told.push({ kind: 'cancelled' });
    };
    void cancel().catch((error: unknown) => run.world.trace.push(`DEFECT ${String((error as Error).stack)}`));
  });
};

/** Once faults have stopped, whatever needs no person finishes, and what is left needs one. */
const heal = async (run: Run): Promise<void> => {
  const { world } = run;
  const honest = createProcess(world, 'honest');
  let done = false;
  const live = async (): Promise<void> => {
    for (let look = 0; look < 40; look += 1) {
      const result = await advance(run, honest, 'honest', { maxCells: Number.POSITIVE_INFINITY });
      if (result === 'completed' || result === 'cancelled') break;
      await new Promise<void>((resolve) => world.schedule.after(130_000, resolve));
    }
    done = true;
  };
  void live().catch((error: unknown) => world.trace.push(`DEFECT ${String((error as Error).stack)}`));
  await world.schedule.run(eventsMax, () => done);
};

/** Why an instance that did not end may stand where it stands. */
const assertNeedsPerson = (world: World, state: State): void => {
  if (state.ended !== null || state.open?.kind === 'waiting') return;
  const cell = world.version.runbook.cells[state.next];
  if (cell === undefined) throw new Error('progress: no cell is left and it has not ended');
  if (state.halted !== null && !state.halted.doubt) return;
  const doubt = state.open?.kind === 'reserved' || state.halted?.doubt === true;
  if (!doubt) throw new Error(`progress: ${cell.name} is ready, and nobody goes on`);
  const takeover = takeoverOf(state, cell, world.schedule.nowMs());
  // A probe that may not permit another attempt, or that was unsure five times, leaves it to a person.
  if (takeover.kind === 'hold' || takeover.kind === 'probe') return;
  throw new Error(`progress: ${cell.name} is in doubt although its policy says ${takeover.kind}`);
};

/**
 * Runs one seed to its end and judges it.
 * @throws the broken rule, with the seed, the command that replays it and its trace
 */
export const simulate = async (seed: number): Promise<Simulated> => {
  const draw = createRandom(seed);
  const schedule = createSchedule(startMs);
  const runbook = drawRunbook(draw);
  const version: Version = { runbookId: 'demo', version: 1, hash: 'a'.repeat(64), source: '', runbook };
  const faults = Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as Record<FaultKind, number>;
  const world: World = {
    draw,
    schedule,
    tables: createTables(),
    version,
    rates: noFaults,
    faults,
    begins: [],
    branches: new Set(),
    trace: [],
    get clocksRight() {
      return faults.clockOff === 0 && faults.clockFarOff === 0;
    },
    get noOverlap() {
      return faults.clockFarOff === 0 && faults.frozen === 0;
    },
  };
  const run: Run = { world, told: [], counts: { unhit: 0, answered: 0 }, live: { calls: 24 } };
  const starter = createProcess(world, 'starter');
  void starter.engine.start({
    runbookId: 'demo',
    params: {},
    instanceId,
    drive: draw.chance(0.5) ? 'auto' : 'manual',
    by: by('starter'),
  });
  await schedule.run(eventsMax);

  world.rates = drawRates(draw);
  for (const name of ['a', 'b', 'c']) advancer(run, name);
  ticker(run);
  operator(run, 'op1', 6);
  operator(run, 'op2', draw.int(4));
  if (draw.chance(0.4)) canceller(run);
  try {
    const ran = await schedule.run(eventsMax);
    if (ran === eventsMax) throw new Error(`the simulation did not come to rest in ${eventsMax} events`);
    const struck = world.trace.some((line) => /told (store\.|outcome\.)/.test(line));
    checkAll(world, instanceId, run.told);
    world.rates = noFaults;
    world.trace.push(`${schedule.nowMs()} FAULTS STOP`);
    await heal(run);
    const defect = world.trace.find((line) => line.startsWith('DEFECT'));
    if (defect !== undefined) throw new Error(defect);
    const entries = checkAll(world, instanceId, run.told);
    const state = (entries.at(-1) as Entry).state;
    assertNeedsPerson(world, state);
    const cause =
      struck ||
      Object.entries(faults).some(([kind, n]) => n > 0 && kind !== 'duplicateDelivery' && kind !== 'lateDelivery');
    if (!cause && entries.some((entry) => entry.kind === 'outcome' && entry.status === 'abandoned'))
      throw new Error('in doubt without a cause');
    return {
      seed,
      entries,
      faults,
      branches: world.branches,
      trace: world.trace,
      begins: world.begins.length,
      ...run.counts,
      ended: state.ended,
    };
  } catch (error) {
    const message = `seed ${seed}: ${(error as Error).message}\nreplay: npm run simulate -- --from ${seed} --seeds 1\n${world.trace.join('\n')}`;
    throw new Error(message, { cause: error });
  }
};

export { graceMs };

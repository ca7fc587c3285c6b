/** One simulation: two advancers and a canceller race over one instance under the faults that a seed draws. */
import { type Entry, isPawlError, type Runbook, type Version } from '../../src/engine/index.ts';
import { pass, runbookOf } from '../engine/runbooks.ts';
import { checkAll, type Told } from './check.ts';
import { createProcess, type FaultKind, faultKinds, type Process, type Rates, type World } from './processes.ts';
import { createRandom, createSchedule, type Draw } from './schedule.ts';
import { createTables } from './tables.ts';

const startMs = Date.UTC(2026, 10, 24, 3, 0, 0);
const instanceId = 'sim';
const eventsMax = 6_000;
const by = (name: string) => ({ actor: name, via: 'simulation', where: name });

export type Simulated = {
  seed: number;
  entries: Entry[];
  faults: Record<FaultKind, number>;
  trace: string[];
  begins: number;
  calls: number;
  /** Calls that ended in an error although no fault struck them. */
  answered: number;
  ended: string | null;
};

const drawRunbook = (draw: Draw): Runbook =>
  runbookOf(
    Array.from({ length: 1 + draw.int(4) }, (_, index) => {
      const x = draw.fraction();
      if (x < 0.1) return { body: { kind: 'assert' as const, expressions: [pass] } };
      if (x < 0.2) return { when: { source: draw.chance(0.5) ? 'true' : 'false', line: 1 } };
      return { retryMax: draw.int(3), optional: draw.chance(0.2), reads: index > 0 && draw.chance(0.3) ? ['c0'] : [], timeoutMs: draw.pick([2_000, 8_000]) };
    }),
  );

const rates = (draw: Draw): Rates => {
  const on = () => (draw.chance(0.6) ? draw.fraction() * 0.04 : 0);
  return Object.fromEntries(faultKinds.map((kind) => [kind, on()])) as Rates;
};

const none = Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as Rates;

/** An advancer: calls of all sorts, until the instance has ended or its calls are used up. Crashes restart it. */
const advancer = (world: World, name: string, told: Told[], count: { calls: number; answered: number }): void => {
  const { draw, schedule } = world;
  let generation = 0;
  let calls = 12;
  const live = async (process: Process): Promise<void> => {
    while (calls > 0) {
      calls -= 1;
      await process.pause('between calls', draw.int(3_000));
      try {
        const fresh = draw.chance(0.5) ? (await process.ports.journal.head(instanceId))?.entry.seq : undefined;
        const request = { budgetMs: 60_000, by: by(name), ...(fresh === undefined ? {} : { expectedSeq: fresh }) };
        count.calls += 1;
        const answer = draw.chance(0.5)
          ? await process.engine.advance(instanceId, { ...request, maxCells: 1 + draw.int(3) })
          : await process.engine.run(instanceId, request);
        count.answered += 1;
        for (const step of answer.steps) told.push({ kind: 'step', by: name, cell: step.cell, seq: step.seq, status: step.status, recorded: step.recorded });
        if (answer.stop.result === 'in_flight') told.push({ kind: 'in_flight', seq: answer.stop.holder.seq });
        if (answer.result === 'completed' || answer.result === 'cancelled') return;
      } catch (error) {
        if (!isPawlError(error)) throw error;
        world.trace.push(`${schedule.nowMs()} ${name} told ${error.code}`);
      }
    }
  };
  const begin = (): void => {
    const process = createProcess(world, `${name}.${generation++}`);
    process.onCrash = () => schedule.after(draw.int(20_000), begin);
    void live(process).catch((error: unknown) => world.trace.push(`DEFECT ${String((error as Error).stack)}`));
  };
  begin();
};

const canceller = (world: World, told: Told[]): void => {
  const { draw, schedule } = world;
  const process = createProcess(world, 'canceller');
  process.onCrash = () => {};
  schedule.after(draw.int(40_000), () => {
    process.engine.cancel(instanceId, 'stop', by('canceller')).then(
      () => told.push({ kind: 'cancelled' }),
      (error: unknown) => {
        if (!isPawlError(error)) world.trace.push(`DEFECT ${String((error as Error).stack)}`);
        else if (error.code === 'instance.finished') told.push({ kind: 'cancelRefused' });
      },
    );
  });
};

/**
 * Runs one seed to its end and judges it.
 * @throws the broken rule, with the seed and its trace
 */
export const simulate = async (seed: number): Promise<Simulated> => {
  const draw = createRandom(seed);
  const schedule = createSchedule(startMs);
  const runbook = drawRunbook(draw);
  const version: Version = { runbookId: 'demo', version: 1, hash: 'a'.repeat(64), source: '', runbook };
  const faults = Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as Record<FaultKind, number>;
  const world: World = { draw, schedule, tables: createTables(), version, rates: none, faults, begins: [], trace: [] };
  const told: Told[] = [];
  const count = { calls: 0, answered: 0 };
  const starter = createProcess(world, 'starter');
  const drive = draw.chance(0.5) ? 'auto' : 'manual';
  void starter.engine.start({ runbookId: 'demo', params: {}, instanceId, drive, by: by('starter') });
  await schedule.run(eventsMax);

  world.rates = rates(draw);
  advancer(world, 'a', told, count);
  advancer(world, 'b', told, count);
  if (draw.chance(0.5)) canceller(world, told);
  const ran = await schedule.run(eventsMax);
  try {
    if (ran === eventsMax) throw new Error(`the simulation did not come to rest in ${eventsMax} events`);
    const defect = world.trace.find((line) => line.startsWith('DEFECT'));
    if (defect !== undefined) throw new Error(defect);
    const entries = checkAll(world, instanceId, told);
    const unanswered = world.trace.some((line) => /told (store\.unavailable|outcome\.unrecorded)$/.test(line));
    const cause = faults.crash > 0 || faults.delayed > 0 || faults.unknownResult > 0 || unanswered;
    if (!cause && entries.at(-1)?.state.open != null) throw new Error('in doubt without a cause');
    return { seed, entries, faults, trace: world.trace, begins: world.begins.length, ...count, ended: entries.at(-1)?.state.ended ?? null };
  } catch (error) {
    const message = `seed ${seed}: ${(error as Error).message}\nreplay: npm run simulate -- --from ${seed} --seeds 1\n${world.trace.join('\n')}`;
    throw new Error(message, { cause: error });
  }
};

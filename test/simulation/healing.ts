/** After the faults have stopped: the schedule alone has its say, then one honest caller. */
import { wakeOf } from '../../src/engine/index.ts';
import { advance, type Run } from './actors.ts';
import { ask } from './calls.ts';
import { createProcess } from './processes.ts';
import { headOf, instanceId, viewRow } from './world.ts';

/** Rounds in which nothing was written, after which a schedule that only looks again is let be. */
const idleRoundsMax = 12;
const roundsMax = 60;
const tickMs = 60_000;

const wait = ({ world }: Run, ms: number): Promise<void> =>
  new Promise((resolve) => world.schedule.after(Math.max(0, ms), resolve));

/** The schedule, one hand-over at a time, whenever a view is due, until nothing is, or looking changes nothing. */
export const scheduleAlone = async (run: Run): Promise<void> => {
  const { world } = run;
  const process = createProcess(world, 'schedule');
  let idle = 0;
  for (let round = 0; round < roundsMax && idle < idleRoundsMax; round += 1) {
    const due = world.tables.rows('views').filter((one) => typeof one.dueAtMs === 'number');
    const soonest = Math.min(...due.map((one) => one.dueAtMs as number));
    if (due.length === 0) return;
    // A tick comes by every minute.
    await wait(run, Math.max(round === 0 ? 0 : tickMs, soonest - world.schedule.nowMs()));
    const length = world.chain.length;
    const nowMs = world.schedule.nowMs();
    for (const one of due) {
      const claimId = wakeOf(String(one.instanceId));
      if (claimId !== undefined && (one.dueAtMs as number) <= nowMs)
        await ask(world, process, 'schedule', 'wake', {}, () => process.engine.wake(claimId));
    }
    const row = viewRow(world);
    if (typeof row?.dueAtMs !== 'number' || row.dueAtMs > nowMs) continue;
    const seq = typeof row.revision === 'number' ? { expectedSeq: row.revision } : {};
    const answer = await advance(run, process, 'schedule', {
      explicit: false,
      maxCells: Number.POSITIVE_INFINITY,
      ...seq,
    });
    if (answer === undefined) await advance(run, process, 'schedule', { explicit: false, maxCells: 1 });
    idle = world.chain.length === length ? idle + 1 : 0;
  }
};

/** A person lets a held instance go on, and one caller pushes it as far as it goes. */
export const oneCaller = async (run: Run): Promise<void> => {
  const { world } = run;
  const process = createProcess(world, 'honest');
  if (world.chain.length === 0) {
    const request = { runbookId: 'demo', params: {}, instanceId };
    await ask(world, process, 'op-honest', 'start', {}, (by) => process.engine.start({ ...request, by }));
  }
  const head = headOf(world);
  if (head !== undefined && head.state.ended === null && head.state.epoch < world.epoch) {
    await ask(world, process, 'op-honest', 'release', {}, (by) => process.engine.release(instanceId, 'compared', by));
  }
  let idle = 0;
  for (let round = 0; round < roundsMax && idle < 3; round += 1) {
    const length = world.chain.length;
    const answer = await advance(run, process, 'honest', { maxCells: Number.POSITIVE_INFINITY });
    if (answer === undefined || headOf(world)?.state.ended !== null) return;
    idle = world.chain.length === length ? idle + 1 : 0;
    const { stop } = answer;
    const nowMs = world.schedule.nowMs();
    if (stop.result === 'in_flight') await wait(run, stop.holder.deadlineAtMs + world.graceMs - nowMs);
    else if (stop.result === 'deferred') await wait(run, stop.untilMs - nowMs);
    else if (stop.result === 'in_doubt' && stop.nextAtMs !== null) {
      await wait(run, stop.nextAtMs - nowMs);
      idle = 0;
    } else if (stop.result === 'parked' && stop.dueAtMs !== null) {
      await wait(run, stop.dueAtMs - nowMs);
      idle = 0;
    } else return;
  }
};

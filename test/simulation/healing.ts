/** After the faults have stopped: the schedule alone has its say, then one honest caller. */
import { wakeOf } from '../../src/engine/index.ts';
import { advance, type DueAt, dueNow, lookedAtFrom, type Run, sweep } from './actors.ts';
import { ask } from './calls.ts';
import { home, placesOf } from './places.ts';
import { createProcess, type Process } from './processes.ts';
import { headOf, instanceId, must, neighbour, parentOf, type World } from './world.ts';

/** Rounds in which nothing was written, after which a schedule that only looks again is let be. */
const idleRoundsMax = 12;
const roundsMax = 60;
const tickMs = 60_000;

export const wait = ({ world }: Run, ms: number): Promise<void> =>
  new Promise((resolve) => world.schedule.after(Math.max(0, ms), resolve));

type Marked = { instanceId: string; dueAtMs: number };

/** Every mark in the table, whatever its index says. */
const marksOf = ({ tables }: World): Marked[] =>
  tables
    .rows('views')
    .filter((row) => typeof row.dueAtMs === 'number')
    .map((row) => ({ instanceId: String(row.instanceId), dueAtMs: row.dueAtMs as number }));

/** What the schedule finds due by the index is all that is due by the table. */
const findDue = async (world: World, process: Process): Promise<DueAt[]> => {
  const nowMs = Math.min(world.schedule.nowMs(), process.ports.clock.nowMs());
  const before = marksOf(world).filter(({ dueAtMs }) => dueAtMs <= nowMs);
  const all = await dueNow(world, process);
  const found = new Set(all.map(({ instanceId: id }) => id));
  const after = new Map(marksOf(world).map((mark) => [mark.instanceId, mark.dueAtMs]));
  for (const { instanceId: id, dueAtMs } of before) {
    const stands = after.get(id) === dueAtMs;
    must(found.has(id) || !stands, 'I7', `${id} is due since ${dueAtMs}, and the schedule did not find it`);
  }
  return all;
};

/** Goes through the journals of all instances: what has no view, or none that is looked at, gets it again. */
export const sweepAlone = async ({ world }: Run): Promise<void> => {
  const process = createProcess(world, 'sweeper');
  for (const id of world.facets.keys())
    await sweep(world, process, id, (refused, error) => must(false, 'I7', `${refused} was not swept: ${error}`));
};

const lengthOf = (world: World): number => [...world.facets.values()].reduce((sum, { chain }) => sum + chain.length, 0);

/** A mark of a start that never wrote anything is let go after an hour: nobody waits for that here. */
const isBegun = (world: World, id: string): boolean => {
  const facet = world.facets.get(id);
  return facet === undefined ? !id.startsWith(neighbour) && parentOf(id) === undefined : facet.chain.length > 0;
};

/** One hand-over of the schedule. */
const lookAfter = async (run: Run, process: Process, id: string): Promise<void> => {
  const { world } = run;
  const row = world.tables.row('views', id);
  const seq = typeof row?.revision === 'number' ? { expectedSeq: row.revision } : {};
  const push = { instanceId: id, explicit: false };
  const answer = await advance(run, process, 'schedule', { ...push, maxCells: Number.POSITIVE_INFINITY, ...seq });
  if (answer === undefined) await advance(run, process, 'schedule', { ...push, maxCells: 1 });
};

/** The schedule, one hand-over at a time, whenever a view is due, until nothing is, or looking changes nothing. */
export const scheduleAlone = async (run: Run, isManned: boolean): Promise<void> => {
  const { world } = run;
  const at = new Map(
    placesOf(world).map((place) => [place, createProcess(world, `schedule-${place}`, () => {}, place)]),
  );
  const process = at.get(home) as Process;
  let idle = 0;
  for (let round = 0; round < roundsMax && idle < idleRoundsMax; round += 1) {
    const due = marksOf(world).filter(({ instanceId: id }) => isBegun(world, id));
    const soonest = Math.min(...due.map(({ dueAtMs }) => dueAtMs));
    if (due.length === 0) return;
    // A tick comes by every minute.
    await wait(run, Math.max(round === 0 ? 0 : tickMs, soonest - world.schedule.nowMs()));
    const length = lengthOf(world);
    const found = (await findDue(world, process)).filter(({ instanceId: id }) => isBegun(world, id));
    for (const { instanceId: id } of found) {
      const claimId = wakeOf(id);
      if (claimId !== undefined) await ask(world, process, 'schedule', 'wake', {}, () => process.engine.wake(claimId));
    }
    for (const due of found) {
      const place = world.facets.has(due.instanceId) ? await lookedAtFrom(process, due, isManned) : undefined;
      if (place !== undefined) await lookAfter(run, at.get(place) ?? process, due.instanceId);
    }
    idle = lengthOf(world) === length ? idle + 1 : 0;
  }
};

/** A person lets a held instance go on, and one caller pushes each as far as it goes. */
export const oneCaller = async (run: Run): Promise<void> => {
  const { world } = run;
  const at = placesOf(world).map((place) => createProcess(world, `honest-${place}`, () => {}, place));
  const [process] = at as [Process];
  if (world.instanceId === instanceId && world.chain.length === 0) {
    const request = { runbookId: 'demo', params: world.params, instanceId };
    await ask(world, process, 'op-honest', 'start', {}, (by) => process.engine.start({ ...request, by }));
  }
  // What a child comes to lets its parent go on.
  for (let length = -1; length !== lengthOf(world); ) {
    length = lengthOf(world);
    for (const facet of world.facets.values()) if (headOf(facet)?.state.ended === null) await pushOn(run, at, facet);
    if (world.facets.size === 1 || ![...world.facets.keys()].some((id) => parentOf(id) !== undefined)) return;
  }
};

const pushOn = async (run: Run, at: Process[], facet: World): Promise<void> => {
  const { world } = run;
  let [process] = at as [Process];
  const { instanceId: id } = facet;
  const head = headOf(facet);
  if (head !== undefined && head.state.ended === null && head.state.epoch < world.epoch) {
    await ask(world, process, 'op-honest', 'release', { about: id }, (by) =>
      process.engine.release(id, 'compared', by),
    );
  }
  let idle = 0;
  for (let round = 0; round < roundsMax && idle < 3; round += 1) {
    const length = facet.chain.length;
    const push = { instanceId: id, maxCells: Number.POSITIVE_INFINITY };
    const answer = await advance(run, process, 'honest', push);
    if (answer === undefined || headOf(facet)?.state.ended !== null) return;
    idle = facet.chain.length === length ? idle + 1 : 0;
    const { stop } = answer;
    const nowMs = world.schedule.nowMs();
    const waitsFor = 'waitsFor' in stop ? stop.waitsFor : undefined;
    if (waitsFor !== undefined) process = at.find(({ place }) => place === waitsFor.place) ?? process;
    if (waitsFor !== undefined) continue;
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

/** Who pushes the instance: callers, the schedule, people. Each works in a process that may die, and comes back in a new one. */
import { type AdvanceAnswer, type AdvanceRequest, type Due, isPawlError, limits } from '../../src/engine/index.ts';
import { shardOf } from '../../src/store/items.ts';
import { ask, type By } from './calls.ts';
import { home } from './places.ts';
import { createProcess, type Process, pause } from './processes.ts';
import { wakeAll } from './waiting.ts';
import { breaks, type HandOver, neighbour, say, strikes, type World } from './world.ts';

export type Run = {
  world: World;
  /** Calls the advancers may still make together. */
  callsLeft: number;
};

const hourMs = 3_600_000;

/** Lives in a process, and again in a new one whenever that dies. */
export const keepAlive = (world: World, name: string, live: (process: Process) => Promise<void>): void => {
  let generation = 0;
  const begin = (): void => {
    const process = createProcess(world, `${name}.${generation++}`, () =>
      world.schedule.after(world.draw.int(15_000), begin),
    );
    live(process).catch((error: unknown) => breaks(world, error));
  };
  begin();
};

export type Push = Partial<Omit<AdvanceRequest, 'by'>> & { instanceId?: string };

export const advance = (
  { world }: Run,
  process: Process,
  actor: string,
  push: Push,
  handOver?: HandOver,
): Promise<AdvanceAnswer | undefined> => {
  const { instanceId = world.instanceId, ...pushed } = push;
  const request = { budgetMs: 60_000, maxCells: 1, ...pushed };
  if (world.leases !== null && request.budgetMs === 60_000) request.budgetMs = world.leases.budgetMs;
  const { budgetMs, expectedSeq, maxCells } = request;
  const options = {
    about: instanceId,
    budgetMs,
    expectedSeq,
    maxCells,
    ...(handOver === undefined ? {} : { handOver }),
  };
  return ask(world, process, actor, 'advance', options, (by: By) => {
    if (strikes(world, 'givenUp', world.calls.at(-1))) {
      const controller = new AbortController();
      world.schedule.after(world.draw.int(8_000), () => controller.abort());
      return process.engine.advance(instanceId, { ...request, signal: controller.signal, by });
    }
    return maxCells === Number.POSITIVE_INFINITY && request.drive === 'auto'
      ? process.engine.run(instanceId, { ...request, by })
      : process.engine.advance(instanceId, { ...request, by });
  });
};

/** When a caller who was told this asks again; `undefined`: never. */
const nextCallMs = ({ world }: Run, answer: AdvanceAnswer | undefined, nowMs: number): number | undefined => {
  const { draw, graceMs } = world;
  if (answer === undefined) return draw.int(5_000);
  const { stop } = answer;
  switch (stop.result) {
    case 'completed':
    case 'failed':
    case 'rolled_back':
    case 'cancelled':
      return undefined;
    case 'in_flight':
      // At the moment from which on its step is in doubt, when others look as well.
      if (draw.chance(0.6)) return stop.holder.deadlineAtMs + graceMs - nowMs + draw.int(300);
      return draw.int(4_000);
    case 'deferred':
      return stop.untilMs - nowMs + draw.int(2_000);
    case 'advanced':
      return draw.int(3_000);
    default:
      return 2_000 + draw.int(20_000);
  }
};

const drawPush = ({ world }: Run): Push => {
  const { draw } = world;
  const budgetMs = draw.chance(0.85) ? 60_000 : draw.pick([1_500, 6_000, 12_000]);
  if (draw.chance(0.35)) return { budgetMs, maxCells: Number.POSITIVE_INFINITY, drive: 'auto' };
  return { budgetMs, maxCells: 1 + draw.int(3) };
};

/** A caller: sends back the seq of the view it was last told, names a cell now and then, cannot always wait itself. */
export const advancer = (run: Run, name: string): void => {
  const { world } = run;
  const { draw } = world;
  keepAlive(world, name, async (process) => {
    let seen: AdvanceAnswer['view'] | undefined;
    let waitMs: number | undefined = draw.int(4_000);
    while (run.callsLeft > 0 && waitMs !== undefined) {
      run.callsLeft -= 1;
      await pause(world, process, 'crashElsewhere', 'between calls', waitMs);
      const push = drawPush(run);
      if (seen !== undefined && draw.chance(0.5)) push.expectedSeq = seen.seq;
      if (seen?.cell != null && draw.chance(0.12)) push.cell = draw.chance(0.9) ? seen.cell : 'c0';
      if (push.expectedSeq !== undefined && draw.chance(0.2)) {
        handOver(run, `${name}-work`, push);
        waitMs = 1_000 + draw.int(10_000);
        continue;
      }
      const answer = await advance(run, process, name, push);
      seen = answer?.view ?? seen;
      waitMs = nextCallMs(run, answer, process.ports.clock.nowMs());
    }
  });
};

/** A call of `work`: delivered once, twice, or six hours late, each time in a process of its own. */
const handOver = (run: Run, name: string, push: Push, place = home): void => {
  const { world } = run;
  const { draw, schedule } = world;
  const one: HandOver = { expectedSeq: push.expectedSeq, maxCells: push.maxCells ?? 1, deliveries: [] };
  const deliver = (delayMs: number, which: string): void =>
    schedule.after(delayMs, () => {
      const process = createProcess(world, `${name}${world.handOvers++}${which}`, () => {}, place);
      work(run, process, push, one).catch((error: unknown) => breaks(world, error));
    });
  deliver(draw.int(500), '');
  if (strikes(world, 'duplicateHandOver', undefined)) deliver(draw.int(1_500), '-twice');
  if (strikes(world, 'lateHandOver', undefined)) deliver(6 * hourMs + draw.int(60_000), '-late');
};

const work = async (run: Run, process: Process, push: Push, one: HandOver): Promise<void> => {
  await advance(run, process, 'work', push, one);
  // Its invocation was cut, and its sandbox serves the next one.
  if (world(run).calls.some((call) => call.process === process && call.struck.includes('thawed'))) {
    const about = push.instanceId === undefined ? {} : { instanceId: push.instanceId };
    await advance(run, process, 'work', { ...about, explicit: false, maxCells: 1 });
  }
};
const world = (run: Run): World => run.world;

export type DueAt = Due & { place: string };

/** Where somebody looks at it: at its place; where nobody is, home looks at what a writer has left behind. `undefined`: nobody does. */
export const lookedAtFrom = async (
  process: Process,
  { instanceId, place }: DueAt,
  isManned: boolean,
): Promise<string | undefined> => {
  if (place === home || isManned) return place;
  const orphans = await process.ports.marks.orphans([instanceId], process.ports.clock.nowMs());
  return orphans.length === 0 ? undefined : home;
};

/**
 * What is due, read from the index as the shipped tick reads it: page by page, each part of it in turn. Parts without any
 * row answer nothing, and are left out. A part that cannot be read is passed over.
 */
export const dueNow = async (world: World, process: Process): Promise<DueAt[]> => {
  const found: DueAt[] = [];
  const shards = new Set(world.tables.rows('views').map(({ dueShard }) => dueShard));
  const nowMs = process.ports.clock.nowMs();
  for (const shard of shards) {
    if (typeof shard !== 'string') continue;
    const [place = '', part] = shard.split('#');
    try {
      let from: Due | undefined;
      do {
        const page = await process.ports.marks.due(nowMs, place, Number(part), from);
        found.push(...page.due.map((one) => ({ ...one, place })));
        from = page.next ?? undefined;
      } while (from !== undefined);
    } catch (error) {
      if (!isPawlError(error)) throw error;
      say(world, process.name, `shard ${shard} of what is due: unread`);
    }
  }
  return found;
};

/** One part of all journals, as the schedule goes through each of them once a day. */
export const sweep = async (
  world: World,
  process: Process,
  instanceId: string,
  refused: (instanceId: string, error: unknown) => void,
): Promise<void> => {
  const shard = shardOf(instanceId, limits.journalShards);
  let after: string | undefined;
  do {
    const page = await ask(world, process, 'schedule', 'sweep', { about: '' }, (by) =>
      process.engine.sweep(shard, by, after, refused),
    );
    after = page?.next ?? undefined;
  } while (after !== undefined);
};

const passedOver = (error: unknown): undefined => {
  if (!isPawlError(error)) throw error;
};

/** A tick: lists the views that are due, and hands each over with the seq it has seen. */
const tick = async (run: Run, process: Process): Promise<void> => {
  const { world } = run;
  const { draw } = world;
  await pause(world, process, 'crashElsewhere', 'listing what is due');
  for (const due of await dueNow(world, process)) {
    const { instanceId: id } = due;
    if (id.startsWith(neighbour) || strikes(world, 'indexLag', undefined)) continue;
    const place = await lookedAtFrom(process, due, world.places?.isManned !== false).catch(passedOver);
    if (place === undefined) continue;
    if (wakeAll(world, id, `${process.name.split('.')[0]}`)) continue;
    const revision = world.tables.row('views', id)?.revision;
    const seq = typeof revision === 'number' && draw.chance(0.5) ? { expectedSeq: revision } : {};
    const maxCells = draw.pick([1, 3, Number.POSITIVE_INFINITY]);
    handOver(run, `${process.name.split('.')[0]}-work`, { instanceId: id, explicit: false, maxCells, ...seq }, place);
    await pause(world, process, 'crashElsewhere', 'between hand-overs');
  }
};

/** What is asked for to the second: a message that may be lost, or late. */
export const wakeAt = (run: Run, instanceId: string, atMs: number, seq?: number): void => {
  const { draw, schedule } = run.world;
  if (draw.chance(0.6)) return;
  schedule.after(Math.max(0, atMs - schedule.nowMs()) + draw.int(1_500), () =>
    handOver(run, 'wake-work', {
      instanceId,
      explicit: false,
      maxCells: draw.pick([1, Number.POSITIVE_INFINITY]),
      ...(seq === undefined ? {} : { expectedSeq: seq }),
    }),
  );
};

/** The schedule: a tick now and then; the same event may come twice, or once more six hours late. */
export const ticker = (run: Run, ticks: number): void => {
  const { world } = run;
  const { draw, schedule } = world;
  const again = (delayMs: number, name: string): void =>
    schedule.after(delayMs, () => {
      const process = createProcess(world, name);
      say(world, name, 'a tick');
      tick(run, process).catch((error: unknown) => breaks(world, error));
    });
  for (let number = 0; number < ticks; number += 1) {
    const atMs = 8_000 + number * 20_000 + draw.int(15_000);
    again(atMs, `tick${number}`);
    if (strikes(world, 'duplicateTick', undefined)) again(atMs + draw.int(2_000), `tick${number}-twice`);
    if (strikes(world, 'lateTick', undefined)) again(atMs + 6 * hourMs, `tick${number}-late`);
  }
  if (!draw.chance(0.15)) return;
  schedule.after(draw.int(100_000), () => {
    const process = createProcess(world, 'sweep');
    const refused = (id: string): void => say(world, 'sweep', `${id}: not made again`);
    sweep(world, process, world.instanceId, refused).catch((error: unknown) => breaks(world, error));
  });
};

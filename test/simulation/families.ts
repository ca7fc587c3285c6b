/**
 * Schedules about families: a run with a section that is gone through once for every element. Everybody meets parents and children:
 * callers, the schedule, people. What is judged beside each journal by itself is in `check/families.ts`.
 */
import type { AdvanceAnswer, Cell, EachBody, Expression, Runbook, State } from '../../src/engine/index.ts';
import { cellOf, runbookOf } from '../engine/runbooks.ts';
import { advance, advancer, keepAlive, type Run, ticker, wakeAt } from './actors.ts';
import { ask } from './calls.ts';
import { checkCarried } from './check/carried.ts';
import { disasters } from './disasters.ts';
import { decide, starter } from './people.ts';
import { createProcess, type Process, pause } from './processes.ts';
import { createRandom, type Draw } from './schedule.ts';
import { drawSections } from './sections.ts';
import { castVote, claimant } from './waiting.ts';
import { drawCell, hasWaits } from './workload.ts';
import { breaks, headOf, type World } from './world.ts';

const one = (source: string): Expression => ({ source, line: 1 });

/** One in so many schedules is about a family. */
const familyEvery = 8;
export const isFamily = (seed: number): boolean => seed % familyEvery === 5;

/** A drawn cell names earlier ones by their number: these are they. */
const named = (cell: Partial<Cell>, name: string, nameOf: (number: number) => string): Partial<Cell> => {
  const text = JSON.stringify(cell).replaceAll(/\bc(\d+)\b/g, (_, number) => nameOf(Number(number)));
  return { ...(JSON.parse(text) as Partial<Cell>), name };
};

const drawSeeing = (draw: Draw, seen: string[], name: string, waits: boolean): Partial<Cell> =>
  named(drawCell(draw, seen.length, waits), name, (number) => seen[number] ?? 'c0');

type Drawing = { draw: Draw; waits: boolean; seen: string[] };

export const drawInner = ({ draw, waits, seen }: Drawing, prefix: string, most: number): Partial<Cell>[] => {
  const cells: Partial<Cell>[] = [];
  // Branches count the cells from the first.
  if (seen.length === 0 && draw.chance(0.3))
    return drawSections(draw, 1 + draw.int(2), (index) => drawCell(draw, index, waits)).map((cell, index) =>
      named(cell, `${prefix}${index}`, (number) => `${prefix}${number}`),
    );
  for (let number = 1 + draw.int(most); number > 0; number -= 1) {
    const name = `${prefix}${cells.length}`;
    cells.push(drawSeeing(draw, [...seen, ...cells.map((cell) => cell.name as string)], name, waits));
  }
  return cells;
};

const section = (draw: Draw, name: string, over: string, as: string, cells: Partial<Cell>[]): Partial<Cell> => {
  const last = cells.at(-1)?.name as string;
  const body: EachBody = {
    over: one(over),
    as,
    max: draw.pick([{ count: 1 }, { count: 2 }, { percent: 100 }]),
    stopAfter: draw.pick([1, 1, 2]),
    output: draw.chance(0.3) ? one(`outputs.${last}.good == true`) : null,
    cells: cells.map((cell, index) => cellOf(index, cell.name as string, cell)),
  };
  return { name, body: { kind: 'each', ...body }, optional: draw.chance(0.15) };
};

const drawElements = (draw: Draw): unknown[] =>
  Array.from({ length: draw.int(5) }, (_, index) => ({
    name: `n${index}`,
    disks: Array.from({ length: draw.int(3) }, (__, disk) => `d${index}.${disk}`),
  }));

/** One section, sometimes with one in it or another after it over the same elements; cells before and after. */
export const drawFamily = (draw: Draw): { runbook: Runbook; params: Record<string, unknown> } => {
  const waits = draw.chance(0.3);
  const before = Array.from({ length: draw.int(2) }, () => drawSeeing(draw, [], 'c0', waits));
  const seen = before.map(({ name }) => name as string);
  const inner = drawInner({ draw, waits, seen }, 'i', 3);
  if (draw.chance(0.2)) {
    const nested = drawInner({ draw, waits, seen: [...seen, ...inner.map(({ name }) => name as string)] }, 'd', 2);
    inner.push(section(draw, 'disks', 'each.node.disks', 'disk', nested));
  }
  const cells = [...before, section(draw, 'nodes', 'params.nodes', 'node', inner)];
  if (draw.chance(0.25))
    cells.push(section(draw, 'more', 'params.nodes', 'node', drawInner({ draw, waits, seen }, 'm', 2)));
  if (draw.chance(0.5)) cells.push(drawSeeing(draw, seen, 'after', waits));
  return { runbook: runbookOf(cells), params: { nodes: drawElements(draw) } };
};

/** Of parts side by side: two or three, each with cells of its own. */
const drawParts = (draw: Draw, seen: string[]): Partial<Cell> => {
  const names = ['x', 'y', 'z'].slice(0, 2 + draw.int(2));
  const how = section(draw, 'beside', JSON.stringify(names), 'item', [{ name: 'last' }]);
  if (how.body?.kind !== 'each') return how;
  const { cells: _, output: __, ...body } = how.body;
  const parts = names.map((name) => {
    const cells = drawInner({ draw, waits: false, seen }, name, 2);
    const output = draw.chance(0.3) ? one(`outputs.${cells.at(-1)?.name}.good == true`) : null;
    return { name, output, cells: cells.map((cell, index) => cellOf(index, cell.name as string, cell)) };
  });
  return { ...how, body: { ...body, parts } };
};

const partsShare = 0.3;
/** Some end with a section with `parallel`. Drawn apart, so that all other schedules are what they were. */
export const withParts = (seed: number, drawn: ReturnType<typeof drawFamily>): ReturnType<typeof drawFamily> => {
  const draw = createRandom(seed ^ 0x9a475);
  if (!draw.chance(partsShare)) return drawn;
  const { cells } = drawn.runbook;
  const seen = cells.flatMap(({ name, body }) => (body.kind === 'each' ? [] : [name]));
  return { ...drawn, runbook: runbookOf([...cells, drawParts(draw, seen)].map(({ index: _, ...cell }) => cell)) };
};

/** Parents and children alike; of those that have ended only now and then one. */
const someFacet = (world: World): World => {
  const begun = [...world.facets.values()].filter((facet) => headOf(facet) !== undefined);
  const open = begun.filter((facet) => headOf(facet)?.state.ended === null);
  if (open.length > 0 && world.draw.chance(0.9)) return world.draw.pick(open);
  return begun.length === 0 ? world : world.draw.pick(begun);
};

/** Comes by at one of the family, whichever. */
const pusher = (run: Run, name: string): void => {
  const { world } = run;
  const { draw } = world;
  keepAlive(world, name, async (process) => {
    let waitMs = draw.int(12_000);
    while (run.callsLeft > 0) {
      run.callsLeft -= 1;
      await pause(world, process, 'crashElsewhere', 'between calls', waitMs);
      const { instanceId } = someFacet(world);
      const all = draw.chance(0.4) ? { maxCells: Number.POSITIVE_INFINITY, drive: 'auto' as const } : {};
      const answer: AdvanceAnswer | undefined = await advance(run, process, name, { instanceId, ...all });
      const inFlight = answer?.stop.result === 'in_flight';
      waitMs = inFlight ? draw.int(4_000) : 1_000 + draw.int(12_000);
    }
  });
};

const cancel = async (world: World, process: Process, actor: string, instanceId: string): Promise<void> => {
  const answer = await ask(world, process, actor, 'cancel', { about: instanceId }, (by) =>
    process.engine.cancel(instanceId, 'stop', by),
  );
  if (answer !== undefined) checkCarried(world, instanceId, new Set(answer.unreached.map((one) => one.instanceId)));
};

/** What there is for a person to do in one of the family. */
const act = async (facet: World, world: World, process: Process, actor: string, state: State): Promise<void> => {
  const { draw } = world;
  const { instanceId } = facet;
  const { open, halted } = state;
  if (state.ended !== null) return;
  if (state.epoch < process.epoch) {
    await ask(world, process, actor, 'release', { about: instanceId }, (by) =>
      process.engine.release(instanceId, 'compared', by),
    );
  } else if (open?.kind === 'waiting' && open.quorum !== undefined) {
    await castVote(facet, world, process, state, open.cell);
  } else if (open?.kind === 'waiting') {
    // A section is refused: its elements decide.
    await ask(world, process, actor, 'done', { about: instanceId }, (by) =>
      process.engine.done(instanceId, open.cell, { result: 'done', note: 'looked', by }),
    );
  } else if (halted !== null && instanceId !== world.instanceId && draw.chance(0.25)) {
    await cancel(world, process, actor, instanceId);
  } else {
    const seq = open?.seq ?? halted?.seq;
    if (seq !== undefined) await decide(world, process, actor, instanceId, seq);
  }
};

const operator = ({ world }: Run, name: string, looks: number): void => {
  const { draw } = world;
  keepAlive(world, name, async (process) => {
    for (let look = 0; look < looks; look += 1) {
      await pause(world, process, 'crashElsewhere', 'between looks', draw.int(20_000));
      const facet = someFacet(world);
      const head = await ask(world, process, name, 'look', { about: facet.instanceId }, () =>
        process.ports.journal.head(facet.instanceId),
      );
      if (head !== undefined) await act(facet, world, process, name, head.entry.state);
    }
  });
};

const canceller = ({ world }: Run, name: string, delayMs: number, whom: () => string): void => {
  world.schedule.after(delayMs, () => {
    const process = createProcess(world, name);
    cancel(world, process, name, whom()).catch((error: unknown) => breaks(world, error));
  });
};

/** A run is cancelled in the very moment in which an element may begin, or has ended. */
const rushCancels = (run: Run): void => {
  const { world } = run;
  const { onEntry, draw } = world;
  let number = 0;
  world.onEntry = (facet, entry) => {
    onEntry(facet, entry);
    // Once the schedule is alone it is to find all that is left: nobody comes after it.
    if (entry.kind !== 'progress' || entry.by.actor === 'schedule' || !draw.chance(0.04)) return;
    canceller(run, `rushcancel${number++}`, draw.int(draw.chance(0.5) ? 60 : 4_000), () => facet.instanceId);
  };
};

/** How many sections are around what an instance goes through. */
const depthOf = ({ instanceId }: World): number => instanceId.split('~').length - 1;

const deepShare = 0.15;
/** A run is cancelled while an element of an element is under way. Drawn apart, so that all other schedules are what they were. */
const rushDeepCancels = (run: Run, seed: number): void => {
  const { world } = run;
  const { onEntry } = world;
  const draw = createRandom(seed ^ 0xdee9);
  let number = 0;
  world.onEntry = (facet, entry) => {
    onEntry(facet, entry);
    if (depthOf(facet) < 2 || number > 0 || entry.by.actor === 'schedule' || !draw.chance(deepShare)) return;
    canceller(run, `deepcancel${number++}`, draw.int(draw.chance(0.5) ? 60 : 4_000), () => world.instanceId);
  };
};

export const setOutFamily = (run: Run, seed: number): void => {
  const { world } = run;
  const { draw } = world;
  starter(run, 'starter', draw.chance(0.7) ? 'auto' : 'manual', world.params);
  if (draw.chance(0.2)) starter(run, 'starter2', 'manual', draw.chance(0.7) ? world.params : { other: 1 });
  for (const name of ['a', 'b']) advancer(run, name);
  for (const name of ['c', 'd']) pusher(run, name);
  ticker(run, 6);
  for (const name of ['op1', 'op2']) operator(run, name, 5);
  if (draw.chance(0.25)) canceller(run, 'canceller', draw.int(70_000), () => world.instanceId);
  if (draw.chance(0.3)) canceller(run, 'canceller2', draw.int(70_000), () => someFacet(world).instanceId);
  if (hasWaits(world.version.runbook)) {
    claimant(run, 'claimant', 4);
    operator(run, 'op3', 5);
  }
  rushCancels(run);
  rushDeepCancels(run, seed);
  world.wakeAt = (id, atMs, seq) => wakeAt(run, id, atMs, seq);
  disasters(world);
};

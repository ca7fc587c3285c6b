/**
 * Ends of runs, in every third schedule: cells that take back, sections with `on`, runs and elements that give up by themselves; and
 * the people who take back, cancel and stop it. What is judged of it is in `check/endings.ts`.
 */
import { type Cell, type Cleanup, type EachBody, partsOf, type Runbook, type State } from '../../src/engine/index.ts';
import { cellOf } from '../engine/runbooks.ts';
import { keepAlive, type Run } from './actors.ts';
import { ask } from './calls.ts';
import { type Process, pause } from './processes.ts';
import type { Draw } from './schedule.ts';
import { hasEndsIn, leavesTraces, takenBackBy } from './way.ts';
import { drawCell } from './workload.ts';
import { headOf, type World } from './world.ts';

const endsEvery = 3;
export const endsIn = (seed: number): boolean => seed % endsEvery === 0;

type Named = Partial<Cell> & { name: string };

const drawOne = (draw: Draw, name: string, cleanup: Cleanup, waits: boolean): Named => {
  const { body, ...cell } = drawCell(draw, 0, waits);
  return { ...cell, name, cleanup, ...(body === undefined || body.kind === 'end' ? {} : { body }) };
};

const ends = ['completed', 'taken_back', 'not_reached', 'skipped', 'failed', 'unexpected', 'forgiven'] as const;

/** Now and then it asks how a cell of the way ended, or what that gave. */
const asking = (draw: Draw, cell: Named, way: readonly Cell[]): Named => {
  const { name } = draw.pick(way);
  if (draw.chance(0.1)) {
    const source = `cells.${name}.state == "${draw.pick(ends)}"`;
    return { ...cell, when: { source, line: 1 }, reads: [], states: [name] };
  }
  return draw.chance(0.1) ? { ...cell, reads: [name] } : cell;
};

const drawUndos = (draw: Draw, way: readonly Cell[]): Named[] =>
  way
    .filter((cell) => cell.body.kind !== 'each' && cell.body.kind !== 'run' && leavesTraces(cell) && draw.chance(0.75))
    .map(({ name }) => {
      const cleanup = { undo: name, ...(draw.chance(0.4) ? { of: 'begun' as const } : {}) };
      const cell = drawOne(draw, `undo_${name}`, cleanup, false);
      return draw.chance(0.3) ? { ...cell, reads: [name] } : asking(draw, cell, way);
    })
    .reverse();

/** What takes back a section, or a run of another runbook, as a whole, as the compiler makes it: where something in it takes back. */
const undoOfFamily = ({ name, body }: Cell, ran: Runbook | undefined): Named[] => {
  if (body.kind !== 'each' && body.kind !== 'run') return [];
  const inner = body.kind === 'run' ? (ran?.cells ?? []) : partsOf(body).flatMap(({ cells }) => cells);
  if (!inner.some((cell) => takenBackBy(cell) !== undefined)) return [];
  const { over, as, max, stopAfter } = body;
  const how = { over, as, max, stopAfter, output: null, undoes: name };
  const own =
    body.kind === 'run'
      ? { ...how, kind: body.kind, pin: body.pin, params: {} }
      : { ...how, kind: body.kind, cells: [] };
  return [{ name: `undo_${name}`, cleanup: { undo: name }, body: own }];
};

/** What takes back, the last first. */
const inOrder = (way: readonly Cell[], undos: readonly Named[], ran: Runbook | undefined): Named[] =>
  way.toReversed().flatMap((cell) => {
    const own = undos.filter(({ cleanup }) => cleanup !== undefined && 'undo' in cleanup && cleanup.undo === cell.name);
    return [...own, ...undoOfFamily(cell, ran)];
  });

/** One or two cells of a section, sometimes in a branch. */
const drawSection = (
  draw: Draw,
  on: 'failure' | 'cancel' | 'always',
  prefix: string,
  way: readonly Cell[],
): Named[] => {
  if (!draw.chance(0.5)) return [];
  const waits = draw.chance(0.2);
  const named = (what: string | number): string => `${prefix}on_${on}_${what}`;
  const cells = Array.from({ length: 1 + draw.int(2) }, (_, number) =>
    asking(draw, drawOne(draw, named(number), { on }, waits), way),
  );
  if (!draw.chance(0.2)) return cells;
  const when = { source: draw.pick(['true', 'false', 'broken']), line: 1 };
  return [{ name: named('branch'), cleanup: { on }, when, body: { kind: 'branch', cells: cells.length } }, ...cells];
};

/** An `end` ends the run failed in half of the cases; and there are more of them. */
const drawGivingUp = (draw: Draw, way: readonly Cell[]): Cell[] => {
  const at = way.length > 1 && draw.chance(0.12) ? 1 + draw.int(way.length - 1) : -1;
  return way.map((cell, index) => {
    if (cell.body.kind === 'end') return draw.chance(0.5) ? { ...cell, body: { kind: 'end', as: 'failed' } } : cell;
    if (index !== at || ['branch', 'each', 'run'].includes(cell.body.kind)) return cell;
    const when = { source: draw.pick(['true', 'true', 'false']), line: 1 };
    return cellOf(index, cell.name, { when, body: { kind: 'end', as: 'failed' } });
  });
};

/** A way that fails for certain, mostly after something was done. */
const failing = (way: readonly Cell[], prefix: string): Cell =>
  cellOf(way.length, `${prefix}last`, { body: { kind: 'assert', expressions: [{ source: 'false', line: 1 }] } });

const withCleanup = (draw: Draw, cells: readonly Cell[], prefix: string, ran?: Runbook): Cell[] => {
  const drawn = drawGivingUp(draw, cells);
  const way = [...drawn, ...(draw.chance(0.35) ? [failing(drawn, prefix)] : [])].map((cell) =>
    cell.body.kind === 'each' ? { ...cell, body: drawElements(draw, cell.body, `${prefix}${cell.name}_`) } : cell,
  );
  const added = [
    ...inOrder(way, drawUndos(draw, way), ran),
    ...(['failure', 'cancel', 'always'] as const).flatMap((on) => drawSection(draw, on, prefix, way)),
  ];
  return [...way, ...added.map((cell, index) => cellOf(way.length + index, cell.name, cell))];
};

const drawElements = (draw: Draw, body: EachBody & { kind: 'each' }, prefix: string): EachBody & { kind: 'each' } => {
  const onFailure = draw.pick(['undo', 'undo', 'end', undefined] as const);
  const own = { ...(onFailure === undefined ? {} : { onFailure }), stopAfter: draw.pick([1, 2, 2, 3]) };
  if (body.parts === undefined) return { ...body, ...own, cells: withCleanup(draw, body.cells, prefix) };
  const parts = body.parts.map((part) => ({ ...part, cells: withCleanup(draw, part.cells, `${prefix}${part.name}_`) }));
  return { ...body, ...own, parts };
};

/** @param ran what its `run` cell runs */
export const withEnds = (draw: Draw, runbook: Runbook, ran?: Runbook): Runbook => {
  const cells = withCleanup(draw, runbook.cells, '', ran);
  return { ...runbook, cells, ...(draw.chance(0.5) ? { onFailure: 'undo' as const } : {}) };
};

const someFacet = (world: World): World => {
  const open = [...world.facets.values()].filter((facet) => headOf(facet)?.state.ended === null);
  return open.length === 0 ? world : world.draw.pick(open);
};

/** What there is to be ended, or stopped in its end. */
const act = async (facet: World, world: World, process: Process, actor: string, state: State, seq: number) => {
  const { draw } = world;
  const { instanceId } = facet;
  if (state.ending !== undefined) {
    if (!draw.chance(0.25)) return;
    const expectedSeq = draw.chance(0.9) ? seq : Math.max(0, seq - 1);
    await ask(world, process, actor, 'cancel', { about: instanceId, expectedSeq }, (by) =>
      process.engine.cancel(instanceId, 'enough', by, { stopCleanup: true, expectedSeq }),
    );
  } else if (state.halted !== null ? draw.chance(0.6) : draw.chance(0.05)) {
    const manual = draw.chance(0.2) ? { manual: true } : {};
    await ask(world, process, actor, 'undo', { about: instanceId }, (by) =>
      process.engine.undo(instanceId, { reason: 'not tonight', ...manual, by }),
    );
  } else if (draw.chance(0.15)) {
    await ask(world, process, actor, 'cancel', { about: instanceId }, (by) =>
      process.engine.cancel(instanceId, 'take it back', by, { undo: true }),
    );
  }
};

/** Somebody who looks now and then whether it is better ended. */
const ender = ({ world }: Run, name: string, looks: number): void => {
  const { draw } = world;
  keepAlive(world, name, async (process) => {
    for (let look = 0; look < looks; look += 1) {
      await pause(world, process, 'crashElsewhere', 'between looks', draw.int(20_000));
      const facet = someFacet(world);
      const { instanceId } = facet;
      const head = await ask(world, process, name, 'look', { about: instanceId }, () =>
        process.ports.journal.head(instanceId),
      );
      const entry = head?.entry;
      if (entry !== undefined && entry.state.ended === null)
        await act(facet, world, process, name, entry.state, entry.seq);
    }
  });
};

export const setOutEnds = (run: Run): void => {
  if (!hasEndsIn(run.world.version.runbook.cells)) return;
  ender(run, 'op-end', 5);
  if (run.world.draw.chance(0.4)) ender(run, 'op-end2', 4);
};

/**
 * Schedules with two places: some processes are at another place than home, some cells run there alone, and at times nobody
 * works there until the faults stop. Drawn apart, so that what else a seed draws is what it would be without places.
 */
import { type Cell, type Entry, natureOf, type Part, type Runbook } from '../../src/engine/index.ts';
import { createRandom, type Draw } from './schedule.ts';
import { must, type World } from './world.ts';

export const home = 'local';
const away = 'bastion';

const drawAt = (draw: Draw, cell: Cell): Cell => {
  const { body } = cell;
  if (body.kind === 'each') {
    const placed = <P extends Part>(part: P): P => ({ ...part, cells: part.cells.map((one) => drawAt(draw, one)) });
    return { ...cell, body: body.parts === undefined ? placed(body) : { ...body, parts: body.parts.map(placed) } };
  }
  if (natureOf(cell) !== 'effect' && cell.poll === undefined) return cell;
  const at = draw.pick([away, away, home, 'any', undefined, undefined]);
  return at === undefined ? cell : { ...cell, at: [at] };
};

/** Where processes are: `null`, there is but one place. */
export type Places = { draw: Draw; isManned: boolean } | null;

const placedShare = 0.3;
export const drawPlaces = (seed: number): Places => {
  const draw = createRandom(seed ^ 0x91ace);
  return draw.chance(placedShare) ? { draw, isManned: draw.chance(0.6) } : null;
};
export const placeCells = (places: Places, runbook: Runbook): Runbook =>
  places === null ? runbook : { ...runbook, cells: runbook.cells.map((cell) => drawAt(places.draw, cell)) };

/** Of a person or a command, wherever they are. */
export const drawPlace = ({ places }: World): string => (places?.draw.chance(0.4) ? away : home);
export const placesOf = ({ places }: World): string[] => (places === null ? [home] : [home, away]);

export const atOf = ({ at }: Pick<Cell, 'at'>): string | null => (at === undefined ? null : at.join(''));

type Journal = Pick<World, 'chain' | 'version'>;
const startedAt = ({ chain }: Journal): string => {
  const first = chain[0]?.entry;
  return (first?.kind === 'started' ? first.place : undefined) ?? home;
};

const begunBy = (entry: Entry | undefined): { place?: string | undefined } | undefined => {
  if (entry?.kind === 'outcome') return entry.reserve;
  return entry?.kind === 'reserved' || entry?.kind === 'waiting' ? entry : undefined;
};
/** Where the journal says that a step or a wait is carried out. */
const placeAt = (world: Journal, seq: number): string => begunBy(world.chain[seq]?.entry)?.place ?? startedAt(world);

/** Whether it may be carried out there, by what its cell says; what a visit under way says is judged by itself. */
const mayBeAt = (world: Journal, cell: Cell, place: string): boolean => {
  const at = atOf(cell);
  if (at !== null) return at === 'any' || at === place;
  return cell.body.kind === 'http' || place === startedAt(world);
};

/** A visit begins where its cell may run, by whoever is there, and all of it stays there. */
export const judgePlace = (
  world: Journal,
  cell: Cell,
  { seq, writtenAt, visitAt }: { seq: number; writtenAt: string | undefined; visitAt: string | null },
): string => {
  const place = placeAt(world, seq);
  must(
    writtenAt === undefined || writtenAt === place,
    'place',
    `seq ${seq} is of ${place}, and written at ${writtenAt}`,
  );
  must(visitAt !== null || mayBeAt(world, cell, place), 'place', `seq ${seq} begins ${cell.name} at ${place}`);
  must(
    visitAt === null || visitAt === place,
    'place',
    `seq ${seq} goes on at ${place} with a visit that began at ${visitAt}`,
  );
  return place;
};

/** Bodies, probes and polls run where the journal says, and nowhere else. */
export const checkPlaces = (world: World): void => {
  if (world.places === null || world.chain[0]?.entry.kind !== 'started') return;
  const ran = [
    ...world.begins.map(({ call, seq }) => ({ call, about: seq })),
    ...[...world.probes, ...world.polls].filter(({ instanceId }) => instanceId === world.instanceId),
  ];
  for (const { call, about } of ran) {
    if (call.forgotten) continue;
    const place = placeAt(world, about);
    const { place: was } = call.process;
    must(was === place, 'place', `${call.id} at ${was} carries out what seq ${about} has at ${place}`);
  }
};

/** Sections of a seed's runbook: branches around drawn cells, in one another, some with an else; and what is asked in them. */
import type { Cell, Entry, Expression, Runbook } from '../../src/engine/index.ts';
import type { Draw } from './schedule.ts';

const one = (source: string): Expression => ({ source, line: 1 });

/** An earlier cell whose output a later one may look at; it may have been skipped, or have failed. */
export const earlier = (draw: Draw, index: number): string => `c${draw.int(index)}`;

type Asked = Pick<Cell, 'when' | 'reads'> & Partial<Pick<Cell, 'states'>>;

const ends = ['completed', 'completed', 'skipped', 'skipped', 'failed', 'forgiven', 'unknown', 'timed_out'] as const;

/** Asks how an earlier cell ended. */
export const asksEnd = (draw: Draw, index: number): { source: string; states: string[] } => {
  const name = earlier(draw, index);
  return { source: `cells.${name}.state == "${draw.pick(ends)}"`, states: [name] };
};

export const condition = (draw: Draw, index: number): Asked => {
  if (index === 0 || draw.chance(0.5)) return { when: one(draw.chance(0.5) ? 'true' : 'false'), reads: [] };
  if (draw.chance(0.4)) {
    const { source, states } = asksEnd(draw, index);
    return { when: one(source), reads: [], states };
  }
  const name = earlier(draw, index);
  return { when: one(`outputs.${name}.good == true`), reads: [name] };
};

/** Now and then it cannot be judged. */
const judged = (draw: Draw, index: number): Asked =>
  draw.chance(0.12) ? { when: one('broken'), reads: [] } : condition(draw, index);

type Drawn = { draw: Draw; drawOne: (index: number) => Partial<Cell>; cells: Partial<Cell>[] };

const depthMax = 3;

const addSection = (drawn: Drawn, asked: Asked, depth: number): void => {
  const { draw, cells } = drawn;
  const at = cells.push({}) - 1;
  addCells(drawn, 1 + draw.int(2), depth + 1);
  cells[at] = { ...asked, body: { kind: 'branch', cells: cells.length - at - 1 } };
};

const addCells = (drawn: Drawn, count: number, depth: number): void => {
  const { draw, drawOne, cells } = drawn;
  for (let left = count; left > 0; left -= 1) {
    if (depth === depthMax || draw.chance(0.6)) {
      cells.push(drawOne(cells.length));
      continue;
    }
    const before = `c${cells.length}`;
    addSection(drawn, judged(draw, cells.length), depth);
    const otherwise: Asked = { when: one(`cells.${before}.state == "skipped"`), reads: [], states: [before] };
    if (draw.chance(0.5)) addSection(drawn, otherwise, depth);
  }
};

/** So many cells of the outermost level, each maybe a section. */
export const drawSections = (draw: Draw, count: number, drawOne: (index: number) => Partial<Cell>): Partial<Cell>[] => {
  const cells: Partial<Cell>[] = [];
  addCells({ draw, drawOne, cells }, count, 0);
  return cells;
};

export type SectionCounts = { entered: number; passedOver: number; passedByPerson: number };

export const countSections = ({ cells }: Runbook, entries: readonly Entry[]): SectionCounts => {
  const counts = { entered: 0, passedOver: 0, passedByPerson: 0 };
  for (const entry of entries) {
    if (entry.kind !== 'outcome' && entry.kind !== 'resolved') continue;
    if (cells[entry.index]?.body.kind !== 'branch' || entry.then !== 'next') continue;
    if (entry.passes === undefined) counts.entered += 1;
    else if (entry.kind === 'resolved') counts.passedByPerson += 1;
    else counts.passedOver += 1;
  }
  return counts;
};

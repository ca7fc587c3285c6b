/** A cell that runs another runbook, at the beginning or the end of some families: a second version in the world, with cells, ends, a lock and an id of its own. */
import type { Cell, Runbook, Version } from '../../src/engine/index.ts';
import { runbookOf } from '../engine/runbooks.ts';
import { withEnds } from './endings.ts';
import { type drawFamily, drawInner } from './families.ts';
import { createRandom } from './schedule.ts';

type Drawn = ReturnType<typeof drawFamily> & { ran: Version | null };

const runHash = 'b'.repeat(64);
const pin = { runbookId: 'deploy', version: 1, runHash };
const one = (source: string) => ({ source, line: 1 });

const runsShare = 0.5;

/** Drawn apart, so that all other schedules are what they were. @param hasEnds of the other runbook too */
export const withRun = (seed: number, drawn: ReturnType<typeof drawFamily>, hasEnds: boolean): Drawn => {
  const draw = createRandom(seed ^ 0x5e11);
  if (!draw.chance(runsShare)) return { ...drawn, ran: null };
  const ofEach = draw.chance(0.6);
  const cells = drawInner({ draw, waits: draw.chance(0.2), seen: [] }, 'r', 3);
  const plain: Runbook = runbookOf(cells, {
    runbookId: 'deploy',
    concurrency: draw.chance(0.4) ? ['L'] : null,
    unique: ofEach && draw.chance(0.4) ? [{ expression: 'name', write: 'text' }] : null,
  });
  const runbook = hasEnds ? withEnds(draw, plain) : plain;
  const cell: Partial<Cell> = {
    name: 'other',
    optional: draw.chance(0.15),
    body: {
      kind: 'run',
      pin,
      params: ofEach ? { name: [{ expression: 'each.node.name', write: 'json' }] } : {},
      over: one(ofEach ? 'params.nodes' : '["deploy"]'),
      as: 'node',
      max: draw.pick([{ count: 1 }, { count: 2 }, { percent: 100 }]),
      stopAfter: draw.pick([1, 1, 2]),
      output: draw.chance(0.3) ? one(`outputs.${cells.at(-1)?.name}.good == true`) : null,
    },
  };
  const { cells: others } = drawn.runbook;
  const all = (draw.chance(0.6) ? [cell, ...others] : [...others, cell]).map(({ index: _, ...rest }) => rest);
  const content = { source: '', runbook };
  return {
    ...drawn,
    runbook: { ...drawn.runbook, cells: runbookOf(all).cells },
    ran: { runbookId: 'deploy', version: 1, sourceHash: runHash, runHash, ...content },
  };
};

/** Elements of a section that fail: by the word of their section they take themselves back, end as they stand, or ask. */
import { describe, expect, test } from 'vitest';
import type { Cell, CellInput, CellResult, Runbook } from '../../src/engine/index.ts';
import { cellOf, runbookOf } from './runbooks.ts';
import { alice, setup } from './world.ts';

const request = { budgetMs: 600_000, maxCells: Number.POSITIVE_INFINITY, by: alice };
const failed: CellResult = { status: 'failed', error: { code: 'cell.exit', message: 'it said no' } };

type Each = Extract<Cell['body'], { kind: 'each'; parts?: never }>;
const inner: Partial<Cell>[] = [
  { name: 'off' },
  { name: 'restart' },
  { name: 'on', reads: ['off'], cleanup: { undo: 'off' } },
];
const section = (over: Partial<Each>): Partial<Cell> => ({
  name: 'nodes',
  body: {
    kind: 'each',
    over: { source: 'params.nodes', line: 1 },
    as: 'node',
    max: { count: 1 },
    stopAfter: 1,
    output: null,
    ...over,
    cells: inner.map((cell, index) => cellOf(index, cell.name ?? '', cell)),
  },
});

const run = async (over: Partial<Each>, runbook: Partial<Runbook> = {}) => {
  const world = setup();
  world.behave = ({ step }: CellInput): CellResult =>
    step.instanceId === 'p~nodes.0' && step.cell === 'restart' ? failed : { status: 'completed' };
  await world.engine.publish(JSON.stringify(runbookOf([section(over)], runbook)), alice);
  await world.engine.start({
    runbookId: 'demo',
    params: { nodes: ['a', 'b'] },
    instanceId: 'p',
    drive: 'auto',
    by: alice,
  });
  const { result } = await world.engine.advance('p', request);
  const ran = world.begun.map(({ step }) => `${step.instanceId}:${step.cell}`);
  const child = (await world.entries('p~nodes.0')).at(-1)?.state;
  return { world, result, ran, child };
};

describe('an element that fails', () => {
  test('takes itself back where its section says so, and ends failed', async () => {
    const { result, ran, child } = await run({ onFailure: 'undo' });
    expect(ran).toEqual(['p~nodes.0:off', 'p~nodes.0:restart', 'p~nodes.0:on']);
    expect(child?.ended).toBe('failed');
    expect(result).toBe('halted');
  });

  test('ends as it stands where its section says so, and counts for stopAfter', async () => {
    const { ran, child } = await run({ onFailure: 'end', stopAfter: 2 });
    expect(ran).toEqual(['p~nodes.0:off', 'p~nodes.0:restart', 'p~nodes.1:off', 'p~nodes.1:restart']);
    expect(child?.ended).toBe('failed');
  });

  test('asks a person where its section says nothing, whatever the run says of itself', async () => {
    const { ran, child, result } = await run({}, { onFailure: 'undo' });
    expect(ran).toEqual(['p~nodes.0:off', 'p~nodes.0:restart']);
    expect(child).toMatchObject({ ended: null, halted: { cell: 'restart', doubt: false } });
    expect(result).not.toBe('failed');
  });
});

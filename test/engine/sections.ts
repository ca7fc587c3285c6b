/** Runs with sections over a list that have something for their end, as the compiler puts it behind the way. */
import type { Cell, CellInput, CellResult, Runbook } from '../../src/engine/index.ts';
import { createEngine } from '../../src/engine/index.ts';
import { cellOf, runbookOf } from './runbooks.ts';
import { alice, bob, setup, type World } from './world.ts';

type Each = Extract<Cell['body'], { kind: 'each'; parts?: never }>;
const numbered = (cells: Partial<Cell>[]): Cell[] =>
  cells.map((over, index) => cellOf(index, over.name ?? `e${index}`, over));
const eachBody = (over: Partial<Each>, cells: Partial<Cell>[]): Each => ({
  kind: 'each',
  over: { source: 'params.nodes', line: 1 },
  as: 'node',
  max: { count: 1 },
  stopAfter: 1,
  output: null,
  cells: numbered(cells),
  ...over,
});
export const undo = (name: string): Partial<Cell> => ({ name: `undo_${name}`, reads: [name], cleanup: { undo: name } });
const inner: Partial<Cell>[] = [
  { name: 'off' },
  { name: 'restart' },
  undo('restart'),
  undo('off'),
  { name: 'tidy', cleanup: { on: 'always' } },
];
export const nodes = (over: Partial<Each> = {}, cells = inner): Partial<Cell> => ({
  name: 'nodes',
  body: eachBody(over, cells),
});
/** As the compiler puts it behind the way. */
export const undoNodes: Partial<Cell> = {
  name: 'undo_nodes',
  cleanup: { undo: 'nodes' },
  body: eachBody({ undoes: 'nodes' }, []),
};
export const request = { budgetMs: 600_000, maxCells: Number.POSITIVE_INFINITY, by: alice };

export const begin = async (cells: Partial<Cell>[], list: unknown[], over: Partial<Runbook> = {}): Promise<World> => {
  const world = setup();
  const { authoring } = world.ports;
  const render: typeof authoring.renderBody = (body, scope) => {
    if (body.kind !== 'each') return authoring.renderBody(body, scope);
    const found = authoring.evaluate(body.over, scope);
    return found.kind === 'error'
      ? found
      : { kind: 'body', body: { kind: 'each', items: JSON.stringify(found.value) } };
  };
  world.ports.authoring = { ...authoring, renderBody: render };
  world.engine = createEngine(world.ports);
  await world.engine.publish(JSON.stringify(runbookOf(cells, over)), alice);
  await world.engine.start({ runbookId: 'demo', params: { nodes: list }, instanceId: 'p', drive: 'auto', by: alice });
  return world;
};
export const ran = (world: World): string[] =>
  world.begun.map(({ step }) => `${step.instanceId.slice(2)}:${step.cell}`);
export const failing =
  (...steps: string[]) =>
  ({ step }: CellInput): CellResult =>
    steps.includes(`${step.instanceId.slice(2)}:${step.cell}`)
      ? { status: 'failed', error: { code: 'cell.exit', message: 'no' } }
      : { status: 'completed', output: JSON.stringify(step.instanceId) };
export const outputIn = async (world: World): Promise<unknown> => {
  const { cells } = await world.engine.inspect('p', alice);
  return JSON.parse(cells.find(({ kind }) => kind === 'each')?.output ?? 'null');
};
export const stuckAt = async (world: World, id = 'p'): Promise<number> =>
  (await world.entries(id)).at(-1)?.state.halted?.seq ?? -1;
/** The holder of the first element's step is gone: somebody says that it failed, before its time, and cancels the element. */
export const leaveEarly = async (world: World): Promise<void> => {
  const named = '0123456789ab.4026531836.4711.123456.1000';
  world.engine = createEngine({ ...world.ports, process: () => named, holderState: async () => 'gone' });
  const begun = Promise.withResolvers<void>();
  world.behave = () => {
    begun.resolve();
    return new Promise(() => {});
  };
  void world.engine.advance('p', request);
  await begun.promise;
  const decided = { seq: 1, verdict: 'failed', reason: 'killed', holderGone: true, by: bob } as const;
  await world.engine.verdict('p~nodes.0', decided);
  await world.engine.cancel('p~nodes.0', 'not this one', bob);
};

/** Runbooks that run others, made by hand: publishing is the compiler's part. */
import { createHash } from 'node:crypto';
import {
  type Cell,
  type CellInput,
  type CellResult,
  createEngine,
  PawlError,
  type Runbook,
  runsOf,
  type Template,
} from '../../src/engine/index.ts';
import { canonical } from '../../src/store/items.ts';
import { cellOf, runbookOf } from './runbooks.ts';
import { alice, setup, type World } from './world.ts';

type Run = Extract<Cell['body'], { kind: 'run' }>;
export const json = (expression: string): Template => [{ expression, write: 'json' }];
export const request = { budgetMs: 600_000, maxCells: Number.POSITIVE_INFINITY, by: alice };

/** Another runbook: `params` names those that it has to be given. */
export const other = (cells: Partial<Cell>[], over: Partial<Runbook> = {}, params: string[] = []): Runbook =>
  runbookOf(cells, {
    runbookId: 'deploy',
    params: { type: 'object', properties: {}, required: params, additionalProperties: true },
    ...over,
  });

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
export const pinOf = (runbook: Runbook): Run['pin'] => ({
  runbookId: runbook.runbookId,
  version: 1,
  runHash: sha256(canonical(runsOf({ source: JSON.stringify(runbook), runbook }))),
});

/** A cell that runs it once. */
export const running = (runbook: Runbook, over: Partial<Run> = {}, name = 'ship'): Partial<Cell> => ({
  name,
  body: {
    kind: 'run',
    pin: pinOf(runbook),
    params: {},
    over: { source: JSON.stringify([runbook.runbookId]), line: 1 },
    as: 'it',
    max: { count: 1 },
    stopAfter: 1,
    output: null,
    ...over,
  },
});
/** For each of `params.nodes`, which is its parameter `node`. */
export const runningEach = (runbook: Runbook, over: Partial<Run> = {}, name = 'ship'): Partial<Cell> =>
  running(
    runbook,
    { over: { source: 'params.nodes', line: 1 }, as: 'node', params: { node: json('each.node') }, ...over },
    name,
  );
export const numbered = (cells: Partial<Cell>[]): Cell[] =>
  cells.map((over, index) => cellOf(index, over.name ?? `e${index}`, over));

/** The parent is `p`, of runbook `demo`; the others are published before it. */
export const begin = async (
  others: Runbook[],
  cells: Partial<Cell>[],
  {
    params = {},
    world = setup(),
    ...over
  }: Partial<Runbook> & { params?: Record<string, unknown>; world?: World } = {},
): Promise<World> => {
  const { authoring } = world.ports;
  const resolveParams: typeof authoring.resolveParams = ({ params: schema }, given) => {
    const missing = ((schema.required ?? []) as string[]).filter((name) => given[name] === undefined);
    if (missing.length === 0) return given;
    const problems = missing.map((name) => ({ path: `params.${name}`, message: 'is missing' }));
    throw new PawlError('params.invalid', 'The parameters do not fit.', { problems });
  };
  world.ports.authoring = { ...authoring, resolveParams };
  world.engine = createEngine(world.ports);
  for (const one of others) await world.engine.publish(JSON.stringify(one), alice);
  await world.engine.publish(JSON.stringify(runbookOf(cells, over)), alice);
  await world.engine.start({ runbookId: 'demo', params, instanceId: 'p', drive: 'auto', by: alice });
  return world;
};
export const ran = (world: World): string[] => world.begun.map(({ step }) => `${step.instanceId}:${step.cell}`);
export const failing =
  (...steps: string[]) =>
  ({ step }: CellInput): CellResult =>
    steps.includes(`${step.instanceId}:${step.cell}`)
      ? { status: 'failed', error: { code: 'cell.exit', message: 'no' } }
      : { status: 'completed', output: JSON.stringify(`${step.instanceId}:${step.cell}`) };
export const outputIn = async (world: World, id = 'p'): Promise<unknown> => {
  const { cells } = await world.engine.inspect(id, alice);
  return JSON.parse(cells.find(({ kind }) => kind === 'run')?.output ?? 'null');
};
export const last = async (world: World, id = 'p') => (await world.entries(id)).at(-1);
export const stuckAt = async (world: World, id = 'p'): Promise<number> =>
  (await last(world, id))?.state.halted?.seq ?? -1;

/**
 * Schedules with tasks whose effects are what they commit, a row for each attempt, in one transaction with the outcome. Drawn apart, so
 * that what else a seed draws is what it would be without. The service that carries a commit out is here, with its memory of
 * tokens, as DynamoDB has it.
 */
import { type Cell, type CellInput, type CellResult, natureOf } from '../../src/engine/index.ts';
import { isThere, noRow } from '../../src/store/companions.ts';
import type { Commit, Committed, Operation } from '../../src/store/tableOperations.ts';
import { noFaults } from './faults.ts';
import { createRandom, type Draw } from './schedule.ts';
import { breaks, type Call, RuleBroken, type World } from './world.ts';

/** In so many schedules, of those about one run. */
const commitsEvery = 10;
const committingShare = 0.7;
const refusedShare = 0.1;

/** Rows of a table of others, by key; and what was asked under each token, and under which token of each entry. */
export type Commits = {
  draw: Draw;
  rows: Map<string, string>;
  asked: Map<string, string>;
  tokens: Map<string, string>;
};

export const drawCommits = (seed: number): Commits | null =>
  seed % commitsEvery === 7
    ? { draw: createRandom(seed ^ 0xc0337), rows: new Map(), asked: new Map(), tokens: new Map() }
    : null;

const committing = (cell: Cell, draw: Draw): Cell => ({
  ...cell,
  body: { kind: 'task', task: 'pay', input: ['{}'], schema: {}, effects: 'commit' },
  byMethod: 'effects=commit',
  interrupted: draw.pick(['retry', 'retry', 'hold']),
  probe: null,
});

/** Some of the cells that have effects, and are no requests, are such tasks. */
export const commitCells = (commits: Commits | null, cells: Cell[]): Cell[] =>
  commits === null
    ? cells
    : cells.map((cell) => {
        const may = natureOf(cell) === 'effect' && cell.body.kind === 'ts' && cell.poll === undefined;
        return may && commits.draw.chance(committingShare) ? committing(cell, commits.draw) : cell;
      });

/** By instance and reservation: what one attempt has done. */
export const rowOf = (instanceId: string, seq: number): string => `${instanceId}#${seq}`;

/** A task that completed has asked for its row; now and then for one that nobody has, besides. */
export const withWrites = (world: World, { step, body }: CellInput, result: CellResult): CellResult => {
  if (body.kind !== 'task' || result.status !== 'completed' || world.commits === null) return result;
  const own = { kind: 'insert', table: 'paid', key: { id: rowOf(step.instanceId, step.seq) } } as const;
  const absent = { kind: 'check', table: 'paid', key: { id: 'nobody' } } as const;
  const isRefused = world.commits.draw.chance(refusedShare);
  return { ...result, commit: isRefused ? [own, absent] : [own] };
};

/** One token for one slot and what goes there, unchanged: else a request on its way could land beside its repetition. */
const checkToken = (world: World, commits: Commits, { item, token }: Commit, text: string): void => {
  const entry = JSON.stringify([item.instanceId, item.seq, item.token]);
  const before = commits.tokens.get(entry) ?? token;
  commits.tokens.set(entry, token);
  if (before !== token) breaks(world, new RuleBroken('commit', `slot ${item.seq} was asked for under two tokens`));
  const first = commits.asked.get(token) ?? text;
  commits.asked.set(token, first);
  if (first !== text) breaks(world, new RuleBroken('commit', `token ${token} was used for two requests`));
};

const lateShare = 0.3;
/**
 * A commit more often than other writes stays on its way without an answer, so that it is sent again, and both arrive: where
 * anything fails at all.
 */
export const comesLate = (world: World, operation: Operation, call: Call | undefined): boolean => {
  if (operation.kind !== 'commit' || world.commits === null || world.rates === noFaults) return false;
  if (!world.commits.draw.chance(lateShare)) return false;
  world.faults.delayed += 1;
  call?.struck.push('delayed');
  return true;
};

/** All of it, or none. */
export const carryOut = (world: World, operation: Commit): Committed => {
  const { commits } = world;
  if (commits === null) throw new RuleBroken('defect', 'a commit without a task that commits');
  const { table, item, writes } = operation;
  checkToken(world, commits, operation, JSON.stringify([item, writes]));
  const at = writes.findIndex(({ kind, key }) => commits.rows.has(String(key.id)) === (kind === 'insert'));
  const stands = world.tables.execute({ kind: 'get', table, key: { instanceId: item.instanceId, seq: item.seq } });
  if (stands === undefined && at !== -1)
    return { kind: 'companion', at, why: writes[at]?.kind === 'insert' ? isThere : noRow };
  const put = world.tables.execute({ ...operation, writes: [] });
  if (put.kind === 'done')
    for (const { key } of writes) commits.rows.set(String(key.id), rowOf(String(item.instanceId), item.seq as number));
  return put;
};

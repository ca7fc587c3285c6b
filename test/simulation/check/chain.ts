/** I1: one entry per seq, no gaps, never altered, each a legal step; read by the engine's `apply` and by our own reading. */
import { apply, type Entry, type State } from '../../../src/engine/index.ts';
import { must } from '../world.ts';
import { compare, type Oracle, type Reading, readOn } from './reading.ts';
import { same } from './same.ts';
import { writerOf } from './writer.ts';

const checkTables = ({ world }: Oracle): void => {
  const rows = world.tables.partition('journal', world.instanceId);
  must(rows.length === world.chain.length, 'I1', `${rows.length} entries stand, ${world.chain.length} were written`);
  for (const row of rows) {
    const written = world.chain[row.seq as number]?.row;
    must(written !== undefined && same(row, written), 'I1', `entry ${row.seq} was altered`);
  }
};

const legal = (before: State | null, entry: Entry): State => {
  try {
    return apply(before, entry);
  } catch (error) {
    must(false, 'I1', `entry ${entry.seq} is no legal step: ${(error as Error).message}`);
    throw error;
  }
};

/** The reading after the last entry; `undefined` for an instance that never started. */
export const checkChain = (oracle: Oracle): Reading | undefined => {
  const { world } = oracle;
  checkTables(oracle);
  let state: State | null = null;
  let reading: Reading | undefined;
  let prev: string | null = null;
  world.chain.forEach(({ entry, sha256 }, index) => {
    must(entry.seq === index && entry.instanceId === world.instanceId, 'I1', `entry ${index} says seq ${entry.seq}`);
    must(entry.prev === prev, 'I1', `entry ${index} does not carry the hash of the one before`);
    state = legal(state, entry);
    must(same(entry.state, state), 'I1', `the state of entry ${index} is not what apply gives`);
    reading = readOn(oracle, reading, entry);
    compare(reading, entry);
    const call = writerOf(oracle, entry);
    must(
      call?.tokens.has(entry.token) === true,
      'I4',
      `entry ${index} carries a token which ${entry.by.where} did not draw`,
    );
    prev = sha256;
  });
  return reading;
};

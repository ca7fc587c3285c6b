import { setTimeout as wait } from 'node:timers/promises';
import { createTables } from '../../src/store/dynamodb.ts';

const withinMs = 40_000;

/**
 * The tables in DynamoDB Local, which has all test files as callers at once when it is still cold: then its answer takes
 * longer than a call of the store may. What stands already is left as it is.
 */
export const createdTables = async (...of: Parameters<typeof createTables>): Promise<void> => {
  for (const endMs = performance.now() + withinMs; ; await wait(500)) {
    try {
      return await createTables(...of);
    } catch (error) {
      if (performance.now() > endMs) throw error;
    }
  }
};

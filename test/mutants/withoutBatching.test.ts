import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { simulateEdited } from './mutant.ts';

const withoutBatching = fileURLToPath(new URL('../../bench/batching/plain.edit', import.meta.url));
const schedules = 2_000;

test('an engine that batches nothing keeps the rules as well: batching saves writes, and no rule rests on it', async () => {
  const { failure, totals } = await simulateEdited(withoutBatching, 1, schedules, availableParallelism());
  expect(failure).toBeNull();
  expect(totals.schedules).toBe(schedules);
}, 240_000);

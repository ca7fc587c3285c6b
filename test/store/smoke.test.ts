import { expect, test } from 'vitest';
import { freshStore, serviceKinds } from '../support/world.ts';

test.each(await serviceKinds())('a fresh store on %s', async (kind) => {
  const { store, clock } = await freshStore(kind);
  expect(await store.journal.head('i1')).toBeUndefined();
  expect(Math.abs(clock.nowMs() - Date.now())).toBeLessThan(2_000);
});

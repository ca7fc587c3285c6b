/** A store that is being opened, for whoever cannot wait: the first that is asked of it waits. */
import { strict as assert } from 'node:assert';
import type { Clock } from '../engine/index.ts';
import { pause } from './clock.ts';
import type { StoreClient } from './tableOperations.ts';

type Opened = { client: StoreClient; clock: Clock };

export const storeLater = (opening: Promise<Opened>): Opened => {
  let opened: Opened | undefined;
  opening.then(
    (one) => {
      opened = one;
    },
    // Whoever asks is told.
    () => undefined,
  );
  const clock = (): Clock => {
    assert(opened !== undefined, 'ask the store something first');
    return opened.clock;
  };
  return {
    client: { send: async (operation) => (await opening).client.send(operation) },
    clock: {
      nowMs: () => clock().nowMs(),
      behindMs: () => clock().behindMs(),
      heldMs: (...asked) => clock().heldMs(...asked),
      sleep: pause,
      alarm: pause,
    },
  };
};

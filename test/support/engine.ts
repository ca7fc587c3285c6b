/** An engine on a real store, with whatever a test wants to be different. */
import { createHash } from 'node:crypto';
import { createEngine, type Engine, type Ports } from '../../src/engine/index.ts';
import { canonical, type Store, systemRandom } from '../../src/store/index.ts';
import { plainAuthoring } from '../engine/runbooks.ts';

/** So that tests can say which key was sent; that a store draws its own is shown in `test/store/storeId.test.ts`. */
const storeId = async (): Promise<string> => '5707e1d0aaaa';

export const portsOn = (store: Store, over: Partial<Ports> = {}): Ports => ({
  ...store,
  storeId,
  random: systemRandom,
  authoring: plainAuthoring,
  execute: async () => ({ status: 'completed', output: '{}' }),
  sha256: (text) => createHash('sha256').update(text).digest('hex'),
  canonical,
  observe: () => {},
  setAside: async () => {},
  wakeAt: async () => {},
  deployment: { name: 'test', epoch: 0, takeoverGraceMs: 15_000 },
  here: { place: 'local', home: 'local', missing: async () => [] },
  ...over,
});

export const engineOn = (store: Store, over: Partial<Ports> = {}): Engine => createEngine(portsOn(store, over));

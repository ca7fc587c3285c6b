/**
 * What is read of the stores by everybody who looks: `verify` finds every journal intact, and each instance is in the list
 * of journals exactly once. Read by the shipped code, without faults and in no time.
 */
import { hash } from 'node:crypto';
import { createEngine, type Engine, limits, type Ports } from '../../../src/engine/index.ts';
import type { Access } from '../../../src/store/access.ts';
import { createClaims } from '../../../src/store/claims.ts';
import { canonical, shardOf } from '../../../src/store/items.ts';
import { createJournal } from '../../../src/store/journal.ts';
import { createLocks } from '../../../src/store/locks.ts';
import { createLooks } from '../../../src/store/looks.ts';
import { createMarks } from '../../../src/store/marks.ts';
import { createViews } from '../../../src/store/views.ts';
import { clientOf } from '../../../src/testing/tables.ts';
import { plainAuthoring } from '../../engine/runbooks.ts';
import { home } from '../places.ts';
import { facetOf, must, type World } from '../world.ts';
import { checkPages } from './pages.ts';
import { checkReport } from './reports.ts';

const readers = new WeakMap<World, Engine>();

/** An engine that only reads, for whoever looks when everything is over. */
export const readerOf = (world: World): Engine => {
  const known = readers.get(world);
  if (known !== undefined) return known;
  const access: Access = { client: clientOf(world.tables), appendBy: 'put' };
  const { version, ran, graceMs, epoch, draw } = world;
  const ports: Partial<Ports> = {
    clock: {
      nowMs: () => world.schedule.nowMs(),
      sleep: async () => {},
      alarm: async () => {},
      behindMs: () => 0,
      heldMs: () => 0,
    },
    journal: createJournal(access, draw),
    random: { token: () => 'r'.repeat(32), fraction: () => 0 },
    authoring: plainAuthoring,
    claims: createClaims(access),
    locks: createLocks(access),
    looks: createLooks(access),
    marks: createMarks(access, home),
    views: createViews(access),
    versions: {
      get: async (runbookId) => (runbookId === ran?.runbookId ? ran : version),
      publish: async () => ({ version: 1, runHash: version.runHash, created: false }),
    },
    sha256: (text) => hash('sha256', text),
    canonical,
    observe: () => {},
    deployment: { name: 'sim', epoch, takeoverGraceMs: graceMs },
    here: { place: home, home, missing: async () => [] },
  };
  const engine = createEngine(ports as Ports);
  readers.set(world, engine);
  return engine;
};

const isListed = async (engine: Engine, instanceId: string): Promise<number> => {
  const shard = shardOf(instanceId, limits.journalShards);
  let times = 0;
  let after: string | undefined;
  do {
    const page = await engine.started(shard, after);
    times += page.instanceIds.filter((id) => id === instanceId).length;
    after = page.next ?? undefined;
  } while (after !== undefined);
  return times;
};

export const checkStored = async (world: World, instanceId: string): Promise<void> => {
  const engine = readerOf(world);
  const { chain } = facetOf(world, instanceId);
  const [first] = chain;
  const head = chain.at(-1);
  if (first === undefined || head === undefined) return;
  const { intact, breaks, entries, head: seen } = await engine.verify(instanceId);
  must(intact, 'verify', `${instanceId} seq ${breaks[0]?.seq}: ${breaks[0]?.why}`);
  must(entries === chain.length && seen.hash === head.hash, 'verify', `it read ${entries} entries of ${chain.length}`);
  await checkPages(engine, world, instanceId);
  if (first.entry.kind === 'started') await checkReport(engine, world, instanceId);
  const times = await isListed(engine, instanceId);
  must(
    times === (first.entry.kind === 'started' ? 1 : 0),
    'list',
    `${instanceId} is ${times} times among the journals`,
  );
};

/** The store's door: the engine's ports on DynamoDB. What only a developer's machine needs is behind `local.ts`. */
import { randomBytes } from 'node:crypto';
import type {
  Claims,
  Clock,
  Journal,
  Links,
  Locks,
  Looks,
  Marks,
  Random,
  Subscriptions,
  Versions,
  Views,
} from '../engine/index.ts';
import type { Access, AppendBy, StoreClient } from './access.ts';
import { createClaims } from './claims.ts';
import { createJournal } from './journal.ts';
import { createLinks } from './links.ts';
import { createLocks } from './locks.ts';
import { createLooks } from './looks.ts';
import { createMarks } from './marks.ts';
import { createStoreId } from './storeId.ts';
import { createSubscriptions } from './subscriptions.ts';
import { type Catalogue, createVersions } from './versions.ts';
import { createViews } from './views.ts';

export type { AppendBy, StoreClient } from './access.ts';
export { type ClientOptions, createClient } from './client.ts';
export { createClock, type StoreClock } from './clock.ts';
export { arming, dropping, free, leaving, queries, saving, settling, subscribing, waking } from './conditions.ts';
export { canonical, decodeEntry, sha256 } from './items.ts';
export type { Catalogue, Listed } from './versions.ts';

export type Store = {
  journal: Journal;
  versions: Versions & Catalogue;
  locks: Locks;
  claims: Claims;
  subscriptions: Subscriptions;
  links: Links;
  looks: Looks;
  marks: Marks;
  views: Views;
  clock: Clock;
  storeId(): Promise<string>;
};

export type StoreOptions = {
  /** Tables are `<tablesPrefix>-journal` and so on, as in infra/tables.yml. */
  tablesPrefix: string;
  /** The one that learns from this client's answers (`createClient`), or a simulated one. */
  clock: Clock;
  random?: Random;
  /** Without it: `put`. DynamoDB alone knows `insert`; every other table service refuses the first append. */
  appendOnly?: AppendBy;
};

export const systemRandom: Random = {
  token: () => randomBytes(16).toString('hex'),
  fraction: () => Math.random(),
};

/** The store ports on `client`, which is a DynamoDBDocumentClient or anything that answers the same commands. */
export const createStore = (client: StoreClient, options: StoreOptions): Store => {
  const access: Access = { client, tablesPrefix: options.tablesPrefix, appendBy: options.appendOnly ?? 'put' };
  const random = options.random ?? systemRandom;
  return {
    journal: createJournal(access, random),
    versions: createVersions(access, options.clock, random),
    locks: createLocks(access),
    claims: createClaims(access),
    subscriptions: createSubscriptions(access),
    links: createLinks(access),
    looks: createLooks(access),
    marks: createMarks(access),
    views: createViews(access),
    clock: options.clock,
    storeId: createStoreId(access, random),
  };
};

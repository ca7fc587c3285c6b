/**
 * The store's door: the engine's ports on tables. Whoever holds the tables is behind a door of its own, so that a command
 * on this machine loads nothing of AWS, and a function on AWS nothing of SQLite: `dynamodb.ts`, `local.ts`.
 */
import { randomBytes } from 'node:crypto';
import {
  type Claims,
  type Clock,
  type Journal,
  type Links,
  type Locks,
  type Looks,
  localPlace,
  type Marks,
  type Random,
  type Subscriptions,
  type Versions,
  type Views,
} from '../engine/index.ts';
import type { Access, AppendBy } from './access.ts';
import { createClaims } from './claims.ts';
import { createJournal } from './journal.ts';
import { knowingPlaces } from './knownPlaces.ts';
import { createLinks } from './links.ts';
import { createLocks } from './locks.ts';
import { createLooks } from './looks.ts';
import { createMarks } from './marks.ts';
import { createPace, type Pace } from './pace.ts';
import { createStoreId } from './storeId.ts';
import { createSubscriptions } from './subscriptions.ts';
import type { StoreClient } from './tableOperations.ts';
import { type Catalogue, createVersions } from './versions.ts';
import { createViews } from './views.ts';
import { createWorkers, type Workers } from './workers.ts';

export type { AppendBy } from './access.ts';
export { createCarryOut, ForbiddenWrite, type Rows } from './carryOut.ts';
export { createClock, type StoreClock } from './clock.ts';
export { order } from './expressions.ts';
export { canonical, decodeEntry, sha256 } from './items.ts';
export { storeLater } from './later.ts';
export type { Pace, Turn } from './pace.ts';
export {
  type AnswerOf,
  indexes,
  keyOf,
  keysOf,
  type Operation,
  type RawItem,
  type StoreClient,
  type Table,
  tables,
} from './tableOperations.ts';
export type { Catalogue, Listed } from './versions.ts';
export type { Heartbeat, Workers, WorkersFound } from './workers.ts';

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
  workers: Workers;
  pace: Pace;
  clock: Clock;
  storeId(): Promise<string>;
};

export type StoreOptions = {
  /** The one that learns from this client's answers, or a simulated one. */
  clock: Clock;
  random?: Random;
  /** Without it: `put`. DynamoDB alone knows `insert`; every other table service refuses the first append. */
  appendOnly?: AppendBy;
  /** The place whose schedule looks after what belongs to none in particular. Without it: `local`. */
  home?: string;
};

export const systemRandom: Random = {
  token: () => randomBytes(16).toString('hex'),
  fraction: () => Math.random(),
};

/** The store ports on `client`: DynamoDB, SQLite, tables in memory, or anything that answers the same operations. */
export const createStore = (client: StoreClient, options: StoreOptions): Store => {
  const access: Access = { client, appendBy: options.appendOnly ?? 'put' };
  const random = options.random ?? systemRandom;
  const home = options.home ?? localPlace;
  const workers = createWorkers(access);
  return {
    journal: createJournal(access, random),
    versions: createVersions(access, options.clock, random),
    locks: createLocks(access),
    claims: createClaims(access),
    subscriptions: createSubscriptions(access),
    links: createLinks(access),
    looks: createLooks(access),
    marks: createMarks(access, home),
    views: knowingPlaces(createViews(access), workers, options.clock, home),
    workers,
    pace: createPace(access, options.clock),
    clock: options.clock,
    storeId: createStoreId(access, random),
  };
};

/**
 * `concurrency`: one unfinished instance per value. A chain `lock:<text>` whose newest entry names the holder; it may be
 * followed once the holder's journal has ended. Nothing is ever released.
 *
 * A continuation takes the lock before the run that it goes on from ends, so no other start comes in between. Its entry names
 * that run too: until both have ended, no other instance follows, whatever becomes of the continuation.
 */

import type { Entry } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import type { By } from '../model/fields.ts';
import { runsUntilMs } from '../model/lease.ts';
import { limits } from '../model/limits.ts';
import type { LockEntry } from '../ports.ts';
import { statusOf } from '../rules/view.ts';
import { seal } from './chain.ts';
import type { Engine } from './kin.ts';

/** `after`: the run that it goes on from, which is about to be ended for it. `spares`: those that its own caller begins, so none is given up. */
type Taker = { instanceId: string; token: string; by: By; after?: string; spares?(instanceId: string): boolean };

const unanswered = (taker: Taker, cause: unknown): PawlError =>
  new PawlError(
    'store.unavailable',
    `The store gave no answer; ask again for instance ${taker.instanceId}.`,
    { instanceId: taker.instanceId },
    cause,
  );

/**
 * A holder that took the lock and never started would hold it for ever. Its start is given up by an entry in its first
 * slot: if its own start comes after all, it finds the slot taken. The same race as every other, settled the same way.
 */
const giveUp = async (engine: Engine, holder: string, taker: Taker): Promise<void> => {
  const body = { kind: 'cancelled', reason: `never started; its lock was followed by ${taker.instanceId}` } as const;
  const from = { token: taker.token, by: taker.by, instanceId: holder, atMs: engine.clock.nowMs() };
  const put = await engine.journal.putOnce(seal(null, body, from));
  if (put.kind === 'unknown') throw unanswered(taker, put.cause);
};

/** How an instance stands to a lock; of one that holds it, its newest entry. */
type HolderState = { kind: 'unstarted' } | { kind: 'free' } | { kind: 'holds'; head: Entry };

const holderStateOf = async ({ journal }: Engine, lock: string, instanceId: string): Promise<HolderState> => {
  const head = (await journal.head(instanceId))?.entry;
  if (head === undefined) return { kind: 'unstarted' };
  if (head.state.ended !== null) return { kind: 'free' };
  const first = head.seq === 0 ? head : (await journal.entry(instanceId, 0))?.entry;
  // Two starts of one id may ask for two locks: its first entry says for ever which one is its own.
  const isOther = first?.kind === 'started' && first.lock !== lock;
  return isOther ? { kind: 'free' } : { kind: 'holds', head };
};

/** Why it has not ended, and what to do about it. */
const whyOf = (engine: Engine, { instanceId, state }: Entry): string => {
  const { open, halted } = state;
  const status = statusOf(state, engine.clock.nowMs(), engine.deployment.takeoverGraceMs);
  const cancelled = state.cancelled === null ? '' : 'it was cancelled, but ';
  if (status === 'in_doubt')
    return `${cancelled}its cell ${open?.cell ?? halted?.cell} is in doubt: decide it with \`pawl verdict ${instanceId} --seq ${open?.seq ?? halted?.seq} …\``;
  if (cancelled !== '' && open?.kind === 'reserved')
    return `${cancelled}its cell ${open.cell} may run until ${new Date(runsUntilMs(open)).toISOString()}: ask again then`;
  return `it has not ended; see \`pawl status ${instanceId}\``;
};

const held = (lock: string, holder: string, why: string): PawlError =>
  new PawlError('concurrency.held', `Instance ${holder} holds "${lock}": ${why}.`, { lock, holder });

/** @throws PawlError `concurrency.held`, unless the instance has ended, never started in good time, or has another lock */
const assertLetGo = async (engine: Engine, newest: LockEntry, holder: string, taker: Taker): Promise<void> => {
  const { lock } = newest;
  const standing = await holderStateOf(engine, lock, holder);
  if (standing.kind === 'holds') throw held(lock, holder, whyOf(engine, standing.head));
  if (standing.kind === 'free' || holder !== newest.instanceId) return;
  const leftMs = newest.atMs + limits.unstartedLockMs - engine.clock.nowMs();
  if (leftMs > 0 || taker.spares?.(holder) === true) {
    const seconds = Math.max(1, Math.ceil(leftMs / 1000));
    throw held(lock, holder, `it is about to start, or never will: ask again in ${seconds} s (unstartedLockMs)`);
  }
  await giveUp(engine, holder, taker);
  const then = await holderStateOf(engine, lock, holder);
  if (then.kind === 'holds') throw held(lock, holder, whyOf(engine, then.head));
};

/** @throws PawlError `params.invalid` */
export const assertLockText = (lock: string): void => {
  if (lock !== '' && lock.length <= limits.lockCharsMax) return;
  const message = `\`concurrency\` gives a text of ${lock.length} characters; 1 to ${limits.lockCharsMax} (lockCharsMax) are allowed.`;
  throw new PawlError('params.invalid', message, { limit: 'lockCharsMax' });
};

/** The newest entry of a lock, which may be followed. */
const lockToTake = async (engine: Engine, lock: string, taker: Taker): Promise<LockEntry | undefined> => {
  const newest = await engine.locks.newest(lock);
  if (newest === undefined) return undefined;
  for (const holder of [newest.after, newest.instanceId]) {
    const isOurs = holder === undefined || holder === taker.instanceId || holder === taker.after;
    if (!isOurs) await assertLetGo(engine, newest, holder, taker);
  }
  return newest;
};

/**
 * Takes the lock for an instance about to start; a second time for the same instance is the same.
 * @throws PawlError `params.invalid`, `concurrency.held` naming the holder, `store.unavailable`
 */
export const takeLock = async (engine: Engine, lock: string, taker: Taker): Promise<void> => {
  assertLockText(lock);
  for (;;) {
    const newest = await lockToTake(engine, lock, taker);
    if (newest?.instanceId === taker.instanceId) return;
    const revision = (newest?.revision ?? 0) + 1;
    const { by: _, spares: _spares, ...taken } = taker;
    const put = await engine.locks.putOnce({ lock, revision, ...taken, atMs: engine.clock.nowMs() });
    // A call may take locks for several: a put of the same token may be about another.
    if (put.kind === 'written' && put.standing.instanceId === taker.instanceId) return;
    if (put.kind === 'unknown') throw unanswered(taker, put.cause);
  }
};

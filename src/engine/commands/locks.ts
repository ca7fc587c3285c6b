/**
 * `concurrency`: one unfinished instance per value. A chain `lock:<text>` whose newest entry names the holder; it may be
 * followed once the holder's journal has ended. Nothing is ever released.
 */

import type { Engine } from '../call/call.ts';
import { seal } from '../call/chain.ts';
import type { By } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { LockEntry } from '../ports.ts';

type Taker = { instanceId: string; token: string; by: By };

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
const giveUp = async (engine: Engine, holder: LockEntry, taker: Taker): Promise<void> => {
  const body = { kind: 'cancelled', reason: `never started; its lock was followed by ${taker.instanceId}` } as const;
  const from = { ...taker, instanceId: holder.instanceId, atMs: engine.clock.nowMs() };
  const put = await engine.journal.putOnce(seal(null, body, from));
  if (put.kind === 'unknown') throw unanswered(taker, put.cause);
};

/** Whether the holder has ended, so that its lock may be followed. */
const hasEnded = async (engine: Engine, holder: LockEntry, taker: Taker): Promise<boolean> => {
  const head = await engine.journal.head(holder.instanceId);
  if (head !== undefined) return head.entry.state.ended !== null;
  if (engine.clock.nowMs() - holder.atMs < limits.unstartedLockMs) return false;
  await giveUp(engine, holder, taker);
  return (await engine.journal.head(holder.instanceId))?.entry.state.ended === 'cancelled';
};

const assertText = (lock: string): void => {
  if (lock !== '' && lock.length <= limits.lockCharsMax) return;
  const message = `\`concurrency\` gives a text of ${lock.length} characters; 1 to ${limits.lockCharsMax} (lockCharsMax) are allowed.`;
  throw new PawlError('params.invalid', message, { limit: 'lockCharsMax' });
};

/**
 * Looks who holds the lock. `except`: a run that is about to be ended.
 * @returns its newest entry, which may be followed
 * @throws PawlError `params.invalid`, `concurrency.held` naming the holder, `store.unavailable`
 */
export const assertFree = async (
  engine: Engine,
  lock: string,
  taker: Taker,
  except?: string,
): Promise<LockEntry | undefined> => {
  assertText(lock);
  const newest = await engine.locks.newest(lock);
  const ours = newest === undefined || newest.instanceId === taker.instanceId || newest.instanceId === except;
  if (ours || (await hasEnded(engine, newest, taker))) return newest;
  const message = `Instance ${newest.instanceId} holds "${lock}" and has not ended; see \`pawl status ${newest.instanceId}\`.`;
  throw new PawlError('concurrency.held', message, { lock, holder: newest.instanceId });
};

/**
 * Takes the lock for an instance about to start; a second time for the same instance is the same.
 * @throws PawlError `concurrency.held` naming the holder, `store.unavailable`
 */
export const takeLock = async (engine: Engine, lock: string, taker: Taker): Promise<void> => {
  for (;;) {
    const newest = await assertFree(engine, lock, taker);
    if (newest?.instanceId === taker.instanceId) return;
    const revision = (newest?.revision ?? 0) + 1;
    const { instanceId, token } = taker;
    const put = await engine.locks.putOnce({ lock, revision, instanceId, token, atMs: engine.clock.nowMs() });
    if (put.kind === 'written') return;
    if (put.kind === 'unknown') throw unanswered(taker, put.cause);
  }
};

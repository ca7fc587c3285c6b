/**
 * Claims: named, shared facts with a status and a history. Whoever writes one wakes everybody who waits for it.
 *
 * No lost wake-up (I7): the mark `wake:<claimId>` is due before the claim is put, and taken down after the last waiter was
 * woken. Whoever dies in between leaves it, and the schedule wakes them all again: waking twice costs a look, no more.
 */
import { commandMs, type Engine } from './call.ts';
import type { By } from './entries.ts';
import { PawlError } from './errors.ts';
import { limits } from './limits.ts';
import { bytesOf } from './outcomes.ts';
import type { ClaimEntry, Put, Waiter } from './ports.ts';
import { type ClaimStatus, claimStatuses } from './runbook.ts';
import { together } from './together.ts';

export type ClaimRequest = {
  status: ClaimStatus;
  statement?: string;
  /** JSON text. */
  evidence?: string;
  /** The revision the caller has seen, 0 for none: another one is refused with `claim.stale`. */
  revision?: number;
  by: By;
};
/** `woken: null`: not all of those who wait were told yet; the schedule goes on with that. */
export type ClaimSet = { claim: ClaimEntry; woken: number | null };

const putTriesMax = 20;
const wakePrefix = 'wake:';

/** The mark in the views table that a claim's waiters are to be woken. No instance has such an id. */
export const wakeIdOf = (claimId: string): string => `${wakePrefix}${claimId}`;
/** The claim whose waiters are to be woken, if a due mark says that. */
export const wakeOf = (dueId: string): string | undefined =>
  dueId.startsWith(wakePrefix) ? dueId.slice(wakePrefix.length) : undefined;

const claimIdPattern = /^[A-Za-z0-9](?:[A-Za-z0-9._-]|\/(?!\/|$))*$/;

/** @throws PawlError `request.invalid` */
export const assertClaimId = (claimId: string): void => {
  if (claimId.length <= limits.claimIdCharsMax && claimIdPattern.test(claimId)) return;
  const message = `${JSON.stringify(claimId.slice(0, 140))} is no claim id: 1 to ${limits.claimIdCharsMax} letters, digits, dots, dashes, underscores and single slashes between them (claimIdCharsMax).`;
  throw new PawlError('request.invalid', message, { claimId: claimId.slice(0, 140) });
};

const assertRequest = (claimId: string, { status, statement, evidence }: ClaimRequest): void => {
  assertClaimId(claimId);
  const refuse = (message: string): never => {
    throw new PawlError('request.invalid', message, { claimId });
  };
  if (!claimStatuses.includes(status)) refuse(`The status of a claim is ${claimStatuses.join(', ')}.`);
  if (statement !== undefined && statement.length > limits.claimStatementCharsMax)
    refuse(`A statement has at most ${limits.claimStatementCharsMax} characters (claimStatementCharsMax).`);
  if (evidence === undefined) return;
  if (bytesOf(evidence) > limits.claimEvidenceBytesMax)
    refuse(`The evidence has ${bytesOf(evidence)} bytes; claimEvidenceBytesMax is ${limits.claimEvidenceBytesMax}.`);
  try {
    JSON.parse(evidence);
  } catch {
    refuse('The evidence of a claim is JSON text; this is not.');
  }
};

const stale = (claimId: string, asked: number, newest: ClaimEntry | undefined): PawlError => {
  const stands =
    newest === undefined
      ? 'does not exist'
      : `is at revision ${newest.revision} (${newest.status}, ${newest.by.actor})`;
  const message = `Claim ${claimId} ${stands}, not at revision ${asked}: look at it and decide anew.`;
  return new PawlError('claim.stale', message, {
    claimId,
    revision: newest?.revision ?? 0,
    status: newest?.status ?? null,
  });
};

/** Puts the next revision. Without a revision to hold on to, whoever comes later stands later. */
const putNext = async (engine: Engine, claimId: string, request: ClaimRequest, first: ClaimEntry | undefined) => {
  const { revision, by, status } = request;
  const token = engine.random.token();
  let newest = first;
  let entry: ClaimEntry | undefined;
  for (let tried = 1; tried <= putTriesMax; tried += 1) {
    if (entry === undefined) {
      if (revision !== undefined && revision !== (newest?.revision ?? 0)) throw stale(claimId, revision, newest);
      const said = { statement: request.statement ?? null, evidence: request.evidence ?? null };
      const at = { revision: (newest?.revision ?? 0) + 1, atMs: engine.clock.nowMs(), by, token };
      entry = { claimId, status, ...said, ...at };
    }
    const put: Put<ClaimEntry> = await engine.claims.putOnce(entry);
    if (put.kind === 'written') return put.standing;
    // Without an answer it may still land: the same again, into the same slot.
    if (put.kind === 'unknown') continue;
    entry = undefined;
    newest = await engine.claims.newest(claimId);
  }
  throw new PawlError('store.unavailable', `Claim ${claimId} could not be written; look at it and ask again.`, {
    claimId,
  });
};

/** Wakes page by page, so many at once. */
const wakeWaiters = async (engine: Engine, claimId: string): Promise<number> => {
  let woken = 0;
  let from: string | undefined;
  do {
    const page = await engine.subscriptions.page(claimId, limits.pageMax, from);
    const left = [...page.waiters];
    const wakeOne = async (): Promise<void> => {
      for (let waiter = left.shift(); waiter !== undefined; waiter = left.shift()) {
        await wakeWaiter(engine, waiter);
        woken += 1;
      }
    };
    await together(Array.from({ length: limits.wakesAtOnce }, wakeOne));
    from = page.next ?? undefined;
  } while (from !== undefined);
  return woken;
};

const wakeWaiter = async (engine: Engine, { instanceId, runbookId }: Waiter): Promise<void> => {
  const nowMs = engine.clock.nowMs();
  await engine.views.wake({ instanceId, runbookId }, nowMs);
  await engine.wakeAt(instanceId, nowMs).catch((error: unknown) => {
    engine.observe({ kind: 'wake.unsent', instanceId, error: String(error) });
  });
};

const armWake = async (engine: Engine, claimId: string) => {
  const nowMs = engine.clock.nowMs();
  const untilAtMs = nowMs + commandMs + engine.deployment.takeoverGraceMs;
  return await engine.views.arm({ instanceId: wakeIdOf(claimId), runbookId: '' }, untilAtMs, nowMs);
};

/**
 * Sets a claim and wakes whoever waits for it.
 * @throws PawlError `request.invalid`, `claim.stale`, `store.unavailable`
 */
export const setClaim = async (engine: Engine, claimId: string, request: ClaimRequest): Promise<ClaimSet> => {
  assertRequest(claimId, request);
  const newest = await engine.claims.newest(claimId);
  if (request.revision !== undefined && request.revision !== (newest?.revision ?? 0))
    throw stale(claimId, request.revision, newest);
  const armed = await armWake(engine, claimId);
  const claim = await putNext(engine, claimId, request, newest);
  try {
    const woken = await wakeWaiters(engine, claimId);
    await engine.views.disarm(wakeIdOf(claimId), armed);
    return { claim, woken };
  } catch (error) {
    // The claim stands, and so does the mark: the schedule wakes the rest.
    engine.observe({ kind: 'wake.interrupted', instanceId: wakeIdOf(claimId), error: String(error) });
    return { claim, woken: null };
  }
};

/**
 * Wakes everybody who waits for a claim, because its writer may have died before it had: for the schedule.
 * @throws PawlError `store.unavailable`
 */
export const wake = async (engine: Engine, claimId: string): Promise<{ woken: number }> => {
  // The clock needs an answer of the store, and the mark is armed before anything is read.
  await engine.claims.newest(claimId);
  const armed = await armWake(engine, claimId);
  const woken = await wakeWaiters(engine, claimId);
  await engine.views.disarm(wakeIdOf(claimId), armed);
  return { woken };
};

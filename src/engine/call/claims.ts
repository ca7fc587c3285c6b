/**
 * Claims: named, shared facts with a status and a history. The writer of one wakes all its waiters.
 *
 * No lost wake-up (I7): the mark `wake:<claimId>` is due before the claim is put, and taken down after the last waiter was
 * woken. A writer that dies in between leaves it, and the schedule wakes them all again: waking twice costs a look, no more.
 */

import { type ClaimStatus, claimStatuses } from '../model/cellKinds.ts';
import { PawlError } from '../model/errors.ts';
import { causeOf } from '../model/events.ts';
import type { By } from '../model/fields.ts';
import { limits } from '../model/limits.ts';
import { isDeeper } from '../model/nesting.ts';
import { isInfinite, lossyNumberIn } from '../model/numbers.ts';
import { settleAll } from '../model/settleAll.ts';
import { bytesOf, headOf } from '../model/text.ts';
import type { Armed, ClaimEntry, Put, Waiter } from '../ports.ts';
import { inCall, putUntilAnswered } from './answered.ts';
import type { Engine } from './kin.ts';
import { commandMs } from './mark.ts';
import { assertReason } from './refusals.ts';

export type ClaimRequest = {
  status: ClaimStatus;
  statement?: string;
  /** JSON text. */
  evidence?: string;
  /** The revision the caller has seen, 0 for none: another one is refused with `claim.stale`. */
  revision?: number;
  /** Why it is so; a claim that was invalidated or superseded is another only with it and `revision`. */
  reason?: string;
  by: By;
};
/** `woken: null`: not all of those who wait were told yet; the schedule goes on with that. */
export type ClaimSet = { claim: ClaimEntry; woken: number | null };

const wakePrefix = 'wake:';

/** The mark in the views table that a claim's waiters are to be woken. No instance has such an id. */
export const wakeIdOf = (claimId: string): string => `${wakePrefix}${claimId}`;
/** The claim whose waiters are to be woken, if a due mark says that. */
export const wakeOf = (dueId: string): string | undefined =>
  dueId.startsWith(wakePrefix) ? dueId.slice(wakePrefix.length) : undefined;

const claimIdPattern = /^[A-Za-z0-9](?:[A-Za-z0-9._-]|\/(?!\/|$))*$/;

/** @throws PawlError `request.invalid` */
const assertClaimId = (claimId: string): void => {
  if (claimId.length <= limits.claimIdCharsMax && claimIdPattern.test(claimId)) return;
  const message = `${JSON.stringify(claimId.slice(0, 140))} is no claim id: 1 to ${limits.claimIdCharsMax} letters, digits, dots, dashes, underscores and single slashes between them (claimIdCharsMax).`;
  throw new PawlError('request.invalid', message, { claimId: claimId.slice(0, 140) });
};

const assertRequest = (claimId: string, { status, statement, evidence, reason }: ClaimRequest): void => {
  assertClaimId(claimId);
  if (reason !== undefined) assertReason(reason, 'The reason of a claim');
  const refuse = (message: string): never => {
    throw new PawlError('request.invalid', message, { claimId });
  };
  if (!claimStatuses.includes(status)) refuse(`The status of a claim is ${claimStatuses.join(', ')}.`);
  if (statement !== undefined && statement.length > limits.claimStatementCharsMax)
    refuse(`A statement has at most ${limits.claimStatementCharsMax} characters (claimStatementCharsMax).`);
  if (evidence === undefined) return;
  if (bytesOf(evidence) > limits.claimEvidenceBytesMax)
    refuse(`The evidence has ${bytesOf(evidence)} bytes; claimEvidenceBytesMax is ${limits.claimEvidenceBytesMax}.`);
  let value: unknown;
  try {
    value = JSON.parse(evidence);
  } catch {
    refuse('The evidence of a claim is JSON text; this is not.');
  }
  const endless = lossyNumberIn(evidence, isInfinite);
  if (endless !== undefined)
    refuse(
      `The evidence holds ${headOf(endless.text, 80)}${endless.path === '' ? '' : ` at ${endless.path}`}, which no program can read as a number; give it as a text.`,
    );
  if (isDeeper(value, limits.bodyNestingMax))
    refuse(`The evidence is nested deeper than ${limits.bodyNestingMax} (bodyNestingMax).`);
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

/** Statuses that a claim keeps: what a late report says of it changes nothing any more. */
const isFinal = (status: ClaimStatus): boolean => status === 'invalidated' || status === 'superseded';

/**
 * What the next revision says. What is not said anew stays as it was.
 * @throws PawlError `claim.stale`; `claim.final`
 */
const decideClaim = (
  claimId: string,
  { status, statement, evidence, revision, reason }: ClaimRequest,
  newest: ClaimEntry | undefined,
): Pick<ClaimEntry, 'revision' | 'status' | 'statement' | 'evidence' | 'reason'> => {
  const stands = newest?.revision ?? 0;
  if (revision !== undefined && revision !== stands) throw stale(claimId, revision, newest);
  const reopens = newest !== undefined && isFinal(newest.status) && status !== newest.status;
  if (reopens && (revision === undefined || reason === undefined)) {
    const message = `Claim ${claimId} is ${newest.status} (revision ${stands}, ${newest.by.actor}), and stays so: who knows better names that revision and a reason (\`--revision ${stands} --reason TEXT\`).`;
    throw new PawlError('claim.final', message, { claimId, revision: stands, status: newest.status });
  }
  return {
    revision: stands + 1,
    status,
    statement: statement ?? newest?.statement ?? null,
    evidence: evidence ?? newest?.evidence ?? null,
    ...(reason === undefined ? {} : { reason }),
  };
};

/** The newest revision. @throws PawlError `request.invalid`, `claim.unknown`, `store.unavailable` */
export const claimNow = async (engine: Engine, claimId: string): Promise<ClaimEntry> => {
  assertClaimId(claimId);
  const newest = await engine.claims.newest(claimId);
  if (newest !== undefined) return newest;
  const message = `There is no claim ${claimId}: it has not been set yet; \`pawl claim set ${claimId} --status asserted\` sets it.`;
  throw new PawlError('claim.unknown', message, { claimId });
};

/** Newest first, those before revision `before`. @throws what `claimNow` throws */
export const claimHistory = async (
  engine: Engine,
  claimId: string,
  limit: number,
  before?: number,
): Promise<ClaimEntry[]> => {
  assertClaimId(claimId);
  const found = await engine.claims.history(claimId, limit, before);
  if (found.length === 0) await claimNow(engine, claimId);
  return found;
};

/** Those who wait for it. A claim that nobody has set is waited for as well. @throws PawlError `request.invalid` */
export const claimWaiters = async (engine: Engine, claimId: string, limit: number, from?: string) => {
  assertClaimId(claimId);
  return await engine.subscriptions.page(claimId, limit, from);
};

type Mark = { armed: Armed; untilAtMs: number };

/** Makes the waking due when this call will be over, whatever becomes of it. */
const armWake = async (engine: Engine, claimId: string): Promise<Mark> => {
  const nowMs = engine.clock.nowMs();
  const untilAtMs = nowMs + commandMs + engine.deployment.takeoverGraceMs;
  const armed = await engine.marks.arm({ instanceId: wakeIdOf(claimId), runbookId: '' }, untilAtMs, nowMs);
  return { armed, untilAtMs };
};

/**
 * Puts the next revision. Without a revision to hold on to, the later writer stands later. A sandbox that thaws after
 * its mark arms anew: the schedule may have looked since, woken everybody for nothing, and taken the mark down (I7).
 */
const putNext = async (
  engine: Engine,
  claimId: string,
  request: ClaimRequest,
  first: ClaimEntry | undefined,
): Promise<{ claim: ClaimEntry; mark: Mark }> => {
  let mark = await armWake(engine, claimId);
  const endAtMs = engine.clock.nowMs() + commandMs;
  const { by } = request;
  const token = engine.random.token();
  let newest = first;
  while (engine.clock.nowMs() < endAtMs) {
    const entry = { claimId, ...decideClaim(claimId, request, newest), atMs: engine.clock.nowMs(), by, token };
    const armAndPut = async (): Promise<Put<ClaimEntry>> => {
      while (engine.clock.nowMs() >= mark.untilAtMs) mark = await armWake(engine, claimId);
      return await engine.claims.putOnce(entry);
    };
    const put = await putUntilAnswered(engine.clock, armAndPut, inCall(endAtMs));
    if (put.kind === 'written') return { claim: put.standing, mark };
    if (put.kind === 'unknown') break;
    newest = await engine.claims.newest(claimId);
  }
  throw new PawlError('store.unavailable', `Claim ${claimId} could not be written; look at it and ask again.`, {
    claimId,
  });
};

/** Wakes page by page, so many at once. @returns how many; `null`: not all of them in that time */
const wakeWaiters = async (engine: Engine, claimId: string, withinMs: number): Promise<number | null> => {
  const endAtMs = engine.clock.nowMs() + withinMs;
  let woken = 0;
  let from: string | undefined;
  do {
    const page = await engine.subscriptions.page(claimId, limits.pageMax, from);
    const left = [...page.waiters];
    const wakeOne = async (): Promise<void> => {
      while (engine.clock.nowMs() < endAtMs) {
        const waiter = left.shift();
        if (waiter === undefined) return;
        await wakeWaiter(engine, waiter);
        woken += 1;
      }
    };
    await settleAll(Array.from({ length: limits.wakesAtOnce }, wakeOne));
    if (left.length > 0) return null;
    from = page.next ?? undefined;
  } while (from !== undefined);
  return woken;
};

const wakeWaiter = async (engine: Engine, { instanceId, runbookId, cell, about }: Waiter): Promise<void> => {
  const nowMs = engine.clock.nowMs();
  await engine.marks.wake({ instanceId, runbookId }, nowMs);
  // Its `waiting` entry is mostly the newest still: naming it saves the receiver of the message a read.
  await engine.wakeAt(instanceId, nowMs, about).catch((error: unknown) => {
    engine.observe({ kind: 'wake.unsent', instanceId, cell, cause: causeOf(error) });
  });
};

/**
 * Sets a claim and wakes its waiters.
 * @throws PawlError `request.invalid`, `claim.stale`, `claim.final`, `store.unavailable`
 */
export const setClaim = async (engine: Engine, claimId: string, request: ClaimRequest): Promise<ClaimSet> => {
  assertRequest(claimId, request);
  const newest = await engine.claims.newest(claimId);
  decideClaim(claimId, request, newest);
  const { claim, mark } = await putNext(engine, claimId, request, newest);
  try {
    const woken = await wakeWaiters(engine, claimId, limits.wakeInCallMsMax);
    if (woken !== null) await engine.marks.settle(wakeIdOf(claimId), mark.armed);
    return { claim, woken };
  } catch (error) {
    // The claim stands, and so does the mark: the schedule wakes the rest.
    engine.observe({ kind: 'wake.interrupted', instanceId: wakeIdOf(claimId), cause: causeOf(error) });
    return { claim, woken: null };
  }
};

/**
 * Wakes all waiters of a claim, because its writer may have died before it did: for the schedule. The caller that does
 * so holds the mark meanwhile, so that a schedule that comes every minute does not begin it anew every minute.
 * @returns `null`: another caller is at it, or it took too long and the schedule begins again
 * @throws PawlError `store.unavailable`
 */
export const wake = async (engine: Engine, claimId: string): Promise<{ woken: number | null }> => {
  // The clock needs an answer of the store, and the mark is taken before anything else is read.
  await engine.claims.newest(claimId);
  const nowMs = engine.clock.nowMs();
  const held = await engine.marks.hold(wakeIdOf(claimId), nowMs + limits.wakeMsMax, nowMs);
  if (held === undefined) return { woken: null };
  const woken = await wakeWaiters(engine, claimId, limits.wakeMsMax);
  if (woken !== null) await engine.marks.settle(wakeIdOf(claimId), held);
  return { woken };
};

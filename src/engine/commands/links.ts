/**
 * One-time links to an approval, for people without credentials of their own. A link holds 256 random bits, of which only
 * the hash is stored; its bearer votes as the person it was made for, once. Like everything here, it is spent
 * before it acts: a link whose vote was lost to a store that was away is spent, and nothing was voted.
 */

import { inCall, putUntilAnswered } from '../call/answered.ts';
import { type Engine, openCall } from '../call/call.ts';
import { startersIn } from '../call/kin.ts';
import { commandMs } from '../call/mark.ts';
import { isPawlError, PawlError } from '../model/errors.ts';
import type { By } from '../model/fields.ts';
import { limits } from '../model/limits.ts';
import type { LinkEntry } from '../ports.ts';
import { type Asking, askedNow } from '../waiting/approve.ts';
import { toldWhoAnswered } from './late.ts';
import {
  aboutOf,
  approvalAt,
  assertApprover,
  assertComment,
  assertHand,
  assertShownHash,
  handsOf,
  refusalOf,
  type Voted,
  vote,
} from './votes.ts';

export type MadeLink = { secret: string; actor: string; expiresAtMs: number };
export type LinkShown = Asking & {
  instanceId: string;
  cell: string;
  title: string;
  actor: string;
  expiresAtMs: number;
};
export type LinkVote = { decision: 'approve' | 'reject'; shownHash: string; comment?: string; where: string };

const unknown = (): PawlError => new PawlError('link.unknown', 'There is no such link: ask for a new one.');

/**
 * @param actor one of the named approvers: the bearer of the link votes as them
 * @throws PawlError `cell.notWaiting`, `vote.notAsked`, `vote.self` (about the one it is for, and the one who makes it)
 */
export const makeLink = async (
  engine: Engine,
  instanceId: string,
  cellName: string,
  { actor, by }: { actor: string; by: By },
): Promise<MadeLink> => {
  const call = await openCall(engine, instanceId, by, commandMs);
  const approval = await approvalAt(call, cellName);
  assertApprover(call, approval, actor, []);
  if (by.actor !== actor && startersIn(call).includes(by.actor)) {
    const message = `${by.actor} started ${instanceId} and cannot hand out votes about it: another person has to.`;
    throw new PawlError('vote.self', message, { instanceId, cell: cellName });
  }
  const nowMs = engine.clock.nowMs();
  const expiresAtMs = Math.min(approval.open.dueAtMs ?? Number.POSITIVE_INFINITY, nowMs + limits.linkMsMax);
  const secret = engine.random.token() + engine.random.token();
  const token = engine.random.token();
  const about = approval.open.seq;
  const link = { linkHash: engine.sha256(secret), instanceId, cell: cellName, about, actor };
  const entry: LinkEntry = { ...link, revision: 1, expiresAtMs: Math.ceil(expiresAtMs), by, atMs: nowMs, token };
  await putSurely(engine, entry, nowMs + commandMs);
  return { secret, actor, expiresAtMs };
};

/** @returns whether the slot is ours */
const putSurely = async ({ links, clock }: Engine, entry: LinkEntry, endAtMs: number): Promise<boolean> => {
  const put = await putUntilAnswered(clock, () => links.putOnce(entry), inCall(endAtMs));
  if (put.kind !== 'unknown') return put.kind === 'written';
  const { instanceId } = entry;
  throw new PawlError('store.unavailable', 'The store gave no answer; ask again.', { instanceId }, put.cause);
};

/** The link as it was made. @throws PawlError `link.unknown`, `link.used`, `link.expired` */
const openLink = async (engine: Engine, secret: string): Promise<LinkEntry> => {
  if (!/^[0-9a-f]{64}$/.test(secret)) throw unknown();
  const link = await engine.links.newest(engine.sha256(secret));
  if (link === undefined) throw unknown();
  if (link.revision === 2)
    throw new PawlError('link.used', 'This link was used already: it votes once. Ask for a new one.');
  if (engine.clock.nowMs() >= link.expiresAtMs) {
    const message = `This link ended at ${new Date(link.expiresAtMs).toISOString()}: nothing was voted. Ask for a new one.`;
    throw new PawlError('link.expired', message);
  }
  return link;
};

/** What the link's vote is about. Reads only: a program that follows links ahead of people (mail scanners do) casts no vote. */
export const readLink = async (engine: Engine, secret: string, by: By): Promise<LinkShown> => {
  const { instanceId, cell, actor, about, expiresAtMs } = await openLink(engine, secret);
  const call = await openCall(engine, instanceId, by, 0);
  const approval = await approvalAt(call, cell);
  if (approval.open.seq !== about)
    throw new PawlError('vote.stale', 'What this link was made for is decided; ask for a new one.');
  const asking = await askedNow(call, approval.cell, approval.open);
  if (asking === null)
    throw new PawlError('journal.broken', `What cell ${cell} of ${instanceId} asks cannot be shown any more.`);
  return { instanceId, cell, title: call.runbook.title, actor, expiresAtMs, ...asking };
};

/**
 * Votes by a link, as the person it was made for. It is used up first: of two who use it, one votes.
 * @throws PawlError `link.unknown`, `link.used`, `link.expired`, and what `vote` throws
 */
export const useLink = async (engine: Engine, secret: string, request: LinkVote): Promise<Voted> => {
  // One end for both: a caller that is gone before the vote is put would leave a spent link and no vote.
  const endAtMs = engine.clock.nowMs() + commandMs;
  const link = await openLink(engine, secret);
  const { instanceId, cell, actor, linkHash, about } = link;
  const by: By = { actor, via: 'link', where: request.where };
  const { decision, shownHash, comment } = request;
  const commented = comment === undefined ? {} : { comment };
  const voteRequest = {
    decision,
    shownHash,
    groups: [],
    link: { hash: linkHash, madeBy: link.by.actor, about },
    by,
    ...commented,
  };
  // What would refuse the vote does so before the link is spent.
  assertComment(comment);
  assertShownHash(shownHash);
  const call = await openCall(engine, instanceId, by, 0);
  const approval = await toldWhoAnswered(call, { cell }, async () => {
    const asked = await approvalAt(call, cell);
    assertApprover(call, asked, actor, []);
    const refusal = refusalOf(asked, voteRequest, aboutOf(call));
    if (refusal !== undefined) throw refusal;
    return asked;
  });
  assertHand(approval, voteRequest, await handsOf(call, approval, voteRequest), instanceId);
  const atMs = engine.clock.nowMs();
  const used = await putSurely(engine, { ...link, revision: 2, by, atMs, token: engine.random.token() }, endAtMs);
  if (!used) throw new PawlError('link.used', 'This link was used already: it votes once. Ask for a new one.');
  try {
    return await vote(engine, instanceId, cell, voteRequest, Math.max(0, endAtMs - engine.clock.nowMs()));
  } catch (error) {
    if (!isPawlError(error, 'store.unavailable')) throw error;
    const message = `${error.message} The link is spent; look at the approval, and ask for a new one if the vote is not there.`;
    throw new PawlError(error.code, message, { ...error.details, instanceId }, error.cause);
  }
};

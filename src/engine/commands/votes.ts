/** Votes about an approval. A vote is an entry like any other, so it races with expiry, cancellation and other votes. */

import { append, type Call, commandMs, type Engine, openCall, saveView, viewNow } from '../call/call.ts';
import { votesSince } from '../call/journal.ts';
import { type By, type EntryOf, startersOf, type Waiting } from '../model/entries.ts';
import { isPawlError, PawlError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { Cell } from '../model/runbook.ts';
import { isDecided, tallyOf } from '../rules/apply.ts';
import type { View } from '../rules/view.ts';
import { settleApproval } from '../waiting/look.ts';
import { waitingEntry } from '../waiting/wait.ts';

export type Decision = EntryOf<'vote'>['decision'];
export type VoteRequest = {
  decision: Decision;
  /** The hash of what the voter was shown. */
  shownHash: string;
  comment?: string;
  /** Groups that the authorizer says the voter is in. */
  groups: string[];
  /** The one-time link it comes by. */
  link?: { hash: string; madeBy: string; about: number };
  by: By;
};

/** `decision`: what the approval came to, `null` while votes are missing. */
export type Voted = {
  view: View;
  decision: 'approved' | 'rejected' | null;
  approvals: string[];
  quorum: number;
};

export type Approval = { cell: Cell; open: Waiting; waiting: EntryOf<'waiting'> };

/**
 * The approval that an instance waits for.
 * @throws PawlError `instance.finished`, `cell.notWaiting`
 */
export const approvalAt = async (call: Call, cellName: string): Promise<Approval> => {
  const { instanceId, runbook, head } = call;
  const { open, ended, next } = head.entry.state;
  if (ended !== null)
    throw new PawlError('instance.finished', `Instance ${instanceId} has ended as ${ended}.`, { instanceId });
  const cell = runbook.cells[next];
  if (open?.kind === 'waiting' && open.cell === cellName && cell?.body.kind === 'approve')
    return { cell, open, waiting: await waitingEntry(call, open) };
  const waits = open?.kind === 'waiting' ? `it waits at ${open.cell}` : 'it waits for nobody';
  const message = `Cell ${cellName} of ${instanceId} asks nobody now: ${waits}. See \`pawl status ${instanceId}\`.`;
  throw new PawlError('cell.notWaiting', message, { instanceId, cell: cellName, view: viewNow(call) });
};

/** @throws PawlError `request.invalid` */
export const assertComment = (comment: string | undefined): void => {
  if (comment === undefined || comment.length <= limits.commentCharsMax) return;
  const message = `A comment has at most ${limits.commentCharsMax} characters (commentCharsMax).`;
  throw new PawlError('request.invalid', message, { limit: 'commentCharsMax' });
};

/** @throws PawlError `vote.notAsked`, `vote.self` */
export const assertAsked = (call: Call, { waiting }: Approval, actor: string, groups: string[]): void => {
  const { instanceId, started } = call;
  const asked: NonNullable<typeof waiting.asked> = waiting.asked ?? {
    approvers: [],
    groups: [],
    quorum: 1,
    self: false,
  };
  const details = { instanceId, cell: waiting.cell };
  if (!asked.approvers.includes(actor) && !groups.some((group) => asked.groups.includes(group))) {
    const whom = [...asked.approvers, ...asked.groups.map((group) => `members of ${group}`)].join(', ');
    const message = `${actor} is not asked by cell ${waiting.cell} of ${instanceId}; it asks ${whom}.`;
    throw new PawlError('vote.notAsked', message, { ...details, approvers: asked.approvers, groups: asked.groups });
  }
  if (!asked.self && startersOf(started).includes(actor)) {
    const message = `${actor} started ${instanceId} and cannot vote about it: somebody else has to (the cell does not say self=true).`;
    throw new PawlError('vote.self', message, details);
  }
};

/** Why a vote of somebody who is asked cannot count. */
export const refusalOf = (
  call: Call,
  { open, waiting, cell }: Approval,
  request: VoteRequest,
): PawlError | undefined => {
  const { instanceId, engine } = call;
  const { decision, shownHash, by, link } = request;
  const { approvals = [], dueAtMs } = open;
  const details = { instanceId, cell: cell.name, shownHash: waiting.shownHash, view: viewNow(call) };
  if (shownHash !== waiting.shownHash || (link !== undefined && link.about !== open.seq)) {
    const message = `What ${by.actor} was shown is not what cell ${cell.name} of ${instanceId} asks about now; look again and vote about that.`;
    return new PawlError('vote.stale', message, details);
  }
  if (call.head.entry.seq - open.seq >= limits.votesMax) {
    const message = `Cell ${cell.name} of ${instanceId} has had ${limits.votesMax} votes (votesMax): it takes no more.`;
    return new PawlError('vote.closed', message, { ...details, limit: 'votesMax' });
  }
  if (isDecided(open, 0)) {
    const message = `Cell ${cell.name} of ${instanceId} is decided: nothing was recorded of this vote.`;
    return new PawlError('vote.closed', message, details);
  }
  if (dueAtMs !== null && engine.clock.nowMs() >= dueAtMs) {
    const message = `The vote about ${cell.name} of ${instanceId} ended at ${new Date(dueAtMs).toISOString()}: nothing was recorded of this one.`;
    return new PawlError('vote.closed', message, { ...details, expiredAtMs: dueAtMs });
  }
  const approves = approvals.includes(by.actor);
  if (decision === 'approve' && approves)
    return new PawlError(
      'vote.double',
      `${by.actor} approved ${cell.name} of ${instanceId} already; that counts once.`,
      details,
    );
  if (decision === 'withdraw' && !approves)
    return new PawlError(
      'vote.double',
      `${by.actor} has no approval of ${cell.name} of ${instanceId} to withdraw.`,
      details,
    );
  return undefined;
};

/**
 * Whoever makes a link could use it: so whoever's hand is in an approval fills one place of a quorum, by a vote of their
 * own or by one link that they made.
 * @throws PawlError `vote.double`
 */
export const assertHand = async (call: Call, approval: Approval, request: VoteRequest): Promise<void> => {
  const { open, cell } = approval;
  const { approvals = [] } = open;
  if (request.decision !== 'approve' || approvals.length === 0) return;
  const hands = new Map<string, string>();
  for (const { by, decision, link } of await votesSince(call, open.seq))
    if (decision === 'approve') hands.set(link?.madeBy ?? by.actor, by.actor);
  const hand = request.link?.madeBy ?? request.by.actor;
  const already = hands.get(hand);
  if (already === undefined || !approvals.includes(already)) return;
  const message = `${hand} has a hand in the approval of ${already} for ${cell.name} of ${call.instanceId}: whoever votes, or makes a link, counts once. Somebody else has to.`;
  throw new PawlError('vote.double', message, { instanceId: call.instanceId, cell: cell.name });
};

const unanswered = (instanceId: string): PawlError => {
  const message = `The store gave no answer to this vote before its time was over; look at ${instanceId}, its journal tells whether it stands.`;
  return new PawlError('store.unavailable', message, { instanceId });
};

/** A vote that stands is answered as such; what it decided is recorded by whoever comes next, if not by us. */
const settleQuietly = async (call: Call, approval: Approval): Promise<void> => {
  const { open } = call.head.entry.state;
  if (open?.kind !== 'waiting' || open.seq !== approval.open.seq) return;
  try {
    await settleApproval(call, approval.cell, open);
  } catch (error) {
    if (!isPawlError(error, 'store.unavailable')) throw error;
    call.engine.observe({
      kind: 'approval.unsettled',
      instanceId: call.instanceId,
      cell: approval.cell.name,
      error: error.message,
    });
  }
};

const decisionOf = (call: Call, { open: { seq } }: Approval): Voted['decision'] => {
  const { open } = call.head.entry.state;
  if (open?.kind === 'waiting' && open.seq === seq) {
    if (open.rejected === true) return 'rejected';
    return isDecided(open, 0) ? 'approved' : null;
  }
  return null;
};

/**
 * Approves, rejects, or withdraws an approval. One rejection ends it; the quorum does too.
 * @throws PawlError `request.invalid`, `instance.unknown`, `instance.finished`, `cell.notWaiting`, `vote.notAsked`,
 *   `vote.self`, `vote.stale`, `vote.closed`, `vote.double`, `store.unavailable`
 */
export const vote = async (
  engine: Engine,
  instanceId: string,
  cellName: string,
  request: VoteRequest,
): Promise<Voted> => {
  const { decision, comment, by, groups, shownHash, link } = request;
  assertComment(comment);
  const call = await openCall(engine, instanceId, by, commandMs);
  for (;;) {
    const approval = await approvalAt(call, cellName);
    assertAsked(call, approval, by.actor, groups);
    const { open, waiting, cell } = approval;
    const refusal = refusalOf(call, approval, request);
    // What its time decided is recorded by whoever advances: a call that refuses writes nothing (I10).
    if (refusal !== undefined) throw refusal;
    await assertHand(call, approval, request);
    const approvals = tallyOf(open.approvals ?? [], by.actor, decision);
    const linked = link === undefined ? null : { hash: link.hash, madeBy: link.madeBy };
    const body = {
      kind: 'vote',
      about: open.seq,
      index: cell.index,
      cell: cell.name,
      decision,
      shownHash,
      comment: comment ?? null,
      approvals,
      link: linked,
    } as const;
    let sent = false;
    // The time counts when the vote is put. One that was sent in time and not answered may stand: then nobody knows.
    const inTime = (): typeof body => {
      const late = open.dueAtMs !== null && engine.clock.nowMs() >= open.dueAtMs;
      if (late && sent) throw unanswered(instanceId);
      const closed = late ? refusalOf(call, approval, request) : undefined;
      if (closed !== undefined) throw closed;
      sent = true;
      return body;
    };
    if (!(await append(call, inTime))) continue;
    const decided = decisionOf(call, approval);
    await settleQuietly(call, approval);
    const view = await saveView(call);
    await wakeIfAuto(call, view, decided);
    return { view, decision: decided, approvals, quorum: waiting.asked?.quorum ?? 1 };
  }
};

/** Whoever votes runs nothing; the run goes on by itself where it is meant to, without waiting for the schedule. */
const wakeIfAuto = async ({ engine, instanceId }: Call, view: View, decided: Voted['decision']): Promise<void> => {
  if (decided === null || view.drive !== 'auto' || view.status !== 'ready') return;
  await engine.wakeAt(instanceId, engine.clock.nowMs()).catch((error: unknown) => {
    engine.observe({ kind: 'wake.unsent', instanceId, error: String(error) });
  });
};

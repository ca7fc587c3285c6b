/** Votes about an approval. A vote is an entry like any other, so it races with expiry, cancellation and other votes. */
import assert from 'node:assert/strict';
import { type Call, type Engine, nextCell, stateOf, viewNow } from '../call/call.ts';
import { type Change, change, type Moment } from '../call/change.ts';
import { votesSince } from '../call/journal.ts';
import { startersIn } from '../call/kin.ts';
import { assertUnfinished } from '../call/refusals.ts';
import { wakeIfAuto } from '../call/wake.ts';
import { whyNoVote } from '../model/asked.ts';
import type { EntryOf } from '../model/entries.ts';
import { isPawlError, PawlError } from '../model/errors.ts';
import { causeOf } from '../model/events.ts';
import type { By } from '../model/fields.ts';
import { limits } from '../model/limits.ts';
import type { Cell } from '../model/runbook.ts';
import type { State, Waiting } from '../model/state.ts';
import type { View } from '../model/view.ts';
import { isDecided, tallyOf } from '../rules/voting.ts';
import { waitingEntry } from '../waiting/kind.ts';
import { settle } from '../waiting/look.ts';
import { toldWhoAnswered } from './late.ts';

export type VoteRequest = {
  decision: EntryOf<'vote'>['decision'];
  /** The hash of what the voter was shown, or its beginning: `shownHashCharsMin` characters at least. */
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
  /** The whole hash of what the vote is about. */
  shownHash: string;
};

export type Approval = { cell: Cell; open: Waiting; waiting: EntryOf<'waiting'> };

/**
 * The approval that an instance waits for.
 * @throws PawlError `instance.finished`, `cell.notWaiting`
 */
export const approvalAt = async (call: Call, cellName: string): Promise<Approval> => {
  assertUnfinished(call);
  const { instanceId } = call;
  const { open } = stateOf(call);
  const cell = nextCell(call);
  if (open?.kind === 'waiting' && open.cell === cellName && cell?.body.kind === 'approve')
    return { cell, open, waiting: await waitingEntry(call, open) };
  const waits = open?.kind === 'waiting' ? `it waits at ${open.cell}` : 'it waits for no vote';
  const message = `Cell ${cellName} of ${instanceId} takes no vote now: ${waits}. See \`pawl status ${instanceId}\`.`;
  throw new PawlError('cell.notWaiting', message, { instanceId, cell: cellName, view: viewNow(call) });
};

/** @throws PawlError `request.invalid` */
export const assertComment = (comment: string | undefined): void => {
  if (comment === undefined || comment.length <= limits.commentCharsMax) return;
  const message = `A comment has at most ${limits.commentCharsMax} characters (commentCharsMax).`;
  throw new PawlError('request.invalid', message, { limit: 'commentCharsMax' });
};

/** @throws PawlError `request.invalid` */
export const assertShownHash = (shownHash: string): void => {
  const { shownHashCharsMin } = limits;
  if (/^[0-9a-f]{1,64}$/.test(shownHash) && shownHash.length >= shownHashCharsMin) return;
  const message = `What was shown is named by its hash, or by its first ${shownHashCharsMin} characters or more (shownHashCharsMin), 0-9 and a-f: \`pawl vote\` without a vote shows it.`;
  throw new PawlError('request.invalid', message, { limit: 'shownHashCharsMin' });
};

/** What to say when only case keeps one of the names from being one of those asked. */
const caseOf = (names: string[], asked: string[]): string | undefined => {
  const fold = (name: string): string => name.normalize('NFC').toLowerCase();
  const pairs = names.flatMap((name) => asked.filter((one) => fold(one) === fold(name)).map((one) => [name, one]));
  const [pair] = pairs;
  return pair && ` Case counts: ${pair[0]} is not ${pair[1]}.`;
};

/** @throws PawlError `vote.notAsked`, `vote.self` */
export const assertApprover = (call: Call, { waiting }: Approval, actor: string, groups: string[]): void => {
  const { instanceId } = call;
  const { asked = { approvers: [], groups: [], quorum: 1, self: false } } = waiting;
  const details = { instanceId, cell: waiting.cell };
  const why = whyNoVote(asked, startersIn(call), { actor, groups });
  if (why === 'notAsked') {
    const whom = [...asked.approvers, ...asked.groups.map((group) => `members of ${group}`)].join(', ');
    const hint = caseOf([actor], asked.approvers) ?? caseOf(groups, asked.groups) ?? '';
    const message = `${actor} is not asked by cell ${waiting.cell} of ${instanceId}; it asks ${whom}.${hint}`;
    throw new PawlError('vote.notAsked', message, { ...details, approvers: asked.approvers, groups: asked.groups });
  }
  if (why === 'self') {
    const message = `${actor} started ${instanceId} and cannot vote about it: another person has to (the cell does not say self=true).`;
    throw new PawlError('vote.self', message, details);
  }
};

/**
 * Whose hand is in which approval: the maker of a link could use it. So a hand fills one place of a quorum, by a vote of
 * its own or by one link that it made.
 */
export type Hands = ReadonlyMap<string, string>;

/** Hands by who voted or made the link, with the approver they stand for. Read only where a further approval could repeat one. */
export const handsOf = async (call: Call, { open }: Approval, { decision }: VoteRequest): Promise<Hands> => {
  if (decision !== 'approve' || (open.approvals ?? []).length === 0) return new Map();
  const approving = (await votesSince(call, open.seq)).filter((vote) => vote.decision === 'approve');
  return new Map(approving.map(({ by, link }) => [link?.madeBy ?? by.actor, by.actor]));
};

type About = { instanceId: string; headSeq: number; nowMs: number; view(): View };
export const aboutOf = (call: Call): About => ({
  instanceId: call.instanceId,
  headSeq: call.chain.head.entry.seq,
  nowMs: call.engine.clock.nowMs(),
  view: () => viewNow(call),
});

/** Why a vote of an approver cannot count. */
export const refusalOf = (
  { open, waiting, cell }: Approval,
  { decision, shownHash, by, link }: VoteRequest,
  { instanceId, headSeq, nowMs, view }: About,
): PawlError | undefined => {
  const { approvals = [], dueAtMs } = open;
  const details = { instanceId, cell: cell.name, shownHash: waiting.shownHash, view: view() };
  if (waiting.shownHash?.startsWith(shownHash) !== true || (link !== undefined && link.about !== open.seq)) {
    const message = `What ${by.actor} was shown is not what cell ${cell.name} of ${instanceId} asks about now; look again and vote about that.`;
    return new PawlError('vote.stale', message, details);
  }
  if (headSeq - open.seq >= limits.votesMax) {
    const message = `Cell ${cell.name} of ${instanceId} has had ${limits.votesMax} votes (votesMax): it takes no more.`;
    return new PawlError('vote.closed', message, { ...details, limit: 'votesMax' });
  }
  if (isDecided(open, 0)) {
    const message = `Cell ${cell.name} of ${instanceId} is decided: nothing was recorded of this vote.`;
    return new PawlError('vote.closed', message, details);
  }
  if (dueAtMs !== null && nowMs >= dueAtMs) {
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

/** @throws PawlError `vote.double` when the same hand is in the approval already */
export const assertHand = (
  { open, cell }: Approval,
  { decision, by, link }: VoteRequest,
  hands: Hands,
  instanceId: string,
): void => {
  if (decision !== 'approve') return;
  const hand = link?.madeBy ?? by.actor;
  const already = hands.get(hand);
  if (already === undefined || !open.approvals?.includes(already)) return;
  const message = `${hand} already counts towards the approval of ${cell.name} of ${instanceId} (through ${already}): another person has to approve.`;
  throw new PawlError('vote.double', message, { instanceId, cell: cell.name });
};

const unanswered = (instanceId: string): PawlError => {
  const message = `The store gave no answer to this vote before its time was over; look at ${instanceId}, its journal tells whether it stands.`;
  return new PawlError('store.unavailable', message, { instanceId });
};

type Facts = Approval & { hands: Hands; about: About };

const factsOf = async (call: Call, cellName: string, request: VoteRequest): Promise<Facts> => {
  const approval = await approvalAt(call, cellName);
  assertApprover(call, approval, request.by.actor, request.groups);
  const about = aboutOf(call);
  const refusal = refusalOf(approval, request, about);
  // What its time decided is recorded by the next advance: a call that refuses writes nothing (I10).
  if (refusal !== undefined) throw refusal;
  return { ...approval, hands: await handsOf(call, approval, request), about };
};

/** The time counts when the vote is put. One that was sent in time and got no answer may stand: then it is unknown. */
export const decideVote = (
  facts: Facts,
  { nowMs, sent }: Pick<Moment, 'nowMs' | 'sent'>,
  request: VoteRequest,
): Omit<EntryOf<'vote'>, 'v' | 'instanceId' | 'seq' | 'token' | 'by' | 'atMs' | 'prev' | 'state'> => {
  const { cell, open, about } = facts;
  const { decision, comment = null, by, link } = request;
  const isLate = open.dueAtMs !== null && nowMs >= open.dueAtMs;
  if (isLate && sent) throw unanswered(about.instanceId);
  const refusal = refusalOf(facts, request, { ...about, nowMs });
  if (refusal !== undefined) throw refusal;
  assertHand(facts, request, facts.hands, about.instanceId);
  const { shownHash } = facts.waiting;
  assert(shownHash !== null, 'what was shown has a hash, which the vote names');
  return {
    kind: 'vote',
    about: open.seq,
    index: cell.index,
    cell: cell.name,
    decision,
    shownHash,
    comment,
    approvals: tallyOf(open.approvals ?? [], by.actor, decision),
    link: link === undefined ? null : { hash: link.hash, madeBy: link.madeBy },
  };
};

/** A vote that stands is answered as such; what it decided is recorded by the next caller, if not by us. */
const settleQuietly = async (call: Call, { cell, open: asked }: Approval): Promise<void> => {
  const { open } = stateOf(call);
  if (open?.kind !== 'waiting' || open.seq !== asked.seq) return;
  try {
    await settle(call, cell, open);
  } catch (error) {
    if (!isPawlError(error, 'store.unavailable')) throw error;
    const { engine, instanceId } = call;
    engine.observe({ kind: 'approval.unsettled', instanceId, cell: cell.name, cause: causeOf(error) });
  }
};

/** What an approval came to by the vote after which it stands so. */
const decisionOf = ({ open }: State): Voted['decision'] => {
  if (open?.kind !== 'waiting') return null;
  if (open.rejected === true) return 'rejected';
  return isDecided(open, 0) ? 'approved' : null;
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
  budgetMs?: number,
): Promise<Voted> => {
  assertComment(request.comment);
  assertShownHash(request.shownHash);
  const changing: Change<Facts> = {
    prepare: (opened) => toldWhoAnswered(opened, { cell: cellName }, () => factsOf(opened, cellName, request)),
    decide: (_state, approval, moment) => decideVote(approval, moment, request),
    then: (opened, _stands, approval) => settleQuietly(opened, approval),
  };
  const { call, stands, facts, view } = await change(engine, instanceId, request.by, changing, budgetMs);
  assert(stands?.kind === 'vote', 'a vote is put or refused');
  const decision = decisionOf(stands.state);
  await wakeIfAuto(call, view);
  const quorum = facts.waiting.asked?.quorum ?? 1;
  return { view, decision, approvals: stands.approvals, quorum, shownHash: stands.shownHash };
};

/** Votes about an approval. Pure. */
import assert from 'node:assert/strict';
import type { Open, State } from '../model/state.ts';
import type { StepOf } from './going.ts';

/** Whether an approval needs no further vote: by what stands, or because its time is over. */
export const isDecided = (open: Extract<Open, { kind: 'waiting' }>, nowMs: number): boolean =>
  open.rejected === true ||
  (open.approvals ?? []).length >= (open.quorum ?? Number.POSITIVE_INFINITY) ||
  (open.dueAtMs !== null && nowMs >= open.dueAtMs);

/** Who approves after a vote. A rejection takes back an approval of the same person. */
export const tallyOf = (approvals: string[], voter: string, decision: StepOf<'vote'>['decision']): string[] => {
  const others = approvals.filter((one) => one !== voter);
  return decision === 'approve' ? [...others, voter] : others;
};

export const applyVote = (state: State, step: StepOf<'vote'>): State => {
  const { open } = state;
  assert(open?.kind === 'waiting' && open.quorum !== undefined, 'no vote is asked for');
  assert(step.about === open.seq && step.cell === open.cell && step.index === state.next, 'about another step');
  const { approvals = [] } = open;
  assert(open.rejected === undefined && approvals.length < open.quorum, 'the vote is over');
  const approves = approvals.includes(step.by.actor);
  assert(step.decision !== 'approve' || !approves, 'approved already');
  assert(step.decision !== 'withdraw' || approves, 'nothing to withdraw');
  const tally = tallyOf(approvals, step.by.actor, step.decision);
  assert.deepEqual(step.approvals, tally, 'another tally');
  const rejected = step.decision === 'reject' ? { rejected: true as const } : {};
  return { ...state, open: { ...open, approvals: tally, ...rejected } };
};

/** What may end a wait, judged from what stands in the tables and what the world witnessed. */
import type { Cell, EntryOf } from '../../../src/engine/index.ts';
import { must } from '../world.ts';
import { judgeClosed } from './families.ts';
import { judgeHeld } from './holding.ts';
import type { Oracle, Reading } from './reading.ts';
import { writerOf } from './writer.ts';

type Outcome = EntryOf<'outcome'>;
type BodyOf<K> = Extract<Cell['body'], { kind: K }>;

const waitingOf = (oracle: Oracle, reading: Reading): EntryOf<'waiting'> => {
  const entry = oracle.entries[reading.open?.seq ?? -1];
  must(entry?.kind === 'waiting', 'I2', `seq ${reading.open?.seq} is no wait`);
  return entry;
};

const outputOf = (entry: Outcome): Record<string, unknown> =>
  entry.output?.kind === 'inline' ? (JSON.parse(entry.output.text) as Record<string, unknown>) : {};

const isOver = (waiting: EntryOf<'waiting'>, entry: Outcome): boolean =>
  waiting.dueAtMs !== null && entry.atMs >= waiting.dueAtMs;

/** An output that the store did not take whole says nothing any more. */
const isWhole = (entry: Outcome): boolean => entry.output?.kind === 'inline';

const judgeAwait = (oracle: Oracle, waiting: EntryOf<'waiting'>, entry: Outcome, body: BodyOf<'await'>): void => {
  const at = `seq ${entry.seq}`;
  if (!isWhole(entry)) return;
  const { timedOut, claims } = outputOf(entry) as {
    timedOut: boolean;
    claims: Record<string, { status: string; revision: number } | null>;
  };
  const stood = (waiting.claims ?? []).map((claimId) => {
    const seen = claims[claimId] ?? null;
    if (seen === null) return false;
    const row = oracle.world.tables.row('claims', claimId, seen.revision);
    must(row?.status === seen.status, 'wait', `${at} saw ${claimId} ${seen.status}, and it is ${row?.status}`);
    return (body.until as string[]).includes(seen.status);
  });
  const met = body.match === 'all' ? stood.every((one) => one) : stood.some((one) => one);
  must(met !== timedOut, 'wait', `${at} says timedOut ${timedOut}, and its claims are ${met ? '' : 'not '}met`);
  must(!timedOut || isOver(waiting, entry), 'wait', `${at} times out before ${waiting.dueAtMs}`);
  const fails = timedOut && body.onTimeout === 'fail';
  must((entry.timedOut === true) === (timedOut && !fails), 'wait', `${at} says timedOut ${entry.timedOut}`);
  must((entry.status === 'failed') === fails, 'wait', `${at} is ${entry.status}`);
};

/** Votes since the wait began, counted anew. */
const tally = ({ entries }: Oracle, waiting: EntryOf<'waiting'>, before: number) => {
  const approvals = new Set<string>();
  let rejected = false;
  for (const vote of entries.slice(waiting.seq, before)) {
    if (vote.kind !== 'vote') continue;
    if (vote.decision === 'approve') approvals.add(vote.by.actor);
    else approvals.delete(vote.by.actor);
    rejected ||= vote.decision === 'reject';
  }
  return { approvals, rejected };
};

const judgeApproval = (oracle: Oracle, waiting: EntryOf<'waiting'>, entry: Outcome, body: BodyOf<'approve'>): void => {
  const at = `seq ${entry.seq}`;
  const { approvals, rejected } = tally(oracle, waiting, entry.seq);
  const byVotes = rejected ? 'rejected' : approvals.size >= Number(body.quorum) ? 'approved' : undefined;
  must(byVotes !== undefined || isOver(waiting, entry), 'wait', `${at} decides with ${approvals.size} approvals`);
  const decision = byVotes ?? (body.onExpiry === 'approve' ? 'approved' : 'rejected');
  if (isWhole(entry)) must(outputOf(entry).decision === decision, 'wait', `${at} is not ${decision}`);
  const halts = decision === 'rejected' && body.onReject === 'halt';
  must((entry.then === 'halt') === halts, 'wait', `${at} was ${decision}, and leads to ${entry.then}`);
};

/** A vote by somebody who is asked, about what was shown, while it could count. */
export const judgeVote = (oracle: Oracle, reading: Reading, entry: EntryOf<'vote'>, cell: Cell): void => {
  const at = `seq ${entry.seq}`;
  must(reading.open?.kind === 'waiting' && reading.open.seq === entry.about, 'I2', `${at} votes about ${entry.about}`);
  must(cell.body.kind === 'approve' && cell.name === entry.cell, 'I2', `${at} votes about ${entry.cell}`);
  const waiting = waitingOf(oracle, reading);
  const { approvals, rejected } = tally(oracle, waiting, entry.seq);
  must(!rejected && approvals.size < Number(cell.body.quorum), 'wait', `${at} votes although it was decided`);
  must(cell.body.approvers.flat().includes(entry.by.actor), 'wait', `${at}: ${entry.by.actor} is not asked`);
  must(writerOf(oracle, entry)?.actor === entry.by.actor, 'wait', `${at}: somebody votes as ${entry.by.actor}`);
  must(entry.shownHash === waiting.shownHash, 'wait', `${at} votes about what was not shown`);
  const has = approvals.has(entry.by.actor);
  must(
    entry.decision === 'reject' || has === (entry.decision === 'withdraw'),
    'wait',
    `${at} ${entry.decision}s twice`,
  );
};

const judgePoll = (oracle: Oracle, reading: Reading, waiting: EntryOf<'waiting'>, entry: Outcome, cell: Cell): void => {
  const found = oracle.world.polls.some(
    ({ call, instanceId, about, ready }) =>
      instanceId === waiting.instanceId && call.id === entry.by.where && about === waiting.seq && ready,
  );
  if (cell.poll?.holds !== undefined && judgeHeld(oracle, reading, entry, cell)) return;
  must(found || isOver(waiting, entry), 'wait', `seq ${entry.seq} ends a poll that found nothing`);
  const timedOut = !found && entry.status === 'completed';
  must((entry.timedOut === true) === timedOut, 'wait', `seq ${entry.seq} says timedOut ${entry.timedOut}`);
};

export const judgeWait = (oracle: Oracle, reading: Reading, entry: Outcome, cell: Cell): void => {
  const at = `seq ${entry.seq}`;
  const { body } = cell;
  if (body.kind === 'manual') {
    const person = writerOf(oracle, entry)?.actor.startsWith('op') === true;
    must(entry.closedBy === 'person' && person, 'I2', `${at}: only a person closes a manual cell`);
    return;
  }
  must(entry.closedBy === 'policy', 'I2', `${at}: ${entry.closedBy} closes a wait`);
  const waiting = waitingOf(oracle, reading);
  if (body.kind === 'each' || body.kind === 'run') judgeClosed(oracle, waiting, entry);
  else if (cell.poll !== undefined) judgePoll(oracle, reading, waiting, entry, cell);
  else if (body.kind === 'await') judgeAwait(oracle, waiting, entry, body);
  else if (body.kind === 'approve') judgeApproval(oracle, waiting, entry, body);
  else must(isOver(waiting, entry), 'wait', `${at} goes on before ${waiting.dueAtMs}`);
  const may = cell.poll !== undefined || body.kind === 'await';
  must(may || entry.timedOut === undefined, 'wait', `${at} says that it timed out`);
};

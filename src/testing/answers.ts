/** Answers what a run waits for, in the name of those it waits for; time is moved, not waited for. */
import * as z from 'zod';
import { type ClaimStatus, claimStatuses, type Inspection, isPawlError, type WaitReport } from '../engine/index.ts';
import type { NamedCell } from './levels.ts';
import { type Process, tester } from './process.ts';

const status = z.enum(claimStatuses);
const wholeClaim = z.strictObject({
  status,
  statement: z.string().exactOptional(),
  evidence: z.unknown().optional(),
});
export type ClaimAnswer = ClaimStatus | { status: ClaimStatus; statement?: string; evidence?: unknown };

/** What is wrong with an answer for a claim; `undefined`: nothing. */
export const troubleOf = (given: unknown): string | undefined => {
  const { error } = typeof given === 'object' ? wholeClaim.safeParse(given) : status.safeParse(given);
  return error?.issues.map(({ path, message }) => [...path, message].join(': ')).join('; ');
};

/**
 * Claims by id; without one, a claim gets the first status that is waited for. `people`: what is answered to manual cells that ask, by
 * their names.
 */
export type Answers = {
  claims: Readonly<Record<string, ClaimAnswer>>;
  rejects: readonly string[];
  people: Readonly<Record<string, unknown>>;
};

/** What was said or done, in words. `null`: no person's action helps. */
type Said = string | null;
type WaitOf<K extends WaitReport['kind']> = Extract<WaitReport, { kind: K }>;

const setClaims = async (process: Process, wait: WaitOf<'await'>, { claims }: Answers): Promise<Said> => {
  const done: string[] = [];
  for (const { claimId, revision } of wait.claims) {
    const given = Object.hasOwn(claims, claimId) ? claims[claimId] : undefined;
    const whole = typeof given === 'object' ? given : { status: given ?? wait.until[0] ?? 'supported' };
    const { status, statement, evidence } = whole as Exclude<ClaimAnswer, string>;
    if (revision > 0) continue;
    await process.engine.setClaim(claimId, {
      status,
      ...(statement === undefined ? {} : { statement }),
      ...(evidence === undefined ? {} : { evidence: JSON.stringify(evidence) }),
      by: tester,
    });
    done.push(`${claimId} is ${status}`);
  }
  return done.length === 0 ? null : done.join(', ');
};

const vote = async (process: Process, id: string, wait: WaitOf<'approve'>, rejected: boolean): Promise<Said> => {
  // People who are named vote before members of groups, whom the test makes up.
  const people = wait.approvers.map((actor) => ({ actor, groups: [] as string[] }));
  const members = Array.from({ length: wait.quorum }, (_, i) => ({
    actor: `${wait.groups[0]}-member-${i + 1}`,
    groups: wait.groups.slice(0, 1),
  }));
  const voters = [...people, ...(wait.groups.length === 0 ? [] : members)].filter(
    ({ actor }) => !wait.approvals.includes(actor),
  );
  const [voter] = voters;
  if (voter === undefined || wait.approvals.length >= wait.quorum) return null;
  await process.engine.vote(id, wait.cell, {
    decision: rejected ? 'reject' : 'approve',
    shownHash: wait.shownHash,
    groups: voter.groups,
    by: { ...tester, actor: voter.actor },
  });
  return `${rejected ? 'rejected' : 'approved'} by ${voter.actor}`;
};

/** Does a manual cell. What its `expect` asks of the person's words no test can know: then it says that it failed. */
const doByHand = async (
  process: Process,
  id: string,
  { name, cell }: Pick<NamedCell, 'name' | 'cell'>,
  { people }: Answers,
): Promise<Said> => {
  const done = { result: 'done', note: 'done, says the test', by: tester } as const;
  const given = Object.hasOwn(people, name) ? { answer: people[name] } : {};
  try {
    await process.engine.done(id, cell.name, { ...done, ...given });
    return 'answer' in given ? `answered by a person: ${JSON.stringify(given.answer)}` : 'done by a person';
  } catch (error) {
    if (!isPawlError(error, 'answer.refused')) throw error;
    await process.engine.done(id, cell.name, { ...done, result: 'failed', note: error.message.slice(0, 500) });
    return 'answer' in given
      ? `failed by a person, since it does not take the answer of the test: ${error.message}`
      : 'failed by a person, since it does not take "done, says the test"';
  }
};

const moveOn = (process: Process, wait: WaitReport): Said => {
  const atMs = wait.nextAtMs ?? wait.dueAtMs;
  if (atMs === null) return null;
  const before = process.clock.nowMs();
  process.clock.moveTo(atMs);
  const isTimeOut = wait.kind === 'await' || wait.kind === 'approve';
  return isTimeOut ? 'its time ran out' : `time moved by ${Math.round(Math.max(0, atMs - before) / 1000)} s`;
};

/** @returns what was said; `null`: nothing can be said, and no time ends it */
export const answerWait = async (
  process: Process,
  instanceId: string,
  { waits }: Inspection,
  { name, cell }: Pick<NamedCell, 'name' | 'cell'>,
  answers: Answers,
): Promise<Said> => {
  if (waits === null) return null;
  switch (waits.kind) {
    case 'manual':
      return await doByHand(process, instanceId, { name, cell }, answers);
    case 'await':
      return (await setClaims(process, waits, answers)) ?? moveOn(process, waits);
    case 'approve':
      return (await vote(process, instanceId, waits, answers.rejects.includes(name))) ?? moveOn(process, waits);
    default:
      return moveOn(process, waits);
  }
};

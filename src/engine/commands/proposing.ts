/** Where two people decide about a step in doubt: whether a verdict takes effect, or waits for another person who says the same. */

import type { EntryBody, EntryOf } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import type { By, Output, VerdictWord } from '../model/fields.ts';
import { limits } from '../model/limits.ts';
import type { Proposal, State } from '../model/state.ts';
import { agreeingWith, type Decision, hasProposed, needsTwo, proposalsIn } from '../rules/proposing.ts';

/** What a verdict waits for: another person who decides the same. `said`: what each has said of the step, so far. */
export type Awaited = { verdict: VerdictWord; said: Proposal[] };

/** What a person says. */
type Word = {
  seq: number;
  verdict: VerdictWord;
  reason: string;
  evidence?: string;
  freshKey?: boolean;
  by: By;
};
/** What is known of it. */
type Facts = {
  instanceId: string;
  cell: { index: number; name: string };
  output: Output | null;
  outputHash: string | null;
  early: Pick<EntryOf<'proposed'>, 'holderGone' | 'overlapOk'>;
  people: number | undefined;
};

const decisionOf = ({ verdict, freshKey = false }: Word, output: string | null): Decision => ({
  verdict,
  freshKey,
  output,
});

const refuseMany = (instanceId: string, { seq }: Word): never => {
  const { proposalsMax } = limits;
  const message = `About step ${seq} of ${instanceId} ${proposalsMax} words were said (proposalsMax), and no two people say the same: agree with one of them; \`pawl status ${instanceId}\` shows them.`;
  throw new PawlError('verdict.refused', message, { instanceId, seq, limit: 'proposalsMax' });
};

/**
 * @param body what the verdict comes to where it takes effect
 * @returns `null`: this person has said so already
 */
export const seconded = (
  state: State,
  body: EntryBody,
  { instanceId, cell, output, outputHash, people, early }: Facts,
  request: Word,
): EntryBody | null => {
  const { seq: about, by, verdict, reason, evidence = null, freshKey = false } = request;
  if (!needsTwo(state, about, people)) return body;
  const decision = decisionOf(request, outputHash);
  const first = agreeingWith(state, about, by.actor, decision);
  if (first !== undefined && (body.kind === 'outcome' || body.kind === 'resolved'))
    return { ...body, agrees: { seq: first.seq, output: outputHash } };
  if (hasProposed(state, about, by.actor, decision)) return null;
  if ((state.proposed ?? []).length >= limits.proposalsMax) return refuseMany(instanceId, request);
  const { index, name } = cell;
  return {
    kind: 'proposed',
    about,
    index,
    cell: name,
    verdict,
    freshKey,
    reason,
    output,
    outputHash,
    evidence,
    ...early,
  };
};

/** `null`: the verdict has taken effect. */
export const awaitedIn = (state: State, isProposed: boolean, { seq, verdict }: Word): Awaited | null =>
  isProposed ? { verdict, said: proposalsIn(state, seq) } : null;

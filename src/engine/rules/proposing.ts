/**
 * Two people decide about a step in doubt where the deployment asks for it: the first verdict is a proposal, from which nothing
 * follows. It takes effect by the verdict of another person who decides the same. Pure.
 */
import assert from 'node:assert/strict';
import { limits } from '../model/limits.ts';
import type { Proposal, State } from '../model/state.ts';
import type { StepOf } from './going.ts';
import { assertTimely } from './timely.ts';

/** What is decided, whoever says it: the same word, about the key too, with the same output. */
export type Decision = Pick<Proposal, 'verdict' | 'freshKey' | 'output'>;

const isSame = (one: Decision, other: Decision): boolean =>
  one.verdict === other.verdict && one.freshKey === other.freshKey && one.output === other.output;

/** Seq of the step in doubt, or of one whose holder has not been heard of: what it takes two people for. */
const doubtfulSeq = ({ open, halted }: State): number | undefined =>
  open?.kind === 'reserved' ? open.seq : halted?.doubt === true ? halted.seq : undefined;

/** What people have proposed about a step: the newest word of each of them. */
export const proposalsIn = ({ proposed = [] }: State, about: number): Proposal[] =>
  proposed.filter(
    (one) => one.about === about && !proposed.some(({ actor, seq }) => actor === one.actor && seq > one.seq),
  );

/** Once one person has proposed something two are needed, whatever the deployment says by then. */
export const needsTwo = (state: State, about: number, people: number | undefined): boolean =>
  doubtfulSeq(state) === about && (people === 2 || state.people === 2 || proposalsIn(state, about).length > 0);

/** Whether a person has proposed just that, and nothing else since. */
export const hasProposed = (state: State, about: number, actor: string, decision: Decision): boolean =>
  proposalsIn(state, about).some((one) => one.actor === actor && isSame(one, decision));

/** The proposal of another person that a decision agrees with. */
export const agreeingWith = (state: State, about: number, actor: string, decision: Decision): Proposal | undefined =>
  proposalsIn(state, about).find((one) => one.actor !== actor && isSame(one, decision));

type Word = Pick<StepOf<'outcome'>, 'verdict' | 'agrees' | 'by'> & { freshKey?: boolean | undefined };

/** Whether a person's verdict may take effect. @param about the step, `undefined` where no person decides about it */
export const assertAgreed = (state: State, step: Word, about: number | undefined): void => {
  const { verdict, freshKey = false, agrees, by } = step;
  if (about === undefined || verdict === undefined || !needsTwo(state, about, undefined)) {
    assert(agrees === undefined, 'nobody else was to say the same');
    return;
  }
  const first = proposalsIn(state, about).find(({ seq }) => seq === agrees?.seq);
  assert(first !== undefined && agrees !== undefined, 'another person has to say the same before');
  assert(first.actor !== by.actor, 'nobody is the second person beside themselves');
  assert(isSame(first, { verdict, freshKey, output: agrees.output }), 'two people say the same');
};

/** Nothing changes but what is known to be said. */
export const applyProposed = (state: State, step: StepOf<'proposed'>): State => {
  const { about, verdict, freshKey, outputHash: output, seq, by } = step;
  const { open, halted, proposed = [] } = state;
  assert(doubtfulSeq(state) === about, 'it is about the step in doubt');
  assert(step.index === state.next && step.cell === (open ?? halted)?.cell, 'another cell');
  assertTimely(step, (open?.kind === 'reserved' ? open.deadlineAtMs : halted?.deadlineAtMs) ?? 0);
  assert(!freshKey || verdict === 'retry', 'only another attempt has another key');
  assert(output === null || verdict === 'succeeded', 'only what succeeded has an output');
  const decision = { verdict, freshKey, output };
  assert(agreeingWith(state, about, by.actor, decision) === undefined, 'another person said the same: it takes effect');
  assert(!hasProposed(state, about, by.actor, decision), 'said already');
  assert(proposed.length < limits.proposalsMax, 'proposalsMax');
  return { ...state, proposed: [...proposed, { seq, about, actor: by.actor, ...decision }] };
};

/** Where the step is settled, or its holder is heard of, what people proposed before is of no more use. */
export const withoutProposals = ({ proposed: _, ...state }: State): State => state;

/** A step that is closed as unknown is in doubt as before, and what was said of it stays said. */
export const keepingProposals = (before: State, after: State): State => {
  const { proposed } = before;
  const stays =
    proposed !== undefined && after.halted?.doubt === true && proposed.some(({ about }) => about === after.halted?.seq);
  return stays ? { ...after, proposed } : after;
};

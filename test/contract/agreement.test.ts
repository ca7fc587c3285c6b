/**
 * The engine's types and the contract's schemas say the same where they mean the same. The compiler is the judge: an answer
 * that had more, less or something else than the engine's would not be `true` here.
 */
import { expect, test } from 'vitest';
import type { BodyOf, CallOf } from '../../src/contract/index.ts';
import type {
  AdvanceAnswer,
  Cancelled,
  ClaimRequest,
  DoneRequest,
  Entry,
  Inspection,
  LinkShown,
  Note,
  Published,
  RunAnswer,
  Started,
  StartRequest,
  VerdictGiven,
  VerdictRequest,
  Version,
  View,
  Voted,
  VoteRequest,
} from '../../src/engine/index.ts';

/** With what may be left out: a field that only one of them knows makes a difference. */
type Same<A, B> = [Required<A>] extends [Required<B>] ? ([Required<B>] extends [Required<A>] ? true : false) : false;
/** What a caller gives, without what the door adds: who acts, and in which groups. */
type Asked<T> = Omit<T, 'by' | 'groups' | 'link' | 'runbookId'>;
/** `undefined` may be written out by callers; to the engine it never comes. */
type Given<T> = { [K in keyof T]: Pick<T, K> extends Required<Pick<T, K>> ? T[K] : T[K] | undefined };

const answers: {
  published: Same<BodyOf<'publish'>, Published>;
  version: Same<Omit<BodyOf<'version'>, 'title'>, Version>;
  started: Same<BodyOf<'start'>, Started>;
  advanced: Same<Omit<BodyOf<'advance'>, 'manned'>, AdvanceAnswer>;
  ran: Same<Omit<BodyOf<'run'>, 'manned'>, RunAnswer>;
  cancelled: Same<BodyOf<'cancel'>, Cancelled>;
  undone: Same<BodyOf<'undo'>, { view: View }>;
  decided: Same<BodyOf<'verdict'>, VerdictGiven>;
  inspected: Same<
    Omit<BodyOf<'instance'>, 'manned' | 'head' | 'held' | 'decidableAtMs' | 'decidePeople' | 'nowMs'>,
    Inspection
  >;
  head: Same<BodyOf<'instance'>['head'], Entry>;
  entries: Same<BodyOf<'journal'>['entries'], Entry[]>;
  notes: Same<BodyOf<'notes'>['notes'], Note[]>;
  views: Same<BodyOf<'listInstances'>['views'], View[]>;
  voted: Same<BodyOf<'vote'>, Voted>;
  link: Same<Omit<BodyOf<'link'>, 'expiresAt'>, Omit<LinkShown, 'expiresAtMs'>>;
} = {
  published: true,
  version: true,
  started: true,
  advanced: true,
  ran: true,
  cancelled: true,
  undone: true,
  decided: true,
  inspected: true,
  head: true,
  entries: true,
  notes: true,
  views: true,
  voted: true,
  link: true,
};

const requests: {
  start: Same<keyof NonNullable<CallOf<'start'>['body']>, keyof Asked<StartRequest>>;
  verdict: Same<CallOf<'verdict'>['body'], Given<Asked<VerdictRequest>>>;
  done: Same<
    Omit<CallOf<'done'>['body'], 'attachment' | 'answer'>,
    Omit<Given<Asked<DoneRequest>>, 'attachment' | 'answer'>
  >;
  vote: Same<CallOf<'vote'>['body'], Given<Asked<VoteRequest>>>;
  claim: Same<Omit<CallOf<'setClaim'>['body'], 'evidence'>, Omit<Given<Asked<ClaimRequest>>, 'evidence'>>;
} = { start: true, verdict: true, done: true, vote: true, claim: true };

test('requests and answers of the contract are those of the engine, as the compiler sees it', () => {
  expect(new Set([...Object.values(answers), ...Object.values(requests)])).toEqual(new Set([true]));
});

/**
 * One decision about many steps in doubt. The rate holds over all callers and processes: a call takes the turn of all, for as long as
 * its steps take at that rate, and decides only within it. A turn ends by itself, so a holder that dies holds up nobody for longer.
 */
import { hash } from 'node:crypto';
import type { BodyOf, InputOf } from '../contract/index.ts';
import { type By, type Clock, type Entry, isPawlError, limits, type Output, PawlError } from '../engine/index.ts';
import type { OperationDeps } from './apiDeps.ts';

type Deps = Pick<OperationDeps, 'engine' | 'clock' | 'pace'>;
type Asked = InputOf<'verdicts'>['body'];
type Step = Asked['steps'][number];
type Decided = BodyOf<'verdicts'>['steps'][number];
type Ruling = Omit<Asked, 'steps' | 'perSecond'>;
type First = Extract<Decided, { result: 'refused' }>['first'];
type Taken = Extract<Decided, { result: 'taken' }>;
type FirstEntry = { entry: Entry; word: NonNullable<First> };

/** A timer may fire a moment early; then the rest is slept as well. */
const sleepUntil = async (clock: Clock, atMs: number): Promise<void> => {
  for (let leftMs = atMs - clock.nowMs(); leftMs > 0; leftMs = atMs - clock.nowMs()) await clock.sleep(leftMs);
};

/** @returns until when it is ours. @throws PawlError `verdicts.busy`, naming until when it is another's */
const takeTurn = async ({ pace, clock }: Deps, ms: number): Promise<number> => {
  let turn = await pace.take(ms, limits.verdictsTurnMsMax);
  const endAtMs = clock.nowMs() + limits.verdictsWaitMsMax;
  while (!turn.isMine) {
    const { untilMs } = turn;
    if (untilMs > endAtMs) {
      const message = 'Another call decides about many at the moment; nothing was decided: ask again.';
      throw new PawlError('verdicts.busy', message, { untilMs });
    }
    await sleepUntil(clock, untilMs);
    turn = await pace.take(ms, limits.verdictsTurnMsMax);
  }
  return turn.untilMs;
};

const said = { completed: 'succeeded', failed: 'failed', abandoned: 'retry', skipped: 'skip' } as const;

/** What a person said in it of the step, or of the whole run. */
const wordIn = (entry: Entry, seq: number): First => {
  const { by, atMs } = entry;
  const word = { actor: by.actor, atMs };
  if (entry.kind === 'cancelled') return { ...word, said: 'cancelled', reason: entry.reason };
  if (entry.kind === 'resolved' && entry.closedBy === 'person' && entry.about === seq)
    return { ...word, said: entry.verdict, reason: entry.reason };
  if (entry.kind === 'outcome' && entry.closedBy === 'person' && entry.closes === seq)
    return { ...word, said: entry.verdict ?? said[entry.status as keyof typeof said] ?? null, reason: entry.note };
  return null;
};

/** Entries after `seq` in order, as far as a word about a step is looked for: page by page, since a lease that is renewed makes many. */
async function* entriesAfter({ engine }: Deps, { instanceId, seq }: Step): AsyncGenerator<Entry> {
  for (let after = seq; after < seq + limits.verdictsWordEntries; ) {
    const page = await engine.journal(instanceId, after, limits.pageMax);
    for (const { entry } of page) yield entry;
    const last = page.at(-1)?.entry.seq;
    if (last === undefined || page.length < limits.pageMax) return;
    after = last;
  }
}

/**
 * Whose word about it stands, and the entry that says it: of several the last, which overrules the others. What cannot be read now is no reason to refuse
 * anything: the refusal stands without it.
 */
const readFirst = async (deps: Deps, step: Step): Promise<FirstEntry | null> => {
  let found: FirstEntry | null = null;
  try {
    for await (const entry of entriesAfter(deps, step)) {
      const word = wordIn(entry, step.seq);
      // Whoever ends the run overrules nobody who spoke of the step.
      if (word !== null && (found === null || word.said !== 'cancelled')) found = { entry, word };
      // With the next one that begins nothing more is said of this one.
      if (found !== null && entry.kind === 'reserved') break;
    }
    return found;
  } catch (error) {
    if (isPawlError(error)) return null;
    throw error;
  }
};

const isSameOutput = (kept: Output | null, given: string | undefined): boolean => {
  if (kept === null || given === undefined) return kept === null && given === undefined;
  if (kept.kind === 'inline') return kept.text === given;
  return kept.kind === 'stored' && kept.sha256 === hash('sha256', given);
};

/** Whether it is what is asked for now, by the same actor: an earlier call whose answer was lost, or that was still being answered. */
const isOwn = ({ entry, word }: FirstEntry, ruling: Ruling, by: By): boolean =>
  (entry.kind === 'resolved' || entry.kind === 'outcome') &&
  word.actor === by.actor &&
  word.said === ruling.verdict &&
  word.reason === ruling.reason &&
  (entry.evidence ?? null) === (ruling.evidence ?? null) &&
  (entry.freshKey ?? false) === (ruling.freshKey ?? false) &&
  isSameOutput(entry.output, ruling.output);

const decideOne = async (deps: Deps, step: Step, ruling: Ruling, by: By) => {
  const { instanceId, seq } = step;
  try {
    const { view, awaits } = await deps.engine.verdict(instanceId, { ...ruling, seq, onlyInDoubt: true, by });
    if (awaits !== null) return { instanceId, seq, result: 'proposed', view, awaits } as const;
    return { instanceId, seq, result: 'taken', view } as const;
  } catch (error) {
    if (!isPawlError(error)) throw error;
    const { code, message } = error;
    const first = code === 'seq.stale' || code === 'instance.finished' ? await readFirst(deps, step) : null;
    const { view } = error.details;
    if (first !== null && isOwn(first, ruling, by) && view !== undefined)
      return { instanceId, seq, result: 'taken', view: view as Taken['view'] } as const;
    return { instanceId, seq, result: 'refused', code, message, first: first?.word ?? null } as const;
  }
};

/** @throws PawlError `verdicts.busy`, `store.unavailable` before anything is decided */
export const decideMany = async (deps: Deps, asked: Asked, by: By): Promise<Decided[]> => {
  const { steps, perSecond = limits.verdictsPerSecond, ...ruling } = asked;
  const { clock } = deps;
  const pauseMs = 1_000 / perSecond;
  const { verdictsTurnMsMin: least, verdictsTurnMsMax: most } = limits;
  const untilMs = await takeTurn(deps, Math.min(Math.max(steps.length * pauseMs, least), most));
  const decided: Decided[] = [];
  let nextAtMs = clock.nowMs();
  let isAway = false;
  /** What is begun after the turn would be beside what another call decides in its own. */
  const isMine = async (): Promise<boolean> => {
    if (isAway || nextAtMs >= untilMs) return false;
    await sleepUntil(clock, nextAtMs);
    return clock.nowMs() < untilMs;
  };
  for (const { instanceId, seq } of steps) {
    if (!(await isMine())) {
      decided.push({ instanceId, seq, result: 'left' });
      continue;
    }
    nextAtMs = clock.nowMs() + pauseMs;
    const one = await decideOne(deps, { instanceId, seq }, ruling, by);
    isAway = one.result === 'refused' && one.code === 'store.unavailable';
    decided.push(one);
  }
  return decided;
};

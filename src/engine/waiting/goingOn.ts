/** What a section cites, and goes on with, of what was gone through in an earlier visit of it or in a run that this one goes on from. */
import { type Call, openCall } from '../call/call.ts';
import { readJournal } from '../call/journal.ts';
import { failure } from '../call/outcomes.ts';
import { indexesIn, withBits } from '../model/family.ts';
import type { Failure } from '../model/fields.ts';
import { limits } from '../model/limits.ts';
import type { Cell } from '../model/runbook.ts';
import type { RunEnd } from '../model/runEnd.ts';
import { settleAll } from '../model/settleAll.ts';
import type { State } from '../model/state.ts';
import { type Earlier, lastElement } from './earlier.ts';
import type { Begun } from './kind.ts';
import { itemsIn, leftOpen, type Opening, openingWith } from './openings.ts';

/** Indexes as bits. */
export const bitsOf = (indexes: number[]): string => withBits('', indexes);

/** How the elements of a section ended, as far as its parent's chain has seen it. */
export const endsSince = async (
  engine: Call['engine'],
  instanceId: string,
  seq: number,
): Promise<Map<number, RunEnd>> => {
  const ends = new Map<number, RunEnd>();
  for await (const { entry } of readJournal(engine, instanceId, seq))
    if (entry.kind === 'progress' && entry.about === seq) for (const { index, as } of entry.ended) ends.set(index, as);
  return ends;
};

/** Whether all that began in an element was taken back at its own end. */
const isTakenBack = ({ ended, ending }: State): boolean =>
  ended === 'rolled_back' || (ended !== null && ending?.whole === true && ending.undone > 0 && ending.undos === 0);
/** Nothing of an element is there: it never began, or was taken back. Of what cannot be read something may be. */
export const isNothing = (earlier: Earlier | null | undefined): boolean => {
  if (earlier === null || earlier === undefined) return true;
  return !earlier.isBroken && earlier.state !== null && isTakenBack(earlier.state);
};

/** Elements of an opened section that completed, there or before it. */
export const completedIn = async (engine: Call['engine'], { instanceId, seq, each }: Opening): Promise<number[]> => {
  const ends = await endsSince(engine, instanceId, seq);
  const own = [...ends].flatMap(([index, as]) => (as === 'completed' ? [index] : []));
  return [...indexesIn(each?.cited ?? '', each?.count ?? 0), ...own];
};

/** Of elements that went through something, and were not taken back, those that are not among these any more. */
const leftOutOf = async (engine: Call['engine'], before: Opening, kept: ReadonlySet<number>): Promise<number[]> => {
  const gone = (await itemsIn(engine, before)).flatMap((_, index) => (kept.has(index) ? [] : [index]));
  const left: number[] = [];
  for (let at = 0; at < gone.length; at += limits.elementsAtOnceMax) {
    const page = gone.slice(at, at + limits.elementsAtOnceMax);
    const found = await settleAll(page.map((index) => lastElement(engine, before, index)));
    left.push(...page.filter((_, offset) => !isNothing(found[offset])));
  }
  return left;
};

/**
 * How a section goes on that an earlier run was left at: what completed there is cited, the same value is the same element. Where an
 * element is left out, perhaps for another value of the same thing, the run has to have a reason.
 */
export const beginAfter = async (
  call: Call,
  { name }: Cell,
  items: unknown[],
): Promise<Pick<NonNullable<Begun['each']>, 'cited' | 'after'> | Failure> => {
  const { engine, started, by, endAtMs } = call;
  const { continues } = started;
  if (continues?.at !== name) return {};
  const before = await leftOpen(await openCall(engine, continues.instanceId, by, { endAtMs }), name);
  if (before === undefined) return {};
  const found = await settleAll(items.map((item) => openingWith(engine, before, item)));
  const kept = found.flatMap((one) => (one?.opening === before ? one.index : []));
  const left = await leftOutOf(engine, before, new Set(kept));
  if (left.length > 0 && (continues.reason ?? '').trim() === '') {
    const message = `Element ${(left[0] ?? 0) + 1} of section ${name} in ${before.instanceId} went through something, and is not in the list any more, or has another value: continue ${call.instanceId} at ${name} with a reason (\`--reason TEXT\`).`;
    return failure('each.changed', message);
  }
  const completed = new Map<Opening, Set<number>>();
  for (const opening of new Set(found.flatMap((one) => one?.opening ?? [])))
    completed.set(opening, new Set(await completedIn(engine, opening)));
  const cited = found.flatMap((one, at) => (one && completed.get(one.opening)?.has(one.index) ? [at] : []));
  return { cited: bitsOf(cited), after: { instanceId: before.instanceId, seq: before.seq, left: left.length } };
};

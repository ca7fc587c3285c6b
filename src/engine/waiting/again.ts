/**
 * Whether a section that was left can be gone on with: again in the same run by a person's `retry`, or in a run that continues it.
 * Nothing that an element has done, or may have, happens a second time by that.
 */
import type { Call } from '../call/call.ts';
import { pastOf, satisfiedIn } from '../call/cited.ts';
import { familyBody, hasEffects } from '../model/cellNature.ts';
import { isPawlError } from '../model/errors.ts';
import { wayOf } from '../model/levels.ts';
import { limits } from '../model/limits.ts';
import type { Cell } from '../model/runbook.ts';
import { settleAll } from '../model/settleAll.ts';
import { type Earlier, firstLeft, lastElement } from './earlier.ts';
import { openElement } from './elements.ts';
import { itemsIn, leftOpen, type Opening, openingAt } from './openings.ts';
import { pinnedVersion } from './runs.ts';

/** An element with which it cannot be. `isFinal`: whatever the reason. */
export type NotAgain = { instanceId: string; why: string; isFinal: boolean };

/** A section as it is gone on with. `version`: what its elements go through in another version; absent: what they did. */
type Again = { opening: Opening; version?: Cell };

/** What an element goes through in another version of its section; `undefined`: it has no such part any more, or its pin is missing. */
const cellsFor = async (call: Call, { body }: Cell, item: unknown): Promise<Cell[] | undefined> => {
  if (body.kind === 'run') {
    const pinned = await pinnedVersion(call, body.pin);
    return 'code' in pinned ? undefined : pinned.runbook.cells;
  }
  if (body.kind !== 'each') return undefined;
  return body.parts === undefined ? body.cells : body.parts.find(({ name }) => name === item)?.cells;
};

/** Of an element that did not complete: what happened in it, and would happen again where a new one goes on from it. */
const doneAgain = async (
  call: Call,
  instanceId: string,
  again: Again,
  item: unknown,
): Promise<NotAgain | undefined> => {
  const { version } = again;
  const child = await openElement(call, instanceId);
  const cells = version === undefined ? child.runbook.cells : await cellsFor(call, version, item);
  if (cells === undefined) return undefined;
  const past = await pastOf(child);
  const { states } = await satisfiedIn(child);
  const first = firstLeft({ cells }, past, { states });
  const refuse = (why: string): NotAgain => ({ instanceId, why, isFinal: false });
  // One that has no such name any more may be there under another.
  const kept = new Set(cells.slice(0, first?.index ?? wayOf(cells)).map(({ name }) => name));
  const twice = past.done.find((cell) => !kept.has(cell.name) && hasEffects(cell) && states[cell.name] !== 'skipped');
  if (twice !== undefined) return refuse(`is past cell ${twice.name}, which nothing took back`);
  const { begun } = past;
  if (begun === undefined) return undefined;
  if (familyBody(begun) === undefined)
    // A person's `retry` is about what failed.
    return version === undefined ? undefined : refuse(`stands at cell ${begun.name}, which happened, or may have`);
  const inner =
    first?.name === begun.name && first.body.kind === begun.body.kind ? await leftOpen(child, begun.name) : undefined;
  if (inner === undefined) return refuse(`began section ${begun.name}`);
  const [found] = await notAgainIn(child, {
    opening: inner,
    ...(version !== undefined && first ? { version: first } : {}),
  });
  return found;
};

const broken = 'has a broken journal';

const whyNot = async (
  call: Call,
  { instanceId, state, isBroken }: Earlier,
  again: Again,
  item: unknown,
): Promise<NotAgain | undefined> => {
  const refuse = (why: string): NotAgain => ({ instanceId, why, isFinal: true });
  if (isBroken) return refuse('ended with a broken journal');
  if (state === null) return refuse(broken);
  const { halted, open, ended, ending, owes } = state;
  if (halted?.doubt === true || open?.kind === 'reserved')
    return refuse(ended === null ? 'is in flight or in doubt' : 'ended in doubt');
  const actsUntilMs = halted?.early === true ? (halted.deadlineAtMs ?? 0) : 0;
  if (call.engine.clock.nowMs() < actsUntilMs)
    return refuse(`was decided early, and what it began may act until ${new Date(actsUntilMs).toISOString()}`);
  if (ended === null && (ending !== undefined || owes !== undefined)) return refuse('goes through what is at its end');
  if (ended === 'completed' || ended === 'rolled_back') return undefined;
  try {
    return await doneAgain(call, instanceId, again, item);
  } catch (error) {
    if (!isPawlError(error, 'journal.broken') || error.details.instanceId === call.instanceId) throw error;
    return refuse(broken);
  }
};

/** Elements with which a section cannot be gone on with, and why. */
export const notAgainIn = async (call: Call, again: Again): Promise<NotAgain[]> => {
  const { engine } = call;
  const { opening } = again;
  const items = await itemsIn(engine, opening);
  const found: NotAgain[] = [];
  for (let at = 0; at < items.length; at += limits.elementsAtOnceMax) {
    const page = items.slice(at, at + limits.elementsAtOnceMax);
    const looked = await settleAll(
      page.map(async (item, offset) => {
        const last = await lastElement(engine, opening, at + offset);
        return (last && (await whyNot(call, last, again, item))) ?? [];
      }),
    );
    found.push(...looked.flat());
  }
  return found;
};

/** The same of the section that a run stands at, opened by the entry at a seq. */
export const notAgain = async (call: Call, seq: number): Promise<NotAgain[]> => {
  const { engine, instanceId } = call;
  const entry = (await engine.journal.entry(instanceId, seq))?.entry;
  if (entry?.kind !== 'waiting' || entry.each === undefined) return [];
  return await notAgainIn(call, { opening: await openingAt(engine, { instanceId, seq }) });
};

/** Whether a section that failed can be gone through again: nothing that an element has done, or may have, happens a second time by that. */
import { type Call, stateOf } from '../call/call.ts';
import { pastOf, satisfiedIn } from '../call/cited.ts';
import { limits } from '../model/limits.ts';
import { hasEffects } from '../model/runbook.ts';
import { settleAll } from '../model/settleAll.ts';
import { type Earlier, firstLeft, lastElement, openElement } from './elements.ts';

/** Of an element that has ended: what happened in it, and would happen again where a new one goes on from it. */
const doneAgain = async (call: Call, instanceId: string): Promise<string | undefined> => {
  const child = await openElement(call, instanceId);
  const past = await pastOf(child);
  const { states } = await satisfiedIn(child);
  const first = firstLeft(child.runbook, past, { states });
  if (first === undefined) return undefined;
  // Its elements are not those of the earlier one.
  if (first.body.kind === 'each' && past.begun?.name === first.name) return `began section ${first.name}`;
  const again = past.done.find(
    (cell) => cell.index > first.index && hasEffects(cell) && states[cell.name] !== 'skipped',
  );
  return again === undefined ? undefined : `is past cell ${again.name}, which nothing took back`;
};

const whyNot = async (call: Call, { instanceId, state, isBroken }: Earlier): Promise<string | undefined> => {
  if (isBroken) return 'ended with a broken journal';
  const { halted, open, ended } = state;
  if (halted?.doubt === true || open?.kind === 'reserved') return 'ended in doubt';
  const actsUntilMs = halted?.early === true ? (halted.deadlineAtMs ?? 0) : 0;
  if (call.engine.clock.nowMs() < actsUntilMs)
    return `was decided early, and what it began may act until ${new Date(actsUntilMs).toISOString()}`;
  return ended === 'completed' || ended === 'rolled_back' ? undefined : await doneAgain(call, instanceId);
};

/** Elements of a section that has ended with which it cannot be gone through again, and why. */
export const notAgain = async (call: Call, seq: number): Promise<{ instanceId: string; why: string }[]> => {
  const { engine, instanceId } = call;
  const entry = (await engine.journal.entry(instanceId, seq))?.entry;
  if (entry?.kind !== 'waiting' || entry.each === undefined) return [];
  const { count } = entry.each;
  const { visit } = stateOf(call);
  const found: { instanceId: string; why: string }[] = [];
  for (let at = 0; at < count; at += limits.elementsAtOnceMax) {
    const page = Array.from({ length: Math.min(limits.elementsAtOnceMax, count - at) }, (_, offset) => at + offset);
    const looked = await settleAll(
      page.map(async (index) => {
        const last = await lastElement({ engine, instanceId }, entry, visit, index);
        const why = last === null ? undefined : await whyNot(call, last);
        return last === null || why === undefined ? [] : [{ instanceId: last.instanceId, why }];
      }),
    );
    found.push(...looked.flat());
  }
  return found;
};

/** What a run under load is failed for. Pure: `test/docs/load.test.ts` shows it each of these. */
import type { Held } from '../../test/chaos/worker.ts';

export type Run = {
  asked: { rate: number; instances: number };
  /** From the first start to the last end. */
  seconds: number;
  completed: number;
  /** Starts that had to wait, since too many others were not over. */
  late: number;
  /** By what was said; those of warming up are counted as well. */
  errors: Record<string, number>;
  /** What the service held; `null`: it is not ours to ask. */
  atStart: Held | null;
  atEnd: Held | null;
};

/** Of the rate that was asked for; the rest is what the last instances take. */
const rateHeldMin = 0.9;
/** What the service may hold more at the end than at the start: noise, and for each instance less than any record of it. */
const heapNoiseMb = 3;
const heapKbAnInstance = 0.5;
const handlesMax = 20;

export const problemsOf = ({ asked, seconds, completed, late, errors, atStart, atEnd }: Run): string[] => {
  const problems: string[] = [];
  const perSecond = completed / seconds;
  const failed = Object.values(errors).reduce((sum, count) => sum + count, 0);
  if (completed < asked.instances) problems.push(`${asked.instances - completed} did not complete`);
  if (failed > 0) problems.push(`${failed} errors: ${JSON.stringify(errors)}`);
  if (late > 0) problems.push(`the rate was not held: ${late} started late, since too many others were not over`);
  if (perSecond < asked.rate * rateHeldMin)
    problems.push(`the rate was not held: ${perSecond.toFixed(1)} a second completed, ${asked.rate} were asked for`);
  if (atStart === null || atEnd === null) return problems;
  const heapMaxMb = heapNoiseMb + (asked.instances * heapKbAnInstance) / 1_024;
  const [heapMb, handles] = [atEnd.heapMb - atStart.heapMb, atEnd.handles - atStart.handles];
  if (heapMb > heapMaxMb)
    problems.push(`its heap has grown by ${heapMb.toFixed(1)} MB, and ${heapMaxMb.toFixed(1)} are no leak`);
  if (handles > handlesMax) problems.push(`its open handles have grown by ${handles}, and ${handlesMax} are no leak`);
  return problems;
};

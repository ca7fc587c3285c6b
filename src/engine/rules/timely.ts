/** When a person may decide about a step that may still act. Pure. */
import assert from 'node:assert/strict';
import type { StepOf } from './going.ts';

/** @param deadlineAtMs until when the step that a person decides about may act; `null`: no person does, or it may not */
export const assertTimely = (
  { atMs, verdict, holderGone, overlapOk }: Pick<StepOf<'outcome'>, 'atMs' | 'verdict' | 'holderGone' | 'overlapOk'>,
  deadlineAtMs: number | null,
): void => {
  const isEarly = deadlineAtMs !== null && atMs < deadlineAtMs;
  assert(!isEarly || holderGone === true, 'before the deadline only where the process of the holder is gone');
  assert(holderGone === undefined || deadlineAtMs !== null, 'only a person decides before the deadline');
  assert(!isEarly || verdict !== 'retry' || overlapOk === true, 'another attempt may overlap with this one');
  assert(overlapOk === undefined || (holderGone === true && verdict === 'retry'), 'only another attempt can overlap');
};

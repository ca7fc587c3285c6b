/** What a cancellation, or a stop of what is at the end of a run, leaves: said behind what was done. */
import type { BodyOf } from '../../contract/index.ts';
import { stamp } from '../text.ts';

type Left = Pick<BodyOf<'cancel'>, 'mayStillRun' | 'elements' | 'unreached'>;

const elementsText = (count: number): string => (count === 1 ? '1 element' : `${count} elements`);

/** @returns nothing, or sentences with a blank before each */
export const leftText = ({ mayStillRun, elements, unreached }: Left): string => {
  const late = unreached.filter(({ why }) => why === 'late').length;
  const broken = unreached.flatMap(({ why, instanceId }) => (why === 'broken' ? [instanceId] : []));
  return [
    mayStillRun === null ? '' : ` ${mayStillRun.cell} may still run until ${stamp(mayStillRun.deadlineAtMs)}.`,
    elements.length === 0 ? '' : ` Steps in ${elementsText(elements.length)} of its sections may still run.`,
    late === 0 ? '' : ` Not told yet: ${elementsText(late)}; whoever looks at it next does that.`,
    broken.length === 0
      ? ''
      : ` Never told by itself, since the journal is broken: ${broken.join(', ')}. Restore it, or end it on its own page.`,
  ].join('');
};

/** The ways out of a step in doubt or halted, each with what follows from it: said before it is chosen. */
import type { Cell, Instance, Undecided } from '../api.ts';

type Verdict = 'succeeded' | 'failed' | 'retry' | 'skip';
export type Way = { id: string; verdict: Verdict; freshKey: boolean; title: string; follows: string };

type About = { instance: Instance; cell: Cell; undecided: Undecided };

/** Whether a run that completes or is cancelled has something for that, besides its way. */
const hasEnd = ({ cells }: Instance, as: 'completed' | 'cancelled'): boolean =>
  cells.some(
    ({ cleanup }) =>
      cleanup !== undefined &&
      'on' in cleanup &&
      (cleanup.on === 'always' || (cleanup.on === 'cancel' && as === 'cancelled')),
  );

/** Where a run is at its end, or will be once this is settled; `undefined`: its way goes on. */
const atEnd = ({ instance, cell }: About): string | undefined => {
  const { ending, owes, cancelled } = instance.head.state;
  if (ending?.stopped === true) return 'Its end was stopped: nothing of it runs after that.';
  if (ending !== undefined || cell.cleanup !== undefined) return 'What is left of the end of the run follows.';
  if (cancelled === null) return undefined;
  return owes !== undefined || hasEnd(instance, 'cancelled')
    ? 'The run is cancelled: nothing of its way runs after it, but what it has for that end.'
    : 'The run is cancelled: nothing of it runs after that.';
};

const goesOn = (about: About): string => {
  const { instance, cell } = about;
  const { cells, head } = instance;
  const end = atEnd(about);
  if (end !== undefined) return end;
  const next = cells[cells.findIndex(({ name }) => name === cell.name) + 1];
  if (next === undefined || next.cleanup !== undefined)
    return hasEnd(instance, 'completed')
      ? 'It was the last cell of the way: what the run has for its end follows.'
      : 'It was the last cell of the way: the run ends after it.';
  return head.state.drive === 'auto'
    ? `The run goes on with ${next.name}, by itself.`
    : `The run may go on with ${next.name}, once somebody advances it.`;
};

const failing = (about: About): string => {
  const { ifFailed, onFailure } = about.undecided;
  const { cancelled, ending } = about.instance.head.state;
  if (ending?.stopped === true || (cancelled !== null && ending === undefined)) return goesOn(about);
  if (ifFailed === 'retry') return 'Its runbook allows it another attempt: it is tried again by itself.';
  if (ifFailed === 'next') return `It is optional: ${goesOn(about)}`;
  if (onFailure === 'undo') return 'Then what the run did is taken back, the last first, by itself.';
  if (onFailure === 'end') return 'Then it ends failed.';
  return 'The run halts there: somebody decides what then.';
};

/** What asks or waits does nothing by itself: there is no key, and nothing that could happen twice. */
const asking: readonly string[] = ['manual', 'approve', 'await', 'wait'];

const again = ({ cell, undecided: { repeatable } }: About): Way[] => {
  const way = { id: 'retry', verdict: 'retry', freshKey: false } as const;
  if (repeatable === 'no') return [];
  if (repeatable === 'elements')
    return [
      {
        ...way,
        title: 'Again, what did not complete',
        follows: 'Its elements that did not complete are gone through again; those that completed are not.',
      },
    ];
  if (asking.includes(cell.body.kind))
    return [{ ...way, title: 'Ask once more', follows: `${cell.name} waits anew, as if it had not been answered.` }];
  const fresh: Way = {
    id: 'fresh',
    verdict: 'retry',
    freshKey: true,
    title: 'Run it once more, with a fresh key',
    follows: `${cell.name} runs as if it never had: also a target that knows the first key does it again.`,
  };
  if (repeatable === 'freshKey') return [fresh];
  const same: Way = {
    ...way,
    title: 'Run it once more, with the same key',
    follows: `${cell.name} runs again. Had it happened already, only a target that knows its key would notice: with any other, it happens twice.`,
  };
  return [same, fresh];
};

/** All that it does is committed with its outcome, and none stands: it has not happened, and cannot any more once its step is closed. */
export const isUncommittedIn = ({ head }: Instance, { body }: Cell): boolean =>
  body.kind === 'task' && body.effects === 'commit' && head.state.open !== null;

/** Those that the service takes. What it would refuse is not offered. */
export const waysOf = (about: About): Way[] => {
  const { instance, cell } = about;
  const isDoubt = instance.view.status !== 'halted';
  // Closing its step proves that it did not happen.
  const isUncommitted = isUncommittedIn(instance, cell);
  const plain = { freshKey: false } as const;
  const ways: Way[] = [];
  if (isDoubt)
    ways.push({
      ...plain,
      id: 'failed',
      verdict: 'failed',
      title: 'It did not happen',
      follows: `${cell.name} counts as failed. ${failing(about)}`,
    });
  ways.push(...again(about));
  // No verdict stands for votes.
  if (cell.body.kind === 'approve') return ways;
  const done: Way = {
    ...plain,
    id: 'succeeded',
    verdict: 'succeeded',
    title: isDoubt ? 'It happened' : 'It is done after all',
    follows: `${cell.name} counts as completed, and is not run again. ${goesOn(about)}`,
  };
  const skip: Way = {
    ...plain,
    id: 'skip',
    verdict: 'skip',
    title: 'Go on without it',
    follows: `${cell.name} is left as it is${isUncommitted ? '' : ', whether it happened or not'}. ${goesOn(about)}`,
  };
  return isUncommitted ? [...ways, skip] : [done, ...ways, skip];
};

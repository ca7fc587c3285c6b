/** The ways out of a step, each as the exact command: to be pasted, and given a reason. */

import { type HolderState, isChild, type Status, type Then } from '../engine/index.ts';
import type { ByItself } from './byItself.ts';
import { shellWord } from './shellWord.ts';

export type Way = { name: string; what: string; command: string };

/** Left open on purpose: pasted as it stands it is refused, since a reason is said in words. */
const because = '--reason "…"';

const advanceCommand = (instanceId: string): string => `pawl advance ${shellWord(instanceId)}`;
export const cancelCommand = (instanceId: string): string => `pawl cancel ${shellWord(instanceId)} ${because}`;
const undoCommand = (instanceId: string): string => `pawl undo ${shellWord(instanceId)} ${because}`;
/** @param seq of the newest entry, as it was seen */
export const stopCleanupCommand = (instanceId: string, seq: number): string =>
  `pawl cancel ${shellWord(instanceId)} --stop-cleanup --seq ${seq} ${because}`;
export const releaseCommand = (instanceId: string): string => `pawl release ${shellWord(instanceId)} ${because}`;
export const continueCommand = ({ runbookId, instanceId, cell }: Record<'runbookId' | 'instanceId' | 'cell', string>) =>
  `pawl start ${shellWord(runbookId)} --continue ${shellWord(instanceId)} --at ${cell} ${because}`;

const byPolicy = {
  retry: 'let it try again',
  continue: 'let it go on',
  probe: 'let the probe tell',
  close: 'let it be closed as failed',
  hold: null,
} as const;

/** What the ways out of a step depend on. */
export type Undecided = {
  instanceId: string;
  runbookId: string;
  cell: string;
  kind: string;
  seq: number;
  status: 'running' | 'in_doubt' | 'halted';
  cancelled: boolean;
  recorded: { status: Status } | null;
  declared: object | null;
  uncommitted: boolean;
  byItself: ByItself | null;
  setAside: string[];
  decidableAtMs: number | null;
  holderProcess: HolderState | null;
  repeatable: 'yes' | 'freshKey' | 'elements' | 'no';
  ifFailed: Then;
  /** What a known failure leads to by itself; `null`: a person is asked. */
  onFailure: 'undo' | 'end' | null;
  /** A person can give it up for its failure, and its runbook has something for that. */
  undoable: boolean;
  /** The way is over, and it is one of the cells that are gone through then: seq of the newest entry; else `null`. */
  atEndSeq: number | null;
};

const afterFailed = { retry: '; it is tried again by itself', next: '; goes on', halt: '', end: '' } as const;
const afterHalt = { undo: '; then what was done is taken back', end: '; then it ends failed' } as const;

/** What follows the verdict `failed`, said before it is given. */
export const leadsTo = ({ ifFailed, onFailure }: Pick<Undecided, 'ifFailed' | 'onFailure'>): string =>
  ifFailed === 'halt' && onFailure !== null ? afterHalt[onFailure] : afterFailed[ifFailed];

/** Those that the engine takes: what it would refuse, or what would only lead here again, is not offered. */
const verdicts = (step: Undecided): Way[] => {
  const { instanceId, kind, seq, status, cancelled, recorded, declared, uncommitted, repeatable, atEndSeq } = step;
  // What it has begun may still act: decided now, something would begin beside it. Whose process is gone need not be waited for.
  const isEarly = status === 'running' || step.decidableAtMs !== null;
  if (isEarly && step.holderProcess !== 'gone') return [];
  const doubt = status !== 'halted';
  const atOnce = isEarly ? ' --holder-gone' : '';
  const verdict = (name: string, what: string, flags: string): Way => {
    return { name, what, command: `pawl verdict ${shellWord(instanceId)} --seq ${seq} ${flags}${atOnce} ${because}` };
  };
  // No verdict stands for votes, nor for what is committed.
  const proven = kind === 'approve' || uncommitted;
  const isBranch = kind === 'branch';
  const done = isBranch ? 'go into its section' : 'it is done after all';
  const passing = isBranch ? 'pass over its section' : 'go on without it';
  const without = atEndSeq === null ? passing : 'leave it as it is, and go on';
  const ways: Way[] = [];
  if (!proven) ways.push(verdict('succeeded', doubt ? 'it happened' : done, '--succeeded'));
  if (recorded?.status !== 'failed' && declared === null) {
    const leads = cancelled ? '' : leadsTo(step);
    ways.push(verdict('failed', `${doubt ? 'it did not happen' : 'it failed'}${leads}`, '--failed'));
  }
  // Pasted after the holder was heard of all the same, it must not run again what is known to have happened.
  const retry = `${doubt ? '--in-doubt --retry' : '--retry'}${isEarly ? ' --overlap-ok' : ''}`;
  if (!cancelled && repeatable === 'yes') ways.push(verdict('retry', 'once more, same key', retry));
  if (!cancelled && repeatable === 'elements') ways.push(verdict('retry', 'again those that did not complete', retry));
  if (!cancelled && (repeatable === 'yes' || repeatable === 'freshKey'))
    ways.push(verdict('retryFreshKey', 'once more, fresh key', `${retry} --fresh-key`));
  if (kind !== 'approve') ways.push(verdict('skip', cancelled ? 'leave it at that' : without, '--skip'));
  return ways;
};

export const waysOut = (step: Undecided): Way[] => {
  const { instanceId, status, cancelled, recorded, byItself, setAside, atEndSeq } = step;
  // A step that is closed as `unknown` ends with its run: no verdict can be given afterwards.
  const what = isChild(instanceId) ? 'give this element up' : 'give the run up';
  const giveUp = status === 'in_doubt' && recorded !== null ? 'give up, undecided' : what;
  const cancel: Way =
    atEndSeq === null
      ? { name: 'cancel', what: giveUp, command: cancelCommand(instanceId) }
      : {
          name: 'stopCleanup',
          what: 'stop here, and leave the rest',
          command: stopCleanupCommand(instanceId, atEndSeq),
        };
  if (status === 'running') return [...verdicts(step), ...(cancelled ? [] : [cancel])];
  const ways: Way[] = [];
  if (setAside.length > 0) ways.push({ name: 'redrive', what: 'record what was set aside', command: 'pawl redrive' });
  const policy = byItself === null ? null : byPolicy[byItself.kind];
  if (policy !== null) ways.push({ name: 'advance', what: policy, command: advanceCommand(instanceId) });
  ways.push(...verdicts(step));
  if (cancelled) return ways;
  if (step.undoable) ways.push({ name: 'undo', what: 'take back what it did', command: undoCommand(instanceId) });
  ways.push(cancel);
  // Refused while a step is in doubt: the new run would repeat, or leave out, what is in doubt.
  if (status !== 'in_doubt' && atEndSeq === null && !isChild(instanceId))
    ways.push({ name: 'continue', what: 'in a fixed version', command: continueCommand(step) });
  return ways;
};

/** A step that is in doubt, under way or halted: what is known of it, and what a person can do, in words. */

import type { CellReport } from '../engine/index.ts';
import { closed } from '../engine/index.ts';
import type { Instance } from './client.ts';
import { printAhead } from './ending.ts';
import { duration, time } from './format.ts';
import { harmless, type Screen } from './screen.ts';
import { shellWord } from './shellWord.ts';
import type { Step } from './step.ts';
import { printExpectations, printStep, printWays } from './stepScreen.ts';

const whyHalted = ({ kind, declared, recorded }: Step, { state }: CellReport): string => {
  if (declared !== null) return `${harmless(declared.actor)} said that it failed: ${harmless(declared.reason)}`;
  const code = recorded?.error?.code;
  const done = state === 'completed' || state === 'completed, not as expected';
  if (kind === 'branch') return 'whether its section is to be gone through cannot be judged';
  if (code === 'output.invalid' && done) return 'it completed, and its output cannot be read';
  if (code === 'output.unkept') return `it ${done ? 'completed' : state}, and its output could not be kept`;
  if (done) return 'it completed, but not as expected';
  return `it ${state === 'halted' ? 'could not begin' : state}`;
};

/** Of a step whose effects are committed with its outcome. */
const nothingStands =
  'What it does is committed with its outcome, and none stands: it has not happened, and once its step is closed it cannot any more.';

const printCalledOff = ({ print }: Screen, { head }: Instance, step: Step, cancelled: string): void => {
  if (!step.cancelled) return;
  const after = head.state.owes === undefined ? 'nothing runs after it' : 'only what is at its end runs after it';
  const how = step.status === 'running' ? 'ends' : 'is decided';
  print(`${closed(`Cancelled${cancelled}`)} However it ${how}, ${after}.`);
};

export const explainDoubt = (screen: Screen, instance: Instance, step: Step, cancelled: string): void => {
  const { view, nowMs, ending } = instance;
  const { print, paint } = screen;
  const { cell, uncommitted } = step;
  print(
    paint(
      'warn',
      uncommitted
        ? `Not closed: the process of ${cell} is not heard of any more. ${nothingStands}`
        : `In doubt: it is unknown whether ${cell} happened. Nothing was repeated.`,
    ),
  );
  printStep(screen, step, nowMs);
  if (view.waitsFor !== null) print(paint('warn', `Its probe waits for ${harmless(view.waitsFor)}.`));
  printCalledOff(screen, instance, step, cancelled);
  if (ending?.stands === 'ahead' && step.onFailure !== null && step.ifFailed === 'halt') {
    print('Decided --failed, it is given up by itself:');
    printAhead(screen, ending);
  }
  const { decidableAtMs } = step;
  if (uncommitted && decidableAtMs === null) print('Next: one of:');
  else if (decidableAtMs === null)
    print(`Next: look at what ${step.cell} acts upon, then say what you found (--evidence TEXT keeps it):`);
  else if (step.holderProcess === 'gone')
    print(
      `Next: look at what ${step.cell} acts upon, and decide; from ${time(decidableAtMs)} on without --holder-gone:`,
    );
  else
    print(
      `Next: what it has begun may act until ${time(decidableAtMs)}, in ${duration(decidableAtMs - nowMs)}: look then, and decide. Until then:`,
    );
  printWays(screen, step);
};

export const explainRunning = (screen: Screen, instance: Instance, step: Step, cancelled: string): void => {
  const { view, nowMs } = instance;
  const { print, paint } = screen;
  const isGone = step.holderProcess === 'gone';
  const ended = `was being carried out when its process ended. ${step.uncommitted ? nothingStands : 'It may have happened.'}`;
  print(paint('warn', `In flight: ${step.cell} ${isGone ? ended : 'is being carried out.'}`));
  printStep(screen, step, nowMs);
  printCalledOff(screen, instance, step, cancelled);
  const id = shellWord(view.instanceId);
  const later = step.uncommitted ? 'closed by the next advance' : 'in doubt';
  const until = view.dueAtMs === null ? '' : ` If it is not heard of by ${time(view.dueAtMs)} it is ${later}.`;
  if (!isGone) return print(`Next: wait, and ask again: \`pawl status ${id}\`.${until}`);
  const wait = view.dueAtMs === null ? '' : `, or wait: from ${time(view.dueAtMs)} on it is ${later}`;
  print(`Next: ${step.uncommitted ? '' : `look at what ${step.cell} acts upon, and `}decide${wait}:`);
  printWays(screen, step);
};

export const explainHalted = (screen: Screen, { nowMs, ending }: Instance, step: Step, cell: CellReport): void => {
  const { print, paint } = screen;
  const why = whyHalted(step, cell);
  print(paint('bad', `Halted at ${step.cell}: ${closed(why)}`));
  printStep(screen, step, nowMs);
  printExpectations(screen, cell);
  if (ending?.stands === 'ahead' && step.undoable) {
    print('Given up for this failure, with `pawl undo`:');
    printAhead(screen, ending);
  }
  print(`Next: see \`pawl journal ${shellWord(step.instanceId)} --notes\`, mend the cause, then one of:`);
  printWays(screen, step);
};

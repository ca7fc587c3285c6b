/** Says in words where an instance stands, what is known about it, and what to do next. */
import { type CellReport, limits, type Stop } from '../engine/index.ts';
import type { Client, Instance } from './client.ts';
import { clock, duration, oneLine, plural, shellWord } from './format.ts';
import { harmless, type Screen } from './screen.ts';
import type { Session } from './session.ts';
import { openedBy, readStep, type Step } from './step.ts';
import { printFact, printStep, printWays } from './stepScreen.ts';
import { commandTyped } from './typed.ts';
import { explainWait } from './waits.ts';
import { cancelCommand, continueCommand, releaseCommand } from './ways.ts';

const printExpectations = (screen: Screen, { expectations, output, state }: CellReport): void => {
  for (const { source, result, message } of expectations) {
    if (result === 'pass' || result === 'skipped') continue;
    const why = result === 'error' ? `could not be evaluated: ${harmless(message ?? '')}` : 'does not hold';
    printFact(screen, 'expected', `${harmless(source)}: ${why}`);
  }
  if ((state === 'completed' || state === 'completed, not as expected') && output !== null)
    screen.print(`  output    ${oneLine(harmless(output), screen.width - 12)}`);
};

const whyHalted = ({ declared, recorded }: Step, { state }: CellReport): string => {
  if (declared !== null) return `${harmless(declared.actor)} said that it failed: ${harmless(declared.reason)}`;
  const code = recorded?.error?.code;
  const done = state === 'completed' || state === 'completed, not as expected';
  if (code === 'output.invalid' && done) return 'it completed, and its output cannot be read';
  if (code === 'output.unkept') return `it ${done ? 'completed' : state}, and its output could not be kept`;
  if (done) return 'it completed, but not as expected';
  return `it ${state === 'halted' ? 'could not begin' : state}`;
};

const cancelledBy = async (client: Client, { view, head }: Instance): Promise<string> => {
  const seq = head.state.cancelled;
  const entry = seq === null ? undefined : await client.entry(view.instanceId, seq);
  return entry?.kind === 'cancelled' ? ` by ${harmless(entry.by.actor)}: ${harmless(entry.reason)}` : '';
};

/** A step that was in doubt when the run ended: the truth is not in this journal, and no verdict can put it there. */
const printLeftInDoubt = async ({ screen, client }: Session, { view, head }: Instance): Promise<boolean> => {
  const { halted } = head.state;
  if (halted?.doubt !== true) return false;
  const { cell, seq } = halted;
  const { print, paint } = screen;
  const opening = await client.entry(view.instanceId, seq);
  print(paint('warn', `It is unknown whether ${cell} happened, and nothing can be decided here any more.`));
  const key = openedBy(opening)?.key;
  if (key !== undefined) printFact(screen, 'key', harmless(key));
  print(`Next: look at what ${cell} acts upon; its log: \`pawl journal ${shellWord(view.instanceId)} --notes\`.`);
  return true;
};

const explainCancelled = async (session: Session, instance: Instance): Promise<void> => {
  const { screen, client } = session;
  const { view } = instance;
  const who = await cancelledBy(client, instance);
  screen.print(screen.paint('bad', `Cancelled${who}${closed(who)} Nothing runs in it any more.`));
  if (await printLeftInDoubt(session, instance)) return;
  const cell = view.cell ?? instance.cells[instance.head.state.next]?.name;
  if (cell !== undefined)
    screen.print(`A fixed version can continue from it: \`${continueCommand({ ...view, cell })}\`.`);
};

const explainReady = ({ print }: Screen, { head, nowMs }: Instance, cell: CellReport, stop: Stop | undefined): void => {
  const id = shellWord(head.instanceId);
  const { state } = head;
  const untilMs = Math.max(state.dueAtMs ?? 0, stop?.result === 'deferred' ? stop.untilMs : 0);
  const when = untilMs > nowMs ? `, not before ${duration(untilMs - nowMs)} from now` : '';
  const tried = state.attempt > 0 ? ` again, attempt ${state.attempt + 1}` : '';
  print(`Next: ${cell.name}${tried}${when}: \`pawl advance ${id}\`, or \`--max-cells all\` for the rest.`);
};

const explainDoubt = (screen: Screen, { nowMs }: Instance, step: Step, cancelled: string): void => {
  const { print, paint } = screen;
  print(paint('warn', `In doubt: it is unknown whether ${step.cell} happened. Nothing was repeated.`));
  printStep(screen, step, nowMs);
  if (step.cancelled) print(`Cancelled${cancelled}${closed(cancelled)} However it is decided, nothing runs after it.`);
  const { decidableAtMs } = step;
  if (decidableAtMs === null)
    print(`Next: look at what ${step.cell} acts upon, then say what you found (--evidence TEXT keeps it):`);
  else
    print(
      `Next: what it has begun may act until ${clock(decidableAtMs)}, in ${duration(decidableAtMs - nowMs)}: look then, and decide. Until then:`,
    );
  printWays(screen, step);
};

const explainRunning = (screen: Screen, { view, nowMs }: Instance, step: Step): void => {
  const { print, paint } = screen;
  print(paint('warn', `In flight: ${step.cell} is being carried out.`));
  printStep(screen, step, nowMs);
  const id = shellWord(view.instanceId);
  const until = view.dueAtMs === null ? '' : ` If it is not heard of by ${clock(view.dueAtMs)} it is in doubt.`;
  print(`Next: wait, and ask again: \`pawl status ${id}\`.${until}`);
};

const explainHalted = (screen: Screen, { nowMs }: Instance, step: Step, cell: CellReport): void => {
  const { print, paint } = screen;
  const why = whyHalted(step, cell);
  print(paint('bad', `Halted at ${step.cell}: ${why}${closed(why)}`));
  printStep(screen, step, nowMs);
  printExpectations(screen, cell);
  print(`Next: see \`pawl journal ${shellWord(step.instanceId)} --notes\`, mend the cause, then one of:`);
  printWays(screen, step);
};

const explainHeld = ({ print, paint }: Screen, { view, head }: Instance, cell: CellReport): void => {
  print(
    paint(
      'bad',
      `Held before ${cell.name}: it began before the last restore from backup (its epoch is ${head.state.epoch}),`,
    ),
  );
  print('so its journal may have forgotten steps that ran.');
  print('Next: compare it with what the cells act upon, then let it go on, or give it up:');
  print(`  ${commandTyped(releaseCommand(view.instanceId))}`);
  print(`  ${commandTyped(cancelCommand(view.instanceId))}`);
};

const closed = (text: string): string => (/[.!?]$/.test(text) ? '' : '.');

/**
 * Says where an instance stands and what to do next.
 * @param stop how the call stopped, where one was made
 * @returns the step that is under way or needs a person, for the command's document
 */
export const explain = async (session: Session, instance: Instance, stop?: Stop): Promise<Step | undefined> => {
  const { screen, client } = session;
  const { view } = instance;
  const cell = instance.cells.find(({ name }) => name === view.cell);
  const { print, paint } = screen;
  if (view.status === 'completed') {
    print(paint('good', `Completed: ${plural(view.cells, 'cell')}.`));
    return undefined;
  }
  if (view.status === 'cancelled' || cell === undefined) {
    await explainCancelled(session, instance);
    return undefined;
  }
  const step = await readStep(session, view, { ...instance, status: view.status });
  if (step?.status === 'in_doubt') explainDoubt(screen, instance, step, await cancelledBy(client, instance));
  else if (step?.status === 'running') explainRunning(screen, instance, step);
  else if (step?.status === 'halted') explainHalted(screen, instance, step, cell);
  else if (instance.waits !== null) explainWait(screen, instance, instance.waits);
  else if (instance.held) explainHeld(screen, instance, cell);
  else if (stop?.result === 'halted' || instance.head.state.counters.attempts >= limits.attemptsPerInstanceMax) {
    print(paint('bad', `Halted at ${cell.name}: the instance has used up attemptsPerInstanceMax.`));
    print(`Next: \`${cancelCommand(view.instanceId)}\`, then \`${continueCommand({ ...view, cell: cell.name })}\`.`);
  } else explainReady(screen, instance, cell, stop);
  return step;
};

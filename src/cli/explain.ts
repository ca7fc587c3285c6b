/** Says in words where an instance stands, what is known about it, and what to do next. */
import {
  allCells,
  type CellReport,
  closed,
  goesByItself,
  isBound,
  isChild,
  limits,
  rootOf,
  type Stop,
  workerAt,
} from '../engine/index.ts';
import { askedFor } from './asked.ts';
import type { Client, Instance } from './client.ts';
import { continuedBy } from './continued.ts';
import { explainElsewhere } from './elsewhere.ts';
import { explainEnded, explainEnding, printAhead } from './ending.ts';
import { explainDoubt, explainHalted, explainRunning } from './explainStep.ts';
import { duration, plural, stamp } from './format.ts';
import { goneElements } from './goneElements.ts';
import { harmless, type Screen } from './screen.ts';
import type { Session } from './session.ts';
import { shellWord } from './shellWord.ts';
import { openedBy, readStep, type Step } from './step.ts';
import { printFact } from './stepScreen.ts';
import { commandTyped } from './typed.ts';
import { explainWait } from './waits.ts';
import { cancelCommand, continueCommand, releaseCommand } from './ways.ts';

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
  const who = await cancelledBy(client, instance);
  screen.print(screen.paint('bad', `${closed(`Cancelled${who}`)} Nothing runs in it any more.`));
  explainEnded(screen, instance);
  if (await printLeftInDoubt(session, instance)) return;
  await printContinue(session, instance);
};

/** From the first cell that was taken back, or where its way was over: what was taken back is not done. */
const printContinue = async ({ screen: { print }, client }: Session, instance: Instance): Promise<void> => {
  const { view, head, cells } = instance;
  if (isChild(view.instanceId)) return;
  const { ending, next } = head.state;
  const goneOn = await continuedBy(client, instance);
  if (goneOn !== undefined) {
    print(`It was continued as ${goneOn}: \`pawl status ${shellWord(goneOn)}\`.`);
    return;
  }
  const cell = cells.find(({ state }) => state === 'taken back') ?? cells[ending?.at ?? next];
  if (cell !== undefined && cell.cleanup === undefined)
    print(`A fixed version can continue from it: \`${continueCommand({ ...view, cell: cell.name })}\`.`);
};

const explainReady = (
  { print, paint }: Screen,
  { view, head, nowMs }: Instance,
  cell: CellReport,
  stop: Stop | undefined,
  isAway: boolean,
): void => {
  const id = shellWord(head.instanceId);
  if (view.waitsFor !== null && view.waitsFor !== workerAt(view.place))
    print(paint('warn', `It waits for ${harmless(view.waitsFor)}`));
  const { state } = head;
  const untilMs = Math.max(state.dueAtMs ?? 0, stop?.result === 'deferred' ? stop.untilMs : 0);
  const when = untilMs > nowMs ? `, not before ${duration(untilMs - nowMs)} from now${askedFor(cell.askedMs)}` : '';
  const tried = state.attempt > 0 ? ` again, attempt ${state.attempt + 1}` : '';
  const where = isAway || view.waitsFor === workerAt(view.place) ? `, at ${view.place}` : '';
  const root = rootOf(head.instanceId);
  const how =
    root === head.instanceId
      ? `\`pawl advance ${id}\`, or \`--max-cells all\` for the rest`
      : `\`pawl advance ${shellWord(root)} --max-cells all\`, which goes on with all elements`;
  print(`Next: ${cell.name}${tried}${where}${when}: ${how}.`);
  if (isAway) print(`This is another place: PAWL_PLACE=${view.place} says that this machine is it.`);
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

/** It belongs elsewhere, or something that it needs is not where it belongs. */
const explainPlace = (
  { print, paint }: Screen,
  { view, waits }: Instance,
  cell: CellReport,
  { place, missing }: { place: string; missing: string[] },
): void => {
  const again = `\`pawl advance ${shellWord(view.instanceId)} --max-cells all\``;
  if (missing.length === 0) {
    print(paint('warn', `Parked: ${cell.name} waits for a worker at ${place}. Nothing was reserved.`));
    print(`Next: ${again} at ${place} (PAWL_PLACE=${place} says that this machine is it).`);
    return;
  }
  print(paint('warn', `Parked: ${cell.name} waits for a worker at ${place} that has what is missing here:`));
  for (const one of missing) print(`  ${harmless(one)}`);
  if (waits !== null && waits.dueAtMs !== null) print(`Its time runs on, until ${stamp(waits.dueAtMs)}.`);
  print(`Next: once it is there, ${again}. No attempt was used.`);
};

/** What the next cell needs and this process has not, where an advance would run it in this process. */
const missingHere = async (session: Session, { view }: Instance): Promise<string[]> => {
  const { service, place } = session.settings;
  if (service !== null || view.place !== place || view.status !== 'ready') return [];
  const { runbook } = await session.client.runbook(view.runbookId, view.version);
  const needs = allCells(runbook.cells).find(({ name }) => name === view.cell)?.needs;
  return needs === undefined ? [] : await (await session.here()).here.missing(needs);
};

/**
 * Whether the next cell is left to the place of the store's schedule, which this process is not. On one machine that place has
 * nobody unless a service runs there, and nobody is told to wait for one.
 */
const isLeftToHome = async (session: Session, { view, head }: Instance): Promise<boolean> => {
  const { service, place } = session.settings;
  if (service !== null || view.place === place || view.status !== 'ready') return false;
  const { runbook } = await session.client.runbook(view.runbookId, view.version);
  const cell = allCells(runbook.cells).find(({ name }) => name === view.cell);
  return cell !== undefined && isBound(head.state, cell);
};

/** Its way is over, and what is at its end has not begun. */
const isOwed = ({ head: { state } }: Instance): boolean =>
  state.ended === null && state.owes !== undefined && state.open === null && state.halted?.doubt !== true;

const explainOwed = async ({ screen, client }: Session, instance: Instance): Promise<void> => {
  const { view, head } = instance;
  const who = head.state.cancelled === null ? 'The way is over' : `Cancelled${await cancelledBy(client, instance)}`;
  screen.print(screen.paint('warn', `${closed(who)} What is at its end has not begun:`));
  if (instance.ending !== null) printAhead(screen, instance.ending);
  const how = goesByItself(head.state) ? 'it begins by itself with the schedule of a service; without one, ' : '';
  screen.print(`Next: ${how}\`pawl advance ${shellWord(rootOf(view.instanceId))} --max-cells all\`.`);
};

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
    explainEnded(screen, instance);
    return undefined;
  }
  if (view.status === 'failed' || view.status === 'rolled_back') {
    explainEnded(screen, instance);
    await printContinue(session, instance);
    return undefined;
  }
  if (isOwed(instance)) {
    await explainOwed(session, instance);
    return undefined;
  }
  if (view.status === 'cancelled' || cell === undefined) {
    await explainCancelled(session, instance);
    return undefined;
  }
  if (instance.ending?.stands === 'under way') explainEnding(screen, instance, instance.ending);
  const waitsFor = stop !== undefined && 'waitsFor' in stop ? stop.waitsFor : undefined;
  const isHere = waitsFor !== undefined && (waitsFor.missing.length > 0 || instance.manned === null);
  if (waitsFor !== undefined && isHere && stop?.result === 'parked') {
    explainPlace(screen, instance, cell, waitsFor);
    return undefined;
  }
  const step = await readStep(session, view, { ...instance, status: view.status });
  if (step?.status === 'in_doubt') explainDoubt(screen, instance, step, await cancelledBy(client, instance));
  else if (step?.status === 'running') explainRunning(screen, instance, step, await cancelledBy(client, instance));
  else if (step?.status === 'halted') explainHalted(screen, instance, step, cell);
  else if (instance.manned !== null) explainElsewhere(screen, instance, instance.manned);
  else if (instance.waits !== null) {
    explainWait(screen, instance, instance.waits, await goneElements(client, instance.waits));
    const { cancelled, ending, owes } = instance.head.state;
    const after =
      owes === undefined ? '; it ends with its elements' : ' but what is at its end, once its elements have ended';
    const who = cancelled === null || ending !== undefined ? null : await cancelledBy(client, instance);
    if (who !== null) print(paint('bad', `${closed(`Cancelled${who}`)} Nothing further begins${after}.`));
  } else if (instance.held) explainHeld(screen, instance, cell);
  else if (stop?.result === 'halted' || instance.head.state.counters.attempts >= limits.attemptsPerInstanceMax) {
    print(paint('bad', `Halted at ${cell.name}: the instance has used up attemptsPerInstanceMax.`));
    print(`Next: \`${cancelCommand(view.instanceId)}\`, then \`${continueCommand({ ...view, cell: cell.name })}\`.`);
  } else {
    const missing = stop === undefined ? await missingHere(session, instance) : [];
    if (missing.length > 0) explainPlace(screen, instance, cell, { place: view.place, missing });
    else explainReady(screen, instance, cell, stop, stop === undefined && (await isLeftToHome(session, instance)));
  }
  return step;
};

/** Drives a watched run to its end, one cell a call, and answers what it waits for. */
import { isRunEnd } from '../engine/index.ts';
import { answerWait } from './answers.ts';
import type { NamedCell } from './levels.ts';
import { budgetMs, tester } from './process.ts';
import type { RunbookTest } from './report.ts';
import type { createRun, Track, Wanted } from './watched.ts';

const turnsMax = 100_000;

const answeredMax = 200;
const addAnswer = (track: Track, answer: string): void => {
  if (track.answer === null) track.answer = answer;
  else if (!track.answer.includes(answer) && track.answer.length < answeredMax) track.answer += `, ${answer}`;
};

type Turn = 'on' | Exclude<RunbookTest['result'], 'stopped'>;
type Driving = { run: ReturnType<typeof createRun>; cells: readonly NamedCell[]; wanted: Wanted };

/** Answers what a run waits for, or goes on with its elements, the first of them that can. */
const goOnWaiting = async (driving: Driving, instanceId: string): Promise<Turn> => {
  const { run, wanted } = driving;
  const found = await run.main.engine.inspect(instanceId, tester);
  if (found.waits?.kind === 'each') {
    let stuck: Turn = 'waiting';
    for (const element of found.waits.elements) {
      if (element.depth > 0 || element.status === 'not begun' || isRunEnd(element.status)) continue;
      const came = await turn(driving, element.instanceId);
      // One that has ended is seen by its parent.
      if (came === 'on' || isRunEnd(came)) return 'on';
      if (came !== 'waiting') stuck = came;
    }
    return stuck;
  }
  const named = found.view.cell === null ? undefined : run.namedOf({ instanceId, cell: found.view.cell });
  if (found.waits?.kind === 'await') for (const { claimId } of found.waits.claims) run.claimed.add(claimId);
  const answer = named && (await answerWait(run.main, instanceId, found, named, wanted));
  if (answer == null || named === undefined) return 'waiting';
  addAnswer(run.trackOf(named.name), answer);
  return 'on';
};

/** One call, which begins one cell at most, so that every crash is about one cell. */
const turn = async (driving: Driving, instanceId: string): Promise<Turn> => {
  const { engine, clock } = driving.run.main;
  const { stop, state, wrote, reserved } = await engine.advance(instanceId, { maxCells: 1, budgetMs, by: tester });
  if (isRunEnd(stop.result) || stop.result === 'halted') return stop.result;
  driving.run.next.set(instanceId, state.next);
  if (stop.result === 'deferred') clock.moveTo(stop.untilMs);
  if (stop.result === 'in_doubt') {
    if (stop.nextAtMs === null) return 'in_doubt';
    clock.moveTo(stop.nextAtMs);
  }
  if (stop.result === 'in_flight') clock.moveTo(stop.holder.deadlineAtMs + 60_000);
  // A call that used up its cell on the way there has not looked whether more may begin.
  if (wrote || reserved > 0) return 'on';
  return stop.result === 'parked' ? await goOnWaiting(driving, instanceId) : 'on';
};

/** Drives the run to its end. */
export const drive = async (driving: Driving, instanceId: string): Promise<RunbookTest['result']> => {
  const { run, cells, wanted } = driving;
  // Behind the section, or the run, in which it is.
  const stopAt = cells.find(({ name }) => name === wanted.cell)?.top;
  for (let turns = 0; turns < turnsMax; turns += 1) {
    const came = await turn(driving, instanceId);
    if (isRunEnd(came)) return came;
    if (stopAt !== undefined && (run.next.get(instanceId) ?? 0) > stopAt) return 'stopped';
    if (came !== 'on') return came;
  }
  return 'waiting';
};

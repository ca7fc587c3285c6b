/**
 * Advancing an instance for a caller that waits for the answer. What fits into the time of a call is run here; what does
 * not is handed to `work` and followed in the journal, and after 25 s the answer is 202 and where to look. Where there is no
 * `work`, all of it runs here.
 */
import {
  type AdvanceAnswer,
  type AdvanceRequest,
  createFollower,
  heldBy,
  isPawlError,
  limits,
  PawlError,
  type Stop,
} from '../engine/index.ts';
import type { ApiCall, OperationDeps } from './apiDeps.ts';
import type { HandOver } from './events.ts';
import { pagesOf } from './reading.ts';

export type Wish = Pick<AdvanceRequest, 'cell' | 'expectedSeq' | 'drive'> & { maxCells: number };
export type Moved = { status: 200 | 202; answer: AdvanceAnswer; headers: Record<string, string> };

/** Milliseconds left in which cells may run: it answers in time, and what ran is recorded before the invocation ends. */
const budgetOf = (call: ApiCall): number =>
  call.isAsync ? 0 : Math.max(0, Math.min(call.answerLeftMs(), call.remainingMs() - limits.invocationEndMs));

/** Whether something of the call stands: then it was not for nothing, and its answer must not say so. */
const stands = ({ steps, wrote }: AdvanceAnswer): boolean => wrote || steps.length > 0;

/** Whether `work` can do it sooner than a caller that asks again: it has more time, and waits for short backoffs. */
const isForWork = (stop: Stop, nowMs: number): boolean => {
  if (stop.result !== 'deferred' || stop.why === 'store') return false;
  return stop.why === 'budget' || stop.untilMs - nowMs <= limits.backoffInWorkMsMax;
};

const refuseInFlight = (answer: AdvanceAnswer): void => {
  const { stop, view } = answer;
  if (stop.result !== 'in_flight' || stands(answer)) return;
  const { holder } = stop;
  const { instanceId } = view;
  const deadlineAt = new Date(holder.deadlineAtMs).toISOString();
  const message = `Cell ${holder.cell} of ${instanceId} is in flight: ${heldBy(holder)}. This call ran nothing and changed nothing; ask again later.`;
  throw new PawlError('step.inFlight', message, { instanceId, holder, ageMs: holder.ageMs, deadlineAt, view });
};

const locationOf = (instanceId: string): Record<string, string> => ({ location: `/instances/${instanceId}` });

/**
 * Nothing ran, and nothing does until its backoff is over, or until the step of another caller is that came in between after
 * this call had set the drive: 202, and when to ask again.
 */
const postponed = ({ stop, steps, view }: AdvanceAnswer, nowMs: number): Record<string, string> | undefined => {
  const untilMs =
    stop.result === 'deferred' ? stop.untilMs : stop.result === 'in_flight' ? stop.holder.deadlineAtMs : undefined;
  if (untilMs === undefined || steps.length > 0) return undefined;
  const seconds = Math.max(1, Math.ceil((untilMs - nowMs) / 1_000));
  return { ...locationOf(view.instanceId), 'retry-after': String(seconds) };
};

/** Looks until the call that was handed over is over, or was never to be, or this call has to answer. */
const followed = async (
  deps: OperationDeps,
  call: ApiCall,
  instanceId: string,
  from: { afterSeq: number; maxCells: number; cell: string | undefined },
): Promise<AdvanceAnswer | 'lost' | undefined> => {
  const isOurs = ({ where }: { where: string }): boolean => where.startsWith(`${call.by.where}+`);
  const readOn = createFollower(pagesOf(deps, instanceId), { ...from, isOurs });
  let pauseMs: number = limits.followPauseMs;
  while (call.answerLeftMs() > pauseMs) {
    await deps.clock.sleep(pauseMs);
    pauseMs = Math.min(2 * pauseMs, limits.followPauseMsMax);
    const seen = await readOn().catch((error: unknown) => {
      // It goes on, whether or not its caller can see it.
      if (!isPawlError(error, 'store.unavailable')) throw error;
      return undefined;
    });
    if (seen?.kind === 'over') return seen.answer;
    if (seen?.kind === 'lost') return 'lost';
  }
  return undefined;
};

const handedOver = (call: ApiCall, instanceId: string, { maxCells, cell }: Wish, seq: number): HandOver => ({
  instanceId,
  by: call.by,
  explicit: true,
  expectedSeq: seq,
  maxCells: Number.isFinite(maxCells) ? maxCells : 'all',
  ...(cell === undefined ? {} : { cell }),
});

/** What is moved: an instance that stands, or one that its first call starts. */
type What = { instanceId: string } | { start: Start };
type Start = (within: Pick<AdvanceRequest, 'budgetMs' | 'signal'>) => Promise<AdvanceAnswer>;

/** The answers of all calls of a move as one. */
const joined = (done: AdvanceAnswer | undefined, answer: AdvanceAnswer): AdvanceAnswer =>
  done === undefined
    ? answer
    : {
        ...answer,
        steps: [...done.steps, ...answer.steps],
        reserved: done.reserved + answer.reserved,
        wrote: done.wrote || answer.wrote,
      };

/**
 * @throws PawlError what `engine.advance` and `start` throw; `step.inFlight` when another holder's step is under way and
 *   nothing ran; `work.unavailable` when it could not be handed over and nothing ran
 */
export const move = async (deps: OperationDeps, call: ApiCall, what: What, asked: Wish): Promise<Moved> => {
  const { engine, clock, telemetry, handOver } = deps;
  const stopping = call.signal === undefined ? {} : { signal: call.signal };
  let next = what;
  let wish = asked;
  let done: AdvanceAnswer | undefined;
  for (;;) {
    const within = { ...stopping, budgetMs: budgetOf(call) };
    const mine = await ('start' in next
      ? next.start(within)
      : engine.advance(next.instanceId, { ...wish, ...within, by: call.by }));
    const { instanceId } = mine.view;
    next = { instanceId };
    telemetry.advanced(mine);
    const answer = joined(done, mine);
    refuseInFlight(answer);
    if (handOver === undefined || answer.reserved >= asked.maxCells || !isForWork(answer.stop, clock.nowMs())) {
      const headers = postponed(answer, clock.nowMs());
      return headers === undefined ? { status: 200, answer, headers: {} } : { status: 202, answer, headers };
    }
    const { seq } = answer.view;
    done = answer;
    // Once something of this call stands, what the caller has seen is behind it.
    const { expectedSeq, ...rest } = wish;
    wish = { ...rest, maxCells: asked.maxCells - answer.reserved, ...(expectedSeq === seq ? { expectedSeq } : {}) };
    if (!(await handOver(handedOver(call, instanceId, wish, seq)))) {
      if (answer.steps.length > 0) return { status: 200, answer, headers: {} };
      // It stands, and its drive with it: the schedule goes on with it.
      if (answer.wrote && answer.view.drive === 'auto') return { status: 202, answer, headers: locationOf(instanceId) };
      const message = `Nothing of ${instanceId} was begun: it could not be handed on to work. Ask again.`;
      throw new PawlError('work.unavailable', message, { instanceId, view: answer.view });
    }
    const later = { status: 202, answer, headers: locationOf(instanceId) } as const;
    if (call.isAsync) return later;
    const seen = await followed(deps, call, instanceId, { afterSeq: seq, maxCells: wish.maxCells, cell: wish.cell });
    if (seen === undefined) return later;
    if (seen !== 'lost') {
      const whole = joined(done, seen);
      refuseInFlight(whole);
      return { status: 200, answer: whole, headers: {} };
    }
    // Another caller was first, so nothing of it runs there: decided anew, like any lost slot.
  }
};

/**
 * Advances instances when no caller is waiting: what `api` and `tick` hand over, wakes whose time has come, and outcomes from
 * the failure queue. It goes on inside its one invocation and leaves the rest to the due mark; it never invokes itself.
 */
import type { Context } from 'aws-lambda';
import * as z from 'zod';
import {
  type By,
  type Clock,
  type Engine,
  errorCodes,
  isPawlError,
  limits,
  type Marks,
  readUnrecorded,
  type Views,
  wakeIdOf,
} from '../engine/index.ts';
import type { Heartbeats } from './apiDeps.ts';
import { type HandOver, type Look, look, type QueueEvent, type WorkEvent, workEvent } from './events.ts';
import { mannedFor } from './manned.ts';
import { loggable, type Telemetry } from './metrics.ts';
import { type Invoke, pipeline } from './pipeline.ts';

export type WorkDeps = {
  engine: Engine;
  clock: Clock;
  views: Pick<Views, 'get'>;
  marks: Pick<Marks, 'drop'>;
  workers: Heartbeats;
  telemetry: Telemetry;
};

const workAnswer = z.union([
  z.strictObject({ result: z.string(), seq: z.int().nullable() }),
  z.strictObject({ batchItemFailures: z.array(z.strictObject({ itemIdentifier: z.string() })) }),
]);
export type WorkAnswer = z.infer<typeof workAnswer>;

const budgetOf = (context: Context): number => Math.max(0, context.getRemainingTimeInMillis() - limits.invocationEndMs);

/** No caller waits for an answer: what cannot be any more is said in the log, and only what may succeed later fails. */
const refused = async (error: unknown, event: HandOver, deps: WorkDeps): Promise<WorkAnswer> => {
  const { telemetry, clock, marks } = deps;
  if (!isPawlError(error)) throw error;
  const { instanceId } = event;
  const { code } = error;
  if (code === 'instance.unknown') {
    // Armed by a start that never came to its first entry: looked after for an hour, then let go.
    const dropped = await marks.drop(instanceId, clock.nowMs() - limits.unstartedViewMs);
    telemetry.logger.info('unstarted', { instanceId, seq: null, cell: null, dropped });
    return { result: code, seq: null };
  }
  // Of a broken journal the view and an alarm tell; asking again at once would ring for nothing.
  // What a newer one wrote is left to that one.
  const isTold = code === 'outcome.unrecorded' || code === 'journal.broken' || code === 'journal.newer';
  if (errorCodes[code].status >= 500 && !isTold) throw error;
  telemetry.logger.info('not carried out', { instanceId, seq: null, cell: event.cell ?? null, ...loggable(error) });
  return { result: code, seq: null };
};

const advanceThroughBackoffs = async (event: HandOver, deps: WorkDeps, context: Context): Promise<WorkAnswer> => {
  const { engine, clock, telemetry } = deps;
  const { instanceId, explicit, cell } = event;
  // The entries of this invocation say by whom it was asked, and where both of them ran.
  const by: By = { ...event.by, where: `${event.by.where}+${context.awsRequestId}` };
  const one = cell === undefined ? {} : { cell };
  let left = event.maxCells === 'all' ? Number.POSITIVE_INFINITY : event.maxCells;
  let seen = event.expectedSeq;
  for (;;) {
    const answer = await engine.advance(instanceId, {
      explicit,
      maxCells: left,
      budgetMs: budgetOf(context),
      by,
      ...one,
      ...(seen === undefined ? {} : { expectedSeq: seen }),
    });
    telemetry.advanced(answer);
    const { stop, view, reserved, result } = answer;
    left -= reserved;
    seen = view.seq;
    const waitMs = stop.result === 'deferred' && stop.why === 'backoff' ? stop.untilMs - clock.nowMs() : undefined;
    const isShort = waitMs !== undefined && waitMs <= limits.backoffInWorkMsMax && waitMs < budgetOf(context);
    if (left < 1 || !isShort) {
      // No caller asks how a place is manned that it waits for now; the schedule has to know it, to say that it has nobody.
      await mannedFor(deps, view);
      return { result, seq: view.seq };
    }
    await clock.sleep(Math.max(0, waitMs));
    // What the schedule looks after has no waiting caller, and a wish whose head has moved is answered by `seq.stale`.
  }
};

/** A wake comes by a clock of its own: a moment early is waited for. */
const earlyMsMax = 5_000;

/**
 * Looks after an instance if nothing has happened in it since, or if it is due: what has happened may have been something
 * else, its drive for one. If not, another caller has been here since: one read, and no more.
 */
const lookAfter = async ({ look: instanceId, seq }: Look, deps: WorkDeps, context: Context): Promise<WorkAnswer> => {
  const { views, clock } = deps;
  const by: By = { actor: 'schedule', via: 'wake', where: 'queue' };
  const event = { instanceId, by, explicit: false, maxCells: 'all' } as const;
  if (seq !== undefined) {
    const answer = await handOverTaken({ ...event, expectedSeq: seq }, deps, context);
    if (!('result' in answer) || answer.result !== 'seq.stale') return answer;
  }
  const view = await views.get(instanceId);
  const earlyMs = (view?.dueAtMs ?? Number.POSITIVE_INFINITY) - clock.nowMs();
  if (earlyMs > earlyMsMax) return { result: 'not due', seq: view?.seq ?? null };
  if (earlyMs > 0) await clock.sleep(earlyMs);
  return await handOverTaken(event, deps, context);
};

/** Wakes all waiters of a claim, page by page. Interrupted, its mark stands, and the schedule asks again. */
const wakeAll = async (claimId: string, { engine, telemetry }: WorkDeps): Promise<WorkAnswer> => {
  const { woken } = await engine.wake(claimId);
  telemetry.logger.info('woken', { instanceId: wakeIdOf(claimId), seq: null, cell: null, woken });
  return { result: 'woken', seq: null };
};

/** A part of all journals, as far as there is time: the next day goes on with what is left. */
const sweepPart = async (shard: number, deps: WorkDeps, context: Context): Promise<WorkAnswer> => {
  const { engine, telemetry } = deps;
  const by: By = { actor: 'schedule', via: 'sweep', where: context.awsRequestId };
  const counts = { instances: 0, rebuilt: 0, whole: true };
  let after: string | undefined;
  do {
    if (budgetOf(context) === 0) {
      counts.whole = false;
      break;
    }
    const page = await engine.sweep(shard, by, after, (instanceId, error) => {
      telemetry.logger.error('not rebuilt', { instanceId, seq: null, cell: null, ...loggable(error) });
    });
    counts.instances += page.instances;
    counts.rebuilt += page.rebuilt.length;
    after = page.next ?? undefined;
  } while (after !== undefined);
  telemetry.logger.info('swept', { instanceId: null, seq: null, cell: null, shard, ...counts });
  return { result: 'swept', seq: null };
};

const redrive = async (body: string, { engine, telemetry }: WorkDeps, context: Context): Promise<void> => {
  const item = readUnrecorded(body);
  const { instanceId, about, outcome } = item;
  const by: By = { actor: 'redrive', via: 'work', where: context.awsRequestId };
  const { result } = await engine.redrive(item, by);
  telemetry.logger.info('redriven', { instanceId, seq: about, cell: outcome.cell, result });
};

/** What a message of the wakes' queue asks for. */
const lookOf = (body: string): Look | undefined => {
  try {
    const parsed = look.safeParse(JSON.parse(body));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
};

/** One message that cannot be recorded holds up none of the others; the queue brings it again, and at last keeps it aside. */
const messages = async ({ Records }: QueueEvent, deps: WorkDeps, context: Context): Promise<WorkAnswer> => {
  const failures: { itemIdentifier: string }[] = [];
  for (const { messageId, body } of Records) {
    const woken = lookOf(body);
    try {
      if (woken === undefined) await redrive(body, deps, context);
      else await lookAfter(woken, deps, context);
    } catch (error) {
      // A wake that comes to nothing is not repeated: the due mark stands behind it.
      if (woken === undefined) failures.push({ itemIdentifier: messageId });
      const about =
        woken === undefined ? { messageId } : { messageId, instanceId: woken.look, seq: woken.seq ?? null, cell: null };
      deps.telemetry.logger.error(woken === undefined ? 'not redriven' : 'not woken', { ...about, ...loggable(error) });
    }
  }
  return { batchItemFailures: failures };
};

const handOverTaken = async (event: HandOver, deps: WorkDeps, context: Context): Promise<WorkAnswer> => {
  deps.telemetry.logger.appendKeys({ instanceId: event.instanceId, seq: null, cell: event.cell ?? null });
  try {
    return await advanceThroughBackoffs(event, deps, context);
  } catch (error) {
    return await refused(error, event, deps);
  }
};

const handle = async (event: WorkEvent, deps: WorkDeps, context: Context): Promise<WorkAnswer> => {
  if ('Records' in event) return await messages(event, deps, context);
  if ('look' in event) return await lookAfter(event, deps, context);
  if ('wake' in event) return await wakeAll(event.wake, deps);
  if ('sweep' in event) return await sweepPart(event.sweep, deps, context);
  return await handOverTaken(event, deps, context);
};

export const createWork = (open: (telemetry: Telemetry) => WorkDeps): Invoke<WorkAnswer> =>
  pipeline({ schema: workEvent, open, handle });

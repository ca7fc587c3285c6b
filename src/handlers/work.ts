/**
 * Moves an instance on where nobody waits: what `api` and `tick` hand over, and outcomes from the failure queue. It goes
 * on inside its one invocation and leaves the rest to the due mark; it never invokes itself.
 */
import type { Context } from 'aws-lambda';
import * as z from 'zod';
import { type By, type Clock, type Engine, errorCodes, isPawlError, limits, readUnrecorded } from '../engine/index.ts';
import { openWorkDeps } from './deps.ts';
import { type HandOver, type QueueEvent, workEvent } from './events.ts';
import { type Telemetry, toldOf } from './metrics.ts';
import { type Invoke, pipeline } from './pipeline.ts';

export type WorkDeps = {
  engine: Engine;
  clock: Clock;
  /** Takes a view whose instance never started out of what is due. */
  dropView(instanceId: string, beforeMs: number): Promise<boolean>;
  telemetry: Telemetry;
};

export const workAnswer = z.union([
  z.strictObject({ result: z.string(), seq: z.int().nullable() }),
  z.strictObject({ batchItemFailures: z.array(z.strictObject({ itemIdentifier: z.string() })) }),
]);
export type WorkAnswer = z.infer<typeof workAnswer>;

const budgetOf = (context: Context): number => Math.max(0, context.getRemainingTimeInMillis() - limits.invocationEndMs);

/** Nobody waits for an answer: what cannot be any more is said in the log, and only what may succeed later fails. */
const refused = async (error: unknown, event: HandOver, deps: WorkDeps): Promise<WorkAnswer> => {
  const { telemetry, clock, dropView } = deps;
  if (!isPawlError(error)) throw error;
  const { instanceId } = event;
  const { code } = error;
  if (code === 'instance.unknown') {
    // Armed by a start that never came to its first entry: looked after for an hour, then let go.
    const dropped = await dropView(instanceId, clock.nowMs() - limits.unstartedViewMs);
    telemetry.logger.info('unstarted', { instanceId, seq: null, cell: null, dropped });
    return { result: code, seq: null };
  }
  if (errorCodes[code].status >= 500 && code !== 'outcome.unrecorded') throw error;
  telemetry.logger.info('not carried out', { instanceId, seq: null, cell: event.cell ?? null, ...toldOf(error) });
  return { result: code, seq: null };
};

const carryOn = async (event: HandOver, deps: WorkDeps, context: Context): Promise<WorkAnswer> => {
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
    if (left < 1 || !isShort) return { result, seq: view.seq };
    await clock.sleep(Math.max(0, waitMs));
    // What the schedule looks after waits for nobody, and a wish whose head has moved is answered by `seq.stale`.
  }
};

/** One message that cannot be recorded holds up none of the others; the queue brings it again, and at last keeps it aside. */
const redrive = async (
  { Records }: QueueEvent,
  { engine, telemetry }: WorkDeps,
  context: Context,
): Promise<WorkAnswer> => {
  const failures: { itemIdentifier: string }[] = [];
  for (const { messageId, body } of Records) {
    try {
      const item = readUnrecorded(body);
      const { instanceId, about, outcome } = item;
      const by: By = { actor: 'redrive', via: 'work', where: context.awsRequestId };
      const { result } = await engine.redrive(item, by);
      telemetry.logger.info('redriven', { instanceId, seq: about, cell: outcome.cell, result });
    } catch (error) {
      telemetry.logger.error('not redriven', { messageId, ...toldOf(error) });
      failures.push({ itemIdentifier: messageId });
    }
  }
  return { batchItemFailures: failures };
};

const handle = async (event: HandOver | QueueEvent, deps: WorkDeps, context: Context): Promise<WorkAnswer> => {
  if ('Records' in event) return await redrive(event, deps, context);
  deps.telemetry.logger.appendKeys({ instanceId: event.instanceId, seq: null, cell: event.cell ?? null });
  try {
    return await carryOn(event, deps, context);
  } catch (error) {
    return await refused(error, event, deps);
  }
};

export const createWork = (open: (telemetry: Telemetry) => WorkDeps): Invoke<WorkAnswer> =>
  pipeline({ schema: workEvent, open, handle });

export const handler = createWork(openWorkDeps);

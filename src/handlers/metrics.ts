/**
 * What the functions tell CloudWatch: log lines with instance, seq and cell, and metrics inside of log lines (EMF).
 * Of an event only what is listed here is logged: never parameters, outputs, messages of cells, or secrets.
 */
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import {
  type AdvanceAnswer,
  type EngineEvent,
  eventLevels,
  isPawlError,
  type Observe,
  type Unrecorded,
} from '../engine/index.ts';

export const metricNames = {
  /** By `result`, a second dimension. */
  advances: 'Advances',
  conflicts: 'Conflicts',
  cellTimeMs: 'CellTimeMs',
  inDoubt: 'InDoubt',
  outcomeUnrecorded: 'OutcomeUnrecorded',
  dueBacklog: 'DueBacklog',
  dueOldestAgeMs: 'DueOldestAgeMs',
  handOversFailed: 'HandOversFailed',
  journalAltered: 'JournalAltered',
  journalBroken: 'JournalBroken',
  placeUnmanned: 'PlaceUnmanned',
} as const;

/** The part of an unrecorded outcome that may stand in logs: enough to record how the step ended. */
const fallbackOf = (item: string): object => {
  const { about, token, outcome } = JSON.parse(item) as Unrecorded;
  const { visit, attempt, status, then, exitCode, durationMs, error } = outcome;
  return { about, token, visit, attempt, status, then, exitCode, durationMs, errorCode: error?.code ?? null };
};

/** Of an event only what is listed here. */
const detailsOf = (event: EngineEvent): object => {
  switch (event.kind) {
    case 'decided':
      return { branch: event.branch };
    case 'put.written':
    case 'put.conflict':
    case 'self_conflict':
      return { meant: event.meant, stands: event.stands, hash: event.hash };
    case 'poll.erring':
      return { times: event.times };
    case 'body.ended': {
      const { status, exitCode, durationMs, outputBytes } = event;
      return { status, exitCode, durationMs, outputBytes };
    }
    case 'output.unkept':
      return { bytes: event.bytes };
    case 'outcome.unrecorded':
      return fallbackOf(event.item);
    default:
      return {};
  }
};

const lineOf = (event: EngineEvent): Record<string, unknown> => ({
  instanceId: event.instanceId,
  seq: 'seq' in event ? event.seq : null,
  cell: ('cell' in event ? event.cell : null) ?? null,
  ...('cause' in event ? { code: event.cause.code, error: event.cause.message } : {}),
  ...detailsOf(event),
});

/** What may be said of an error: its code, and its message where it is one of ours, which never holds a payload. */
export const loggable = (error: unknown): Record<string, unknown> => {
  if (isPawlError(error)) {
    const { cause } = error;
    return { code: error.code, error: error.message, ...(cause instanceof Error ? { cause: cause.name } : {}) };
  }
  if (!(error instanceof Error)) return { code: 'internal' };
  // The first line of a stack is the message, which may hold anything.
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return { code: 'internal', error: error.name, stack: frames.map((line) => line.trim()).slice(0, 20) };
};

/** The seq and the cell that a refusal is about, as far as it says. */
export const placeOf = (error: unknown): { seq?: number; cell?: string } => {
  if (!isPawlError(error)) return {};
  const { view, seq, cell } = error.details as {
    view?: { seq?: unknown; cell?: unknown };
    seq?: unknown;
    cell?: unknown;
  };
  const [number, name] = [seq ?? view?.seq, cell ?? view?.cell];
  return {
    ...(typeof number === 'number' ? { seq: number } : {}),
    ...(typeof name === 'string' ? { cell: name } : {}),
  };
};

export type Telemetry = {
  logger: Logger;
  metrics: Metrics;
  observe: Observe;
  count(name: (typeof metricNames)[keyof typeof metricNames], value?: number): void;
  ms(name: (typeof metricNames)[keyof typeof metricNames], value: number): void;
  /** One call into an instance, however it was started. */
  advanced(answer: Pick<AdvanceAnswer, 'result' | 'steps' | 'view' | 'stop'>): void;
};

export const createTelemetry = (): Telemetry => {
  const logger = new Logger();
  const metrics = new Metrics();
  const count: Telemetry['count'] = (name, value = 1) => metrics.addMetric(name, MetricUnit.Count, value);
  const ms: Telemetry['ms'] = (name, value) => metrics.addMetric(name, MetricUnit.Milliseconds, value);

  const observe: Observe = (event) => {
    logger[eventLevels[event.kind]](event.kind, lineOf(event));
    if (event.kind === 'put.conflict') count(metricNames.conflicts);
    if (event.kind === 'instance.broken') count(metricNames.journalBroken);
    if (event.kind === 'outcome.unrecorded') count(metricNames.outcomeUnrecorded);
  };

  const advanced: Telemetry['advanced'] = ({ result, steps, view }) => {
    const { instanceId, seq, cell } = view;
    logger.info('advanced', { instanceId, seq, cell, result, steps: steps.length });
    const single = metrics.singleMetric();
    single.addDimension('result', result);
    single.addMetric(metricNames.advances, MetricUnit.Count, 1);
    for (const { durationMs } of steps) ms(metricNames.cellTimeMs, durationMs);
    if (result === 'in_doubt') count(metricNames.inDoubt);
  };

  return { logger, metrics, observe, count, ms, advanced };
};

/**
 * Runs the code of one cell, or one task of the deployment, each in a function of its own. No table, no queue, no right of its own: it is
 * told everything and says how it ended. What a task commits is part of that: whoever asked writes it, with the outcome.
 */
import type { Context } from 'aws-lambda';
import { type CellInput, type CellResult, type Execute, limits, without } from '../engine/index.ts';
import type { Telemetry } from './metrics.ts';
import { type Invoke, pipeline } from './pipeline.ts';
import { type CellAnswer, cellEvent, type Packed, pack, packed, shIsOff, taskEvent, unpack } from './remote.ts';

export type ExecuteTaskDeps = { execute: Execute; nowMs(): number; telemetry: Telemetry };
export type ExecuteCellDeps = ExecuteTaskDeps & { allowSh: boolean };
type Told = Omit<CellInput, 'signal' | 'log'>;

/** Kept of the invocation, to end the cell and to answer. */
const endMs = 5_000;

const never = (message: string): CellResult => ({ status: 'never', error: { code: 'cell.late', message } });

/**
 * An invocation may be delivered late. Only the caller's clock knows its deadline, and two clocks are never compared to
 * take anything over; here the comparison can only refuse. A whole time-out has to fit before deadline and least grace.
 */
const lateness = (timeoutMs: number, deadlineAtMs: number, nowMs: number, remainingMs: number): string | undefined => {
  if (nowMs + timeoutMs >= deadlineAtMs + limits.takeoverGraceMsMin)
    return 'It was delivered too late to begin before its deadline.';
  if (timeoutMs + endMs > remainingMs) return 'Its time-out does not fit into the invocation.';
  return undefined;
};

const fits = (answer: Packed): boolean => answer.gzip.length <= limits.remotePayloadBytesMax;

/** An output that cannot be carried back is cut like one that is too large to be kept; with it goes what would be committed. */
const carriedWithout = ({ result, log }: CellAnswer): Packed => {
  const whole = pack({ result, log });
  if (fits(whole)) return whole;
  const short: CellResult =
    result.commit === undefined
      ? { ...result }
      : {
          status: 'failed',
          error: { code: 'output.truncated', message: 'Its output is too large to be carried. Nothing was committed.' },
        };
  if (short.output !== undefined) {
    short.outputBytes ??= Buffer.byteLength(short.output);
    short.output = short.output.slice(0, limits.outputHeadBytesMax);
  }
  const cut = pack({ result: short, log });
  return fits(cut) ? cut : pack({ result: short, log: [] });
};

/** Of the files that it left so many as have room beside the rest, the first ones; the others are named. */
const carried = ({ result: { evidence, ...result }, log }: CellAnswer): Packed => {
  if (evidence === undefined) return carriedWithout({ result, log });
  for (let left = evidence; ; left = without(left, left.files.length - 1, 'carried')) {
    const answer = pack({ result: { ...result, evidence: left }, log });
    if (fits(answer)) return answer;
    if (left.files.length === 0) return carriedWithout({ result: { ...result, evidence: left }, log });
  }
};

const carryOut = async (input: Told, deps: ExecuteTaskDeps, context: Context): Promise<Packed> => {
  const { execute, nowMs, telemetry } = deps;
  const { instanceId, seq, cell, attempt, deadlineAtMs } = input.step;
  telemetry.logger.appendKeys({ instanceId, seq, cell });
  const log: CellAnswer['log'] = [];
  const late = lateness(input.timeoutMs, deadlineAtMs, nowMs(), context.getRemainingTimeInMillis());
  const result =
    late !== undefined
      ? never(late)
      : await execute({
          ...input,
          signal: new AbortController().signal,
          // It comes with the answer, whole: nothing is told before.
          log: (stream, text, glimpse) => void (glimpse === true || log.push({ stream, text })),
        });
  const { status, error } = result;
  telemetry.logger.info('executed', { attempt, status, errorCode: error?.code ?? null });
  return carried({ result, log });
};

const handle = async (event: Packed, deps: ExecuteCellDeps, context: Context): Promise<Packed> => {
  const input = cellEvent.parse(unpack(event));
  const { allowSh } = deps;
  const execute: Execute = input.body.kind === 'sh' && !allowSh ? async () => shIsOff : deps.execute;
  return await carryOut(input, { ...deps, execute }, context);
};

const handleTask = async (event: Packed, deps: ExecuteTaskDeps, context: Context): Promise<Packed> =>
  await carryOut(taskEvent.parse(unpack(event)), deps, context);

export const createExecuteCell = (open: (telemetry: Telemetry) => ExecuteCellDeps): Invoke<Packed> =>
  pipeline({ schema: packed, open, handle });

export const createExecuteTask = (open: (telemetry: Telemetry) => ExecuteTaskDeps): Invoke<Packed> =>
  pipeline({ schema: packed, open, handle: handleTask });

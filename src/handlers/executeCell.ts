/** Runs the code of one cell. No table, no queue, no right of its own: it is told everything and says how it ended. */
import type { Context } from 'aws-lambda';
import { type CellResult, type Execute, limits } from '../engine/index.ts';
import type { Telemetry } from './metrics.ts';
import { type Invoke, pipeline } from './pipeline.ts';
import { type CellAnswer, cellEvent, type Packed, pack, packed, shIsOff, unpack } from './remote.ts';

export type ExecuteCellDeps = { execute: Execute; allowSh: boolean; nowMs(): number; telemetry: Telemetry };

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

/** An output that cannot be carried back is cut like one that is too large to be kept. */
const carried = ({ result, log }: CellAnswer): Packed => {
  const whole = pack({ result, log });
  if (whole.gzip.length <= limits.remotePayloadBytesMax) return whole;
  const short = { ...result };
  if (short.output !== undefined) {
    short.outputBytes ??= Buffer.byteLength(short.output);
    short.output = short.output.slice(0, limits.outputHeadBytesMax);
  }
  const cut = pack({ result: short, log });
  return cut.gzip.length <= limits.remotePayloadBytesMax ? cut : pack({ result: short, log: [] });
};

const handle = async (event: Packed, deps: ExecuteCellDeps, context: Context): Promise<Packed> => {
  const { execute, allowSh, nowMs, telemetry } = deps;
  const input = cellEvent.parse(unpack(event));
  const { instanceId, seq, cell, attempt, deadlineAtMs } = input.step;
  telemetry.logger.appendKeys({ instanceId, seq, cell });
  const log: CellAnswer['log'] = [];
  const late = lateness(input.timeoutMs, deadlineAtMs, nowMs(), context.getRemainingTimeInMillis());
  const result =
    late !== undefined
      ? never(late)
      : input.body.kind === 'sh' && !allowSh
        ? shIsOff
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

export const createExecuteCell = (open: (telemetry: Telemetry) => ExecuteCellDeps): Invoke<Packed> =>
  pipeline({ schema: packed, open, handle });

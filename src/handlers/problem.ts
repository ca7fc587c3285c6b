/** Every refusal and every failure as RFC 9457 says it: `application/problem+json`, with Pawl's code and what else there is. */
import { STATUS_CODES } from 'node:http';
import { errorCodes, headOf, isPawlError, limits, PawlError } from '../engine/index.ts';

/** `page`: HTML for a person, in place of the body; `file`: bytes, of which the headers say all. */
export type Answer = {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
  page?: string;
  file?: Buffer;
};

/** A step under way may end well before its deadline, so a caller need not wait for that. */
const retryAfterMaxMs = 30_000;
const retryAfterMs = 2_000;

const numberAt = (value: unknown, name: string): number | undefined => {
  const found = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  return typeof found === 'number' ? found : undefined;
};

/** In how many seconds asking again may help: when the holder's time is over, or soon. */
const retryAfter = ({ code, details }: PawlError, nowMs: () => number): string | undefined => {
  if (errorCodes[code].fate !== 'later' || code === 'seq.stale') return undefined;
  const untilMs = numberAt(details, 'untilMs') ?? numberAt(details.holder, 'deadlineAtMs');
  const waitMs = untilMs === undefined ? retryAfterMs : Math.min(retryAfterMaxMs, untilMs - nowMs());
  return String(Math.max(1, Math.ceil(waitMs / 1_000)));
};

const headersOf = (error: PawlError, nowMs: () => number): Record<string, string> => {
  const after = retryAfter(error, nowMs);
  const { allowed, authenticate } = error.details;
  return {
    'content-type': 'application/problem+json',
    ...(after === undefined ? {} : { 'retry-after': after }),
    ...(error.code === 'method.refused' && Array.isArray(allowed) ? { allow: allowed.join(', ') } : {}),
    ...(error.code === 'actor.unknown' ? { 'www-authenticate': String(authenticate) } : {}),
  };
};

/** @param request names this request in the log */
export const problemOf = (error: unknown, request: string, nowMs: () => number): Answer => {
  // What is not a PawlError is a defect of ours, and its text may hold anything: the log has its name and its stack.
  const known = isPawlError(error)
    ? error
    : new PawlError('internal', `Internal error; search the log for request ${request}.`);
  const { code, message, details } = known;
  const { status } = errorCodes[code];
  // A request chooses what is wrong with it, and so how much there would be to say.
  const isShort = Buffer.byteLength(JSON.stringify(details)) <= limits.problemDetailsBytesMax;
  const body = {
    ...(isShort ? details : { limit: 'problemDetailsBytesMax' }),
    type: `urn:pawl:problem:${code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail: headOf(message, limits.problemDetailBytesMax),
    code,
    request,
  };
  return { status, body, headers: headersOf(known, nowMs) };
};

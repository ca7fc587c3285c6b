/** The HTTP API: find the route, know who acts and whether they may, read the input, carry out, answer. */
import type { Context } from 'aws-lambda';
import { findRoute, type OperationName, type Route, operations as table } from '../contract/index.ts';
import { type By, errorCodes, isPawlError, limits, PawlError, traceSchema } from '../engine/index.ts';
import { type Auth, actorOf, assertPermitted, assertShown, groupsOf, permissionsOf } from './actor.ts';
import type { ApiCall, ApiDeps } from './apiDeps.ts';
import { configPath, consoleConfig, isConsole } from './consoleFiles.ts';
import { type HttpEvent, httpEvent } from './events.ts';
import { refusedPage } from './linkPage.ts';
import type { Telemetry } from './metrics.ts';
import { operationOf } from './operations.ts';
import { type HttpResult, httpPipeline, type Invoke } from './pipeline.ts';
import type { Answer } from './problem.ts';
import { readInput } from './request.ts';

const byOf = (actor: string, { headers }: HttpEvent, { awsRequestId }: Context): By => {
  const trace = traceSchema.safeParse(headers.traceparent);
  return { actor, via: 'api', where: awsRequestId, ...(trace.success ? { trace: trace.data } : {}) };
};

const prefersAsync = ({ headers }: HttpEvent): boolean =>
  (headers.prefer ?? '').split(',').some((each) => each.trim().toLowerCase() === 'respond-async');

/** API Gateway sets the host itself; on the user's own machine it is what they typed, behind TLS or not. */
const originOf = (auth: Auth, { headers, requestContext }: HttpEvent): string => {
  if (auth === 'local')
    return headers.host === undefined
      ? ''
      : `${headers['x-forwarded-proto'] === 'https' ? 'https' : 'http'}://${headers.host}`;
  return requestContext.domainName ? `https://${requestContext.domainName}` : '';
};

const callOf = (by: By, event: HttpEvent, context: Context, deps: ApiDeps): ApiCall => {
  const beganMs = performance.now();
  const { auth, groupsClaim } = deps;
  return {
    by,
    groups: groupsOf(auth, groupsClaim, event),
    permissions: permissionsOf(auth, event),
    wantsPage: (event.headers.accept ?? '').includes('text/html'),
    hasConsole: deps.console !== undefined,
    origin: originOf(auth, event),
    isAsync: prefersAsync(event),
    answerLeftMs: () => deps.answerWithinMs - (performance.now() - beganMs),
    remainingMs: () => context.getRemainingTimeInMillis(),
  };
};

const refuseRoute = (allowed: string[], method: string, path: string): never => {
  const asked = `${method.slice(0, 10)} ${path.slice(0, 200)}`;
  if (allowed.length === 0) {
    throw new PawlError('route.unknown', `There is no ${asked}; see /openapi.json.`);
  }
  throw new PawlError('method.refused', `There is no ${asked}; this path has ${allowed.join(', ')}.`, { allowed });
};

/** What a log line says of the answer: where the instance stands, never what is in it. */
const standingOf = (body: unknown): { instanceId?: string; seq: number | null; cell: string | null } => {
  const { view } = (body ?? {}) as { view?: { instanceId: string; seq: number; cell: string | null } };
  return view === undefined
    ? { seq: null, cell: null }
    : { instanceId: view.instanceId, seq: view.seq, cell: view.cell };
};

/** A person who followed a link reads a page, whatever comes of it. */
const pageOnRefusal = async (name: OperationName, { wantsPage }: ApiCall, answer: Promise<Answer>): Promise<Answer> => {
  if (!wantsPage || (name !== 'link' && name !== 'useLink')) return await answer;
  try {
    return await answer;
  } catch (error) {
    // What failed for want of a store or by a defect of ours is told, and logged, as everywhere.
    if (!isPawlError(error) || errorCodes[error.code].status >= 500) throw error;
    return { status: errorCodes[error.code].status, body: { code: error.code }, page: refusedPage(error) };
  }
};

const assertFits = (answer: Answer): Answer => {
  const bytes = Buffer.byteLength(JSON.stringify(answer.page ?? JSON.stringify(answer.body)));
  if (bytes <= limits.answerBytesMax) return answer;
  const message = `The answer has ${bytes} bytes; answerBytesMax is ${limits.answerBytesMax}. What was asked for was done; read it in parts.`;
  throw new PawlError('limit.exceeded', message, { limit: 'answerBytesMax', bytes, max: limits.answerBytesMax });
};

const etagChars = 32;

/** When it was answered is nothing that has changed. */
const lastingOf = (body: unknown): unknown =>
  typeof body === 'object' && body !== null && 'nowMs' in body ? { ...body, nowMs: 0 } : body;

/** What is asked for again and again, and has not changed, is not sent again: it was read all the same. */
const taggedFor = ({ headers }: HttpEvent, { sha256 }: ApiDeps, answer: Answer): Answer => {
  if (answer.status !== 200) return answer;
  const etag = `"${sha256(JSON.stringify(lastingOf(answer.body))).slice(0, etagChars)}"`;
  const known = (headers['if-none-match'] ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''));
  if (known.includes(etag)) return { status: 304, body: null, headers: { etag } };
  return { ...answer, headers: { ...answer.headers, etag } };
};

/** Files for everybody, and nothing but files: a path of theirs is no operation's, whoever asks. */
const consoleAnswer = async ({ rawPath: path, headers, requestContext }: HttpEvent, deps: ApiDeps): Promise<Answer> => {
  const { method } = requestContext.http;
  if (deps.console === undefined || deps.console === 'before') return refuseRoute([], method, path);
  if (method !== 'GET') return refuseRoute(['GET'], method, path);
  const { signIn, files } = deps.console;
  const file = path === configPath ? consoleConfig(signIn) : await files({ path, headers });
  if (file === undefined) throw new PawlError('route.unknown', 'The console has no such file: load the page anew.');
  const { status, body, headers: told } = file;
  deps.telemetry.logger.info('answered', { actor: 'nobody', status });
  return { status, body: null, headers: told, file: body };
};

const handle = async (event: HttpEvent, deps: ApiDeps, context: Context): Promise<Answer> => {
  const { logger } = deps.telemetry;
  const { method } = event.requestContext.http;
  if (isConsole(event.rawPath)) {
    logger.appendKeys({ operation: 'console' });
    return await consoleAnswer(event, deps);
  }
  const found = findRoute(method, event.rawPath);
  if ('allowed' in found) return refuseRoute(found.allowed, method, event.rawPath);
  const route: Route = table[found.name];
  const { instanceId = null, cell = null } = found.pathParameters;
  logger.appendKeys({ operation: found.name, instanceId, seq: null, cell });
  const actor = route.permission === null ? 'nobody' : actorOf(deps.auth, event);
  if (route.permission !== null) {
    // First: what the other one may not do is nothing that was asked of them.
    assertShown(actor, event);
    assertPermitted(permissionsOf(deps.auth, event), route.permission, actor);
  }
  const input = readInput(route, found.pathParameters, event);
  const call = callOf(byOf(actor, event, context), event, context, deps);
  const whole = assertFits(await pageOnRefusal(found.name, call, operationOf(found.name)(deps, input, call)));
  const answer = route.tagged ? taggedFor(event, deps, whole) : whole;
  logger.info('answered', { actor, status: answer.status, ...standingOf(answer.body) });
  return answer;
};

export const createApi = (open: (telemetry: Telemetry) => ApiDeps): Invoke<HttpResult> =>
  httpPipeline({ schema: httpEvent, open, handle, nowMs: (deps) => deps?.clock.nowMs() ?? 0 });

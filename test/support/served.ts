/** The handlers of `api`, `work` and `tick` behind HTTP in this process, on a store and with cells that are given. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Context } from 'aws-lambda';
import { authoring } from '../../src/authoring/index.ts';
import type { Clock, Execute, Ports } from '../../src/engine/index.ts';
import { createApi } from '../../src/handlers/api.ts';
import type { ApiDeps } from '../../src/handlers/apiDeps.ts';
import { isConsole } from '../../src/handlers/consoleFiles.ts';
import type { WorkRequest } from '../../src/handlers/events.ts';
import type { Telemetry } from '../../src/handlers/metrics.ts';
import { createTick } from '../../src/handlers/tick.ts';
import { createWork } from '../../src/handlers/work.ts';
import { type Store, sha256, systemRandom } from '../../src/store/index.ts';
import { engineOn } from './engine.ts';

export type Serving = {
  store: Store;
  clock: Clock;
  execute: Execute;
  deployment: Ports['deployment'];
  /** Time of an invocation of `work`. Whom a dead one held is due again after it. */
  workMs: number;
  /** How people sign in, and the page; by default whoever asks says who they are, and there is none. */
  door?: Pick<ApiDeps, 'auth' | 'console'>;
  /**
   * What stands before the functions, as API Gateway does: the claims of whoever asks. `undefined`: nobody, who is answered
   * 401. Not asked for routes that have no authorizer.
   */
  authorize?(authorization: string | undefined): Promise<Record<string, string> | undefined>;
  /** What else is answered, by path. */
  others?: Record<string, () => unknown>;
};

/** Nobody reads what the functions log. Before `serve`, in a process that does nothing else. */
export const beSilent = (): void => {
  process.env.POWERTOOLS_METRICS_NAMESPACE = 'Pawl';
  process.env.POWERTOOLS_SERVICE_NAME = 'served';
  for (const stream of [process.stdout, process.stderr]) stream.write = (() => true) as typeof stream.write;
  for (const name of ['log', 'info', 'warn', 'error', 'debug'] as const) console[name] = () => {};
};

let requests = 0;
const contextOf = (remainingMs: number): Context => {
  requests += 1;
  const endMs = performance.now() + remainingMs;
  const awsRequestId = `${process.pid}-${requests}`;
  return { awsRequestId, functionName: 'served', getRemainingTimeInMillis: () => endMs - performance.now() } as Context;
};

/** @returns its port on 127.0.0.1 */
export const serve = async (serving: Serving): Promise<number> => {
  const { store, clock, execute, deployment, workMs, others = {}, door = { auth: 'local' }, authorize } = serving;
  const engineOf = ({ observe }: Telemetry) =>
    engineOn(store, { authoring, execute, deployment, sha256, random: systemRandom, observe });
  const handOver = async (event: WorkRequest): Promise<boolean> => {
    void work(event, contextOf(workMs)).catch(() => undefined);
    return true;
  };
  const api = createApi((telemetry) => ({
    engine: engineOf(telemetry),
    runbooks: store.versions,
    workers: store.workers,
    pace: store.pace,
    authoring,
    clock,
    sha256,
    ...door,
    groupsClaim: 'cognito:groups',
    deployment,
    telemetry,
    answerWithinMs: 25_000,
    handOver,
  }));
  const work = createWork((telemetry) => ({
    engine: engineOf(telemetry),
    clock,
    views: store.views,
    marks: store.marks,
    workers: store.workers,
    telemetry,
  }));
  const tick = createTick((telemetry) => ({
    nowMs: async () => {
      await store.marks.due(0, 'local', 15);
      return clock.nowMs();
    },
    due: store.marks.due,
    places: ['local'],
    home: 'local',
    handOver,
    fraction: systemRandom.fraction,
    telemetry,
  }));

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const { pathname, search } = new URL(request.url ?? '/', 'http://served');
      const other = others[pathname];
      if (other !== undefined) return void response.end(JSON.stringify(other()));
      if (pathname === '/tick') {
        const answer = await tick({}, contextOf(50_000)).catch((error: unknown) => ({ error: String(error) }));
        return void response.end(JSON.stringify(answer));
      }
      const body = Buffer.concat(chunks).toString();
      const isFree = isConsole(pathname) || pathname === '/health' || pathname.startsWith('/links/');
      const claims = authorize === undefined || isFree ? {} : await authorize(request.headers.authorization);
      if (claims === undefined) {
        response.writeHead(401, { 'content-type': 'application/json' });
        return void response.end(JSON.stringify({ message: 'Unauthorized' }));
      }
      const answer = await api(
        {
          version: '2.0',
          rawPath: pathname,
          rawQueryString: search.slice(1),
          headers: request.headers as Record<string, string>,
          requestContext: { http: { method: request.method ?? 'GET' }, authorizer: { jwt: { claims } } },
          ...(body === '' ? {} : { body }),
          isBase64Encoded: false,
        },
        contextOf(75_000),
      );
      response.writeHead(answer.statusCode, answer.headers);
      response.end(Buffer.from(answer.body, answer.isBase64Encoded ? 'base64' : 'utf8'));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
};

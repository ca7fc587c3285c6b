/**
 * The service in a process that dies at any moment: the handlers of `api`, `work` and `tick` behind HTTP, on real tables,
 * with real cells. Its argument is a `WorkerOptions` as JSON. It tells its parent when a cell begins and ends, so that the
 * parent can kill it in between, and ends with its parent.
 */
import { createServer } from 'node:http';
import module from 'node:module';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Context } from 'aws-lambda';
import { authoring } from '../../src/authoring/index.ts';
import { createExecute } from '../../src/cells/index.ts';
import type { Execute } from '../../src/engine/index.ts';
import { createApi } from '../../src/handlers/api.ts';
import type { Asked } from '../../src/handlers/events.ts';
import type { Telemetry } from '../../src/handlers/metrics.ts';
import { createTick } from '../../src/handlers/tick.ts';
import { createWork } from '../../src/handlers/work.ts';
import { createClient, createStore, sha256, systemRandom } from '../../src/store/index.ts';
import { engineOn } from '../support/engine.ts';
import { stepOf } from './steps.ts';

export type WorkerOptions = {
  endpoint: string;
  prefix: string;
  graceMs: number;
  httpAllow: string[];
  /** Time of an invocation of `work`. Whom a dead one held is due again after it. */
  workMs: number;
};
const { endpoint, prefix, graceMs, httpAllow, workMs }: WorkerOptions = JSON.parse(process.argv[2] ?? '');
const { client, clock } = createClient({ endpoint });
const store = createStore(client, { tablesPrefix: prefix, clock });
const deployment = { name: 'chaos', epoch: 0, takeoverGraceMs: graceMs };

const really = createExecute({ httpAllow });
const execute: Execute = async (input) => {
  const { body, step } = input;
  process.send?.({ begins: stepOf(step.instanceId, step.seq) });
  // For the witness: by which reservation it comes.
  const marked = body.kind === 'http' ? { ...body, headers: [...body.headers, ['x-seq', String(step.seq)]] } : body;
  try {
    return await really({ ...input, body: marked as typeof body });
  } finally {
    process.send?.({ ends: true });
  }
};

process.env.POWERTOOLS_METRICS_NAMESPACE = 'Pawl';
process.env.POWERTOOLS_SERVICE_NAME = 'chaos';
/** Nobody reads what the functions log. */
for (const stream of [process.stdout, process.stderr]) stream.write = (() => true) as typeof stream.write;
for (const name of ['log', 'info', 'warn', 'error', 'debug'] as const) console[name] = () => {};

let requests = 0;
const contextOf = (remainingMs: number): Context => {
  requests += 1;
  const endMs = performance.now() + remainingMs;
  const awsRequestId = `${process.pid}-${requests}`;
  return { awsRequestId, functionName: 'chaos', getRemainingTimeInMillis: () => endMs - performance.now() } as Context;
};

const engineOf = (telemetry: Telemetry) =>
  engineOn(store, { authoring, execute, deployment, sha256, random: systemRandom, observe: telemetry.observe });
const handOver = async (event: Asked): Promise<boolean> => {
  void work(event, contextOf(workMs)).catch(() => undefined);
  return true;
};
const api = createApi((telemetry) => ({
  engine: engineOf(telemetry),
  runbooks: store.versions,
  authoring,
  clock,
  sha256,
  auth: 'local',
  groupsClaim: 'cognito:groups',
  deployment,
  telemetry,
  answerWithinMs: 25_000,
  handOver,
}));
const work = createWork((telemetry) => ({ engine: engineOf(telemetry), clock, views: store.views, telemetry }));
const tick = createTick((telemetry) => ({
  nowMs: async () => {
    await store.views.due(0, 15);
    return clock.nowMs();
  },
  due: store.views.due,
  handOver,
  fraction: systemRandom.fraction,
  telemetry,
}));

/** What this process holds: `heapMb` is what is left after a collection of garbage. */
export type Held = { heapMb: number; rssMb: number; handles: number };
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const held = (): Held => {
  collect();
  const { heapUsed, rss } = process.memoryUsage();
  const mb = (bytes: number): number => Number((bytes / 1_048_576).toFixed(1));
  return { heapMb: mb(heapUsed), rssMb: mb(rss), handles: process.getActiveResourcesInfo().length };
};

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', async () => {
    const { pathname, search } = new URL(request.url ?? '/', 'http://worker');
    if (pathname === '/held') return void response.end(JSON.stringify(held()));
    if (pathname === '/tick') {
      const answer = await tick({}, contextOf(50_000)).catch((error: unknown) => ({ error: String(error) }));
      return void response.end(JSON.stringify(answer));
    }
    const body = Buffer.concat(chunks).toString();
    const {
      statusCode,
      headers,
      body: said,
    } = await api(
      {
        version: '2.0',
        rawPath: pathname,
        rawQueryString: search.slice(1),
        headers: request.headers as Record<string, string>,
        requestContext: { http: { method: request.method ?? 'GET' } },
        ...(body === '' ? {} : { body }),
        isBase64Encoded: false,
      },
      contextOf(75_000),
    );
    response.writeHead(statusCode, headers);
    response.end(said);
  });
});
server.listen(0, '127.0.0.1', () => {
  // It will not end in a way that keeps what was compiled, and whoever takes its place starts sooner with it.
  module.flushCompileCache();
  process.send?.({ port: (server.address() as AddressInfo).port });
});
process.on('disconnect', () => process.exit(0));

/**
 * `npm run bench:load`: starts instances at a given rate for a given time, or so many in all, runs each to its end over
 * HTTP, and says what became of them, how long it took, and whether the service has grown. The service is the shipped
 * handlers behind HTTP in a process of its own, on DynamoDB Local; with --url any other.
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { createClient, createTables } from '../../src/store/dynamodb.ts';
import { spawnWorker } from '../../test/chaos/processes.ts';
import type { Held } from '../../test/chaos/worker.ts';
import { readOptions, refuse } from '../../test/support/options.ts';
import { startJar } from '../../test/support/servers.ts';
import { problemsOf } from './judgement.ts';

const help = `npm run bench:load -- [--rate N] [--seconds S | --instances N] [--cells N] [--url URL] [--json]

Starts N instances a second (20) for S seconds (30), or until so many were started, and runs each of N http cells (5) to
its end. Needs Java, unless --url names a running service; that one has to be allowed to reach 127.0.0.1 (PAWL_HTTP_ALLOW).
Ends with 0 if the rate was held, every instance completed and the service has not grown, else with 1.`;
const options = {
  rate: { type: 'string', default: '20' },
  seconds: { type: 'string' },
  instances: { type: 'string' },
  cells: { type: 'string', default: '5' },
  url: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;
const { values } = readOptions(help, { options });
const number = (name: 'rate' | 'seconds' | 'instances' | 'cells', text: string): number => {
  const value = Number(text);
  return Number.isSafeInteger(value) && value >= 1
    ? value
    : refuse(`--${name} is a whole number from 1 on, not ${text}`);
};
const rate = number('rate', values.rate);
const cells = number('cells', values.cells);
if (values.seconds !== undefined && values.instances !== undefined)
  refuse('--seconds and --instances both say when it is over: give one of them');
const total =
  values.instances === undefined
    ? rate * number('seconds', values.seconds ?? '30')
    : number('instances', values.instances);
/** More than this at once is not load any more but a queue of ours: a start waits, and is counted as late. */
const atOnceMax = 100;

const target = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    response.setHeader('content-type', 'application/json');
    response.end('{"ok":true}');
  });
});
await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
const targetHost = `127.0.0.1:${(target.address() as AddressInfo).port}`;

const openService = async (): Promise<{ url: string; held(): Promise<Held | null>; close(): Promise<void> }> => {
  if (values.url !== undefined)
    return { url: values.url.replace(/\/$/, ''), held: async () => null, close: async () => {} };
  const tables = await startJar();
  const { document } = createClient({ tablesPrefix: 'load', endpoint: tables.endpoint });
  await createTables(document, 'load');
  document.destroy();
  const worker = await spawnWorker({
    endpoint: tables.endpoint,
    prefix: 'load',
    graceMs: 15_000,
    httpAllow: [targetHost],
    workMs: 900_000,
  });
  const close = async (): Promise<void> => {
    worker.kill();
    await tables.stop();
  };
  // Whatever is kept for a while (sockets kept alive) is let go first.
  const held = async (): Promise<Held> => {
    await wait(6_000);
    return (await (await fetch(`${worker.url}/held`)).json()) as Held;
  };
  return { url: worker.url, held, close };
};

const service = await openService();
type Answer = { status: number; body: Record<string, unknown> };
const ask = async (method: string, path: string, body: unknown): Promise<Answer> => {
  const isText = typeof body === 'string';
  const response = await fetch(`${service.url}${path}`, {
    method,
    headers: { 'content-type': isText ? 'text/markdown' : 'application/json' },
    body: isText ? body : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

const document = `---\nrunbook: load\ntitle: Cells under load\n---\n${Array.from(
  { length: cells },
  (_, n) => `\`\`\`http { name=c${n} timeout=20s }\nPOST http://${targetHost}/\n\`\`\`\n`,
).join('')}`;
const published = await ask('PUT', '/runbooks/load', document).catch((error: unknown) =>
  refuse(`--url ${service.url} does not answer: ${(error as Error).message}`),
);
if (published.status > 201) throw new Error(JSON.stringify(published.body));

const latencies: number[] = [];
const errors = new Map<string, number>();
let completed = 0;
let late = 0;
const name = `load-${Date.now()}`;
const runOne = async (n: number): Promise<void> => {
  const instanceId = `${name}-${n}`;
  const beganMs = performance.now();
  try {
    const started = await ask('POST', '/runbooks/load/instances', { instanceId });
    if (started.status !== 201) throw new Error(String(started.body.code));
    for (;;) {
      const { status, body } = await ask('POST', `/instances/${instanceId}/advance`, { maxCells: 'all' });
      if (body.result === 'completed') break;
      // 202: it goes on behind the answer.
      if (status !== 202) throw new Error(String(body.code ?? body.result));
      await wait(500);
    }
    completed += 1;
    latencies.push(performance.now() - beganMs);
  } catch (error) {
    const { message } = error as Error;
    errors.set(message, (errors.get(message) ?? 0) + 1);
  }
};
const percentile = (of: number): number => {
  const sorted = latencies.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * of))] ?? 0);
};

// Caches and connection pools fill up before anything is compared.
const warmUp = 200;
await Promise.all(Array.from({ length: warmUp }, (_, n) => runOne(-1 - n)));
const atStart = await service.held();
completed = 0;
latencies.length = 0;

const beganMs = performance.now();
const under = new Set<Promise<void>>();
for (let n = 0; n < total; n += 1) {
  const dueMs = beganMs + (n / rate) * 1_000;
  await wait(Math.max(0, dueMs - performance.now()));
  if (under.size >= atOnceMax) {
    late += 1;
    await Promise.race(under);
  }
  const one = runOne(n).finally(() => under.delete(one));
  under.add(one);
  if ((n + 1) % 1_000 === 0 && !values.json) console.error(`${n + 1} of ${total} started, ${completed} completed`);
}
await Promise.all(under);
const seconds = (performance.now() - beganMs) / 1_000;
const atEnd = await service.held();
await service.close();
target.close();
target.closeAllConnections();

const run = { asked: { rate, instances: total, cells }, seconds, completed, late, errors: Object.fromEntries(errors) };
const problems = problemsOf({ ...run, atStart, atEnd });
const report = {
  ...run,
  seconds: Number(seconds.toFixed(1)),
  perSecond: Number((completed / seconds).toFixed(1)),
  latencyMs: { p50: percentile(0.5), p95: percentile(0.95), p99: percentile(0.99), max: percentile(1) },
  atStart,
  atEnd,
  problems,
};
if (values.json) console.log(JSON.stringify(report));
else {
  const { p50, p95, p99, max } = report.latencyMs;
  const told = (of: Held | null): string =>
    of === null ? 'not known' : `heap ${of.heapMb} MB, ${of.rssMb} MB resident, ${of.handles} open handles`;
  console.log(`${total} instances of ${cells} cells at ${rate} a second: ${completed} completed in ${seconds.toFixed(1)} s (${report.perSecond} a second), errors ${JSON.stringify(report.errors)}, ${late} started late
from the start to the end of a run: half within ${p50} ms, 95 % within ${p95}, 99 % within ${p99}, all within ${max}
what the service holds, after a collection of garbage: at the start ${told(atStart)}; at the end ${told(atEnd)}`);
  for (const problem of problems) console.error(`problem: ${problem}`);
}
process.exitCode = problems.length === 0 ? 0 : 1;

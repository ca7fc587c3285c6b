/** The functions in this process, on tables of their own, with cells that a test can hold, fail, or lose. */
import type { Context } from 'aws-lambda';
import { afterAll, beforeAll, beforeEach, vi } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import {
  type CellInput,
  type CellResult,
  createEngine,
  type Engine,
  type Execute,
  PawlError,
} from '../../src/engine/index.ts';
import type { Auth } from '../../src/handlers/actor.ts';
import { createApi } from '../../src/handlers/api.ts';
import type { ApiDeps } from '../../src/handlers/apiDeps.ts';
import type { WorkRequest as AskedOfWork, HandOver } from '../../src/handlers/events.ts';
import type { Telemetry } from '../../src/handlers/metrics.ts';
import type { HttpResult } from '../../src/handlers/pipeline.ts';
import { createTick } from '../../src/handlers/tick.ts';
import { createWork } from '../../src/handlers/work.ts';
import { sha256 } from '../../src/store/index.ts';
import { engineOn, portsOn } from '../support/engine.ts';
import { type FreshStore, freshStore } from '../support/world.ts';

process.env.POWERTOOLS_SERVICE_NAME = 'test';
process.env.POWERTOOLS_METRICS_NAMESPACE = 'Pawl';

export type Line = Record<string, unknown>;

/** Every line that a function writes while a test runs: log lines and metrics, as CloudWatch would get them. */
export const written: { lines: Line[]; text: string } = { lines: [], text: '' };

const take = (chunk: unknown): true => {
  const text = String(chunk);
  written.text += text;
  for (const line of text.split('\n')) if (line.startsWith('{')) written.lines.push(JSON.parse(line) as Line);
  return true;
};
const capture = (): void => {
  vi.spyOn(process.stdout, 'write').mockImplementation(take);
  vi.spyOn(process.stderr, 'write').mockImplementation(take);
  vi.spyOn(console, 'log').mockImplementation(take);
  vi.spyOn(console, 'warn').mockImplementation(take);
};
beforeAll(capture);
afterAll(() => void vi.restoreAllMocks());
beforeEach(() => {
  written.lines = [];
  written.text = '';
});

/** Values of a metric in the order they were written, with the dimensions they were written under. */
export const metricsIn = (lines: Line[], name: string): { value: unknown; result?: unknown }[] =>
  lines
    .filter((line) => '_aws' in line && name in line)
    .flatMap((line) => {
      const values = Array.isArray(line[name]) ? (line[name] as unknown[]) : [line[name]];
      return values.map((value) => (line.result === undefined ? { value } : { value, result: line.result }));
    });

export type Asked = {
  method?: string;
  path: string;
  query?: string;
  /** A text is sent as it is. */
  body?: unknown;
  headers?: Record<string, string>;
  authorizer?: unknown;
  base64?: boolean;
  remainingMs?: number;
};
/** `text`: the body as it was sent. */
export type Answered = { status: number; headers: Record<string, string>; body: Line; text: string };

let requests = 0;
export const contextOf = (remainingMs = 75_000): Context => {
  requests += 1;
  const endMs = performance.now() + remainingMs;
  return {
    awsRequestId: `request-${requests}`,
    functionName: 'pawl-test',
    functionVersion: '$LATEST',
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:123456789012:function:pawl-test',
    memoryLimitInMB: '1024',
    logGroupName: '',
    logStreamName: '',
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => endMs - performance.now(),
    done: () => {},
    fail: () => {},
    succeed: () => {},
  };
};

export const eventOf = ({ method = 'GET', path, query = '', body, headers = {}, authorizer, base64 }: Asked) => ({
  version: '2.0',
  routeKey: '$default',
  rawPath: path,
  rawQueryString: query,
  headers: {
    ...(body === undefined || 'content-type' in headers ? {} : { 'Content-Type': 'application/json' }),
    ...headers,
  },
  requestContext: { http: { method, path }, ...(authorizer === undefined ? {} : { authorizer }) },
  ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  isBase64Encoded: base64 ?? false,
});

export const answeredOf = ({ statusCode, headers, body, isBase64Encoded }: HttpResult): Answered => ({
  status: statusCode,
  headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
  // What comes as bytes is a file.
  body: (body === '' || isBase64Encoded ? {} : JSON.parse(body)) as Line,
  text: body,
});

export type Service = {
  world: FreshStore;
  /** What cells do; a test sets another. */
  cells: { execute: Execute; begun: string[] };
  /** What api and tick handed to work, in order. */
  handed: HandOver[];
  /** Whom the functions asked to be woken, in order. */
  wakes: { instanceId: string; atMs: number; seq?: number }[];
  /** Delivers what is handed over, as Lambda does: at once, and without anybody waiting. */
  deliver: { on: boolean; refuse: boolean };
  ask(asked: Asked): Promise<Answered>;
  work(event: unknown, remainingMs?: number): Promise<unknown>;
  tick(remainingMs?: number): Promise<unknown>;
  /** Until everything that was delivered is over. */
  settled(): Promise<void>;
  /** The same tables under other settings. */
  as(over: Partial<Pick<ApiDeps, 'auth' | 'console' | 'deployment' | 'answerWithinMs'>>): Service;
};

const done: CellResult = { status: 'completed', output: '{"a":1}' };

export const openService = async (over: { auth?: Auth; answerWithinMs?: number } = {}): Promise<Service> => {
  const world = await freshStore('dynamodb');
  const cells: Service['cells'] = { execute: async () => done, begun: [] };
  const build = (settings: Partial<Pick<ApiDeps, 'auth' | 'console' | 'deployment' | 'answerWithinMs'>>): Service => {
    const deployment = settings.deployment ?? { name: 'test', epoch: 0, takeoverGraceMs: 1_000 };
    const handed: HandOver[] = [];
    const wakes: Service['wakes'] = [];
    const running = new Set<Promise<unknown>>();
    const deliver: Service['deliver'] = { on: false, refuse: false };
    const execute: Execute = async (input: CellInput) => {
      cells.begun.push(input.step.cell);
      return await cells.execute(input);
    };
    const engineOf = (telemetry: Telemetry) =>
      createEngine(portsOn(world.store, { authoring, execute, deployment, observe: telemetry.observe, wakeAt }));
    const wakeAt = async (instanceId: string, atMs: number, seq?: number): Promise<void> =>
      void wakes.push({ instanceId, atMs, ...(seq === undefined ? {} : { seq }) });
    const handOver = async (event: AskedOfWork): Promise<boolean> => {
      // A quarter of an hour may begin in any test.
      if (!('sweep' in event)) handed.push(event as HandOver);
      if (deliver.refuse) return false;
      if (deliver.on) {
        const run = work(event, contextOf(900_000)).finally(() => running.delete(run));
        running.add(run);
      }
      return true;
    };
    const api = createApi((telemetry) => ({
      engine: engineOf(telemetry),
      runbooks: world.store.versions,
      workers: world.store.workers,
      pace: world.store.pace,
      authoring,
      clock: world.clock,
      sha256,
      auth: settings.auth ?? 'local',
      groupsClaim: 'cognito:groups',
      console: settings.console,
      deployment,
      telemetry,
      answerWithinMs: settings.answerWithinMs ?? 25_000,
      handOver,
    }));
    const work = createWork((telemetry) => ({
      engine: engineOf(telemetry),
      clock: world.clock,
      views: world.store.views,
      marks: world.store.marks,
      workers: world.store.workers,
      telemetry,
    }));
    const tick = createTick((telemetry) => ({
      nowMs: async () => world.clock.nowMs(),
      due: world.store.marks.due,
      places: ['local'],
      home: 'local',
      handOver,
      fraction: () => 0.5,
      telemetry,
    }));
    return {
      world,
      cells,
      handed,
      wakes,
      deliver,
      ask: async (asked) => answeredOf(await api(eventOf(asked), contextOf(asked.remainingMs))),
      work: (event, remainingMs = 900_000) => work(event, contextOf(remainingMs)),
      tick: (remainingMs = 50_000) => tick({ source: 'aws.events' }, contextOf(remainingMs)),
      settled: async () => {
        while (running.size > 0) await Promise.allSettled(running);
      },
      as: (more) => build({ ...settings, ...more }),
    };
  };
  return build(over);
};

/** A function that dies after its last entry: the view stays as it was, and the mark that it set stands. */
export const dyingBeforeItSaves = ({ store }: FreshStore): Engine => {
  const save = async (): Promise<never> => {
    throw new PawlError('store.unavailable', 'It died.');
  };
  return engineOn(store, { views: { ...store.views, save }, authoring });
};

/** What was recorded as `unknown` may act until its deadline: nobody decides before. */
export const untilDecidable = async (service: Service, instanceId: string): Promise<void> => {
  for (;;) {
    const { body } = await service.ask({ path: `/instances/${instanceId}` });
    const { decidableAtMs, nowMs } = body as { decidableAtMs: number; nowMs: number };
    if (decidableAtMs <= nowMs) return;
    await new Promise((resolve) => setTimeout(resolve, decidableAtMs - nowMs));
  }
};

/** A runbook of `ts` cells (the executor is the test's own), and whatever else is given as it is. */
export const documentOf = (runbookId: string, cells: string[], front = ''): string =>
  [
    '---',
    `runbook: ${runbookId}`,
    `title: ${runbookId}, a test`,
    'defaults: { timeout: 2s }',
    ...(front === '' ? [] : [front]),
    '---',
    `# ${runbookId}`,
    ...cells.map((cell) =>
      cell.includes('```') ? cell : ['```ts { ', cell, ' }\nexport default async () => ({ a: 1 });\n```'].join(''),
    ),
    '',
  ].join('\n');

export const publish = async (service: Service, source: string, headers = {}): Promise<Answered> => {
  const [, runbookId = ''] = /^runbook: (.*)$/m.exec(source) ?? [];
  return await service.ask({
    method: 'PUT',
    path: `/runbooks/${runbookId}`,
    body: source,
    headers: { 'content-type': 'text/markdown', ...headers },
  });
};

/** Starts an instance and gives its id. */
export const start = async (service: Service, runbookId: string, body: object = {}): Promise<string> => {
  const { body: answer, status } = await service.ask({
    method: 'POST',
    path: `/runbooks/${runbookId}/instances`,
    body,
  });
  if (status > 201) throw new Error(JSON.stringify(answer));
  return (answer.view as { instanceId: string }).instanceId;
};

/**
 * Runs real runbooks through the real handlers (`api`, `execute-cell`, `tick`), engine and store, and counts what each
 * part needs. Only API Gateway and Lambda are missing: their events are made here, and one handler calls the other.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Context } from 'aws-lambda';
import { authoring } from '../../src/authoring/index.ts';
import { createAws, createHttp, executeCode, parseAwsAllow, parseHttpAllow } from '../../src/cells/index.ts';
import { createEngine, type Execute } from '../../src/engine/index.ts';
import { createApi } from '../../src/handlers/api.ts';
import { createExecuteCell } from '../../src/handlers/executeCell.ts';
import { createRemote } from '../../src/handlers/remote.ts';
import { createTick } from '../../src/handlers/tick.ts';
import { canonical, type Store, sha256, systemRandom } from '../../src/store/index.ts';
import { nothing, plus, sum, times, type Use } from './prices.ts';

const kinds = ['js', 'http'] as const;
/** One call that runs everything, or one call for each cell. */
const shapes = ['one call', 'a call per cell'] as const;
type Kind = (typeof kinds)[number];
type Shape = (typeof shapes)[number];

export type Measured = { kind: Kind; shape: Shape; cells: number; start: Use; perCell: Use };
/** Runs of `js` cells whose outputs have about so many bytes each, alone. */
type Sized = {
  outputBytes: number;
  /** Start and run in one call: the whole of it. */
  whole: Use;
  /** One call that advances by one cell. */
  advance: Use;
};
export type Measurements = { runs: Measured[]; sized: Sized[]; page: Use; tick: Use };
const outputSizes = [25, 200, 800] as const;
/** Views in the page of a list that is measured, of as many instances. */
export const pageViews = 20;

type Tables = { document: DynamoDBDocumentClient; store: Store; prefix: string };

/** As a cell tells it: a deployment's id, a count, a moment. */
const output = { deployment: 'd-7Q2F', instances: 12, finishedAt: '2026-11-25T03:00:00Z' };
const arn = 'arn:aws:sts::111122223333:assumed-role/oncall/alice';
const deployment = { name: 'pawl-prod', epoch: 0, takeoverGraceMs: 15_000 };
const withinMs = 300_000;

/** Every cell tells a text of its own, and reads nothing. */
const sizedDocument = (outputBytes: number, cells: number): string => {
  const cell = (_: unknown, at: number): string =>
    `\`\`\`js { name=cell${at + 1} }\nexport default async () => '${'x'.repeat(outputBytes - 2)}';\n\`\`\`\n`;
  const head = `---\nrunbook: cost-${outputBytes}\ntitle: Outputs of ${outputBytes} bytes\ndefaults: { timeout: 20s }\n---\n`;
  return `${head}${Array.from({ length: cells }, cell).join('\n')}`;
};

/** Every cell after the first reads what the one before told. */
const documentOf = (kind: Kind, cells: number, base: string): string => {
  const cell = (_: unknown, at: number): string => {
    const name = `cell${at + 1}`;
    const before = at === 0 ? 'null' : `outputs.cell${at}`;
    if (kind === 'http') return `\`\`\`http { name=${name} }\nGET ${base}/deployments/${at}\n\`\`\`\n`;
    const code = `export default async ({ outputs }) => ({ ...${before}, ...${JSON.stringify(output)} });`;
    return `\`\`\`js { name=${name} }\n${code}\n\`\`\`\n`;
  };
  const head = `---\nrunbook: cost-${kind}\ntitle: What ${kind} cells cost\ndefaults: { timeout: 20s }\n---\n`;
  return `${head}${Array.from({ length: cells }, cell).join('\n')}`;
};

type Consumed = {
  TableName?: string;
  CapacityUnits?: number;
  Table?: { CapacityUnits?: number };
  GlobalSecondaryIndexes?: Record<string, { CapacityUnits?: number }>;
};

/** The meter of one client: everything that it asks for is added up, and told since the last time. */
const meter = ({ document, prefix }: Tables) => {
  let use = nothing;
  document.middlewareStack.add(
    (next, context) => async (args) => {
      Object.assign(args.input, { ReturnConsumedCapacity: 'INDEXES' });
      // A refused write is charged too, and says no units: nobody races here, so a run in which one came is no measurement.
      const result = await next(args);
      const told = (result.output as { ConsumedCapacity?: Consumed | Consumed[] }).ConsumedCapacity ?? {};
      // Of several items at once it is a list, one for each table: here always one.
      const consumed = Array.isArray(told) ? (told[0] ?? {}) : told;
      const { TableName = '', CapacityUnits = 0, Table, GlobalSecondaryIndexes = {} } = consumed;
      const table = TableName.slice(prefix.length + 1);
      const indexes = Object.entries(GlobalSecondaryIndexes).map(([name, index]) => [
        `${table}/${name}`,
        index.CapacityUnits ?? 0,
      ]);
      const byIndex: Record<string, number> = Object.fromEntries(indexes);
      const units = { [table]: Table?.CapacityUnits ?? CapacityUnits - sum(byIndex), ...byIndex };
      const used = Object.fromEntries(Object.entries(units).filter(([, count]) => count > 0));
      const way = /^(Put|Update)/.test(context.commandName ?? '') ? 'write' : 'read';
      use = plus(use, { ...nothing, requests: 1, [way]: used });
      return result;
    },
    { step: 'initialize', name: 'capacity', priority: 'low' },
  );
  return {
    add: (more: Partial<Use>): void => {
      use = plus(use, { ...nothing, ...more });
    },
    read: (): Use => {
      const told = use;
      use = nothing;
      return told;
    },
  };
};

/** What of it is in every line of a log, too. */
const contextOf = (name: string): Context =>
  ({
    awsRequestId: randomUUID(),
    functionName: `pawl-prod-${name}`,
    invokedFunctionArn: `arn:aws:lambda:us-east-1:111122223333:function:pawl-prod-${name}`,
    memoryLimitInMB: '1024',
    getRemainingTimeInMillis: () => withinMs,
  }) as unknown as Context;

const eventOf = (method: string, path: string, body: string, type: string, rawQueryString: string) => ({
  rawPath: path,
  rawQueryString,
  headers: { 'content-type': type },
  body,
  requestContext: { http: { method }, authorizer: { iam: { userArn: arn } } },
});

/** What functions print goes to their logs; here it is counted, and not shown. */
const countingOutput = async <T>(add: (bytes: number) => void, work: () => Promise<T>): Promise<T> => {
  const { stdout, stderr } = process;
  const kept = [stdout.write, stderr.write] as const;
  const count = (chunk: string | Uint8Array): true => {
    add(Buffer.byteLength(chunk));
    return true;
  };
  stdout.write = count as typeof stdout.write;
  stderr.write = count as typeof stderr.write;
  try {
    return await work();
  } finally {
    [stdout.write, stderr.write] = kept;
  }
};

/** `cells` in each run. The store is used by nobody else meanwhile. */
export const measure = async (tables: Tables, cells: number): Promise<Measurements> => {
  process.env.POWERTOOLS_SERVICE_NAME = 'pawl-prod';
  process.env.POWERTOOLS_METRICS_NAMESPACE = 'Pawl';
  const { store } = tables;
  const { clock, versions, marks, workers, pace } = store;
  const used = meter(tables);
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(output));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  const executeCell = createExecuteCell((telemetry) => ({
    execute: executeCode,
    allowSh: false,
    nowMs: Date.now,
    telemetry,
  }));
  const execute: Execute = createRemote({
    http: createHttp({ httpAllow: parseHttpAllow(host) }),
    aws: createAws(parseAwsAllow({})),
    allowSh: false,
    invoke: async (payload) => {
      used.add({ executions: 1 });
      return {
        kind: 'answer',
        payload: JSON.stringify(await executeCell(JSON.parse(payload), contextOf('execute-cell'))),
      };
    },
  });
  const refuseHandOver = async (): Promise<never> => {
    throw new Error('This machine is too slow for a measurement: a cell was to be handed over.');
  };
  const api = createApi((telemetry) => {
    const ports = { ...store, random: systemRandom, authoring, execute, sha256, canonical, setAside: refuseHandOver };
    const wakeAt = refuseHandOver;
    const here = { place: 'local', home: 'local', missing: async () => [] };
    return {
      engine: createEngine({ ...ports, here, wakeAt, deployment, observe: telemetry.observe }),
      runbooks: versions,
      workers,
      pace,
      authoring,
      clock,
      sha256,
      auth: 'iam',
      groupsClaim: 'cognito:groups',
      deployment,
      telemetry,
      answerWithinMs: withinMs,
      handOver: refuseHandOver,
    };
  });
  const tick = createTick((telemetry) => {
    // As openTickDeps does: the time is learnt from one query.
    const nowMs = async (): Promise<number> => {
      await marks.due(0, 'local', 15);
      return clock.nowMs();
    };
    // Every quarter of an hour it asks for a sweep, every five minutes who works where: neither is measured here.
    const handOver = async (event: object): Promise<boolean> => ('sweep' in event ? true : await refuseHandOver());
    return {
      nowMs,
      due: marks.due,
      places: ['local'],
      home: 'local',
      handOver,
      fraction: () => 0,
      telemetry,
    };
  });

  const ask = async (method: string, path: string, body: string, type = 'application/json', query = '') => {
    used.add({ calls: 1 });
    const answer = await api(eventOf(method, path, body, type, query), contextOf('api'));
    if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${answer.body}`);
    return JSON.parse(answer.body) as { result?: string };
  };
  const runOnce = async (kind: Kind, shape: Shape): Promise<Measured> => {
    const instanceId = `cost-${kind}.${shape.replaceAll(' ', '-')}`;
    used.read();
    await ask('POST', `/runbooks/cost-${kind}/instances`, JSON.stringify({ instanceId }));
    const start = used.read();
    let last: { result?: string } = {};
    if (shape === 'one call') last = await ask('POST', `/instances/${instanceId}/run`, '{}');
    else for (let at = 0; at < cells; at += 1) last = await ask('POST', `/instances/${instanceId}/advance`, '{}');
    if (last.result !== 'completed') throw new Error(`The run of ${instanceId} ended as ${last.result}.`);
    return { kind, shape, cells, start, perCell: times(used.read(), 1 / cells) };
  };

  const runSized = async (outputBytes: number): Promise<Sized> => {
    const runbook = `/runbooks/cost-${outputBytes}`;
    await ask('PUT', runbook, sizedDocument(outputBytes, cells), 'text/markdown');
    await ask('POST', `${runbook}/run`, '{}');
    used.read();
    const ran = await ask('POST', `${runbook}/run`, '{}');
    if (ran.result !== 'completed') throw new Error(`A run of ${runbook} ended as ${ran.result}.`);
    const whole = used.read();
    const instanceId = `single-${outputBytes}`;
    await ask('POST', `${runbook}/instances`, JSON.stringify({ instanceId }));
    await ask('POST', `/instances/${instanceId}/advance`, '{}');
    used.read();
    await ask('POST', `/instances/${instanceId}/advance`, '{}');
    return { outputBytes, whole, advance: used.read() };
  };

  try {
    return await countingOutput(
      (logBytes) => used.add({ logBytes }),
      async () => {
        const runs: Measured[] = [];
        for (const kind of kinds) {
          await ask('PUT', `/runbooks/cost-${kind}`, documentOf(kind, cells, `http://${host}`), 'text/markdown');
          // The first run of a version reads it; what is measured is one of many.
          await ask('POST', `/runbooks/cost-${kind}/instances`, JSON.stringify({ instanceId: `cost-${kind}.warm` }));
          await ask('POST', `/instances/cost-${kind}.warm/run`, '{}');
          for (const shape of shapes) runs.push(await runOnce(kind, shape));
        }
        const sized: Sized[] = [];
        for (const outputBytes of outputSizes) sized.push(await runSized(outputBytes));
        for (let at = 0; at < pageViews; at += 1) await ask('POST', `/runbooks/cost-js/instances`, '{}');
        used.read();
        await ask('GET', '/instances', '', 'application/json', `runbook=cost-js&status=ready&limit=${pageViews}`);
        const page = used.read();
        await tick({}, contextOf('tick'));
        return { runs, sized, page, tick: used.read() };
      },
    );
  } finally {
    server.closeAllConnections();
    server.close();
  }
};

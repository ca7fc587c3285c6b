/** The functions as they are deployed: built from the environment, over a real store, with a Lambda service that listens. */

import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Unrecorded } from '../../src/engine/index.ts';
import { openApiDeps } from '../../src/handlers/deps.ts';
import { createHandOver, createInvokeCell } from '../../src/handlers/lambda.ts';
import { createTelemetry } from '../../src/handlers/metrics.ts';
import type { Invoke } from '../../src/handlers/pipeline.ts';
import { setAsideInQueue } from '../../src/handlers/setAside.ts';
import { setAsideInFolder } from '../../src/handlers/setAsideFolder.ts';
import { openPawl } from '../../src/index.ts';
import { createProxy } from '../support/proxy.ts';
import { userTables } from '../support/userTables.ts';
import { type FreshStore, freshStore, storeKinds } from '../support/world.ts';
import { type Answered, answeredOf, contextOf, documentOf, eventOf, written } from './support.ts';

type Invocation = { name: string; type: string; body: string };
type Reply = { status: number; headers?: Record<string, string>; body?: string } | 'cut' | 'hang';

/** AWS, as far as an endpoint goes: notes what it is asked, and answers as a test wants it. */
const listen = async () => {
  const asked: Invocation[] = [];
  const state: { reply(invocation: Invocation): Promise<Reply> } = { reply: async () => ({ status: 202 }) };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const name = /functions\/([^/]+)\/invocations/.exec(request.url ?? '')?.[1] ?? '';
      const type = String(request.headers['x-amz-invocation-type'] ?? request.headers['x-amz-target'] ?? '');
      const invocation = { name, type, body: Buffer.concat(chunks).toString() };
      asked.push(invocation);
      const reply = await state.reply(invocation);
      if (reply === 'cut') return void request.socket.destroy();
      if (reply === 'hang') return;
      response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers });
      response.end(reply.body ?? '');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { url, asked, state, close };
};
type Aws = Awaited<ReturnType<typeof listen>>;

const refusal = (status: number, type: string): Reply => ({
  status,
  headers: { 'x-amzn-errortype': type },
  body: JSON.stringify({ message: 'no', Type: 'User' }),
});

let aws: Aws;
let world: FreshStore;
const before = { ...process.env };
beforeAll(async () => {
  aws = await listen();
  world = await freshStore('dynamodb');
  Object.assign(process.env, {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_DYNAMODB: world.endpoint,
    AWS_ENDPOINT_URL_LAMBDA: aws.url,
    AWS_ENDPOINT_URL_SQS: aws.url,
    PAWL_TABLES: world.prefix,
    PAWL_DEPLOYMENT: 'test',
    PAWL_TAKEOVER_GRACE_MS: '1000',
    PAWL_AUTH: 'iam',
    PAWL_WORK_FUNCTION: 'test-work',
    PAWL_EXECUTE_FUNCTION: 'test-execute-cell',
    PAWL_UNRECORDED_QUEUE: `${aws.url}/queue`,
    PAWL_WAKES_QUEUE: `${aws.url}/wakes`,
    PAWL_ALLOW_SH: 'false',
  });
});
afterAll(async () => {
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
  Object.assign(process.env, before);
  aws.close();
  await world.drop();
});
beforeEach(() => {
  aws.asked.length = 0;
  aws.state.reply = async () => ({ status: 202 });
});

const ways = (await storeKinds()).includes('insert') ? (['put', 'insert'] as const) : (['put'] as const);

describe('the six functions', () => {
  const authorizer = { iam: { userArn: 'arn:aws:iam::123456789012:user/ada' } };
  const ask = async (method: string, path: string, body?: unknown, headers = {}): Promise<Answered> => {
    const { handler } = await import('../../src/handlers/functions/api.ts');
    return answeredOf(await handler(eventOf({ method, path, body, headers: { ...headers }, authorizer }), contextOf()));
  };

  test('carry a runbook from its document to its end', async () => {
    const { handler: work } = await import('../../src/handlers/functions/work.ts');
    const { handler: executeCell } = await import('../../src/handlers/functions/executeCell.ts');
    const { handler: tick } = await import('../../src/handlers/functions/tick.ts');
    const functions: Record<string, Invoke<unknown>> = { 'test-work': work, 'test-execute-cell': executeCell };
    const running: Promise<unknown>[] = [];
    aws.state.reply = async ({ name, type, body }) => {
      const run = functions[name]?.(JSON.parse(body), contextOf(900_000));
      if (run === undefined) return refusal(404, 'ResourceNotFoundException');
      if (type !== 'Event') return { status: 200, body: JSON.stringify(await run) };
      running.push(run);
      return { status: 202 };
    };
    const source = documentOf('demo', [
      '```ts { name=one }\nexport default async () => ({ n: 1 });\n```',
      '```ts { name=two }\nexport default async ({ outputs, log }) => { log("two"); return { n: outputs.one.n + 1 }; };\n```',
    ]);
    const published = await ask('PUT', '/runbooks/demo', source, { 'content-type': 'text/markdown' });
    expect(published.status).toBe(201);
    const started = await ask('POST', '/runbooks/demo/instances', { instanceId: 'demo-1', drive: 'auto' });
    expect(started).toMatchObject({ status: 201 });
    // Its clock has learnt from one answer, which tells the time to within a second.
    let ticked = await tick({}, contextOf(50_000));
    for (let more = 0; more < 30 && ticked.due === 0; more += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      ticked = await tick({}, contextOf(50_000));
    }
    expect(ticked).toMatchObject({ due: 1, handedOver: 1, failed: 0, whole: true });
    await Promise.all(running);
    const { body } = await ask('GET', '/instances/demo-1');
    expect(body).toMatchObject({
      view: { status: 'completed' },
      cells: [
        { state: 'completed', output: '{"n":1}', by: 'schedule' },
        { state: 'completed', output: '{"n":2}', by: 'schedule' },
      ],
    });
    expect(await ask('GET', '/instances/demo-1/notes')).toMatchObject({
      body: { notes: [{ kind: 'log', cell: 'two' }] },
    });
    expect(await ask('GET', '/runbooks')).toMatchObject({ body: { runbooks: [{ runbookId: 'demo' }], next: null } });
    // Every fifteen minutes a tick also asks for a sweep.
    const asked = aws.asked.filter(({ body }) => !body.includes('"sweep"'));
    const kinds = asked.map(({ name, type }) => `${name} ${type}`);
    expect(kinds).toEqual([
      'test-work Event',
      'test-execute-cell RequestResponse',
      'test-execute-cell RequestResponse',
    ]);
  });

  test('have a task commit with its outcome, by both ways of appending, or close its step when it was ended', async () => {
    const tasks = await mkdtemp(join(tmpdir(), 'pawl-tasks-'));
    const tables = await userTables(world);
    const run = `async ({ input: { sku }, commit, step }) => {
      commit({ kind: 'update', table: '${tables.stock}', key: { sku }, add: { left: -1 }, where: { left: { atLeast: 1 } } });
      commit({ kind: 'insert', table: '${tables.payments}', key: { id: step.instanceId }, set: { sku } });
      if (sku === 'busy') for (;;);
      return sku;
    }`;
    await writeFile(
      join(tasks, 'sale.ts'),
      `import { defineTask, z } from 'pawl/tasks';
      export default defineTask({ name: 'sell', input: z.object({ sku: z.string() }), output: z.string(), effects: 'commit', run: ${run} });`,
    );
    Object.assign(process.env, { PAWL_TASKS: tasks, PAWL_EXECUTE_TASK_FUNCTION: 'test-execute-task' });
    const { handler: executeTask } = await import('../../src/handlers/functions/executeTask.ts');
    aws.state.reply = async ({ name, body }) =>
      name === 'test-execute-task'
        ? { status: 200, body: JSON.stringify(await executeTask(JSON.parse(body), contextOf(900_000))) }
        : refusal(404, 'ResourceNotFoundException');
    const operator = { actor: 'ada', via: 'test', where: 'here:1' };
    const { endpoint, prefix } = world;
    try {
      const { engine: author, close } = await openPawl({ dynamodb: { endpoint, tables: prefix }, tasks });
      const front = `---\nrunbook: sale\nparams:\n  sku: { type: string }\n---\n`;
      const cell = '```task { name=sell task=sell timeout=4s interrupted=hold }\nsku: "{{ params.sku }}"\n```\n';
      await author.publish(front + cell, operator);
      close();
      for (const by of ways) {
        const { engine } = openApiDeps(createTelemetry(), { ...process.env, PAWL_APPEND_ONLY: by });
        const sell = async (sku: string) => {
          const instanceId = `${sku}-${by}`;
          await tables.put(sku, 3);
          await engine.start({ runbookId: 'sale', params: { sku }, instanceId, by: operator });
          const told = JSON.stringify(await engine.run(instanceId, { budgetMs: 60_000, by: operator }));
          return { told, left: await tables.left(sku), paid: await tables.paid(instanceId) };
        };
        expect(await sell('plain')).toEqual({
          told: expect.stringContaining('"result":"completed"'),
          left: 2,
          paid: 'plain',
        });
        const busy = await sell('busy');
        expect(busy).toMatchObject({ left: 3, paid: undefined });
        expect(busy.told).toContain('"status":"halted"');
        expect(busy.told).not.toContain('"status":"in doubt"');
        expect(JSON.stringify(await engine.inspect(`busy-${by}`, operator))).toContain(
          'Nothing was committed, so it did not happen.',
        );
      }
      // Each attempt once.
      expect(aws.asked.map(({ name }) => name)).toEqual(ways.flatMap(() => ['test-execute-task', 'test-execute-task']));
    } finally {
      delete process.env.PAWL_TASKS;
      delete process.env.PAWL_EXECUTE_TASK_FUNCTION;
      await tables.drop();
      await rm(tasks, { recursive: true });
    }
  });

  test.each(ways)('append by %s, and by nothing else, where PAWL_APPEND_ONLY says so', async (by) => {
    const proxy = await createProxy(world.endpoint);
    const { AWS_ENDPOINT_URL_DYNAMODB: endpoint } = process.env;
    process.env.AWS_ENDPOINT_URL_DYNAMODB = proxy.endpoint;
    try {
      const { engine } = openApiDeps(createTelemetry(), { ...process.env, PAWL_APPEND_ONLY: by });
      const operator = { actor: 'ada', via: 'test', where: 'here:1' };
      await engine.publish(documentOf(`by-${by}`, ['```manual { name=look }\nLook.\n```']), operator);
      await engine.start({ runbookId: `by-${by}`, params: {}, instanceId: `by-${by}`, by: operator });
      await engine.setClaim(`by-${by}`, { status: 'asserted', by: operator });
    } finally {
      process.env.AWS_ENDPOINT_URL_DYNAMODB = endpoint;
      await proxy.close();
    }
    const writes = proxy.asked.filter(({ target }) => ['PutItem', 'ExecuteStatement'].includes(target));
    const target = by === 'insert' ? 'ExecuteStatement' : 'PutItem';
    expect([...new Set(writes.map((one) => `${one.target} ${one.table}`))].sort()).toEqual(
      ['claims', 'journal', 'runbooks'].map((table) => `${target} ${table}`),
    );
  });

  test('say at once of a secret that functions never have where it could be kept; one of a store is read', async () => {
    const operator = { actor: 'ada', via: 'test', where: 'here:1' };
    const allow = '{"secrets":["env:*","file:/*","ssm:/pawl/*"]}';
    const { engine } = openApiDeps(createTelemetry(), { ...process.env, PAWL_ALLOW: allow, TOKEN: 'hunter2-of-env' });
    const run = async (id: string, from: string) => {
      const cell = '```js { name=one uses=A interrupted=retry }\nexport default () => 1;\n```';
      const front = `---\nrunbook: ${id}\nsecrets:\n  A: { from: "${from}" }\n---\n`;
      await engine.publish(`${front}${cell}\n`, operator);
      await engine.start({ runbookId: id, params: {}, instanceId: id, by: operator });
      return JSON.stringify(await engine.run(id, { budgetMs: 60_000, by: operator }));
    };
    const { AWS_ENDPOINT_URL_SSM: endpoint } = process.env;
    process.env.AWS_ENDPOINT_URL_SSM = aws.url;
    const { handler: executeCell } = await import('../../src/handlers/functions/executeCell.ts');
    aws.state.reply = async ({ type, body }) => {
      const parameter = { Parameter: { Value: 'hunter2-of-ssm', Version: 3 } };
      const isRead = type.startsWith('AmazonSSM');
      return {
        status: 200,
        body: JSON.stringify(isRead ? parameter : await executeCell(JSON.parse(body), contextOf())),
      };
    };
    try {
      for (const [id, from] of [
        ['of-env', 'env:TOKEN'],
        ['of-file', 'file:/etc/token'],
      ] as const) {
        const told = await run(id, from);
        expect(told).toContain('"result":"parked"');
        expect(told).toContain(`secret A (${from}) cannot be had by functions`);
        expect(told).toContain('keep it in `ssm:` or `secretsmanager:`');
      }
      expect(aws.asked).toEqual([]);
      expect(await run('of-ssm', 'ssm:/pawl/token')).toContain('"result":"completed"');
      expect(aws.asked.map(({ name, type }) => name || type)).toEqual(['AmazonSSM.GetParameter', 'test-execute-cell']);
    } finally {
      if (endpoint === undefined) delete process.env.AWS_ENDPOINT_URL_SSM;
      else process.env.AWS_ENDPOINT_URL_SSM = endpoint;
    }
  });

  test('the audit needs nothing of it', async () => {
    const { handler } = await import('../../src/handlers/functions/audit.ts');
    expect(await handler({ Records: [] }, contextOf())).toEqual({ altered: 0 });
  });
});

describe('handing over', () => {
  test('is asynchronous, and taken when Lambda says so', async () => {
    expect(await createHandOver('test-work')({ a: 1 })).toEqual({ taken: true });
    expect(aws.asked).toEqual([{ name: 'test-work', type: 'Event', body: '{"a":1}' }]);
  });

  test('that is refused says by what', async () => {
    aws.state.reply = async () => refusal(404, 'ResourceNotFoundException');
    expect(await createHandOver('none')({})).toEqual({ taken: false, why: 'ResourceNotFoundException' });
  });

  test('is repeated when no answer comes: a second delivery is harmless', async () => {
    let calls = 0;
    aws.state.reply = async () => {
      calls += 1;
      return calls === 1 ? 'cut' : { status: 202 };
    };
    expect(await createHandOver('test-work')({})).toEqual({ taken: true });
    expect(calls).toBe(2);
  });
});

describe('invoking a cell', () => {
  const signal = () => new AbortController().signal;

  test('is synchronous, and what it answers comes back', async () => {
    aws.state.reply = async () => ({ status: 200, body: '{"v":1}' });
    expect(await createInvokeCell('cell')('{}', signal())).toEqual({ kind: 'answer', payload: '{"v":1}' });
    expect(aws.asked).toEqual([{ name: 'cell', type: 'RequestResponse', body: '{}' }]);
  });

  test.each<[string, Reply, string]>([
    ['no answer', 'cut', 'lost'],
    ['an error of the service', refusal(500, 'ServiceException'), 'lost'],
    ['a gateway that gave up', { status: 504, body: '' }, 'lost'],
    [
      'a function that broke off',
      { status: 200, headers: { 'x-amz-function-error': 'Unhandled' }, body: '{}' },
      'lost',
    ],
    ['a function that is not there', refusal(404, 'ResourceNotFoundException'), 'refused'],
    ['no permission', refusal(403, 'AccessDeniedException'), 'refused'],
    ['an event that is too large', refusal(413, 'RequestTooLargeException'), 'refused'],
  ])('%s: once, and it is known what is known', async (_, reply, kind) => {
    aws.state.reply = async () => reply;
    expect((await createInvokeCell('cell')('{}', signal())).kind).toBe(kind);
    expect(aws.asked).toHaveLength(1);
  });

  test('throttled it never began, and is asked for again, not for ever', async () => {
    aws.state.reply = async () => refusal(429, 'TooManyRequestsException');
    expect(await createInvokeCell('cell')('{}', signal())).toMatchObject({ kind: 'refused' });
    expect(aws.asked).toHaveLength(5);
    let calls = 0;
    aws.state.reply = async () => {
      calls += 1;
      return calls === 1 ? refusal(429, 'TooManyRequestsException') : { status: 200, body: '1' };
    };
    expect(await createInvokeCell('cell')('{}', signal())).toEqual({ kind: 'answer', payload: '1' });
  });

  test('given up: it may have happened', async () => {
    aws.state.reply = async () => 'hang';
    expect(await createInvokeCell('cell')('{}', AbortSignal.timeout(200))).toMatchObject({ kind: 'lost' });
    expect(aws.asked).toHaveLength(1);
  });

  test('nobody listens: not a byte has left', async () => {
    const url = process.env.AWS_ENDPOINT_URL_LAMBDA;
    process.env.AWS_ENDPOINT_URL_LAMBDA = 'http://127.0.0.1:1';
    try {
      expect(await createInvokeCell('cell')('{}', signal())).toMatchObject({ kind: 'refused' });
    } finally {
      process.env.AWS_ENDPOINT_URL_LAMBDA = url;
    }
  });
});

describe('setting aside', () => {
  afterEach(() => expect(written.text).not.toContain('hunter2'));
  const item = {
    v: 1,
    instanceId: 'deploy-7',
    about: 3,
    token: 'f'.repeat(32),
    by: { actor: 'ada', via: 'api', where: 'r' },
    atMs: 1_800_000_000_000,
    outcome: { output: { kind: 'inline', text: 'hunter2' } },
  } as unknown as Unrecorded;

  test('in the queue: the item is the message', async () => {
    aws.state.reply = async ({ body }) => {
      const { MessageBody } = JSON.parse(body) as { MessageBody: string };
      const MD5OfMessageBody = createHash('md5').update(MessageBody).digest('hex');
      return { status: 200, body: JSON.stringify({ MessageId: 'm', MD5OfMessageBody }) };
    };
    await setAsideInQueue(`${aws.url}/123456789012/queue`)(item);
    expect(aws.asked[0]?.type).toBe('AmazonSQS.SendMessage');
    const { MessageBody, QueueUrl } = JSON.parse(aws.asked[0]?.body ?? '') as Record<string, string>;
    expect(QueueUrl).toBe(`${aws.url}/123456789012/queue`);
    expect(JSON.parse(MessageBody ?? '')).toEqual(item);
  });

  test('in a folder: under the name that `pawl redrive` looks for, whole', async () => {
    const folder = join(await mkdtemp(join(tmpdir(), 'pawl-set-aside-')), 'unrecorded');
    await setAsideInFolder(folder)(item);
    const name = `deploy-7-3-${'f'.repeat(32)}.json`;
    expect(await readdir(folder)).toEqual([name]);
    expect(JSON.parse(await readFile(join(folder, name), 'utf8'))).toEqual(item);
  });
});

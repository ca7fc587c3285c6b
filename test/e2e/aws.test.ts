/** `aws` cells through the whole engine: on DynamoDB Local, and in a process that is killed while it waits for its answer. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { createExecute, parseAwsAllow } from '../../src/cells/index.ts';
import { type Cell, createEngine, type Entry, tokenOf } from '../../src/engine/index.ts';
import { portsOn } from '../support/engine.ts';
import { alice, bob, createScene, eventually, lines, request } from '../support/scene.ts';
import { freshStore } from '../support/world.ts';

const aws = parseAwsAllow({ aws: ['dynamodb:*', 'rds:FailoverDBCluster'] });

beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'local');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
  vi.stubEnv('AWS_REGION', 'us-east-1');
});
afterEach(() => vi.unstubAllEnvs());

const runbook = `---
runbook: orders
params:
  table: { type: string }
  n: { type: integer }
---
\`\`\`aws { name=create service=dynamodb action=CreateTable }
TableName: "{{ params.table }}"
BillingMode: PAY_PER_REQUEST
AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
KeySchema: [{ AttributeName: id, KeyType: HASH }]
\`\`\`
\`\`\`aws { name=ready service=dynamodb action=DescribeTable poll=1s within=1m }
TableName: "{{ params.table }}"
\`\`\`
\`\`\`cel { expect=ready }
output.Table.TableStatus == 'ACTIVE'
\`\`\`
\`\`\`aws { name=pay service=dynamodb action=TransactWriteItems }
TransactItems:
  - Put:
      TableName: "{{ params.table }}"
      Item: { id: { S: order-1 }, n: { N: "{{ params.n }}" }, when: { S: "at {{ step.visit }}" } }
\`\`\`
\`\`\`aws { name=again service=dynamodb action=PutItem retry=1 }
TableName: "{{ params.table }}"
Item: { id: { S: order-1 } }
ConditionExpression: attribute_not_exists(id)
\`\`\`
\`\`\`cel { expect=again }
output.error.code == 'ConditionalCheckFailedException'
\`\`\`
\`\`\`aws { name=read service=dynamodb action=GetItem }
TableName: "{{ params.table }}"
Key: { id: { S: order-1 } }
ConsistentRead: {{ params.n > 0 }}
\`\`\`
`;

describe('on DynamoDB Local', () => {
  test('a table is made, waited for, written once, and read', async () => {
    const { store, endpoint, document } = await freshStore('dynamodb');
    vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', endpoint);
    const engine = createEngine(portsOn(store, { authoring, execute: createExecute({ aws }) }));
    await engine.publish(runbook, alice);
    const table = `orders-${Date.now()}`;
    const { view } = await engine.start({ runbookId: 'orders', params: { table, n: 7 }, by: alice });
    const { instanceId } = view;
    expect(await engine.run(instanceId, { budgetMs: 60_000, by: alice })).toMatchObject({ result: 'completed' });
    const entries = (await store.journal.page(instanceId, -1, 100)).map(({ entry }) => entry);
    expect(JSON.parse(outputOf(entries, 'read'))).toMatchObject({
      Item: { id: { S: 'order-1' }, n: { N: '7' }, when: { S: 'at 1' } },
      requestId: expect.any(String),
    });
    expect(JSON.parse(outputOf(entries, 'again'))).toMatchObject({ error: { status: 400 } });
    // Only the cell that sends a token has a name in its reservation.
    expect(namesOf(entries)).toEqual([['pay', expect.stringMatching(/^pay-orders.*-[0-9a-f]{32}$/)]]);
    document.destroy();
  });
});

const outputOf = (entries: Entry[], cell: string): string => {
  const outcome = entries.find((entry) => entry.kind === 'outcome' && entry.cell === cell);
  if (outcome?.kind !== 'outcome' || outcome.output?.kind !== 'inline') throw new Error(`${cell} has no output`);
  return outcome.output.text;
};
const namesOf = (entries: Entry[]): [string, string][] =>
  entries
    .map((entry) => (entry.kind === 'reserved' ? entry : entry.kind === 'outcome' ? entry.reserve : undefined))
    .flatMap((one) => (one?.name === undefined ? [] : [[one.cell, one.name]]));

/** Takes every request and answers it as it is told; without a word of it, never. */
const createStub = async () => {
  const asked: string[] = [];
  const answers: { status: number; type: string }[] = [];
  const server = createServer((incoming, response) => {
    let body = '';
    incoming.on('data', (chunk) => (body += chunk));
    incoming.on('end', () => {
      asked.push(body);
      const answer = answers.shift();
      if (answer === undefined) return;
      response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.0' });
      response.end(JSON.stringify({ __type: answer.type, message: 'said so' }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, answers, close };
};

const body = {
  kind: 'aws',
  service: 'dynamodb',
  action: 'TransactWriteItems',
  region: null,
  role: null,
  input: '{"TransactItems":[{"Delete":{"TableName":"t","Key":{"id":{"S":"x"}}}}]}',
  tokens: ['ClientRequestToken'],
} as unknown as Cell['body'];

describe('a request whose answer is not known', () => {
  test('of a process that is killed while it waits is in doubt, and not sent again', async (context) => {
    const scene = await createScene(context);
    const stub = await createStub();
    context.onTestFinished(stub.close);
    // Its own credentials for the tables are the emulator's; what its cells sign goes to the stub.
    vi.stubEnv('AWS_ENDPOINT_URL', stub.url);
    const id = await scene.start([{ timeoutMs: 5_000, body }]);
    const worker = await scene.worker(id, { aws });
    void worker.advance(id);
    while (stub.asked.length === 0) await wait(20);
    await worker.kill();
    const entries = await scene.entries(id);
    const [[cell, name] = ['', '']] = namesOf(entries);
    expect(cell).toBe('c0');
    expect(JSON.parse(stub.asked[0] ?? '{}')).toMatchObject({ ClientRequestToken: tokenOf(name) });
    expect(await scene.whenGone(id)).toMatchObject({ result: 'in_doubt' });
    expect(await scene.engine.advance(id, request)).toMatchObject({ result: 'in_doubt' });
    expect(stub.asked).toHaveLength(1);
  });

  test('stays so when a further attempt is refused: perhaps because the first one did it', async (context) => {
    const scene = await createScene(context);
    const stub = await createStub();
    context.onTestFinished(stub.close);
    vi.stubEnv('AWS_ENDPOINT_URL', stub.url);
    stub.answers.push(
      { status: 500, type: 'InternalServerError' },
      { status: 400, type: 'TransactionCanceledException' },
    );
    const engine = scene.another({ execute: createExecute({ aws }) });
    const id = await scene.start([{ timeoutMs: 5_000, interrupted: 'retry', retryMax: 1, body }]);
    let answer = await engine.advance(id, request);
    while (stub.asked.length < 2) {
      await wait(250);
      answer = await engine.advance(id, request);
    }
    expect(answer).not.toMatchObject({ result: 'completed' });
    const outcomes = (await scene.entries(id)).filter((entry) => entry.kind === 'outcome');
    expect(outcomes.map(({ status }) => status)).toEqual(['unknown', 'unknown']);
    const tokens = stub.asked.map((one) => (JSON.parse(one) as { ClientRequestToken: string }).ClientRequestToken);
    expect(new Set(tokens).size).toBe(1);
    expect(new Set(namesOf(await scene.entries(id)).map(([, name]) => name)).size).toBe(1);
  });

  test('two callers at once send one request, and a death between its answer and its record leaves one doubt', async (context) => {
    const scene = await createScene(context);
    const stub = await createStub();
    context.onTestFinished(stub.close);
    vi.stubEnv('AWS_ENDPOINT_URL', stub.url);
    stub.answers.push({ status: 200, type: '' }, { status: 200, type: '' });
    const id = await scene.start([{ timeoutMs: 5_000, body }]);
    const workers = await Promise.all([scene.worker(id, { aws }), scene.worker(id, { aws })]);
    // It was accepted and answered; what says so never arrives.
    scene.proxy.fate(({ kind }) => (kind === 'outcome' ? 'hang' : 'pass'));
    const first = await Promise.race(workers.map((worker) => worker.advance(id)));
    expect(first).toMatchObject({ result: 'in_flight' });
    await eventually(() => scene.proxy.asked.some(({ kind }) => kind === 'outcome'));
    await Promise.all(workers.map((worker) => worker.kill()));
    scene.proxy.fate(() => 'pass');
    const others = [scene.engine, scene.another({ execute: createExecute({ aws }) })];
    const told = await Promise.all(others.map((engine) => scene.whenGone(id, {}, engine)));
    expect(told).toMatchObject([{ result: 'in_doubt' }, { result: 'in_doubt' }]);
    expect(lines(await scene.entries(id))).toEqual(['started', 'reserved']);
    expect(stub.asked).toHaveLength(1);

    // A person permits one more: both ask for it at once, and the target gets the token that it knows.
    const verdict = { seq: 1, verdict: 'retry', reason: 'the token is known there', by: bob } as const;
    await scene.engine.verdict(id, verdict);
    const executing = [1, 2].map(() => scene.another({ execute: createExecute({ aws }) }));
    await Promise.all(executing.map((engine) => engine.advance(id, request)));
    await eventually(async () => (await scene.engine.inspect(id, alice)).view.status === 'completed');
    expect(stub.asked).toHaveLength(2);
    const tokens = stub.asked.map((one) => (JSON.parse(one) as { ClientRequestToken: string }).ClientRequestToken);
    expect(new Set(tokens).size).toBe(1);
  });
});

/** `aws` cells, and `http` cells that are signed, against a stub that checks signatures and answers as services do. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createExecute, parseAwsAllow } from '../../src/cells/index.ts';
import type { CellInput, RenderedBody } from '../../src/engine/index.ts';
import { type Signed, verify } from '../support/sigv4.ts';
import { type Ran, run } from './cells.ts';

type AwsBody = RenderedBody & { kind: 'aws' };
type Asked = { signed: Signed; body: string; headers: IncomingMessage['headers']; url: string; method: string };
type Answer = (response: ServerResponse, asked: Asked) => void;

const secrets: Record<string, string> = { AKIDPLACE: 'place-secret', ASIAROLE: 'role-secret' };
const role = 'arn:aws:iam::123456789012:role/failover';
let server: Server;
let host: string;
let asked: Asked[];
let answer: Answer;

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const signed = verify(request, body, (id) => secrets[id]);
      if (typeof signed === 'string')
        return response.writeHead(403, { 'content-type': 'text/plain' }).end(`SignatureDoesNotMatch: ${signed}`);
      const one = {
        signed,
        body: body.toString(),
        headers: request.headers,
        url: request.url ?? '',
        method: request.method ?? '',
      };
      asked.push(one);
      if (one.body.includes('Action=AssumeRole')) return assumed(response, one);
      answer(response, one);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  asked = [];
  answer = (response) => json(response, 200, {});
  for (const name of ['AWS_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_DEFAULT_REGION']) vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDPLACE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'place-secret');
  vi.stubEnv('AWS_REGION', 'eu-central-1');
  vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
  vi.stubEnv('AWS_ENDPOINT_URL', `http://${host}`);
});
afterEach(() => vi.unstubAllEnvs());

const json = (response: ServerResponse, status: number, value: unknown, headers: Record<string, string> = {}): void =>
  void response
    .writeHead(status, { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-requestid': 'r-1', ...headers })
    .end(JSON.stringify(value));
const xml = (response: ServerResponse, status: number, text: string): void =>
  void response.writeHead(status, { 'content-type': 'text/xml', 'x-amzn-requestid': 'q-1' }).end(text);
const assumed = (response: ServerResponse, { body }: Asked): void => {
  const asked = new URLSearchParams(body);
  if (asked.get('RoleArn') !== role) return queryError(403, 'AccessDenied')(response, {} as Asked);
  const name = asked.get('RoleSessionName');
  xml(
    response,
    200,
    `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
      <AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey>
      <SessionToken>token-of-${name}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>
    </Credentials></AssumeRoleResult></AssumeRoleResponse>`,
  );
};

const allow = {
  aws: ['rds:*', 'dynamodb:*', 'sqs:*', 's3:*', 'ssm:*', 'lambda:Invoke', 'sign:execute-api'],
  roles: [role],
};
const bodyOf = (service: string, action: string, input: unknown, over: Partial<AwsBody> = {}): AwsBody => ({
  kind: 'aws',
  service,
  action,
  region: null,
  role: null,
  input: JSON.stringify(input),
  tokens: [],
  ...over,
});
const call = (
  body: RenderedBody,
  over: Partial<CellInput> = {},
  allowed: object = { ...allow, hosts: [host] },
): Promise<Ran> =>
  run(body, { timeoutMs: 60_000, ...over }, createExecute({ httpAllow: ['127.0.0.1'], aws: parseAwsAllow(allowed) }));
const failover = (over: Partial<AwsBody> = {}): AwsBody =>
  bodyOf('rds', 'FailoverDBCluster', { DBClusterIdentifier: 'orders' }, over);
const putItem = (over: Partial<AwsBody> = {}): AwsBody =>
  bodyOf('dynamodb', 'PutItem', { TableName: 't', Item: { id: { S: 'x' } } }, over);
const outputOf = (ran: Ran): unknown => JSON.parse(ran.output ?? 'null');

describe('what is sent', () => {
  test('is signed by the credentials of the place, for its region, once', async () => {
    answer = (response) =>
      xml(
        response,
        200,
        `<FailoverDBClusterResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><FailoverDBClusterResult><DBCluster>
          <DBClusterIdentifier>orders</DBClusterIdentifier><ClusterCreateTime>2026-01-02T03:04:05.678Z</ClusterCreateTime>
        </DBCluster></FailoverDBClusterResult><ResponseMetadata><RequestId>q-1</RequestId></ResponseMetadata></FailoverDBClusterResponse>`,
      );
    const ran = await call(failover());
    expect(ran.status).toBe('completed');
    expect(outputOf(ran)).toEqual({
      DBCluster: { DBClusterIdentifier: 'orders', ClusterCreateTime: '2026-01-02T03:04:05.678Z' },
      requestId: 'q-1',
    });
    expect(asked).toHaveLength(1);
    expect(asked[0]?.signed).toMatchObject({ accessKeyId: 'AKIDPLACE', region: 'eu-central-1', service: 'rds' });
    expect(asked[0]?.body).toContain('Action=FailoverDBCluster');
    expect(asked[0]?.body).toContain('DBClusterIdentifier=orders');
  });
  test('goes to the region of the cell', async () => {
    await call(putItem({ region: 'us-west-2' }));
    expect(asked[0]?.signed).toMatchObject({ region: 'us-west-2', service: 'dynamodb' });
  });
  test('has the token that stands in the reservation', async () => {
    const name = `pay-${'0123456789abcdef'.repeat(2)}`;
    const input = { TransactItems: [{ Delete: { TableName: 't', Key: { id: { S: 'x' } } } }] };
    const body = bodyOf('dynamodb', 'TransactWriteItems', input, { tokens: ['ClientRequestToken'] });
    const step = { ...stepOf(), name };
    await call(body, { step });
    expect(JSON.parse(asked[0]?.body ?? '')).toMatchObject({
      ClientRequestToken: '01234567-89ab-cdef-0123-456789abcdef',
    });
  });
  test('is signed as the role of the cell, by a session that the reservation names', async () => {
    const step = { ...stepOf(), name: 'failover-0123456789abcdef0123456789abcdef' };
    const ran = await call(putItem({ role }), { step });
    expect(ran.status).toBe('completed');
    const [first, second] = asked;
    expect(first?.signed).toMatchObject({ accessKeyId: 'AKIDPLACE', service: 'sts' });
    expect(new URLSearchParams(first?.body).get('RoleArn')).toBe(role);
    expect(second?.signed).toMatchObject({ accessKeyId: 'ASIAROLE', sessionToken: `token-of-${step.name}` });
  });
  test('goes where the place says, not where a member of the input says', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL', undefined);
    const input = { QueueUrl: `http://${host}/queue`, MessageBody: 'x' };
    // A region that does not exist: its name leads nowhere.
    const ran = await call(bodyOf('sqs', 'SendMessage', input, { region: 'xx-nowhere-1' }));
    expect(asked).toEqual([]);
    expect(ran.error?.message).toContain('sqs.xx-nowhere-1.amazonaws.com');
  });
});

const stepOf = (): CellInput['step'] => ({
  instanceId: 'i1',
  runbookId: 'demo',
  version: 1,
  cell: 'pay',
  seq: 7,
  visit: 1,
  attempt: 1,
  idempotencyKey: 'test/i1/pay/1',
  deadlineAtMs: 1_795_489_200_000,
});

describe('what is not allowed here', () => {
  test.each([
    [failover(), { aws: ['rds:Describe*'] }, 'rds:FailoverDBCluster is not allowed'],
    [failover(), {}, 'can add "rds:FailoverDBCluster" there'],
    [failover({ role: `${role}-2` }), allow, `The role ${role}-2 is not allowed: the \`allow.roles\` of this place`],
    [putItem(), { aws: ['dynamodb:GetItem', 'rds:*'] }, 'dynamodb:PutItem is not allowed'],
  ])('is refused before anything is sent, by name (%#)', async (body, allowed, message) => {
    const ran = await call(body, {}, allowed);
    expect(ran).toMatchObject({ status: 'failed', unbegun: true, error: { code: 'aws.notAllowed' } });
    expect(ran.error?.message).toContain(message);
    expect(asked).toEqual([]);
  });
  test.each([
    bodyOf('secrets-manager', 'GetSecretValue', { SecretId: 'pager' }),
    bodyOf('secrets-manager', 'BatchGetSecretValue', { SecretIdList: ['pager'] }, { role }),
    bodyOf('ssm', 'GetParameter', { Name: '/pawl/pager', WithDecryption: true }),
    bodyOf('ssm', 'GetParametersByPath', { Path: '/pawl', WithDecryption: true }),
    bodyOf('ssm', 'GetParameterHistory', { Name: '/pawl/pager', WithDecryption: true }),
  ])('a secret is no output, whatever is allowed (%#)', async (body) => {
    const ran = await call(body, {}, { aws: ['secrets-manager:*', 'ssm:*'], roles: [role] });
    expect(ran).toMatchObject({ status: 'failed', unbegun: true, error: { code: 'aws.notAllowed' } });
    expect(ran.error?.message).toContain('declare it under `secrets:`');
    expect(asked).toEqual([]);
  });
  test('a parameter that is no secret is one', async () => {
    answer = (response) => json(response, 200, { Parameter: { Value: 'blue' } });
    for (const more of [{}, { WithDecryption: false }])
      expect(outputOf(await call(bodyOf('ssm', 'GetParameter', { Name: '/colour', ...more })))).toMatchObject({
        Parameter: { Value: 'blue' },
      });
  });
  test.each([[{ aws: ['*:*'] }], [{ aws: ['*'] }], [{ aws: 'rds:*' }], [{ roles: ['*'] }], [{ aws: [7] }]])(
    'and an entry that says too much is refused itself: %j',
    (allowed) => expect(() => parseAwsAllow(allowed)).toThrow(/allow\.(?:aws|roles) has/),
  );
});

describe('what cannot be sent', () => {
  test.each([
    [bodyOf('nothing-of-aws', 'X', {}), 'aws.client'],
    [bodyOf('rds', 'FailoverDBCluser', {}), 'aws.client'],
    [bodyOf('rds', 'FailoverDBCluster', {}), 'aws.input'],
    [bodyOf('rds', 'FailoverDBCluster', { DBClusterIdentifier: 'x', Other: 1 }), 'aws.input'],
    [bodyOf('dynamodb', 'Query', { TableName: 't', Limit: 'many' }), 'aws.input'],
    [{ ...bodyOf('dynamodb', 'Query', {}), input: '{"TableName":"t","Limit":12345678901234567890}' }, 'aws.input'],
  ])('fails without an attempt (%#)', async (body, code) => {
    const ran = await call(body, {}, { aws: [...allow.aws, 'nothing-of-aws:*'] });
    expect(ran).toMatchObject({ status: 'failed', unbegun: true, error: { code } });
    expect(asked).toEqual([]);
  });
  test('a number stands where a text belongs: what a parameter came to is written as one', async () => {
    await call(bodyOf('rds', 'FailoverDBCluster', { DBClusterIdentifier: 7 }));
    expect(asked[0]?.body).toContain('DBClusterIdentifier=7');
  });
  test('without credentials nothing is sent', async () => {
    const body = failover({ role: 'arn:aws:iam::123456789012:role/other' });
    const ran = await call(body, {}, { aws: ['rds:*'], roles: ['arn:aws:iam::*:role/*'] });
    expect(ran).toMatchObject({ status: 'failed', error: { code: 'aws.credentials' } });
    expect(ran.error?.message).toContain('nothing was sent');
    expect(asked.map(({ signed }) => signed.service)).toEqual(['sts']);
  });
  test('nobody listens: nothing was sent', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:1');
    expect(await call(failover())).toMatchObject({ status: 'failed', error: { code: 'aws.unreachable' } });
  });
});

const jsonError =
  (status: number, type: string, headers: Record<string, string> = {}): Answer =>
  (response) =>
    json(response, status, { __type: `com.amazonaws.dynamodb.v20120810#${type}`, message: 'said so' }, headers);
const queryError =
  (status: number, code: string): Answer =>
  (response) =>
    xml(
      response,
      status,
      `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>said so</Message></Error><RequestId>q-2</RequestId></ErrorResponse>`,
    );

describe('what an answer means', () => {
  test.each<[string, AwsBody, Answer, string, string]>([
    [
      'a condition that does not hold',
      putItem(),
      jsonError(400, 'ConditionalCheckFailedException'),
      'failed',
      'ConditionalCheckFailedException',
    ],
    ['no right', putItem(), jsonError(400, 'AccessDeniedException'), 'failed', 'AccessDeniedException'],
    [
      'an error of the query protocol',
      failover(),
      queryError(404, 'DBClusterNotFoundFault'),
      'failed',
      'DBClusterNotFoundFault',
    ],
    ['throttled', putItem(), jsonError(400, 'ThrottlingException'), 'failed', 'ThrottlingException'],
    ['throttled with a 503', failover(), queryError(503, 'Throttling'), 'failed', 'Throttling'],
    ['a defect of the service', putItem(), jsonError(500, 'InternalServerError'), 'unknown', 'InternalServerError'],
    ['a service that is away', failover(), queryError(503, 'ServiceUnavailable'), 'unknown', 'ServiceUnavailable'],
    [
      'a defect, of what only reads',
      bodyOf('rds', 'DescribeDBClusters', {}),
      queryError(500, 'InternalFailure'),
      'failed',
      'InternalFailure',
    ],
    [
      'what its author knows to be a failure',
      putItem({ failedOn: ['InternalServerError'] }),
      jsonError(500, 'InternalServerError'),
      'failed',
      'InternalServerError',
    ],
    [
      'what its author knows to be open',
      putItem({ unknownOn: ['ConditionalCheckFailedException'] }),
      jsonError(400, 'ConditionalCheckFailedException'),
      'unknown',
      'ConditionalCheckFailedException',
    ],
  ])('%s', async (_, body, said, status, code) => {
    answer = said;
    const ran = await call(body);
    expect(ran.status).toBe(status);
    expect(outputOf(ran)).toMatchObject({ error: { code, message: 'said so' } });
    expect(ran.error?.message).toContain(code);
    expect(asked).toHaveLength(1);
  });
  test('a pause that is asked for is told', async () => {
    answer = jsonError(400, 'ThrottlingException', { 'retry-after': '7' });
    expect(await call(putItem())).toMatchObject({ status: 'failed', askedMs: 7_000 });
  });
  test('a connection that is cut after the request leaves it open, and nothing is sent again', async () => {
    answer = (response) => void response.socket?.destroy();
    expect(await call(putItem())).toMatchObject({ status: 'unknown', error: { code: 'aws.cut' } });
    expect(asked).toHaveLength(1);
  });
  test('no answer in time leaves it open', async () => {
    answer = () => {};
    const ran = await call(putItem(), { timeoutMs: 2_000 });
    expect(ran).toMatchObject({ status: 'unknown', error: { code: 'aws.cut' } });
    expect(ran.error?.message).toContain('no answer in time');
    expect(asked).toHaveLength(1);
  });
  test('a success that cannot be read leaves it open', async () => {
    answer = (response) => void response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end('{');
    expect(await call(putItem())).toMatchObject({ status: 'unknown', error: { code: 'aws.unclear' } });
  });
  test('credentials are never told, also where a service quotes what was signed', async () => {
    answer = (response, { headers }) =>
      json(response, 403, {
        __type: 'InvalidSignatureException',
        message: `signed was x-amz-security-token:${headers['x-amz-security-token']} by AKIDPLACE`,
      });
    const ran = await call(putItem({ role }), { step: { ...stepOf(), name: 'n'.repeat(40) } });
    expect(ran.status).toBe('failed');
    expect(JSON.stringify(ran)).toContain('x-amz-security-token:•••');
    expect(JSON.stringify(ran)).not.toContain('token-of-');
  });
});

describe('functions', () => {
  const invoke = (over: Partial<AwsBody> = {}): AwsBody =>
    bodyOf('lambda', 'Invoke', { FunctionName: 'f', Payload: { n: 1 } }, over);
  const broke = (response: ServerResponse): void =>
    void response
      .writeHead(200, { 'x-amz-function-error': 'Unhandled', 'content-type': 'application/json' })
      .end('{"errorType":"TooLate","errorMessage":"x"}');

  test('get JSON and answer with it', async () => {
    answer = (response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{"n":2}');
    const ran = await call(invoke());
    expect([ran.status, asked[0]?.body]).toEqual(['completed', '{"n":1}']);
    expect(outputOf(ran)).toMatchObject({ StatusCode: 200, Payload: { n: 2 } });
  });
  test('that break off may have done it', async () => {
    answer = broke;
    const ran = await call(invoke());
    expect(ran).toMatchObject({ status: 'unknown', error: { code: 'aws.function' } });
    expect(outputOf(ran)).toMatchObject({ FunctionError: 'Unhandled', Payload: { errorType: 'TooLate' } });
  });
  test.each(['Unhandled', 'TooLate'])('unless their author knows better: failedOn=%s', async (code) => {
    answer = broke;
    expect(await call(invoke({ failedOn: [code] }))).toMatchObject({ status: 'failed' });
  });
});

describe('objects', () => {
  const object = bodyOf('s3', 'GetObject', { Bucket: 'b', Key: 'k/ü' });
  const sends =
    (content: Buffer | string): Answer =>
    (response) =>
      void response.writeHead(200).end(content);

  test('come as text where they are some', async () => {
    answer = sends('grün');
    expect(outputOf(await call(object))).toMatchObject({ Body: 'grün' });
  });
  test('else as base64', async () => {
    answer = sends(Buffer.from([0xff, 0]));
    expect(outputOf(await call(object))).toMatchObject({ Body: { base64: '/wA=' } });
  });
  test('are put as they are written, or from base64', async () => {
    for (const Body of ['text', { base64: 'dGV4dA==' }]) {
      expect((await call(bodyOf('s3', 'PutObject', { Bucket: 'b', Key: 'k', Body }))).status).toBe('completed');
      expect(asked.at(-1)?.body).toBe('text');
    }
  });
  test('that are too large are cut, and said to be', async () => {
    answer = sends(Buffer.alloc(12 * 1024 * 1024, 'a'));
    const ran = await call(object, { timeoutMs: 20_000 });
    expect(ran.status).toBe('completed');
    expect(ran.outputBytes).toBeGreaterThan(1_000_000);
  });
});

describe('http cells that are signed', () => {
  const http = (over: Partial<RenderedBody & { kind: 'http' }> = {}): RenderedBody => ({
    kind: 'http',
    method: 'POST',
    url: `http://${host}/stage/a%20b?z=1&a=ü&z=0`,
    headers: [['X-Thing', 'a  b']],
    body: '{"n":1}',
    sigv4: { service: 'execute-api', region: 'eu-west-1', role: null },
    ...over,
  });
  test('are signed for what they say, body and key with them', async () => {
    const ran = await call(http());
    expect(ran.status).toBe('completed');
    expect(asked[0]?.signed).toMatchObject({ accessKeyId: 'AKIDPLACE', region: 'eu-west-1', service: 'execute-api' });
    expect(asked[0]?.headers).toMatchObject({ 'idempotency-key': 'test/i1/cell/1' });
    expect(asked[0]?.headers.authorization).toContain('idempotency-key');
  });
  test('or as their role', async () => {
    const sigv4 = { service: 'execute-api', region: 'eu-west-1', role };
    expect((await call(http({ sigv4 }))).status).toBe('completed');
    expect(asked[1]?.signed.accessKeyId).toBe('ASIAROLE');
  });
  test('go to AWS, or to hosts that the place names', async () => {
    const ran = await call(http(), {}, allow);
    expect(ran).toMatchObject({ status: 'failed', unbegun: true, error: { code: 'aws.notAllowed' } });
    expect(ran.error?.message).toContain(`can add "${host}" to \`allow.hosts\``);
    expect(asked).toEqual([]);
  });
  test('need a right of their own: to sign for a service is to do anything there', async () => {
    const ran = await call(http(), {}, { aws: ['execute-api:*'], hosts: [host] });
    expect(ran.error?.message).toContain('can add "sign:execute-api" there');
    expect(asked).toEqual([]);
  });
});

/** Services of AWS that answer what they should not, and cells that ask for what they should not: by the real client, over a socket. */
import type { RequestListener } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createExecute, parseAwsAllow } from '../../src/cells/index.ts';
import type { CellResult, RenderedBody } from '../../src/engine/index.ts';
import { limits } from '../../src/engine/index.ts';
import { inputOf } from '../cells/cells.ts';
import { serve } from './support.ts';

const role = 'arn:aws:iam::123456789012:role/deploy';
beforeEach(() => {
  for (const name of ['AWS_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_DEFAULT_REGION']) vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDPLACE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'place-secret-of-aws');
  vi.stubEnv('AWS_REGION', 'eu-central-1');
  vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
});
afterEach(() => vi.unstubAllEnvs());

const bodyOf = (service: string, action: string, input: unknown, over: object = {}): RenderedBody => ({
  kind: 'aws',
  service,
  action,
  region: null,
  role: null,
  input: typeof input === 'string' ? input : JSON.stringify(input),
  tokens: [],
  ...over,
});
const allowed = { aws: ['dynamodb:*', 'lambda:Invoke', 's3:GetObject', 'sign:execute-api'], roles: [role] };
const call = async (body: RenderedBody, answer: RequestListener, allow: object = allowed) => {
  let asked = 0;
  const host = await serve((request, response) => {
    asked += 1;
    answer(request, response);
  });
  vi.stubEnv('AWS_ENDPOINT_URL', `http://${host}`);
  const execute = createExecute({ httpAllow: [host], aws: parseAwsAllow(allow) });
  const ran: CellResult = await execute(inputOf(body, { timeoutMs: 60_000 }));
  return { ran, asked: () => asked };
};
const json =
  (text: string, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) =>
    void response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0', ...headers }).end(text);
const get = bodyOf('dynamodb', 'GetItem', { TableName: 't', Key: { id: { S: 'x' } } });
const invoke = bodyOf('lambda', 'Invoke', { FunctionName: 'f', Payload: {} });
const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;

test.each([
  ['10,000 levels', nested(10_000)],
  ['a million levels', nested(1_000_000)],
  ['a million values', `[${Array.from({ length: 1_000_000 }, () => 0).join()}]`],
  ['half a character', '"\\ud800"'],
])('hostile 47: a function that answers %s completed, whatever becomes of that', async (_what, text) => {
  const { ran, asked } = await call(invoke, json(text));
  expect([ran.status, asked()]).toEqual(['completed', 1]);
  expect(ran.output?.length).toBeLessThanOrEqual(limits.outputBytesMax);
});

test('hostile 8: __proto__ and constructor in an answer are data, and reach nothing', async () => {
  const item = '{"Item":{"__proto__":{"M":{"polluted":{"S":"x"}}},"constructor":{"S":"y"}}}';
  const { ran } = await call(get, json(item));
  expect(ran.status).toBe('completed');
  expect(Reflect.get({}, 'polluted')).toBeUndefined();
  expect(ran.output).toContain('"constructor":{"S":"y"}');
});

test('hostile 31: an endless answer is cut, and a request that was accepted is not called a failure', async () => {
  const endless: RequestListener = (_request, response) => {
    response.writeHead(200, { 'content-type': 'binary/octet-stream' });
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    const more = (): void => {
      while (!response.destroyed && response.write(chunk));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  };
  const { ran, asked } = await call(bodyOf('s3', 'GetObject', { Bucket: 'b', Key: 'k' }), endless);
  expect([ran.status, asked()]).toEqual(['completed', 1]);
  expect(ran.outputBytes).toBeGreaterThan(limits.outputBytesMax);
});

test('hostile 32: what was packed and not asked for is not unpacked: an answer that cannot be read', async () => {
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
  const { ran } = await call(get, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0', 'content-encoding': 'gzip' }).end(bomb);
  });
  expect(ran).toMatchObject({ status: 'unknown', error: { code: 'aws.unclear' } });
  expect(ran.output ?? '').toHaveLength(0);
});

test.each(['http://169.254.169.254/latest/', 'http://127.0.0.1:9001/2018-06-01/runtime/invocation/next'])(
  'hostile 27: a service that redirects to %s is asked once, and nobody else',
  async (location) => {
    const { ran, asked } = await call(get, (_request, response) => void response.writeHead(307, { location }).end());
    expect(ran.status).not.toBe('completed');
    expect(asked()).toBe(1);
    expect(JSON.stringify(ran)).not.toContain('place-secret-of-aws');
  },
);

test('hostile 34: "come again in ten years" of a service is no more than the limit', async () => {
  const { ran } = await call(get, (_request, response) => {
    response
      .writeHead(400, { 'content-type': 'application/x-amz-json-1.0', 'retry-after': '315360000' })
      .end('{"__type":"ThrottlingException","message":"slow down"}');
  });
  // How long it waits is then the engine's to say, with `retryAfterMsMax` (engine/repeating.test.ts).
  expect(ran).toMatchObject({ status: 'failed', askedMs: 315_360_000_000 });
});

test.each([
  ['no mapping', '[1]', 'aws.input'],
  ['a number that no double has', '{"TableName":"t","Key":{"id":{"N":12345678901234567890}}}', 'aws.input'],
  ['a member __proto__', '{"TableName":"t","Key":{"id":{"S":"x"}},"__proto__":{"a":1}}', 'aws.input'],
  [
    'an attribute of 2,000 levels',
    `{"TableName":"t","Key":{"id":${'{"L":['.repeat(2_000)}${']}'.repeat(2_000)}}}`,
    'aws.input',
  ],
  ['a text of another kind', '{"TableName":{"toString":"t"},"Key":{"id":{"S":"x"}}}', 'aws.input'],
])('hostile 8, 20: what placeholders came to, %s, is refused before anything is sent', async (_what, input, code) => {
  const { ran, asked } = await call(bodyOf('dynamodb', 'GetItem', input), json('{}'));
  expect(ran).toMatchObject({ status: 'failed', unbegun: true, error: { code } });
  expect(asked()).toBe(0);
});

test.each([
  'https://evil.example/.amazonaws.com',
  'https://amazonaws.com.evil.example/',
  'https://evilamazonaws.com/',
  'https://x.amazonaws.com.',
  'https://x.amazonaws.com@evil.example/',
  'http://x.execute-api.eu-west-1.amazonaws.com/',
  'https://evil.example/?x.amazonaws.com',
  'https://evil.example#x.amazonaws.com',
])('hostile 35: no signature goes to %s', async (url) => {
  const sigv4 = { service: 'execute-api', region: 'eu-west-1', role: null };
  const body: RenderedBody = { kind: 'http', method: 'GET', url, headers: [], body: null, sigv4 };
  const { ran } = await call(body, json('{}'));
  expect(ran).toMatchObject({ status: 'failed', unbegun: true });
  expect(ran.error?.code).toMatch(/^(?:aws\.notAllowed|http\.(?:invalid|blocked))$/);
});

test('hostile 35: a signature goes along to no other host that a redirect names', async () => {
  const asked: unknown[] = [];
  const elsewhere = await serve((request, response) => {
    asked.push(request.headers.authorization, request.headers['x-amz-date'], request.headers['x-amz-security-token']);
    response.end('{}');
  });
  vi.stubEnv('AWS_SESSION_TOKEN', 'session-token-of-aws');
  const host = await serve((_request, response) => {
    response.writeHead(302, { location: `http://${elsewhere}/` }).end();
  });
  const sigv4 = { service: 'execute-api', region: 'eu-west-1', role: null };
  const body: RenderedBody = {
    kind: 'http',
    method: 'GET',
    url: `http://${host}/`,
    headers: [],
    body: null,
    sigv4,
    redirects: 3,
  };
  const execute = createExecute({
    httpAllow: ['127.0.0.1'],
    aws: parseAwsAllow({ ...allowed, hosts: [host, elsewhere] }),
  });
  const ran = await execute(inputOf(body, { timeoutMs: 60_000 }));
  expect(asked.filter((one) => one !== undefined)).toEqual([]);
  expect(JSON.stringify(ran)).not.toContain('session-token-of-aws');
});

test('hostile 20: a pattern of many stars and a long role end', async () => {
  const roles = [`arn:aws:iam::*:role/${'*a'.repeat(30)}*b`];
  const long = `arn:aws:iam::123456789012:role/${'a'.repeat(400)}`;
  const { ran, asked } = await call({ ...get, role: long } as RenderedBody, json('{}'), { ...allowed, roles });
  expect(ran).toMatchObject({ status: 'failed', unbegun: true, error: { code: 'aws.notAllowed' } });
  expect(asked()).toBe(0);
});

/** Secrets of AWS, on a stub that answers as the two stores do. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSecrets, parseAllow } from '../../src/places/index.ts';

type Asked = { target: string; body: Record<string, unknown>; signed: boolean };
const asked: Asked[] = [];
let answer: (asked: Asked) => [number, Record<string, unknown>] = () => [500, {}];
const stub = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => (body += chunk));
  request.on('end', () => {
    const one = {
      target: String(request.headers['x-amz-target']).split('.').at(-1) ?? '',
      body: JSON.parse(body) as Record<string, unknown>,
      signed: String(request.headers.authorization).startsWith('AWS4-HMAC-SHA256'),
    };
    asked.push(one);
    const [status, told] = answer(one);
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(told));
  });
});
const before = { ...process.env };
beforeAll(async () => {
  await new Promise<void>((resolve) => stub.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(stub.address() as AddressInfo).port}`;
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: url,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
  });
});
afterAll(() => {
  process.env = before;
  stub.close();
});
const secrets = createSecrets({
  allow: () => parseAllow('{"secrets":["ssm:/pawl/*","secretsmanager:prod/*"]}', 'x'),
  env: {},
  ownPaths: [],
  key: null,
});
const [ssm, manager] = ['ssm:/pawl/a', 'secretsmanager:prod/a'];

describe('a value and its version', () => {
  test('of a parameter, decrypted; a kept version by its number', async () => {
    answer = () => [200, { Parameter: { Value: 'hunter2-1', Version: 3 } }];
    expect(await secrets.read({ A: ssm }, {})).toEqual({
      kind: 'read',
      values: { A: { value: 'hunter2-1', version: '3' } },
    });
    await secrets.read({ A: ssm }, { A: '2' });
    expect(asked.slice(-2)).toEqual([
      { target: 'GetParameter', body: { Name: '/pawl/a', WithDecryption: true }, signed: true },
      { target: 'GetParameter', body: { Name: '/pawl/a:2', WithDecryption: true }, signed: true },
    ]);
  });

  test('of Secrets Manager, by its id', async () => {
    answer = () => [200, { SecretString: 'hunter2-2', VersionId: 'v-1' }];
    expect(await secrets.read({ A: manager }, { A: 'v-1' })).toEqual({
      kind: 'read',
      values: { A: { value: 'hunter2-2', version: 'v-1' } },
    });
    expect(asked.at(-1)).toMatchObject({ target: 'GetSecretValue', body: { SecretId: 'prod/a', VersionId: 'v-1' } });
  });

  test('that a cell made is put', async () => {
    answer = ({ target }) => [200, target === 'PutParameter' ? { Version: 4 } : { VersionId: 'v-2' }];
    expect(await secrets.keep(ssm, 'hunter2-3')).toEqual({ kind: 'kept', version: '4' });
    expect(asked.at(-1)?.body).toEqual({ Name: '/pawl/a', Value: 'hunter2-3', Type: 'SecureString', Overwrite: true });
    expect(await secrets.keep(manager, 'hunter2-3')).toEqual({ kind: 'kept', version: 'v-2' });
  });
});

describe('what is not answered with a value', () => {
  test.each([
    [ssm, {}, 400, 'AccessDeniedException', 'missing'],
    [ssm, {}, 400, 'ParameterNotFound', 'missing'],
    [ssm, { A: '2' }, 400, 'ParameterVersionNotFound', 'gone'],
    [ssm, {}, 400, 'ThrottlingException', 'missing'],
    [ssm, {}, 500, 'InternalServerError', 'missing'],
    [manager, {}, 400, 'ResourceNotFoundException', 'missing'],
    [manager, { A: 'v-0' }, 400, 'ResourceNotFoundException', 'gone'],
  ])('%s with %j: %i %s is %s', async (from, pinned, status, name, kind) => {
    answer = () => [status, { __type: name, message: 'it quotes hunter2-secret' }];
    const found = await secrets.read({ A: from }, pinned as Record<string, string>);
    expect(found.kind).toBe(kind);
    expect(JSON.stringify(found)).not.toContain('hunter2');
    if (kind === 'missing')
      expect(await secrets.keep(from, 'hunter2-4')).toEqual({ kind: 'lost', why: expect.stringContaining(name) });
  });

  test('another team’s is not even asked for', async () => {
    const count = asked.length;
    expect(await secrets.read({ A: 'ssm:/other/a' }, {})).toMatchObject({ kind: 'missing' });
    expect(await secrets.keep('ssm:/other/a', 'hunter2-4')).toMatchObject({ kind: 'lost' });
    expect(asked.length).toBe(count);
  });
});

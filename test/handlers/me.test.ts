/** What a caller is told of themselves: what they may do, and the groups by which a vote counts them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { permissions } from '../../src/contract/index.ts';
import { assertDocumented } from './document.ts';
import { type Answered, openService, type Service } from './support.ts';

let local: Service;
beforeAll(async () => {
  local = await openService();
});
afterAll(() => local.world.drop());

const path = '/me';
const token = (claims: object) => ({ jwt: { claims: { sub: 'user-7', ...claims } } });
const withToken = (claims: object): Promise<Answered> =>
  local.as({ auth: 'jwt' }).ask({ path, authorizer: token(claims) });

describe('with a JWT', () => {
  test.each([
    ['one scope', { scope: 'openid pawl:read' }, ['read']],
    ['as Cognito writes them', { scope: 'pawl/decide pawl/read openid' }, ['read', 'decide']],
    ['both ways', { scope: 'pawl:read pawl/operate' }, ['read', 'operate']],
    ['a list as HTTP API writes it', { scope: '[pawl:decide pawl:read]' }, ['read', 'decide']],
    ['a list in scp', { scp: ['pawl:read', 'pawl:author'] }, ['read', 'author']],
    ['what only looks like one', { scope: 'pawl:read pawl:decided PAWL:operate pawl:*' }, ['read']],
  ])('it is the scopes that say what they may do: %s', async (_, claims, may) => {
    const answer = await withToken(claims);
    expect(answer).toMatchObject({ status: 200, body: { actor: 'user-7', groups: [], permissions: may } });
    assertDocumented('me', answer);
  });

  test.each([
    ['as HTTP API writes the list of Cognito', '[sre dev]', ['sre', 'dev']],
    ['one', 'sre', ['sre']],
    ['a list', ['sre', 'dev'], ['sre', 'dev']],
    // As for a vote: nothing is made of it that somebody might have called themselves.
    ['JSON as a text, which is one odd name', '["sre","dev"]', ['"sre","dev"']],
    ['none', '[]', []],
  ])('groups are those of the claim that a vote goes by: %s', async (_, groups, expected) => {
    const { body } = await withToken({ scope: 'pawl:read', 'cognito:groups': groups });
    expect(body).toEqual({ actor: 'user-7', groups: expected, permissions: ['read'] });
  });

  test('whoever may not read is told which scope is missing', async () => {
    const answer = await withToken({ scope: 'openid pawl:decide' });
    expect(answer).toMatchObject({ status: 403, body: { code: 'permission.missing', scope: 'pawl:read' } });
    expect(answer.body.detail).toContain('user-7');
  });

  test('nothing of it is taken from the caller', async () => {
    const headers = { 'x-pawl-actor': 'root', 'x-pawl-groups': 'sre' };
    const asked = { path, headers, authorizer: token({ scope: 'pawl:read' }) };
    expect((await local.as({ auth: 'jwt' }).ask(asked)).body).toEqual({
      actor: 'user-7',
      groups: [],
      permissions: ['read'],
    });
  });
});

test('with IAM the service is not told what policies allow, and says so; the group is the role', async () => {
  const arn = 'arn:aws:sts::123456789012:assumed-role/operator/ada';
  const answer = await local.as({ auth: 'iam' }).ask({ path, authorizer: { iam: { userArn: arn } } });
  expect(answer.body).toEqual({ actor: arn, groups: ['role/operator'], permissions: null });
  assertDocumented('me', answer);
});

test('on one machine everybody may do everything, as who and in which groups they say', async () => {
  expect((await local.ask({ path })).body).toEqual({ actor: 'local', groups: [], permissions });
  const headers = { 'x-pawl-actor': 'ada', 'x-pawl-groups': 'sre,dba' };
  expect((await local.ask({ path, headers })).body).toEqual({ actor: 'ada', groups: ['sre', 'dba'], permissions });
});

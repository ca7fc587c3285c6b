/**
 * Who acts, and what they may do: by route, with the contexts that API Gateway's authorizers hand on. serverless-offline
 * emulates neither IAM nor signatures of tokens, so this is where they are tested; the policies are tested in test/infra.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OperationName, operations } from '../../src/contract/index.ts';
import { assertDocumented } from './document.ts';
import { type Asked, documentOf, openService, publish, type Service, start } from './support.ts';

let local: Service;
let iam: Service;
let jwt: Service;
beforeAll(async () => {
  local = await openService();
  iam = local.as({ auth: 'iam' });
  jwt = local.as({ auth: 'jwt' });
  await publish(local, documentOf('demo', ['name=first', '```manual { name=look }\nLook.\n```']));
});
afterAll(() => local.world.drop());

const arn = 'arn:aws:sts::123456789012:assumed-role/operator/ada';
const signed = { iam: { userArn: arn, accountId: '123456789012' } };
const token = (claims: Record<string, unknown>) => ({ jwt: { claims: { sub: 'user-7', ...claims }, scopes: null } });
const all = 'pawl:read pawl:operate pawl:author pawl:decide';

/** The permission of each route, as the design has it. */
const permissions: Record<OperationName, 'read' | 'operate' | 'author' | 'decide' | null> = {
  health: null,
  openApi: 'read',
  me: 'read',
  listRunbooks: 'read',
  runbook: 'read',
  versions: 'read',
  version: 'read',
  publish: 'author',
  statistics: 'read',
  start: 'operate',
  startAndRun: 'operate',
  plan: 'read',
  listInstances: 'read',
  overview: 'read',
  counts: 'read',
  instance: 'read',
  journal: 'read',
  verify: 'read',
  journals: 'read',
  rebuild: 'operate',
  notes: 'read',
  elements: 'read',
  output: 'read',
  attachment: 'read',
  advance: 'operate',
  run: 'operate',
  cancel: 'operate',
  verdict: 'decide',
  verdicts: 'decide',
  undo: 'operate',
  release: 'decide',
  done: 'operate',
  vote: 'decide',
  makeLink: 'decide',
  link: null,
  useLink: null,
  claims: 'read',
  setClaim: 'operate',
  claimHistory: 'read',
  claimWaiters: 'read',
  workers: 'read',
};
const names = Object.keys(permissions) as OperationName[];
const guarded = names.filter((name) => permissions[name] !== null);

const askedOf = (name: OperationName, id: string): Asked => {
  const { method, path } = operations[name];
  const real = path
    .replace('{instanceId}', id)
    .replace('{runbookId}', 'demo')
    .replace('{version}', '1')
    .replace('{cell}', 'look')
    .replace('{seq}', '0');
  const bodies: Partial<Record<OperationName, unknown>> = {
    cancel: { reason: 'r' },
    undo: { reason: 'r' },
    release: { reason: 'r' },
    done: { result: 'done', note: 'n' },
    verdicts: { steps: [{ instanceId: id, seq: 1 }], verdict: 'failed', reason: 'r' },
    verdict: { seq: 1, verdict: 'failed', reason: 'r' },
    vote: { decision: 'approve', shownHash: '0'.repeat(64) },
    makeLink: { actor: 'bob' },
    setClaim: { status: 'supported' },
  };
  const queries: Partial<Record<OperationName, string>> = {
    elements: 'cell=look',
    setClaim: 'id=ci/7',
    claimHistory: 'id=ci/7',
    claimWaiters: 'id=ci/7',
  };
  if (name === 'publish') {
    const body = documentOf('demo', ['name=first', '```manual { name=look }\nLook.\n```']);
    return { method, path: real, body, headers: { 'content-type': 'text/markdown' } };
  }
  const body = bodies[name] ?? (method === 'POST' ? {} : undefined);
  const query = queries[name];
  return { method, path: real, ...(body === undefined ? {} : { body }), ...(query === undefined ? {} : { query }) };
};
/** What is answered once the permission is there: the operation's own business. */
const past = (status: number): boolean => status !== 401 && status !== 403;

test('every route has the permission that the design gives it', () => {
  expect(Object.fromEntries(Object.entries(operations).map(([name, { permission }]) => [name, permission]))).toEqual(
    permissions,
  );
});

describe.each(guarded)('%s', (name) => {
  const scope = `pawl:${permissions[name]}`;

  test('with IAM: not without a signature, and with one whatever its policies let through', async () => {
    const id = await start(local, 'demo');
    const unsigned = await iam.ask(askedOf(name, id));
    expect(unsigned).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'AWS4-HMAC-SHA256' },
      body: { code: 'actor.unknown' },
    });
    assertDocumented(name, unsigned);
    expect(past((await iam.ask({ ...askedOf(name, id), authorizer: signed })).status)).toBe(true);
  });

  test(`with a JWT: not without the scope ${scope}, whatever others it has`, async () => {
    const id = await start(local, 'demo');
    const unknown = await jwt.ask(askedOf(name, id));
    expect(unknown).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer' } });
    const others = all.split(' ').filter((each) => each !== scope);
    const without = await jwt.ask({ ...askedOf(name, id), authorizer: token({ scope: others.join(' ') }) });
    expect(without).toMatchObject({
      status: 403,
      body: { code: 'permission.missing', scope, detail: expect.stringContaining('user-7') },
    });
    assertDocumented(name, without);
    expect(past((await jwt.ask({ ...askedOf(name, id), authorizer: token({ scope }) })).status)).toBe(true);
  });

  test('with a JWT of Cognito: the same by the scopes of its resource server, pawl/…', async () => {
    const id = await start(local, 'demo');
    const own = scope.replace(':', '/');
    const others = all
      .replaceAll(':', '/')
      .split(' ')
      .filter((each) => each !== own);
    const asked = askedOf(name, id);
    expect((await jwt.ask({ ...asked, authorizer: token({ scope: others.join(' ') }) })).status).toBe(403);
    expect(past((await jwt.ask({ ...asked, authorizer: token({ scope: own }) })).status)).toBe(true);
  });

  test('refused for want of a permission, nothing has happened', async () => {
    const id = await start(local, 'demo');
    await jwt.ask({ ...askedOf(name, id), authorizer: token({ scope: '' }) });
    await iam.ask(askedOf(name, id));
    const { body } = await local.ask({ path: `/instances/${id}/journal` });
    expect((body.entries as unknown[]).length).toBe(1);
  });
});

test.each(['iam', 'jwt'] as const)(
  'with %s a page of somebody else, which a browser sends the cookies along with, is nobody, and nothing happens',
  async (auth) => {
    const foreign = { origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site', cookie: 'session=of-ada' };
    const service = local.as({ auth });
    const id = await start(local, 'demo');
    for (const path of ['/runbooks/demo/instances', `/instances/${id}/run`, `/instances/${id}/cancel`]) {
      const body = path.endsWith('cancel') ? { reason: 'r' } : {};
      const { status, body: said } = await service.ask({ method: 'POST', path, body, headers: foreign });
      expect([status, said.code]).toEqual([401, 'actor.unknown']);
    }
    const { body } = await local.ask({ path: `/instances/${id}/journal` });
    expect((body.entries as unknown[]).length).toBe(1);
  },
);

describe('health', () => {
  test.each(['local', 'iam', 'jwt'] as const)('answers everybody: %s', async (auth) => {
    expect(await local.as({ auth }).ask({ path: '/health' })).toMatchObject({ status: 200, body: { status: 'ok' } });
  });
});

describe('who acts', () => {
  const actorIn = async (id: string): Promise<unknown> => {
    const { body } = await local.ask({ path: `/instances/${id}/journal`, query: 'after=0&limit=1' });
    return (body.entries as { by: { actor: string } }[])[0]?.by.actor;
  };
  const advance = (id: string): Asked => ({ method: 'POST', path: `/instances/${id}/advance`, body: {} });

  test('with IAM it is the ARN of the caller, and stands in the journal', async () => {
    const id = await start(local, 'demo');
    await iam.ask({ ...advance(id), authorizer: signed, headers: { 'x-pawl-actor': 'somebody-else' } });
    expect(await actorIn(id)).toBe(arn);
  });

  test('with a JWT it is the subject', async () => {
    const id = await start(local, 'demo');
    await jwt.ask({ ...advance(id), authorizer: token({ scope: 'pawl:operate' }), headers: { 'X-Pawl-Actor': 'x' } });
    expect(await actorIn(id)).toBe('user-7');
  });

  test('locally it is X-Pawl-Actor, however the header is written, else `local`', async () => {
    const one = await start(local, 'demo');
    await local.ask({ ...advance(one), headers: { 'X-PAWL-Actor': 'ada' } });
    expect(await actorIn(one)).toBe('ada');
    const two = await start(local, 'demo');
    await local.ask(advance(two));
    expect(await actorIn(two)).toBe('local');
  });

  test('it is never taken from a body', async () => {
    const id = await start(local, 'demo');
    const answer = await local.ask({ ...advance(id), body: { by: { actor: 'root' } } });
    expect(answer).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
  });

  const expecting = (actor: string) => ({ 'x-pawl-expected-actor': encodeURIComponent(actor) });

  test('an act that was meant as somebody else’s is refused, and nothing is done', async () => {
    const id = await start(local, 'demo');
    const asked = { ...advance(id), headers: { 'x-pawl-actor': 'bob', ...expecting('Zoë, 1st') } };
    const answer = await local.ask(asked);
    expect(answer).toMatchObject({ status: 409, body: { code: 'actor.other', actor: 'bob' } });
    expect(answer.body.detail).toBe(
      'Nothing was done: this page shows Zoë, 1st, and you are now signed in as bob. Look again, then decide as bob, or sign in as before.',
    );
    assertDocumented('advance', answer);
    const { body } = await local.ask({ path: `/instances/${id}/journal` });
    expect(body.entries).toHaveLength(1);
    const broken = { 'x-pawl-expected-actor': '%E0' };
    expect(await local.ask({ ...advance(id), headers: broken })).toMatchObject({ status: 409 });
  });

  test('with a token it is the subject that the page has to show, whatever the token may do', async () => {
    const id = await start(local, 'demo');
    const asked = { ...advance(id), authorizer: token({ scope: 'pawl:read' }), headers: expecting('user-8') };
    expect(await jwt.ask(asked)).toMatchObject({ status: 409, body: { code: 'actor.other' } });
  });

  test('an act of whom the page shows is taken; whoever only looks is answered, whomever it shows', async () => {
    const id = await start(local, 'demo');
    const headers = { 'x-pawl-actor': 'ada', ...expecting('ada') };
    expect((await local.ask({ ...advance(id), headers })).status).toBe(200);
    expect(await actorIn(id)).toBe('ada');
    expect((await local.ask({ path: `/instances/${id}`, headers: expecting('bob') })).status).toBe(200);
  });

  test.each([
    ['empty', ''],
    ['with a line break in it', 'ada\nroot'],
    ['too long', 'a'.repeat(513)],
  ])('an actor that is %s is nobody', async (_, actor) => {
    const answer = await local.ask({ path: '/instances', headers: { 'x-pawl-actor': actor } });
    expect(answer).toMatchObject({ status: 401, body: { code: 'actor.unknown' } });
  });

  test.each([
    ['a context of the other authorizer', 'iam', token({ scope: all })],
    ['a context of the other authorizer', 'jwt', signed],
    ['an ARN of null', 'iam', { iam: { userArn: null } }],
    ['a token without subject', 'jwt', { jwt: { claims: { scope: all } } }],
    ['a subject that is no text', 'jwt', { jwt: { claims: { sub: 7, scope: all } } }],
    ['no claims', 'jwt', { jwt: { claims: null } }],
  ] as const)('%s is nobody (%s)', async (_, auth, authorizer) => {
    const answer = await local.as({ auth }).ask({ path: '/instances', authorizer });
    expect(answer).toMatchObject({ status: 401, body: { code: 'actor.unknown' } });
  });
});

describe('scopes', () => {
  const statusWith = async (claims: Record<string, unknown>): Promise<number> =>
    (await jwt.ask({ path: '/instances', authorizer: token(claims) })).status;

  test.each([
    ['a text', { scope: 'openid pawl:read' }],
    ['a list as HTTP API writes it', { scope: '[openid pawl:read]' }],
    ['a list', { scope: ['openid', 'pawl:read'] }],
    ['the claim scp', { scp: 'pawl:read' }],
    ['a list in scp', { scp: ['pawl:read'] }],
    ['a text of Cognito', { scope: 'openid pawl/read' }],
  ])('are read from %s', async (_, claims) => {
    expect(await statusWith(claims)).toBe(200);
  });

  test.each([
    ['a part of one', { scope: 'pawl:readonly' }],
    ['a longer one', { scope: 'x-pawl:read' }],
    ['one in capitals', { scope: 'PAWL:READ' }],
    ['a wildcard', { scope: 'pawl:*' }],
    ['a resource server of another name', { scope: 'https://pawl/read' }],
    ['a part of one of Cognito', { scope: 'pawl/readonly' }],
    ['roles instead', { roles: ['pawl:read'] }],
    ['an object', { scope: { 'pawl:read': true } }],
  ])('are not guessed from %s', async (_, claims) => {
    expect(await statusWith(claims)).toBe(403);
  });
});

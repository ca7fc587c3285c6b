/** The environment of the functions is read once, and refused where it would let a step run unrecorded or unguarded. */
import { describe, expect, test } from 'vitest';
import { PawlError } from '../../src/engine/index.ts';
import {
  allowShOf,
  authOf,
  engineSettings,
  groupsClaimOf,
  refuseManagedInstances,
  storeSettings,
  workFunctionOf,
} from '../../src/handlers/settings.ts';

const deployed = {
  PAWL_TABLES: 'pawl-dev',
  PAWL_APPEND_ONLY: 'insert',
  PAWL_DEPLOYMENT: 'pawl-dev',
  PAWL_EPOCH: '3',
  PAWL_TAKEOVER_GRACE_MS: '20000',
  PAWL_HTTP_ALLOW: 'intranet:8080',
  PAWL_ALLOW: '{"secrets":["ssm:/pawl/*"]}',
  PAWL_ALLOW_SH: 'false',
  PAWL_AUTH: 'iam',
  PAWL_WORK_FUNCTION: 'pawl-dev-work',
  PAWL_EXECUTE_FUNCTION: 'pawl-dev-execute-cell',
  PAWL_EXECUTE_TASK_FUNCTION: 'pawl-dev-execute-task',
  PAWL_UNRECORDED_QUEUE: 'https://sqs.us-east-1.amazonaws.com/123456789012/q',
  PAWL_WAKES_QUEUE: 'https://sqs.us-east-1.amazonaws.com/123456789012/w',
};
const codeOf = (read: () => unknown): string => {
  try {
    read();
  } catch (error) {
    if (error instanceof PawlError) return `${error.code}: ${error.message}`;
  }
  return 'taken';
};

test('what serverless.yml sets is read', () => {
  expect(engineSettings(deployed)).toEqual({
    tables: 'pawl-dev',
    appendOnly: 'insert',
    deployment: { name: 'pawl-dev', epoch: 3, takeoverGraceMs: 20_000 },
    httpAllow: 'intranet:8080',
    allow: '{"secrets":["ssm:/pawl/*"]}',
    allowSh: false,
    executeFunction: 'pawl-dev-execute-cell',
    taskFunction: 'pawl-dev-execute-task',
    unrecorded: { kind: 'queue', url: 'https://sqs.us-east-1.amazonaws.com/123456789012/q' },
    wakes: { kind: 'queue', url: 'https://sqs.us-east-1.amazonaws.com/123456789012/w' },
  });
  expect(authOf(deployed)).toBe('iam');
  expect(workFunctionOf(deployed)).toBe('pawl-dev-work');
});

test('what may be left out has the value of the command line', () => {
  const {
    PAWL_EPOCH: _a,
    PAWL_TAKEOVER_GRACE_MS: _b,
    PAWL_HTTP_ALLOW: _c,
    PAWL_ALLOW: _f,
    PAWL_ALLOW_SH: _d,
    PAWL_APPEND_ONLY: _e,
    ...least
  } = deployed;
  expect(engineSettings(least)).toMatchObject({
    appendOnly: 'put',
    deployment: { epoch: 0, takeoverGraceMs: 15_000 },
    httpAllow: '',
    allow: '',
    allowSh: false,
  });
});

test.each([
  ['PAWL_TABLES', undefined],
  ['PAWL_DEPLOYMENT', ''],
  ['PAWL_DEPLOYMENT', 'a/b'],
  ['PAWL_APPEND_ONLY', 'inset'],
  ['PAWL_APPEND_ONLY', 'PUT'],
  ['PAWL_APPEND_ONLY', 'true'],
  ['PAWL_EPOCH', 'two'],
  ['PAWL_EPOCH', '-1'],
  ['PAWL_TAKEOVER_GRACE_MS', '999'],
  ['PAWL_TAKEOVER_GRACE_MS', '15s'],
  ['PAWL_DECIDE_PEOPLE', '3'],
  ['PAWL_DECIDE_PEOPLE', 'two'],
  ['PAWL_PUBLIC_URL', 'pawl.example.org'],
  ['PAWL_PUBLIC_URL', 'https://pawl.example.org/'],
  ['PAWL_PUBLIC_URL', 'ftp://pawl.example.org'],
  ['PAWL_PUBLIC_URL', 'https://me@pawl.example.org'],
  ['PAWL_EXECUTE_FUNCTION', undefined],
  ['PAWL_UNRECORDED_QUEUE', undefined],
  ['PAWL_WAKES_QUEUE', undefined],
])('%s = %j is refused, by name', (name, value) => {
  const told = codeOf(() => engineSettings({ ...deployed, [name]: value }));
  expect(told).toMatch(new RegExp(`^deployment\\.unsupported: ${name} `));
});

test('where people see the service is told to the engine, or nothing is', () => {
  const url = 'https://pawl.example.org/prod';
  expect(engineSettings({ ...deployed, PAWL_PUBLIC_URL: url }).deployment.url).toBe(url);
  expect(engineSettings({ ...deployed, PAWL_DECIDE_PEOPLE: '2' }).deployment.decidePeople).toBe(2);
  expect(engineSettings({ ...deployed, PAWL_DECIDE_PEOPLE: '1' }).deployment).not.toHaveProperty('decidePeople');
  expect(engineSettings({ ...deployed, PAWL_PUBLIC_URL: '' }).deployment).not.toHaveProperty('url');
});

test('a way of appending that there is not is told with those that there are', () => {
  expect(codeOf(() => engineSettings({ ...deployed, PAWL_APPEND_ONLY: 'inset' }))).toBe(
    'deployment.unsupported: PAWL_APPEND_ONLY is "inset"; it may be put or insert.',
  );
  expect(engineSettings({ ...deployed, PAWL_APPEND_ONLY: 'put' }).appendOnly).toBe('put');
});

test('without a queue outcomes are set aside in a folder, on one’s own machine only', () => {
  const { PAWL_UNRECORDED_QUEUE: _, ...least } = deployed;
  const local = { ...least, IS_OFFLINE: 'true' };
  expect(engineSettings(local).unrecorded).toEqual({ kind: 'folder', folder: '.pawl/unrecorded' });
  expect(engineSettings({ ...local, PAWL_UNRECORDED_DIR: '/x' }).unrecorded).toEqual({ kind: 'folder', folder: '/x' });
});

test('without a queue the process itself remembers whom to wake, on one’s own machine only', () => {
  const { PAWL_WAKES_QUEUE: _, ...least } = deployed;
  expect(engineSettings({ ...least, IS_OFFLINE: 'true' }).wakes).toEqual({ kind: 'timer' });
});

test('groups are in the claim of Cognito, or in the one that is named', () => {
  expect(groupsClaimOf(deployed)).toBe('cognito:groups');
  expect(groupsClaimOf({ ...deployed, PAWL_GROUPS_CLAIM: 'groups' })).toBe('groups');
});

describe('who is known', () => {
  test.each([
    ['iam', { PAWL_AUTH: 'iam' }],
    ['jwt', { PAWL_AUTH: 'jwt' }],
    ['local', { PAWL_AUTH: 'jwt', IS_OFFLINE: 'true' }],
  ])('%s', (auth, env) => expect(authOf(env)).toBe(auth));

  test.each([[undefined], [''], ['none'], ['local'], ['IAM']])('PAWL_AUTH = %j is refused on AWS', (PAWL_AUTH) => {
    expect(codeOf(() => authOf({ PAWL_AUTH }))).toMatch(/^deployment\.unsupported: PAWL_AUTH/);
  });

  test.each([['1'], ['TRUE'], ['']])('IS_OFFLINE = %j is not local', (IS_OFFLINE) => {
    expect(codeOf(() => authOf({ IS_OFFLINE }))).toMatch(/^deployment\.unsupported/);
  });
});

test('Lambda Managed Instances are refused', () => {
  for (const env of [
    { AWS_LAMBDA_INITIALIZATION_TYPE: 'lambda-managed-instances' },
    { AWS_LAMBDA_MAX_CONCURRENCY: '10' },
  ])
    expect(codeOf(() => refuseManagedInstances(env))).toMatch(/^deployment\.unsupported: Lambda Managed/);
  for (const type of [undefined, 'on-demand', 'provisioned-concurrency'])
    expect(codeOf(() => refuseManagedInstances({ AWS_LAMBDA_INITIALIZATION_TYPE: type }))).toBe('taken');
});

test('only `true` lets shell cells run', () => {
  expect(['true', 'TRUE', '1', 'yes', '', undefined].map((value) => allowShOf({ PAWL_ALLOW_SH: value }))).toEqual([
    true,
    false,
    false,
    false,
    false,
    false,
  ]);
  expect(codeOf(() => storeSettings({}))).toMatch(/PAWL_TABLES/);
});

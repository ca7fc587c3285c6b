/** Every route: a good answer as the OpenAPI document promises it, and at least five bad requests, each refused as a problem. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type OperationName, operations } from '../../src/contract/index.ts';
import { assertDocumented } from './document.ts';
import {
  type Answered,
  type Asked,
  documentOf,
  openService,
  publish,
  type Service,
  start,
  untilDecidable,
} from './support.ts';

let service: Service;
const doubtful = documentOf('doubtful', ['name=first timeout=100ms', 'name=second']);
const askingOne = documentOf('permit', [
  '```approve { name=go approvers=bob groups=sre quorum=1 }\nShall it go on?\n```',
  'name=last',
]);
const demo = documentOf(
  'demo',
  ['name=first', '```manual { name=look }\nLook at {{ outputs.first.a }}.\n```', 'name=last'],
  'params: { n: { type: integer, default: 1 } }',
);

const undoable = documentOf('undoable', [
  'name=first',
  '```js { undo=first }\nexport default () => 1\n```',
  'name=second',
]);

const listed = documentOf('listed', [
  "## Each { each=\"['a', 'b']\" as=one max=2 name=each }\n\n```manual { name=look }\nLook at {{ one }}.\n```\n",
]);

beforeAll(async () => {
  service = await openService();
  for (const source of [demo, doubtful, askingOne, documentOf('other', ['name=only']), undoable, listed]) {
    const { status } = await publish(service, source);
    expect(status).toBe(201);
  }
});
afterAll(() => service.world.drop());

const post = (path: string, body?: unknown, headers = {}): Asked => ({ method: 'POST', path, body, headers });
const markdown = (path: string, body: string, more: Partial<Asked> = {}): Asked => ({
  method: 'PUT',
  path,
  body,
  headers: { 'content-type': 'text/markdown' },
  ...more,
});
const at = (id: string, rest = '') => `/instances/${id}${rest}`;
const idOf = (answer: Answered): string => (answer.body.view as { instanceId: string }).instanceId;

/** An instance that waits for the approval of bob or of somebody from sre, and the hash of what it shows. */
const asking = async (): Promise<{ id: string; shownHash: string }> => {
  const id = await start(service, 'permit');
  await service.ask(post(at(id, '/advance')));
  const { body } = await service.ask({ path: at(id) });
  return { id, shownHash: (body.waits as { shownHash: string }).shownHash };
};
const asCarol = { 'x-pawl-actor': 'carol' };
const asBob = { 'x-pawl-actor': 'bob' };
const linkOf = async (id: string): Promise<string> => {
  const { body } = await service.ask(post(at(id, '/cells/go/links'), { actor: 'bob' }, asCarol));
  return new URL(String(body.link), 'http://localhost').pathname;
};
let claims = 0;
/** A claim that was set twice. */
const claimed = async (): Promise<string> => {
  claims += 1;
  const id = `ci/${claims}`;
  for (const status of ['asserted', 'supported'])
    await service.ask({ method: 'PUT', path: '/claims', query: `id=${id}`, body: { status, evidence: { n: 1 } } });
  return id;
};

/** An instance whose first cell is in doubt: its holder was cut off. */
const inDoubt = async (): Promise<string> => {
  const id = await start(service, 'doubtful');
  service.cells.execute = async () => ({ status: 'unknown' });
  await service.ask(post(at(id, '/advance')));
  service.cells.execute = async () => ({ status: 'completed', output: '{"a":1}' });
  await untilDecidable(service, id);
  return id;
};
/** An instance that halted at its second cell, and can take back its first. */
const failed = async (): Promise<string> => {
  const id = await start(service, 'undoable');
  const { execute } = service.cells;
  service.cells.execute = async (input) =>
    input.step.cell === 'second' ? { status: 'failed', error: { code: 'cell.exit', message: 'no' } } : execute(input);
  await service.ask(post(at(id, '/run')));
  service.cells.execute = execute;
  return id;
};
/** An instance that waits for a person at `look`. */
const waiting = async (): Promise<string> => {
  const id = await start(service, 'demo');
  await service.ask(post(at(id, '/advance'), { maxCells: 'all' }));
  return id;
};

type Good = { asked(): Promise<Asked>; status: number; body: object; headers?: object };
type Bad = { name: string; asked(): Promise<Asked>; status: number; code: string; says?: RegExp };
const now = (asked: Asked) => async () => asked;

const beat = {
  place: 'bastion',
  id: 'bastion-1:4711-0a1b2c3d',
  host: 'bastion-1',
  pid: 4711,
  version: '0.18.0',
  startedAtMs: 1_795_489_200_000,
  seenAtMs: 1_795_489_230_000,
  leftAtMs: 1_795_489_230_000,
  concurrency: 4,
  running: 0,
  lacks: ['program kubectl (looked in PATH)'],
};

const seenSha256 = '7208794c984ea1c75d13877c7427336fe98722c41a056eeee4f37360ec367123';

const good: Record<OperationName, Good> = {
  health: { asked: now({ path: '/health' }), status: 200, body: { status: 'ok' } },
  openApi: { asked: now({ path: '/openapi.json' }), status: 200, body: { openapi: '3.1.1' } },
  me: {
    asked: now({ path: '/me', headers: { 'x-pawl-actor': 'ada', 'x-pawl-groups': 'sre, dba' } }),
    status: 200,
    body: { actor: 'ada', groups: ['sre', 'dba'], permissions: ['read', 'operate', 'author', 'decide'] },
  },
  listRunbooks: {
    asked: now({ path: '/runbooks', query: 'limit=2' }),
    status: 200,
    body: {
      runbooks: [
        { runbookId: 'demo', version: 1, title: 'demo, a test', cells: 3, by: 'local' },
        { runbookId: 'doubtful', version: 1, cells: 2 },
      ],
      next: expect.stringMatching(/^[0-9a-f]{16}\.doubtful$/),
    },
  },
  runbook: {
    asked: now({ path: '/runbooks/demo' }),
    status: 200,
    body: {
      runbookId: 'demo',
      version: 1,
      source: demo,
      runbook: { cells: [{ name: 'first' }, { name: 'look' }, {}] },
    },
  },
  versions: {
    asked: async () => {
      for (const cell of ['name=one', 'name=two', 'name=three']) await publish(service, documentOf('often', [cell]));
      return { path: '/runbooks/often/versions', query: 'limit=1&before=3' };
    },
    status: 200,
    body: {
      versions: [{ runbookId: 'often', version: 2, title: 'often, a test', by: 'local', atMs: expect.any(Number) }],
      next: 2,
    },
  },
  version: {
    asked: now({ path: '/runbooks/demo/versions/1' }),
    status: 200,
    body: { runbookId: 'demo', version: 1, title: 'demo, a test', source: demo },
  },
  publish: {
    asked: now(markdown('/runbooks/fresh', documentOf('fresh', ['name=one', 'name=two']))),
    status: 201,
    body: { runbookId: 'fresh', version: 1, cells: 2, created: true },
  },
  start: {
    asked: now(post('/runbooks/demo/instances', { params: { n: 3 }, instanceId: 'demo-3', drive: 'auto' })),
    status: 201,
    body: { created: true, view: { instanceId: 'demo-3', seq: 0, status: 'ready', cell: 'first', drive: 'auto' } },
    headers: { location: '/instances/demo-3' },
  },
  startAndRun: {
    asked: now(post('/runbooks/demo/run', { params: { n: 4 }, instanceId: 'demo-4' })),
    status: 200,
    body: {
      created: true,
      result: 'parked',
      verdict: 'unfinished',
      steps: [{ cell: 'first', status: 'completed' }],
      view: { instanceId: 'demo-4', status: 'waiting', cell: 'look', drive: 'auto' },
    },
    headers: { location: '/instances/demo-4' },
  },
  plan: {
    asked: now(post('/runbooks/demo/plan', { params: { n: 5 } })),
    status: 200,
    body: {
      runbookId: 'demo',
      version: 1,
      params: { n: 5 },
      cells: [
        { name: 'first' },
        { name: 'look', waits: 'waits for a person', input: 'Look at {{ outputs.first.a }}.' },
        { name: 'last' },
      ],
    },
  },
  listInstances: {
    asked: async () => {
      await start(service, 'other', { instanceId: 'listed-1' });
      await start(service, 'other', { instanceId: 'listed-2' });
      return { path: '/instances', query: 'runbook=other&status=ready&limit=1' };
    },
    status: 200,
    body: {
      views: [{ instanceId: expect.stringMatching(/^listed-[12]$/), status: 'ready', runbookId: 'other' }],
      next: expect.any(String),
    },
    headers: { etag: expect.stringMatching(/^"[0-9a-f]{32}"$/) },
  },
  overview: {
    asked: async () => {
      await start(service, 'other', { instanceId: 'looked-at' });
      return { path: '/overview', query: 'runbook=other' };
    },
    status: 200,
    body: {
      running: { views: expect.arrayContaining([expect.objectContaining({ instanceId: 'looked-at' })]), next: null },
      counts: expect.arrayContaining([{ status: 'ready', count: expect.any(Number), atLeast: false }]),
    },
    headers: { etag: expect.stringMatching(/^"[0-9a-f]{32}"$/) },
  },
  counts: {
    asked: async () => {
      await start(service, 'other', { instanceId: 'counted' });
      return { path: '/counts', query: 'runbook=other&since=1h' };
    },
    status: 200,
    body: { counts: expect.arrayContaining([{ status: 'ready', count: expect.any(Number), atLeast: false }]) },
    headers: { etag: expect.stringMatching(/^"[0-9a-f]{32}"$/) },
  },
  instance: {
    asked: async () => ({ path: at(await waiting()) }),
    status: 200,
    body: {
      view: { status: 'waiting', cell: 'look', cellsDone: 1 },
      params: { n: 1 },
      cells: [
        { name: 'first', state: 'completed', output: '{"a":1}', outputSeq: 2, attempts: 1, by: 'local' },
        { name: 'look', state: 'waiting', output: null },
        { name: 'last', state: 'pending' },
      ],
      waits: { kind: 'manual', cell: 'look', instructions: 'Look at 1.', dueAtMs: null },
      head: { kind: 'waiting', seq: 3 },
      held: false,
    },
  },
  journal: {
    asked: async () => ({ path: at(await waiting(), '/journal'), query: 'after=0&limit=2' }),
    status: 200,
    body: {
      entries: [
        { kind: 'reserved', seq: 1, cell: 'first' },
        { kind: 'outcome', seq: 2, status: 'completed', output: { kind: 'inline', text: '{"a":1}' } },
      ],
      next: 2,
      deployment: { name: 'test', epoch: 0, takeoverGraceMs: 1_000 },
    },
  },
  notes: {
    asked: async () => {
      service.cells.execute = async ({ log }) => {
        log('stdout', 'sixteen tons');
        return { status: 'completed', output: '{"a":1}' };
      };
      return { path: at(await waiting(), '/notes'), query: 'about=1' };
    },
    status: 200,
    body: { notes: [{ kind: 'log', about: 1, cell: 'first', text: 'sixteen tons' }], next: null },
  },
  elements: {
    asked: async () => {
      await start(service, 'listed', { instanceId: 'family-1' });
      await service.ask(post(at('family-1', '/run')));
      return { path: at('family-1', '/elements'), query: 'cell=each' };
    },
    status: 200,
    body: {
      elements: [
        { index: 0, item: 'a', instanceId: 'family-1~each.0', as: null },
        { index: 1, item: 'b', instanceId: 'family-1~each.1', as: null },
      ],
      next: null,
    },
    headers: { etag: expect.stringMatching(/^"[0-9a-f]{32}"$/) },
  },
  output: {
    asked: async () => ({ path: at(await waiting(), '/outputs/2') }),
    status: 200,
    body: { seq: 2, bytes: 7, truncated: false, part: 1, parts: 1, text: '{"a":1}' },
  },
  attachment: {
    asked: async () => {
      const id = await waiting();
      const attachment = { name: 'seen.txt', base64: 'c2Vlbg==', sha256: seenSha256 };
      await service.ask(post(at(id, '/cells/look/done'), { result: 'done', note: 'looked', attachment }));
      return { path: at(id, '/attachments/4') };
    },
    status: 200,
    body: {
      ...{ seq: 4, file: 1, files: 1, name: 'seen.txt', bytes: 4, sha256: seenSha256 },
      ...{ part: 1, parts: 1, base64: 'c2Vlbg==' },
    },
  },
  advance: {
    asked: async () => post(at(await start(service, 'demo'), '/advance'), { cell: 'first', expectedSeq: 0 }),
    status: 200,
    body: {
      result: 'advanced',
      reserved: 1,
      steps: [{ cell: 'first', seq: 1, status: 'completed', then: 'next', recorded: true }],
      view: { seq: 2, cell: 'look' },
    },
  },
  run: {
    asked: async () => post(at(await start(service, 'doubtful'), '/run')),
    status: 200,
    body: {
      result: 'completed',
      verdict: 'completed procedurally',
      coverage: { declared: 0, cells: 2, forgiven: 0, skipped: 0 },
      view: { drive: 'auto', status: 'completed' },
    },
  },
  verify: {
    asked: async () => ({ path: at(await waiting(), '/verify') }),
    status: 200,
    body: {
      intact: true,
      entries: 4,
      head: { seq: 3, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
      breaks: [],
      ended: null,
    },
  },
  journals: {
    asked: async () => {
      await start(service, 'demo', { instanceId: 'known-by-its-journal' });
      return { path: '/journals' };
    },
    status: 200,
    body: { instanceIds: expect.arrayContaining(['known-by-its-journal']) },
  },
  rebuild: {
    asked: async () => post(at(await waiting(), '/rebuild')),
    status: 200,
    body: { view: { status: 'waiting', cell: 'look' } },
  },
  cancel: {
    asked: async () => post(at(await waiting(), '/cancel'), { reason: 'no longer needed' }),
    status: 200,
    body: { mayStillRun: null, view: { status: 'cancelled' } },
  },
  verdict: {
    asked: async () =>
      post(at(await inDoubt(), '/verdict'), { seq: 1, verdict: 'succeeded', reason: 'seen', output: '7' }),
    status: 200,
    body: { view: { status: 'ready', cell: 'second', cellsDone: 1 }, awaits: null },
  },
  verdicts: {
    asked: async () =>
      post('/verdicts', { steps: [{ instanceId: await inDoubt(), seq: 1 }], verdict: 'skip', reason: 'seen' }),
    status: 200,
    body: { steps: [{ seq: 1, result: 'taken', view: { status: 'ready', cell: 'second' } }] },
  },
  undo: {
    asked: async () => post(at(await failed(), '/undo'), { reason: 'not tonight' }),
    status: 200,
    body: { view: { status: 'ready', cell: 'undo_first' } },
  },
  release: {
    asked: async () => post(at(await start(service, 'demo'), '/release'), { reason: 'compared with the backup' }),
    status: 200,
    body: { view: { status: 'ready', cell: 'first' } },
  },
  done: {
    asked: async () => post(at(await waiting(), '/cells/look/done'), { result: 'done', note: 'looked' }),
    status: 200,
    body: { view: { status: 'ready', cell: 'last', cellsDone: 2 } },
  },
  vote: {
    asked: async () => {
      const { id, shownHash } = await asking();
      return post(at(id, '/cells/go/votes'), { decision: 'approve', shownHash, comment: 'looks good' }, asBob);
    },
    status: 200,
    body: { view: { status: 'ready', cell: 'last' }, decision: 'approved', approvals: ['bob'], quorum: 1 },
  },
  makeLink: {
    asked: async () =>
      post(at((await asking()).id, '/cells/go/links'), { actor: 'bob' }, { ...asCarol, host: 'localhost:3000' }),
    status: 201,
    body: {
      link: expect.stringMatching(/^http:\/\/localhost:3000\/links\/[0-9a-f]{64}$/),
      actor: 'bob',
      expiresAt: expect.stringMatching(/Z$/),
    },
  },
  link: {
    asked: async () => ({ path: await linkOf((await asking()).id) }),
    status: 200,
    body: { cell: 'go', title: 'permit, a test', actor: 'bob', shown: { text: 'Shall it go on?', params: {} } },
  },
  useLink: {
    asked: async () => {
      const { id, shownHash } = await asking();
      return post(await linkOf(id), { decision: 'reject', shownHash });
    },
    status: 200,
    body: { decision: 'rejected', approvals: [], quorum: 1 },
  },
  claims: {
    asked: async () => ({ path: '/claims', query: `id=${await claimed()}` }),
    status: 200,
    body: {
      claim: { claimId: expect.stringMatching(/^ci\//), revision: 2, status: 'supported', evidence: { n: 1 } },
    },
  },
  setClaim: {
    asked: async () => ({
      method: 'PUT',
      path: '/claims',
      query: 'id=deploy%2Feu',
      body: { status: 'asserted', statement: 'It is deployed.', evidence: [1, 'two', null], revision: 0 },
    }),
    status: 201,
    body: {
      claim: {
        claimId: 'deploy/eu',
        revision: 1,
        status: 'asserted',
        statement: 'It is deployed.',
        evidence: [1, 'two', null],
        by: { actor: 'local' },
        at: expect.stringMatching(/Z$/),
      },
      woken: 0,
    },
  },
  claimHistory: {
    asked: async () => ({ path: '/claims/history', query: `id=${await claimed()}&limit=1` }),
    status: 200,
    body: { claims: [{ revision: 2, status: 'supported' }], next: 2 },
  },
  statistics: {
    asked: async () => {
      await inDoubt();
      return { path: '/runbooks/doubtful/statistics', query: 'version=1' };
    },
    status: 200,
    body: {
      runbookId: 'doubtful',
      version: 1,
      cells: expect.arrayContaining([expect.objectContaining({ name: 'first' })]),
    },
  },
  claimWaiters: {
    asked: async () => {
      for (const instanceId of ['w-1', 'w-2'])
        await service.world.store.subscriptions.add('ci/waited', {
          instanceId,
          cell: 'wait',
          about: 1,
          runbookId: 'demo',
        });
      return { path: '/claims/waiters', query: 'id=ci/waited&limit=1' };
    },
    status: 200,
    body: { waiters: [{ instanceId: 'w-1', cell: 'wait', runbookId: 'demo' }], next: expect.any(String) },
  },
  workers: {
    asked: async () => {
      await service.world.store.workers.beat(beat);
      return { path: '/workers', query: 'place=bastion' };
    },
    status: 200,
    body: { workers: [{ ...beat, state: 'left' }], wanted: [] },
  },
};

const invalid = { status: 400, code: 'request.invalid' } as const;
const noInstance = { status: 404, code: 'instance.unknown' } as const;
const noClaim = { status: 404, code: 'claim.unknown' } as const;
const noHash = '0'.repeat(64);
const noVote = { decision: 'approve', shownHash: noHash };
const form = 'application/x-www-form-urlencoded';
const put = (query: string, body: object): Asked => ({ method: 'PUT', path: '/claims', query, body });
const tooDeep = `{"params":${'['.repeat(150)}${']'.repeat(150)}}`;
const reservedOnly = { reason: 'r' };

/** What every route with a JSON body refuses. `path` leads to something that exists. */
const badBodies = (path: () => Promise<string>, wrong: object): Bad[] => {
  const to = (more: Partial<Asked>) => async (): Promise<Asked> => ({ method: 'POST', path: await path(), ...more });
  return [
    { name: 'broken JSON', asked: to({ body: '{"reason":' }), ...invalid, says: /not JSON/ },
    { name: 'JSON that is no object', asked: to({ body: '[1]' }), ...invalid },
    { name: 'a field it does not know', asked: to({ body: { nonsense: 1 } }), ...invalid, says: /nonsense/ },
    { name: 'a value of the wrong type', asked: to({ body: wrong }), ...invalid },
    {
      name: 'a content type that is not JSON',
      asked: to({ body: 'reason=r', headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
      status: 415,
      code: 'media.unsupported',
      says: /application\/json/,
    },
    {
      name: 'an encoded body',
      asked: to({ body: {}, headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' } }),
      status: 415,
      code: 'media.unsupported',
      says: /gzip/,
    },
    {
      name: 'a body that is not UTF-8',
      asked: to({ body: Buffer.from([0x7b, 0xff, 0x7d]).toString('base64'), base64: true }),
      ...invalid,
      says: /UTF-8/,
    },
    { name: 'a body nested too deep', asked: to({ body: tooDeep }), ...invalid, says: /bodyNestingMax/ },
    {
      name: 'a body over the limit',
      asked: to({ body: JSON.stringify({ reason: 'x'.repeat(6 * 1024 * 1024) }) }),
      status: 413,
      code: 'limit.exceeded',
      says: /bodyBytesMax/,
    },
    { name: 'a query it does not know', asked: to({ body: {}, query: 'verbose=1' }), ...invalid, says: /verbose/ },
  ];
};
/** What every route that reads refuses. */
const badReads = (path: string): Bad[] => [
  { name: 'POST', asked: now({ method: 'POST', path }), status: 405, code: 'method.refused' },
  { name: 'DELETE', asked: now({ method: 'DELETE', path }), status: 405, code: 'method.refused' },
  { name: 'a query it does not know', asked: now({ path, query: 'verbose=1' }), ...invalid, says: /verbose/ },
  { name: 'a path that goes on', asked: now({ path: `${path}/` }), status: 404, code: 'route.unknown' },
  { name: 'a path in capitals', asked: now({ path: path.toUpperCase() }), status: 404, code: 'route.unknown' },
];
const badPages = (path: string): Bad[] => [
  { name: 'limit=0', asked: now({ path, query: 'limit=0' }), ...invalid, says: /query\.limit/ },
  { name: 'limit=101', asked: now({ path, query: 'limit=101' }), ...invalid, says: /query\.limit/ },
  { name: 'limit=1e1', asked: now({ path, query: 'limit=1e1' }), ...invalid, says: /query\.limit/ },
  { name: 'limit twice', asked: now({ path, query: 'limit=1&limit=2' }), ...invalid, says: /twice/ },
];

const edited = (path: string, query: string, edit: (next: string) => string) => async (): Promise<Asked> => {
  const { body } = await service.ask({ path, query: `${query}&limit=1` });
  return { path, query: `${query}&limit=1&next=${encodeURIComponent(edit(String(body.next)))}` };
};
const badMarks = (path: string, query: string): Bad[] => {
  const bad = { ...invalid, says: /page mark/ };
  return [
    {
      name: 'a page mark with a letter changed',
      asked: edited(path, query, (next) => `${next.slice(0, -1)}~`),
      ...bad,
    },
    { name: 'a page mark cut short', asked: edited(path, query, (next) => next.slice(0, -3)), ...bad },
    {
      name: 'a page mark with another seal',
      asked: edited(path, query, (next) => `${next.startsWith('0') ? 1 : 0}${next.slice(1)}`),
      ...bad,
    },
    { name: 'a page mark made up', asked: edited(path, query, () => 'aaaa'), ...bad },
    { name: 'an empty page mark', asked: edited(path, query, () => ''), ...invalid },
  ];
};

const badInstance = (rest: string, body?: object, method = 'POST'): Bad[] => {
  const to = (id: string): Asked => ({ method, path: at(id, rest), ...(body === undefined ? {} : { body }) });
  return [
    { name: 'an instance that is not there', asked: now(to('nobody')), ...noInstance, says: /nobody/ },
    { name: 'an id that begins with a dot', asked: now(to('.hidden')), ...invalid, says: /path\.instanceId/ },
    { name: 'an id with a slash in it', asked: now(to('a%2Fnotes')), ...invalid, says: /path\.instanceId/ },
    { name: 'an id of 129 characters', asked: now(to('x'.repeat(129))), ...invalid },
    { name: 'an id with a broken escape', asked: now(to('%E0%A4%A')), status: 404, code: 'route.unknown' },
  ];
};

const bad: Record<OperationName, Bad[]> = {
  health: badReads('/health'),
  openApi: badReads('/openapi.json'),
  me: badReads('/me'),
  listRunbooks: [
    ...badPages('/runbooks'),
    ...badMarks('/runbooks', ''),
    { name: 'POST', asked: now(post('/runbooks')), status: 405, code: 'method.refused' },
  ],
  runbook: [
    {
      name: 'a runbook that is not there',
      asked: now({ path: '/runbooks/none' }),
      status: 404,
      code: 'runbook.unknown',
    },
    { name: 'an id with a space', asked: now({ path: '/runbooks/a%20b' }), ...invalid, says: /path\.runbookId/ },
    { name: 'an id with a NUL', asked: now({ path: '/runbooks/a%00' }), ...invalid },
    { name: 'a query', asked: now({ path: '/runbooks/demo', query: 'version=1' }), ...invalid },
    { name: 'DELETE', asked: now({ method: 'DELETE', path: '/runbooks/demo' }), status: 405, code: 'method.refused' },
    { name: 'a further segment', asked: now({ path: '/runbooks/demo/source' }), status: 404, code: 'route.unknown' },
  ],
  versions: [
    ...badReads('/runbooks/demo/versions'),
    {
      name: 'a runbook that is not there',
      asked: now({ path: '/runbooks/none/versions' }),
      status: 404,
      code: 'runbook.unknown',
    },
    { name: 'before=0', asked: now({ path: '/runbooks/demo/versions', query: 'before=0' }), ...invalid },
    { name: 'limit=101', asked: now({ path: '/runbooks/demo/versions', query: 'limit=101' }), ...invalid },
  ],
  version: [
    {
      name: 'a version that is not there',
      asked: now({ path: '/runbooks/demo/versions/2' }),
      status: 404,
      code: 'runbook.unknown',
      says: /version 2/,
    },
    { name: 'version 0', asked: now({ path: '/runbooks/demo/versions/0' }), ...invalid, says: /path\.version/ },
    { name: 'version 01', asked: now({ path: '/runbooks/demo/versions/01' }), ...invalid },
    { name: 'version 1.5', asked: now({ path: '/runbooks/demo/versions/1.5' }), ...invalid },
    { name: 'version latest', asked: now({ path: '/runbooks/demo/versions/latest' }), ...invalid },
    { name: 'no version', asked: now({ path: '/runbooks/demo/versions/' }), status: 404, code: 'route.unknown' },
  ],
  publish: [
    {
      name: 'a document with problems',
      asked: now(markdown('/runbooks/bad', documentOf('bad', ['name=one', 'name=one']))),
      status: 422,
      code: 'runbook.invalid',
      says: /nothing was published/,
    },
    {
      name: 'a document of another runbook',
      asked: now(markdown('/runbooks/demo', documentOf('other', ['name=one']))),
      ...invalid,
      says: /\/runbooks\/other/,
    },
    { name: 'an empty body', asked: now(markdown('/runbooks/bad', '')), status: 422, code: 'runbook.invalid' },
    {
      name: 'JSON',
      asked: now({ method: 'PUT', path: '/runbooks/bad', body: {} }),
      status: 415,
      code: 'media.unsupported',
      says: /text\/markdown/,
    },
    {
      name: 'a document over the limit',
      asked: now(markdown('/runbooks/bad', 'x'.repeat(300 * 1024 + 1))),
      status: 413,
      code: 'limit.exceeded',
      says: /sourceBytesMax/,
    },
    {
      name: 'a document that is not UTF-8',
      asked: now(markdown('/runbooks/bad', Buffer.from([0x23, 0xff]).toString('base64'), { base64: true })),
      ...invalid,
      says: /UTF-8/,
    },
    { name: 'an id with a colon', asked: now(markdown('/runbooks/a:b', demo)), ...invalid },
    { name: 'POST', asked: now(post('/runbooks/demo', {})), status: 405, code: 'method.refused' },
  ],
  start: [
    ...badBodies(async () => '/runbooks/demo/instances', { version: '1' }),
    {
      name: 'a runbook that is not there',
      asked: now(post('/runbooks/none/instances', {})),
      status: 404,
      code: 'runbook.unknown',
    },
    {
      name: 'a parameter of the wrong type',
      asked: now(post('/runbooks/demo/instances', { params: { n: 'many' } })),
      status: 400,
      code: 'params.invalid',
    },
    {
      name: 'a parameter it does not have',
      asked: now(post('/runbooks/demo/instances', { params: { m: 1 } })),
      status: 400,
      code: 'params.invalid',
    },
    {
      name: 'an id in use with other parameters',
      asked: async () => {
        await start(service, 'demo', { instanceId: 'taken', params: { n: 1 } });
        return post('/runbooks/demo/instances', { instanceId: 'taken', params: { n: 2 } });
      },
      status: 409,
      code: 'instance.exists',
    },
    {
      name: 'continuing a run that goes on',
      asked: async () => {
        const id = await waiting();
        return post('/runbooks/demo/instances', { continues: { instanceId: id, at: 'look' } });
      },
      status: 409,
      code: 'continue.refused',
    },
    { name: 'a drive it does not know', asked: now(post('/runbooks/demo/instances', { drive: 'fast' })), ...invalid },
  ],
  plan: [
    ...badBodies(async () => '/runbooks/demo/plan', { drive: 'auto' }),
    {
      name: 'a runbook that is not there',
      asked: now(post('/runbooks/none/plan', {})),
      status: 404,
      code: 'runbook.unknown',
    },
    {
      name: 'a version that is not there',
      asked: now(post('/runbooks/demo/plan', { version: 9 })),
      status: 404,
      code: 'runbook.unknown',
    },
    {
      name: 'a parameter of the wrong type',
      asked: now(post('/runbooks/demo/plan', { params: { n: 'many' } })),
      status: 400,
      code: 'params.invalid',
    },
    {
      name: 'a parameter it does not have',
      asked: now(post('/runbooks/demo/plan', { params: { m: 1 } })),
      status: 400,
      code: 'params.invalid',
    },
  ],
  startAndRun: [
    ...badBodies(async () => '/runbooks/demo/run', { version: '1' }),
    {
      name: 'a runbook that is not there',
      asked: now(post('/runbooks/none/run', {})),
      status: 404,
      code: 'runbook.unknown',
    },
    {
      name: 'a parameter of the wrong type',
      asked: now(post('/runbooks/demo/run', { params: { n: 'many' } })),
      status: 400,
      code: 'params.invalid',
    },
    { name: 'a drive: it is auto', asked: now(post('/runbooks/demo/run', { drive: 'manual' })), ...invalid },
    {
      name: 'an id in use with other parameters',
      asked: async () => {
        await start(service, 'demo', { instanceId: 'taken-too', params: { n: 1 } });
        return post('/runbooks/demo/run', { instanceId: 'taken-too', params: { n: 2 } });
      },
      status: 409,
      code: 'instance.exists',
    },
  ],
  listInstances: [
    ...badPages('/instances'),
    ...badMarks('/instances', 'status=waiting'),
    {
      name: 'a page mark of another list',
      asked: async () => {
        const { body } = await service.ask({ path: '/instances', query: 'status=waiting&limit=1' });
        return { path: '/instances', query: `status=ready&limit=1&next=${body.next}` };
      },
      ...invalid,
      says: /page mark/,
    },
    { name: 'a status it does not know', asked: now({ path: '/instances', query: 'status=done' }), ...invalid },
    {
      name: 'a status too many',
      asked: now({ path: '/instances', query: 'status=ready,' }),
      ...invalid,
      says: /in_doubt/,
    },
    {
      name: 'an id of no instance',
      asked: now({ path: '/instances', query: 'id=a%2Fb' }),
      ...invalid,
      says: /query\.id/,
    },
    { name: 'DELETE', asked: now({ method: 'DELETE', path: '/instances' }), status: 405, code: 'method.refused' },
  ],
  overview: [
    ...badReads('/overview'),
    ...badPages('/overview'),
    { name: 'a status it does not know', asked: now({ path: '/overview', query: 'status=done' }), ...invalid },
    {
      name: 'a page mark made up',
      asked: now({ path: '/overview', query: 'next=aaaa' }),
      ...invalid,
      says: /page mark/,
    },
    {
      name: 'nothing between',
      asked: now({ path: '/overview', query: 'since=1h&until=2h' }),
      ...invalid,
      says: /earlier/,
    },
  ],
  counts: [
    { name: 'a status: all are counted', asked: now({ path: '/counts', query: 'status=ready' }), ...invalid },
    { name: 'a time without a zone', asked: now({ path: '/counts', query: 'since=2026-11-28T09:00' }), ...invalid },
    {
      name: 'nothing between',
      asked: now({ path: '/counts', query: 'since=1h&until=2h' }),
      ...invalid,
      says: /earlier/,
    },
    {
      name: 'no runbook id',
      asked: now({ path: '/counts', query: 'runbook=a/b' }),
      ...invalid,
      says: /query\.runbook/,
    },
    {
      name: 'a runbook twice',
      asked: now({ path: '/counts', query: 'runbook=a&runbook=b' }),
      ...invalid,
      says: /twice/,
    },
    { name: 'POST', asked: now(post('/counts', {})), status: 405, code: 'method.refused' },
  ],
  instance: [
    ...badInstance('', undefined, 'GET'),
    { name: 'outputBytesMax=all', asked: now({ path: at('x'), query: 'outputBytesMax=all' }), ...invalid },
    {
      name: 'more outputs than any answer has',
      asked: now({ path: at('x'), query: 'outputBytesMax=3145729' }),
      ...invalid,
    },
    { name: 'DELETE', asked: now({ method: 'DELETE', path: at('x') }), status: 405, code: 'method.refused' },
  ],
  journal: [
    ...badInstance('/journal', undefined, 'GET'),
    { name: 'after=-2', asked: now({ path: at('x', '/journal'), query: 'after=-2' }), ...invalid },
    { name: 'after=last', asked: now({ path: at('x', '/journal'), query: 'after=last' }), ...invalid },
    {
      name: 'an instance that is not there, from its middle',
      asked: now({ path: at('nobody', '/journal'), query: 'after=7' }),
      ...noInstance,
    },
  ],
  verify: [
    ...badInstance('/verify', undefined, 'GET'),
    {
      name: 'a hash without a seq',
      asked: now({ path: at('x', '/verify'), query: `hash=${'a'.repeat(64)}` }),
      ...invalid,
    },
    { name: 'a seq without a hash', asked: now({ path: at('x', '/verify'), query: 'seq=1' }), ...invalid },
    { name: 'half a hash', asked: now({ path: at('x', '/verify'), query: 'seq=1&hash=abc' }), ...invalid },
  ],
  journals: [
    {
      name: 'a page mark made up',
      asked: now({ path: '/journals', query: 'next=0123456789abcdef.3' }),
      ...invalid,
      says: /page mark/,
    },
    { name: 'an empty page mark', asked: now({ path: '/journals', query: 'next=' }), ...invalid },
    { name: 'a page mark of another list', asked: now({ path: '/journals', query: 'next=demo' }), ...invalid },
    { name: 'POST', asked: now(post('/journals')), status: 405, code: 'method.refused' },
    { name: 'a limit', asked: now({ path: '/journals', query: 'limit=1' }), ...invalid },
  ],
  rebuild: badInstance('/rebuild'),
  notes: [
    ...badInstance('/notes', undefined, 'GET'),
    { name: 'about=x', asked: now({ path: at('x', '/notes'), query: 'about=x' }), ...invalid },
  ],
  elements: [
    {
      name: 'an instance that is not there',
      asked: now({ path: at('nobody', '/elements'), query: 'cell=each' }),
      ...noInstance,
    },
    { name: 'no cell', asked: now({ path: at('x', '/elements') }), ...invalid, says: /query\.cell/ },
    { name: 'a cell that is none', asked: now({ path: at('x', '/elements'), query: 'cell=a.b' }), ...invalid },
    { name: 'after=-2', asked: now({ path: at('x', '/elements'), query: 'cell=each&after=-2' }), ...invalid },
    { name: 'POST', asked: now(post(at('x', '/elements'), {})), status: 405, code: 'method.refused' },
  ],
  output: [
    {
      name: 'an instance that is not there',
      asked: now({ path: at('nobody', '/outputs/2') }),
      status: 404,
      code: 'output.unknown',
    },
    {
      name: 'an entry without output',
      asked: async () => ({ path: at(await waiting(), '/outputs/1') }),
      status: 404,
      code: 'output.unknown',
    },
    {
      name: 'a part too many',
      asked: async () => ({ path: at(await waiting(), '/outputs/2'), query: 'part=2' }),
      status: 404,
      code: 'output.unknown',
      says: /1 part/,
    },
    { name: 'part=0', asked: now({ path: at('x', '/outputs/2'), query: 'part=0' }), ...invalid },
    { name: 'a seq below 0', asked: now({ path: at('x', '/outputs/-1') }), ...invalid },
    { name: 'POST', asked: now(post(at('x', '/outputs/2'), {})), status: 405, code: 'method.refused' },
  ],
  advance: [
    ...badBodies(async () => at(await start(service, 'demo'), '/advance'), { maxCells: 0 }),
    ...badInstance('/advance', {}),
    {
      name: 'a cell that is not next',
      asked: async () => post(at(await start(service, 'demo'), '/advance'), { cell: 'last' }),
      status: 409,
      code: 'cell.outOfOrder',
      says: /next cell is first/,
    },
    {
      name: 'a cell that is not there',
      asked: async () => post(at(await start(service, 'demo'), '/advance'), { cell: 'none' }),
      status: 404,
      code: 'cell.unknown',
    },
    {
      name: 'a seq that is behind',
      asked: async () => post(at(await waiting(), '/advance'), { expectedSeq: 0 }),
      status: 409,
      code: 'seq.stale',
    },
    {
      name: 'a cell of a finished run',
      asked: async () => {
        const id = await start(service, 'other');
        await service.ask(post(at(id, '/run')));
        return post(at(id, '/advance'), { cell: 'only' });
      },
      status: 409,
      code: 'instance.finished',
    },
  ],
  run: [
    ...badBodies(async () => at(await start(service, 'other'), '/run'), { expectedSeq: -1 }),
    ...badInstance('/run', {}),
    {
      name: 'a seq that is behind',
      asked: async () => post(at(await waiting(), '/run'), { expectedSeq: 1 }),
      status: 409,
      code: 'seq.stale',
    },
  ],
  cancel: [
    ...badBodies(async () => at(await start(service, 'demo'), '/cancel'), { reason: 7 }),
    ...badInstance('/cancel', reservedOnly),
    {
      name: 'no body',
      asked: async () => post(at(await start(service, 'demo'), '/cancel')),
      status: 415,
      code: 'media.unsupported',
    },
    { name: 'an empty reason', asked: now(post(at('x', '/cancel'), { reason: '' })), ...invalid },
    {
      name: 'a reason of blanks',
      asked: async () => post(at(await start(service, 'demo'), '/cancel'), { reason: '  ' }),
      ...invalid,
      says: /reasonCharsMax/,
    },
    {
      name: 'a run that has completed',
      asked: async () => {
        const id = await start(service, 'other');
        await service.ask(post(at(id, '/run')));
        return post(at(id, '/cancel'), { reason: 'too late' });
      },
      status: 409,
      code: 'instance.finished',
    },
  ],
  verdict: [
    ...badBodies(async () => at(await start(service, 'demo'), '/verdict'), { seq: 1, verdict: 'maybe', reason: 'r' }),
    ...badInstance('/verdict', { seq: 1, verdict: 'failed', reason: 'r' }),
    {
      name: 'a seq that is not undecided',
      asked: async () => post(at(await inDoubt(), '/verdict'), { seq: 0, verdict: 'failed', reason: 'r' }),
      status: 409,
      code: 'seq.stale',
    },
    {
      name: 'an output with `failed`',
      asked: async () => post(at(await inDoubt(), '/verdict'), { seq: 1, verdict: 'failed', reason: 'r', output: '1' }),
      ...invalid,
    },
    {
      name: 'an output that is not JSON',
      asked: async () =>
        post(at(await inDoubt(), '/verdict'), { seq: 1, verdict: 'succeeded', reason: 'r', output: '{' }),
      ...invalid,
    },
  ],
  verdicts: [
    ...badBodies(async () => '/verdicts', { steps: [], verdict: 'skip', reason: 'r' }),
    {
      name: 'more steps than one call decides about',
      asked: now(
        post('/verdicts', {
          steps: Array.from({ length: 26 }, (_, n) => ({ instanceId: `i-${n}`, seq: 1 })),
          verdict: 'skip',
          reason: 'r',
        }),
      ),
      ...invalid,
      says: /verdictsAtOnceMax/,
    },
    {
      name: 'a rate beyond what the service keeps',
      asked: now(
        post('/verdicts', { steps: [{ instanceId: 'i', seq: 1 }], verdict: 'skip', reason: 'r', perSecond: 21 }),
      ),
      ...invalid,
      says: /verdictsPerSecondMax/,
    },
  ],
  undo: [
    ...badBodies(async () => at(await start(service, 'demo'), '/undo'), { reason: null }),
    ...badInstance('/undo', reservedOnly),
    {
      name: 'a run that has gone on since',
      asked: async () => post(at(await failed(), '/undo'), { reason: 'not tonight', expectedSeq: 0 }),
      status: 409,
      code: 'seq.stale',
    },
    {
      name: 'a run that has not failed',
      asked: async () => post(at(await start(service, 'demo'), '/undo'), reservedOnly),
      status: 409,
      code: 'undo.refused',
    },
  ],
  release: [
    ...badBodies(async () => at(await start(service, 'demo'), '/release'), { reason: null }),
    ...badInstance('/release', reservedOnly),
    {
      name: 'a run that has gone on since',
      asked: async () => post(at(await failed(), '/release'), { reason: 'compared', expectedSeq: 0 }),
      status: 409,
      code: 'seq.stale',
    },
    {
      name: 'a run that has ended',
      asked: async () => {
        const id = await start(service, 'other');
        await service.ask(post(at(id, '/run')));
        return post(at(id, '/release'), reservedOnly);
      },
      status: 409,
      code: 'instance.finished',
    },
  ],
  attachment: [
    {
      name: 'an entry without files',
      asked: async () => ({ path: at(await waiting(), '/attachments/2') }),
      status: 404,
      code: 'attachment.unknown',
    },
    {
      name: 'an instance that is not there',
      asked: now({ path: at('nobody', '/attachments/2') }),
      status: 404,
      code: 'attachment.unknown',
    },
    { name: 'file=0', asked: now({ path: at('x', '/attachments/2'), query: 'file=0' }), ...invalid },
    { name: 'part=0', asked: now({ path: at('x', '/attachments/2'), query: 'part=0' }), ...invalid },
    { name: 'a seq below 0', asked: now({ path: at('x', '/attachments/-1') }), ...invalid },
    { name: 'POST', asked: now(post(at('x', '/attachments/2'), {})), status: 405, code: 'method.refused' },
  ],
  done: [
    ...badBodies(async () => at(await start(service, 'demo'), '/cells/look/done'), { result: 'ok', note: 'n' }),
    ...badInstance('/cells/look/done', { result: 'done', note: 'n' }),
    {
      name: 'a cell that is not waiting',
      asked: async () => post(at(await start(service, 'demo'), '/cells/look/done'), { result: 'done', note: 'n' }),
      status: 409,
      code: 'cell.notWaiting',
    },
    {
      name: 'a name that no cell can have',
      asked: now(post(at('x', '/cells/1st/done'), { result: 'done', note: 'n' })),
      ...invalid,
      says: /path\.cell/,
    },
  ],
  vote: [
    ...badBodies(async () => at((await asking()).id, '/cells/go/votes'), { decision: 'maybe', shownHash: '' }),
    ...badInstance('/cells/go/votes', { decision: 'approve', shownHash: noHash }),
    {
      name: 'a cell that asks nobody',
      asked: async () => post(at(await waiting(), '/cells/look/votes'), { decision: 'approve', shownHash: noHash }),
      status: 409,
      code: 'cell.notWaiting',
    },
    {
      name: 'a hash of something else',
      asked: async () =>
        post(at((await asking()).id, '/cells/go/votes'), { decision: 'approve', shownHash: noHash }, asBob),
      status: 409,
      code: 'vote.stale',
    },
    {
      name: 'somebody who is not asked',
      asked: async () => {
        const { id, shownHash } = await asking();
        return post(at(id, '/cells/go/votes'), { decision: 'approve', shownHash }, { 'x-pawl-actor': 'mallory' });
      },
      status: 403,
      code: 'vote.notAsked',
      says: /bob, members of sre/,
    },
    {
      name: 'a comment over the limit',
      asked: async () => {
        const { id, shownHash } = await asking();
        return post(at(id, '/cells/go/votes'), { decision: 'approve', shownHash, comment: 'x'.repeat(2_001) }, asBob);
      },
      ...invalid,
      says: /commentCharsMax/,
    },
  ],
  makeLink: [
    ...badBodies(async () => at((await asking()).id, '/cells/go/links'), { actor: '' }),
    ...badInstance('/cells/go/links', { actor: 'bob' }),
    {
      name: 'a link for somebody who is not named',
      asked: async () => post(at((await asking()).id, '/cells/go/links'), { actor: 'dave' }, asCarol),
      status: 403,
      code: 'vote.notAsked',
    },
    {
      name: 'one who started the run and hands out votes',
      asked: async () => post(at((await asking()).id, '/cells/go/links'), { actor: 'bob' }),
      status: 403,
      code: 'vote.self',
    },
  ],
  link: [
    ...badReads(`/links/${noHash}`).filter(({ name }) => name === 'DELETE' || name.startsWith('a query')),
    { name: 'a link made up', asked: now({ path: `/links/${noHash}` }), status: 404, code: 'link.unknown' },
    { name: 'a link cut short', asked: now({ path: '/links/abc' }), status: 404, code: 'link.unknown' },
    { name: 'a link too long', asked: now({ path: `/links/${'a'.repeat(201)}` }), ...invalid },
    {
      name: 'a link that was used',
      asked: async () => {
        const { id, shownHash } = await asking();
        const path = await linkOf(id);
        await service.ask(post(path, { decision: 'approve', shownHash }));
        return { path };
      },
      status: 410,
      code: 'link.used',
    },
  ],
  useLink: [
    ...badBodies(async () => await linkOf((await asking()).id), { decision: 'withdraw', shownHash: noHash }).filter(
      ({ name }) => !name.startsWith('a content type'),
    ),
    { name: 'a link made up', asked: now(post(`/links/${noHash}`, noVote)), status: 404, code: 'link.unknown' },
    {
      name: 'a hash of something else',
      asked: async () => post(await linkOf((await asking()).id), noVote),
      status: 409,
      code: 'vote.stale',
    },
    {
      name: 'a form without a decision',
      asked: async () => post(await linkOf((await asking()).id), `shownHash=${noHash}`, { 'content-type': form }),
      ...invalid,
      says: /body\.decision/,
    },
    {
      name: 'a form with two decisions',
      asked: async () =>
        post(await linkOf((await asking()).id), 'decision=approve&decision=reject', { 'content-type': form }),
      ...invalid,
      says: /twice/,
    },
    {
      name: 'a content type that is neither',
      asked: async () => post(await linkOf((await asking()).id), 'x', { 'content-type': 'text/plain' }),
      status: 415,
      code: 'media.unsupported',
    },
  ],
  claims: [
    ...badReads('/claims').filter(({ name }) => name === 'DELETE' || name === 'POST' || name.startsWith('a query')),
    ...badPages('/claims'),
    ...badMarks('/claims', ''),
    { name: 'a claim that is not there', asked: now({ path: '/claims', query: 'id=none' }), ...noClaim },
    { name: 'a lock', asked: now({ path: '/claims', query: 'id=lock:prod' }), ...invalid, says: /no claim id/ },
    { name: 'an id with a blank', asked: now({ path: '/claims', query: 'id=a%20b' }), ...invalid },
  ],
  setClaim: [
    ...badBodies(async () => '/claims', { status: 'green' })
      .filter(({ name }) => !name.startsWith('a query'))
      .map((each) => ({
        ...each,
        asked: async () => ({ ...(await each.asked()), method: 'PUT', query: 'id=a' }),
      })),
    { name: 'no id', asked: now(put('', { status: 'supported' })), ...invalid, says: /query\.id/ },
    { name: 'a lock', asked: now(put('id=lock:prod', { status: 'supported' })), ...invalid, says: /no claim id/ },
    { name: 'a link', asked: now(put('id=link:ab', { status: 'supported' })), ...invalid, says: /no claim id/ },
    {
      name: 'a revision that is behind',
      asked: async () => put(`id=${await claimed()}`, { status: 'supported', revision: 1 }),
      status: 409,
      code: 'claim.stale',
      says: /revision 2/,
    },
    {
      name: 'another status of what was invalidated',
      asked: async () => {
        const id = await claimed();
        const said = await service.ask(
          put(`id=${id}`, { status: 'invalidated', reason: 'the build was of another branch' }),
        );
        expect(said.body).toMatchObject({ claim: { reason: 'the build was of another branch', evidence: { n: 1 } } });
        return put(`id=${id}`, { status: 'supported' });
      },
      status: 409,
      code: 'claim.final',
      says: /--revision 3 --reason TEXT/,
    },
    {
      name: 'a reason over the limit',
      asked: now(put('id=a', { status: 'supported', reason: 'x'.repeat(2_001) })),
      ...invalid,
      says: /reasonCharsMax/,
    },
    {
      name: 'evidence over the limit',
      asked: now(put('id=a', { status: 'supported', evidence: 'x'.repeat(64 * 1024) })),
      ...invalid,
      says: /claimEvidenceBytesMax/,
    },
  ],
  claimHistory: [
    ...badReads('/claims/history').filter(({ name }) => name === 'DELETE' || name === 'POST'),
    { name: 'no id', asked: now({ path: '/claims/history' }), ...invalid, says: /query\.id/ },
    { name: 'a claim that is not there', asked: now({ path: '/claims/history', query: 'id=none' }), ...noClaim },
    { name: 'before=0', asked: now({ path: '/claims/history', query: 'id=a&before=0' }), ...invalid },
    { name: 'limit=0', asked: now({ path: '/claims/history', query: 'id=a&limit=0' }), ...invalid },
  ],
  statistics: [
    ...badReads('/runbooks/demo/statistics'),
    {
      name: 'a runbook that is not there',
      asked: now({ path: '/runbooks/none/statistics' }),
      status: 404,
      code: 'runbook.unknown',
    },
    {
      name: 'a version that is not there',
      asked: now({ path: '/runbooks/demo/statistics', query: 'version=9' }),
      status: 404,
      code: 'runbook.unknown',
    },
    { name: 'version=0', asked: now({ path: '/runbooks/demo/statistics', query: 'version=0' }), ...invalid },
  ],
  claimWaiters: [
    ...badReads('/claims/waiters').filter(({ name }) => name === 'DELETE' || name === 'POST'),
    { name: 'no id', asked: now({ path: '/claims/waiters' }), ...invalid, says: /query\.id/ },
    { name: 'an id that is none', asked: now({ path: '/claims/waiters', query: 'id=a//b' }), ...invalid },
    { name: 'limit=0', asked: now({ path: '/claims/waiters', query: 'id=a&limit=0' }), ...invalid },
    { name: 'a mark of another list', asked: now({ path: '/claims/waiters', query: 'id=a&next=b' }), ...invalid },
  ],
  workers: [
    ...badReads('/workers'),
    {
      name: 'a place that is none',
      asked: now({ path: '/workers', query: 'place=Bastion' }),
      ...invalid,
      says: /place/,
    },
    { name: 'no name of a place', asked: now({ path: '/workers', query: 'place=' }), ...invalid },
    { name: 'a key in place of a name', asked: now({ path: '/workers', query: 'place=a%2Fb' }), ...invalid },
  ],
};

describe.each(Object.keys(operations) as OperationName[])('%s', (name) => {
  test('answers as the document promises', async () => {
    const { asked, status, body, headers = {} } = good[name];
    const answer = await service.ask(await asked());
    expect(answer).toMatchObject({ status, body, headers });
    assertDocumented(name, answer);
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  });

  if ('tagged' in operations[name])
    test('is not sent again while it is as it was', async () => {
      const asked = await good[name].asked();
      const { headers } = await service.ask(asked);
      const again = await service.ask({ ...asked, headers: { ...asked.headers, 'if-none-match': headers.etag ?? '' } });
      expect([again.status, again.text]).toEqual([304, '']);
    });

  test('has at least five bad requests', () => {
    expect(bad[name].length).toBeGreaterThanOrEqual(5);
  });

  test.each(bad[name])('refuses $name', async ({ asked, status, code, says = /./ }) => {
    const answer = await service.ask(await asked());
    expect(answer).toMatchObject({ status, body: { code, detail: expect.stringMatching(says) } });
    assertDocumented(name, answer);
  });
});

describe('refusals', () => {
  test('an unknown route is a problem that says where the routes are', async () => {
    const { status, headers, body } = await service.ask({ path: '/nothing/here' });
    expect(status).toBe(404);
    expect(headers['content-type']).toBe('application/problem+json');
    expect(body).toEqual({
      type: 'urn:pawl:problem:route.unknown',
      title: 'Not Found',
      status: 404,
      detail: 'There is no GET /nothing/here; see /openapi.json.',
      code: 'route.unknown',
      request: expect.stringMatching(/^request-\d+$/),
    });
  });

  test('a wrong method names those that the path has', async () => {
    const one = await service.ask({ method: 'PATCH', path: '/runbooks/demo' });
    expect(one).toMatchObject({ status: 405, headers: { allow: 'GET, PUT' } });
    const two = await service.ask({ method: 'OPTIONS', path: '/instances' });
    expect(two).toMatchObject({ status: 405, headers: { allow: 'GET' }, body: { allowed: ['GET'] } });
  });

  test('every problem of a request is named at once, with its place', async () => {
    const { body } = await service.ask(post(at('x', '/advance'), { maxCells: -1, expectedSeq: 'a', cell: '' }));
    const places = (body.problems as { at: string }[]).map((problem) => problem.at);
    expect(places.sort()).toEqual(['body.cell', 'body.expectedSeq', 'body.maxCells']);
  });

  test('a document with problems is answered by all of them, with line and column', async () => {
    const { body } = await publish(service, documentOf('bad', ['name=one retry=x', 'name=one']));
    const problems = body.problems as { line: number; column: number; message: string }[];
    expect(problems.length).toBeGreaterThanOrEqual(2);
    for (const problem of problems)
      expect(problem).toEqual({ line: expect.any(Number), column: expect.any(Number), message: expect.any(String) });
    expect(await service.ask({ path: '/runbooks/bad' })).toMatchObject({ status: 404 });
  });

  test('a stale seq comes with the present view', async () => {
    const id = await waiting();
    const { body } = await service.ask(post(at(id, '/advance'), { expectedSeq: 0 }));
    expect(body).toMatchObject({ instanceId: id, expectedSeq: 0, seq: 3, view: { seq: 3, cell: 'look' } });
  });

  test('`__proto__` in a body is a field like any other', async () => {
    const { status, body } = await service.ask(post(at('x', '/advance'), '{"__proto__":{"cell":"first"}}'));
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'request.invalid' });
  });
});

describe('answers', () => {
  test('an instance is as it was, whatever the time, until something happens in it', async () => {
    const id = await waiting();
    const first = await service.ask({ path: at(id) });
    const again = () => service.ask({ path: at(id), headers: { 'if-none-match': first.headers.etag ?? '' } });
    expect((await again()).status).toBe(304);
    await service.ask(post(at(id, '/cells/look/done'), { result: 'done', note: 'seen' }));
    expect((await again()).status).toBe(200);
  });

  test('the same content is the same version, the same start the same instance', async () => {
    expect(await publish(service, demo)).toMatchObject({ status: 200, body: { version: 1, created: false } });
    const body = { instanceId: 'twice', params: { n: 5 } };
    const first = await service.ask(post('/runbooks/demo/instances', body));
    const second = await service.ask(post('/runbooks/demo/instances', body));
    expect([first.status, second.status]).toEqual([201, 200]);
    expect([first.body.created, second.body.created]).toEqual([true, false]);
    expect(idOf(second)).toBe('twice');
  });

  test('a list goes on where its page mark says, and shows each instance once', async () => {
    for (const n of [1, 2, 3, 4, 5]) await start(service, 'fresh', { instanceId: `page-${n}` });
    const seen: string[] = [];
    let next: unknown = '';
    for (let page = 0; next !== null; page += 1) {
      expect(page).toBeLessThan(4);
      const mark = next === '' ? '' : `&next=${encodeURIComponent(String(next))}`;
      const { body } = await service.ask({ path: '/instances', query: `runbook=fresh&limit=2${mark}` });
      seen.push(...(body.views as { instanceId: string }[]).map(({ instanceId }) => instanceId));
      next = body.next;
    }
    expect(seen.sort()).toEqual(['page-1', 'page-2', 'page-3', 'page-4', 'page-5']);
  });

  test('a journal is read page by page to its end', async () => {
    const id = await waiting();
    const kinds: unknown[] = [];
    let after: unknown = -1;
    while (after !== null) {
      const { body } = await service.ask({ path: at(id, '/journal'), query: `after=${after}&limit=3` });
      kinds.push(...(body.entries as { kind: string }[]).map(({ kind }) => kind));
      after = body.next;
    }
    expect(kinds).toEqual(['started', 'reserved', 'outcome', 'waiting']);
  });

  test('a large output is read in parts that make the whole', async () => {
    const id = await start(service, 'other');
    const text = JSON.stringify('🦀'.repeat(600_000));
    service.cells.execute = async () => ({ status: 'completed', output: text });
    await service.ask(post(at(id, '/run')));
    service.cells.execute = async () => ({ status: 'completed', output: '{"a":1}' });
    const shown = await service.ask({ path: at(id) });
    const [cell] = shown.body.cells as { outputSeq: number; outputBytes: number }[];
    expect(cell).toMatchObject({ output: text, outputBytes: 2_400_002 });
    const slim = await service.ask({ path: at(id), query: 'outputBytesMax=2400001' });
    expect(slim.body.cells).toMatchObject([{ output: null, outputBytes: 2_400_002 }]);
    const read: string[] = [];
    for (let part = 1, parts = 1; part <= parts; part += 1) {
      const { body } = await service.ask({ path: at(id, `/outputs/${cell?.outputSeq}`), query: `part=${part}` });
      expect(body).toMatchObject({ part, bytes: 2_400_002, truncated: false });
      read.push(String(body.text));
      parts = Number(body.parts);
    }
    expect(read.length).toBe(2);
    expect(read.join('') === text).toBe(true);
  });

  test('outputs that do not fit into one answer are left out and named', async () => {
    await publish(service, documentOf('large', ['name=one', 'name=two', 'name=three']));
    const id = await start(service, 'large');
    service.cells.execute = async () => ({ status: 'completed', output: JSON.stringify('x'.repeat(2_000_000)) });
    await service.ask(post(at(id, '/run')));
    service.cells.execute = async () => ({ status: 'completed', output: '{"a":1}' });
    const { status, body } = await service.ask({ path: at(id) });
    const cells = body.cells as { output: string | null; outputSeq: number; outputBytes: number }[];
    expect(status).toBe(200);
    expect(cells.map(({ output }) => output?.length ?? null)).toEqual([2_000_002, null, null]);
    expect(cells.map(({ outputBytes }) => outputBytes)).toEqual([2_000_002, 2_000_002, 2_000_002]);
    expect(cells.every(({ outputSeq }) => outputSeq > 0)).toBe(true);
  });

  test('a halted run goes on as a new instance of a fixed version', async () => {
    await publish(service, documentOf('mended', ['name=one', 'name=two']));
    const id = await start(service, 'mended');
    service.cells.execute = async ({ step }) =>
      step.cell === 'two' ? { status: 'failed' } : { status: 'completed', output: '{"a":1}' };
    expect(await service.ask(post(at(id, '/run')))).toMatchObject({ body: { result: 'halted', verdict: 'halted' } });
    service.cells.execute = async () => ({ status: 'completed', output: '{"a":1}' });
    await publish(service, documentOf('mended', ['name=one', 'name=two', 'name=three']));
    const started = await service.ask(
      post('/runbooks/mended/instances', { continues: { instanceId: id, at: 'two' }, drive: 'auto' }),
    );
    expect(started).toMatchObject({ status: 201, body: { view: { instanceId: `${id}.2`, version: 2, cell: 'two' } } });
    const { body } = await service.ask({ path: at(`${id}.2`) });
    expect((body.cells as { state: string }[]).map(({ state }) => state)).toEqual(['cited', 'next', 'pending']);
    expect(await service.ask({ path: at(id) })).toMatchObject({ body: { view: { status: 'cancelled' } } });
  });

  test('a verdict for what is in doubt alone: taken while nobody knows, refused once it is known', async () => {
    const verdict = { seq: 1, verdict: 'retry', reason: 'not there', onlyInDoubt: true };
    const doubtfulId = await inDoubt();
    expect(await service.ask(post(at(doubtfulId, '/verdict'), verdict))).toMatchObject({ status: 200 });
    const failedId = await start(service, 'doubtful');
    service.cells.execute = async () => ({ status: 'failed' });
    await service.ask(post(at(failedId, '/advance')));
    service.cells.execute = async () => ({ status: 'completed', output: '{"a":1}' });
    const known = await service.ask(post(at(failedId, '/verdict'), verdict));
    expect(known).toMatchObject({ status: 409, body: { code: 'seq.stale' } });
  });

  test('where two people decide the first is told what is missing, as the document says; the second decides', async () => {
    const id = await inDoubt();
    const two = service.as({ deployment: { name: 'test', epoch: 0, takeoverGraceMs: 1_000, decidePeople: 2 } });
    const decide = (headers: object) =>
      two.ask(post(at(id, '/verdict'), { seq: 1, verdict: 'skip', reason: 'seen' }, headers));
    const first = await decide(asBob);
    assertDocumented('verdict', first);
    expect(first.body).toMatchObject({ awaits: { verdict: 'skip', said: [{ actor: 'bob', about: 1 }] } });
    expect((await decide(asBob)).body.awaits).toEqual(first.body.awaits);
    const shown = await two.ask({ path: at(id) });
    assertDocumented('instance', shown);
    expect(shown.body).toMatchObject({
      view: { status: 'in_doubt' },
      decidePeople: 2,
      head: { kind: 'proposed', reason: 'seen' },
    });
    expect((await service.ask({ path: at(await start(service, 'other')) })).body.decidePeople).toBe(1);
    expect((await decide(asCarol)).body).toMatchObject({ awaits: null, view: { status: 'ready' } });
  });

  test('an instance of an older epoch is held until it is released', async () => {
    const id = await start(service, 'other');
    const restored = service.as({ deployment: { name: 'test', epoch: 1, takeoverGraceMs: 1_000 } });
    expect(await restored.ask({ path: at(id) })).toMatchObject({ body: { held: true } });
    const stopped = await restored.ask(post(at(id, '/advance')));
    expect(stopped).toMatchObject({ status: 200, body: { result: 'halted', stop: { why: 'epoch' }, steps: [] } });
    expect(await restored.ask(post(at(id, '/release'), { reason: 'compared' }))).toMatchObject({ status: 200 });
    expect(await restored.ask({ path: at(id) })).toMatchObject({ body: { held: false } });
    expect(await restored.ask(post(at(id, '/advance')))).toMatchObject({ status: 200, body: { result: 'completed' } });
  });
});

/**
 * Secrets, hunted for in all that the functions leave behind: every item of every table, every answer, log line and metric, the
 * failure queue and what comes of it, what is handed over, the pages of one-time links, what the audit of the streams says.
 */
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import { createAws, createHttp, executeCode, parseAwsAllow } from '../../src/cells/index.ts';
import { createEngine, PawlError, type Ports, type Unrecorded } from '../../src/engine/index.ts';
import { createApi } from '../../src/handlers/api.ts';
import { createAudit } from '../../src/handlers/audit.ts';
import { createExecuteCell } from '../../src/handlers/executeCell.ts';
import type { Telemetry } from '../../src/handlers/metrics.ts';
import { createRemote } from '../../src/handlers/remote.ts';
import { createTick } from '../../src/handlers/tick.ts';
import { createWork } from '../../src/handlers/work.ts';
import { createSecrets, parseAllow } from '../../src/places/index.ts';
import { sha256 } from '../../src/store/index.ts';
import { type Table, tables } from '../../src/store/tableOperations.ts';
import { portsOn } from '../support/engine.ts';
import { expectNoneOf, formsOf, textsIn } from '../support/hunt.ts';
import { leakingDocument, startLeaking } from '../support/leaking.ts';
import { type FreshStore, freshStore } from '../support/world.ts';
import { type Asked, answeredOf, contextOf, eventOf, written } from './support.ts';

const value = 'lambdaS3cret+9w/q';
const forms = formsOf(value);
let world: FreshStore;
let leaking: Awaited<ReturnType<typeof startLeaking>>;
/** While it is on, the store takes no outcome: it is set aside. */
let isAway = false;
const aside: Unrecorded[] = [];
const handed: unknown[] = [];
const payloads: { back: string[] } = { back: [] };
/** All that was answered and logged, of all tests. */
const said: [what: string, text: string][] = [];
let logs = '';

const everything = parseAllow('{"secrets":["env:*"]}', 'x');
const deployment = { name: 'test', epoch: 0, takeoverGraceMs: 1_000 };
const cellFunction = createExecuteCell((telemetry) => ({
  execute: executeCode,
  allowSh: true,
  nowMs: () => world.clock.nowMs(),
  telemetry,
}));
const portsOf = (telemetry: Telemetry): Ports => {
  const ports = portsOn(world.store, {
    authoring,
    deployment,
    observe: telemetry.observe,
    secrets: createSecrets({ allow: () => everything, env: { TOKEN: value }, ownPaths: [], key: async () => 'key' }),
    execute: createRemote({
      http: createHttp({ httpAllow: ['127.0.0.1'] }),
      aws: createAws(parseAwsAllow({})),
      allowSh: true,
      invoke: async (payload) => {
        const payloadBack = JSON.stringify(await cellFunction(JSON.parse(payload), contextOf(900_000)));
        const { gzip } = JSON.parse(payloadBack) as { gzip: string };
        payloads.back.push(gunzipSync(Buffer.from(gzip, 'base64')).toString('utf8'));
        return { kind: 'answer', payload: payloadBack };
      },
    }),
    setAside: async (unrecorded) => void aside.push(unrecorded),
  });
  const putOnce: Ports['journal']['putOnce'] = async (entry) =>
    isAway && entry.kind === 'outcome'
      ? Promise.reject(new PawlError('store.unavailable', 'It is away.'))
      : await ports.journal.putOnce(entry);
  return { ...ports, journal: { ...ports.journal, putOnce } };
};
const common = () => ({
  clock: world.clock,
  views: world.store.views,
  marks: world.store.marks,
  workers: world.store.workers,
});
const handOver = async (event: unknown): Promise<boolean> => handed.push(event) > 0;
const api = createApi((telemetry) => ({
  ...common(),
  engine: createEngine(portsOf(telemetry)),
  runbooks: world.store.versions,
  pace: world.store.pace,
  authoring,
  sha256,
  auth: 'local',
  groupsClaim: 'cognito:groups',
  deployment,
  telemetry,
  answerWithinMs: 25_000,
  handOver,
}));
const work = createWork((telemetry) => ({ ...common(), engine: createEngine(portsOf(telemetry)), telemetry }));
const tick = createTick((telemetry) => ({
  nowMs: async () => world.clock.nowMs(),
  due: world.store.marks.due,
  places: ['local'],
  home: 'local',
  handOver,
  fraction: () => 0.5,
  telemetry,
}));

const ask = async (asked: Asked) => {
  const result = await api(eventOf({ headers: { 'x-pawl-actor': 'ada' }, ...asked }), contextOf());
  said.push([`${asked.method ?? 'GET'} ${asked.path}`, `${result.body} ${JSON.stringify(result.headers)}`]);
  return result;
};
const json = async (asked: Asked) => answeredOf(await ask(asked)).body;

beforeAll(async () => {
  world = await freshStore('dynamodb');
  leaking = await startLeaking();
  const body = leakingDocument('env:TOKEN', leaking.port, leaking.paths);
  const { statusCode } = await ask({
    method: 'PUT',
    path: '/runbooks/leaking',
    body,
    headers: { 'content-type': 'text/markdown' },
  });
  expect(statusCode).toBe(201);
});
afterAll(async () => {
  leaking.server.close();
  await world.drop();
});
afterEach(() => {
  logs += written.text;
});

const startOne = async (instanceId: string): Promise<void> => {
  await ask({ method: 'POST', path: '/runbooks/leaking/instances', body: { instanceId, drive: 'auto' } });
};
type Looked = { view: { status: string; seq: number; cell: string | null } };
/** Called until it ends or asks for a vote: polls and probes come again later, and of what nobody can tell a person decides. */
const runOn = async (id: string): Promise<string> => {
  // Its probe, which cannot tell, goes first.
  let probedTimes = 0;
  for (;;) {
    const { view } = (await json({ method: 'POST', path: `/instances/${id}/run`, body: {} })) as Looked;
    if (!['ready', 'in_doubt'].includes(view.status) && view.cell !== 'polled') return view.status;
    if (view.status === 'in_doubt' && (view.cell !== 'doubtful' || probedTimes > 15)) {
      const body = { seq: view.seq - 1, verdict: 'failed', reason: 'nobody can tell' };
      const { status } = answeredOf(await ask({ method: 'POST', path: `/instances/${id}/verdict`, body }));
      if (status === 200) continue;
    }
    if (view.cell === 'doubtful') probedTimes += 1;
    await tick({ source: 'aws.events' }, contextOf());
    for (const event of handed.splice(0)) await work(event, contextOf(900_000));
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
};

test('it runs to its approval, and tells what it has on the way', { timeout: 120_000 }, async () => {
  await startOne('leaks-1');
  expect(await runOn('leaks-1')).toBe('waiting');
  const { entries } = (await json({ path: '/instances/leaks-1/journal' })) as {
    entries: { kind: string; cell?: string }[];
  };
  expect(new Set(entries.flatMap(({ cell }) => cell ?? [])).size).toBe(leaking.paths.length + 8);
  expect(JSON.stringify(entries)).toContain('•••');
});

test('the page of a one-time link shows the approval, masked', async () => {
  const made = await json({
    method: 'POST',
    path: '/instances/leaks-1/cells/go/links',
    body: { actor: 'bob' },
    headers: { 'x-pawl-actor': 'carol' },
  });
  expect(made, JSON.stringify(made)).toHaveProperty('link');
  const { body } = await ask({ path: String(made.link), headers: { accept: 'text/html' } });
  expect(body).toContain('•••');
  expect(body).toContain('<!doctype html>');
});

test('an outcome that the store did not take is set aside, and recorded by work', { timeout: 120_000 }, async () => {
  await startOne('leaks-2');
  isAway = true;
  await ask({ method: 'POST', path: '/instances/leaks-2/advance', body: {} });
  isAway = false;
  expect(aside.map(({ instanceId }) => instanceId)).toContain('leaks-2');
  said.push(...aside.map((one): [string, string] => ['the failure queue', JSON.stringify(one)]));
  const Records = aside.map((one, at) => ({ eventSource: 'aws:sqs', messageId: `m-${at}`, body: JSON.stringify(one) }));
  said.push(['work', JSON.stringify(await work({ Records }, contextOf(900_000)))]);
  const { entries } = (await json({ path: '/instances/leaks-2/journal' })) as { entries: { kind: string }[] };
  expect(entries.map(({ kind }) => kind)).toContain('outcome');
});

test('an alteration of any item is told without what is in it', async () => {
  const audit = createAudit((telemetry) => ({ telemetry }));
  const items = await world.raw.scan('journal');
  const Records = items.map((item) => ({
    eventName: 'MODIFY',
    eventSourceARN: 'arn:aws:dynamodb:us-east-1:123456789012:table/pawl-dev-journal/stream/x',
    dynamodb: {
      Keys: { instanceId: { S: item.instanceId }, seq: { N: String(item.seq) } },
      NewImage: { entry: { S: value } },
    },
  }));
  expect(await audit({ Records }, contextOf())).toEqual({ altered: items.length });
});

test('no form of it is in any answer, log line, metric or message', async () => {
  for (const path of ['', '/journal', '/notes', '/waits', '/log']) await ask({ path: `/instances/leaks-1${path}` });
  for (const path of ['/instances', '/health', '/claims', '/workers', '/runbooks/leaking']) await ask({ path });
  await ask({ path: '/instances/leaks-2/notes' });
  expect(said.length).toBeGreaterThan(20);
  for (const [what, text] of said) expectNoneOf(forms, what, text);
  expect(payloads.back.join('')).toContain('•••');
  expectNoneOf(forms, 'what execute-cell answers', payloads.back.join('\n'));
  expect(logs).toContain('outcome.unrecorded');
  expect(logs).toContain('journal altered');
  expect(logs).toContain('_aws');
  expectNoneOf(forms, 'the log', logs + written.text);
  expectNoneOf(forms, 'what is handed over', JSON.stringify(handed));
});

test('nor in any item of any table', async () => {
  for (const table of tables as Table[]) {
    const items = await world.raw.scan(table);
    if (table === 'journal' || table === 'views') expect(items.length).toBeGreaterThan(0);
    for (const item of items) for (const text of textsIn(item)) expectNoneOf(forms, table, text);
  }
});

/** Votes through the API: who may, about what, how often, until when; and one-time links, for programs and in a browser. */

import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApi } from '../../src/handlers/api.ts';
import type { ApiDeps } from '../../src/handlers/apiDeps.ts';
import type { HttpResult } from '../../src/handlers/pipeline.ts';
import type { Table } from '../../src/store/tableOperations.ts';
import {
  type Answered,
  contextOf,
  documentOf,
  eventOf,
  type Line,
  openService,
  publish,
  type Service,
  start,
  written,
} from './support.ts';

let service: Service;
const approve = (attributes: string, text = 'Shall {{ params.what }} go on?') =>
  `\`\`\`approve { name=go ${attributes} }\n${text}\n\`\`\``;
const many = Array.from({ length: 20 }, (_, n) => `voter-${n}`);
const params = 'params: { what: { type: string, default: it } }';
beforeAll(async () => {
  service = await openService();
  const of = (id: string, attributes: string) => documentOf(id, [approve(attributes), 'name=last'], params);
  for (const source of [
    of('one', 'approvers=bob'),
    of('two', 'approvers="bob, carol" groups=sre quorum=2'),
    of('brief', 'approvers=bob expires=1s'),
    of('lenient', 'approvers=bob expires=1s default=approve'),
    of('own', 'approvers="ada, bob" self=true'),
    of('crowd', `approvers="${many.join(', ')}" quorum=3`),
    of('listed', 'groups="sre, role/operator" quorum=1'),
    documentOf('twice', [
      approve('approvers=bob', 'First?'),
      '```approve { name=again approvers=bob }\nSecond?\n```',
      'name=last',
    ]),
  ]) {
    const { status, body } = await publish(service, source);
    expect(body).toMatchObject({ created: true });
    expect(status).toBe(201);
  }
});
afterAll(() => service.world.drop());

describe('terms that parameters say', () => {
  const more = `params:
  who: { type: array, items: { type: string } }
  needed: { type: integer }
  time: { type: string }`;
  const cell =
    '```approve { name=go approvers="{{ params.who }}" quorum="{{ params.needed }}" expires="{{ params.time }}" }\nGo?\n```';
  const begun = async (given: object): Promise<string> => {
    await publish(service, documentOf('terms', [cell, 'name=last'], more));
    const instanceId = await start(service, 'terms', { params: given });
    await service.ask({ method: 'POST', path: at(instanceId, '/advance'), body: {} });
    return instanceId;
  };

  test('stand in the entry from the beginning, and hold for votes and view', async () => {
    const id = await begun({ who: ['bob', 'carol'], needed: 2, time: '2h' });
    const { entries } = (await service.ask({ path: at(id, '/journal') })).body as { entries: Line[] };
    const waiting = entries.find(({ kind }) => kind === 'waiting') as Line;
    const asked = { approvers: ['bob', 'carol'], quorum: 2 };
    expect(waiting).toMatchObject({ asked });
    expect(Number(waiting.dueAtMs) - Number(waiting.atMs)).toBeGreaterThan(7_190_000);
    const waits = await waitsOf(id);
    expect(waits).toMatchObject(asked);
    const vote = (actor: string) =>
      service.ask({
        method: 'POST',
        path: at(id, '/cells/go/votes'),
        headers: as(actor),
        body: { decision: 'approve', shownHash: waits?.shownHash },
      });
    expect((await vote('mallory')).body).toMatchObject({ code: 'vote.notAsked' });
    expect((await vote('bob')).body).toMatchObject({ decision: null, quorum: 2 });
    expect((await vote('carol')).body).toMatchObject({ decision: 'approved' });
  });

  test.each([
    [{ who: ['bob'], needed: 2, time: '2h' }, 'approval.unreachable', /needs 2 approvals, and 1 of those/],
    [{ who: [], needed: 1, time: '2h' }, 'inputs.unresolvable', /Nobody is asked/],
    [{ who: ['bob'], needed: 11, time: '2h' }, 'inputs.unresolvable', /1 to 10 \(quorumMax\), not `11`/],
    [{ who: ['bob'], needed: 1, time: 'soon' }, 'inputs.unresolvable', /`soon` is not a duration/],
  ])('%j: it halts and asks nobody', async (given, code, says) => {
    const id = await begun(given);
    const { body } = await service.ask({ path: at(id) });
    expect(body.waits).toBeNull();
    const [asked] = body.cells as { error: { code: string; message: string } }[];
    expect(asked?.error.code).toBe(code);
    expect(asked?.error.message).toMatch(says);
  });
});

const as = (actor: string, groups = '') => ({
  'x-pawl-actor': actor,
  ...(groups === '' ? {} : { 'x-pawl-groups': groups }),
});
const at = (id: string, rest = '') => `/instances/${id}${rest}`;
type Waits = { cell: string; shownHash: string; votes: Line[]; approvals: string[] } | null;
const waitsOf = async (id: string): Promise<Waits> => (await service.ask({ path: at(id) })).body.waits as Waits;
const statusOf = async (id: string): Promise<unknown> =>
  ((await service.ask({ path: at(id) })).body.view as Line).status;

/** Started by ada, and waiting for votes. */
const asking = async (runbookId: string): Promise<{ id: string; hash: string }> => {
  const id = await startBy('ada', runbookId);
  const waits = await waitsOf(id);
  return { id, hash: waits?.shownHash ?? '' };
};
const startBy = async (actor: string, runbookId: string): Promise<string> => {
  const { body } = await service.ask({
    method: 'POST',
    path: `/runbooks/${runbookId}/instances`,
    body: {},
    headers: as(actor),
  });
  const { instanceId } = body.view as { instanceId: string };
  await service.ask({ method: 'POST', path: at(instanceId, '/advance'), body: {}, headers: as(actor) });
  return instanceId;
};
const vote = (
  id: string,
  shownHash: string,
  actor: string,
  decision = 'approve',
  more: object = {},
): Promise<Answered> =>
  service.ask({
    method: 'POST',
    path: at(id, `/cells/go/votes`),
    body: { decision, shownHash },
    headers: as(actor),
    ...more,
  });
const votesIn = async (id: string) =>
  (
    (await service.ask({ path: at(id, '/journal') })).body.entries as {
      kind: string;
      by: { actor: string };
      decision?: string;
    }[]
  ).flatMap(({ kind, by, decision }) => (kind === 'vote' ? [`${by.actor} ${decision}`] : []));

describe('a vote', () => {
  test('about something else than was shown is refused, and recorded nowhere', async () => {
    const { id, hash } = await asking('one');
    const other = await asking('one');
    expect(other.hash).not.toBe(hash);
    expect(await vote(id, other.hash, 'bob')).toMatchObject({ status: 409, body: { code: 'vote.stale' } });
    expect(await votesIn(id)).toEqual([]);
    expect((await vote(id, hash, 'bob')).status).toBe(200);
  });

  test('may name what was shown by the first eight characters of its hash: the answer and the journal have it whole', async () => {
    const { id, hash } = await asking('one');
    const other = hash.startsWith('0') ? '1' : '0';
    expect(await vote(id, hash.slice(0, 7), 'bob')).toMatchObject({
      status: 400,
      body: {
        code: 'request.invalid',
        detail: expect.stringMatching(/first 8 characters or more \(shownHashCharsMin\)/),
      },
    });
    expect((await vote(id, hash.slice(0, 8).toUpperCase().padEnd(9, 'G'), 'bob')).status).toBe(400);
    expect(await vote(id, other + hash.slice(1, 8), 'bob')).toMatchObject({
      status: 409,
      body: { code: 'vote.stale' },
    });
    expect(await vote(id, hash.slice(0, 20) + other.repeat(44), 'bob')).toMatchObject({ body: { code: 'vote.stale' } });
    expect(await vote(id, hash.slice(0, 8), 'bob')).toMatchObject({ status: 200, body: { shownHash: hash } });
    const { entries } = (await service.ask({ path: at(id, '/journal') })).body as { entries: object[] };
    expect(entries.find((entry) => 'kind' in entry && entry.kind === 'vote')).toMatchObject({ shownHash: hash });
  });

  test('that is given twice counts once', async () => {
    const { id, hash } = await asking('two');
    expect(await vote(id, hash, 'bob')).toMatchObject({ status: 200, body: { decision: null, approvals: ['bob'] } });
    expect(await vote(id, hash, 'bob')).toMatchObject({ status: 409, body: { code: 'vote.double' } });
    expect(await statusOf(id)).toBe('waiting');
    expect(await votesIn(id)).toEqual(['bob approve']);
  });

  test('after expiry is refused, whatever the default decides then', async () => {
    for (const [runbook, status, decision, later] of [
      ['brief', 'halted', 'rejected', 'cell.notWaiting'],
      ['lenient', 'ready', 'approved', 'instance.finished'],
    ] as const) {
      const { id, hash } = await asking(runbook);
      await wait(1_100);
      expect(await vote(id, hash, 'bob')).toMatchObject({
        status: 409,
        body: { code: 'vote.closed', detail: expect.stringContaining('ended at') },
      });
      const { body } = await service.ask({ method: 'POST', path: at(id, '/advance'), body: {} });
      expect((body.steps as Line[])[0]).toMatchObject({
        cell: 'go',
        status: runbook === 'brief' ? 'failed' : 'completed',
      });
      const { body: instance } = await service.ask({ path: at(id) });
      expect(instance.cells).toMatchObject([
        { name: 'go', note: `${decision} by expiry: 0 of 1 approvals in time` },
        {},
      ]);
      if (status === 'halted') expect(await statusOf(id)).toBe('halted');
      // And so it stays once the time-out is recorded.
      expect(await vote(id, hash, 'bob')).toMatchObject({ status: 409, body: { code: later } });
      expect(await votesIn(id)).toEqual([]);
    }
  });

  test('of the one who started it is refused, unless the cell allows it', async () => {
    const id = await startBy('bob', 'two');
    expect(await vote(id, (await waitsOf(id))?.shownHash ?? '', 'bob')).toMatchObject({
      status: 403,
      body: { code: 'vote.self' },
    });
    const { id: own, hash } = await asking('own');
    expect(await vote(own, hash, 'ada')).toMatchObject({ status: 200, body: { decision: 'approved' } });
  });

  test('of a member of a group counts, of anybody else it does not', async () => {
    const { id, hash } = await asking('two');
    const member = { headers: as('dave', 'dev, sre') };
    expect(await vote(id, hash, 'dave', 'approve', { headers: as('dave', 'dev') })).toMatchObject({ status: 403 });
    expect(await vote(id, hash, 'dave', 'approve', member)).toMatchObject({ body: { approvals: ['dave'] } });
    expect(await vote(id, hash, 'bob')).toMatchObject({ body: { decision: 'approved', approvals: ['dave', 'bob'] } });
  });

  test('that was withdrawn counts no more, until it is given again', async () => {
    const { id, hash } = await asking('two');
    await vote(id, hash, 'bob');
    expect(await vote(id, hash, 'bob', 'withdraw')).toMatchObject({ body: { approvals: [], decision: null } });
    expect(await vote(id, hash, 'bob', 'withdraw')).toMatchObject({ status: 409, body: { code: 'vote.double' } });
    expect(await vote(id, hash, 'carol')).toMatchObject({ body: { approvals: ['carol'], decision: null } });
    expect(await vote(id, hash, 'bob')).toMatchObject({ body: { approvals: ['carol', 'bob'], decision: 'approved' } });
    expect(await votesIn(id)).toEqual(['bob approve', 'bob withdraw', 'carol approve', 'bob approve']);
  });

  test('twenty at once for a quorum of three: three count, the run goes on once', async () => {
    const { id, hash } = await asking('crowd');
    const answers = await Promise.all(many.map((actor) => vote(id, hash, actor)));
    const counted = answers.filter(({ status }) => status === 200);
    expect(counted).toHaveLength(3);
    expect(counted.filter(({ body }) => body.decision === 'approved')).toHaveLength(1);
    const refused = answers.filter(({ status }) => status !== 200);
    expect(new Set(refused.map(({ body }) => body.code))).toEqual(
      new Set(
        refused
          .map(({ body }) => body.code)
          .filter((code) => ['vote.closed', 'cell.notWaiting'].includes(String(code))),
      ),
    );
    expect(await votesIn(id)).toHaveLength(3);
    const { body } = await service.ask({ path: at(id, '/journal') });
    const kinds = (body.entries as { kind: string; cell?: string }[]).map(({ kind, cell = '' }) =>
      `${kind} ${cell}`.trim(),
    );
    expect(kinds).toEqual(['started', 'waiting go', 'vote go', 'vote go', 'vote go', 'outcome go']);
    expect(await statusOf(id)).toBe('ready');
  });

  test('that decides wakes a run that goes by itself, and not one in drive manual', async () => {
    const { id, hash } = await asking('one');
    const before = service.wakes.length;
    await vote(id, hash, 'bob');
    expect(service.wakes.slice(before)).toEqual([]);
    const auto = await start(service, 'one', { drive: 'auto' });
    await service.ask({ method: 'POST', path: at(auto, '/advance'), body: {}, headers: as('ada') });
    await vote(auto, (await waitsOf(auto))?.shownHash ?? '', 'bob');
    expect(service.wakes.slice(before).map(({ instanceId }) => instanceId)).toEqual([auto]);
  });
});

describe('groups of a voter', () => {
  const token = (claims: object) => ({ jwt: { claims: { sub: 'user-7', scope: 'pawl:decide', ...claims } } });
  const signed = (userArn: string) => ({ iam: { userArn } });
  const role = 'arn:aws:sts::123456789012:assumed-role/operator/ada';

  test.each([
    ['jwt', 'as HTTP API writes a list', token({ 'cognito:groups': '[dev sre]' }), 200],
    ['jwt', 'one group', token({ 'cognito:groups': 'sre' }), 200],
    ['jwt', 'a list', token({ 'cognito:groups': ['dev', 'sre'] }), 200],
    ['jwt', 'a part of a name', token({ 'cognito:groups': '[sre-readers]' }), 403],
    ['jwt', 'a name with a comma', token({ 'cognito:groups': '[dev,sre]' }), 403],
    ['jwt', 'a claim that is not the one', token({ groups: ['sre'] }), 403],
    ['jwt', 'said by the caller alone', token({}), 403],
    ['iam', 'the role of the caller', signed(role), 200],
    ['iam', 'another role', signed(role.replace('operator', 'reader')), 403],
    ['iam', 'a user of that name', signed('arn:aws:iam::123456789012:user/operator'), 403],
  ] as const)('%s: %s', async (auth, _name, authorizer, status) => {
    const { id, hash } = await asking('listed');
    const headers = { 'x-pawl-actor': 'mallory', 'x-pawl-groups': 'sre, role/operator' };
    const answer = await service.as({ auth }).ask({
      method: 'POST',
      path: at(id, '/cells/go/votes'),
      body: { decision: 'approve', shownHash: hash },
      headers,
      authorizer,
    });
    expect(answer.status).toBe(status);
  });
});

describe('a one-time link', () => {
  const linkOf = async (id: string, actor = 'bob', cell = 'go'): Promise<string> => {
    const { status, body } = await service.ask({
      method: 'POST',
      path: at(id, `/cells/${cell}/links`),
      body: { actor },
      headers: as('carol'),
    });
    expect(status).toBe(201);
    return String(body.link);
  };
  const use = (path: string, shownHash: string, decision = 'approve') =>
    service.ask({ method: 'POST', path, body: { decision, shownHash } });

  test('shows and changes nothing when it is read, however often; votes when it is posted, once', async () => {
    const { id, hash } = await asking('one');
    const path = await linkOf(id);
    // As scanners of mails do, which ask for the head first.
    for (let time = 0; time < 10; time += 1) {
      expect(await service.ask({ path })).toMatchObject({
        status: 200,
        body: { instanceId: id, shown: { hash }, freed: { cells: ['last'], until: null } },
      });
      expect((await service.ask({ method: 'HEAD', path })).status).toBe(405);
    }
    expect(await votesIn(id)).toEqual([]);
    expect(await use(path, hash)).toMatchObject({ status: 200, body: { decision: 'approved', approvals: ['bob'] } });
    expect(await use(path, hash)).toMatchObject({ status: 410, body: { code: 'link.used' } });
    expect(await service.ask({ path })).toMatchObject({ status: 410, body: { code: 'link.used' } });
    expect(await votesIn(id)).toEqual(['bob approve']);
  });

  test('used by ten at once it votes once', async () => {
    const { id, hash } = await asking('two');
    const path = await linkOf(id);
    const answers = await Promise.all(Array.from({ length: 10 }, () => use(path, hash)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const { status, body } of answers)
      if (status !== 200) expect(['410 link.used', '409 vote.double']).toContain(`${status} ${body.code}`);
    expect(await votesIn(id)).toEqual(['bob approve']);
  });

  test('of another step is refused: what it was made for is decided', async () => {
    const { id, hash } = await asking('twice');
    const early = await linkOf(id);
    await vote(id, hash, 'bob');
    await service.ask({ method: 'POST', path: at(id, '/advance'), body: {}, headers: as('ada') });
    const later = await waitsOf(id);
    expect(later?.cell).toBe('again');
    expect(await use(early, later?.shownHash ?? '')).toMatchObject({ status: 409, body: { code: 'cell.notWaiting' } });
    expect(await service.ask({ path: early })).toMatchObject({ status: 409, body: { code: 'cell.notWaiting' } });
    const own = await linkOf(id, 'bob', 'again');
    expect(await use(own, hash)).toMatchObject({ status: 409, body: { code: 'vote.stale' } });
    // Refused, it is not spent.
    expect(await use(own, later?.shownHash ?? '')).toMatchObject({ status: 200, body: { decision: 'approved' } });
    expect(await votesIn(id)).toEqual(['bob approve', 'bob approve']);
  });

  test('ends with its approval', async () => {
    const { id, hash } = await asking('brief');
    const path = await linkOf(id);
    await wait(1_100);
    expect(await use(path, hash)).toMatchObject({ status: 410, body: { code: 'link.expired' } });
    expect(await service.ask({ path })).toMatchObject({ status: 410, body: { code: 'link.expired' } });
  });

  test('is 256 random bits, of which only the hash is stored, and which no log line has', async () => {
    const { id, hash } = await asking('one');
    const path = await linkOf(id);
    const secret = path.slice('/links/'.length);
    expect(secret).toMatch(/^[0-9a-f]{64}$/);
    const tables = await Promise.all((['journal', 'claims', 'views', 'subscriptions'] as const).map(scan));
    expect(JSON.stringify(tables)).not.toContain(secret);
    expect(JSON.stringify(tables)).toContain(createHash('sha256').update(secret).digest('hex'));
    await service.ask({ path });
    await service.ask({ path: `${path}0` });
    await use(path, '0'.repeat(64));
    await use(path, hash);
    await use(path, hash);
    expect(written.text).toContain('useLink');
    expect(written.text).not.toContain(secret);
  });
});

const scan = (table: Table): Promise<unknown> => service.world.raw.scan(table);

describe('a one-time link in a browser', () => {
  const browser = { accept: 'text/html,application/xhtml+xml;q=0.9' };
  /** The pages as they are sent: the service of the other tests reads answers as JSON. */
  const page = async (asked: Parameters<typeof eventOf>[0]): Promise<HttpResult> => {
    const { world } = service;
    const { authoring } = await import('../../src/authoring/index.ts');
    const { engineOn } = await import('../support/engine.ts');
    const api = createApi(
      (telemetry) =>
        ({
          engine: engineOn(world.store, { authoring, observe: telemetry.observe }),
          clock: world.clock,
          auth: 'jwt',
          groupsClaim: 'cognito:groups',
          telemetry,
          answerWithinMs: 25_000,
        }) as unknown as ApiDeps,
    );
    return await api(eventOf({ ...asked, headers: { ...browser, ...asked.headers } }), contextOf());
  };
  const hostile = '<script>alert(1)</script>';
  let path: string;
  let id: string;
  beforeAll(async () => {
    await publish(
      service,
      documentOf(
        'hostile',
        [approve('approvers="bob, carol"', `Shall ${hostile} {{ params.what }} go on?`), 'name=last'],
        `${params.replace('default: it', `default: '"><img src=x onerror=alert(1)>'`)}`,
      ).replace(
        '# hostile',
        `# hostile <img src="https://evil.example/x.png">\n\n![x](https://evil.example/y.png) [go](javascript:alert(1))`,
      ),
    );
    ({ id } = await asking('hostile'));
    const { body } = await service.ask({
      method: 'POST',
      path: at(id, '/cells/go/links'),
      body: { actor: 'bob' },
      headers: as('carol'),
    });
    path = String(body.link);
  });

  test('shows what is asked, escaped, with a form and no script; nothing is loaded from elsewhere', async () => {
    const { statusCode, headers, body } = await page({ path });
    expect(statusCode).toBe(200);
    const names = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    expect(names).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      // Without a referrer a form is sent from `Origin: null`: see test/e2e/link.test.ts.
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    });
    const policy = names['content-security-policy'] ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toMatch(/; sandbox allow-forms allow-same-origin$/);
    const style = /<style>(.*?)<\/style>/s.exec(body)?.[1] ?? '';
    expect(policy).toContain(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`);
    expect(body).not.toMatch(/<script|<img|<a |<[^>]+ on\w+=/i);
    expect(body).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(body).toContain('```approve { name=go approvers=&quot;bob, carol&quot; }');
    expect(body).toMatch(/<form method="post">/);
    expect(body).toContain('name="decision" value="approve"');
  });

  test('the form votes with the hash that it showed, and says so; then the link is spent', async () => {
    const { body: shown } = await page({ path });
    const hash = /name="shownHash" value="([0-9a-f]{64})"/.exec(shown)?.[1] ?? '';
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const stale = await page({
      method: 'POST',
      path,
      body: `decision=approve&shownHash=${'0'.repeat(64)}`,
      headers: form,
    });
    expect([stale.statusCode, stale.body]).toEqual([409, expect.stringContaining('Nothing was voted')]);
    const sent = `shownHash=${hash}&comment=looked+at+it%21&decision=approve`;
    const voted = await page({ method: 'POST', path, body: sent, headers: form });
    expect([voted.statusCode, voted.body]).toEqual([200, expect.stringContaining('You approved.')]);
    const again = await page({ method: 'POST', path, body: sent, headers: form });
    expect([again.statusCode, again.body]).toEqual([410, expect.stringContaining('This link was used already')]);
    const { body } = await service.ask({ path: at(id, '/journal') });
    expect((body.entries as Line[]).find(({ kind }) => kind === 'vote')).toMatchObject({
      decision: 'approve',
      comment: 'looked at it!',
      by: { actor: 'bob', via: 'link' },
      link: { madeBy: 'carol' },
    });
  });

  test('an empty comment is none, and elsewhere a browser gets problems as everybody does', async () => {
    const { id: other, hash } = await asking('one');
    const { body } = await service.ask({
      method: 'POST',
      path: at(other, '/cells/go/links'),
      body: { actor: 'bob' },
      headers: as('carol'),
    });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const sent = `shownHash=${hash}&comment=&decision=reject`;
    const rejected = await page({ method: 'POST', path: String(body.link), body: sent, headers });
    expect(rejected.body).toContain('You rejected.');
    const elsewhere = await page({ path: '/nothing' });
    expect(JSON.parse(elsewhere.body)).toMatchObject({ code: 'route.unknown' });
    expect(elsewhere.headers).toMatchObject({
      'content-security-policy': expect.stringMatching(/^default-src 'none'; form-action 'none'; .*; sandbox$/),
      'referrer-policy': 'no-referrer',
    });
  });
});

/** What a hostile reader tried on the API of waiting: large things, odd things, many at once. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { linkPage } from '../../src/handlers/linkPage.ts';
import { documentOf, type Line, openService, publish, type Service } from './support.ts';

let service: Service;
const as = (actor: string) => ({ 'x-pawl-actor': actor });
beforeAll(async () => {
  service = await openService();
});
afterAll(() => service.world.drop());
beforeEach(() => {
  service.cells.execute = async () => ({ status: 'completed', output: '{}' });
});

const post = (path: string, body: unknown, actor: string, headers = {}) =>
  service.ask({ method: 'POST', path, body, headers: { ...as(actor), ...headers } });
const begin = async (runbookId: string, params = {}): Promise<string> => {
  const { body } = await post(`/runbooks/${runbookId}/instances`, { params }, 'ada');
  const { instanceId } = body.view as { instanceId: string };
  await post(`/instances/${instanceId}/advance`, { maxCells: 9 }, 'ada');
  return instanceId;
};
type Waits = { shownHash: string } & Pick<Parameters<typeof linkPage>[0], 'shown' | 'freed'>;
const waitsOf = async (id: string) => (await service.ask({ path: `/instances/${id}` })).body.waits as Waits;
const plain = '```approve { name=go approvers="bob, carol" quorum=2 }\nShall it go on?\n```';

describe('large things', () => {
  test('a list of claims with much evidence is paged through, each once', async () => {
    const evidence = 'x'.repeat(60_000);
    const ids = Array.from({ length: 100 }, (_, n) => `big/${String(n).padStart(3, '0')}`);
    for (const id of ids)
      await service.ask({ method: 'PUT', path: '/claims', query: `id=${id}`, body: { status: 'asserted', evidence } });
    const seen: string[] = [];
    let next: unknown = null;
    let pages = 0;
    do {
      const query = next === null ? '' : `next=${encodeURIComponent(String(next))}`;
      const page = await service.ask({ path: '/claims', query });
      expect(page.status).toBe(200);
      seen.push(...(page.body.claims as { claimId: string }[]).map(({ claimId }) => claimId));
      next = page.body.next;
      pages += 1;
    } while (next !== null);
    expect(seen).toEqual(ids);
    expect(pages).toBeGreaterThan(1);
  });

  test('an approval that refers to more than anybody reads is not asked, and its instance can be looked at', async () => {
    service.cells.execute = async () => ({ status: 'completed', output: JSON.stringify('<'.repeat(2_700_000)) });
    const asks = '```approve { name=go approvers=bob }\n{{ size(outputs.one) }} {{ size(outputs.two) }}\n```';
    expect((await publish(service, documentOf('large', ['name=one', 'name=two', asks, 'name=last']))).status).toBe(201);
    const id = await begin('large');
    const { status, body } = await service.ask({ path: `/instances/${id}` });
    expect([status, (body.view as Line).status]).toEqual([200, 'halted']);
    expect((body.cells as Line[])[2]).toMatchObject({
      error: { code: 'inputs.tooLarge', message: expect.stringContaining('shownBytesMax') },
    });
  });

  test('somebody who changes their mind hides the instance from nobody', async () => {
    await publish(service, documentOf('mind', [plain, 'name=last']));
    const id = await begin('mind');
    const { shownHash } = await waitsOf(id);
    const comment = '\u0001'.repeat(2_000);
    let refused: unknown;
    for (let n = 0; refused === undefined && n < 400; n += 1) {
      const decision = n % 2 === 0 ? 'approve' : 'withdraw';
      const { status, body } = await post(`/instances/${id}/cells/go/votes`, { decision, shownHash, comment }, 'bob');
      if (status !== 200) refused = body.limit;
    }
    expect(refused).toBe('votesMax');
    expect((await service.ask({ path: `/instances/${id}` })).status).toBe(200);
  }, 120_000);
});

test('a browser sends line breaks as two characters: a comment as long as its field takes is no refusal', async () => {
  await publish(service, documentOf('note', [plain, 'name=last']));
  const id = await begin('note');
  const { body } = await post(`/instances/${id}/cells/go/links`, { actor: 'bob' }, 'carol');
  const { shownHash } = await waitsOf(id);
  const comment = `${'y'.repeat(1_970)}${'\r\n'.repeat(29)}z`;
  const sent = new URLSearchParams({ decision: 'approve', shownHash, comment }).toString();
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  expect((await post(String(body.link), sent, 'nobody', form)).status).toBe(200);
  const { body: journal } = await service.ask({ path: `/instances/${id}/journal` });
  expect((journal.entries as Line[]).find(({ kind }) => kind === 'vote')?.comment).toBe(
    `${'y'.repeat(1_970)}${'\n'.repeat(29)}z`,
  );
});

test('characters that reorder or hide what is shown are visible on the page of a link', async () => {
  const source = documentOf(
    'bidi',
    ['```approve { name=go approvers=bob }\nDeploy to {{ params.to }}?\n```', 'name=x'],
    'params: { to: { type: string } }',
  );
  await publish(service, source);
  const id = await begin('bidi', { to: '\u202egnigats\u202c' });
  const { shown, freed } = await waitsOf(id);
  const html = linkPage({ instanceId: id, cell: 'go', title: 't', actor: 'bob', expiresAtMs: 1e12, shown, freed });
  expect(html).toContain('Deploy to [U+202E]gnigats[U+202C]?');
});

test('the page of a link shows logs escaped, and says which are not there', async () => {
  await publish(service, documentOf('plain-log', [plain, 'name=last']));
  const id = await begin('plain-log');

  const { shown, freed } = await waitsOf(id);
  if (shown === null) throw new Error('It shows nothing.');
  const whole = { covers: 'whole', text: '<b>+3 \u202ex', bytes: 7, sha256: 'a'.repeat(64), why: null } as const;
  const nothing = { covers: 'nothing', text: '', bytes: 0, sha256: null, why: 'It was skipped.' } as const;
  const about = { instanceId: id, cell: 'go', title: 't', actor: 'bob', expiresAtMs: 1e12, freed };
  const html = linkPage({ ...about, shown: { ...shown, logs: { plan: whole, check: nothing } } });
  expect(html).toContain('<h2>Log of plan</h2>');
  expect(html).toContain('All of it: 7 bytes were logged');
  expect(html).toContain('&lt;b&gt;+3 [U+202E]x');
  expect(html).toContain('Nothing of it is shown, so your vote is not about it. It was skipped.');
});

test('an approval of one target carries no other: a continuation with other parameters asks again', async () => {
  const asks = '```approve { name=go approvers=bob }\nDeploy to {{ params.to }}?\n```';
  await publish(service, documentOf('deploy', [asks, 'name=deploy'], 'params: { to: { type: string } }'));
  const id = await begin('deploy', { to: 'staging' });
  const { shownHash } = await waitsOf(id);
  await post(`/instances/${id}/cells/go/votes`, { decision: 'approve', shownHash }, 'bob');
  await post(`/instances/${id}/cancel`, { reason: 'oops' }, 'ada');
  const continues = { instanceId: id, at: 'deploy' };
  const again = await post('/runbooks/deploy/instances', { params: { to: 'production' }, continues }, 'ada');
  expect([again.status, again.body.code]).toEqual([409, 'continue.refused']);
});

test('sixty writers of one claim at once are all taken', async () => {
  const one = (n: number) =>
    service.ask({ method: 'PUT', path: '/claims', query: 'id=busy', body: { status: 'asserted', statement: `${n}` } });
  const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => one(n)));
  expect([...new Set(answers.map(({ status }) => status))].sort()).toEqual([200, 201]);
});

test('odd input is refused, never an error of ours', async () => {
  await publish(service, documentOf('odd', [plain, 'name=last']));
  const id = await begin('odd');
  const { shownHash } = await waitsOf(id);
  const votes = `/instances/${id}/cells/go/votes`;
  const claims = { method: 'PUT', path: '/claims' };
  const none = `/links/${'0'.repeat(64)}`;
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const answers = [
    await post(votes, `{"decision":"approve","shownHash":"${shownHash}","comment":"\\ud800 x"}`, 'bob'),
    await post(votes, { decision: 'withdraw', shownHash, comment: '' }, 'bob'),
    await post(`/instances/${id}/cells/go/links`, '{"actor":"\\ud800"}', 'carol'),
    await post(`/instances/${id}/cells/constructor/votes`, { decision: 'approve', shownHash }, 'bob'),
    await service.ask({ ...claims, query: 'id=', body: { status: 'asserted' } }),
    await service.ask({
      ...claims,
      query: 'id=z',
      body: '{"status":"asserted","evidence":{"\\ud800":"\\udc00","__proto__":1}}',
    }),
    await service.ask({ ...claims, query: 'id=z', body: { status: 'asserted', evidence: 'é'.repeat(40_000) } }),
    await service.ask({ path: '/claims', query: 'id=z%00' }),
    await service.ask({ path: '/claims', query: 'next=abc' }),
    await service.ask({ path: '/claims/history', query: 'id=z&before=9007199254740991' }),
    await service.ask({ path: '/claims/history', query: `id=${'a'.repeat(2_000)}` }),
    await service.ask({ path: '/links/%00' }),
    await service.ask({ method: 'POST', path: none, body: '' }),
    await post(none, '__proto__=1&decision=approve', 'nobody', form),
  ];
  expect(answers.map(({ status }) => status)).toEqual([
    200, 200, 403, 409, 400, 201, 400, 400, 400, 200, 400, 404, 400, 400,
  ]);
});

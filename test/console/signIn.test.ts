/**
 * Signing in on AWS: the page from `api`, behind what checks tokens as API Gateway does, and an issuer that is certified to
 * keep to OpenID Connect; in Chromium.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createConsoleFiles } from '../../src/handlers/consoleFiles.ts';
import { documentOf } from '../handlers/support.ts';
import type { Issuer } from '../support/issuer.ts';
import { serve } from '../support/served.ts';
import { enter, type Issued, openIssued, picture, root, type Seat, tokenOf } from './issued.ts';
import { expectEveryScreen, phone } from './support.ts';

const runbook = documentOf('failover', [
  'name=check',
  '```approve { name=go approvers=ben groups=sre quorum=2 }\nShall it go on?\n```',
  'name=announce',
]);

let issued: Issued;
let issuer: Issuer;
let url: string;
let gate: Issued['gate'];
let sit: Issued['sit'];

beforeAll(async () => {
  const people = {
    ada: { groups: ['sre'] },
    ben: { groups: ['sre', 'dev'] },
    lea: { groups: ['sre'] },
    eve: {},
    tom: { groups: ['sre'], withheld: ['pawl:decide'] },
  };
  issued = await openIssued(people, async () => ({ status: 'completed', output: '{"lagSeconds":3}' }));
  ({ issuer, url, gate, sit } = issued);
});
afterAll(async () => await issued?.close());

const signedIn = async (name: string, path = '/'): Promise<Seat> => {
  const seat = await issued.signedIn(name, path);
  await seat.page.getByText(/^As of /).waitFor();
  return seat;
};

/** Whatever a script of this origin, or the next page, could find. */
const keptBy = (page: Page): Promise<unknown> =>
  page.evaluate(
    '({ local: { ...localStorage }, session: { ...sessionStorage }, cookie: document.cookie, url: location.href, state: history.state })',
  );

/** What ada's programs send. */
let adas = '';
const started = async (): Promise<string> => {
  const { page } = await signedIn('ada');
  const authorization = await tokenOf(page);
  adas = authorization;
  const ask = async (method: string, path: string, body: unknown, media = 'application/json') => {
    const sent = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization, 'content-type': media },
      body: sent,
    });
    return (await response.json()) as { view: { instanceId: string } };
  };
  await ask('PUT', '/runbooks/failover', runbook, 'text/markdown');
  const { view } = await ask('POST', '/runbooks/failover/instances', {});
  await ask('POST', `/instances/${view.instanceId}/advance`, { maxCells: 'all' });
  await page.close();
  return view.instanceId;
};

const lastVote = async (instanceId: string): Promise<unknown> => {
  const response = await fetch(`${url}/instances/${instanceId}/journal`, { headers: { authorization: adas } });
  const { entries } = (await response.json()) as { entries: { kind: string }[] };
  return entries.findLast(({ kind }) => kind === 'vote');
};

describe('signing in at the issuer', () => {
  it('leads back to the very page that was asked for, and leaves no token where another script or page finds it', async () => {
    const instanceId = await started();
    const { page, complaints } = await sit();
    const deep = `${url}/console/instances/${instanceId}?from=alert#go`;
    await page.goto(deep);
    await enter(page, 'ben');
    await page.getByText(/^As of /).waitFor();
    expect(page.url()).toBe(deep);
    expect(await page.locator('.who').textContent()).toBe('ben');
    expect(await keptBy(page)).toEqual({ local: {}, session: {}, cookie: '', url: deep, state: null });
    await picture(page, 'signed in');
    expect(complaints).toEqual([]);
  });

  it('is silent after a reload, as long as the issuer knows this browser: one redirect, and the same page', async () => {
    const { page, complaints } = await signedIn('ben', '/workers');
    const before = issuer.asked.filter((path) => path === '/auth').length;
    await page.reload();
    await page.getByText(/^As of /).waitFor();
    expect(page.url()).toBe(`${url}/console/workers`);
    expect(await page.locator('.who').textContent()).toBe('ben');
    expect(issuer.asked.filter((path) => path === '/auth').length).toBe(before + 1);
    expect(complaints).toEqual([]);
  });

  it('leaves a form what it was: what it starts stays one run, however often the page is loaded', async () => {
    await started();
    const { page, complaints } = await signedIn('ben', '/workers');
    await page.goto(`${url}/console/start/failover`);
    const drawn = async (): Promise<unknown> => {
      await page.getByRole('heading', { name: /^Start/ }).waitFor();
      // With the form, which is not there yet while it loads.
      await page.getByRole('heading', { name: 'What it would do' }).waitFor();
      return await page.evaluate('history.state?.startId');
    };
    const id = await drawn();
    expect(id).toMatch(/^failover-[0-9a-f]{12}$/);
    const before = issuer.asked.filter((path) => path === '/auth').length;
    await page.reload();
    expect(await drawn()).toBe(id);
    expect(issuer.asked.filter((path) => path === '/auth').length).toBe(before + 1);
    expect(complaints).toEqual([]);
  });

  it('is done anew when the token has run out, and the page stays what it was', async () => {
    const { page } = await signedIn('ben', '/?status=completed');
    const before = await tokenOf(page);
    gate.aheadMs = 2 * 3_600_000;
    // What comes from the issuer then is good again.
    await page.waitForRequest((one) => one.url().startsWith(`${issuer.issuer}/auth`));
    gate.aheadMs = 0;
    await page.getByText(/^As of /).waitFor();
    expect(page.url()).toBe(`${url}/console?status=completed`);
    expect(await tokenOf(page)).not.toBe(before);
  });

  it('waits for whoever is writing when the token has run out: what was typed stays until they go', async () => {
    const instanceId = await started();
    const { page } = await signedIn('ben', `/instances/${instanceId}`);
    await page.getByLabel(/^Comment/).fill('the graphs look right');
    gate.aheadMs = 2 * 3_600_000;
    await page.getByText('Your sign-in has ended.').waitFor();
    await expectEveryScreen(page, 'sign-in over');
    expect(await page.getByLabel(/^Comment/).inputValue()).toBe('the graphs look right');
    gate.aheadMs = 0;
    await page.getByRole('button', { name: 'Sign in again' }).click();
    await page.getByText(/^As of /).waitFor();
    expect(page.url()).toBe(`${url}/console/instances/${instanceId}`);
    expect(await page.getByText('Your sign-in has ended.').count()).toBe(0);
  });

  it('lets nobody in by an answer that it did not ask for: another state, or another tab', async () => {
    const { page } = await sit(phone);
    const asked = issuer.asked.length;
    const deep = `${url}/console/workers`;
    await page.goto(`${url}/console/signed-in?code=stolen&state=guessed&iss=${encodeURIComponent(issuer.issuer)}`);
    await page.getByText('This tab has not asked to sign in').waitFor();
    expect(page.url()).toBe(`${url}/console/signed-in`);
    // Begun, and not ended.
    await page.goto(deep);
    await page.getByLabel('Name').waitFor();
    await page.goto(`${url}/console/signed-in?code=stolen&state=guessed&iss=${encodeURIComponent(issuer.issuer)}`);
    await page.getByText('so nobody was let in').waitFor();
    await expect.poll(() => page.title()).toBe('Not signed in · Pawl');
    await expectEveryScreen(page, 'wrong state');
    expect(issuer.asked.slice(asked)).not.toContain('/token');
    // What was begun is over too.
    expect(await keptBy(page)).toMatchObject({ session: {}, local: {} });
    await page.getByRole('button', { name: 'Sign in again' }).click();
    await enter(page, 'ben');
    await page.getByText(/^As of /).waitFor();
    expect(page.url()).toBe(deep);
  });

  it('ends without going round when the service never takes what the issuer gives', async () => {
    gate.isDeaf = true;
    const { page } = await sit();
    await page.goto(`${url}/console/workers`);
    await enter(page, 'ben');
    await page.getByText('The service does not take the token').waitFor();
    await expectEveryScreen(page, 'token not taken');
    gate.isDeaf = false;
    await page.getByRole('button', { name: 'Sign in again' }).click();
    await page.getByText(/^As of /).waitFor();
    expect(page.url()).toBe(`${url}/console/workers`);
  });
});

describe('who signed in', () => {
  it('votes as themselves; whoever is in no group that is asked, or has no scope for it, is not offered a vote', async () => {
    const instanceId = await started();
    const ben = await signedIn('ben', `/instances/${instanceId}`);
    await ben.page.getByRole('button', { name: 'Approve' }).click();
    await ben.page.getByText('1 of 2 approvals so far').waitFor();
    expect(await lastVote(instanceId)).toMatchObject({ decision: 'approve', by: { actor: 'ben', via: 'api' } });
    const eve = await signedIn('eve', `/instances/${instanceId}`);
    await eve.page.getByText('You are eve, who is not asked.').waitFor();
    await picture(eve.page, 'not of the group');
    const tom = await signedIn('tom', `/instances/${instanceId}`);
    await tom.page.getByText('Voting needs the scope pawl:decide').waitFor();
    for (const { page, complaints } of [eve, tom]) {
      expect(await page.getByRole('button', { name: 'Approve' }).count()).toBe(0);
      expect(complaints).toEqual([]);
    }
    expect(ben.complaints).toEqual([]);
  });

  it('signs out at the issuer too: the next page asks who it is', async () => {
    const { page, complaints } = await signedIn('ben');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: /Yes, sign me out/ }).click();
    await page.getByText('You are signed out').waitFor();
    expect(page.url()).toMatch(new RegExp(`^${url}/console/signed-out`));
    await expect.poll(() => page.title()).toBe('Not signed in · Pawl');
    await expectEveryScreen(page, 'signed out at the issuer');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByLabel('Name').waitFor();
    expect(complaints).toEqual([]);
  });
});

/** On a page of a link nothing may run, axe neither: what it is made of is looked at elsewhere. */
const expectLink = async (shown: Page, what: string): Promise<void> => {
  const { page } = await sit();
  await page.setContent(await shown.content());
  await expectEveryScreen(page, what);
};

describe('a one-time link', () => {
  it('leads to the run in the console, whom it tells nothing of its secret', async () => {
    const instanceId = await started();
    const lea = await signedIn('lea');
    const authorization = await tokenOf(lea.page);
    const made = await fetch(`${url}/instances/${instanceId}/cells/go/links`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ actor: 'ben' }),
    });
    const { link } = (await made.json()) as { link: string };
    const secret = link.split('/links/')[1] ?? '';
    expect(secret.length).toBeGreaterThan(40);
    const { page, complaints } = await sit();
    await page.goto(`${url}/links/${secret}`);
    expect(await page.title()).toMatch(/: your approval$/);
    await expectLink(page, 'link');
    const told: Promise<string>[] = [];
    page.on('request', (request) => {
      const said = request.allHeaders().then((headers) => `${request.url()} ${JSON.stringify(headers)}`);
      told.push(said.catch((error: unknown) => `${request.url()} ${error}`));
    });
    await page.getByRole('link', { name: 'open it in the console' }).click();
    await enter(page, 'ben');
    await page.getByText(/^As of /).waitFor();
    expect(page.url()).toBe(`${url}/console/instances/${instanceId}`);
    const all = await Promise.all(told);
    expect(all[0]).toContain(`${url}/console/instances/${instanceId} {`);
    expect(all.filter((one) => one.includes(secret))).toEqual([]);
    expect(await page.evaluate('document.referrer')).not.toContain('/links/');
    expect(await keptBy(page)).toMatchObject({ local: {}, session: {}, state: null });
    // Looking around has not spent it, and without a script it still votes.
    const plain = await sit({ ...phone, javaScriptEnabled: false, colorScheme: 'dark' });
    await plain.page.goto(`${url}/links/${secret}`);
    await picture(plain.page, 'link, dark');
    await plain.page.getByRole('button', { name: 'Approve' }).click();
    await plain.page.getByRole('heading', { name: 'You approved.' }).waitFor();
    await expectLink(plain.page, 'link used');
    await plain.page.goto(`${url}/links/${secret}`);
    await expectLink(plain.page, 'link over');
    expect(await lastVote(instanceId)).toMatchObject({ by: { actor: 'ben', via: 'link' } });
    expect([...complaints, ...plain.complaints]).toEqual([]);
  });
});

describe('a page of a service that takes signed requests', () => {
  it('says what signs for it', async () => {
    const files = createConsoleFiles(pathToFileURL(join(root, 'dist/console/')));
    const port = await serve({
      store: issued.world.store,
      clock: issued.world.clock,
      execute: vi.fn(),
      deployment: { name: 'test', epoch: 0, takeoverGraceMs: 1_000 },
      workMs: 900_000,
      door: { auth: 'iam', console: { signIn: { auth: 'iam' }, files } },
    });
    const { page, complaints } = await sit();
    await page.goto(`http://127.0.0.1:${port}/console/instances/a`);
    await page.getByText(`pawl console --url http://127.0.0.1:${port}`).waitFor();
    await expect.poll(() => page.title()).toBe('Not signed in · Pawl');
    await expectEveryScreen(page, 'signed requests');
    expect(complaints).toEqual([]);
  });
});

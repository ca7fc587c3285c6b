/**
 * A one-time link as a person uses it: opened and answered in Chromium, on the real handlers behind HTTP. What a browser
 * makes of the page's headers (sandbox, form-action, the Origin of a form) is seen nowhere else.
 * PAWL_PICTURES names a folder that gets a picture of every page.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { BrowserContextOptions, Page, Response } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { documentOf, type Line } from '../handlers/support.ts';
import { type Opened, openBrowser } from '../support/browser.ts';
import { serve } from '../support/served.ts';
import { type FreshStore, freshStore } from '../support/world.ts';

const wide = { viewport: { width: 1100, height: 900 } };
const phone = { viewport: { width: 360, height: 720 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const longLine = `echo ${'https://replica.example/a/very/long/path/'.repeat(6)}`;
const runbook = documentOf(
  'failover',
  [
    'name=check',
    '```approve { name=go approvers="bob, carol" expires=1h }\nShall {{ params.region }} go on with the replica?\n```',
    ['```sh { name=promote }', longLine, '```'].join('\n'),
    'name=announce',
  ],
  'params: { region: { type: string, default: "eu-west-1 <b>primary</b>" } }',
);

const long = documentOf('long', [
  ...Array.from({ length: 15 }, (_, n) => `name=before_${n}`),
  `\`\`\`approve { name=go approvers=bob }\n${'Shall-'.repeat(80)}it go on?\n\`\`\``,
  ...Array.from({ length: 15 }, (_, n) => `name=after_${n}`),
  '```approve { name=again approvers=bob }\nAnd now?\n```',
]);

let world: FreshStore;
let opened: Opened;
let url: string;
let aheadMs = 0;
beforeAll(async () => {
  world = await freshStore('sqlite');
  const clock = { ...world.clock, nowMs: () => world.clock.nowMs() + aheadMs };
  const execute = async () => ({ status: 'completed' as const, output: '{"lagSeconds":3}' });
  const deployment = { name: 'test', epoch: 0, takeoverGraceMs: 1_000 };
  const port = await serve({ store: { ...world.store, clock }, clock, execute, deployment, workMs: 900_000 });
  url = `http://127.0.0.1:${port}`;
  for (const [id, source] of [
    ['failover', runbook],
    ['long', long],
  ] as const)
    await ask('PUT', `/runbooks/${id}`, source);
  opened = await openBrowser();
});
afterAll(async () => {
  await opened?.close();
  await world?.drop();
});

const ask = async (method: string, path: string, body?: unknown, actor = 'ada'): Promise<Line> => {
  const media = typeof body === 'string' ? 'text/markdown' : 'application/json';
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { 'x-pawl-actor': actor, ...(body === undefined ? {} : { 'content-type': media }) },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const answer = (await response.json()) as Line;
  if (!response.ok) throw new Error(JSON.stringify(answer));
  return answer;
};

/** Started by ada, asking; carol made the link for bob. */
const linked = async (runbookId = 'failover'): Promise<{ id: string; link: string }> => {
  const { view } = (await ask('POST', `/runbooks/${runbookId}/instances`, {})) as { view: { instanceId: string } };
  const id = view.instanceId;
  await ask('POST', `/instances/${id}/advance`, { maxCells: 'all' });
  const { link } = await ask('POST', `/instances/${id}/cells/go/links`, { actor: 'bob' }, 'carol');
  return { id, link: String(link) };
};

const votesIn = async (id: string): Promise<Line[]> => {
  const { entries } = (await ask('GET', `/instances/${id}/journal`)) as { entries: Line[] };
  return entries.filter(({ kind }) => kind === 'vote');
};

/** @param name of the pictures; anything of the page that the browser blocks is a failure */
const inBrowser = async (
  options: BrowserContextOptions,
  name: string,
  work: (page: Page, picture: (step: string) => Promise<void>) => Promise<void>,
): Promise<void> => {
  const context = await opened.browser.newContext(options);
  const complaints: string[] = [];
  try {
    const page = await context.newPage();
    page.on('console', (message) => {
      if (/security policy|refused|blocked/i.test(message.text())) complaints.push(message.text());
    });
    await work(page, async (step) => {
      const folder = process.env.PAWL_PICTURES;
      if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}-${step}.png`), fullPage: true });
    });
    expect(complaints).toEqual([]);
  } finally {
    await context.close();
  }
};

/** Presses a button and waits for the page that answers. */
const press = async (page: Page, button: 'Approve' | 'Reject'): Promise<Response> => {
  const answered = page.waitForResponse((response) => response.request().method() === 'POST');
  await page.getByRole('button', { name: button }).click();
  const response = await answered;
  await page.waitForLoadState();
  return response;
};

/** How far a reader would have to go sideways, in pixels. */
const overflow = (page: Page): Promise<number> =>
  page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');

describe('a one-time link in Chromium', () => {
  test.each([
    ['on a wide screen', wide],
    ['on a phone', phone],
    ['without JavaScript', { ...wide, javaScriptEnabled: false }],
  ])('%s: shows what is asked, approves with a comment, and is spent', async (name, options) => {
    const { id, link } = await linked();
    await inBrowser(options, `approve ${name}`, async (page, picture) => {
      expect((await page.goto(link))?.status()).toBe(200);
      await picture('1 asked');
      expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('failover, a test');
      expect(await page.locator('.asked').textContent()).toBe('Shall eu-west-1 <b>primary</b> go on with the replica?');
      expect(await overflow(page)).toBe(0);
      // Both stand open, for they are short; what is no part of the vote says so.
      expect(await page.locator('details[open]').count()).toBe(2);
      expect(await page.locator('details').first().innerText()).not.toContain('name=promote');
      expect(await page.locator('details.beyond').innerText()).toMatch(/name=promote.*name=announce/s);
      expect(await page.locator('body').innerText()).toContain('Not part of your approval');
      await page.getByLabel('Comment').fill('looked at it,\nit is fresh');
      const response = await press(page, 'Approve');
      await picture('2 voted');
      expect(response.status()).toBe(200);
      // As a program of this machine asks: a service that refuses pages of others takes it.
      expect(await response.request().headerValue('origin')).toBe(url);
      expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('You approved.');
      expect((await page.goto(link))?.status()).toBe(410);
      await picture('3 spent');
      expect(await page.locator('body').innerText()).toMatch(/^This link is spent\s+This link was used already/);
    });
    expect(await votesIn(id)).toMatchObject([
      { decision: 'approve', comment: 'looked at it,\nit is fresh', by: { actor: 'bob', via: 'link' } },
    ]);
  });

  test('folds what is long, and unfolds it without a script', async () => {
    const { link } = await linked('long');
    await inBrowser({ ...phone, javaScriptEnabled: false }, 'long', async (page, picture) => {
      await page.goto(link);
      await picture('1 folded');
      expect(await overflow(page)).toBe(0);
      expect(await page.locator('details[open]').count()).toBe(0);
      await page.getByText('What runs next, once it is approved').click();
      expect(await page.locator('details.beyond pre').isVisible()).toBe(true);
      await picture('2 unfolded');
    });
  });

  test('rejects: the run halts', async () => {
    const { id, link } = await linked();
    await inBrowser(phone, 'reject', async (page, picture) => {
      await page.goto(link);
      const response = await press(page, 'Reject');
      await picture('1 voted');
      expect(response.status()).toBe(200);
      expect(await page.locator('body').innerText()).toMatch(/^You rejected\.\s+What was asked is rejected\./);
    });
    expect(await votesIn(id)).toMatchObject([{ decision: 'reject', comment: null, by: { actor: 'bob' } }]);
    expect(await ask('GET', `/instances/${id}`)).toMatchObject({ view: { status: 'halted' } });
  });

  test('is looked at in time and answered too late: nothing is voted, and the page says so', async () => {
    const { id, link } = await linked();
    try {
      await inBrowser(wide, 'late', async (page, picture) => {
        await page.goto(link);
        aheadMs += 3_600_000;
        const response = await press(page, 'Approve');
        await picture('1 over');
        expect(response.status()).toBe(410);
        expect(await page.locator('body').innerText()).toMatch(/^Nothing was voted\s+This link ended at 20/);
        expect((await page.goto(link))?.status()).toBe(410);
      });
    } finally {
      aheadMs = 0;
    }
    expect(await votesIn(id)).toEqual([]);
  });

  test('votes also where the service has a name and speaks plain HTTP, as behind a proxy of a house', async () => {
    const { id, link } = await linked();
    await inBrowser(wide, 'named', async (page) => {
      await page.goto(link.replace('127.0.0.1', 'pawl.example'));
      const response = await press(page, 'Approve');
      expect(response.status()).toBe(200);
      expect(await response.request().headerValue('origin')).toBe(url.replace('127.0.0.1', 'pawl.example'));
    });
    expect(await votesIn(id)).toHaveLength(1);
  });

  test('is no page in a page: nobody else frames the button', async () => {
    const { link } = await linked();
    const elsewhere = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end(`<iframe src="${link}"></iframe>`);
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
    const context = await opened.browser.newContext(wide);
    try {
      const page = await context.newPage();
      const answered = page.waitForResponse(link);
      await page.goto(`http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`);
      expect((await answered).status()).toBe(200);
      const [, framed] = page.frames();
      expect(await framed?.locator('button').count()).toBe(0);
    } finally {
      await context.close();
      elsewhere.close();
    }
  });
});

test('where no browser starts, the tests say what to set', async () => {
  vi.stubEnv('PAWL_BROWSER', '/nowhere/chromium');
  try {
    await expect(openBrowser()).rejects.toThrow('/nowhere/chromium is no program that can be run. Set PAWL_BROWSER to');
  } finally {
    vi.unstubAllEnvs();
  }
});

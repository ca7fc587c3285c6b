/** What the console shows: runs by who is needed, one run as a document, on any screen, for anybody. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { token, untilStatus } from '../service/support.ts';
import { approval, doubtful, failing, family, hostile, manual, probed, rehearsal, script } from './scenes.ts';
import { type Console, expectQuiet, openConsole } from './support.ts';

const built = join(import.meta.dirname, '../../dist/console');
const gzippedBytesMax = 100_000;

let desk: Console;
beforeAll(async () => {
  desk = await openConsole();
  const { begin, as, served } = desk;
  await begin(doubtful, { instanceId: 'switch-tonight' });
  await begin(approval, { instanceId: 'release-42' });
  await begin(manual, { instanceId: 'ceremony-1' });
  await begin(failing, { instanceId: 'clean-1' });
  await begin(hostile, { instanceId: 'hostile-1', params: { given: script } });
  await begin(rehearsal('switch_test'), { instanceId: 'switch-test-1' });
  await as('ada', 'POST', '/runbooks/release/instances', { instanceId: 'release-43', drive: 'manual' });
  await untilStatus(served, 'switch-tonight', 'in_doubt');
});
afterAll(async () => await desk?.close());

const idsIn = (page: Page, group: string): Promise<string[]> =>
  page.locator('section.group', { hasText: group }).locator('.run-name a').allTextContents();

describe('the overview', () => {
  it('shows what needs somebody first and why; its title counts them, and its icon has a red dot for a doubt', async () => {
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/');
    await bob.picture('overview');
    await expect
      .poll(() => page.locator('.run-why').allTextContents())
      .toEqual(expect.arrayContaining(['Did promote happen? Nothing goes on until somebody says so.', 'go asks you.']));
    const needing = await idsIn(page, 'Needs somebody');
    expect(needing.slice(0, 3)).toEqual(['switch-tonight', 'clean-1', 'release-42']);
    expect(needing.toSorted()).toEqual(['ceremony-1', 'clean-1', 'hostile-1', 'release-42', 'switch-tonight']);
    expect(await idsIn(page, 'Under way')).toEqual(['release-43']);
    expect(await idsIn(page, 'The rest')).toEqual(['switch-test-1']);
    await expect.poll(() => page.title()).toBe('(5) Runs · Pawl');
    const icon = await page.locator('link[rel=icon]').getAttribute('href');
    expect(decodeURIComponent(icon ?? '')).toContain('#dc2626');
    // What goes on meanwhile is seen without a reload.
    await desk.as('ada', 'POST', '/instances/clean-1/cancel', { reason: 'not tonight' });
    await page
      .getByText('(4)')
      .or(page.locator('.count', { hasText: /^4$/ }))
      .first()
      .waitFor();
    await expect.poll(() => idsIn(page, 'The rest')).toContain('clean-1');
    expectQuiet(bob);
  });

  it('keeps its filters in the URL, which shows the same to others; Back takes one off again', async () => {
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/');
    await page.getByLabel('Status').selectOption('completed');
    await page.getByLabel('Runbook').selectOption('switch_test');
    await page.waitForURL(/status=completed&runbook=switch_test|runbook=switch_test&status=completed/);
    await page.getByText('Newest first').waitFor();
    await expect.poll(() => page.locator('.run-name a').allTextContents()).toEqual(['switch-test-1']);
    const carol = await desk.sit('carol');
    await carol.open(new URL(page.url()).pathname.replace('/console', '') + new URL(page.url()).search);
    await expect.poll(() => carol.page.locator('.run-name a').allTextContents()).toEqual(['switch-test-1']);
    await page.goBack();
    await expect.poll(() => page.getByLabel('Runbook').inputValue()).toBe('');
    await page.getByLabel('Status').selectOption('');
    await page.getByLabel('Search').fill('eu-west');
    await expect.poll(() => page.locator('.run-name a').allTextContents()).toEqual(['switch-tonight', 'switch-test-1']);
    expectQuiet(bob);
  });
});

describe('a run', () => {
  it('is its document with what happened in place, the journal beside it, and a title that says how it stands', async () => {
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/instances/switch-tonight');
    await page.getByText('router: accepted, job 4711').first().waitFor();
    await bob.picture('in doubt');
    // As it stands in docs/pictures.
    await bob.picture('console', 1_000);
    await expect.poll(() => page.title()).toBe('in doubt · switch-tonight · Pawl');
    const text = await page.locator('.document').innerText();
    for (const [before, after] of [
      ['Look at the graphs', 'Before'],
      ['Before', 'look'],
      ['look', 'The switch'],
      ['The switch', 'promote'],
      ['promote', 'Nothing else moves'],
      ['Nothing else moves', 'announce'],
    ] as const)
      expect(text.indexOf(before), `${before} before ${after}`).toBeLessThan(text.lastIndexOf(after));
    const look = page.getByRole('region', { name: 'Cell look' });
    await look.getByText('Output, 17 bytes').click();
    await expect.poll(() => look.getByLabel('Output of look').textContent()).toBe('{\n  "lagSeconds": 3\n}');
    await look.getByText('Log and notes').click();
    await look.getByText('the replica is 3 s behind').last().waitFor();
    await page.getByText('Entry 0, started').click();
    expect(JSON.parse((await page.getByLabel('JSON of entry 0').textContent()) ?? '')).toMatchObject({
      kind: 'started',
      instanceId: 'switch-tonight',
    });
    await page.getByRole('button', { name: 'Verify the chain' }).click();
    await page.getByText(/^Verified: \d+ entries, the chain holds\.$/).waitFor();
    expectQuiet(bob);
  });

  it('shows the elements of a section as a tree, each with a page of its own, and what is gone through at the end apart', async () => {
    const nodes = ['node-a', 'node-b', 'node-c'];
    await desk.as('ada', 'PUT', '/runbooks/drain_all', family);
    await desk.as('ada', 'POST', '/runbooks/drain_all/instances', {
      instanceId: 'drain-1',
      params: { nodes },
      drive: 'auto',
    });
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/instances/drain-1');
    const tree = page.getByRole('region', { name: 'Waits for' });
    await tree.getByText('node-b').waitFor();
    await bob.picture('family');
    await expect.poll(() => tree.innerText()).toMatch(/0 of 3 completed · 2 under way · 2 at a time/);
    const apart = page.getByRole('region', { name: 'Failure path' });
    await expect.poll(() => apart.innerText()).toMatch(/takes prepare back[\s\S]*On failure:[\s\S]*tell/);
    await tree.getByText('node-a').click();
    await page.getByRole('heading', { name: 'drain waits for a person' }).waitFor();
    expect(await page.locator('.asked').innerText()).toBe('Drain node-a.');
    // Of the document it is the part that an element goes through.
    const cells = await page.locator('.document .cell strong').allTextContents();
    expect(cells).toEqual(['look', 'drain']);
    await page.goBack();
    await tree.getByText('node-b').waitFor();
    // One that has ended is in the tree of those under way no more, and led to all the same.
    const { view } = await desk.as('ada', 'GET', '/instances/drain-1');
    const { cell } = view as { cell: string };
    const first = `drain-1~${cell}.0`;
    /** Once it waits for a person. */
    const drain = async (index: number): Promise<void> => {
      const id = `drain-1~${cell}.${index}`;
      await untilStatus(desk.served, id, 'waiting');
      await desk.as('ada', 'POST', `/instances/${id}/cells/drain/done`, { result: 'done', note: 'drained' });
    };
    await drain(0);
    await tree.getByText('node-c').waitFor();
    await expect.poll(() => tree.getByText('node-a').count()).toBe(0);
    const begun = page.locator('details', { hasText: `All of ${cell} that began` }).getByRole('listitem');
    // One that waits for a lock begins without a word in the journal of the run.
    let hasBegun = false;
    await page.route(/\/elements\?/, async (route) => {
      if (hasBegun) return await route.continue();
      const response = await route.fetch();
      const { elements, next } = (await response.json()) as { elements: object[]; next: null };
      const json = { elements: elements.map((one, index) => (index < 2 ? one : { ...one, begun: false })), next };
      await route.fulfill({ response, headers: { 'content-type': 'application/json' }, json });
    });
    await tree.getByText(`All of ${cell} that began`).click();
    await expect
      .poll(() => begun.allInnerTexts())
      .toEqual(['completed 0 node-a', 'not ended 1 node-b', 'not begun 2 node-c']);
    hasBegun = true;
    await expect
      .poll(() => begun.allInnerTexts())
      .toEqual(['completed 0 node-a', 'not ended 1 node-b', 'not ended 2 node-c']);
    await page.unrouteAll({ behavior: 'wait' });
    await bob.picture('elements');
    // They are asked for again once there is more of the journal that says them; a look that fails is told of.
    let asked = 0;
    await page.route(/\/elements\?/, async (route) => {
      asked += 1;
      await route.abort();
    });
    for (let look = 0; look < 2; look += 1) await page.waitForResponse(/\/instances\/drain-1\?/);
    expect(asked).toBe(0);
    await drain(1);
    await tree.getByText('The service does not answer.').waitFor();
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await expect
      .poll(() => begun.allInnerTexts())
      .toEqual(['completed 0 node-a', 'completed 1 node-b', 'not ended 2 node-c']);
    await begun.getByRole('link', { name: 'node-a' }).click();
    await page.waitForURL((url) => url.pathname === `/console/instances/${first}`);
    await expect.poll(() => page.locator('.summary .badge').innerText()).toBe('completed');
    // Once the section is over they stand in the document.
    await drain(2);
    await bob.open('/instances/drain-1');
    await page.locator('.summary .badge', { hasText: 'completed' }).waitFor();
    await page.getByRole('region', { name: 'Runbook' }).getByText(`All of ${cell} that began`).click();
    await expect
      .poll(() => begun.allInnerTexts())
      .toEqual(['completed 0 node-a', 'completed 1 node-b', 'completed 2 node-c']);
    expectQuiet(bob);
  });

  it('in doubt shows what its probe answered beside the ways out, in words', async () => {
    await desk.begin(probed, { instanceId: 'probed-1' });
    await untilStatus(desk.served, 'probed-1', 'in_doubt');
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/instances/probed-1');
    const panel = page.getByRole('region', { name: 'Decide' });
    await panel.getByRole('heading', { name: 'Last of its log, and what its probe answered' }).waitFor();
    await panel
      .getByText(/^its probe answered, 20\d\d-/)
      .first()
      .waitFor();
    expect(await panel.getByLabel('its probe was asked').first().textContent()).toMatch(/^probe \d of 5$/);
    expect(await panel.getByLabel('its probe answered').first().textContent()).toBe(
      'unsure: the probe answered unsure',
    );
    // It may be asked again meanwhile, and a person may say what they know before it has an answer.
    expect(await panel.getByRole('radio', { name: /^It happened/ }).count()).toBe(1);
    expectQuiet(bob);
  });

  it('runs nothing of what others wrote: title, text, parameters, output, log and a note are text', async () => {
    await desk.as('ada', 'POST', '/instances/hostile-1/cells/ask/done', { result: 'failed', note: script });
    const bob = await desk.sit('bob');
    const { page } = bob;
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).host));
    await bob.open('/instances/hostile-1');
    for (const summary of await page.locator('summary:visible').all()) await summary.click();
    await page.getByText('red').first().waitFor();
    await bob.picture('hostile');
    const timesIn = (text: string): number => text.split('<script>globalThis.owned=1</script>').length;
    await expect.poll(async () => timesIn(await page.locator('main').innerText())).toBeGreaterThan(6);
    const text = await page.locator('main').innerText();
    expect(text).toContain('\\u202e turned');
    expect(await page.locator('main').locator('script, img, iframe, [onclick], [onerror]').count()).toBe(0);
    expect(await page.locator('a[href^="javascript:"], a[href^="data:"]').count()).toBe(0);
    expect(await page.evaluate('globalThis.owned')).toBeUndefined();
    // And nothing is loaded from elsewhere for it.
    expect([...new Set(asked)]).toEqual([new URL(desk.served.url).host]);
    await bob.open('/');
    expect(await page.evaluate('globalThis.owned')).toBeUndefined();
    expectQuiet(bob);
  });
});

describe('whoever is not let in', () => {
  it('without a login shows nothing but how to get one, and goes on where it was asked for', async () => {
    const bob = await desk.sit('bob');
    const { page, context } = bob;
    await context.clearCookies();
    await page.goto(`${desk.served.url}/console/instances/release-42`);
    await page.getByRole('heading', { name: 'Sign in to see this page' }).waitFor();
    await bob.picture('signed out');
    expect(await page.locator('body').innerText()).not.toContain('Release a version');
    const other = await context.newPage();
    await other.goto(desk.served.url + String((await desk.as('carol', 'POST', '/login')).path));
    await other.close();
    await page.getByRole('button', { name: 'I have opened the link' }).click();
    await page.getByRole('heading', { name: 'Release a version' }).waitFor();
    expect(await page.locator('.who').textContent()).toBe('carol');
  });

  it('is called what the service takes them for, where another person logged in between two answers', async () => {
    const bob = await desk.sit('bob');
    const { page } = bob;
    let asked = 0;
    await page.route(/\/config\.json$/, (route) => {
      asked += 1;
      return asked > 1 ? route.continue() : route.fulfill({ json: { auth: 'local', actor: 'ada' } });
    });
    await bob.open('/');
    await page.locator('.who', { hasText: 'bob' }).waitFor();
    await expect.poll(() => asked).toBe(2);
    expectQuiet(bob);
  });
});

describe('an address that is none', () => {
  it.each(['nowhere', 'runbooks/%E0', 'instances/%', 'claims/a/%zz', 'start/%E0@1'])('%s: says so', async (path) => {
    const bob = await desk.sit('bob');
    await bob.page.goto(`${desk.served.url}/console/${path}`);
    await bob.page.getByRole('heading', { name: 'There is no such page' }).waitFor();
    expectQuiet(bob);
    await bob.context.close();
  });
});

describe('its files', () => {
  const get = (path: string, headers: Record<string, string> = {}) => fetch(`${desk.served.url}${path}`, { headers });

  it('are for everybody, under a strict policy, cached where their name says what they hold', async () => {
    for (const path of ['/console', '/console/', '/console/instances/any', '/console/start/x?y=1']) {
      const page = await get(path);
      expect([page.status, page.headers.get('cache-control')], path).toEqual([200, 'no-cache']);
      expect(page.headers.get('content-security-policy')).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      );
    }
    const html = await (await get('/console')).text();
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|\son\w+=|style=/);
    const files = [...html.matchAll(/(?:src|href)="(\/console\/assets\/[^"]+)"/g)].map(([, path = '']) => path);
    expect(files).toHaveLength(2);
    for (const path of files) {
      expect(path).toMatch(/-[\w-]{8}\.(js|css)$/);
      const file = await get(path);
      expect([file.status, file.headers.get('cache-control')]).toEqual([200, 'public, max-age=31536000, immutable']);
    }
  });

  it('hold nothing of the store and lead to none of its data; no other path, page or host gets in by them', async () => {
    expect(await (await get('/console/config.json')).json()).toEqual({ auth: 'local', actor: null });
    expect((await get('/instances')).status).toBe(401);
    for (const path of [
      '/console/assets/none.js',
      '/console/assets/..%2f..%2f..%2fpackage.json',
      '/console/assets/a/b.js',
    ])
      expect((await get(path)).status, path).toBe(404);
    const posted = await fetch(`${desk.served.url}/console`, { method: 'POST', body: 'x' });
    expect(posted.status).toBe(405);
    expect((await get('/console', { origin: 'https://elsewhere.example' })).status).toBe(403);
    // A token of a program names nobody's browser.
    const config = await get('/console/config.json', { authorization: `Bearer ${token}` });
    expect(await config.json()).toEqual({ auth: 'local', actor: null });
  });

  it(`are at most ${gzippedBytesMax / 1_000} kB, gzipped, and carry no schema of the contract`, () => {
    const files = ['index.html', ...readdirSync(join(built, 'assets')).map((name) => `assets/${name}`)];
    const contents = files.map((name) => readFileSync(join(built, name)));
    const bytes = contents.reduce((sum, content) => sum + gzipSync(content).byteLength, 0);
    console.log(`the console: ${bytes} bytes, gzipped`);
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(gzippedBytesMax);
    expect(contents.some((content) => content.includes('strictObject') || content.includes('ZodError'))).toBe(false);
  });
});

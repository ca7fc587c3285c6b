/** Runbooks in the console: what there is, what changed, and a start of which the plan stood there before. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { family, hostileForm, rehearsal, rollout, script } from './scenes.ts';
import { type Console, expectQuiet, openConsole, phone, type Seat, tabTo } from './support.ts';

let desk: Console;
beforeAll(async () => {
  desk = await openConsole();
  const publish = (runbookId: string, source: string) => desk.as('ada', 'PUT', `/runbooks/${runbookId}`, source);
  await publish('rollout', rollout());
  await publish('rollout', rollout({ text: 'Takes a build to every host, two at a time.', region: 'us-west-2' }));
  await publish('drain_all', family);
  await publish('hostile_form', hostileForm);
  await publish('rehearsal', rehearsal('rehearsal'));
});
afterAll(async () => await desk?.close());

const show = async ({ page }: Seat, path: string, heading: string | RegExp): Promise<void> => {
  await page.goto(`${desk.served.url}/console${path}`);
  await page.getByRole('heading', { level: 1, name: heading }).waitFor();
  await page.getByText('Loading…').waitFor({ state: 'hidden' });
};
const form = async (seat: Seat, path: string): Promise<void> => {
  await show(seat, path, /^Start /);
  await seat.page.getByRole('heading', { name: 'What it would do' }).waitFor();
};
const startButton = (page: Page) => page.getByRole('button', { name: /^Start version/ });
const planOf = (page: Page) => page.getByRole('region', { name: 'Plan' });
const untilPlanned = (page: Page) => planOf(page).getByText('Nothing has begun.').waitFor();

type View = { instanceId: string; version: number; params: string; drive: string };
const runsOf = async (runbook: string): Promise<View[]> =>
  (await desk.as('ada', 'GET', `/instances?runbook=${runbook}`)).views as View[];

describe('runbooks', () => {
  it('are a list that is searched by id and title, whose URL shows the same to others', async () => {
    const bob = await desk.sit('bob');
    const { page } = bob;
    await show(bob, '/', 'Runs');
    await page.getByRole('link', { name: 'Runbooks' }).click();
    await page.getByRole('heading', { level: 1, name: 'Runbooks' }).waitFor();
    await page.getByText('4 runbooks').waitFor();
    await page.getByLabel('Search').fill('EVERY node');
    await page.getByText('1 runbook', { exact: true }).waitFor();
    expect(await page.locator('.run-name').allInnerTexts()).toEqual([expect.stringContaining('drain_all v1')]);
    await expect.poll(() => new URL(page.url()).search).toBe('?text=EVERY+node');
    await page.reload();
    await page.getByText('1 runbook', { exact: true }).waitFor();
    await page.getByRole('link', { name: 'Drain every node' }).click();
    await page.getByRole('heading', { level: 1, name: 'Drain every node' }).waitFor();
    expectQuiet(bob);
  });

  it('are documents with their cells, parameters and versions, each with what changed in it', async () => {
    const bob = await desk.sit('bob');
    const { page } = bob;
    await show(bob, '/runbooks/rollout', 'Roll a version out');
    await bob.picture('runbook');
    await expect.poll(() => page.title()).toBe('Roll a version out v2 · Pawl');
    const text = await page.locator('.document').innerText();
    expect(text).toContain('two at a time');
    expect(text).toContain('takes fetch back');
    expect(text).toContain('Shall **{{ params.service }}**');
    await expect
      .poll(() => page.getByRole('region', { name: 'Parameters' }).innerText())
      .toMatch(/service\s+needed; as the registry calls it; like \^\[a-z-\]\+\$\s+pr\s+needed; a whole number; from 1/);
    const versions = page.getByRole('region', { name: 'Versions' }).getByRole('listitem');
    await expect
      .poll(() => versions.allInnerTexts())
      .toEqual([
        expect.stringMatching(/^Version 2\s+\d{4}-\d\d-\d\d.*, ada\s+what changed in 2$/),
        expect.stringMatching(/^Version 1\s+\d{4}-\d\d-\d\d.*, ada$/),
      ]);
    await page.getByRole('link', { name: 'Version 1' }).click();
    await page.getByText('rollout, version 1 of 2').waitFor();
    await expect.poll(() => page.locator('.document').innerText()).toContain('one after the other');
    await page.getByRole('link', { name: 'what differs' }).click();
    await page.getByText('2 lines changed.').waitFor();
    expect(new URL(page.url()).search).toBe('?from=1&to=2');
    expectQuiet(bob);
  });

  it('differ line by line, side by side: what changed inside a line is marked, and what is the same is folded', async () => {
    const bob = await desk.sit('bob');
    const { page } = bob;
    await show(bob, '/runbooks/rollout?from=1&to=2', 'Roll a version out');
    await page.getByText('2 lines changed.').waitFor();
    await bob.picture('difference');
    const marked = (one: string) => page.locator(`.difference ${one}`).allInnerTexts();
    expect([(await marked('del')).join(' '), (await marked('ins')).join(' ')]).toEqual([
      'east 1 one after the other',
      'west 2 two at a time',
    ]);
    const [left, right] = [page.locator('.changed .before').first(), page.locator('.changed .after').first()];
    const boxes = await Promise.all([left.boundingBox(), right.boundingBox()]);
    expect(boxes[0]?.y).toBe(boxes[1]?.y);
    expect(await page.locator('.gap').count()).toBeGreaterThan(0);
    await page.getByRole('button', { name: 'Show all lines' }).click();
    expect(await page.locator('.gap').count()).toBe(0);
    await page.getByLabel('To').selectOption('1');
    await page.getByText('The documents are the same.').waitFor();
    expectQuiet(bob);
  });

  it('that are not there are said to be so', async () => {
    const bob = await desk.sit('bob');
    for (const path of ['/runbooks/none', '/runbooks/rollout?version=9', '/start/none', '/start/rollout@9']) {
      await bob.page.goto(`${desk.served.url}/console${path}`);
      await bob.page.getByRole('alert').getByText('There is no runbook').waitFor();
    }
  });
});

describe('a start', () => {
  it('shows the plan of what stands in the form before the button, anew when that changes, and starts exactly that', async () => {
    const bob = await desk.sit('bob');
    const { page } = bob;
    await form(bob, '/start/rollout?service=web&hosts=["a-1","b-2"]');
    await page.getByText('Needed before that: pr.').waitFor();
    expect(await startButton(page).isDisabled()).toBe(true);
    await page.getByLabel('pr').fill('0');
    await planOf(page)
      .getByText(/"pr" must be >= 1|pr.* must be >= 1/)
      .waitFor();
    expect(await startButton(page).isDisabled()).toBe(true);
    await page.getByLabel('pr').fill('many');
    await planOf(page).getByText('pr is no number: many').waitFor();
    await page.getByLabel('pr').fill('90071992547409931');
    await planOf(page).getByText('pr holds a number that cannot be kept as it is').waitFor();
    await page.getByLabel('pr').fill('42');
    await untilPlanned(page);
    await bob.picture('start');
    const plan = await planOf(page).innerText();
    expect(plan).toMatch(/fetch\s+sh[\s\S]*taken back by undo_fetch/);
    expect(plan).toContain('params.hosts: 2 elements\na-1\nb-2');
    expect(plan).toContain('asks bob, carol');
    const looked = Promise.withResolvers<void>();
    await page.route(/\/plan$/, async (route) => {
      await looked.promise;
      await route.continue();
    });
    await page.getByLabel('region').selectOption('us-west-2');
    // Of what stood there before, nothing is offered.
    expect(await startButton(page).isDisabled()).toBe(true);
    looked.resolve();
    await untilPlanned(page);
    await planOf(page).getByRole('listitem').filter({ hasText: 'go approve' }).getByText('What it does').click();
    expect(await planOf(page).innerText()).toContain('of pull request 42 serve us-west-2?');
    await page.getByRole('radio', { name: /^Step by step/ }).check();
    await startButton(page).click();
    await page.waitForURL(/\/console\/instances\/rollout-[0-9a-f]{12}$/);
    await page.getByRole('heading', { level: 1, name: 'Roll a version out' }).waitFor();
    const [run, ...more] = await runsOf('rollout');
    expect([more, run?.version, run?.drive]).toEqual([[], 2, 'manual']);
    expect((await desk.as('ada', 'GET', `/instances/${run?.instanceId}`)).params).toEqual({
      service: 'web',
      pr: 42,
      region: 'us-west-2',
      urgent: false,
      hosts: ['a-1', 'b-2'],
      version: 'newest',
      pin: '0000',
    });
    expectQuiet(bob);
  });

  it('writes nothing while its plan is asked for', async () => {
    const bob = await desk.sit('bob');
    const before = (await desk.as('ada', 'GET', '/journals')).instanceIds;
    await form(bob, '/start/rollout?service=web&pr=7');
    await untilPlanned(bob.page);
    expect((await desk.as('ada', 'GET', '/journals')).instanceIds).toEqual(before);
  });

  it('is filled in by a link, by types; what does not fit, is unknown, secret or given twice is said, and not dropped', async () => {
    const bob = await desk.sit('bob');
    const { page } = bob;
    await form(
      bob,
      '/start/rollout@1?service=web&pr=seven&region=mars&urgent=yes&prs=7&pin=1234&version=4.2.0&hosts=[1',
    );
    const said = page.getByRole('alert').first();
    await said.waitFor();
    await bob.picture('prefilled');
    expect(await said.innerText()).toBe(
      [
        'pr: "seven" is no number.',
        'region: "mars" is none of eu-west-1, us-east-1.',
        'urgent: "yes" is neither true nor false.',
        'There is no parameter "prs": "7" was left out. It has service, pr, region, urgent, hosts, version, pin.',
        'pin is secret, and is not taken from a link: give it here.',
        'hosts: "[1" is no JSON.',
      ].join('\n\n'),
    );
    // A parameter may be called as anything: the version of the runbook stands elsewhere.
    expect(await page.getByLabel('version').inputValue()).toBe('4.2.0');
    expect(await page.getByLabel('service').inputValue()).toBe('web');
    // In the place of what does not fit no default is taken: somebody has to say what is meant.
    for (const name of ['pr', 'region', 'urgent', 'hosts', 'pin'])
      expect(await page.getByLabel(name).inputValue(), name).toBe('');
    await planOf(page).getByText('Needed before that: pr, region, urgent, hosts, pin.').waitFor();
    expect(await startButton(page).isDisabled()).toBe(true);
    await page.getByText('rollout, version 1').waitFor();
    await page.getByText('Version 2 is newer').waitFor();
    // As of an alert whose variable was empty.
    await form(bob, '/start/rollout?pr=7&pr=8&region=');
    await page.getByText('pr is given 2 times: say here which is meant.').waitFor();
    await page.getByText('region: "" is empty.').waitFor();
    expect(await page.getByLabel('region').inputValue()).toBe('');
    expectQuiet(bob);
  });

  it('begins one run by a double click', async () => {
    const bob = await desk.sit('bob');
    const { page } = bob;
    await form(bob, '/start/rehearsal');
    await untilPlanned(page);
    const before = (await runsOf('rehearsal')).length;
    await startButton(page).dblclick();
    await page.waitForURL(/\/instances\/rehearsal-/);
    expect(await runsOf('rehearsal')).toHaveLength(before + 1);
    expectQuiet(bob);
  });

  it('begins one run though its answer was lost and the page was loaded anew; another one only when that is asked for', async () => {
    const bob = await desk.sit('bob');
    const { page } = bob;
    const before = (await runsOf('rehearsal')).length;
    let lost = 0;
    await page.route(/\/runbooks\/rehearsal\/instances$/, async (route) => {
      if (lost > 0) return await route.continue();
      lost += 1;
      await route.fetch();
      await route.abort();
    });
    await form(bob, '/start/rehearsal');
    await untilPlanned(page);
    await startButton(page).click();
    await page.getByText('There is no answer, so it may have started.').waitFor();
    await page.locator(':focus').getByText('There is no answer').waitFor();
    await bob.picture('lost answer');
    // Another one might be a second one.
    expect(await page.getByRole('button', { name: 'Start another run instead' }).count()).toBe(0);
    expect(await runsOf('rehearsal')).toHaveLength(before + 1);
    await page.reload();
    await untilPlanned(page);
    await startButton(page).click();
    await page.getByText('This run was started before: nothing new begins.').waitFor();
    expect(await runsOf('rehearsal')).toHaveLength(before + 1);
    // With other parameters the same id is refused in words.
    await page.getByLabel('region').fill('eu-north-1');
    await untilPlanned(page);
    await startButton(page).click();
    await page.getByText('exists with another content').waitFor();
    expect(await runsOf('rehearsal')).toHaveLength(before + 1);
    await page.getByRole('button', { name: 'Start another run instead' }).click();
    await startButton(page).click();
    await page.waitForURL(/\/instances\/rehearsal-/);
    expect(await runsOf('rehearsal')).toHaveLength(before + 2);
    expectQuiet(bob);
  });

  it('is made by the keyboard alone', async () => {
    const bob = await desk.sit('bob');
    const { page } = bob;
    await form(bob, '/start/rollout');
    await tabTo(page, /^service/);
    await page.keyboard.type('mail');
    await tabTo(page, /^pr/);
    await page.keyboard.type('11');
    await untilPlanned(page);
    await tabTo(page, /^Step by step|^By itself/);
    await page.keyboard.press('ArrowDown');
    await tabTo(page, /^Start version/);
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/instances\/rollout-/);
    expect((await runsOf('rollout'))[0]).toMatchObject({ drive: 'manual', params: expect.stringContaining('"mail"') });
  });
});

describe('a run once more', () => {
  it('leads to the form with its parameters, but secret ones, and names the version it would have now, and what differs', async () => {
    const params = { service: 'shop', pr: 5, hosts: ['z-9'], pin: 'tell nobody' };
    const body = { instanceId: 'rollout-old', version: 1, params };
    await desk.as('ada', 'POST', '/runbooks/rollout/instances', body);
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/instances/rollout-old');
    const rerun = page.locator('.rerun');
    // It says so once the newest version is known.
    await expect
      .poll(() => rerun.innerText())
      .toBe('Start another one like it, with version 2 (this run has version 1: what differs).');
    await rerun.getByRole('link', { name: 'what differs' }).click();
    await page.getByText('2 lines changed.').waitFor();
    await page.goBack();
    await rerun.getByRole('link', { name: 'Start another one like it' }).click();
    await page.getByText('With the parameters of rollout-old').waitFor();
    expect(decodeURIComponent(page.url())).not.toContain('tell nobody');
    expect(await page.getByLabel('service').inputValue()).toBe('shop');
    expect(await page.getByLabel('hosts').inputValue()).toBe('["z-9"]');
    await page.getByText('pin is secret, and is not taken from rollout-old: give it here.').waitFor();
    await planOf(page).getByText('Needed before that: pin.').waitFor();
    await page.getByLabel('pin').fill('1111');
    await untilPlanned(page);
    await bob.picture('rerun');
    await desk.as('ada', 'POST', '/instances/rollout-old/cancel', { reason: 'not tonight' });
    await bob.open('/instances/rollout-old');
    await page.getByText('Go on from it in a new run').waitFor();
    expectQuiet(bob);
  });

  it('takes nothing from a run of another runbook', async () => {
    const bob = await desk.sit('bob');
    await form(bob, '/start/drain_all/like/rollout-old');
    await bob.page.getByText('rollout-old is a run of rollout: nothing is taken from it.').waitFor();
  });
});

describe('whoever it is and whatever they look at it with', () => {
  it('on a phone what differs stands one below the other', async () => {
    const bob = await desk.sit('bob', phone);
    await show(bob, '/runbooks/rollout?from=1&to=2', 'Roll a version out');
    const boxes = await Promise.all(
      ['.changed .before', '.changed .after'].map((one) => bob.page.locator(one).first().boundingBox()),
    );
    expect(boxes[1]?.y).toBeGreaterThan(boxes[0]?.y ?? 0);
    expectQuiet(bob);
  });

  it('nothing that others wrote runs: in titles, names, choices, defaults, documents and plans it is text', async () => {
    const bob = await desk.sit('bob');
    const { page } = bob;
    for (const [path, heading] of [
      ['/runbooks', 'Runbooks'],
      ['/runbooks/hostile_form', /^Form/],
      [`/start/hostile_form?given=${encodeURIComponent(script)}&other=${encodeURIComponent(script)}`, /^Start/],
    ] as const) {
      await show(bob, path, heading);
      if (path.startsWith('/start')) {
        await page.getByRole('alert').first().waitFor();
        await untilPlanned(page);
      }
      for (const summary of await page.locator('summary:visible').all()) await summary.click();
      await bob.picture(`hostile ${path.split('?')[0]?.replaceAll('/', ' ')}`);
      expect(await page.locator('main').innerText()).toContain('<script>globalThis.owned=1</script>');
      expect(await page.locator('main').locator('script, img, iframe, [onclick], [onerror]').count()).toBe(0);
      expect(await page.evaluate('globalThis.owned')).toBeUndefined();
    }
    expect(await page.locator('option').allInnerTexts()).toContain('\\u202etext');
    expectQuiet(bob);
  });
});

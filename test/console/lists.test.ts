/** Lists and what is done to many: a decision about several alike, filters, counts, claims, statistics, places. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { untilStatus } from '../service/support.ts';
import { awaiting, doubtful, elsewhere, failing, rehearsal, script } from './scenes.ts';
import {
  type Console,
  expectAccessible,
  expectFocus,
  expectQuiet,
  openConsole,
  phone,
  type Seat,
  tabTo,
  wide,
} from './support.ts';

let desk: Console;
beforeAll(async () => {
  desk = await openConsole();
});
afterAll(async () => await desk?.close());

type Line = { kind: string; cell?: string; by: { actor: string } } & Record<string, unknown>;
const verdictsOf = async (id: string): Promise<Line[]> => {
  const { entries } = await desk.as('ada', 'GET', `/instances/${id}/journal`);
  return (entries as Line[]).filter(({ kind }) => kind === 'resolved');
};

const inDoubt = async (runbookId: string, ids: string[]): Promise<void> => {
  const source = doubtful.replace('switch_over', runbookId);
  for (const instanceId of ids) await desk.begin(source, { instanceId });
  for (const id of ids) await untilStatus(desk.served, id, 'in_doubt');
};
const idsIn = (page: Page): Promise<string[]> => page.locator('.run-name a').allTextContents();
const pick = async ({ page }: Seat, ids: string[]): Promise<void> => {
  for (const id of ids) {
    const box = page.getByRole('checkbox', { name: id });
    await expect.poll(() => box.isEnabled()).toBe(true);
    await box.check();
  }
};

describe('many alike in doubt', () => {
  it('are chosen one by one and decided in one go; of two people at once the second is told who was first', async () => {
    const ids = ['many-1', 'many-2', 'many-3', 'many-4'];
    await inDoubt('move_all', ids.slice(0, 3));
    await desk.begin(doubtful.replace('switch_over', 'move_all'), { instanceId: 'many-4', params: { region: script } });
    await untilStatus(desk.served, 'many-4', 'in_doubt');
    const [bob, carol] = await Promise.all([desk.sit('bob'), desk.sit('carol')]);
    const { page } = bob;
    await bob.open('/?status=in_doubt&runbook=move_all');
    await page.getByRole('link', { name: 'Decide about 4 alike: promote of move_all' }).click();
    await page.waitForURL(/\/console\/decide\?runbook=move_all&cell=promote$/);
    await page.getByRole('checkbox', { name: 'many-4' }).waitFor();
    await expect.poll(() => page.title()).toBe('4 in doubt at promote · Pawl');
    // Nothing is chosen by itself.
    expect(await page.getByRole('checkbox', { checked: true }).count()).toBe(0);
    await expect
      .poll(() => page.locator('.pick').first().innerText())
      .toMatch(/recorded (just now|.* ago) · attempt 1 · .*SIGKILL.* · region=<img src=x onerror/);
    expect(await page.evaluate('globalThis.owned')).toBeUndefined();
    await pick(bob, ['many-1', 'many-2', 'many-3']);
    // What each of them said is one click away, and a picked one stays so.
    await page.getByText('Log and notes of many-2').click();
    await page.locator('.pick', { hasText: 'many-2' }).getByText('router: accepted, job 4711').waitFor();
    await bob.picture('many alike');
    await carol.open('/decide?runbook=move_all&cell=promote');
    await pick(carol, ['many-3', 'many-4']);
    // Carol's page hears of nothing new until she has decided.
    let hasDecided = (): void => {};
    const decided = new Promise<void>((resolve) => {
      hasDecided = resolve;
    });
    await carol.page.route(/\/instances/, async (route) => {
      await decided;
      await route.continue();
    });
    const decide = async (seat: Seat, way: RegExp, why: string): Promise<void> => {
      await seat.page.getByRole('radio', { name: way }).check();
      await seat.page.getByLabel('Why? It stands in the journal of each.').fill(why);
      await seat.page.getByRole('button', { name: /^Record of/ }).click();
    };
    await decide(bob, /^It happened/, 'the router says so');
    await page.getByText('3 of 3 recorded.').waitFor();
    await decide(carol, /^Go on without it/, 'enough of it');
    await carol.page.getByText('1 of 2 recorded.').waitFor();
    hasDecided();
    await carol.picture('many alike, lost');
    const came = carol.page.getByRole('region', { name: 'What came of it' });
    await expect
      .poll(() => came.locator('li').allInnerTexts())
      .toEqual(['many-4 recorded', 'many-3 bob was first and said it happened: “the router says so”']);
    for (const id of ['many-1', 'many-2', 'many-3'])
      expect(await verdictsOf(id)).toMatchObject([
        { cell: 'promote', verdict: 'succeeded', reason: 'the router says so', by: { actor: 'bob' } },
      ]);
    expect(await verdictsOf('many-4')).toMatchObject([{ verdict: 'skip', by: { actor: 'carol' } }]);
    await page.getByText('Nothing of move_all is in doubt at promote.').waitFor();
    expectQuiet(bob);
    expectQuiet(carol);
  });

  it.each([
    ['slow', -3_600_000],
    ['fast', 3_600_000],
  ])('are open for a decision by the clock of the service, in a browser whose clock is %s', async (name, offMs) => {
    await inDoubt(`${name}_all`, [`${name}-1`]);
    const bob = await desk.sit('bob');
    const { page } = bob;
    await page.addInitScript(`{ const now = Date.now; Date.now = () => now() + ${offMs}; }`);
    let isAsOfThen = true;
    // As of a holder that may act for a minute more, until something of it moves.
    await page.route(
      ({ pathname }) => pathname === `/instances/${name}-1`,
      async (route) => {
        const response = await route.fetch();
        const told = (await response.json()) as { nowMs: number };
        const over = isAsOfThen ? { decidableAtMs: told.nowMs + 60_000 } : {};
        await route.fulfill({ response, headers: { 'content-type': 'application/json' }, json: { ...told, ...over } });
      },
    );
    await bob.open(`/decide?runbook=${name}_all&cell=promote`);
    const box = page.getByRole('checkbox', { name: `${name}-1` });
    await page.getByText(/May still act until .*, in /).waitFor();
    expect(await box.isEnabled()).toBe(false);
    isAsOfThen = false;
    await bob.open(`/decide?runbook=${name}_all&cell=promote`);
    await pick(bob, [`${name}-1`]);
    expectQuiet(bob);
  });

  it('that come to be in doubt again are chosen anew: what was decided was about another step', async () => {
    await inDoubt('again_all', ['again-1']);
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/decide?runbook=again_all&cell=promote');
    await pick(bob, ['again-1']);
    await page.getByRole('radio', { name: /^Run it once more, with the same key/ }).check();
    await page.getByLabel('Why? It stands in the journal of each.').fill('nothing there');
    await page.getByRole('button', { name: /^Record of 1 run/ }).click();
    await page.getByText('1 of 1 recorded.').waitFor();
    // It was killed once more, at another seq.
    await page.getByText(/attempt 2/).waitFor();
    const box = page.getByRole('checkbox', { name: 'again-1' });
    await expect.poll(() => box.isEnabled()).toBe(true);
    expect(await box.isChecked()).toBe(false);
    expect(await page.locator('fieldset:not([disabled])').count()).toBe(0);
    expect(await verdictsOf('again-1')).toHaveLength(1);
    expectQuiet(bob);
  });

  it('are decided by the keyboard alone, and a service that dies leaves the rest in doubt and says so', async () => {
    const ids = ['left-1', 'left-2'];
    await inDoubt('left_all', ids);
    const bob = await desk.sit('bob', phone);
    const { page } = bob;
    await bob.open('/decide?runbook=left_all&cell=promote');
    for (const id of ids) await expect.poll(() => page.getByRole('checkbox', { name: id }).isEnabled()).toBe(true);
    await tabTo(page, /^Choose all/);
    await page.keyboard.press('Enter');
    await tabTo(page, /^It happened/);
    await page.keyboard.press('ArrowDown');
    await tabTo(page, /^Why\?/);
    await page.keyboard.type('nothing there');
    await expectAccessible(page, 'many alike on a phone');
    await bob.picture('many alike on a phone');
    await page.route(/\/verdicts$/, (route) => route.abort());
    await tabTo(page, /^Record of 2 runs: it did not happen/);
    await page.keyboard.press('Enter');
    await page
      .getByText('What was decided stands; of what has no answer look; the rest is in doubt as before.')
      .waitFor();
    expect(await page.getByText('no answer: it may have been recorded, look').count()).toBe(2);
    // Not at the button, which is armed again.
    expect(await expectFocus(page, 'what came of it')).toMatch(/^What came of it/);
    await page.unroute(/\/verdicts$/);
    await tabTo(page, /^Record of 2 runs: it did not happen/);
    await page.keyboard.press('Enter');
    await page.getByText('2 of 2 recorded.').waitFor();
    for (const id of ids)
      expect((await desk.as('ada', 'GET', `/instances/${id}`)).view).toMatchObject({ status: 'halted' });
    expectQuiet(bob);
  });
});

describe('the list of runs', () => {
  it('is narrowed by who started it, a parameter and when, in the URL; what is no time is refused in words', async () => {
    const source = rehearsal('filtered');
    await desk.begin(source, { instanceId: 'north-1', params: { region: 'eu-north-1' }, by: 'dora' });
    await desk.begin(source, { instanceId: 'west-1', by: 'dora' });
    await desk.begin(source, { instanceId: 'west-2', by: 'ada' });
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/?runbook=filtered');
    await page.getByText('Who started it, with which parameter, when').click();
    await page.getByLabel('Started by, exactly').fill('dora');
    // Whoever types slowly loses nothing: the page is made again every second.
    await page.waitForTimeout(2_500);
    await page.keyboard.press('Enter');
    await expect.poll(async () => (await idsIn(page)).toSorted()).toEqual(['north-1', 'west-1']);
    await page.getByLabel('Parameter').fill('region=eu-north-1');
    await page.keyboard.press('Enter');
    await expect.poll(() => idsIn(page)).toEqual(['north-1']);
    await page.getByLabel('Started since').fill('1h');
    await page.keyboard.press('Enter');
    await page.waitForURL(/since=1h/);
    const carol = await desk.sit('carol', phone);
    await carol.open(new URL(page.url()).pathname.replace('/console', '') + new URL(page.url()).search);
    await expect.poll(() => idsIn(carol.page)).toEqual(['north-1']);
    expect(await carol.page.getByLabel('Started by, exactly').inputValue()).toBe('dora');
    await expectAccessible(carol.page, 'filters on a phone');
    await carol.picture('filters on a phone');
    await page.getByLabel('Started before').fill('1h');
    await page.keyboard.press('Enter');
    await page.getByText(/Nothing lies between `since` and `until`/).waitFor();
    expectQuiet(bob);
    expectQuiet(carol);
  });

  it('is searched for once whoever types has stopped, and what was shown stays until that is answered', async () => {
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/?runbook=filtered');
    await expect.poll(async () => (await idsIn(page)).length).toBe(3);
    const asked: (string | null)[] = [];
    let answer = (): void => {};
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await page.route(/\/overview\?.*text=/, async (route) => {
      asked.push(new URL(route.request().url()).searchParams.get('text'));
      await held;
      await route.continue();
    });
    // Key by key, in the page itself: what comes between two keys is then a matter of its own timers, and not of ours.
    await page.getByLabel('Search').evaluate(async (field: { value: string; dispatchEvent(event: Event): boolean }) => {
      for (const key of 'north') {
        field.value += key;
        field.dispatchEvent(new Event('input', { bubbles: true }));
        await new Promise((resolve) => setTimeout(resolve));
      }
    });
    await page.waitForURL(/text=north$/);
    await expect.poll(() => asked).toEqual(['north']);
    expect(await idsIn(page)).toHaveLength(3);
    answer();
    await expect.poll(() => idsIn(page)).toEqual(['north-1']);
    expect(new Set(asked)).toEqual(new Set(['north']));
    // A way back in the browser is followed by what stands in the field.
    await page.getByLabel('Runbook').selectOption('');
    await page.getByRole('link', { name: 'Runs', exact: true }).first().click();
    await expect.poll(() => page.getByLabel('Search').inputValue()).toBe('');
    await page.goBack();
    await expect.poll(() => page.getByLabel('Search').inputValue()).toBe('north');
    expectQuiet(bob);
  });

  it('of which the newest all need somebody says that older ones follow, not that none fits', async () => {
    await inDoubt('stands_above', ['above-1']);
    const bob = await desk.sit('bob');
    const { page } = bob;
    await page.route(/\/overview/, async (route) => {
      const response = await route.fetch();
      const told = (await response.json()) as object;
      const json = { ...told, newest: { views: [], atLeast: false, next: 'older' } };
      await route.fulfill({ response, headers: { 'content-type': 'application/json' }, json });
    });
    await bob.open('/');
    const rest = page.locator('section.group').last();
    await rest.getByText('The newest are above; older ones follow.').waitFor();
    await rest.getByRole('link', { name: 'Older' }).waitFor();
    expect(await rest.innerText()).not.toMatch(/at least 0|No run fits/);
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    expectQuiet(bob);
  });

  it('counts by status, and asks once a look; one that finds nothing new is a 304 and changes nothing on the page', async () => {
    const bob = await desk.sit('bob');
    const { page } = bob;
    const answers: string[] = [];
    page.on('response', (response) => {
      const { pathname } = new URL(response.url());
      if (!pathname.startsWith('/console')) answers.push(`${pathname} ${response.status()}`);
    });
    await bob.open('/?runbook=filtered');
    await page.getByRole('link', { name: 'completed 3' }).waitFor();
    const news = () => answers.filter((one) => !one.endsWith(' 304')).toSorted();
    await expect.poll(news).toEqual(['/me 200', '/overview 200', '/runbooks 200']);
    const asOf = () => page.getByText(/^As of /).textContent();
    const first = await asOf();
    // Times are told anew every second, in the texts that stand there; nothing comes or goes, but that the line of its age may say
    // that an answer is late.
    await page.evaluate(`
      globalThis.changes = [];
      const isOfAge = ({ target }) => target.closest('.stale') !== null;
      const tell = (found) =>
        globalThis.changes.push(...found.filter((one) => !isOfAge(one)).map(({ target }) => target.outerHTML));
      const what = { childList: true, attributes: true, subtree: true };
      new MutationObserver(tell).observe(document.querySelector('main'), what);
    `);
    const known = answers.length;
    await expect.poll(() => answers.length).toBeGreaterThanOrEqual(known + 3);
    expect(new Set(answers.slice(known))).toEqual(new Set(['/overview 304']));
    expect(news()).toHaveLength(3);
    expect(await page.evaluate('globalThis.changes')).toEqual([]);
    await expect.poll(asOf).not.toBe(first);
    await desk.begin(rehearsal('filtered'), { instanceId: 'north-2' });
    await page.getByRole('link', { name: 'completed 4' }).waitFor();
    await page.getByRole('link', { name: 'completed 4' }).click();
    await page.waitForURL(/status=completed/);
    // A list of one status is in the same answer.
    answers.length = 0;
    await expect.poll(() => answers.length).toBeGreaterThanOrEqual(2);
    expect(answers.map((one) => one.split(' ')[0])).toEqual(answers.map(() => '/overview'));
    expectQuiet(bob);
  });

  it('tells the desktop of what newly needs somebody, once it was asked to', async () => {
    const bob = await desk.sit('bob', { ...wide, permissions: ['notifications'] });
    const { page } = bob;
    await page.addInitScript(`
      globalThis.told = [];
      globalThis.Notification = class {
        static permission = 'granted';
        static requestPermission = async () => 'granted';
        constructor(title, { body }) { globalThis.told.push(title + ': ' + body); }
      };
    `);
    await bob.open('/');
    await page.getByRole('button', { name: 'Notify me on this desktop' }).click();
    await page.getByRole('button', { name: 'Notifications are on' }).waitFor();
    expect(await page.evaluate('globalThis.told')).toEqual([]);
    await inDoubt('tell_of_it', ['told-1']);
    await expect
      .poll(() => page.evaluate('globalThis.told'))
      .toEqual(['A run needs somebody: told-1: Did promote happen? Nothing goes on until somebody says so.']);
    // What only another filter hid is no news once that is gone.
    const runbook = page.getByLabel('Runbook');
    await runbook.selectOption('filtered');
    await expect.poll(() => idsIn(page)).not.toContain('told-1');
    await runbook.selectOption('');
    await expect.poll(() => idsIn(page)).toContain('told-1');
    await page.waitForResponse(/\/overview/);
    expect(await page.evaluate('globalThis.told.length')).toBe(1);
    // It is remembered by this browser.
    await bob.open('/');
    await page.getByRole('button', { name: 'Notifications are on' }).click();
    await page.getByRole('button', { name: 'Notify me on this desktop' }).waitFor();
    expectQuiet(bob);
  });
});

describe('what a page asks again and again', () => {
  it('is asked once a look, and of a journal only what is new', async () => {
    const source = awaiting.replaceAll('ci/pr-7', 'ci/asked').replace('runbook: ', 'runbook: asked_');
    await desk.begin(source, { instanceId: 'asked-1' });
    const bob = await desk.sit('bob');
    const { page } = bob;
    let answers: string[] = [];
    page.on('response', (response) => {
      const { pathname } = new URL(response.url());
      if (!pathname.startsWith('/console')) answers.push(`${pathname} ${response.status()}`);
    });
    const looks = async (count: number): Promise<string[]> => {
      answers = [];
      await expect.poll(() => answers.length).toBeGreaterThanOrEqual(count);
      return [...new Set(answers)].sort();
    };
    await bob.open('/instances/asked-1');
    await page.getByRole('region', { name: 'What happened' }).getByRole('listitem').first().waitFor();
    await expect.poll(() => answers).toContain('/runbooks/asked_roll_out/versions 200');
    // Of the newest version its number is wanted, and not the whole of it.
    expect(answers).not.toContain('/runbooks/asked_roll_out 200');
    // Once all is there, and the last of it may come late.
    await expect
      .poll(async () => [...new Set((await looks(2)).map((one) => one.split(' ')[0]))])
      .toEqual(['/instances/asked-1']);
    await desk.as('ada', 'PUT', '/claims?id=ci/asked', { status: 'supported' });
    await expect.poll(() => answers).toContain('/instances/asked-1/journal 200');
    await page.getByText('completed').first().waitFor();
    await expect.poll(async () => [...new Set(await looks(1))]).toEqual(['/instances/asked-1 304']);
    await bob.open('/claims/ci/asked');
    await page.getByText('revision 1').first().waitFor();
    await expect.poll(() => looks(4)).toEqual(['/claims/history 304', '/claims/waiters 304']);
    expect(answers.filter((one) => one.startsWith('/claims/history')).length).toBeLessThanOrEqual(
      answers.filter((one) => one.startsWith('/claims/waiters')).length + 1,
    );
    expectQuiet(bob);
  });
});

describe('claims', () => {
  it('show who waits before anybody has set one, are set once of two at once, and are text whatever they hold', async () => {
    await desk.begin(awaiting, { instanceId: 'roll-1' });
    const [bob, carol] = await Promise.all([desk.sit('bob'), desk.sit('carol', { ...phone, colorScheme: 'dark' })]);
    const { page } = bob;
    await bob.open('/instances/roll-1');
    await page.getByRole('region', { name: 'Waits for' }).getByRole('link', { name: 'ci/pr-7' }).click();
    await page.waitForURL(/\/console\/claims\/ci\/pr-7$/);
    await page.getByRole('link', { name: 'roll-1' }).waitFor();
    await expect.poll(() => page.title()).toBe('not set yet · ci/pr-7 · Pawl');
    await carol.open('/claims/ci/pr-7');
    await carol.page.getByRole('link', { name: 'roll-1' }).waitFor();
    // Carol's page hears of nothing new until she has set it.
    let hasSet = (): void => {};
    const wasSet = new Promise<void>((resolve) => {
      hasSet = resolve;
    });
    await carol.page.route(/\/claims/, async (route) => {
      if (route.request().method() === 'GET') await wasSet;
      else hasSet();
      await route.continue();
    });
    await page.getByLabel('Status').selectOption('asserted');
    await page.getByLabel(/^What it says/).fill(script);
    await page.getByLabel(/^Evidence/).fill('{"errors": 12345678901234567890}');
    await page.getByRole('button', { name: 'Set it' }).click();
    await page.getByText(/^A browser would change the number 12345678901234\d* of the evidence/).waitFor();
    await page.getByLabel(/^Evidence/).fill('{"errors": 0}');
    await page.getByRole('button', { name: 'Set it' }).click();
    await page.getByText('Set: asserted, revision 1. 1 run that waited for it will look.').waitFor();
    await expect.poll(() => page.locator('.run-what .words').first().textContent()).toBe(script);
    expect(await page.evaluate('globalThis.owned')).toBeUndefined();
    await bob.picture('claim');
    await carol.page.getByLabel('Status').selectOption('supported');
    await carol.page.getByRole('button', { name: 'Set it' }).click();
    await carol.page.getByText('Claim ci/pr-7 is at revision 1 (asserted, bob), not at revision 0').waitFor();
    await carol.page.getByRole('button', { name: 'Set revision 2' }).waitFor();
    await carol.page.getByText('Evidence of revision 1').click();
    await expectAccessible(carol.page, 'a claim on a phone at night');
    await carol.picture('claim on a phone at night');
    await carol.page.getByLabel('Status').selectOption('supported');
    await carol.page.getByRole('button', { name: 'Set revision 2' }).click();
    await carol.page.getByText('Set: supported, revision 2.').waitFor();
    await untilStatus(desk.served, 'roll-1', 'completed');
    await page.getByText('Nothing waits for it.').waitFor();
    await page.getByRole('link', { name: 'Claims', exact: true }).click();
    await page.getByRole('link', { name: 'ci/pr-7' }).waitFor();
    await expectAccessible(page, 'claims');
    await bob.picture('claims');
    await page.getByLabel('Look at one, or set a new one').fill('ci/pr-8');
    await page.keyboard.press('Enter');
    await page.getByText('Nobody has set it yet.').waitFor();
    expectQuiet(bob);
    expectQuiet(carol);
  });
});

describe('statistics', () => {
  it('say of each version how its runs went, in tables beside plots that any reader can do without', async () => {
    const source = rehearsal('measured');
    for (let run = 0; run < 3; run += 1) await desk.begin(source);
    await desk.begin(failing, { instanceId: 'failed-1' });
    await desk.begin(source.replace('told everybody', 'told all'));
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/?runbook=measured');
    await page.getByRole('link', { name: 'Statistics of measured' }).click();
    await page.getByText('1 of 1 that ended completed: 100 %.').waitFor();
    await page.getByLabel('Version').selectOption('1');
    await page.waitForURL(/statistics\/measured\?version=1$/);
    await page.getByText('3 of 3 that ended completed: 100 %.').waitFor();
    const cells = page.getByRole('region', { name: 'Cells' });
    expect(await cells.getByRole('row').allInnerTexts()).toEqual([
      expect.stringContaining('90 % within'),
      expect.stringMatching(/^look\t\d.*\t3\t0\t0$/),
      expect.stringMatching(/^promote\t\d.*\t3\t0\t0$/),
      expect.stringMatching(/^announce\t\d.*\t3\t0\t0$/),
    ]);
    await page.getByText('Of 3 runs; cells of the journals of the newest 3.').waitFor();
    await bob.picture('statistics');
    await expectAccessible(page, 'statistics');
    const carol = await desk.sit('carol', { ...phone, colorScheme: 'dark' });
    await carol.open('/statistics/clean_up');
    await carol.page.getByText('None has ended.').waitFor();
    const measured = carol.page.getByRole('region', { name: 'Cells' });
    expect(await measured.getByRole('row').last().innerText()).toMatch(/^remove\s.*0\s+1\s+0$/s);
    // Nobody has to go sideways for the rest of it.
    const wide = 'section.scroll';
    expect(
      await carol.page.evaluate(
        `[...document.querySelectorAll('${wide}')].map((one) => one.scrollWidth - one.clientWidth)`,
      ),
    ).toEqual([0, 0]);
    await expectAccessible(carol.page, 'statistics on a phone');
    await carol.picture('statistics on a phone');
    expectQuiet(bob);
    expectQuiet(carol);
  });
});

describe('workers', () => {
  it('are told of by place, with what waits for one there', async () => {
    await desk.begin(elsewhere, { instanceId: 'far-1' });
    const bob = await desk.sit('bob', phone);
    const { page } = bob;
    await bob.open('/workers');
    await page.getByRole('heading', { name: 'bastion' }).waitFor();
    await expect.poll(() => idsIn(page)).toEqual(['far-1']);
    await page.getByText('No worker was seen here lately.').first().waitFor();
    await expectAccessible(page, 'workers on a phone');
    await bob.picture('workers on a phone');
    expectQuiet(bob);
  });
});

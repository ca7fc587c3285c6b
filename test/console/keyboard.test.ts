/** Whoever has no pointer: every act by Tab, Enter, Space and arrows, with the focus always somewhere that is seen. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { untilStatus } from '../service/support.ts';
import { approval, awaiting, large, manual, rehearsal, undoable } from './scenes.ts';
import {
  type Console,
  expectFocus,
  expectQuiet,
  linesOf,
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

const sit = async (path: string, options: Parameters<Console['sit']>[1] = wide): Promise<Seat> => {
  const bob = await desk.sit('bob', options);
  await bob.open(path);
  return bob;
};
const press = (page: Page, key: string): Promise<void> => page.keyboard.press(key);
/** To it, and it is done. */
const act = async (page: Page, wanted: RegExp, key = 'Enter'): Promise<void> => {
  await tabTo(page, wanted);
  await press(page, key);
};
const type = async (page: Page, wanted: RegExp, text: string): Promise<void> => {
  await tabTo(page, wanted);
  await page.keyboard.type(text);
};
/** What came of it is said where the focus is, so that it is read out, and what to do next is one key further. */
const untilTold = async (page: Page, told: string | RegExp): Promise<void> => {
  await page.locator('.told:focus').getByText(told).waitFor();
  await expectFocus(page, String(told));
};

describe.each([
  ['a wide screen', wide],
  ['a phone', phone],
] as const)('a vote by the keyboard alone, on %s', (_, options) => {
  it.each([
    ['Approve', 'Enter', 'approve', /^You approved go/],
    ['Reject', 'Space', 'reject', /^You rejected go/],
  ] as const)('%s', async (name, key, decision, told) => {
    const instanceId = await desk.begin(approval);
    const bob = await sit(`/instances/${instanceId}`, options);
    const { page } = bob;
    await act(page, /^What runs then/);
    await page.getByText('echo shipped').first().waitFor();
    await tabTo(page, /^What runs once it is approved/);
    // What is open is closed again by the same key.
    await tabTo(page, /^What runs then/, 'Shift+Tab');
    await press(page, 'Enter');
    await page.getByLabel('What runs once it is approved').waitFor({ state: 'hidden' });
    await type(page, /^Comment/, 'seen');
    await act(page, new RegExp(`^${name}$`), key);
    await untilTold(page, told);
    // Also when the panel is gone, in which the button was.
    await page.getByRole('region', { name: 'Vote' }).waitFor({ state: 'detached' });
    await expectFocus(page, 'once the panel is gone');
    expect(await linesOf(desk, instanceId, 'vote')).toMatchObject([
      { decision, comment: 'seen', by: { actor: 'bob' } },
    ]);
    expectQuiet(bob);
  });
});

describe('by the keyboard alone', () => {
  it('a manual cell is answered, with a file; what is refused leads back to the field, which is as it was', async () => {
    await desk.begin(manual, { instanceId: 'ceremony-1' });
    const bob = await sit('/instances/ceremony-1');
    const { page } = bob;
    await type(page, /^serial/, '9Z');
    await type(page, /^slots/, '3');
    await tabTo(page, /^sealed/);
    await press(page, 'ArrowDown');
    await tabTo(page, /^place/);
    await press(page, 'ArrowDown');
    await type(page, /^What you did or saw/, 'two of us were there');
    await tabTo(page, /^A file to keep/);
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), press(page, 'Space')]);
    await chooser.setFiles({ name: 'protocol.txt', mimeType: 'text/plain', buffer: Buffer.from('signed') });
    await act(page, /^It is done/);
    await untilTold(page, /serial/);
    expect(await linesOf(desk, 'ceremony-1', 'outcome')).toEqual([]);
    await type(page, /^serial/, '9Z-4417');
    await press(page, 'Enter');
    await untilTold(page, 'Recorded: rotate is done.');
    const [done] = await linesOf(desk, 'ceremony-1', 'outcome');
    expect(JSON.parse(String((done?.output as { text?: string } | undefined)?.text))).toEqual({
      serial: '9Z-4417',
      slots: 3,
      sealed: true,
      place: 'vault',
    });
    expect(done?.attached).toMatchObject([{ name: 'protocol.txt', bytes: 6 }]);
    await page.getByRole('region', { name: 'Do it' }).waitFor({ state: 'detached' });
    await expectFocus(page, 'once the form is gone');
    expectQuiet(bob);
  });

  it('a claim is found and set', async () => {
    await desk.begin(awaiting, { instanceId: 'roll-1' });
    const bob = await sit('/claims', phone);
    const { page } = bob;
    await type(page, /^Look at one/, 'ci/pr-7');
    await press(page, 'Enter');
    await page.getByRole('link', { name: 'roll-1' }).waitFor();
    // Whoever is led to another page is in it.
    await expect.poll(() => page.locator('main:focus').count()).toBe(1);
    await expectFocus(page, 'on the next page');
    await tabTo(page, /^Status/);
    await press(page, 'ArrowDown');
    await press(page, 'ArrowDown');
    await type(page, /^What it says/, 'all tests passed');
    await act(page, /^Set it/);
    await page.getByText('Set: supported, revision 1.').waitFor();
    await page.getByRole('button', { name: 'Set revision 2' }).waitFor();
    await expect.poll(() => expectFocus(page, 'once it is set')).toMatch(/^Set: supported, revision 1\./);
    // Whoever is impatient sets nothing a second time: by the key, or by the button.
    await press(page, 'Enter');
    await act(page, /^Set revision 2/);
    expect(await expectFocus(page, 'what is missing')).toMatch(/^Status/);
    expect((await desk.as('ada', 'GET', '/claims/history?id=ci/pr-7')).claims).toHaveLength(1);
    await untilStatus(desk.served, 'roll-1', 'completed');
    expectQuiet(bob);
  });

  it('a run that failed is given up, by a fold that opens and closes', async () => {
    await desk.begin(undoable, { instanceId: 'move-1' });
    const bob = await sit('/instances/move-1', phone);
    const { page } = bob;
    await act(page, /^Give it up, and take back/);
    await page.getByText('Taken back: open_gate.').waitFor();
    await press(page, 'Space');
    await page.getByText('Taken back: open_gate.').waitFor({ state: 'hidden' });
    await press(page, 'Enter');
    await type(page, /^Why\?/, 'the zone is gone');
    await act(page, /^Take it back/);
    await untilTold(page, 'Given up: what it did is taken back, the last first.');
    await page.locator('.summary .badge', { hasText: 'failed' }).waitFor();
    await expectFocus(page, 'once it has ended');
    expect(await linesOf(desk, 'move-1', 'ending')).toMatchObject([
      { began: { by: 'bob', reason: 'the zone is gone' } },
    ]);
    expectQuiet(bob);
  });

  it('a run is cancelled, and what it did taken back', async () => {
    await desk.as('ada', 'PUT', '/runbooks/move_over', undoable);
    await desk.as('ada', 'POST', '/runbooks/move_over/instances', { instanceId: 'move-2', drive: 'manual' });
    await desk.as('ada', 'POST', '/instances/move-2/advance', {});
    const bob = await sit('/instances/move-2');
    const { page } = bob;
    await act(page, /^Cancel the run/);
    await act(page, /^Take back what was done first/, 'Space');
    await type(page, /^Why\?/, 'wrong night');
    await act(page, /^Cancel move-2/);
    await untilTold(page, 'Cancelled: nothing more of its way begins.');
    await expect
      .poll(() => linesOf(desk, 'move-2', 'outcome').then((lines) => lines.map(({ cell }) => cell)), {
        timeout: 30_000,
      })
      .toEqual(['open_gate', 'undo_open_gate']);
    await expectFocus(page, 'once the form is gone');
    expectQuiet(bob);
  });

  it('a run is advanced by one cell, and let go to its end', async () => {
    await desk.as('ada', 'PUT', '/runbooks/rehearsal', rehearsal('rehearsal'));
    await desk.as('ada', 'POST', '/runbooks/rehearsal/instances', { instanceId: 'rehearsal-1', drive: 'manual' });
    const bob = await sit('/instances/rehearsal-1');
    const { page } = bob;
    await act(page, /^Advance: look/);
    await untilTold(page, 'Advanced: advanced.');
    await page.getByRole('button', { name: 'Advance: promote' }).waitFor();
    // One key further than what came of the first.
    await press(page, 'Tab');
    expect(await expectFocus(page, 'the next')).toBe('Run to its end');
    await press(page, 'Enter');
    await untilTold(page, /^It goes on by itself from now on/);
    await page.locator('.summary .badge', { hasText: 'completed' }).waitFor();
    await expectFocus(page, 'at its end');
    expect((await linesOf(desk, 'rehearsal-1', 'outcome')).map(({ cell }) => cell)).toEqual([
      'look',
      'promote',
      'announce',
    ]);
    expectQuiet(bob);
  });

  it('what is pressed stays under the finger until there is an answer, and a second tap does nothing', async () => {
    await desk.as('ada', 'PUT', '/runbooks/tapped', rehearsal('tapped'));
    await desk.as('ada', 'POST', '/runbooks/tapped/instances', { instanceId: 'tapped-1', drive: 'manual' });
    const bob = await sit('/instances/tapped-1', { viewport: { width: 360, height: 300 } });
    const { page } = bob;
    const top = (selector: string): Promise<number> =>
      page.evaluate<number>(`document.querySelector('${selector}').getBoundingClientRect().top`);
    let answer = (): void => {};
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let sent = 0;
    await page.route(/\/advance$/, async (route) => {
      sent += 1;
      await held;
      await route.continue();
    });
    const button = page.getByRole('button', { name: 'Advance: look' });
    await button.waitFor();
    await page.evaluate("document.querySelector('.move').scrollIntoView()");
    const before = await top('.move');
    await button.click();
    await page.getByText('Working…').waitFor();
    expect(Math.abs((await top('.move')) - before)).toBeLessThan(2);
    expect(await top('.told')).toBeLessThan(0);
    answer();
    await page.locator('.told:focus').getByText('Advanced: advanced.').waitFor();
    await expect.poll(() => top('.told')).toBeGreaterThan(-1);
    const next = page.getByRole('button', { name: 'Advance: promote' });
    await expect.poll(() => next.isEnabled(), { timeout: 30_000 }).toBe(true);
    await next.hover();
    await page.mouse.down({ clickCount: 2 });
    await page.mouse.up({ clickCount: 2 });
    await page.waitForRequest(/\/instances\/tapped-1\?/);
    expect(sent).toBe(1);
    expectQuiet(bob);
  });

  it('what is reached by Tab stays so, where the focus went to it from what is gone', async () => {
    const bob = await sit('/');
    const { page } = bob;
    const region = page.getByRole('region', { name: 'A table' });
    await page.evaluate(`(() => {
      const region = document.createElement('section');
      region.innerHTML = '<button>gone</button>';
      region.tabIndex = 0;
      region.ariaLabel = 'A table';
      document.querySelector('main').append(region);
    })()`);
    await region.getByRole('button').focus();
    await page.evaluate('document.querySelector(\'[aria-label="A table"] button\').remove()');
    await expect.poll(() => expectFocus(page, 'around it')).toBe('A table');
    expect(await region.getAttribute('tabindex')).toBe('0');
    expectQuiet(bob);
  });

  it('the list is narrowed and paged, and the focus stays where it is typed and chosen', async () => {
    await desk.as('ada', 'PUT', '/runbooks/paged', rehearsal('paged'));
    for (let run = 0; run < 27; run += 1)
      await desk.as('ada', 'POST', '/runbooks/paged/instances', { instanceId: `paged-${run}`, drive: 'manual' });
    const bob = await sit('/');
    const { page } = bob;
    const ids = () => page.locator('.run-name a').allTextContents();
    await type(page, /^Search/, 'paged-26');
    await expect.poll(ids).toEqual(['paged-26']);
    expect(await expectFocus(page, 'while it is typed')).toBe('Search');
    for (let key = 0; key < 'paged-26'.length; key += 1) await press(page, 'Backspace');
    await page.getByRole('link', { name: 'paged-3', exact: true }).waitFor();
    await tabTo(page, /^Runbook/);
    await page.keyboard.type('paged');
    await page.waitForURL(/runbook=paged/);
    await tabTo(page, /^Status/);
    await page.keyboard.type('ready');
    await page.waitForURL(/status=ready/);
    expect(await expectFocus(page, 'once it is chosen')).toMatch(/^Status/);
    await act(page, /^Who started it/);
    await type(page, /^Started by, exactly/, 'ada');
    await press(page, 'Enter');
    await page.waitForURL(/actor=ada/);
    expect(await expectFocus(page, 'once it is taken')).toMatch(/^Started by/);
    await expect.poll(async () => (await ids()).length).toBe(25);
    await act(page, /^Older$/);
    await expect.poll(async () => (await ids()).toSorted()).toEqual(['paged-0', 'paged-1']);
    await expectFocus(page, 'on the last page');
    await act(page, /^Newest$/);
    await expect.poll(async () => (await ids()).length).toBe(25);
    await expectFocus(page, 'on the first page');
    // And back the way that one came.
    await act(page, /^paged-26$/);
    await page.getByRole('button', { name: 'Advance: look' }).waitFor();
    await page.locator('main:focus').waitFor();
    await page.goBack();
    await page.getByRole('link', { name: 'paged-26' }).waitFor();
    await expectFocus(page, 'back in the list');
    expectQuiet(bob);
  });

  it('the JSON of an entry opens, is reached and closes; and an output is read to its last part', async () => {
    await desk.begin(large, { instanceId: 'large-1' });
    const bob = await sit('/instances/large-1');
    const { page } = bob;
    await act(page, /^Output, /);
    await act(page, /^Read it/);
    const more = page.getByRole('button', { name: /^Read part/ });
    await more.waitFor();
    const [, parts = '0'] = /of (\d+)$/.exec(await more.innerText()) ?? [];
    expect(Number(parts)).toBeGreaterThan(2);
    for (let part = 2; part <= Number(parts); part += 1) {
      await page.getByRole('button', { name: `Read part ${part} of ${parts}` }).waitFor();
      // The button that was pressed has the focus again.
      await expect.poll(() => expectFocus(page, `part ${part}`)).toBe(`Read part ${part} of ${parts}`);
      await press(page, 'Enter');
    }
    await more.waitFor({ state: 'detached' });
    await expectFocus(page, 'once all is read');
    await tabTo(page, /^Show the rest too/);
    await press(page, 'Enter');
    await page.getByRole('button', { name: /^Show the rest too/ }).waitFor({ state: 'detached' });
    await expectFocus(page, 'once all is shown');
    await act(page, /^Entry 0, started/);
    await page.getByLabel('JSON of entry 0').waitFor();
    await press(page, 'Tab');
    expect(await expectFocus(page, 'its JSON')).toBe('JSON of entry 0');
    await press(page, 'Shift+Tab');
    await press(page, 'Enter');
    await page.getByLabel('JSON of entry 0').waitFor({ state: 'detached' });
    await expectFocus(page, 'once it is closed');
    expectQuiet(bob);
  });

  it('a page is gone through from its top to its end and back in the same order', async () => {
    const bob = await sit('/instances/rehearsal-1');
    const { page } = bob;
    // It comes last, once the newest version is known.
    await page.getByRole('link', { name: 'Start another one like it' }).waitFor();
    const there: string[] = [];
    const back: string[] = [];
    for (let tab = 0; tab < 12; tab += 1) {
      await press(page, 'Tab');
      there.push(await expectFocus(page, 'on the way'));
    }
    for (let tab = 0; tab < 11; tab += 1) {
      await press(page, 'Shift+Tab');
      back.push(await expectFocus(page, 'on the way back'));
    }
    expect(back).toEqual(there.slice(0, -1).reverse());
    expect(there.slice(0, 6)).toEqual(['Pawl', 'Runs', 'Runbooks', 'Claims', 'Workers', 'All runs']);
    // Whoever leaves the page for the browser itself is not called back when something changes on it.
    await press(page, 'Shift+Tab');
    expect(await page.evaluate('document.activeElement === document.body')).toBe(true);
    await page.evaluate("document.querySelector('main').append(document.createElement('hr'))");
    expect(await page.evaluate('document.activeElement === document.body')).toBe(true);
    expectQuiet(bob);
  });

  it('a run that is held since a restore is released', async () => {
    await desk.as('ada', 'POST', '/runbooks/rehearsal/instances', { instanceId: 'held-1', drive: 'manual' });
    await desk.kill();
    await desk.restart({ PAWL_EPOCH: '1' });
    const bob = await sit('/instances/held-1');
    const { page } = bob;
    await type(page, /^Why\?/, 'compared with the router');
    await act(page, /^Release it/);
    await untilTold(page, 'Released: it may go on.');
    await page.getByRole('button', { name: 'Advance: look' }).waitFor();
    await expectFocus(page, 'once it is released');
    expect(await linesOf(desk, 'held-1', 'control')).toMatchObject([{ epoch: 1, by: { actor: 'bob' } }]);
    expectQuiet(bob);
  });
});

/** What a person decides in the console: each decision as it stands in the journal afterwards. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { untilStatus } from '../service/support.ts';
import { approval, doubtful, manual, rehearsal, slow } from './scenes.ts';
import { type Console, expectFocus, expectQuiet, linesOf, openConsole, type Seat, tabTo } from './support.ts';

let desk: Console;
beforeAll(async () => {
  desk = await openConsole();
});
afterAll(async () => await desk?.close());

const inDoubt = async (instanceId: string): Promise<void> => {
  await desk.begin(doubtful, { instanceId });
  await untilStatus(desk.served, instanceId, 'in_doubt');
};

/** The form is open once nothing that was begun can act any more. */
const untilDecidable = async ({ page }: Seat): Promise<void> => {
  await page.locator('fieldset:not([disabled]) input[type=radio]').first().waitFor();
};

describe('a step in doubt', () => {
  it('is decided by the keyboard alone: what is known, what follows, and a reason without which nothing is sent', async () => {
    await inDoubt('doubt-1');
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/instances/doubt-1');
    await untilDecidable(bob);
    const panel = page.getByRole('region', { name: 'Decide' });
    await panel.getByText('router: accepted, job 4711').waitFor();
    for (const known of ['Did promote happen?', 'router: accepted, job 4711', '/doubt-1/promote/1', 'Had time until'])
      expect(await panel.innerText()).toContain(known);
    await tabTo(page, /^It happened/);
    await page.keyboard.press('Space');
    expect(await page.locator('.way:has(input:checked)').innerText()).toContain(
      'promote counts as completed, and is not run again. The run goes on with announce, by itself.',
    );
    await tabTo(page, /^Record: it happened/);
    await page.keyboard.press('Enter');
    // The browser asks for the reason itself, and is where it stands.
    const reason = page.getByLabel('Why? It stands in the journal.').first();
    expect(await reason.evaluate((one: { validity: { valueMissing: boolean } }) => one.validity.valueMissing)).toBe(
      true,
    );
    expect(await expectFocus(page, 'what is missing')).toMatch(/^Why\?/);
    await page.keyboard.type('job 4711 is done there');
    await tabTo(page, /^Record: it happened/);
    await page.keyboard.press('Enter');
    await page.getByText('Recorded about promote: it happened.').waitFor();
    await page
      .getByText('completed · doubt-1')
      .or(page.locator('.summary .badge', { hasText: 'completed' }))
      .first()
      .waitFor();
    await bob.picture('decided');
    expect(await linesOf(desk, 'doubt-1', 'resolved')).toMatchObject([
      { cell: 'promote', verdict: 'succeeded', reason: 'job 4711 is done there', by: { actor: 'bob' } },
    ]);
    await expect.poll(() => page.title()).toBe('completed · doubt-1 · Pawl');
    expectQuiet(bob);
  });

  it('is open for a decision by the clock of the service, also in a browser whose clock is slow, while nothing changes', async () => {
    const bob = await desk.sit('bob');
    await bob.page.addInitScript(() => {
      const now = Date.now;
      Date.now = () => now() - 3_600_000;
    });
    await inDoubt('doubt-slow-clock');
    let looks = 0;
    // As of a holder that may act for some seconds more, and a service that has nothing new to tell meanwhile.
    await bob.page.route(
      ({ pathname }) => pathname === '/instances/doubt-slow-clock',
      async (route) => {
        looks += 1;
        if (looks > 1) return await route.fulfill({ status: 304 });
        const response = await route.fetch();
        const told = (await response.json()) as { nowMs: number };
        await route.fulfill({
          response,
          headers: { 'content-type': 'application/json', etag: '"told"' },
          json: { ...told, decidableAtMs: told.nowMs + 5_000, holderProcess: 'alive' },
        });
      },
    );
    // It stands there for five seconds: the page itself is told to look for it, before it comes.
    const early = bob.page.getByText(/no verdict is taken before/).waitFor();
    await bob.open('/instances/doubt-slow-clock');
    await early;
    await untilDecidable(bob);
    await expect.poll(() => looks).toBeGreaterThan(1);
    await bob.page.unrouteAll();
    await desk.as('ada', 'POST', '/instances/doubt-slow-clock/cancel', { reason: 'seen' });
    expectQuiet(bob);
  });

  it('of a holder that is gone is decided early, and says so, also in a browser whose clock is fast', async () => {
    const bob = await desk.sit('bob');
    const { page } = bob;
    await page.addInitScript('{ const now = Date.now; Date.now = () => now() + 600_000; }');
    await inDoubt('doubt-fast-clock');
    await page.route(
      ({ pathname }) => pathname === '/instances/doubt-fast-clock',
      async (route) => {
        const response = await route.fetch();
        const told = (await response.json()) as { nowMs: number };
        const over = { decidableAtMs: told.nowMs + 60_000, holderProcess: 'gone' };
        await route.fulfill({ response, headers: { 'content-type': 'application/json' }, json: { ...told, ...over } });
      },
    );
    await bob.open('/instances/doubt-fast-clock');
    await untilDecidable(bob);
    await page.getByRole('radio', { name: /^It happened/ }).check();
    await page.getByLabel('Why? It stands in the journal.').first().fill('the router says so');
    const sent = page.waitForRequest(/\/instances\/doubt-fast-clock\/verdict$/);
    await page.getByRole('button', { name: /^Record:/ }).click();
    expect((await sent).postDataJSON()).toMatchObject({ verdict: 'succeeded', holderGone: true });
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    expectQuiet(bob);
  });

  it('is decided once: of two browsers the second is told who was first and what they said, and nothing runs again', async () => {
    await inDoubt('doubt-2');
    const [bob, carol] = await Promise.all([desk.sit('bob'), desk.sit('carol')]);
    for (const seat of [bob, carol]) {
      await seat.open('/instances/doubt-2');
      await untilDecidable(seat);
    }
    const decide = async ({ page }: Seat, way: RegExp, reason: string): Promise<void> => {
      await page.getByRole('radio', { name: way }).check();
      await page.getByLabel('Why? It stands in the journal.').first().fill(reason);
      await page.getByRole('button', { name: /^Record:/ }).click();
    };
    // Carol's page hears of nothing new until she has decided.
    let hasDecided = (): void => {};
    const decided = new Promise<void>((resolve) => {
      hasDecided = resolve;
    });
    await carol.page.route(/\/instances\//, async (route) => {
      if (route.request().method() === 'GET') await decided;
      else hasDecided();
      await route.continue();
    });
    await decide(bob, /^It happened/, 'the router says so');
    await bob.page.getByText('Recorded about promote: it happened.').waitFor();
    await decide(carol, /^Run it once more, with the same key/, 'I see nothing');
    await carol.page.getByText('Somebody was first: what you decided was not recorded').waitFor();
    await carol.picture('lost');
    await expect
      .poll(() => carol.page.locator('.winner').allInnerTexts())
      .toEqual([expect.stringContaining('bob decided about promote: it happened: “the router says so”')]);
    expect((await linesOf(desk, 'doubt-2', 'resolved')).map(({ by }) => by.actor)).toEqual(['bob']);
    expect((await linesOf(desk, 'doubt-2', 'outcome')).filter(({ cell }) => cell === 'promote')).toHaveLength(1);
    expectQuiet(bob);
    expectQuiet(carol);
  });
});

describe('an approval', () => {
  it('is given by whom it asks, seeing what the hash covers; not offered to who started it, or to others', async () => {
    await desk.begin(approval, { instanceId: 'release-1' });
    for (const [actor, why] of [
      ['ada', 'You are ada, who is not asked.'],
      ['dora', 'You are dora, who is not asked.'],
    ] as const) {
      const seat = await desk.sit(actor);
      await seat.open('/instances/release-1');
      await seat.page.getByText(why).waitFor();
      expect(await seat.page.getByRole('button', { name: 'Approve' }).count()).toBe(0);
    }
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/instances/release-1');
    const panel = page.getByRole('region', { name: 'Vote' });
    await panel.getByText('What runs then').click();
    await bob.picture('vote');
    const [covered, freed] = [panel.locator('.covered'), panel.locator('.freed')];
    await expect.poll(() => covered.innerText()).toMatch(/4\.2\.0[\s\S]*"tests": 312/);
    await expect.poll(() => freed.innerText()).toContain('echo shipped');
    expect(await covered.innerText()).not.toContain('echo shipped');
    await panel.getByLabel(/^Comment/).fill('tests are green');
    await panel.getByRole('button', { name: 'Approve' }).click();
    await page.getByText('You approved go. It is approved.').waitFor();
    await untilStatus(desk.served, 'release-1', 'completed');
    expect(await linesOf(desk, 'release-1', 'vote')).toMatchObject([
      { decision: 'approve', comment: 'tests are green', by: { actor: 'bob' } },
    ]);
    expectQuiet(bob);
  });

  it('shows the log of a dry run among what the vote is about', async () => {
    const source = approval
      .replace('runbook: release', 'runbook: dry')
      .replace('echo \'{"artifact', 'echo would add 3 hosts; echo \'{"artifact')
      .replace('expires=1h', 'expires=1h shows=build.log');
    await desk.begin(source, { instanceId: 'dry-1' });
    await untilStatus(desk.served, 'dry-1', 'waiting');
    const bob = await desk.sit('bob');
    await bob.open('/instances/dry-1');
    const covered = bob.page.getByRole('region', { name: 'Vote' }).locator('.covered');
    await expect
      .poll(() => covered.innerText())
      .toMatch(/Log of build\s+All of it: 18 bytes were logged\.\s+would add 3 hosts/i);
    expectQuiet(bob);
  });

  it('is rejected: the run halts, and the page says so', async () => {
    await desk.begin(approval, { instanceId: 'release-2' });
    const carol = await desk.sit('carol');
    await carol.open('/instances/release-2');
    await carol.page.getByRole('button', { name: 'Reject' }).click();
    await carol.page.getByText('You rejected go. It is rejected.').waitFor();
    await carol.page.getByRole('heading', { name: 'go halted' }).waitFor();
    expect(await linesOf(desk, 'release-2', 'vote')).toMatchObject([{ decision: 'reject', by: { actor: 'carol' } }]);
  });
});

describe('a cell that a person does', () => {
  it('asks for its answer by a form; what does not fit is refused in words and stays as it was typed; a file is kept', async () => {
    await desk.begin(manual, { instanceId: 'ceremony-1' });
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/instances/ceremony-1');
    await page.getByLabel('serial').fill('9Z');
    await page.getByLabel('slots').fill('3');
    await page.getByLabel('sealed').selectOption('yes');
    await page.getByLabel('place').selectOption('vault');
    await page.getByLabel('What you did or saw').fill('two of us were there');
    await page
      .getByLabel('A file to keep')
      .setInputFiles({ name: 'protocol.txt', mimeType: 'text/plain', buffer: Buffer.from('signed') });
    await page.getByRole('button', { name: 'It is done' }).click();
    await page.locator('.notice.bad').waitFor();
    await bob.picture('refused');
    expect(await linesOf(desk, 'ceremony-1', 'outcome')).toEqual([]);
    expect(await page.getByLabel('slots').inputValue()).toBe('3');
    await page.getByLabel('serial').fill('9Z-4417');
    await page.getByRole('button', { name: 'It is done' }).click();
    await page.getByText('Recorded: rotate is done.').waitFor();
    await untilStatus(desk.served, 'ceremony-1', 'completed');
    const [done] = await linesOf(desk, 'ceremony-1', 'outcome');
    expect(done).toMatchObject({ cell: 'rotate', note: 'two of us were there', by: { actor: 'bob' } });
    expect(JSON.parse(String((done?.output as { text?: string } | undefined)?.text))).toEqual({
      serial: '9Z-4417',
      slots: 3,
      sealed: true,
      place: 'vault',
    });
    expect(done?.attached).toMatchObject([{ name: 'protocol.txt', bytes: 6 }]);
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'protocol.txt' }).click(),
    ]);
    expect(file.suggestedFilename()).toBe('protocol.txt');
    expectQuiet(bob);
  });
});

describe('a run', () => {
  it('is advanced by one cell, and then let go to its end', async () => {
    await desk.as('ada', 'PUT', '/runbooks/rehearsal', rehearsal('rehearsal'));
    await desk.as('ada', 'POST', '/runbooks/rehearsal/instances', { instanceId: 'rehearsal-1', drive: 'manual' });
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/instances/rehearsal-1');
    await page.getByRole('button', { name: 'Advance: look' }).click();
    await page.getByText('Advanced: advanced.').waitFor();
    await page.getByText('1 of 3 cells').first().waitFor();
    expect((await linesOf(desk, 'rehearsal-1', 'outcome')).map(({ cell }) => cell)).toEqual(['look']);
    await page.getByRole('button', { name: 'Run to its end' }).click();
    await page.locator('.summary .badge', { hasText: 'completed' }).waitFor();
    expect((await linesOf(desk, 'rehearsal-1', 'outcome')).map(({ cell }) => cell)).toEqual([
      'look',
      'promote',
      'announce',
    ]);
    expectQuiet(bob);
  });

  it('is cancelled under way: what may still run, and until when, is said before and after', async () => {
    await desk.as('ada', 'PUT', '/runbooks/slow', slow);
    await desk.as('ada', 'POST', '/runbooks/slow/instances', { instanceId: 'slow-1', drive: 'auto' });
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/instances/slow-1');
    await page.locator('.summary .badge', { hasText: 'running' }).waitFor();
    // Its log is followed.
    await page.getByRole('region', { name: 'Under way' }).getByText('halfway').waitFor();
    await page.getByText('Cancel the run').click();
    await page.getByText(/work may still run, until .*, in \d+ (s|min): cancelling does not stop/).waitFor();
    await page.getByLabel('Why? It stands in the journal.').fill('wrong night');
    await page.getByRole('button', { name: 'Cancel slow-1' }).click();
    await page.getByText(/^Cancelled: nothing more of its way begins\. work may still run until 20\d\d-/).waitFor();
    await bob.picture('cancelled');
    expect(await linesOf(desk, 'slow-1', 'cancelled')).toMatchObject([{ reason: 'wrong night', by: { actor: 'bob' } }]);
    expectQuiet(bob);
  });
});

describe('a page that stays open', () => {
  it('says that the service is gone and how old it is, and goes on with it when it is back', async () => {
    await inDoubt('doubt-3');
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/instances/doubt-3');
    await untilDecidable(bob);
    await page.getByRole('radio', { name: /^Go on without it/ }).check();
    await page.getByLabel('Why? It stands in the journal.').first().fill('typed before it went');
    await desk.kill();
    await page.getByText(/The service does not answer\. What is shown is what it said last\. As of .* ago\./).waitFor();
    await bob.picture('gone');
    expect(await page.getByRole('heading', { name: 'Did promote happen?' }).isVisible()).toBe(true);
    await page.getByRole('button', { name: 'Record: go on without it' }).click();
    await page.locator('.notice.bad', { hasText: 'The service does not answer' }).waitFor();
    await desk.restart();
    // As a laptop does that finds its network again; by itself it would ask within half a minute.
    await page.evaluate("dispatchEvent(new Event('online'))");
    await expect.poll(() => page.locator('.stale.old').count()).toBe(0);
    // What was typed is still there.
    await page.getByRole('button', { name: 'Record: go on without it' }).click();
    await page.getByText('Recorded about promote: go on without it.').waitFor();
    expect(await linesOf(desk, 'doubt-3', 'resolved')).toMatchObject([
      { verdict: 'skip', reason: 'typed before it went', by: { actor: 'bob' } },
    ]);
    expectQuiet(bob);
  });
});

describe('where two people decide', () => {
  it('the first says so and nothing follows; the second sees that, says the same, and it takes effect', async () => {
    await desk.kill();
    await desk.restart({ PAWL_DECIDE_PEOPLE: '2' });
    await inDoubt('doubt-4');
    const say = async ({ page }: Seat, reason: string): Promise<void> => {
      await page.getByRole('radio', { name: /^It happened/ }).check();
      await page.getByLabel('Why? It stands in the journal.').first().fill(reason);
      await page.getByRole('button', { name: /^Record:/ }).click();
    };
    const bob = await desk.sit('bob');
    await bob.open('/instances/doubt-4');
    await untilDecidable(bob);
    await bob.page.getByText('Two people decide here: nothing follows until another person says the same.').waitFor();
    await say(bob, 'the router says so');
    await bob.page.getByText('You said about promote: it happened. Nothing follows until').waitFor();
    await bob.page.getByText('bob says: it happened').waitFor();
    expect(await linesOf(desk, 'doubt-4', 'resolved')).toEqual([]);
    await untilStatus(desk.served, 'doubt-4', 'in_doubt');

    const carol = await desk.sit('carol');
    await carol.open('/instances/doubt-4');
    await carol.page.getByText('bob says: it happened').waitFor();
    await carol.picture('two-people');
    await say(carol, 'job 4711 is done there');
    await carol.page.getByText('Recorded about promote: it happened.').waitFor();
    expect(await linesOf(desk, 'doubt-4', 'proposed')).toMatchObject([{ by: { actor: 'bob' }, verdict: 'succeeded' }]);
    expect(await linesOf(desk, 'doubt-4', 'resolved')).toMatchObject([
      { by: { actor: 'carol' }, verdict: 'succeeded' },
    ]);
    expectQuiet(bob);
    expectQuiet(carol);
  });
});

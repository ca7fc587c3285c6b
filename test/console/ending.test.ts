/** What goes wrong with a run, and how a person ends it in the console. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../cli/support.ts';
import { untilStatus } from '../service/support.ts';
import { rawOfFile } from '../support/world.ts';
import { doubtful, elsewhere, failing, hopeless, large, manual, rehearsal, slow, undoable } from './scenes.ts';
import { type Console, expectAccessible, expectQuiet, openConsole, phone, type Seat } from './support.ts';

let desk: Console;
beforeAll(async () => {
  desk = await openConsole();
});
afterAll(async () => await desk?.close());

type Line = { kind: string; seq: number; cell?: string; by: { actor: string } } & Record<string, unknown>;
const linesOf = async (id: string, kind: string): Promise<Line[]> => {
  const { entries } = await desk.as('ada', 'GET', `/instances/${id}/journal`);
  return (entries as Line[]).filter((line) => line.kind === kind);
};
const why = ({ page }: Seat) => page.getByLabel('Why? It stands in the journal.');

describe('a run that failed', () => {
  it('is given up by a person: what is taken back and what stays is said before, and after', async () => {
    await desk.begin(undoable, { instanceId: 'move-1' });
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/instances/move-1');
    await page.getByRole('heading', { name: 'point_dns halted' }).waitFor();
    await page.getByText('Give it up, and take back what it did').click();
    await page.getByText('Taken back: open_gate. Stays as it is: copy, point_dns.').waitFor();
    const form = page.locator('details', { hasText: 'Give it up, and take back what it did' });
    await bob.picture('giving up');
    await form.getByLabel('Why? It stands in the journal.').fill('the zone is gone');
    await form.getByRole('button', { name: 'Take it back' }).click();
    await page.getByText('Given up: what it did is taken back, the last first.').waitFor();
    await page.locator('.summary .badge', { hasText: 'failed' }).waitFor();
    await bob.picture('taken back');
    const end = page.getByRole('region', { name: 'Its end' });
    await expect
      .poll(() => end.innerText())
      .toMatch(/Taken back\s+open_gate\s+Stays as it is\s+copy, point_dns: look after it/);
    expect((await linesOf('move-1', 'outcome')).map(({ cell }) => cell)).toEqual([
      'open_gate',
      'copy',
      'point_dns',
      'undo_open_gate',
    ]);
    expect(await linesOf('move-1', 'ending')).toMatchObject([{ began: { by: 'bob', reason: 'the zone is gone' } }]);
    expectQuiet(bob);
  });

  it('is not given up by a page that shows an older failure: whoever lets it go on is told to it', async () => {
    await desk.begin(undoable, { instanceId: 'move-2' });
    const carol = await desk.sit('carol');
    const { page } = carol;
    await carol.open('/instances/move-2');
    await page.getByText('Give it up, and take back what it did').click();
    const form = page.locator('details', { hasText: 'Give it up, and take back what it did' });
    await form.getByLabel('Why? It stands in the journal.').fill('not tonight');
    // Her page hears of nothing new until she has said it.
    const said = Promise.withResolvers<void>();
    await page.route(/\/instances\//, async (route) => {
      if (route.request().method() === 'GET') await said.promise;
      else said.resolve();
      await route.continue();
    });
    const [halt] = (await linesOf('move-2', 'outcome')).filter(({ cell }) => cell === 'point_dns');
    await desk.as('bob', 'POST', '/instances/move-2/verdict', {
      seq: halt?.closes,
      verdict: 'retry',
      reason: 'the zone is back',
    });
    await untilStatus(desk.served, 'move-2', 'halted');
    await form.getByRole('button', { name: 'Take it back' }).click();
    await page.getByText('Somebody was first: what you decided was not recorded').waitFor();
    await expect
      .poll(() => page.locator('.winner').allInnerTexts())
      .toEqual([expect.stringContaining('bob decided about point_dns')]);
    expect(await linesOf('move-2', 'ending')).toEqual([]);
    expectQuiet(carol);
  });
});

describe('a cell that takes back', () => {
  it('and failed may be tried again, though the run is cancelled; what is left of the end is said to follow', async () => {
    await desk.begin(hopeless, { instanceId: 'move-3' });
    await desk.as('ada', 'POST', '/instances/move-3/cancel', { reason: 'the wrong night', undo: true });
    await untilStatus(desk.served, 'move-3', 'halted');
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/instances/move-3');
    await page.getByRole('heading', { name: 'undo_open_gate halted' }).waitFor();
    const wayOf = (name: RegExp) => page.locator('.way', { has: page.getByRole('radio', { name }) });
    expect(await wayOf(/^Go on without it/).innerText()).toContain('What is left of the end of the run follows.');
    expect(await wayOf(/^Run it once more, with the same key/).count()).toBe(1);
    // Or all that is left of its end is stopped.
    await page.getByText('Stop what is gone through at its end').click();
    const form = page.locator('details', { hasText: 'Stop what is gone through at its end' });
    await form.getByText('Not gone through any more: undo_open_gate.').waitFor();
    await bob.picture('stopping its end');
    await form.getByRole('button', { name: 'Stop the end of move-3' }).click();
    const stops = async () => (await linesOf('move-3', 'cancelled')).filter(({ stopsCleanup }) => stopsCleanup);
    expect(await stops()).toEqual([]);
    await form.getByLabel('Why? It stands in the journal.').fill('shut by hand');
    await form.getByRole('button', { name: 'Stop the end of move-3' }).click();
    await page.getByText(/^Stopped: nothing more of its end begins\. Stays as it is: .*open_gate/).waitFor();
    expect(await stops()).toMatchObject([{ reason: 'shut by hand', by: { actor: 'bob' } }]);
    await page.getByText('Stop what is gone through at its end').waitFor({ state: 'detached' });
    expectQuiet(bob);
  });

  it('goes on in a new run of the newest version: what is cited, what runs and what becomes of it is said before', async () => {
    await desk.begin(failing, { instanceId: 'clean-9' });
    await desk.as('ada', 'PUT', '/runbooks/clean_up', failing.replace('exit 3', 'exit 0'));
    const bob = await desk.sit('bob', phone);
    const { page } = bob;
    await bob.open('/instances/clean-9');
    await page.getByText('Go on from it in a new run').click();
    const form = page.locator('details', { hasText: 'Go on from it in a new run' });
    await form
      .getByText(
        'A new run of version 2 begins with remove, with the parameters of this one, as far as the version has them. Nothing stands before it. From remove on all of it runs, also what was done here, or may have been: it would happen again. clean-9 is cancelled first, and never goes on.',
      )
      .waitFor();
    await form.getByLabel('Begin with').selectOption('after');
    await form.getByText('Not run again, but cited from here: remove.').waitFor();
    await form.getByLabel('Begin with').selectOption('remove');
    await bob.picture('going on in a new run');
    await expectAccessible(page, 'going on in a new run');
    await form.getByLabel('Why? It stands in the journal.').fill('mended in version 2');
    await form.getByRole('button', { name: 'Go on at remove' }).click();
    await page.waitForURL((url) => url.pathname.startsWith('/console/instances/') && !url.pathname.endsWith('clean-9'));
    await page.locator('.summary .badge', { hasText: 'completed' }).waitFor();
    const id = new URL(page.url()).pathname.split('/').at(-1) ?? '';
    expect(await linesOf(id, 'started')).toMatchObject([
      {
        version: 2,
        by: { actor: 'bob' },
        continues: { instanceId: 'clean-9', at: 'remove', reason: 'mended in version 2' },
      },
    ]);
    expect(await linesOf('clean-9', 'cancelled')).toMatchObject([{ continuedAs: id }]);
    expectQuiet(bob);
  });
});

describe('the log of a step that is over', () => {
  it('is read to its end once; that of a step in doubt is asked for again, since a word about it may come', async () => {
    await desk.begin(doubtful, { instanceId: 'logged-1' });
    await untilStatus(desk.served, 'logged-1', 'in_doubt');
    const bob = await desk.sit('bob');
    const { page } = bob;
    const asked: string[] = [];
    page.on('request', (request) => {
      const [, about] = /\/notes\?about=(\d+)/.exec(request.url()) ?? [];
      if (about !== undefined) asked.push(about);
    });
    await bob.open('/instances/logged-1');
    const look = page.getByRole('region', { name: 'Cell look' });
    await look.getByText('Log and notes').click();
    await look.getByText('the replica is 3 s behind').last().waitFor();
    const over = String((await linesOf('logged-1', 'reserved'))[0]?.seq);
    const times = (of: (about: string) => boolean): number => asked.filter(of).length;
    const before = times((about) => about !== over);
    await until('looks at the step in doubt', async () => times((about) => about !== over) >= before + 3);
    expect(times((about) => about === over)).toBe(1);
    const words = await page.locator('.timeline').innerText();
    expect(words).toContain('promote unknown');
    expect(words).toContain('; it is in doubt');
    expect(words).not.toContain('it halts');
    expectQuiet(bob);
  });
});

describe('a manual cell', () => {
  it('that failed says where a word about it is missing, and needs nothing else of its form', async () => {
    await desk.begin(manual, { instanceId: 'undone-1' });
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/instances/undone-1');
    const failed = page.getByRole('button', { name: 'It failed' });
    await failed.click();
    const note = page.getByLabel('What you did or saw');
    expect(await note.evaluate((one) => one === one.ownerDocument.activeElement)).toBe(true);
    expect(await linesOf('undone-1', 'outcome')).toEqual([]);
    // Blanks are no word.
    await note.fill('   ');
    const sent: string[] = [];
    page.on('request', (request) => {
      if (request.method() === 'POST') sent.push(request.url());
    });
    await failed.click();
    expect(await note.evaluate((one: { validity: { customError: boolean } }) => one.validity.customError)).toBe(true);
    expect(sent).toEqual([]);
    await note.fill('the vault is locked');
    await failed.click();
    await page.getByText('Recorded: rotate failed.').waitFor();
    expect(await linesOf('undone-1', 'outcome')).toMatchObject([
      { status: 'failed', note: 'the vault is locked', by: { actor: 'bob' } },
    ]);
    expectQuiet(bob);
  });
});

describe('a step whose holder is gone', () => {
  it('is decided at once; to run it beside what it began elsewhere has to be accepted', async () => {
    await desk.as('ada', 'PUT', '/runbooks/slow', slow);
    await desk.as('ada', 'POST', '/runbooks/slow/instances', { instanceId: 'gone-1', drive: 'auto' });
    await untilStatus(desk.served, 'gone-1', 'running');
    await until('its log', async () => (await linesOf('gone-1', 'reserved')).length === 1);
    await desk.kill();
    await desk.restart();
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/instances/gone-1');
    const panel = page.getByRole('region', { name: 'Decide' });
    await panel.getByText('gone: it does nothing any more').waitFor();
    await bob.picture('holder gone');
    await page.getByRole('radio', { name: /^Run it once more, with the same key/ }).check();
    const accept = page.getByRole('checkbox', { name: /may act beside the next attempt/ });
    await why(bob).first().fill('nothing of it is at the target');
    await page.getByRole('button', { name: /^Record:/ }).click();
    expect(await accept.evaluate((one: { validity: { valueMissing: boolean } }) => one.validity.valueMissing)).toBe(
      true,
    );
    expect(await linesOf('gone-1', 'outcome')).toEqual([]);
    await accept.check();
    await page.getByRole('button', { name: /^Record:/ }).click();
    await page.getByText('Recorded about work: run it once more, with the same key.').waitFor();
    expect(await linesOf('gone-1', 'outcome')).toMatchObject([
      { cell: 'work', closedBy: 'person', then: 'retry', by: { actor: 'bob' } },
    ]);
    await desk.as('ada', 'POST', '/instances/gone-1/cancel', { reason: 'seen' });
    expectQuiet(bob);
  });
});

describe('a step that may take hours', () => {
  it('may still run until its last deadline when the run is cancelled, and the page says so before', async () => {
    await desk.as(
      'ada',
      'PUT',
      '/runbooks/hours',
      slow.replace('runbook: slow', 'runbook: hours').replace('timeout=15m', 'timeout=6h'),
    );
    await desk.as('ada', 'POST', '/runbooks/hours/instances', { instanceId: 'hours-1', drive: 'auto' });
    await untilStatus(desk.served, 'hours-1', 'running');
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/instances/hours-1');
    await page.getByText('Cancel the run').click();
    await page.getByText(/work may still run, until .*, in [56] h/).waitFor();
    await desk.as('ada', 'POST', '/instances/hours-1/cancel', { reason: 'seen' });
    expectQuiet(bob);
  });
});

describe('an answer that was lost', () => {
  it('is no word of somebody else: the journal has it, and it is not recorded twice', async () => {
    await desk.begin(manual, { instanceId: 'lost-1' });
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/instances/lost-1');
    await page.getByText('Cancel the run').click();
    await why(bob).last().fill('wrong night');
    let isDeaf = true;
    await page.route(/\/instances\//, async (route) => {
      if (!isDeaf) return await route.continue();
      // The service does it, and nobody hears of it.
      if (route.request().method() === 'POST') await route.fetch();
      await route.abort();
    });
    await page.getByRole('button', { name: 'Cancel lost-1' }).click();
    await page.locator('.notice.bad', { hasText: 'The service does not answer' }).waitFor();
    await page.route(/\/instances\/lost-1\?/, (route) => route.abort());
    isDeaf = false;
    await page.getByRole('button', { name: 'Cancel lost-1' }).click();
    await page.getByText('The journal has a word of yours already: look whether it is this one.').waitFor();
    await expect.poll(() => page.locator('.winner').allInnerTexts()).toEqual([expect.stringContaining('bob')]);
    expect(await linesOf('lost-1', 'cancelled')).toHaveLength(1);
    expectQuiet(bob);
  });
});

describe('a login that has ended', () => {
  it('takes nothing from whoever is writing', async () => {
    await desk.begin(manual, { instanceId: 'typed-1' });
    const bob = await desk.sit('bob');
    const { page, context } = bob;
    await bob.open('/instances/typed-1');
    await page.getByLabel('What you did or saw').fill('two of us were there');
    await context.clearCookies();
    await page.evaluate("dispatchEvent(new Event('focus'))");
    await page.getByText('Your login has ended. What you have typed stays here').waitFor();
    expect(await page.getByLabel('What you did or saw').inputValue()).toBe('two of us were there');
    const other = await context.newPage();
    await other.goto(desk.served.url + String((await desk.as('bob', 'POST', '/login')).path));
    await other.close();
    await page.getByRole('button', { name: 'I have opened the link' }).click();
    await page.getByText('Your login has ended.').waitFor({ state: 'detached' });
    expect(await page.getByLabel('What you did or saw').inputValue()).toBe('two of us were there');
    expectQuiet(bob);
  });
});

describe('somebody else, logged in in another tab', () => {
  it('decides nothing by the click that brings this one back, which showed who was there before', async () => {
    await desk.begin(manual, { instanceId: 'other-1' });
    const bob = await desk.sit('bob');
    const { page, context } = bob;
    await bob.open('/instances/other-1');
    await page.getByText('Cancel the run').click();
    const form = page.locator('details.cancel');
    await form.getByLabel('Why? It stands in the journal.').fill('wrong night');
    const other = await context.newPage();
    await other.goto(desk.served.url + String((await desk.as('carol', 'POST', '/login')).path));
    // As the browser says it: the focus comes with the press, the act with the release.
    await page.evaluate(`{
      dispatchEvent(new Event('focus'));
      document.querySelector('details.cancel button').click();
    }`);
    await page
      .locator('.told', { hasText: 'Nothing was done: this page shows bob, and you are now signed in as carol.' })
      .waitFor();
    await page.locator('.who', { hasText: 'carol' }).waitFor();
    expect(await linesOf('other-1', 'cancelled')).toEqual([]);
    // Having looked again, she may.
    await page.getByText('Cancel the run').click();
    await form.getByLabel('Why? It stands in the journal.').fill('it is the wrong night');
    await page.getByRole('button', { name: 'Cancel other-1' }).click();
    await page.getByText('Cancelled: nothing more of its way begins.').waitFor();
    expect(await linesOf('other-1', 'cancelled')).toMatchObject([{ by: { actor: 'carol' } }]);
    await other.close();
    expectQuiet(bob);
  });
});

describe('a run that belongs elsewhere', () => {
  it('says that nobody serves the place, in its page and among what needs somebody', async () => {
    await desk.begin(elsewhere, { instanceId: 'far-1' });
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/instances/far-1');
    await page.getByText('It waits for a worker at bastion, and none is there; nobody ever was.').waitFor();
    await bob.picture('unmanned');
    await bob.open('/');
    await page.getByText('Waits for a worker at bastion, and none is there.').waitFor();
    expectQuiet(bob);
  });
});

describe('what is large', () => {
  it('is read by parts, to its end', async () => {
    await desk.begin(large, { instanceId: 'large-1' });
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/instances/large-1');
    const list = page.getByRole('region', { name: 'Cell list' });
    await list.getByText(/^Output, /).click();
    await list.getByRole('button', { name: 'Read it' }).click();
    const [, parts = '0'] =
      /of (\d+)$/.exec((await list.getByRole('button', { name: /^Read part 2 of/ }).innerText()) ?? '') ?? [];
    expect(Number(parts)).toBeGreaterThan(2);
    // An impatient reader presses twice.
    for (let part = 2; part <= Number(parts); part += 1)
      await list.getByRole('button', { name: `Read part ${part} of ${parts}` }).dblclick();
    await list.getByRole('button', { name: /^Read part/ }).waitFor({ state: 'detached' });
    await list.getByRole('button', { name: /^Show the rest too/ }).click();
    const shown = (await list.getByLabel('Output').textContent()) ?? '';
    const objects = JSON.parse(shown) as string[];
    expect([objects.length, objects[0], objects.at(-1)]).toEqual([250_000, 'object-0', 'object-249999']);
    expectQuiet(bob);
  });
});

describe('a journal that was altered', () => {
  it('is shown as broken and where, and nothing else of it; a person ends it', async () => {
    await desk.begin(rehearsal('altered'), { instanceId: 'altered-1' });
    await desk.as('ada', 'POST', '/runbooks/altered/instances', { instanceId: 'altered-2', drive: 'manual' });
    await desk.as('ada', 'POST', '/instances/altered-2/advance', {});
    await desk.kill();
    const raw = rawOfFile(join(desk.served.dataDir, 'pawl.db'));
    const key = { instanceId: 'altered-2', seq: 1 };
    const item = (await raw.get('journal', key)) ?? {};
    const entry = String(item.entry).replace('"ada"', '"eve"');
    expect(entry).not.toBe(item.entry);
    await raw.delete('journal', key);
    await raw.put('journal', { ...item, entry });
    await desk.restart();
    const bob = await desk.sit('bob');
    const { page } = bob;
    await page.goto(`${desk.served.url}/console/instances/altered-2`);
    const panel = page.getByRole('region', { name: 'Broken' });
    await panel.getByRole('button', { name: 'Verify the chain' }).click();
    await panel.getByText(/^The chain breaks at entry 2: /).waitFor();
    await bob.picture('broken');
    await panel.getByLabel('Why is it ended as it stands?').fill('eve was here, see incident 7');
    await panel.getByRole('button', { name: 'End altered-2' }).click();
    await page
      .locator(':focus')
      .getByText(/^Ended: it is cancelled, as broken/)
      .waitFor();
    const { views } = await desk.as('ada', 'GET', '/instances?status=cancelled&id=altered-2');
    expect(views).toMatchObject([{ instanceId: 'altered-2', status: 'cancelled' }]);
    await bob.open('/instances/altered-1');
    await page.getByRole('button', { name: 'Verify the chain' }).click();
    await page.getByText(/^Verified: \d+ entries, the chain holds\.$/).waitFor();
    expectQuiet(bob);
  });
});

describe('after a restore from backup', () => {
  it('a run is held until a person releases it', async () => {
    await desk.as('ada', 'PUT', '/runbooks/restored', rehearsal('restored'));
    await desk.as('ada', 'POST', '/runbooks/restored/instances', { instanceId: 'held-1', drive: 'manual' });
    await desk.kill();
    await desk.restart({ PAWL_EPOCH: '1' });
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/instances/held-1');
    const panel = page.getByRole('region', { name: 'Release' });
    await panel.getByRole('heading', { name: 'Held since a restore from backup' }).waitFor();
    expect(await page.getByRole('button', { name: /^Advance/ }).count()).toBe(0);
    await bob.picture('held');
    await panel.getByLabel('Why? It stands in the journal.').fill('compared with the router');
    await panel.getByRole('button', { name: 'Release it' }).click();
    await page.getByText('Released: it may go on.').waitFor();
    await page.getByRole('button', { name: 'Advance: look' }).waitFor();
    expect(await linesOf('held-1', 'control')).toMatchObject([
      { epoch: 1, reason: 'compared with the router', by: { actor: 'bob' } },
    ]);
    expectQuiet(bob);
  });
});

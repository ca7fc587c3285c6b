/** Going on from a run in a new one: what is sent by whoever takes the form as it stands. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { untilStatus } from '../service/support.ts';
import { type Console, expectQuiet, linesOf, openConsole, type Seat } from './support.ts';

let desk: Console;
beforeAll(async () => {
  desk = await openConsole();
});
afterAll(async () => await desk?.close());

type Over = { params?: string; cells?: string[]; ends?: string };
/** Each cell writes its name into a file; the last one fails, or ends otherwise. */
const source = (runbookId: string, { params = '', cells = ['copy', 'switch'], ends = 'exit 3' }: Over = {}): string =>
  [
    `---\nrunbook: ${runbookId}\ntitle: Move the data\n${params}---\n# Move the data\n`,
    ...cells.map(
      (name, n) =>
        `\`\`\`sh { name=${name} }\necho ${name} >> ${join(desk.served.dataDir, runbookId)}\n${n === cells.length - 1 ? ends : 'true'}\n\`\`\`\n`,
    ),
  ].join('\n');
const happened = async (runbookId: string): Promise<string[]> =>
  (await readFile(join(desk.served.dataDir, runbookId), 'utf8')).trim().split('\n');
const publish = async (runbookId: string, over: Over): Promise<void> =>
  void (await desk.as('ada', 'PUT', `/runbooks/${runbookId}`, source(runbookId, over)));
const mended = { ends: 'true' };

const title = 'Go on from it in a new run';
const formOf = ({ page }: Seat) => page.locator('details', { hasText: title });
const why = (seat: Seat) => formOf(seat).getByLabel('Why? It stands in the journal.');
const unfold = async (seat: Seat, instanceId: string): Promise<void> => {
  await seat.open(`/instances/${instanceId}`);
  await seat.page.getByText(title).click();
};
const untilThere = async ({ page }: Seat, instanceId: string, status = 'completed'): Promise<void> => {
  await page.waitForURL((url) => url.pathname === `/console/instances/${instanceId}`);
  await page.locator('.summary .badge', { hasText: status }).waitFor();
};

describe('going on in a version that lost a parameter', () => {
  it('takes the parameters of the run as far as the version has them, and says how others are given', async () => {
    const params = 'params:\n  region: { type: string }\n  zone: { type: string }\n';
    await desk.begin(source('lost', { params }), { instanceId: 'lost-1', params: { region: 'eu', zone: 'b' } });
    await publish('lost', { ...mended, params: 'params:\n  region: { type: string }\n' });
    const bob = await desk.sit('bob');
    await unfold(bob, 'lost-1');
    const form = formOf(bob);
    await form.getByText('with the parameters of this one, as far as the version has them').waitFor();
    await form.getByText('pawl start lost --continue lost-1 --at switch --reason TEXT --param NAME=VALUE').waitFor();
    await bob.picture('going on, a parameter lost');
    await why(bob).fill('zones are gone');
    await form.getByRole('button', { name: 'Go on at switch' }).click();
    await untilThere(bob, 'lost-1.2');
    expect(await linesOf(desk, 'lost-1.2', 'started')).toMatchObject([{ version: 2, params: { region: 'eu' } }]);
    expectQuiet(bob);
  });
});

describe('going on from a cancelled run', () => {
  it('begins, if nobody says otherwise, with the first cell that was not done: what was done does not happen again', async () => {
    await desk.begin(source('stopped'), { instanceId: 'stopped-1' });
    await desk.as('ada', 'POST', '/instances/stopped-1/cancel', { reason: 'not tonight' });
    await publish('stopped', mended);
    const bob = await desk.sit('bob');
    await unfold(bob, 'stopped-1');
    await formOf(bob).getByText('Not run again, but cited from here: copy.').waitFor();
    await why(bob).fill('tonight after all');
    await formOf(bob)
      .getByRole('button', { name: /^Go on/ })
      .click();
    await untilThere(bob, 'stopped-1.2');
    expect(await happened('stopped')).toEqual(['copy', 'switch', 'switch']);
    expectQuiet(bob);
  });

  it('does not begin again with a cell whose end nobody knows, where the run went on after it', async () => {
    const runbook = source('unsure', { cells: ['copy', 'switch', 'tell'] })
      .replace('{ name=copy }', '{ name=copy interrupted=continue timeout=5s }')
      .replace('true', () => 'kill -9 $$');
    await desk.begin(runbook, { instanceId: 'unsure-1' });
    await untilStatus(desk.served, 'unsure-1', 'halted');
    const { cells } = (await desk.as('ada', 'GET', '/instances/unsure-1')) as { cells: { state: string }[] };
    expect(cells.map(({ state }) => state)).toEqual(['unknown', 'completed', 'failed']);
    await desk.as('ada', 'POST', '/instances/unsure-1/cancel', { reason: 'not tonight' });
    const bob = await desk.sit('bob');
    await unfold(bob, 'unsure-1');
    await formOf(bob).getByText('Not run again, but cited from here: copy, switch.').waitFor();
    expect(await formOf(bob).getByLabel('Begin with').inputValue()).toBe('tell');
    expectQuiet(bob);
  });

  it('asks where to begin, where a cell that was done may have another name by now', async () => {
    await desk.begin(source('renamed'), { instanceId: 'renamed-1' });
    await desk.as('ada', 'POST', '/instances/renamed-1/cancel', { reason: 'not tonight' });
    await publish('renamed', { ...mended, cells: ['copy_all', 'switch'] });
    const bob = await desk.sit('bob');
    await unfold(bob, 'renamed-1');
    const at = formOf(bob).getByLabel('Begin with');
    await formOf(bob).getByText('begins with a cell that you choose').waitFor();
    await why(bob).fill('tonight after all');
    await formOf(bob).getByRole('button', { name: 'Go on' }).click();
    expect(await at.evaluate((one: { validity: { valueMissing: boolean } }) => one.validity.valueMissing)).toBe(true);
    await at.selectOption('copy_all');
    await formOf(bob).getByRole('button', { name: 'Go on at copy_all' }).click();
    await untilThere(bob, 'renamed-1.2');
    expect(await happened('renamed')).toEqual(['copy', 'switch', 'copy_all', 'switch']);
    expectQuiet(bob);
  });
});

describe('a version that is published while the page is open', () => {
  it('is the one that goes on; where it came while the form was open, it is shown, and nothing is sent', async () => {
    await desk.begin(source('open'), { instanceId: 'open-1' });
    const bob = await desk.sit('bob');
    const { page } = bob;
    await bob.open('/instances/open-1');
    await page.getByText('Start another one like it').waitFor();
    await publish('open', { ends: 'exit 4' });
    await page.getByText(title).click();
    await formOf(bob).getByText('A new run of version 2 begins with switch').waitFor();
    expect(await page.locator('.rerun').innerText()).toContain('with version 2 (this run has version 1');
    await why(bob).fill('mended');
    await publish('open', mended);
    await formOf(bob).getByRole('button', { name: 'Go on at switch' }).click();
    await page.locator('.told', { hasText: 'Version 3 is the newest by now: nothing was sent.' }).waitFor();
    await formOf(bob).getByText('A new run of version 3 begins with switch').waitFor();
    expect(await linesOf(desk, 'open-1', 'cancelled')).toEqual([]);
    expect(await why(bob).inputValue()).toBe('mended');
    await formOf(bob).getByRole('button', { name: 'Go on at switch' }).click();
    await untilThere(bob, 'open-1.2');
    expect(await linesOf(desk, 'open-1.2', 'started')).toMatchObject([{ version: 3 }]);
    expectQuiet(bob);
  });
});

describe('a run that somebody has gone on from', () => {
  const goOn = async (runbookId: string, instanceId: string, at: string): Promise<void> => {
    const continues = { instanceId, at, reason: 'mended' };
    await desk.as('ada', 'POST', `/runbooks/${runbookId}/instances`, { params: {}, drive: 'manual', continues });
  };

  it('says as what it goes on, in place of the form', async () => {
    for (const id of ['gone', 'after']) await desk.begin(source(id), { instanceId: `${id}-1` });
    // Where it was cancelled before, its journal says nothing of it.
    await desk.as('ada', 'POST', '/instances/after-1/cancel', { reason: 'not tonight' });
    const bob = await desk.sit('bob');
    const { page } = bob;
    for (const id of ['gone', 'after']) {
      await goOn(id, `${id}-1`, 'switch');
      await bob.open(`/instances/${id}-1`);
      await page.getByText(`It goes on as ${id}-1.2.`).waitFor();
      expect(await page.getByText(title).count()).toBe(0);
    }
    await page.getByRole('link', { name: 'after-1.2' }).click();
    await untilThere(bob, 'after-1.2', 'ready');
    // And so on: what goes on from that has the next number.
    await desk.as('ada', 'POST', '/instances/after-1.2/cancel', { reason: 'not tonight' });
    await goOn('after', 'after-1.2', 'switch');
    await bob.open('/instances/after-1.2');
    await page.getByText('It goes on as after-1.3.').waitFor();
    expectQuiet(bob);
  });

  it('while the form was open, elsewhere: nothing is started, and the page leads there', async () => {
    await desk.begin(source('raced'), { instanceId: 'raced-1' });
    await desk.as('ada', 'POST', '/instances/raced-1/cancel', { reason: 'not tonight' });
    const bob = await desk.sit('bob');
    const { page } = bob;
    await unfold(bob, 'raced-1');
    await goOn('raced', 'raced-1', 'copy');
    await why(bob).fill('tonight after all');
    await formOf(bob).getByRole('button', { name: 'Go on at switch' }).click();
    const told = page.locator('.told', { hasText: 'Nothing was started: that run is there already' });
    await told.getByRole('link', { name: 'raced-1.2' }).waitFor();
    expect(await told.innerText()).not.toContain('another id');
    await page.getByText('It goes on as raced-1.2.').waitFor();
    expect(await page.getByText(title).count()).toBe(0);
    await bob.picture('gone on from already');
    expectQuiet(bob);
  });
});

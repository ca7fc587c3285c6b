/** Answers that are missing for a while: what was known stays, and what was not heard is asked for again. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { untilStatus } from '../service/support.ts';
import { approval, doubtful, manual } from './scenes.ts';
import { type Console, expectQuiet, openConsole } from './support.ts';

let desk: Console;
beforeAll(async () => {
  desk = await openConsole();
});
afterAll(async () => await desk?.close());

const refusal = { status: 500, json: { code: 'unknown', detail: 'Not now.' } };

it('whom a page shows stays known while the service does not say who that is: an act is still theirs alone', async () => {
  await desk.begin(manual, { instanceId: 'ceremony-1' });
  const bob = await desk.sit('bob');
  const { page } = bob;
  await bob.open('/instances/ceremony-1');
  await page.getByRole('button', { name: 'It is done' }).waitFor();
  let asked = 0;
  await page.route(/\/me$/, async (route) => {
    asked += 1;
    await route.fulfill(refusal);
  });
  await page.evaluate("dispatchEvent(new Event('focus'))");
  // The third is asked for once the second has been heard of.
  await expect.poll(() => asked).toBeGreaterThanOrEqual(3);
  await page.getByText('Cancel the run').click();
  const form = page.locator('details', { hasText: 'Cancel the run' });
  await form.getByLabel('Why? It stands in the journal.').fill('seen');
  const sent = page.waitForRequest(/\/instances\/ceremony-1\/cancel$/);
  await form.getByRole('button', { name: 'Cancel ceremony-1' }).click();
  expect((await sent).headers()).toMatchObject({ 'x-pawl-expected-actor': 'bob' });
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  expectQuiet(bob);
});

it('the list says that a run asks you once it has heard that it still does, and asks again where it heard nothing', async () => {
  const both = approval.replace('approvers="bob, carol"', 'approvers="bob, carol" quorum=2');
  for (const id of ['release-1', 'release-2']) await desk.begin(both, { instanceId: id });
  const { waits } = (await desk.as('bob', 'GET', '/instances/release-1')) as { waits: { shownHash: string } };
  const vote = { decision: 'approve', shownHash: waits.shownHash };
  await desk.as('bob', 'POST', '/instances/release-1/cells/go/votes', vote);
  const bob = await desk.sit('bob');
  const { page } = bob;
  const asked: string[] = [];
  await page.route(/\/instances\/release-\d\?/, async (route) => {
    asked.push(new URL(route.request().url()).pathname);
    await route.fulfill(refusal);
  });
  await bob.open('/');
  await expect.poll(() => asked.length).toBeGreaterThanOrEqual(4);
  const whyOf = (id: string) => page.locator('.run', { hasText: id }).innerText();
  for (const id of ['release-1', 'release-2']) expect(await whyOf(id)).toContain('go asks bob, carol.');
  // One of the two is heard of, and then the other.
  await page.route(/\/instances\/release-2\?/, (route) => route.continue());
  await expect.poll(() => whyOf('release-2')).toContain('go asks you.');
  expect(await whyOf('release-1')).toContain('go asks bob, carol.');
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  await expect.poll(() => whyOf('release-1')).toContain('go has your approval, and waits for more.');
  expectQuiet(bob);
});

it('the log of a step that a person closed is read on: what its holder saw may come late', async () => {
  await desk.begin(doubtful, { instanceId: 'late-1' });
  await untilStatus(desk.served, 'late-1', 'in_doubt');
  const { undecided } = (await desk.as('ada', 'GET', '/instances/late-1')) as { undecided: { seq: number } };
  const verdict = { seq: undecided.seq, verdict: 'succeeded', reason: 'seen' };
  // Not before what was begun can act no more.
  await expect
    .poll(() => desk.as('ada', 'POST', '/instances/late-1/verdict', verdict).then(() => 'taken', String))
    .toBe('taken');
  await untilStatus(desk.served, 'late-1', 'completed');
  const bob = await desk.sit('bob');
  const { page } = bob;
  await bob.open('/instances/late-1');
  let looks = 0;
  await page.route(/\/instances\/late-1\/notes\?/, async (route) => {
    looks += 1;
    const isLate = looks > 1;
    const response = await route.fetch();
    const told = (await response.json()) as { notes: object[] };
    const late = { ...told.notes[0], kind: 'fenced', text: '{"status":"completed"}' };
    const json = { ...told, notes: isLate ? [...told.notes, late] : told.notes };
    await route.fulfill({ response, headers: { 'content-type': 'application/json' }, json });
  });
  const promote = page.getByRole('region', { name: 'Cell promote' });
  await promote.getByText('Log and notes').click();
  await promote.getByText('came too late to be recorded').waitFor();
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  expectQuiet(bob);
});

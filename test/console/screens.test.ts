/** Every page in every state: no rule of axe is broken, nobody goes sideways, on a phone and a desk, by day and at night. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { untilStatus } from '../service/support.ts';
import { rawOfFile } from '../support/world.ts';
import {
  approval,
  awaiting,
  doubtful,
  elsewhere,
  failing,
  family,
  large,
  manual,
  probed,
  rehearsal,
  rollout,
  slow,
  undoable,
} from './scenes.ts';
import { type Console, expectEveryScreen, expectQuiet, openConsole, type Seat } from './support.ts';

let desk: Console;
let bob: Seat;
beforeAll(async () => {
  desk = await openConsole();
  bob = await desk.sit('bob');
});
afterAll(async () => await desk?.close());

const start = (runbookId: string, body: object): Promise<unknown> =>
  desk.as('ada', 'POST', `/runbooks/${runbookId}/instances`, { drive: 'auto', ...body });

/** Somebody alters an entry in the store. */
const alter = async (instanceId: string): Promise<void> => {
  await desk.begin(rehearsal('altered'), { instanceId });
  await desk.kill();
  const raw = rawOfFile(join(desk.served.dataDir, 'pawl.db'));
  const key = { instanceId, seq: 1 };
  const item = (await raw.get('journal', key)) ?? {};
  await raw.delete('journal', key);
  await raw.put('journal', { ...item, entry: String(item.entry).replace('"ada"', '"eve"') });
  await desk.restart();
};

const furnish = async (): Promise<void> => {
  const { as, begin } = desk;
  await alter('broken-1');
  await as('ada', 'PUT', '/runbooks/rollout', rollout());
  await as('ada', 'PUT', '/runbooks/rollout', rollout({ text: 'Takes a build to every host, two at a time.' }));
  await as('ada', 'PUT', '/runbooks/drain_all', family);
  await start('drain_all', { instanceId: 'drain-1', params: { nodes: ['node-a', 'node-b', 'node-c'] } });
  await as('ada', 'PUT', '/runbooks/slow', slow);
  await start('slow', { instanceId: 'slow-1' });
  const long = undoable
    .replace('echo "the gate is shut"', 'sleep 900')
    .replace('undo=open_gate', 'undo=open_gate timeout=15m');
  await begin(long.replace('move_over', 'move_long'), { instanceId: 'move-1' });
  await as('ada', 'POST', '/instances/move-1/cancel', { reason: 'the zone is gone', undo: true });
  await begin(undoable, { instanceId: 'halted-1' });
  await begin(approval, { instanceId: 'release-1' });
  await begin(manual, { instanceId: 'ceremony-1' });
  await begin(rehearsal('switch_test'), { instanceId: 'switch-test-1' });
  await begin(failing, { instanceId: 'clean-1' });
  await as('ada', 'POST', '/instances/clean-1/cancel', { reason: 'not tonight' });
  await begin(awaiting, { instanceId: 'roll-1' });
  await begin(elsewhere, { instanceId: 'far-1' });
  await begin(large, { instanceId: 'large-1' });
  await as('ada', 'POST', '/runbooks/switch_test/instances', { instanceId: 'step-1', drive: 'manual' });
  const evidence = { run: 'https://ci.example/runs/4711', errors: 0 };
  await as('ada', 'PUT', '/claims?id=ci/pr-8', { status: 'supported', statement: 'all tests passed', evidence });
  for (const instanceId of ['doubt-1', 'doubt-2']) await begin(doubtful, { instanceId });
  await begin(probed, { instanceId: 'probed-1' });
  for (const id of ['doubt-1', 'doubt-2', 'probed-1']) await untilStatus(desk.served, id, 'in_doubt');
};

/** What is looked at, where, the title of its tab, and what says that it is there. */
type State = [what: string, path: string, title: string, there: string | RegExp];
const look = async ([what, path, title, there]: State): Promise<void> => {
  const { page } = bob;
  await page.goto(`${desk.served.url}/console${path}`);
  await page.getByText(there).first().waitFor();
  // What is folded is looked at as well, but the JSON of every entry.
  await page.evaluate("for (const one of [...document.querySelectorAll('details')].slice(0, 14)) one.open = true");
  await page
    .getByText(/^(Loading|Asking)…$/)
    .first()
    .waitFor({ state: 'hidden' });
  await expect.poll(() => page.title(), { message: what }).toBe(`${title} · Pawl`);
  await expectEveryScreen(page, what);
  expectQuiet(bob);
};

describe('where nothing has happened yet', () => {
  it.each<State>([
    ['no runs', '/', 'Runs', 'Nothing needs anybody.'],
    ['no runbooks', '/runbooks', 'Runbooks', /^0 runbooks|^No runbook/],
    ['no claims', '/claims', 'Claims', 'Nobody has set a claim yet.'],
  ])('%s', async (...state) => await look(state));
});

describe('where much has happened', () => {
  beforeAll(furnish);

  it.each<State>([
    ['giving up', '/instances/move-1', 'running · move-1', 'The way is over'],
    ['running', '/instances/slow-1', 'running · slow-1', 'work runs'],
    ['overview', '/', '(9) Runs', 'doubt-1'],
    ['runs narrowed', '/?status=in_doubt&actor=ada&since=1d&text=switch', '(2) Runs', 'Newest first'],
    ['in doubt', '/instances/doubt-1', 'in doubt · doubt-1', 'router: accepted, job 4711'],
    ['in doubt with a probe', '/instances/probed-1', 'in doubt · probed-1', 'its probe answered'],
    ['halted', '/instances/halted-1', 'halted · halted-1', 'point_dns halted'],
    ['approval', '/instances/release-1', 'waiting · release-1', 'go asks you for approval'],
    ['manual', '/instances/ceremony-1', 'waiting · ceremony-1', 'rotate waits for a person'],
    ['children', '/instances/drain-1', 'waiting · drain-1', 'node-b'],
    ['waiting for a claim', '/instances/roll-1', 'waiting · roll-1', 'waits for what others know'],
    ['waiting for a place', '/instances/far-1', 'ready · far-1', 'and none is there'],
    ['step by step', '/instances/step-1', 'ready · step-1', 'Advance: look'],
    ['completed', '/instances/switch-test-1', 'completed · switch-test-1', '3 of 3 cells'],
    ['large output', '/instances/large-1', 'completed · large-1', /^Output, /],
    ['cancelled', '/instances/clean-1', 'cancelled · clean-1', 'not tonight'],
    ['broken', '/instances/broken-1', 'broken · broken-1', 'Its journal is broken'],
    ['no such run', '/instances/none', 'none', 'There is no instance'],
    ['runbooks', '/runbooks', 'Runbooks', 'Roll a version out'],
    ['runbook', '/runbooks/rollout', 'Roll a version out v2', 'two at a time'],
    ['earlier version', '/runbooks/rollout?version=1', 'Roll a version out v1', 'one after the other'],
    ['difference', '/runbooks/rollout?from=1&to=2', 'Roll a version out v1 and v2', /lines? changed/],
    ['no such runbook', '/runbooks/none', 'none', 'There is no runbook'],
    ['start', '/start/rollout?service=web&pr=4&hosts=["a","b"]', 'Start Roll a version out', 'Nothing has begun.'],
    ['start refused', '/start/rollout?pr=x&nonsense=1', 'Start Roll a version out', 'Needed before that'],
    ['statistics', '/statistics/switch_test', 'Statistics · switch_test', '1 of 1 that ended completed'],
    ['claims', '/claims', 'Claims', 'ci/pr-8'],
    ['claim', '/claims/ci/pr-8', 'supported · ci/pr-8', 'all tests passed'],
    ['claim not set', '/claims/ci/pr-7', 'not set yet · ci/pr-7', 'roll-1'],
    ['workers', '/workers', 'Workers', 'bastion'],
    ['many', '/decide?runbook=switch_over&cell=promote', '2 in doubt at promote', 'doubt-2'],
    ['not found', '/nowhere', 'There is no such page', 'To all runs'],
  ])('%s', async (...state) => await look(state));
});

describe('before anybody is let in', () => {
  it('the page, and the pages of a login link', async () => {
    const { path } = await desk.as('bob', 'POST', '/login');
    const { page, context } = bob;
    for (const [what, at, title] of [
      ['login', String(path), 'You are logged in'],
      ['login over', String(path), 'This link is over'],
      ['login without a link', '/login', 'Log in to Pawl'],
    ] as const) {
      await page.goto(desk.served.url + at);
      expect(await page.title()).toBe(title);
      await expectEveryScreen(page, what);
    }
    await page.goto(`${desk.served.url}/console/instances/ceremony-1`);
    await page.getByLabel('What you did or saw').fill('two of us were there');
    await context.clearCookies();
    await page.evaluate("dispatchEvent(new Event('focus'))");
    await page.getByText('Your login has ended.').waitFor();
    await expectEveryScreen(page, 'login ended');
    await page.goto(`${desk.served.url}/console/workers`);
    await page.getByRole('heading', { name: 'Sign in to see this page' }).waitFor();
    await expect.poll(() => page.title()).toBe('Not signed in · Pawl');
    await expectEveryScreen(page, 'signed out');
  });
});

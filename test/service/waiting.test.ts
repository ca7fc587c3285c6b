/** Waiting in a running service: claims wake, votes count, a one-time link works in a browser, and nobody pushes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from '../support/browser.ts';
import { type Dev, journalOf, newDataDir, removeDataDir, startDev, stopDev, untilStatus, viewOf } from './support.ts';

let dataDir: string;
let dev: Dev;

const release = `---
runbook: release
title: Release when the build is green and somebody agrees
params:
  build: { type: integer }
---
\`\`\`await { name=green timeout=1h }
claim: ci/{{ params.build }}
until: supported
if: claim.evidence.errors == 0
\`\`\`
\`\`\`approve { name=go approvers=bob groups=sre expires=1h }
Build {{ params.build }} has {{ outputs.green.claims["ci/" + string(params.build)].evidence.errors }} errors. Release it?
\`\`\`
\`\`\`js { name=release }
export default ({ params }) => ({ released: params.build });
\`\`\`
`;

beforeAll(async () => {
  dataDir = await newDataDir();
  dev = await startDev(dataDir);
  const { status, body } = await dev.publish(release);
  expect(status, JSON.stringify(body)).toBe(201);
});
afterAll(async () => {
  await stopDev(dev);
  await removeDataDir(dataDir);
});

const set = (build: number, body: object) => dev.ask('PUT', `/claims?id=ci/${build}`, body);
/** Started by alice; nobody calls it from then on. */
const begun = async (build: number): Promise<string> => {
  const id = await dev.start('release', { params: { build }, drive: 'auto' });
  await dev.ask('POST', `/instances/${id}/run`);
  return id;
};
type Waits = { kind: string; cell: string; shownHash: string } | null;
const waitsOf = async (id: string): Promise<Waits> => (await dev.ask('GET', `/instances/${id}`)).body.waits as Waits;
const untilAsked = async (id: string): Promise<string> => {
  for (;;) {
    const waits = await waitsOf(id);
    if (waits?.kind === 'approve') return waits.shownHash;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};

describe('an instance that waits in a running service', () => {
  it('is woken by the claim that it waits for, and goes on by itself once it is approved', async () => {
    const id = await begun(7);
    expect(await waitsOf(id)).toMatchObject({
      kind: 'await',
      claims: [{ claimId: 'ci/7', revision: 0, status: null }],
    });
    const first = await set(7, { status: 'supported', evidence: { errors: 2 }, revision: 0 });
    expect([first.status, first.body.woken]).toEqual([201, 1]);
    expect((await viewOf(dev, id)).status).toBe('waiting');
    expect((await set(7, { status: 'supported', evidence: { errors: 0 }, revision: 1 })).status).toBe(200);
    const shownHash = await untilAsked(id);
    const vote = { decision: 'approve', shownHash, comment: 'fine' };
    const to = `/instances/${id}/cells/go/votes`;
    expect((await dev.ask('POST', to, vote)).body.code).toBe('vote.notAsked');
    const voted = await dev.ask('POST', to, vote, { 'x-pawl-actor': 'dana', 'x-pawl-groups': 'sre' });
    expect([voted.status, voted.body.decision]).toEqual([200, 'approved']);
    await untilStatus(dev, id, 'completed');
    expect(await journalOf(dev, id)).toEqual([
      'started',
      'waiting green',
      'outcome green completed',
      'waiting go',
      'vote go',
      'outcome go completed',
      'reserved release',
      'outcome release completed',
    ]);
  });

  it('is approved by a one-time link in a browser, once', async () => {
    const id = await begun(8);
    await set(8, { status: 'supported', evidence: { errors: 0 } });
    await untilAsked(id);
    const made = await dev.ask(
      'POST',
      `/instances/${id}/cells/go/links`,
      { actor: 'bob' },
      { 'x-pawl-actor': 'carol' },
    );
    expect(made.status).toBe(201);
    const link = String(made.body.link);
    expect(link).toMatch(new RegExp(`^${dev.url}/links/[0-9a-f]{64}$`));
    const { browser, close } = await openBrowser();
    try {
      const page = await browser.newPage();
      await page.goto(link);
      expect(await page.locator('.asked').textContent()).toBe('Build 8 has 0 errors. Release it?');
      // Pages of others are refused here by their `Origin`: a form's own has to pass.
      await page.getByRole('button', { name: 'Approve' }).click();
      await page.getByRole('heading', { name: 'You approved.' }).waitFor();
      expect((await page.goto(link))?.status()).toBe(410);
      expect(await page.locator('body').textContent()).toContain('used already');
    } finally {
      await close();
    }
    await untilStatus(dev, id, 'completed');
    expect(dev.out()).not.toContain(link.slice(-64));
  });
});

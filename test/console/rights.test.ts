/** What somebody may not do is not offered, and refused by the API all the same; what asks a group asks its members. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Execute } from '../../src/engine/index.ts';
import { documentOf } from '../handlers/support.ts';
import { type Issued, openIssued, picture, type Seat, tokenOf } from './issued.ts';
import { expectAccessible } from './support.ts';

const execute: Execute = async ({ step: { cell } }) => {
  if (cell === 'switch') return { status: 'unknown' };
  if (cell === 'remove') return { status: 'failed', error: { code: 'cell.exit', message: 'no such bucket' } };
  return { status: 'completed', output: '{"a":1}' };
};
const approve = (who: string): string => `\`\`\`approve { name=go ${who} }\nShall it go on?\n\`\`\``;
const documents = [
  documentOf('doubtful', ['name=first', 'name=switch', 'name=after']),
  documentOf('release', ['name=build', approve('approvers=ben groups=sre'), 'name=ship']),
  documentOf('others', [approve('approvers=carol groups=dba'), 'name=ship']),
  documentOf(
    'team',
    [approve('groups="{{ params.team }}" self=true'), 'name=ship'],
    'params: { team: { type: string } }',
  ),
  documentOf('both', [approve('approvers=ben groups=sre quorum=2'), 'name=ship']),
  documentOf('panel', ['```manual { name=look }\nLook at it.\n```', 'name=after']),
  documentOf('clean', ['name=first', '```js { undo=first }\nexport default () => 1\n```', 'name=remove']),
];

const all = ['pawl:read', 'pawl:operate', 'pawl:author', 'pawl:decide'];
const only = (...permissions: string[]) => all.filter((scope) => !permissions.includes(scope.slice('pawl:'.length)));
const people = {
  ada: {},
  sue: { groups: ['sre'] },
  tom: { groups: ['sre'], withheld: only('read') },
  dan: { withheld: only('read', 'decide') },
  oli: { withheld: only('read', 'operate') },
  eve: { withheld: all },
};

let issued: Issued;
const tokens = new Map<string, string>();
const seats = new Map<string, Seat>();
/** Signed in once; what is asked of the service from then on has their token. */
const seatOf = async (name: keyof typeof people): Promise<Page> => {
  const known = seats.get(name) ?? (await issued.signedIn(name));
  seats.set(name, known);
  return known.page;
};
const open = async (page: Page, path: string): Promise<void> => {
  // Going back to the issuer, which knows this browser.
  await page.goto(`${issued.url}/console${path}`);
  await page.locator('.who').waitFor();
};

type Answered = { status: number; body: Record<string, unknown> };
const as = async (name: keyof typeof people, method: string, path: string, body?: unknown): Promise<Answered> => {
  let authorization = tokens.get(name);
  if (authorization === undefined) {
    authorization = await tokenOf(await seatOf(name));
    tokens.set(name, authorization);
  }
  const media = typeof body === 'string' ? 'text/markdown' : 'application/json';
  const response = await fetch(`${issued.url}${path}`, {
    method,
    headers: { authorization, ...(body === undefined ? {} : { 'content-type': media }) },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};
const begin = async (runbookId: string, instanceId: string, over: object = {}, by: 'ada' | 'sue' = 'ada') => {
  await as(by, 'POST', `/runbooks/${runbookId}/instances`, { instanceId, ...over });
  await as(by, 'POST', `/instances/${instanceId}/advance`, { maxCells: 'all' });
};

beforeAll(async () => {
  issued = await openIssued(people, execute);
  for (const source of documents) {
    const [, runbookId] = /^runbook: (.*)$/m.exec(source) ?? [];
    expect((await as('ada', 'PUT', `/runbooks/${runbookId}`, source)).status).toBe(201);
  }
  for (const id of ['doubt-1', 'doubt-2']) await begin('doubtful', id);
  await begin('release', 'release-1');
  await begin('others', 'others-1');
  await begin('panel', 'panel-1');
  await begin('clean', 'clean-1');
  await as('ada', 'POST', '/runbooks/panel/instances', { instanceId: 'panel-2', drive: 'manual' });
  await as('ada', 'PUT', '/claims?id=ci/7', { status: 'supported' });
});
afterAll(async () => await issued?.close());

/** Of each page: the scope that its acts need, and what is offered to who has it. */
const pages: [path: string, loaded: string, scope: string, offered: RegExp[]][] = [
  ['/instances/doubt-1', 'Did switch happen?', 'decide', [/^Record it$/]],
  ['/instances/release-1', 'What your vote is about', 'decide', [/^Approve$/, /^Reject$/]],
  ['/instances/panel-1', 'look waits for a person', 'operate', [/^It is done$/, /^It failed$/]],
  ['/instances/panel-2', 'Parameters|What happened', 'operate', [/^Run to its end$/, /^Advance: look$/]],
  ['/instances/clean-1', 'remove halted', 'operate', [/^Take it back$/, /^Cancel clean-1$/]],
  ['/start/release', 'Nothing has begun.', 'operate', [/^Start version 1$/]],
  ['/claims/ci/7', 'History, newest first', 'operate', [/^Set revision 2$/]],
  ['/decide?runbook=doubtful&cell=switch', '2 runs of doubtful', 'decide', [/^Choose all$/, /^Record it$/]],
];
/** Buttons that change nothing. */
const harmless = /^(Verify the chain|Notify me on this desktop|Read again|Show all \d+|Open)$/;
/** Those of acts, also in what is folded, or not yet to be sent. */
const acts = async (page: Page): Promise<string[]> => {
  const names = await page.locator('main button').allTextContents();
  return names.map((name) => name.trim()).filter((name) => !harmless.test(name));
};

describe('who may only look', () => {
  it.each(pages)('%s: sees all of it, and no button; a sentence names the scope', async (path, loaded, scope) => {
    const page = await seatOf('tom');
    await open(page, path);
    await page.getByText(new RegExp(loaded)).first().waitFor();
    expect(await acts(page)).toEqual([]);
    expect(await page.locator('main textarea').count()).toBe(0);
    await page
      .getByText(new RegExp(`^You may look\\. .* needs the scope pawl:${scope}\\.$`))
      .first()
      .waitFor();
    await picture(page, `read only ${path.replaceAll(/\W+/g, ' ')}`);
    await expectAccessible(page, path);
  });

  it.each([
    ['/', 'Needs somebody'],
    ['/runbooks', '7 runbooks'],
    ['/runbooks/release', 'Parameters'],
    ['/claims', 'ci/7'],
    ['/workers', '^As of '],
    ['/statistics/doubtful', 'How long|Cells'],
  ])('%s: leads to nothing that is called an act', async (path, loaded) => {
    const page = await seatOf('tom');
    await open(page, path);
    // The header has words of its own.
    await page.locator('main').getByText(new RegExp(loaded)).first().waitFor();
    expect(await acts(page)).toEqual([]);
    const links = await page.locator('main a').allTextContents();
    expect(links.filter((text) => /^(Start|Decide)/.test(text.trim()))).toEqual([]);
    if (path === '/') await page.getByText('Look at 2 alike: switch of doubtful').waitFor();
  });

  it('may not end a run whose journal is broken, or let one go that is held since a restore', async () => {
    const page = await seatOf('tom');
    issued.deployment.epoch = 1;
    await open(page, '/instances/panel-2');
    await page.getByText('Releasing it needs the scope pawl:decide').waitFor();
    expect(await acts(page)).toEqual([]);
    const able = await seatOf('ada');
    await open(able, '/instances/panel-2');
    await able.getByRole('button', { name: 'Release it' }).waitFor();
    issued.deployment.epoch = 0;
    for (const one of [page, able]) {
      const body = { code: 'journal.broken', detail: 'Entry 1 of panel-2 is missing.' };
      await one.route(/\/instances\/panel-2(\?|$)/, (route) =>
        route.request().resourceType() === 'fetch' ? route.fulfill({ status: 500, json: body }) : route.continue(),
      );
      await open(one, '/instances/panel-2');
    }
    await page.getByText('Ending it needs the scope pawl:operate').waitFor();
    expect(await acts(page)).toEqual([]);
    await able.getByRole('button', { name: 'End panel-2' }).waitFor();
    for (const one of [page, able]) await one.unrouteAll();
  });

  it('is refused by the service as well, whatever a page may send', async () => {
    const verdict = { seq: 3, verdict: 'retry', reason: 'r' };
    const asked: [string, string, object, string][] = [
      ['POST', '/instances/doubt-1/verdict', verdict, 'pawl:decide'],
      ['POST', '/verdicts', { ...verdict, steps: [{ instanceId: 'doubt-1', seq: 3 }] }, 'pawl:decide'],
      [
        'POST',
        '/instances/release-1/cells/go/votes',
        { decision: 'approve', shownHash: 'a'.repeat(64) },
        'pawl:decide',
      ],
      ['POST', '/instances/panel-2/release', { reason: 'r' }, 'pawl:decide'],
      ['POST', '/instances/panel-1/cells/look/done', { result: 'done', note: 'n' }, 'pawl:operate'],
      ['POST', '/instances/panel-2/advance', {}, 'pawl:operate'],
      ['POST', '/instances/panel-2/run', {}, 'pawl:operate'],
      ['POST', '/instances/clean-1/cancel', { reason: 'r' }, 'pawl:operate'],
      ['POST', '/instances/clean-1/undo', { reason: 'r' }, 'pawl:operate'],
      ['POST', '/runbooks/release/instances', {}, 'pawl:operate'],
      ['PUT', '/claims?id=ci/7', { status: 'supported' }, 'pawl:operate'],
    ];
    for (const [method, path, body, scope] of asked)
      expect(await as('tom', method, path, body), path).toMatchObject({
        status: 403,
        body: { code: 'permission.missing', scope },
      });
  });
});

describe('who may more', () => {
  it.each(pages)('%s: is offered what they may do', async (path, loaded, scope, offered) => {
    // The approval of sue's group; dan and oli have one scope beside that for looking.
    const name = path === '/instances/release-1' ? 'sue' : scope === 'decide' ? 'dan' : 'oli';
    const page = await seatOf(name);
    await open(page, path);
    await page.getByText(new RegExp(loaded)).first().waitFor();
    for (const one of offered) await expect.poll(() => acts(page)).toContainEqual(expect.stringMatching(one));
    expect(await page.getByText(`needs the scope pawl:${scope}`).count()).toBe(0);
  });

  it('gets each act by its own scope: who decides does not cancel, and who operates does not decide', async () => {
    const [decider, operator] = [await seatOf('dan'), await seatOf('oli')];
    for (const page of [decider, operator]) {
      await open(page, '/instances/doubt-1');
      await page.getByText('Did switch happen?').waitFor();
    }
    await expect.poll(() => acts(decider)).toEqual(['Record it']);
    await decider.getByText('Going on with it, or ending it, needs the scope pawl:operate.').waitFor();
    await expect.poll(() => acts(operator)).toEqual(['Cancel doubt-1']);
    await operator.getByText('Deciding here needs the scope pawl:decide.').waitFor();
  });
});

describe('what is asked of a group', () => {
  const asking = async (page: Page): Promise<string[]> => {
    const whys = await page.locator('section.group').first().locator('.run').allInnerTexts();
    return whys.flatMap((text) => {
      const [, id = '', why = ''] = /(\S+-\d+)\s[\s\S]*?\n((?:go|look) asks .*)\n/.exec(text) ?? [];
      return why === '' ? [] : [`${id}: ${why}`];
    });
  };

  /** In the list of runs, which says it once it knows who looks, and whom runbooks name. */
  const expectAsking = async (page: Page, asked: unknown): Promise<void> => {
    await open(page, '/');
    await expect.poll(() => asking(page)).toEqual(asked);
  };

  it('asks its members, before what asks others; whom nobody asks sees whom it asks', async () => {
    await expectAsking(await seatOf('sue'), [
      'release-1: go asks you.',
      'panel-1: look asks a person.',
      'others-1: go asks carol, group dba.',
    ]);
    await expectAsking(await seatOf('dan'), [
      'panel-1: look asks a person.',
      'others-1: go asks carol, group dba.',
      'release-1: go asks ben, group sre.',
    ]);
    const page = await seatOf('sue');
    await open(page, '/instances/release-1');
    await page.getByRole('heading', { name: 'go asks you for approval' }).waitFor();
    await open(page, '/instances/others-1');
    await page.getByRole('heading', { name: 'go asks for approval' }).waitFor();
    await page.getByText('You are sue, who is not asked.').waitFor();
  });

  it('does not say that it asks who may not vote, or who has approved already', async () => {
    await expectAsking(await seatOf('tom'), expect.arrayContaining(['release-1: go asks ben, group sre.']));
    const tom = await seatOf('tom');
    await open(tom, '/instances/release-1');
    await tom.getByRole('heading', { name: 'go asks for approval' }).waitFor();
    await begin('both', 'both-1');
    const page = await seatOf('sue');
    await open(page, '/instances/both-1');
    await page.getByRole('heading', { name: 'go asks you for approval' }).waitFor();
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByText('You approved go. 1 of 2 approvals so far.').waitFor();
    await page.getByRole('heading', { name: 'go asks for approval' }).waitFor();
    await page.getByRole('button', { name: 'Withdraw my approval' }).waitFor();
    await open(page, '/');
    await page.getByText('go has your approval, and waits for more.').waitFor();
    const sues = await asking(page);
    expect(sues).toContain('release-1: go asks you.');
    expect(sues.filter((one) => one.startsWith('both-1'))).toEqual([]);
    await as('ada', 'POST', '/instances/both-1/cancel', { reason: 'seen' });
  });

  it('asks nobody who started the run, unless its cell lets them; the group may come from a parameter', async () => {
    await begin('release', 'release-2', {}, 'sue');
    await begin('team', 'team-1', { params: { team: 'sre' } }, 'sue');
    const page = await seatOf('sue');
    const mine = ['release-1: go asks you.', 'team-1: go asks you.'];
    await expectAsking(page, expect.arrayContaining([...mine, 'release-2: go asks ben, group sre.']));
    expect((await asking(page)).slice(0, 2).toSorted()).toEqual(mine);
    await open(page, '/instances/release-2');
    await page.getByText('You are sue, who started this run: another person has to vote.').waitFor();
    expect(await page.getByRole('button', { name: 'Approve' }).count()).toBe(0);
    const { body } = await as('sue', 'GET', '/instances/release-2');
    const { shownHash } = body.waits as { shownHash: string };
    const vote = { decision: 'approve', shownHash };
    expect((await as('sue', 'POST', '/instances/release-2/cells/go/votes', vote)).body.code).toBe('vote.self');
    await open(page, '/instances/team-1');
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByText('You approved go. It is approved.').waitFor();
  });
});

describe('what the page asks about who looks', () => {
  it('is asked once, and nothing is shown before it is known: neither what they may do, nor that they may not', async () => {
    const { page } = await issued.signedIn('tom');
    const asked: string[] = [];
    let answer = (): void => {};
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await page.route(/\/me$/, async (route) => {
      asked.push(route.request().url());
      await held;
      await route.continue();
    });
    const look = () => page.waitForRequest(/\/instances\/doubt-1\?/);
    const first = look();
    await page.goto(`${issued.url}/console/instances/doubt-1`);
    await first;
    // The next look comes when the first has all of its answers.
    await look();
    await page.getByText('Loading…').waitFor();
    expect(await page.locator('main').innerText()).not.toMatch(/Did switch happen|may look/);
    answer();
    await page.getByText('Deciding here needs the scope pawl:decide.').waitFor();
    await page.getByRole('link', { name: 'All runs' }).click();
    await page.getByText('Needs somebody').waitFor();
    expect(asked).toHaveLength(1);
  });

  it('is asked again while there is no answer; a service that has no such route is left to refuse', async () => {
    const { page } = await issued.signedIn('dan');
    let left = 1;
    await page.route(/\/me$/, (route) => {
      left -= 1;
      return left < 0 ? route.continue() : route.fulfill({ status: 503, json: { code: 'store.unavailable' } });
    });
    await open(page, '/instances/doubt-1');
    await page.getByRole('button', { name: 'Record it' }).waitFor();
    await expect.poll(() => left).toBe(-1);
    await page.unrouteAll();
    await page.route(/\/me$/, (route) => route.fulfill({ status: 404, json: { code: 'route.unknown' } }));
    await open(page, '/instances/doubt-1');
    await page.getByRole('button', { name: 'Record it' }).waitFor();
    expect(await acts(page)).toContain('Cancel doubt-1');
    await page.unrouteAll();
  });

  it.each([
    ['a policy that leaves it out', 403, { message: 'Forbidden' }],
    ['an older service', 404, { code: 'route.unknown' }],
  ])('is not answered by %s: a vote is offered to who may be in a group that is asked', async (_, status, json) => {
    const { page, complaints } = await issued.signedIn('sue');
    await page.route(/\/me$/, (route) => route.fulfill({ status, json }));
    await page.route(/\/instances\/release-1\?/, async (route) => {
      const response = await route.fetch();
      const instance = (await response.json()) as { waits: Record<string, unknown> };
      if (status === 404) delete instance.waits.starters;
      await route.fulfill({ response, json: instance });
    });
    await open(page, '/instances/release-1');
    await page.getByRole('heading', { name: 'go asks for approval' }).waitFor();
    await page.getByRole('button', { name: 'Approve' }).waitFor();
    await page.unrouteAll();
    expect(complaints).toEqual([]);
  });

  it('is not waited for by who has to act: all is offered after two looks, until there is an answer', async () => {
    const { page } = await issued.signedIn('tom');
    let isBack = false;
    await page.route(/\/me$/, (route) =>
      isBack ? route.continue() : route.fulfill({ status: 500, json: { code: 'unknown' } }),
    );
    await open(page, '/instances/doubt-1');
    await page.getByRole('button', { name: 'Record it' }).waitFor();
    isBack = true;
    await page.getByText('Deciding here needs the scope pawl:decide.').waitFor();
    await expect.poll(() => acts(page)).toEqual([]);
  });

  it('says who may not even look, and what is missing', async () => {
    const { page } = await issued.signedIn('eve');
    await page.getByRole('heading', { name: 'You may not look here' }).waitFor();
    expect(await page.locator('main').innerText()).toContain('signed in as eve, without the scope pawl:read');
    await expectAccessible(page, 'no scope');
    await picture(page, 'no scope');
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
  });

  it('meets nothing that its policy blocks', () => {
    for (const { complaints } of seats.values()) expect(complaints).toEqual([]);
  });
});

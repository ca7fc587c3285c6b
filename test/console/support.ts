/**
 * The console as a person uses it: `pawl serve` as a process, and Chromium, signed in by one-time links.
 * PAWL_PICTURES names a folder that gets the pictures.
 */
import { join } from 'node:path';
import axe from 'axe-core';
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { expect } from 'vitest';
import { newDataDir, removeDataDir, type Served, startServe, stopServe } from '../service/support.ts';
import { type Opened, openBrowser } from '../support/browser.ts';

export const wide = { viewport: { width: 1280, height: 900 } } as const;
export const phone = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

export type Seat = {
  page: Page;
  context: BrowserContext;
  /** What the browser complained of: what its policy blocked, and errors that nothing caught. */
  complaints: string[];
  open(path: string): Promise<void>;
  /** Of the whole page, or of its beginning. */
  picture(name: string, height?: number): Promise<void>;
};

export type Console = {
  served: Served;
  /** A browser of its own for somebody, signed in. */
  sit(actor: string, options?: BrowserContextOptions): Promise<Seat>;
  /** As a program asks, as somebody. */
  as(actor: string, method: string, path: string, body?: unknown): Promise<Record<string, unknown>>;
  /** Publishes, starts, and goes as far as it goes. */
  begin(source: string, asked?: { instanceId?: string; params?: object; by?: string }): Promise<string>;
  /** @param env of the service besides what it has */
  restart(env?: Record<string, string>): Promise<void>;
  kill(): Promise<void>;
  close(): Promise<void>;
};

export const openConsole = async (): Promise<Console> => {
  const dataDir = await newDataDir();
  let opened: Opened | undefined;
  let served: Served | undefined;
  const contexts: BrowserContext[] = [];
  const close = async (): Promise<void> => {
    await opened?.close();
    await stopServe(served);
    await removeDataDir(dataDir);
  };
  try {
    served = await startServe(dataDir);
    opened = await openBrowser();
  } catch (error) {
    await close();
    throw error;
  }
  const { browser } = opened;
  const { port } = new URL(served.url);
  const now = (): Served => {
    if (served === undefined) throw new Error('There is no service.');
    return served;
  };
  const as: Console['as'] = async (actor, method, path, body) => {
    const answer = await now().ask(method, path, body, { 'x-pawl-actor': actor });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  return {
    get served() {
      return now();
    },
    as,
    close,
    sit: async (actor, options = wide) => {
      const context = await browser.newContext(options);
      contexts.push(context);
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('console', (message) => {
        if (/security policy|refused to/i.test(message.text())) complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(String(error)));
      page.on('dialog', (dialog) => {
        complaints.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      const { path } = await as(actor, 'POST', '/login');
      await page.goto(now().url + path);
      return {
        page,
        context,
        complaints,
        open: async (to) => {
          await page.goto(`${now().url}/console${to}`);
          await page.getByText(/^As of /).waitFor();
        },
        picture: async (name, height) => {
          const folder = process.env.PAWL_PICTURES;
          if (folder === undefined) return;
          const clip = height === undefined ? {} : { clip: { x: 0, y: 0, width: wide.viewport.width, height } };
          await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true, ...clip });
        },
      };
    },
    begin: async (source, { by = 'ada', ...asked } = {}) => {
      const runbookId = /^runbook: (\S+)/m.exec(source)?.[1] ?? '';
      await as('ada', 'PUT', `/runbooks/${runbookId}`, source);
      const { view } = await as(by, 'POST', `/runbooks/${runbookId}/run`, asked);
      return (view as { instanceId: string }).instanceId;
    },
    kill: async () => {
      process.kill(now().pid, 'SIGKILL');
      await now().ended;
    },
    restart: async (env = {}) => {
      served = await startServe(dataDir, { args: ['--port', port], env });
    },
  };
};

/** How far a reader would have to go sideways, in pixels. */
const overflow = (page: Page): Promise<number> =>
  page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');

/** Nothing was blocked, and nothing failed that nobody looked at. */
export const expectQuiet = ({ complaints }: Seat): void => expect(complaints).toEqual([]);

/** Violations by rule and place; the policy of the page lets no script in, so the debugger puts it there. */
const violationsOf = async (page: Page, options = ''): Promise<string[]> => {
  if ((await page.evaluate('typeof axe')) === 'undefined') await page.evaluate(axe.source);
  const { violations } = (await page.evaluate(`axe.run({ ${options} })`)) as {
    violations: { id: string; nodes: { html: string; failureSummary: string }[] }[];
  };
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
};

/** What a thumb hits: 24 pixels, or as much room around it. */
const targets = "rules: { 'target-size': { enabled: true } }";

/** It breaks no rule of axe, and nobody has to go sideways. */
export const expectAccessible = async (page: Page, what: string): Promise<void> => {
  expect(await violationsOf(page, targets), what).toEqual([]);
  expect(await overflow(page), what).toBe(0);
};

/** As it is on a phone and on a desk, by day and at night. What is folded stays as it is. */
export const expectEveryScreen = async (page: Page, what: string): Promise<void> => {
  const grounds = new Set<unknown>();
  for (const { viewport } of [wide, phone]) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      const name = `${what}, ${viewport.width} ${colorScheme}`;
      const folder = process.env.PAWL_PICTURES;
      if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
      if (colorScheme === 'light') await expectAccessible(page, name);
      // Nothing but its colours is another one.
      else expect(await violationsOf(page, "runOnly: ['color-contrast']"), name).toEqual([]);
      grounds.add(await page.evaluate('getComputedStyle(document.body).backgroundColor'));
    }
  }
  expect(grounds.size, what).toBe(2);
};

type Focus = { name: string; isLost: boolean; isSeen: boolean };
/** What has the focus: as it is called, whether nothing has it, and whether anybody sees that it does. */
const focusOf = (page: Page): Promise<Focus> =>
  page.evaluate<Focus>(`(() => {
    const one = document.activeElement ?? document.body;
    const { outlineStyle, outlineWidth } = getComputedStyle(one);
    const { top, bottom } = one.getBoundingClientRect();
    return {
      name: one.getAttribute('aria-label') ?? (one.labels?.[0] ?? one).textContent.trim(),
      isLost: one === document.body || one.matches(':disabled'),
      isSeen: outlineStyle !== 'none' && parseFloat(outlineWidth) > 0 && bottom > 0 && top < innerHeight,
    };
  })()`);

/** Something has the focus, and anybody sees what. @returns how it is called */
export const expectFocus = async (page: Page, what: string): Promise<string> => {
  const { name, isLost, isSeen } = await focusOf(page);
  expect({ what, name, isLost, isSeen }).toMatchObject({ isLost: false, isSeen: true });
  return name;
};

const tabsMax = 150;
/** By the keyboard alone, to what is called so; all on the way there is seen to have the focus. */
export const tabTo = async (page: Page, wanted: RegExp, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> => {
  for (let tab = 0; tab < tabsMax; tab += 1) {
    await page.keyboard.press(key);
    const { name, isLost } = await focusOf(page);
    // Past the last and before the first is the browser itself.
    if (isLost) continue;
    await expectFocus(page, `on the way to ${wanted}`);
    if (wanted.test(name)) return;
  }
  throw new Error(`No number of tabs leads to ${wanted}.`);
};

type Line = { kind: string; cell?: string; by: { actor: string } } & Record<string, unknown>;
/** The entries of one kind in the journal of a run. */
export const linesOf = async (desk: Pick<Console, 'as'>, id: string, kind: string): Promise<Line[]> => {
  const { entries } = await desk.as('ada', 'GET', `/instances/${id}/journal`);
  return (entries as Line[]).filter((line) => line.kind === kind);
};

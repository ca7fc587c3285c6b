/**
 * The page as `api` serves it on AWS with `auth: jwt`: behind what checks tokens as API Gateway does, with an issuer that is certified
 * to keep to OpenID Connect, in Chromium.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { BrowserContext, Page } from 'playwright-core';
import type { Execute } from '../../src/engine/index.ts';
import { createConsoleFiles } from '../../src/handlers/consoleFiles.ts';
import { type Opened, openBrowser } from '../support/browser.ts';
import { type Issuer, type Person, startIssuer } from '../support/issuer.ts';
import { serve } from '../support/served.ts';
import { type FreshStore, freshStore } from '../support/world.ts';
import { wide } from './support.ts';

export const root = join(import.meta.dirname, '../..');

export type Seat = { page: Page; complaints: string[] };
type Options = Parameters<Opened['browser']['newContext']>[0];

export type Issued = {
  world: FreshStore;
  issuer: Issuer;
  url: string;
  /** How far the clock of what checks tokens is ahead, and whether it refuses everybody. */
  gate: { aheadMs: number; isDeaf: boolean };
  deployment: { name: string; epoch: number; takeoverGraceMs: number };
  /** A browser of its own for nobody yet. */
  sit(options?: Options): Promise<Seat>;
  signedIn(name: string, path?: string, options?: Options): Promise<Seat>;
  close(): Promise<void>;
};

/** At the issuer's form, which comes where it does not know this browser. */
export const enter = async (page: Page, name: string): Promise<void> => {
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Enter' }).click();
};

/** What a page sends to the service says who it is: as a program asks that has the token of the page. */
export const tokenOf = async (page: Page): Promise<string> => {
  const request = await page.waitForRequest((one) => one.headers().authorization !== undefined);
  return request.headers().authorization ?? '';
};

export const picture = async (page: Page, name: string): Promise<void> => {
  const folder = process.env.PAWL_PICTURES;
  if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
};

export const openIssued = async (people: Record<string, Person>, execute: Execute): Promise<Issued> => {
  await promisify(execFile)(process.execPath, [join(root, 'scripts/console.ts')]);
  const world = await freshStore('sqlite');
  const issuer = await startIssuer(people);
  const contexts: BrowserContext[] = [];
  const gate = { aheadMs: 0, isDeaf: false };
  const deployment = { name: 'test', epoch: 0, takeoverGraceMs: 1_000 };
  const { issuer: at, clientId, scopes } = issuer;
  const files = createConsoleFiles(pathToFileURL(join(root, 'dist/console/')), [at]);
  const port = await serve({
    store: world.store,
    clock: world.clock,
    execute,
    deployment,
    workMs: 900_000,
    door: { auth: 'jwt', console: { signIn: { auth: 'jwt', issuer: at, clientId, scopes }, files } },
    authorize: async (authorization) =>
      gate.isDeaf ? undefined : await issuer.authorize(authorization, Date.now() + gate.aheadMs),
  });
  const url = `http://127.0.0.1:${port}`;
  await issuer.open(url);
  const opened = await openBrowser();
  const sit: Issued['sit'] = async (options = wide) => {
    const context = await opened.browser.newContext(options);
    contexts.push(context);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (/security policy|refused to/i.test(message.text())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    return { page, complaints };
  };
  return {
    world,
    issuer,
    url,
    gate,
    deployment,
    sit,
    signedIn: async (name, path = '/', options = wide) => {
      const seat = await sit(options);
      await seat.page.goto(`${url}/console${path}`);
      await enter(seat.page, name);
      await seat.page.locator('.who').waitFor();
      return seat;
    },
    close: async () => {
      for (const context of contexts) await context.close();
      await opened.close();
      await issuer.close();
      await world.drop();
    },
  };
};

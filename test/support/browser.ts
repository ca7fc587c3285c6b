/**
 * Chromium for tests. It comes with `npm ci` on Linux x64; elsewhere PAWL_BROWSER names one. Where there is none a test fails
 * and says what to set. The flags that its package recommends (`--disable-web-security` and others) are left out: they
 * would switch off what is tested.
 */
import { createReadStream, createWriteStream, rmSync } from 'node:fs';
import { access, constants, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createBrotliDecompress } from 'node:zlib';
import { type Browser, chromium } from 'playwright-core';

export type Opened = { browser: Browser; close(): Promise<void> };

const packed = fileURLToPath(new URL('../../node_modules/@sparticuz/chromium/bin/chromium.br', import.meta.url));

// Its own sandbox needs rights that containers and root have not; it only ever opens pages of ours.
const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--no-zygote'];
const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];
// Names of no real place lead to this machine.
const names = '--host-resolver-rules=MAP *.example 127.0.0.1';
/** Bounds for what hangs, and for nothing else: a page that has to come is waited for, however slow the machine. */
const launchWithinMs = 120_000;
const patienceMs = 120_000;

const noBrowser = (why: string, cause?: unknown): Error =>
  new Error(`${why} Set PAWL_BROWSER to the path of a Chromium or Chrome, and run the test again.`, { cause });

/** @returns the path of Chromium, unpacked into the folder: 200 MB, in a second or two */
const unpackedIn = async (folder: string): Promise<string> => {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw noBrowser(`No browser comes with the project on ${process.platform} ${process.arch}.`);
  const file = join(folder, 'chromium');
  try {
    await pipeline(createReadStream(packed), createBrotliDecompress(), createWriteStream(file, { mode: 0o700 }));
  } catch (error) {
    throw noBrowser('The browser that `npm ci` brings cannot be unpacked.', error);
  }
  return file;
};

/** Every page of it is waited for as long as that. */
const patient = (browser: Browser): Browser => {
  const newContext = browser.newContext.bind(browser);
  browser.newContext = async (options) => {
    const context = await newContext(options);
    context.setDefaultTimeout(patienceMs);
    return context;
  };
  return browser;
};

/**
 * Close it whatever happens; a process that ends without that leaves no browser and no folder either.
 * @throws where there is no browser, or it does not start: the message says what to set
 */
export const openBrowser = async (): Promise<Opened> => {
  const folder = await mkdtemp(join(tmpdir(), 'pawl-browser-'));
  const clean = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', clean);
  const cleanNow = (): void => {
    process.off('exit', clean);
    clean();
  };
  const named = process.env.PAWL_BROWSER ?? '';
  try {
    const executablePath = named === '' ? await unpackedIn(folder) : named;
    await access(executablePath, constants.X_OK).catch((error: unknown) => {
      throw noBrowser(`${executablePath} is no program that can be run.`, error);
    });
    const browser = await chromium
      .launch({ executablePath, args: [...args, ...quiet, names], timeout: launchWithinMs })
      .catch((error: unknown) => {
        throw noBrowser(`${named === '' ? 'The browser that `npm ci` brings' : named} does not start.`, error);
      });
    const close = async (): Promise<void> => await browser.close().finally(cleanNow);
    return { browser: patient(browser), close };
  } catch (error) {
    cleanNow();
    throw error;
  }
};

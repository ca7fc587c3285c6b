/**
 * The page in the browser, for whoever serves it: `api` on AWS, `pawl serve` and `pawl console` on one machine. Static files
 * without login, for they hold nothing of the store: what the page shows it asks of the API, which lets in whom it knows.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { takesGzip } from './zipped.ts';

/** How one signs in, as the page reads it: `/console/config.json`. Nothing of it is secret. */
export type SignIn =
  /** Something before the API knows whose browser it is, by a cookie that no script reads; `null`: nobody's. */
  | { auth: 'local'; actor: string | null }
  /** The API takes signed requests alone, and a page holds no credentials: `pawl console` signs for it. */
  | { auth: 'iam' }
  /** By OpenID Connect at the issuer whose tokens the API takes. */
  | { auth: 'jwt'; issuer: string; clientId: string; scopes: string };

export type ConsoleAnswer = { status: number; headers: Record<string, string>; body: Buffer };
export type AskedFile = { path: string; headers: Readonly<Record<string, string | string[] | undefined>> };

export const isConsole = (path: string): boolean => path === '/console' || path.startsWith('/console/');

/** @param origins what the page may ask besides the service that it comes from: where one signs in */
const policyWith = (origins: readonly string[]): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `connect-src ${["'self'", ...origins].join(' ')}`,
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');

const media: Record<string, string> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
};

/** A name that says what it holds: no dots but the last, so none that leads elsewhere. */
const asset = /^\/console\/assets\/([\w-]+\.(js|css))$/;

const unchanging = 'public, max-age=31536000, immutable';
const etagChars = 32;

type File = { body: Buffer; zipped: Buffer; etag: string };

const fileIn = async (folder: URL, name: string): Promise<File | undefined> => {
  const body = await readFile(new URL(name, folder)).catch(() => undefined);
  if (body === undefined) return undefined;
  // One for both forms, so a weak one.
  const etag = `W/"${createHash('sha256').update(body).digest('hex').slice(0, etagChars)}"`;
  return { body, zipped: await promisify(gzip)(body), etag };
};

const listed = (value: string | string[] | undefined): string[] =>
  String(value ?? '')
    .split(',')
    .map((one) => one.trim());

/** Every path of the page is its index: what it shows its own script reads from the path. */
const fileOf = (path: string): { name: string; kind: string; cache: string } | undefined => {
  const [, name, kind = ''] = asset.exec(path) ?? [];
  if (name !== undefined) return { name: `assets/${name}`, kind, cache: unchanging };
  return path.startsWith('/console/assets/') ? undefined : { name: 'index.html', kind: 'html', cache: 'no-cache' };
};

/**
 * @param folder what `npm run build:console` made
 * @returns `undefined` where there is no such file
 */
export const createConsoleFiles = (folder: URL, origins: readonly string[] = []) => {
  const policy = policyWith(origins);
  /** Of names that say what they hold. */
  const kept = new Map<string, File>();
  const read = async (name: string, cache: string): Promise<File | undefined> => {
    const file = kept.get(name) ?? (await fileIn(folder, name));
    if (file !== undefined && cache === unchanging) kept.set(name, file);
    return file;
  };
  return async ({ path, headers }: AskedFile): Promise<ConsoleAnswer | undefined> => {
    const found = fileOf(path);
    const file = found === undefined ? undefined : await read(found.name, found.cache);
    if (found === undefined || file === undefined) return undefined;
    const told = {
      'content-type': media[found.kind] ?? 'application/octet-stream',
      'cache-control': found.cache,
      'content-security-policy': policy,
      'cross-origin-opener-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      vary: 'accept-encoding',
      etag: file.etag,
    };
    if (listed(headers['if-none-match']).includes(file.etag))
      return { status: 304, headers: told, body: Buffer.alloc(0) };
    if (!takesGzip(headers['accept-encoding'])) return { status: 200, headers: told, body: file.body };
    return { status: 200, headers: { ...told, 'content-encoding': 'gzip' }, body: file.zipped };
  };
};
export type ConsoleFiles = ReturnType<typeof createConsoleFiles>;

export const consoleConfig = (signIn: SignIn): ConsoleAnswer => ({
  status: 200,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' },
  body: Buffer.from(JSON.stringify(signIn)),
});

export const configPath = '/console/config.json';

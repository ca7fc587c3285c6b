/**
 * Who may ask a port of this machine for anything: whoever has the token, or the cookie that a login link gave. Every user
 * of the machine reaches its ports, and a browser carries any page's requests to them.
 *
 * Nothing but Node here: `npm run dev` loads it into the process of serverless-offline.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type IncomingHttpHeaders, STATUS_CODES } from 'node:http';
import { loggedInPage, loginPage } from './loginPage.ts';

const loginCodeMs = 5 * 60_000;
const loginCodesMax = 100;
const cookieMs = 12 * 60 * 60_000;
const actorCharsMax = 256;
/** `groupsCharsMax` of the engine's limits: a browser keeps 4 kB of a cookie. */
const groupsCharsMax = 1_000;

export type Asked = { method: string; path: string; query: URLSearchParams; headers: IncomingHttpHeaders };
export type Answered = { status: number; headers: Record<string, string>; body: string | Buffer };
/** Whose browser it is, and the groups that they are in, separated by commas. Nobody but the caller says so on one machine. */
type Person = { actor: string; groups: string };
/** `person`: as the login says; `null`: the caller says who it is. */
type Passed = { kind: 'passed'; person: Person | null };
export type Checked = Passed | ({ kind: 'answered' } & Answered);

export type GuardOptions = {
  token: string;
  port: number;
  /** The public address of a service that others reach, behind TLS or a proxy; its names are not known. Default false. */
  isPublic?: boolean;
  /** It speaks TLS itself. Default false. */
  isTls?: boolean;
  nowMs?(): number;
};

const loopback = /^(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d+)?$/;

const same = (given: string, wanted: string): boolean => {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(wanted));
};

/** As the API says what it refuses. */
export const problem = (
  status: number,
  code: string,
  detail: string,
  headers: Record<string, string> = {},
): Answered => ({
  status,
  headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers },
  body: JSON.stringify({ type: `urn:pawl:problem:${code}`, title: STATUS_CODES[status], status, detail, code }),
});

const foreign =
  'This service answers programs of this machine and its own pages, not pages of others: ask its own address.';
const unknown =
  'This service asks for its token: `pawl` finds it where it works with the data folder of the service (--data is its own; PAWL_DATA_DIR names it), or set PAWL_TOKEN. For a browser `pawl login` makes a link.';

const bearerOf = ({ authorization = '' }: IncomingHttpHeaders): string | undefined =>
  /^Bearer +(\S+)$/i.exec(authorization)?.[1];

/** The id of an access key travels in the clear, beside the signature. */
const accessKeyOf = ({ authorization = '' }: IncomingHttpHeaders): string | undefined =>
  /^AWS4-HMAC-SHA256 .*?Credential=([^/,\s]+)\//.exec(authorization)?.[1];

const cookieOf = ({ cookie = '' }: IncomingHttpHeaders, name: string): string | undefined =>
  cookie
    .split(';')
    .map((one) => one.trim())
    .find((one) => one.startsWith(`${name}=`))
    ?.slice(name.length + 1);

/** A one-time link's secret is its credential, and says so in its path alone. */
const isFree = ({ method, path }: Asked): boolean =>
  (path === '/health' && (method === 'GET' || method === 'HEAD')) || path.startsWith('/links/');

const refused = (...[status, code, detail, headers]: Parameters<typeof problem>): Checked => ({
  kind: 'answered',
  ...problem(status, code, detail, headers),
});

export const createGuard = ({ token, port, isPublic = false, isTls = false, nowMs = Date.now }: GuardOptions) => {
  const cookieName = `pawl-${port}`;
  const codes = new Map<string, Person & { untilMs: number }>();

  const sign = (text: string): string =>
    createHmac('sha256', token).update(`${cookieName} ${text}`).digest('base64url');
  const cookieFor = ({ actor, groups }: Person): string => {
    // No actor has a line break in it.
    const text = `${Buffer.from(`${actor}\n${groups}`).toString('base64url')}.${nowMs() + cookieMs}`;
    const rest = `Path=/; HttpOnly; SameSite=Strict; Max-Age=${cookieMs / 1_000}`;
    return `${cookieName}=${text}.${sign(text)}; ${rest}${isPublic || isTls ? '; Secure' : ''}`;
  };
  const personOfCookie = (headers: IncomingHttpHeaders): Person | undefined => {
    const [person, untilMs, signature, more] = (cookieOf(headers, cookieName) ?? '').split('.');
    if (person === undefined || untilMs === undefined || signature === undefined || more !== undefined)
      return undefined;
    if (!same(signature, sign(`${person}.${untilMs}`)) || Number(untilMs) < nowMs()) return undefined;
    const [actor = '', groups = ''] = Buffer.from(person, 'base64url').toString().split('\n');
    return { actor, groups };
  };

  /** A page of somebody else says so in `Origin`; one that had its own name pointed to this machine says so in `Host`. */
  const isForeign = ({ host = '', origin }: IncomingHttpHeaders): boolean => {
    if (!isPublic && !loopback.test(host)) return true;
    return (
      origin !== undefined && origin !== `http://${host}` && !((isPublic || isTls) && origin === `https://${host}`)
    );
  };

  /** A code for one login, by whoever has the token. */
  const makeCode = (actor: string, groups = ''): string => {
    for (const [code, { untilMs }] of codes) if (untilMs < nowMs() || codes.size >= loginCodesMax) codes.delete(code);
    const code = randomBytes(24).toString('hex');
    codes.set(code, { actor, groups, untilMs: nowMs() + loginCodeMs });
    return code;
  };

  const login = (method: string, query: URLSearchParams, headers: IncomingHttpHeaders): Checked => {
    if (method === 'POST') {
      if (!same(bearerOf(headers) ?? '', token))
        return refused(401, 'actor.unknown', unknown, { 'www-authenticate': 'Bearer' });
      const given = headers['x-pawl-actor'];
      const actor =
        typeof given === 'string' && given.length <= actorCharsMax && /^\P{C}+$/u.test(given) ? given : 'local';
      const { 'x-pawl-groups': groups = '' } = headers;
      if (String(groups).length > groupsCharsMax)
        return refused(400, 'request.invalid', `A login names groups in at most ${groupsCharsMax} characters.`);
      const path = `/login?code=${makeCode(actor, String(groups))}`;
      return {
        kind: 'answered',
        status: 201,
        headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
        body: JSON.stringify({ path, actor, groups, validForMs: loginCodeMs }),
      };
    }
    if (method !== 'GET') return refused(405, 'method.refused', `There is no ${method} /login; it has GET and POST.`);
    const code = query.get('code') ?? '';
    const found = codes.get(code);
    codes.delete(code);
    if (found === undefined || found.untilMs < nowMs()) return { kind: 'answered', ...loginPage(code !== '') };
    const { headers: own, ...page } = loggedInPage(found.actor, found.groups);
    return { kind: 'answered', ...page, headers: { ...own, 'set-cookie': cookieFor(found) } };
  };

  return {
    makeCode,
    check: (asked: Asked): Checked => {
      const { method, path, query, headers } = asked;
      if (isForeign(headers)) return refused(403, 'request.foreign', foreign);
      if (path === '/login') return login(method, query, headers);
      if (isFree(asked) || same(bearerOf(headers) ?? '', token)) return { kind: 'passed', person: null };
      const person = personOfCookie(headers);
      if (person !== undefined) return { kind: 'passed', person };
      return refused(401, 'actor.unknown', unknown, { 'www-authenticate': 'Bearer' });
    },
    /** Of the files of the console, which everybody may have. `person`: whose browser it is, where that is known. */
    checkConsole: (headers: IncomingHttpHeaders): Checked => {
      if (isForeign(headers)) return refused(403, 'request.foreign', foreign);
      return { kind: 'passed', person: personOfCookie(headers) ?? null };
    },
    /** Of the port by which functions call one another. */
    checkLambda: (headers: IncomingHttpHeaders): Checked => {
      if (isForeign(headers)) return refused(403, 'request.foreign', foreign);
      if (same(accessKeyOf(headers) ?? '', token)) return { kind: 'passed', person: null };
      return refused(401, 'actor.unknown', 'The access key id of a call has to be the token of this service.');
    },
  };
};
export type Guard = ReturnType<typeof createGuard>;

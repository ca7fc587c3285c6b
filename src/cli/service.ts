/**
 * Requests to a running service, on this machine or on AWS: signed if they have to be, and every refusal as the
 * `PawlError` that the service meant.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { type ErrorCode, errorCodes, isPawlError, PawlError, parseAsWritten } from '../engine/index.ts';
import { gatewayRefusal, isLoopback, noAnswer, type Stranger } from './noService.ts';

/**
 * How a caller shows who it is. `token`: by a bearer token. An issuer's says who it is; that of a service on the user's own
 * machine lets in, and the caller says who it is. Without one such a service refuses, and says where it is.
 */
type Credentials =
  | { kind: 'token'; token: string | undefined; actor: string; groups: string }
  | { kind: 'iam'; region: string };

export type ServiceSettings = { url: URL; credentials: Credentials; trace: string | null };

/** What a header cannot carry is refused here: `fetch` would take it for no answer, and quote it, be it secret or not. */
const assertSendable = ({
  token = '',
  actor,
  groups,
}: {
  token: string | undefined;
  actor: string;
  groups: string;
}) => {
  const refuse = (why: string): never => {
    throw new PawlError('request.invalid', why);
  };
  if (!/^[!-~]*$/.test(token))
    refuse(
      'The token (PAWL_TOKEN, or the token file of a context) cannot be sent: it is one word of ASCII, on one line.',
    );
  for (const [name, value] of Object.entries({ PAWL_ACTOR: actor, PAWL_GROUPS: groups }))
    if (!/^[ -~\u00a0-\u00ff]*$/.test(value))
      refuse(
        `${name} is ${JSON.stringify(value)}, which no request can carry: write it in Latin letters (up to U+00FF).`,
      );
};

/**
 * How to reach a service, from what the environment says.
 * @param localToken of the service on this machine
 * @throws PawlError `request.invalid` naming the variable
 */
export const readService = (
  text: string,
  env: NodeJS.ProcessEnv,
  actor: string,
  localToken: () => string | undefined,
): ServiceSettings => {
  const groups = env.PAWL_GROUPS ?? '';
  const refuse = (why: string): never => {
    throw new PawlError('request.invalid', `The service is ${JSON.stringify(text)} (--url, PAWL_URL): ${why}.`);
  };
  const url = URL.canParse(text) ? new URL(text) : refuse('give the URL of a service');
  if (!/^https?:$/.test(url.protocol)) refuse('give a URL with http or https');
  if (url.username !== '' || url.search !== '' || url.hash !== '') refuse('give it without user, query and fragment');
  const trace = env.TRACEPARENT ?? null;
  const named = env.PAWL_TOKEN || undefined;
  if (isLoopback(url) || (named !== undefined && url.protocol === 'https:')) {
    const token = named ?? localToken();
    assertSendable({ token, actor, groups });
    return { url, credentials: { kind: 'token', token, actor, groups }, trace };
  }
  if (url.protocol !== 'https:') refuse('what is not on this machine is reached by https alone');
  const region =
    url.hostname.match(/\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/)?.[1] ||
    env.AWS_REGION ||
    env.AWS_DEFAULT_REGION ||
    refuse('requests to a name of your own are signed for a region, so set AWS_REGION; or give PAWL_TOKEN');
  return { url, credentials: { kind: 'iam', region }, trace };
};

type Headers = Record<string, string>;
type Sign = (request: { method: string; url: URL; headers: Headers; body: string }) => Promise<Headers>;

/** A service answers within 25 s; a cold one on a busy machine takes its time to begin. */
const answerWithinMs = 60_000;
const readTriesMax = 3;
const readPauseMs = 300;

/** Signs as every AWS SDK does, with the usual chain: environment, profile, SSO, container, instance. */
const createSign = async (region: string): Promise<Sign> => {
  const [{ SignatureV4 }, { Sha256 }, { defaultProvider }] = await Promise.all([
    import('@smithy/signature-v4'),
    import('@aws-crypto/sha256-js'),
    import('@aws-sdk/credential-provider-node'),
  ]);
  const signer = new SignatureV4({ service: 'execute-api', region, credentials: defaultProvider(), sha256: Sha256 });
  return async ({ method, url, headers, body }) => {
    const query = Object.fromEntries([...url.searchParams.keys()].map((name) => [name, url.searchParams.getAll(name)]));
    const { hostname, protocol, pathname: path, port } = url;
    const withHost = { ...headers, host: url.host };
    const place = { hostname, protocol, path, query, ...(port === '' ? {} : { port: Number(port) }) };
    const signed = await signer.sign({ method, headers: withHost, body, ...place }).catch((error: Error) => {
      const next = 'log in to AWS, or name a profile in AWS_PROFILE';
      throw new PawlError('actor.unknown', `Nothing can be signed (${error.message}): ${next}.`, {}, error);
    });
    // fetch writes the host itself, as it was signed.
    const { host: _, ...others } = signed.headers;
    return others;
  };
};

const signerOf = (credentials: Credentials): (() => Promise<Sign>) => {
  if (credentials.kind === 'token') {
    const { token, actor, groups } = credentials;
    return async () =>
      async ({ headers }) => ({
        ...headers,
        'x-pawl-actor': actor,
        ...(groups === '' ? {} : { 'x-pawl-groups': groups }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      });
  }
  let signing: Promise<Sign> | undefined;
  return () => {
    signing ??= createSign(credentials.region);
    return signing;
  };
};

const textAt = (value: unknown, name: string): string | undefined => {
  const found = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  return typeof found === 'string' ? found : undefined;
};

const refusalOf = ({ url }: ServiceSettings, answered: Stranger): PawlError => {
  const { body } = answered;
  const code = textAt(body, 'code');
  const detail = textAt(body, 'detail');
  if (code === undefined || detail === undefined || !Object.hasOwn(errorCodes, code)) {
    return gatewayRefusal(url, answered);
  }
  const { type: _t, title: _i, status: _s, detail: _d, code: _c, ...details } = body as Record<string, unknown>;
  return new PawlError(code as ErrorCode, detail, details);
};

type Call = {
  method: 'GET' | 'PUT' | 'POST';
  /** Segments of the path, as they are meant. */
  path: (string | number)[];
  query?: Record<string, string | number | undefined>;
  json?: unknown;
  markdown?: string;
  /** The answer holds numbers that are to stay as they are written. */
  asWritten?: boolean;
  /** Ends the waiting for an answer, and nothing in the service. */
  signal?: AbortSignal;
};
type Answered = { status: number; body: unknown; trace: string };
/** A request of somebody else's. `path`: segments, as they are meant; `search` as it was written. */
type Forwarded = Pick<Call, 'method' | 'path'> & { search: string; headers: Headers; body: string };
type Sent = { status: number; headers: globalThis.Headers; text: string };
export type Service = {
  url: URL;
  /**
   * As it came: `304`, or JSON as a Pawl service says it.
   * @throws PawlError what answered instead, or that nothing did
   */
  forward(asked: Forwarded): Promise<Sent>;
  /** @throws PawlError what the service refused with; `store.unavailable` when there was no answer */
  call(asked: Call): Promise<Answered>;
};

/** Every call is a span of its own, in the caller's trace if there is one: the journal tells by it whose entries are whose. */
const spanIn = (trace: string | null): string => {
  const traceId = trace?.match(/^00-([0-9a-f]{32})-/)?.[1] ?? randomBytes(16).toString('hex');
  return `00-${traceId}-${randomBytes(8).toString('hex')}-01`;
};

const urlOf = ({ url }: ServiceSettings, { path, query = {} }: Call): URL => {
  const whole = new URL(url);
  const segments = path.map((segment) => encodeURIComponent(segment));
  whole.pathname = [url.pathname.replace(/\/$/, ''), ...segments].join('/');
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) whole.searchParams.set(name, String(value));
  }
  return whole;
};

const mediaOf = ({ json, markdown }: Call): Headers => {
  if (markdown !== undefined) return { 'content-type': 'text/markdown' };
  return json === undefined ? {} : { 'content-type': 'application/json' };
};

const jsonOf = (text: string, asWritten = false): unknown => {
  try {
    return asWritten ? parseAsWritten(text) : JSON.parse(text);
  } catch {
    return undefined;
  }
};
const strangerOf = ({ status, headers }: Sent, body: unknown): Stranger => ({
  status,
  type: headers.get('content-type') ?? '',
  location: headers.get('location'),
  body,
});

export const createService = (settings: ServiceSettings): Service => {
  const signer = signerOf(settings.credentials);

  const send = async (method: string, url: URL, plain: Headers, body: string, signal?: AbortSignal): Promise<Sent> => {
    // A plus stands for a space in forms alone: where a signature is checked it may be a plus.
    url.search = url.search.replaceAll('+', '%20');
    const sign = await signer();
    const headers = await sign({ method, url, headers: plain, body });
    try {
      const response = await fetch(url, {
        method,
        headers,
        redirect: 'manual',
        signal: AbortSignal.any([AbortSignal.timeout(answerWithinMs), ...(signal === undefined ? [] : [signal])]),
        ...(method === 'GET' ? {} : { body }),
      });
      return { status: response.status, headers: response.headers, text: await response.text() };
    } catch (error) {
      throw noAnswer(settings.url, error, method === 'GET');
    }
  };

  const once = async (asked: Call): Promise<Answered> => {
    const trace = spanIn(settings.trace);
    const body = asked.markdown ?? (asked.json === undefined ? '' : JSON.stringify(asked.json));
    const plain = { accept: 'application/json', traceparent: trace, ...mediaOf(asked) };
    const sent = await send(asked.method, urlOf(settings, asked), plain, body, asked.signal);
    const value = jsonOf(sent.text, asked.asWritten);
    if (value === undefined) throw gatewayRefusal(settings.url, strangerOf(sent, undefined));
    if (sent.status < 200 || sent.status > 299) throw refusalOf(settings, strangerOf(sent, value));
    return { status: sent.status, body: value, trace };
  };

  return {
    url: settings.url,
    forward: async ({ method, path, search, headers, body }) => {
      const url = urlOf(settings, { method, path });
      url.search = search;
      const sent = await send(method, url, { ...headers, traceparent: spanIn(settings.trace) }, body);
      if (sent.status === 304) return sent;
      const value = jsonOf(sent.text);
      const isRefused = sent.status < 200 || sent.status > 299;
      if (value === undefined || (isRefused && textAt(value, 'code') === undefined))
        throw gatewayRefusal(settings.url, strangerOf(sent, value));
      return sent;
    },
    call: async (asked) => {
      for (let tries = 1; ; tries += 1) {
        try {
          return await once(asked);
        } catch (error) {
          // Reading changes nothing, so it is tried again; what may have been done is not.
          const again = asked.method === 'GET' && isPawlError(error, 'store.unavailable') && tries < readTriesMax;
          if (!again || asked.signal?.aborted) throw error;
          await wait(readPauseMs * tries);
        }
      }
    },
  };
};

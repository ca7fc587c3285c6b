/**
 * One HTTP request. What matters is what is known when it goes wrong: before the connection stood nothing can have
 * happened (`failed`); afterwards a missing answer means that it may have (`unknown`). Redirects are followed only for methods
 * without effects, where the cell says so.
 */
import type { Agent } from 'undici';
import { type CellInput, type CellResult, isSafeMethod, limits } from '../engine/index.ts';
import { type Lookup, resolveHost, targetOf } from './addresses.ts';
import { acceptedCodings, answerText, readUpTo } from './answers.ts';
import { type AwsAllowed, nothingAllowed } from './aws/allowed.ts';
import { signerFor, whyUnsigned } from './aws/signing.ts';
import { openConnection } from './connection.ts';
import { createMasker } from './masking.mjs';
import { type Hop, isRedirect, nextOf } from './redirects.ts';
import { askedMsOf } from './retryAfter.ts';
import { keptFrom } from './secretHosts.ts';
import { meaningOf } from './statuses.ts';

export type HttpOptions = {
  /** Hosts that need not be public, as `parseHttpAllow` gives them. */
  httpAllow?: readonly string[];
  lookup?: Lookup;
  /** What cells may ask of AWS here, as `parseAwsAllow` gives it; without it nothing. */
  aws?: AwsAllowed;
};

type HttpBody = Extract<CellInput['body'], { kind: 'http' }>;

const failed = (code: string, message: string): CellResult => ({ status: 'failed', error: { code, message } });
/** Not a byte was sent, and it would be refused again: a person has to mend it. */
const refused = (code: string, message: string): CellResult => ({ ...failed(code, message), unbegun: true });
const unknown = (code: string, message: string): CellResult => ({ status: 'unknown', error: { code, message } });

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const control = /[\u0000-\u0008\u000a-\u001f\u007f]/;

/** Why the request cannot be sent as it is. */
const refusal = (body: HttpBody): CellResult | undefined => {
  if (!URL.canParse(body.url)) return refused('http.invalid', `${body.url.slice(0, 200)} is not a URL.`);
  const url = new URL(body.url);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return refused('http.blocked', `${url.protocol} is not http: or https:.`);
  if (url.username !== '' || url.password !== '')
    return refused('http.blocked', 'A URL with user name or password is refused.');
  const header = body.headers.find(
    ([name, value]) => control.test(value) || !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name),
  );
  if (header !== undefined)
    return refused('http.invalid', `The header ${header[0]} holds a character that no header may hold.`);
  return undefined;
};

type Sign = Awaited<ReturnType<typeof signerFor>>;

const signing = async (input: CellInput, signal: AbortSignal): Promise<Sign | CellResult> => {
  try {
    return await signerFor(input, signal);
  } catch (error) {
    return failed(
      'aws.credentials',
      `There are no credentials to sign with; nothing was sent: ${(error as Error).message}`,
    );
  }
};

/** Nothing of a secret is in what is kept of an answer: masked before it is cut, so that no part of a value stands at its end. */
const masksOf = ({ secrets = {} }: CellInput) => {
  const masker = createMasker(Object.values(secrets).map(({ value }) => value));
  const result = (ran: CellResult): CellResult =>
    masker.isEmpty || ran.error === undefined
      ? ran
      : { ...ran, error: { ...ran.error, message: masker.text(ran.error.message) } };
  const output = (text: string, isCut: boolean): string => {
    if (masker.isEmpty) return text;
    return isCut ? masker.head(Buffer.from(text)).toString('utf8') : masker.json(text);
  };
  const bytes = (content: Buffer, isCut: boolean): Buffer => {
    if (isCut) return masker.head(content);
    const stream = masker.stream();
    return Buffer.concat([stream.write(content), stream.end()]);
  };
  return { result, output, bytes };
};
type Masks = ReturnType<typeof masksOf>;

const secretValues = ({ secrets = {} }: CellInput): string[] => Object.values(secrets).map(({ value }) => value);

/** The secrets that a request carries: of the first one, and of a body, all may be in it; of later ones what is left in headers. */
const carriedBy = ({ passed, headers }: Hop, { secrets = {}, body }: CellInput): NonNullable<CellInput['secrets']> => {
  if (passed.length === 0 || (body as HttpBody).body !== null) return secrets;
  const inHeaders = ({ value }: { value: string }): boolean => headers.some(([, text]) => text.includes(value));
  return Object.fromEntries(Object.entries(secrets).filter(([, secret]) => inHeaders(secret)));
};

const keptBack = (name: string, { url, passed }: Hop): CellResult => {
  const why = `The secret ${name} may not be sent to ${url.host}: its \`hosts\` do not name it.`;
  if (passed.length === 0) return refused('http.secretHost', why);
  return failed('http.secretHost', `A redirect was not followed: ${why}`);
};

/** How long one request may be without a connection, and what bounds that. */
const connectIn = ({ timeoutMs }: CellInput): { ms: number; text: string } =>
  timeoutMs <= limits.httpConnectMsMax
    ? { ms: timeoutMs, text: `${timeoutMs} ms, its time-out` }
    : { ms: limits.httpConnectMsMax, text: `${limits.httpConnectMsMax} ms (httpConnectMsMax)` };

/** What has happened so far, for whoever has to say how it ended. */
type Progress = { phase: 'resolving' | 'connecting' | 'sent' | 'answered'; status?: number };

/** Why a request that was stopped came to nothing, by its phase. */
const lateText = ({ phase, status }: Progress, input: CellInput): string => {
  if (input.signal.aborted) return 'its caller gave up';
  const { text } = connectIn(input);
  if (phase === 'resolving') return `its name was not resolved within ${text}`;
  if (phase === 'connecting') return `no connection within ${text}`;
  const whole = `within ${input.timeoutMs} ms, its time-out`;
  return phase === 'sent' ? `no answer ${whole}` : `the answer (${status}) began, and did not end ${whole}`;
};

export const createHttp = ({ httpAllow = [], lookup = resolveHost, aws = nothingAllowed }: HttpOptions) => {
  /** One request, to where it may go. */
  const ask = async (hop: Hop, input: CellInput, overall: AbortSignal, masks: Masks): Promise<Asked> => {
    const { url } = hop;
    const body = input.body as HttpBody;
    const over = (result: CellResult): Asked => ({ kind: 'over', result });
    const by = hop.passed.length === 0 ? url.host : `${url.host}, where a redirect led`;
    const progress: Progress = { phase: 'resolving' };
    const unconnected = new AbortController();
    const timer = setTimeout(() => unconnected.abort(), connectIn(input).ms);
    const signal = AbortSignal.any([overall, unconnected.signal]);
    const stopped = new Promise<'late'>((resolve) => {
      if (signal.aborted) resolve('late');
      signal.addEventListener('abort', () => resolve('late'), { once: true });
    });
    let agent: Agent | undefined;
    try {
      const target = await Promise.race([targetOf(url, httpAllow, lookup), stopped]);
      if (target === 'late')
        return over(failed('http.unreachable', `${by}: ${lateText(progress, input)}; nothing was sent.`));
      if (target.kind !== 'address') {
        // After a redirect there was a request, without an effect; the next one may be sent elsewhere.
        const refusing = target.kind === 'blocked' && hop.passed.length === 0 ? refused : failed;
        const led = hop.passed.length === 0 ? '' : 'A redirect was not followed: ';
        return over(refusing(`http.${target.kind}`, `${led}${target.message}`));
      }
      const sign = await signing(input, signal);
      if (typeof sign === 'object') return over(sign);
      progress.phase = 'connecting';
      const connected = (): void => {
        progress.phase = 'sent';
        clearTimeout(timer);
      };
      // The address that was checked, whatever the name says later.
      agent = await openConnection({ hostname: url.hostname, address: target.address, signal, connected });
      return await send(hop, input, body, { agent, signal, sign }, progress, masks);
    } catch (error) {
      const why = signal.aborted ? lateText(progress, input) : `${(error as Error).message}`;
      if (progress.phase === 'resolving' || progress.phase === 'connecting')
        return over(failed('http.unreachable', `${by}: ${why}; nothing was sent.`));
      return over(unknown('http.cut', `${by}: ${why}; the request may have arrived.`));
    } finally {
      clearTimeout(timer);
      await agent?.destroy();
    }
  };

  const follow = async (input: CellInput, masks: Masks): Promise<CellResult> => {
    const body = input.body as HttpBody;
    const why = refusal(body) ?? whyUnsigned(body, aws);
    if (why !== undefined) return why;
    const overall = AbortSignal.any([input.signal, AbortSignal.timeout(input.timeoutMs)]);
    let hop: Hop = { url: new URL(body.url), headers: body.headers, passed: [] };
    for (;;) {
      const kept = keptFrom(hop.url, carriedBy(hop, input));
      if (kept !== undefined) return keptBack(kept, hop);
      const asked = await ask(hop, input, overall, masks);
      if (asked.kind === 'over') return asked.result;
      hop = asked.hop;
    }
  };
  return async (input: CellInput): Promise<CellResult> => {
    const masks = masksOf(input);
    return masks.result(await follow(input, masks));
  };
};

type Asked = { kind: 'over'; result: CellResult } | { kind: 'go'; hop: Hop };

/** Only an effect has a key: what asks for none would seem to be an attempt of it. */
const keyOf = ({ free, step }: CellInput, { method }: HttpBody): Record<string, string> =>
  free === true || isSafeMethod(method) ? {} : { 'idempotency-key': step.idempotencyKey };

/** The caller's trace goes on, unless the cell sends one of its own. */
const traceOf = ({ trace }: CellInput, { headers }: HttpBody): Record<string, string> =>
  trace === undefined || headers.some(([name]) => name.toLowerCase() === 'traceparent') ? {} : { traceparent: trace };

/** What is sent unless the cell says it otherwise, in whatever case: two of one name would be sent. */
const defaultsOf = ({ headers }: Pick<HttpBody, 'headers'>): Record<string, string> => {
  const own = new Set(headers.map(([name]) => name.toLowerCase()));
  const usual = { 'user-agent': 'pawl', 'accept-encoding': acceptedCodings };
  return Object.fromEntries(Object.entries(usual).filter(([name]) => !own.has(name)));
};

type Means = { agent: Agent; signal: AbortSignal; sign: Sign | undefined };

const send = async (
  hop: Hop,
  input: CellInput,
  body: HttpBody,
  { agent, signal, sign }: Means,
  progress: Progress,
  masks: Masks,
): Promise<Asked> => {
  const { request } = await import('undici');
  const said = {
    ...defaultsOf(hop),
    ...traceOf(input, body),
    ...Object.fromEntries(hop.headers),
    ...keyOf(input, body),
  };
  const answer = await request(hop.url.href, {
    method: body.method as 'GET',
    dispatcher: agent,
    signal,
    headers:
      sign === undefined ? said : await sign({ url: hop.url, method: body.method, headers: said, body: body.body }),
    body: body.body,
  });
  const status = answer.statusCode;
  progress.phase = 'answered';
  progress.status = status;
  const headers = answer.headers as Record<string, string | string[]>;
  const { location } = headers;
  // What may have had an effect is sent nowhere again, whatever its version says; nor is what was signed for one address.
  const max = isSafeMethod(body.method) && sign === undefined ? (body.redirects ?? 0) : 0;
  const next = nextOf(hop, { status, location }, max, secretValues(input));
  if (next.kind === 'go') {
    // Its body says nothing that anybody waits for; the connection ends with it.
    answer.body.on('error', () => {}).destroy();
    return next;
  }
  const came = await readUpTo(answer.body, limits.outputBytesMax);
  // A signature often stands in the query, and the output in the journal.
  const ended = hop.passed.length === 0 ? {} : { url: `${hop.url.origin}${hop.url.pathname}` };
  const { text: told, cut } = await answerText(
    { status, headers, cookies: body.cookies, ...ended },
    came,
    limits.outputBytesMax,
    masks.bytes,
  );
  const bytes = Buffer.byteLength(told);
  const large = cut || bytes > limits.outputBytesMax;
  const text = masks.output(told, large);
  const kept = large ? { output: text.slice(0, limits.outputHeadBytesMax), outputBytes: bytes } : { output: text };
  const askedMs = askedMsOf(headers);
  const output = { ...kept, ...(askedMs === undefined ? {} : { askedMs }) };
  const over = (result: CellResult): Asked => ({ kind: 'over', result: { ...result, ...output } });
  if (next.kind === 'refused') return over(failed('http.redirect', next.message));
  const what = isRedirect(status, location) ? `${status}, a redirect that is not followed` : `${status}`;
  switch (meaningOf(status, body)) {
    case 'completed':
      return over({ status: 'completed' });
    case 'failed':
      return over(failed('http.status', `The answer is ${what}.`));
    case 'unknown':
      return over(unknown('http.unclear', `The answer is ${what}: it may have happened.`));
  }
};

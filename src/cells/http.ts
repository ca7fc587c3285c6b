/**
 * One HTTP request. What matters is what is known when it goes wrong: before the connection stood nothing can have
 * happened (`failed`); afterwards a missing answer means that it may have (`unknown`).
 */
import { isUtf8 } from 'node:buffer';
import { isIP } from 'node:net';
import type { Agent } from 'undici';
import { type CellInput, type CellResult, isSafeMethod, limits, whyUnread } from '../engine/index.ts';
import { type Lookup, resolveHost, targetOf } from './addresses.ts';
import { meaningOf } from './statuses.ts';

export type HttpOptions = {
  /** Hosts that need not be public, as `parseHttpAllow` gives them. */
  httpAllow?: readonly string[];
  lookup?: Lookup;
};

type HttpBody = Extract<CellInput['body'], { kind: 'http' }>;

const failed = (code: string, message: string): CellResult => ({ status: 'failed', error: { code, message } });
const unknown = (code: string, message: string): CellResult => ({ status: 'unknown', error: { code, message } });

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const control = /[\u0000-\u0008\u000a-\u001f\u007f]/;

/** Why the request cannot be sent as it is. */
const refusal = (body: HttpBody): CellResult | undefined => {
  if (!URL.canParse(body.url)) return failed('http.invalid', `${body.url.slice(0, 200)} is not a URL.`);
  const url = new URL(body.url);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return failed('http.blocked', `${url.protocol} is not http: or https:.`);
  if (url.username !== '' || url.password !== '')
    return failed('http.blocked', 'A URL with user name or password is refused.');
  const header = body.headers.find(
    ([name, value]) => control.test(value) || !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name),
  );
  if (header !== undefined)
    return failed('http.invalid', `The header ${header[0]} holds a character that no header may hold.`);
  return undefined;
};

/**
 * The answer as JSON text. A JSON body goes in as it came, so that large integers survive; one that says JSON and is none,
 * or that cannot be read in good time, stays a text.
 */
const answerText = (status: number, headers: Record<string, unknown>, content: Buffer): string => {
  const plain = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      Array.isArray(value) ? value.join(', ') : String(value),
    ]),
  );
  const head = `"status":${status},"headers":${JSON.stringify(plain)}`;
  if (!isUtf8(content)) return `{${head},"body":${JSON.stringify(content.toString('base64'))},"bodyEncoding":"base64"}`;
  const text = content.toString('utf8');
  if (/^(?:(?:application|text)\/(?:x-)?|[\w-]+\/[\w.+-]+\+)json\s*(?:;|$)/i.test(plain['content-type'] ?? '')) {
    try {
      if (whyUnread(text) === undefined) {
        JSON.parse(text);
        return `{${head},"body":${text}}`;
      }
    } catch {
      // It says JSON and is none.
    }
  }
  return `{${head},"body":${JSON.stringify(text)}}`;
};

/** Reads at most `bytesMax`; the rest is counted as far as it was promised, and not waited for. */
const readUpTo = async (stream: AsyncIterable<Buffer> & { destroy(): unknown }, bytesMax: number) => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    chunks.push(chunk);
    if (bytes > bytesMax) {
      stream.destroy();
      return { content: Buffer.concat(chunks), cut: true };
    }
  }
  return { content: Buffer.concat(chunks), cut: false };
};

export const createHttp = ({ httpAllow = [], lookup = resolveHost }: HttpOptions) => {
  return async (input: CellInput): Promise<CellResult> => {
    const body = input.body as HttpBody;
    const refused = refusal(body);
    if (refused !== undefined) return refused;
    // Loaded by the first request: most commands send none.
    const { Agent, buildConnector, request } = await import('undici');
    const url = new URL(body.url);
    const signal = AbortSignal.any([input.signal, AbortSignal.timeout(input.timeoutMs)]);
    const timedOut = new Promise<'timeout'>((resolve) => {
      if (signal.aborted) resolve('timeout');
      signal.addEventListener('abort', () => resolve('timeout'), { once: true });
    });
    const target = await Promise.race([targetOf(url, httpAllow, lookup), timedOut]);
    if (target === 'timeout') return failed('http.unreachable', `${url.host} was not resolved in time.`);
    if (target.kind !== 'address') return failed(`http.${target.kind}`, target.message);

    // Known only after the handshake: until then not a byte of the request has left.
    let connected = false;
    const connector = buildConnector({ timeout: input.timeoutMs });
    const agent = new Agent({
      pipelining: 0,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (options, callback) => {
        const servername =
          options.servername ?? (isIP(url.hostname.replace(/^\[|\]$/g, '')) === 0 ? url.hostname : undefined);
        connector(
          { ...options, hostname: target.address, ...(servername === undefined ? {} : { servername }) },
          (...answer) => {
            connected = answer[0] === null;
            callback(...answer);
          },
        );
      },
    });
    try {
      return await send(request, input, body, agent, signal);
    } catch (error) {
      const why = signal.aborted ? 'no answer in time' : `${(error as Error).message}`;
      if (!connected) return failed('http.unreachable', `${url.host}: ${why}; nothing was sent.`);
      return unknown('http.cut', `${url.host}: ${why}; the request may have arrived.`);
    } finally {
      await agent.destroy();
    }
  };
};

/** Only an effect has a key: what asks for none would seem to be an attempt of it. */
const keyOf = ({ free, step }: CellInput, { method }: HttpBody): Record<string, string> =>
  free === true || isSafeMethod(method) ? {} : { 'idempotency-key': step.idempotencyKey };

/** The caller's trace goes on, unless the cell sends one of its own. */
const traceOf = ({ trace }: CellInput, { headers }: HttpBody): Record<string, string> =>
  trace === undefined || headers.some(([name]) => name.toLowerCase() === 'traceparent') ? {} : { traceparent: trace };

const send = async (
  request: typeof import('undici').request,
  input: CellInput,
  body: HttpBody,
  agent: Agent,
  signal: AbortSignal,
): Promise<CellResult> => {
  const answer = await request(body.url, {
    method: body.method as 'GET',
    // Redirects are not followed: where they lead was not checked.
    dispatcher: agent,
    signal,
    headers: {
      'user-agent': 'pawl',
      'accept-encoding': 'identity',
      ...traceOf(input, body),
      ...Object.fromEntries(body.headers),
      ...keyOf(input, body),
    },
    body: body.body,
  });
  const { content, cut } = await readUpTo(answer.body, limits.outputBytesMax);
  const status = answer.statusCode;
  const text = answerText(status, answer.headers, content);
  const bytes = Buffer.byteLength(text);
  const large = cut || bytes > limits.outputBytesMax;
  const output = large ? { output: text.slice(0, limits.outputHeadBytesMax), outputBytes: bytes } : { output: text };
  switch (meaningOf(status, body)) {
    case 'completed':
      return { status: 'completed', ...output };
    case 'failed':
      return { ...failed('http.status', `The answer is ${status}.`), ...output };
    case 'unknown':
      return { ...unknown('http.unclear', `The answer is ${status}: it may have happened.`), ...output };
  }
};

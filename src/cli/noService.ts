/** What is made of an address at which no Pawl service answers: one sentence that says what is there, and what to do. */
import * as z from 'zod';
import type { Answers } from '../contract/answering.ts';
import { type ErrorCode, PawlError } from '../engine/index.ts';

const correct = 'correct --url or PAWL_URL';

export const isLoopback = ({ hostname }: URL): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);

const textAt = (value: unknown, name: string): string | undefined => {
  const found = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  return typeof found === 'string' ? found : undefined;
};

const isNoPawl = ({ origin }: URL, what: string, next = correct): PawlError =>
  new PawlError('request.invalid', `What answers at ${origin} is no Pawl service (${what}): ${next}.`, { url: origin });

/** Node names what was wrong with TLS by many codes; these are of what speaks none. */
const speaksNoTls = new Set(['EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG']);
const isAboutTls = (code: string): boolean =>
  /^(?:ERR_TLS_|ERR_SSL_|CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_(?:GET|VERIFY|DECODE|DECRYPT)_)/.test(code);

/** Node tries the addresses of a name one after the other, and tells of each. */
const causeOf = (error: unknown): { code: string; name: string; message: string } => {
  const cause: unknown = error instanceof Error ? (error.cause ?? error) : error;
  const first = cause instanceof AggregateError ? cause.errors[0] : cause;
  const { name, message } = first instanceof Error ? first : { name: '', message: String(first) };
  return { code: textAt(first, 'code') ?? '', name, message };
};

/** Why there was no answer. `isRead`: nothing is done by asking. */
export const noAnswer = (url: URL, error: unknown, isRead: boolean): PawlError => {
  const { origin } = url;
  const { code, name, message } = causeOf(error);
  const details = { url: origin };
  if (speaksNoTls.has(code)) {
    const next = isLoopback(url) ? `write http:// in --url or PAWL_URL, or ${correct}` : correct;
    return new PawlError(
      'request.invalid',
      `What answers at ${origin} speaks no TLS (${code}): ${next}.`,
      details,
      error,
    );
  }
  if (isAboutTls(code)) {
    const next = `${correct}, or name the authority that signed it in NODE_EXTRA_CA_CERTS`;
    return new PawlError(
      'request.invalid',
      `The certificate of ${origin} is not trusted (${code}): ${next}.`,
      details,
      error,
    );
  }
  if (name === 'HTTPParserError') return isNoPawl(url, 'it speaks no HTTP', `${correct}, perhaps to https://`);
  const start = isLoopback(url) ? '; `pawl serve` starts a service on this machine' : '';
  if (code === 'ECONNREFUSED') {
    const text = `Nothing listens at ${origin}, so nothing was done: ${correct}, or start the service${start}.`;
    return new PawlError('store.unavailable', text, details, error);
  }
  const known = isRead ? '' : ' Whether it was done is not known: look before you ask again.';
  const next = isLoopback(url) ? ' `pawl serve` starts a service on this machine.' : ` If it stays so, ${correct}.`;
  return new PawlError('store.unavailable', `No answer from ${origin}: ${message}.${known}${next}`, details, error);
};

/** What answered, as far as it told. `body`: `undefined` where that is no JSON. */
export type Stranger = { status: number; type: string; location: string | null; body: unknown };

/** API Gateway answers by itself whom it does not let through, and for a function that does not answer. */
export const gatewayRefusal = (url: URL, { status, type, location, body }: Stranger): PawlError => {
  const { origin } = url;
  const said = textAt(body, 'message') ?? textAt(body, 'title') ?? `HTTP ${status}`;
  if ((status === 401 || status === 403) && body !== undefined) {
    const code: ErrorCode = status === 401 ? 'actor.unknown' : 'permission.missing';
    const next = 'attach one of the policies of the deployment to who you are, or give PAWL_TOKEN';
    return new PawlError(code, `${origin} does not let you do this (${said}): ${next}.`, { url: origin });
  }
  if (status === 429 || status >= 500) {
    const message = `${origin} could not answer (${said}); look with \`pawl list\`, then ask again.`;
    return new PawlError('store.unavailable', message, { url: origin });
  }
  if (location !== null) return isNoPawl(url, `it sends callers on to ${location.slice(0, 200)}`);
  return isNoPawl(url, `HTTP ${status}, ${type === '' ? 'of no type' : type.slice(0, 100)}`);
};

/** Whether a value has what an answer has. A newer service may say more. */
const hasShape = (schema: z.ZodType, value: unknown): boolean => {
  if (schema instanceof z.ZodUnion) return schema.options.some((one) => hasShape(one as z.ZodType, value));
  if (!(schema instanceof z.ZodObject)) return true;
  if (typeof value !== 'object' || value === null) return false;
  const fields = Object.entries(schema.shape as Record<string, z.ZodType>);
  // A field that may be left out need not take `undefined`.
  return fields.every(([name, field]) => name in value || z.object({ [name]: field }).safeParse({}).success);
};

/** @throws PawlError `request.invalid` where an answer is none that a Pawl service gives to this request */
export const assertAnswer = (url: URL, { status, body }: { status: number; body: unknown }, answers: Answers): void => {
  const schema = answers[status];
  if (schema !== undefined && hasShape(schema, body)) return;
  throw isNoPawl(url, `HTTP ${status} with another JSON than Pawl's, or of another version of it`);
};

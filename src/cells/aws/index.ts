/**
 * One request to a service of AWS, by the service's own client: it knows the protocol, the endpoint and how to sign. How often
 * it is sent is not left to it: once. What it came to rests on how far the request got, and on whether it was accepted.
 */
import { type Client, clientOf, inputOf, modelOf } from '../../aws/index.ts';
import {
  type CellInput,
  type CellResult,
  closed,
  lossyNumberIn,
  secretIsNoOutput,
  tellsSecret,
  tokenOf,
  whyUnread,
} from '../../engine/index.ts';
import { askedMsOf } from '../retryAfter.ts';
import { type AwsAllowed, allowedNow, whyNotAllowed } from './allowed.ts';
import { type Credentials, credentialsFor, withoutCredentials } from './credentials.ts';
import { meaningOf } from './meaning.ts';
import { createOnce } from './once.ts';
import { errorOutputOf, outputOf } from './output.ts';

type AwsBody = Extract<CellInput['body'], { kind: 'aws' }>;
type Once = ReturnType<typeof createOnce>;

const failed = (code: string, message: string): CellResult => ({ status: 'failed', error: { code, message } });
/** Not a byte was sent, and it would be refused again: a person has to mend it. */
const refused = (code: string, message: string): CellResult => ({ ...failed(code, message), unbegun: true });
const unknown = (code: string, message: string): CellResult => ({ status: 'unknown', error: { code, message } });

type Request = { client: new (config: Record<string, unknown>) => Client; command: unknown };

const membersOf = ({ input }: AwsBody): Record<string, unknown> | string => {
  const unread = whyUnread(input);
  if (unread !== undefined) return unread;
  const lossy = lossyNumberIn(input);
  if (lossy !== undefined) return `the number at ${lossy.path || 'its root'} cannot be kept as it is`;
  return JSON.parse(input) as Record<string, unknown>;
};

/** The request, checked once more by the client that is here: it would leave out without a word what it does not know. */
const requestOf = (body: AwsBody, { name }: CellInput['step']): Request | CellResult => {
  const { service, action, tokens } = body;
  const found = clientOf(service);
  const model = modelOf(service);
  if ('missing' in found || 'missing' in model)
    return refused('aws.client', `There is no usable client here: ${'missing' in model ? model.missing : ''}.`);
  const known = model.action(action);
  if (known === undefined || typeof known === 'string')
    return refused('aws.client', `The client for ${service} here has no action ${action}.`);
  const members = membersOf(body);
  if (typeof members === 'string') return refused('aws.input', `The input of ${action} cannot be sent: ${members}.`);
  // What stood there as a placeholder is known only now.
  if (tellsSecret(service, action, members))
    return refused('aws.notAllowed', `${service}:${action} is not sent: ${secretIsNoOutput}.`);
  for (const token of tokens) if (name !== undefined) members[token] = tokenOf(name);
  const read = inputOf(known.input, members);
  if ('problem' in read) return refused('aws.input', closed(`The input of ${action} cannot be sent: ${read.problem}`));
  const Command = found.exports[`${action}Command`] as new (input: Record<string, unknown>) => unknown;
  return { client: found.Client, command: new Command(read.input) };
};

/** A function that broke off says so in an answer that is a success. */
const brokenOff = ({ service, action, failedOn = [] }: AwsBody, answer: Record<string, unknown>, output: string) => {
  const { FunctionError } = answer;
  if (service !== 'lambda' || action !== 'Invoke' || typeof FunctionError !== 'string') return undefined;
  const { Payload } = JSON.parse(output) as { Payload?: { errorType?: unknown } };
  const errorType = typeof Payload === 'object' && Payload !== null ? Payload.errorType : undefined;
  const codes = [FunctionError, ...(typeof errorType === 'string' ? [errorType] : [])];
  const known = codes.find((code) => failedOn.includes(code));
  const what = `The function broke off (${codes.join(', ')})`;
  if (known !== undefined) return failed('aws.function', `${what}.`);
  return unknown('aws.function', `${what}: it may have happened.`);
};

const answerOf = async (body: AwsBody, answer: Record<string, unknown>): Promise<CellResult> => {
  const isInvoke = body.service === 'lambda' && body.action === 'Invoke';
  const told = await outputOf(answer, isInvoke ? 'Payload' : undefined);
  const whole = told.outputBytes === undefined ? told.output : '{}';
  return { ...(brokenOff(body, answer, whole) ?? { status: 'completed' }), ...told };
};

const codesOf = (error: Error): string[] => {
  const { Code, Error: inner } = error as Error & { Code?: unknown; Error?: { Code?: unknown } };
  return [...new Set([error.name, Code, inner?.Code].filter((one): one is string => typeof one === 'string'))];
};

/** What became of a request that was not answered with success. */
const failureOf = (body: AwsBody, caught: unknown, once: Once, signal: AbortSignal, given: Credentials): CellResult => {
  const error = caught instanceof Error ? caught : new Error(String(caught));
  const message = withoutCredentials(error.message, given);
  const why = signal.aborted ? 'no answer in time' : message;
  const { service, action } = body;
  const host = once.host();
  if (host === '' && !signal.aborted) return refused('aws.input', `${service}:${action} cannot be sent: ${message}`);
  if (!once.isConnected()) return failed('aws.unreachable', `${host || service}: ${why}; nothing was sent.`);
  const answered = once.answered();
  if (answered === undefined) return unknown('aws.cut', `${host}: ${why}; the request may have arrived.`);
  const { status, headers } = answered;
  if (status < 300) return unknown('aws.unclear', `${host} answered ${status}, and its answer cannot be read: ${why}`);
  const codes = codesOf(error);
  const code = codes.at(-1) ?? 'unknown';
  const { requestId } = (error as { $metadata?: { requestId?: string } }).$metadata ?? {};
  const askedMs = askedMsOf(headers);
  const output = {
    ...errorOutputOf({ code, message, status }, requestId),
    ...(askedMs === undefined ? {} : { askedMs }),
  };
  if (meaningOf(status, codes, body) === 'failed')
    return { ...failed('aws.refused', `${code}: ${message}`), ...output };
  return { ...unknown('aws.unclear', `${code} (${status}): ${message}: it may have happened.`), ...output };
};

/** Rejects when the signal does: credentials come from files, from services, from nowhere. */
const before = async <T>(signal: AbortSignal, work: Promise<T>): Promise<T> => {
  const over = new Promise<never>((_, reject) => {
    const end = (): void => reject(new Error('no answer in time'));
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
  return await Promise.race([work, over]);
};

export const createAws = (allowed: AwsAllowed) => {
  return async (input: CellInput): Promise<CellResult> => {
    const body = input.body as AwsBody;
    const why = whyNotAllowed(allowedNow(allowed), body);
    if (why !== undefined) return refused('aws.notAllowed', why);
    const request = requestOf(body, input.step);
    if ('status' in request) return request;
    const signal = AbortSignal.any([input.signal, AbortSignal.timeout(input.timeoutMs)]);
    let credentials: Credentials;
    try {
      credentials = await before(signal, credentialsFor(body, input.step, signal));
    } catch (error) {
      return failed(
        'aws.credentials',
        `There are no credentials for it; nothing was sent: ${(error as Error).message}`,
      );
    }
    const once = createOnce(signal);
    const client = new request.client({
      credentials,
      ...(body.region === null ? {} : { region: body.region }),
      maxAttempts: 1,
      requestHandler: once.handler,
      // Where a request goes is the place's to say, not a member's of its input.
      useQueueUrlAsEndpoint: false,
      followRegionRedirects: false,
      expectContinueHeader: false,
    });
    try {
      return await answerOf(
        body,
        (await client.send(request.command, { abortSignal: signal })) as Record<string, unknown>,
      );
    } catch (error) {
      return failureOf(body, error, once, signal, credentials);
    } finally {
      client.destroy();
      await once.close();
    }
  };
};

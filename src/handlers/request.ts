/** From an HTTP event to the typed input of an operation: path, query, body. Whatever is wrong is refused with its place. */
import { isUtf8 } from 'node:buffer';
import type * as z from 'zod';
import type { Route } from '../contract/index.ts';
import { isDeeper, limits, PawlError } from '../engine/index.ts';
import type { HttpEvent } from './events.ts';

/** Problems that the sentence itself names; `problems` has them all. */
const toldMax = 5;

type Where = 'path' | 'query' | 'body';

const parse = (where: Where, schema: z.ZodType, value: unknown): unknown => {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => ({ at: [where, ...path].join('.'), message }));
  const told = problems.slice(0, toldMax).map(({ at, message }) => `${at}: ${message}`);
  const more = problems.length > toldMax ? `, and ${problems.length - toldMax} more` : '';
  throw new PawlError('request.invalid', `The request cannot be taken: ${told.join('; ')}${more}.`, {
    problems,
  });
};

const readPairs = (text: string, what: 'Query parameter' | 'Field'): Record<string, string> => {
  const query: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(text)) {
    if (Object.hasOwn(query, name)) {
      throw new PawlError('request.invalid', `${what} ${name.slice(0, 100)} is given twice; give it once.`);
    }
    Object.defineProperty(query, name, { value, enumerable: true });
  }
  return query;
};

/** A field that was left empty is one that was not given; a browser sends every line break as CRLF. */
const readForm = (text: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(readPairs(text, 'Field'))
      .filter(([, value]) => value.trim() !== '')
      .map(([name, value]) => [name, value.replaceAll('\r\n', '\n')]),
  );

const mediaOf = (value = ''): string => (value.split(';')[0] ?? '').trim().toLowerCase();
const isJson = (media: string): boolean => /^application\/(?:[\w.+-]+\+)?json$/.test(media);

const assertMedia = ({ headers }: HttpEvent, wanted: 'application/json' | 'text/markdown'): void => {
  const media = mediaOf(headers['content-type']);
  const encoding = mediaOf(headers['content-encoding']);
  if (encoding !== '' && encoding !== 'identity') {
    throw new PawlError(
      'media.unsupported',
      `Bodies are taken as they are, not in Content-Encoding ${encoding.slice(0, 40)}.`,
    );
  }
  if (wanted === 'application/json' ? isJson(media) : media === wanted) return;
  const given = media === '' ? 'no Content-Type' : media.slice(0, 80);
  throw new PawlError('media.unsupported', `This route takes ${wanted}; the request brings ${given}.`, { wanted });
};

const readText = (event: HttpEvent, bytesMax: number): string => {
  const bytes = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
  if (bytes.byteLength > bytesMax) {
    const limit = bytesMax === limits.sourceBytesMax ? 'sourceBytesMax' : 'bodyBytesMax';
    const message = `The body has ${bytes.byteLength} bytes; at most ${bytesMax} are possible here (${limit}).`;
    throw new PawlError('limit.exceeded', message, { limit, bytes: bytes.byteLength, max: bytesMax });
  }
  if (!isUtf8(bytes)) throw new PawlError('request.invalid', 'The body is not UTF-8 text.');
  return bytes.toString('utf8');
};

const readJson = (text: string): unknown => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new PawlError('request.invalid', 'The body is not JSON.', {
      problems: [{ at: 'body', message: 'not JSON' }],
    });
  }
  if (!isDeeper(value, limits.bodyNestingMax)) return value;
  throw new PawlError('request.invalid', `The body is nested deeper than ${limits.bodyNestingMax} (bodyNestingMax).`);
};

const readBody = (event: HttpEvent, body: Route['body']): unknown => {
  if (body === null) return null;
  if (body.media === 'text/markdown') {
    assertMedia(event, body.media);
    return readText(event, body.bytesMax);
  }
  if (body.optional && (event.body ?? '') === '') return parse('body', body.schema, {});
  if (body.form === true && mediaOf(event.headers['content-type']) === 'application/x-www-form-urlencoded')
    return parse('body', body.schema, readForm(readText(event, body.bytesMax)));
  assertMedia(event, body.media);
  return parse('body', body.schema, readJson(readText(event, body.bytesMax)));
};

export type Input = { path: unknown; query: unknown; body: unknown };

/** @throws PawlError `request.invalid` with every problem, `media.unsupported`, `limit.exceeded` */
export const readInput = (route: Route, pathParameters: Record<string, string>, event: HttpEvent): Input => ({
  path: parse('path', route.pathParameters, pathParameters),
  query: parse('query', route.query, readPairs(event.rawQueryString, 'Query parameter')),
  body: readBody(event, route.body),
});

/** What comes by no request, but in the same words: a text for everything in the path and the query. */
export const takeInput = (route: Route, given: Input): Input => ({
  path: parse('path', route.pathParameters, given.path),
  query: parse('query', route.query, given.query),
  body: route.body?.media === 'application/json' ? parse('body', route.body.schema, given.body) : given.body,
});

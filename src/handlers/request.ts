/** From an HTTP event to the typed input of an operation: path, query, body. Whatever is wrong is refused with its place. */
import { isUtf8 } from 'node:buffer';
import type * as z from 'zod';
import type { Route } from '../contract/index.ts';
import {
  closed,
  headOf,
  isDeeper,
  isLossy,
  limits,
  PawlError,
  parseAsWritten,
  pathOf,
  writtenAs,
} from '../engine/index.ts';
import type { HttpEvent } from './events.ts';

/** Problems that the sentence itself names; `problems` has more of them. */
const toldMax = 5;

type Where = 'path' | 'query' | 'body';
type Problem = { at: string; message: string };

/** However much is wrong, and however long what it is about: an answer holds it. */
const refuse = (all: Problem[], code: 'request.invalid' | 'params.invalid' = 'request.invalid'): never => {
  const short = (text: string): string => headOf(text, limits.errorMessageCharsMax);
  const problems = all
    .slice(0, limits.problemsMax)
    .map(({ at, message }) => ({ at: short(at), message: short(message) }));
  const shown = problems.slice(0, toldMax).map(({ at, message }) => `${at}: ${message}`);
  const more = all.length > toldMax ? `, and ${all.length - toldMax} more` : '';
  throw new PawlError(code, closed(`The request cannot be taken: ${shown.join('; ')}${more}`), { problems });
};

const parse = (where: Where, schema: () => z.ZodType, value: unknown): unknown => {
  const parsed = schema().safeParse(value);
  if (parsed.success) return parsed.data;
  return refuse(parsed.error.issues.map(({ path, message }) => ({ at: [where, ...path].join('.'), message })));
};

/** `URLSearchParams` would make U+FFFD of what is no UTF-8. */
const isReadable = (pair: string): boolean => {
  try {
    decodeURIComponent(pair);
    return true;
  } catch {
    return false;
  }
};

const readPairs = (text: string, what: 'Query parameter' | 'Field'): Record<string, string> => {
  const query: Record<string, string> = {};
  const broken = text.split('&').find((pair) => !isReadable(pair));
  if (broken !== undefined)
    throw new PawlError('request.invalid', `${what} ${broken.slice(0, 100)} is no percent-encoded UTF-8.`);
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
  // A byte order mark says how a text is encoded and is no part of it.
  return bytes.toString('utf8').replace(/^\uFEFF/, '');
};

const notKept = `cannot be kept as a number (whole ones go up to ${Number.MAX_SAFE_INTEGER}); declare it as a string, and give a text`;

type Path = (string | number)[];

/** With plain numbers again, but for the field that stays as it is written. */
const plainOf = (value: unknown, path: Path, asWritten: string | undefined, problems: Problem[]): unknown => {
  if (path.length === 1 && path[0] === asWritten) return value;
  const written = writtenAs(value);
  if (written !== undefined) {
    if (isLossy(written))
      problems.push({ at: pathOf(['body', ...path]), message: `${written.slice(0, 80)} ${notKept}` });
    return Number(written);
  }
  const partOf = (part: unknown, at: string | number): unknown => plainOf(part, [...path, at], asWritten, problems);
  if (Array.isArray(value)) return value.map(partOf);
  if (typeof value !== 'object' || value === null) return value;
  if (Object.hasOwn(value, '__proto__'))
    problems.push({ at: pathOf(['body', ...path, '__proto__']), message: 'cannot be a key; choose another name' });
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, partOf(part, key)]));
};

/** @param asWritten the field whose numbers stay as they are written */
const readJson = (text: string, asWritten: string | undefined): unknown => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new PawlError('request.invalid', 'The body is not JSON.', {
      problems: [{ at: 'body', message: 'not JSON' }],
    });
  }
  if (isDeeper(value, limits.bodyNestingMax))
    throw new PawlError('request.invalid', `The body is nested deeper than ${limits.bodyNestingMax} (bodyNestingMax).`);
  const problems: Problem[] = [];
  const plain = plainOf(parseAsWritten(text), [], asWritten, problems);
  if (problems.length === 0) return plain;
  const aboutParams = problems.every(({ at }) => at.startsWith('body.params'));
  return refuse(problems, aboutParams ? 'params.invalid' : 'request.invalid');
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
  return parse('body', body.schema, readJson(readText(event, body.bytesMax), body.asWritten));
};

export type Input = { path: unknown; query: unknown; body: unknown };

/** @throws PawlError `request.invalid` or `params.invalid` with the problems, `media.unsupported`, `limit.exceeded` */
export const readInput = (route: Route, pathParameters: Record<string, string>, event: HttpEvent): Input => ({
  path: parse('path', route.pathParameters, pathParameters),
  query: parse('query', route.query, readPairs(event.rawQueryString, 'Query parameter')),
  body: readBody(event, route.body),
});

/** What comes by no request, but in the same words: a text for everything in the path and the query. */
export const takeInput = ({ pathParameters, query, body }: Route, given: Input): Input => ({
  path: parse('path', pathParameters, given.path),
  query: parse('query', query, given.query),
  body:
    body?.media === 'application/json'
      ? parse('body', body.schema, readJson(JSON.stringify(given.body), body.asWritten))
      : given.body,
});

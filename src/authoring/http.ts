/** An `http` fence: one request in the plain `.http` form. */
import type { HttpBody, RenderedBody, Scope, Template } from '../engine/index.ts';
import { renderSigv4 } from './awsPlaces.ts';
import { checkLayout, contentIn, ended, laidOut } from './contents.ts';
import { type BodyType, bodyTypeOf, jsonProblem, writeIn, xmlPlaceProblem } from './mediaTypes.ts';
import type { Reads, Surroundings } from './surroundings.ts';
import { asText, inUrl, type Rendered, readTemplate, render, type WriteAt } from './templates.ts';
import { linesOf, list, quote, type Report, slice, suggest, type Text, trim } from './text.ts';

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
/** Headers that Pawl writes itself: a cell that sets them differently changes what is sent, or breaks the idempotency key. */
const ownHeaders = [
  ...['host', 'content-length', 'transfer-encoding', 'connection', 'idempotency-key'],
  ...['keep-alive', 'upgrade', 'expect', 'te', 'trailer', 'proxy-connection'],
];

const placeholders = /\{\{.*?\}\}/gs;

/** What can be said about an address before its placeholders are known. */
const checkUrl = (url: Text, template: Template, report: Report): void => {
  const literal = template.map((part) => (typeof part === 'string' ? part : 'x')).join('');
  const space = /\s/.exec(url.text.replace(placeholders, (found) => '_'.repeat(found.length)));
  if (space !== null) return report(url.at(space.index), 'a URL has no spaces; write them as `%20`');
  // An address that is a parameter's shows only when it is filled in; `renderUrl` looks at it then.
  if (typeof template[0] !== 'string') return;
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(template[0])?.[1];
  if (!/^https?:\/\//i.test(template[0])) {
    const found = scheme === undefined ? quote(template[0]) : `the scheme ${quote(scheme)}`;
    return report(
      url.at(0),
      `the URL must begin with \`http://\` or \`https://\`, or be a placeholder; found ${found}`,
    );
  }
  if (!URL.canParse(literal)) report(url.at(0), 'this is not a URL');
  else if (/^[^/]*\/\/[^/?#]*@/.test(literal))
    report(url.at(0), 'a user name or password does not belong in the URL; send an Authorization header');
};

type Reading = { around: Surroundings; reads: Reads; report: Report };
/** `none`: the author says that values stand in the body as they are. */
export type Escape = 'byType' | 'none';

const readRequestLine = (line: Text, { around, reads, report }: Reading): Pick<HttpBody, 'method' | 'url'> => {
  const method = /^\S*/.exec(line.text)?.[0] ?? '';
  if (!methods.includes(method)) {
    const hint = suggest(method, methods) || `; one of ${list(methods)}`;
    report(
      line.at(0),
      `an http cell begins with a method and a URL, as in \`GET https://example.com\`; ${quote(method)} is no method${hint}`,
    );
    return { method, url: [] };
  }
  const version = /\s+HTTP\/[\d.]+$/.exec(line.text);
  const url = trim(slice(line, method.length, version?.index));
  if (url.text === '') report(line.at(method.length), `the URL is missing after ${method}`);
  const template = readTemplate(url, inUrl, around, reads, report);
  if (url.text !== '') checkUrl(url, template, report);
  return { method, url: template };
};

const readHeader = (line: Text, headers: HttpBody['headers'], { around, reads, report }: Reading): void => {
  const match = /^([^\s:]+)[ \t]*:/.exec(line.text);
  const name = match?.[1] ?? '';
  if (match === null || !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) {
    return report(
      line.at(0),
      `${quote(line.text)} is not a header; write \`Name: value\`, and an empty line before the body`,
    );
  }
  if (ownHeaders.includes(name.toLowerCase()))
    report(line.at(0), `the header \`${name}\` is written by Pawl; leave it out`);
  if (headers.some(([other]) => other.toLowerCase() === name.toLowerCase())) {
    report(line.at(0), `the header \`${name}\` is given twice; keep one`);
  }
  const value = trim(slice(line, match[0].length));
  const control = [...value.text].findIndex((character) => !headerValue.test(character));
  if (control !== -1) report(value.at(control), 'a header value holds only Latin-1 characters');
  headers.push([name, readTemplate(value, asText, { ...around, secretsHere: true }, reads, report)]);
};

/** Printable Latin-1 and tabs: what can be sent, and nothing that ends a header early. */
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** A placeholder in it stands as `{{`. */
const contentTypeOf = (headers: HttpBody['headers']): string => {
  const [, value = []] = headers.find(([name]) => name.toLowerCase() === 'content-type') ?? [];
  return value.map((part) => (typeof part === 'string' ? part : '{{')).join('');
};

/** A body that says it is JSON is tried with empty strings in the place of its values. */
const checkJson = (body: Text, template: Template, type: BodyType, report: Report): void => {
  const filled = template.map((part) => (typeof part === 'string' ? part : part.write === 'json' ? '""' : '')).join('');
  const problem = jsonProblem(filled, type);
  const at = linesOf(body)[problem?.line ?? 0] ?? body;
  const what = type === 'jsonLines' ? 'JSON lines, but this line' : 'JSON, but the body';
  if (problem !== undefined) report(at.at(0), `the Content-Type says ${what} is not JSON: ${problem.why}`);
};

const nothingToEscape = 'there is no placeholder in a body here that `escape=none` could be about; leave it out';
const knownTypes = 'JSON, JSON lines, application/x-www-form-urlencoded and XML';

/**
 * Reads a body. A value is written as the declared type escapes it, so that the starter who gives it cannot change what the author
 * wrote around it; where that is not known, the author has to say that it stands as it is.
 */
const readContent = (content: Text, contentType: string, escaping: Escape, reading: Reading): Template => {
  const { around, reads, report } = reading;
  const type = bodyTypeOf(contentType);
  const known = writeIn(type);
  const places: number[] = [];
  const writeAt: WriteAt = (before, offset) => {
    places.push(offset);
    if (escaping === 'none' || known === undefined) return 'text';
    const place = type === 'xml' ? xmlPlaceProblem(before) : undefined;
    if (place !== undefined)
      report(
        content.at(offset),
        `a value keeps its place in the text of an element or in a quoted attribute, but this one stands in ${place}; move it, or write \`escape=none\` to put it in as it is`,
      );
    return known(before, offset);
  };
  let isBroken = false;
  const noted: Report = (at, message) => {
    isBroken = true;
    report(at, message);
  };
  const template = readTemplate(content, writeAt, { ...around, secretsHere: true }, reads, noted);
  const [first] = places;
  const unwritten = escaping === 'none' ? first === undefined : first !== undefined && known === undefined;
  if (unwritten) {
    const why =
      escaping === 'none'
        ? nothingToEscape
        : type === 'undeclared'
          ? `no Content-Type says how a value is written here; declare one (values are known in ${knownTypes}), or write \`escape=none\` on the cell to put values in as they are`
          : `how a value is written in this Content-Type is not known (it is in ${knownTypes}); write \`escape=none\` on the cell to put values in as they are`;
    report(content.at(first ?? 0), why);
  }
  const isRaw = escaping === 'none' && first !== undefined;
  if ((type === 'json' || type === 'jsonLines') && !isBroken && !isRaw) checkJson(content, template, type, report);
  if (!unwritten && !isBroken) checkLayout(content, type, contentType, report);
  return laidOut(template, type, contentType);
};

const isComment = (line: Text): boolean => /^\s*(#|\/\/)/.test(line.text);
const isRequest = (line: Text): boolean => line.text.trim() !== '' && !isComment(line);

/** The method of a request, before the rest of it is read. */
export const methodOf = (body: Text): string => /^\s*(\S*)/.exec(linesOf(body).find(isRequest)?.text ?? '')?.[1] ?? '';

const isMarkdown = (contentType: string): boolean => /^text\/(?:x-)?markdown\b/i.test(contentType.trim());

/** What separates requests in a `.http` file, where a request follows; else it is a heading in somebody's text. */
const secondRequest = (lines: readonly Text[]): Text | undefined =>
  lines.find(({ text }, index) => {
    if (!/^###/.test(text)) return false;
    const next = lines.slice(index + 1).find(isRequest)?.text ?? '';
    return methods.some((method) => new RegExp(`^\\s*${method}\\s+(?:https?:|\\{\\{)`, 'i').test(next));
  });

/** What stands after a line, to the end. */
const restAfter = (body: Text, lines: readonly Text[], index: number): Text | undefined => {
  if (lines[index + 1] === undefined) return undefined;
  const before = lines.slice(0, index + 1).reduce((length, { text }) => length + text.length + 1, 0);
  return slice(body, before);
};

/** Reads the request of an `http` fence. */
export const readHttp = (body: Text, escaping: Escape, reading: Reading): HttpBody => {
  const { report } = reading;
  const lines = linesOf(body);
  let index = lines.findIndex(isRequest);
  const first = lines[index];
  if (first === undefined) {
    report(body.at(0), 'this http cell has no request; begin with a method and a URL, as in `GET https://example.com`');
    return { method: 'GET', url: [], headers: [], body: null };
  }
  const request = readRequestLine(trim(first), reading);
  const headers: HttpBody['headers'] = [];
  for (index += 1; index < lines.length; index++) {
    const line = lines[index];
    if (line === undefined || line.text.trim() === '') break;
    if (!isComment(line)) readHeader(line, headers, reading);
  }
  const contentType = contentTypeOf(headers);
  const rest = restAfter(body, lines, index);
  const content = rest && contentIn(rest, bodyTypeOf(contentType));
  const second = isMarkdown(contentType) ? undefined : secondRequest(lines.slice(index));
  if (second !== undefined)
    report(second.at(0), 'an http cell holds one request; put the next one into a cell of its own');
  if (content === undefined) {
    if (escaping === 'none') report(body.at(0), nothingToEscape);
    return { ...request, headers, body: null };
  }
  if (request.method === 'GET' || request.method === 'HEAD')
    report(content.at(0), `a ${request.method} request has no body; remove it or use POST`);
  return { ...request, headers, body: readContent(content, contentType, escaping, reading) };
};

/** Refuses an address that leads elsewhere than the template says. */
const urlProblem = (url: string): string | undefined => {
  if (!/^https?:\/\/[^\s]+$/i.test(url) || !URL.canParse(url))
    return 'The URL filled in is not an http or https address.';
  if (/^[^/]*\/\/[^/?#]*@/.test(url))
    return 'The URL filled in holds a user name or password; send an Authorization header.';
  // A value of `..` would climb out of the path that the author wrote.
  const path = url.replace(/^[^/]*\/\/[^/?#]*/, '').replace(/[?#].*$/s, '');
  if (/(^|[/\\])(\.|%2e){1,2}([/\\]|$)/i.test(path)) return 'The URL filled in has a `.` or `..` in its path.';
  return undefined;
};

const isEmptyPart = (url: Template, scope: Scope): string | undefined => {
  let literal = '';
  for (const part of url) {
    if (typeof part === 'string') literal += part;
    else if (part.write === 'url' && !literal.includes('?')) {
      const rendered = render([part], scope);
      if (rendered.kind === 'text' && rendered.text === '')
        return `\`{{ ${part.expression} }}\` is empty; the URL would name something else.`;
    }
  }
  return undefined;
};

/** Fills in a request. */
export const renderHttp = (
  body: HttpBody,
  scope: Scope,
):
  | {
      kind: 'body';
      body: RenderedBody & { kind: 'http' };
    }
  | { kind: 'error'; message: string } => {
  const empty = isEmptyPart(body.url, scope);
  if (empty !== undefined) return { kind: 'error', message: empty };
  const url = render(body.url, scope, urlProblem);
  if (url.kind === 'error') return url;
  const headers: [string, string][] = [];
  for (const [name, template] of body.headers) {
    const problem = `The value of the header ${name} holds a control character or one beyond Latin-1.`;
    const value: Rendered = render(template, scope, (text) => (headerValue.test(text) ? undefined : problem));
    if (value.kind === 'error') return value;
    headers.push([name, value.text]);
  }
  const content = body.body === null ? null : render(body.body, scope);
  if (content?.kind === 'error') return content;
  const type = headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? '';
  const { method, failedOn, unknownOn, cookies, redirects } = body;
  const signing = renderSigv4(body.sigv4, scope);
  if (signing.kind === 'error') return signing;
  const known = {
    ...(failedOn && { failedOn }),
    ...(unknownOn && { unknownOn }),
    ...(cookies && { cookies }),
    ...(redirects && { redirects }),
    ...(signing.sigv4 && { sigv4: signing.sigv4 }),
  };
  return {
    kind: 'body',
    body: {
      kind: 'http',
      method,
      url: url.text,
      headers,
      body: content && ended(content.text, body.body, type),
      ...known,
    },
  };
};

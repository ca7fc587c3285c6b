/**
 * How the body of a request is laid out, beside the values in it. White space around JSON, a form or XML means nothing and is
 * left out; what is made of lines or of parts ends as its type demands; everything else goes as it stands.
 */
import type { Template } from '../engine/index.ts';
import { type BodyType, bodyTypeOf } from './mediaTypes.ts';
import { linesOf, quote, type Report, type Text, trim } from './text.ts';

const trimmed: readonly BodyType[] = ['json', 'jsonLines', 'form', 'xml'];

/** What of the text between the headers and the end of the fence is the body. `undefined`: there is none. */
export const contentIn = (rest: Text, type: BodyType): Text | undefined => {
  const content = trimmed.includes(type) ? trim(rest) : rest;
  return content.text.trim() === '' ? undefined : content;
};

const boundaryOf = (contentType: string): string | undefined => {
  const found = /;\s*boundary\s*=\s*(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType);
  const boundary = found?.[1] ?? found?.[2];
  return boundary?.includes('{{') ? undefined : boundary;
};

const charsetOf = (contentType: string): string | undefined =>
  /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(contentType)?.[1]?.toLowerCase();

/** Reports a body that would not arrive as its type says. `contentType`: a placeholder in it stands as `{{`. */
export const checkLayout = (content: Text, type: BodyType, contentType: string, report: Report): void => {
  const charset = charsetOf(contentType);
  if (charset !== undefined && !charset.includes('{{') && !['utf-8', 'utf8', 'us-ascii'].includes(charset))
    report(content.at(0), `a body is sent as UTF-8, but the Content-Type says ${quote(charset)}; write charset=utf-8`);
  if (type !== 'multipart') return;
  const boundary = boundaryOf(contentType);
  if (boundary === undefined)
    return report(
      content.at(0),
      'the parts of a multipart body end at its boundary: write one into the Content-Type, as in `boundary=part`, without a placeholder',
    );
  const lines = linesOf(content).map(({ text }) => text.trimEnd());
  if (lines.find((line) => line !== '') !== `--${boundary}`)
    report(content.at(0), `a multipart body begins with a line ${quote(`--${boundary}`)}`);
  else if (!lines.includes(`--${boundary}--`))
    report(content.at(0), `a multipart body ends with a line ${quote(`--${boundary}--`)}`);
};

/** Stands for a placeholder: no document holds this character. */
const mark = '\0';

/**
 * The lines of multipart end with CR LF: its delimiters, the headers of its parts, and the end of each part. What is in a part
 * keeps its line breaks.
 */
const multipart = (text: string, boundary: string): string => {
  const lines = text.replace(/^\n+/, '').split('\n');
  const delimiter = (line = ''): boolean => [`--${boundary}`, `--${boundary}--`].includes(line.trimEnd());
  let inHeaders = false;
  let laid = '';
  for (const [index, line] of lines.entries()) {
    if (line.trimEnd() === `--${boundary}--`) return `${laid}--${boundary}--\r\n`;
    const isDelimiter = delimiter(line);
    const structural = isDelimiter || inHeaders || delimiter(lines[index + 1]);
    laid += `${isDelimiter ? line.trimEnd() : line}${structural ? '\r\n' : '\n'}`;
    inHeaders = isDelimiter || (inHeaders && line !== '');
  }
  return laid;
};

/** The body as it is sent, its values not yet filled in. */
export const laidOut = (template: Template, type: BodyType, contentType: string): Template => {
  if (type === 'jsonLines') return [...template, '\n'];
  const boundary = type === 'multipart' ? boundaryOf(contentType) : undefined;
  if (boundary === undefined) return template;
  const values = template.filter((part) => typeof part !== 'string');
  const text = template.map((part) => (typeof part === 'string' ? part : mark)).join('');
  return multipart(text, boundary)
    .split(mark)
    .flatMap((literal, index): Template => {
      const value = values[index];
      return [...(literal === '' ? [] : [literal]), ...(value === undefined ? [] : [value])];
    });
};

/** JSON lines whose last value brings a line break of its own have one all the same: an empty line is a value to some. */
export const ended = (text: string, template: Template | null, contentType: string): string =>
  template?.at(-1) === '\n' && bodyTypeOf(contentType) === 'jsonLines' ? text.replace(/\n+$/, '\n') : text;

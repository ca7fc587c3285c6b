/** What a Content-Type says about how values are written into a body of it. */
import type { WriteAt } from './templates.ts';

/** `unknown`, `multipart`: Pawl does not know how values are written in it. `undeclared`: not said, or not before it is filled in. */
export type BodyType = 'json' | 'jsonLines' | 'form' | 'xml' | 'multipart' | 'unknown' | 'undeclared';

const jsonLines = /^(?:application|text)\/(?:x-)?(?:ndjson|jsonl|jsonlines|json-lines)$/;
const json = /^(?:application|text)\/(?:x-)?json$|\+json$/;
const xml = /^(?:application|text)\/xml(?:-external-parsed-entity|-dtd)?$|\+xml$/;

/** `contentType`: the header as far as it is literal, its end marked when a placeholder follows there. */
export const bodyTypeOf = (contentType: string): BodyType => {
  const type = contentType.replace(/;.*$/s, '').trim().toLowerCase();
  if (type === '' || type.includes('{{')) return 'undeclared';
  if (jsonLines.test(type)) return 'jsonLines';
  if (json.test(type)) return 'json';
  if (type === 'application/x-www-form-urlencoded') return 'form';
  if (type.startsWith('multipart/')) return 'multipart';
  return xml.test(type) ? 'xml' : 'unknown';
};

/** Inside a string of JSON text, or where a value stands. */
const inJson: WriteAt = (before) => {
  const strings = before.replace(/\\./gs, '').split('"').length - 1;
  return strings % 2 === 1 ? 'jsonString' : 'json';
};

/** How values are written where a type is known. */
export const writeIn = (type: BodyType): WriteAt | undefined => {
  if (type === 'json' || type === 'jsonLines') return inJson;
  return type === 'form' || type === 'xml' ? () => type : undefined;
};

const xmlSections: readonly [string, string, string][] = [
  ['<!--', '-->', 'a comment'],
  ['<![CDATA[', ']]>', 'a CDATA section'],
  ['<?', '?>', 'a processing instruction'],
  ['<!', '>', 'a declaration'],
];

/**
 * Where a placeholder after this text stands, when no value can be written there: escaped, a value keeps its place in the
 * text of an element and in a quoted attribute, and nowhere else.
 */
export const xmlPlaceProblem = (before: string): string | undefined => {
  for (let at = before.indexOf('<'); at !== -1; at = before.indexOf('<', at)) {
    const section = xmlSections.find(([open]) => before.startsWith(open, at));
    if (section !== undefined) {
      const [open, close, name] = section;
      const end = before.indexOf(close, at + open.length);
      if (end === -1) return name;
      at = end + close.length;
      continue;
    }
    let quote = '';
    for (at += 1; at < before.length && (quote !== '' || before[at] !== '>'); at++) {
      const character = before[at] ?? '';
      if (quote === '' && (character === '"' || character === "'")) quote = character;
      else if (character === quote) quote = '';
    }
    if (at === before.length) return quote === '' ? 'a tag, outside of the quotes of an attribute' : undefined;
  }
  return undefined;
};

/** What is wrong with a text that says it is JSON, or one JSON value a line; `line` (from 0) is where. */
export const jsonProblem = (text: string, type: BodyType): { line: number; why: string } | undefined => {
  const parts = type === 'jsonLines' ? text.split('\n') : [text];
  for (const [line, part] of parts.entries()) {
    if (type === 'jsonLines' && part.trim() === '') continue;
    try {
      JSON.parse(part);
    } catch (error) {
      const message = error instanceof Error ? error.message : '';
      return { line, why: message.replace(/ in JSON at position.*| \(line.*|, ".*/s, '') };
    }
  }
  return undefined;
};

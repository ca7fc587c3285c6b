/** Texts with `{{ expression }}` in them: split and checked at publishing, filled in before a cell runs. */

import type { Evaluated, Scope, Template, TemplateWrite } from '../engine/index.ts';
import { limits } from '../engine/index.ts';
import { evaluate } from './evaluate.ts';
import { checkExpression } from './expressions.ts';
import { writeJson } from './json.ts';
import { referToSecret, secretPlaceholder } from './secrets.ts';
import type { Reads, Surroundings } from './surroundings.ts';
import { type Report, slice, type Text, trim } from './text.ts';

/** How the value of a placeholder is written, given everything literal before it and its place in the text. */
export type WriteAt = (literalBefore: string, offset: number) => TemplateWrite;

/** Where the expression that begins at `start` ends: at the `}}` that is neither in a string nor of a map of its own. */
export const endOfExpression = (text: string, start: number): number => {
  let quote: string | undefined;
  let depth = 0;
  for (let offset = start; offset < text.length; offset++) {
    const character = text[offset];
    if (quote !== undefined) {
      if (character === '\\') offset += 1;
      else if (character === quote) quote = undefined;
    } else if (character === '"' || character === "'") quote = character;
    else if (character === '{') depth += 1;
    else if (character === '}' && depth > 0) depth -= 1;
    else if (character === '}' && text[offset + 1] === '}') return offset;
  }
  return -1;
};

/** Splits a text at its placeholders and checks each expression. */
export const readTemplate = (
  text: Text,
  writeAt: WriteAt,
  around: Surroundings,
  reads: Reads,
  report: Report,
): Template => {
  const template: Template = [];
  let literal = '';
  let offset = 0;
  for (;;) {
    const open = text.text.indexOf('{{', offset);
    const plain = text.text.slice(offset, open === -1 ? undefined : open);
    if (plain !== '') template.push(plain);
    literal += plain;
    if (open === -1) return template;
    const close = endOfExpression(text.text, open + 2);
    if (close === -1) {
      report(
        text.at(open),
        'this `{{` is not closed; end the expression with `}}` (a literal one is written `{{ "{{" }}`)',
      );
      return template;
    }
    const expression = trim(slice(text, open + 2, close));
    const secret = around.secretsHere === true ? secretPlaceholder.exec(expression.text)?.[1] : undefined;
    if (secret !== undefined) referToSecret(secret, expression.at(8), around.secrets, reads.uses, report);
    else checkExpression(expression, false, around, reads, report);
    template.push({ expression: expression.text, write: writeAt(literal, open) });
    offset = close + 2;
  }
};

export const asText: WriteAt = () => 'text';

/** The value of a whole base address stands as it is; everything after it is one part of an address. */
export const inUrl: WriteAt = (_before, offset) => (offset === 0 ? 'text' : 'url');

class CannotWrite extends Error {}

const plainOnly = { url: 'a URL', form: 'a form', xml: 'XML' } as const;

const xmlEscapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const notInXml = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

/** White space as references too: in an attribute it would become blanks. */
const writeXml = (text: string): string => {
  if (notInXml.test(text)) throw new CannotWrite('the text holds a character that XML cannot have');
  return text
    .replace(/[&<>"']/g, (found) => xmlEscapes[found] ?? '')
    .replace(/[\t\n\r]/g, (found) => `&#${found.charCodeAt(0)};`);
};

const written = (value: unknown, write: TemplateWrite): string => {
  if (write === 'json') return writeJson(value);
  const text = typeof value === 'string' ? value : writeJson(value);
  if (write === 'jsonString') return JSON.stringify(text).slice(1, -1);
  if (write === 'text') return text;
  const where = plainOnly[write];
  if (value === null || typeof value === 'object')
    throw new CannotWrite(`only a text, a number or a truth value can be part of ${where}`);
  if (!text.isWellFormed()) throw new CannotWrite(`the text holds half a character and cannot be part of ${where}`);
  return write === 'xml' ? writeXml(text) : encodeURIComponent(text);
};

/** A secret never goes through an expression, whose errors and costs would tell of it. */
const filledIn = (expression: string, scope: Scope): Evaluated => {
  const secret = secretPlaceholder.exec(expression)?.[1];
  if (secret === undefined) return evaluate(expression, scope);
  const { secrets = {} } = scope;
  const value = Object.hasOwn(secrets, secret) ? secrets[secret] : undefined;
  return value === undefined ? { kind: 'error', message: `There is no secret ${secret}.` } : { kind: 'value', value };
};

export type Rendered = { kind: 'text'; text: string } | { kind: 'error'; message: string };

/** Fills in a template. `whole` may refuse the result; it says why. */
export const render = (
  template: Template,
  scope: Scope,
  whole: (text: string) => string | undefined = () => undefined,
): Rendered => {
  let text = '';
  for (const part of template) {
    if (typeof part === 'string') text += part;
    else {
      const evaluated = filledIn(part.expression, scope);
      if (evaluated.kind === 'error') return evaluated;
      try {
        text += written(evaluated.value, part.write);
      } catch (error) {
        if (!(error instanceof CannotWrite)) throw error;
        return { kind: 'error', message: `\`{{ ${part.expression} }}\`: ${error.message}` };
      }
    }
    if (text.length > limits.renderedCharsMax) {
      return {
        kind: 'error',
        message: `The text filled in has more than ${limits.renderedCharsMax} characters (renderedCharsMax).`,
      };
    }
  }
  const refused = whole(text);
  return refused === undefined ? { kind: 'text', text } : { kind: 'error', message: refused };
};

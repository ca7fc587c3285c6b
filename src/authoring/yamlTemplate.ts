/**
 * A YAML mapping with `{{ }}` in its values, as a template of JSON text. A placeholder that is a whole value keeps its type: a
 * number, a list. Between quotes, or with text around it, it becomes part of a text.
 */
import { type Later, later } from '../aws/index.ts';
import type { Template } from '../engine/index.ts';
import { checkExpression } from './expressions.ts';
import type { Reads, Surroundings } from './surroundings.ts';
import { endOfExpression } from './templates.ts';
import { type Position, type Report, slice, type Text, trim } from './text.ts';
import { type Field, readYaml } from './yaml.ts';

export type YamlTemplate = {
  template: Template;
  /** What is known of its values at publishing. */
  value: Record<string, unknown>;
  fields: Field[];
  at: Position;
};

/**
 * While YAML is read, a placeholder is a word of the same length, so that every place stays where it is: a character from the
 * private use area, its number, filling.
 */
const opens = '\ue000';
const fills = '\ue001';
const firstNumber = 0xe100;
const placeholdersMax = 0xf8ff - firstNumber;
const words = /\ue000([\ue100-\uf8ff])\ue001*/g;
const reserved = /[\ue000-\uf8ff]/;

type Reading = { placeholders: Text[]; around: Surroundings; reads: Reads; report: Report };

const withWords = (text: Text, report: Report): { text: Text; placeholders: Text[] } | undefined => {
  const placeholders: Text[] = [];
  let written = '';
  for (let offset = 0; ; ) {
    const open = text.text.indexOf('{{', offset);
    written += text.text.slice(offset, open === -1 ? undefined : open);
    if (open === -1) return { text: { ...text, text: written }, placeholders };
    const close = endOfExpression(text.text, open + 2);
    if (close === -1) {
      report(text.at(open), 'this `{{` is not closed; end the expression with `}}`');
      return undefined;
    }
    if (placeholders.length === placeholdersMax) {
      report(text.at(open), `there are more than ${placeholdersMax} placeholders here`);
      return undefined;
    }
    written += `${opens}${String.fromCharCode(firstNumber + placeholders.length)}`.padEnd(close + 2 - open, fills);
    placeholders.push(trim(slice(text, open + 2, close)));
    offset = close + 2;
  }
};

const numberOf = (word: string): number => word.charCodeAt(0) - firstNumber;

const expressionOf = (number: number, { placeholders, around, reads, report }: Reading): string => {
  const expression = placeholders[number];
  if (expression === undefined) return '';
  checkExpression(expression, false, around, reads, report);
  return expression.text;
};

/** Text between quotes, with what is filled in escaped for there. */
const textParts = (text: string, reading: Reading): Template => {
  const parts: Template = ['"'];
  let offset = 0;
  for (const found of text.matchAll(words)) {
    parts.push(JSON.stringify(text.slice(offset, found.index)).slice(1, -1));
    parts.push({ expression: expressionOf(numberOf(found[1] ?? ''), reading), write: 'jsonString' });
    offset = found.index + found[0].length;
  }
  return [...parts, JSON.stringify(text.slice(offset)).slice(1, -1), '"'];
};

type Written = { parts: Template; value: unknown };

const writeScalar = ({ value, quoted }: Field, reading: Reading): Written => {
  if (typeof value !== 'string') return { parts: [JSON.stringify(value)], value };
  const whole = /^\ue000([\ue100-\uf8ff])\ue001*$/.exec(value);
  if (whole !== null && !quoted) {
    const expression = expressionOf(numberOf(whole[1] ?? ''), reading);
    return { parts: [{ expression, write: 'json' }], value: later('any') };
  }
  if (!value.includes(opens)) return { parts: [JSON.stringify(value)], value };
  return { parts: textParts(value, reading), value: later('text') satisfies Later };
};

const writeAll = (fields: Field[], reading: Reading, named: boolean): Template =>
  fields.flatMap((field, index) => [
    `${index === 0 ? '' : ','}${named ? `${JSON.stringify(field.key)}:` : ''}`,
    ...write(field, reading).parts,
  ]);

const write = (field: Field, reading: Reading): Written => {
  const mapping = field.fields();
  const isList = Array.isArray(field.value);
  if (mapping === null && !isList) return writeScalar(field, reading);
  const inside = mapping ?? field.inside();
  for (const { key, at } of mapping ?? [])
    if (key.includes(opens)) reading.report(at, 'a name cannot be a placeholder; give the whole mapping as one');
  const [open, close] = isList ? ['[', ']'] : ['{', '}'];
  return { parts: [open, ...writeAll(inside, reading, !isList), close], value: knownOf(field, reading) };
};

/** The value without its placeholders; their expressions are looked at where they are written. */
const knownOf = (field: Field, reading: Reading): unknown => {
  const silent = { ...reading, report: () => {} };
  const mapping = field.fields();
  if (mapping !== null) return Object.fromEntries(mapping.map((inner) => [inner.key, knownOf(inner, silent)]));
  if (Array.isArray(field.value)) return field.inside().map((inner) => knownOf(inner, silent));
  return writeScalar(field, silent).value;
};

/** Literals side by side become one. */
const joined = (parts: Template): Template =>
  parts.reduce<Template>((all, part) => {
    const last = all.at(-1);
    if (typeof part === 'string' && typeof last === 'string') all[all.length - 1] = last + part;
    else all.push(part);
    return all;
  }, []);

const isBlank = ({ text }: Text): boolean => text.split('\n').every((line) => /^\s*(?:#.*)?$/.test(line));

/** The fields of a mapping in which placeholders are words, and these. `undefined`: it is none, or cannot be read (reported). */
const readFields = (
  body: Text,
  report: Report,
  what: string,
): { fields: Field[]; placeholders: Text[] } | undefined => {
  const odd = reserved.exec(body.text);
  if (odd !== null) {
    report(body.at(odd.index), 'this character is of the private use area, which no text here may hold');
    return undefined;
  }
  if (isBlank(body)) return { fields: [], placeholders: [] };
  const found = withWords(body, report);
  const fields = found && readYaml(found.text, report, what);
  if (found === undefined || fields === undefined) return undefined;
  for (const { key, at } of fields)
    if (key.includes(opens)) report(at, 'a name cannot be a placeholder; give the whole mapping as one');
  return { fields, placeholders: found.placeholders };
};

/** `undefined`: it is no mapping, or cannot be read (reported). An empty body is an empty mapping. */
export const readYamlTemplate = (
  body: Text,
  around: Surroundings,
  reads: Reads,
  report: Report,
): YamlTemplate | undefined => {
  const found = readFields(body, report, 'the input');
  if (found === undefined) return undefined;
  const { fields, placeholders } = found;
  const reading = { placeholders, around, reads, report };
  const template = joined(['{', ...writeAll(fields, reading, true), '}']);
  const value = Object.fromEntries(fields.map((field) => [field.key, knownOf(field, reading)]));
  return { template, value, fields, at: body.at(0) };
};

/** One value of a mapping as a template of its own, and what is known of it at publishing. */
export type ValueTemplate = { template: Template; value: unknown };

/** The fields of a mapping, each of which is written where that is asked for. `undefined` as above. */
export const readYamlFields = (
  body: Text,
  report: Report,
  what: string,
): { fields: Field[]; write(field: Field, around: Surroundings, reads: Reads): ValueTemplate } | undefined => {
  const found = readFields(body, report, what);
  if (found === undefined) return undefined;
  const { fields, placeholders } = found;
  return {
    fields,
    write: (field, around, reads) => {
      const { parts, value } = write(field, { placeholders, around, reads, report });
      return { template: joined(parts), value };
    },
  };
};

/** Whether something is filled into it before a cell runs. */
export const isFilledIn = (value: unknown): boolean => typeof value === 'string' && value.includes(opens);

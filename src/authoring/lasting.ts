/** What the cells that wait have in common: how long, what then, and templates that stand for one text. */
import {
  type CellBody,
  type Lasting,
  type Lasts,
  limits,
  type RenderedBody,
  type Scope,
  type Template,
} from '../engine/index.ts';
import { type Attributes, parseDuration, textOfAttribute } from './attributes.ts';
import { readDuration } from './commonAttributes.ts';
import type { Reads, Surroundings } from './surroundings.ts';
import { asText, readTemplate, render } from './templates.ts';
import { list, type Position, quote, type Report, suggest } from './text.ts';

export type Reading = { attributes: Attributes; around: Surroundings; reads: Reads; report: Report; at: Position };
export type BodyOf<K extends CellBody['kind']> = Extract<CellBody, { kind: K }>;

/** Takes the value of an attribute that is one of a few words. */
export const choose = <T extends string>(
  name: string,
  of: readonly T[],
  normal: T,
  { attributes, report }: Reading,
): T => {
  const text = textOfAttribute(name, attributes, report);
  if (text === undefined || text.text === '') return normal;
  const found = of.find((one) => one === text.text);
  if (found === undefined)
    report(
      text.at(0),
      `\`${name}\` is ${list(of).replace(' and ', ' or ')}, not ${quote(text.text)}${suggest(text.text, of)}`,
    );
  return found ?? normal;
};

/** `later` says what happens at the end of the time that `name` gives; without a time it says nothing. */
export const needsTime = (later: string, name: string, { attributes, report }: Reading): void => {
  const given = attributes.get(later);
  if (given !== undefined && !attributes.has(name))
    report(given.at, `\`${later}\` says what happens when the time is over; it needs \`${name}=\``);
};

/** A duration as it is written, or by a placeholder: then it is judged when the wait begins. */
export const readLasting = (
  name: string,
  { attributes, around, reads, report }: Omit<Reading, 'at'>,
): Lasting | null => {
  const value = attributes.get(name)?.value;
  if (value?.text.includes('{{')) return readTemplate(value, asText, around, reads, report);
  return readDuration(name, attributes, limits.waitMsMin, limits.waitMsMax, report) ?? null;
};

export const lasts = (lasting: Lasting, scope: Scope): Lasts => {
  if (typeof lasting === 'number') return { kind: 'ms', ms: lasting };
  const rendered = render(lasting, scope);
  if (rendered.kind === 'error') return rendered;
  const ms = parseDuration(rendered.text, limits.waitMsMin, limits.waitMsMax);
  if (typeof ms === 'number') return { kind: 'ms', ms };
  return { kind: 'error', message: `How long it waits: ${ms} (${textIn(lasting)}).` };
};

/** A template as it was written. */
const textIn = (template: Template): string =>
  template.map((part) => (typeof part === 'string' ? part : `{{ ${part.expression} }}`)).join('');

export const literalOf = (template: Template): string | undefined =>
  template.every((part) => typeof part === 'string') ? template.join('') : undefined;

export type Failed = { kind: 'error'; message: string };
export type Rendered = { kind: 'body'; body: RenderedBody } | Failed;

/**
 * JSON values as the members of a request. Checked here because a client sends what it knows of an input and leaves out the
 * rest without a word. Used twice: at publishing, with what is not known yet left open, and right before sending.
 */
import { Buffer } from 'node:buffer';
import type { Shape } from './model.ts';

/** Of what is not known before the run. `text`: only that it will be a text. */
export type Later = { later: 'any' | 'text' };
export const later = (what: Later['later']): Later => ({ later: what, [mark]: true }) as Later;
const mark = Symbol('later');
export const isLater = (value: unknown): value is Later => typeof value === 'object' && value !== null && mark in value;

export type Tell = (path: readonly string[], message: string) => void;

const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isLater(value);

const called = (value: unknown): string => {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return { string: 'a text', number: 'a number', boolean: 'true or false' }[typeof value as string] ?? 'a mapping';
};
const wanted = {
  structure: 'a mapping',
  union: 'a mapping',
  list: 'a list',
  map: 'a mapping',
  text: 'a text',
  number: 'a number',
  boolean: 'true or false',
  blob: 'a text, `base64: …`, or what is sent as JSON',
  time: 'a moment with its zone, like 2026-12-01T08:00:00Z',
  any: 'a value',
} as const;

const moment = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/;

const timeOf = (value: unknown): Date | undefined => {
  if (typeof value === 'number') return new Date(value * 1_000);
  if (typeof value !== 'string' || !moment.test(value) || Number.isNaN(Date.parse(value))) return undefined;
  return new Date(value);
};

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** A text is sent as it is, a mapping with `base64` alone as these bytes, everything else as JSON. */
const bytesOf = (value: unknown, path: readonly string[], tell: Tell): unknown => {
  if (typeof value === 'string') return Buffer.from(value);
  if (!isMapping(value) || Object.keys(value).join() !== 'base64') return Buffer.from(JSON.stringify(value));
  if (isLater(value.base64)) return Buffer.alloc(0);
  if (typeof value.base64 === 'string' && base64.test(value.base64)) return Buffer.from(value.base64, 'base64');
  return tell([...path, 'base64'], 'this is not base64');
};

type Look = { suggest(name: string, names: readonly string[]): string; tell: Tell; lenient: boolean };

const membersOf = (
  shape: Shape & { kind: 'structure' | 'union' },
  value: Record<string, unknown>,
  path: readonly string[],
  look: Look,
): Record<string, unknown> => {
  const { tell, suggest } = look;
  const members = shape.members();
  const missing = shape.required.filter((name) => !Object.hasOwn(value, name));
  if (missing.length > 0)
    tell(
      path,
      `${missing.map((name) => `\`${name}\``).join(', ')} ${missing.length === 1 ? 'has' : 'have'} to be given`,
    );
  if (shape.kind === 'union' && Object.keys(value).length !== 1)
    tell(path, `exactly one of ${[...members.keys()].join(', ')} is given here`);
  const entries = Object.entries(value).map(([name, entry]) => {
    const member = members.get(name);
    if (member !== undefined) return [name, readValue(member, entry, [...path, name], look)] as const;
    tell([...path, name], `there is no member \`${name}\`${suggest(name, [...members.keys()])}`);
    return [name, undefined] as const;
  });
  return Object.fromEntries(entries);
};

const readValue = (shape: Shape, value: unknown, path: readonly string[], look: Look): unknown => {
  const { tell, lenient } = look;
  const wrong = (): undefined => {
    const hint =
      shape.kind === 'text' && (typeof value === 'number' || typeof value === 'boolean') ? '; put it in quotes' : '';
    const leave = value === null ? '; leave the member out' : '';
    tell(path, `${wanted[shape.kind]} belongs here, not ${called(value)}${hint}${leave}`);
  };
  if (isLater(value)) {
    if (value.later === 'text' && !['text', 'time', 'blob', 'any'].includes(shape.kind))
      tell(
        path,
        `${wanted[shape.kind]} belongs here, not a text; leave the quotes away, and what is around the placeholder`,
      );
    return value;
  }
  switch (shape.kind) {
    case 'any':
      return value;
    case 'structure':
    case 'union':
      return isMapping(value) ? membersOf(shape, value, path, look) : wrong();
    case 'list':
      return Array.isArray(value)
        ? value.map((entry, index) => readValue(shape.item(), entry, [...path, String(index)], look))
        : wrong();
    case 'map':
      return isMapping(value)
        ? Object.fromEntries(
            Object.entries(value).map(([name, entry]) => [name, readValue(shape.item(), entry, [...path, name], look)]),
          )
        : wrong();
    case 'text':
      // What a placeholder came to: that an id is a number is no matter of the author's.
      if (lenient && (typeof value === 'number' || typeof value === 'boolean')) return String(value);
      return typeof value === 'string' ? value : wrong();
    case 'blob':
      return value === null ? wrong() : bytesOf(value, path, tell);
    case 'time':
      return timeOf(value) ?? wrong();
    default:
      // `number` or `boolean`, which are called so as kinds and as types.
      return typeof value === shape.kind ? value : wrong();
  }
};

/** At publishing: tells everything that is wrong with an input. `given`: members that Pawl fills in. */
export const checkInput = (
  shape: Shape & { kind: 'structure' | 'union' },
  value: Record<string, unknown>,
  given: readonly string[],
  suggest: Look['suggest'],
  tell: Tell,
): void => {
  const required = shape.required.filter((name) => !given.includes(name));
  membersOf({ ...shape, required }, value, [], { suggest, tell, lenient: false });
};

/** Right before sending: the members as a client takes them, or what is wrong with the first of them. */
export const inputOf = (
  shape: Shape & { kind: 'structure' | 'union' },
  value: unknown,
): { input: Record<string, unknown> } | { problem: string } => {
  const problems: string[] = [];
  const tell: Tell = (path, message) =>
    problems.push(`${path.length === 0 ? '' : `\`${path.join('.')}\`: `}${message}`);
  if (!isMapping(value)) return { problem: 'it is no mapping' };
  const input = membersOf(shape, value, [], { suggest: () => '', tell, lenient: true });
  const [problem] = problems;
  return problem === undefined ? { input } : { problem };
};

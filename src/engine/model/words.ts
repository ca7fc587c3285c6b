/** How durations, counts and what is asked for read, for people. */
import type { Holds } from './cellKinds.ts';

/** `850 ms`, `3.2 s`, `2 min 5 s`, `1 h 3 min`. */
export const duration = (ms: number): string => {
  const rounded = Math.max(0, Math.round(ms));
  if (rounded < 1_000) return `${rounded} ms`;
  if (rounded < 59_950) return `${(rounded / 1_000).toFixed(1).replace(/\.0$/, '')} s`;
  const seconds = Math.round(rounded / 1_000);
  if (seconds < 3_600)
    return [`${Math.floor(seconds / 60)} min`, seconds % 60 > 0 ? `${seconds % 60} s` : ''].join(' ').trim();
  const minutes = Math.round(seconds / 60);
  return [`${Math.floor(minutes / 60)} h`, minutes % 60 > 0 ? `${minutes % 60} min` : ''].join(' ').trim();
};

/** How long a poll has to hold, or how often. */
export const holdsText = (holds: Holds): string =>
  'times' in holds ? `${holds.times} times in a row` : `for ${duration(holds.forMs)}`;

/** `1 cell`, `3 cells`. */
export const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

type Schema = Record<string, unknown>;

/** The fields of an answer, by its JSON Schema. */
export const answerFields = ({ properties }: Schema): [name: string, schema: Schema][] =>
  typeof properties === 'object' && properties !== null ? Object.entries(properties as Record<string, Schema>) : [];

export const isRequired = ({ required }: Schema, name: string): boolean =>
  Array.isArray(required) && required.includes(name);

/** One field of an answer, as it is asked: its name, what it is for, what may be said. */
export const fieldText = ([name, { description, type, enum: words }]: [string, Schema], required: boolean): string => {
  const kind = Array.isArray(words) ? words.map(String).join(' | ') : typeof type === 'string' ? type : 'JSON';
  const what = typeof description === 'string' ? `: ${description}` : '';
  return `${name} (${kind}${required ? '' : ', may be left out'})${what}`;
};

export const fieldTexts = (schema: Schema): string[] =>
  answerFields(schema).map((field) => fieldText(field, isRequired(schema, field[0])));

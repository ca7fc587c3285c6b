/**
 * What a link, or an earlier run, says of parameters: what fits stands in the form. What does not is said, and its field stays
 * empty until somebody fills it in: a default in its place would be something that nobody asked for.
 */
import { type Field, initialOf, jsonOf } from './schema.ts';

/** `refused`: fields that somebody has to fill in, whatever their default. */
export type Prefilled = { typed: Record<string, string>; refused: string[]; problems: string[] };

const isJson = (text: string): boolean => {
  try {
    jsonOf(text);
    return true;
  } catch {
    return false;
  }
};

/** Why a text is no value of the field; the service looks at the rest. */
const misfit = ({ kind, choices }: Field, text: string): string | undefined => {
  if (kind === 'choice' && !choices.includes(text)) return `is none of ${choices.join(', ')}`;
  if (kind === 'yesNo' && text !== 'true' && text !== 'false') return 'is neither true nor false';
  if (kind === 'number' && !(isJson(text) && typeof jsonOf(text) === 'number')) return 'is no number';
  return kind === 'json' && !isJson(text) ? 'is no JSON' : undefined;
};

const shownCharsMax = 80;
const shown = (text: string): string =>
  JSON.stringify(text.length > shownCharsMax ? `${text.slice(0, shownCharsMax)}…` : text);

type Given = { name: string; text: string; field: Field | undefined; problem: string | undefined };

const prefilledOf = (given: readonly Given[]): Prefilled => {
  const refused = given.filter(({ field, problem }) => field !== undefined && problem !== undefined);
  const known = given.filter(({ field }) => field !== undefined);
  return {
    typed: Object.fromEntries(known.map(({ name, text, problem }) => [name, problem === undefined ? text : ''])),
    refused: refused.map(({ name }) => name),
    problems: given.flatMap(({ problem }) => problem ?? []),
  };
};

export const fromLink = (fields: readonly Field[], query: URLSearchParams): Prefilled =>
  prefilledOf(
    [...new Set(query.keys())].map((name) => {
      const [text = '', ...more] = query.getAll(name);
      const field = fields.find((one) => one.name === name);
      const why = field === undefined ? undefined : text === '' ? 'is empty' : misfit(field, text);
      const problem = (): string | undefined => {
        if (field === undefined)
          return `There is no parameter ${shown(name)}: ${shown(text)} was left out. It has ${listOf(fields)}.`;
        if (field.isSecret) return `${name} is secret, and is not taken from a link: give it here.`;
        if (more.length > 0) return `${name} is given ${more.length + 1} times: say here which is meant.`;
        return why === undefined ? undefined : `${name}: ${shown(text)} ${why}.`;
      };
      return { name, text, field, problem: problem() };
    }),
  );

type Earlier = { instanceId: string; params: Record<string, unknown> };
export const fromRun = (fields: readonly Field[], { instanceId, params }: Earlier): Prefilled =>
  prefilledOf(
    Object.entries(params).map(([name, value]) => {
      const field = fields.find((one) => one.name === name);
      const text = initialOf(value);
      const why = field === undefined ? undefined : misfit(field, text);
      const problem = (): string | undefined => {
        if (field === undefined) return `${instanceId} had ${name}: this version has no such parameter.`;
        if (field.isSecret) return `${name} is secret, and is not taken from ${instanceId}: give it here.`;
        return why === undefined ? undefined : `${name} of ${instanceId}, ${shown(text)}, ${why}.`;
      };
      return { name, text, field, problem: problem() };
    }),
  );

const listOf = (fields: readonly Field[]): string => fields.map(({ name }) => name).join(', ') || 'none';

/** Whether a cell that ran again left the same result. */
import type { CellKind } from '../engine/index.ts';
import type { Difference, Ended } from './report.ts';

const differencesMax = 20;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const walk = (path: string, before: unknown, after: unknown, found: Difference[]): void => {
  if (found.length >= differencesMax || Object.is(before, after)) return;
  if (Array.isArray(before) && Array.isArray(after)) {
    for (let i = 0; i < Math.max(before.length, after.length); i += 1)
      walk(`${path}[${i}]`, before[i], after[i], found);
    return;
  }
  if (isObject(before) && isObject(after)) {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const [one, other] = [before, after].map((value) => (Object.hasOwn(value, name) ? value[name] : undefined));
      walk(`${path}.${name}`, one, other, found);
    }
    return;
  }
  found.push({ path, before, after });
};

/** JSON text to a value; what is no JSON (the head of a large output) is compared as it stands. */
const jsonOf = (text: string | null): unknown => {
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

const isUnder = (path: string, ignored: string): boolean =>
  path === ignored || path.startsWith(`${ignored}.`) || path.startsWith(`${ignored}[`);

/** Headers of an answer, or its id, say when and by whom it was given: what a request came to is its status and its body. */
export const ignoredOf = (kind: CellKind): string[] =>
  kind === 'http' ? ['output.headers'] : kind === 'aws' ? ['output.requestId'] : [];

/** @param ignore paths such as `output.at` that may differ */
export const differencesOf = (before: Ended, after: Ended, ignore: readonly string[] = []): Difference[] => {
  const found: Difference[] = [];
  for (const field of ['status', 'exitCode', 'satisfied'] as const) walk(field, before[field], after[field], found);
  walk('output', jsonOf(before.output), jsonOf(after.output), found);
  return found.filter(({ path }) => !ignore.some((one) => isUnder(path, one)));
};

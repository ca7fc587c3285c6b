/** How the tables of docs/runbooks.md are written. */
import { limits } from '../../src/engine/index.ts';

export const code = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``;
export const codes = (texts: readonly string[]): string => texts.map(code).join(' ');

export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/** As an author writes it: `15s`, `14m`, `366d`. */
export const time = (ms: number): string => {
  if (ms === 0) return '0';
  const [unit, size] = units.find(([, size]) => ms >= size && ms % size === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
};

const size = (bytes: number): string => {
  if (bytes % 1_048_576 === 0) return `${bytes / 1_048_576} MB`;
  return bytes % 1024 === 0 ? `${bytes / 1024} KB` : `${bytes} bytes`;
};

/** A limit with the unit that its name says. */
export const amount = (name: keyof typeof limits): string => {
  const value = limits[name];
  if (/Ms(?:Max|Min|Default)?$/.test(name)) return time(value);
  if (/Bytes(?:Max)?$/.test(name)) return size(value);
  return value.toLocaleString('en');
};

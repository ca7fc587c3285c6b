/** Pieces of a document that remember where they stand, and the collector of what is wrong with them. */
import type { Problem } from '../engine/index.ts';

/** Line and column count from 1. */
export type Position = { line: number; column: number };

/** A text and where each of its characters stands in the document. */
export type Text = { text: string; at(offset: number): Position };

export type Report = (at: Position, message: string) => void;

/** One line of a text: what it says, and where its first character stands. */
export type Line = { text: string } & Position;

/** Joins lines (without their line ends) to one text. */
export const textOf = (lines: readonly Line[]): Text => {
  const starts: number[] = [];
  let length = 0;
  for (const line of lines) {
    starts.push(length);
    length += line.text.length + 1;
  }
  return {
    text: lines.map((line) => line.text).join('\n'),
    at: (offset) => {
      let low = 0;
      let high = starts.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if ((starts[middle] ?? 0) <= offset) low = middle;
        else high = middle - 1;
      }
      const line = lines[low];
      if (line === undefined) return { line: 1, column: 1 };
      return { line: line.line, column: line.column + Math.max(0, offset - (starts[low] ?? 0)) };
    },
  };
};

/** A part of a text, still knowing where it stands. */
export const slice = (text: Text, start: number, end = text.text.length): Text => ({
  text: text.text.slice(start, end),
  at: (offset) => text.at(start + offset),
});

/** The same without white space at both ends. */
export const trim = (text: Text): Text => {
  const start = text.text.length - text.text.trimStart().length;
  return slice(text, start, Math.max(start, text.text.trimEnd().length));
};

/** The lines of a text, each a text of its own. */
export const linesOf = (text: Text): Text[] => {
  const lines: Text[] = [];
  let start = 0;
  for (const line of text.text.split('\n')) {
    lines.push(slice(text, start, start + line.length));
    start += line.length + 1;
  }
  return lines;
};

/** Collects problems and gives them back in the order of the document, each once. */
export const collector = (): { report: Report; problems(): Problem[] } => {
  const found = new Map<string, Problem>();
  return {
    report: ({ line, column }, message) => {
      found.set(`${line}:${column}:${message}`, { line, column, message });
    },
    problems: () => [...found.values()].sort((a, b) => a.line - b.line || a.column - b.column),
  };
};

const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, replaced));
    }
    row = next;
  }
  return row[b.length] ?? 0;
};

/** `; did you mean …?` when one of the known names is close, otherwise nothing. */
export const suggest = (name: string, known: Iterable<string>): string => {
  if (name.length > 64) return '';
  let best: string | undefined;
  let bestDistance = Math.min(3, Math.ceil(name.length / 3)) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const between = distance(name.toLowerCase(), candidate.toLowerCase());
    if (between < bestDistance) [best, bestDistance] = [candidate, between];
  }
  return best === undefined ? '' : `; did you mean \`${best}\`?`;
};

/** How a refused word appears in a message: whole when short, and never over several lines. */
export const quote = (word: string): string => {
  const short = word.length > 60 ? `${word.slice(0, 60)}…` : word;
  return `\`${short.replace(/\s+/g, ' ')}\``;
};

/** `a, b and c`. */
export const list = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

/** What two names have in common that people take for one. */
export const foldCase = (name: string): string => name.normalize('NFC').toLowerCase();

/**
 * Reports byte order marks where names stand; says whether there is one. People do not see them, and JavaScript takes them for
 * white space, so that a name would lose its own without a word.
 */
export const refuseMarks = (text: Text, report: Report): boolean => {
  const places = [...text.text.matchAll(/\uFEFF/g)].map(({ index }) => index);
  for (const place of places)
    report(
      text.at(place),
      'a byte order mark (U+FEFF), which is invisible, stands here; it may begin a file, so remove it here',
    );
  return places.length > 0;
};

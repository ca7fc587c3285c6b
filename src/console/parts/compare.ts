/** Two texts beside each other, line by line. */
import { diffLines, diffWordsWithSpace } from 'diff';

/** A part of a line; `isChanged`: the other side has not got it. */
export type Piece = { text: string; isChanged: boolean };
type Side = { line: number; pieces: Piece[] };
/** `before` and `after` stand beside each other; one of them alone: a line that the other side has not got. */
export type Row = { before?: Side; after?: Side; isSame: boolean };

/** Beyond that two texts are too different, and all of one stands against all of the other. */
const compareMsMax = 2_000;
/** Longer lines are compared as a whole. */
const lineCharsMax = 2_000;

const linesOf = (text: string): string[] => {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
};

const whole = (text: string): Piece[] => [{ text, isChanged: true }];

/** What changed inside a line, where enough of it stayed to be the same line. */
const piecesOf = (before: string, after: string): [Piece[], Piece[]] => {
  if (before.length > lineCharsMax || after.length > lineCharsMax) return [whole(before), whole(after)];
  const parts = diffWordsWithSpace(before, after);
  const kept = parts
    .filter(({ added, removed }) => !added && !removed)
    .reduce((sum, one) => sum + one.value.trim().length, 0);
  if (kept * 3 < Math.max(before.trim().length, after.trim().length)) return [whole(before), whole(after)];
  const side = (without: 'added' | 'removed'): Piece[] =>
    parts
      .filter((part) => !part[without])
      .map(({ value, added, removed }) => ({ text: value, isChanged: added || removed }));
  return [side('added'), side('removed')];
};

type Part = { value: string; added: boolean; removed: boolean };
const partsOf = (before: string, after: string): Part[] =>
  diffLines(before, after, { timeout: compareMsMax }) ?? [
    { value: before, added: false, removed: true },
    { value: after, added: true, removed: false },
  ];

export const compare = (before: string, after: string): Row[] => {
  const rows: Row[] = [];
  let [old, now] = [1, 1];
  let gone: string[] = [];
  /** Lines that went, beside those that came in their place. */
  const change = (come: string[]): void => {
    for (let at = 0; at < Math.max(gone.length, come.length); at += 1) {
      const [left, right] = [gone[at], come[at]];
      const [one, other] =
        left === undefined || right === undefined ? [whole(left ?? ''), whole(right ?? '')] : piecesOf(left, right);
      rows.push({
        isSame: false,
        ...(left === undefined ? {} : { before: { line: old++, pieces: one } }),
        ...(right === undefined ? {} : { after: { line: now++, pieces: other } }),
      });
    }
    gone = [];
  };
  for (const { value, added, removed } of partsOf(before, after)) {
    const lines = linesOf(value);
    if (removed) gone = lines;
    else if (added) change(lines);
    else {
      change([]);
      for (const text of lines) {
        const pieces = [{ text, isChanged: false }];
        rows.push({ isSame: true, before: { line: old++, pieces }, after: { line: now++, pieces } });
      }
    }
  }
  change([]);
  return rows;
};

/** Changes with what stands around them: a number says how many lines that are the same are left out there. */
export const folded = (rows: readonly Row[], around = 3): (Row | number)[] => {
  const near = new Set<number>();
  for (const [at, { isSame }] of rows.entries())
    if (!isSame) for (let one = at - around; one <= at + around; one += 1) near.add(one);
  const shown: (Row | number)[] = [];
  for (const [at, row] of rows.entries()) {
    const last = shown.at(-1);
    if (near.has(at)) shown.push(row);
    else if (typeof last === 'number') shown[shown.length - 1] = last + 1;
    else shown.push(1);
  }
  return shown;
};

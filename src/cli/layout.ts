/** Texts in columns. The one place that wraps: between words, and nothing is ever cut. */
import { stripVTControlCharacters } from 'node:util';

const gap = 2;
/** What the last column keeps, however wide the others are: it holds what there is to read. */
const lastWidthMin = 20;
/** No column before it is made narrower than this. */
const narrowest = 12;
const lastShare = 0.4;

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const joined = /\p{M}/u;
const columnsOfCharacter = (character: string): number => (wide.test(character) ? 2 : joined.test(character) ? 0 : 1);

/** How many columns of a terminal one line takes, colours aside. */
export const columnsOf = (line: string): number => {
  const plain = line.includes('\u001b') ? stripVTControlCharacters(line) : line;
  if (/^[ -~]*$/.test(plain)) return plain.length;
  return [...plain].reduce((columns, character) => columns + columnsOfCharacter(character), 0);
};

const widest = (text: string): number => Math.max(...text.split('\n').map(columnsOf));

/** A word in pieces that fit. */
const broken = (word: string, width: number): string[] => {
  const pieces = [''];
  for (const character of word) {
    const last = pieces.length - 1;
    if (columnsOf(pieces[last] ?? '') + columnsOf(character) > width && pieces[last] !== '') pieces.push(character);
    else pieces[last] += character;
  }
  return pieces;
};

/**
 * A text in lines of at most `width` columns, broken between words. A longer word is broken where `breaks` says so; else it
 * stays whole on a line of its own, so that an id can still be copied.
 */
export const wrap = (text: string, width: number, breaks = false): string[] =>
  text.split('\n').flatMap((line) => {
    if (columnsOf(line) <= width) return [line];
    const lines: string[] = [];
    const text = stripVTControlCharacters(line).trimEnd();
    let now = /^ */.exec(text)?.[0] ?? '';
    const words = text.slice(now.length).split(' ');
    for (const word of words.flatMap((one) => (breaks && columnsOf(one) > width ? broken(one, width) : [one]))) {
      const begins = now.trim() === '';
      const longer = begins ? now + word : `${now} ${word}`;
      if (begins || columnsOf(longer) <= width) now = longer;
      else {
        lines.push(now);
        now = word;
      }
    }
    return [...lines, now];
  });

/** As wide as the content; where that is too much the widest columns become narrower, and the last gets what is left. */
const widthsOf = (head: string[], rows: string[][], width: number, before: readonly number[]): number[] => {
  const natural = head.map((title, i) =>
    Math.max(columnsOf(title), before[i] ?? 0, ...rows.map((row) => widest(row[i] ?? ''))),
  );
  const widths = natural.slice(0, -1);
  const last = natural.at(-1) ?? 0;
  const room = width - gap * widths.length - Math.min(last, Math.max(lastWidthMin, Math.floor(width * lastShare)));
  const taken = (): number => widths.reduce((sum, one) => sum + one, 0);
  while (taken() > room) {
    const most = Math.max(...widths);
    if (most <= narrowest) break;
    widths[widths.indexOf(most)] = most - 1;
  }
  return [...widths, Math.max(lastWidthMin, Math.min(last, width - taken() - gap * widths.length))];
};

const padded = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - columnsOf(text)));

const rowLines = (row: string[], widths: readonly number[]): string[] => {
  const cells = row.map((text, i) => wrap(text, widths[i] ?? 0, i < row.length - 1));
  const height = Math.max(...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    cells
      .map((lines, i) => padded(lines[line] ?? '', (widths[i] ?? 0) + gap))
      .join('')
      .trimEnd(),
  );
};

export type LaidOut = { lines: string[]; widths: number[] };

/**
 * @param before widths of the table that these rows go on with: its columns become no narrower, and its head stands already
 * @param dim how the head is shown
 */
export const layOut = (
  head: string[],
  rows: string[][],
  { width, before, dim }: { width: number; before?: readonly number[] | undefined; dim(text: string): string },
): LaidOut => {
  const widths = widthsOf(head, rows, width, before ?? []);
  const titles = before === undefined ? rowLines(head, widths).map(dim) : [];
  return { lines: [...titles, ...rows.flatMap((row) => rowLines(row, widths))], widths };
};

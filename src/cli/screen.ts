/** The one place that writes to the terminal: lines, tables, one line that changes in place, or one JSON document. */
import { stripVTControlCharacters, styleText } from 'node:util';
import Table from 'cli-table3';
import { asTyped, asWritten } from './typed.ts';

export type Tone = 'good' | 'bad' | 'warn' | 'quiet' | 'strong' | 'plain';
const formats = { good: 'green', bad: 'red', warn: 'yellow', quiet: 'dim', strong: 'bold', plain: 'reset' } as const;

export type Screen = {
  /** Whether a person watches: then a line may change in place. */
  live: boolean;
  width: number;
  print(text?: string): void;
  /** A text to be read by another program: nothing is added or altered, but for what would steer a terminal. */
  exact(text: string): void;
  /** Colour, on a terminal only and never with NO_COLOR. */
  paint(tone: Tone, text: string): string;
  /** Shows a line that the next `print` or `status` replaces. */
  status(text: string): void;
  table(head: string[], rows: string[][]): void;
  document(value: unknown): void;
};

const clearLine = '\r\u001b[2K';
const widthDefault = 80;
const gap = 2;

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/** What a cell or a person wrote must not steer the terminal it is shown on, nor be reordered or hidden there. */
export const harmless = (text: string): string => asWritten(text.replace(controls, '�'));

/** `silent` keeps everything but the document from standard output, for `--json`; `dumb`: no line changes in place. */
export const createScreen = (
  stream: NodeJS.WriteStream,
  { silent, dumb }: { silent: boolean; dumb: boolean },
): Screen => {
  const live = stream.isTTY === true && !silent && !dumb;
  const width = Math.max(60, stream.columns ?? widthDefault);
  let pending = false;
  const clear = (): void => {
    if (pending) stream.write(clearLine);
    pending = false;
  };
  const print = (text = ''): void => {
    if (silent) return;
    clear();
    stream.write(`${asTyped(text)}\n`);
  };
  return {
    live,
    width,
    print,
    exact: (text) => {
      if (silent) return;
      clear();
      stream.write(stream.isTTY === true ? asTyped(harmless(text)) : text);
    },
    paint: (tone, text) => (tone === 'plain' ? text : styleText(formats[tone], text, { stream })),
    status: (given) => {
      if (!live) return;
      clear();
      const text = asTyped(given);
      // A line that wraps cannot be replaced; one too long for that goes without its colours.
      stream.write(plainLength(text) < width ? text : stripVTControlCharacters(text).slice(0, width - 1));
      pending = true;
    },
    table: (head, rows) => {
      if (!silent) print(layOut(head, rows, width, (text) => styleText('dim', text, { stream })));
    },
    document: (value) => {
      clear();
      stream.write(`${JSON.stringify(value, null, 2)}\n`);
    },
  };
};

const plainLength = (text: string): number =>
  Math.max(...text.split('\n').map((line) => stripVTControlCharacters(line).length));

/** No lines are drawn. */
const edges = ['top', 'bottom', 'left', 'right', 'mid', 'middle'].flatMap((edge) =>
  ['', '-mid', '-left', '-right'].map((end) => edge + end),
);

/** Columns as wide as their content; the last one gets what is left of the screen, and wraps. */
const layOut = (head: string[], rows: string[][], width: number, dim: (text: string) => string): string => {
  const widths = head.map(
    (title, i) => Math.max(plainLength(title), ...rows.map((row) => plainLength(row[i] ?? ''))) + gap,
  );
  const before = widths.slice(0, -1).reduce((sum, w) => sum + w, 0);
  const last = Math.max(20, width - before);
  widths[widths.length - 1] = Math.min(widths.at(-1) ?? last, last);
  const table = new Table({
    head: head.map(dim),
    chars: Object.fromEntries(edges.map((edge) => [edge, ''])),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': gap },
    colWidths: widths,
    wordWrap: true,
    wrapOnWordBoundary: true,
  });
  table.push(...rows);
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
};

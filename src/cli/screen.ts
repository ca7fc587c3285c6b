/** The one place that writes to the terminal: lines, tables, one line that changes in place, or one JSON document. */
import { stripVTControlCharacters, styleText } from 'node:util';
import { columnsOf, layOut } from './layout.ts';
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
  /**
   * Rows in columns, the last of which wraps. Answers how wide the columns are: given back, further rows go on with that
   * table, without another head.
   */
  table(head: string[], rows: string[][], before?: readonly number[]): readonly number[];
  document(value: unknown): void;
  /** One of many documents, on a line of its own: only where documents are asked for. */
  line(value: unknown): void;
  /** What `draw` prints replaces what was drawn before it; where nothing can be replaced it stands below that. */
  redraw<T>(draw: () => Promise<T>): Promise<T>;
};

const clearLine = '\r\u001b[2K';
const clearScreen = '\u001b[H\u001b[J';
const widthDefault = 80;

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/** What a cell or a person wrote must not steer the terminal it is shown on, nor be reordered or hidden there. */
export const harmless = (text: string): string => asWritten(text.replace(controls, '�'));

/**
 * `silent` keeps everything but documents from standard output, for `--json`; `lines`: each of them on one line; `dumb`: no
 * line changes in place.
 */
export const createScreen = (
  stream: NodeJS.WriteStream,
  { silent, dumb, lines = false }: { silent: boolean; dumb: boolean; lines?: boolean },
): Screen => {
  const live = stream.isTTY === true && !silent && !dumb;
  const width = Math.max(60, stream.columns || widthDefault);
  let pending = false;
  let frame: string[] | undefined;
  let drawn: string[] | undefined;
  const clear = (): void => {
    if (pending) stream.write(clearLine);
    pending = false;
  };
  const print = (text = ''): void => {
    if (silent) return;
    if (frame !== undefined) return void frame.push(...asTyped(text).split('\n'));
    clear();
    stream.write(`${asTyped(text)}\n`);
  };
  const rowsOf = (text: string[]): number =>
    text.reduce((rows, line) => rows + Math.max(1, Math.ceil(columnsOf(line) / (stream.columns || width))), 0);
  const show = (text: string[]): void => {
    const before = drawn;
    drawn = text;
    if (silent || text.join('\n') === before?.join('\n')) return;
    const rows = before === undefined ? 0 : rowsOf(before);
    const back = rows < (stream.rows || Number.POSITIVE_INFINITY) ? `\r\u001b[${rows}A\u001b[J` : clearScreen;
    stream.write(`${before === undefined ? '' : live ? back : '\n'}${text.join('\n')}\n`);
  };
  const write = (value: unknown, indent: number): void => void stream.write(`${JSON.stringify(value, null, indent)}\n`);
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
      stream.write(columnsOf(text) < width ? text : stripVTControlCharacters(text).slice(0, width - 1));
      pending = true;
    },
    table: (head, rows, before) => {
      if (silent) return [];
      const { lines, widths } = layOut(head, rows, {
        width,
        before,
        dim: (text) => styleText('dim', text, { stream }),
      });
      print(lines.join('\n'));
      return widths;
    },
    document: (value) => {
      clear();
      write(value, lines ? 0 : 2);
    },
    line: (value) => {
      if (silent) write(value, 0);
    },
    redraw: async (draw) => {
      frame = [];
      try {
        return await draw();
      } finally {
        const text = frame;
        frame = undefined;
        show(text);
      }
    },
  };
};

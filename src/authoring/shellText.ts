/**
 * What of a script its shell fills in. No parser: where it is taken in by something, it takes more for text that may be meant,
 * and what is asked of it is only whether a name stands there.
 */

/** Pieces in which nothing is filled in, from `start` up to `end`. */
type Piece = { kind: 'comment' | 'quoted'; start: number; end: number };
type Heredoc = { word: string; isQuoted: boolean; isIndented: boolean };

const heredocForm = /<<(-?)[ \t]*(?:'([^'\n]+)'|"([^"\n]+)"|(\\?)([\w.-]+))/y;

const heredocAt = (code: string, at: number): (Heredoc & { length: number }) | undefined => {
  heredocForm.lastIndex = at;
  const found = heredocForm.exec(code);
  if (found === null || code[at - 1] === '<' || code[at + 2] === '<') return undefined;
  const [whole, dash, single, double, backslash, bare] = found;
  const isQuoted = single !== undefined || double !== undefined || backslash !== '';
  return { word: single ?? double ?? bare ?? '', isQuoted, isIndented: dash === '-', length: whole.length };
};

/** Where the lines of a script are that say a word alone, each looked for from ever further on. */
const linesBy = (code: string, isIndented: boolean) => {
  const places = new Map<string, { next: number; all: [number, number][] }>();
  let start = 0;
  for (const line of code.split('\n')) {
    const word = isIndented ? line.replace(/^\t+/, '') : line;
    const known = places.get(word) ?? { next: 0, all: [] };
    known.all.push([start, start + line.length]);
    places.set(word, known);
    start += line.length + 1;
  }
  return (word: string, from: number): [number, number] | undefined => {
    const known = places.get(word);
    while (known !== undefined && (known.all[known.next]?.[0] ?? from) < from) known.next++;
    return known?.all[known.next];
  };
};

/** After the text between single quotes; `$'…'` knows backslashes. `undefined`: it does not end. */
const endOfQuoted = (code: string, at: number): number | undefined => {
  const isAnsi = code[at - 1] === '$';
  for (let i = at + 1; i < code.length; i++) {
    if (isAnsi && code[i] === '\\') i++;
    else if (code[i] === "'") return i + 1;
  }
  return undefined;
};

const piecesOf = (code: string): Piece[] => {
  const pieces: Piece[] = [];
  const heredocs: Heredoc[] = [];
  /** What is open, innermost last: `"`, a backtick, or `(` of `$(` and of what stands in it. */
  const open: string[] = [];
  const lines = linesBy(code, false);
  const indented = linesBy(code, true);
  /** A line that ends none is not found: then it was no such thing. */
  const skipHeredocs = (from: number): number => {
    let next = from;
    for (const heredoc of heredocs.splice(0)) {
      const end = (heredoc.isIndented ? indented : lines)(heredoc.word, next);
      if (end === undefined) continue;
      if (heredoc.isQuoted) pieces.push({ kind: 'quoted', start: next, end: end[0] });
      else
        for (const { index } of code.slice(next, end[0]).matchAll(/\\[\s\S]/g))
          pieces.push({ kind: 'quoted', start: next + index, end: next + index + 2 });
      next = end[1];
    }
    return next;
  };
  for (let i = 0; i < code.length; i++) {
    const char = code[i] ?? '';
    const top = open.at(-1);
    if (char === '\\') {
      pieces.push({ kind: 'quoted', start: i, end: Math.min(code.length, i + 2) });
      i++;
    } else if (char === '"' || char === '`') {
      if (top === char) open.pop();
      else open.push(char);
    } else if (char === '$' && code[i + 1] === '(') {
      open.push('(');
      i++;
    } else if (char === '\n' && heredocs.length > 0) i = skipHeredocs(i + 1) - 1;
    else if (top === '"') continue;
    else if (char === "'") {
      const end = endOfQuoted(code, i);
      if (end === undefined) continue;
      pieces.push({ kind: 'quoted', start: i, end });
      i = end - 1;
    } else if (char === '#' && (i === 0 || /[\s;&|()]/.test(code[i - 1] ?? ''))) {
      const found = code.indexOf('\n', i);
      const end = found === -1 ? code.length : found;
      pieces.push({ kind: 'comment', start: i, end });
      i = end - 1;
    } else if (char === '(' && top === '(') open.push('(');
    else if (char === ')' && top === '(') open.pop();
    else if (char === '<') {
      const heredoc = heredocAt(code, i);
      if (heredoc === undefined) continue;
      heredocs.push(heredoc);
      i += heredoc.length - 1;
    }
  }
  return pieces;
};

const blanked = (code: string, pieces: readonly Piece[]): string => {
  const parts: string[] = [];
  let from = 0;
  for (const { start, end } of pieces) {
    parts.push(code.slice(from, start), code.slice(start, end).replace(/[^\n]/g, ' '));
    from = end;
  }
  return parts.join('') + code.slice(from);
};

/**
 * A script with spaces for its comments (`uncommented`), and for all that its shell takes as it stands (`filledIn`). Places stay
 * where they were.
 */
export const shellTextsOf = (code: string): { uncommented: string; filledIn: string } => {
  const pieces = piecesOf(code);
  return {
    uncommented: blanked(
      code,
      pieces.filter(({ kind }) => kind === 'comment'),
    ),
    filledIn: blanked(code, pieces),
  };
};

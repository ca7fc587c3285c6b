/** Markdown → front matter, title and fences, each with its place. Only block rules run: nothing inside a line is parsed. */
import MarkdownIt, { type Token } from 'markdown-it';
import { type Line, type Position, type Report, refuseMarks, slice, type Text, textOf } from './text.ts';

export type Fence = {
  /** The backticks or tildes it opens with. */
  marks: string;
  position: Position;
  /** Everything after the backticks. */
  info: Text;
  body: Text;
  closed: boolean;
  /** The line of its closing marks. */
  lastLine: number;
};
export type Heading = {
  /** 1 for `#`. */
  level: number;
  position: Position;
  /** What it says, without its marks: of several lines the last. */
  text: Text;
  /** All of it. */
  title: string;
  /** It stands in a list or a quotation. */
  isInside: boolean;
};
/**
 * `headings`: in document order, all of them. `lost`: lines that look like the beginning of a fence for Pawl, or like the heading of a
 * section, but are text, by Markdown's rules.
 */
export type Document = { frontMatter: Text | null; headings: Heading[]; fences: Fence[]; lost: Lost[] };
type Lost = { as: 'fence' | 'heading'; at: Position };

const markdown = new MarkdownIt('commonmark');
markdown.core.ruler.enableOnly(['normalize', 'block']);
// Without `reference`, which parses links and labels, all rules look at the beginnings of lines only.
markdown.block.ruler.enableOnly([
  'code',
  'fence',
  'blockquote',
  'hr',
  'list',
  'html_block',
  'heading',
  'lheading',
  'paragraph',
]);

const isRule = (line: string | undefined): boolean => line !== undefined && /^---[ \t]*$/.test(line);

/** The line number (from 0) of the closing rule of the front matter; -1 without front matter. */
const frontMatterEnd = (lines: readonly string[], report: Report): number => {
  const first = { text: lines[0] ?? '', line: 1, column: 1 };
  if (first.text.startsWith('\uFEFF') && refuseMarks(textOf([first]), report)) return -1;
  if (!isRule(lines[0])) {
    const message = 'a runbook begins with front matter: a line `---`, `runbook: <id>`, and a line `---`';
    report({ line: 1, column: 1 }, message);
    return -1;
  }
  const end = lines.findIndex((line, index) => index > 0 && isRule(line));
  if (end === -1) report({ line: 1, column: 1 }, 'the front matter is not closed; end it with a line `---`');
  return end;
};

/** Where the text of a line stands in it: containers (lists, quotations) have taken their marks from its beginning. */
const placed = (lines: readonly string[], index: number, text: string): Line => {
  const raw = lines[index] ?? '';
  return { text, line: index + 1, column: raw.endsWith(text) ? raw.length - text.length + 1 : 1 };
};

/** An indented block, HTML (but a comment), or a paragraph; a backtick after the braces makes a fence a paragraph. */
const hidesFences = ({ type, content }: Token): boolean =>
  type === 'code_block' || type === 'inline' || (type === 'html_block' && !content.trimStart().startsWith('<!--'));
/**
 * What looks like the braces of a section: where no blank stands before them, or they are not closed, or something stands after them,
 * they are none.
 */
export const looksLikeBraces =
  /(?:^|\s)\{\s*(?:(?:when|each|on|name)\s*=|else\b|parallel\b)|[^`{]\{\s*(?:when\s*=|else\s*\})/;
const looksLikeSection = (line: string): boolean => /^[\s>]*#/.test(line) && looksLikeBraces.test(line);
const looksLikeFence = /^[\s>]*(?:`{3,}[^`{]*|~{3,}[^~{]*)\{/;

/** One that is underlined may have several lines: of these only what stands in its last one can be braces. */
const headingOf = (lines: readonly string[], { tag, level }: Token, first: number, content: string): Heading => {
  const texts = content.split('\n');
  const index = first + texts.length - 1;
  const text = (texts.at(-1) ?? '').trim();
  const column = Math.max(0, (lines[index] ?? '').indexOf(text)) + 1;
  const line = { text, line: index + 1, column };
  return {
    level: Number(tag.slice(1)),
    position: { line: first + 1, column: 1 },
    text: textOf([line]),
    title: content.trim(),
    isInside: level > 0,
  };
};

/** Splits a document. Line ends are normalized; a byte order mark is dropped. */
export const readDocument = (source: string, report: Report): Document => {
  const lines = source
    .replace(/^\uFEFF/, '')
    .replaceAll('\0', '\uFFFD')
    .split(/\r\n?|\n/);
  const end = frontMatterEnd(lines, report);
  const frontMatter = lines.slice(1, Math.max(end, 1)).map((text, index) => ({ text, line: index + 2, column: 1 }));

  // Empty lines in the place of the front matter keep all line numbers true.
  const rest = lines.map((line, index) => (index <= end ? '' : line));
  const tokens = markdown.parse(`${rest.join('\n')}\n`, {});
  const fences: Fence[] = [];
  const lost: Lost[] = [];
  const headings: Heading[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token.type === 'heading_open' && token.map !== null)
      headings.push(headingOf(lines, token, token.map[0], tokens[index + 1]?.content ?? ''));
    if (token.map === null) continue;
    for (let at = token.map[0]; hidesFences(token) && at < token.map[1]; at++) {
      const line = rest[at] ?? '';
      if (looksLikeFence.test(line)) lost.push({ as: 'fence', at: { line: at + 1, column: line.search(/[`~]/) + 1 } });
      if (tokens[index - 1]?.type !== 'heading_open' && looksLikeSection(line))
        lost.push({ as: 'heading', at: { line: at + 1, column: line.indexOf('#') + 1 } });
    }
    if (token.type !== 'fence') continue;
    const [first, after] = token.map;
    const content = token.content === '' ? [] : token.content.replace(/\n$/, '').split('\n');
    const opening = placed(lines, first, token.markup + token.info);
    // What is said about an empty one is said where it opens.
    const body =
      content.length === 0
        ? [{ ...opening, text: '' }]
        : content.map((text, at) => placed(lines, first + 1 + at, text));
    fences.push({
      marks: token.markup,
      position: { line: opening.line, column: opening.column },
      info: slice(textOf([opening]), token.markup.length),
      body: textOf(body),
      closed: after - first === content.length + 2,
      lastLine: after,
    });
  }
  return { frontMatter: end === -1 ? null : textOf(frontMatter), headings, fences, lost };
};

/**
 * Headings with braces: sections. One reaches from its heading to the next one of the same or a higher level. A heading without
 * braces is documentation, as are `{#id .class}` and what is filled in (`{{ }}`).
 */
import { limits } from '../engine/index.ts';
import { type Attributes, readBraces, refuseUnknown, textOfAttribute } from './attributes.ts';
import { readName } from './commonAttributes.ts';
import { type Heading, looksLikeBraces } from './document.ts';
import { type EachSection, eachWords, parallelWords, readEach } from './eachHeading.ts';
import { list, type Position, quote, type Report, refuseMarks, slice, suggest, type Text, trim } from './text.ts';

/** At which ends of a run, or of an element, a section is gone through. */
const ends = ['failure', 'cancel', 'always'] as const;
export type End = (typeof ends)[number];

/**
 * A branch has `when`, or `before`: it is gone into where that of the section before it was judged false. With `each` it is gone
 * through once for every element of a list, with `on` at the end of the run. With `parallel` each of those directly under it is a part,
 * gone through beside the others.
 */
export type Section = {
  position: Position;
  level: number;
  /** What the heading says before its braces. */
  title: string;
  /** The name that it gives itself. */
  name: Text | null;
  when: Text | null;
  each: EachSection | null;
  on: End | null;
  /** Of a part: the section with `parallel`, and what that one's output says of it. */
  part: { of: Section; output: Text | null } | null;
  /** Of an `else`: the section with `when` right before it. */
  before: Section | null;
  /** The first line after it. */
  endLine: number;
};

const words = ['when', 'else', 'each', 'parallel', 'on'] as const;
type Word = (typeof words)[number];
/** What stands beside a word. One with `on` has no cell of its own, so nothing could name it. */
const besideIt: Readonly<Record<Word, readonly string[]>> = {
  when: ['name'],
  else: ['name'],
  each: [...eachWords, 'name'],
  parallel: [...parallelWords, 'name'],
  on: [],
};

/**
 * Where the braces at the end of a heading open; -1: it has none. Quoted values apart, no braces stand in them. Each place is
 * looked at once outside of quotes and once inside: whoever comes there again ends as whoever came there first.
 */
const bracesOf = (text: string): number => {
  const last = text.length - 1;
  if (text[last] !== '}') return -1;
  const seen = { plain: new Uint8Array(text.length), quoted: new Uint8Array(text.length) };
  const endsAtLast = (open: number): boolean => {
    let where: keyof typeof seen = 'plain';
    for (let at = open + 1; at <= last; at += 1) {
      if (seen[where][at] === 1) return false;
      seen[where][at] = 1;
      const char = text[at];
      if (char === '"') where = where === 'plain' ? 'quoted' : 'plain';
      else if (where === 'quoted' && char === '\\') at += 1;
      else if (where === 'plain' && char === '{') return false;
      else if (where === 'plain' && char === '}') return at === last;
    }
    return false;
  };
  for (let open = text.indexOf('{'); open !== -1; open = text.indexOf('{', open + 1))
    if ((open === 0 || /\s/.test(text[open - 1] ?? '')) && endsAtLast(open)) return open;
  return -1;
};

/** What a heading says, without its braces; `null`: nothing. */
export const titleOf = ({ title }: Heading): string | null => {
  const open = bracesOf(title);
  const said = open === -1 || title.startsWith('{{', open) ? title : title.slice(0, open).trim();
  return said === '' ? null : said;
};

const roleOf = (attributes: Attributes, at: Position, report: Report): Word | undefined => {
  const [role, second] = words.filter((word) => attributes.has(word));
  const close = [...attributes.keys()].map((key) => suggest(key, words)).find((hint) => hint !== '');
  if (role === undefined)
    report(
      at,
      `braces at the end of a heading make it a section: it needs \`when="…"\`, \`else\`, \`each="…"\`, \`parallel\` or \`on=…\`${close ?? ''}; \`{#id}\` is left alone`,
    );
  else if (second !== undefined)
    report(at, `\`${role}\` and \`${second}\` exclude each other: one of them belongs to a section of its own`);
  return role;
};

/** What is none is taken for the widest. */
const readOn = (attributes: Attributes, report: Report): End => {
  const text = textOfAttribute('on', attributes, report);
  if (text === undefined || text.text === '') return 'always';
  const found = ends.find((one) => one === text.text);
  if (found === undefined)
    report(
      text.at(0),
      `\`on\` is ${list(ends).replace(' and ', ' or ')}, not ${quote(text.text)}${suggest(text.text, ends)}`,
    );
  return found ?? 'always';
};

type Read = Pick<Section, 'name' | 'when' | 'each' | 'on' | 'part'> & { role: Word | 'part' };

/** Reads a section directly under `parallel`: its name is the element. */
const readPart = (of: Section, attributes: Attributes, at: Position, report: Report): Read => {
  const word = words.find((one) => attributes.has(one));
  if (word !== undefined)
    report(
      attributes.get(word)?.at ?? at,
      `a section directly under \`parallel\` is one of its parts and has a \`name\`, not \`${word}\`; put a section with \`${word}\` inside of it`,
    );
  else refuseUnknown(attributes, ['name', 'output'], 'for parts of a `parallel` section', report);
  if (!attributes.has('name') && word === undefined)
    report(at, 'a section directly under `parallel` needs a name of its own: `{ name=eu }`, say');
  const named = attributes.has('name') ? readName('name', attributes, report) : undefined;
  const name = named === undefined ? null : (attributes.get('name')?.value ?? null);
  const output = textOfAttribute('output', attributes, report) ?? null;
  return { role: 'part', name, when: null, each: null, on: null, part: { of, output } };
};

/** `parallel` has no value, and no output of its own. */
const refuseOnParallel = (attributes: Attributes, report: Report): void => {
  const given = attributes.get('parallel')?.value;
  if (given != null)
    report(given.at(0), `\`parallel\` has no value, so not ${quote(given.text)}; write \`{ name=… parallel }\``);
  const output = attributes.get('output');
  if (output === undefined) return;
  report(
    output.at,
    'each part of a `parallel` section has cells of its own: write `output=` on the headings directly under it',
  );
  attributes.delete('output');
};

/** @param outer the section around it */
const readOne = (heading: Heading, braces: Text, outer: Section | undefined, report: Report): Read | undefined => {
  const { position } = heading;
  if (refuseMarks(braces, report)) return undefined;
  const attributes = readBraces(braces, report);
  if (attributes === undefined) return undefined;
  if (outer?.each?.over === null) return readPart(outer, attributes, braces.at(0), report);
  const role = roleOf(attributes, braces.at(0), report);
  if (role === undefined) return undefined;
  if (heading.isInside)
    report(position, 'a section begins with a heading that stands in no list and no quotation; move it out');
  if (role === 'parallel') refuseOnParallel(attributes, report);
  refuseUnknown(
    attributes,
    [...words, ...besideIt[role]],
    role === 'on' ? 'for sections with `on`' : 'for sections',
    report,
  );
  const given = role === 'else' ? attributes.get(role)?.value : null;
  if (given != null) report(given.at(0), `\`else\` has no value, so not ${quote(given.text)}; write \`{ else }\``);
  const named = attributes.has('name') ? readName('name', attributes, report) : undefined;
  const name = named === undefined ? null : (attributes.get('name')?.value ?? null);
  const when = role === 'when' ? (textOfAttribute('when', attributes, report) ?? null) : null;
  const on = role === 'on' ? readOn(attributes, report) : null;
  const each = role === 'each' || role === 'parallel' ? readEach(attributes, position, report) : null;
  return { role, name, when, each, on, part: null };
};

/** Reports a section where it cannot be. `around`: those it stands in, the outermost first. */
const refusePlace = (role: Read['role'], position: Position, around: readonly Section[], report: Report): void => {
  const outer = around.at(-1);
  const atEnd = around.find(({ on }) => on !== null);
  if (role === 'on' && outer !== undefined && outer.each === null && outer.part === null)
    report(
      position,
      `a section with \`on\` runs at the end, whatever is decided around it, so it cannot stand in the section of line ${outer.position.line}: move it out; a section with \`when\` may stand in it`,
    );
  if ((role === 'each' || role === 'parallel') && atEnd !== undefined)
    report(
      position,
      `no section with \`${role}\` can stand in one with \`on\` (line ${atEnd.position.line}): go over the list in a cell`,
    );
};

/**
 * The sections of a document, in its order; of nested ones the outer first. After as many as no runbook may have none is read: the
 * document is refused for the last of them. Parts are no cells, but at least half of them hold a cell that is in no other.
 */
export const readSections = (headings: readonly Heading[], report: Report): Section[] => {
  const sections: Section[] = [];
  /** Those that reach to where we are, the outermost first: each of a lower level than the one before it. */
  let open: Section[] = [];
  for (const heading of headings) {
    const { position, level, text, isInside } = heading;
    const closed = isInside ? [] : open.filter((one) => one.level >= level);
    for (const one of closed) one.endLine = position.line;
    if (closed.length > 0) open = open.filter((one) => one.level < level);
    if (sections.length > 2 * limits.cellsPerRunbookMax) continue;
    const at = bracesOf(text.text);
    if (at === -1) {
      if (looksLikeBraces.test(heading.title))
        report(position, 'these braces do not end the heading: close them with `}`, and let nothing stand after that');
      continue;
    }
    const braces = slice(text, at);
    if (/^\{\s*[#.]/.test(braces.text)) continue;
    const read = readOne(heading, braces, isInside ? undefined : open.at(-1), report);
    if (read === undefined || isInside) continue;
    const { role, ...rest } = read;
    refusePlace(role, position, open, report);
    const before = closed.findLast((one) => one.level === level) ?? null;
    if (role === 'else' && (before === null || before.when === null))
      report(
        position,
        '`else` needs a section with `when` right before it, at the same level of heading: this one has none',
      );
    const section: Section = {
      position,
      level,
      title: trim(slice(text, 0, at)).text,
      ...rest,
      before: role === 'else' ? before : null,
      endLine: Number.POSITIVE_INFINITY,
    };
    sections.push(section);
    open.push(section);
    // A part is no level of its own.
    const deep = open.filter(({ part }) => part === null).length;
    if (deep > limits.sectionNestingMax)
      report(position, `sections are nested ${deep} deep; at most ${limits.sectionNestingMax} (sectionNestingMax)`);
  }
  return sections;
};

/** The sections in which a line stands, the outermost first. Its own heading counts. */
export const around = (sections: readonly Section[], line: number): Section[] =>
  sections.filter(({ position, endLine }) => position.line <= line && line < endLine);

/** A name made of what the heading says, for a section that gives itself none. */
export const nameOf = ({ title }: Section, taken: (name: string) => boolean): string => {
  const plain = title
    .normalize('NFKD')
    .replace(/\p{Mark}+/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, 40);
  const stem = plain === '' ? 'section' : /^\d/.test(plain) ? `section_${plain}` : plain;
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? stem : `${stem}_${number}`;
    if (!taken(name)) return name;
  }
};

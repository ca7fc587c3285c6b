/** The braces of a fence: `ts { name=cleanup timeout=60s when="params.pr > 1" }`. */
import { type Position, quote, type Report, refuseMarks, slice, suggest, type Text, trim } from './text.ts';

/** `value: null`: the bare name was given, as in `optional`. */
export type Attribute = { at: Position; value: Text | null };
export type Attributes = Map<string, Attribute>;
export type Info = { language: string; at: Position; attributes: Attributes };

/** The JSON string at the start of `text` as a text of its own: each character knows where it was written. */
const jsonString = (text: Text, report: Report): { value: Text; length: number } | undefined => {
  const literal = /^"(?:[^"\\]|\\.)*"/.exec(text.text)?.[0];
  if (literal === undefined) {
    report(text.at(0), 'this quoted value has no closing `"`');
    return undefined;
  }
  try {
    const value: unknown = JSON.parse(literal);
    if (typeof value !== 'string') return undefined;
    const offsets: number[] = [];
    const character = /\\u[0-9a-fA-F]{4}|\\.|[^\\]/gs;
    character.lastIndex = 1;
    for (let match = character.exec(literal); match !== null; match = character.exec(literal))
      offsets.push(match.index);
    return {
      value: { text: value, at: (offset) => text.at(offsets[offset] ?? literal.length - 1) },
      length: literal.length,
    };
  } catch {
    report(text.at(0), `${quote(literal)} is not a JSON string; write a backslash as \`\\\\\` and a quote as \`\\"\``);
    return undefined;
  }
};

/** Reads one attribute from the start of `text`; answers how many characters it took, or nothing when all is lost. */
const readAttribute = (text: Text, attributes: Attributes, report: Report): number | undefined => {
  const key = /^[^\s={}"]+/.exec(text.text)?.[0];
  if (key === undefined) {
    report(text.at(0), `${quote(text.text[0] ?? '')} cannot stand here; attributes are written \`name=value\``);
    return undefined;
  }
  let length = key.length;
  let value: Text | null = null;
  if (text.text[length] === '=') {
    length += 1;
    const rest = slice(text, length);
    if (rest.text.startsWith('"')) {
      const quoted = jsonString(rest, report);
      if (quoted === undefined) return undefined;
      value = quoted.value;
      length += quoted.length;
    } else {
      const bare = /^[^\s{}"]*/.exec(rest.text)?.[0] ?? '';
      value = slice(rest, 0, bare.length);
      length += bare.length;
      if (bare === '') report(rest.at(0), `\`${key}\` has no value; write \`${key}=value\``);
      else if (bare.endsWith(',')) report(rest.at(bare.length - 1), 'attributes are separated by spaces, not commas');
    }
    if (/^[^\s}]/.test(text.text.slice(length))) {
      report(
        text.at(length),
        `a space is missing after the value of \`${key}\`; values with spaces, quotes or braces stand in quotes`,
      );
      return undefined;
    }
  }
  if (attributes.has(key)) report(text.at(0), `attribute \`${key}\` is given twice; keep one`);
  else attributes.set(key, { at: text.at(0), value });
  return length;
};

/** Reads `{ name=value … }`, with which `text` begins. `undefined`: they cannot be read (reported). */
export const readBraces = (text: Text, report: Report): Attributes | undefined => {
  const attributes: Attributes = new Map();
  let offset = 1;
  for (;;) {
    offset += /^\s*/.exec(text.text.slice(offset))?.[0].length ?? 0;
    if (offset >= text.text.length) {
      report(text.at(0), 'these braces are not closed; end the attributes with `}` on the same line');
      return undefined;
    }
    if (text.text[offset] === '}') break;
    const length = readAttribute(slice(text, offset), attributes, report);
    if (length === undefined) return undefined;
    offset += length;
  }
  const rest = trim(slice(text, offset + 1));
  if (rest.text !== '')
    report(
      rest.at(0),
      `${quote(rest.text)} stands after the closing brace; only attributes inside the braces are read`,
    );
  return attributes;
};

/**
 * Reads what stands after the backticks. `documentation`: no braces, the fence is not for Pawl. `broken`: braces that
 * cannot be read, already reported.
 */
export const readInfo = (info: Text, report: Report): Info | 'documentation' | 'broken' => {
  if (!info.text.includes('{')) return 'documentation';
  if (refuseMarks(info, report)) return 'broken';
  const open = info.text.indexOf('{');
  const before = trim(slice(info, 0, open));
  if (before.text === '' || /\s/.test(before.text)) {
    const message =
      'braces mean that Pawl reads this fence, and stand right after its language, as in `sh { name=check }`';
    report(before.text === '' ? info.at(open) : before.at(0), message);
    return 'broken';
  }
  const attributes = readBraces(slice(info, open), report);
  return attributes === undefined ? 'broken' : { language: before.text, at: before.at(0), attributes };
};

/** A whole number and a unit. */
export const durationPattern = /^(\d{1,12})(ms|s|m|h|d)$/;
const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `500ms`, `30s`, `5m`, `2h`, `1d` in milliseconds, or what is wrong with it. */
export const parseDuration = (text: string, minMs: number, maxMs: number): number | string => {
  const match = durationPattern.exec(text);
  const zero = text === '0' && minMs === 0;
  if (match === null && !zero)
    return `${quote(text)} is not a duration; write a whole number and a unit, like 500ms, 30s, 5m, 2h or 1d`;
  const ms = match === null ? 0 : Number(match[1]) * unitMs[match[2] as keyof typeof unitMs];
  if (ms < minMs) return `${quote(text)} is too short; at least ${durationText(minMs)}`;
  if (ms > maxMs) return `${quote(text)} is too long; at most ${durationText(maxMs)}`;
  return ms;
};

export const durationText = (ms: number): string => {
  for (const unit of ['d', 'h', 'm', 's'] as const)
    if (ms >= unitMs[unit] && ms % unitMs[unit] === 0) return `${ms / unitMs[unit]}${unit}`;
  return `${ms}ms`;
};

/** Of a cell or parameter. */
export const namePattern = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/** Why a text is no name of a cell or parameter; `undefined`: it is one. */
export const nameProblem = (name: string): string | undefined => {
  if (name === '__proto__') return '`__proto__` cannot be a name; choose another one';
  if (namePattern.test(name)) return undefined;
  return `${quote(name)} is not a name; names are letters, digits and \`_\`, do not begin with a digit, and have at most 64 characters`;
};

/** Reports every attribute that is not among the known ones. */
export const refuseUnknown = (
  attributes: Attributes,
  known: readonly string[],
  where: string,
  report: Report,
): void => {
  for (const [name, { at }] of attributes) {
    if (!known.includes(name))
      report(
        at,
        `unknown attribute \`${name}\` ${where}${suggest(name, known) || `; known here: ${known.join(', ')}`}`,
      );
  }
};

/** The value of an attribute; a name without one is reported. */
export const textOfAttribute = (name: string, attributes: Attributes, report: Report): Text | undefined => {
  const attribute = attributes.get(name);
  if (attribute === undefined) return undefined;
  if (attribute.value === null) report(attribute.at, `\`${name}\` has no value; write \`${name}=…\``);
  return attribute.value ?? undefined;
};

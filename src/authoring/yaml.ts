/**
 * YAML for front matter: the plain part of it. Anchors, aliases, merge keys, tags, duplicate keys and deep nesting are
 * refused with their place, before anything is built from them, so that a small document stays a small document.
 */
import { Composer, type CST, isAlias, isMap, isScalar, isSeq, type Node, Parser, type YAMLMap } from 'yaml';
import { isKept, isLossy, limits } from '../engine/index.ts';
import { type Position, quote, type Report, refuseMarks, slice, type Text } from './text.ts';

/** A mapping's entries in document order, with their places. Values are plain JSON. */
export type Field = {
  key: string;
  at: Position;
  value: unknown;
  valueAt: Position;
  text: Text;
  /** A scalar between quotes, or a block of text: written as a text, whatever it looks like. */
  quoted: boolean;
  fields(): Field[] | null;
  /** The entries of a mapping, or of a list under their numbers; nothing of a scalar. */
  inside(): Field[];
  /** The texts of a list; `null` when it is none, or holds something else. */
  items(): Text[] | null;
};

/** How deep the syntax tree goes, counted without recursion; stops counting at `max`. */
const nestingOf = (token: CST.Token, max: number): { depth: number; offset: number } => {
  let deepest = { depth: 0, offset: 0 };
  const open: { token: CST.Token; depth: number }[] = [{ token, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next;
    if (depth > deepest.depth) deepest = { depth, offset: token.offset };
    if (depth > max) return deepest;
    if (token.type === 'document' && token.value) open.push({ token: token.value, depth });
    if (token.type !== 'block-map' && token.type !== 'block-seq' && token.type !== 'flow-collection') continue;
    for (const item of token.items) {
      if (item.key) open.push({ token: item.key, depth: depth + 1 });
      if (item.value) open.push({ token: item.value, depth: depth + 1 });
    }
  }
  return deepest;
};

/** The characters of a scalar with their places: exact where it is written as it reads, else its beginning. */
const scalarText = (source: Text, node: Node, value: unknown): Text => {
  const [start, end] = node.range ?? [0, 0];
  const text = typeof value === 'string' ? value : '';
  const within = source.text.slice(start, end).indexOf(text);
  if (within !== -1) return slice(source, start + within, start + within + text.length);
  return { text, at: () => source.at(start) };
};

/** The entries of a mapping; whatever is not a plain entry is reported and left out. */
const entriesOf = (source: Text, map: YAMLMap, report: Report): { key: string; at: Position; node: Node | null }[] => {
  const entries = new Map<string, { key: string; at: Position; node: Node | null }>();
  for (const pair of map.items) {
    const keyNode = pair.key as Node | null;
    const at = source.at(keyNode?.range?.[0] ?? map.range?.[0] ?? 0);
    plain(source, keyNode, report);
    const key = isScalar(keyNode) && keyNode.value !== null ? String(keyNode.value) : undefined;
    if (key === undefined) report(at, 'a key here must be a plain text');
    else if (key === '<<') report(at, 'YAML merge keys are not read here; write the entries out');
    else if (key === '__proto__') report(at, '`__proto__` cannot be a key here; choose another name');
    else if (entries.has(key)) report(at, `the key ${quote(key)} stands here twice; keep one`);
    else entries.set(key, { key, at, node: pair.value as Node | null });
  }
  return [...entries.values()];
};

/** Whether a number is another one than what is written; YAML has hexadecimal and octal ones as well. */
const isOther = (written: string, value: number): boolean =>
  /^0[xo]/.test(written) ? BigInt(written) !== BigInt(value) : isLossy(written);

/** Turns a node into plain JSON and reports everything that is not plain on the way. Depth is bounded by `readYaml`. */
const plain = (source: Text, node: Node | null, report: Report): unknown => {
  if (node === null) return null;
  const at = source.at(node.range?.[0] ?? 0);
  if (isAlias(node)) {
    report(at, 'YAML aliases are not read here; write the value out');
    return null;
  }
  if ('anchor' in node && node.anchor !== undefined)
    report(at, 'YAML anchors are not read here; write the value out where it is used');
  if ('tag' in node && node.tag !== undefined)
    report(at, `the YAML tag ${quote(String(node.tag))} is not read here; write a plain value`);
  if (isSeq(node)) return node.items.map((item) => plain(source, item as Node | null, report));
  if (isMap(node)) {
    return Object.fromEntries(
      entriesOf(source, node, report).map((entry) => [entry.key, plain(source, entry.node, report)]),
    );
  }
  if (!isScalar(node)) return null;
  if (typeof node.value === 'number') {
    const written = node.source ?? String(node.value);
    if (/^[-+]?\.(inf|nan)$/i.test(written)) report(at, 'this number is not finite; JSON has no such value');
    else if (isOther(written, node.value) || !isKept(node.value)) {
      const why = isOther(written, node.value)
        ? `it would become ${node.value}`
        : `whole ones go up to ${Number.MAX_SAFE_INTEGER}`;
      report(
        at,
        `${quote(written)} cannot be kept as a number (${why}); put it in quotes, and declare what holds it as a string`,
      );
    }
  }
  // Reported above; further complaints about its type would only hide that.
  if (node.value === Number.POSITIVE_INFINITY) return Number.MAX_VALUE;
  return node.value ?? null;
};

const fieldOf =
  (source: Text) =>
  ({ key, at, node }: { key: string; at: Position; node: Node | null }): Field => {
    const value = plain(source, node, () => {});
    const text = node === null ? { text: '', at: () => at } : scalarText(source, node, value);
    const valueAt = node?.range ? source.at(node.range[0]) : at;
    const fields = (): Field[] | null => (isMap(node) ? fieldsOf(source, node) : null);
    const items = (): Text[] | null => {
      if (!isSeq(node)) return null;
      const scalars = node.items.filter((item) => isScalar(item) && typeof item.value === 'string');
      if (scalars.length < node.items.length) return null;
      return scalars.map((item) => scalarText(source, item as Node, (item as { value: unknown }).value));
    };
    const inside = (): Field[] => {
      if (!isSeq(node)) return fields() ?? [];
      return node.items.map((item, index) => {
        const entry = item as Node | null;
        const place = entry?.range ? source.at(entry.range[0]) : valueAt;
        return fieldOf(source)({ key: String(index), at: place, node: entry });
      });
    };
    const quoted = isScalar(node) && node.type !== 'PLAIN';
    return { key, at, value, valueAt, text, quoted, fields, inside, items };
  };

const fieldsOf = (source: Text, map: YAMLMap): Field[] => entriesOf(source, map, () => {}).map(fieldOf(source));

/** The top-level fields of a YAML text; `undefined` when it is not a mapping (reported). */
export const readYaml = (source: Text, report: Report, what = 'the front matter'): Field[] | undefined => {
  if (Buffer.byteLength(source.text) > limits.frontMatterBytesMax) {
    report(source.at(0), `${what} is larger than ${limits.frontMatterBytesMax} bytes; shorten it`);
    return undefined;
  }
  if (refuseMarks(source, report)) return undefined;
  const tokens = [...new Parser().parse(source.text)];
  for (const token of tokens) {
    const { depth, offset } = nestingOf(token, limits.frontMatterNestingMax);
    if (depth <= limits.frontMatterNestingMax) continue;
    report(source.at(offset), `${what} is nested deeper than ${limits.frontMatterNestingMax} levels; flatten it`);
    return undefined;
  }
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    merge: false,
    uniqueKeys: false,
    logLevel: 'silent',
    prettyErrors: false,
  });
  const [document, second] = [...composer.compose(tokens)];
  if (second !== undefined) report(source.at(second.range?.[0] ?? 0), `${what} holds several YAML documents; keep one`);
  for (const error of document?.errors ?? []) report(source.at(error.pos[0]), `${what} is not YAML: ${error.message}`);
  for (const warning of document?.warnings ?? []) {
    if (warning.code !== 'TAG_RESOLVE_FAILED')
      report(source.at(warning.pos[0]), `${what} is not plain YAML: ${warning.message}`);
  }
  const contents = document?.contents ?? null;
  if (contents !== null && isMap(contents)) {
    plain(source, contents, report);
    return fieldsOf(source, contents as YAMLMap);
  }
  if ((document?.errors.length ?? 0) === 0)
    report(source.at(0), `${what} is not a mapping of keys and values, like \`runbook: <id>\``);
  return undefined;
};

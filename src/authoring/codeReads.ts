/**
 * Which outputs a module can read, without running it. Sound: whenever a use of `outputs` is not plainly
 * `outputs.<cell>`, every earlier output counts as read.
 */
import type { Node, Program } from 'acorn';
import { runIsOfTheEnd } from './runRoot.ts';
import { referToSecret, usedNamesIn } from './secrets.ts';
import { type Reads, referToCell, type Surroundings } from './surroundings.ts';
import type { Report, Text } from './text.ts';

type Fields = Record<string, unknown>;
type Place = { node: Node; parents: readonly Node[] };

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string' && 'start' in value;

const fieldOf = (node: Node, name: string): unknown => (node as unknown as Fields)[name];
const nodeOf = (node: Node, name: string): Node | undefined => {
  const value = fieldOf(node, name);
  return isNode(value) ? value : undefined;
};
const nodesOf = (node: Node, name: string): Node[] => {
  const value = fieldOf(node, name);
  return Array.isArray(value) ? value.filter(isNode) : [];
};

const identifiersOf = (program: Program): Map<string, Place[]> => {
  const found = new Map<string, Place[]>();
  const visit = (node: Node, parents: readonly Node[]): void => {
    if (node.type === 'Identifier') {
      const name = String(fieldOf(node, 'name'));
      const places = found.get(name) ?? [];
      places.push({ node, parents });
      found.set(name, places);
    }
    const inner = [node, ...parents.slice(0, 3)];
    for (const value of Object.values(node)) {
      if (isNode(value)) visit(value, inner);
      else if (Array.isArray(value)) for (const entry of value) if (isNode(entry)) visit(entry, inner);
    }
  };
  visit(program, []);
  return found;
};

/** A name that only labels something: `x.name`, `{ name: … }`. */
const isLabel = ({ node, parents: [parent] }: Place): boolean => {
  if (parent === undefined || fieldOf(parent, 'computed') === true) return false;
  if (parent.type === 'MemberExpression') return nodeOf(parent, 'property') === node;
  const labelled = ['Property', 'MethodDefinition', 'PropertyDefinition'].includes(parent.type);
  return labelled && nodeOf(parent, 'key') === node && fieldOf(parent, 'shorthand') !== true;
};

/** The text of a literal key, `undefined` when it is computed. */
const keyOf = (key: Node | undefined, computed: boolean): string | undefined => {
  if (key?.type === 'Identifier' && !computed) return String(fieldOf(key, 'name'));
  if (key?.type === 'Literal') return String(fieldOf(key, 'value'));
  return undefined;
};

/** Thrown when it cannot be told what is read. */
class Unclear extends Error {}

/** What is taken out of a value: its keys with the pattern or place each goes to. */
type Taken = { key: string; at: Node; pattern?: Node; use?: Place };

const takenByPattern = (pattern: Node): Taken[] => {
  if (pattern.type === 'AssignmentPattern') return takenByPattern(nodeOf(pattern, 'left') ?? pattern);
  if (pattern.type !== 'ObjectPattern') throw new Unclear();
  return nodesOf(pattern, 'properties').map((property) => {
    const keyNode = nodeOf(property, 'key');
    const key = keyOf(keyNode, fieldOf(property, 'computed') === true);
    const value = nodeOf(property, 'value');
    if (property.type !== 'Property' || key === undefined || keyNode === undefined || value === undefined)
      throw new Unclear();
    return { key, at: keyNode, pattern: value };
  });
};

const takenByUse = ({ node, parents }: Place): Taken[] => {
  const [parent, ...further] = parents;
  if (parent?.type === 'MemberExpression' && nodeOf(parent, 'object') === node) {
    const property = nodeOf(parent, 'property');
    const key = keyOf(property, fieldOf(parent, 'computed') === true);
    if (key === undefined || property === undefined) throw new Unclear();
    return [{ key, at: property, use: { node: parent, parents: further } }];
  }
  if (parent?.type === 'VariableDeclarator' && nodeOf(parent, 'init') === node) {
    const pattern = nodeOf(parent, 'id');
    if (pattern?.type === 'ObjectPattern') return takenByPattern(pattern);
  }
  throw new Unclear();
};

/** Adds the outputs that a module reads; reports those of cells that do not exist or come later. */
export const readsOfModule = (
  program: Program,
  exported: Node,
  body: Text,
  around: Surroundings,
  reads: Reads,
  report: Report,
): void => {
  const identifiers = identifiersOf(program);

  /** Everything taken out of the value that a pattern or a name receives. */
  const takenBy = (pattern: Node): Taken[] => {
    const target = pattern.type === 'AssignmentPattern' ? (nodeOf(pattern, 'left') ?? pattern) : pattern;
    if (target.type !== 'Identifier') return takenByPattern(target);
    const places = (identifiers.get(String(fieldOf(target, 'name'))) ?? []).filter((place) => !isLabel(place));
    // A second binding of the name shows as a use that takes nothing, and so do writing it and passing it on.
    const uses = places.filter(({ node }) => node.start !== target.start);
    return uses.flatMap(takenByUse);
  };
  const takenFrom = ({ pattern, use }: Taken): Taken[] =>
    pattern !== undefined ? takenBy(pattern) : use !== undefined ? takenByUse(use) : [];

  const first = firstParameter(exported, identifiers);
  if (first === undefined) return;
  try {
    if (first === 'unclear' || identifiers.has('arguments') || identifiers.has('eval')) throw new Unclear();
    const given = takenBy(first);
    const run = given.find(({ key }) => key === 'run');
    if (run !== undefined && around.atEnd === undefined) report(body.at(run.at.start), runIsOfTheEnd);
    const cells = given.filter(({ key }) => key === 'outputs').flatMap(takenFrom);
    if (cells.some(({ key }) => key in Object.prototype && !around.cells.has(key))) throw new Unclear();
    for (const { key, at } of cells) referToCell(key, body.at(at.start), around, reads, report);
  } catch (error) {
    if (!(error instanceof Unclear)) throw error;
    reads.all = true;
  }
  try {
    if (first === 'unclear' || identifiers.has('arguments') || identifiers.has('eval')) throw new Unclear();
    const secrets = takenBy(first)
      .filter(({ key }) => key === 'secrets')
      .flatMap(takenFrom);
    for (const { key, at } of secrets) referToSecret(key, body.at(at.start), around.secrets, reads.uses, report);
  } catch (error) {
    if (!(error instanceof Unclear)) throw error;
    // Whoever never says the word takes none.
    const named = identifiers.get('secrets')?.[0];
    if (named === undefined) return;
    usedNamesIn(body, around.secrets, reads.uses, report);
    reads.uses.unclear ??= body.at(named.node.start);
  }
};

/** The first parameter of the exported function; `undefined` when it has none. */
const firstParameter = (exported: Node, identifiers: Map<string, Place[]>): Node | 'unclear' | undefined => {
  let target = exported;
  if (target.type === 'Identifier') {
    const places = identifiers.get(String(fieldOf(target, 'name'))) ?? [];
    const declarator = places.find(({ node, parents: [parent, declaration] }) => {
      const isConst = declaration?.type === 'VariableDeclaration' && fieldOf(declaration, 'kind') === 'const';
      return parent?.type === 'VariableDeclarator' && nodeOf(parent, 'id') === node && isConst;
    });
    target = (declarator?.parents[0] && nodeOf(declarator.parents[0], 'init')) ?? target;
  }
  if (!['ArrowFunctionExpression', 'FunctionExpression', 'FunctionDeclaration'].includes(target.type)) return 'unclear';
  const [first] = nodesOf(target, 'params');
  if (first !== undefined) return first.type === 'RestElement' ? 'unclear' : first;
  return identifiers.has('arguments') || identifiers.has('eval') ? 'unclear' : undefined;
};

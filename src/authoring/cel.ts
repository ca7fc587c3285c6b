/**
 * The expression language: CEL, with a linear-time engine for regular expressions, arithmetic between whole and other
 * numbers (JSON has only one kind), and no function that knows the time, the time zone or chance.
 */
import { type ASTNode, Environment, type ParseResult } from '@marcbachmann/cel-js';
import { limits } from '../engine/index.ts';
import { compilePattern } from './patterns.ts';
import { ExpressionError } from './values.ts';

export type { ASTNode } from '@marcbachmann/cel-js';

/** Names of CEL types; `number` is what JSON calls one: `int` when it is whole, else `double`. */
export type FieldTypes = Readonly<Record<string, string>>;
export type VariableTypes = {
  fields: Readonly<Record<'params' | 'step' | 'claim' | 'run', FieldTypes>>;
  roots: FieldTypes;
};

const matches = (text: string, pattern: string): boolean => {
  if (text.length > limits.patternTextCharsMax) {
    throw new ExpressionError(`matches() reads at most ${limits.patternTextCharsMax} characters (patternTextCharsMax)`);
  }
  return compilePattern(pattern).test(text);
};

const join = (texts: unknown[], separator = ''): string => {
  let length = 0;
  for (const text of texts) {
    if (typeof text !== 'string') throw new ExpressionError('join() takes a list of texts');
    length += text.length + separator.length;
  }
  if (length > limits.renderedCharsMax)
    throw new ExpressionError(`join() makes at most ${limits.renderedCharsMax} characters (renderedCharsMax)`);
  return texts.join(separator);
};

/** The library reads a time without zone in the zone of the machine. */
const timestamp = (text: string): Date => {
  const date = new Date(/(Z|[+-]\d\d:\d\d)$/.test(text) ? text : Number.NaN);
  if (Number.isNaN(date.getTime())) throw new ExpressionError('timestamp() takes a text like 2026-01-31T10:00:00Z');
  return date;
};

/** Functions of the library that others here take the place of. */
const replaced: Readonly<Record<string, string>> = {
  matches: 'pawlMatches',
  join: 'pawlJoin',
  timestamp: 'pawlTimestamp',
};

/** What expressions may call; everything else is refused at publishing. */
export const functionNames: readonly string[] = [
  ...['size', 'string', 'int', 'double', 'bool', 'dyn', 'has', 'all', 'exists', 'exists_one', 'map', 'filter'],
  ...['contains', 'startsWith', 'endsWith', 'matches', 'lowerAscii', 'upperAscii', 'trim', 'indexOf', 'lastIndexOf'],
  ...['substring', 'split', 'join', 'timestamp', 'duration', 'getHours', 'getMinutes', 'getSeconds', 'getMilliseconds'],
];

/** Functions whose first argument is a name for each element of the list or map before the dot. */
export const comprehensions: readonly string[] = ['all', 'exists', 'exists_one', 'map', 'filter'];

const language = new Environment({
  homogeneousAggregateLiterals: false,
  limits: {
    maxAstNodes: limits.expressionNodesMax,
    maxDepth: limits.expressionDepthMax,
    maxListElements: limits.expressionListMax,
    maxMapEntries: limits.expressionListMax,
    maxCallArguments: 8,
  },
})
  .registerFunction('string.pawlMatches(string): bool', matches)
  .registerFunction('list.pawlJoin(): string', join)
  .registerFunction('list.pawlJoin(string): string', join)
  .registerFunction('pawlTimestamp(string): google.protobuf.Timestamp', timestamp);

const mixed: Record<string, (a: number, b: number) => number> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
};
language.registerOperator('int == double', (a: bigint, b: number) => Number.isInteger(b) && a === BigInt(b));
for (const [operator, compute] of Object.entries(mixed)) {
  language.registerOperator(`int ${operator} double: double`, (a: bigint, b: number) => compute(Number(a), b));
  language.registerOperator(`double ${operator} int: double`, (a: number, b: bigint) => compute(a, Number(b)));
}

/** As expressions are evaluated: nothing is known of the values before they are there. */
const endsType = 'map<string, map<string, string>>';
const registerPlain = (into: Environment): void => {
  into.registerVariable('status', 'string').registerVariable('cells', endsType);
  for (const name of ['params', 'outputs', 'step', 'claim', 'run']) into.registerVariable(name, 'map<string, dyn>');
  for (const name of ['output', 'exitCode', 'error']) into.registerVariable(name, 'dyn');
};
const environment = language.clone();
registerPlain(environment);

/**
 * As expressions are checked at publishing. `fields`: names with known fields; `whole` uses them in another way than by
 * a literal field, so that they are maps there.
 */
const typedEnvironment = (
  { fields, roots }: VariableTypes,
  number: string,
  whole: ReadonlySet<string>,
): Environment => {
  const typed = language.clone().registerVariable('outputs', 'map<string, dyn>').registerVariable('cells', endsType);
  for (const [name, type] of Object.entries(roots)) typed.registerVariable(name, type);
  for (const [name, types] of Object.entries(fields)) {
    const known = Object.entries(types).map(([field, type]) => [field, type === 'number' ? number : type]);
    if (known.length === 0 || whole.has(name)) typed.registerVariable(name, 'map<string, dyn>');
    else typed.registerVariable({ name, schema: Object.fromEntries(known) });
  }
  return typed;
};

const environments = new WeakMap<VariableTypes, Map<string, Environment>>();

/**
 * Parsers that know the types: two when a parameter may be whole or not, since an expression is refused only when it can
 * hold for neither.
 */
export const typedParsers = (types: VariableTypes, whole: ReadonlySet<string>): ((source: string) => ParseResult)[] => {
  const known = environments.get(types) ?? new Map<string, Environment>();
  environments.set(types, known);
  const isOpen = Object.values(types.fields).some((fields) => Object.values(fields).includes('number'));
  return (isOpen ? ['int', 'double'] : ['int']).map((number) => {
    const key = [number, ...[...whole].sort()].join();
    const found = known.get(key) ?? typedEnvironment(types, number, whole);
    known.set(key, found);
    return (source) => found.parse(source);
  });
};

/** Calls `visit` for every node as it is written, outermost first, without recursion. */
export const walk = (root: ASTNode, visit: (node: ASTNode) => void): void => {
  const open: unknown[] = [root];
  while (open.length > 0) {
    const next = open.pop();
    if (Array.isArray(next)) open.push(...next);
    else if (isNode(next)) {
      visit(next);
      open.push(next.args);
    }
  }
};

export const isNode = (value: unknown): value is ASTNode =>
  typeof value === 'object' && value !== null && 'op' in value && 'args' in value;

/** Environments with the names of elements, which an author gives in sections with `each`. */
const elementEnvironments = new Map<string, Environment>();
const elementEnvironmentsMax = 100;
const environmentWith = (names: readonly string[]): Environment => {
  if (names.length === 0) return environment;
  const key = names.join();
  const found = elementEnvironments.get(key);
  if (found !== undefined) return found;
  const made = language.clone();
  if (elementEnvironments.size >= elementEnvironmentsMax) elementEnvironments.clear();
  registerPlain(made);
  for (const name of names) made.registerVariable(name, 'dyn');
  elementEnvironments.set(key, made);
  return made;
};

/**
 * Parses an expression. Throws the library's error, or an `ExpressionError` when it is too long.
 * @param names further ones that it may use: elements of sections with `each`
 */
export const parseExpression = (source: string, names: readonly string[] = []): ParseResult => {
  if (source.length > limits.expressionCharsMax) {
    throw new ExpressionError(`an expression has at most ${limits.expressionCharsMax} characters (expressionCharsMax)`);
  }
  return environmentWith(names).parse(source);
};

/** Puts our functions in the place of the library's. After this the tree no longer reads as it was written. */
export const useOwnFunctions = (root: ASTNode): void =>
  walk(root, ({ op, args }) => {
    if (op !== 'call' && op !== 'rcall') return;
    const own = Object.hasOwn(replaced, args[0]) ? replaced[args[0]] : undefined;
    if (own !== undefined) args[0] = own;
  });

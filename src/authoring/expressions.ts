/** CEL at publishing: parsed, bounded, its references and types checked; and evaluated later over a scope. */
import { type ASTNode, Environment, ParseError, TypeError } from '@marcbachmann/cel-js';
import { limits } from '../engine/limits.ts';
import type { Evaluated, Expression, Scope } from '../engine/index.ts';
import { evaluateNode, loops, typeNames } from './evaluate.ts';
import { functions, methods, type Table } from './functions.ts';
import { patternProblem } from './patterns.ts';
import { type Reads, referToCell, referToParam, type Root, stepFields, type Surroundings } from './surroundings.ts';
import { list, type Position, quote, type Report, suggest, type Text } from './text.ts';
import { createFuel, ExpressionError, toJson } from './values.ts';

const environment = new Environment({
  homogeneousAggregateLiterals: false,
  limits: { maxAstNodes: limits.expressionNodesMax, maxDepth: limits.expressionDepthMax },
})
  .registerVariable('params', 'map<string, dyn>')
  .registerVariable('outputs', 'map<string, dyn>')
  .registerVariable('step', 'map<string, dyn>')
  .registerVariable('output', 'dyn')
  .registerVariable('status', 'string')
  .registerVariable('exitCode', 'dyn')
  .registerVariable('error', 'dyn');
// The checker should not refuse what the evaluation can do: whole and fractional numbers together.
for (const op of ['+', '-', '*', '/', '%']) {
  environment.registerOperator(`int ${op} double: double`, () => 0).registerOperator(`double ${op} int: double`, () => 0);
}
environment.registerOperator('double % double: double', () => 0).registerOperator('int == double', () => false);

type Parsed = ReturnType<typeof environment.parse>;
const parsed = new Map<string, Parsed>();
const parsedMax = 1000;

const parse = (source: string): Parsed => {
  const known = parsed.get(source);
  if (known !== undefined) return known;
  const fresh = environment.parse(source);
  if (parsed.size >= parsedMax) parsed.clear();
  parsed.set(source, fresh);
  return fresh;
};

type Walk = { source: Text; around: Surroundings; reads: Reads; report: Report; bound: ReadonlySet<string>; loops: number; depth: number };

const childrenOf = (node: ASTNode): readonly ASTNode[] => {
  switch (node.op) {
    case 'value':
    case 'id':
      return [];
    case '.':
    case '.?':
      return [node.args[0]];
    case 'call':
      return node.args[1];
    case 'rcall':
      return [node.args[1], ...node.args[2]];
    case 'map':
      return node.args.flat();
    case '!_':
    case '-_':
      return [node.args];
    default:
      return node.args;
  }
};

const literal = (node: ASTNode | undefined): string | undefined =>
  node?.op === 'value' && typeof node.args === 'string' ? node.args : undefined;

/** A field of one of the scope's names, literally given: `outputs.cleanup`, `outputs["cleanup"]`, `"cleanup" in outputs`. */
const referenceOf = (node: ASTNode): { root: ASTNode & { op: 'id' }; field: string; offset: number } | undefined => {
  if (node.op === '.' && node.args[0].op === 'id') {
    return { root: node.args[0], field: node.args[1], offset: node.end - node.args[1].length };
  }
  const [owner, key] = node.op === 'in' ? [node.args[1], node.args[0]] : node.op === '[]' ? node.args : [];
  const field = literal(key);
  return owner?.op === 'id' && key !== undefined && field !== undefined ? { root: owner, field, offset: key.start } : undefined;
};

const refer = (root: string, field: string, at: Position, { around, reads, report }: Walk): void => {
  if (root === 'outputs') referToCell(field, at, around, reads, report);
  else if (root === 'params') referToParam(field, at, around, report);
  else if (root === 'step' && !(stepFields as readonly string[]).includes(field)) {
    report(at, `\`step\` has no field ${quote(field)}${suggest(field, stepFields) || `; it has ${list(stepFields)}`}`);
  }
};

const checkName = (name: string, at: Position, { around, bound, report }: Walk): void => {
  if (bound.has(name) || typeNames.has(name) || (around.roots as readonly string[]).includes(name)) return;
  if (name === 'secrets') report(at, 'secrets arrive with a later version of Pawl; this reference cannot be used yet');
  else if (['output', 'status', 'exitCode', 'error'].includes(name)) {
    report(at, `\`${name}\` is known in expectations only; here are known ${list(around.roots)}`);
  } else if (['params', 'outputs', 'step'].includes(name)) {
    report(at, `\`${name}\` is not known here; here are known ${list(around.roots)}`);
  } else report(at, `there is no ${quote(name)} here${suggest(name, around.roots) || `; known are ${list(around.roots)}`}`);
};

const checkCall = (name: string, count: number, table: Table, at: Position, report: Report): void => {
  const known = table.get(name);
  const names = [...table.keys(), ...(table === methods ? loops.keys() : ['has'])];
  if (known === undefined) report(at, `there is no function ${quote(name)}${suggest(name, names) || `; known are ${list(names)}`}`);
  else if (!known.counts.includes(count)) report(at, `\`${name}\` takes ${known.counts.join(' or ')} arguments, not ${count}`);
};

/** `items.all(item, …)`: the variable is known in the rest of the arguments only. */
const walkLoop = (node: ASTNode & { op: 'rcall' }, walk: Walk): void => {
  const [name, receiver, [variable, ...rest]] = node.args;
  walkNode(receiver, walk);
  if (variable?.op !== 'id') return;
  const at = walk.source.at(variable.start);
  if (walk.loops >= limits.expressionLoopNestingMax) {
    walk.report(walk.source.at(node.start), `\`${name}\` stands inside of ${limits.expressionLoopNestingMax} others; that is as deep as it goes`);
    return;
  }
  if ((walk.around.roots as readonly string[]).includes(variable.args) || walk.bound.has(variable.args)) {
    walk.report(at, `\`${variable.args}\` has a meaning here already; give the variable another name`);
  }
  const inner = { ...walk, bound: new Set([...walk.bound, variable.args]), loops: walk.loops + 1, depth: walk.depth + 1 };
  for (const argument of rest) walkNode(argument, inner);
};

const walkNode = (node: ASTNode, walk: Walk): void => {
  const { source, report } = walk;
  const at = source.at(node.start);
  if (walk.depth > limits.expressionDepthMax) {
    throw new ExpressionError(`the expression is nested deeper than ${limits.expressionDepthMax} levels; split it`);
  }
  if (node.op === 'value' && typeof node.args === 'object' && node.args !== null) {
    report(at, 'unsigned and byte literals are not available; write a number or a string');
  }
  if (node.op === 'rcall' && loops.get(node.args[0])?.includes(node.args[2].length)) return walkLoop(node, walk);
  if (node.op === 'rcall') checkCall(node.args[0], node.args[2].length, methods, at, report);
  if (node.op === 'call' && node.args[0] !== 'has') checkCall(node.args[0], node.args[1].length, functions, at, report);
  if (node.op === 'rcall' && node.args[0] === 'matches') {
    const pattern = node.args[2][0];
    const problem = patternProblem(literal(pattern) ?? '');
    if (problem !== undefined) report(source.at(pattern?.start ?? node.start), `${problem}; patterns are those of RE2`);
  }
  if (node.op === 'id') {
    checkName(node.args, at, walk);
    if (node.args === 'outputs') walk.reads.all = true;
    return;
  }
  const reference = referenceOf(node);
  const inner = { ...walk, depth: walk.depth + 1 };
  if (reference !== undefined && !walk.bound.has(reference.root.args) && (walk.around.roots as readonly string[]).includes(reference.root.args)) {
    return refer(reference.root.args, reference.field, source.at(reference.offset), walk);
  }
  for (const child of childrenOf(node)) walkNode(child, inner);
};

/** The message of the library, without the source excerpt that it appends. */
const reportLibraryError = (error: unknown, source: Text, report: Report): void => {
  if (error instanceof RangeError) return report(source.at(0), 'the expression is nested too deeply; split it');
  if (error instanceof ExpressionError) return report(source.at(0), error.message);
  if (!(error instanceof ParseError) && !(error instanceof TypeError)) return report(source.at(0), 'the expression cannot be read');
  const text = error.summary.replace(/ \(\d+\)$/, ` ($&)`).replace(/\( \((\d+)\)\)/, '(at most $1)');
  report(source.at(Math.min(error.range?.start ?? 0, source.text.length)), `the expression is refused: ${text}`);
};

/** Checks one expression where it stands; `condition`: its value must be true or false. What it reads is added to `reads`. */
export const checkExpression = (source: Text, condition: boolean, around: Surroundings, reads: Reads, report: Report): void => {
  if (source.text.trim() === '') return report(source.at(0), 'an expression is missing here');
  if (source.text.length > limits.expressionCharsMax) {
    return report(source.at(0), `the expression has more than ${limits.expressionCharsMax} characters; split it`);
  }
  try {
    const { ast, check } = parse(source.text);
    let reported = 0;
    const counted: Report = (at, message) => {
      reported += 1;
      report(at, message);
    };
    walkNode(ast, { source, around, reads, report: counted, bound: new Set(), loops: 0, depth: 0 });
    if (reported > 0) return;
    const { valid, type, error } = check();
    if (!valid) reportLibraryError(error, source, report);
    else if (condition && type !== 'bool' && !type?.startsWith('dyn')) {
      report(source.at(0), `a condition must be true or false; this is ${type}`);
    }
  } catch (error) {
    reportLibraryError(error, source, report);
  }
};

/** The value of an expression over a scope. Deterministic, bounded, never throws. */
export const evaluate = ({ source }: Pick<Expression, 'source'>, scope: Scope): Evaluated => {
  const names = {
    has: (name: string) => Object.hasOwn(scope, name) && scope[name as Root] !== undefined,
    get: (name: string) => scope[name as Root],
  };
  try {
    if (source.length > limits.expressionCharsMax) throw new ExpressionError('the expression is too long');
    const fuel = createFuel();
    return { kind: 'value', value: toJson(evaluateNode(parse(source).ast, names, fuel), fuel) };
  } catch (error) {
    const known = error instanceof ExpressionError ? error.message : undefined;
    const unreadable = error instanceof ParseError ? error.summary : 'it cannot be evaluated';
    return { kind: 'error', message: `${quote(source)}: ${known ?? unreadable}`.slice(0, limits.errorMessageCharsMax) };
  }
};

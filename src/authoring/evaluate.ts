/**
 * Evaluates expressions: the same scope always gives the same answer. Each step and each large value costs something,
 * and an evaluation that costs too much ends with an error, at the same place on every machine. A time limit stands
 * behind that, in case a machine is so slow that the cost does not tell.
 */
import { createContext, Script } from 'node:vm';
import { TypeError as CelTypeError, EvaluationError, ParseError } from '@marcbachmann/cel-js';
import type { Evaluated, Scope } from '../engine/index.ts';
import { limits } from '../engine/index.ts';
import { type ASTNode, isNode, parseExpression, useOwnFunctions, walk } from './cel.ts';
import { deepWeightOf, ExpressionError, fromCel, toCel, weightOf } from './values.ts';

class TooCostly extends Error {}

type Operation = (...args: unknown[]) => unknown;
/** What the library keeps of a node beside its published shape: macros become other nodes. */
type Inner = { evaluate: Operation; meta?: { alternate?: unknown } };

/** What a value costs: nothing when it is the list that a comprehension is filling, all of it when it is compared. */
type Weighed = 'none' | 'size' | 'whole';
const comparing = new Set(['==', '!=', 'in']);

/** Every node of the tree as it will be run, with what its value costs. */
const runNodes = (root: ASTNode): Map<ASTNode, Weighed> => {
  const nodes = new Map<ASTNode, Weighed>();
  const open: { value: unknown; weighed: Weighed }[] = [{ value: root, weighed: 'size' }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, weighed } = next;
    if (Array.isArray(value)) for (const entry of value) open.push({ value: entry, weighed });
    else if (isNode(value)) {
      if (nodes.has(value)) continue;
      nodes.set(value, String(value.op).startsWith('accu') ? 'none' : weighed);
      const { alternate } = (value as unknown as Inner).meta ?? {};
      open.push({ value: alternate ?? value.args, weighed: comparing.has(value.op) ? 'whole' : 'size' });
    } else if (typeof value === 'object' && value !== null && 'iterable' in value && 'step' in value) {
      open.push({ value: value.iterable, weighed: 'size' }, { value: value.step, weighed: 'none' });
    }
  }
  return nodes;
};

/** Makes every step of the tree pay for itself and for its value. */
const meter = (root: ASTNode): void => {
  let left: number = limits.expressionFuelMax;
  // One object for all: quantifiers catch what their steps throw and go on, which must stay cheap.
  const tooCostly = new TooCostly();
  for (const [node, weighed] of runNodes(root)) {
    const inner = node as unknown as Inner;
    // The library replaces a node's own `evaluate` when it first runs; the setter keeps ours in front.
    let evaluate: Operation = inner.evaluate;
    const metered = (...args: unknown[]): unknown => {
      left -= 1;
      if (left < 0) throw tooCostly;
      const value = evaluate.apply(node, args);
      if (weighed !== 'none') left -= weighed === 'whole' ? deepWeightOf(value) : weightOf(value);
      if (left < 0) throw tooCostly;
      return value;
    };
    const set = (replacement: Operation): void => {
      evaluate = replacement;
    };
    Object.defineProperty(inner, 'evaluate', { get: () => metered, set, configurable: true });
  }
};

/** What the expression reads of the scope, and only that: outputs may be large. */
const contextOf = (root: ASTNode, scope: Scope): Record<string, unknown> => {
  const whole = new Set<string>();
  const cells = new Set<string>();
  const selected = new Set<ASTNode>();
  walk(root, (node) => {
    if (node.op === '.' && node.args[0].op === 'id' && node.args[0].args === 'outputs') {
      cells.add(node.args[1]);
      selected.add(node.args[0]);
    }
    if (node.op === 'id' && !selected.has(node)) whole.add(node.args);
  });
  const context: Record<string, unknown> = Object.create(null);
  for (const [name, value] of Object.entries(scope)) {
    if (whole.has(name) && value !== undefined) context[name] = toCel(value);
  }
  for (const [name, value] of Object.entries(scope.each ?? {})) if (whole.has(name)) context[name] = toCel(value);
  if (!whole.has('outputs')) {
    const outputs = [...cells].filter((cell) => Object.hasOwn(scope.outputs, cell));
    context.outputs = new Map(outputs.map((cell) => [cell, toCel(scope.outputs[cell])]));
  }
  return context;
};

const sandbox = createContext(Object.create(null));
const runner = new Script('run()');

/** Runs a function under the time limit, which interrupts even its loops. */
export const timed = <T>(run: () => T): T => {
  let result: { value: T } | undefined;
  sandbox.run = () => {
    result = { value: run() };
  };
  runner.runInContext(sandbox, { timeout: limits.expressionTimeMsMax });
  if (result === undefined) throw new TooCostly();
  return result.value;
};

/** Codes of the library whose messages quote values; values do not belong in an error. */
const plainMessages: Readonly<Record<string, string>> = {
  bool_conversion_error: 'bool() takes true, false, "true" or "false"',
  numeric_overflow: 'a whole number became too large',
  invalid_duration: 'duration() takes a text like 90s or 1h30m',
};

/** Why an expression could not be evaluated, without the values it saw. */
export const describeError = (error: unknown): string => {
  if (error instanceof TooCostly) return `it costs more than ${limits.expressionFuelMax} steps (expressionFuelMax)`;
  if (error instanceof ExpressionError) return error.message;
  if (error instanceof EvaluationError || error instanceof ParseError || error instanceof CelTypeError) {
    return (
      plainMessages[error.code] ?? error.summary.replace(/\bpawl([A-Z])/g, (_, first: string) => first.toLowerCase())
    );
  }
  // Of another realm, it may be no `Error` of this one.
  if ((error as { code?: unknown } | null)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') {
    return `it took longer than ${limits.expressionTimeMsMax} ms (expressionTimeMsMax)`;
  }
  return error instanceof RangeError ? `it is too large: ${error.message}` : 'it could not be computed';
};

/** Deterministic, bounded, never throws. Whole numbers come back as numbers, and as bigint beyond 2^53. */
export const evaluate = (source: string, scope: Scope): Evaluated => {
  try {
    // Parsed anew each time: the library keeps the state of a run in the tree, and an interrupted run would leave its own.
    const parsed = parseExpression(source, Object.keys(scope.each ?? {}));
    const { ast } = parsed;
    const context = contextOf(ast, scope);
    useOwnFunctions(ast);
    const checked = parsed.check();
    if (!checked.valid) throw checked.error;
    meter(ast);
    return { kind: 'value', value: fromCel(timed(() => parsed(context))) };
  } catch (error) {
    const quoted = source.length > 80 ? `${source.slice(0, 80)}…` : source;
    return { kind: 'error', message: `\`${quoted}\`: ${describeError(error)}` };
  }
};

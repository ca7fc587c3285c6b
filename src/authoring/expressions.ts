/** CEL at publishing: parsed, bounded, every name in it known, its types checked. */
import { cellEnds, claimStatuses, isLossy, limits } from '../engine/index.ts';
import { type ASTNode, comprehensions, functionNames, parseExpression } from './cel.ts';
import { checkTypes, namesOf, reportError } from './expressionTypes.ts';
import { patternProblem } from './patterns.ts';
import { both, conditionParts, type Present, presenceTestOf, presentBy } from './presence.ts';
import { askedEndOf, childrenOf, innerOfRun, literal, referenceOf } from './references.ts';
import { needFailed, referToRun, runIsOfTheEnd } from './runRoot.ts';
import {
  claimFields,
  expectationRoots,
  needPresent,
  type Reads,
  referToCell,
  referToEnd,
  referToParam,
  roots,
  type Surroundings,
} from './surroundings.ts';
import { list, type Position, quote, type Report, suggest, type Text } from './text.ts';

type Walk = {
  source: Text;
  around: Surroundings;
  reads: Reads;
  report: Report;
  bound: ReadonlySet<string>;
  loops: number;
  /** Names with fields that are used in another way than by a literal field. */
  whole: Set<string>;
};

const refer = (root: string, field: string, at: Position, { around, reads, report }: Walk): void => {
  if (root === 'outputs') referToCell(field, at, around, reads, report);
  else if (root === 'params') referToParam(field, at, around, report);
  else if (root === 'run') referToRun([field], at, around, report);
  else if (root === 'claim' && !(claimFields as readonly string[]).includes(field))
    report(
      at,
      `\`claim\` has no field ${quote(field)}${suggest(field, claimFields) || `; it has ${list(claimFields)}`}`,
    );
  else if (root === 'step' && !around.stepFields.includes(field)) {
    report(
      at,
      `\`step\` has no field ${quote(field)} here${suggest(field, around.stepFields) || `; it has ${list(around.stepFields)}`}`,
    );
  }
};

const refuseWhole = (at: Position, { around, report }: Walk): void => {
  if (around.roots.includes('cells')) report(at, 'of a cell only its `state` is known here, as in `cells.NAME.state`');
};

const checkName = (name: string, at: Position, { around, bound, report }: Walk): void => {
  const known: readonly string[] = around.roots;
  if (bound.has(name) || known.includes(name)) return;
  const here = `known here: ${list(known)}`;
  if (name === 'exitCode' && known.includes('status'))
    return report(
      at,
      'only a script has an `exitCode`: the expectations of an `sh` cell know it; look at `output`, `status` or `error`',
    );
  if (name === 'secrets')
    report(
      at,
      'a secret stands alone in the headers or the body of an `http` cell, as `{{ secrets.NAME }}`, and in code; nowhere else, and nothing is computed with it',
    );
  else if (name === 'run') report(at, `${runIsOfTheEnd}; ${here}`);
  else if ((expectationRoots as readonly string[]).includes(name))
    report(at, `\`${name}\` is known in expectations only; ${here}`);
  else if ((roots as readonly string[]).includes(name)) report(at, `\`${name}\` is not known here; ${here}`);
  else report(at, `there is nothing called ${quote(name)}${suggest(name, known) || `; ${here}`}`);
};

const checkFunction = (name: string, at: Position, report: Report): void => {
  if (functionNames.includes(name)) return;
  report(
    at,
    `there is no function ${quote(name)}${suggest(name, functionNames) || `; there are ${list(functionNames)}`}`,
  );
};

/** Words that a status can be: expectations are only looked at when the body ran. */
const wordsOf = (node: ASTNode): readonly string[] | undefined => {
  if (node.op === 'id' && node.args === 'status') return ['completed', 'failed'];
  if (askedEndOf(node) !== undefined) return cellEnds;
  const isClaims = node.op === '.' && node.args[0].op === 'id' && node.args[0].args === 'claim';
  return isClaims && node.args[1] === 'status' ? claimStatuses : undefined;
};

/** Reports a status that is compared with a word that it never is. */
const checkWords = (node: ASTNode, { source, bound, report }: Walk): void => {
  if (node.op !== '==' && node.op !== '!=' && node.op !== 'in') return;
  const [left, right] = node.args;
  const words = wordsOf(left) ?? (node.op === 'in' ? undefined : wordsOf(right));
  if (words === undefined || ['status', 'claim', 'cells'].some((name) => bound.has(name))) return;
  const others = wordsOf(left) === undefined ? [left] : right.op === 'list' ? right.args : [right];
  for (const other of others) {
    const word = literal(other);
    if (word !== undefined && !words.includes(word))
      report(
        source.at(other.start),
        `this status is never ${quote(word)}, it is ${list(words).replace(' and ', ' or ')}${suggest(word, words)}`,
      );
  }
};

const comprehensionOf = (node: ASTNode): [string, ASTNode, ASTNode[]] | undefined => {
  if (node.op !== 'rcall' || !comprehensions.includes(node.args[0])) return undefined;
  const count = node.args[2].length;
  return count === 2 || (count === 3 && node.args[0] === 'map') ? node.args : undefined;
};

/** `items.all(item, …)`: the variable is known in the rest of the arguments only. */
const walkComprehension = (
  node: ASTNode,
  [name, receiver, [variable, ...rest]]: [string, ASTNode, ASTNode[]],
  walk: Walk,
): void => {
  walkNode(receiver, walk);
  if (variable?.op !== 'id') return;
  const at = walk.source.at(variable.start);
  if (walk.loops >= limits.expressionLoopNestingMax) {
    const message = `\`${name}\` stands inside of ${limits.expressionLoopNestingMax} others (expressionLoopNestingMax); compute this in a cell`;
    return walk.report(walk.source.at(node.start), message);
  }
  if ((roots as readonly string[]).includes(variable.args) || walk.bound.has(variable.args)) {
    walk.report(at, `\`${variable.args}\` has a meaning here already; give the variable another name`);
  }
  const inner = { ...walk, bound: new Set([...walk.bound, variable.args]), loops: walk.loops + 1 };
  for (const argument of rest) walkNode(argument, inner);
};

const walkNode = (node: ASTNode, walk: Walk): void => {
  const { source, report } = walk;
  const at = source.at(node.start);
  if (node.op === 'value' && typeof node.args === 'object' && node.args !== null) {
    report(at, 'unsigned and byte literals are not available; write a number or a text');
  }
  const written = source.text.slice(node.start, node.end);
  if (node.op === 'value' && typeof node.args === 'number' && isLossy(written))
    report(
      at,
      `${quote(written)} would be computed with as ${node.args}; write a whole number without a fraction, or a shorter one`,
    );
  const comprehension = comprehensionOf(node);
  if (comprehension !== undefined) return walkComprehension(node, comprehension, walk);
  if (node.op === 'call' || node.op === 'rcall') checkFunction(node.args[0], at, report);
  if (node.op === 'rcall' && node.args[0] === 'matches') {
    const pattern = node.args[2][0];
    const problem = patternProblem(literal(pattern) ?? '');
    if (problem !== undefined) report(source.at(pattern?.start ?? node.start), problem);
  }
  if (node.op === 'map') {
    // The library leaves such entries out without a word.
    for (const [key] of node.args) {
      const name = literal(key) ?? '';
      if (['__proto__', 'constructor', 'prototype'].includes(name))
        report(source.at(key.start), `a map cannot have the key \`${name}\``);
    }
  }
  if (node.op === 'id') {
    checkName(node.args, at, walk);
    if (node.args === 'cells' && !walk.bound.has('cells')) refuseWhole(at, walk);
    walk.whole.add(node.args);
    // The whole of it is used: which cells cannot be told.
    if (node.args === 'outputs' && !walk.bound.has('outputs')) walk.reads.all = true;
    return;
  }
  checkWords(node, walk);
  const parts = conditionParts(node);
  if (parts !== undefined) {
    for (const [part, present] of parts)
      walkNode(part, { ...walk, around: { ...walk.around, present: both(walk.around.present, present) } });
    return;
  }
  const asked = presenceTestOf(node);
  if (asked !== undefined && node.op === 'call' && node.args[1][0] !== undefined && !walk.bound.has('outputs'))
    return referToCell(asked, source.at(node.args[1][0].end - asked.length), walk.around, walk.reads, report);
  const end = walk.around.roots.includes('cells') && !walk.bound.has('cells') ? askedEndOf(node) : undefined;
  if (end !== undefined) return referToEnd(end.name, source.at(end.offset), walk.around, walk.reads, report);
  const ofRun = walk.around.roots.includes('run') ? innerOfRun(node) : undefined;
  if (ofRun !== undefined) {
    referToRun(ofRun.path, source.at(ofRun.offset), walk.around, report);
    if (ofRun.path[0] === 'failed') needFailed(source.at(ofRun.offset), walk.around, report);
  }
  const reference = referenceOf(node);
  if (
    reference !== undefined &&
    !walk.bound.has(reference.root.args) &&
    (walk.around.roots as readonly string[]).includes(reference.root.args)
  ) {
    const { root, field, offset } = reference;
    if (root.args === 'cells') return refuseWhole(source.at(offset), walk);
    if (node.op === 'in') walk.whole.add(root.args);
    else if (root.args === 'outputs') needPresent(field, source.at(offset), walk.around, report);
    return refer(root.args, field, source.at(offset), walk);
  }
  for (const child of childrenOf(node)) walkNode(child, walk);
};

/**
 * Checks one expression where it stands; `condition`: its value must be true or false. The cells that it reads are
 * added to `reads`.
 */
export const checkExpression = (
  source: Text,
  condition: boolean,
  around: Surroundings,
  reads: Reads,
  report: Report,
): void => {
  if (source.text.trim() === '') return report(source.at(0), 'an expression is missing here');
  // As CEL it is a map in a map.
  if (/^\s*\{\{.*\}\}/s.test(source.text))
    return report(source.at(0), 'an expression stands here as it is, without `{{ }}`');
  try {
    const names = namesOf(around);
    const { ast } = parseExpression(source.text);
    let reported = false;
    const noted: Report = (at, message) => {
      reported = true;
      report(at, message);
    };
    const whole = new Set<string>();
    walkNode(ast, { source, around, reads, report: noted, bound: new Set(names), loops: 0, whole });
    if (!reported) checkTypes(source, condition, around, whole, report);
  } catch (error) {
    reportError(error, source, report);
  }
};

/** Checks that an expression is one, where nothing is known of what it names. */
export const checkForm = (source: Text, report: Report): void => {
  try {
    parseExpression(source.text);
  } catch (error) {
    reportError(error, source, report);
  }
};

/** Cells whose outputs are there when an expression is true, and when it is false; none when it cannot be read. */
export const presentIf = (source: string): Present => {
  try {
    return presentBy(parseExpression(source).ast);
  } catch {
    return { whenTrue: new Set(), whenFalse: new Set() };
  }
};

/** Outputs that may be absent, and expressions that look first: `has(outputs.x)`, `"x" in outputs`; and `run.failed != null`. */
import type { ASTNode } from './cel.ts';
import { runFailed } from './runRoot.ts';

/** Cells whose outputs are there when an expression is true, and when it is false. */
export type Present = { whenTrue: ReadonlySet<string>; whenFalse: ReadonlySet<string> };

const nothing: ReadonlySet<string> = new Set();
export const both = (a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> =>
  a.size === 0 ? b : b.size === 0 ? a : new Set([...a, ...b]);
const shared = (a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> =>
  new Set([...a].filter((name) => b.has(name)));

const isOutputs = (node: ASTNode | undefined): boolean => node?.op === 'id' && node.args === 'outputs';

/** The cell that a node asks about, when it does nothing but ask whether its output is there. */
export const presenceTestOf = (node: ASTNode): string | undefined => {
  if (node.op === 'in') {
    const [name, owner] = node.args;
    return isOutputs(owner) && name.op === 'value' && typeof name.args === 'string' ? name.args : undefined;
  }
  if (node.op !== 'call' || node.args[0] !== 'has') return undefined;
  const [asked] = node.args[1];
  return asked?.op === '.' && isOutputs(asked.args[0]) ? asked.args[1] : undefined;
};

const isFailed = (node: ASTNode): boolean =>
  node.op === '.' && node.args[1] === 'failed' && node.args[0].op === 'id' && node.args[0].args === 'run';
const isNull = (node: ASTNode): boolean => node.op === 'value' && node.args === null;

/** Whether a node does nothing but compare the failure with null. */
const looksAtFailed = (node: ASTNode): node is ASTNode & { op: '==' | '!=' } => {
  if (node.op !== '==' && node.op !== '!=') return false;
  const [left, right] = node.args;
  return (isFailed(left) && isNull(right)) || (isNull(left) && isFailed(right));
};

export const presentBy = (node: ASTNode): Present => {
  if (looksAtFailed(node)) {
    const found = new Set([runFailed]);
    return node.op === '!=' ? { whenTrue: found, whenFalse: nothing } : { whenTrue: nothing, whenFalse: found };
  }
  const asked = presenceTestOf(node);
  if (asked !== undefined) return { whenTrue: new Set([asked]), whenFalse: nothing };
  if (node.op === '!_') {
    const { whenTrue, whenFalse } = presentBy(node.args);
    return { whenTrue: whenFalse, whenFalse: whenTrue };
  }
  if (node.op !== '&&' && node.op !== '||') return { whenTrue: nothing, whenFalse: nothing };
  const [left, right] = [presentBy(node.args[0]), presentBy(node.args[1])];
  return node.op === '&&'
    ? { whenTrue: both(left.whenTrue, right.whenTrue), whenFalse: shared(left.whenFalse, right.whenFalse) }
    : { whenTrue: shared(left.whenTrue, right.whenTrue), whenFalse: both(left.whenFalse, right.whenFalse) };
};

/**
 * The parts of a condition, each with the cells that are known to be there where it counts. The order of `&&` and `||`
 * does not matter: what one side decides, a fault of the other does not undo.
 */
export const conditionParts = (node: ASTNode): [ASTNode, ReadonlySet<string>][] | undefined => {
  if (node.op === '&&' || node.op === '||') {
    const [left, right] = node.args;
    const side = node.op === '&&' ? 'whenTrue' : 'whenFalse';
    return [
      [left, presentBy(right)[side]],
      [right, presentBy(left)[side]],
    ];
  }
  if (node.op !== '?:') return undefined;
  const [condition, then, otherwise] = node.args;
  const { whenTrue, whenFalse } = presentBy(condition);
  return [
    [condition, nothing],
    [then, whenTrue],
    [otherwise, whenFalse],
  ];
};

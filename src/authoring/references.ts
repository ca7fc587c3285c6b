/** What the nodes of an expression refer to: a field of one of the names that are known where it stands. */
import type { ASTNode } from './cel.ts';

export const childrenOf = (node: ASTNode): readonly ASTNode[] => {
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

export const literal = (node: ASTNode | undefined): string | undefined =>
  node?.op === 'value' && typeof node.args === 'string' ? node.args : undefined;

/** A field of one of the scope's names, literally given: `outputs.cleanup`, `outputs["cleanup"]`, `"cleanup" in outputs`. */
export const referenceOf = (
  node: ASTNode,
): { root: ASTNode & { op: 'id' }; field: string; offset: number } | undefined => {
  if (node.op === '.' && node.args[0].op === 'id') {
    return { root: node.args[0], field: node.args[1], offset: node.end - node.args[1].length };
  }
  const [owner, key] = node.op === 'in' ? [node.args[1], node.args[0]] : node.op === '[]' ? node.args : [];
  const field = literal(key);
  return owner?.op === 'id' && key !== undefined && field !== undefined
    ? { root: owner, field, offset: key.start }
    : undefined;
};

/** `cells.NAME.state`: the cell that is asked how it ended. */
export const askedEndOf = (node: ASTNode): { name: string; offset: number } | undefined => {
  if (node.op !== '.' || node.args[1] !== 'state' || node.args[0].op === 'in') return undefined;
  const inner = referenceOf(node.args[0]);
  return inner?.root.args === 'cells' ? { name: inner.field, offset: inner.offset } : undefined;
};

/** `run.failed.cell`: a field, and one of that. */
export const innerOfRun = (node: ASTNode): { path: string[]; offset: number } | undefined => {
  if (node.op !== '.' || node.args[0].op === 'in') return undefined;
  const outer = referenceOf(node.args[0]);
  if (outer?.root.args !== 'run') return undefined;
  return { path: [outer.field, node.args[1]], offset: node.end - node.args[1].length };
};

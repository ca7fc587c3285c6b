/** What kind of thing a cell is: how it is carried out, whether it changes anything, and by what that is known. */
import type { CellKind } from './cellKinds.ts';
import { innerCells } from './levels.ts';
import { isReadingAction } from './reading.ts';
import type { Cell, CellBody } from './runbook.ts';
import { commitEffects } from './task.ts';

/** RFC 9110, 9.2.1: a client that uses one of these asks for no effect. */
const safeMethods: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];
export const isSafeMethod = (method: string): boolean => safeMethods.includes(method);

/** What says that the cell's request asks for no effect, which is its author's declaration: the method, the action. */
export const safeBy = ({ body }: Pick<Cell, 'body'>): string | undefined => {
  if (body.kind === 'http') return isSafeMethod(body.method) ? body.method : undefined;
  return body.kind === 'aws' && isReadingAction(body.action) ? body.action : undefined;
};
export const isSafe = (cell: Pick<Cell, 'body'>): boolean => safeBy(cell) !== undefined;

/** Why that declares it. */
export const safeText = (by: string): string => {
  if (by === commitEffects) return `${by}: nothing of it lands once the step is closed`;
  return isSafeMethod(by) ? `${by}, RFC 9110` : `${by}, which only reads`;
};

/** Whether all that a cell does is committed with its outcome: closing its step proves that it did not happen. */
export const isCommitted = ({ body }: Pick<Cell, 'body'>): boolean => body.kind === 'task' && body.effects === 'commit';

/** How a cell's `interrupted` reads: where it follows from the method, the action or the task alone, that is said. */
export const interruptedText = ({ interrupted, byMethod }: Pick<Cell, 'interrupted' | 'byMethod'>): string =>
  `interrupted=${interrupted}${byMethod === undefined ? '' : ` (${safeText(byMethod)})`}`;

/** Its kind in the words of whoever wrote it. */
export const kindWord = ({ body }: Pick<Cell, 'body'>): string =>
  body.kind === 'each' && body.parts !== undefined ? 'parallel' : body.kind;

/** Whether a cell of that kind is gone through by instances of their own. */
const isFamilyKind = (kind: CellKind): kind is 'each' | 'run' => kind === 'each' || kind === 'run';

/** What a cell is whose elements are instances of their own; `undefined`: it is no such cell. */
export const familyBody = ({ body }: Pick<Cell, 'body'>): Extract<CellBody, { kind: 'each' | 'run' }> | undefined =>
  isFamilyKind(body.kind) ? (body as Extract<CellBody, { kind: 'each' | 'run' }>) : undefined;

/** How a cell is carried out: with a reservation, by one outcome alone, or by waiting. */
export const natureOf = ({ body: { kind }, poll }: Cell): 'effect' | 'pure' | 'waiting' => {
  if (kind === 'assert' || kind === 'end' || kind === 'branch') return 'pure';
  if (kind === 'manual' || kind === 'await' || kind === 'approve' || kind === 'wait' || isFamilyKind(kind))
    return 'waiting';
  return poll === undefined ? 'effect' : 'waiting';
};

/** Whether a cell, or one of its section, is reserved. What another runbook does is not known here, so a `run` counts as if it did all. */
export const hasEffects = (cell: Cell): boolean => {
  if (cell.body.kind === 'each') return innerCells(cell).some(hasEffects);
  return cell.body.kind === 'run' || natureOf(cell) === 'effect';
};

/** Whether it has effects beyond its journal. */
export const changesSomething = (cell: Cell): boolean => {
  if (cell.body.kind === 'each') return innerCells(cell).some(changesSomething);
  return cell.body.kind === 'run' || (natureOf(cell) === 'effect' && !isSafe(cell));
};

/** Cancelling: an entry like any other. Nothing is reserved after it; in a family it is carried into the children. */

import { type Engine, saveView, stateOf } from '../call/call.ts';
import { change } from '../call/change.ts';
import { assertReason } from '../call/refusals.ts';
import type { By, State } from '../model/entries.ts';
import { isPawlError } from '../model/errors.ts';
import type { View } from '../model/view.ts';
import { cancelling } from '../waiting/cancelling.ts';
import { lookAtFamily, stillRunning } from '../waiting/family.ts';
import { endBroken } from './broken.ts';

type Running = { cell: string; seq: number; deadlineAtMs: number };
export type Cancelled = {
  view: View;
  /** A step that is still open: it may run until then, and its outcome is still recorded. */
  mayStillRun: Running | null;
  /** The same of elements of the section that it stands in. */
  elements: (Running & { instanceId: string })[];
};

const mayStillRun = ({ open }: State): Cancelled['mayStillRun'] =>
  open?.kind === 'reserved' ? { cell: open.cell, seq: open.seq, deadlineAtMs: open.deadlineAtMs } : null;

/** @throws PawlError `request.invalid`; `instance.finished` when it completed before */
export const cancel = async (engine: Engine, instanceId: string, reason: string, by: By): Promise<Cancelled> => {
  assertReason(reason, 'Cancelling');
  try {
    const { call, view } = await change(engine, instanceId, by, cancelling(instanceId, reason));
    const { open } = stateOf(call);
    if (open?.kind !== 'waiting' || open.family === undefined)
      return { view, mayStillRun: mayStillRun(stateOf(call)), elements: [] };
    // What this call does not reach, whoever looks next does.
    await lookAtFamily(call, open);
    return { view: await saveView(call), mayStillRun: null, elements: await stillRunning(call, open) };
  } catch (error) {
    if (!isPawlError(error, 'journal.broken')) throw error;
    const { view, before } = await endBroken(engine, instanceId, reason, by, error);
    return { view, mayStillRun: before === null ? null : mayStillRun(before), elements: [] };
  }
};

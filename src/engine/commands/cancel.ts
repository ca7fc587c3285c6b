/** Cancelling: an entry like any other. Nothing is reserved after it. */

import { type Call, type Engine, nextCell, stateOf } from '../call/call.ts';
import { type Change, change } from '../call/change.ts';
import { assertReason } from '../call/refusals.ts';
import type { By, State } from '../model/entries.ts';
import { isPawlError, PawlError } from '../model/errors.ts';
import type { Cell } from '../model/runbook.ts';
import type { View } from '../model/view.ts';
import { unsubscribe } from '../waiting/await.ts';
import { waitingEntry } from '../waiting/kind.ts';
import { endBroken } from './broken.ts';

export type Cancelled = {
  view: View;
  /** A step that is still open: it may run until then, and its outcome is still recorded. */
  mayStillRun: { cell: string; seq: number; deadlineAtMs: number } | null;
};

type Awaiting = { cell: Cell; about: number; claims: string[] };

/** The claims that an instance waits for, so that they need not wake what was cancelled. */
const awaitingOf = async (call: Call): Promise<Awaiting | null> => {
  const { open } = stateOf(call);
  const cell = nextCell(call);
  if (open?.kind !== 'waiting' || cell?.body.kind !== 'await') return null;
  return { cell, about: open.seq, claims: (await waitingEntry(call, open)).claims ?? [] };
};

/** An instance that is cancelled already, by whomever, stays as it is. @throws PawlError `instance.finished` */
export const decideCancel = (state: State, instanceId: string, reason: string) => {
  if (state.ended === 'completed') {
    const message = `Instance ${instanceId} completed before it could be cancelled.`;
    throw new PawlError('instance.finished', message, { instanceId });
  }
  return state.cancelled === null ? ({ kind: 'cancelled', reason } as const) : null;
};

const cancelling = (instanceId: string, reason: string): Change<Awaiting | null> => ({
  prepare: awaitingOf,
  decide: (state) => decideCancel(state, instanceId, reason),
  then: async (call, _stands, waited) => {
    if (waited !== null) await unsubscribe(call, waited.cell, waited.about, waited.claims);
  },
});

const mayStillRun = ({ open }: State): Cancelled['mayStillRun'] =>
  open?.kind === 'reserved' ? { cell: open.cell, seq: open.seq, deadlineAtMs: open.deadlineAtMs } : null;

/** @throws PawlError `request.invalid`; `instance.finished` when it completed before */
export const cancel = async (engine: Engine, instanceId: string, reason: string, by: By): Promise<Cancelled> => {
  assertReason(reason, 'Cancelling');
  try {
    const { call, view } = await change(engine, instanceId, by, cancelling(instanceId, reason));
    return { view, mayStillRun: mayStillRun(stateOf(call)) };
  } catch (error) {
    if (!isPawlError(error, 'journal.broken')) throw error;
    const { view, before } = await endBroken(engine, instanceId, reason, by, error);
    return { view, mayStillRun: before === null ? null : mayStillRun(before) };
  }
};

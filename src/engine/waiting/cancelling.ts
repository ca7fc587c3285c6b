/** A cancellation as a change: an entry like any other, and nobody is woken any more for what was cancelled. */
import { type Call, nextCell, stateOf } from '../call/call.ts';
import type { Change } from '../call/change.ts';
import type { State } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import type { Cell } from '../model/runbook.ts';
import { unsubscribe } from './await.ts';
import { waitingEntry } from './kind.ts';

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

export const cancelling = (instanceId: string, reason: string): Change<Awaiting | null> => ({
  prepare: awaitingOf,
  decide: (state) => decideCancel(state, instanceId, reason),
  then: async (call, _stands, waited) => {
    if (waited !== null) await unsubscribe(call, waited.cell, waited.about, waited.claims);
  },
});

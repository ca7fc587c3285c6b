/** A cancellation as a change: an entry like any other, and nobody is woken any more for what was cancelled. */
import { type Call, nextCell, stateOf } from '../call/call.ts';
import type { Change } from '../call/change.ts';
import { PawlError } from '../model/errors.ts';
import type { Cell, Runbook } from '../model/runbook.ts';
import type { State } from '../model/state.ts';
import { isEndUnderWay } from '../rules/going.ts';
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

export type CancelRequest = {
  reason: string;
  /** What was done is taken back before it ends. */
  undo?: boolean;
  /** With its parent, which has something that takes back. */
  isCarried?: boolean;
  /** What is in doubt in it is settled first: of an element, whose section may be taken back. */
  settles?: boolean;
  /** The run that goes on from it, or from its parent. */
  continuedAs?: string;
  /** What is gone through at its end is stopped. */
  stopCleanup?: boolean;
  /** Who cancelled it said the same: asked again, perhaps since the answer was lost. */
  isRepeated?: boolean;
};

/** @throws PawlError `cancel.refused` */
const decideStop = ({ ending, cancelled }: State, instanceId: string, { reason }: CancelRequest) => {
  if (ending?.stopped === true) return null;
  if (ending !== undefined) return { kind: 'cancelled', reason, stopsCleanup: true } as const;
  const now = cancelled === null ? 'cancel it without --stop-cleanup' : 'nothing at its end has begun yet';
  throw new PawlError('cancel.refused', `Nothing at the end of ${instanceId} is under way: ${now}.`, { instanceId });
};

/** Something of it is under way, in doubt, or may act though it was decided: in itself or, where a section stands open, in elements. */
const isUnsettled = ({ open, halted }: State): boolean =>
  open?.kind === 'reserved' ||
  (open?.kind === 'waiting' && open.family !== undefined) ||
  halted?.doubt === true ||
  halted?.early === true;

const takesBack = (cells: Runbook['cells']): boolean =>
  cells.some(({ cleanup }) => cleanup !== undefined && 'undo' in cleanup);

/** Whether this is the word by which it is cancelled, said once more. */
const isRepeatedIn = async (call: Call, { reason, undo = false }: CancelRequest): Promise<boolean> => {
  const { cancelled, ending } = stateOf(call);
  if (cancelled === null || ending === undefined) return false;
  const entry = (await call.engine.journal.entry(call.instanceId, cancelled))?.entry;
  if (entry?.kind !== 'cancelled') return false;
  return entry.by.actor === call.by.actor && entry.reason === reason && (entry.undo ?? false) === undo;
};

/**
 * An instance that is cancelled already, by whomever, stays as it is: another word of it would stop nothing of what is at its end.
 * @throws PawlError `instance.finished`; `cancel.refused` where what is at its end is under way, or cannot be
 */
export const decideCancel = (
  state: State,
  { cells }: Pick<Runbook, 'cells'>,
  instanceId: string,
  request: CancelRequest,
) => {
  if (state.ended === 'cancelled') return null;
  if (state.ended !== null) {
    const message = `Instance ${instanceId} has ended as ${state.ended} before it could be cancelled.`;
    throw new PawlError('instance.finished', message, { instanceId });
  }
  if (request.stopCleanup === true) return decideStop(state, instanceId, request);
  if (state.cancelled !== null && (!isEndUnderWay(state) || request.isRepeated === true)) return null;
  const refuse = (why: string): never => {
    throw new PawlError('cancel.refused', why, { instanceId });
  };
  const { ending } = state;
  if (ending !== undefined)
    return refuse(
      `${state.cancelled === null ? `The way of ${instanceId} is over (${ending.as})` : `Instance ${instanceId} is cancelled already`}, and what is at its end is under way: it ends by itself. To stop that: \`pawl cancel ${instanceId} --stop-cleanup --seq N --reason …\`.`,
    );
  const { reason, undo, continuedAs } = request;
  if (continuedAs !== undefined) return { kind: 'cancelled', reason, continuedAs } as const;
  if (undo === true && request.isCarried !== true && !takesBack(cells))
    return refuse(
      `Nothing takes back what ${instanceId} has done: its runbook has no \`undo=\` fence. Cancel it without --undo.`,
    );
  const settles = request.settles === true && isUnsettled(state) ? { settles: true as const } : {};
  return { kind: 'cancelled', reason, ...(undo === true ? { undo } : settles) } as const;
};

/** An element that is cancelled by itself may be taken back by its run later: not beside a doubt in it. */
const asElement = ({ family, runbook }: Call, request: CancelRequest): CancelRequest =>
  family !== null && request.isCarried !== true && takesBack(runbook.cells) ? { ...request, settles: true } : request;

export const cancelling = (
  instanceId: string,
  request: CancelRequest,
): Change<{ waited: Awaiting | null; isRepeated: boolean; call: Call }> => ({
  prepare: async (call) => ({
    waited: await awaitingOf(call),
    isRepeated: await isRepeatedIn(call, request),
    call,
  }),
  decide: (state, { isRepeated, call }) =>
    decideCancel(state, call.runbook, instanceId, { ...asElement(call, request), isRepeated }),
  then: async (call, _stands, { waited }) => {
    if (waited !== null) await unsubscribe(call, waited.cell, waited.about, waited.claims);
  },
});

/**
 * Cancelling: an entry like any other. Nothing is reserved after it but what is at the end of the run; in a family it is carried into the
 * children.
 */

import assert from 'node:assert/strict';
import { type Call, type Engine, saveView, stateOf } from '../call/call.ts';
import { change } from '../call/change.ts';
import { leftToUndo, triedToUndo } from '../call/ending.ts';
import { isTakenBack } from '../call/inputs.ts';
import { readJournal } from '../call/journal.ts';
import { assertFresh, assertReason } from '../call/refusals.ts';
import { wakeIfAuto } from '../call/wake.ts';
import { isPawlError, PawlError } from '../model/errors.ts';
import { causeOf } from '../model/events.ts';
import { parentIdOf } from '../model/family.ts';
import type { By } from '../model/fields.ts';
import { runsUntilMs } from '../model/lease.ts';
import { limits } from '../model/limits.ts';
import { settleAll } from '../model/settleAll.ts';
import type { State } from '../model/state.ts';
import type { View } from '../model/view.ts';
import { type CancelRequest, cancelling } from '../waiting/cancelling.ts';
import { endElements, leftRunning, type StillRuns, type Unreached } from '../waiting/carrying.ts';
import { endBroken } from './broken.ts';

export type Cancelled = {
  view: View;
  /** A step that is still open: it may run until then, and its outcome is still recorded. */
  mayStillRun: Omit<StillRuns, 'instanceId'> | null;
  /** The same of elements of the section that it stands in, and of theirs. */
  elements: StillRuns[];
  /** Elements that were not told: there was no time for them, and whoever looks next does; or their journals are broken. */
  unreached: Unreached[];
  /** Where what is at its end was stopped: cells with effects that began, and that nothing takes back, or not all of it was. */
  stays: string[];
};

const mayStillRun = ({ open }: State): Cancelled['mayStillRun'] =>
  open?.kind === 'reserved' ? { cell: open.cell, seq: open.seq, deadlineAtMs: runsUntilMs(open) } : null;

/** Of a run that was cancelled: what began and is not taken back, and will not be. */
const staysIn = async (call: Call): Promise<string[]> => {
  const { ending } = stateOf(call);
  if (ending === undefined) return [];
  const entry = (await call.engine.journal.entry(call.instanceId, ending.seq))?.entry;
  const left = leftToUndo(stateOf(call), call.runbook);
  const tried = triedToUndo(stateOf(call), call.runbook);
  const isBack = await settleAll(tried.map((name) => isTakenBack(call, { name })));
  const kept = tried.filter((_, at) => isBack[at] === false);
  return [...new Set([...(entry?.kind === 'ending' ? entry.stays : []), ...kept, ...left])];
};

/** The run whose element an instance is, where that can be told of a broken one. */
const parentOf = async ({ journal }: Engine, instanceId: string): Promise<string | undefined> => {
  const first = await journal.entry(instanceId, 0).catch(() => undefined);
  if (first?.entry.kind === 'started') return first.entry.parent?.instanceId;
  return parentIdOf(instanceId);
};

/** The run that goes on from one that was cancelled for it. */
const nextOf = async ({ journal }: Engine, instanceId: string): Promise<string | undefined> => {
  const { cancelled } = (await journal.head(instanceId))?.entry.state ?? { cancelled: null };
  const entry = cancelled === null ? undefined : (await journal.entry(instanceId, cancelled))?.entry;
  return entry?.kind === 'cancelled' ? entry.continuedAs : undefined;
};

/** Who stands for it: its run, and the one that goes on from that. */
const waitersOf = async (engine: Engine, instanceId: string): Promise<string[]> => {
  const parent = await parentOf(engine, instanceId);
  if (parent === undefined) return [];
  const next = await nextOf(engine, parent).catch(() => undefined);
  return next === undefined ? [parent] : [parent, next];
};

/** They are woken here: a call into it would do so, and none can be opened. */
const endAsBroken = async (
  engine: Engine,
  instanceId: string,
  reason: string,
  by: By,
  error: PawlError,
): Promise<Cancelled> => {
  const { view, before } = await endBroken(engine, instanceId, reason, by, error);
  for (const waiter of await waitersOf(engine, instanceId)) {
    const nowMs = engine.clock.nowMs();
    await engine.marks.wake({ instanceId: waiter, runbookId: view.runbookId }, nowMs);
    await engine.wakeAt(waiter, nowMs).catch((cause: unknown) => {
      engine.observe({ kind: 'wake.unsent', instanceId, cell: undefined, cause: causeOf(cause) });
    });
  }
  const running = before === null ? null : mayStillRun(before);
  return { view, mayStillRun: running, elements: [], unreached: [], stays: [] };
};

/**
 * What has ended may be what another run has to read, to take it back or to go on from it: whoever cancels it where it cannot be read
 * gives it up for that.
 * @throws PawlError `journal.broken`
 */
const assertWhole = async (engine: Engine, instanceId: string): Promise<void> => {
  for await (const { entry } of readJournal(engine, instanceId)) assert(entry.instanceId === instanceId);
};

/** `expectedSeq`: of the head that the caller has seen. */
export type CancelHow = Omit<CancelRequest, 'reason'> & { expectedSeq?: number };

/**
 * @param how `expectedSeq`: of the head that its caller has seen; with `stopCleanup` it has to be given
 * @throws PawlError `request.invalid`; `instance.finished` when it completed before; `cancel.refused`; `seq.stale`
 */
export const cancel = async (
  engine: Engine,
  instanceId: string,
  reason: string,
  by: By,
  { expectedSeq, ...how }: CancelHow = {},
): Promise<Cancelled> => {
  const { stopCleanup = false, undo = false } = how;
  assertReason(reason, 'Cancelling');
  if (stopCleanup && (expectedSeq === undefined || undo)) {
    const message =
      'Stopping what is at the end of a run needs the seq of its newest entry that you have seen (--seq), and takes nothing back.';
    throw new PawlError('request.invalid', message);
  }
  const changing = {
    ...cancelling(instanceId, { reason, ...how }),
    open: (call: Call) => assertFresh(call, expectedSeq),
  };
  const lost = stopCleanup ? { lost: (call: Call) => assertFresh(call, expectedSeq) } : {};
  let changed: Awaited<ReturnType<typeof change>>;
  try {
    changed = await change(engine, instanceId, by, { ...changing, ...lost }, limits.tellWithinMs).catch(
      async (error: unknown) => {
        if (isPawlError(error, 'instance.finished')) await assertWhole(engine, instanceId);
        throw error;
      },
    );
    if (changed.stands === null && stateOf(changed.call).ended !== null) await assertWhole(engine, instanceId);
  } catch (error) {
    if (!isPawlError(error, 'journal.broken')) throw error;
    return await endAsBroken(engine, instanceId, reason, by, error);
  }
  const { call, view } = changed;
  const { open } = stateOf(call);
  const stays = stopCleanup ? await staysIn(call) : [];
  if (open?.kind !== 'waiting' || open.family === undefined) {
    await wakeIfAuto(call, view);
    return { view, mayStillRun: mayStillRun(stateOf(call)), elements: [], unreached: [], stays };
  }
  // What this call does not reach, whoever looks next does.
  await endElements(call);
  const saved = await saveView(call);
  await wakeIfAuto(call, saved);
  const answerAtMs = call.endAtMs - limits.tellWithinMs + limits.answerWithinMs;
  const { running: elements, unreached } = await leftRunning(call, open, answerAtMs);
  // What is at its end may have begun meanwhile, by another caller.
  return { view: saved, mayStillRun: mayStillRun(stateOf(call)), elements, unreached, stays };
};

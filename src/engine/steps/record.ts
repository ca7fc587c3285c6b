/**
 * Recording how our open step ended. Nothing that ran goes unrecorded: the outcome is put at the next free slot while the
 * step is open; once somebody else has closed it, what this holder saw becomes a note (fenced); and what the store does
 * not take at all goes to the log and to the failure queue, from where `redrive` records it.
 */

import assert from 'node:assert/strict';
import { arm, type Call, type Engine, noteQuietly, putNext } from '../call/call.ts';
import { fallbackOutcome, type OutcomeBody } from '../call/outcomes.ts';
import type { Reservation } from '../model/entries.ts';
import { isPawlError, PawlError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { bytesOf, headOf } from '../model/text.ts';
import type { Unrecorded } from '../model/unrecorded.ts';

/** Cuts what a fenced holder saw to a note: its truth came too late for the chain, and is kept as evidence. */
const leaveNote = async (call: Call, outcome: OutcomeBody, about: number): Promise<void> => {
  const { engine, by } = call;
  const text = headOf(engine.canonical(outcome), limits.noteTextCharsMax);
  await noteQuietly(call, { kind: 'fenced', about, cell: outcome.cell, atMs: engine.clock.nowMs(), by, text });
};

/** Whether a put was refused for what it holds: then a smaller one may be taken. Everything else may pass by itself. */
const isAboutContent = (error: PawlError): boolean =>
  error.code === 'limit.exceeded' || error.code === 'request.invalid' || error.details.content === true;

/** The outcome goes to the log first, then to the failure queue: either is enough to record it later. */
const giveUp = async (call: Call, outcome: OutcomeBody, about: number, cause: unknown): Promise<never> => {
  const { engine, instanceId } = call;
  const item = unrecorded(engine, call, about, outcome);
  engine.observe({
    kind: 'outcome.unrecorded',
    instanceId,
    seq: about,
    cell: outcome.cell,
    item: engine.canonical(item),
  });
  const queued = await engine.setAside(item).then(
    () => true,
    (error: unknown) => {
      engine.observe({ kind: 'outcome.unqueued', instanceId, seq: about, error: String(error) });
      return false;
    },
  );
  const next = queued
    ? '`pawl redrive` records it once the store is back.'
    : 'nor could it be set aside: it stands in the log and in the details of this error only. Keep that item as a file, and `pawl redrive FILE` records it.';
  const message = `Cell ${outcome.cell} of ${instanceId} ended as ${outcome.status}, but the store did not take its outcome; ${next}`;
  const details = { instanceId, seq: about, cell: outcome.cell, ...(queued ? {} : { item }) };
  throw new PawlError('outcome.unrecorded', message, details, cause);
};

/**
 * Records how our open step ended. It is not cancelled with the work: it tries until well after the deadline. Whatever
 * takes the slot while the step is still open (a cancel, say) makes it try the next one.
 * @param following what to reserve in the same entry, asked anew for every put
 * @returns `false` when somebody else closed the step first (fenced).
 * @throws PawlError `outcome.unrecorded`
 */
export const record = async (
  call: Call,
  outcome: OutcomeBody,
  deadlineAtMs: number,
  following: () => Promise<Reservation | undefined>,
): Promise<boolean> => {
  const { engine, instanceId } = call;
  const about = outcome.closes;
  assert(about !== null);
  const giveUpAtMs = Math.max(engine.clock.nowMs(), deadlineAtMs) + limits.recordExtraMs;
  let whole = true;
  let pauseMs = 50;
  for (;;) {
    let cause: unknown;
    try {
      await arm(call).catch((error: unknown) =>
        engine.observe({ kind: 'view.unarmed', instanceId, cell: outcome.cell, error: String(error) }),
      );
      const reserve = whole ? await following() : undefined;
      const body = whole ? outcome : fallbackOutcome(outcome);
      const put = await putNext(call, reserve === undefined ? body : { ...body, reserve });
      if (put.kind === 'written') return true;
      if (put.kind === 'conflict') {
        if (put.winner.entry.state.open?.seq === about) continue;
        await leaveNote(call, outcome, about);
        return false;
      }
      cause = put.cause;
    } catch (error) {
      if (!isPawlError(error)) throw error;
      cause = error;
      if (whole && isAboutContent(error)) {
        // The smallest outcome that says what happened can always be written.
        engine.observe({ kind: 'outcome.fallback', instanceId, seq: about, cell: outcome.cell, error: error.message });
        whole = false;
        continue;
      }
    }
    if (engine.clock.nowMs() > giveUpAtMs) return await giveUp(call, outcome, about, cause);
    await engine.clock.sleep(pauseMs);
    pauseMs = Math.min(2_000, pauseMs * 2);
  }
};

/** The item for the failure queue; whatever was measured, it fits into one message. */
export const unrecorded = (engine: Engine, call: Call, about: number, outcome: OutcomeBody): Unrecorded => {
  const { instanceId, token, by } = call;
  const item: Unrecorded = { v: 1, instanceId, about, token, by, atMs: engine.clock.nowMs(), outcome };
  const fits = bytesOf(JSON.stringify(item)) <= limits.unrecordedBytesMax;
  return fits ? item : { ...item, outcome: fallbackOutcome(outcome) };
};

/**
 * Recording how our open step ended. Nothing that ran goes unrecorded: the outcome is put at the next free slot while the
 * step is open; once somebody else has closed it, what this holder saw becomes a note (fenced).
 */
import assert from 'node:assert/strict';
import { arm, type Call, noteQuietly, putNext } from './call.ts';
import { isPawlError, PawlError } from './errors.ts';
import { limits } from './limits.ts';
import { fallbackOutcome, headOf, type OutcomeBody } from './outcomes.ts';

/** Cuts what a fenced holder saw to a note: its truth came too late for the chain, and is kept as evidence. */
const leaveNote = async (call: Call, outcome: OutcomeBody, about: number): Promise<void> => {
  const { engine, by } = call;
  const text = headOf(engine.canonical(outcome), limits.noteTextCharsMax);
  await noteQuietly(call, { kind: 'fenced', about, cell: outcome.cell, atMs: engine.clock.nowMs(), by, text });
};

/**
 * Records how our open step ended. It is not cancelled with the work: it tries until well after the deadline. Whatever
 * takes the slot while the step is still open (a cancel, say) makes it try the next one.
 * @returns `false` when somebody else closed the step first (fenced).
 * @throws PawlError `outcome.unrecorded`
 */
export const record = async (call: Call, outcome: OutcomeBody, deadlineAtMs: number): Promise<boolean> => {
  const { engine, instanceId } = call;
  const about = outcome.closes;
  assert(about !== null);
  const giveUpAtMs = Math.max(engine.clock.nowMs(), deadlineAtMs) + limits.recordExtraMs;
  // A late outcome arms the view again: the mark this call left may have been looked at and taken down by now (I7).
  if (engine.clock.nowMs() >= call.endAtMs) {
    call.armed = null;
    await arm(call).catch((error: unknown) =>
      engine.observe({ kind: 'view.unarmed', instanceId, cell: outcome.cell, error: String(error) }),
    );
  }
  let body = outcome;
  let pauseMs = 50;
  for (;;) {
    let cause: unknown;
    try {
      const put = await putNext(call, body);
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
      if (body === outcome) {
        // Refused for what it holds, perhaps: the smallest outcome that says what happened can always be written.
        engine.observe({ kind: 'outcome.fallback', instanceId, seq: about, cell: outcome.cell, error: error.message });
        body = fallbackOutcome(outcome);
        continue;
      }
    }
    if (engine.clock.nowMs() > giveUpAtMs) {
      engine.observe({ kind: 'outcome.unrecorded', instanceId, seq: about, outcome: engine.canonical(outcome) });
      const message = `Cell ${outcome.cell} ended as ${outcome.status}, but the store did not take its outcome; the log has it.`;
      throw new PawlError('outcome.unrecorded', message, { instanceId, seq: about, cell: outcome.cell }, cause);
    }
    await engine.clock.sleep(pauseMs);
    pauseMs = Math.min(2_000, pauseMs * 2);
  }
};

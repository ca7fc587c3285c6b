/**
 * Recording how our open step ended. Nothing that ran goes unrecorded: the outcome is put at the next free slot while the
 * step is open; once another caller has closed it, what this holder saw becomes a note (fenced); and what the store does
 * not take at all goes to the log and to the failure queue, from where `redrive` records it.
 */

import { orLate, putUntilAnswered } from '../call/answered.ts';
import { type Call, type Engine, noteQuietly } from '../call/call.ts';
import { fallbackOutcome, keepOutput, type OutcomeBody, unkept } from '../call/outcomes.ts';
import type { Entry, Output, Standing } from '../model/entries.ts';
import { isPawlError, PawlError } from '../model/errors.ts';
import { causeOf } from '../model/events.ts';
import { limits } from '../model/limits.ts';
import { bytesOf, headOf } from '../model/text.ts';
import type { Unrecorded } from '../model/unrecorded.ts';
import type { Put } from '../ports.ts';

/** Keeps a fenced holder's outcome as a note: too late for the chain, still evidence. */
const leaveNote = async (call: Call, outcome: OutcomeBody, about: number): Promise<void> => {
  const { engine, by } = call;
  const text = headOf(engine.canonical(outcome), limits.noteTextCharsMax);
  await noteQuietly(call, { kind: 'fenced', about, cell: outcome.cell, atMs: engine.clock.nowMs(), by, text });
};

/** Whether a put was refused for what it holds: then a smaller one may be taken. Everything else may pass by itself. */
const isAboutContent = (error: PawlError): boolean =>
  error.code === 'limit.exceeded' || error.code === 'request.invalid' || error.details.content === true;

const pauseFirstMs = 50;
const pauseMaxMs = 2_000;

/** The outcome goes to the log first, then to the failure queue: either is enough to record it later. */
const giveUp = async (call: Call, outcome: OutcomeBody, about: number, cause: unknown): Promise<never> => {
  const { engine, instanceId } = call;
  const item = unrecorded(engine, call, about, outcome);
  engine.observe({
    kind: 'outcome.unrecorded',
    instanceId,
    seq: about,
    cell: outcome.cell,
    cause: causeOf(cause),
    item: engine.canonical(item),
  });
  const queued = await engine.setAside(item).then(
    () => true,
    (error: unknown) => {
      const { cell } = outcome;
      engine.observe({ kind: 'outcome.unqueued', instanceId, seq: about, cell, cause: causeOf(error) });
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

/** A step of ours whose body has ended. */
export type Ran = {
  cell: string;
  about: number;
  deadlineAtMs: number;
  text: string | null;
  cutFromBytes: number | undefined;
};
/** What a put of the outcome is made of: its body, and what it also begins, where it reserves the next step. */
export type Made<N> = { body: OutcomeBody; next: N | undefined };
/**
 * `outcome`: as it was put, or was to be. `stands`: `undefined` when another caller closed the step first (fenced). `next`:
 * of the put that stands, or of a later one that said the same.
 */
export type Recorded<N> = { outcome: OutcomeBody; stands: Entry | undefined; next: N | undefined };

/**
 * Records how our open step ended: its output if that is large, then its outcome, each tried until well after the deadline,
 * whatever becomes of the work. Whatever takes the slot while the step is still open (a cancel, say) makes it try the next one.
 * A store that hangs does not keep it: in time for the end of the invocation the outcome is set aside.
 * @param make the outcome with its output, asked anew for every put
 * @throws PawlError `outcome.unrecorded`
 */
export const record = async <N>(
  call: Call,
  ran: Ran,
  make: (output: Output | null) => Promise<Made<N>>,
): Promise<Recorded<N>> => {
  const { engine, instanceId, chain, mark } = call;
  const { clock } = engine;
  const { cell, about } = ran;
  const keepUntilMs = Math.max(clock.nowMs(), ran.deadlineAtMs) + limits.recordExtraMs;
  let output: Output | null | undefined = ran.text === null ? null : undefined;
  let made: Made<N> | undefined;
  let whole = true;
  let next: N | undefined;
  let pauseMs = pauseFirstMs / 2;
  const longerPause = (): number => {
    pauseMs = Math.min(pauseMaxMs, pauseMs * 2);
    return pauseMs;
  };
  const tried = { cause: undefined as unknown, isOver: false };

  /** Whether the output is kept, or its time is over. */
  const keep = async (text: string): Promise<boolean> => {
    try {
      output = await keepOutput(engine.journal, { instanceId, seq: about, owner: call.token }, text, ran.cutFromBytes);
      return true;
    } catch (error) {
      if (!isPawlError(error)) throw error;
      tried.cause = error;
      if (clock.nowMs() < keepUntilMs && !isAboutContent(error)) return false;
      output = unkept(text);
      engine.observe({
        kind: 'output.unkept',
        instanceId,
        seq: about,
        cell,
        cause: causeOf(error),
        bytes: bytesOf(text),
      });
      return true;
    }
  };

  const makeNow = async (): Promise<OutcomeBody> => {
    made = await make(output ?? null);
    if (!whole) {
      // What it leaves out no cell may read: so it begins nothing either.
      const { reserve: _, ...alone } = made.body;
      return fallbackOutcome(alone);
    }
    // An earlier put may be the one that lands: what it began is still known then.
    next = made.next ?? next;
    return made.body;
  };

  /** A put that was refused, but not for what it holds, is like one without an answer: it may be taken later. */
  const putOne = async (): Promise<Put<Standing>> => {
    if (tried.isOver || (output === undefined && ran.text !== null && !(await keep(ran.text))))
      return { kind: 'unknown', cause: tried.cause };
    await mark
      .arm()
      .catch((error: unknown) => engine.observe({ kind: 'view.unarmed', instanceId, cell, cause: causeOf(error) }));
    for (;;) {
      try {
        return await chain.put(await makeNow());
      } catch (error) {
        if (!isPawlError(error)) throw error;
        if (!whole || !isAboutContent(error)) return { kind: 'unknown', cause: error };
        // The smallest outcome that says what happened can always be written.
        engine.observe({ kind: 'outcome.fallback', instanceId, seq: about, cell, cause: causeOf(error) });
        whole = false;
      }
    }
  };

  const putAll = async (): Promise<Put<Standing>> => {
    const patience = { triesMax: Number.POSITIVE_INFINITY, pauseMs: longerPause, endAtMs: keepUntilMs };
    for (;;) {
      const put = await putUntilAnswered(clock, putOne, patience);
      if (put.kind !== 'conflict' || put.winner.entry.state.open?.seq !== about) return put;
    }
  };

  const put = await orLate(clock, putAll(), keepUntilMs + limits.recordLastMs - clock.nowMs());
  tried.isOver = true;
  if (put?.kind === 'written' && made !== undefined) return { outcome: made.body, stands: put.standing.entry, next };
  // What it would have begun as well is not begun now.
  const last = made ?? (await make(output ?? (ran.text === null ? null : unkept(ran.text))));
  const { reserve: _, ...outcome } = last.body;
  if (put?.kind !== 'conflict') {
    const late = new PawlError('store.unavailable', 'The store gave no answer in time.', { instanceId });
    return await giveUp(
      call,
      outcome,
      about,
      put === undefined ? late : put.kind === 'unknown' ? put.cause : undefined,
    );
  }
  await leaveNote(call, outcome, about);
  return { outcome, stands: undefined, next: undefined };
};

/** The item for the failure queue; whatever was measured, it fits into one message. */
const unrecorded = (engine: Engine, call: Call, about: number, outcome: OutcomeBody): Unrecorded => {
  const { instanceId, token, by } = call;
  const item: Unrecorded = { v: 1, instanceId, about, token, by, atMs: engine.clock.nowMs(), outcome };
  const fits = bytesOf(JSON.stringify(item)) <= limits.unrecordedBytesMax;
  return fits ? item : { ...item, outcome: fallbackOutcome(outcome) };
};

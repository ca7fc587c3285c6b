/**
 * Recording how our open step ended. Nothing that ran goes unrecorded: the outcome is put at the next free slot while the
 * step is open; once another caller has closed it, what this holder saw becomes a note (fenced); and what the store does
 * not take at all goes to the log and to the failure queue, from where `redrive` records it.
 */

import { orLate, putUntilAnswered } from '../call/answered.ts';
import { type Call, type Engine, noteQuietly, stateOf } from '../call/call.ts';
import { fallbackOutcome, keepOutput, type OutcomeBody, unkept } from '../call/outcomes.ts';
import type { CommitWrite } from '../model/commit.ts';
import type { Entry, Standing } from '../model/entries.ts';
import { isPawlError, PawlError } from '../model/errors.ts';
import { causeOf } from '../model/events.ts';
import type { Evidence } from '../model/evidence.ts';
import type { Output } from '../model/fields.ts';
import { limits } from '../model/limits.ts';
import { bytesOf, closed, headOf } from '../model/text.ts';
import type { Unrecorded } from '../model/unrecorded.ts';
import type { Put } from '../ports.ts';
import { keepEvidence } from './evidence.ts';

/** Keeps a fenced holder's outcome as a note: too late for the chain, still evidence. */
const leaveNote = async (call: Call, outcome: OutcomeBody, about: number): Promise<void> => {
  const { engine, by } = call;
  const text = headOf(engine.canonical(outcome), limits.noteTextCharsMax);
  await noteQuietly(call, { kind: 'fenced', about, cell: outcome.cell, atMs: engine.clock.nowMs(), by, text });
};

/** Whether a put was refused for what it holds: then a smaller one may be taken. Everything else may pass by itself. */
const isAboutContent = (error: PawlError): boolean =>
  error.code === 'limit.exceeded' || error.code === 'request.invalid' || error.details.content === true;

/** In the words of the store, where it has some. */
const whyOf = (cause: unknown): string => {
  const inner = isPawlError(cause) && cause.cause instanceof Error ? cause.cause : cause;
  return inner instanceof Error ? `${inner.name}: ${inner.message}`.replace(/\.$/, '') : 'the store gave no answer';
};

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
  evidence: Evidence | undefined;
  /** What lands with its outcome, or not at all. */
  commit: Committing | undefined;
};
/** `not`: none of it lands, and the outcome is made anew as one of a step that did not happen. */
type Committing = {
  writes: readonly CommitWrite[];
  not(status: 'failed' | 'never', why: { code: string; message: string }): void;
};
/** What a put of the outcome is made of: its body, and what it also begins, where it reserves the next step. */
export type Made<N> = { body: OutcomeBody; next: N | undefined };
/**
 * `outcome`: as it was put, or was to be. `stands`: `undefined` when another caller closed the step first (fenced). `next`:
 * of the put that stands, or of a later one that said the same.
 */
export type Recorded<N> = { outcome: OutcomeBody; stands: Entry | undefined; next: N | undefined };

/**
 * Records how our open step ended: its output if that is large, the files it left, then its outcome, each tried until well after the deadline,
 * whatever becomes of the work. Whatever takes the slot while the step is still open (a cancel, say) makes it try the next one.
 * A store that hangs does not keep it: in time for the end of the invocation the outcome is set aside.
 * @param makeOf the outcome with its output, asked anew for every put
 * @throws PawlError `outcome.unrecorded`
 */
export const record = async <N>(
  call: Call,
  ran: Ran,
  makeOf: (output: Output | null) => Promise<Made<N>>,
): Promise<Recorded<N>> => {
  const { engine, instanceId, chain, mark } = call;
  const { clock } = engine;
  const { cell, about } = ran;
  const keepUntilMs = Math.max(clock.nowMs(), ran.deadlineAtMs) + limits.recordExtraMs;
  let output: Output | null | undefined = ran.text === null ? null : undefined;
  let made: Made<N> | undefined;
  let whole = true;
  let next: N | undefined;
  const files = keepEvidence(engine, instanceId, about, ran.evidence);
  const make = async (kept: Output | null): Promise<Made<N>> => {
    const { body, next } = await makeOf(kept);
    return { body: { ...body, ...files.said() }, next };
  };
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

  const keepFiles = async (): Promise<boolean> => {
    const waits = await files.keep((error) => {
      const again = clock.nowMs() < keepUntilMs && !(isPawlError(error) && isAboutContent(error));
      if (!again) engine.observe({ kind: 'evidence.unkept', instanceId, seq: about, cell, cause: causeOf(error) });
      return again;
    });
    tried.cause = waits === undefined ? tried.cause : waits.cause;
    return waits === undefined;
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

  let commit = ran.commit;
  let committed: OutcomeBody | undefined;
  let slot = -1;
  let tries = 0;
  /** From here on the outcome goes alone. Whatever stands in the slot first, the other one never lands. */
  const without = (status: 'failed' | 'never', code: string, message: string): void => {
    commit?.not(status, { code, message });
    commit = undefined;
    output = null;
  };
  /** `undefined`: it was given up. Nothing is decided anew while an earlier put of the same slot may still land. */
  const putCommit = async ({ writes }: Committing): Promise<Put<Standing> | undefined> => {
    const next = chain.head.entry.seq + 1;
    if (committed === undefined || slot !== next) {
      committed = await makeNow();
      slot = next;
      tries = 0;
    }
    tries += 1;
    try {
      const answer = await chain.putWith(committed, writes);
      if (answer.kind === 'refused') {
        const { table = '' } = writes[answer.at] ?? {};
        without(
          'failed',
          'commit.refused',
          closed(`Write ${answer.at + 1}, of ${table}, was not taken: ${answer.why}`),
        );
        return undefined;
      }
      if (answer.kind !== 'unknown' || tries < limits.commitTriesMax) return answer;
      without('never', 'commit.untaken', closed(`Nothing was committed: ${whyOf(answer.cause)}`));
    } catch (error) {
      if (!isPawlError(error)) throw error;
      if (error.code === 'store.unavailable' && tries < limits.commitTriesMax) return { kind: 'unknown', cause: error };
      const [status, code] =
        error.code === 'store.unavailable'
          ? (['never', 'commit.untaken'] as const)
          : (['failed', 'commit.refused'] as const);
      without(status, code, closed(`Nothing was committed: ${whyOf(error)}`));
    }
    return undefined;
  };

  /** A put that was refused, but not for what it holds, is like one without an answer: it may be taken later. */
  const putOne = async (): Promise<Put<Standing>> => {
    // A renewal that lost its slot has told us already.
    if (stateOf(call).open?.seq !== about) return { kind: 'conflict', winner: chain.head };
    if (tried.isOver || (output === undefined && ran.text !== null && !(await keep(ran.text))))
      return { kind: 'unknown', cause: tried.cause };
    if (!(await keepFiles())) return { kind: 'unknown', cause: tried.cause };
    await mark
      .arm()
      .catch((error: unknown) => engine.observe({ kind: 'view.unarmed', instanceId, cell, cause: causeOf(error) }));
    if (commit !== undefined) {
      const answer = await putCommit(commit);
      if (answer !== undefined) return answer;
    }
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
      // A renewal of our own that lands late takes a slot as well, by the token of this call.
      const stands = put.kind === 'unknown' ? undefined : put.kind === 'written' ? put.standing : put.winner;
      if (stands?.entry.state.open?.seq !== about) return put;
    }
  };

  const put = await orLate(clock, putAll(), keepUntilMs + limits.recordLastMs - clock.nowMs());
  tried.isOver = true;
  if (put?.kind === 'written' && made !== undefined) {
    const { entry } = put.standing;
    // A commit that was given up may have landed all the same, before what was to say that.
    const isCommitted = committed !== undefined && entry.kind === 'outcome' && entry.status === committed.status;
    return { outcome: isCommitted && committed ? committed : made.body, stands: entry, next };
  }
  if (commit !== undefined) {
    // Whoever closes the step keeps it out; and what is recorded later closes it.
    without(
      'never',
      'commit.untaken',
      'Nothing was committed: the step was closed first, or the store gave no answer.',
    );
    made = undefined;
  }
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

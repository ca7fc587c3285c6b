/**
 * One call into an instance: its token, the head it knows, and the one way to add an entry.
 *
 * I4 a token is drawn afresh for every call and compared only inside it; nobody resumes a reservation from the journal.
 * I7 the view is armed before the call's first put, and disarmed by the save after its last.
 * I10 what a caller is told stands in the journal; a put without an answer promises nothing.
 */

import assert from 'node:assert/strict';
import {
  type By,
  type Entry,
  type EntryBody,
  type EntryOf,
  journalVersion,
  type Note,
  type Standing,
} from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import type { Runbook } from '../model/runbook.ts';
import type { Armed, Ports, Put } from '../ports.ts';
import { apply } from '../rules/apply.ts';
import { type View, viewOf } from '../rules/view.ts';

/** The engine's ports and its memory: `started` entries are immutable, so they are read once. */
export type Engine = Ports & { startedOf: Map<string, EntryOf<'started'>> };
const startedKeptMax = 1_000;

export type Call = {
  engine: Engine;
  instanceId: string;
  token: string;
  by: By;
  /** End of this invocation. */
  endAtMs: number;
  head: Standing;
  started: EntryOf<'started'>;
  runbook: Runbook;
  armed: Armed | null;
  /** Whether it is looked at because it is due. */
  isDue: boolean;
  /** When the mark of this call is due. */
  armedUntilMs: number;
  /** Whether the head was read or written after this call armed: only then does a view of it say what stands (I7). */
  current: boolean;
  /** Seq of the `waiting` entry whose claims this call has read since it armed, as a subscriber: only then may it rest (I7). */
  lookedAt: number | null;
  /** Until when this call stays with a cell that it polls; 0: it has not begun to. */
  pollUntilMs: number;
  /** Whether another writer took a slot this call wanted. */
  lost: boolean;
  /** Whether an entry of this call stands: from then on it answers, and refuses nothing. */
  wrote: boolean;
  outputs: OutputCache;
};

/** A command's own time: it runs no cell. */
export const commandMs = 30_000;

/** Puts without an answer in a row after which a call gives up; the slot stays the same, so nothing is decided anew. */
const putTriesMax = 4;
const putPauseMs = 100;

const loadStarted = async (engine: Engine, instanceId: string, read?: Standing): Promise<EntryOf<'started'>> => {
  const kept = engine.startedOf.get(instanceId);
  if (kept !== undefined) return kept;
  const first = read ?? (await engine.journal.entry(instanceId, 0));
  if (first?.entry.kind !== 'started') {
    throw new PawlError('instance.unknown', `Instance ${instanceId} never started; start it with \`pawl start\`.`, {
      instanceId,
    });
  }
  if (engine.startedOf.size >= startedKeptMax) engine.startedOf.clear();
  engine.startedOf.set(instanceId, first.entry);
  return first.entry;
};

/**
 * Loads the head (one consistent read), the `started` entry and the version (both cached).
 * @param seenSeq the head that the caller has seen: if nothing follows it, one request has head and `started`
 * @throws PawlError `instance.unknown`, `store.unavailable`
 */
export const openCall = async (
  engine: Engine,
  instanceId: string,
  by: By,
  budgetMs: number,
  seenSeq = 0,
): Promise<Call> => {
  const isKnown = engine.startedOf.has(instanceId);
  const opening = seenSeq > 0 && !isKnown ? await engine.journal.opening(instanceId, seenSeq) : undefined;
  const head = opening?.head ?? (await engine.journal.head(instanceId));
  if (head === undefined) {
    throw new PawlError('instance.unknown', `There is no instance ${instanceId}; see \`pawl list\`.`, { instanceId });
  }
  const started = await loadStarted(engine, instanceId, opening?.first);
  const version = await engine.versions.get(started.runbookId, started.version);
  if (version === undefined) {
    throw new PawlError('journal.broken', `Version ${started.version} of ${started.runbookId} is missing.`, {
      instanceId,
    });
  }
  return {
    engine,
    instanceId,
    token: engine.random.token(),
    by,
    endAtMs: engine.clock.nowMs() + budgetMs,
    head,
    started,
    runbook: version.runbook,
    armed: null,
    isDue: false,
    armedUntilMs: 0,
    current: false,
    lookedAt: null,
    pollUntilMs: 0,
    lost: false,
    wrote: false,
    outputs: new Map(),
  };
};

/**
 * Makes the instance due when this call will be over, whatever becomes of it. Once a call, before its first put; again
 * when that time has come and the call is still at it (a frozen sandbox thawed): the schedule may have looked since,
 * found nothing to do, and taken the mark down (I7).
 */
export const arm = async (call: Call): Promise<void> => {
  const { engine } = call;
  while (call.armed === null || engine.clock.nowMs() >= call.armedUntilMs) {
    const nowMs = engine.clock.nowMs();
    const overAtMs = call.armed === null ? call.endAtMs : nowMs + commandMs;
    const untilAtMs = overAtMs + engine.deployment.takeoverGraceMs;
    const seed = { instanceId: call.instanceId, runbookId: call.started.runbookId };
    call.armed = await engine.views.arm(seed, untilAtMs, nowMs, call.isDue);
    call.armedUntilMs = untilAtMs;
    call.current = false;
    call.lookedAt = null;
  }
};

/** The entry that `body` makes after `head`. An illegal step is an assertion: a defect of ours, never sent. */
export const seal = (
  head: Standing | null,
  body: EntryBody,
  from: { instanceId: string; token: string; by: By; atMs: number },
): Entry => {
  const seq = head === null ? 0 : head.entry.seq + 1;
  const step = { ...body, seq, atMs: from.atMs, by: from.by };
  const state = apply(head?.entry.state ?? null, step);
  const prev = head?.hash ?? null;
  return { ...step, v: journalVersion, instanceId: from.instanceId, token: from.token, prev, state } as Entry;
};

/** One put at head + 1. `written` and `conflict` both move the call's head to what stands there. */
export const putNext = async (call: Call, body: EntryBody): Promise<Put<Standing>> => {
  const { engine, instanceId, token, by } = call;
  const entry = seal(call.head, body, { instanceId, token, by, atMs: engine.clock.nowMs() });
  const put = await engine.journal.putOnce(entry);
  if (put.kind === 'unknown') return put;
  const stands = put.kind === 'written' ? put.standing : put.winner;
  assert(stands.entry.seq === entry.seq && stands.entry.instanceId === instanceId);
  call.head = stands;
  call.current = put.kind === 'written' && !put.adopted;
  if (put.kind === 'conflict') call.lost = true;
  else call.wrote = true;
  // Ours, but not by this put's own answer: the SDK met an earlier attempt of itself, or an earlier put landed late.
  const kind = put.kind === 'written' && put.adopted ? 'self_conflict' : `put.${put.kind}`;
  const cell = 'cell' in body ? body.cell : undefined;
  engine.observe({ kind, instanceId, seq: entry.seq, cell, meant: body.kind, stands: stands.entry.kind });
  return put;
};

/** A winner may be long behind by now: what is decided next, and what is told, rests on the newest entry. */
const readHead = async (call: Call): Promise<void> => {
  const head = await call.engine.journal.head(call.instanceId);
  // Never back to an older one, whatever a store answers.
  if (head !== undefined && head.entry.seq >= call.head.entry.seq) call.head = head;
  call.current = true;
};

/**
 * Puts `body` at head + 1, again and again into the same slot while no answer comes. `true`: an entry of ours stands
 * there (look at `call.head`: it may be an earlier put of this call); `false`: somebody else's does, decide anew.
 * A store that hangs does not keep a call beyond its time: no try begins after it.
 * @param bodyNow made afresh for each try, since deadlines move.
 * @throws PawlError `store.unavailable` when no answer comes: then nobody knows yet, and nothing may be begun.
 */
export const append = async (call: Call, bodyNow: () => EntryBody): Promise<boolean> => {
  for (let tried = 1; ; tried += 1) {
    await arm(call);
    const put = await putNext(call, bodyNow());
    if (put.kind === 'written') return true;
    if (put.kind === 'conflict') {
      await readHead(call);
      return false;
    }
    if (tried === putTriesMax || call.engine.clock.nowMs() >= call.endAtMs) {
      const message = `The store gave no answer; ask again for ${call.instanceId}, its journal tells what was written.`;
      throw new PawlError('store.unavailable', message, { instanceId: call.instanceId }, put.cause);
    }
    await call.engine.clock.sleep(putPauseMs * tried);
  }
};

/** Leaves a note. Notes are evidence: one that cannot be written goes to the log and fails nothing. */
export const noteQuietly = async (call: Call, note: Note): Promise<void> => {
  const { engine, instanceId } = call;
  await engine.journal.addNote(instanceId, note).catch((error: unknown) => {
    engine.observe({ kind: 'note.unwritten', instanceId, error: String(error), note: note.text });
  });
};

/** The view after the head this call knows. */
export const viewNow = (call: Call): View => {
  const { engine, head, started, runbook } = call;
  return viewOf(started, head.entry, runbook, engine.clock.nowMs(), engine.deployment.takeoverGraceMs);
};

/** An `await` that this call has not looked at stays due: perhaps nobody has subscribed for it yet, or it is met (I7). */
const viewToSave = (call: Call): View => {
  const view = viewNow(call);
  const { open, next } = call.head.entry.state;
  if (open?.kind !== 'waiting' || call.runbook.cells[next]?.body.kind !== 'await') return view;
  if (call.lookedAt === open.seq) return view;
  const nowMs = Math.floor(call.engine.clock.nowMs());
  return { ...view, dueAtMs: Math.min(view.dueAtMs ?? nowMs, nowMs) };
};

/**
 * Saves the view if this call armed it: that of an entry which was the newest after the arm. A head read before may be
 * old by then (a sandbox froze in between), and the mark of whoever wrote since long over. A view is a hint: when saving
 * fails the instance stays due.
 */
export const saveView = async (call: Call): Promise<View> => {
  if (call.armed === null) return viewNow(call);
  try {
    if (!call.current) await readHead(call);
    await call.engine.views.save(viewToSave(call), call.armed);
  } catch (error) {
    call.engine.observe({ kind: 'view.unsaved', instanceId: call.instanceId, error: String(error) });
  }
  return viewNow(call);
};

/** Outputs read in this call, JSON text by cell name; `null` where a cell was skipped or had none. */
export type OutputCache = Map<string, string | null>;

/**
 * An instance whose journal is broken: nothing runs in it. Its view says so, an alarm rings, and it is looked at ever more
 * rarely, up to a day, until it is restored or ended by a person who gives a reason.
 */
import assert from 'node:assert/strict';
import { inCall, putUntilAnswered } from '../call/answered.ts';
import type { Engine } from '../call/call.ts';
import { commandMs } from '../call/mark.ts';
import { type Entry, type EntryOf, journalVersion, type Standing, type Unchecked } from '../model/entries.ts';
import { isPawlError, PawlError } from '../model/errors.ts';
import { causeOf } from '../model/events.ts';
import type { By } from '../model/fields.ts';
import { limits } from '../model/limits.ts';
import type { State } from '../model/state.ts';
import type { View } from '../model/view.ts';
import { apply } from '../rules/apply.ts';

type Place = { seq: number; why: string };

/** Where the journal is broken, as the error says; not every one of them knows. */
const placeOf = ({ details, message }: PawlError): Place => ({
  seq: typeof details.seq === 'number' ? details.seq : 0,
  why: typeof details.why === 'string' ? details.why : message,
});

const isEndedAsBroken = (newest: Unchecked | undefined): boolean =>
  newest?.entry?.kind === 'cancelled' && newest.entry.broken !== undefined;

const emptyView = (instanceId: string, nowMs: number, home: string): View => ({
  instanceId,
  seq: 0,
  status: 'broken',
  runbookId: '',
  version: 0,
  cell: null,
  cellsDone: 0,
  cells: 0,
  drive: 'manual',
  place: home,
  dueAtMs: null,
  startedAtMs: nowMs,
  updatedAtMs: nowMs,
  startedBy: '',
  params: '{}',
  waitsFor: null,
  headHash: '',
});

/**
 * What the view says of a broken instance. It keeps since when, so that it is looked at ever more rarely, and the head it was
 * made from, which is a witness of what the chain was.
 */
const brokenView = (stands: View | undefined, instanceId: string, nowMs: number, home: string): View => {
  const before = stands ?? emptyView(instanceId, nowMs, home);
  const sinceMs = stands?.status === 'broken' ? stands.updatedAtMs : nowMs;
  const pauseMs = Math.min(limits.brokenBackoffMsMax, Math.max(limits.doubtBackoffMsMin, nowMs - sinceMs));
  return {
    ...before,
    status: 'broken',
    place: home,
    dueAtMs: Math.floor(nowMs + pauseMs),
    updatedAtMs: sinceMs,
    waitsFor: null,
  };
};

const sayBroken = async (engine: Engine, instanceId: string, error: PawlError): Promise<void> => {
  const { clock, journal, marks, views, observe } = engine;
  const newest = await journal.newest(instanceId);
  if (newest !== undefined && isEndedAsBroken(newest)) {
    // An element of it may have woken it since; nothing else takes its mark down.
    await endedView(engine, instanceId, { entry: newest.entry as Entry, hash: newest.hash });
    return;
  }
  observe({ kind: 'instance.broken', instanceId, seq: placeOf(error).seq, cause: causeOf(error) });
  const stands = await views.get(instanceId);
  const nowMs = clock.nowMs();
  const seed = { instanceId, runbookId: stands?.runbookId ?? '' };
  const armed = await marks.arm(seed, nowMs + commandMs, nowMs, true);
  await views.save(brokenView(stands, instanceId, nowMs, engine.here.home), armed);
};

/** Carries a command out; where it meets a broken journal, the view says so. The error is the answer all the same. */
export const guarded = async <T>(engine: Engine, instanceId: string, command: Promise<T>): Promise<T> => {
  try {
    return await command;
  } catch (error) {
    if (isPawlError(error, 'journal.broken')) {
      await sayBroken(engine, instanceId, error).catch((cause: unknown) => {
        engine.observe({ kind: 'view.unsaved', instanceId, cause: causeOf(cause) });
      });
    }
    throw error;
  }
};

/** Ends a broken instance, whatever stands in it. What a holder may still be doing is told, if it can be read. */
export const endBroken = async (
  engine: Engine,
  instanceId: string,
  reason: string,
  by: By,
  error: PawlError,
): Promise<{ view: View; before: State | null }> => {
  const { clock, journal, random } = engine;
  const token = random.token();
  const endAtMs = clock.nowMs() + commandMs;
  for (;;) {
    const newest = await journal.newest(instanceId);
    if (newest === undefined) throw error;
    const before = newest.entry?.state ?? null;
    if (isEndedAsBroken(newest))
      return { view: await endedView(engine, instanceId, { entry: newest.entry as Entry, hash: newest.hash }), before };
    const sealed = (): Entry => {
      const body = { kind: 'cancelled', reason, broken: placeOf(error) } as const;
      const step = { ...body, seq: newest.seq + 1, atMs: clock.nowMs(), by };
      return { ...step, v: journalVersion, instanceId, token, prev: newest.hash, state: apply(before, step) };
    };
    const put = await putUntilAnswered(clock, () => journal.putOnce(sealed()), inCall(endAtMs));
    if (put.kind === 'unknown') {
      const message = `The store gave no answer; ask again for ${instanceId}.`;
      throw new PawlError('store.unavailable', message, { instanceId }, put.cause);
    }
    if (put.kind === 'written') return { view: await endedView(engine, instanceId, put.standing), before };
  }
};

const endedView = async (engine: Engine, instanceId: string, { entry, hash }: Standing): Promise<View> => {
  const { clock, marks, views, observe } = engine;
  assert((entry as EntryOf<'cancelled'>).broken !== undefined);
  const nowMs = clock.nowMs();
  const stands = await views.get(instanceId);
  const { seq, atMs: updatedAtMs } = entry;
  const last = {
    seq,
    headHash: hash,
    updatedAtMs,
    status: 'cancelled',
    cell: null,
    place: engine.here.home,
    dueAtMs: null,
    waitsFor: null,
  } as const;
  const view = { ...(stands ?? emptyView(instanceId, nowMs, engine.here.home)), ...last };
  try {
    // It may have seen entries that are gone. That it ended as broken says so from now on.
    if (stands !== undefined && stands.seq >= seq) await marks.forget(instanceId, stands.seq);
    const armed = await marks.arm({ instanceId, runbookId: view.runbookId }, nowMs + commandMs, nowMs, true);
    await views.save(view, armed);
  } catch (error) {
    observe({ kind: 'view.unsaved', instanceId, cause: causeOf(error) });
  }
  return view;
};

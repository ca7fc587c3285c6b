/** One call into an instance: what never changes in it, the chain as it knows it, and its due mark. */

import { brokenAt } from '../model/chain.ts';
import type { EntryOf, Note, Standing } from '../model/entries.ts';
import { isPawlError, PawlError } from '../model/errors.ts';
import { causeOf } from '../model/events.ts';
import { type Parent, unfinishedIn } from '../model/family.ts';
import type { By } from '../model/fields.ts';
import type { Cell, Runbook } from '../model/runbook.ts';
import { runEnds } from '../model/runEnd.ts';
import type { State } from '../model/state.ts';
import type { View } from '../model/view.ts';
import { doubtDueAtMs, type Lacks, noLacks, viewOf } from '../rules/view.ts';
import { type Chain, createChain } from './chain.ts';
import { asSeen, type Engine, type Kin, kinOf, loadStarted, notifierOf, runbookIn } from './kin.ts';
import { createMark, type Mark } from './mark.ts';

/** Outputs read in this call, JSON text by cell name; `null` where a cell was skipped or had none. */
export type OutputCache = Map<string, string | null>;

export type { Engine } from './kin.ts';
export { keepStarted } from './kin.ts';

export type Call = {
  engine: Engine;
  instanceId: string;
  /** Drawn afresh for every call. */
  token: string;
  by: By;
  /** End of this invocation. */
  endAtMs: number;
  started: EntryOf<'started'>;
  runbook: Runbook;
  chain: Chain;
  mark: Mark;
  outputs: OutputCache;
  /** What the next cell could not have when this call came to it. */
  lacks: Lacks;
  /** When a look of this call at a poll that has to hold last found that it does not, or had no answer. */
  unheld?: { about: number; atMs: number };
  /** What this call knows of telling people that one is needed: `stands`: that was done, and a note says so. `tried`: it could not. */
  told?: 'stands' | 'tried';
  /** The execution that stands ready for its next code cell; `null`: nothing was claimed. */
  claimed: string | null;
  /** Of a child: what it sees of its parent. */
  family: Kin | null;
};

/**
 * Loads the head (one consistent read), the `started` entry and the version (both cached).
 * @param time from when the head is loaded; or the end of the invocation in which another call has begun
 * @param seenSeq the head that the caller has seen: if nothing follows it, one request has head and `started`
 * @throws PawlError `instance.unknown`, `store.unavailable`
 */
export const openCall = async (
  engine: Engine,
  instanceId: string,
  by: By,
  time: number | Pick<Call, 'endAtMs'>,
  seenSeq = 0,
): Promise<Call> => {
  const isKnown = engine.startedOf.has(instanceId);
  const opening = seenSeq > 0 && !isKnown ? await engine.journal.opening(instanceId, seenSeq) : undefined;
  const head = opening?.head ?? (await engine.journal.head(instanceId));
  if (head === undefined) {
    throw new PawlError('instance.unknown', `There is no instance ${instanceId}; see \`pawl list\`.`, { instanceId });
  }
  const first = head.entry.seq === 0 ? head : opening?.first;
  const own = await loadStarted(engine, instanceId, first);
  const kin = own.parent === undefined ? null : await kinOf(engine, own.parent);
  const started = asSeen(own, kin);
  const version = await engine.versions.get(started.runbookId, started.version);
  if (version === undefined) {
    throw new PawlError('journal.broken', `Version ${started.version} of ${started.runbookId} is missing.`, {
      instanceId,
    });
  }
  if (version.runHash !== started.runHash)
    throw brokenAt(
      instanceId,
      0,
      `it started ${started.runbookId} version ${started.version}, and another content stands there`,
    );
  const token = engine.random.token();
  const endAtMs = typeof time === 'object' ? time.endAtMs : engine.clock.nowMs() + time;
  const writer = { instanceId, runbookId: started.runbookId, token, by, endAtMs };
  const runbook = runbookIn(version, kin);
  return {
    engine,
    instanceId,
    token,
    by,
    endAtMs,
    started,
    runbook,
    ...openChain(engine, writer, head),
    outputs: new Map(),
    lacks: noLacks,
    claimed: null,
    family: kin,
  };
};

type Writer = Pick<Call, 'instanceId' | 'token' | 'by' | 'endAtMs'> & { runbookId: string };

/** The chain and the due mark of one call. `head`: `null` before the first entry is written. */
export const openChain = (engine: Engine, writer: Writer, head: Standing | null): Pick<Call, 'chain' | 'mark'> => {
  const { instanceId, runbookId, token, by, endAtMs } = writer;
  const mark = createMark(engine, { instanceId, runbookId }, endAtMs);
  return { mark, chain: createChain(engine, mark, { instanceId, token, by, head, endAtMs }) };
};

export const stateOf = ({ chain }: Pick<Call, 'chain'>): State => chain.head.entry.state;

/** The next unsatisfied cell, or the open one; `undefined` when none is left. */
export const nextCell = (call: Pick<Call, 'chain' | 'runbook'>): Cell | undefined =>
  call.runbook.cells[stateOf(call).next];

/**
 * Leaves a note. Notes are evidence: one that cannot be written goes to the log and fails nothing.
 * @returns whether it was written
 */
export const noteQuietly = async ({ engine, instanceId }: Call, note: Note): Promise<boolean> => {
  try {
    await engine.journal.addNote(instanceId, note);
    return true;
  } catch (error) {
    engine.observe({ kind: 'note.unwritten', instanceId, cause: causeOf(error), note: note.text });
    return false;
  }
};

/** How long after its deadline an open step is left to its holder: longer where the time has jumped since it was begun. */
export const graceOf = ({ clock, deployment }: Pick<Engine, 'clock' | 'deployment'>, { open }: State): number => {
  const { takeoverGraceMs } = deployment;
  return takeoverGraceMs + (open?.kind === 'reserved' ? clock.heldMs(open.atMs, takeoverGraceMs) : 0);
};

export const momentOf = (engine: Engine, state: State) => ({
  nowMs: engine.clock.nowMs(),
  graceMs: graceOf(engine, state),
  epoch: engine.deployment.epoch,
  lease: engine.lease,
});

/** What a cell's `at=` says, filled in; `null`: nothing. The parameters were checked when it started, so that it is some place. */
export const atOf = ({ engine, started }: Pick<Call, 'engine' | 'started'>, cell: Cell | undefined): string | null => {
  if (cell?.at === undefined) return null;
  const rendered = engine.authoring.render(cell.at, { params: started.params, outputs: {}, step: {} });
  return rendered.kind === 'text' ? rendered.text : null;
};

/** The view after the head this call knows. */
export const viewNow = (call: Call): View => {
  const { engine, chain, started, runbook, lacks } = call;
  const { home } = engine.here;
  const at = { ...momentOf(engine, stateOf(call)), home, nextAt: atOf(call, nextCell(call)), lacks };
  return viewOf(started, chain.head, runbook, at);
};

/** What a parent is told of: a child that ended, or needs a person. */
const wakingStatuses: readonly View['status'][] = [...runEnds, 'halted', 'in_doubt'];

/**
 * Whether the parent's chain has seen the child as it stands. Then whoever wrote that had armed the parent: waking it again, for every
 * look at each of many in doubt, would make it read all of them each time.
 */
const isSeen = async (call: Call, { instanceId, seq, index }: Parent): Promise<boolean> => {
  const head = await call.engine.journal.head(instanceId);
  if (head === undefined) return false;
  const { entry } = head;
  const { open } = entry.state;
  if (open?.kind !== 'waiting' || open.seq !== seq || open.family === undefined) return true;
  if (stateOf(call).ended !== null) return !unfinishedIn(open.family).includes(index);
  const { status, seq: own } = viewNow(call);
  const isStuck = status === 'halted' || status === 'in_doubt';
  if (entry.kind !== 'progress') return !isStuck && open.family.stuck === 0;
  const told = entry.stuck.find((one) => one.index === index);
  return isStuck ? told?.seq === own : told === undefined;
};

/**
 * A parent is woken by a child that has ended or needs a person, before the child's own mark goes down; and again whenever the child
 * is looked at, until it was seen. A caller that is at the parent itself looks: in its own time, in which the parent's mark is up. A
 * step that is held by a lease may take longer.
 */
export const wakeParent = async (call: Call): Promise<void> => {
  const { engine, family } = call;
  if (family === null || (family.isWatched && engine.clock.nowMs() < call.endAtMs)) return;
  if (await isSeen(call, family.parent)) return;
  const { instanceId } = family.parent;
  const nowMs = engine.clock.nowMs();
  await engine.marks.wake({ instanceId, runbookId: call.started.runbookId }, nowMs);
  await engine.wakeAt(instanceId, nowMs).catch((error: unknown) => {
    engine.observe({ kind: 'wake.unsent', instanceId, cell: family.parent.cell, cause: causeOf(error) });
  });
};

/** What has to be looked at before the mark goes down: claims of the wait at a seq; elements, as they are told of up to an entry. */
const awaitsAt = (call: Call): number | null => {
  const { open } = stateOf(call);
  if (open?.kind !== 'waiting') return null;
  if (open.family !== undefined) return call.chain.head.entry.seq;
  return nextCell(call)?.body.kind === 'await' ? open.seq : null;
};

/** A view to save: what has halted stays due until people were told, where its runbook asks for that. */
const viewToSave = (call: Call): View => {
  const view = viewNow(call);
  const { halted } = stateOf(call);
  if (view.status !== 'halted' || halted === null || notifierOf(call) === undefined || call.told === 'stands')
    return view;
  const untoldAtMs =
    call.told === 'tried' ? doubtDueAtMs(halted.atMs, call.engine.clock.nowMs()) : Math.floor(view.updatedAtMs);
  return { ...view, dueAtMs: Math.min(view.dueAtMs ?? untoldAtMs, untoldAtMs) };
};

/**
 * Saves the view if this call armed it. A view is a hint: when saving fails the instance stays due, and so it does when a
 * put of this call may still land (I7).
 */
export const saveView = async (call: Call): Promise<View> => {
  const { engine, instanceId, chain, mark } = call;
  const { knownAt, refresh } = chain;
  if (chain.unanswered) return viewNow(call);
  try {
    if (wakingStatuses.includes(viewNow(call).status)) await wakeParent(call);
    await mark.save({ knownAt, refresh, view: () => viewToSave(call), awaitsAt: () => awaitsAt(call) });
  } catch (error) {
    if (isPawlError(error, 'journal.broken')) throw error;
    engine.observe({ kind: 'view.unsaved', instanceId, cause: causeOf(error) });
  }
  return viewNow(call);
};

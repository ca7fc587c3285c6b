/** One call into an instance: what never changes in it, the chain as it knows it, and its due mark. */

import { brokenAt } from '../model/chain.ts';
import type { By, EntryOf, Note, Standing, State } from '../model/entries.ts';
import { isPawlError, PawlError } from '../model/errors.ts';
import { causeOf } from '../model/events.ts';
import type { Cell, Runbook } from '../model/runbook.ts';
import type { View } from '../model/view.ts';
import type { Ports } from '../ports.ts';
import { viewOf } from '../rules/view.ts';
import { type Chain, createChain } from './chain.ts';
import { createMark, type Mark } from './mark.ts';

/** The engine's ports and its memory: `started` entries are immutable, so they are read once. */
export type Engine = Ports & { startedOf: Map<string, EntryOf<'started'>> };
const startedKeptMax = 1_000;

/** Outputs read in this call, JSON text by cell name; `null` where a cell was skipped or had none. */
export type OutputCache = Map<string, string | null>;

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
};

export const keepStarted = ({ startedOf }: Engine, started: EntryOf<'started'>): void => {
  if (startedOf.size >= startedKeptMax) startedOf.clear();
  startedOf.set(started.instanceId, started);
};

const loadStarted = async (engine: Engine, instanceId: string, read?: Standing): Promise<EntryOf<'started'>> => {
  const kept = engine.startedOf.get(instanceId);
  if (kept !== undefined) return kept;
  const first = read ?? (await engine.journal.entry(instanceId, 0));
  if (first?.entry.kind !== 'started') {
    throw new PawlError('instance.unknown', `Instance ${instanceId} never started; start it with \`pawl start\`.`, {
      instanceId,
    });
  }
  keepStarted(engine, first.entry);
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
  const first = head.entry.seq === 0 ? head : opening?.first;
  const started = await loadStarted(engine, instanceId, first);
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
  const endAtMs = engine.clock.nowMs() + budgetMs;
  const writer = { instanceId, runbookId: started.runbookId, token, by, endAtMs };
  const { runbook } = version;
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
});

/** The view after the head this call knows. */
export const viewNow = ({ engine, chain, started, runbook }: Call): View =>
  viewOf(started, chain.head, runbook, momentOf(engine, chain.head.entry.state));

const awaitsAt = (call: Call): number | null => {
  const { open } = stateOf(call);
  return open?.kind === 'waiting' && nextCell(call)?.body.kind === 'await' ? open.seq : null;
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
    await mark.save({ knownAt, refresh, view: () => viewNow(call), awaitsAt: () => awaitsAt(call) });
  } catch (error) {
    if (isPawlError(error, 'journal.broken')) throw error;
    engine.observe({ kind: 'view.unsaved', instanceId, cause: causeOf(error) });
  }
  return viewNow(call);
};

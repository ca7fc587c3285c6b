/** The engine: its commands over one set of ports. */

import { advance } from './advance.ts';
import type { Engine as Context } from './call/call.ts';
import {
  type ClaimRequest,
  type ClaimSet,
  claimHistory,
  claimNow,
  claimWaiters,
  setClaim,
  wake,
} from './call/claims.ts';
import type { AdvanceAnswer, AdvanceRequest } from './call/progress.ts';
import { guarded } from './commands/broken.ts';
import { type CancelHow, type Cancelled, cancel } from './commands/cancel.ts';
import { type DoneRequest, done } from './commands/done.ts';
import { type LinkShown, type LinkVote, type MadeLink, makeLink, readLink, useLink } from './commands/links.ts';
import { type Published, publish } from './commands/publish.ts';
import { rebuild, type Swept, sweep } from './commands/rebuild.ts';
import { type Redriven, redrive } from './commands/redrive.ts';
import { release } from './commands/release.ts';
import { type RunAnswer, run, startAndRun } from './commands/run.ts';
import { type Started, type StartRequest, start } from './commands/start.ts';
import { type UndoRequest, undo } from './commands/undo.ts';
import type { VerdictRequest } from './commands/verdictFacts.ts';
import { giveVerdict, type VerdictGiven } from './commands/verdicts.ts';
import { type Voted, type VoteRequest, vote } from './commands/votes.ts';
import type { Note, Standing } from './model/entries.ts';
import { PawlError, withInstanceId } from './model/errors.ts';
import type { By } from './model/fields.ts';
import { limits } from './model/limits.ts';
import type { Plan } from './model/planned.ts';
import type { Unrecorded } from './model/unrecorded.ts';
import type { View } from './model/view.ts';
import type { ClaimEntry, Claims, Here, Journal, Ports, Subscriptions, Views } from './ports.ts';
import { type ElementBegun, elementsBegun } from './reading/elements.ts';
import { type Inspection, inspect } from './reading/inspect.ts';
import { type AttachedFile, attachedAt, notes, outputAt } from './reading/kept.ts';
import { type PlanRequest, plan } from './reading/plan.ts';
import { type Verified, verify, type Witness } from './reading/verify.ts';

export type Engine = {
  publish(source: string, by: By): Promise<Published>;
  /** What a start would do; it refuses what that refuses, and writes nothing. */
  plan(request: PlanRequest): Promise<Plan>;
  start(request: StartRequest): Promise<Started>;
  /** Starts and runs in one call. */
  startAndRun(
    request: Omit<StartRequest, 'drive'>,
    within: Pick<AdvanceRequest, 'budgetMs' | 'signal'>,
  ): Promise<RunAnswer & { created: boolean }>;
  advance(instanceId: string, request: AdvanceRequest): Promise<AdvanceAnswer>;
  run(instanceId: string, request: Omit<AdvanceRequest, 'maxCells' | 'drive'>): Promise<RunAnswer>;
  done(instanceId: string, cell: string, request: DoneRequest): Promise<{ view: View }>;
  cancel(instanceId: string, reason: string, by: By, how?: CancelHow): Promise<Cancelled>;
  /** Gives a run up that stands at a known failure, and takes back what it did. */
  undo(instanceId: string, request: UndoRequest): Promise<{ view: View }>;
  verdict(instanceId: string, request: VerdictRequest): Promise<VerdictGiven>;
  redrive(item: Unrecorded, by: By): Promise<Redriven>;
  release(instanceId: string, reason: string, by: By, how?: { expectedSeq?: number }): Promise<{ view: View }>;
  inspect(instanceId: string, by: By, outputsBytesMax?: number): Promise<Inspection>;
  /** The files that an entry carries; none of one that carries none. */
  attached(instanceId: string, seq: number): Promise<AttachedFile[]>;
  /** The elements of a section that began, those that have ended too. */
  elements(instanceId: string, cell: string): Promise<ElementBegun[]>;
  output(instanceId: string, seq: number): Promise<{ text: string; bytes: number; truncated: boolean } | undefined>;
  /** Checks everything of an instance; `witness`: the hash that an entry once had. */
  verify(instanceId: string, witness?: Witness): Promise<Verified>;
  /** Makes its view again, from the journal. */
  rebuild(instanceId: string, by: By): Promise<{ view: View }>;
  /** Makes lost views again, in one page of a part of all journals. */
  sweep(
    shard: number,
    by: By,
    after: string | undefined,
    refused: (instanceId: string, error: unknown) => void,
  ): Promise<Swept>;
  started: Journal['started'];
  journal(instanceId: string, afterSeq: number, limit: number): Promise<Standing[]>;
  notes(instanceId: string, about?: number): Promise<Note[]>;
  notesPage: Journal['notesPage'];
  list: Views['list'];
  lists: Views['lists'];
  counts: Views['count'];
  setClaim(claimId: string, request: ClaimRequest): Promise<ClaimSet>;
  /** @throws PawlError `claim.unknown` */
  claim(claimId: string): Promise<ClaimEntry>;
  /** Newest first, those before revision `before`. @throws PawlError `claim.unknown` */
  claimHistory(claimId: string, limit: number, before?: number): Promise<ClaimEntry[]>;
  claims: Claims['list'];
  /** Who waits for a claim, which need not exist yet. */
  claimWaiters: Subscriptions['page'];
  /** The place it works at, and that of the store's schedule. */
  here: Pick<Here, 'place' | 'home'>;
  /** Wakes the waiters of a claim, because its writer may have died before it did. */
  wake(claimId: string): Promise<{ woken: number | null }>;
  vote(instanceId: string, cell: string, request: VoteRequest): Promise<Voted>;
  makeLink(instanceId: string, cell: string, request: { actor: string; by: By }): Promise<MadeLink>;
  readLink(secret: string, by: By): Promise<LinkShown>;
  useLink(secret: string, request: LinkVote): Promise<Voted>;
};

/** @throws PawlError `request.invalid` when the takeover grace is below a second. */
export const createEngine = (ports: Ports): Engine => {
  if (ports.deployment.takeoverGraceMs < limits.takeoverGraceMsMin) {
    const message = `The takeover grace is ${ports.deployment.takeoverGraceMs} ms; takeoverGraceMsMin is ${limits.takeoverGraceMsMin}.`;
    throw new PawlError('request.invalid', message);
  }
  const context: Context = { ...ports, startedOf: new Map(), homeOf: new Map() };
  const guardedBy = <T>(instanceId: string, command: Promise<T>): Promise<T> =>
    withInstanceId(instanceId, guarded(context, instanceId, command));
  const rebuildOne = (instanceId: string, by: By): Promise<{ view: View }> =>
    guardedBy(instanceId, rebuild(context, instanceId, by));
  return {
    publish: (source, by) => publish(context, source, by),
    plan: (request) => plan(context, request),
    start: (request) => start(context, request),
    startAndRun: (request, within) => startAndRun(context, request, within),
    advance: (instanceId, request) => guardedBy(instanceId, advance(context, instanceId, request)),
    run: (instanceId, request) => guardedBy(instanceId, run(context, instanceId, request)),
    done: (instanceId, cell, request) => guardedBy(instanceId, done(context, instanceId, cell, request)),
    cancel: (instanceId, reason, by, how) => withInstanceId(instanceId, cancel(context, instanceId, reason, by, how)),
    undo: (instanceId, request) => guardedBy(instanceId, undo(context, instanceId, request)),
    verdict: (instanceId, request) => guardedBy(instanceId, giveVerdict(context, instanceId, request)),
    redrive: (item, by) => guardedBy(item.instanceId, redrive(context, item, by)),
    release: (instanceId, reason, by, how) => guardedBy(instanceId, release(context, instanceId, reason, by, how)),
    inspect: (instanceId, by, outputsBytesMax) =>
      withInstanceId(instanceId, inspect(context, instanceId, by, outputsBytesMax)),
    elements: (instanceId, cell) => withInstanceId(instanceId, elementsBegun(context, instanceId, cell)),
    output: (instanceId, seq) => withInstanceId(instanceId, outputAt(context, instanceId, seq)),
    attached: (instanceId, seq) => withInstanceId(instanceId, attachedAt(context, instanceId, seq)),
    verify: (instanceId, witness) => withInstanceId(instanceId, verify(context, instanceId, witness && [witness])),
    rebuild: rebuildOne,
    sweep: (shard, by, after, refused) => sweep(context, shard, after, refused, (id) => rebuildOne(id, by)),
    started: (shard, after) => ports.journal.started(shard, after),
    journal: (instanceId, afterSeq, limit) =>
      withInstanceId(instanceId, ports.journal.page(instanceId, afterSeq, Math.min(limit, limits.pageMax))),
    notes: (instanceId, about) => withInstanceId(instanceId, notes(context, instanceId, about)),
    notesPage: (instanceId, limit, after) =>
      withInstanceId(instanceId, ports.journal.notesPage(instanceId, Math.min(limit, limits.pageMax), after)),
    list: (filter) => ports.views.list(filter),
    lists: (filter, kinds) => ports.views.lists(filter, kinds),
    counts: (filter) => ports.views.count(filter),
    setClaim: (claimId, request) => setClaim(context, claimId, request),
    claim: (claimId) => claimNow(context, claimId),
    claimHistory: (claimId, limit, before) => claimHistory(context, claimId, Math.min(limit, limits.pageMax), before),
    claims: (filter) => ports.claims.list(filter),
    claimWaiters: (claimId, limit, from) => claimWaiters(context, claimId, Math.min(limit, limits.pageMax), from),
    wake: (claimId) => wake(context, claimId),
    vote: (instanceId, cell, request) => guardedBy(instanceId, vote(context, instanceId, cell, request)),
    makeLink: (instanceId, cell, request) => guardedBy(instanceId, makeLink(context, instanceId, cell, request)),
    readLink: (secret, by) => readLink(context, secret, by),
    useLink: (secret, request) => useLink(context, secret, request),
    here: { place: ports.here.place, home: ports.here.home },
  };
};

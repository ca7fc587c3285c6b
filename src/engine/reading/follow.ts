/**
 * Following a call that was handed to another process: what it has come to, read from the journal. Writes nothing, so it
 * can be asked any number of times, by any client that is served the journal in pages.
 *
 * A hand-over names the seq it was made at, and runs only if the next entry is its own. So that entry tells whether there
 * is anything to wait for.
 */

import { type AdvanceAnswer, reportOf, type StepReport } from '../call/progress.ts';
import type { Template } from '../model/cellKinds.ts';
import type { Entry, EntryOf } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import type { By } from '../model/fields.ts';
import { sectionOf } from '../model/levels.ts';
import { limits } from '../model/limits.ts';
import type { Runbook } from '../model/runbook.ts';
import { isJudgedFirst, stopElsewhere } from '../rules/carriedOut.ts';
import { decide } from '../rules/decide.ts';
import { parkedAt } from '../rules/parked.ts';
import { viewOf } from '../rules/view.ts';

/** The journal of one instance as its reader is served it. */
export type JournalPages = {
  /** Entries after a seq, in order. `next`: where to go on, `null` at the end. `nowMs` is the store's time. */
  page(
    after: number,
    limit: number,
  ): Promise<{
    entries: Entry[];
    /** Hash of the last of them; `null` where there is none. */
    lastHash: string | null;
    next: number | null;
    nowMs: number;
    deployment: { epoch: number; takeoverGraceMs: number; place: string; home: string };
  }>;
  runbook(runbookId: string, version: number): Promise<Runbook>;
  /** A template filled in with the parameters; `null`: it cannot be. Asked only for what is no plain text. */
  render(template: Template, params: Record<string, unknown>): Promise<string | null>;
};

export type FollowRequest = {
  /** Seq of the head when the call was handed over. */
  afterSeq: number;
  cell?: string | undefined;
  /** Reservations it may make after that seq. */
  maxCells: number;
  /** Whether an entry was written by the call that was handed over. */
  isOurs(by: By): boolean;
};

/**
 * `unbegun`: nothing was written after the hand-over. `lost`: another caller was first, so it runs nothing. `underWay`: with
 * what it has gone through so far, and whether one of its steps is held at this moment.
 */
export type Followed =
  | { kind: 'unbegun' | 'lost' }
  | { kind: 'underWay'; steps: StepReport[]; reserved: number; isHeld: boolean }
  | { kind: 'over'; answer: AdvanceAnswer };

const reserves = (entry: Entry): boolean =>
  entry.kind === 'reserved' || (entry.kind === 'outcome' && entry.reserve !== undefined);

type Page = Awaited<ReturnType<JournalPages['page']>>;
type Opening = { started: EntryOf<'started'>; runbook: Runbook };
const readOpening = async (pages: JournalPages): Promise<Opening> => {
  const [started] = (await pages.page(-1, 1)).entries;
  if (started?.kind !== 'started') throw new PawlError('journal.broken', 'The journal does not begin with a start.');
  const runbook = await pages.runbook(started.runbookId, started.version);
  // An element goes through its part of the section.
  const { parent } = started;
  const isWhole = parent === undefined || parent.run === true;
  return { started, runbook: isWhole ? runbook : sectionOf(runbook, parent) };
};

/** What `at=` of a cell says, filled in; `null`: nothing. */
const atOf = async (pages: JournalPages, { started, runbook }: Opening, next: number): Promise<string | null> => {
  const at = runbook.cells[next]?.at;
  if (at === undefined) return null;
  const isPlain = at.every((part) => typeof part === 'string');
  return isPlain ? at.join('') : await pages.render(at, started.params);
};

/** Every look reads what was written since the one before. */
export const createFollower = (pages: JournalPages, request: FollowRequest) => {
  const { isOurs, maxCells, cell } = request;
  const steps: StepReport[] = [];
  let seq = request.afterSeq;
  let reserved = 0;
  let first: Entry | undefined;
  let last: Entry | undefined;
  let lastHash = '';
  let opening: Opening | undefined;

  const take = (entry: Entry): void => {
    first ??= entry;
    last = entry;
    seq = entry.seq;
    if (!isOurs(entry.by)) return;
    if (reserves(entry)) reserved += 1;
    if (entry.kind === 'outcome') steps.push(reportOf(entry, entry.closes ?? entry.seq, true));
  };

  return async (): Promise<Followed> => {
    let page: Page;
    do {
      page = await pages.page(seq, limits.pageMax);
      page.entries.forEach(take);
      lastHash = page.lastHash ?? lastHash;
    } while (page.next !== null);
    if (first === undefined || last === undefined) return { kind: 'unbegun' };
    if (!isOurs(first.by)) return { kind: 'lost' };
    opening ??= await readOpening(pages);
    const { started, runbook } = opening;
    const { nowMs, deployment } = page;
    const { takeoverGraceMs: graceMs, epoch, home, place: here } = deployment;
    const wish = {
      cell,
      reservationsLeft: maxCells - reserved,
      wroteSome: true,
      endAtMs: Number.POSITIVE_INFINITY,
      explicit: true,
    };
    const decision = decide(last.state, runbook, wish, { nowMs, graceMs, epoch });
    // What waits for something outside is not under way, however often it is looked at.
    const looked = decision.kind === 'waiting' ? parkedAt(decision.open, nowMs) : decision;
    const { state } = last;
    const at = await atOf(pages, opening, state.next);
    const next = runbook.cells[state.next];
    const grounds = { started, home, cell: next, at };
    // What was handed over runs where this deployment does, and goes on with nothing that belongs elsewhere.
    const parked = stopElsewhere(state, runbook, looked, { ...grounds, here, nowMs });
    const mayBeJudged = nowMs - last.atMs < limits.followJudgedMs;
    if (parked !== undefined && next !== undefined && mayBeJudged && isJudgedFirst(state, next, looked))
      return { kind: 'underWay', steps: [...steps], reserved, isHeld: false };
    const stop = parked ?? looked;
    const isHeld = stop.kind === 'stop' && stop.result === 'in_flight' && isOurs(stop.holder.by);
    if (stop.kind !== 'stop' || isHeld) return { kind: 'underWay', steps: [...steps], reserved, isHeld };
    const view = viewOf(started, { entry: last, hash: lastHash }, runbook, {
      nowMs,
      graceMs,
      epoch,
      home,
      nextAt: at,
    });
    return {
      kind: 'over',
      answer: { stop, result: stop.result, steps: [...steps], reserved, wrote: true, view, state },
    };
  };
};

/**
 * A call that takes longer than a service may keep its caller waiting: it answers 202, its function `work` goes on, and
 * here the journal is read until it tells how that ended. Nothing is asked for a second time.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { AdvanceAnswer, Entry, Runbook, StepReport, Stop, View } from '../engine/index.ts';
import { decide } from '../engine/index.ts';

export type JournalPage = {
  entries: Entry[];
  next: number | null;
  /** The store's time. */
  nowMs: number;
  deployment: { epoch: number; takeoverGraceMs: number };
};

export type HandedOver = {
  /** What was answered when it was handed over: the steps so far, and the head at that moment. */
  answer: AdvanceAnswer;
  runbook: Runbook;
  cell: string | undefined;
  maxCells: number;
  isOurs(entry: Pick<Entry, 'by'>): boolean;
  page(after: number): Promise<JournalPage>;
  view(): Promise<View>;
  signal: AbortSignal;
};

const pauseMs = 500;
/** Without an entry for so long, nobody carries it on: what is due is looked after, and the caller asks again. */
const patienceMs = 120_000;

const reserves = (entry: Entry): boolean =>
  entry.kind === 'reserved' || (entry.kind === 'outcome' && entry.reserve !== undefined);

const reportOf = ({ seq, closes, ...outcome }: Extract<Entry, { kind: 'outcome' }>): StepReport => {
  const { cell, status, then, attempt, durationMs, error } = outcome;
  return { cell, seq: closes ?? seq, status, then, attempt, durationMs, error, recorded: true };
};

/** What an invocation of `work` waits for itself is still under way. */
const isOver = (stop: Stop, isOurs: HandedOver['isOurs']): boolean =>
  stop.result !== 'in_flight' || !isOurs(stop.holder);

export const untilOver = async (handed: HandedOver): Promise<AdvanceAnswer> => {
  const { answer, runbook, cell, maxCells, page, isOurs, signal } = handed;
  const steps = [...answer.steps];
  let { reserved, state } = answer;
  let after = answer.view.seq;
  let toldMs = performance.now();
  let isLost = false;
  for (;;) {
    const { entries, next, nowMs, deployment } = await page(after);
    for (const entry of entries) {
      if (isOurs(entry)) {
        if (reserves(entry)) reserved += 1;
        if (entry.kind === 'outcome') steps.push(reportOf(entry));
      } else if (after === answer.view.seq && entry === entries[0]) {
        // Somebody else took the slot it was handed over for: so it runs nothing.
        isLost = true;
      }
      state = entry.state;
      toldMs = performance.now();
    }
    after = entries.at(-1)?.seq ?? after;
    if (next !== null) continue;
    const wish = { cell, reservationsLeft: maxCells - reserved, wroteSome: true, endAtMs: Number.POSITIVE_INFINITY };
    const at = { nowMs, graceMs: deployment.takeoverGraceMs, epoch: deployment.epoch };
    const decision = decide(state, runbook, { ...wish, explicit: true }, at);
    const done = async (stop: Stop): Promise<AdvanceAnswer> => {
      return { stop, result: stop.result, steps, reserved, view: await handed.view(), state };
    };
    if (decision.kind === 'stop' && isOver(decision, isOurs)) return await done(decision);
    const isLate = decision.kind !== 'stop' && performance.now() - toldMs > patienceMs;
    if (isLost || isLate || signal.aborted) {
      const name = runbook.cells[state.next]?.name ?? runbook.runbookId;
      const later: Stop = { kind: 'stop', result: 'deferred', cell: name, untilMs: nowMs, why: 'budget' };
      return await done(decision.kind === 'stop' ? decision : later);
    }
    await wait(pauseMs, undefined, { signal }).catch(() => undefined);
  }
};

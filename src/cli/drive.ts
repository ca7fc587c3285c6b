/** Runs a call on an instance with live progress and leaves in order on Ctrl-C. */
import { setTimeout as wait } from 'node:timers/promises';
import { type AdvanceAnswer, type Holder, isPawlError, type RunAnswer, type View } from '../engine/index.ts';
import { cellTable } from './cells.ts';
import type { Instance } from './client.ts';
import { explainElsewhere } from './elsewhere.ts';
import { type Exit, exitOfResult, exits } from './exits.ts';
import { explain } from './explain.ts';
import { following } from './follow.ts';
import { duration, plural } from './format.ts';
import { harmless } from './screen.ts';
import type { Session } from './session.ts';
import { shellWord } from './shellWord.ts';
import type { Step } from './step.ts';
import { explainWait } from './waits.ts';

/** A store that went away in mid-run is asked again after this; if it is still away, its own error ends the run. */
const storePauseMs = 2_000;

/** Where the progress begins: what is shown is what the journal gained after this. */
export type From = { view: View; cells: string[] };

/** Makes a call with progress; the first Ctrl-C stops the cell and lets the call end by itself. */
export const watched = async <T>(
  session: Session,
  from: From,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const { screen, client, interruption } = session;
  const announceStop = (): void => {
    const what =
      session.settings.service === null
        ? 'stopping the cell and recording how it ended; once more leaves at once'
        : 'no longer waiting; what the service has begun goes on there';
    screen.print(screen.paint('warn', `  ${what}`));
  };
  const { instanceId, seq: afterSeq } = from.view;
  return await interruption.during(announceStop, (signal) =>
    following(screen, client, { instanceId, cells: from.cells, afterSeq }, call(signal)),
  );
};

/** What it waits for may come from anywhere: so it is looked at every now and then, and nothing is written. */
const waitLookMs = 2_000;

/** The claims as they stood when the run went on the last time; '' before that. */
type Stayed = { seq: number | null; claims: string };

/** Until what is waited for may be there: a claim has changed, the time has come, or another caller moved it. */
const untilDue = async (
  { screen, client }: Session,
  { seq, instanceId }: View,
  stayed: Stayed,
  signal: AbortSignal,
) => {
  for (;;) {
    const instance = await client.instance(instanceId);
    const { view, waits, manned, nowMs } = instance;
    if (view.seq === seq && manned !== null) {
      // A worker there goes on with it: asking for a run would change nothing.
      if (stayed.seq !== seq) explainElsewhere(screen, instance, manned);
      stayed.seq = seq;
      await wait(waitLookMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      continue;
    }
    // Elements have journals of their own: this one need not tell when one of them goes on.
    if (view.seq === seq && (waits === null || waits.kind === 'each'))
      await wait(waitLookMs, undefined, { signal }).catch(() => undefined);
    if (view.seq !== seq || waits === null || (waits.nextAtMs !== null && waits.nextAtMs <= nowMs)) return;
    const claims = waits.kind === 'await' ? JSON.stringify(waits.claims) : '';
    if (stayed.seq !== seq) explainWait(screen, instance, waits);
    const changed = claims !== stayed.claims;
    Object.assign(stayed, { seq, claims });
    // Also the first time: one may have changed since the run looked.
    if (changed) return;
    await wait(waitLookMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
  }
};

/** A step that another caller holds is looked at so often. */
const heldLookMs = 500;

/**
 * A service has a schedule, and callers besides this one: whoever holds the step, the run goes on, and is followed. On this
 * machine alone two people who run the same are told so.
 */
const runOrHeld = async (
  { client, settings }: Session,
  instanceId: string,
  signal: AbortSignal,
): Promise<RunAnswer | { holder: Holder }> => {
  try {
    return await client.run(instanceId, signal);
  } catch (error) {
    if (!isPawlError(error, 'step.inFlight') || signal.aborted) throw error;
    const holder = error.details.holder as Holder;
    if (settings.service === null && holder.by.actor !== 'schedule') throw error;
    return { holder };
  }
};

const tellHolder = ({ screen }: Session, { cell, by }: Holder): void => {
  screen.print(`  ${cell} is being carried out for ${harmless(by.actor)} (${harmless(by.via)}); following it`);
};

/** Until the step is closed, or in doubt: then it is asked anew what there is to do. */
const untilLetGo = async (
  { client }: Session,
  instanceId: string,
  { seq }: Holder,
  signal: AbortSignal,
): Promise<void> => {
  for (;;) {
    const standing = await client.standing(instanceId, seq);
    const open = standing?.head.state.open;
    if (open?.kind !== 'reserved' || open.seq !== seq || standing?.status !== 'running' || signal.aborted) return;
    await wait(heldLookMs, undefined, { signal }).catch(() => undefined);
  }
};

/** Runs to the end: what is deferred is waited for and gone on with; with `waits` also what is parked. */
export const runThrough = async (
  session: Session,
  instanceId: string,
  signal: AbortSignal,
  waits = false,
): Promise<RunAnswer> => {
  const { client } = session;
  const steps: RunAnswer['steps'] = [];
  const stayed: Stayed = { seq: null, claims: '' };
  let isFollowing = false;
  for (;;) {
    const answer = await runOrHeld(session, instanceId, signal);
    if ('holder' in answer) {
      if (!isFollowing) tellHolder(session, answer.holder);
      isFollowing = true;
      await untilLetGo(session, instanceId, answer.holder, signal);
      continue;
    }
    steps.push(...answer.steps);
    const { stop } = answer;
    if (stop.result === 'parked' && waits && !signal.aborted) {
      if (stop.waitsFor === undefined) await untilDue(session, answer.view, stayed, signal);
      // Nobody tells when it is there.
      else await wait(waitLookMs, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) continue;
    }
    if (stop.result !== 'deferred' || signal.aborted) return { ...answer, steps };
    const { nowMs } = await client.instance(instanceId);
    const pauseMs = stop.why === 'store' ? storePauseMs : Math.max(0, stop.untilMs - nowMs);
    if (pauseMs > 0) session.screen.print(`  deferred: ${stop.cell} is due in ${duration(pauseMs)}; waiting for it`);
    // Aborted, it only ends the pause: the next call then begins nothing.
    await wait(pauseMs, undefined, { signal }).catch(() => undefined);
  }
};

const printVerdict = (session: Session, { verdict, coverage }: RunAnswer): void => {
  const { paint, print } = session.screen;
  const { skipped, forgiven, overridden } = coverage;
  const rest = Object.entries({ skipped, forgiven, overridden })
    .map(([what, count]) => (count > 0 ? `, ${count} ${what}` : ''))
    .join('');
  if (verdict === 'passed') {
    const declared = `${coverage.declared} of ${plural(coverage.cells, 'cell')} met what they declare`;
    print(paint('good', `Passed: ${declared}${rest}.`));
  } else if (verdict === 'completed procedurally') {
    const why =
      overridden > 0
        ? `what ${plural(overridden, 'cell')} expected was overridden`
        : forgiven > 0
          ? 'no cell met what it declares'
          : 'no cell declares expectations';
    print(paint('good', `Completed procedurally: ${why}, so nothing was verified${rest}.`));
  }
};

/** The table, the verdict or where it stands, and the exit code. */
export const conclude = async (
  session: Session,
  answer: AdvanceAnswer | RunAnswer,
): Promise<{ exit: Exit; instance: Instance; step: Step | null }> => {
  const { screen, client, interruption } = session;
  const instance = await client.instance(answer.view.instanceId);
  screen.print();
  cellTable(screen, instance);
  screen.print();
  const interrupted = interruption.signal.aborted && answer.result !== 'completed';
  if (interrupted) screen.print(screen.paint('warn', 'Interrupted.'));
  let step: Step | undefined;
  if ('verdict' in answer && answer.result === 'completed') printVerdict(session, answer);
  else step = await explain(session, instance, answer.stop);
  if (interrupted && answer.result === 'advanced')
    screen.print(
      `It stands as it is until it is advanced, and \`pawl status ${shellWord(instance.view.instanceId)}\` shows it.`,
    );
  return { exit: interrupted ? exits.interrupted : exitOfResult(answer.result), instance, step: step ?? null };
};

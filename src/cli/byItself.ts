/** What may still settle a step in doubt without a person: what its cell's policy lets the next advance do. */
import {
  type Cell,
  commitEffects,
  decide,
  interruptedText,
  limits,
  type Note,
  type Runbook,
  type State,
} from '../engine/index.ts';
import { duration, plural, time } from './format.ts';

export type ByItself = {
  /** `hold`: nothing does. */
  kind: 'hold' | 'retry' | 'continue' | 'probe' | 'close';
  /** When an advance may do it; `null` for `hold`. */
  atMs: number | null;
  /** The place whose advance does it; `null`: any. */
  place: string | null;
  /** How often its probe was asked. */
  asked: number;
  text: string;
};

/** An advance that may do whatever there is to do. */
const anything = {
  cell: undefined,
  reservationsLeft: 1,
  wroteSome: false,
  endAtMs: Number.MAX_SAFE_INTEGER,
  explicit: true,
};

const whyHeld = (cell: Cell, state: State, nowMs: number): string => {
  if (cell.interrupted === 'hold') return 'interrupted=hold: nothing happens by itself, a person decides';
  const windowEndMs = cell.keyWindowMs === null ? Infinity : (state.firstAtMs ?? nowMs) + cell.keyWindowMs;
  const why =
    nowMs >= windowEndMs
      ? `its key window ended at ${time(windowEndMs)}`
      : state.halted?.unbegun === true
        ? 'the further attempt that this permits could not begin'
        : `its ${plural((cell.retryMax ?? limits.interruptedRetriesDefault) + 1, 'attempt')} are used up`;
  return `${interruptedText(cell)}, but ${why}: a person decides`;
};

/** Where the visit runs, and where the caller's own advance would. */
export type Places = { place: string; here: string };

/** @param notes of the step; the store's time `nowMs` is past its deadline and grace */
export const byItself = (
  runbook: Runbook,
  state: State,
  notes: Note[],
  nowMs: number,
  { place, here }: Places,
): ByItself => {
  const there = place === here ? '' : ` at ${place}`;
  const cell = runbook.cells[state.next];
  const earlier = notes.filter(({ kind }) => kind === 'asked');
  const asked = earlier.length;
  const decision = decide(state, runbook, anything, { nowMs, graceMs: 0, epoch: 0 });
  if (cell === undefined || decision.kind !== 'takeOver') {
    const text = cell === undefined ? 'nothing happens by itself' : whyHeld(cell, state, nowMs);
    return { kind: 'hold', atMs: null, place: null, asked, text };
  }
  const { takeover } = decision;
  switch (takeover.kind) {
    case 'hold':
      return { kind: 'hold', atMs: null, place: null, asked, text: whyHeld(cell, state, nowMs) };
    case 'close': {
      const text = `${commitEffects}: nothing of it lands once the step is closed, so it is never in doubt; the next advance closes it as failed`;
      return { kind: 'close', atMs: nowMs, place: null, asked, text };
    }
    case 'retry':
      return {
        kind: 'retry',
        atMs: nowMs,
        place,
        asked,
        text: `${interruptedText(cell)}: the next advance${there} tries it again`,
      };
    case 'continue': {
      const text = 'interrupted=continue: the next advance records it as unknown and goes on';
      return { kind: 'continue', atMs: nowMs, place: null, asked, text };
    }
    case 'probe': {
      if (asked >= limits.probesMax) {
        const text = `interrupted=probe, but its probe was asked ${asked} times and settled nothing: a person decides`;
        return { kind: 'hold', atMs: null, place: null, asked, text };
      }
      // The same pause as `engine/probe` makes: each twice the one before.
      const last = earlier.at(-1)?.atMs;
      const atMs = last === undefined ? nowMs : Math.max(nowMs, last + limits.probeBackoffMs * 2 ** (asked - 1));
      const when =
        atMs > nowMs
          ? `its probe is asked again by the first advance${there} from ${time(atMs)} on, in ${duration(atMs - nowMs)}`
          : `the next advance${there} asks its probe${asked > 0 ? ' again' : ''}`;
      const settled = takeover.settledAtMs > nowMs ? `; "not done" counts from ${time(takeover.settledAtMs)} on` : '';
      const spent = takeover.mayRetry ? '' : '; it may find that it happened, but no attempt is left to permit';
      const text = `interrupted=probe: ${when} (asked ${asked} of ${limits.probesMax} times)${settled}${spent}`;
      return { kind: 'probe', atMs, place, asked, text };
    }
  }
};

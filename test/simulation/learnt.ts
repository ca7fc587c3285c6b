/**
 * How far a clock may err that learns from the answers of the store, judged whenever an engine reads it.
 *
 * An answer says that the server's time was within a second, somewhere between sending and receiving: what is taken for the
 * time is in the middle of that. One wrong `Date` moves nothing further; and once two quick answers in a row were right,
 * the time is, whatever was believed before. A time that was once told is told again rather than an earlier one.
 */
import { must } from './world.ts';

const resolutionMs = 1_000;
/** What an answer takes that says the time well. */
const quickMs = 300;
const rightMs = resolutionMs + quickMs;
/** As a process sets out: the middle of the widest interval it can have, and what rounding adds. */
export const learntErrorMs = 700;

type Learnt = { tookMs: number; wrongMs: number };
export type LearntJudge = {
  /** An answer was learnt from; `wrongMs`: how wrong its date was. */
  learnt(answer: Learnt): void;
  /** The machine slept: its monotonic clock stood still. */
  slept(): void;
  /** An engine reads the time. @throws RuleBroken */
  read(saidMs: number, trueMs: number): void;
};

export const createLearntJudge = (name: string): LearntJudge => {
  let wrongDates = 0;
  let hasSlept = false;
  let quickInRow = 0;
  let lastWasWrong = false;
  let toldMs = 0;
  const boundMs = (): number | null => {
    if (hasSlept) return quickInRow >= 2 ? rightMs : null;
    if (wrongDates === 0) return learntErrorMs;
    return quickInRow >= 2 || (wrongDates === 1 && lastWasWrong) ? rightMs : null;
  };
  return {
    learnt({ tookMs, wrongMs }) {
      lastWasWrong = wrongMs !== 0;
      if (lastWasWrong) wrongDates += 1;
      quickInRow = lastWasWrong || tookMs > quickMs ? 0 : quickInRow + 1;
    },
    slept() {
      hasSlept = true;
      quickInRow = 0;
    },
    read(saidMs, trueMs) {
      const errorMs = saidMs - trueMs;
      const bound = boundMs();
      const repeated = saidMs <= toldMs;
      const backMs = toldMs - saidMs;
      toldMs = Math.max(toldMs, saidMs);
      must(backMs <= 0, 'clock', `${name} was told a time, and then one ${backMs} ms earlier`);
      if (bound === null) return;
      const isRight = errorMs >= -bound && (errorMs <= bound || repeated);
      must(isRight, 'clock', `${name} is told a time that is ${errorMs} ms off, and ${bound} ms are allowed`);
    },
  };
};

/**
 * Holding a step for longer than one deadline. While its body runs, the call that reserved it puts `renewed` entries; the executor
 * hears of more time only after the entry that gives it stands, and kills the body when the last that it heard of is used up,
 * whatever becomes of this process.
 *
 * I4 a body has no time that the journal does not give it: a renewal without an answer, or one that lost its slot, gives none.
 * What takes a slot of ours while the step stays open (a cancellation, the drive) leaves us the next one; what closed the step
 * ends the body at once.
 */
import { type Call, stateOf } from '../call/call.ts';
import type { EntryOf, Standing } from '../model/entries.ts';
import { isPawlError } from '../model/errors.ts';
import { causeOf } from '../model/events.ts';
import type { Lease } from '../model/lease.ts';
import { limits } from '../model/limits.ts';
import type { Put } from '../ports.ts';
import { marginMs } from '../rules/decide.ts';

type Held = Pick<EntryOf<'reserved'>, 'seq' | 'atMs' | 'index' | 'cell' | 'deadlineAtMs' | 'untilAtMs'>;

export type Holding = {
  /** What is left of the newest deadline until the body is to be dead: by its own margin before it. */
  leftMs(): number;
  /** The newest deadline that stands. */
  deadlineAtMs(): number;
  /** Called when there is more. */
  onRenewed(listener: () => void): void;
  /** Begins to renew. */
  begin(): void;
  /** The body has ended. Resolves when no renewal is under way any more: the next slot is the outcome's. */
  end(): Promise<void>;
};

/** @param stop ends the body: its step was closed by another, or its last deadline has come */
export const holdByLease = (call: Call, held: Held, lease: Lease, stop: () => void): Holding => {
  const { engine, instanceId, chain } = call;
  const { clock, journal, observe, deployment } = engine;
  const { seq: about, index, cell, untilAtMs = held.deadlineAtMs } = held;
  const over = new AbortController();
  let { deadlineAtMs, atMs: sinceMs } = held;
  let renewed = (): void => {};
  let renewing: Promise<void> = Promise.resolve();
  let defect: { error: unknown } | undefined;

  /** What a jump of the time took from it is given back to it, as whoever might take over gives it; what the machine slept is not its. */
  const untilDeadlineMs = (): number =>
    deadlineAtMs + clock.heldMs(sinceMs, deployment.takeoverGraceMs) - clock.nowMs() - clock.behindMs();
  const leftMs = (): number => untilDeadlineMs() - marginMs(lease.ms);

  /** A machine that slept learns from any answer what time it is. */
  const learnTime = async (): Promise<void> => {
    if (clock.behindMs() > 0) await journal.head(instanceId).catch(() => undefined);
  };

  const putOne = async (nextAtMs: number): Promise<Put<Standing>> => {
    try {
      return await chain.put({ kind: 'renewed', about, index, cell, deadlineAtMs: nextAtMs });
    } catch (cause) {
      if (!isPawlError(cause)) throw cause;
      return { kind: 'unknown', cause };
    }
  };

  /** Takes over what stands in a slot. `lost`: the step is not ours any more. */
  const learn = ({ entry }: Standing): 'renewed' | 'again' | 'lost' => {
    const { open } = entry.state;
    if (open?.kind !== 'reserved' || open.seq !== about) return 'lost';
    if (open.deadlineAtMs <= deadlineAtMs) return 'again';
    // What stands counts, not what was meant: an earlier try may have landed, with an earlier deadline.
    deadlineAtMs = open.deadlineAtMs;
    sinceMs = entry.atMs;
    renewed();
    return 'renewed';
  };

  /** @returns whether there is anything left to renew */
  const renew = async (): Promise<boolean> => {
    let pauseMs: number = limits.leaseRetryMs;
    for (;;) {
      await learnTime();
      const nextAtMs = Math.min(Math.ceil(clock.nowMs()) + lease.ms, untilAtMs);
      const stands = stateOf(call).open;
      const standsUntilMs = stands?.kind === 'reserved' ? stands.deadlineAtMs : deadlineAtMs;
      if (over.signal.aborted || leftMs() <= 0 || nextAtMs <= standsUntilMs) return false;
      const put = await putOne(nextAtMs);
      if (put.kind === 'unknown') {
        observe({ kind: 'lease.unrenewed', instanceId, seq: about, cell, cause: causeOf(put.cause) });
        await clock.alarm(pauseMs, over.signal);
        pauseMs = Math.min(limits.leaseRetryMsMax, 2 * pauseMs);
        continue;
      }
      const found = learn(put.kind === 'written' ? put.standing : put.winner);
      if (found === 'renewed') return true;
      if (found === 'lost') {
        stop();
        return false;
      }
    }
  };

  const renewAll = async (): Promise<void> => {
    do {
      await clock.alarm(Math.max(0, deadlineAtMs - lease.ms + lease.everyMs - clock.nowMs()), over.signal);
    } while (!over.signal.aborted && (await renew()));
  };

  /** The executor stops the body in good time; this is the backstop at the deadline. */
  const watch = async (): Promise<void> => {
    for (;;) {
      await learnTime();
      if (over.signal.aborted) return;
      const aliveMs = untilDeadlineMs();
      if (aliveMs <= 0) return stop();
      await clock.alarm(aliveMs, over.signal);
    }
  };

  return {
    leftMs,
    deadlineAtMs: () => deadlineAtMs,
    onRenewed: (listener) => {
      renewed = listener;
    },
    begin: () => {
      void watch();
      renewing = renewAll().catch((error: unknown) => {
        defect = { error };
        stop();
      });
    },
    end: async () => {
      over.abort();
      await renewing;
      if (defect !== undefined) throw defect.error;
    },
  };
};

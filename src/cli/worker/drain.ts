/**
 * How a process that stays ends: the first wish lets what runs go on to its end, the second one stops it. Cells that are held by
 * leases may take hours: however long, only the second wish stops them.
 */
import { exits } from '../exits.ts';
import { plural } from '../format.ts';
import type { Answer, Session } from '../session.ts';
import type { Runtime } from './runtime.ts';

/** How long a call may go on after its cell was stopped, to have it recorded. */
const recordWithinMs = 15_000;

type Draining = Pick<Session, 'screen' | 'interruption'> & {
  runtime: Pick<Runtime, 'running' | 'stop' | 'leave' | 'stopped'>;
  drainSeconds: number;
  /** What else ends when nothing new is taken. */
  close(): Promise<void>;
};

/**
 * From now on a wish to end is answered: nothing new begins, what runs goes on for `drainSeconds` at most; a second wish stops
 * it at once.
 * @returns when the process is to end: with its exit code, and how many cells were stopped and recorded as unknown
 */
export const drain = ({ screen, interruption, runtime, drainSeconds, close }: Draining) => {
  const ended = Promise.withResolvers<void>();
  let timer: NodeJS.Timeout | undefined;
  const say = (text: string): void => screen.print(text);
  const stop = (why: string, held: boolean): void => {
    const waited = held ? [] : runtime.running(true);
    const running = runtime.running().filter((one) => !waited.includes(one));
    if (running.length > 0) say(`${why}: ${plural(running.length, 'cell')} stopped (${running.join(', ')}).`);
    runtime.stop(held);
    if (waited.length === 0) setTimeout(ended.resolve, recordWithinMs).unref();
    else say(`${why}. Still waiting for ${waited.join(', ')}, as long as it takes; once more ends them at once.`);
  };
  interruption.handOver((times) => {
    if (times === 2) return stop('Not waiting any longer', true);
    const held = runtime.running(true);
    const running = runtime.running().filter((one) => !held.includes(one));
    const waits = [
      ...(running.length === 0 ? [] : [`${running.join(', ')}, ${drainSeconds} s at most`]),
      ...(held.length === 0 ? [] : [`${held.join(', ')}, as long as it takes`]),
    ];
    if (waits.length > 0) say(`Nothing new begins. Waiting for ${waits.join('; for ')}; once more ends them at once.`);
    timer = setTimeout(() => stop(`${drainSeconds} s are over`, false), drainSeconds * 1_000);
    void Promise.all([runtime.leave(), close()]).then(() => ended.resolve());
  });
  return async (): Promise<Pick<Answer, 'exit'> & { stopped: number }> => {
    await ended.promise;
    clearTimeout(timer);
    const stopped = runtime.stopped();
    if (stopped > 0)
      say(`${plural(stopped, 'cell')} recorded as unknown: \`pawl doubts\` lists what needs a decision.`);
    return { exit: stopped > 0 ? exits.doubt : exits.done, stopped };
  };
};

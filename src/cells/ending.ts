/** When a process that talks to us has ended, and everything it said was heard. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Its channel ends with it: a process that inherited it could hold it open, so it is not waited for for ever. */
const lastWordsMs = 5_000;

type Talking = Pick<ChildProcess, 'connected' | 'exitCode' | 'signalCode'> & NodeJS.EventEmitter;

/**
 * A busy event loop may be told of the death of a process before it has read what that process said last. Ask at once after
 * the start: an event that was missed is waited for in vain.
 */
export const ended = async (child: Talking): Promise<void> => {
  const exited = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
  const silent = child.connected ? once(child, 'disconnect') : undefined;
  await exited;
  if (silent === undefined || !child.connected) return;
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise((resolve) => {
    timer = setTimeout(resolve, lastWordsMs);
  });
  await Promise.race([silent, tooLong]);
  clearTimeout(timer);
};

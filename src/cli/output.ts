/**
 * Standard output and standard error may close, or take no more, while something runs: `pawl run … | head -1`, a full
 * disk. A step that is under way goes on to its end and is recorded; what it would have said is lost.
 */
import { writeSync } from 'node:fs';
import { type Exit, exits } from './exitCodes.ts';

let lost: NodeJS.ErrnoException | undefined;
let watched = false;

/** Whether nobody reads what is written any more: whoever only shows things can end. */
export const isOutputLost = (): boolean => lost !== undefined;

/** A reader that has seen enough closes its end. That is no failure. */
const hasSeenEnough = ({ code }: NodeJS.ErrnoException): boolean => code === 'EPIPE' || code === 'ECONNRESET';

const tell = (error: NodeJS.ErrnoException): void => {
  try {
    writeSync(2, `pawl: standard output cannot be written (${error.code}); what was asked for goes on without it.\n`);
  } catch {
    // Nor can standard error: the exit code tells.
  }
};

/** From now on no write to the terminal, and none to what it was redirected to, ends this process. */
export const watchOutput = (): void => {
  if (watched) return;
  watched = true;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (lost === undefined && !hasSeenEnough(error)) tell(error);
    lost ??= error;
  });
  process.stderr.on('error', () => {});
  // Writes are reported late: also those of the last lines.
  process.on('exit', () => {
    if (lost !== undefined && !hasSeenEnough(lost)) process.exitCode = exitOfLost(process.exitCode);
  });
};

/** What was asked for went as it went; but an answer that was lost is not "done". */
const exitOfLost = (exit: typeof process.exitCode): Exit | typeof exit =>
  exit === undefined || exit === exits.done ? exits.failed : exit;

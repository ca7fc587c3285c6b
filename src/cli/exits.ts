/** What the CLI's exit codes mean. The one table: the code, `pawl --help` and the README say the same. */
import { errorCodes, type PawlError, type Stop } from '../engine/index.ts';

export const exits = {
  done: 0,
  failed: 1,
  invalid: 2,
  parked: 3,
  later: 4,
  doubt: 5,
  interrupted: 130,
} as const;
export type Exit = (typeof exits)[keyof typeof exits];

export const exitHelp = `Exit codes:
  0    done; for \`advance\`: what was asked for was done
  1    halted, failed, cancelled, or refused in the present state
  2    wrong usage or invalid input; nothing was done
  3    parked: a person or a time is waited for
  4    not now: in flight, stale, deferred, or the store gave no answer; ask again later
  5    in doubt: it is unknown whether a step happened
  130  interrupted by Ctrl-C or SIGTERM`;

const byResult: Record<Stop['result'], Exit> = {
  advanced: exits.done,
  completed: exits.done,
  cancelled: exits.failed,
  halted: exits.failed,
  parked: exits.parked,
  in_flight: exits.later,
  deferred: exits.later,
  in_doubt: exits.doubt,
};

/** The exit code for how a call stopped. */
export const exitOfResult = (result: Stop['result']): Exit => byResult[result];

/** The exit code for a refused request: what may work later, what was asked wrongly, and the rest. */
export const exitOfError = (error: PawlError): Exit => {
  const { status, fate } = errorCodes[error.code];
  if (fate === 'later') return exits.later;
  return status < 500 && status !== 409 ? exits.invalid : exits.failed;
};

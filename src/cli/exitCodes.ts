/** What the CLI's exit codes mean. The one table: the code, `pawl --help` and the README say the same. */

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
  1    halted, failed, cancelled, refused in the present state, or the output could not be written
  2    wrong usage or invalid input; nothing was done
  3    parked: a person or a time is waited for
  4    not now: in flight, stale, deferred, or the store gave no answer; ask again later
  5    in doubt: it is unknown whether a step happened
  130  interrupted by Ctrl-C or SIGTERM`;

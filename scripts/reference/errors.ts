/** The codes by which a cell says why it did not complete: what an expectation sees as `error.code`, and the journal keeps. */
import { code, table } from './text.ts';

type Row = [code: string, leaves: string, what: string];

const rows: Row[] = [
  ['cell.exit', 'failed', '`sh`: it exited with another code than 0'],
  ['cell.exited', 'failed', '`ts`, `js`: the same'],
  ['cell.threw', 'failed', '`ts`, `js`: the function threw'],
  ['cell.timeout', 'unknown', 'stopped at its time-out'],
  ['cell.killed', 'unknown', 'ended by a signal from outside, or a signal ended the last command of a script'],
  ['cell.crashed', 'unknown', 'ended by a signal of its own, for want of memory say'],
  ['cell.aborted', 'unknown', 'stopped because its caller gave up'],
  ['cell.broken', 'unknown', 'its process could not be watched'],
  ['cell.alive', 'unknown', 'a process of it could not be killed'],
  ['cell.executor', 'unknown', 'a defect of Pawl'],
  ['cell.lost', 'unknown', 'on AWS: the answer of the function that ran it was lost'],
  ['cell.unstarted', 'never', 'its process did not come to be'],
  ['cell.late', 'never', 'no time was left to begin'],
  ['cell.givenUp', 'never', 'the caller gave up before it began'],
  ['cell.kind', 'never', 'nothing here carries out such a kind'],
  [
    'cell.noItem',
    'failed',
    '`sh` in a section with `each`: it names `PAWL_ITEM`, and the element is too large for a variable or has a NUL; it was not begun',
  ],
  ['cell.noLines', 'failed', '`sh`: it names a `.txt` of a value that has no lines; it was not begun'],
  ['cell.shOff', 'failed', 'on AWS: `sh` cells are off (`allowSh`)'],
  ['cell.inputsTooLarge', 'failed', 'on AWS: its inputs do not fit into one invocation'],
  ['cell.unexpected', 'completed', 'of `run.failed` alone: it completed, and what it expects does not hold'],
  ['cell.failed', 'failed', 'of `run.failed` alone: it failed, and its journal says no more'],
  ['cell.declared', 'failed', 'a person said so: `pawl done --failed`, `pawl verdict --failed`'],
  ['http.invalid', 'failed', 'not a URL, or a header with a character that none may hold; nothing was sent'],
  [
    'http.blocked',
    'failed',
    'not http or https, or not a public address: `PAWL_HTTP_ALLOW` names those that are meant, but for the metadata service, which is never',
  ],
  ['http.secretHost', 'failed', 'the `hosts` of a secret do not name where the request goes; nothing was sent'],
  ['http.unreachable', 'failed', 'no address or no connection; nothing was sent'],
  ['http.redirect', 'failed', 'a redirect that is not followed further: one too many, a loop, from https to http'],
  ['http.status', 'failed', 'an answer after which it is known that nothing happened'],
  ['http.unclear', 'unknown', 'an answer after which it may have happened'],
  ['http.cut', 'unknown', 'no answer'],
  [
    'aws.notAllowed',
    'failed',
    'the place allows no such action, role or host; nothing was sent, and the message says what to add',
  ],
  ['aws.client', 'failed', 'the client of the service, or the action in it, is not there; nothing was sent'],
  ['aws.input', 'failed', 'the members filled in are none that the action takes; nothing was sent'],
  ['aws.credentials', 'failed', 'there are none, or the role could not be assumed; nothing was sent'],
  ['aws.unreachable', 'failed', 'no address or no connection; nothing was sent'],
  ['aws.refused', 'failed', 'the request was not accepted'],
  ['aws.unclear', 'unknown', 'an answer after which it may have happened'],
  ['aws.cut', 'unknown', 'no answer'],
  ['aws.function', 'unknown', 'the function broke off; with `failedOn` it is `failed`'],
  ['output.invalid', 'completed', 'its output is not JSON, or too deep or too large to read: the run halts'],
  ['output.truncated', 'completed', 'its output is over `outputBytesMax`: cells that read it are refused'],
  ['output.unkept', 'completed', 'the store did not take its output: the run halts'],
  [
    'inputs.unresolvable',
    'does not begin',
    'a placeholder cannot be filled in, or an output that it reads is not whole',
  ],
  ['inputs.tooLarge', 'does not begin', 'over `inputsBytesMax`, or an approval over `shownBytesMax`'],
  ['inputs.changed', 'does not begin', 'a further attempt would see other inputs than the first'],
  ['when.error', 'does not begin', 'its `when` cannot be evaluated'],
  ['key.lapsed', 'does not begin', 'its `keyWindow` is over'],
  ['secret.gone', 'does not begin', 'the version of a secret that earlier attempts had is gone'],
  ['secret.lost', 'completed', 'it ran, and a secret that it made could not be put where it belongs: the run halts'],
  [
    'needs.missing',
    'goes on waiting',
    '`poll`: a look could not be made, for want of what its message names; the next one may have it',
  ],
  ['wait.timeout', 'failed', '`await`, `poll`: not in time'],
  ['each.noList', 'failed', '`each`: what it goes over is no list; no element has begun'],
  ['each.tooMany', 'failed', '`each`: more elements, or larger ones, than there may be; none has begun'],
  ['each.number', 'failed', '`each`: an element has a whole number beyond 2^53 - 1; none has begun'],
  ['each.twice', 'failed', '`each`: two elements are equal, so nothing could tell them apart; none has begun'],
  ['each.unfinished', 'failed', '`each`: nothing more begins, and not all elements have completed'],
  ['approval.rejected', 'failed', '`approve`: rejected, or nobody answered in time'],
  ['approval.unreachable', 'failed', '`approve`: so many people cannot approve, without those who started the run'],
];

/** Refusals of a document, of parameters, of a setting, or of ending a run: nothing was begun. */
const refusals: Row[] = [
  ['runbook.invalid', 'refused', 'a document has problems: each has line, column, and what to do'],
  ['params.invalid', 'refused', 'parameters do not fit: each problem has its path'],
  ['limit.exceeded', 'refused', 'something is over a limit, which is named'],
  ['request.invalid', 'refused', 'a command or a setting that cannot be read'],
  [
    'undo.refused',
    'refused',
    '`pawl undo`: the run has not failed, is in flight or in doubt, may still act, or its runbook has nothing for that end',
  ],
  [
    'cancel.refused',
    'refused',
    '`pawl cancel`: what is at its end is under way, and `--stop-cleanup` alone stops it; or there is nothing to stop, or to take back',
  ],
];

export const errorTable = (): string =>
  table(
    ['code', 'the step is', 'why'],
    [...rows, ...refusals].map(([name, leaves, what]) => [code(name), leaves, what]),
  );

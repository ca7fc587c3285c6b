/** What an author may say in the braces of a fence. The kinds that take an attribute come from `authoring/kinds`. */
import {
  attributesOf,
  type CellAttribute,
  type FenceKind,
  isUndoKind,
  kinds,
  probeAttributesOf,
  probeKinds,
  undoAttributesOf,
} from '../../src/authoring/kinds.ts';
import { limits } from '../../src/engine/index.ts';
import { code, codes, table, time } from './text.ts';

type Said = { value: string; normally: string; what: string };

const between = (min: number, max: number): string => `${time(min)} to ${time(max)}`;
const word = (...words: string[]): string => words.map(code).join(', ');
const wait = between(limits.waitMsMin, limits.waitMsMax);

/** What is another matter of one kind than of the others. */
const ofOne: Partial<Record<CellAttribute, Said & { kind: FenceKind }>> = {
  timeout: {
    kind: 'await',
    value: wait,
    normally: 'as long as it takes',
    what: 'The longest that it waits. May be a placeholder.',
  },
  as: { kind: 'run', value: 'a name', normally: '`item`', what: 'With `each`: what `params:` call the element.' },
  within: {
    kind: 'run',
    value: wait,
    normally: 'as long as it takes',
    what: 'The longest that a run waits for a lock (`concurrency`) that somebody else holds.',
  },
};

const said: Record<CellAttribute, Said> = {
  undo: {
    value: 'an earlier cell',
    normally: '',
    what: 'In the place of `name`: the cell takes that one back, at the end of a run that failed. It is called `undo_CELL`. See [below](#taking-back-and-what-runs-at-the-end).',
  },
  of: {
    value: word('begun'),
    normally: 'only what completed',
    what: 'With `undo`: also what failed, was forgiven, or may have happened is taken back.',
  },
  task: {
    value: 'a task of the deployment',
    normally: 'has to be given',
    what: 'The task that is called, by the name that `defineTask` gives it. See [tasks](#tasks-code-of-the-deployment).',
  },
  as: {
    value: word('failed'),
    normally: 'completed',
    what: 'As what an `end` ends the run. One that ends as failed takes nothing back.',
  },
  each: {
    value: 'CEL, a list',
    normally: 'one run',
    what: `One run for every element, of which there are at most ${limits.elementsMax}. See [below](#running-another-runbook).`,
  },
  max: {
    value: `1 to ${limits.elementsMax}, or 1% to 100%`,
    normally: '1',
    what: 'With `each`: so many runs are under way at a time.',
  },
  stopAfter: {
    value: `1 to ${limits.elementsMax}`,
    normally: '1',
    what: 'With `each`: after so many that ended failed, halted, are in doubt or were given up no more begin.',
  },
  output: {
    value: 'CEL',
    normally: 'nothing',
    what: 'What the output says of a run that completed: it reads the cells and parameters of that run.',
  },
  name: { value: 'a name', normally: 'has to be given', what: 'The name of the cell. Its output is `outputs.NAME`.' },
  when: {
    value: 'CEL',
    normally: 'always',
    what: '`false` skips the cell. Of an `end`: `true` ends the run.',
  },
  optional: {
    value: word('true', 'false'),
    normally: '`false`',
    what: 'A failure, or an answer that is not as expected, does not halt the run. Nothing else is forgiven: no doubt, and no output that cannot be read. `optional` alone means `true`.',
  },
  timeout: {
    value: `${between(limits.cellTimeoutMsMin, limits.longTimeoutMsMax)}, over ${time(limits.cellTimeoutMsMax)} at a worker only; \`http\` to ${time(limits.remoteTimeoutMsMax)}, \`aws\` too`,
    normally: code(time(limits.cellTimeoutMsDefault)),
    what: 'The longest that an attempt may take. Then it is stopped, and its step is `unknown`.',
  },
  retry: {
    value: `0 to ${limits.retriesPerCellMax}`,
    normally: `0; with \`interrupted=retry\` or \`probe\` ${limits.interruptedRetriesDefault} after interruptions`,
    what: `Further attempts. Between them a random pause of at most ${time(limits.retryBackoffFirstMs)}, then twice as much each time, up to ${time(limits.retryBackoffMaxMs)}; longer where an answer has \`Retry-After\`.`,
  },
  retryOn: {
    value: word('unexpected'),
    normally: 'only what failed',
    what: '`retry=` repeats also what completed and is not as expected: its author says that this does no harm.',
  },
  interrupted: {
    value: word('hold', 'retry', 'probe', 'continue'),
    normally: '`hold`; GET, HEAD and OPTIONS, and actions of AWS that only read: `retry`',
    what: 'What may be done when it is unknown whether it happened: see below.',
  },
  settle: {
    value: between(0, limits.settleMsMax),
    normally: code(time(limits.settleMsDefault)),
    what: 'With `probe`: so long after the deadline “not done” proves nothing, since a request may still be on its way.',
  },
  keyWindow: {
    value: between(limits.keyWindowMsMin, limits.keyWindowMsMax),
    normally: 'without end',
    what: 'How long the target remembers an idempotency key, counted from the first attempt. Afterwards nothing is tried again without a person.',
  },
  uses: {
    value: 'names of secrets, with spaces between them',
    normally: 'those that its text names',
    what: 'Secrets that the cell gets, declared under `secrets:` of the front matter. Needed where code does not name them plainly, or makes them.',
  },
  poll: {
    value: between(limits.pollMsMin, limits.pollMsMax),
    normally: 'once',
    what: 'A cell without effects is repeated so often until its expectations hold, and recorded once.',
  },
  within: {
    value: wait,
    normally: 'as long as it takes',
    what: 'With `poll`: the longest that it is repeated. May be a placeholder.',
  },
  holds: {
    value: wait,
    normally: 'once is enough',
    what: 'With `poll`: how long its expectations have to hold without a break; `within` is then the time until they first do.',
  },
  times: {
    value: `2 to ${limits.timesMax}`,
    normally: 'once is enough',
    what: 'With `poll`: how many looks in a row have to find that its expectations hold, of each turn one.',
  },
  onTimeout: {
    value: word('fail', 'continue'),
    normally: '`fail`',
    what: 'At the end of that time the cell failed, or it completed and the run goes on; the output of a poll is then that of its last look.',
  },
  at: {
    value: 'a place, or `any`',
    normally: '`at` of the front matter; else code: where the run was started, `http`: anywhere',
    what: 'The place that carries it out, with all its attempts, its probe and its polls. Parameters may stand in it.',
  },
  programs: {
    value: 'names',
    normally: 'those of `needs`',
    what: `Programs that have to be in the PATH of the place, beside those of \`needs\`: \`programs="kubectl jq"\`. At most ${limits.needsPerCellMax}.`,
  },
  env: {
    value: 'names',
    normally: 'those of `needs`',
    what: 'Variables of the place that the cell is handed, if the place allows them, beside those of `needs`.',
  },
  escape: { value: word('none'), normally: 'as the Content-Type says', what: 'Values stand in the body as they are.' },
  failedOn: {
    value: 'statuses; `aws`: error codes',
    normally: 'the table below',
    what: 'Statuses, or error codes, after which it is known that nothing happened: `failedOn="500 503"`.',
  },
  unknownOn: {
    value: 'statuses; `aws`: error codes',
    normally: 'the table below',
    what: 'Those after which it is not known.',
  },
  sigv4: {
    value: 'a service and a region',
    normally: 'not signed',
    what: 'The request is signed for AWS, right before it is sent: `sigv4="execute-api eu-west-1"`. Needs `sign:execute-api` in `allow.aws`.',
  },
  service: {
    value: 'as in `@aws-sdk/client-SERVICE`',
    normally: 'has to be given',
    what: 'Whose action it is: `rds`, `cloudwatch-logs`. Its client has to be installed where Pawl is.',
  },
  action: { value: 'a name', normally: 'has to be given', what: 'What is asked for: `FailoverDBCluster`.' },
  region: {
    value: 'a region, or a template',
    normally: 'the region of the place',
    what: 'Where it is asked for.',
  },
  role: {
    value: 'an ARN, or a template',
    normally: 'the credentials of the place',
    what: 'The role that is assumed for it, which `allow.roles` has to list. Of `http` only with `sigv4`.',
  },
  cookies: {
    value: word('keep'),
    normally: 'left out',
    what: 'The output has the `Set-Cookie` headers of the answer, as a list. So has the journal.',
  },
  redirects: {
    value: `1 to ${limits.httpRedirectsMax}`,
    normally: 'none',
    what: 'So many redirects are followed, of GET and HEAD only. Each is checked as the first address; headers stay behind on another host.',
  },
  errexit: {
    value: word('off'),
    normally: 'on',
    what: 'A script begins with `-eu`: it ends at the first command that fails, and where a variable is not set. `off`: with neither.',
  },
  shell: {
    value: word('bash'),
    normally: '`/bin/sh`, or what its `#!` line names',
    what: 'Which shell runs the script: `bash` as it is found in `PATH`.',
  },
  approvers: {
    value: 'names',
    normally: 'this or `groups`',
    what: `People, separated by commas, as they stand in the journal; a placeholder alone may be a list of them. Case counts. With the groups at most ${limits.approversMax}.`,
  },
  groups: { value: 'names', normally: 'this or `approvers`', what: 'Groups, of which any member may vote.' },
  quorum: {
    value: `1 to ${limits.quorumMax}`,
    normally: '1',
    what: 'So many people have to approve. One rejection is enough. May be a placeholder.',
  },
  self: { value: word('true', 'false'), normally: '`false`', what: 'Whether those who started the run may vote.' },
  expires: { value: wait, normally: 'as long as it takes', what: 'How long it is asked. May be a placeholder.' },
  default: { value: word('reject', 'approve'), normally: '`reject`', what: 'What it comes to when the time is over.' },
  onReject: {
    value: word('halt', 'continue'),
    normally: '`halt`',
    what: 'What a rejection leads to. Its output says which it was.',
  },
  shows: {
    value: '`CELL.log`',
    normally: '',
    what: `The log of an earlier \`ts\`, \`js\`, \`sh\` or \`task\` cell is part of what a vote is about. Up to ${limits.shownLogsMax}, separated by commas.`,
  },
  for: { value: wait, normally: 'one of the three', what: 'So long from now. May be a placeholder.' },
  until: {
    value: 'RFC 3339, with a zone',
    normally: 'one of the three',
    what: 'Until a moment. May be a placeholder. One that has passed is over at once.',
  },
  cron: {
    value: 'five fields',
    normally: 'one of the three',
    what: 'Until it comes next: minute, hour, day, month, day of the week.',
  },
  tz: {
    value: 'IANA zone',
    normally: '`UTC`',
    what: 'With `cron`: by whose clock. When clocks are changed, a given hour that is left out comes at the change, and one that comes twice counts once.',
  },
};

const probeSaid: Record<ReturnType<typeof probeAttributesOf>[number], Said> = {
  timeout: {
    ...said.timeout,
    value: `${between(limits.cellTimeoutMsMin, limits.cellTimeoutMsMax)}; \`http\` to ${time(limits.remoteTimeoutMsMax)}, \`aws\` too`,
    what: 'The longest that one question may take.',
  },
  done: { value: 'CEL', normally: 'has to be given', what: 'True when it happened.' },
  notDone: { value: 'CEL', normally: 'has to be given', what: 'True when it did not. Both, or none: unsure.' },
  escape: said.escape,
  cookies: said.cookies,
  redirects: said.redirects,
  sigv4: said.sigv4,
  role: said.role,
  service: said.service,
  action: said.action,
  region: said.region,
  errexit: said.errexit,
  shell: said.shell,
};

/** Known there only to be refused in words of its own: `onReject=continue` has its place. */
const takenBy = (kind: FenceKind): CellAttribute[] => {
  const all = [...new Set([...attributesOf(kind), ...(isUndoKind(kind) ? undoAttributesOf(kind) : [])])];
  return all.filter((attribute) => !(kind === 'approve' && attribute === 'optional'));
};

const kindsTaking = (attribute: CellAttribute, except: readonly FenceKind[] = []): FenceKind[] =>
  kinds.filter((kind) => !except.includes(kind) && takenBy(kind).includes(attribute));

const nameOf = (taking: readonly FenceKind[]): string => {
  if (taking.length === kinds.length) return 'all';
  const others = kinds.filter((kind) => !taking.includes(kind));
  return others.length < taking.length ? `all but ${codes(others)}` : codes(taking);
};

const rowOf = (attribute: string, of: string, { value, normally, what }: Said): string[] => [
  code(attribute),
  of,
  value,
  normally,
  what,
];

export const cellAttributes = (): string => {
  const all = [...new Set(kinds.flatMap(takenBy))];
  const rows = all.flatMap((attribute) => {
    const other = ofOne[attribute];
    const row = rowOf(attribute, nameOf(kindsTaking(attribute, other && [other.kind])), said[attribute]);
    return other === undefined ? [row] : [row, rowOf(attribute, code(other.kind), other)];
  });
  return table(['attribute', 'of', 'value', 'if it is not given', 'meaning'], rows);
};

export const probeAttributes = (): string => {
  const all = [...new Set(probeKinds.flatMap(probeAttributesOf))];
  const rows = all.map((attribute) =>
    rowOf(
      attribute,
      codes(probeKinds.filter((kind) => (probeAttributesOf(kind) as readonly string[]).includes(attribute))),
      probeSaid[attribute],
    ),
  );
  return table(['attribute', 'of', 'value', 'if it is not given', 'meaning'], rows);
};

const does: Record<FenceKind, string> = {
  ts: 'runs a TypeScript function in a process of its own. Types are removed, and not checked',
  js: 'the same in JavaScript',
  sh: 'runs a script with `/bin/sh -eu`, or with what its `#!` line names',
  http: 'sends one request',
  aws: 'sends one request to a service of AWS, whose members are YAML',
  task: 'runs a task of the deployment in a thread of its own. Its input is YAML',
  assert: 'holds if all of its expressions are true, one in each line; else the run halts',
  manual: 'waits until a person says that it is done',
  await: 'waits until claims have a status',
  approve: 'waits until people have agreed',
  wait: 'waits for a time',
  end: 'ends the run here, completed or `as=failed`, when its `when` is true',
  run: 'runs another published runbook, or one run of it for every element of a list',
};

export const kindTable = (): string =>
  table(
    ['kind', 'what it does', 'its attributes'],
    kinds.map((kind) => [code(kind), does[kind], codes(takenBy(kind))]),
  );

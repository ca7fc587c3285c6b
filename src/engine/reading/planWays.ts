/** For whom or what a cell waits, and how it is carried out, as a plan shows it. */
import type { ApproveBody, Lasting, Template } from '../model/cellKinds.ts';
import type { Cell } from '../model/runbook.ts';
import { duration, fieldTexts, holdsText, plural } from '../model/words.ts';
import type { Authoring, Scope } from '../ports.ts';
import { fill, lastingText } from './planFill.ts';

const askedIn = (authoring: Authoring, body: ApproveBody, scope: Scope): string => {
  // Its text may need earlier outputs: who is asked mostly does not.
  const found = authoring.renderBody({ kind: 'approve', ...body, text: [] }, scope);
  const names = (list: Template[]): string[] => list.map((one) => fill(authoring, one, scope));
  const { quorum } = body;
  const written = {
    approvers: names(body.approvers),
    groups: names(body.groups),
    quorum: typeof quorum === 'number' ? quorum : fill(authoring, quorum, scope),
  };
  const {
    approvers,
    groups,
    quorum: count,
  } = found.kind === 'body' && found.body.kind === 'approve' ? found.body : written;
  const whom = [...approvers, ...groups.map((group) => `members of ${group}`)].join(', ');
  const needed = typeof count === 'number' ? plural(count, 'approval') : `${count} approvals`;
  const isKnown = ![...written.approvers, ...written.groups, String(written.quorum)].join('').includes('{{');
  const problem = found.kind === 'error' && isKnown ? ` (cannot be asked: ${found.message})` : '';
  return `asks ${whom}${body.self ? '' : ', not the starter'}; ${needed} needed${problem}`;
};
const onTimeout = { fail: 'it fails', continue: 'it goes on' } as const;

export const waitsOf = (authoring: Authoring, { body, poll }: Cell, scope: Scope): string | null => {
  const within = (lasting: Lasting | null, then: string): string =>
    lasting === null ? 'as long as it takes' : `${lastingText(authoring, lasting, scope)} at most, then ${then}`;
  if (poll !== undefined)
    return `repeated every ${duration(poll.everyMs)} until what it expects holds${poll.holds === undefined ? '' : ` ${holdsText(poll.holds)}`}; ${within(poll.withinMs, onTimeout[poll.onTimeout])}`;
  switch (body.kind) {
    case 'manual':
      return body.answer === undefined
        ? 'waits for a person'
        : `waits for a person, who answers: ${fieldTexts(body.answer).join('; ')}`;
    case 'await':
      return `waits for claims; ${within(body.withinMs, onTimeout[body.onTimeout])}`;
    case 'approve': {
      const time = within(body.withinMs, `it is ${body.onExpiry === 'approve' ? 'approved' : 'rejected'}`);
      const rejected = body.onReject === 'halt' ? 'halts' : 'goes on';
      const { logs = [] } = body;
      const shows = logs.length === 0 ? '' : `; shows the log of ${logs.join(', ')}`;
      return `${askedIn(authoring, body, scope)}; ${time}; rejected: ${rejected}${shows}`;
    }
    case 'wait':
      return 'waits for a time';
    default:
      return null;
  }
};

/** Attributes that say how a cell is carried out, where they differ from what holds without them. */
export const waysOf = (authoring: Authoring, cell: Cell, scope: Scope): string[] => {
  const { body, probe, interrupted, settleMs, keyWindowMs, at, needs, uses = [] } = cell;
  const ways: string[] = [];
  if (body.kind === 'end' && body.as !== undefined) ways.push(`as=${body.as}`);
  if (at !== undefined) ways.push(`at=${fill(authoring, at, scope)}`);
  for (const name of ['programs', 'env'] as const)
    if ((needs?.[name] ?? []).length > 0) ways.push(`${name}=${needs?.[name].join(',')}`);
  if (uses.length > 0) ways.push(`uses=${uses.join(',')}`);
  if (interrupted === 'probe') ways.push(`probe=${probe?.body.kind ?? ''}`, `settle=${duration(settleMs)}`);
  if (keyWindowMs !== null) ways.push(`keyWindow=${duration(keyWindowMs)}`);
  if (body.kind === 'sh') {
    if (body.errexit !== true) ways.push('errexit=off');
    if (body.shell !== undefined) ways.push(`shell=${body.shell}`);
  }
  if (body.kind === 'http') {
    if (body.cookies !== undefined) ways.push(`cookies=${body.cookies}`);
    if (body.redirects !== undefined) ways.push(`redirects=${body.redirects}`);
  }
  return ways;
};

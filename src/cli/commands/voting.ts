/** vote: what an `approve` cell asks, and a vote about exactly that. */

import type { CallOf } from '../../contract/index.ts';
import { PawlError, type WaitReport } from '../../engine/index.ts';
import { ask } from '../ask.ts';
import type { Instance } from '../client.ts';
import { exits } from '../exits.ts';
import { explain } from '../explain.ts';
import { duration, plural, stamp } from '../format.ts';
import { harmless, type Screen } from '../screen.ts';
import type { Answer, Session } from '../session.ts';
import { shellWord } from '../shellWord.ts';
import { shownLogTitle, whomAsked } from '../waits.ts';
import { type AddCommands, saidInWords, withExamples } from './common.ts';

type ApprovalWait = Extract<WaitReport, { kind: 'approve' }>;
type VoteChoice = CallOf<'vote'>['body']['decision'];
type VoteOptions = {
  approve?: true;
  reject?: true;
  withdraw?: true;
  shown?: string;
  comment?: string;
  linkFor?: string;
};

/** @throws PawlError `request.invalid` for more than one of them */
const choiceOf = ({ approve, reject, withdraw }: VoteOptions): VoteChoice | undefined => {
  const given = [approve && 'approve', reject && 'reject', withdraw && 'withdraw'].filter((one) => one !== undefined);
  if (given.length > 1) {
    throw new PawlError('request.invalid', `--${given.join(' and --')} exclude each other; nothing was voted.`);
  }
  return given[0] as VoteChoice | undefined;
};

/** @throws PawlError `cell.notWaiting` */
const approvalAt = ({ waits, view }: Instance, cell: string): ApprovalWait => {
  if (waits?.kind === 'approve' && waits.cell === cell) return waits;
  const where = waits === null ? `it is ${view.status.replace('_', ' ')}` : `it waits at ${waits.cell}`;
  const message = `Cell ${cell} of ${view.instanceId} takes no vote now: ${where}. See \`pawl status ${shellWord(view.instanceId)}\`.`;
  throw new PawlError('cell.notWaiting', message, { instanceId: view.instanceId, cell, view });
};

const block = (screen: Screen, title: string, text: string): void => {
  screen.print(screen.paint('strong', title));
  for (const line of harmless(text).trimEnd().split('\n')) screen.print(`    ${line}`.trimEnd());
};

const printFreed = (screen: Screen, { document, cells, until, isCut }: NonNullable<ApprovalWait['freed']>): void => {
  const end = until === null ? 'to the end' : `up to ${until}, which asks again`;
  const count = cells.length === 0 ? 'no cell' : plural(cells.length, 'cell');
  const title = `What an approval sets free: ${count} ${end} (not part of your approval; the hash does not cover it)`;
  block(screen, title, cells.length === 0 ? '' : document.replace(/^\n+/, ''));
  if (isCut) screen.print('    … the rest is too large to be shown here.');
};

const votes = { approve: 'approved', reject: 'rejected', withdraw: 'withdrew' } as const;

const printAsked = (screen: Screen, asked: ApprovalWait, nowMs: number): void => {
  const { shown, freed, shownHash, approvals, quorum, dueAtMs, onExpiry, self } = asked;
  const { print } = screen;
  if (shown === null) {
    const gone = 'What was asked cannot be shown any more: an input of it is gone. Reject, or cancel the run.';
    print(screen.paint('bad', gone));
  } else {
    block(screen, 'Asked', shown.text);
    for (const [name, value] of Object.entries(shown.params)) block(screen, `Parameter ${name}`, JSON.stringify(value));
    for (const [name, value] of Object.entries(shown.each ?? {}))
      block(screen, `Element: ${name}`, JSON.stringify(value));
    for (const [name, text] of Object.entries(shown.outputs)) block(screen, `Output of ${name}`, text);
    for (const [name, state] of Object.entries(shown.states ?? {})) block(screen, `How ${name} ended`, state);
    for (const [name, log] of Object.entries(shown.logs ?? {})) block(screen, shownLogTitle(name, log), log.text);
    block(screen, 'Runbook so far', shown.document);
  }
  // An older service says nothing of it.
  if (freed) printFreed(screen, freed);
  print();
  print(`Asked: ${whomAsked(asked)}${self ? '' : '; not the starter of the run'}.`);
  print(
    `${approvals.length} of ${plural(quorum, 'approval')}${approvals.length === 0 ? '' : `: ${harmless(approvals.join(', '))}`}.`,
  );
  for (const { actor, decision, comment, atMs } of asked.votes)
    print(
      `  ${stamp(atMs)}  ${harmless(actor)} ${votes[decision]}${comment === null ? '' : `: "${harmless(comment)}"`}`,
    );
  if (dueAtMs !== null) {
    const left = dueAtMs > nowMs ? `in ${duration(dueAtMs - nowMs)}` : 'which is past';
    print(`Until ${stamp(dueAtMs)}, ${left}; then it is ${onExpiry === 'approve' ? 'approved' : 'rejected'}.`);
  }
  print(`Shown: ${shownHash}`);
};

/** The person at a terminal has just seen it, and confirms. */
const confirmed = async (decision: VoteChoice): Promise<boolean> =>
  (await ask(`Type ${decision} to ${decision} this: `)) === decision;

const next = (instanceId: string, cell: string): string => `pawl vote ${shellWord(instanceId)} ${cell}`;

/**
 * A vote is about what the voter has seen: the hash comes from the voter, or from what a terminal has just shown.
 * @throws PawlError `request.invalid`
 */
const shownTo = async (
  session: Session,
  instance: Instance,
  asked: ApprovalWait,
  decision: VoteChoice,
): Promise<string> => {
  const { screen } = session;
  // A withdrawal only takes something back.
  if (decision === 'withdraw') return asked.shownHash;
  const { instanceId } = instance.view;
  if (!screen.live || process.stdin.isTTY !== true) {
    const message = `Say what you were shown: \`${next(instanceId, asked.cell)}\` shows it, then vote with --shown HASH.`;
    throw new PawlError('request.invalid', message, { instanceId, cell: asked.cell });
  }
  printAsked(screen, asked, instance.nowMs);
  if (await confirmed(decision)) return asked.shownHash;
  throw new PawlError('request.invalid', 'Nothing was voted.', { instanceId });
};

const link = async (session: Session, instanceId: string, cell: string, actor: string): Promise<Answer> => {
  const { screen, client, settings } = session;
  const made = await client.makeLink({ path: { instanceId, cell }, body: { actor } });
  screen.print(made.link);
  screen.print(
    `Its bearer votes as ${harmless(actor)}, once, until ${stamp(Date.parse(made.expiresAt))}: give it to no other person.`,
  );
  if (settings.service === null)
    screen.print('It opens on a service that works on this store, behind its URL: `pawl serve` starts one.');
  return { exit: exits.done, document: { instanceId, cell, ...made } };
};

const vote = async (session: Session, instanceId: string, cell: string, options: VoteOptions): Promise<Answer> => {
  const { screen, client } = session;
  const decision = choiceOf(options);
  if (options.linkFor !== undefined) {
    const message = '--link-for makes a link for another person and casts no vote: leave the vote out.';
    if (decision !== undefined) throw new PawlError('request.invalid', message);
    return await link(session, instanceId, cell, options.linkFor);
  }
  const instance = await client.instance(instanceId);
  if (decision === undefined) {
    const asked = approvalAt(instance, cell);
    printAsked(screen, asked, instance.nowMs);
    const command = `${next(instanceId, cell)} --approve --shown ${asked.shownHash}`;
    screen.print(`Next: \`${command}\`, or --reject; --comment "…" says why.`);
    return { exit: exits.done, document: { instanceId, ...asked } };
  }
  const shownHash = options.shown ?? (await shownTo(session, instance, approvalAt(instance, cell), decision));
  const { comment } = options;
  const voted = await client.vote({ path: { instanceId, cell }, body: { decision, shownHash, comment } });
  const { approvals, quorum } = voted;
  const came =
    voted.decision === null ? `${approvals.length} of ${plural(quorum, 'approval')}` : `it is ${voted.decision}`;
  screen.print(
    `Recorded: ${harmless(session.settings.by.actor)} ${votes[decision]} ${cell} of ${instanceId}; ${came}.`,
  );
  await explain(session, await client.instance(instanceId));
  return { exit: exits.done, document: { instanceId, cell, ...voted } };
};

export const addVoting: AddCommands = (program, run) => {
  const voting = program
    .command('vote')
    .argument('<instance>', 'id of an instance')
    .argument('<cell>', 'its `approve` cell');
  voting.description(
    'Without a vote: shows what an `approve` cell asks, and the hash of that. A vote is about exactly what its hash names;\nat a terminal it is asked for after it was shown. One rejection ends it; an approval may be withdrawn before the last.',
  );
  voting
    .option('--approve', 'it may go on')
    .option('--reject', 'it may not')
    .option('--withdraw', 'take your approval back')
    .option(
      '--shown <hash>',
      'what you were shown, as `pawl vote` without a vote says it; its first 8 characters will do',
    )
    .option('--comment <text>', 'why; kept in the journal', saidInWords)
    .option('--link-for <actor>', 'make a one-time link, by which this approver votes without credentials');
  withExamples(
    voting,
    'pawl vote failover.eu go',
    'pawl vote failover.eu go --approve --shown 3f9c04b7 --comment "replica is fresh"',
    'pawl vote failover.eu go --link-for bob',
  ).action(run(vote));
};

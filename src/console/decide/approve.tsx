/** A vote: exactly what its hash covers, and, told apart from it, what an approval sets free. */
import { useState } from 'preact/hooks';
import { whyNoVote } from '../../contract/index.ts';
import { call, type Instance, type WaitOf } from '../api.ts';
import { Markdown } from '../markdown.tsx';
import { May, useMay, useMe } from '../me.tsx';
import { Long } from '../parts/code.tsx';
import { useNow } from '../poll.ts';
import { harmless, moment, plural, pretty, shown as shownText, statusText } from '../text.ts';
import type { Acting } from './acting.ts';
import { Words } from './reason.tsx';

type Wait = WaitOf<'approve'>;

const Values = ({ title, values }: { title: string; values: Record<string, unknown> }) =>
  Object.keys(values).length === 0 ? null : (
    <>
      <h4>{title}</h4>
      <dl class="facts">
        {Object.entries(values).map(([name, value]) => (
          <>
            <dt>{harmless(name)}</dt>
            <dd>
              <Long text={shownText(value)} label={name} />
            </dd>
          </>
        ))}
      </dl>
    </>
  );

type ShownLog = NonNullable<NonNullable<Wait['shown']>['logs']>[string];
const LogShown = ({ cell, log }: { cell: string; log: ShownLog }) => {
  const { covers, bytes, text, why } = log;
  if (covers === 'nothing')
    return (
      <p class="notice warn">
        Nothing of the log of {cell} is shown, so your vote is not about it. {why}
      </p>
    );
  return (
    <>
      <h4>Log of {cell}</h4>
      <p class="small quiet">
        {covers === 'whole' ? 'All of it' : 'Its beginning and its end'}: {plural(bytes, 'byte')} were logged.
      </p>
      {text === '' ? null : <Long text={text} label={`Log of ${cell}`} end />}
    </>
  );
};

const Covered = ({ shown }: { shown: NonNullable<Wait['shown']> }) => (
  <div class="covered">
    <h3>What your vote is about</h3>
    <p class="small quiet">
      All of this, and nothing else, is bound to your vote by its hash <code>{shown.hash.slice(0, 12)}…</code>
    </p>
    <Values title="Parameters" values={shown.params} />
    <Values title="Element" values={shown.each ?? {}} />
    <Values
      title="Outputs that it refers to"
      values={Object.fromEntries(Object.entries(shown.outputs).map(([name, text]) => [name, pretty(text)]))}
    />
    <Values
      title="How earlier cells ended"
      values={Object.fromEntries(Object.entries(shown.states ?? {}).map(([name, end]) => [name, statusText(end)]))}
    />
    {Object.entries(shown.logs ?? {}).map(([cell, log]) => (
      <LogShown key={cell} cell={cell} log={log} />
    ))}
    <details>
      <summary>The runbook up to this question</summary>
      <Markdown source={shown.document} />
    </details>
    <details>
      <summary>The same, as it is written</summary>
      <Long text={shown.document} label="The runbook up to this question" />
    </details>
  </div>
);

const Freed = ({ freed }: { freed: NonNullable<Wait['freed']> }) => (
  <div class="freed">
    <h3>What an approval sets free</h3>
    <p class="small">
      <strong>Not part of your approval:</strong> no hash covers it. {plural(freed.cells.length, 'cell')}
      {freed.cells.length === 0 ? '' : ` (${freed.cells.join(', ')})`},{' '}
      {freed.until === null ? 'to the end of the runbook' : `to the next question, ${freed.until}`}.
      {freed.isCut ? ' Only the beginning can be shown.' : ''}
    </p>
    <details>
      <summary>What runs then</summary>
      <Long text={freed.document.replace(/^\n+/, '')} label="What runs once it is approved" />
    </details>
  </div>
);

const whyNot = { notAsked: 'who is not asked', self: 'who started this run: another person has to vote' };

type Props = { instance: Instance; waits: Wait; acting: Acting };
export const Approve = ({ instance, waits, acting }: Props) => {
  const [comment, setComment] = useState('');
  const nowMs = useNow();
  const { shown, freed, cell, approvals, quorum, approvers, groups, dueAtMs, onExpiry } = waits;
  const me = useMe();
  const { actor } = me;
  // Who may be in a group that is asked is offered the vote: the service refuses it where they are in none.
  const not = whyNoVote(waits, waits.starters ?? [], { actor, groups: me.groups ?? groups });
  const hasApproved = approvals.includes(actor);
  const isSure = me.groups !== null || approvers.includes(actor);
  const asksMe = useMay('vote') && not === undefined && isSure && !hasApproved;
  const vote = (decision: 'approve' | 'reject' | 'withdraw') => () =>
    void acting.act(async () => {
      const answer = await call('vote', {
        path: { instanceId: instance.view.instanceId, cell },
        body: { decision, shownHash: waits.shownHash, ...(comment.trim() === '' ? {} : { comment }) },
      });
      const word = { approve: 'You approved', reject: 'You rejected', withdraw: 'You withdrew your approval of' }[
        decision
      ];
      const rest =
        answer.decision === null
          ? `${answer.approvals.length} of ${plural(answer.quorum, 'approval')} so far.`
          : `It is ${answer.decision}.`;
      return `${word} ${cell}. ${rest}`;
    });
  return (
    <section class="panel live" aria-label="Vote">
      <h2>
        {cell} asks {asksMe ? 'you ' : ''}for approval
      </h2>
      {shown === null ? null : (
        <div class="asked">
          <Markdown source={shown.text} />
        </div>
      )}
      <p>
        Asked: {harmless([...approvers, ...groups.map((group) => `members of ${group}`)].join(', '))}.{' '}
        {approvals.length} of {plural(quorum, 'approval')}
        {approvals.length === 0 ? '' : `: ${harmless(approvals.join(', '))}`}.
        {dueAtMs === null
          ? ''
          : ` Without them it is ${onExpiry === 'approve' ? 'approved' : 'rejected'} at ${moment(dueAtMs, nowMs)}.`}
      </p>
      {shown === null ? (
        <p class="notice warn">What it asks about cannot be shown any more.</p>
      ) : (
        <Covered shown={shown} />
      )}
      {freed === null ? null : <Freed freed={freed} />}
      {not !== undefined ? (
        <p class="notice">
          You are {harmless(actor)}, {whyNot[not]}.
        </p>
      ) : shown === null ? null : (
        <May does="vote" what="Voting">
          <form onSubmit={(event) => event.preventDefault()}>
            <fieldset disabled={acting.isBusy}>
              <legend>Your vote, as {harmless(actor)}</legend>
              <Words label="Comment, if you like. It stands in the journal." value={comment} onInput={setComment} />
              <p class="buttons">
                {hasApproved ? (
                  <button type="button" onClick={vote('withdraw')}>
                    Withdraw my approval
                  </button>
                ) : (
                  <button type="button" class="main" onClick={vote('approve')}>
                    Approve
                  </button>
                )}
                <button type="button" class="danger" onClick={vote('reject')}>
                  Reject
                </button>
              </p>
            </fieldset>
          </form>
        </May>
      )}
    </section>
  );
};

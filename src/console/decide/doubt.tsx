/** A step in doubt, or halted: what is known beside each way out, what follows, and why. */
import { useState } from 'preact/hooks';
import { type Cell, type CellReport, call, type Entry, type Instance, type Undecided } from '../api.ts';
import { May } from '../me.tsx';
import { verdictWords } from '../parts/entryText.ts';
import { Notes } from '../parts/log.tsx';
import { useNow } from '../poll.ts';
import { harmless, moment, stamp } from '../text.ts';
import type { Acting } from './acting.ts';
import { Words } from './reason.tsx';
import { isUncommittedIn, type Way, waysOf } from './ways.ts';

const processText = {
  gone: 'gone: it does nothing any more',
  alive: 'alive, it or something that it began',
  'not here': 'not of this machine: nothing can be told of it here',
} as const;

type FactProps = { instance: Instance; report: CellReport; seq: number; entries: Entry[]; nowMs: number };
const Known = ({ instance, report, seq, entries, nowMs }: FactProps) => {
  const opening = entries.find((entry) => entry.seq === seq);
  const reserved = opening?.kind === 'reserved' ? opening : opening?.kind === 'outcome' ? opening.reserve : undefined;
  const { open } = instance.head.state;
  const deadlineAtMs = (open?.kind === 'reserved' ? open.deadlineAtMs : undefined) ?? reserved?.deadlineAtMs;
  return (
    <dl class="facts">
      <dt>Held by</dt>
      <dd>
        {opening === undefined
          ? 'see the journal'
          : harmless(`${opening.by.actor}, ${opening.by.via}, ${opening.by.where}`)}
      </dd>
      <dt>Began</dt>
      <dd>{opening === undefined ? 'unknown' : moment(opening.atMs, nowMs)}</dd>
      {deadlineAtMs === undefined ? null : (
        <>
          <dt>Had time until</dt>
          <dd>{moment(deadlineAtMs, nowMs)}</dd>
        </>
      )}
      {instance.holderProcess === null || open?.kind !== 'reserved' ? null : (
        <>
          <dt>Its process</dt>
          <dd>{processText[instance.holderProcess]}</dd>
        </>
      )}
      <dt>Attempts</dt>
      <dd>{report.attempts}</dd>
      {reserved === undefined ? null : (
        <>
          <dt>Key at the target</dt>
          <dd>
            <code>{harmless(reserved.key)}</code>
          </dd>
          {reserved.name === undefined ? null : (
            <>
              <dt>Known there as</dt>
              <dd>
                <code>{harmless(reserved.name)}</code>
              </dd>
            </>
          )}
        </>
      )}
      {report.error === null ? null : (
        <>
          <dt>Recorded</dt>
          <dd>
            <code>{harmless(report.error.code)}</code> {harmless(report.error.message)}
          </dd>
        </>
      )}
    </dl>
  );
};

/** Where two people decide: what was said of the step so far, and that one alone changes nothing. */
const Said = ({ instance, seq }: Pick<FactProps, 'instance' | 'seq'>) => {
  const said = (instance.head.state.proposed ?? []).filter(({ about }) => about === seq);
  if (instance.decidePeople < 2 && said.length === 0) return null;
  return (
    <div class="notice warn">
      <p>Two people decide here: nothing follows until another person says the same.</p>
      <ul>
        {said.map((one) => (
          <li key={one.seq}>
            {harmless(one.actor)} says: {verdictWords[one.verdict]}
            {one.freshKey ? ', with a fresh key' : ''}
            {one.output === null ? '' : ', with an output'} (entry {one.seq})
          </li>
        ))}
      </ul>
    </div>
  );
};

type Props = {
  instance: Instance;
  undecided: Undecided;
  cell: Cell;
  report: CellReport;
  entries: Entry[];
  acting: Acting;
};

export const Decide = ({ instance, undecided, cell, report, entries, acting }: Props) => {
  const { seq } = undecided;
  const { view, decidableAtMs, holderProcess, nowMs: askedAtMs } = instance;
  const [chosen, choose] = useState<Way>();
  const [reason, setReason] = useState('');
  const [evidence, setEvidence] = useState('');
  const [output, setOutput] = useState('');
  const [mayOverlap, setMayOverlap] = useState(false);
  const nowMs = useNow();
  const isDoubt = view.status !== 'halted';
  const isUncommitted = isUncommittedIn(instance, cell);
  // By the clock of the service alone, as of its last answer: that of this machine may be slow or fast.
  const isEarly = decidableAtMs > askedAtMs;
  const mayDecide = !isEarly || holderProcess === 'gone';
  const ways = waysOf({ instance, cell, undecided });
  const needsOverlap = isEarly && chosen?.verdict === 'retry';
  const decide = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (chosen === undefined) return;
    const { verdict, freshKey, title } = chosen;
    const isTaken = await acting.act(async () => {
      const { awaits } = await call('verdict', {
        path: { instanceId: view.instanceId },
        body: {
          seq,
          verdict,
          reason,
          ...(evidence.trim() === '' ? {} : { evidence }),
          ...(output.trim() === '' || verdict !== 'succeeded' ? {} : { output }),
          ...(freshKey ? { freshKey } : {}),
          // What was decided about meanwhile must not run again because of this page.
          ...(isDoubt ? { onlyInDoubt: true } : {}),
          ...(isEarly ? { holderGone: true } : {}),
          ...(needsOverlap && mayOverlap ? { overlapOk: true } : {}),
        },
      });
      return awaits === null
        ? `Recorded about ${cell.name}: ${title.toLowerCase()}.`
        : `You said about ${cell.name}: ${title.toLowerCase()}. Nothing follows until another person says the same.`;
    });
    if (isTaken) choose(undefined);
  };
  return (
    <section class={`panel ${isDoubt ? 'bad' : 'warn'}`} aria-label="Decide">
      <h2>
        {isUncommitted ? `${cell.name} has not happened` : isDoubt ? `Did ${cell.name} happen?` : `${cell.name} halted`}
      </h2>
      <p>
        {isUncommitted
          ? 'It began, and nobody recorded how it ended. What it does is committed with its outcome, and none stands. Its process may still commit it until the step is closed; the next advance closes it, once its time is over.'
          : isDoubt
            ? 'It began, and nobody recorded how it ended. It may have happened, wholly or in part. Nothing is repeated until somebody says what is so.'
            : 'Nothing goes on until somebody decides.'}
      </p>
      <Known instance={instance} report={report} seq={seq} entries={entries} nowMs={nowMs} />
      <h3>Last of its log{cell.interrupted === 'probe' ? ', and what its probe answered' : ''}</h3>
      <Notes instanceId={view.instanceId} about={seq} />
      {mayDecide ? null : (
        <p class="notice warn">
          What it has begun may still act: no verdict is taken before {stamp(decidableAtMs)} (
          {moment(decidableAtMs, askedAtMs)}).
        </p>
      )}
      {isDoubt ? <Said instance={instance} seq={seq} /> : null}
      <May does="verdict" what="Deciding here">
        <form onSubmit={(event) => void decide(event)}>
          <fieldset disabled={!mayDecide || acting.isBusy}>
            <legend>What is so?</legend>
            {ways.map((way) => (
              <label key={way.id} class="way">
                <input type="radio" name="way" required checked={chosen?.id === way.id} onChange={() => choose(way)} />
                <span>
                  <strong>{way.title}</strong>
                  <span class="small follows">{way.follows}</span>
                </span>
              </label>
            ))}
            {chosen?.verdict === 'succeeded' && cell.body.kind !== 'branch' ? (
              <Words
                label="What it would have returned, as JSON (if later cells read it)"
                value={output}
                onInput={setOutput}
                max={200_000}
              />
            ) : null}
            {needsOverlap ? (
              <label class="way">
                <input
                  type="checkbox"
                  required
                  checked={mayOverlap}
                  onChange={(event) => setMayOverlap(event.currentTarget.checked)}
                />
                <span>
                  Its process is gone, but what it began elsewhere may act beside the next attempt. I accept that.
                </span>
              </label>
            ) : null}
            <Words label="Why? It stands in the journal." value={reason} onInput={setReason} required />
            <Words
              label="What you saw: a link, an id, a line of a log (if you like)"
              value={evidence}
              onInput={setEvidence}
            />
            <p>
              <button type="submit" class="main">
                {chosen === undefined ? 'Record it' : `Record: ${chosen.title.toLowerCase()}`}
              </button>
            </p>
          </fieldset>
        </form>
      </May>
    </section>
  );
};

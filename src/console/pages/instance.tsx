/** One run: how it stands and what it needs, the document with what happened, and the journal beside it. */
import { useMemo } from 'preact/hooks';
import { allCells, call, type Entry, type Instance, type Version, versionOf } from '../api.ts';
import { useActing } from '../decide/acting.ts';
import { Approve } from '../decide/approve.tsx';
import { Decide } from '../decide/doubt.tsx';
import { Manual } from '../decide/manual.tsx';
import { isOver, Move } from '../decide/move.tsx';
import { Release } from '../decide/release.tsx';
import { useMe } from '../me.tsx';
import { Badge } from '../parts/badge.tsx';
import { Long } from '../parts/code.tsx';
import { Document } from '../parts/document.tsx';
import { useHead } from '../parts/head.ts';
import { Rerun } from '../parts/rerun.tsx';
import { Running } from '../parts/running.tsx';
import { Staleness } from '../parts/staleness.tsx';
import { Timeline } from '../parts/timeline.tsx';
import { Waiting } from '../parts/waiting.tsx';
import { useNow, usePolled } from '../poll.ts';
import { instancePath, Link } from '../route.tsx';
import { ago, harmless, moment, shown, statusText } from '../text.ts';
import { Broken } from './broken.tsx';
import { useJournal } from './journal.ts';

const Params = ({ params }: Pick<Instance, 'params'>) => {
  const values = Object.entries(params);
  if (values.length === 0) return null;
  return (
    <details class="params" open={values.length <= 6}>
      <summary>Parameters</summary>
      <dl class="facts">
        {values.map(([name, value]) => (
          <>
            <dt>{harmless(name)}</dt>
            <dd>
              <Long text={shown(value)} label={name} />
            </dd>
          </>
        ))}
      </dl>
    </details>
  );
};

/** Nothing goes on by itself in these. */
const needs = ['in_doubt', 'halted', 'broken'];

const goingText = ({ head: { state } }: Instance): string => {
  if (state.cancelled !== null) return 'cancelled: nothing more of its way begins';
  return state.drive === 'auto' ? 'goes on by itself' : 'goes on when somebody advances it';
};

const Summary = ({ instance }: { instance: Instance }) => {
  const { view, manned } = instance;
  const nowMs = useNow();
  const { cellsDone, cells } = view;
  return (
    <>
      <p class="summary">
        <Badge status={view.status} />
        <progress max={Math.max(cells, 1)} value={cellsDone} aria-label={`${cellsDone} of ${cells} cells done`} />
        <span>
          {cellsDone} of {cells} cells
        </span>
        <span class="quiet">
          {harmless(view.runbookId)} v{view.version} · started {moment(view.startedAtMs, nowMs)} by{' '}
          {harmless(view.startedBy)}
          {isOver(view.status)
            ? ` · ended ${ago(view.updatedAtMs, nowMs)}`
            : needs.includes(view.status)
              ? ''
              : ` · ${goingText(instance)}`}
        </span>
      </p>
      {manned !== null && manned.alive === 0 ? (
        <p class="notice warn">
          It waits for a worker at <strong>{harmless(manned.place)}</strong>, and none is there
          {manned.lastSeenAtMs === null
            ? '; nobody ever was'
            : `; the last was seen ${ago(manned.lastSeenAtMs, nowMs)}`}
          . <code>pawl worker</code> serves that place.
        </p>
      ) : null}
      {manned?.lacking === undefined ? null : (
        <p class="notice warn">Every worker there lacks: {harmless(manned.lacking.join(', '))}.</p>
      )}
      {view.status === 'broken' ? (
        <p class="notice bad">
          Its journal cannot be trusted, so nothing runs. “Verify the chain” says where it breaks.
        </p>
      ) : null}
    </>
  );
};

const Ending = ({ ending }: Pick<Instance, 'ending'>) => {
  if (ending === null || ending.stands === 'ahead') return null;
  const { takesBack, takenBack, left, stays, began, stands, failed } = ending;
  const list = (names: string[]): string => (names.length === 0 ? 'nothing' : names.join(', '));
  return (
    <section class="panel warn" aria-label="Its end">
      <h2>{stands === 'over' ? 'How it ended' : 'The way is over, and its end is under way'}</h2>
      <p>
        {failed === null ? '' : `${failed.cell} failed: ${harmless(failed.message)} (${failed.code}). `}By{' '}
        {harmless(began.reason === null ? began.by : `${began.by}: “${began.reason}”`)}.
      </p>
      <dl class="facts">
        <dt>Taken back</dt>
        <dd>
          {list(takenBack)}
          {takesBack.length > takenBack.length ? ` (of ${list(takesBack)})` : ''}
        </dd>
        {left.length === 0 ? null : (
          <>
            <dt>Still to come</dt>
            <dd>{list(left)}</dd>
          </>
        )}
        {stays.length === 0 ? null : (
          <>
            <dt>Stays as it is</dt>
            <dd>{list(stays)}: look after it</dd>
          </>
        )}
      </dl>
    </section>
  );
};

type ColumnsProps = { instance: Instance; version: Version; entries: Entry[] };

/** The document and the journal, which may be long: made again only when something of them has changed. */
const Columns = ({ instance, version, entries }: ColumnsProps) => {
  const { seq, status } = instance.view;
  return useMemo(
    () => (
      <div class="columns">
        <div class="main-column">
          <Document instance={instance} version={version} entries={entries} />
        </div>
        <Timeline instanceId={instance.view.instanceId} entries={entries} />
      </div>
    ),
    // The rest of what an instance says follows from its journal up to there, and from the time by its status.
    [seq, status, version, entries],
  );
};

/** It is asked for every few seconds: what is larger is read when it is unfolded. */
const outputBytesMax = 16_384;

export const InstancePage = ({ instanceId }: { instanceId: string }) => {
  const { actor } = useMe();
  const readOn = useJournal(instanceId);
  const { data, atMs, error, reload } = usePolled(instanceId, async () => {
    // The first entries are asked for at once; later ones when the instance says that there are some.
    const [instance] = await Promise.all([
      call('instance', { path: { instanceId }, query: { outputBytesMax } }),
      readOn(0),
    ]);
    const [version, entries] = await Promise.all([versionOf(instance.view), readOn(instance.view.seq)]);
    return { instance, version, entries };
  });
  const acting = useActing(data?.instance, reload, actor);
  const isBroken = data === undefined && error?.code === 'journal.broken';
  const status = isBroken ? 'broken' : data?.instance.view.status;
  const isAsked = data?.instance.waits?.kind === 'approve' || data?.instance.waits?.kind === 'manual';
  useHead(
    `${status === undefined ? '' : `${statusText(status)} · `}${instanceId} · Pawl`,
    status === 'in_doubt'
      ? 'doubt'
      : isAsked || (status !== undefined && needs.includes(status))
        ? 'somebody'
        : 'nobody',
  );
  const back = (
    <p class="back">
      <Link to="/">All runs</Link>
    </p>
  );
  if (data === undefined)
    return (
      <main>
        {back}
        <h1>{harmless(instanceId)}</h1>
        {isBroken ? <Broken instanceId={instanceId} error={error} /> : <Staleness atMs={0} error={error} />}
      </main>
    );
  const { instance, version, entries } = data;
  const { view, waits, title, undecided } = instance;
  const report = instance.cells.find(({ name }) => name === view.cell);
  const cell = allCells(version.runbook.cells).find(({ name }) => name === view.cell);
  const isUndecided = view.status === 'in_doubt' || view.status === 'halted';
  const isGone = view.status === 'running' && instance.holderProcess === 'gone';
  return (
    <main>
      {back}
      <div class="title">
        <h1>{harmless(title)}</h1>
        <Staleness atMs={atMs} error={error} />
      </div>
      <p class="id">{harmless(instanceId)}</p>
      <Summary instance={instance} />
      <div class="told" aria-live="polite" tabIndex={-1} ref={acting.at}>
        {acting.told === undefined ? (
          acting.isBusy ? (
            <p class="notice">Working…</p>
          ) : null
        ) : (
          <div class={`notice ${acting.told.tone}`}>
            <p>{harmless(acting.told.text)}</p>
            {acting.told.run === undefined ? null : (
              <p>
                <Link to={instancePath(acting.told.run)}>{harmless(acting.told.run)}</Link>
              </p>
            )}
            {acting.told.lines.map((line) => (
              <p key={line} class="winner">
                {line}
              </p>
            ))}
          </div>
        )}
      </div>
      <Release instance={instance} acting={acting} />
      {(isUndecided || isGone) && undecided !== null && report !== undefined && cell !== undefined ? (
        <Decide
          key={undecided.seq}
          instance={instance}
          undecided={undecided}
          cell={cell}
          report={report}
          entries={entries}
          acting={acting}
        />
      ) : null}
      {waits?.kind === 'approve' ? <Approve key={waits.seq} instance={instance} waits={waits} acting={acting} /> : null}
      {waits?.kind === 'manual' ? <Manual key={waits.seq} instance={instance} waits={waits} acting={acting} /> : null}
      {isGone ? null : <Running instance={instance} />}
      <Waiting instance={instance} />
      <Ending ending={instance.ending} />
      <Move instance={instance} version={version} acting={acting} />
      <Params params={instance.params} />
      <Rerun instance={instance} entries={entries} acting={acting} />
      <Columns instance={instance} version={version} entries={entries} />
    </main>
  );
};

/** Many steps in doubt alike, of one runbook at one cell: what is known of each, one decision, and what came of it. */
import { useRef, useState } from 'preact/hooks';
import {
  allCells,
  type Cell,
  call,
  type Instance,
  type Undecided,
  type Version,
  type View,
  versionOf,
} from '../api.ts';
import { Came } from '../decide/came.tsx';
import { useDeciding } from '../decide/manyRun.ts';
import { Words } from '../decide/reason.tsx';
import { type Way, waysOf } from '../decide/ways.ts';
import { May, useMay } from '../me.tsx';
import { Attached } from '../parts/cell.tsx';
import { useHead } from '../parts/head.ts';
import { Log } from '../parts/log.tsx';
import { Output } from '../parts/output.tsx';
import { paramsText } from '../parts/runs.tsx';
import { Staleness } from '../parts/staleness.tsx';
import { useNow, usePolled } from '../poll.ts';
import { instancePath, Link } from '../route.tsx';
import { ago, harmless, moment, plural } from '../text.ts';
import { useTold } from '../told.ts';

/** As many as are looked at, and chosen from, at a time. */
const shownMax = 25;
const readAtOnce = 5;

export const manyPath = (runbookId: string, cell: string): string =>
  `/decide?${new URLSearchParams({ runbook: runbookId, cell })}`;

/** `atMs`: when it came, by this machine's clock. */
type Known = { instance: Instance; undecided: Undecided; atMs: number };
/** By the clock of the service: that of this machine may be slow or fast. */
const serviceNow = ({ instance, atMs }: Known, nowMs: number): number => instance.nowMs + nowMs - atMs;

/** What is known of each, asked for again only where it has moved. */
const readKnown = async (views: View[], known: Map<string, Known>): Promise<Known[]> => {
  const found: Known[] = [];
  const left = [...views];
  while (left.length > 0) {
    const read = left.splice(0, readAtOnce).map(async ({ instanceId, seq: at }) => {
      const before = known.get(instanceId);
      if (before?.instance.view.seq === at) return before;
      const instance = await call('instance', { path: { instanceId }, query: { outputBytesMax: 0 } });
      const { undecided } = instance;
      return undecided === null || instance.view.status !== 'in_doubt'
        ? undefined
        : { instance, undecided, atMs: Date.now() };
    });
    for (const one of await Promise.all(read)) {
      if (one === undefined) continue;
      known.set(one.instance.view.instanceId, one);
      found.push(one);
    }
  }
  return found;
};

/** A step, not a run: what comes to be in doubt again is another, and has to be chosen anew. */
const keyOf = ({ instance, undecided }: Known): string => `${instance.view.instanceId}/${undecided.seq}`;

/** Ways that all of them have; where what follows differs, each is said, and for how many. */
const commonWays = (many: Known[], cellOf: (known: Known) => Cell | undefined): Way[] => {
  const each = many.flatMap((known) => {
    const cell = cellOf(known);
    return cell === undefined ? [] : [waysOf({ ...known, cell })];
  });
  const [first = [], ...others] = each;
  return first.flatMap((way) => {
    const same = each.map((ways) => ways.find(({ id }) => id === way.id));
    if (others.length < many.length - 1 || same.some((one) => one === undefined)) return [];
    const counts = new Map<string, number>();
    for (const one of same) counts.set(one?.follows ?? '', (counts.get(one?.follows ?? '') ?? 0) + 1);
    const follows =
      counts.size === 1
        ? way.follows
        : [...counts].map(([text, count]) => `Of ${plural(count, 'run')}: ${text}`).join(' ');
    return [{ ...way, follows }];
  });
};

/** @param nowMs of the service */
const lineOf = ({ instance, undecided }: Known, nowMs: number): string => {
  const { head, view, cells } = instance;
  const { open } = head.state;
  const report = cells.find(({ name }) => name === view.cell);
  const held = open?.kind === 'reserved' && open.seq === undecided.seq ? open : undefined;
  const began = held && `began ${ago(held.atMs, nowMs)}, held by ${held.by.actor}`;
  const error = report?.error;
  return [
    began ?? `recorded ${ago(view.updatedAtMs, nowMs)}`,
    `attempt ${report?.attempts ?? 1}`,
    ...(error == null ? [] : [error.message]),
    paramsText(view.params),
  ]
    .filter((text) => text !== '')
    .join(' · ');
};

type RowProps = { known: Known; isChosen: boolean; isDisabled: boolean; nowMs: number; onChange(is: boolean): void };
const Row = ({ known, isChosen, isDisabled, nowMs: hereMs, onChange }: RowProps) => {
  const nowMs = serviceNow(known, hereMs);
  const { view, decidableAtMs, cells } = known.instance;
  const report = cells.find(({ name }) => name === view.cell);
  const isEarly = decidableAtMs > nowMs;
  return (
    <li class="run pick">
      <label>
        <input
          type="checkbox"
          checked={isChosen && !isEarly}
          disabled={isEarly || isDisabled}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
        <span class="run-what">
          <strong>{harmless(view.instanceId)}</strong>
          <span class="small quiet">
            {harmless(lineOf(known, nowMs))}
            {isEarly ? `. May still act until ${moment(decidableAtMs, nowMs)}` : ''}
          </span>
        </span>
      </label>
      <Link to={instancePath(view.instanceId)}>
        Look<span class="hidden"> at {harmless(view.instanceId)}</span>
      </Link>
      <div class="beside">
        <Log instanceId={view.instanceId} about={known.undecided.seq} of={view.instanceId} />
        {report === undefined ? null : (
          <>
            <Output instanceId={view.instanceId} cell={report} />
            {report.attached === undefined ? null : (
              <Attached instanceId={view.instanceId} attached={report.attached} />
            )}
          </>
        )}
      </div>
    </li>
  );
};

export const ManyPage = ({ query }: { query: URLSearchParams }) => {
  const [runbook = '', cellName = ''] = [query.get('runbook') ?? '', query.get('cell') ?? ''];
  const known = useRef(new Map<string, Known>());
  const { data, atMs, error, reload } = usePolled(`many ${runbook}/${cellName}`, async () => {
    const page = await call('listInstances', { query: { runbook, status: ['in_doubt'], limit: 100 } });
    const alike = page.views.filter(({ cell }) => cell === cellName);
    const found = await readKnown(alike.slice(0, shownMax), known.current);
    const versions = new Map<number, Version>();
    for (const { instance } of found) versions.set(instance.view.version, await versionOf(instance.view));
    return { found, versions, isMore: alike.length > shownMax || page.next !== null || page.atLeast };
  });
  const nowMs = useNow();
  const mayAct = useMay('verdicts');
  // Nothing is chosen by itself: also not what comes to be in doubt while the page is open.
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const [wayId, choose] = useState<Way['id']>();
  const [reason, setReason] = useState('');
  const deciding = useDeciding(() => void reload());
  const { at, begin } = useTold(deciding.asked || undefined, deciding.isBusy);
  const found = data?.found ?? [];
  useHead(`${found.length} in doubt at ${cellName} · Pawl`, found.length > 0 ? 'doubt' : 'nobody');
  const mayDecide = found.filter((one) => one.instance.decidableAtMs <= serviceNow(one, nowMs));
  const chosen = mayDecide.filter((one) => picked.has(keyOf(one)));
  const cellOf = ({ instance }: Known): Cell | undefined =>
    allCells(data?.versions.get(instance.view.version)?.runbook.cells ?? []).find(({ name }) => name === cellName);
  const ways = commonWays(chosen.length > 0 ? chosen : found, cellOf);
  // What was chosen before others were is chosen no more where they do not have it.
  const way = ways.find(({ id }) => id === wayId);
  const decide = (event: Event): void => {
    event.preventDefault();
    if (way === undefined) return;
    begin();
    const steps = chosen.map(({ instance, undecided: { seq } }) => ({ instanceId: instance.view.instanceId, seq }));
    const { verdict, freshKey } = way;
    void deciding.decide(steps, { verdict, reason, ...(freshKey ? { freshKey } : {}) });
  };
  const pick = (key: string, is: boolean): void => {
    const next = new Set(picked);
    if (is) next.add(key);
    else next.delete(key);
    setPicked(next);
  };
  const people = Math.max(1, ...found.map(({ instance }) => instance.decidePeople));
  return (
    <main>
      <p class="back">
        <Link to={`/?${new URLSearchParams({ runbook, status: 'in_doubt' })}`}>
          All in doubt of {harmless(runbook)}
        </Link>
      </p>
      <div class="title">
        <h1>
          Did {harmless(cellName)} happen?{' '}
          {data === undefined ? '' : `${plural(found.length, 'run')} of ${harmless(runbook)}`}
        </h1>
        <Staleness atMs={atMs} error={error} />
      </div>
      <div tabIndex={-1} ref={at}>
        <Came deciding={deciding} />
      </div>
      {data !== undefined && found.length === 0 ? (
        <p class="quiet">
          {data.isMore ? 'Of the newest in doubt nothing' : 'Nothing'} of {harmless(runbook)} is in doubt at{' '}
          {harmless(cellName)}.
        </p>
      ) : null}
      {found.length === 0 ? null : (
        <form class="panel bad" onSubmit={decide} aria-label="Decide about many">
          <May does="verdicts" what="Deciding about them">
            <p>
              Choose those that you know the same of; the others stay in doubt. Each is decided only while it is in
              doubt, a few in a second.
              {data?.isMore ? ` The newest ${shownMax} are shown; the rest follows when these are decided.` : ''}
            </p>
            {people > 1 ? (
              <p class="notice warn">Two people decide here: nothing follows until another person says the same.</p>
            ) : null}
            <p class="buttons">
              <button type="button" onClick={() => setPicked(new Set(mayDecide.map(keyOf)))}>
                Choose all
              </button>
              <button type="button" onClick={() => setPicked(new Set())}>
                Choose none
              </button>
            </p>
          </May>
          <ul class="runs">
            {found.map((one) => (
              <Row
                key={keyOf(one)}
                known={one}
                isChosen={picked.has(keyOf(one))}
                isDisabled={deciding.isBusy || !mayAct}
                nowMs={nowMs}
                onChange={(is) => pick(keyOf(one), is)}
              />
            ))}
          </ul>
          {mayAct ? (
            <fieldset disabled={deciding.isBusy || chosen.length === 0}>
              <legend>What is so of each of them?</legend>
              {ways.map((one) => (
                <label key={one.id} class="way">
                  <input
                    type="radio"
                    name="way"
                    required
                    checked={way?.id === one.id}
                    onChange={() => choose(one.id)}
                  />
                  <span>
                    <strong>{one.title}</strong>
                    <span class="small follows">{one.follows}</span>
                  </span>
                </label>
              ))}
              <Words label="Why? It stands in the journal of each." value={reason} onInput={setReason} required />
              <p>
                <button type="submit" class="main">
                  {way === undefined
                    ? 'Record it'
                    : `Record of ${plural(chosen.length, 'run')}: ${way.title.toLowerCase()}`}
                </button>
              </p>
            </fieldset>
          ) : null}
        </form>
      )}
    </main>
  );
};

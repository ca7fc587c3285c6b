/** All runbooks, each by its newest version: what can be started, and what it is called. */
import { useId } from 'preact/hooks';
import type { BodyOf } from '../../contract/index.ts';
import { call } from '../api.ts';
import { useMay } from '../me.tsx';
import { useOnce } from '../once.ts';
import { useHead } from '../parts/head.ts';
import { Said } from '../parts/said.tsx';
import { useNow } from '../poll.ts';
import { go, Link, runbookPath, startPath } from '../route.tsx';
import { ago, harmless, plural } from '../text.ts';

type Listed = BodyOf<'listRunbooks'>['runbooks'][number];

/** A thousand are read at most; beyond that, the list says so. */
const pagesMax = 10;

const readAll = async (): Promise<{ runbooks: Listed[]; isMore: boolean }> => {
  const runbooks: Listed[] = [];
  let next: string | null | undefined;
  for (let page = 0; page < pagesMax && next !== null; page += 1) {
    const found: BodyOf<'listRunbooks'> = await call('listRunbooks', {
      query: { limit: 100, ...(next === undefined ? {} : { next }) },
    });
    runbooks.push(...found.runbooks);
    next = found.next;
  }
  return { runbooks, isMore: next !== null };
};

const Runbook = ({ one, nowMs }: { one: Listed; nowMs: number }) => (
  <li class="run book">
    <div class="run-what">
      <p class="run-name">
        <Link to={runbookPath(one.runbookId)}>{harmless(one.title)}</Link>
        <span class="quiet">
          {harmless(one.runbookId)} v{one.version}
        </span>
      </p>
      <p class="quiet small clip">
        {plural(one.cells, 'cell')} · published {ago(one.atMs, nowMs)} by {harmless(one.by)}
      </p>
    </div>
    <p class="buttons">
      <Link to={`/?runbook=${encodeURIComponent(one.runbookId)}`}>Runs</Link>
      <Link to={startPath(one.runbookId)}>{useMay('start') ? 'Start' : 'Plan'}</Link>
    </p>
  </li>
);

export const RunbooksPage = ({ query }: { query: URLSearchParams }) => {
  const { data, error } = useOnce('runbooks', readAll);
  const nowMs = useNow();
  const id = useId();
  useHead('Runbooks · Pawl', 'nobody');
  const text = query.get('text') ?? '';
  const words = text.toLowerCase();
  const fitting = (data?.runbooks ?? []).filter(({ runbookId, title }) =>
    `${runbookId} ${title}`.toLowerCase().includes(words),
  );
  return (
    <main>
      <h1>Runbooks</h1>
      <search class="filters">
        <label for={id}>
          Search
          <input
            id={id}
            type="search"
            maxLength={100}
            placeholder="id or title"
            value={text}
            onInput={({ currentTarget: { value } }) =>
              go(value === '' ? '/runbooks' : `/runbooks?${new URLSearchParams({ text: value })}`, true)
            }
          />
        </label>
      </search>
      <Said error={error} isLoading={data === undefined} />
      {data === undefined ? null : (
        <>
          <p class="quiet small" role="status">
            {data.isMore ? 'at least ' : ''}
            {plural(fitting.length, 'runbook')}
            {data.isMore ? `: only the first ${data.runbooks.length} are looked through` : ''}
          </p>
          {data.runbooks.length === 0 ? (
            <p class="quiet">
              None is published. <code>pawl publish FILE</code> stores one.
            </p>
          ) : null}
          <ul class="runs">
            {fitting.map((one) => (
              <Runbook key={one.runbookId} one={one} nowMs={nowMs} />
            ))}
          </ul>
        </>
      )}
    </main>
  );
};

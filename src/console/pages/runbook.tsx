/** One runbook: its document, what it is started with, its versions; or what differs between two of them. */
import { useState } from 'preact/hooks';
import { call, type Version, versionOf } from '../api.ts';
import { fieldsOf } from '../decide/schema.ts';
import { useMay } from '../me.tsx';
import { useOnce } from '../once.ts';
import { useHead } from '../parts/head.ts';
import { Said } from '../parts/said.tsx';
import { Written } from '../parts/written.tsx';
import { Link, runbookPath, startPath } from '../route.tsx';
import { harmless, stamp } from '../text.ts';
import { Difference } from './difference.tsx';

const versionIn = (query: URLSearchParams, name: string): number | undefined => {
  const text = query.get(name);
  return text !== null && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
};

const shownAtFirst = 20;

const Versions = ({ runbookId, newest, here }: { runbookId: string; newest: number; here: number }) => {
  const [isWhole, setWhole] = useState(false);
  const count = isWhole ? newest : Math.min(newest, shownAtFirst);
  const { data: published } = useOnce(`versions ${runbookId} ${newest} ${count}`, async () => {
    const told = new Map<number, string>();
    for (let before = newest + 1; before > newest + 1 - count; ) {
      const { versions, next } = await call('versions', { path: { runbookId }, query: { before } });
      for (const { version, atMs, by } of versions) told.set(version, `${stamp(atMs)}, ${by}`);
      before = next ?? 0;
    }
    return told;
  });
  return (
    <section aria-label="Versions">
      <h2>Versions</h2>
      <ul class="versions">
        {Array.from({ length: count }, (_, index) => newest - index).map((version) => (
          <li key={version}>
            <Link to={runbookPath(runbookId, version === newest ? {} : { version })} current={version === here}>
              Version {version}
            </Link>
            <span class="small quiet">{harmless(published?.get(version) ?? '')}</span>
            {version === 1 ? null : (
              <Link to={runbookPath(runbookId, { from: version - 1, to: version })} class="small">
                what changed in {version}
              </Link>
            )}
          </li>
        ))}
      </ul>
      {count === newest ? null : (
        <button type="button" class="plain" onClick={() => setWhole(true)}>
          Show all {newest}
        </button>
      )}
    </section>
  );
};

const Parameters = ({ version }: { version: Version }) => {
  const fields = fieldsOf(version.runbook.params);
  return (
    <section aria-label="Parameters">
      <h2>Parameters</h2>
      {fields.length === 0 ? <p class="quiet">It has none.</p> : null}
      <dl class="facts">
        {fields.map(({ name, hint, initial, required, choices }) => (
          <>
            <dt key={name}>{harmless(name)}</dt>
            <dd>
              {required ? 'needed' : <>default {initial === '' ? 'an empty text' : <code>{harmless(initial)}</code>}</>}
              {choices.length === 0 ? '' : harmless(`; one of ${choices.join(', ')}`)}
              {hint === '' ? '' : harmless(`; ${hint}`)}
            </dd>
          </>
        ))}
      </dl>
    </section>
  );
};

const Whole = ({ version, newest }: { version: Version; newest: number }) => {
  const { runbookId, title } = version;
  const isNewest = version.version === newest;
  useHead(`${title} v${version.version} · Pawl`, 'nobody');
  return (
    <>
      <h1>{harmless(title)}</h1>
      <p class="id">
        {harmless(runbookId)}, version {version.version}
        {isNewest ? ', the newest' : ` of ${newest}`}
      </p>
      {isNewest ? null : (
        <p class="notice warn">
          Version {newest} is newer:{' '}
          <Link to={runbookPath(runbookId, { from: version.version, to: newest })}>what differs</Link>.
        </p>
      )}
      <p class="buttons">
        <Link to={startPath(runbookId, isNewest ? {} : { version: version.version })} class="button main">
          {useMay('start') ? 'Start' : 'Plan'}
          {isNewest ? '' : ` version ${version.version}`}
        </Link>
        <Link to={`/?runbook=${encodeURIComponent(runbookId)}`} class="button">
          Its runs
        </Link>
        <Link to={`/statistics/${encodeURIComponent(runbookId)}?version=${version.version}`} class="button">
          How they went
        </Link>
      </p>
      <div class="columns">
        <div class="main-column">
          <Written version={version} />
        </div>
        <div>
          <Parameters version={version} />
          <Versions runbookId={runbookId} newest={newest} here={version.version} />
        </div>
      </div>
    </>
  );
};

export const RunbookPage = ({ runbookId, query }: { runbookId: string; query: URLSearchParams }) => {
  const [from, to, asked] = ['from', 'to', 'version'].map((name) => versionIn(query, name));
  const { data, error } = useOnce(`runbook ${runbookId} ${from} ${to} ${asked}`, async () => {
    const newest = await call('runbook', { path: { runbookId } });
    const read = (version: number | undefined) =>
      version === undefined || version === newest.version ? newest : versionOf({ runbookId, version });
    if (from === undefined && to === undefined) return { newest, shown: await read(asked) };
    const [before, after] = await Promise.all([
      read(from ?? Math.max(1, (to ?? newest.version) - 1)),
      read(to ?? newest.version),
    ]);
    return { newest, before, after };
  });
  useHead(`${runbookId} · Pawl`, 'nobody');
  return (
    <main>
      <p class="back">
        <Link to="/runbooks">All runbooks</Link>
      </p>
      {data === undefined ? <h1>{harmless(runbookId)}</h1> : null}
      <Said error={error} isLoading={data === undefined} />
      {data?.shown === undefined ? null : <Whole version={data.shown} newest={data.newest.version} />}
      {data?.before === undefined ? null : (
        <Difference before={data.before} after={data.after} newest={data.newest.version} />
      )}
    </main>
  );
};

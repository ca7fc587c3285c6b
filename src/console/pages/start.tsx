/** Starting a run: its parameters by a form, what it would do, and a button for exactly that. */
import { useMemo, useState } from 'preact/hooks';
import { call, type Instance, type Version, versionOf } from '../api.ts';
import { Fields } from '../decide/fields.tsx';
import { usePlan } from '../decide/planning.ts';
import { fromLink, fromRun, type Prefilled } from '../decide/prefill.ts';
import { fieldsOf, valuesOf } from '../decide/schema.ts';
import { type Told, useStarting } from '../decide/starting.ts';
import { May, useMay } from '../me.tsx';
import { useOnce } from '../once.ts';
import { useHead } from '../parts/head.ts';
import { PlanShown } from '../parts/plan.tsx';
import { Said } from '../parts/said.tsx';
import { instancePath, Link, runbookPath } from '../route.tsx';
import { harmless, plural } from '../text.ts';
import { useTold } from '../told.ts';

type Asked = { runbookId: string; version: number | undefined; like: string | undefined; query: URLSearchParams };
type Loaded = { newest: Version; version: Version; like: Instance | undefined };

const load = async ({ runbookId, version, like }: Asked): Promise<Loaded> => {
  const [newest, earlier] = await Promise.all([
    call('runbook', { path: { runbookId } }),
    like === undefined ? undefined : call('instance', { path: { instanceId: like }, query: { outputBytesMax: 0 } }),
  ]);
  const isNewest = version === undefined || version === newest.version;
  return { newest, version: isNewest ? newest : await versionOf({ runbookId, version }), like: earlier };
};

/** What a link says goes before what an earlier run had. */
const prefilledBy = ({ version, like }: Loaded, query: URLSearchParams): Prefilled => {
  const fields = fieldsOf(version.runbook.params);
  const link = fromLink(fields, query);
  if (like === undefined) return link;
  const { instanceId, runbookId } = like.view;
  if (runbookId !== version.runbookId)
    return {
      ...link,
      problems: [`${instanceId} is a run of ${runbookId}: nothing is taken from it.`, ...link.problems],
    };
  const run = fromRun(fields, { instanceId, params: like.params });
  return {
    typed: { ...run.typed, ...link.typed },
    refused: [...run.refused, ...link.refused],
    problems: [...run.problems, ...link.problems],
  };
};

const Which = ({ version, newest, like }: Loaded) => {
  const { runbookId } = version;
  const ran = like?.view.runbookId === runbookId ? like.view : undefined;
  return (
    <>
      <p class="id">
        <Link to={runbookPath(runbookId, version === newest ? {} : { version: version.version })}>
          {harmless(runbookId)}, version {version.version}
        </Link>
        {version === newest ? ', the newest' : ` of ${newest.version}`}
      </p>
      {version === newest ? null : (
        <p class="notice warn">
          Version {newest.version} is newer:{' '}
          <Link to={runbookPath(runbookId, { from: version.version, to: newest.version })}>what differs</Link>.
        </p>
      )}
      {ran === undefined ? null : (
        <p class="notice">
          With the parameters of <Link to={instancePath(ran.instanceId)}>{harmless(ran.instanceId)}</Link>, a run of
          version {ran.version}
          {ran.version === version.version ? ' as well.' : ': '}
          {ran.version === version.version ? null : (
            <Link to={runbookPath(runbookId, { from: ran.version, to: version.version })}>what differs</Link>
          )}
        </p>
      )}
    </>
  );
};

/** @param onAnother `undefined`: its id follows from its parameters, so there is no other */
const After = ({ told, onAnother }: { told: Told; onAnother: (() => void) | undefined }) => (
  <div class={`notice ${told.tone}`}>
    <p>{harmless(told.text)}</p>
    {told.run === undefined ? null : (
      <p>
        <Link to={instancePath(told.run)}>{harmless(told.run)}</Link>
      </p>
    )}
    {told.isTaken && onAnother !== undefined ? (
      <p>
        <button type="button" class="plain" onClick={onAnother}>
          Start another run instead
        </button>
      </p>
    ) : null}
  </div>
);

const Drive = ({ drive, onDrive }: { drive: 'auto' | 'manual'; onDrive(drive: 'auto' | 'manual'): void }) => (
  <fieldset>
    <legend>How it goes on</legend>
    {(
      [
        ['auto', 'By itself', 'It goes as far as it can, and stops where it needs somebody.'],
        ['manual', 'Step by step', 'It stands until somebody advances it, cell by cell.'],
      ] as const
    ).map(([value, label, follows]) => (
      <label key={value} class="way">
        <input type="radio" name="drive" checked={drive === value} onChange={() => onDrive(value)} />
        <span>
          <strong>{label}</strong>
          <span class="follows">{follows}</span>
        </span>
      </label>
    ))}
  </fieldset>
);

const Form = ({ loaded, query }: { loaded: Loaded; query: URLSearchParams }) => {
  const { version } = loaded;
  const { runbookId, runbook } = version;
  const fields = useMemo(() => fieldsOf(runbook.params), [runbook]);
  const prefilled = useMemo(() => prefilledBy(loaded, query), []);
  const [typed, setTyped] = useState(prefilled.typed);
  const [drive, setDrive] = useState<'auto' | 'manual'>('auto');
  const starting = useStarting(runbookId);
  const { at, begin } = useTold(starting.told, starting.isBusy);
  const asked = useMemo(() => {
    const missing = fields.filter(
      ({ name, required, initial }) =>
        (required || prefilled.refused.includes(name)) && (typed[name] ?? initial) === '',
    );
    if (missing.length > 0) return { missing: missing.map(({ label }) => label) };
    try {
      return { runbookId, version: version.version, params: valuesOf(fields, typed, runbook.params) };
    } catch (error) {
      return { problem: (error as Error).message };
    }
  }, [typed, version]);
  const { plan, problem, again } = usePlan(asked);
  const mayStart = useMay('start');
  const missing = 'missing' in asked ? asked.missing : [];
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (plan === undefined || !mayStart) return;
        begin();
        void starting.start(plan, drive);
      }}
    >
      {prefilled.problems.length === 0 ? null : (
        <div class="notice warn" role="alert">
          {prefilled.problems.map((one) => (
            <p key={one}>{harmless(one)}</p>
          ))}
        </div>
      )}
      <div class="columns even">
        <fieldset disabled={starting.isBusy}>
          <legend>Parameters</legend>
          {fields.length === 0 ? <p class="quiet">It has none.</p> : null}
          <Fields fields={fields} typed={typed} onType={(name, text) => setTyped({ ...typed, [name]: text })} />
          {mayStart ? <Drive drive={drive} onDrive={setDrive} /> : null}
        </fieldset>
        <section class="panel live" aria-label="Plan">
          <h2>What it would do</h2>
          <p class="small quiet" role="status">
            {plan !== undefined
              ? `${plural(plan.cells.length, 'cell')}. Nothing has begun.`
              : missing.length > 0
                ? `Needed before that: ${harmless(missing.join(', '))}.`
                : problem === undefined
                  ? 'Asking…'
                  : 'Nothing can start so.'}
          </p>
          {problem === undefined ? null : (
            <div class="notice bad" role="alert">
              <p>{harmless(problem)}</p>
              <p>
                <button type="button" class="plain" onClick={again}>
                  Ask again
                </button>
              </p>
            </div>
          )}
          {plan === undefined ? null : <PlanShown plan={plan} />}
          <May does="start" what="Starting it">
            <p class="buttons">
              <button type="submit" class="main" disabled={plan === undefined || starting.isBusy}>
                Start version {version.version}
              </button>
              {starting.isBusy ? <span role="status">Starting…</span> : null}
            </p>
          </May>
          <div aria-live="polite" tabIndex={-1} ref={at}>
            {starting.told === undefined ? null : (
              <After told={starting.told} onAnother={runbook.unique === null ? starting.another : undefined} />
            )}
          </div>
        </section>
      </div>
    </form>
  );
};

export const StartPage = (asked: Asked) => {
  const { data, error } = useOnce(`start ${asked.runbookId} ${asked.version} ${asked.like}`, () => load(asked));
  useHead(`Start ${data?.version.title ?? asked.runbookId} · Pawl`, 'nobody');
  return (
    <main>
      <p class="back">
        <Link to="/runbooks">All runbooks</Link>
      </p>
      <h1>Start {harmless(data?.version.title ?? asked.runbookId)}</h1>
      <Said error={error} isLoading={data === undefined} />
      {data === undefined ? null : (
        <>
          <Which {...data} />
          <Form loaded={data} query={asked.query} />
        </>
      )}
    </main>
  );
};

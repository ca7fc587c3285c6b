/** Going on from a halted or cancelled run in the newest version: what is cited, what runs, and what becomes of this one. */
import { useState } from 'preact/hooks';
import { call, type Entry, type Instance, newestVersionOf, Refused, type Version, versionOf } from '../api.ts';
import { useMay } from '../me.tsx';
import { useOnce } from '../once.ts';
import { go, instancePath, Link } from '../route.tsx';
import { harmless } from '../text.ts';
import type { Acting } from './acting.ts';
import { Deed } from './deed.tsx';
import { goesOnAs, leftUndone, nextIdOf } from './left.ts';

/**
 * The newest version of a runbook, read when it is asked for: while a page is open, the one that mends the run is published.
 * @param onNewest hears which it is
 */
const useNewest = (runbookId: string, onNewest: (version: number) => void) => {
  const [newest, show] = useState<Version>();
  const [problem, setProblem] = useState('');
  const look = async (): Promise<Version> => {
    const found = await versionOf({ runbookId, version: await newestVersionOf(runbookId) });
    show(found);
    setProblem('');
    onNewest(found.version);
    return found;
  };
  return { newest, problem, look, open: () => void look().catch((error: Error) => setProblem(error.message)) };
};

/** The run that goes on from this one; `undefined`: not known yet, `null`: none. */
const useNext = ({ view: { instanceId, status } }: Instance, entries: Entry[]) => {
  const [found, set] = useState<string | null>(null);
  // One that has not ended is ended first, before another goes on from it.
  const { data, error } = useOnce(`goes on ${instanceId} ${status}`, async () =>
    status === 'cancelled' ? await goesOnAs(instanceId, nextIdOf(instanceId, entries)) : null,
  );
  const known = status === 'cancelled' && error === undefined ? data : null;
  return { next: found ?? known, look: async (id: string) => set(await goesOnAs(instanceId, id)) };
};

type FollowsProps = { instance: Instance; newest: Version; names: string[]; at: string | undefined };

/** What follows from beginning there. */
const Follows = ({ instance: { view }, newest, names, at }: FollowsProps) => {
  const becomes =
    view.status === 'halted' ? ` ${harmless(view.instanceId)} is cancelled first, and never goes on.` : '';
  if (at === undefined)
    return (
      <p>
        A new run of version {newest.version} begins with a cell that you choose: how far this one came cannot be told
        in terms of that version.{becomes}
      </p>
    );
  const before = names.slice(0, names.indexOf(at));
  return (
    <p>
      A new run of version {newest.version} begins with {at}, with the parameters of this one, as far as the version has
      them.{' '}
      {before.length === 0 ? 'Nothing stands before it.' : `Not run again, but cited from here: ${before.join(', ')}.`}{' '}
      From {at} on all of it runs, also what was done here, or may have been: it would happen again.{becomes}
    </p>
  );
};

type Props = { instance: Instance; entries: Entry[]; acting: Acting; onNewest(version: number): void };
export const GoOn = ({ instance, entries, acting, onNewest }: Props) => {
  const { instanceId, runbookId } = instance.view;
  const [chosen, choose] = useState('');
  const [byItself, setByItself] = useState(true);
  const [isOpen, setOpen] = useState(false);
  const { newest, problem, look, open } = useNewest(runbookId, onNewest);
  const next = useNext(instance, entries);
  const mayStart = useMay('start');
  if (typeof next.next === 'string')
    return (
      <p>
        It goes on as <Link to={instancePath(next.next)}>{harmless(next.next)}</Link>.
      </p>
    );
  // Whoever is writing is not interrupted by a look.
  if (!mayStart || (next.next === undefined && !isOpen)) return null;
  const names = (newest?.runbook.cells ?? []).filter(({ cleanup }) => cleanup === undefined).map(({ name }) => name);
  const preset = leftUndone(instance, names);
  const at = names.includes(chosen) ? chosen : preset;

  const goOn = async (reason: string): Promise<string> => {
    const now = await look();
    if (at === undefined || now.version !== newest?.version)
      throw new Error(
        `Version ${now.version} is the newest by now: nothing was sent. Look at what it would do, and send it once more.`,
      );
    const body = {
      version: now.version,
      // What is not given is as in this run.
      params: {},
      drive: byItself ? ('auto' as const) : ('manual' as const),
      continues: { instanceId, at, reason },
    };
    try {
      const { view } = await call('start', { path: { runbookId }, body });
      go(instancePath(view.instanceId));
      return `It goes on as ${view.instanceId}.`;
    } catch (error) {
      if (error instanceof Refused && error.code === 'instance.exists' && error.instanceId !== undefined)
        await next.look(error.instanceId).catch(() => undefined);
      throw error;
    }
  };
  return (
    <Deed
      title="Go on from it in a new run"
      button={at === undefined ? 'Go on' : `Go on at ${at}`}
      acting={acting}
      does={goOn}
      onToggle={(isUnfolded) => {
        setOpen(isUnfolded);
        if (isUnfolded) open();
      }}
      below={
        <p class="small">
          With other parameters:{' '}
          <code>
            pawl start {harmless(runbookId)} --continue {harmless(instanceId)} --at {at ?? 'CELL'} --reason TEXT --param
            NAME=VALUE
          </code>
        </p>
      }
    >
      {newest === undefined ? (
        <p>{problem === '' ? 'Looking for the newest version…' : harmless(problem)}</p>
      ) : (
        <>
          <label class="field">
            Begin with{' '}
            <select value={at ?? ''} required onChange={(event) => choose(event.currentTarget.value)}>
              {preset === undefined ? <option value="">…</option> : null}
              {names.map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <Follows instance={instance} newest={newest} names={names} at={at} />
        </>
      )}
      <label class="way">
        <input type="checkbox" checked={byItself} onChange={(event) => setByItself(event.currentTarget.checked)} />
        <span>It goes by itself; else somebody advances it</span>
      </label>
    </Deed>
  );
};

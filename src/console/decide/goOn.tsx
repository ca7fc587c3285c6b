/** Going on from a halted or cancelled run in the newest version: what is cited, what runs, and what becomes of this one. */
import { useState } from 'preact/hooks';
import { call, type Instance, versionOf } from '../api.ts';
import { useOnce } from '../once.ts';
import { go, instancePath } from '../route.tsx';
import { harmless } from '../text.ts';
import type { Acting } from './acting.ts';
import { Deed } from './deed.tsx';

type Props = { instance: Instance; newest: number; acting: Acting };
export const GoOn = ({ instance: { view, params }, newest, acting }: Props) => {
  const { instanceId, runbookId, status } = view;
  const [chosen, choose] = useState<string>();
  const [byItself, setByItself] = useState(true);
  const { data } = useOnce(`cells ${runbookId} ${newest}`, () => versionOf({ runbookId, version: newest }));
  const names = (data?.runbook.cells ?? []).filter(({ cleanup }) => cleanup === undefined).map(({ name }) => name);
  const at = chosen ?? names.find((name) => name === view.cell) ?? names[0];
  if (at === undefined) return null;
  const before = names.slice(0, names.indexOf(at));
  return (
    <Deed
      title="Go on from it in a new run"
      button={`Go on at ${at}`}
      acting={acting}
      does={async (reason) => {
        const body = {
          version: newest,
          params,
          drive: byItself ? ('auto' as const) : ('manual' as const),
          continues: { instanceId, at, reason },
        };
        const { view: next } = await call('start', { path: { runbookId }, body });
        go(instancePath(next.instanceId));
        return `It goes on as ${next.instanceId}.`;
      }}
    >
      <label class="field">
        Begin with{' '}
        <select value={at} onChange={(event) => choose(event.currentTarget.value)}>
          {names.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <p>
        A new run of version {newest} begins with {at}, with the parameters of this one.{' '}
        {before.length === 0
          ? 'Nothing stands before it.'
          : `Not run again, but cited from here: ${before.join(', ')}.`}{' '}
        From {at} on all of it runs, also what was done here, or may have been: it would happen again.
        {status === 'halted' ? ` ${harmless(instanceId)} is cancelled first, and never goes on.` : ''}
      </p>
      <label class="way">
        <input type="checkbox" checked={byItself} onChange={(event) => setByItself(event.currentTarget.checked)} />
        <span>It goes by itself; else somebody advances it</span>
      </label>
    </Deed>
  );
};

/** Tells the desktop when something new needs somebody, where the person asked for that by a button. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { harmless } from '../text.ts';

const storageKey = 'pawl.notify';
/** Without storage, as in a private window, it holds until the page is closed. */
const isKept = (): boolean => {
  try {
    return localStorage.getItem(storageKey) === 'on';
  } catch {
    return false;
  }
};
const keep = (isOn: boolean): void => {
  try {
    if (isOn) localStorage.setItem(storageKey, 'on');
    else localStorage.removeItem(storageKey);
  } catch {
    // Then it is asked for anew.
  }
};

type News = { key: string; instanceId: string; why: string };
const told = 3;

type Props = {
  /** Everything that needs somebody; `undefined`: not known yet. */
  needing: News[] | undefined;
  /** By what it was looked for: what another look finds first is no news. */
  of: string;
};
export const Notify = ({ needing, of }: Props) => {
  const isThere = 'Notification' in window;
  const [isOn, setOn] = useState(() => isThere && isKept() && Notification.permission === 'granted');
  const [isRefused, setRefused] = useState(false);
  const seen = useRef<{ of: string; keys: Set<string> } | undefined>(undefined);
  useEffect(() => {
    if (needing === undefined) return;
    const before = seen.current;
    seen.current = { of, keys: new Set(needing.map(({ key }) => key)) };
    const fresh = before?.of !== of ? [] : needing.filter(({ key }) => !before.keys.has(key));
    if (!isOn || fresh.length === 0) return;
    const lines = fresh.slice(0, told).map(({ instanceId, why }) => `${harmless(instanceId)}: ${harmless(why)}`);
    const title = fresh.length === 1 ? 'A run needs somebody' : `${fresh.length} runs need somebody`;
    new Notification(title, { body: lines.join('\n'), tag: 'pawl' });
  }, [needing, isOn]);
  if (!isThere) return null;
  const turn = async (): Promise<void> => {
    const isGranted = isOn || (await Notification.requestPermission()) === 'granted';
    setRefused(!isGranted);
    setOn(isGranted && !isOn);
    keep(isGranted && !isOn);
  };
  return (
    <p class="notify small">
      <button type="button" aria-pressed={isOn} onClick={() => void turn()}>
        {isOn ? 'Notifications are on' : 'Notify me on this desktop'}
      </button>{' '}
      {isRefused ? <span role="status">This browser does not allow it: its settings for this page do.</span> : null}
    </p>
  );
};

/** What seldom changes: read when it is shown, when a filter makes it another one, and when the service is back. */
import { useCallback, useContext, useEffect, useRef, useState } from 'preact/hooks';
import { Refused } from './api.ts';
import { Known } from './me.tsx';

export type Once<T> = { data: T | undefined; error: Refused | undefined };

/** @param key what it is about: another one is read anew */
export const useOnce = <T>(key: string, load: () => Promise<T>): Once<T> => {
  const [shown, show] = useState<{ key: string; data?: T; error?: Refused }>({ key });
  const latest = useRef(load);
  latest.current = load;
  const wanted = useRef(key);
  wanted.current = key;
  const read = useCallback(async (): Promise<void> => {
    try {
      const data = await latest.current();
      if (wanted.current === key) show({ key, data });
    } catch (error) {
      const refused = error instanceof Refused ? error : new Refused(0, 'unknown', (error as Error).message);
      if (wanted.current === key) show((was) => ({ ...(was.key === key ? was : {}), key, error: refused }));
    }
  }, [key]);
  useEffect(() => {
    const again = (): void => void read();
    again();
    window.addEventListener('online', again);
    return () => window.removeEventListener('online', again);
  }, [read]);
  const own: Partial<typeof shown> = shown.key === key ? shown : {};
  return { data: useContext(Known) === undefined ? undefined : own.data, error: own.error };
};

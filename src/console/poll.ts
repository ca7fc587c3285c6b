/** What a page shows, asked again and again: seldom when nobody looks, less and less when nobody answers. */
import { useCallback, useContext, useEffect, useRef, useState } from 'preact/hooks';
import { Refused } from './api.ts';
import { Known } from './me.tsx';

const oftenMs = 3_000;
const hiddenMs = 60_000;
const failingMaxMs = 30_000;

export type Polled<T> = {
  data: T | undefined;
  /** When that was true. */
  atMs: number;
  error: Refused | undefined;
  reload(): Promise<void>;
};

const refusedOf = (error: unknown): Refused =>
  error instanceof Refused ? error : new Refused(0, 'unknown', (error as Error).message);

/**
 * @param key what it is about: another one begins anew
 * @param as where this stays the same, what was shown stays until another key is answered or refused: the data says what it is about
 * @param isLast whether nothing comes after it: then it is asked for no more
 */
export const usePolled = <T>(
  key: string,
  load: () => Promise<T>,
  everyMs = oftenMs,
  as = key,
  isLast?: (data: T) => boolean,
): Polled<T> => {
  const [shown, show] = useState<{ key: string; as: string; data?: T; atMs: number; error?: Refused }>({
    key,
    as,
    atMs: 0,
  });
  const latest = useRef({ load, isLast });
  latest.current = { load, isLast };
  const round = useRef(0);

  const look = useCallback(async (): Promise<'answered' | 'last' | 'failed'> => {
    round.current += 1;
    const mine = round.current;
    try {
      const data = await latest.current.load();
      // A slow answer does not replace a newer one, and ends nothing.
      if (mine !== round.current) return 'answered';
      show({ key, as, data, atMs: Date.now() });
      return latest.current.isLast?.(data) ? 'last' : 'answered';
    } catch (error) {
      if (mine === round.current)
        show((was) => ({ ...(was.key === key ? was : { atMs: 0 }), key, as, error: refusedOf(error) }));
      return 'failed';
    }
  }, [key, as]);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let waitMs = everyMs;
    let isOver = false;
    const again = async (): Promise<void> => {
      const came = await look();
      isOver ||= came === 'last';
      if (isOver) return;
      waitMs = came === 'answered' ? everyMs : Math.min(waitMs * 2, Math.max(failingMaxMs, everyMs));
      clearTimeout(timer);
      timer = setTimeout(again, document.hidden ? Math.max(hiddenMs, waitMs) : waitMs);
    };
    const seen = (): void => {
      if (document.hidden || isOver) return;
      clearTimeout(timer);
      void again();
    };
    void again();
    document.addEventListener('visibilitychange', seen);
    window.addEventListener('online', seen);
    return () => {
      isOver = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
      window.removeEventListener('online', seen);
    };
  }, [look, everyMs]);

  const own: Partial<typeof shown> = shown.as === as ? shown : {};
  const isKnown = useContext(Known) !== undefined;
  return {
    data: isKnown ? own.data : undefined,
    atMs: (isKnown && own.atMs) || 0,
    error: own.error,
    reload: async () => {
      await look();
    },
  };
};

/** The time of this machine, every second. */
export const useNow = (): number => {
  const [nowMs, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return nowMs;
};

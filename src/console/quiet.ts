/** What is done once somebody has stopped typing: nothing is asked about at every letter. */
import { useEffect, useRef } from 'preact/hooks';

const quietMs = 400;

/**
 * @param act begun once `typed` has stood for a while, as it is then; it is told whether what it was begun for is over
 * @param typed another one begins the wait anew
 */
export const useWhenQuiet = (act: (isOver: () => boolean) => void, typed: readonly unknown[]): void => {
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => {
    let over = false;
    const timer = setTimeout(() => latest.current(() => over), quietMs);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, typed);
};

/** So many at once; the others in the order in which they came. */
export const createTurns = (atOnceMax: number) => {
  let now = 0;
  const waiting: (() => void)[] = [];
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (now >= atOnceMax) await new Promise<void>((resolve) => waiting.push(resolve));
    else now += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) now -= 1;
      else next();
    }
  };
};

/**
 * The same for work that is found again and again as long as nobody has done it: of one key, one waits for its turn. What is at
 * it already may have looked too early, so beside that one more waits. Without a key all wait.
 */
export const createQueue = (atOnceMax: number) => {
  const turn = createTurns(atOnceMax);
  const waiting = new Set<string>();
  return async (work: () => Promise<void>, key?: string): Promise<void> => {
    if (key === undefined) return await turn(work);
    if (waiting.has(key)) return;
    waiting.add(key);
    await turn(async () => {
      waiting.delete(key);
      await work();
    });
  };
};

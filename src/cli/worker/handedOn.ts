/** What this process remembers of instances for a while: what it has handed on, and what it leaves to others. */

/** Beyond so many something is looked at once too often, which changes nothing. */
const keptMax = 10_000;

/** What was asked about within a while. */
export const createLately = (withinMs: number) => {
  const asked = new Map<string, number>();
  return (key: string): boolean => {
    const nowMs = performance.now();
    const atMs = asked.get(key);
    if (atMs !== undefined && nowMs - atMs < withinMs) return true;
    if (asked.size >= keptMax) asked.clear();
    asked.set(key, nowMs);
    return false;
  };
};

/** What cannot be done here stays due, for others; this process does not try it again until then. */
export const createLeft = (nowMs: () => number = () => performance.now()) => {
  const untilMs = new Map<string, number>();
  return {
    leave: (instanceId: string, forMs: number): void => {
      if (untilMs.size >= keptMax) untilMs.clear();
      untilMs.set(instanceId, nowMs() + forMs);
    },
    isLeft: (instanceId: string): boolean => {
      const until = untilMs.get(instanceId);
      if (until === undefined) return false;
      if (nowMs() < until) return true;
      untilMs.delete(instanceId);
      return false;
    },
  };
};

/** Texts that came up lately, the newest first; each once, so many at most. */
export const createNewest = (max: number, charsMax: number) => {
  let texts: string[] = [];
  return {
    add: (text: string): void => {
      const cut = text.length > charsMax ? `${text.slice(0, charsMax - 1)}…` : text;
      texts = [cut, ...texts.filter((one) => one !== cut)].slice(0, max);
    },
    all: (): string[] => texts,
  };
};

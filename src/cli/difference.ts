/** What differs between two texts, by lines, as `diff -u` tells it. */
import { diff } from 'node:util';

export type Line = { mark: ' ' | '-' | '+'; text: string };
export type Hunk = { head: string; lines: Line[] };

/** Around each change. */
const contextLines = 3;

const linesOf = (text: string): string[] => text.split('\n');

/** Every line of both; none where they are the same. */
export const changedLines = (from: string, to: string): Line[] => {
  if (from === to) return [];
  return diff(linesOf(from), linesOf(to)).map(([operation, text]) => ({
    mark: operation === 0 ? ' ' : operation === 1 ? '-' : '+',
    text,
  }));
};

const rangeOf = (before: number, count: number): string => `${count === 0 ? before : before + 1},${count}`;

/** The changes with what stands around them; those that are close together are one. */
export const hunksOf = (lines: readonly Line[]): Hunk[] => {
  const shown = new Set<number>();
  for (const [at, { mark }] of lines.entries()) {
    if (mark === ' ') continue;
    for (let near = at - contextLines; near <= at + contextLines; near += 1) shown.add(near);
  }
  const hunks: Hunk[] = [];
  let [old, now] = [0, 0];
  let current: { lines: Line[]; old: number; now: number } | undefined;
  const close = (): void => {
    if (current === undefined) return;
    const count = (other: Line['mark']): number => current?.lines.filter(({ mark }) => mark !== other).length ?? 0;
    const head = `@@ -${rangeOf(current.old, count('+'))} +${rangeOf(current.now, count('-'))} @@`;
    hunks.push({ head, lines: current.lines });
    current = undefined;
  };
  for (const [at, line] of lines.entries()) {
    if (!shown.has(at)) close();
    else {
      current ??= { lines: [], old, now };
      current.lines.push(line);
    }
    if (line.mark !== '+') old += 1;
    if (line.mark !== '-') now += 1;
  }
  close();
  return hunks;
};

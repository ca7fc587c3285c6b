/**
 * The times of a cron pattern on the clock of a time zone. croner reads patterns and counts through them on a clock that is
 * never changed; what a change of the clock means is decided here (decision 28 of the design).
 */
import { Cron } from 'croner';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** What the clock in a zone shows, as if it were the time in UTC. */
type Wall = (atMs: number) => number;

const wallOf = (tz: string): Wall => {
  const format = new Intl.DateTimeFormat('en', {
    timeZone: tz,
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (atMs) => {
    const parts = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second);
  };
};

/** When the clock is changed between two moments that differ in it, to the minute. */
const changeBetween = (wall: Wall, fromMs: number, toMs: number): number => {
  let [before, after] = [fromMs, toMs];
  const offset = wall(fromMs) - fromMs;
  while (after - before > 1_000) {
    const middle = Math.floor((before + after) / 2_000) * 1_000;
    if (wall(middle) - middle === offset) before = middle;
    else after = middle;
  }
  return after;
};

/** The moments at which the clock shows a time: one, two when it is put back over it; or when it is put on over it. */
const momentsOf = (wall: Wall, shown: number): { atMs: number[]; isLeftOut: boolean } => {
  const [before, after] = [shown - dayMs, shown + dayMs];
  const candidates = [wall(before) - before, wall(after) - after].map((offset) => shown - offset);
  const atMs = [...new Set(candidates)].filter((atMs) => wall(atMs) === shown).sort((a, b) => a - b);
  if (atMs.length > 0) return { atMs, isLeftOut: false };
  return { atMs: [changeBetween(wall, Math.min(...candidates), Math.max(...candidates))], isLeftOut: true };
};

const patternOf = (cron: string): Cron => new Cron(cron, { timezone: 'UTC', mode: '5-part', paused: true });

/** @throws what croner says about a pattern that it cannot read */
export const assertPattern = (cron: string): void => {
  patternOf(cron);
};

/** Whether there is any day on which it comes; looked for from a fixed day on, so that the answer is always the same. */
export const everComes = (cron: string): boolean => patternOf(cron).nextRun(new Date('2000-01-01T00:00:00Z')) !== null;

/**
 * The next time of a pattern after `nowMs`, `undefined` when it does not come until `untilMs`. With hours that are given, a
 * time that is left out comes when the clock is put on, and one that comes twice counts once, the first time. With `*` for
 * the hours, or steps of it, the clock counts as it is shown: a time left out does not come, one shown twice comes twice.
 */
export const nextTime = (cron: string, tz: string, nowMs: number, untilMs: number): number | undefined => {
  const wall = wallOf(tz);
  const pattern = patternOf(cron);
  const isEveryHour = (cron.trim().split(/\s+/)[1] ?? '').startsWith('*');
  let best: number | undefined;
  // Clocks are put back by less than this.
  const backMs = 3 * hourMs;
  let shown = new Date(wall(nowMs) - backMs);
  let endShown = wall(untilMs) + backMs;
  for (;;) {
    const next = pattern.nextRun(shown);
    if (next === null || next.getTime() > endShown) return best;
    shown = next;
    const { atMs, isLeftOut } = momentsOf(wall, next.getTime());
    if (isLeftOut && isEveryHour) continue;
    const found = (isEveryHour ? atMs : atMs.slice(0, 1)).find((one) => one > nowMs);
    if (found === undefined || found > untilMs || (best !== undefined && found >= best)) continue;
    // What the clock shows later may come sooner, as long as it may be put back in between.
    if (best === undefined) endShown = next.getTime() + backMs;
    best = found;
  }
};

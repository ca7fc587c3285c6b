/** The moments that a `wait` waits for. */
import type { Moment, RenderedBody } from '../engine/index.ts';
import { limits } from '../engine/index.ts';
import { assertPattern, everComes, nextTime } from './clock.ts';
import { quote } from './text.ts';

const days = Math.round(limits.waitMsMax / 86_400_000);

/** RFC 3339 with a zone: a time without one would be another on every machine. */
const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/;

const timeOf = (text: string): number => {
  const atMs = timePattern.test(text) ? Date.parse(text) : Number.NaN;
  // The 31st of February is the 3rd of March to JavaScript, and a mistake to everybody else.
  const day = Number(text.slice(8, 10));
  const daysInMonth = new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate();
  return day > daysInMonth ? Number.NaN : atMs;
};

export const timeProblem = (text: string): string | undefined =>
  Number.isNaN(timeOf(text))
    ? `${quote(text)} is not a time with a zone, like 2026-12-24T08:00:00Z or 2026-12-24T09:00:00+01:00`
    : undefined;

export const zoneProblem = (tz: string): string | undefined => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: tz });
    return undefined;
  } catch {
    return `there is no time zone ${quote(tz)}; write one like Europe/Berlin or UTC`;
  }
};

export const cronProblem = (cron: string): string | undefined => {
  try {
    // croner takes a date and names like @yearly as well.
    if (!/^\S+( +\S+){4}$/.test(cron.trim())) throw new Error('give exactly five, separated by blanks');
    assertPattern(cron);
  } catch (error) {
    const why = (error as Error).message.replace(/^CronPattern: /, '');
    return `${quote(cron)} is not a pattern of five fields (minute, hour, day, month, weekday): ${why}`;
  }
  return everComes(cron)
    ? undefined
    : `${quote(cron)} never comes: no month it names has such a day; give another day or month`;
};

/** The moment from `nowMs` on: `for` after it; `until`, which may be past; the next time of `cron` after it, in its zone. */
export const momentOf = (body: RenderedBody & { kind: 'wait' }, nowMs: number): Moment => {
  const { forMs, until, cron, tz } = body;
  if (forMs !== null) return { kind: 'moment', atMs: nowMs + forMs };
  let atMs = Number.NaN;
  if (until !== null) {
    atMs = timeOf(until);
    if (Number.isNaN(atMs)) return { kind: 'error', message: timeProblem(until) ?? '' };
  } else if (cron !== null) {
    const problem = zoneProblem(tz) ?? cronProblem(cron);
    if (problem !== undefined) return { kind: 'error', message: problem };
    atMs = nextTime(cron, tz, nowMs, nowMs + limits.waitMsMax) ?? Number.NaN;
  }
  // What passed long ago has passed: a journal holds no moment of the last century, and refuses the entry that has one.
  if (atMs <= nowMs + limits.waitMsMax) return { kind: 'moment', atMs: Math.max(atMs, nowMs - limits.waitMsMax) };
  const what = until ?? cron ?? '';
  return { kind: 'error', message: `${quote(what)} does not come within ${days} days (waitMsMax)` };
};

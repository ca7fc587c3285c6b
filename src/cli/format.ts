/** How times, durations and texts look on a terminal. */
export { duration, holdsText, plural } from '../engine/index.ts';

const two = (n: number): string => String(n).padStart(2, '0');

// By hand: to load the languages and time zones of Intl takes as long as everything else that `pawl list` does here.

/** Local date, `2026-11-24`. */
export const day = (atMs: number): string => {
  const at = new Date(atMs);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
};

/** Local time of day, `03:00:01`: only where its zone stands beside it, or above. */
export const clock = (atMs: number): string => {
  const at = new Date(atMs);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
};

/** Offset of local time from UTC, `+02:00`. */
export const zone = (atMs: number): string => {
  const minutes = -new Date(atMs).getTimezoneOffset();
  const ahead = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(ahead / 60))}:${two(ahead % 60)}`;
};

/** Local time of day with its zone, `03:00:01 +02:00`. */
export const time = (atMs: number): string => `${clock(atMs)} ${zone(atMs)}`;

/** Local time with its zone, `2026-11-24 03:00:01 +02:00`. */
export const stamp = (atMs: number): string => `${day(atMs)} ${time(atMs)}`;

/** A text without line breaks, whole. */
export const unbroken = (text: string): string => text.replace(/\s+/g, ' ').trim();

/** One line of at most `max` characters; what is cut shows as an ellipsis. */
export const oneLine = (text: string, max: number): string => {
  const line = unbroken(text);
  return line.length <= max ? line : `${line.slice(0, max - 1)}…`;
};

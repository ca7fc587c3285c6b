/** When, as a caller writes it: a time with its zone, or how long ago. */

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const ago = /^(\d{1,7})([smhdw])$/;
const time = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d)$/;

/** What `Date` reads as another day, such as February 30, is none. */
const isDay = (day: string): boolean => {
  const atMs = Date.parse(`${day}T00:00Z`);
  return !Number.isNaN(atMs) && new Date(atMs).toISOString().startsWith(day);
};

/** Milliseconds since 1970; never before. `undefined`: it is neither `2026-11-28T09:00+01:00` nor `90m`, `2h`, `3d`. */
export const momentOf = (text: string, nowMs: number): number | undefined => {
  const [, count, unit] = ago.exec(text) ?? [];
  if (unit !== undefined) return Math.max(0, nowMs - Number(count) * unitMs[unit as keyof typeof unitMs]);
  const [, day] = time.exec(text) ?? [];
  const atMs = Date.parse(text);
  return day === undefined || !isDay(day) || Number.isNaN(atMs) ? undefined : Math.max(0, atMs);
};

/** Words and numbers as people read them. */

export const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

export const duration = (ms: number): string => {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (ms > 0 && ms < 1_000) return `${Math.round(ms)} ms`;
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min${seconds % 60 === 0 || minutes >= 10 ? '' : ` ${seconds % 60} s`}`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h${minutes % 60 === 0 ? '' : ` ${minutes % 60} min`}`;
  return plural(Math.floor(hours / 24), 'day');
};

export const ago = (atMs: number, nowMs: number): string =>
  nowMs - atMs < 1_000 ? 'just now' : `${duration(nowMs - atMs)} ago`;

const two = (number: number): string => String(number).padStart(2, '0');
export const clock = (ms: number): string => {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
};
export const stamp = (ms: number): string => {
  const at = new Date(ms);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock(ms)}`;
};
/** `14:03:10, in 5 min`, with its day where that is another one. */
export const moment = (atMs: number, nowMs: number): string => {
  const isToday = new Date(atMs).toDateString() === new Date(nowMs).toDateString();
  const at = isToday ? clock(atMs) : stamp(atMs);
  return atMs > nowMs ? `${at}, in ${duration(atMs - nowMs)}` : `${at}, ${ago(atMs, nowMs)}`;
};

export const bytes = (count: number): string => {
  if (count < 1_000) return plural(count, 'byte');
  return count < 1_000_000 ? `${(count / 1_000).toFixed(1)} kB` : `${(count / 1_000_000).toFixed(1)} MB`;
};

/** Of what others wrote: marks that turn the direction of a text, and control characters, are shown and not obeyed. */
export const harmless = (text: string): string =>
  text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences of terminals are left out
    .replaceAll(/\u001b\[[\d;?]*[A-Za-z]/g, '')
    .replaceAll(
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is shown
      /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g,
      (one) => (one === '\r' ? '' : `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`),
    );

/** JSON as it is read best; what is none stays as it is. Numbers that JavaScript would change keep their text. */
export const pretty = (text: string): string => {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'string') return value;
    return /\d{16}|\d[eE]/.test(text) ? text : JSON.stringify(value, null, 2);
  } catch {
    return text;
  }
};

export const shown = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? '');

export const statusText = (status: string): string => status.replaceAll('_', ' ');

/** How it is coloured; the word stands beside it always. */
export const toneOf = (status: string): 'bad' | 'warn' | 'live' | 'good' | 'quiet' => {
  if (['in_doubt', 'broken', 'unknown'].includes(status)) return 'bad';
  if (['halted', 'failed', 'rolled_back', 'completed, not as expected'].includes(status)) return 'warn';
  if (['running', 'waiting', 'next'].includes(status)) return 'live';
  return ['completed', 'cited'].includes(status) ? 'good' : 'quiet';
};

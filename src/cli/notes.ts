/** Notes in words: what a probe answered, what a fenced holder saw, what a person left as evidence. */
import type { Note } from '../engine/index.ts';
import { duration, unbroken } from './format.ts';
import { harmless } from './screen.ts';

const object = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

const parsed = (text: string): Record<string, unknown> => {
  try {
    return object(JSON.parse(text));
  } catch {
    return {}; // A note is cut at a limit and may be no JSON any more: then it shows as it is.
  }
};

const probeWords = (text: string): string | undefined => {
  const { answer, detail } = parsed(text);
  return typeof answer === 'string' ? `${answer}: ${String(detail)}` : undefined;
};

/** An outcome that came too late for the chain. */
const outcomeWords = (text: string): string | undefined => {
  const { status, durationMs, output, error, note } = parsed(text);
  if (typeof status !== 'string') return undefined;
  const parts = [
    `ended as ${status}${typeof durationMs === 'number' && durationMs > 0 ? ` after ${duration(durationMs)}` : ''}`,
    typeof object(output).text === 'string' ? `output ${object(output).text}` : '',
    typeof object(error).message === 'string' ? `error ${object(error).message}` : '',
    typeof note === 'string' ? `"${note}"` : '',
  ];
  return parts.filter((part) => part !== '').join('; ');
};

/** A note without line breaks, whole. */
export const noteLine = ({ kind, text }: Note): string => {
  const words = kind === 'probe' ? probeWords(text) : kind === 'fenced' ? outcomeWords(text) : undefined;
  return unbroken(harmless(words ?? text));
};

/** A note with all its lines. */
export const noteLines = (note: Note): string[] => {
  const { kind, text } = note;
  if (kind === 'probe' || kind === 'fenced') return [noteLine(note)];
  return harmless(text).trimEnd().split('\n');
};

/**
 * Finding instances by what no index has: parameters, who started them, words. It is read off the views, and where a view
 * has only the beginning of it, off the first entry.
 */
import { momentOf } from '../contract/index.ts';
import { type Engine, headOf, isPawlError, limits, PawlError, type View } from '../engine/index.ts';
import type { OperationDeps } from './apiDeps.ts';

export type Wanted = { param?: string; actor?: string; id?: string; text?: string };
type Started = { params: Record<string, unknown>; actor: string };

/** `name=value`, one on a line. */
const pairsOf = (param: string): [string, string][] =>
  param.split('\n').map((line) => {
    const at = line.indexOf('=');
    return [line.slice(0, at), line.slice(at + 1)];
  });

/** A value as somebody writes it: a text as it is, a number however it is written, everything else as JSON. */
const isValue = (value: unknown, text: string): boolean => {
  if (typeof value === 'string') return value === text || JSON.stringify(value) === text;
  if (typeof value === 'number') return text.trim() !== '' && Number(text) === value;
  return JSON.stringify(value) === text;
};

const paramsOf = ({ params }: View): Record<string, unknown> | undefined => {
  try {
    return JSON.parse(params) as Record<string, unknown>;
  } catch {
    return undefined; // Only its beginning is there.
  }
};

/** A character at its end that did not fit whole is left out too. */
const longestCharacterBytes = 4;
const isCut = (text: string): boolean => Buffer.byteLength(text) > limits.viewStartedByBytesMax - longestCharacterBytes;

/** What a view has of its start; `undefined` where only the first entry tells whether it fits. */
const startOf = (view: View, { param, actor }: Wanted): Started | undefined => {
  const params = param === undefined ? {} : paramsOf(view);
  const unsure =
    actor !== undefined && isCut(view.startedBy) && headOf(actor, limits.viewStartedByBytesMax) === view.startedBy;
  return params === undefined || unsure ? undefined : { params, actor: view.startedBy };
};

const readStart = async (engine: Pick<Engine, 'journal'>, instanceId: string): Promise<Started | undefined> => {
  try {
    const [first] = await engine.journal(instanceId, -1, 1);
    if (first?.entry.kind !== 'started') return undefined;
    return { params: first.entry.params, actor: first.entry.by.actor };
  } catch (error) {
    // One journal that cannot be read hides no other instance. A store that is away hides all of them.
    if (isPawlError(error) && error.code !== 'store.unavailable') return undefined;
    throw error;
  }
};

const hasWords = (view: View, words: string): boolean => {
  const { instanceId, runbookId, status, cell, startedBy, params, waitsFor } = view;
  const all = [instanceId, runbookId, status, status.replace('_', ' '), cell ?? '', startedBy, params, waitsFor ?? ''];
  return all.some((text) => text.toLowerCase().includes(words));
};

/** `undefined`: nothing is asked that no index has. */
export const conditionOf = (
  engine: Pick<Engine, 'journal'>,
  wanted: Wanted,
): ((view: View) => Promise<boolean>) | undefined => {
  const { param, actor, id = '', text } = wanted;
  if (Object.values(wanted).every((value) => value === undefined)) return undefined;
  const pairs = param === undefined ? [] : pairsOf(param);
  const words = text?.toLowerCase();
  return async (view) => {
    if (!view.instanceId.startsWith(id)) return false;
    if (words !== undefined && !hasWords(view, words)) return false;
    if (pairs.length === 0 && actor === undefined) return true;
    const start = startOf(view, wanted) ?? (await readStart(engine, view.instanceId));
    if (start === undefined || (actor !== undefined && start.actor !== actor)) return false;
    return pairs.every(([name, value]) => Object.hasOwn(start.params, name) && isValue(start.params[name], value));
  };
};

export type Bounds = { sinceMs: number | undefined; untilMs: number | undefined };

type Asked = { since?: string | undefined; until?: string | undefined };

/**
 * @param stepMs how long now stays the same moment
 * @throws PawlError `request.invalid` where nothing lies between
 */
export const boundsNow = async (
  { engine, clock }: Pick<OperationDeps, 'engine' | 'clock'>,
  { since, until }: Asked,
  stepMs = 1,
): Promise<Bounds> => {
  if (since === undefined && until === undefined) return { sinceMs: undefined, untilMs: undefined };
  // The time is the store's: a function that has just begun has asked it nothing yet.
  await engine.list({ limit: 1 });
  const nowMs = Math.floor(clock.nowMs() / stepMs) * stepMs;
  const [sinceMs, untilMs] = [since, until].map((text) => (text === undefined ? undefined : momentOf(text, nowMs)));
  if (sinceMs !== undefined && untilMs !== undefined && sinceMs >= untilMs)
    throw new PawlError('request.invalid', 'Nothing lies between `since` and `until`: give an earlier `since`.');
  return { sinceMs, untilMs };
};

/** Those that were asked for. */
export const given = ({ sinceMs, untilMs }: Bounds) => ({
  ...(sinceMs === undefined ? {} : { sinceMs }),
  ...(untilMs === undefined ? {} : { untilMs }),
});

/** "2 hours ago" is said once: the pages after the first go on with the same moment. */
type Place = Bounds & { mark: string };
export const markOf = ({ sinceMs, untilMs, mark }: Place): string => `${sinceMs ?? ''}.${untilMs ?? ''}.${mark}`;
/** @param mark as `markOf` made it */
export const placeIn = (mark: string): Place => {
  const [since = '', until = '', ...rest] = mark.split('.');
  const atMs = (text: string): number | undefined => (text === '' ? undefined : Number(text));
  return { sinceMs: atMs(since), untilMs: atMs(until), mark: rest.join('.') };
};

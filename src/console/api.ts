/** The one client of the page: an operation of the contract by its name, as `src/cli/client.ts` has it for the command line. */
import type { BodyOf, CallOf, OperationName, Route } from '../contract/index.ts';
import { authorization, noteAnswer, otherEvent } from './signIn/bearer.ts';

/** Put in by the build, from the contract's table: schemas are not needed here, and would be half of what is loaded. */
declare const __PAWL_ROUTES__: Record<OperationName, Pick<Route, 'method' | 'path' | 'permission'>>;
export const permissionOf = (name: OperationName) => __PAWL_ROUTES__[name].permission;

/** An advance answers within half a minute; what takes longer is cut off by something between. */
const answerWithinMs = 90_000;

/** What the service refused, by its code, and the run that it named; `unreachable` when it did not answer. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;
  readonly instanceId: string | undefined;
  constructor(status: number, code: string, message: string, instanceId?: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.instanceId = instanceId;
  }
}

let shownTo: string | null = null;
/** @param actor to whom the page is shown, as the service calls them; `null` where it did not say */
export const showTo = (actor: string | null): void => {
  shownTo = actor;
};
export const whoIsShown = (): string | null => shownTo;

type Given = { path?: Record<string, unknown>; query?: Record<string, unknown>; body?: unknown };

const urlOf = (pattern: string, { path = {}, query = {} }: Given): string => {
  const filled = pattern.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(path[name])));
  const asked = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  if (asked.length === 0) return filled;
  return `${filled}?${new URLSearchParams(asked.map(([name, value]) => [name, String(value)]))}`;
};

/** What was answered last to what is asked again and again: unchanged, it is not sent once more. */
const answered = new Map<string, { etag: string; body: unknown; atMs: number }>();
const answeredMax = 50;
const keep = (url: string, one: { etag: string; body: unknown; atMs: number }): void => {
  answered.delete(url);
  answered.set(url, one);
  const [oldest] = answered.keys();
  if (answered.size > answeredMax && oldest !== undefined) answered.delete(oldest);
};

/** As it would be said now: what has not changed since was said at an earlier time of the service. */
const again = ({ body, atMs }: { body: unknown; atMs: number }): unknown =>
  typeof body === 'object' && body !== null && 'nowMs' in body
    ? { ...body, nowMs: Number(body.nowMs) + Date.now() - atMs }
    : body;

const unreachable = 'The service does not answer. What is shown is what it said last.';

/** @param as whose act it is: the service takes none of somebody else, who may have logged in in another tab; `null`: nobody knows */
export const call = async <N extends OperationName>(
  name: N,
  given: CallOf<N>,
  as: string | null = shownTo,
): Promise<BodyOf<N>> => {
  const { method, path } = __PAWL_ROUTES__[name];
  const asked = given as Given;
  const url = urlOf(path, asked);
  const known = method === 'GET' ? answered.get(url) : undefined;
  const response = await fetch(url, {
    method,
    headers: {
      accept: 'application/json',
      ...(known === undefined ? {} : { 'if-none-match': known.etag }),
      ...authorization(),
      ...(method === 'GET' || as === null ? {} : { 'x-pawl-expected-actor': encodeURIComponent(as) }),
      ...(asked.body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
    signal: AbortSignal.timeout(answerWithinMs),
  }).catch(() => {
    throw new Refused(0, 'unreachable', unreachable);
  });
  noteAnswer(response.status);
  if (response.status === 304 && known !== undefined) {
    // It is asked for still, so others make room first.
    keep(url, known);
    return again(known) as BodyOf<N>;
  }
  const body: unknown = await response.json().catch(() => {
    throw new Refused(0, 'unreachable', unreachable);
  });
  const etag = response.headers.get('etag');
  if (response.ok && etag !== null) keep(url, { etag, body, atMs: Date.now() });
  if (response.ok) return body as BodyOf<N>;
  // What stands before the service on AWS says `message`.
  const {
    code = 'unknown',
    detail,
    message,
    instanceId,
  } = body as Partial<Record<'code' | 'detail' | 'message' | 'instanceId', string>>;
  if (code === 'actor.other') window.dispatchEvent(new Event(otherEvent));
  throw new Refused(response.status, code, detail ?? `${message ?? response.statusText}.`, instanceId);
};

export type View = BodyOf<'listInstances'>['views'][number];
export type Instance = BodyOf<'instance'>;
export type CellReport = Instance['cells'][number];
type Wait = NonNullable<Instance['waits']>;
export type Undecided = NonNullable<Instance['undecided']>;
export type WaitOf<K extends Wait['kind']> = Extract<Wait, { kind: K }>;
export type Entry = BodyOf<'journal'>['entries'][number];
export type EntryOf<K extends Entry['kind']> = Extract<Entry, { kind: K }>;
export type Version = BodyOf<'version'>;
export type Cell = Version['runbook']['cells'][number];
export type Note = BodyOf<'notes'>['notes'][number];

/** Versions never change, so each is asked for once. */
const versions = new Map<string, Promise<Version>>();
export const versionOf = ({ runbookId, version }: Pick<View, 'runbookId' | 'version'>): Promise<Version> => {
  const key = `${runbookId}/${version}`;
  const known = versions.get(key);
  if (known !== undefined) return known;
  const asked = call('version', { path: { runbookId, version } });
  versions.set(key, asked);
  asked.catch(() => versions.delete(key));
  return asked;
};

/** Its number alone: a whole runbook may be long. */
export const newestVersionOf = async (runbookId: string): Promise<number> =>
  (await call('versions', { path: { runbookId }, query: { limit: 1 } })).versions[0]?.version ?? 0;

/** All cells in the order of the document, with those that elements of sections go through. */
export const allCells = (cells: readonly Cell[]): Cell[] =>
  cells.flatMap((cell) => {
    if (cell.body.kind !== 'each') return [cell];
    const parts = cell.body.parts ?? [cell.body];
    return [cell, ...parts.flatMap((part) => allCells(part.cells))];
  });

/** Journals and lines of a witness, written down by hand: what the judge is shown. */
import type { Entry } from '../../src/engine/index.ts';
import type { Saw } from './processes.ts';

export const key = 'chaos/5707e1d0aaaa/one/c0/1';
type Draft = Record<string, unknown> & { kind: string };
export const reserved = (over: object = {}): Draft => ({
  kind: 'reserved',
  cell: 'c0',
  visit: 1,
  attempt: 1,
  key,
  ...over,
});
export const outcome = (closes: number, over: object = {}): Draft => ({
  kind: 'outcome',
  cell: 'c0',
  closes,
  status: 'completed',
  closedBy: 'holder',
  permission: null,
  then: 'next',
  ...over,
});
export const resolved = (about: number, over: object = {}): Draft => ({
  kind: 'resolved',
  cell: 'c0',
  about,
  verdict: 'retry',
  closedBy: 'person',
  permission: { kind: 'person', detail: 'it did not happen' },
  ...over,
});
/** A journal whose last entry ends the run. */
export const journal = (drafts: Draft[], ended: string | null = 'completed'): Entry[] =>
  [{ kind: 'started' }, ...drafts].map((draft, seq) => ({
    seq,
    by: { actor: 'a', via: 'test', where: 'here' },
    token: 't',
    ...draft,
    state: { ended: seq === drafts.length ? ended : null },
  })) as unknown as Entry[];
export const saw = (what: Saw['what'], seq: number | null, of = key): Saw => ({ what, key: of, seq });

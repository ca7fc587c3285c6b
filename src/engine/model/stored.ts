/**
 * How an entry is stored: its key and what the put's condition needs stand in attributes (`v`, `instanceId`, `seq`, `kind`,
 * `token`), everything else in one canonical JSON text beside them. Nothing is said twice, since 1 KB is a write unit:
 * not what an attribute says, not what a default says, and of the state not what the entry itself has just said.
 *
 * `prev` of an entry is the sha256 (hex) of the canonical `[v, instanceId, seq, kind, token, text]` of the entry before it,
 * so that nothing beside the text is uncovered.
 */

import type { Reservation } from './bodies.ts';
import { withoutDefaults } from './defaults.ts';
import { type Entry, type EntryKind, type EntryOf, entrySchemas, whomOf } from './entries.ts';
import { familyOf } from './family.ts';
import type { State } from './state.ts';

/** What stands beside the text. */
export type Attributes = { v: number; instanceId: string; seq: number; kind: string; token: string };

/** What `prev` is the hash of. */
export const coveredBy = ({ v, instanceId, seq, kind, token }: Attributes, text: string) => [
  v,
  instanceId,
  seq,
  kind,
  token,
  text,
];

type Place = Pick<Entry, 'seq' | 'by' | 'atMs' | 'token'>;
type Implied = Partial<Record<keyof State, unknown>>;

const placed = (place: string | undefined): Implied => (place === undefined ? {} : { place });

const reservedBy = (reserved: Partial<Reservation>, { seq, by, atMs, token }: Place): Implied => {
  const { cell, visit = 1, attempt = 1, inputsHash, deadlineAtMs, place, untilAtMs } = reserved;
  const lease = untilAtMs === undefined ? {} : { lease: { token, untilAtMs } };
  const open = { kind: 'reserved', seq, cell, attempt, deadlineAtMs, by, atMs, ...lease };
  return { visit, attempt, inputsHash, open, ...placed(place), ...(attempt === 1 ? { firstAtMs: atMs } : {}) };
};

const waitingBy = (waiting: Partial<EntryOf<'waiting'>>, { seq, atMs }: Place): Implied => {
  const { cell, visit, inputsHash, dueAtMs = null, pollMs, holds, asked, place, each } = waiting;
  const polled = { ...(pollMs === undefined ? {} : { pollMs }), ...(holds === undefined ? {} : { holds }) };
  const voted = asked === undefined ? {} : { quorum: asked.quorum, approvals: [] };
  const family = each === undefined ? {} : { family: familyOf(each) };
  const open = { kind: 'waiting', seq, cell, dueAtMs, atMs, ...polled, ...voted, ...family, ...whomOf(waiting) };
  return { visit, inputsHash, open, ...placed(place) };
};

const outcomeBy = (outcome: Partial<EntryOf<'outcome'>> & Place): Implied => {
  const { index = 0, then = 'next', reserve, passes = 0 } = outcome;
  return {
    ...(then === 'next' ? { next: index + 1 + passes } : {}),
    ...(reserve === undefined ? {} : reservedBy(reserve, outcome)),
  };
};

/** What the entry has said itself of the state after it. Its body may still lack what defaults say. */
const impliedBy = (kind: EntryKind, body: Place & Record<string, unknown>): Implied => {
  switch (kind) {
    case 'started': {
      const { cells, drive, epoch } = body;
      return { cells, drive, epoch };
    }
    case 'reserved':
      return reservedBy(body as Partial<Reservation>, body);
    case 'waiting':
      return waitingBy(body as Partial<EntryOf<'waiting'>>, body);
    case 'outcome':
      return outcomeBy(body as unknown as Partial<EntryOf<'outcome'>> & Place);
    default:
      return {};
  }
};

/** Two values of JSON, whatever the order of their names. */
export const isSame = (a: unknown, b: unknown): boolean => {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  const [names, others] = [Object.keys(a), Object.keys(b)];
  const at = (value: object, name: string): unknown => (value as Record<string, unknown>)[name];
  return names.length === others.length && names.every((name) => isSame(at(a, name), at(b, name)));
};

/** The content of an entry's text. */
export const storedForm = (entry: Entry): object => {
  const { v: _v, instanceId: _id, seq: _seq, kind, token: _token, ...body } = entry;
  const plain = withoutDefaults(entrySchemas()[kind], entry) as Record<string, unknown>;
  const implied = impliedBy(kind, entry as Entry & Record<string, unknown>);
  const state: Record<string, unknown> = { ...(plain.state as object) };
  for (const [name, expected] of Object.entries(implied) as [keyof State, unknown][]) {
    const value = entry.state[name];
    if (isSame(value, expected)) delete state[name];
    // What differs is said, a default too: left out it would be read as implied.
    else state[name] = value;
  }
  const kept = Object.keys(body).filter((name) => name in plain && name !== 'state');
  return { ...Object.fromEntries(kept.map((name) => [name, plain[name]])), state };
};

/** The entry of which these are the attributes and this the content of the text; to be read by its schema. */
export const fromStored = (attributes: Attributes, content: unknown): unknown => {
  if (typeof content !== 'object' || content === null) return content;
  const body = { ...(content as Place), ...attributes } as Place & Record<string, unknown>;
  const { state } = body;
  if (typeof state !== 'object' || state === null) return body;
  return { ...body, state: { ...impliedBy(attributes.kind as EntryKind, body), ...state } };
};

/**
 * What each kind of wait brings. A wait opens with a `waiting` entry, which has no holder: it is never in flight and never
 * in doubt. A new kind is one file, and its line in `kinds.ts`.
 */
import { type Call, stateOf } from '../call/call.ts';
import { type Inputs, scopeOf } from '../call/inputs.ts';
import { failure } from '../call/outcomes.ts';
import type { Ready } from '../call/prepare.ts';
import type { Advancing } from '../call/progress.ts';
import type { Lasting } from '../model/cellKinds.ts';
import type { EntryOf } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import type { Checked, Failure } from '../model/fields.ts';
import type { Cell } from '../model/runbook.ts';
import type { Waiting } from '../model/state.ts';
import type { Stop } from '../rules/stop.ts';
import type { Lacks } from '../rules/view.ts';

/** How a wait ended. */
export type WaitEnd = {
  status: 'completed' | 'failed';
  /** JSON text. */
  output: string | null;
  /** Its whole size where `output` is only the beginning of one over the limit. */
  outputBytes?: number;
  error: Failure | null;
  exitCode?: number | null;
  /** What satisfied it, for people. */
  note: string;
  /** Of a poll: what came of its expectations; others are evaluated over the output. */
  checks?: Checked[];
  /** The claims that it need not be woken for any more. */
  claims?: string[];
  /** Its time was over, and its author goes on all the same. */
  timedOut?: true;
  /** It ends a row of looks that held: another entry in its slot changes nothing of that. */
  isFirm?: true;
  /** Whatever the expectations say: a rejected approval halts. */
  halt?: boolean;
};

/** It goes on by itself, later or in a call that has more time. */
export type Deferred = { kind: 'deferred' } & Pick<Extract<Stop, { result: 'deferred' }>, 'untilMs' | 'why'>;

/**
 * What a look came to. `lacks`: it could not be made for what is missing here. `budget`: this call has no time left to look. `again`:
 * another caller was first. `holding`: what it found stands in the chain before anything else is decided.
 */
export type Looked =
  | { kind: 'over'; end: WaitEnd }
  | { kind: 'waits'; lacks?: Lacks }
  | { kind: 'budget' }
  | { kind: 'holding'; looks: number; anew: string | null }
  | Deferred
  | { kind: 'again' };

export const over = (end: WaitEnd | undefined): Looked =>
  end === undefined ? { kind: 'waits' } : { kind: 'over', end };

/** What a `waiting` entry fixes beside its place: every later look comes to the same. */
export type Begun = Partial<
  Pick<
    EntryOf<'waiting'>,
    'dueAtMs' | 'shownHash' | 'logs' | 'pollMs' | 'withinMs' | 'holds' | 'claims' | 'asked' | 'each'
  >
>;

/** `now`: look at what it waits for. `then`: nothing to see before that moment. `never`: until a person brings it. */
type Park = { look: 'now' } | { look: 'then'; atMs: number } | { look: 'never' };

export type WaitKind<Report extends { kind: string }> = {
  /** Reads only. What to fix, or why it cannot be waited for. */
  begin(call: Call, cell: Cell, ready: Ready): Promise<Begun | Failure> | Begun | Failure;
  /** Whether a call that comes by has to look. Pure. */
  park(open: Waiting, nowMs: number): Park;
  /** Looks; writes nothing to the chain, but for a section with `each`. `advancing`: of a call that may also carry out. */
  look(call: Call, cell: Cell, open: Waiting, advancing?: Advancing): Promise<Looked> | Looked;
  /** What it waits for, as it is shown to people. Reads only. */
  report(call: Call, cell: Cell, open: Waiting): Promise<Report> | Report;
};

/** The `waiting` entry: usually the head itself. */
export const waitingEntry = async ({ engine, instanceId, chain }: Call, open: Waiting): Promise<EntryOf<'waiting'>> => {
  const { entry: head } = chain.head;
  const entry = head.seq === open.seq ? head : (await engine.journal.entry(instanceId, open.seq))?.entry;
  if (entry?.kind === 'waiting') return entry;
  throw new PawlError('journal.broken', `Entry ${open.seq} of ${instanceId} is no wait.`, { instanceId });
};

/** Milliseconds from now as the moment when it ends by itself; `null`: as long as it takes. */
export const endsAtMs = ({ engine }: Call, withinMs: number | null): number | null =>
  withinMs === null ? null : Math.ceil(engine.clock.nowMs() + withinMs);

/** How long a wait that begins now lasts: what a template says is judged here, and what comes of it stands in the `waiting` entry. */
export const withinOf = (
  call: Call,
  cell: Cell,
  lasting: Lasting | null,
  inputs: Inputs,
): { withinMs: number | null } | Failure => {
  if (lasting === null) return { withinMs: null };
  const { engine, instanceId } = call;
  const step = { instanceId, cell: cell.name, visit: stateOf(call).visit };
  const found = engine.authoring.lasts(lasting, scopeOf(engine, inputs, step));
  return found.kind === 'ms' ? { withinMs: found.ms } : failure('inputs.unresolvable', found.message);
};

/** The seq that the `waiting` entry is going to have. */
export const nextSeq = ({ chain }: Call): number => chain.head.entry.seq + 1;

/** @throws PawlError `journal.broken` when the version has another kind there */
export const bodyOf = <K extends Cell['body']['kind']>(cell: Cell, kind: K): Extract<Cell['body'], { kind: K }> => {
  const { body } = cell;
  if (body.kind === kind) return body as Extract<Cell['body'], { kind: K }>;
  throw new PawlError('journal.broken', `Cell ${cell.name} is no ${kind}.`);
};

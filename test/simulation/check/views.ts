/**
 * I7: an instance that needs looking after has a view that is due, and never later than it must be.
 * I8: at rest, when the schedule has had its say, the view is a function of the journal; it may be due earlier.
 */
import { type Entry, type EntryOf, type Standing, type View, viewOf, workerAt } from '../../../src/engine/index.ts';
import { duePartition } from '../../../src/store/items.ts';
import { ancestorsOf, runOf } from '../kin.ts';
import { learntErrorMs } from '../learnt.ts';
import { atOf, home } from '../places.ts';
import { isSubscribed, willBeWoken } from '../waiting.ts';
import { needsLook } from '../watch.ts';
import { must, viewRow, type World } from '../world.ts';
import type { Oracle } from './reading.ts';
import { writerOf } from './writer.ts';

const rearmedMs = 30_000;
const doubtBackoffMaxMs = 10 * 60_000;

/** The latest moment at which somebody must look again, as it stands now. */
const latestLookMs = ({ world, calls }: Oracle, head: Entry): number => {
  const { state } = head;
  const writer = writerOf({ calls }, head);
  // Whoever wrote the head had armed the view for the end of its invocation; after that, for a command's time more.
  const endMs = writer?.endAtMs ?? head.atMs;
  const armedMs = (head.atMs >= endMs + world.graceMs ? head.atMs + rearmedMs : endMs) + world.graceMs;
  // A put that froze while it was sent, or an outcome recorded although its call could not arm anew: then it is looked at by the mark of somebody else.
  const over = head.atMs >= endMs + world.graceMs;
  const late = writer?.frozenInPut || (over && writer?.struck.some((kind) => !/^(frozen|thawed)$/.test(kind)));
  const held = state.epoch < world.epoch;
  if (state.open === null && state.halted === null && !late && !held)
    return Math.max(armedMs, state.dueAtMs ?? head.atMs);
  // A wait with a time of its own; what is due because somebody woke it is due now.
  if (state.open?.kind === 'waiting' && !late && (state.open.pollMs ?? state.open.dueAtMs) !== null) {
    const { pollMs, dueAtMs } = state.open;
    const nowMs = world.schedule.nowMs();
    const turnMs = pollMs === undefined ? Number.POSITIVE_INFINITY : nowMs + pollMs;
    return Math.max(armedMs, Math.min(turnMs, dueAtMs ?? Number.POSITIVE_INFINITY) + world.clockErrorMaxMs);
  }
  // In doubt it is looked at ever more rarely, by whatever clock.
  const doubtMs = world.schedule.nowMs() + doubtBackoffMaxMs + world.clockErrorMaxMs;
  return Math.max(armedMs, doubtMs);
};

export const checkDue = (oracle: Oracle): void => {
  const head = oracle.entries.at(-1);
  const { world } = oracle;
  if (world.unlookedAfter || head === undefined || !needsLook(world, head.state)) return;
  const dueAtMs = viewRow(world)?.dueAtMs;
  if (dueAtMs === undefined && willBeWoken(world, head.state)) return;
  must(typeof dueAtMs === 'number', 'I7', `at rest after entry ${head.seq} nothing makes it due`);
  const latestMs = latestLookMs(oracle, head);
  must(dueAtMs <= latestMs, 'I7', `after entry ${head.seq} it is due at ${dueAtMs}, later than ${latestMs}`);
};

/** After a sweep of the journals nothing is missing, whatever was not promised before it. */
export const checkSwept = ({ world, entries }: Oracle): void => {
  const head = entries.at(-1);
  if (entries[0]?.kind !== 'started' || head === undefined) return;
  const row = viewRow(world);
  must(typeof row?.revision === 'number', 'I7', `the sweep made no view of ${world.instanceId} again`);
  const looked = !needsLook(world, head.state) || row.dueAtMs !== undefined || willBeWoken(world, head.state);
  must(looked, 'I7', `after the sweep ${world.instanceId} needs looking after, and nothing makes it due`);
  mustBeFound({ world, entries });
};

/** Whoever waits for claims and is not due is known to those who change them. */
const mustBeFound = ({ world, entries }: Pick<Oracle, 'world' | 'entries'>): void => {
  const state = entries.at(-1)?.state;
  if (state === undefined || viewRow(world)?.dueAtMs !== undefined || willBeWoken(world, state)) return;
  must(isSubscribed(world, state), 'I7', `${world.instanceId} waits for a claim, is not due, and no subscriber of it`);
};

/** A child shows the parameters of the run that it belongs to, and who started the outermost one. */
const startedOf = (world: World, entries: Entry[]): EntryOf<'started'> => {
  const own = entries[0] as EntryOf<'started'>;
  const root = ancestorsOf(world).at(-1)?.chain[0]?.entry;
  const run = runOf(world).chain[0]?.entry;
  return root?.kind === 'started' && run?.kind === 'started' ? { ...own, params: run.params, by: root.by } : own;
};

/** What the stored view would have to say now. */
const expected = ({ world, entries }: Oracle): View =>
  viewOf(startedOf(world, entries), world.chain.at(-1) as Standing, world.version.runbook, {
    nowMs: world.schedule.nowMs(),
    graceMs: world.graceMs,
    epoch: world.epoch,
    home,
    nextAt: atOf(world.version.runbook.cells[world.chain.at(-1)?.entry.state.next ?? 0] ?? {}),
  });

/** Once home has had its say: what it has to look after is due there, whoever left it at a place that has nobody. */
export const checkHome = (oracle: Oracle): void => {
  const { world, entries } = oracle;
  const head = entries.at(-1);
  if (world.places === null || world.unlookedAfter || head === undefined || !needsLook(world, head.state)) return;
  const row = viewRow(world);
  if (expected(oracle).place !== home || row?.dueAtMs === undefined) return;
  must(
    row.dueShard === duePartition(home, world.instanceId),
    'I7',
    `home looks after it, and it is due at ${row.dueShard}`,
  );
};

/** What is counted from the moment of a look is counted by the clock of whoever looks: faults have stopped, and a learnt one is not exact. */
const toleratedMs = ({ learns }: Oracle['world']): number => (learns ? learntErrorMs : 0);

export const checkView = (oracle: Oracle): void => {
  if (oracle.world.unlookedAfter || oracle.entries.length === 0) return;
  const { dueAtMs, seq, ...view } = expected(oracle);
  // As it is stored: the place stands beside it.
  const rest = view.waitsFor === workerAt(view.place) ? { ...view, waitsFor: '@' } : view;
  const row = viewRow(oracle.world);
  must(row !== undefined, 'I8', 'there is no view');
  for (const [name, value] of Object.entries({ ...rest, revision: seq })) {
    must(row[name] === value, 'I8', `the view says ${name} ${row[name]}, the journal ${value}`);
  }
  mustBeFound(oracle);
  if (dueAtMs === null) return;
  const stands = row.dueAtMs;
  must(
    typeof stands === 'number' && stands <= dueAtMs + toleratedMs(oracle.world),
    'I8',
    `the view is due at ${stands}, the journal at ${dueAtMs}`,
  );
  must(row.instanceId === oracle.world.instanceId, 'I8', 'the view of another instance');
};

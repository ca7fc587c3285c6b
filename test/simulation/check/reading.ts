/**
 * The checker's own reading of a journal: what is true after each entry, from the entries and the runbook's declarations
 * alone. It shares nothing with the engine's `apply`, so an engine whose `apply` is wrong does not agree with it.
 *
 * I2 at most one step is open, and an outcome closes it. I3 only the next cell is reserved, and only while nothing is
 * open. I5 one permission buys one attempt. I6 once a cancellation holds, or a run was given up, only cells of its end are reserved.
 * I9 one key, one set of inputs.
 */
import type { Cell, Entry, EntryOf, Permission, RunEnd } from '../../../src/engine/index.ts';
import { entriesOf } from '../kin.ts';
import { judgePlace } from '../places.ts';
import { type Call, must, type World } from '../world.ts';
import { judgeCommitted } from './commits.ts';
import {
  type AtEnd,
  judgeCancelled,
  judgeEnding,
  judgeTurn,
  nextOf,
  type Owed,
  overAs,
  settle,
  takeBack,
} from './endings.ts';
import { endOf, judgeAsked, says, sectionOf } from './ends.ts';
import { isEmpty, isOff, judgeProgress } from './families.ts';
import { judgeHolding } from './holding.ts';
import { judgeRenewed } from './leases.ts';
import { toldText } from './outputs.ts';
import { inWindow, judgeClosing, judgePasses, judgePermission, judgeThen } from './permissions.ts';
import { judgeBegun, judgeProposed, judgeSeconded } from './proposals.ts';
import { same } from './same.ts';
import { judgeVote } from './waits.ts';
import { writerOf } from './writer.ts';

export type Reading = {
  next: number;
  visit: number;
  /** Attempts of this visit that may have begun, and reservations in a row that did not. */
  attempts: number;
  falseStarts: number;
  /** An attempt of this visit may have happened, as far as its closing says; one is known to have completed. */
  mayHaveHappened: boolean;
  hasCompleted: boolean;
  /** A person said of this visit that it failed: what they say is not looked into. */
  denied: boolean;
  /** Reservations of the whole journal; cells whose expectations all held, that were let pass, that were skipped. */
  reservations: number;
  covered: number;
  forgiven: number;
  skipped: number;
  /** Cells whose expectations a person overrode. */
  overridden: number;
  open: { kind: 'reserved' | 'waiting'; seq: number; token: string; deadlineAtMs: number } | null;
  /** Of an approval that is open: who approves, in the order of their votes. */
  approvals: string[];
  /** Of a poll that has to hold: the first and the newest entry of its row, how many looks, and until when it has to hold. */
  row: { first: Entry; last: Entry; looks: number } | null;
  heldDueAtMs: number | null;
  halted: { seq: number; doubt: boolean; sinceAtMs: number; actsUntilMs: number } | null;
  /** Deadline of the newest attempt of the visit. */
  actsUntilMs: number;
  cancelled: boolean;
  /** The way is over, and nothing says yet what is gone through at its end. */
  owes: Owed | null;
  ending: AtEnd | null;
  ended: RunEnd | null;
  /** It was begun where two people decide about a step in doubt. */
  two: boolean;
  drive: 'auto' | 'manual';
  epoch: number;
  /** To start the next cell again: stands in the entry that closed it, and is used up by the next reservation. */
  permission: Permission | null;
  dueAtMs: number | null;
  firstAtMs: number | null;
  inputsHash: string | null;
  /** Of the visit under way: where it began. */
  place: string | null;
  /** JSON texts of the outputs of satisfied cells. */
  outputs: Map<string, string | null>;
  /** Satisfied cells of whose output only a beginning stands: whoever reads one is refused. */
  cut: Set<string>;
  /** How the cells ended that it is past. */
  ends: Map<string, string>;
};

export type Oracle = { world: World; calls: Map<string, Call[]>; entries: Entry[] };

/** The output which an entry carries, as text. */
const textIn = (world: World, entry: Entry | undefined): string | null =>
  entry !== undefined && 'output' in entry ? toldText(world, entry.output) : null;

const isCut = (entry: Entry | undefined): boolean =>
  entry !== undefined && 'output' in entry && entry.output?.kind === 'truncated';

/** What a continuation takes over from the run that it goes on from. */
const cited = ({ world }: Oracle, { continues }: EntryOf<'started'>): [string, Entry | undefined][] =>
  Object.entries(continues?.outputs ?? {}).map(([name, { instanceId, seq }]) => [
    name,
    world.facets.get(instanceId)?.chain[seq]?.entry,
  ]);

const citedOutputs = (oracle: Oracle, entry: EntryOf<'started'>): Reading['outputs'] =>
  new Map(cited(oracle, entry).map(([name, stood]) => [name, textIn(oracle.world, stood)]));

const citedCut = (oracle: Oracle, entry: EntryOf<'started'>): Reading['cut'] =>
  new Set(cited(oracle, entry).flatMap(([name, stood]) => (isCut(stood) ? [name] : [])));

/** What ended otherwise than completed is said. */
const citedEnds = ({ world }: Oracle, { continues }: EntryOf<'started'>): Reading['ends'] =>
  new Map(
    world.version.runbook.cells
      .slice(0, continues?.index ?? 0)
      .map(({ name }) => [name, continues?.states?.[name] ?? 'completed']),
  );

type Known = Pick<Reading, 'outputs' | 'cut' | 'ends'>;

/** What a child has from before its section: what its parent knew when that was opened. */
const inherited = ({ world, calls }: Oracle, { parent }: EntryOf<'started'>): Known => {
  const nothing: Known = { outputs: new Map(), cut: new Set(), ends: new Map() };
  const facet = parent && world.facets.get(parent.instanceId);
  if (parent === undefined || facet === undefined) return nothing;
  const entries = entriesOf(facet).slice(0, parent.seq);
  const above: Oracle = { world: facet, calls, entries: entriesOf(facet) };
  let reading: Reading | undefined;
  for (const entry of entries) reading = readOn(above, reading, entry);
  if (reading === undefined) return nothing;
  const { outputs, cut, ends } = reading;
  return { outputs, cut, ends };
};

/** And what it cites of the run that it goes on from. */
const knownAtFirst = (oracle: Oracle, entry: EntryOf<'started'>): Known => {
  const { outputs, cut, ends } = inherited(oracle, entry);
  return {
    outputs: new Map([...outputs, ...citedOutputs(oracle, entry)]),
    cut: new Set([...cut, ...citedCut(oracle, entry)]),
    ends: new Map([...ends, ...citedEnds(oracle, entry)]),
  };
};

const beginning = (oracle: Oracle, entry: EntryOf<'started'>): Reading => ({
  next: entry.continues?.index ?? 0,
  visit: 1,
  attempts: 0,
  falseStarts: 0,
  mayHaveHappened: false,
  denied: false,
  hasCompleted: false,
  actsUntilMs: 0,
  reservations: 0,
  covered: 0,
  forgiven: 0,
  skipped: 0,
  overridden: 0,
  open: null,
  halted: null,
  cancelled: false,
  // What takes an element back has no way to go.
  owes: entry.undoes === true ? { as: 'failed', undo: true } : null,
  ending: null,
  ended: null,
  two: entry.people === 2,
  drive: entry.drive,
  epoch: entry.epoch,
  permission: null,
  dueAtMs: null,
  firstAtMs: null,
  inputsHash: null,
  place: null,
  ...knownAtFirst(oracle, entry),
  approvals: [],
  row: null,
  heldDueAtMs: null,
});

const cellAt = ({ world }: Oracle, index: number) => {
  const cell = world.version.runbook.cells[index];
  must(cell !== undefined, 'I3', `there is no cell ${index}`);
  return cell;
};

/** What the `when` of a cell says that the run stands at. */
const judged = (cell: Cell, reading: Reading): boolean | 'broken' =>
  cell.when === null || says(cell.when.source, reading);

const marginMs = (timeoutMs: number): number => Math.min(10_000, Math.max(1_000, timeoutMs / 4));

type Reservation = Pick<
  EntryOf<'reserved'>,
  'index' | 'cell' | 'visit' | 'attempt' | 'key' | 'inputsHash' | 'deadlineAtMs' | 'untilAtMs'
>;

/** Where the visit runs that the entry begins or goes on with. */
const whereOf = (oracle: Oracle, reading: Reading, entry: Entry, cell: Cell): string =>
  judgePlace(oracle.world, cell, {
    seq: entry.seq,
    writtenAt: writerOf(oracle, entry)?.process.place,
    visitAt: reading.place,
  });

const reserve = (oracle: Oracle, reading: Reading, entry: Entry, step: Reservation): void => {
  const { world, calls } = oracle;
  const at = `seq ${entry.seq}`;
  must(reading.open === null && reading.halted === null && reading.ended === null, 'I3', `${at} reserves out of turn`);
  judgeTurn(reading, world.version.runbook, at);
  must(step.index === reading.next && step.visit === reading.visit, 'I3', `${at} reserves another cell or visit`);
  const cell = cellAt(oracle, step.index);
  const isEffect = ['ts', 'http', 'task'].includes(cell.body.kind) && cell.poll === undefined;
  must(cell.name === step.cell && isEffect, 'I3', `${at} names ${step.cell}`);
  const unread = cell.reads !== 'all' && cell.reads.some((name) => reading.cut.has(name));
  must(!unread, 'I9', `${at} reserves ${step.cell}, which reads what is cut`);
  must(judged(cell, reading) === true, 'I3', `${at} reserves what its when forbids`);
  const again = reading.attempts > 0 || reading.falseStarts > 0;
  must(!again || reading.permission !== null, 'I5', `${at} starts ${step.cell} again without a permission`);
  const sent = reading.attempts > 0;
  must(!sent || inWindow(oracle, reading, entry, cell), 'I5', `${at} uses a permission after its key's window`);
  must(
    step.attempt === reading.attempts + 1,
    'I5',
    `${at} is attempt ${reading.attempts + 1}, and says ${step.attempt}`,
  );
  must(reading.dueAtMs === null || entry.atMs >= reading.dueAtMs, 'I5', `${at} reserves before its backoff is over`);
  const drawn = world.tables.rows('claims').find((row) => row.claimId === 'store:id')?.storeId;
  must(
    step.key === `sim/${drawn}/${world.instanceId}/${step.cell}/${step.visit}`,
    'I9',
    `${at} has the key ${step.key}`,
  );
  must(reading.inputsHash === null || reading.inputsHash === step.inputsHash, 'I9', `${at} sees other inputs`);
  const wholeMs = cell.timeoutMs + marginMs(cell.timeoutMs);
  const lease = world.leases !== null && cell.timeoutMs > world.leases.lease.overMs ? world.leases.lease : null;
  const reservedForMs = lease === null ? wholeMs : Math.min(lease.ms, wholeMs);
  must(step.deadlineAtMs === entry.atMs + reservedForMs, 'I4', `${at} has its deadline at ${step.deadlineAtMs}`);
  const untilAtMs = lease === null ? undefined : entry.atMs + wholeMs;
  must(step.untilAtMs === untilAtMs, 'lease', `${at} may be renewed until ${step.untilAtMs}, not ${untilAtMs}`);
  const epoch = writerOf({ calls }, entry)?.process.epoch ?? 0;
  must(reading.epoch >= epoch, 'epoch', `${at} reserves in a held instance of epoch ${reading.epoch}, not ${epoch}`);
  const by = writerOf({ calls }, entry);
  const neededUntilMs = lease === null ? step.deadlineAtMs : entry.atMs + lease.everyMs;
  const held = by === undefined || neededUntilMs <= Math.ceil(by.endAtMs);
  must(held, 'end', `${at} holds ${step.cell} until ${step.deadlineAtMs}, and its call ends at ${by?.endAtMs}`);
  must(reading.reservations < world.attemptsMax, 'limit', `${at} is one attempt too many`);
  reading.open = { kind: 'reserved', seq: entry.seq, token: entry.token, deadlineAtMs: step.deadlineAtMs };
  reading.attempts += 1;
  reading.reservations += 1;
  reading.actsUntilMs = step.deadlineAtMs;
  reading.permission = null;
  reading.dueAtMs = null;
  reading.firstAtMs ??= entry.atMs;
  reading.inputsHash = step.inputsHash;
  reading.place = whereOf(oracle, reading, entry, cell);
};

const freshVisit = (reading: Reading, visit: number): void => {
  const fresh = {
    attempts: 0,
    falseStarts: 0,
    mayHaveHappened: false,
    hasCompleted: false,
    denied: false,
    firstAtMs: null,
    actsUntilMs: 0,
  };
  Object.assign(reading, { visit, ...fresh, inputsHash: null, place: null });
};

/** What a cell that was gone through counts as. */
const count = (reading: Reading, entry: EntryOf<'outcome'> | EntryOf<'resolved'>, passed: number): void => {
  const { expectations } = entry;
  const failing = expectations.filter(({ result }) => result !== 'pass').length;
  if (expectations.length > 0 && failing === 0) reading.covered += 1;
  const overridden = expectations.some((one) => one.overridden === true);
  if (overridden) reading.overridden += 1;
  const said = entry.kind === 'outcome' ? entry.status : entry.verdict;
  if (said === 'skipped' || said === 'skip') reading.skipped += 1 + passed;
  else if (entry.kind === 'resolved') reading.forgiven += entry.verdict === 'failed' ? 1 : 0;
  else if (!overridden && (failing > 0 || (expectations.length === 0 && entry.status !== 'completed')))
    reading.forgiven += 1;
};

const keepOutput = (world: World, reading: Reading, name: string, entry: Entry | undefined): void => {
  reading.outputs.set(name, textIn(world, entry));
  // One that was cited cut, and is gone through again here, has an output of its own.
  if (isCut(entry)) reading.cut.add(name);
  else reading.cut.delete(name);
};

const goOn = (oracle: Oracle, reading: Reading, entry: EntryOf<'outcome'> | EntryOf<'resolved'>): void => {
  const cell = cellAt(oracle, reading.next);
  const { name } = cell;
  const passed = entry.passes === undefined ? [] : sectionOf(oracle.world.version.runbook, cell);
  count(reading, entry, passed.length);
  reading.ends.set(name, endOf(cell, entry));
  for (const other of passed) reading.ends.set(other, 'skipped');
  keepOutput(oracle.world, reading, name, entry);
  takeBack(reading, cell, entry);
  const after = reading.next + 1 + passed.length;
  const next = nextOf(reading, after);
  reading.next = next === Number.POSITIVE_INFINITY ? after : next;
  reading.halted = null;
  reading.permission = null;
  reading.dueAtMs = null;
  freshVisit(reading, 1);
};

const retry = (reading: Reading, entry: EntryOf<'outcome'> | EntryOf<'resolved'>, freshKey: boolean): void => {
  reading.permission = entry.permission;
  reading.dueAtMs = entry.dueAtMs;
  reading.halted = null;
  if (freshKey) freshVisit(reading, reading.visit + 1);
};

/** Whether the visit may have happened. A probe that found nothing says no; a person who says that it failed, too. */
const happened = (reading: Reading, { closes, status, closedBy }: EntryOf<'outcome'>): void => {
  if (closes === null) return;
  if (status === 'completed') Object.assign(reading, { mayHaveHappened: true, hasCompleted: true });
  else if (status === 'abandoned') reading.mayHaveHappened = closedBy !== 'probe';
  else if (status === 'unknown') reading.mayHaveHappened = true;
  else if (status === 'failed' && closedBy === 'person') deny(reading);
};

const deny = (reading: Reading): void => {
  reading.mayHaveHappened = false;
  reading.denied = true;
};

const outcome = (oracle: Oracle, reading: Reading, entry: EntryOf<'outcome'>): void => {
  const at = `seq ${entry.seq}`;
  const cell = cellAt(oracle, reading.next);
  const { open } = reading;
  must(entry.cell === cell.name && entry.visit === reading.visit, 'I2', `${at} is about another cell or visit`);
  must(
    entry.closes === (open?.seq ?? null),
    'I2',
    `${at} closes ${entry.closes}, and ${open?.seq ?? 'nothing'} is open`,
  );
  if (open === null) {
    must(reading.halted === null && reading.ended === null, 'I3', `${at} is out of turn`);
    judgeTurn(reading, oracle.world.version.runbook, at);
    const refused = entry.error?.code === 'inputs.unresolvable';
    const unread = cell.reads !== 'all' && cell.reads.some((name) => reading.cut.has(name));
    must(refused === unread, 'I9', `${at} is ${entry.status}, and what it reads is ${unread ? '' : 'not '}cut`);
    const when = judged(cell, reading);
    const skips = !refused && when === false;
    must((entry.status === 'skipped') === skips, 'I3', `${at} is ${entry.status}, and its when says otherwise`);
    const broken = !refused && when === 'broken';
    must((entry.error?.code === 'when.error') === broken, 'I3', `${at} is ${entry.status}, and its when is ${when}`);
    must(!broken || entry.then === 'halt', 'I3', `${at} goes on with a when that cannot be judged`);
    const doubtful = reading.mayHaveHappened && !reading.hasCompleted;
    const says = `${at} says ${entry.status} without an attempt, and an earlier one ${doubtful ? 'may have' : 'has not'} happened`;
    must(doubtful === (entry.status === 'unknown'), 'doubt', says);
  }
  judgeSeconded(oracle, reading, entry);
  judgeAsked(entry, reading);
  judgePasses(oracle, entry, cell);
  judgeClosing(oracle, reading, entry, cell);
  judgeCommitted(reading, entry, cell);
  judgeThen(oracle, reading, entry, cell);
  judgePermission(oracle, reading, entry, cell);
  happened(reading, entry);
  const refused = entry.unbegun === true && entry.then === 'halt';
  if (entry.status === 'never' || refused) reading.attempts -= 1;
  if (refused && reading.attempts === 0) reading.firstAtMs = null;
  reading.falseStarts = entry.status === 'never' ? reading.falseStarts + 1 : 0;
  reading.open = null;
  if (entry.then === 'retry') retry(reading, entry, entry.freshKey === true);
  else if (entry.then === 'halt') {
    const doubt = entry.status === 'unknown';
    const { actsUntilMs } = reading;
    const sinceAtMs = Math.max(entry.atMs, open?.deadlineAtMs ?? 0);
    reading.halted = { seq: open?.seq ?? entry.seq, doubt, sinceAtMs, actsUntilMs };
  } else goOn(oracle, reading, entry);
  if (entry.then === 'end') {
    const as = cell.body.kind === 'end' ? (cell.body.as ?? 'completed') : 'completed';
    must(entry.as === (as === 'failed' ? as : undefined), 'end', `${at} ends as ${entry.as}, and its cell says ${as}`);
    must(reading.ending === null, 'end', `${at} ends what is at its end`);
    overAs(reading, oracle.world.version.runbook.cells, as);
  } else settle(reading, oracle.world.version.runbook.cells);
  if (entry.reserve !== undefined) reserve(oracle, reading, entry, entry.reserve);
};

const resolved = (oracle: Oracle, reading: Reading, entry: EntryOf<'resolved'>): void => {
  const at = `seq ${entry.seq}`;
  must(reading.open === null && reading.halted !== null, 'I2', `${at} resolves what is not halted`);
  must(entry.about === reading.halted.seq, 'I2', `${at} is about ${entry.about}, not ${reading.halted.seq}`);
  const cell = cellAt(oracle, reading.next);
  judgeSeconded(oracle, reading, entry);
  judgeAsked(entry, reading);
  judgePasses(oracle, entry, cell);
  judgePermission(oracle, reading, entry, cell);
  must(entry.then !== 'end', 'I2', `${at} ends the run`);
  const { doubt, actsUntilMs } = reading.halted;
  const early = doubt && entry.closedBy === 'person' && entry.atMs < actsUntilMs;
  must(!early, 'I5', `${at} is a person's word about ${entry.about}, which may act until ${actsUntilMs}`);
  if (entry.verdict === 'failed' && entry.closedBy === 'person' && doubt) deny(reading);
  if (entry.closedBy === 'probe') {
    reading.mayHaveHappened = entry.verdict !== 'retry';
    reading.hasCompleted ||= entry.verdict !== 'retry';
  }
  if (entry.then === 'retry') {
    // A section that is gone through again is a new visit, and says so.
    retry(reading, entry, entry.freshKey || entry.again === true);
    reading.falseStarts = 0;
  } else if (entry.then === 'halt') reading.halted.doubt = false;
  else goOn(oracle, reading, entry);
  settle(reading, oracle.world.version.runbook.cells);
};

/** Reads one entry more. */
export const readOn = (oracle: Oracle, before: Reading | undefined, entry: Entry): Reading => {
  if (before === undefined) {
    must(entry.kind === 'started', 'I1', `the first entry is ${entry.kind}`);
    judgeBegun(oracle, entry);
    const first = beginning(oracle, entry);
    // An element may have nothing left to do when the run around it goes on.
    settle(first, oracle.world.version.runbook.cells);
    return first;
  }
  must(before.ended === null, 'I1', `seq ${entry.seq} stands after the end`);
  const reading = before;
  switch (entry.kind) {
    case 'started':
      must(false, 'I1', `seq ${entry.seq} starts it again`);
      break;
    case 'reserved':
      reserve(oracle, reading, entry, entry);
      break;
    case 'renewed':
      judgeRenewed(oracle, reading, entry);
      if (reading.open !== null) reading.open.deadlineAtMs = entry.deadlineAtMs;
      reading.actsUntilMs = entry.deadlineAtMs;
      break;
    case 'outcome':
      outcome(oracle, reading, entry);
      break;
    case 'waiting':
      must(
        reading.open === null && reading.halted === null && reading.ended === null,
        'I3',
        `seq ${entry.seq} waits out of turn`,
      );
      judgeTurn(reading, oracle.world.version.runbook, `seq ${entry.seq}`);
      must(entry.index === reading.next, 'I3', `seq ${entry.seq} waits for another cell`);
      must(entry.visit === reading.visit, 'I3', `seq ${entry.seq} waits in another visit`);
      must(cellAt(oracle, entry.index).name === entry.cell, 'I3', `seq ${entry.seq} waits for ${entry.cell}`);
      must(
        judged(cellAt(oracle, entry.index), reading) === true,
        'I3',
        `seq ${entry.seq} waits for what its when forbids`,
      );
      must(
        reading.inputsHash === null || reading.inputsHash === entry.inputsHash,
        'I9',
        `seq ${entry.seq} sees other inputs`,
      );
      reading.open = { kind: 'waiting', seq: entry.seq, token: entry.token, deadlineAtMs: 0 };
      Object.assign(reading, { permission: null, dueAtMs: null, inputsHash: entry.inputsHash, approvals: [] });
      Object.assign(reading, { row: null, heldDueAtMs: entry.dueAtMs });
      if (cellAt(oracle, entry.index).poll !== undefined)
        reading.place = whereOf(oracle, reading, entry, cellAt(oracle, entry.index));
      break;
    case 'holding':
      judgeHolding(oracle, reading, entry, cellAt(oracle, entry.index));
      break;
    case 'vote':
      judgeVote(oracle, reading, entry, cellAt(oracle, entry.index));
      reading.approvals = reading.approvals.filter((one) => one !== entry.by.actor);
      if (entry.decision === 'approve') reading.approvals.push(entry.by.actor);
      must(same(entry.approvals, reading.approvals), 'wait', `seq ${entry.seq} counts ${entry.approvals}`);
      break;
    case 'progress':
      judgeProgress(oracle, reading, entry);
      if (isOff(reading) && isEmpty(oracle, entry.about, entry.seq)) reading.open = null;
      settle(reading, oracle.world.version.runbook.cells);
      break;
    case 'proposed':
      judgeProposed(oracle, reading, entry);
      break;
    case 'resolved':
      resolved(oracle, reading, entry);
      break;
    case 'ending':
      judgeEnding(oracle, reading, entry);
      if (entry.stood !== null) keepOutput(oracle.world, reading, entry.stood.cell, oracle.entries[entry.stood.seq]);
      freshVisit(reading, 1);
      settle(reading, oracle.world.version.runbook.cells);
      break;
    case 'control':
      reading.drive = entry.drive ?? reading.drive;
      reading.epoch = entry.epoch ?? reading.epoch;
      break;
    case 'cancelled':
      judgeCancelled(oracle, reading, entry);
      if (reading.open?.kind === 'waiting' && isEmpty(oracle, reading.open.seq, entry.seq)) reading.open = null;
      settle(reading, oracle.world.version.runbook.cells);
      break;
  }
  return reading;
};

/** The state in the entry says the same as this reading. */
export const compare = (reading: Reading, { seq, state }: Entry): void => {
  const row = reading.open?.kind === 'waiting' ? reading.row : null;
  const pairs: [string, unknown, unknown][] = [
    ['next', reading.next, state.next],
    ['visit', reading.visit, state.visit],
    ['attempt', reading.attempts, state.attempt],
    ['falseStarts', reading.falseStarts, state.falseStarts],
    ['mayHaveHappened', reading.mayHaveHappened, state.mayHaveHappened],
    ['hasCompleted', reading.hasCompleted, state.hasCompleted],
    ['open', reading.open?.seq, state.open?.seq],
    ['open kind', reading.open?.kind, state.open?.kind],
    ['held since', row?.first.atMs, state.open?.kind === 'waiting' ? state.open.held?.sinceMs : undefined],
    ['held looks', row?.looks, state.open?.kind === 'waiting' ? state.open.held?.looks : undefined],
    ['halted', reading.halted?.seq, state.halted?.seq],
    ['doubt', reading.halted?.doubt, state.halted?.doubt],
    ['cancelled', reading.cancelled, state.cancelled !== null],
    ['owes', reading.owes?.as, state.owes?.as],
    ['ending', reading.ending?.as, state.ending?.as],
    ['ended', reading.ended, state.ended],
    ['drive', reading.drive, state.drive],
    ['epoch', reading.epoch, state.epoch],
    ['attempts', reading.reservations, state.counters.attempts],
    ['covered', reading.covered, state.counters.covered],
    ['forgiven', reading.forgiven, state.counters.forgiven],
    ['skipped', reading.skipped, state.counters.skipped],
    ['overridden', reading.overridden, state.counters.overridden],
    ['dueAtMs', reading.dueAtMs, state.dueAtMs],
  ];
  for (const [name, mine, theirs] of pairs) {
    must(mine === theirs, 'I1', `after seq ${seq} ${name} is ${mine}, and its state says ${theirs}`);
  }
};

/**
 * Who may close a step how, and what may permit another attempt: judged from the runbook's declarations and from what
 * the world witnessed. The promise itself is here: a step never runs twice without permission.
 */
import type { Cell, Checked, Entry, EntryOf } from '../../../src/engine/index.ts';
import { must } from '../world.ts';
import { commits } from './commits.ts';
import type { Oracle, Reading } from './reading.ts';
import { same } from './same.ts';
import { judgeWait } from './waits.ts';
import { writerOf } from './writer.ts';

type Closing = EntryOf<'outcome'> | EntryOf<'resolved'>;

/** Further attempts an interrupted cell gets when its `retry` is not given. */
const interruptedDefault = 2;
const falseStartsInRow = 10;
const backoffMaxMs = 5 * 60_000;

const satisfied = (status: string, checks: Checked[]): boolean =>
  checks.length > 0 ? checks.every((one) => one.result === 'pass') : status === 'completed';

const isPerson = (oracle: Oracle, entry: Closing): boolean => writerOf(oracle, entry)?.actor.startsWith('op') === true;

const begunAt = (oracle: Oracle, seq: number) => oracle.world.begins.find((begin) => begin.seq === seq);

/** A probe's answer that its asker had, about this step, no earlier than it may count. */
const wasAnswered = (oracle: Oracle, entry: Closing, about: number, said: string, sinceAtMs: number): boolean =>
  oracle.world.probes.some(
    (asked) =>
      asked.instanceId === oracle.world.instanceId &&
      asked.call.id === entry.by.where &&
      asked.about === about &&
      asked.said === said &&
      asked.askedAtMs >= sinceAtMs,
  );

/** By the call that held the step, itself or by way of the failure queue. */
const ofHolder = (oracle: Oracle, { open }: Reading, entry: EntryOf<'outcome'>): boolean => {
  if (entry.token === open?.token) return true;
  if (writerOf(oracle, entry)?.what !== 'redrive') return false;
  return oracle.world.aside.some(
    ({ about, token, outcome }) =>
      about === open?.seq &&
      token === open.token &&
      outcome.status === entry.status &&
      outcome.then === entry.then &&
      same(outcome.output, entry.output),
  );
};

const settledAtMs = (reading: Reading, cell: Cell): number =>
  (reading.open?.deadlineAtMs ?? reading.halted?.sinceAtMs ?? 0) + cell.settleMs;

const isSafe = ({ body }: Cell): boolean => body.kind === 'http' && body.method === 'GET';

/**
 * `failed` of a request that is not safe: known not to have happened, by any attempt of the visit. Where bodies act after
 * their time, or a person said what they did not know, what is known is less.
 */
const judgeFailed = (oracle: Oracle, reading: Reading, entry: EntryOf<'outcome'>, cell: Cell): void => {
  if (entry.status !== 'failed' || entry.closedBy !== 'holder' || cell.body.kind !== 'http' || isSafe(cell)) return;
  const { world } = oracle;
  const { clockFarOff, frozen, thawed, operatorRace, childOutlives, restore } = world.faults;
  if (reading.denied || clockFarOff + frozen + thawed + operatorRace + childOutlives + restore > 0) return;
  const happened = world.begins.find(
    (begin) =>
      begin.cell === cell.name && begin.visit === entry.visit && begin.seq < entry.seq && begin.effectAtMs !== null,
  );
  must(happened === undefined, 'meaning', `seq ${entry.seq} says failed, and seq ${happened?.seq} had happened`);
};

/** Who closed it, and whether they could and might. */
export const judgeClosing = (oracle: Oracle, reading: Reading, entry: EntryOf<'outcome'>, cell: Cell): void => {
  const { open } = reading;
  const at = `seq ${entry.seq}`;
  if (open === null) {
    // What may have happened, and whose further attempt came too late or could not begin, goes on where its author says so.
    const isDoubtful = reading.mayHaveHappened && !reading.hasCompleted;
    const goesOn = entry.closedBy === 'policy' && entry.status === 'unknown' && cell.interrupted === 'continue';
    const fits = entry.closedBy === 'holder' || (isDoubtful && goesOn);
    must(fits, 'I2', `${at} is closed by ${entry.closedBy}, and nothing was open`);
    const effect = !['assert', 'end', 'branch'].includes(cell.body.kind);
    must(!effect || entry.status !== 'completed', 'I2', `${at} completes ${cell.name} without a reservation`);
    return;
  }
  if (open.kind === 'waiting') {
    judgeWait(oracle, reading, entry, cell);
    return;
  }
  const begin = begunAt(oracle, open.seq);
  const byHolder = ofHolder(oracle, reading, entry);
  judgeFailed(oracle, reading, entry, cell);
  if (byHolder) {
    must(['holder', 'policy'].includes(entry.closedBy), 'I2', `${at}: its holder closes as ${entry.closedBy}`);
    must(entry.status !== 'abandoned', 'I2', `${at}: a holder abandons`);
    // Of what a task commits nothing stands: whether any does is looked at there.
    if (entry.status === 'never')
      must(begin === undefined || commits(cell), 'I4', `${at} says never, and ${cell.name} began`);
    if (entry.status === 'completed' && !commits(cell))
      must(begin?.effectAtMs != null, 'I4', `${at} says completed, and nothing happened`);
    return;
  }
  must(entry.closedBy !== 'holder', 'I4', `${at} closes as holder a reservation of somebody else`);
  const inDoubtAtMs = open.deadlineAtMs + oracle.world.graceMs;
  must(entry.atMs >= inDoubtAtMs, 'I4', `${at} closes ${open.seq} at ${entry.atMs}, before ${inDoubtAtMs}`);
  if (entry.closedBy === 'person') must(isPerson(oracle, entry), 'I5', `${at} is closed by a person, who is none`);
  if (entry.closedBy === 'probe' && entry.status === 'completed') {
    must(wasAnswered(oracle, entry, open.seq, 'done', 0), 'I5', `${at}: no probe answered done`);
  }
  if (entry.status === 'unknown') {
    must(cell.interrupted === 'continue', 'I5', `${at}: ${cell.name} goes on though it says ${cell.interrupted}`);
  }
};

/** A branch that is not gone into takes exactly its section along: judged false, or by a person's word. Nothing else does. */
export const judgePasses = (oracle: Oracle, entry: Closing, cell: Cell): void => {
  const at = `seq ${entry.seq}`;
  const { body } = cell;
  const leaves = entry.kind === 'outcome' ? entry.status === 'skipped' : entry.verdict === 'skip';
  const right = leaves && body.kind === 'branch' ? body.cells : undefined;
  must(entry.passes === right, 'I3', `${at} of ${cell.name} passes over ${entry.passes}, not ${right}`);
  if (right === undefined) return;
  must(entry.then === 'next', 'I3', `${at} passes over ${cell.name} and leads to ${entry.then}`);
  if (entry.kind === 'resolved')
    must(
      entry.closedBy === 'person' && isPerson(oracle, entry),
      'I5',
      `${at} passes over ${cell.name} by nobody's word`,
    );
};

const isUnreadable = ({ status, error }: EntryOf<'outcome'>): boolean =>
  status === 'completed' && error?.code === 'output.invalid';

/** What an ending leads to, as the runbook declares it. */
export const judgeThen = (_oracle: Oracle, reading: Reading, entry: EntryOf<'outcome'>, cell: Cell): void => {
  const at = `seq ${entry.seq}`;
  const { status } = entry;
  const good =
    (!isUnreadable(entry) && satisfied(status, entry.expectations)) ||
    (entry.closedBy === 'person' && status === 'completed');
  switch (entry.then) {
    case 'next': {
      const forgiven = cell.optional && (status === 'completed' || status === 'failed');
      const passed = status === 'skipped' || (status === 'unknown' && cell.interrupted === 'continue');
      must(good || forgiven || passed, 'I3', `${at} goes on after ${status}`);
      break;
    }
    case 'end':
      must(cell.body.kind === 'end' && reading.open === null, 'I3', `${at} ends the run`);
      break;
    case 'halt':
      must(
        status !== 'never' || reading.falseStarts + 1 >= falseStartsInRow,
        'I3',
        `${at} halts after ${reading.falseStarts + 1} false starts`,
      );
      break;
    case 'retry':
      must(!good, 'I5', `${at} tries a satisfied cell again`);
      must(!isUnreadable(entry), 'I5', `${at} repeats what completed with an output that cannot be read`);
      break;
  }
};

/**
 * Whether what the key stands for is still remembered where the cell sends it. A person's permission is given in the
 * knowledge of the time. The decision fell between the beginning of its call and the entry.
 */
export const inWindow = (oracle: Oracle, reading: Reading, entry: Entry, cell: Cell): boolean => {
  if (cell.keyWindowMs === null || reading.firstAtMs === null || reading.permission?.kind === 'person') return true;
  const decidedAtMs = writerOf(oracle, entry)?.atMs ?? entry.atMs;
  return decidedAtMs < reading.firstAtMs + cell.keyWindowMs;
};

/** The permission to start the cell again, if the entry gives one: it must be one that this cell, this closing, supports. */
export const judgePermission = (oracle: Oracle, reading: Reading, entry: Closing, cell: Cell): void => {
  const at = `seq ${entry.seq}`;
  const { permission } = entry;
  must(
    (permission !== null) === (entry.then === 'retry'),
    'I5',
    `${at}: then ${entry.then} and permission ${permission?.kind}`,
  );
  if (permission === null) return;
  const status = entry.kind === 'outcome' ? entry.status : 'abandoned';
  const about = entry.kind === 'outcome' ? entry.closes : entry.about;
  must(about !== null, 'I5', `${at} permits to repeat what was not reserved`);
  const budget = cell.retryMax ?? interruptedDefault;
  const interrupted = `${reading.attempts} attempts of ${cell.name}, retry=${cell.retryMax}`;
  switch (permission.kind) {
    case 'never':
      must(
        status === 'never' && entry.kind === 'outcome' && ofHolder(oracle, reading, entry),
        'I5',
        `${at} permits as never, and is ${status}`,
      );
      break;
    case 'retry': {
      must(status === 'failed' || status === 'completed', 'I5', `${at} permits a retry after ${status}`);
      const harmless = cell.retryOn === 'unexpected' || isSafe(cell);
      must(status === 'failed' || harmless, 'I5', `${at} repeats what completed, and ${cell.name} does not say so`);
      must(reading.attempts <= (cell.retryMax ?? 0), 'I5', `${at} permits a retry after ${interrupted}`);
      const { dueAtMs } = entry;
      const askedMs = Math.min(entry.kind === 'outcome' ? (entry.askedMs ?? 0) : 0, 3_600_000);
      const pauseMs = Math.max(backoffMaxMs, askedMs);
      must(dueAtMs !== null && dueAtMs <= entry.atMs + pauseMs, 'I5', `${at} is due at ${dueAtMs}`);
      const untilMs = (reading.firstAtMs ?? 0) + (cell.keyWindowMs ?? Number.POSITIVE_INFINITY);
      must(dueAtMs < untilMs, 'I5', `${at} permits a retry after its key's window`);
      break;
    }
    case 'interrupted':
      must(
        status === (commits(cell) ? 'failed' : 'abandoned') && entry.closedBy === 'policy',
        'I5',
        `${at} permits as interrupted, and is ${status}`,
      );
      must(
        cell.interrupted === 'retry',
        'I5',
        `${at} permits as interrupted, and ${cell.name} says ${cell.interrupted}`,
      );
      must(reading.attempts <= budget, 'I5', `${at} permits as interrupted after ${interrupted}`);
      must(inWindow(oracle, reading, entry, cell), 'I5', `${at} permits as interrupted after its key's window`);
      break;
    case 'probe':
      must(status === 'abandoned' && entry.closedBy === 'probe', 'I5', `${at} permits as probe, and is ${status}`);
      must(cell.interrupted === 'probe', 'I5', `${at} permits as probe, and ${cell.name} says ${cell.interrupted}`);
      must(reading.attempts <= budget, 'I5', `${at} permits as probe after ${interrupted}`);
      must(
        wasAnswered(oracle, entry, about, 'not-done', settledAtMs(reading, cell)),
        'I5',
        `${at}: no probe answered not-done after the settling`,
      );
      must(inWindow(oracle, reading, entry, cell), 'I5', `${at} permits as probe after its key's window`);
      break;
    case 'person':
      must(status === 'abandoned' && entry.closedBy === 'person', 'I5', `${at} permits as person, and is ${status}`);
      must(isPerson(oracle, entry), 'I5', `${at} permits as person, and was written by ${entry.by.actor}`);
      break;
  }
};

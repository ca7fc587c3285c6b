/** I10: what a caller was told stands in the journal; a refusal never appears in it later; a 503 names the id. */
import {
  type AdvanceAnswer,
  type Cancelled,
  type ClaimSet,
  type Entry,
  isRunEnd,
  type Redriven,
  type RunAnswer,
  type Started,
  type StepReport,
  type VerdictGiven,
  type View,
} from '../../../src/engine/index.ts';
import { entriesOf, familyOf } from '../kin.ts';
import { type Call, must } from '../world.ts';
import { judgeStays } from './endings.ts';
import type { Oracle } from './reading.ts';
import { checkRedriven } from './redriven.ts';
import { same } from './same.ts';
import { isBy } from './writer.ts';

const isReservation = (entry: Entry | undefined): boolean =>
  entry?.kind === 'reserved' || (entry?.kind === 'outcome' && entry.reserve !== undefined);

const checkStep = ({ entries }: Oracle, call: Call, step: StepReport): void => {
  const at = `${call.id} was told that seq ${step.seq} is ${step.status}`;
  const closing = entries.find((entry) => entry.kind === 'outcome' && (entry.closes ?? entry.seq) === step.seq);
  must(closing?.kind === 'outcome', 'I10', `${at}, and nothing closes it`);
  const own = isBy(call, closing);
  must(own === step.recorded, 'I10', `${at}, ${step.recorded ? 'recorded' : 'fenced'}; ${closing.by.where} closed it`);
  must(!own || (closing.status === step.status && closing.then === step.then), 'I10', `${at}, it is ${closing.status}`);
};

/** A view is that of one entry, and says what that entry says. */
const checkViewTold = ({ world, entries }: Oracle, call: Call, view: View): void => {
  const at = `${call.id} was shown a view of entry ${view.seq}`;
  const head = entries[view.seq];
  must(head !== undefined && view.headHash === world.chain[view.seq]?.hash, 'I10', `${at}, and another stands there`);
  const { state } = head;
  // What is gone through at the end of a run is no progress on its way.
  const done = state.ending?.at ?? state.next;
  must(view.cellsDone === done && view.drive === state.drive, 'I10', `${at}, and it says something else`);
  const ended = isRunEnd(view.status);
  must(ended ? view.status === state.ended : state.ended === null, 'I10', `${at} as ${view.status}`);
  // Whoever wrote is answered from where it left off, or from later.
  const own = entries.findLast((entry) => isBy(call, entry));
  const late = call.struck.length > 0;
  must(late || own === undefined || own.seq <= view.seq, 'I10', `${at}, before its own entry ${own?.seq}`);
};

/** What the batch gate makes of an answer. */
const checkGate = (call: Call, { stop, state, verdict, coverage }: RunAnswer): void => {
  const { covered: declared, forgiven, skipped, overridden } = state.counters;
  const cells = (state.ending?.at ?? state.next) - state.from;
  must(
    same(coverage, { declared, cells, forgiven, skipped, overridden }),
    'I10',
    `${call.id} was told another coverage`,
  );
  const stopped = stop.result === 'halted' || stop.result === 'in_doubt' ? 'halted' : 'unfinished';
  const done = declared > 0 ? 'passed' : 'completed procedurally';
  const right = state.ended === 'completed' ? done : (state.ended?.replace('_', ' ') ?? stopped);
  must(verdict === right, 'I10', `${call.id} was told ${verdict}, and it is ${right}`);
};

const checkAdvance = (oracle: Oracle, call: Call, answer: AdvanceAnswer | RunAnswer): void => {
  const { entries } = oracle;
  checkViewTold(oracle, call, answer.view);
  if ('verdict' in answer) checkGate(call, answer);
  const made = reservationsOf(oracle, call);
  const exact = call.struck.length > 0 ? answer.reserved <= made : answer.reserved === made;
  must(exact, 'I10', `${call.id} was told of ${answer.reserved} reservations, and ${made} are its own`);
  for (const step of answer.steps) checkStep(oracle, call, step);
  const head = entries[answer.view.seq];
  must(head !== undefined, 'I10', `${call.id} was told of entry ${answer.view.seq}`);
  must(same(answer.state, head.state), 'I10', `${call.id} was told another state than that of entry ${head.seq}`);
  const { stop } = answer;
  if (stop.result === 'in_flight') {
    const { seq, cell, deadlineAtMs, by } = stop.holder;
    const held = entries[seq];
    must(held !== undefined && isReservation(held), 'I10', `${call.id} was told that ${seq} is in flight`);
    const { open } = held.state;
    const deadlines = entries.flatMap((one) => (one.kind === 'renewed' && one.about === seq ? one.deadlineAtMs : []));
    const known = open?.kind === 'reserved' && [open.deadlineAtMs, ...deadlines].includes(deadlineAtMs);
    const right = known && open.cell === cell;
    must(right && by.where === held.by.where, 'I10', `${call.id} was told another holder of ${seq}`);
    // The doors refuse such a call: nothing of it stands then, its drive neither.
    const own = entries.find((entry) => isBy(call, entry));
    const refused = answer.steps.length === 0 && !answer.wrote;
    must(!refused || own === undefined, 'I10', `${call.id} is refused as in flight, and entry ${own?.seq} is its own`);
  }
  if (isRunEnd(stop.result)) {
    must(head.state.ended === stop.result, 'I10', `${call.id} was told ${stop.result}`);
  }
};

const checkCancelled = (oracle: Oracle, call: Call, answer: Cancelled): void => {
  const { entries } = oracle;
  const stands = entries.some((entry) => entry.kind === 'cancelled');
  must(stands, 'I10', `${call.id} was told that it is cancelled`);
  const { mayStillRun, view } = answer;
  const open = entries[view.seq]?.state.open;
  const right =
    open?.kind === 'reserved'
      ? { cell: open.cell, seq: open.seq, deadlineAtMs: open.lease?.untilAtMs ?? open.deadlineAtMs }
      : null;
  must(same(mayStillRun, right), 'I10', `${call.id} was told that ${mayStillRun?.seq ?? 'nothing'} may still run`);
  if (call.expectedSeq !== undefined) judgeStays(oracle, call, answer);
};

const checkStarted = ({ entries }: Oracle, call: Call, { created }: { created: boolean }): void => {
  const [first] = entries;
  must(first?.kind === 'started', 'I10', `${call.id} was told that it started`);
  must(isBy(call, first) === created, 'I10', `${call.id} was told created ${created}; ${first.by.where} started it`);
};

const wrote = ({ entries }: Oracle, call: Call, kinds: string[]): boolean =>
  entries.some((entry) => isBy(call, entry) && kinds.includes(entry.kind));

/** Who is told that it waits for another person has said so, now or before; who is not, that it has taken effect. */
const checkDecided = (oracle: Oracle, call: Call, { awaits }: VerdictGiven): void => {
  const own = oracle.entries.filter((entry) => entry.kind === 'proposed' && entry.by.actor === call.actor);
  const right = awaits === null ? wrote(oracle, call, ['resolved', 'outcome']) : own.length > 0;
  must(right, 'I10', `${call.id} was told that its verdict ${awaits === null ? 'stands' : 'is proposed'}`);
  const mine = awaits?.said.filter(({ actor }) => actor === call.actor) ?? [];
  must(awaits === null || mine.length === 1, 'I10', `${call.id} was told of ${mine.length} words of its own`);
};

const checkAnswer = (oracle: Oracle, call: Call, answer: unknown): void => {
  const stands = (kinds: string[]): void =>
    must(wrote(oracle, call, kinds), 'I10', `${call.id} was told that its ${call.what} stands`);
  switch (call.what) {
    case 'startAndRun': {
      const [first] = oracle.entries;
      const auto = first?.kind !== 'started' || !isBy(call, first) || first.drive === 'auto';
      must(auto, 'I10', `${call.id} runs it, and started it in drive manual`);
      checkStarted(oracle, call, answer as { created: boolean });
      checkAdvance(oracle, call, answer as RunAnswer);
      break;
    }
    case 'advance':
      checkAdvance(oracle, call, answer as AdvanceAnswer);
      break;
    case 'cancel':
      checkCancelled(oracle, call, answer as Cancelled);
      break;
    case 'verdict':
      checkDecided(oracle, call, answer as VerdictGiven);
      break;
    case 'undo':
      stands(['ending']);
      break;
    case 'redrive':
      checkRedriven(oracle, call, answer as Redriven);
      break;
    case 'done':
      stands(['outcome']);
      break;
    case 'vote':
      stands(['vote']);
      break;
    case 'setClaim': {
      const { claimId, revision, status } = (answer as ClaimSet).claim;
      const row = oracle.world.tables.row('claims', claimId, revision);
      const own = row?.status === status && call.tokens.has(row.token as string);
      must(own, 'I10', `${call.id} was told that ${claimId} is ${status} at revision ${revision}`);
      const before = oracle.world.tables.row('claims', claimId, revision - 1)?.status;
      const wasFinal = before === 'invalidated' || before === 'superseded';
      const opened = wasFinal && status !== before && row?.reason === undefined;
      must(!opened, 'I10', `${call.id} set ${claimId} to ${status} without a reason: it was ${before} for good`);
      break;
    }
    case 'useLink':
      stands(['vote']);
      break;
    case 'start':
    case 'startContinued':
      checkStarted(oracle, call, answer as Started);
      checkViewTold(oracle, call, (answer as Started).view);
      break;
    case 'release': {
      const released = (oracle.entries.at(-1)?.state.epoch ?? 0) >= call.process.epoch;
      must(released, 'I10', `${call.id} was told that the instance is released`);
      break;
    }
  }
};

/** What the refusal says beside its code. */
const checkDetails = ({ entries }: Oracle, call: Call, code: string, details: Record<string, unknown>): void => {
  if (code === 'seq.stale') {
    const { expectedSeq, seq } = details as { expectedSeq: number; seq: number };
    // Who decides about a step names that, and it may stand no more after a restore.
    const moved = expectedSeq === undefined || (seq !== expectedSeq && entries[seq] !== undefined);
    const right = expectedSeq === call.expectedSeq && moved;
    must(right, 'I10', `${call.id} named ${call.expectedSeq} and was told that ${expectedSeq} is not ${seq}`);
  }
  if (code === 'instance.finished' && details.ended !== undefined) {
    must(entries.at(-1)?.state.ended === details.ended, 'I10', `${call.id} was told that it ended as ${details.ended}`);
  }
};

/** Answers that promise nothing: what was asked for may yet have happened, or happen. */
export const promisesNothing = new Set(['store.unavailable', 'outcome.unrecorded', 'store.misconfigured']);

/** Looks of a simulated person that go past the engine's door. */
const readings = new Set(['look', 'inspect']);
/** Whoever has a link asks again by that; whoever continues a run by the id of that one. */
const byAnother = new Set(['readLink', 'useLink', 'startContinued']);
/** Calls about a claim name that. */
const aboutClaims = new Set(['setClaim', 'wake']);

const checkError = (oracle: Oracle, call: Call, code: string, details: Record<string, unknown>): void => {
  if (promisesNothing.has(code)) {
    const exempt = readings.has(call.what) || aboutClaims.has(call.what) || byAnother.has(call.what);
    // An outcome that is not recorded may be that of an element.
    const elements = code === 'outcome.unrecorded' ? familyOf(oracle.world) : [oracle.world];
    const isIts = elements.some(({ instanceId }) => instanceId === details.instanceId);
    const named = code === 'store.misconfigured' || exempt || isIts;
    must(named, 'I10', `${call.id} was told ${code} without the id to ask again with`);
    return;
  }
  checkDetails(oracle, call, code, details);
  // The store's id says nothing of the call that drew it, and who was told that a person is needed nothing of what was asked.
  const said = oracle.world.tables
    .rows('claims')
    .filter(({ claimId }) => !/^(store|lock|link):|^pages$/.test(String(claimId)));
  const written = said.find((row) => call.tokens.has(row.token as string));
  must(written === undefined, 'I10', `${call.id} was told ${code}, and a claim of it stands`);
  const entry = oracle.entries.find((one) => isBy(call, one));
  must(entry === undefined, 'I10', `${call.id} was told ${code}, and entry ${entry?.seq} (${entry?.kind}) is its own`);
};

/** Whoever named a seq wrote nothing after any other head, and no more reservations than were asked for. */
const checkNamed = ({ entries }: Oracle, call: Call): void => {
  if (call.expectedSeq === undefined) return;
  const first = entries.find((one) => isBy(call, one));
  if (first === undefined) return;
  const stale = `${call.id} named seq ${call.expectedSeq} and wrote entry ${first.seq}`;
  must(first.seq === call.expectedSeq + 1, 'expectedSeq', stale);
};

/** In the instance and in what is begun for its elements. */
const reservationsOf = ({ world }: Oracle, call: Call): number =>
  familyOf(world)
    .flatMap(entriesOf)
    .filter((entry) => isBy(call, entry) && isReservation(entry)).length;

const checkCount = (oracle: Oracle, call: Call): void => {
  if (call.what !== 'advance') return;
  const { handOver } = call;
  // What an element reserves leaves the seq of its parent as it is: a delivery that comes twice may find work twice.
  const isAlone = familyOf(oracle.world).length === 1;
  const counted = handOver?.expectedSeq === undefined || !isAlone ? [call] : handOver.deliveries;
  const made = counted.reduce((sum, one) => sum + reservationsOf(oracle, one), 0);
  must(made <= call.maxCells, 'maxCells', `${call.id} was to make ${call.maxCells} reservations and made ${made}`);
};

export const checkTold = (oracle: Oracle): void => {
  for (const call of oracle.world.calls) {
    if (call.forgotten || call.about !== oracle.world.instanceId) continue;
    checkNamed(oracle, call);
    checkCount(oracle, call);
    const { told } = call;
    if (told?.kind === 'answer') checkAnswer(oracle, call, told.answer);
    if (told?.kind === 'error') checkError(oracle, call, told.code, told.details);
  }
};

/** I10: what a caller was told stands in the journal; a refusal never appears in it later; a 503 names the id. */
import type {
  AdvanceAnswer,
  Cancelled,
  ClaimSet,
  Entry,
  Redriven,
  Started,
  StepReport,
} from '../../../src/engine/index.ts';
import { type Call, instanceId, must } from '../world.ts';
import type { Oracle } from './reading.ts';
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

const checkAdvance = (oracle: Oracle, call: Call, answer: AdvanceAnswer): void => {
  const { entries } = oracle;
  for (const step of answer.steps) checkStep(oracle, call, step);
  const head = entries[answer.view.seq];
  must(head !== undefined, 'I10', `${call.id} was told of entry ${answer.view.seq}`);
  must(same(answer.state, head.state), 'I10', `${call.id} was told another state than that of entry ${head.seq}`);
  const { stop } = answer;
  if (stop.result === 'in_flight') {
    must(isReservation(entries[stop.holder.seq]), 'I10', `${call.id} was told that ${stop.holder.seq} is in flight`);
    // The doors refuse such a call: nothing of it stands then, its drive neither.
    const own = entries.find((entry) => isBy(call, entry));
    const refused = answer.steps.length === 0 && !answer.wrote;
    must(!refused || own === undefined, 'I10', `${call.id} is refused as in flight, and entry ${own?.seq} is its own`);
  }
  if (stop.result === 'completed' || stop.result === 'cancelled') {
    must(head.state.ended === stop.result, 'I10', `${call.id} was told ${stop.result}`);
  }
};

const checkCancelled = ({ entries }: Oracle, call: Call, answer: Cancelled): void => {
  const stands = entries.some((entry) => entry.kind === 'cancelled');
  must(stands, 'I10', `${call.id} was told that it is cancelled`);
  const { mayStillRun } = answer;
  if (mayStillRun !== null) {
    must(isReservation(entries[mayStillRun.seq]), 'I10', `${call.id} was told that ${mayStillRun.seq} may still run`);
  }
};

const wrote = ({ entries }: Oracle, call: Call, kinds: string[]): boolean =>
  entries.some((entry) => isBy(call, entry) && kinds.includes(entry.kind));

const checkAnswer = (oracle: Oracle, call: Call, answer: unknown): void => {
  const stands = (kinds: string[]): void =>
    must(wrote(oracle, call, kinds), 'I10', `${call.id} was told that its ${call.what} stands`);
  switch (call.what) {
    case 'advance':
      checkAdvance(oracle, call, answer as AdvanceAnswer);
      break;
    case 'cancel':
      checkCancelled(oracle, call, answer as Cancelled);
      break;
    case 'verdict':
      stands(['resolved', 'outcome']);
      break;
    case 'redrive':
      if ((answer as Redriven).result === 'recorded') stands(['outcome']);
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
    case 'start': {
      const first = oracle.entries[0];
      must(first?.kind === 'started', 'I10', `${call.id} was told that it started`);
      const created = isBy(call, first);
      must(created || !(answer as Started).created, 'I10', `${call.id} was told that it created the instance`);
      break;
    }
    case 'release': {
      const released = (oracle.entries.at(-1)?.state.epoch ?? 0) >= call.process.epoch;
      must(released, 'I10', `${call.id} was told that the instance is released`);
      break;
    }
  }
};

/** Answers that promise nothing: what was asked for may yet have happened, or happen. */
export const promisesNothing = new Set(['store.unavailable', 'outcome.unrecorded', 'store.misconfigured']);

/** Looks of a simulated person that go past the engine's door. */
const readings = new Set(['look', 'inspect']);
/** Calls about a claim name that. */
const aboutClaims = new Set(['setClaim', 'wake']);

const checkError = (oracle: Oracle, call: Call, code: string, details: Record<string, unknown>): void => {
  if (promisesNothing.has(code)) {
    const exempt = readings.has(call.what) || aboutClaims.has(call.what);
    const named = code === 'store.misconfigured' || exempt || details.instanceId === instanceId;
    must(named, 'I10', `${call.id} was told ${code} without the id to ask again with`);
    return;
  }
  // The store's id says nothing of the call that drew it.
  const said = oracle.world.tables.rows('claims').filter((row) => row.claimId !== 'store:id');
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

const reservationsOf = ({ entries }: Oracle, call: Call): number =>
  entries.filter((entry) => isBy(call, entry) && isReservation(entry)).length;

const checkCount = (oracle: Oracle, call: Call): void => {
  if (call.what !== 'advance') return;
  const { handOver } = call;
  const counted = handOver?.expectedSeq === undefined ? [call] : handOver.deliveries;
  const made = counted.reduce((sum, one) => sum + reservationsOf(oracle, one), 0);
  must(made <= call.maxCells, 'maxCells', `${call.id} was to make ${call.maxCells} reservations and made ${made}`);
};

export const checkTold = (oracle: Oracle): void => {
  for (const call of oracle.world.calls) {
    if (call.forgotten) continue;
    checkNamed(oracle, call);
    checkCount(oracle, call);
    const { told } = call;
    if (told?.kind === 'answer') checkAnswer(oracle, call, told.answer);
    if (told?.kind === 'error') checkError(oracle, call, told.code, told.details);
  }
};

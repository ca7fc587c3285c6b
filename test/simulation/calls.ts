/** One call into an engine: who asks, what it was told, and what struck it on the way. */
import { isPawlError, limits, type Unrecorded } from '../../src/engine/index.ts';
import type { FaultKind } from './faults.ts';
import type { Process } from './processes.ts';
import { breaks, type Call, currentCall, type HandOver, RuleBroken, say, type World } from './world.ts';

export type By = { actor: string; via: string; where: string };

type Options = {
  about?: string;
  budgetMs?: number;
  expectedSeq?: number | undefined;
  maxCells?: number;
  handOver?: HandOver;
  item?: Unrecorded;
};

/** Codes that no fault of a simulation explains: the journal is whole, and so is what the engine makes of it. */
const defects = new Set(['journal.broken', 'journal.newer', 'inputs.changed', 'limit.exceeded', 'runbook.unknown']);

/**
 * Asks, in the name of `actor`. `undefined` when the call was refused, failed, or its caller's time was over.
 * A process that dies in it never comes back from it.
 */
export const ask = async <T>(
  world: World,
  process: Process,
  actor: string,
  what: string,
  options: Options,
  work: (by: By) => Promise<T>,
): Promise<T | undefined> => {
  process.callsMade += 1;
  const atMs = process.ports.clock.nowMs();
  const call: Call = {
    id: `${process.name}#${process.callsMade}`,
    actor,
    what,
    about: options.about ?? world.instanceId,
    process,
    atMs,
    budgetMs: options.budgetMs ?? 30_000,
    endAtMs: atMs,
    beganAtMs: world.schedule.nowMs(),
    endsAtMs: world.schedule.nowMs(),
    expectedSeq: options.expectedSeq,
    maxCells: options.maxCells ?? 0,
    handOver: options.handOver,
    item: options.item,
    struck: [],
    tokens: new Set(),
    acknowledged: new Set(),
    onAbandoned: null,
    told: null,
    forgotten: false,
    frozenInPut: false,
  };
  world.calls.push(call);
  process.calls.add(call);
  options.handOver?.deliveries.push(call);
  const by = { actor, via: 'simulation', where: call.id };
  const asked = currentCall.run(call, () => settle(world, call, work(by)));
  if (world.rates.thawed === 0) return await asked;
  const abandoned = new Promise<undefined>((resolve) => {
    call.onAbandoned = () => {
      say(world, call.id, 'its caller has given up; it goes on beside the next call');
      resolve(undefined);
    };
  });
  return await Promise.race([asked, abandoned]);
};

/** Faults that take the time of a call away from it. */
const stopping = new Set<FaultKind>(['frozen', 'thawed', 'frozenBeforeArm', 'operatorRace']);

/** Whether the invocation of a call is over: whatever of it is still alive is killed. */
export const isOver = ({ schedule }: World, { tokens, endsAtMs }: Call): boolean =>
  tokens.size > 0 && schedule.nowMs() > endsAtMs + limits.invocationEndMs;

/** The time of a call is counted from now on. */
export const countFrom = ({ schedule }: World, call: Call): void => {
  call.endsAtMs = schedule.nowMs() + call.budgetMs;
  call.endAtMs = call.endsAtMs + call.process.offMs;
};

/** Nothing of a call is alive when its invocation is over, unless its sandbox was stopped on the way. */
export const checkOver = (world: World, call: Call): void => {
  if (!isOver(world, call) || call.struck.some((kind) => stopping.has(kind))) return;
  breaks(world, new RuleBroken('end', `${call.id} (${call.what}) is alive after the end of its invocation`));
};

const settle = async <T>(world: World, call: Call, work: Promise<T>): Promise<T | undefined> => {
  try {
    const answer = await work;
    checkOver(world, call);
    // Nobody hears what an abandoned call says.
    if (!call.struck.includes('thawed')) call.told = { kind: 'answer', answer };
    return answer;
  } catch (error) {
    if (isPawlError(error)) checkOver(world, call);
    else {
      breaks(world, error);
      return undefined;
    }
    if (!call.struck.includes('thawed')) call.told = { kind: 'error', code: error.code, details: error.details };
    say(world, call.id, `${call.what}: told ${error.code}`);
    const isDefect = defects.has(error.code) && !(world.isAltered && error.code === 'journal.broken');
    if (isDefect) breaks(world, new RuleBroken('defect', `${call.id} was told ${error.message}`));
    return undefined;
  } finally {
    call.onAbandoned = null;
    call.process.calls.delete(call);
  }
};

/** The batch gate: an advance without a limit, and a verdict over the whole run. */
import { advance, stoppable } from '../advance.ts';
import type { Engine } from '../call/call.ts';
import type { AdvanceAnswer, AdvanceRequest } from '../call/progress.ts';
import { withInstanceId } from '../model/errors.ts';
import type { State } from '../model/state.ts';
import { type StartRequest, startIn } from './start.ts';

type Verdict = 'passed' | 'completed procedurally' | 'failed' | 'rolled back' | 'halted' | 'cancelled' | 'unfinished';
export type RunAnswer = AdvanceAnswer & {
  verdict: Verdict;
  /**
   * `declared`: how many of the cells gone through declared expectations that all passed; a run with none is never called
   * passed, whatever was forgiven or overridden.
   */
  coverage: { declared: number; cells: number; forgiven: number; skipped: number; overridden: number };
};

/** What the batch gate says beside the answer of an advance. */
export const gateOf = (answer: AdvanceAnswer): RunAnswer => {
  const { state } = answer;
  const { covered, forgiven, skipped, overridden } = state.counters;
  const halted = answer.result === 'halted' || answer.result === 'in_doubt';
  const coverage = {
    declared: covered,
    cells: (state.ending?.at ?? state.next) - state.from,
    forgiven,
    skipped,
    overridden,
  };
  return { ...answer, verdict: verdictOf(state, halted), coverage };
};

const verdictOf = (state: State, halted: boolean): Verdict => {
  if (state.ended === 'cancelled') return 'cancelled';
  if (state.ended === 'failed') return 'failed';
  if (state.ended === 'rolled_back') return 'rolled back';
  if (state.ended === null) return halted ? 'halted' : 'unfinished';
  return state.counters.covered > 0 ? 'passed' : 'completed procedurally';
};

/**
 * Starts an instance and runs it, in one call: drive `auto` from its first entry on.
 * @throws what `start` and `advance` throw
 */
export const startAndRun = async (
  engine: Engine,
  request: Omit<StartRequest, 'drive'>,
  { budgetMs, signal }: Pick<AdvanceRequest, 'budgetMs' | 'signal'>,
): Promise<RunAnswer & { created: boolean }> => {
  const { call, created } = await startIn(stoppable(engine, signal), { ...request, drive: 'auto' }, budgetMs);
  const stopping = signal === undefined ? {} : { signal };
  const advanceRequest = {
    by: request.by,
    budgetMs,
    maxCells: Number.POSITIVE_INFINITY,
    drive: 'auto',
    ...stopping,
  } as const;
  return {
    ...gateOf(await withInstanceId(call.instanceId, advance(engine, call.instanceId, advanceRequest, call))),
    created,
  };
};

/** Drive `auto`, no cell limit: the same code path as `advance`. @throws what `advance` throws */
export const run = async (
  engine: Engine,
  instanceId: string,
  request: Omit<AdvanceRequest, 'maxCells' | 'drive'>,
): Promise<RunAnswer> =>
  gateOf(await advance(engine, instanceId, { ...request, maxCells: Number.POSITIVE_INFINITY, drive: 'auto' }));

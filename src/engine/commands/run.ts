/** The batch gate: an advance without a limit, and a verdict over the whole run. */
import { advance } from '../advance.ts';
import type { Engine } from '../call/call.ts';
import type { AdvanceAnswer, AdvanceRequest } from '../call/progress.ts';
import type { State } from '../model/entries.ts';

type Verdict = 'passed' | 'completed procedurally' | 'halted' | 'cancelled' | 'unfinished';
export type RunAnswer = AdvanceAnswer & {
  verdict: Verdict;
  /**
   * `declared`: how many of the cells gone through declared expectations that all passed; a run with none is never called
   * passed, whatever was forgiven or overridden.
   */
  coverage: { declared: number; cells: number; forgiven: number; skipped: number };
};

/** What the batch gate says beside the answer of an advance. */
export const gateOf = (answer: AdvanceAnswer): RunAnswer => {
  const { state } = answer;
  const { covered, forgiven, skipped } = state.counters;
  const halted = answer.result === 'halted' || answer.result === 'in_doubt';
  const coverage = { declared: covered, cells: state.next - state.from, forgiven, skipped };
  return { ...answer, verdict: verdictOf(state, halted), coverage };
};

const verdictOf = (state: State, halted: boolean): Verdict => {
  if (state.ended === 'cancelled') return 'cancelled';
  if (state.ended === null) return halted ? 'halted' : 'unfinished';
  return state.counters.covered > 0 ? 'passed' : 'completed procedurally';
};

/** Drive `auto`, no cell limit: the same code path as `advance`. @throws what `advance` throws */
export const run = async (
  engine: Engine,
  instanceId: string,
  request: Omit<AdvanceRequest, 'maxCells' | 'drive'>,
): Promise<RunAnswer> =>
  gateOf(await advance(engine, instanceId, { ...request, maxCells: Number.POSITIVE_INFINITY, drive: 'auto' }));

/** The engine's door: other folders import from here and from nowhere else in this folder. */
export type { AdvanceAnswer } from './advance.ts';
export { apply, satisfiedAt } from './apply.ts';
export type { Cancelled, DoneRequest, Published, RunAnswer, Verdict } from './commands.ts';
export type { ContinueRequest } from './continuation.ts';
export { type Decision, decide, type Holder, marginMs, type Stop } from './decide.ts';
export { createEngine, type Engine } from './engine.ts';
export * from './entries.ts';
export * from './errors.ts';
export { type CellReport, type CellState, type Inspection, readJournal } from './inspect.ts';
export * from './limits.ts';
export * from './ports.ts';
export type { AdvanceRequest, StepReport } from './progress.ts';
export * from './runbook.ts';
export type { Started, StartRequest } from './start.ts';
export { together } from './together.ts';
export { type Redriven, readUnrecorded, type Unrecorded } from './unrecorded.ts';
export type { VerdictRequest } from './verdicts.ts';
export * from './view.ts';

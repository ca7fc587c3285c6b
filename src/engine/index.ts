/** The engine's door: other folders import from here and from nowhere else in this folder. */

export { type ClaimRequest, type ClaimSet, wakeIdOf, wakeOf } from './call/claims.ts';
export { loadPins, type Newer, newerThan, type ReadPin } from './call/pins.ts';
export type { AdvanceAnswer, AdvanceRequest, StepReport } from './call/progress.ts';
export { heldBy } from './call/refusals.ts';
export type { Cancelled } from './commands/cancel.ts';
export type { DoneRequest } from './commands/done.ts';
export type { LinkShown } from './commands/links.ts';
export type { Published } from './commands/publish.ts';
export type { Redriven } from './commands/redrive.ts';
export { gateOf, type RunAnswer } from './commands/run.ts';
export type { Started, StartRequest } from './commands/start.ts';
export type { VerdictRequest } from './commands/verdictFacts.ts';
export type { VerdictGiven } from './commands/verdicts.ts';
export type { Voted, VoteRequest } from './commands/votes.ts';
export { createEngine, type Engine } from './engine.ts';
export * from './model/index.ts';
export type {
  Armed,
  Authoring,
  CellInput,
  CellResult,
  ClaimEntry,
  Claims,
  Clock,
  CodeToCome,
  Due,
  Evaluated,
  Execute,
  Here,
  HolderState,
  Journal,
  Lasts,
  LinkEntry,
  Links,
  LockEntry,
  Locks,
  Looks,
  Marks,
  Moment,
  Observe,
  Ports,
  Put,
  Random,
  Refused,
  RenderedBody,
  Scope,
  Secrets,
  SecretsRead,
  Standby,
  StepInfo,
  Subscriptions,
  Versions,
  Views,
  Waiter,
} from './ports.ts';
export type { CellReport } from './reading/cellReport.ts';
export type { EndReport } from './reading/endReport.ts';
export { createFollower, type Followed, type FollowRequest, type JournalPages } from './reading/follow.ts';
export type { Inspection } from './reading/inspect.ts';
export { type PlanRequest, planOf } from './reading/plan.ts';
export { isClosingOf, type UndecidedReport, undecidedIn, undecidedReport } from './reading/undecided.ts';
export { apply } from './rules/apply.ts';
export { decide, goesByItself } from './rules/decide.ts';
export { isCalledOff, isEndUnderWay } from './rules/going.ts';
export { isBound } from './rules/place.ts';
export { decidableAtMs } from './rules/policy.ts';
export { proposalsIn } from './rules/proposing.ts';
export type { Holder, Stop } from './rules/stop.ts';
export { elementsNeedSomebody, statusOf, viewOf, workerAt } from './rules/view.ts';
export type { WaitReport } from './waiting/kinds.ts';

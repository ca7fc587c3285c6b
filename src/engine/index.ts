/** The engine's door: other folders import from here and from nowhere else in this folder. */

export { readJournal } from './call/journal.ts';
export type { AdvanceAnswer, AdvanceRequest, StepReport } from './call/progress.ts';
export type { Cancelled } from './commands/cancel.ts';
export { type ClaimRequest, type ClaimSet, wakeIdOf, wakeOf } from './commands/claims.ts';
export type { ContinueRequest } from './commands/continuation.ts';
export type { DoneRequest } from './commands/done.ts';
export type { LinkShown, LinkVote, MadeLink } from './commands/links.ts';
export type { Published } from './commands/publish.ts';
export type { Redriven } from './commands/redrive.ts';
export { gateOf, type RunAnswer, type Verdict } from './commands/run.ts';
export type { Started, StartRequest } from './commands/start.ts';
export type { VerdictRequest } from './commands/verdicts.ts';
export type { Voted, VoteRequest } from './commands/votes.ts';
export { createEngine, type Engine } from './engine.ts';
export { assertChain, assertFollows, brokenAt } from './model/chain.ts';
export {
  atMs,
  type By,
  by,
  type Checked,
  type Continues,
  type Drive,
  type Entry,
  type EntryBody,
  type EntryKind,
  type EntryOf,
  entrySchema,
  type Failure,
  journalVersion,
  type Note,
  type Open,
  type Output,
  outcomeSchema,
  type Permission,
  type Reservation,
  type Standing,
  type State,
  type Status,
  type Then,
  traceSchema,
} from './model/entries.ts';
export { type ErrorCode, errorCodes, isPawlError, named, PawlError, type Problem } from './model/errors.ts';
export { type EngineEvent, eventLevels } from './model/events.ts';
export { limits } from './model/limits.ts';
export { isDeeper } from './model/nesting.ts';
export {
  type ApproveBody,
  type AwaitBody,
  type Cell,
  type CellBody,
  type CellKind,
  type ClaimStatus,
  type CodeBody,
  claimStatuses,
  type Expression,
  type HttpBody,
  type Interrupted,
  natureOf,
  type OnTimeout,
  type Probe,
  type Runbook,
  type Template,
  type TemplateWrite,
  type Version,
  type WaitBody,
} from './model/runbook.ts';
export { settleAll } from './model/settleAll.ts';
export { coveredBy, fromStored, storedForm } from './model/stored.ts';
export { readUnrecorded, type Unrecorded } from './model/unrecorded.ts';
export type {
  Armed,
  Authoring,
  CellInput,
  CellResult,
  ClaimEntry,
  Claims,
  Clock,
  Due,
  Evaluated,
  Execute,
  Journal,
  LinkEntry,
  Links,
  LockEntry,
  Locks,
  Moment,
  Observe,
  Ports,
  Put,
  Random,
  RenderedBody,
  Scope,
  StepInfo,
  Subscriptions,
  Versions,
  Views,
  Waiter,
} from './ports.ts';
export type { Followed, FollowRequest } from './reading/follow.ts';
export type { CellReport, CellState, Inspection } from './reading/inspect.ts';
export { apply, satisfiedAt } from './rules/apply.ts';
export { type Decision, decide, marginMs } from './rules/decide.ts';
export type { Holder, Stop } from './rules/stop.ts';
export { statusOf, type View, type ViewStatus, viewOf } from './rules/view.ts';
export type { Shown } from './waiting/approve.ts';
export type { WaitReport } from './waiting/kinds.ts';

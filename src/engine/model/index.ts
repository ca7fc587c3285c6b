/** The words of the domain, behind one door: the engine's door hands them on, and the contract takes them from here. */

export { assertChain, assertFollows, brokenAt } from './chain.ts';
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
} from './entries.ts';
export { type ErrorCode, errorCodes, isPawlError, named, PawlError, type Problem } from './errors.ts';
export { type EngineEvent, eventLevels } from './events.ts';
export { limits } from './limits.ts';
export { isDeeper } from './nesting.ts';
export { isKept, isLossy, lossyNumberIn, pathOf, wholeOf } from './numbers.ts';
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
  runsOf,
  type Template,
  type TemplateWrite,
  type Version,
  type WaitBody,
} from './runbook.ts';
export { settleAll } from './settleAll.ts';
export { coveredBy, fromStored, storedForm } from './stored.ts';
export { readUnrecorded, type Unrecorded } from './unrecorded.ts';

/** The words of the domain, behind one door: the engine's door hands them on, and the contract takes them from here. */

export { assertChain, assertFollows, breakBetween, brokenAt } from './chain.ts';
export {
  atMs,
  type By,
  by,
  type Checked,
  type Entry,
  type EntryOf,
  entrySchema,
  type Failure,
  journalVersion,
  type Note,
  type Open,
  type Output,
  type Permission,
  type Standing,
  type State,
  type Status,
  storeIdSchema,
  traceSchema,
  type Unchecked,
} from './entries.ts';
export { type ErrorCode, errorCodes, isPawlError, PawlError, type Problem } from './errors.ts';
export { type EngineEvent, eventLevels } from './events.ts';
export { limits } from './limits.ts';
export { isDeeper } from './nesting.ts';
export {
  isInfinite,
  isKept,
  isLossy,
  lossyNumberIn,
  parseAsWritten,
  pathOf,
  wholeOf,
  writtenAs,
} from './numbers.ts';
export {
  type ApproveBody,
  type AwaitBody,
  type Cell,
  type CellBody,
  type CellKind,
  type ClaimStatus,
  claimStatuses,
  type Expression,
  type HttpBody,
  type Interrupted,
  natureOf,
  type Probe,
  type Runbook,
  runsOf,
  type Template,
  type TemplateWrite,
  type Version,
} from './runbook.ts';
export { settleAll } from './settleAll.ts';
export { type Attributes, coveredBy, fromStored, storedForm } from './stored.ts';
export { headOf } from './text.ts';
export { readUnrecorded, type Unrecorded } from './unrecorded.ts';
export { type View, type ViewStatus, viewStatuses } from './view.ts';

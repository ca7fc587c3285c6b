/** The words of the domain, behind one door: the engine's door hands them on, and the contract takes them from here. */

export { whyNoVote } from './asked.ts';
export { createSectionsBegun } from './begun.ts';
export { type CellEnd, cellEnds } from './cellEnd.ts';
export {
  type ApproveBody,
  type AwaitBody,
  type AwsBody,
  type CellKind,
  type ClaimStatus,
  claimStatuses,
  type Expression,
  type Holds,
  type HttpBody,
  type Lasting,
  type ScriptBody,
  type TaskBody,
  type Template,
  type TemplateWrite,
} from './cellKinds.ts';
export {
  changesSomething,
  familyBody,
  interruptedText,
  isCommitted,
  isSafe,
  isSafeMethod,
  kindWord,
  natureOf,
  safeBy,
  safeText,
} from './cellNature.ts';
export { assertChain, assertFollows, breakBetween, brokenAt } from './chain.ts';
export { type CommitWrite, readWrites } from './commit.ts';
export {
  type Entry,
  type EntryOf,
  entrySchema,
  journalVersion,
  type Note,
  type Standing,
  type Unchecked,
} from './entries.ts';
export { type ErrorCode, errorCodes, isPawlError, PawlError, type Problem } from './errors.ts';
export { type EngineEvent, eventLevels } from './events.ts';
export { type Evidence, evidenceSchema, type Unkept, unkeptReasons, without } from './evidence.ts';
export { childId, isChild, type Parent, rootOf, unfinishedIn } from './family.ts';
export {
  atMs,
  type By,
  by,
  type Checked,
  type Failure,
  type Output,
  type Permission,
  type Status,
  storeIdSchema,
  type Then,
  traceSchema,
  type VerdictWord,
} from './fields.ts';
export { isTooLong, type Lease, leaseOfPlaces } from './lease.ts';
export { allCells, branchesOf, innerCells, isAtEnd, levelOf, wayOf } from './levels.ts';
export { limits } from './limits.ts';
export { type LastLook, lastLookSchema } from './look.ts';
export { isDeeper, whyUnread } from './nesting.ts';
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
export { once } from './once.ts';
export { peopleForm, peopleIn } from './people.ts';
export { childrenFirst, depthOf, type Named, type Pinned, type Pins, pinsIn, takesBack } from './pins.ts';
export {
  anyPlace,
  isNeverHanded,
  isPlace,
  lambdaPlace,
  localPlace,
  type Needs,
  placeForm,
  programName,
  variableNeed,
  variableOf,
} from './place.ts';
export type { Ends, Failing, Plan, PlannedCell, PlannedRun } from './planned.ts';
export { isPublicUrl, publicUrlForm } from './publicUrl.ts';
export { isReadingAction, secretIsNoOutput, tellsSecret } from './reading.ts';
export {
  type Cell,
  type CellBody,
  type Cleanup,
  type EachBody,
  type Interrupted,
  listOfOne,
  type Notify,
  type Part,
  type Pin,
  type Probe,
  partAt,
  partsOf,
  type RunBody,
  type Runbook,
  runbookFormat,
  runsOf,
  runsOnce,
  type SecretSpec,
  type Version,
} from './runbook.ts';
export { isRunEnd, type RunEnd, runEnds, type WayEnd } from './runEnd.ts';
export { type ScriptFile, type ScriptFolder, scriptFilesIn } from './scriptFiles.ts';
export { settleAll } from './settleAll.ts';
export { sessionAlphabet, sessionNameCharsMax, shortName, tokenOf } from './shortName.ts';
export { type Open, proposalSchema, type State } from './state.ts';
export { type Attributes, coveredBy, fromStored, storedForm } from './stored.ts';
export { type BrokenTasks, commitEffects, type TaskSpec, type Tasks } from './task.ts';
export { closed, headOf } from './text.ts';
export { readUnrecorded, type Unrecorded } from './unrecorded.ts';
export { type View, viewStatuses } from './view.ts';
export { waitsForElements } from './waitingText.ts';
export { answerFields, duration, fieldText, fieldTexts, holdsText, isRequired, plural } from './words.ts';

/** Every limit of Pawl, in one place. A refusal names its limit; nothing is cut silently. */
export const limits = {
  cellsPerRunbookMax: 500,
  /** Sections in sections. */
  sectionNestingMax: 4,
  /** Elements that one section with `each` goes over. */
  elementsMax: 1_000,
  /** Elements of a run in all, where sections stand in sections. */
  elementsPerFamilyMax: 10_000,
  /** Elements that one call looks at, or drives, at a time. */
  elementsAtOnceMax: 16,
  /** Elements under way that a report tells of. */
  elementsToldMax: 50,
  /** Entries of a run and all its elements that are shown at a time. */
  familyEntriesMax: 1_000,
  /** What a section's output says of one element. */
  elementOutputBytesMax: 4_096,
  /** That a plan shows of what `run` cells run. */
  plannedCellsMax: 2_000,
  needsPerCellMax: 64,
  /** Of a view without its index keys and marks: then the whole item is one write unit. Texts in it keep their beginning. */
  viewBytesMax: 810,
  viewTextBytesMax: 48,
  viewStartedByBytesMax: 36,
  viewParamsBytesMax: 256,
  sourceBytesMax: 300 * 1024,
  frontMatterNestingMax: 20,
  paramsBytesMax: 64 * 1024,
  attemptsPerInstanceMax: 100_000,
  outputBytesMax: 5 * 1024 * 1024,
  /** Larger outputs move out of the entry, so that reading a head stays cheap. */
  outputInlineBytesMax: 8 * 1024,
  /** One piece of a large output, packed; an item of DynamoDB has 400 KB. */
  outputChunkBytes: 350 * 1024,
  /** What is kept of an output beyond `outputBytesMax`. */
  outputHeadBytesMax: 64 * 1024,
  /** Of an output that is read as JSON: expressions, and processes that are told of it, have to be done with it soon. */
  outputNestingMax: 200,
  outputValuesMax: 500_000,
  /** All outputs handed to one cell together. */
  inputsBytesMax: 8 * 1024 * 1024,
  /** Of the log of one cell: its beginning, its end, and what is told between these while it runs. */
  logHeadBytesMax: 512 * 1024,
  logEndBytesMax: 256 * 1024,
  logGlimpsesBytesMax: 256 * 1024,
  logGlimpseMs: 1_000,
  /** A log goes out when so much of it has come, and so long after it came: sooner where a write costs nothing. */
  logFlushBytes: 64 * 1024,
  logFlushMs: 10_000,
  logFlushLocalMs: 1_000,
  errorMessageCharsMax: 300,
  secretsPerRunbookMax: 50,
  /** To which `http` may send one secret. */
  secretHostsMax: 20,
  /** A shorter one cannot be told from other text where it is to be masked; a longer one is held back too long. */
  secretCharsMin: 8,
  secretBytesMax: 16 * 1024,
  /** A store of secrets that has not answered by then is asked again later. */
  secretReadMsMax: 5_000,
  noteTextCharsMax: 16 * 1024,
  reasonCharsMax: 2000,
  /** What a person answers to a manual cell, and a file that they attach: quoted once, a request of Lambda holds it. */
  answerGivenBytesMax: 64 * 1024,
  attachmentBytesMax: 4 * 1024 * 1024,
  attachmentNameCharsMax: 200,
  /** Files that one attempt of a cell leaves as evidence, and all of them together; each has the limits of an attached file. */
  evidenceFilesMax: 20,
  evidenceBytesMax: 8 * 1024 * 1024,
  /** One part of it in an answer. */
  attachmentPartBytesMax: 1024 * 1024,
  lockCharsMax: 500,
  pageMax: 100,
  /** Views that one request for a list reads at most, where it asks for what no index has. */
  listReadMax: 1_000,
  /** Views that one look at all runs shows of each kind: of what needs somebody, and of what goes on. */
  overviewNeedingMax: 100,
  overviewGoingMax: 25,
  listTextCharsMax: 2_000,
  /** Parts of the list of all journals; the schedule goes through one of them every quarter of an hour, so all in a day. */
  journalShards: 96,
  sweepEveryMinutes: 15,
  /** Parts of the index of what is due at a place: one takes a thousand writes a second, and each of them is read. */
  dueShards: 16,
  /** A view whose instance never started is looked after this long. */
  unstartedViewMs: 3_600_000,
  idempotencyKeyCharsMax: 200,
  /** Tasks of a deployment, and what one says of its input; so long their files have to tell. */
  tasksMax: 200,
  taskSchemaBytesMax: 16 * 1024,
  tasksReadMsMax: 20_000,
  /** What one task commits with its outcome: DynamoDB takes 100 writes and 4 MB, and a function answers with them. */
  commitWritesMax: 25,
  commitBytesMax: 256 * 1024,
  /** A commit that meets others at the same rows, or no answer, is repeated so often; then it did not happen. */
  commitTriesMax: 12,
  cellTimeoutMsMax: 14 * 60_000,
  /** Of a code cell at a place that stays: longer than `cellTimeoutMsMax` it is held by a lease, for so long at a time, renewed so often. */
  longTimeoutMsMax: 24 * 3_600_000,
  leaseMs: 15 * 60_000,
  leaseRenewMs: 5 * 60_000,
  /** Between tries of a renewal that got no answer, each pause twice the one before. */
  leaseRetryMs: 500,
  leaseRetryMsMax: 10_000,
  cellTimeoutMsDefault: 15_000,
  /** Interrupted steps declared safe get this many further attempts when `retry` is not given. */
  interruptedRetriesDefault: 2,
  /** Consecutive reservations whose body never began, before the instance halts. */
  falseStartsInRowMax: 10,
  retryBackoffFirstMs: 1_000,
  retryBackoffMaxMs: 5 * 60_000,
  /** A target that asks to be left alone for longer (Retry-After) is asked again after this. */
  retryAfterMsMax: 60 * 60_000,
  /** Backoffs up to this are waited for inside the call if its budget allows. */
  backoffInCallMsMax: 20_000,
  takeoverGraceMsDefault: 15_000,
  takeoverGraceMsMin: 1_000,
  /**
   * A write may land so long after the time of its sender is over (held up on the wire, or the clocks differ): until then
   * no mark that makes an instance due is taken down.
   */
  landsLateMsMax: 60_000,
  settleMsDefault: 2 * 60_000,
  /** A probe that stays unsure is asked so often, each pause twice the one before. */
  probesMax: 5,
  probeBackoffMs: 15_000,
  /** The longest that a request may take by which people are told that one of them is needed. */
  notifyTimeoutMs: 10_000,
  /** Instances in doubt stay due, looked at ever more rarely. */
  doubtBackoffMsMin: 15_000,
  /** So often at least an instance whose journal is broken is looked at. */
  brokenBackoffMsMax: 24 * 60 * 60_000,
  doubtBackoffMsMax: 10 * 60_000,
  claimIdCharsMax: 256,
  claimStatementCharsMax: 2_000,
  claimEvidenceBytesMax: 64 * 1024,
  /** Of one `await`. */
  claimsPerAwaitMax: 20,
  /** Named in one `approve`, people and groups. */
  approversMax: 50,
  quorumMax: 10,
  commentCharsMax: 2_000,
  /** The longest wait, time-out of a wait, or expiry of an approval. */
  waitMsMax: 366 * 24 * 3_600_000,
  waitMsMin: 1_000,
  pollMsMin: 1_000,
  /** Expectations of which the last look of a poll tells, and how often in a row one may err before that is said loudly. */
  unmetToldMax: 10,
  pollErrorsMax: 3,
  /** Looks in a row that a poll may need; polls without a look after which it has not held; entries of it that say so. */
  timesMax: 100,
  pollGapTurns: 3,
  holdingsMax: 1_000,
  /** A call with a waiting caller stays so long with a cell that it polls. */
  pollInCallMsMax: 60_000,
  /** Votes of one approval, withdrawn ones among them. */
  votesMax: 200,
  /** Steps that one call decides about, and decisions about many in a second, over all callers: at most, and where none says. */
  verdictsAtOnceMax: 25,
  verdictsPerSecondMax: 20,
  verdictsPerSecond: 5,
  /** A call that decides about many has its turn for so long, at least (taking it takes time too) and at most, and waits so long for it. */
  verdictsTurnMsMin: 1_000,
  verdictsTurnMsMax: 10_000,
  verdictsWaitMsMax: 10_000,
  /** Entries in which the word of somebody about a step is looked for: one that is held by a lease for a day is renewed 288 times. */
  verdictsWordEntries: 500,
  /** Statistics of a version are made of so many of its newest runs, and of so many journals of these, each to so many entries. */
  statisticsRunsMax: 100,
  statisticsJournalsMax: 25,
  statisticsEntriesMax: 500,
  /** Verdicts about one step in doubt that wait for another person who says the same. */
  proposalsMax: 10,
  pollMsMax: 24 * 3_600_000,
  /** What is due sooner than this is woken to the second where a queue can do so (SQS delays up to 15 minutes). */
  wakeAheadMsMax: 15 * 60_000,
  /** Waiters that one writer of a claim wakes at once. */
  wakesAtOnce: 16,
  /** The writer of a claim wakes for so long, and leaves the rest to the schedule; that has so long for all of them. */
  wakeInCallMsMax: 15_000,
  wakeMsMax: 5 * 60_000,
  /** What an approval shows, quoted twice as an answer of Lambda has it: a person reads no more, and every answer holds it. */
  shownBytesMax: 512 * 1024,
  /** Of each log that an approval shows: of a longer one its beginning and its end. And of how many cells. */
  shownLogCharsMax: 64 * 1024,
  shownLogsMax: 3,
  /** What is told of the cells after an approval when they have more: no character grows more than sevenfold when quoted. */
  freedHeadBytes: 64 * 1024,
  /** Of the hash of what a voter was shown: so much of it names it. */
  shownHashCharsMin: 8,
  /** Votes that an answer about an instance tells: the newest. */
  votesToldMax: 50,
  /** A one-time link ends with its approval, at the latest after this. */
  linkMsMax: 7 * 24 * 3_600_000,
  /** A lock whose instance never started may be followed after this. */
  unstartedLockMs: 60_000,
  /** One item of the failure queue; SQS takes 256 KB. */
  unrecordedBytesMax: 200 * 1024,
  /** How long one record begins further tries after its cell's deadline passed. */
  recordExtraMs: 10_000,
  /** How long the last of them may take, before the outcome is set aside. */
  recordLastMs: 10_000,
  /** Seqs of satisfying entries kept in the state itself; older ones one read away. */
  satisfiedChunk: 32,
  frontMatterBytesMax: 64 * 1024,
  paramsPerRunbookMax: 100,
  titleCharsMax: 200,
  /** Problems one answer lists: the first of the document. */
  problemsMax: 200,
  cellTimeoutMsMin: 100,
  /** Of cells that only wait for an answer from elsewhere. */
  remoteTimeoutMsMax: 5 * 60_000,
  /** How long a request may be without a connection: until then nothing was sent, so giving up early leaves no doubt. */
  httpConnectMsMax: 10_000,
  /** Redirects that one request follows, where its cell says so. */
  httpRedirectsMax: 10,
  retriesPerCellMax: 100,
  settleMsMax: 24 * 3_600_000,
  keyWindowMsMin: 1_000,
  keyWindowMsMax: 366 * 24 * 3_600_000,
  /** Of one cell, those of an `assert` among them: each stands in the outcome with what became of it. */
  expectationsPerCellMax: 50,
  expectationsBytesMax: 64 * 1024,
  /** One expression: its text, its syntax tree, and comprehensions inside comprehensions. */
  expressionCharsMax: 4_000,
  expressionNodesMax: 1_000,
  expressionDepthMax: 50,
  expressionLoopNestingMax: 2,
  /** Entries of a list or map written out in an expression. */
  expressionListMax: 500,
  /** Work of one evaluation: a step costs 1, a value that it makes or compares more as it grows. */
  expressionFuelMax: 2_000_000,
  /** Stands behind `expressionFuelMax`; met only by an overloaded machine. */
  expressionTimeMsMax: 2_000,
  /** A regular expression, its compiled program, the sum of its `{n}` counts, and the text it is tried on. */
  patternCharsMax: 1_000,
  patternProgramMax: 5_000,
  patternCountsMax: 2_000,
  patternTextCharsMax: 100_000,
  /** API Gateway cuts its caller off at 30 s: by then an answer is on its way, whatever still runs. */
  answerWithinMs: 25_000,
  /** Of that, for carrying a cancellation into elements. The rest is for reading which of them it did not reach, and for the answer. */
  tellWithinMs: 18_000,
  /**
   * Kept at the end of an invocation: `recordExtraMs`, `recordLastMs`, and setting the outcome aside with its own time-outs and
   * repetitions (10 s). A budget leaves it out, so nothing that ran is lost with the invocation.
   */
  invocationEndMs: 40_000,
  /** An answer as Lambda measures it: its body is a JSON text inside a JSON text. */
  answerBytesMax: 5 * 1024 * 1024,
  /** Of a refusal: what it says beside its sentence, and the sentence. */
  problemDetailsBytesMax: 512 * 1024,
  problemDetailBytesMax: 8 * 1024,
  /** Of an answer that shows outputs; what does not fit is asked for by itself. */
  answerOutputsBytesMax: 3 * 1024 * 1024,
  /** One part of a large output: quoted twice, a character may take four bytes. */
  outputPartCharsMax: 1024 * 1024,
  /** Bodies of requests that bring no document and no output. */
  bodyBytesMax: 256 * 1024,
  bodyNestingMax: 100,
  actorCharsMax: 512,
  /** Groups that a caller of one machine names, with commas: a browser keeps 4 kB of the cookie that holds them. */
  groupsCharsMax: 1_000,
  /** Before the first look at what a handed-over call has come to; twice as long before each further one, up to the most. */
  followPauseMs: 100,
  followPauseMsMax: 500,
  /** A `when` of a cell that belongs elsewhere may still be judged by the call that is followed, so long after its last entry. */
  followJudgedMs: 5_000,
  /** `work` waits for backoffs up to this itself; the schedule would not be quicker. */
  backoffInWorkMsMax: 60_000,
  /** The tick begins no further page when less than this is left of its invocation. */
  tickEndMs: 10_000,
  /** Asynchronous invocations of `work` that the tick has under way at once. */
  handOversAtOnce: 16,
  /** Request and answer of a remote executor; Lambda allows 6 MB. */
  remotePayloadBytesMax: 5_900_000,
  /** Beyond its time-out, how long a remote executor's answer is waited for. */
  remoteAnswerMs: 5_000,
  /** Processes that one engine keeps waiting for code cells that have not been reserved, and for how long. */
  sparesMax: 2,
  spareIdleMs: 10_000,
  /** What a shell gets to read a script, when a document is checked. */
  scriptCheckMsMax: 5_000,
  /** Of outputs that a script gets as variables: one value, and all names and values together. Linux takes 128 KB for one. */
  scriptValueBytesMax: 32 * 1024,
  scriptValuesBytesMax: 256 * 1024,
  /** An object with more fields is one file to a script, and no variables. */
  scriptFieldsMax: 200,
  /** A template with its values filled in. */
  renderedCharsMax: 1024 * 1024,
  /** A worker says so often that it is alive, and counts as gone when nothing was heard of it for so long. */
  workerBeatMs: 30_000,
  workerGoneMs: 2 * 60_000,
  /** What one that is gone has said is kept so long; the last that was at a place, so that it is known, for longer. */
  workerKeptMs: 24 * 60 * 60_000,
  placeKeptMs: 30 * 24 * 60 * 60_000,
  /** Heartbeats that one reading takes at most. */
  workersReadMax: 1_000,
  /** What a worker says that it lacks: so many of the newest, each cut to so much. */
  workerLacksMax: 5,
  workerLacksCharsMax: 120,
  /** What a worker could not do, because it lacks something or is too old, it leaves to others for so long. */
  leftToOthersMs: 60_000,
  newerLeftMs: 10 * 60_000,
  /** So often a worker asks DynamoDB what is due at its place; a file of its own machine costs nothing to ask. */
  workerLookMs: 5_000,
  workerLookLocalMs: 1_000,
  /** So often the schedule looks for places that have nobody, and so long something is due there before it says so. */
  unmannedEveryMinutes: 5,
  placeUnmannedMs: 5 * 60_000,
} as const;

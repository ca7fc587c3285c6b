/** What comes out: the zod schemas of answers, from which the OpenAPI document and the types of the operations are made. */
import * as z from 'zod';
import {
  cellEnds,
  claimStatuses,
  type ErrorCode,
  entrySchema,
  errorCodes,
  lastLookSchema,
  limits,
  proposalSchema,
  type Runbook,
  runEnds,
  viewStatuses,
} from '../engine/model/index.ts';
import { cleanup } from './plannedAnswer.ts';

const count = z.int().min(0);
const [started, , outcome, waiting, , , , , , ending] = entrySchema().options;
const { drive } = started.shape;
const proposal = proposalSchema();
const { status: stepStatus, then, error: failure, expectations } = outcome.shape;

export const entry = entrySchema();

export const view = z.strictObject({
  instanceId: z.string(),
  seq: count.describe('Seq of the newest entry; commands send it back as `expectedSeq`.'),
  status: z.enum(viewStatuses),
  runbookId: z.string(),
  version: z.int(),
  cell: z.string().nullable().describe('The next unsatisfied cell, or the open one.'),
  cellsDone: count,
  cells: count,
  drive,
  place: z.string().describe('The place that the next step belongs to; the home of the store where that is any.'),
  dueAtMs: z.number().nullable(),
  startedAtMs: z.number(),
  updatedAtMs: z.number(),
  startedBy: z.string().describe('Who started it.'),
  params: z.string().describe('The beginning of its parameters, as JSON text.'),
  waitsFor: z.string().nullable().describe('Whom or what it waits for: people and groups, claims, a time.'),
  headHash: z.string().describe('Hash of the newest entry, as `verify` compares it.'),
});

const holder = z.strictObject({
  cell: z.string(),
  seq: count,
  by: started.shape.by,
  reservedAtMs: z.number(),
  ageMs: z.number(),
  deadlineAtMs: z.number(),
  untilAtMs: z.number().exactOptional().describe('Held by a lease: it may be renewed until then.'),
});

const waitsFor = z
  .strictObject({
    place: z.string(),
    missing: z.array(z.string()).describe('What the caller, who is at that place, has not.'),
  })
  .exactOptional()
  .describe('Somebody at that place has to go on with it.');

const stopKinds = {
  plain: z.strictObject({ kind: z.literal('stop'), result: z.enum(['advanced', ...runEnds]) }),
  inFlight: z.strictObject({ kind: z.literal('stop'), result: z.literal('in_flight'), holder }),
  inDoubt: z.strictObject({
    kind: z.literal('stop'),
    result: z.literal('in_doubt'),
    cell: z.string(),
    seq: count,
    holder: holder.nullable(),
    nextAtMs: z.number().nullable(),
    waitsFor,
  }),
  halted: z.strictObject({
    kind: z.literal('stop'),
    result: z.literal('halted'),
    cell: z.string(),
    seq: count,
    why: z.enum(['step', 'epoch', 'attempts']),
  }),
  parked: z.strictObject({
    kind: z.literal('stop'),
    result: z.literal('parked'),
    cell: z.string(),
    seq: count.nullable(),
    dueAtMs: z.number().nullable(),
    waitsFor,
  }),
  deferred: z.strictObject({
    kind: z.literal('stop'),
    result: z.literal('deferred'),
    cell: z.string(),
    untilMs: z.number(),
    why: z.enum(['backoff', 'budget', 'store']),
  }),
};
const { plain, inFlight, inDoubt, halted, parked, deferred } = stopKinds;
const stop = z
  .discriminatedUnion('result', [plain, inFlight, inDoubt, halted, parked, deferred])
  .describe('Why the call stopped.');

const stepReport = z.strictObject({
  cell: z.string(),
  seq: count,
  status: stepStatus,
  then,
  attempt: count,
  durationMs: z.number(),
  error: failure.unwrap(),
  recorded: z.boolean().describe('False: another caller closed the step first; what was seen is a note.'),
});

const manned = z
  .strictObject({
    place: z.string(),
    alive: count.describe('Workers that are alive there.'),
    lastSeenAtMs: z
      .number()
      .nullable()
      .describe('When any worker was seen there last; null: never, as far as is kept.'),
    lacking: z
      .array(z.string())
      .exactOptional()
      .describe(
        'What the next cell needs and every worker that is alive there lacks: `program kubectl`, `env KUBECONFIG`.',
      ),
  })
  .nullable();

const moved = {
  result: z.enum(['advanced', ...runEnds, 'in_flight', 'in_doubt', 'halted', 'parked', 'deferred']),
  stop,
  steps: z.array(stepReport).describe('What this call has gone through.'),
  reserved: count,
  wrote: z.boolean().describe('Whether anything of this call stands in the journal: a step, a wait, its drive.'),
  view,
  state: started.shape.state,
  manned: manned.exactOptional().describe('Where it is parked for a worker of another place: whether that has any.'),
};
export const advanced = z.strictObject(moved);
export const ran = z.strictObject({
  ...moved,
  verdict: z.enum(['passed', 'completed procedurally', 'failed', 'rolled back', 'halted', 'cancelled', 'unfinished']),
  coverage: z.strictObject({ declared: count, cells: count, forgiven: count, skipped: count, overridden: count }),
});

export const startedAndRan = ran.extend({ created: z.boolean() });

const hashes = {
  sourceHash: z.string().describe('sha256 of the document: the same content has the same.'),
  runHash: z.string().describe('sha256 of what runs: the document, its compiled form and format.'),
};
export const published = z.strictObject({
  runbookId: z.string(),
  version: z.int(),
  ...hashes,
  cells: count,
  created: z.boolean(),
});
/** No request holds one: it is made by publishing, so its form is told by its type alone. */
const compiled = z.record(z.string(), z.unknown()) as unknown as z.ZodType<Runbook>;
export const runbook = z.strictObject({
  runbookId: z.string(),
  version: z.int(),
  ...hashes,
  title: z.string(),
  source: z.string(),
  runbook: compiled.describe('The compiled form.'),
});
export const runbookPage = z.strictObject({
  runbooks: z.array(
    z.strictObject({
      runbookId: z.string(),
      version: z.int(),
      ...hashes,
      title: z.string(),
      cells: count,
      by: z.string(),
      atMs: z.number(),
    }),
  ),
  next: z.string().nullable(),
});

export const startedAnswer = z.strictObject({ view, created: z.boolean() });
export const viewPage = z.strictObject({
  views: z.array(view),
  atLeast: z
    .boolean()
    .describe('True: not all that are asked about were read, so there may be more than these; `next` goes on.'),
  next: z.string().nullable(),
});
export const counts = z.strictObject({
  counts: z.array(
    z.strictObject({
      status: z.enum(viewStatuses),
      count,
      atLeast: z
        .boolean()
        .describe(`There may be more: of each status ${limits.listReadMax} are counted at most (listReadMax).`),
    }),
  ),
});
export const viewAnswer = z.strictObject({ view });
export const verdictGiven = z.strictObject({
  view,
  awaits: z
    .strictObject({
      verdict: proposal.shape.verdict,
      said: z.array(proposal).describe('What each person has said of the step so far, with the entry of it.'),
    })
    .nullable()
    .describe('Nothing follows from it until another person says the same; null: it has taken effect.'),
});
const ofStep = { instanceId: z.string(), seq: count };
export const verdictsGiven = z.strictObject({
  steps: z
    .array(
      z.discriminatedUnion('result', [
        z.strictObject({ ...ofStep, result: z.literal('taken'), view }),
        z
          .strictObject({ ...ofStep, result: z.literal('proposed'), view, awaits: verdictGiven.shape.awaits.unwrap() })
          .describe('Nothing follows from it until another person says the same.'),
        z.strictObject({
          ...ofStep,
          result: z.literal('refused'),
          code: z.string(),
          message: z.string(),
          first: z
            .strictObject({
              actor: z.string(),
              said: z.enum(['succeeded', 'failed', 'retry', 'skip', 'cancelled']).nullable(),
              reason: z.string().nullable(),
              atMs: z.number(),
            })
            .nullable()
            .describe('Who was first, and what they said, where a person was.'),
        }),
        z.strictObject({ ...ofStep, result: z.literal('left') }).describe('As it was: the time of this call was over.'),
      ]),
    )
    .describe('In the order in which they were asked about.'),
});
export const cancelled = z.strictObject({
  view,
  mayStillRun: z.strictObject({ cell: z.string(), seq: count, deadlineAtMs: z.number() }).nullable(),
  elements: z
    .array(z.strictObject({ instanceId: z.string(), cell: z.string(), seq: count, deadlineAtMs: z.number() }))
    .describe('Elements of its section in which a step may still run.'),
  stays: z
    .array(z.string())
    .describe('Where what is at its end was stopped: cells with effects that began, and that nothing takes back.'),
});

const cellReport = z.strictObject({
  name: z.string(),
  kind: z.string(),
  state: z.enum([
    'pending',
    'next',
    'running',
    'waiting',
    'in_doubt',
    'halted',
    'cited',
    'completed',
    'completed, not as expected',
    'failed',
    'skipped',
    'unknown',
    'taken back',
    'not reached',
  ]),
  cleanup: cleanup
    .exactOptional()
    .describe('Of a cell that is gone through at the end of a run alone: what it takes back, or at which ends.'),
  attempts: z.int(),
  seq: count.nullable(),
  output: z.string().nullable().describe('JSON text; null too when it was left out for its size.'),
  outputSeq: count.nullable().describe('Ask /instances/{instanceId}/outputs/{seq} for the whole of it.'),
  outputBytes: count.nullable(),
  attached: z
    .strictObject({
      seq: count.describe('Ask /instances/{instanceId}/attachments/{seq} for them.'),
      files: z.array(z.strictObject({ name: z.string(), bytes: count, sha256: z.string() })),
    })
    .exactOptional()
    .describe('Files that a person gave with it, or that its newest attempt left as evidence.'),
  unkept: outcome.shape.unkept.describe('Files that its newest attempt left as evidence and that are not kept.'),
  error: failure.unwrap(),
  expectations: expectations.unwrap(),
  startedAtMs: z.number().nullable(),
  endedAtMs: z.number().nullable(),
  askedMs: z.number().exactOptional().describe('For how long the target of its newest attempt asked to be left alone.'),
  durationMs: z.number().nullable(),
  by: z.string().nullable(),
  closedBy: z.string().nullable(),
  verdict: z
    .strictObject({ verdict: z.enum(['succeeded', 'failed', 'retry', 'skip']), actor: z.string() })
    .nullable()
    .describe('A person’s word about a step that its holder did not settle; null for what ended by itself.'),
  note: z.string().nullable(),
});
const claimStatus = z.enum(claimStatuses);
const shown = z
  .strictObject({
    document: z.string().describe('The runbook up to the end of the cell.'),
    params: z.record(z.string(), z.unknown()),
    outputs: z.record(z.string(), z.string()).describe('JSON texts of the outputs that the cell refers to.'),
    states: z
      .record(z.string(), z.enum(cellEnds))
      .exactOptional()
      .describe('How the cells ended that the cell asks about.'),
    each: z
      .record(z.string(), z.unknown())
      .exactOptional()
      .describe('In a section with `each`: the element and its index, and those around them, by name.'),
    logs: z
      .record(
        z.string(),
        z.strictObject({
          covers: z
            .enum(['whole', 'ends', 'nothing'])
            .describe('What of the log is in `text`: all of it, its beginning and its end, or nothing.'),
          text: z.string(),
          bytes: count.describe('Of the whole log.'),
          sha256: z.string().nullable().describe('Of the whole log, as the outcome of its step has it.'),
          why: z.string().nullable().describe('Why nothing of it is shown.'),
        }),
      )
      .exactOptional()
      .describe('Logs of earlier cells that the cell shows (`shows=`), by cell.'),
    text: z.string().describe('What is asked.'),
    hash: z.string(),
  })
  .describe('What a vote is about; `hash` binds it.');
const freed = z
  .strictObject({
    document: z
      .string()
      .describe('The runbook after the question, to the next one that is asked in any case, or its end.'),
    cells: z.array(z.string()).describe('Names of the cells in it.'),
    until: z.string().nullable().describe('The cell that asks next; null: the runbook ends.'),
    isCut: z.boolean().describe('Too large to be shown: `document` is its beginning.'),
  })
  .describe('What runs once it is approved. Not part of the approval: no hash covers it.');
const wait = {
  cell: z.string(),
  seq: count,
  sinceMs: z.number(),
  dueAtMs: z.number().nullable().describe('When it ends by itself; null: as long as it takes.'),
  nextAtMs: z.number().nullable().describe('When it is looked at again.'),
};
const waits = z.discriminatedUnion('kind', [
  z.strictObject({
    ...wait,
    kind: z.literal('manual'),
    instructions: z.string().nullable(),
    answer: z
      .record(z.string(), z.unknown())
      .exactOptional()
      .describe('JSON Schema of the answer that it asks for; absent where it asks for none.'),
  }),
  z.strictObject({ ...wait, kind: z.literal('wait') }),
  z.strictObject({
    ...wait,
    kind: z.literal('poll'),
    everyMs: z.number(),
    last: lastLookSchema.nullable().describe('What the last look found; null: no look yet.'),
    holds: waiting.shape.holds.describe('How long it has to hold, or how many times in a row.'),
    held: z
      .strictObject({ sinceMs: z.number(), looks: count })
      .nullable()
      .exactOptional()
      .describe('Of one that has to hold: since when it does, and how many times in a row that was counted.'),
  }),
  z.strictObject({
    ...wait,
    kind: z.literal('each'),
    count: count.describe('Elements of the section.'),
    max: count.describe('So many may be under way.'),
    stopAfter: count.describe('No more begin after so many that were given up, halted or in doubt.'),
    spawned: count.describe('The elements before this index may begin.'),
    completed: count,
    cancelled: count,
    underWay: count.describe('Have begun, and were not seen ended.'),
    failed: count.describe('Ended failed, rolled back or not.'),
    stuck: count.describe('Seen halted or in doubt.'),
    elements: z
      .array(
        z.strictObject({
          depth: count.describe(
            '0: of this section; 1: of one that the last element of depth 0 before it stands in, and so on.',
          ),
          index: count,
          item: z.unknown(),
          instanceId: z.string(),
          status: z.string(),
          cell: z.string().nullable(),
          waitsFor: z.string().nullable(),
        }),
      )
      .describe('Those under way, each before those of a section that it stands in: at most 50.'),
  }),
  z.strictObject({
    ...wait,
    kind: z.literal('await'),
    match: z.enum(['all', 'any']),
    until: z.array(claimStatus),
    condition: z.string().nullable(),
    claims: z.array(
      z.strictObject({
        claimId: z.string(),
        revision: count.describe('0: it does not exist yet.'),
        status: claimStatus.nullable(),
        unmet: z.string().nullable().describe('Why it is not what is waited for; null: it is.'),
      }),
    ),
  }),
  z.strictObject({
    ...wait,
    kind: z.literal('approve'),
    shown: shown.nullable().describe('null: it cannot be shown any more.'),
    freed: freed.nullable().describe('What runs once it is approved, covered by no hash; null with `shown`.'),
    shownHash: z.string(),
    approvers: z.array(z.string()),
    groups: z.array(z.string()),
    quorum: count,
    self: z.boolean(),
    starters: z
      .array(z.string())
      .describe('Who started the run, or one that it continues: unless `self`, they may not vote.'),
    onExpiry: z.enum(['approve', 'reject']),
    approvals: z.array(z.string()),
    votes: z.array(
      z.strictObject({
        actor: z.string(),
        decision: z.enum(['approve', 'reject', 'withdraw']),
        comment: z.string().nullable(),
        seq: count,
        atMs: z.number(),
      }),
    ),
  }),
]);

const { as, began, failed: failedFor } = ending.shape;
const endReport = z.strictObject({
  stands: z
    .enum(['ahead', 'under way', 'over'])
    .describe(
      '`ahead`: the way is over, and nothing of it has begun; or so it would be for the failure that the run stands at, or may.',
    ),
  as,
  began,
  failed: failedFor.unwrap(),
  takesBack: z.array(z.string()).describe('Cells that are taken back, the last first.'),
  takenBack: z.array(z.string()).describe('Of these, what has been.'),
  then: z.array(z.string()).describe('Cells of sections with `on` that are gone through after that.'),
  stays: z
    .array(z.string())
    .describe('Cells with effects that began and stay as they are: nothing takes them back, or what does has not.'),
  skipped: z
    .array(z.strictObject({ cell: z.string(), by: z.string(), reason: z.string() }))
    .describe('Of these, what stays since a person passed over what takes it back.'),
  left: z.array(z.string()).describe('Of what is gone through: what has not been yet.'),
  manual: z.boolean().describe('By a person’s steps alone.'),
  stopped: z.boolean().describe('By a person: nothing more of it begins.'),
});

const undecidedReport = z.strictObject({
  seq: count.describe('What a verdict names: seq of the reservation, or of the outcome where there was none.'),
  repeatable: z
    .enum(['yes', 'freshKey', 'elements', 'no'])
    .describe(
      'Whether a further attempt may begin and could come out otherwise: `freshKey`, only with a fresh key; `elements`: those that did not complete.',
    ),
  ifFailed: outcome.shape.then.describe('What the verdict `failed` would lead to: `retry` is the cell’s own.'),
  onFailure: z
    .enum(['undo', 'end'])
    .nullable()
    .describe('What a known failure leads to by itself; null: it halts, and a person is asked.'),
  undoable: z
    .boolean()
    .describe('A person can give the run up for its failure, and its runbook has something for that end.'),
});

const claim = z.strictObject({
  claimId: z.string(),
  revision: count,
  status: claimStatus,
  statement: z.string().nullable(),
  evidence: z.unknown(),
  reason: z.string().nullable(),
  by: started.shape.by,
  at: z.iso.datetime(),
});
const claimAnswer = z.strictObject({ claim });
export const claimSet = z.strictObject({
  claim,
  woken: count.nullable().describe('Waiters told; null: the schedule tells the rest of them.'),
});
const claimPage = z.strictObject({ claims: z.array(claim), next: z.string().nullable() });
export const claimFound = z
  .union([claimAnswer, claimPage])
  .describe('With `id` that claim, without it a page of them.');
export const claimHistory = z.strictObject({
  claims: z.array(claim).describe('Newest first.'),
  next: count.nullable().describe('Give it as `before`; null at the end.'),
});

const times = {
  count: count.describe('Of so many the times are.'),
  medianMs: z.number().nullable().describe('null: of none.'),
  p90Ms: z.number().nullable().describe('Nine of ten took no longer.'),
};
export const statistics = z.strictObject({
  runbookId: z.string(),
  version: count,
  runs: count.describe(
    `The newest runs, elements of sections not counted; ${limits.statisticsRunsMax} at most (statisticsRunsMax).`,
  ),
  atLeast: z.boolean().describe('There may be more runs of it than these.'),
  byStatus: z.array(z.strictObject({ status: z.enum(viewStatuses), count })),
  ended: count,
  completed: count,
  runTimes: z.strictObject(times).describe('Of the runs that have ended, from start to end.'),
  journals: z
    .strictObject({
      read: count,
      doubtful: count.describe('Those in which a step was in doubt.'),
      cut: count.describe(
        `Those that are longer than ${limits.statisticsEntriesMax} entries (statisticsEntriesMax): their beginning counts.`,
      ),
      unreadable: count,
    })
    .describe(
      `Of the newest of these runs; ${limits.statisticsJournalsMax} at most (statisticsJournalsMax). What is said of cells is made of them.`,
    ),
  cells: z
    .array(
      z.strictObject({
        name: z.string(),
        failed: count.describe('Attempts that failed.'),
        doubts: count.describe('Attempts that were in doubt.'),
        ...times,
      }),
    )
    .describe(
      'Cells with effects by how long an attempt took that completed, cells that wait by how long they waited; in the order in which they were met.',
    ),
});
export const claimWaiters = z.strictObject({
  waiters: z.array(z.strictObject({ instanceId: z.string(), cell: z.string(), runbookId: z.string() })),
  next: z.string().nullable(),
});

const tally = {
  decision: z.enum(['approved', 'rejected']).nullable().describe('null: votes are missing.'),
  approvals: z.array(z.string()),
  quorum: count,
  shownHash: z.string().describe('Of what the vote is about, whole.'),
};
export const voted = z.strictObject({ view, ...tally });
export const linkMade = z.strictObject({
  link: z.string().describe('Its bearer votes as `actor`, once: hand it to no other person.'),
  actor: z.string(),
  expiresAt: z.iso.datetime(),
});
export const linkShown = z.strictObject({
  instanceId: z.string(),
  cell: z.string(),
  title: z.string(),
  actor: z.string(),
  expiresAt: z.iso.datetime(),
  shown,
  freed,
});
export const linkVoted = z.strictObject({ instanceId: z.string(), ...tally });

export const instance = z.strictObject({
  view,
  title: z.string(),
  params: z.record(z.string(), z.unknown()),
  cells: z.array(cellReport),
  waits: waits.nullable().describe('What it waits for.'),
  ending: endReport
    .nullable()
    .describe('What is gone through at its end; null: the way goes on, or its runbook has nothing for its end.'),
  undecided: undecidedReport.nullable().describe('The step that a verdict would be about; null: it stands at none.'),
  manned: manned.describe('Where it waits for a worker of another place: whether that has any.'),
  head: entry.describe('The entry that `view` was made from.'),
  held: z.boolean().describe('Begun before the last restore from backup: held until a person releases it.'),
  decidableAtMs: z
    .number()
    .describe(
      'Of a step that was begun and not settled: no verdict before this, since what it has begun may still act.',
    ),
  decidePeople: z
    .union([z.literal(1), z.literal(2)])
    .describe(
      'By so many people a step in doubt of it is decided; what the first says stands in `head.state.proposed`.',
    ),
  holderProcess: z
    .enum(['gone', 'alive', 'not here'])
    .nullable()
    .describe(
      'Of a step that was begun and not settled: what the service can tell of the process that holds it. `not here`: it is of another machine, boot, container or user; null where its reservation names none.',
    ),
  nowMs: z.number(),
});
export const journalPage = z.strictObject({
  entries: z.array(entry),
  lastHash: z
    .string()
    .nullable()
    .describe('Hash of the last of them, as `verify` compares it; null where there is none.'),
  next: count.nullable().describe('Give it as `after`; null at the end.'),
  nowMs: z.number(),
  deployment: z.strictObject({
    name: z.string(),
    epoch: count,
    takeoverGraceMs: count,
    place: z.string().describe('Where the service carries cells out.'),
    home: z.string().describe('The place of the schedule, where everything is due that belongs to no place.'),
  }),
});
export const journalIds = z.strictObject({
  instanceIds: z.array(z.string()),
  next: z.string().nullable(),
});
export const verified = z.strictObject({
  instanceId: z.string(),
  intact: z.boolean(),
  entries: count,
  head: z
    .strictObject({ seq: count, hash: z.string() })
    .describe('The newest entry. Kept elsewhere it is a witness: give it as `seq` and `hash` another time.'),
  breaks: z.array(z.strictObject({ seq: count, why: z.string() })),
  over: z.enum(runEnds).nullable().describe('How the run ended, as its newest entry says.'),
  sections: z
    .array(
      z.strictObject({
        cell: z.string(),
        visit: z.int().min(1),
        begun: z.array(count).describe('Indexes of the elements that might begin, in that order.'),
        ended: z.array(z.strictObject({ index: count, as: z.enum(runEnds) })).describe('Those that were seen ended.'),
      }),
    )
    .describe('What it says of its elements. Each has a journal of its own, which is verified by itself.'),
  ended: z
    .strictObject({ seq: count, by: z.string(), reason: z.string() })
    .nullable()
    .describe('Ended by a person because it was broken.'),
});
export const notePage = z.strictObject({
  notes: z.array(
    z.strictObject({
      kind: z.enum(['log', 'fenced', 'evidence', 'asked', 'probe', 'told']),
      about: count,
      cell: z.string(),
      atMs: z.number(),
      by: started.shape.by,
      text: z.string(),
      glimpse: z
        .literal(true)
        .optional()
        .describe('Of a log past its beginning, told while the step runs: its end is told once more when it is over.'),
    }),
  ),
  next: count.nullable(),
});
export const attachmentPart = z.strictObject({
  seq: count,
  file: count,
  files: count.describe('How many files the entry carries.'),
  name: z.string(),
  bytes: count.describe('Of the whole file.'),
  sha256: z.string().describe('Of the whole file, as the entry has it.'),
  part: count,
  parts: count,
  base64: z.string().describe('This part of it.'),
});
export const outputPart = z.strictObject({
  seq: count,
  bytes: count.describe('Of the whole output.'),
  truncated: z.boolean().describe('Only its beginning was kept.'),
  part: z.int().min(1),
  parts: z.int().min(1),
  text: z.string(),
});

export const health = z.strictObject({ status: z.literal('ok') });
export const openApiDocument = z.looseObject({ openapi: z.literal('3.1.1') });

const codes = Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]];
/** RFC 9457, with what there is to know beside it: `view`, `holder`, `problems`, `instanceId` … */
export const problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(codes),
  request: z.string().describe('Names this request in the log.'),
});

export const workers = z.strictObject({
  workers: z.array(
    z.strictObject({
      place: z.string(),
      id: z.string(),
      state: z
        .enum(['alive', 'left', 'gone'])
        .describe('`left`: it ended by itself. `gone`: nothing was heard of it lately.'),
      host: z.string(),
      pid: z.int(),
      version: z.string().describe('Of Pawl.'),
      startedAtMs: z.number(),
      seenAtMs: z.number(),
      leftAtMs: z.number().nullable(),
      concurrency: count.describe('Instances that it goes on with at once, at most.'),
      running: count.describe('Instances that it went on with when it was seen last.'),
      lacks: z.array(z.string()).describe('What cells needed lately and it has not.'),
    }),
  ),
  wanted: z
    .array(z.strictObject({ place: z.string(), sinceMs: z.number() }))
    .describe('Places that something waited for when nobody had ever been there.'),
  nowMs: z.number(),
});

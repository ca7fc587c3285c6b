/** What goes in: the zod schemas that validate requests, and from which the OpenAPI document is made. */
import * as z from 'zod';
import {
  claimStatuses,
  isInfinite,
  isPlace,
  limits,
  lossyNumberIn,
  once,
  placeForm,
  viewStatuses,
} from '../engine/model/index.ts';
import { momentOf } from './moments.ts';

const idOf = (what: string) =>
  z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, {
      error: `is no ${what}: 1 to 128 letters, digits, dots, dashes, underscores, the first a letter or digit`,
    })
    .describe('Letters, digits, dots, dashes, underscores; the first a letter or digit.');
const runbookId = idOf('runbook id');
/** Of an instance that stands: with `~` it is an element of a section, and no caller chooses such an id. */
const elementId = z.string().regex(/^[A-Za-z0-9~][A-Za-z0-9._~-]{0,127}$/, {
  error: 'is no instance id: 1 to 128 letters, digits, dots, dashes, underscores; `~` in those of elements',
});
const newInstanceId = idOf('instance id');
export const instanceId = elementId.describe('Letters, digits, dots, dashes, underscores; `~` in those of elements.');
export const cellName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/);
export const seq = z.int().min(0).describe('Number of an entry in the journal of its instance.');
const version = z.int().min(1);
const drive = z.enum(['auto', 'manual']);
const reason = z.string().min(1).max(limits.reasonCharsMax);
const expectedSeq = seq.describe('The `seq` of the view the caller has seen; a different head is refused (seq.stale).');
const maxCells = z.union([z.int().min(1).max(limits.attemptsPerInstanceMax), z.literal('all')]);

/** A number in a path or a query: digits, so that `1e3`, ` 1` and `0x1` are refused. */
const digits = (min: number) =>
  z
    .string()
    .regex(/^(0|[1-9]\d{0,15}|-1)$/)
    .transform(Number)
    .pipe(z.int().min(min));

export const runbookPath = once(() => z.strictObject({ runbookId }));
export const versionPath = once(() => z.strictObject({ runbookId, version: digits(1) }));
export const instancePath = once(() => z.strictObject({ instanceId }));
export const cellPath = once(() => z.strictObject({ instanceId, cell: cellName }));
export const linkPath = once(() => z.strictObject({ secret: z.string().min(1).max(200) }));
export const outputPath = once(() => z.strictObject({ instanceId, seq: digits(0) }));

const next = z.string().min(1).max(2_000).describe('`next` of the page before, as it was given.').exactOptional();
const limit = digits(1).pipe(z.int().max(limits.pageMax)).exactOptional();
const moment = z
  .string()
  .max(40)
  .refine((text) => momentOf(text, 0) !== undefined, {
    error: 'is no time: give one with its zone, as 2026-11-28T09:00+01:00, or how long ago, as 90m, 2h, 3d',
  });
const words = z.string().min(1).max(limits.listTextCharsMax);
const read = `At most ${limits.listReadMax} views (listReadMax) are read by one request: then the answer says \`atLeast\`.`;
const statusCharsMax = 200;
const between = {
  since: moment
    .describe('Started then or later: a time with its zone, or how long ago (`90m`, `2h`, `3d`).')
    .exactOptional(),
  until: moment.describe('Started before that.').exactOptional(),
};
export const listQuery = once(() =>
  z.strictObject({
    runbook: runbookId.exactOptional(),
    status: z
      .string()
      .max(statusCharsMax)
      .transform((text) => text.split(','))
      .pipe(z.array(z.enum(viewStatuses, { error: `is none: it may be ${viewStatuses.join(', ')}` })))
      .describe(`Of: ${viewStatuses.join(', ')}. Several, with commas between them: any of them.`)
      .exactOptional(),
    ...between,
    param: words
      .refine((text) => text.split('\n').every((line) => line.indexOf('=') > 0), { error: 'wants name=value' })
      .describe(`A parameter, \`name=value\`; several, each on a line: all of them. ${read}`)
      .exactOptional(),
    actor: words.describe(`Who started it, exactly. ${read}`).exactOptional(),
    id: elementId.describe(`How its id begins. ${read}`).exactOptional(),
    text: words
      .describe(
        `Stands in its id, runbook, cell, status, who started it, whom it waits for, or the beginning of its parameters; case does not count. ${read}`,
      )
      .exactOptional(),
    limit,
    next,
  }),
);
export const countsQuery = once(() => z.strictObject({ runbook: runbookId.exactOptional(), ...between }));
export const runbooksQuery = once(() => z.strictObject({ limit, next }));
export const instanceQuery = once(() =>
  z.strictObject({
    outputBytesMax: digits(0)
      .pipe(z.int().max(limits.answerOutputsBytesMax))
      .describe(
        `Outputs are in the answer, in the order of the document, as long as they fit into so many bytes (default: ${limits.answerOutputsBytesMax}).`,
      )
      .exactOptional(),
  }),
);
export const journalQuery = once(() =>
  z.strictObject({
    after: digits(-1).describe('Entries after this seq; -1, or nothing, begins at the beginning.').exactOptional(),
    limit,
  }),
);
export const notesQuery = once(() =>
  z.strictObject({
    about: digits(0).describe('Only notes about the step at this seq.').exactOptional(),
    after: digits(0).describe('`next` of the page before.').exactOptional(),
    limit,
  }),
);
export const journalsQuery = once(() => z.strictObject({ next }));
export const verifyQuery = once(() =>
  z.strictObject({
    seq: digits(0)
      .describe('With `hash`: what the entry there once was, as a witness from elsewhere says.')
      .exactOptional(),
    hash: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .exactOptional(),
  }),
);
export const outputQuery = once(() =>
  z.strictObject({
    part: digits(1).describe('Which part of a large output; the first is 1.').exactOptional(),
  }),
);
/** A claim id may hold slashes, so it stands in the query. What is none is refused by the engine, in words. */
const claimId = z
  .string()
  .min(1)
  .max(2_000)
  .describe('Letters, digits, dots, dashes, underscores, and single slashes between them.');
export const claimQuery = once(() => z.strictObject({ id: claimId }));
export const claimsQuery = once(() => z.strictObject({ id: claimId.exactOptional(), limit, next }));
export const claimWaitersQuery = once(() => z.strictObject({ id: claimId, limit, next }));
export const claimHistoryQuery = once(() =>
  z.strictObject({
    id: claimId,
    before: digits(1).describe('`next` of the page before: only revisions before this one.').exactOptional(),
    limit,
  }),
);
const place = z
  .string()
  .refine(isPlace, { error: `is none: ${placeForm}` })
  .describe('Where cells run.');
export const workersQuery = once(() => z.strictObject({ place: place.exactOptional() }));
export const statisticsQuery = once(() =>
  z.strictObject({ version: digits(1).describe('Default: the newest.').exactOptional() }),
);
export const noQuery = once(() => z.strictObject({}));

export const startBody = once(() =>
  z.strictObject({
    params: z.record(z.string(), z.unknown()).default({}),
    version: version.describe('Default: the newest.').exactOptional(),
    instanceId: newInstanceId.exactOptional(),
    drive: drive.exactOptional(),
    continues: z
      .strictObject({
        instanceId: instanceId.describe('The halted or cancelled run to go on from.'),
        at: cellName.describe('The cell to begin with.'),
        reason: reason.describe('Asked for when a cell would run again that was done there.').exactOptional(),
      })
      .exactOptional(),
  }),
);
export const startAndRunBody = once(() => startBody().omit({ drive: true }));
/** What of a start says what would happen. */
export const planBody = once(() => startBody().pick({ params: true, version: true }));
export const advanceBody = once(() =>
  z.strictObject({
    cell: cellName.describe('Only this cell.').exactOptional(),
    maxCells: maxCells.describe('Reservations at most; default 1.').exactOptional(),
    expectedSeq: expectedSeq.exactOptional(),
  }),
);
export const runBody = once(() => z.strictObject({ expectedSeq: expectedSeq.exactOptional() }));
export const verdictBody = once(() =>
  z.strictObject({
    seq: seq.describe('Seq of the reservation the verdict is about (of the outcome where there was none).'),
    verdict: z.enum(['succeeded', 'failed', 'retry', 'skip']),
    reason,
    output: z
      .string()
      .describe(
        'With `succeeded`: JSON text of what the cell would have returned. A text, so that large integers survive.',
      )
      .refine((text) => lossyNumberIn(text, isInfinite) === undefined, {
        error: 'holds a number that no program can read, as 1e400 is: give it as a text',
      })
      .exactOptional(),
    evidence: z.string().max(limits.noteTextCharsMax).exactOptional(),
    freshKey: z.boolean().describe('With `retry`: another idempotency key, a new visit.').exactOptional(),
    onlyInDoubt: z
      .boolean()
      .describe('Refused unless the step is still in doubt: for a decision that was looked for before.')
      .exactOptional(),
    holderGone: z
      .boolean()
      .describe(
        'Before the time of the step is over: taken only where the service finds, on its own machine, that the process of the holder is gone (verdict.holderNotKnown).',
      )
      .exactOptional(),
    overlapOk: z
      .boolean()
      .describe('With `retry` and `holderGone`: what the attempt has begun elsewhere may act beside the next one.')
      .exactOptional(),
  }),
);
export const releaseBody = once(() => z.strictObject({ reason, expectedSeq: expectedSeq.exactOptional() }));
/** The same about many, each taken only while it is in doubt and its time is over. */
export const verdictsBody = once(() =>
  verdictBody()
    .omit({ seq: true, onlyInDoubt: true, holderGone: true, overlapOk: true })
    .extend({
      steps: z
        .array(z.strictObject({ instanceId, seq: verdictBody().shape.seq }))
        .min(1)
        .max(limits.verdictsAtOnceMax, {
          error: `are too many: ${limits.verdictsAtOnceMax} at most in one call (verdictsAtOnceMax)`,
        })
        .describe('The steps in doubt, each once.'),
      perSecond: z
        .int()
        .min(1)
        .max(limits.verdictsPerSecondMax, {
          error: `is too fast: ${limits.verdictsPerSecondMax} at most (verdictsPerSecondMax)`,
        })
        .describe(`So many are decided in a second, over all callers; default ${limits.verdictsPerSecond}.`)
        .exactOptional(),
    }),
);
export const cancelBody = once(() =>
  z.strictObject({
    reason,
    undo: z
      .boolean()
      .describe('Takes back what was done before it ends, the last first: what has an `undo=` fence.')
      .exactOptional(),
    stopCleanup: z
      .boolean()
      .describe(
        'Stops what is gone through at the end of a run whose way is over; needs `expectedSeq`. What stays is told.',
      )
      .exactOptional(),
    expectedSeq: expectedSeq.exactOptional(),
  }),
);
export const undoBody = once(() =>
  z.strictObject({
    reason,
    manual: z.boolean().describe('Nothing of it goes by itself: each cell is advanced by a person.').exactOptional(),
    expectedSeq: expectedSeq.exactOptional(),
  }),
);
export const doneBody = once(() =>
  z.strictObject({
    result: z.enum(['done', 'failed']),
    note: reason,
    answer: z
      .record(z.string(), z.unknown())
      .describe('What the cell asks for (`waits.answer` says what that is): it is the output of the cell.')
      .exactOptional(),
    attachment: z
      .strictObject({
        name: z.string().min(1).max(limits.attachmentNameCharsMax).describe('A plain name, without a folder.'),
        base64: z.base64().describe(`The file, of at most ${limits.attachmentBytesMax} bytes.`),
        sha256: z
          .string()
          .regex(/^[0-9a-f]{64}$/)
          .describe('Of the file: what arrives has to have it.'),
      })
      .describe('A file that is kept with the entry; its hash stands there.')
      .exactOptional(),
    expectedSeq: expectedSeq.exactOptional(),
  }),
);
export const attachmentQuery = once(() =>
  z.strictObject({
    file: digits(1).describe('Which of the files of the entry; the first is 1.').exactOptional(),
    part: digits(1).describe('Which part of it; the first is 1.').exactOptional(),
  }),
);

const status = z.enum(claimStatuses);
export const claimBody = once(() =>
  z.strictObject({
    status,
    statement: z
      .string()
      .describe('What it says, for people. Without it that of the last revision stays.')
      .exactOptional(),
    evidence: z
      .unknown()
      .describe('Any JSON value; its numbers stay as they are written. Without it that of the last revision stays.')
      .exactOptional(),
    revision: z
      .int()
      .min(0)
      .describe('The revision the caller has seen, 0 for none: another one is refused (claim.stale).')
      .exactOptional(),
    reason: z
      .string()
      .describe('Why it is so. `invalidated` and `superseded` are final: another status needs this and `revision`.')
      .exactOptional(),
  }),
);
const shownHash = z
  .string()
  .regex(new RegExp(`^[0-9a-f]{${limits.shownHashCharsMin},64}$`), {
    error: `is not the hash of what was shown, nor its first ${limits.shownHashCharsMin} characters or more (shownHashCharsMin), 0-9 and a-f`,
  })
  .describe(`The hash of what the voter was shown, or its first ${limits.shownHashCharsMin} characters or more.`);
const comment = z.string().exactOptional();
export const voteBody = once(() =>
  z.strictObject({ decision: z.enum(['approve', 'reject', 'withdraw']), shownHash, comment }),
);
export const linkBody = once(() =>
  z.strictObject({
    actor: z.string().min(1).max(limits.actorCharsMax).describe('The named approver whose vote it is.'),
  }),
);
export const linkVoteBody = once(() => z.strictObject({ decision: z.enum(['approve', 'reject']), shownHash, comment }));

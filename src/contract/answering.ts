/**
 * What comes out of each operation, by status. A door of its own beside `index.ts`: only who calls over HTTP and who writes
 * the OpenAPI document need these schemas, and making them takes time at the start of a command.
 */
import type * as z from 'zod';
import { claimFound, claimHistory, claimSet, claimWaiters } from './answers/claims.ts';
import { elements, instance } from './answers/instance.ts';
import { attachmentPart, entry, journalIds, journalPage, notePage, outputPart, verified } from './answers/journal.ts';
import { me } from './answers/me.ts';
import { advanced, cancelled, ran, startedAndRan } from './answers/moves.ts';
import { overview } from './answers/overview.ts';
import { planned } from './answers/plan.ts';
import { published, runbook, runbookPage, versionPage } from './answers/runbooks.ts';
import { health, openApiDocument, problem } from './answers/service.ts';
import { statistics } from './answers/statistics.ts';
import { verdictGiven, verdictsGiven } from './answers/verdicts.ts';
import { counts, startedAnswer, view, viewAnswer, viewPage } from './answers/views.ts';
import { linkMade, linkShown, linkVoted, voted } from './answers/votes.ts';
import { workers } from './answers/workers.ts';
import type { OperationName } from './routes.ts';

export type Answers = Readonly<Record<number, z.ZodType>>;

export const answersOf = {
  health: { 200: health },
  openApi: { 200: openApiDocument },
  me: { 200: me },
  listRunbooks: { 200: runbookPage },
  runbook: { 200: runbook },
  publish: { 200: published, 201: published },
  versions: { 200: versionPage },
  version: { 200: runbook },
  statistics: { 200: statistics },
  start: { 200: startedAnswer, 201: startedAnswer },
  startAndRun: { 200: startedAndRan, 202: startedAndRan },
  plan: { 200: planned },
  listInstances: { 200: viewPage },
  overview: { 200: overview },
  counts: { 200: counts },
  instance: { 200: instance },
  journal: { 200: journalPage },
  verify: { 200: verified },
  journals: { 200: journalIds },
  rebuild: { 200: viewAnswer },
  notes: { 200: notePage },
  elements: { 200: elements },
  output: { 200: outputPart },
  attachment: { 200: attachmentPart },
  advance: { 200: advanced, 202: advanced },
  run: { 200: ran, 202: ran },
  cancel: { 200: cancelled, 202: cancelled },
  undo: { 200: viewAnswer },
  verdict: { 200: verdictGiven },
  verdicts: { 200: verdictsGiven },
  release: { 200: viewAnswer },
  done: { 200: viewAnswer },
  vote: { 200: voted },
  makeLink: { 201: linkMade },
  link: { 200: linkShown },
  useLink: { 200: linkVoted },
  claims: { 200: claimFound },
  setClaim: { 200: claimSet, 201: claimSet },
  claimHistory: { 200: claimHistory },
  claimWaiters: { 200: claimWaiters },
  workers: { 200: workers },
} as const satisfies Record<OperationName, Answers>;

/** Answers that have a name of their own in the OpenAPI document. */
export const namedAnswers = {
  View: view,
  Entry: entry,
  Advanced: advanced,
  Ran: ran,
  Published: published,
  Runbook: runbook,
  RunbookPage: runbookPage,
  Started: startedAnswer,
  ViewPage: viewPage,
  ViewAnswer: viewAnswer,
  VerdictGiven: verdictGiven,
  Cancelled: cancelled,
  Instance: instance,
  JournalPage: journalPage,
  NotePage: notePage,
  OutputPart: outputPart,
  Health: health,
  Document: openApiDocument,
  Problem: problem,
} as const;

/**
 * What comes out of each operation, by status. A door of its own beside `index.ts`: only who calls over HTTP and who writes
 * the OpenAPI document need these schemas, and making them takes time at the start of a command.
 */
import type * as z from 'zod';
import * as answers from './answers.ts';
import { overview } from './overviewAnswer.ts';
import { planned } from './plannedAnswer.ts';
import type { OperationName } from './routes.ts';

export { answers };

export type Answers = Readonly<Record<number, z.ZodType>>;

export const answersOf = {
  health: { 200: answers.health },
  openApi: { 200: answers.openApiDocument },
  listRunbooks: { 200: answers.runbookPage },
  runbook: { 200: answers.runbook },
  publish: { 200: answers.published, 201: answers.published },
  version: { 200: answers.runbook },
  statistics: { 200: answers.statistics },
  start: { 200: answers.startedAnswer, 201: answers.startedAnswer },
  startAndRun: { 200: answers.startedAndRan, 202: answers.startedAndRan },
  plan: { 200: planned },
  listInstances: { 200: answers.viewPage },
  overview: { 200: overview },
  counts: { 200: answers.counts },
  instance: { 200: answers.instance },
  journal: { 200: answers.journalPage },
  verify: { 200: answers.verified },
  journals: { 200: answers.journalIds },
  rebuild: { 200: answers.viewAnswer },
  notes: { 200: answers.notePage },
  output: { 200: answers.outputPart },
  attachment: { 200: answers.attachmentPart },
  advance: { 200: answers.advanced, 202: answers.advanced },
  run: { 200: answers.ran, 202: answers.ran },
  cancel: { 200: answers.cancelled, 202: answers.cancelled },
  undo: { 200: answers.viewAnswer },
  verdict: { 200: answers.verdictGiven },
  verdicts: { 200: answers.verdictsGiven },
  release: { 200: answers.viewAnswer },
  done: { 200: answers.viewAnswer },
  vote: { 200: answers.voted },
  makeLink: { 201: answers.linkMade },
  link: { 200: answers.linkShown },
  useLink: { 200: answers.linkVoted },
  claims: { 200: answers.claimFound },
  setClaim: { 200: answers.claimSet, 201: answers.claimSet },
  claimHistory: { 200: answers.claimHistory },
  claimWaiters: { 200: answers.claimWaiters },
  workers: { 200: answers.workers },
} as const satisfies Record<OperationName, Answers>;

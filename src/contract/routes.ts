/**
 * The routes of the HTTP API: what each is for, who may call it and what goes in; what comes out has `answering.ts`. Validation, the OpenAPI
 * document, the policies in infra/ (a test compares them), the command line and the types of all these follow from this
 * table.
 */
import type * as z from 'zod';
import { limits } from '../engine/model/index.ts';
import * as requests from './requests.ts';

/** Made when an operation is first called. */
type Made = () => z.ZodObject;

export type Permission = 'read' | 'operate' | 'author' | 'decide';

/**
 * `optional`: a call without a body is one with an empty object. `form`: a page may send its fields instead. `asWritten`: a
 * field in which numbers stay as they are written; everywhere else one that would be kept as another is refused.
 */
type Body =
  | {
      media: 'application/json';
      schema: Made;
      bytesMax: number;
      optional: boolean;
      form?: boolean;
      asWritten?: string;
    }
  | { media: 'text/markdown'; bytesMax: number };

export type Route = {
  method: 'GET' | 'PUT' | 'POST';
  path: `/${string}`;
  /** `null`: no authentication. */
  permission: Permission | null;
  summary: string;
  pathParameters: Made;
  query: Made;
  body: Body | null;
  /** It is asked for again and again: an answer has an `ETag`, which `nowMs` does not change, and `If-None-Match` is answered by 304. */
  tagged?: true;
};

const json = <S extends Made>(schema: S, optional = false, bytesMax: number = limits.bodyBytesMax) =>
  ({ media: 'application/json', schema, bytesMax, optional }) as const;

const noPath = requests.noQuery;
const { noQuery } = requests;

export const operations = {
  health: {
    method: 'GET',
    path: '/health',
    permission: null,
    summary: 'Whether the service answers.',
    pathParameters: noPath,
    query: noQuery,
    body: null,
  },
  openApi: {
    method: 'GET',
    path: '/openapi.json',
    permission: 'read',
    summary: 'This document.',
    pathParameters: noPath,
    query: noQuery,
    body: null,
  },
  listRunbooks: {
    method: 'GET',
    path: '/runbooks',
    permission: 'read',
    summary: 'Runbooks in order of their names, each by its newest version.',
    pathParameters: noPath,
    query: requests.runbooksQuery,
    body: null,
  },
  runbook: {
    method: 'GET',
    path: '/runbooks/{runbookId}',
    permission: 'read',
    summary: 'The newest version of a runbook, its source included.',
    pathParameters: requests.runbookPath,
    query: noQuery,
    body: null,
  },
  publish: {
    method: 'PUT',
    path: '/runbooks/{runbookId}',
    permission: 'author',
    summary: 'Publishes a document. The same content answers with the version that exists.',
    pathParameters: requests.runbookPath,
    query: noQuery,
    body: { media: 'text/markdown', bytesMax: limits.sourceBytesMax },
  },
  version: {
    method: 'GET',
    path: '/runbooks/{runbookId}/versions/{version}',
    permission: 'read',
    summary: 'One version of a runbook, its source included.',
    pathParameters: requests.versionPath,
    query: noQuery,
    body: null,
  },
  statistics: {
    method: 'GET',
    path: '/runbooks/{runbookId}/statistics',
    permission: 'read',
    summary:
      'How the newest runs of a version went: their ends, and how long their cells took. It says of how many runs and journals it is made.',
    pathParameters: requests.runbookPath,
    query: requests.statisticsQuery,
    body: null,
  },
  start: {
    method: 'POST',
    path: '/runbooks/{runbookId}/instances',
    permission: 'operate',
    summary: 'Starts an instance. The same id with the same content answers with the one that exists.',
    pathParameters: requests.runbookPath,
    query: noQuery,
    body: json(requests.startBody, true),
  },
  startAndRun: {
    method: 'POST',
    path: '/runbooks/{runbookId}/run',
    permission: 'operate',
    summary: 'Starts an instance with drive `auto` and runs it as far as it goes, in one call.',
    pathParameters: requests.runbookPath,
    query: noQuery,
    body: json(requests.startAndRunBody, true),
  },
  plan: {
    method: 'POST',
    path: '/runbooks/{runbookId}/plan',
    permission: 'read',
    summary:
      'What a start with these parameters would do: its cells with what they act with, as far as that is known. Writes and runs nothing.',
    pathParameters: requests.runbookPath,
    query: noQuery,
    body: json(requests.planBody, true),
  },
  listInstances: {
    method: 'GET',
    path: '/instances',
    permission: 'read',
    summary:
      'Views of instances, newest first by when they started; whatever is asked for has to fit. A list may lag behind.',
    pathParameters: noPath,
    query: requests.listQuery,
    body: null,
    tagged: true,
  },
  overview: {
    method: 'GET',
    path: '/overview',
    permission: 'read',
    summary:
      'One look at all runs: what needs somebody, each kind in a list of its own, what is under way, the newest, and how many there are of each status. `status`, `limit` and `next` are about the newest alone; "ago" is reckoned to the minute.',
    pathParameters: noPath,
    query: requests.listQuery,
    body: null,
    tagged: true,
  },
  counts: {
    method: 'GET',
    path: '/counts',
    permission: 'read',
    summary:
      'How many instances there are of each status, as a list would have them. No view is read for it; it may lag behind.',
    pathParameters: noPath,
    query: requests.countsQuery,
    body: null,
    tagged: true,
  },
  instance: {
    method: 'GET',
    path: '/instances/{instanceId}',
    permission: 'read',
    summary: 'The view of an instance and every cell of it.',
    pathParameters: requests.instancePath,
    query: requests.instanceQuery,
    body: null,
    tagged: true,
  },
  journal: {
    method: 'GET',
    path: '/instances/{instanceId}/journal',
    permission: 'read',
    summary: 'Entries of the journal in order.',
    pathParameters: requests.instancePath,
    query: requests.journalQuery,
    body: null,
  },
  verify: {
    method: 'GET',
    path: '/instances/{instanceId}/verify',
    permission: 'read',
    summary: 'Checks the whole journal of an instance, its outputs, its version and its view.',
    pathParameters: requests.instancePath,
    query: requests.verifyQuery,
    body: null,
  },
  journals: {
    method: 'GET',
    path: '/journals',
    permission: 'read',
    summary: 'Ids of all instances that ever started, found without their views. The list may lag behind.',
    pathParameters: noPath,
    query: requests.journalsQuery,
    body: null,
  },
  rebuild: {
    method: 'POST',
    path: '/instances/{instanceId}/rebuild',
    permission: 'operate',
    summary: 'Makes the view of an instance again, from its journal.',
    pathParameters: requests.instancePath,
    query: noQuery,
    body: null,
  },
  notes: {
    method: 'GET',
    path: '/instances/{instanceId}/notes',
    permission: 'read',
    summary: 'Logs and evidence beside the journal, oldest first.',
    pathParameters: requests.instancePath,
    query: requests.notesQuery,
    body: null,
    tagged: true,
  },
  output: {
    method: 'GET',
    path: '/instances/{instanceId}/outputs/{seq}',
    permission: 'read',
    summary: 'The output that the entry at `seq` carries; a large one in parts.',
    pathParameters: requests.outputPath,
    query: requests.outputQuery,
    body: null,
  },
  attachment: {
    method: 'GET',
    path: '/instances/{instanceId}/attachments/{seq}',
    permission: 'read',
    summary: 'A file that the entry at `seq` carries, in parts.',
    pathParameters: requests.outputPath,
    query: requests.attachmentQuery,
    body: null,
  },
  advance: {
    method: 'POST',
    path: '/instances/{instanceId}/advance',
    permission: 'operate',
    summary:
      'Advances an instance, by one cell unless the request says otherwise. 202: it goes on, look at the Location.',
    pathParameters: requests.instancePath,
    query: noQuery,
    body: json(requests.advanceBody, true),
  },
  run: {
    method: 'POST',
    path: '/instances/{instanceId}/run',
    permission: 'operate',
    summary: 'Sets drive `auto` and advances an instance as far as it goes; says how the whole run stands.',
    pathParameters: requests.instancePath,
    query: noQuery,
    body: json(requests.runBody, true),
  },
  cancel: {
    method: 'POST',
    path: '/instances/{instanceId}/cancel',
    permission: 'operate',
    summary:
      'Cancels an instance: what its runbook has for that end is gone through. 202: a step is still open, and may run until the deadline named.',
    pathParameters: requests.instancePath,
    query: noQuery,
    body: json(requests.cancelBody),
  },
  undo: {
    method: 'POST',
    path: '/instances/{instanceId}/undo',
    permission: 'operate',
    summary: 'Gives an instance up that stands at a known failure: what it did is taken back, the last first.',
    pathParameters: requests.instancePath,
    query: noQuery,
    body: json(requests.undoBody),
  },
  verdict: {
    method: 'POST',
    path: '/instances/{instanceId}/verdict',
    permission: 'decide',
    summary: 'Decides about a step in doubt or halted.',
    pathParameters: requests.instancePath,
    query: noQuery,
    // An output of the largest size, quoted.
    body: json(requests.verdictBody, false, limits.answerBytesMax + limits.bodyBytesMax),
  },
  verdicts: {
    method: 'POST',
    path: '/verdicts',
    permission: 'decide',
    summary:
      'Decides about many steps in doubt alike, at a rate that holds over all callers. Each is answered by itself. 429: another call has the turn.',
    pathParameters: noPath,
    query: noQuery,
    body: json(requests.verdictsBody, false, limits.answerBytesMax + limits.bodyBytesMax),
  },
  release: {
    method: 'POST',
    path: '/instances/{instanceId}/release',
    permission: 'decide',
    summary: 'Lets an instance go on that is held since a restore from backup.',
    pathParameters: requests.instancePath,
    query: noQuery,
    body: json(requests.releaseBody),
  },
  done: {
    method: 'POST',
    path: '/instances/{instanceId}/cells/{cell}/done',
    permission: 'operate',
    summary: 'Records that a `manual` cell was done, or failed.',
    pathParameters: requests.cellPath,
    query: noQuery,
    // A file of the largest size, in base64.
    body: json(requests.doneBody, false, Math.ceil(limits.attachmentBytesMax / 3) * 4 + limits.bodyBytesMax),
  },
  vote: {
    method: 'POST',
    path: '/instances/{instanceId}/cells/{cell}/votes',
    permission: 'decide',
    summary:
      'Votes about an `approve` cell, or withdraws an approval. Who was shown what stands in GET /instances/{instanceId}.',
    pathParameters: requests.cellPath,
    query: noQuery,
    body: json(requests.voteBody),
  },
  makeLink: {
    method: 'POST',
    path: '/instances/{instanceId}/cells/{cell}/links',
    permission: 'decide',
    summary: 'Makes a one-time link by which a named approver votes without credentials.',
    pathParameters: requests.cellPath,
    query: noQuery,
    body: json(requests.linkBody),
  },
  link: {
    method: 'GET',
    path: '/links/{secret}',
    permission: null,
    summary: 'Shows what a one-time link votes about: a page, or JSON. Changes nothing.',
    pathParameters: requests.linkPath,
    query: noQuery,
    body: null,
  },
  useLink: {
    method: 'POST',
    path: '/links/{secret}',
    permission: null,
    summary: 'Votes by a one-time link, which is spent by it.',
    pathParameters: requests.linkPath,
    query: noQuery,
    body: { ...json(requests.linkVoteBody), form: true },
  },
  claims: {
    method: 'GET',
    path: '/claims',
    permission: 'read',
    summary: 'The claim `id`; without one, claims in order of their ids. A list may lag behind.',
    pathParameters: noPath,
    query: requests.claimsQuery,
    body: null,
    tagged: true,
  },
  setClaim: {
    method: 'PUT',
    path: '/claims',
    permission: 'operate',
    summary: 'Writes the next revision of a claim and wakes its waiters.',
    pathParameters: noPath,
    query: requests.claimQuery,
    body: { ...json(requests.claimBody), asWritten: 'evidence' },
  },
  claimHistory: {
    method: 'GET',
    path: '/claims/history',
    permission: 'read',
    summary: 'Every revision of a claim, newest first.',
    pathParameters: noPath,
    query: requests.claimHistoryQuery,
    body: null,
    tagged: true,
  },
  claimWaiters: {
    method: 'GET',
    path: '/claims/waiters',
    permission: 'read',
    summary: 'Cells that wait for a claim, which need not exist yet. One whose wait has just ended may still be told.',
    pathParameters: noPath,
    query: requests.claimWaitersQuery,
    body: null,
    tagged: true,
  },
  workers: {
    method: 'GET',
    path: '/workers',
    permission: 'read',
    summary: 'Workers by their heartbeats, place by place, and places that something waits for and nobody ever served.',
    pathParameters: noPath,
    query: requests.workersQuery,
    body: null,
    tagged: true,
  },
} as const satisfies Record<string, Route>;

export type OperationName = keyof typeof operations;
export const operationNames = Object.keys(operations) as OperationName[];
export const routes: readonly Route[] = Object.values(operations);

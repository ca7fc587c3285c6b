/** Runbooks, their versions, what a start would do, and starts. */
import { limits } from '../../engine/model/index.ts';
import { noQuery } from '../requests/parts.ts';
import {
  planBody,
  runbookPath,
  runbooksQuery,
  startAndRunBody,
  startBody,
  statisticsQuery,
  versionPath,
  versionsQuery,
} from '../requests/runbooks.ts';
import { json, type Route } from './route.ts';

export const runbookRoutes = {
  listRunbooks: {
    method: 'GET',
    path: '/runbooks',
    permission: 'read',
    summary: 'Runbooks in order of their names, each by its newest version.',
    pathParameters: noQuery,
    query: runbooksQuery,
    body: null,
  },
  runbook: {
    method: 'GET',
    path: '/runbooks/{runbookId}',
    permission: 'read',
    summary: 'The newest version of a runbook, its source included.',
    pathParameters: runbookPath,
    query: noQuery,
    body: null,
  },
  publish: {
    method: 'PUT',
    path: '/runbooks/{runbookId}',
    permission: 'author',
    summary: 'Publishes a document. The same content answers with the version that exists.',
    pathParameters: runbookPath,
    query: noQuery,
    body: { media: 'text/markdown', bytesMax: limits.sourceBytesMax },
  },
  versions: {
    method: 'GET',
    path: '/runbooks/{runbookId}/versions',
    permission: 'read',
    summary: 'Versions of a runbook, newest first, each with who published it when; without their sources.',
    pathParameters: runbookPath,
    query: versionsQuery,
    body: null,
  },
  version: {
    method: 'GET',
    path: '/runbooks/{runbookId}/versions/{version}',
    permission: 'read',
    summary: 'One version of a runbook, its source included.',
    pathParameters: versionPath,
    query: noQuery,
    body: null,
  },
  statistics: {
    method: 'GET',
    path: '/runbooks/{runbookId}/statistics',
    permission: 'read',
    summary:
      'How the newest runs of a version went: their ends, and how long their cells took. It says of how many runs and journals it is made.',
    pathParameters: runbookPath,
    query: statisticsQuery,
    body: null,
  },
  start: {
    method: 'POST',
    path: '/runbooks/{runbookId}/instances',
    permission: 'operate',
    summary: 'Starts an instance. The same id with the same content answers with the one that exists.',
    pathParameters: runbookPath,
    query: noQuery,
    body: json(startBody, true),
  },
  startAndRun: {
    method: 'POST',
    path: '/runbooks/{runbookId}/run',
    permission: 'operate',
    summary: 'Starts an instance with drive `auto` and runs it as far as it goes, in one call.',
    pathParameters: runbookPath,
    query: noQuery,
    body: json(startAndRunBody, true),
  },
  plan: {
    method: 'POST',
    path: '/runbooks/{runbookId}/plan',
    permission: 'read',
    summary:
      'What a start with these parameters would do: its cells with what they act with, as far as that is known. Writes and runs nothing.',
    pathParameters: runbookPath,
    query: noQuery,
    body: json(planBody, true),
  },
} as const satisfies Record<string, Route>;

/**
 * The routes of the HTTP API, in the order of their document: what each is for, who may call it and what goes in; what comes
 * out has `answering.ts`. Validation, the OpenAPI document, the policies in infra/ (a test compares them), the command line and
 * the types of all these follow from this table.
 */
import { noQuery } from './requests/parts.ts';
import { workersQuery } from './requests/workers.ts';
import { claimRoutes } from './routes/claims.ts';
import { commandRoutes } from './routes/commands.ts';
import { instanceRoutes } from './routes/instances.ts';
import type { Route } from './routes/route.ts';
import { runbookRoutes } from './routes/runbooks.ts';
import { voteRoutes } from './routes/votes.ts';

export const operations = {
  health: {
    method: 'GET',
    path: '/health',
    permission: null,
    summary: 'Whether the service answers.',
    pathParameters: noQuery,
    query: noQuery,
    body: null,
  },
  openApi: {
    method: 'GET',
    path: '/openapi.json',
    permission: 'read',
    summary: 'This document.',
    pathParameters: noQuery,
    query: noQuery,
    body: null,
  },
  me: {
    method: 'GET',
    path: '/me',
    permission: 'read',
    summary: 'Who asks, in which groups, and what they may do, as far as this service is told.',
    pathParameters: noQuery,
    query: noQuery,
    body: null,
  },
  ...runbookRoutes,
  ...instanceRoutes,
  ...commandRoutes,
  ...voteRoutes,
  ...claimRoutes,
  workers: {
    method: 'GET',
    path: '/workers',
    permission: 'read',
    summary: 'Workers by their heartbeats, place by place, and places that something waits for and nobody ever served.',
    pathParameters: noQuery,
    query: workersQuery,
    body: null,
    tagged: true,
  },
} as const satisfies Record<string, Route>;

export type OperationName = keyof typeof operations;
export const operationNames = Object.keys(operations) as OperationName[];
export const routes: readonly Route[] = Object.values(operations);

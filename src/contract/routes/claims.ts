/** Claims. */
import { claimBody, claimHistoryQuery, claimQuery, claimsQuery, claimWaitersQuery } from '../requests/claims.ts';
import { noQuery } from '../requests/parts.ts';
import { json, type Route } from './route.ts';

export const claimRoutes = {
  claims: {
    method: 'GET',
    path: '/claims',
    permission: 'read',
    summary: 'The claim `id`; without one, claims in order of their ids. A list may lag behind.',
    pathParameters: noQuery,
    query: claimsQuery,
    body: null,
    tagged: true,
  },
  setClaim: {
    method: 'PUT',
    path: '/claims',
    permission: 'operate',
    summary: 'Writes the next revision of a claim and wakes its waiters.',
    pathParameters: noQuery,
    query: claimQuery,
    body: { ...json(claimBody), asWritten: 'evidence' },
  },
  claimHistory: {
    method: 'GET',
    path: '/claims/history',
    permission: 'read',
    summary: 'Every revision of a claim, newest first.',
    pathParameters: noQuery,
    query: claimHistoryQuery,
    body: null,
    tagged: true,
  },
  claimWaiters: {
    method: 'GET',
    path: '/claims/waiters',
    permission: 'read',
    summary: 'Cells that wait for a claim, which need not exist yet. One whose wait has just ended may still be told.',
    pathParameters: noQuery,
    query: claimWaitersQuery,
    body: null,
    tagged: true,
  },
} as const satisfies Record<string, Route>;

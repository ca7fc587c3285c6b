/** Votes about a cell that asks for approval, and one-time links. */
import { cellPath, noQuery } from '../requests/parts.ts';
import { linkBody, linkPath, linkVoteBody, voteBody } from '../requests/votes.ts';
import { json, type Route } from './route.ts';

export const voteRoutes = {
  vote: {
    method: 'POST',
    path: '/instances/{instanceId}/cells/{cell}/votes',
    permission: 'decide',
    summary:
      'Votes about an `approve` cell, or withdraws an approval. Who was shown what stands in GET /instances/{instanceId}.',
    pathParameters: cellPath,
    query: noQuery,
    body: json(voteBody),
  },
  makeLink: {
    method: 'POST',
    path: '/instances/{instanceId}/cells/{cell}/links',
    permission: 'decide',
    summary: 'Makes a one-time link by which a named approver votes without credentials.',
    pathParameters: cellPath,
    query: noQuery,
    body: json(linkBody),
  },
  link: {
    method: 'GET',
    path: '/links/{secret}',
    permission: null,
    summary: 'Shows what a one-time link votes about: a page, or JSON. Changes nothing.',
    pathParameters: linkPath,
    query: noQuery,
    body: null,
  },
  useLink: {
    method: 'POST',
    path: '/links/{secret}',
    permission: null,
    summary: 'Votes by a one-time link, which is spent by it.',
    pathParameters: linkPath,
    query: noQuery,
    body: { ...json(linkVoteBody), form: true },
  },
} as const satisfies Record<string, Route>;

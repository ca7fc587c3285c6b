/** Votes about approvals, and one-time links. */
import { linkPage, votedPage } from './linkPage.ts';
import type { Operations } from './operation.ts';

export const voteOperations: Pick<Operations, 'vote' | 'makeLink' | 'link' | 'useLink'> = {
  vote: async ({ engine }, { path, body }, { by, groups }) => ({
    status: 200,
    body: await engine.vote(path.instanceId, path.cell, { ...body, groups, by }),
  }),

  makeLink: async ({ engine }, { path, body }, { by, origin }) => {
    const { secret, actor, expiresAtMs } = await engine.makeLink(path.instanceId, path.cell, { ...body, by });
    const link = `${origin}/links/${secret}`;
    return { status: 201, body: { link, actor, expiresAt: new Date(expiresAtMs).toISOString() } };
  },

  link: async ({ engine }, { path }, { by, wantsPage, hasConsole }) => {
    const found = await engine.readLink(path.secret, by);
    const { expiresAtMs, ...rest } = found;
    const body = { ...rest, expiresAt: new Date(expiresAtMs).toISOString() };
    return { status: 200, body, ...(wantsPage ? { page: linkPage(found, hasConsole) } : {}) };
  },

  useLink: async ({ engine }, { path, body }, { by, wantsPage }) => {
    const { view, ...tally } = await engine.useLink(path.secret, { ...body, where: by.where });
    const answer = { instanceId: view.instanceId, ...tally };
    return { status: 200, body: answer, ...(wantsPage ? { page: votedPage(body.decision, answer) } : {}) };
  },
};

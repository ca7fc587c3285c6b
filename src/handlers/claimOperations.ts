/** Operations on claims. */
import { type ClaimEntry, parseAsWritten } from '../engine/index.ts';
import { seal, unseal } from './cursor.ts';
import { limitOf, type Operations } from './operation.ts';
import { fitting } from './reading.ts';

const shownClaim = ({ claimId, revision, status, statement, evidence, reason, by, atMs }: ClaimEntry) => ({
  claimId,
  revision,
  status,
  statement,
  evidence: evidence === null ? null : parseAsWritten(evidence),
  reason: reason ?? null,
  by,
  at: new Date(atMs).toISOString(),
});

export const claimOperations: Pick<Operations, 'claims' | 'setClaim' | 'claimWaiters' | 'claimHistory'> = {
  claims: async (deps, { query }) => {
    const { id, next } = query;
    if (id !== undefined) {
      return { status: 200, body: { claim: shownClaim(await deps.engine.claim(id)) } };
    }
    const after = next === undefined ? {} : { next: unseal(deps, 'claims', next) };
    const whole = await deps.engine.claims({ limit: limitOf(query), ...after });
    const claims = fitting(whole.claims.map(shownClaim));
    // What does not fit into one answer: a page of those that do says where the next one begins.
    const fits = claims.length === whole.claims.length;
    const page = fits ? whole : await deps.engine.claims({ limit: claims.length, ...after });
    return { status: 200, body: { claims: page.claims.map(shownClaim), next: seal(deps, 'claims', page.next) } };
  },

  setClaim: async ({ engine }, { query, body }, { by }) => {
    const { evidence, ...revision } = body;
    const text = evidence === undefined ? {} : { evidence: JSON.stringify(evidence) };
    const { claim, woken } = await engine.setClaim(query.id, { ...revision, ...text, by });
    return { status: claim.revision === 1 ? 201 : 200, body: { claim: shownClaim(claim), woken } };
  },

  claimWaiters: async (deps, { query }) => {
    const list = `waiters ${query.id}`;
    const from = query.next === undefined ? undefined : unseal(deps, list, query.next);
    const { waiters, next } = await deps.engine.claimWaiters(query.id, limitOf(query), from);
    const shownWaiters = waiters.map(({ instanceId, cell, runbookId }) => ({ instanceId, cell, runbookId }));
    return { status: 200, body: { waiters: shownWaiters, next: seal(deps, list, next) } };
  },

  claimHistory: async ({ engine }, { query }) => {
    const limit = limitOf(query);
    const found = await engine.claimHistory(query.id, limit, query.before);
    const claims = fitting(found.map(shownClaim));
    const last = claims.at(-1)?.revision ?? 1;
    return { status: 200, body: { claims, next: last > 1 && found.length > 0 ? last : null } };
  },
};

/** `await`: waits for claims, read consistently; who waits for a claim stands in its subscriptions. */

import type { Call } from '../call/call.ts';
import { resolveInputs, scopeOf } from '../call/inputs.ts';
import { failure } from '../call/outcomes.ts';
import type { AwaitBody, ClaimStatus } from '../model/cellKinds.ts';
import type { EntryOf } from '../model/entries.ts';
import { causeOf } from '../model/events.ts';
import { limits } from '../model/limits.ts';
import type { Cell } from '../model/runbook.ts';
import { settleAll } from '../model/settleAll.ts';
import type { Waiting } from '../model/state.ts';
import type { ClaimEntry, Scope } from '../ports.ts';
import { bodyOf, endsAtMs, over, type WaitEnd, type WaitKind, waitingEntry, withinOf } from './kind.ts';

type Found = { claimId: string; claim: ClaimEntry | undefined };

/** What a condition sees as `claim`. */
const seenOf = (call: Call, { claimId, claim }: Found): Record<string, unknown> => ({
  id: claimId,
  status: claim?.status ?? null,
  statement: claim?.statement ?? null,
  evidence: claim?.evidence == null ? null : call.engine.authoring.parseJson(claim.evidence),
  revision: claim?.revision ?? 0,
});

/** Why a claim is not what is waited for; `null`: it is. */
const unmet = (call: Call, body: AwaitBody, scope: Scope, found: Found): string | null => {
  const { claim } = found;
  if (claim === undefined) return 'it does not exist yet';
  if (!body.until.includes(claim.status)) return `it is ${claim.status}`;
  if (body.condition === null) return null;
  const evaluated = call.engine.authoring.evaluate(body.condition, { ...scope, claim: seenOf(call, found) });
  if (evaluated.kind === 'error') return `the condition cannot be evaluated: ${evaluated.message}`;
  return evaluated.value === true ? null : 'the condition does not hold';
};

/** What a condition sees beside the claim. */
const scopeAt = async (call: Call, cell: Cell, body: AwaitBody, visit: number): Promise<Scope> => {
  const inputs = await resolveInputs(call, body.condition === null ? { ...cell, reads: [] } : cell);
  return scopeOf(call.engine, inputs, { instanceId: call.instanceId, cell: cell.name, visit });
};

/** How the claims stand, and why each is not yet what is waited for. Reads only. */
const claimsNow = async (
  call: Call,
  cell: Cell,
  body: AwaitBody,
  { claims = [], visit, dueAtMs }: EntryOf<'waiting'>,
) => {
  const scope = await scopeAt(call, cell, body, visit);
  const look = async (claimId: string) => {
    const claim = await inTime(call, claimId, dueAtMs);
    const why = unmet(call, body, scope, { claimId, claim });
    return { claimId, revision: claim?.revision ?? 0, status: claim?.status ?? null, unmet: why };
  };
  return await settleAll(claims.map(look));
};

/** JSON text, with evidence as it was given: a parse would change large numbers. */
const outputOf = (found: Found[], timedOut: boolean): string => {
  const claims = found.map(({ claimId, claim }) => {
    if (claim === undefined) return `${JSON.stringify(claimId)}:null`;
    const { status, revision, statement, evidence, by } = claim;
    const plain = JSON.stringify({ status, revision, statement, by: by.actor });
    return `${JSON.stringify(claimId)}:${plain.slice(0, -1)},"evidence":${evidence ?? 'null'}}`;
  });
  return `{"timedOut":${timedOut},"claims":{${claims.join(',')}}}`;
};

const claimText = ({ claimId, claim }: Found): string =>
  claim === undefined
    ? `${claimId} does not exist`
    : `${claimId} is ${claim.status} (revision ${claim.revision}, ${claim.by.actor})`;

/** What held when the time was over: a late look finds what a look in time would have found. */
const inTime = async ({ engine }: Call, claimId: string, dueAtMs: number | null): Promise<ClaimEntry | undefined> => {
  let claim = await engine.claims.newest(claimId);
  while (claim !== undefined && dueAtMs !== null && claim.atMs > dueAtMs) {
    const earlier: ClaimEntry[] = await engine.claims.history(claimId, limits.pageMax, claim.revision);
    claim = earlier.find(({ atMs }) => atMs <= dueAtMs) ?? earlier.at(-1);
  }
  return claim;
};

/**
 * Reads the claims; not met, subscribes and reads them again: a writer that changes one in between wakes us.
 * @returns how it ended; `undefined`: it goes on waiting
 */
const endOf = async (
  call: Call,
  cell: Cell,
  body: AwaitBody,
  open: Waiting,
  waiting: EntryOf<'waiting'>,
): Promise<WaitEnd | undefined> => {
  const { engine, instanceId, started } = call;
  const claimIds = waiting.claims ?? [];
  const scope = await scopeAt(call, cell, body, waiting.visit);
  const read = (): Promise<Found[]> =>
    settleAll(claimIds.map(async (claimId) => ({ claimId, claim: await inTime(call, claimId, open.dueAtMs) })));
  const metBy = (found: Found[]): WaitEnd | undefined => {
    const met = found.filter((one) => unmet(call, body, scope, one) === null);
    if (body.match === 'all' ? met.length < found.length : met.length === 0) return undefined;
    const note = met.map(claimText).join('; ');
    return { status: 'completed', output: outputOf(found, false), error: null, note, claims: claimIds };
  };

  const found = await read();
  const met = metBy(found);
  if (met !== undefined) return met;
  if (open.dueAtMs !== null && engine.clock.nowMs() >= open.dueAtMs) {
    const note = `timed out: ${found.map(claimText).join('; ')}`;
    const output = outputOf(found, true);
    const ended = { output, note, claims: claimIds };
    if (body.onTimeout === 'continue') return { status: 'completed', error: null, ...ended, timedOut: true };
    return { status: 'failed', error: failure('wait.timeout', note), ...ended };
  }
  const waiter = { instanceId, cell: cell.name, about: open.seq, runbookId: started.runbookId };
  await settleAll(claimIds.map((claimId) => engine.subscriptions.add(claimId, waiter)));
  return metBy(await read());
};

/** No writer needs to wake it any more. A subscription that stays costs a look for each change of its claim, no more. */
export const unsubscribe = async (call: Call, cell: Cell, about: number, claims: string[] = []): Promise<void> => {
  const { engine, instanceId } = call;
  const waiter = { instanceId, cell: cell.name, about };
  await settleAll(claims.map((claimId) => engine.subscriptions.remove(claimId, waiter))).catch((error: unknown) =>
    engine.observe({ kind: 'subscription.left', instanceId, cell: cell.name, cause: causeOf(error) }),
  );
};

type Report = {
  kind: 'await';
  match: 'all' | 'any';
  until: ClaimStatus[];
  condition: string | null;
  /** `revision` 0: it does not exist yet. `unmet`: why it is not what is waited for; `null`: it is. */
  claims: { claimId: string; revision: number; status: ClaimStatus | null; unmet: string | null }[];
};

export const awaitClaims: WaitKind<Report> = {
  begin: (call, cell, { body: rendered, inputs }) => {
    const within = withinOf(call, cell, bodyOf(cell, 'await').withinMs, inputs);
    if ('code' in within) return within;
    const claims = rendered.kind === 'await' ? rendered.claims : [];
    return { dueAtMs: endsAtMs(call, within.withinMs), claims };
  },
  park: () => ({ look: 'now' }),
  look: async (call, cell, open) =>
    over(await endOf(call, cell, bodyOf(cell, 'await'), open, await waitingEntry(call, open))),
  report: async (call, cell, open) => {
    const body = bodyOf(cell, 'await');
    const { match, until, condition } = body;
    const claims = await claimsNow(call, cell, body, await waitingEntry(call, open));
    return { kind: 'await', match, until, condition: condition?.source ?? null, claims };
  },
};

/** Starting an instance: versions, parameters, its id, its lock, its first entry. */

import { type Call, type Engine, keepStarted, openCall, openChain, saveView, viewNow } from '../call/call.ts';
import { cellsOf } from '../call/ending.ts';
import { takeLock } from '../call/locks.ts';
import { commandMs } from '../call/mark.ts';
import { assertId, holderOfId, idsFrom, paramsFor, renderText, uniqueIdOf, versionOf } from '../call/starting.ts';
import type { Entry, EntryOf } from '../model/entries.ts';
import { errorCodes, isPawlError, PawlError, withInstanceId } from '../model/errors.ts';
import type { By } from '../model/fields.ts';
import type { Runbook, Version } from '../model/runbook.ts';
import type { Drive } from '../model/state.ts';
import type { View } from '../model/view.ts';
import { noLacks } from '../rules/view.ts';
import { type Continuation, type ContinueRequest, continuationOf } from './continuation.ts';

export type StartRequest = {
  runbookId: string;
  /** Default: the newest. */
  version?: number;
  params: Record<string, unknown>;
  /** Default: what `unique` makes of the parameters, else drawn. */
  instanceId?: string;
  /** Default `manual`. */
  drive?: Drive;
  /** Goes on from a halted or cancelled run; parameters that are not given are those of that run. */
  continues?: ContinueRequest;
  by: By;
};
export type Started = { view: View; created: boolean };

const instanceIdOf = (
  engine: Engine,
  runbook: Runbook,
  request: StartRequest,
  params: Record<string, unknown>,
  continuation: Continuation | undefined,
): string => {
  if (continuation !== undefined) {
    if (request.instanceId === undefined || request.instanceId === continuation.instanceId)
      return assertId(continuation.instanceId);
    const message = `What continues ${request.continues?.instanceId} is ${continuation.instanceId}; leave the instance id out.`;
    throw new PawlError('request.invalid', message);
  }
  const unique = uniqueIdOf(engine, runbook, params);
  if (unique !== null && request.instanceId !== undefined) {
    const message = `Runbook ${runbook.runbookId} derives its instance ids by \`unique\`; leave the instance id out.`;
    throw new PawlError('request.invalid', message);
  }
  const drawn = `${runbook.runbookId.slice(0, 100)}-${engine.random.token().slice(0, 12)}`;
  return assertId(request.instanceId ?? unique ?? drawn);
};

const assertSame = (
  engine: Engine,
  existing: EntryOf<'started'>,
  request: StartRequest,
  params: Record<string, unknown>,
): void => {
  const same =
    existing.runbookId === request.runbookId &&
    (request.version === undefined || request.version === existing.version) &&
    engine.canonical(existing.params) === engine.canonical(params) &&
    existing.continues?.instanceId === request.continues?.instanceId &&
    existing.continues?.at === request.continues?.at;
  if (same) return;
  const { instanceId: id, continues } = existing;
  const from = request.continues?.instanceId;
  const isGivenId = request.instanceId !== undefined;
  // By `unique`, or by what it continues, the id is given: there is no other to take.
  const way =
    from !== undefined && continues?.instanceId === from
      ? `${from} was continued by it, at ${continues.at}; go on with that (\`pawl status ${id}\`), or continue from it in turn (\`--continue ${id}\`)`
      : isGivenId
        ? 'take another id, or the same parameters'
        : `its id follows from \`unique\`: give the same parameters, or continue from it in this version (\`--continue ${id} --at CELL\`)`;
  const message = `Instance ${id} exists with another content (${existing.runbookId} version ${existing.version}); ${way}.`;
  throw new PawlError('instance.exists', message, { instanceId: id });
};

/** A call into an instance that stands, whichever caller started it. */
export type Begun = { call: Call; created: boolean };

/** Starts an instance. The same id with the same content answers with the one that exists. @throws as `startIn` */
export const start = async (engine: Engine, request: StartRequest): Promise<Started> => {
  const { call, created } = await startIn(engine, request, commandMs);
  return { view: created ? await saveView(call) : viewNow(call), created };
};

/**
 * Starts an instance, for a call that may go on in it.
 * @throws PawlError `runbook.unknown`, `params.invalid`, `request.invalid`, `instance.exists`, `concurrency.held`,
 *   `continue.refused`, `store.unavailable` (names the id to ask again with)
 */
export const startIn = async (engine: Engine, request: StartRequest, budgetMs: number): Promise<Begun> => {
  const left: Left = { ended: null };
  try {
    return await startAs(engine, request, budgetMs, left);
  } catch (error) {
    if (left.ended === null || !isPawlError(error) || errorCodes[error.code].status >= 500) throw error;
    // What refuses a continuation is looked at first; who loses a race after that is told what stands of the call.
    const message = `${error.message} Instance ${left.ended} was ended for it all the same: once nothing is in the way, ask again to go on from it.`;
    throw new PawlError(error.code, message, { ...error.details, ended: left.ended }, error);
  }
};

/** The run that this call has ended in order to go on from it. */
type Left = { ended: string | null };

const startAs = async (engine: Engine, request: StartRequest, budgetMs: number, left: Left): Promise<Begun> => {
  const id = request.instanceId;
  const prepared = prepareStart(engine, request);
  const plan = await (id === undefined ? prepared : withInstanceId(id, prepared));
  const ids = idsOf(plan);
  for (const instanceId of ids) {
    const begun = await withInstanceId(instanceId, begin(engine, request, { ...plan, instanceId }, budgetMs, left));
    if (begun !== undefined) return begun;
  }
  // Given up for its lock while it began: its continuation has another id from then on.
  if (plan.continuation !== undefined) return await startAs(engine, request, budgetMs, left);
  const message = `Instance ${ids.at(-1)} was given up before it began; start it under another id.`;
  throw new PawlError('instance.exists', message, { instanceId: ids.at(-1) });
};

type Plan = {
  version: Version;
  params: Record<string, unknown>;
  instanceId: string;
  /** Its id was drawn for this start alone. */
  isDrawn: boolean;
  continuation?: Continuation;
};

/** Where `unique` says the id, those that were given up are passed over. */
const idsOf = ({ version, instanceId, continuation }: Plan): string[] =>
  version.runbook.unique === null || continuation !== undefined ? [instanceId] : idsFrom(instanceId);

const prepareStart = async (engine: Engine, request: StartRequest): Promise<Plan> => {
  const version = await versionOf(engine, request);
  const { runbook } = version;
  const continuation = request.continues && (await continuationOf(engine, runbook, request.continues, request.by));
  const params = paramsFor(engine, runbook, { ...continuation?.params, ...request.params });
  await continuation?.assertApproved(version, params);
  const instanceId = instanceIdOf(engine, runbook, request, params, continuation);
  const isDrawn = request.instanceId === undefined && runbook.unique === null && continuation === undefined;
  return { version, params, instanceId, isDrawn, ...(continuation && { continuation }) };
};

/** @throws PawlError `instance.exists`, where a child of a `run` cell has the id */
const assertGivenUp = async (engine: Engine, instanceId: string, first: Entry): Promise<undefined> => {
  const holder = await holderOfId(engine, first);
  if (holder === undefined) return undefined;
  const message = `What would be instance ${instanceId} runs as ${holder} already, by a \`run\` cell: see \`pawl status ${holder}\`, or start it with other parameters.`;
  throw new PawlError('instance.exists', message, { instanceId, runsAs: holder });
};

/** @returns `undefined`: a start of that id was given up, so it can never begin */
const begin = async (
  engine: Engine,
  request: StartRequest,
  plan: Plan,
  budgetMs: number,
  left: Left,
): Promise<Begun | undefined> => {
  const { version, params, instanceId, isDrawn, continuation } = plan;
  const { runbook } = version;
  const { by, runbookId } = request;
  const existing = async (first: Entry): Promise<Begun | undefined> => {
    if (first.kind !== 'started') return await assertGivenUp(engine, instanceId, first);
    assertSame(engine, first, request, params);
    return { call: await openCall(engine, instanceId, by, budgetMs), created: false };
  };
  // No other start has an id that was drawn just now; if one has, our put finds its entry.
  const stands = isDrawn ? undefined : (await engine.journal.entry(instanceId, 0))?.entry;
  if (stands !== undefined) return await existing(stands);

  const lock = renderText(engine, runbook, 'concurrency', params);
  const storeId = await engine.storeId();
  const token = engine.random.token();
  const after = request.continues && { after: request.continues.instanceId };
  // What refuses this start must do so before the earlier run is ended for it; and then no other instance may have its lock.
  if (lock !== null) await takeLock(engine, lock, { instanceId, token, by, ...after });
  const leaving = await continuation?.leave();
  const { continues = null } = leaving ?? {};
  if (leaving?.ended) left.ended = leaving.continues.instanceId;
  const endAtMs = engine.clock.nowMs() + budgetMs;
  const { mark, chain } = openChain(engine, { instanceId, runbookId, token, by, endAtMs }, null);
  // The view precedes `started`: whatever is written is looked after (I7).
  await mark.arm();
  const { name: deployment, epoch } = engine.deployment;
  const put = await chain.put({
    kind: 'started',
    runbookId,
    version: version.version,
    runHash: version.runHash,
    ...cellsOf(runbook),
    ...(engine.deployment.decidePeople === 2 ? { people: 2 as const } : {}),
    params,
    drive: request.drive ?? 'manual',
    epoch,
    deployment,
    storeId,
    place: continuation?.place ?? engine.here.place,
    lock,
    continues,
  });
  if (put.kind === 'unknown') {
    const message = `The store gave no answer; ask again for instance ${instanceId}.`;
    throw new PawlError('store.unavailable', message, { instanceId }, put.cause);
  }
  if (put.kind === 'conflict') return await existing(put.winner.entry);
  const started = put.standing.entry as EntryOf<'started'>;
  keepStarted(engine, started);
  const call = {
    engine,
    instanceId,
    token,
    by,
    endAtMs,
    started,
    runbook,
    chain,
    mark,
    outputs: new Map(),
    lacks: noLacks,
    claimed: null,
    family: null,
  };
  return { call, created: true };
};

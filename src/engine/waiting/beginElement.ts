/**
 * The beginning of an element. A child begins only where its parent's chain says so, by the conditional put of its own first entry:
 * whoever finds one without it puts it, and twice is once.
 */
import { type Call, saveView, stateOf } from '../call/call.ts';
import { cellsOf } from '../call/ending.ts';
import { asSeen, isRun, type Kin, keepStarted, kinOf, runbookIn } from '../call/kin.ts';
import type { EntryOf } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import type { Failure } from '../model/fields.ts';
import type { Runbook, Version } from '../model/runbook.ts';
import type { Waiting } from '../model/state.ts';
import { noLacks } from '../rules/view.ts';
import { beforeElement, continuesOf } from './earlier.ts';
import { type Element, firstChain, forbidElement, parentOf, readElement, unanswered, watched } from './elements.ts';
import { admit, hasIdOf, pinnedVersion } from './runs.ts';

type Own = Pick<EntryOf<'started'>, 'runbookId' | 'version' | 'runHash' | 'params' | 'lock'>;
type Beginning =
  | { kind: 'begins'; own: Own; runbook: Runbook }
  | Exclude<Awaited<ReturnType<typeof admit>>, { kind: 'begins' }>;

/** What a run begins with: its own version and parameters, or those of the one that it goes on from; and its lock. */
const runOf = async (
  call: Call,
  open: Waiting,
  { instanceId, index }: Element,
  kin: Kin,
  left: Call | null,
): Promise<Beginning> => {
  const { body } = kin.household.section;
  if (body.kind !== 'run') throw new PawlError('journal.broken', `Cell ${open.cell} runs no runbook.`, { instanceId });
  const isUndo = body.undoes !== undefined;
  // What is taken back is so by the version, and with the parameters, by which it was done; what is gone on with, by those of this run.
  const found: Version | Failure | undefined =
    isUndo && left !== null
      ? await call.engine.versions.get(left.started.runbookId, left.started.version)
      : await pinnedVersion(call, body.pin);
  if (found === undefined || 'code' in found)
    return { kind: 'refused', why: found ?? { code: 'run.version', message: 'Its version is missing.' } };
  const { runbookId, version, runHash, runbook } = found;
  const params = (isUndo ? left?.started.params : kin.household.params[index]) ?? {};
  const { visit } = stateOf(call);
  // Who goes on from a run of that id has it already.
  const continues = left !== null && hasIdOf(call, left, { runbook, params });
  const admitted = await admit(call, open, visit, { instanceId, kin, runbook, params, continues });
  if (admitted.kind !== 'begins') return admitted;
  return { kind: 'begins', own: { runbookId, version, runHash, params, lock: admitted.lock }, runbook };
};

/** An element of a section copies nothing of its parent's. */
const elementIn = ({ started, runbook }: Call, kin: Kin): Beginning => {
  const { runbookId, version, runHash } = started;
  return {
    kind: 'begins',
    own: { runbookId, version, runHash, params: {}, lock: null },
    runbook: runbookIn({ runbook }, kin),
  };
};

/** Puts the first entry of a child whose beginning stands in the parent's chain. @throws PawlError `store.unavailable` */
export const beginElement = async (call: Call, open: Waiting, element: Element): Promise<Element> => {
  const { engine, by, endAtMs, started } = call;
  const { index, instanceId } = element;
  const { drive, epoch } = stateOf(call);
  const parent = parentOf(call, open, index);
  const kin = await kinOf(engine, parent);
  const isUndo = kin.household.section.body.undoes !== undefined;
  const before = await beforeElement(call, open, index);
  if (before.kind === 'broken' && !before.isEnded) return { ...element, isBroken: true };
  if (before.kind === 'broken') {
    const so = isUndo ? 'nothing is taken back' : 'nothing goes on from it';
    await forbidElement(call, instanceId, { reason: `What it did cannot be read, so ${so}.` });
    return await readElement(call, open, index);
  }
  const left = before.kind === 'left' ? before.left : null;
  const beginning = isRun(kin) ? await runOf(call, open, element, kin, left?.call ?? null) : elementIn(call, kin);
  if (beginning.kind === 'locked') return { ...element, holder: beginning.holder };
  if (beginning.kind === 'refused') {
    await forbidElement(call, instanceId, { reason: beginning.why.message, refused: beginning.why });
    return await readElement(call, open, index);
  }
  const { own: its, runbook } = beginning;
  const { token, chain, mark } = await firstChain(call, instanceId, its.runbookId);
  const put = await chain.put({
    kind: 'started',
    ...its,
    ...cellsOf(runbook),
    ...(stateOf(call).people === 2 || engine.deployment.decidePeople === 2 ? { people: 2 as const } : {}),
    drive,
    epoch,
    deployment: started.deployment,
    storeId: started.storeId,
    ...(started.place === undefined ? {} : { place: started.place }),
    continues: left === null ? null : continuesOf(call, left, open, runbook),
    ...(isUndo ? { undoes: true as const } : {}),
    parent,
  });
  if (put.kind === 'unknown') return unanswered(instanceId, put.cause);
  if (put.kind === 'conflict') return await readElement(call, open, index);
  const own = put.standing.entry as EntryOf<'started'>;
  keepStarted(engine, own);
  const child: Call = {
    engine,
    instanceId,
    token,
    by,
    endAtMs,
    started: asSeen(own, kin),
    runbook,
    chain,
    mark,
    outputs: new Map(),
    lacks: noLacks,
    claimed: null,
    family: watched(kin),
  };
  // With nothing left to do it has ended as it begins, and nobody comes to it any more.
  if (own.state.ended !== null) await saveView(child);
  return { index, instanceId, seq: 0, state: own.state, call: child };
};

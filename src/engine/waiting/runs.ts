/**
 * `run`: the elements of the cell are runs of another runbook's version. What would refuse one of them is looked at before the first
 * begins; what others may hold, the id that `unique` gives and the lock of `concurrency`, when its own turn comes. Nothing of it
 * has begun then, so it fails, or waits, without having done anything.
 */
import type { Call } from '../call/call.ts';
import { seal } from '../call/chain.ts';
import { type Inputs, scopeOf } from '../call/inputs.ts';
import { isRun, type Kin } from '../call/kin.ts';
import { assertLockText, takeLock } from '../call/locks.ts';
import { failure } from '../call/outcomes.ts';
import { holderOfId, idsFrom, paramsFor, renderText, uniqueIdOf } from '../call/starting.ts';
import { isPawlError, PawlError } from '../model/errors.ts';
import { childId, unfinishedIn } from '../model/family.ts';
import type { Failure } from '../model/fields.ts';
import { hasLargeNumber } from '../model/numbers.ts';
import { type Cell, type Pin, type RunBody, type Runbook, runsOnce, type Version } from '../model/runbook.ts';
import type { Waiting } from '../model/state.ts';

/** The version that a pin names, as it was when it was pinned; else why there is none. */
export const pinnedVersion = async ({ engine }: Pick<Call, 'engine'>, pin: Pin): Promise<Version | Failure> => {
  const { runbookId, version, runHash } = pin;
  const refuse = (why: string): Failure =>
    failure(
      'run.version',
      `Version ${version} of ${runbookId} ${why}: publish the runbook that runs it anew, or restore its versions.`,
    );
  try {
    const found = await engine.versions.get(runbookId, version);
    if (found === undefined) return refuse('is missing');
    return found.runHash === runHash ? found : refuse('has another content than was pinned');
  } catch (error) {
    if (!isPawlError(error, 'journal.broken')) throw error;
    return refuse('cannot be trusted');
  }
};

/** Which of the parameters are wrong, as the runbook says it. */
const whyOf = ({ message, details }: PawlError): string => {
  const problems = Array.isArray(details.problems) ? (details.problems as { path?: string; message?: string }[]) : [];
  const told = problems.map(({ path = '', message: what = '' }) => `${path} ${what}`).join('; ');
  return told === '' ? message : told;
};

/** Parameters of one element. @throws PawlError where they do not fit its runbook, or what follows from them does not */
const paramsOf = (
  { engine }: Call,
  runbook: Runbook,
  body: RunBody,
  scope: ReturnType<typeof scopeOf>,
): Record<string, unknown> => {
  const given = Object.entries(body.params).map(([name, template]) => {
    const refuse = (why: string): never => {
      throw new PawlError('params.invalid', `\`${name}\` ${why}`);
    };
    const rendered = engine.authoring.render(template, scope);
    if (rendered.kind === 'error') return refuse(`cannot be filled in: ${rendered.message}`);
    const value = engine.authoring.parseJson(rendered.text);
    if (hasLargeNumber(value)) return refuse('has a whole number beyond 2^53 - 1; write it as a text');
    return [name, value] as const;
  });
  const params = paramsFor(engine, runbook, Object.fromEntries(given));
  uniqueIdOf(engine, runbook, params);
  const lock = renderText(engine, runbook, 'concurrency', params);
  if (lock !== null) assertLockText(lock);
  return params;
};

/**
 * Parameters of all elements, before one of them begins. They are kept beside the list, since a later Pawl could make others of the
 * same templates; so whoever begins a run, in whatever visit, begins it with those that were looked at.
 */
export const paramsOfAll = (
  call: Call,
  cell: Cell,
  body: RunBody,
  version: Version,
  { inputs, items }: { inputs: Inputs; items: unknown[] },
): Record<string, unknown>[] | Failure => {
  const { engine, instanceId } = call;
  const scope = scopeOf(engine, inputs, { instanceId, cell: cell.name });
  const all: Record<string, unknown>[] = [];
  for (const [index, item] of items.entries()) {
    try {
      // Without `each` nobody sees the element; `item` and `index` are those of the section around it.
      const within = runsOnce(body) ? scope : { ...scope, each: { ...scope.each, [body.as]: item, index } };
      all.push(paramsOf(call, version.runbook, body, within));
    } catch (error) {
      if (!isPawlError(error)) throw error;
      const which = items.length === 1 ? '' : ` for element ${index + 1}, ${JSON.stringify(item)}`;
      return failure('run.params', `Parameters of ${body.pin.runbookId}${which}: ${whyOf(error)}`);
    }
  }
  return all;
};

/** Locks of the runs around a child: what one of them holds, it holds for all that belongs to it. */
const heldAround = ({ household }: Kin): string[] => [
  ...(household.started.lock === null ? [] : [household.started.lock]),
  ...(household.kin === null ? [] : heldAround(household.kin)),
];

/** A run that is about to begin. `continues`: it goes on from one that had what it needs. */
type Run = { instanceId: string; kin: Kin; runbook: Runbook; params: Record<string, unknown>; continues: boolean };

/** Ids that the same element had in earlier visits of its cell. */
const earlierIds = ({ engine }: Call, { parent }: Kin, visit: number): string[] =>
  Array.from({ length: visit - 1 }, (_, at) => childId(parent, at + 1, engine.sha256));

const unanswered = (instanceId: string, cause: unknown): PawlError =>
  new PawlError(
    'store.unavailable',
    `The store gave no answer; ask again for instance ${instanceId}.`,
    { instanceId },
    cause,
  );

/**
 * Takes the id that `unique` gives: the slot that a start of that runbook would put its first entry into, so of all runs, children or
 * not, one has it, for ever. @returns who has it, where that is another
 */
const takeId = async (
  call: Call,
  { instanceId, kin, runbook, params }: Run,
  visit: number,
): Promise<string | undefined> => {
  const { engine, by } = call;
  const id = uniqueIdOf(engine, runbook, params);
  if (id === null) return undefined;
  const own = [instanceId, ...earlierIds(call, kin, visit)];
  for (const one of idsFrom(id)) {
    let first = (await engine.journal.entry(one, 0))?.entry;
    if (first === undefined) {
      const body = { kind: 'cancelled', reason: `runs as ${instanceId}`, runsAs: instanceId } as const;
      const from = { token: engine.random.token(), by, instanceId: one, atMs: engine.clock.nowMs() };
      const put = await engine.journal.putOnce(seal(null, body, from));
      if (put.kind === 'unknown') throw unanswered(one, put.cause);
      first = put.kind === 'written' ? put.standing.entry : put.winner.entry;
    }
    const holder = await holderOfId(engine, first);
    if (holder !== undefined) return own.includes(holder) ? undefined : holder;
  }
  return id;
};

/** Whether a run that is gone on from has the id that `unique` gives to this one. */
export const hasIdOf = (
  { engine }: Call,
  left: Pick<Call, 'runbook' | 'started'>,
  { runbook, params }: Pick<Run, 'runbook' | 'params'>,
): boolean => uniqueIdOf(engine, left.runbook, left.started.params) === uniqueIdOf(engine, runbook, params);

/** Whether a run may begin now. `locked`: `holder` has its lock, and it is looked at again. */
export type Admitted =
  | { kind: 'begins'; lock: string | null }
  | { kind: 'refused'; why: Failure }
  | { kind: 'locked'; holder: string };

const lockFor = ({ engine }: Call, { kin, runbook, params }: Omit<Run, 'instanceId' | 'continues'>): string | null => {
  const lock = renderText(engine, runbook, 'concurrency', params);
  return lock === null || heldAround(kin).includes(lock) ? null : lock;
};

/** Whether an instance is another element under way of the same cell. One that has its lock and has not begun is begun by whoever is at it. */
const isSibling = (
  { engine }: Call,
  { family }: Waiting,
  { parent }: Kin,
  visit: number,
  instanceId: string,
): boolean =>
  family !== undefined &&
  unfinishedIn(family).some((index) => childId({ ...parent, index }, visit, engine.sha256) === instanceId);

/** Takes what a run needs before it begins: its id first, which is never let go, then its lock. */
export const admit = async (call: Call, open: Waiting, visit: number, run: Run): Promise<Admitted> => {
  const { engine, by } = call;
  const { instanceId } = run;
  const other = run.continues ? undefined : await takeId(call, run, visit);
  if (other !== undefined) {
    const message = `${instanceId} was not started: what would be run has an id that \`unique\` gives once, and ${other} has it.`;
    return { kind: 'refused', why: failure('unique.exists', message) };
  }
  const lock = lockFor(call, run);
  if (lock === null) return { kind: 'begins', lock };
  try {
    // A token of its own: the call may begin several at once, and its puts are told from one another by that.
    const spares = (other: string): boolean => isSibling(call, open, run.kin, visit, other);
    await takeLock(engine, lock, { instanceId, token: engine.random.token(), by, spares });
    return { kind: 'begins', lock };
  } catch (error) {
    if (!isPawlError(error, 'concurrency.held')) throw error;
    const holder = String(error.details.holder);
    if (open.dueAtMs === null || engine.clock.nowMs() < open.dueAtMs) return { kind: 'locked', holder };
    const message = `${instanceId} was not started: the time for its lock is over, and ${holder} still holds "${lock}".`;
    return { kind: 'refused', why: failure('run.locked', message) };
  }
};

/** Who holds the lock of a run that has not begun, for people; `null`: it needs none, or nobody else does. */
export const lockHolderOf = async (call: Call, kin: Kin, version: Version): Promise<string | null> => {
  const params = kin.household.params[kin.index];
  if (!isRun(kin) || params === undefined) return null;
  const lock = lockFor(call, { kin, runbook: version.runbook, params });
  const newest = lock === null ? undefined : await call.engine.locks.newest(lock);
  return newest === undefined ? null : `lock "${lock}" of ${newest.instanceId}`;
};

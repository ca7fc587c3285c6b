/**
 * What is watched while a schedule runs, at every write: that nothing written is altered (I1), and that an instance
 * which needs looking after is due at some time (I7).
 */
import { hash } from 'node:crypto';
import { type Entry, limits } from '../../src/engine/index.ts';
import { decodeEntry } from '../../src/store/items.ts';
import type { Operation, RawItem } from '../../src/store/tableOperations.ts';
import { ancestorsOf } from './kin.ts';
import { waitNeedsLook, willBeWoken } from './waiting.ts';
import { breaks, type Call, facetOf, headOf, RuleBroken, viewRow, type World } from './world.ts';

type State = Entry['state'];

/** Whether the schedule must come by although nobody asks: everything but an end, and what a person has to do. */
export const needsLook = (world: World, state: State | undefined): boolean => {
  if (state === undefined) return false;
  if (state.ended !== null) return false;
  if (state.open?.kind === 'waiting') return waitNeedsLook(world, state);
  if (state.open !== null) return true;
  if (state.halted?.doubt) return true;
  if (state.halted !== null && state.owes === undefined) return endsByItself(world, state);
  const { owes, ending } = state;
  // What follows a failure or a cancellation goes by itself in any drive, unless a person steps through it.
  if ((ending ?? owes ?? { as: 'completed' }).as !== 'completed') return ending?.manual === undefined;
  return state.drive === 'auto';
};

/** Whether what stands halted for a known failure is given up by the word of its author. */
export const endsByItself = ({ version }: World, { ending }: State): boolean =>
  version.runbook.onFailure !== undefined && ending === undefined;

/** Its view is due, or the mark of a claim's writer is, by which it will be woken. */
const isLookedAfter = (world: World): boolean => {
  if (viewRow(world)?.dueAtMs !== undefined) return true;
  const state = headOf(world)?.state;
  return state !== undefined && willBeWoken(world, state);
};

/** All of an entry as it stands: what `prev` of the next one covers, in order. */
const textOf = ({ v, instanceId: id, seq, kind, token, entry }: RawItem): string =>
  JSON.stringify([v, id, seq, kind, token, entry]);

const landed = (root: World, world: World, item: RawItem): void => {
  const seq = item.seq as number;
  if (seq !== world.chain.length) {
    const what = seq < world.chain.length ? 'entry altered' : 'a gap before entry';
    breaks(root, new RuleBroken('I1', `${what} ${seq}`));
  }
  const standing = decodeEntry(item);
  const text = textOf(item);
  const landedAtMs = world.schedule.nowMs();
  world.chain[seq] = { ...standing, text, sha256: hash('sha256', text), row: { ...item }, landedAtMs };
  try {
    root.onEntry(world, standing.entry);
  } catch (error) {
    breaks(root, error);
  }
};

/** The instances that a write may concern: its own, or all of them where it is about claims. */
const concerned = (world: World, operation: Operation): World[] => {
  const { instanceId: id, entry }: RawItem =
    'item' in operation ? operation.item : 'key' in operation ? operation.key : {};
  if (entry !== undefined) return [facetOf(world, String(id))];
  const facet = world.facets.get(String(id));
  return facet === undefined ? [...world.facets.values()] : [facet];
};

/** What is put; a deletion puts nothing. */
const itemOf = (operation: Operation): RawItem | undefined =>
  operation.kind === 'putIf' || operation.kind === 'insert' || operation.kind === 'commit' ? operation.item : undefined;

/** Called after every write that was carried out. */
export const watch = (root: World, operation: Operation, call: Call | undefined): void => {
  const item = itemOf(operation);
  const isEntry = item?.entry !== undefined;
  const isClaim = item?.claimId !== undefined && item.status !== undefined;
  if (!isEntry && !isClaim && operation.kind !== 'update') return;
  for (const world of concerned(root, operation)) {
    if (isEntry) landed(root, world, item);
    if (root.isAltered) continue;
    watchOver(root, world, operation, call);
    for (const above of ancestorsOf(world)) mustBeLookedAfter(root, above, `${operation.kind} of ${world.instanceId}`);
  }
};

const mustBeLookedAfter = (root: World, world: World, what: string): void => {
  const head = headOf(world);
  if (world.unlookedAfter || head === undefined || !needsLook(world, head.state) || isLookedAfter(world)) return;
  const which = world === root ? 'the instance' : world.instanceId;
  breaks(root, new RuleBroken('I7', `${what}, ${which} needs looking after, and nothing makes it due`));
};

const watchOver = (root: World, world: World, operation: Operation, call: Call | undefined): void => {
  const offMs = call?.process.offMs ?? 0;
  const tolerated = world.graceMs + limits.landsLateMsMax;
  const unmarked = (): boolean => !isLookedAfter(world);
  const item = itemOf(operation);
  const isEntry = item?.entry !== undefined;
  // What it had armed was lost with the views.
  const disarmed = call?.struck.includes('viewsLost') === true;
  if (item !== undefined) {
    // By a clock that is behind by more than is tolerated, or frozen in the middle of sending it: its mark was over
    // before it wrote, and somebody may have taken it down. The writer itself makes it due again if it lives.
    // An outcome is recorded although its call could not arm anew.
    const over = call !== undefined && world.schedule.nowMs() >= call.endAtMs + world.graceMs;
    const unarmed = over && call.struck.some((kind) => !/^(frozen|thawed)$/.test(kind));
    if (disarmed || ((offMs < -tolerated || call?.frozenInPut || unarmed) && unmarked())) world.unlookedAfter = true;
  } else if (operation.kind === 'update' && operation.values.revision !== undefined) {
    // By a clock that is ahead by more than the grace, whoever is still at it seems to be over.
    // A save that leaves the mark as it is mends nothing.
    const still = world.unlookedAfter && unmarked() && needsLook(world, headOf(world)?.state);
    const stale = call?.struck.includes('staleRead') === true;
    world.unlookedAfter = stale || still || disarmed || (offMs > tolerated && unmarked());
  }
  const entry = isEntry ? `entry ${headOf(world)?.seq} was written` : 'a claim changed';
  mustBeLookedAfter(root, world, item === undefined ? 'a view was put to rest' : entry);
};

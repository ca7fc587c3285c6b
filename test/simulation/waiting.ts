/** Whether a wait is over, as the tables have it now; and who changes what it waits for. */
import { type Cell, type EntryOf, type State, wakeIdOf, wakeOf } from '../../src/engine/index.ts';
import { keepAlive, type Run } from './actors.ts';
import { ask } from './calls.ts';
import { isDue, isExcused, leftIn, mayRest, openSection } from './kin.ts';
import { createProcess, type Process, pause } from './processes.ts';
import { breaks, type World } from './world.ts';

export const claimIds = ['k0', 'k1'] as const;
export const voters = ['v0', 'v1', 'v2'] as const;

const statusOf = (world: World, claimId: string): string | undefined =>
  world.tables
    .partition('claims', claimId)
    .reduce<{ revision: number; status?: string }>(
      (newest, row) => ((row.revision as number) > newest.revision ? (row as typeof newest) : newest),
      { revision: 0 },
    ).status;

const waitingAt = (world: World, state: State): { cell: Cell; entry: EntryOf<'waiting'> } | undefined => {
  const cell = world.version.runbook.cells[state.next];
  const entry = state.open?.kind === 'waiting' ? world.chain[state.open.seq]?.entry : undefined;
  return cell === undefined || entry?.kind !== 'waiting' ? undefined : { cell, entry };
};

/** Whether the claims of an `await` are as it wants them. */
const isMet = (world: World, { cell, entry }: { cell: Cell; entry: EntryOf<'waiting'> }): boolean => {
  const { body } = cell;
  if (body.kind !== 'await') return false;
  const met = (entry.claims ?? []).map((id) => (body.until as (string | undefined)[]).includes(statusOf(world, id)));
  return body.match === 'all' ? met.every((one) => one) : met.some((one) => one);
};

/** Whether somebody must come by although nobody asks: it ends by a time, is polled, is decided, or its claims are met. */
export const waitNeedsLook = (world: World, state: State): boolean => {
  const section = openSection(world, state);
  if (section !== undefined) {
    const { own, untold } = leftIn(world, state, section);
    return own || untold.length > 0;
  }
  const at = waitingAt(world, state);
  const { open } = state;
  if (at === undefined || open?.kind !== 'waiting') return false;
  if (open.dueAtMs !== null || open.pollMs !== undefined || isMet(world, at)) return true;
  return open.rejected === true || (open.approvals ?? []).length >= (open.quorum ?? Number.POSITIVE_INFINITY);
};

/** Whether it may stand where it stands: a person, a claim or a vote is waited for that has not come. */
export const waitsForOthers = (world: World, state: State, nowMs: number): boolean => {
  const section = openSection(world, state);
  if (section !== undefined) return mayRest(world, state, section);
  const at = waitingAt(world, state);
  if (at === undefined || state.open?.kind !== 'waiting') return false;
  const { dueAtMs } = state.open;
  if (dueAtMs !== null && nowMs >= dueAtMs) return false;
  if (at.cell.poll !== undefined) return false;
  return at.cell.body.kind === 'await' ? !isMet(world, at) : at.cell.body.kind !== 'wait';
};

/** Whether whoever changes a claim that it waits for will find it; `true` of what waits for none. */
export const isSubscribed = (world: World, state: State): boolean => {
  const claims = waitingAt(world, state)?.entry.claims ?? [];
  const { open } = state;
  return claims.every((claimId) =>
    world.tables
      .partition('subscriptions', claimId)
      .some(({ waiter, about }) => waiter === `${world.instanceId}/${open?.cell}` && about === open?.seq),
  );
};

/** Whether each child of which the parent has not been told is looked at: whoever does so wakes the parent. */
const isWokenByChildren = (world: World, state: State): boolean => {
  const section = openSection(world, state);
  if (section === undefined) return false;
  const { own, untold } = leftIn(world, state, section);
  return !own && untold.length > 0 && untold.every((child) => isDue(child) || isExcused(child));
};

/** Whether the mark of a claim's writer, or of a child, makes up for a view that is not due: its waiters will be woken. */
export const willBeWoken = (world: World, state: State): boolean =>
  isWokenByChildren(world, state) ||
  (waitingAt(world, state)?.entry.claims ?? []).some(
    (claimId) => world.tables.row('views', wakeIdOf(claimId))?.dueAtMs !== undefined,
  );

const set = async (world: World, process: Process, name: string): Promise<void> => {
  const { draw } = world;
  const claimId = draw.pick(claimIds);
  const status = draw.pick(['supported', 'supported', 'supported', 'superseded', 'asserted', 'invalidated'] as const);
  const revision = draw.chance(0.2) ? { revision: draw.int(3), reason: 'seen with their own eyes' } : {};
  await ask(world, process, name, 'setClaim', {}, (by) =>
    process.engine.setClaim(claimId, { status, ...revision, by }),
  );
};

/** Somebody, or something, that changes claims now and then. */
export const claimant = ({ world }: Run, name: string, changes: number): void => {
  const { draw } = world;
  let left = changes;
  keepAlive(world, name, async (process) => {
    while (left > 0) {
      left -= 1;
      await pause(world, process, 'crashElsewhere', 'between claims', draw.int(30_000));
      await set(world, process, name);
    }
  });
};

/** A claim is changed in the very moment in which somebody parks. */
export const rushClaim = (world: World): void => {
  if (world.rushesLeft === 0) return;
  world.rushesLeft -= 1;
  world.schedule.after(world.draw.int(40), () => {
    const process = createProcess(world, `rushclaim${world.handOvers++}`);
    set(world, process, 'rushclaim').catch((error: unknown) => breaks(world, error));
  });
};

/** A vote of somebody who has just looked; now and then of somebody who is not asked. */
export const castVote = async (
  facet: World,
  world: World,
  process: Process,
  state: State,
  cell: string,
): Promise<void> => {
  const { draw } = world;
  const voter = draw.chance(0.1) ? 'op-mallory' : draw.pick(voters);
  const shown = facet.chain[state.open?.seq ?? -1]?.entry;
  if (shown?.kind !== 'waiting') return;
  const right = shown.shownHash ?? '';
  const shownHash = draw.chance(0.05) ? 'f'.repeat(64) : right;
  const decision = draw.pick(['approve', 'approve', 'approve', 'approve', 'reject', 'withdraw'] as const);
  await ask(world, process, voter, 'vote', { about: facet.instanceId }, (by) =>
    process.engine.vote(facet.instanceId, cell, { decision, shownHash, groups: [], by }),
  );
};

/** A writer of a claim may have died before it had woken everybody: the schedule does it. */
export const wakeAll = (world: World, dueId: string, name: string): boolean => {
  const claimId = wakeOf(dueId);
  if (claimId === undefined) return false;
  world.schedule.after(world.draw.int(500), () => {
    const process = createProcess(world, `${name}-wake${world.handOvers++}`);
    ask(world, process, 'work', 'wake', {}, () => process.engine.wake(claimId)).catch((error: unknown) =>
      breaks(world, error),
    );
  });
  return true;
};

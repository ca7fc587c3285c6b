/**
 * What must hold between instances: of those that want one lock one at a time runs; a run is continued once, after it ended;
 * a start is given up for its lock only after its time; a one-time link votes once, by whoever won its use.
 */
import { type Cell, type ClaimEntry, type Entry, type EntryOf, limits } from '../../../src/engine/index.ts';
import type { Row } from '../../../src/testing/tables.ts';
import { wayOf } from '../way.ts';
import { type Call, headOf, must, type World } from '../world.ts';
import { checkTakenBackOnce } from './endings.ts';
import { endsOf } from './ends.ts';
import { same } from './same.ts';
import { promisesNothing } from './told.ts';
import { checkOverlap } from './witness.ts';
import { isBy } from './writer.ts';

const facetsOf = (world: World): World[] => [...world.facets.values()];

const startedOf = ({ chain }: World): EntryOf<'started'> | undefined => {
  const first = chain[0]?.entry;
  return first?.kind === 'started' ? first : undefined;
};

/** As an entry lands: whoever starts is the only one of its lock that has not ended, and goes on from what has. */
export const watchLock = (world: World, entry: Entry): void => {
  if (entry.kind !== 'started') return;
  const { lock, continues, undoes } = entry;
  for (const other of facetsOf(world)) {
    const started = other === world ? undefined : startedOf(other);
    const ended = headOf(other)?.state.ended;
    if (started === undefined || lock === null || started.lock !== lock) continue;
    must(ended !== null, 'lock', `${world.instanceId} starts, and ${other.instanceId} has not ended`);
  }
  // A consistent read that missed the newest entry, which none does, names the one before it.
  const isStale = world.calls.find((one) => isBy(one, entry))?.struck.includes('staleRead') === true;
  if (continues === null || (undoes === true && isStale)) return;
  const earlier = world.facets.get(continues.instanceId);
  const head = earlier && headOf(earlier);
  const ended = head?.state.ended ?? null;
  // What completed is only taken back.
  const left = ended !== null && (ended !== 'completed' || undoes === true) && head?.seq === continues.seq;
  must(left, 'continue', `${world.instanceId} goes on from ${continues.instanceId}, which has not ended there`);
};

const claimRows = (world: World, prefix: string): Row[] =>
  world.tables.rows('claims').filter(({ claimId }) => String(claimId).startsWith(prefix));

/** A start that never came is given up after its time, by whoever wants its lock. */
const checkGivenUp = (world: World, facet: World): void => {
  const first = facet.chain[0]?.entry;
  if (first?.kind !== 'cancelled') return;
  const at = `${facet.instanceId} was given up`;
  must(facet.chain.length === 1, 'I1', `${at}, and goes on`);
  const held = claimRows(world, 'lock:').filter(({ instanceId }) => instanceId === facet.instanceId);
  must(held.length > 0, 'lock', `${at}, and had no lock`);
  const toleratedMs = 2 * world.clockErrorMaxMs;
  const young = held.every(({ atMs }) => (atMs as number) + limits.unstartedLockMs > first.atMs + toleratedMs);
  must(!young, 'lock', `${at} before its time`);
};

const outputsOf = (earlier: World, before: number): Record<string, { instanceId: string; seq: number }> => {
  const found: Record<string, { instanceId: string; seq: number }> = {};
  const { index = 0, outputs = {} } = startedOf(earlier)?.continues ?? {};
  // What it cited itself is handed on for the cells that it did not go through again.
  for (const { name } of earlier.version.runbook.cells.slice(0, Math.min(index, before))) {
    if (outputs[name] !== undefined) found[name] = outputs[name];
  }
  for (const { entry } of earlier.chain) {
    if (entry.kind === 'ending' && entry.stood !== null) {
      const { cell, seq } = entry.stood;
      found[cell] = { instanceId: earlier.instanceId, seq };
    }
    if (entry.kind !== 'outcome' && entry.kind !== 'resolved') continue;
    if (entry.then !== 'next' || entry.index >= before) continue;
    if (entry.output === null) delete found[entry.cell];
    else found[entry.cell] = { instanceId: earlier.instanceId, seq: entry.seq };
  }
  return found;
};

/** What it cites is what satisfied those cells, and nothing is gone through again without a reason. */
const checkContinued = (world: World, facet: World): void => {
  const started = startedOf(facet);
  if (started?.continues == null) return;
  const { instanceId, index, outputs, states, reason, startedBy } = started.continues;
  const at = `${facet.instanceId} goes on from ${instanceId}`;
  const earlier = world.facets.get(instanceId);
  const head = earlier && headOf(earlier);
  must(earlier !== undefined && head !== undefined, 'continue', `${at}, which is not there`);
  const { cells } = earlier.version.runbook;
  const reached = head.state.ending?.at ?? head.state.next;
  must(index <= reached, 'continue', `${at} at ${index}, and that came to ${reached}`);
  const ends = endsOf(earlier);
  const isGone = ({ name }: Cell): boolean => ends.get(name) === 'taken_back';
  const gone = cells.slice(0, index).find(isGone);
  must(gone === undefined, 'continue', `${at} at ${index}, and ${gone?.name} before it was taken back`);
  const again = cells.slice(index, reached).filter((cell) => !isGone(cell));
  must(again.length === 0 || (reason ?? '') !== '', 'continue', `${at} at ${index} again, without a reason`);
  const before = head.state.ending === undefined ? head.state.next : wayOf(cells);
  must(same(outputs, outputsOf(earlier, before)), 'continue', `${at} and cites ${JSON.stringify(outputs)}`);
  const otherwise = Object.fromEntries([...ends].filter(([, end]) => end !== 'completed'));
  must(same(states ?? {}, otherwise), 'continue', `${at} and cites that cells are ${JSON.stringify(states)}`);
  for (const { name, body, index: branch } of earlier.version.runbook.cells) {
    const inside = body.kind === 'branch' && branch < index && index <= branch + body.cells;
    must(
      !inside || ends.get(name) === 'completed',
      'continue',
      `${at} in the section ${name}, which is ${ends.get(name)}`,
    );
  }
  const by = startedOf(earlier)?.by.actor ?? '';
  must(startedBy.includes(by), 'continue', `${at} and does not say that ${by} started it`);
  const others = facetsOf(world).filter((one) => startedOf(one)?.continues?.instanceId === instanceId);
  must(others.length === 1, 'continue', `${instanceId} was continued ${others.length} times`);
};

type LinkRow = Row & Pick<ClaimEntry, 'token' | 'atMs'> & { actor: string; expiresAtMs: number; instanceId: string };

const checkLinks = (world: World): void => {
  const votes = facetsOf(world).flatMap(({ chain }) =>
    chain.flatMap(({ entry }) => (entry.kind === 'vote' && entry.link !== null ? [entry] : [])),
  );
  for (const vote of votes) {
    const link = vote.link?.hash ?? '';
    const at = `the vote of ${vote.by.actor} at ${vote.instanceId} seq ${vote.seq}`;
    must(votes.filter((one) => one.link?.hash === link).length === 1, 'link', `${at} came by a link that voted twice`);
    const rows = claimRows(world, `link:${link}`) as LinkRow[];
    const [made, used] = [1, 2].map((revision) => rows.find((row) => row.revision === revision));
    must(made !== undefined && used !== undefined, 'link', `${at} came by a link that was not used up`);
    const winner = world.calls.find((call) => call.tokens.has(used.token));
    must(winner !== undefined && isBy(winner, vote), 'link', `${at}, and ${winner?.id} won the use of the link`);
    const maker = (JSON.parse(made.by as string) as { actor: string }).actor;
    must(vote.link?.madeBy === maker, 'link', `${at} hides that ${maker} made the link`);
    const right = made.actor === vote.by.actor && made.about === vote.about && made.instanceId === vote.instanceId;
    must(right, 'link', `${at} is not what the link was made for`);
    must(winner.atMs < made.expiresAtMs, 'link', `${at} came by a link that had expired`);
  }
};

/** A hand fills one place of a quorum: by a vote of its own, or by one link that it made. */
const checkHands = ({ chain, instanceId }: World): void => {
  for (const { entry } of chain) {
    if (entry.kind !== 'vote') continue;
    const hands = entry.approvals.map((voter) => {
      const last = chain.findLast(
        ({ entry: one }) =>
          one.kind === 'vote' &&
          one.about === entry.about &&
          one.seq <= entry.seq &&
          one.by.actor === voter &&
          one.decision === 'approve',
      )?.entry as EntryOf<'vote'> | undefined;
      return last?.link?.madeBy ?? voter;
    });
    must(new Set(hands).size === hands.length, 'link', `${instanceId} seq ${entry.seq}: one hand approves twice`);
  }
};

/** Whoever is told that a lock is held is told by whom, and that one had not ended when it was asked. */
const checkHeld = (world: World, call: Call): void => {
  if (call.told?.kind !== 'error' || call.told.code !== 'concurrency.held') return;
  const { holder } = call.told.details as { holder: string };
  const at = `${call.id} was told that ${holder} holds the lock`;
  const rows = claimRows(world, 'lock:');
  const named = rows.some(({ instanceId, after }) => instanceId === holder || after === holder);
  must(named && holder !== call.about, 'lock', `${at}, and it never did`);
  const last = world.facets.get(holder)?.chain.at(-1);
  const over = last?.entry.state.ended != null && last.landedAtMs < call.beganAtMs;
  must(!over || call.struck.includes('staleRead'), 'lock', `${at}, which had ended`);
};

/** A refusal leaves nothing in any journal, but a start given up on the way; a continuation says that it ended a run. */
const checkRefused = (world: World, call: Call): void => {
  if (call.told?.kind !== 'error' || promisesNothing.has(call.told.code)) return;
  const { ended } = call.told.details;
  for (const { chain, instanceId } of facetsOf(world)) {
    const own = chain.find(({ entry }) => isBy(call, entry) && entry.seq > 0)?.entry;
    const at = `${call.id} was told ${call.told.code}`;
    const said = call.what === 'startContinued' && ended === instanceId;
    const what = own === undefined ? 'none' : `entry ${own.seq} (${own.kind})`;
    must(own?.kind === (said ? 'cancelled' : undefined), 'I10', `${at}, and of ${instanceId} ${what} is its own`);
  }
};

export const checkSeveral = (world: World): void => {
  const facets = facetsOf(world);
  for (const facet of facets) {
    checkGivenUp(world, facet);
    checkContinued(world, facet);
    checkHands(facet);
  }
  checkTakenBackOnce(facets);
  checkLinks(world);
  for (const call of world.calls) {
    if (call.forgotten) continue;
    checkHeld(world, call);
    checkRefused(world, call);
  }
  const locked = facets.filter((facet) => startedOf(facet)?.lock != null);
  checkOverlap(
    world,
    locked.flatMap(({ begins }) => begins),
  );
};

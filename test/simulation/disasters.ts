/**
 * What strikes everybody at once: the store is away for a while; a backup is restored, and the epoch raised; the views are
 * lost.
 */
import { hitAll } from './processes.ts';
import { say, strikes, type World } from './world.ts';

const outage = (world: World): void => {
  if (!strikes(world, 'outage', undefined)) return;
  const { draw, schedule } = world;
  schedule.after(draw.int(50_000), () => {
    const ms = 3_000 + draw.int(draw.chance(0.7) ? 20_000 : 90_000);
    world.outageUntilMs = schedule.nowMs() + ms;
    say(world, 'store', `AWAY for ${(ms / 1000).toFixed(3)} s`);
  });
};

/** Every process is ended first. The backup may have forgotten entries: what they caused in the world stays. */
const restore = (world: World, bringBack: () => void, lengths: Map<string, number>): void => {
  const nowMs = world.schedule.nowMs();
  world.epoch += 1;
  say(world, 'store', `RESTORED to ${[...lengths.values()].join(' and ')} entries, epoch ${world.epoch}`);
  for (const call of world.calls) call.forgotten = true;
  for (const facet of world.facets.values()) {
    const length = lengths.get(facet.instanceId) ?? 0;
    for (const begin of facet.begins) begin.endedAtMs ??= nowMs;
    facet.forgottenBegins.push(...facet.begins.filter((begin) => begin.seq >= length));
    facet.begins = facet.begins.filter((begin) => begin.seq < length);
    facet.chain.length = length;
  }
  bringBack();
  const ended = [...world.processes];
  world.processes.clear();
  for (const process of ended) {
    process.dead = true;
    hitAll(process, 'restore');
  }
  for (const process of ended) process.onCrash();
};

const backup = (world: World): void => {
  if (!strikes(world, 'restore', undefined)) return;
  const { draw, schedule } = world;
  schedule.after(draw.int(45_000), () => {
    const bringBack = world.tables.backup();
    const rows = new Map(world.commits?.rows);
    const lengths = new Map([...world.facets.values()].map(({ instanceId, chain }) => [instanceId, chain.length]));
    const marks = [...world.facets.values()].map((facet) => ({ facet, unlookedAfter: facet.unlookedAfter }));
    say(world, 'store', `a backup with ${[...lengths.values()].join(' and ')} entries`);
    const asItWas = (): void => {
      bringBack();
      if (world.commits !== null) world.commits.rows = rows;
      // A mark that was missing in the backup is missing again, whatever was saved since.
      for (const { facet, unlookedAfter } of marks) facet.unlookedAfter = unlookedAfter;
    };
    schedule.after(1_000 + draw.int(40_000), () => restore(world, asItWas, lengths));
  });
};

/** Whoever armed before has no mark any more; what needs looking after is found by the sweep of the journals. */
const loseViews = (world: World): void => {
  if (!strikes(world, 'viewsLost', undefined)) return;
  const { draw, schedule } = world;
  schedule.after(draw.int(60_000), () => {
    world.tables.lose('views');
    world.tables.lose('subscriptions');
    say(world, 'store', 'the views and subscriptions are LOST');
    // Also those of the dead: what they had on the wire may land later.
    for (const process of new Set(world.calls.map((call) => call.process))) hitAll(process, 'viewsLost');
    for (const facet of world.facets.values()) facet.unlookedAfter = true;
  });
};

export const disasters = (world: World): void => {
  outage(world);
  loseViews(world);
  backup(world);
};

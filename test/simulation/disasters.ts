/** What strikes everybody at once: the store is away for a while; a backup is restored, and the epoch raised. */
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
const restore = (world: World, bringBack: () => void, length: number): void => {
  const nowMs = world.schedule.nowMs();
  world.epoch += 1;
  say(world, 'store', `RESTORED to ${length} entries, epoch ${world.epoch}`);
  for (const call of world.calls) call.forgotten = true;
  for (const begin of world.begins) begin.endedAtMs ??= nowMs;
  world.forgottenBegins.push(...world.begins.filter((begin) => begin.seq >= length));
  world.begins = world.begins.filter((begin) => begin.seq < length);
  world.chain.length = length;
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
    const { length } = world.chain;
    say(world, 'store', `a backup with ${length} entries`);
    schedule.after(1_000 + draw.int(40_000), () => restore(world, bringBack, length));
  });
};

export const disasters = (world: World): void => {
  outage(world);
  backup(world);
};

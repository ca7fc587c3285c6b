/** Ways to die: a process killed at a chosen request, and engines whose clocks differ. */
import { createHash } from 'node:crypto';
import { createEngine, type Engine, type Ports } from '../../src/engine/index.ts';
import type { World } from '../engine/world.ts';
import type { Asked, Fate } from './proxy.ts';
import type { Scene } from './scene.ts';
import type { Worker } from './workers.ts';

/** `kill -9` when this request arrives; then the request meets its fate, with nobody left to hear of it. */
export const dieBefore = async (
  scene: Scene,
  worker: Worker,
  instanceId: string,
  at: (asked: Asked) => boolean,
  fate: Fate = 'loseRequest',
): Promise<void> => {
  const dead = Promise.withResolvers<void>();
  scene.proxy.fate(async (asked) => {
    if (!at(asked)) return 'pass';
    await worker.kill();
    dead.resolve();
    return fate;
  });
  void worker.advance(instanceId);
  await dead.promise;
};

/** `kill -9` when the put of this kind has been carried out, before its answer leaves. */
export const dieAfter = async (scene: Scene, worker: Worker, instanceId: string, kind: string): Promise<void> => {
  const dead = Promise.withResolvers<void>();
  scene.proxy.dropWhen((target, body) => {
    if (target !== 'PutItem' || !body.includes(`"kind":{"S":"${kind}"}`)) return false;
    void worker.kill().then(dead.resolve);
    return true;
  });
  void worker.advance(instanceId);
  await dead.promise;
};

/** Freezes the process when this request arrives, once; the request is lost. */
export const freezeBefore = (scene: Scene, worker: Worker, at: (asked: Asked) => boolean): Promise<void> => {
  const frozen = Promise.withResolvers<void>();
  let done = false;
  scene.proxy.fate(async (asked) => {
    if (done || !at(asked)) return 'pass';
    done = true;
    await worker.freeze();
    frozen.resolve();
    return 'loseRequest';
  });
  return frozen.promise;
};

let rivals = 0;
/** Another engine on the tables of a simulated world, whose clock is off by so much. */
export const rivalOf = (world: World, offMs = 0, over: Partial<Ports> = {}): Engine => {
  rivals += 1;
  const name = rivals;
  let drawn = 0;
  return createEngine({
    ...world.ports,
    random: {
      ...world.ports.random,
      token: () => createHash('sha256').update(`rival ${name} ${drawn++}`).digest('hex').slice(0, 32),
    },
    clock: { ...world.ports.clock, nowMs: () => world.now + offMs },
    ...over,
  });
};

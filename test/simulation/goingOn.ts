/**
 * Families whose run is left and goes on as another: at the section that it was left at with the elements of that, or at an earlier cell.
 * What is judged of it is in `check/goingOn.ts`.
 */
import type { StartRequest } from '../../src/engine/index.ts';
import { keepAlive, type Run } from './actors.ts';
import { ask } from './calls.ts';
import { pause } from './processes.ts';
import { createRandom } from './schedule.ts';
import { nextIdOf } from './several.ts';
import { wayOf } from './way.ts';
import { headOf, parentOf, type World } from './world.ts';

const share = 0.25;
const generationsMax = 4;

/** Drawn apart, so that all other schedules are what they were. */
export const goesOnElsewhere = (seed: number): boolean => createRandom(seed ^ 0x611a).chance(share);

/** The newest run of the line. */
const newest = (world: World): World =>
  [...world.facets.values()].findLast((facet) => parentOf(facet.instanceId) === undefined && facet.chain.length > 0) ??
  world;

/** Leaves a run where it stands, and goes on from it; without a reason it says that nothing is done twice. */
export const continuer = ({ world }: Run, name: string, looks: number): void => {
  const { draw } = world;
  // Whoever comes back after a crash goes on where it was: it is one person.
  let look = 0;
  keepAlive(world, name, async (process) => {
    for (; look < looks; look += 1) {
      await pause(world, process, 'crashElsewhere', 'between looks', 3_000 + draw.int(20_000));
      const facet = newest(world);
      const { instanceId } = facet;
      const state = headOf(facet)?.state;
      if (state === undefined || state.ended === 'completed') continue;
      if (Number(instanceId.split('.')[1] ?? 1) >= generationsMax) return;
      const { cells } = facet.version.runbook;
      const way = cells.slice(0, wayOf(cells));
      const reached = state.ending?.at ?? state.next;
      const at = draw.chance(0.85) ? (way[reached] ?? way.at(-1)) : draw.pick(way.slice(0, reached + 1));
      if (at === undefined) continue;
      const request: StartRequest = {
        runbookId: 'demo',
        params: {},
        drive: draw.pick(['auto', 'auto', 'manual']),
        continues: { instanceId, at: at.name, ...(draw.chance(0.3) ? { reason: 'looked' } : {}) },
        by: { actor: '', via: '', where: '' },
      };
      await ask(world, process, name, 'startContinued', { about: nextIdOf(instanceId) }, (by) =>
        process.engine.start({ ...request, by }),
      );
    }
  });
};

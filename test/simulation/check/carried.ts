/** I10, of a family: what the answer to a cancellation says of its elements holds in all of them, and in theirs, when it is given. */
import { childId, childOf, openSection, unfinishedIn } from '../kin.ts';
import { breaks, headOf, RuleBroken, type World } from '../world.ts';

/** Elements under way, and theirs, in which a step could still begin, other than those that the answer names. */
const untoldIn = (world: World, facet: World, unreached: ReadonlySet<string>): string[] => {
  const state = headOf(facet)?.state;
  const section = state && openSection(facet, state);
  if (section === undefined) return [];
  const { instanceId, cell, visit } = section.opening;
  return unfinishedIn(section).flatMap((index) => {
    const id = childId(instanceId, cell, visit, index);
    if (unreached.has(id)) return [];
    const child = childOf(world, section, index);
    const own = child && headOf(child)?.state;
    // One that is at its own end goes through that.
    if (child === undefined || own === undefined) return [id];
    if (own.ended !== null || own.ending !== undefined) return [];
    return [...(own.cancelled === null ? [id] : []), ...untoldIn(world, child, unreached)];
  });
};

/** That nothing begins in one that was told its own chain is judged by. */
export const checkCarried = (world: World, instanceId: string, unreached: ReadonlySet<string>): void => {
  const facet = world.facets.get(instanceId);
  const state = facet && headOf(facet)?.state;
  if (facet === undefined || state?.cancelled == null) return;
  const [untold] = untoldIn(world, facet, unreached);
  if (untold === undefined) return;
  breaks(world, new RuleBroken('I10', `${instanceId} is cancelled, as was answered, and ${untold} goes on unnamed`));
};

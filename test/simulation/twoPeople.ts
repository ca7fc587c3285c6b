/**
 * Schedules in which two people decide about a step in doubt. Drawn apart, so that what else a seed draws is what it would be without.
 * Whoever decides often says what another has proposed, or what they said themselves, or names a step of before; and right after a
 * proposal others say the same at once.
 */
import type { VerdictRequest } from '../../src/engine/index.ts';
import { toldText } from './check/outputs.ts';
import { createProcess } from './processes.ts';
import { createRandom, type Draw } from './schedule.ts';
import { breaks, headOf, type World } from './world.ts';

/** `share`: of the processes that ask for two; others are of a deployment that was not told yet. */
export type TwoPeople = { draw: Draw; share: number };

/** A number that has nothing in common with those of other kinds of schedules, so that all of them are among these. */
const twoPeopleEvery = 7;
export const drawTwoPeople = (seed: number): TwoPeople | null => {
  if (seed % twoPeopleEvery !== 4) return null;
  const draw = createRandom(seed ^ 0x2bee);
  return { draw, share: draw.chance(0.7) ? 1 : 0.6 };
};

/** How many a process of this world asks for. */
export const peopleOf = ({ twoPeople }: World): { decidePeople?: 2 } =>
  twoPeople?.draw.chance(twoPeople.share) === true ? { decidePeople: 2 } : {};

type Said = Omit<VerdictRequest, 'by'>;

const again = (world: World, entry: NonNullable<World['chain'][number]>['entry'], reason: string): Said | undefined => {
  if (entry.kind !== 'proposed') return undefined;
  const output = toldText(world, entry.output);
  return {
    seq: entry.about,
    verdict: entry.verdict,
    reason,
    ...(entry.freshKey ? { freshKey: true } : {}),
    ...(output === null ? {} : { output }),
  };
};

const seconds = 0.7;
const earlier = 0.4;
const stale = 0.3;
/** What somebody says who has read what was proposed, about this step and before; `undefined`: something of their own. */
export const wordAfter = (world: World, id: string, seq: number): Said | undefined => {
  const { twoPeople, facets } = world;
  const facet = facets.get(id);
  if (twoPeople === null || facet === undefined) return undefined;
  const { draw } = twoPeople;
  const proposed = facet.chain.map(({ entry }) => entry).filter((entry) => entry.kind === 'proposed');
  const about = proposed.filter((entry) => entry.about === seq);
  const before = proposed.filter((entry) => entry.about !== seq);
  const word = before.length > 0 && draw.chance(earlier) ? again(world, draw.pick(before), 'as before') : undefined;
  // Of somebody whose page is old; or what was said about another step, or another attempt of this one, said about this one.
  if (word !== undefined) return draw.chance(stale) ? word : { ...word, seq };
  if (about.length === 0 || !draw.chance(seconds)) return undefined;
  return again(world, draw.pick(about), 'as was proposed');
};

const others = ['op-second', 'op-third'];
const rushedShare = 0.6;
/** After a proposal one or two others, or its author once more, decide in the same moment, mostly the same. */
export const rushSeconds = (
  root: World,
  decide: (process: ReturnType<typeof createProcess>, actor: string, id: string, seq: number) => Promise<void>,
): void => {
  const { twoPeople, onEntry, schedule } = root;
  if (twoPeople === null) return;
  const { draw } = twoPeople;
  let number = 0;
  root.onEntry = (facet, entry) => {
    onEntry(facet, entry);
    if (entry.kind !== 'proposed' || !draw.chance(rushedShare)) return;
    const { instanceId, about, by } = entry;
    const who = [draw.pick([...others, by.actor]), ...(draw.chance(0.5) ? [draw.pick(others)] : [])];
    for (const actor of who)
      schedule.after(draw.int(draw.chance(0.5) ? 60 : 20_000), () => {
        if (headOf(facet)?.state.ended !== null) return;
        const process = createProcess(root, `second${number++}`);
        decide(process, actor, instanceId, about).catch((error: unknown) => breaks(root, error));
      });
  };
};

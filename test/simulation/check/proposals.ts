/**
 * Where two people decide: nothing follows from a first verdict, and a verdict about a doubt is never one person's. Told from the
 * entries and from what the processes were set to, without the engine's own reading.
 */
import type { Entry, EntryOf } from '../../../src/engine/index.ts';
import { must } from '../world.ts';
import { toldText } from './outputs.ts';
import type { Oracle, Reading } from './reading.ts';
import { writerOf } from './writer.ts';

type Closing = EntryOf<'outcome'> | EntryOf<'resolved'>;
type Word = Pick<EntryOf<'proposed'>, 'verdict' | 'freshKey'> & { text: string | null };

/** The step that is in doubt, or whose holder has not been heard of. */
const doubtOf = ({ open, halted }: Reading): number | undefined =>
  open?.kind === 'reserved' ? open.seq : halted?.doubt === true ? halted.seq : undefined;

/** What was said of a step since its holder was last heard of. */
const saidOf = (entries: readonly Entry[], about: number, before: number): EntryOf<'proposed'>[] => {
  const heard = entries.slice(0, before).findLast((entry) => entry.kind === 'renewed' && entry.about === about);
  return entries
    .slice((heard?.seq ?? -1) + 1, before)
    .filter((entry) => entry.kind === 'proposed')
    .filter((entry) => entry.about === about);
};

/** Whether a proposal is the newest word of its author. */
const isNewest = (one: EntryOf<'proposed'>, said: EntryOf<'proposed'>[]): boolean =>
  said.findLast(({ by }) => by.actor === one.by.actor) === one;

const wordOf = ({ world }: Oracle, { verdict, freshKey, output }: EntryOf<'proposed'>): Word => ({
  verdict,
  freshKey,
  text: toldText(world, output),
});
const isSame = (one: Word, other: Word): boolean =>
  one.verdict === other.verdict && one.freshKey === other.freshKey && one.text === other.text;

/** Whether the run is begun where two people decide: by its first entry, for which its writer's process was set so, or its parent. */
export const judgeBegun = (oracle: Oracle, entry: EntryOf<'started'>): void => {
  const { parent, people } = entry;
  const above = parent && oracle.world.facets.get(parent.instanceId)?.chain[0]?.entry;
  const isAbove = above?.kind === 'started' && above.people === 2;
  const right = isAbove || writerOf(oracle, entry)?.process.ports.deployment.decidePeople === 2 ? 2 : undefined;
  must(people === right, 'people', `it is begun with ${people} people, not ${right}`);
};

/** A proposal is a person's word about the step in doubt, which nobody has said yet. What it leaves as it is, `compare` looks at. */
export const judgeProposed = (oracle: Oracle, reading: Reading, entry: EntryOf<'proposed'>): void => {
  const at = `seq ${entry.seq}`;
  const { about, by } = entry;
  must(oracle.world.twoPeople !== null, 'people', `${at} proposes a verdict, and one person decides here`);
  must(about === doubtOf(reading), 'people', `${at} is about ${about}, and ${doubtOf(reading)} is in doubt`);
  must(entry.index === reading.next, 'people', `${at} is about cell ${entry.index}, not ${reading.next}`);
  must(writerOf(oracle, entry)?.actor.startsWith('op') === true, 'people', `${at} is said by ${by.actor}`);
  const untilMs = reading.open?.deadlineAtMs ?? reading.halted?.actsUntilMs ?? 0;
  must(entry.atMs >= untilMs, 'people', `${at} is said before ${untilMs}, until when ${about} may act`);
  const word = wordOf(oracle, entry);
  const said = saidOf(oracle.entries, about, entry.seq);
  const same = said.find((one) => isNewest(one, said) && isSame(wordOf(oracle, one), word));
  must(same === undefined, 'people', `${at} proposes what ${same?.by.actor} said at seq ${same?.seq}`);
};

/** A person's word about a doubt takes effect only after another person said the same, and has said nothing else since. */
export const judgeSeconded = (oracle: Oracle, reading: Reading, entry: Closing): void => {
  const at = `seq ${entry.seq}`;
  const about = doubtOf(reading);
  const { agrees, verdict, closedBy } = entry;
  const said = about === undefined ? [] : saidOf(oracle.entries, about, entry.seq);
  const isSet = writerOf(oracle, entry)?.process.ports.deployment.decidePeople === 2;
  const takesTwo = about !== undefined && closedBy === 'person' && verdict !== undefined;
  if (!takesTwo || !(reading.two || isSet || said.length > 0)) {
    must(agrees === undefined, 'people', `${at} agrees with ${agrees?.seq}, and it takes nobody else`);
    return;
  }
  const first = said.find(({ seq }) => seq === agrees?.seq);
  must(first !== undefined, 'people', `${at} is the word of ${entry.by.actor} alone about ${about}`);
  must(first.by.actor !== entry.by.actor, 'people', `${at}: ${entry.by.actor} is the second beside themselves`);
  must(
    isNewest(first, said),
    'people',
    `${at} agrees with ${first.seq}, and ${first.by.actor} has said another thing since`,
  );
  const word = { verdict, freshKey: entry.freshKey === true, text: toldText(oracle.world, entry.output) };
  must(isSame(wordOf(oracle, first), word), 'people', `${at} says another thing than ${first.seq}`);
};

/** What whoever redrives is told: recorded by this call, noted by it, or known, because the journal has it already. */
import type { EntryOf, Redriven, Unrecorded } from '../../../src/engine/index.ts';
import { type Call, must, type World } from '../world.ts';
import { toldText } from './outputs.ts';
import type { Oracle } from './reading.ts';
import { isBy } from './writer.ts';

type Body = Unrecorded['outcome'];

/** Of an outcome that the store took only in its smallest form, the rest is not known. */
const isSmallest = ({ output }: Body): boolean => output?.kind === 'truncated' && output.head === '';

const saysSame = (world: World, stands: EntryOf<'outcome'>, outcome: Body): boolean =>
  stands.status === outcome.status &&
  (isSmallest(outcome) || toldText(world, stands.output) === toldText(world, outcome.output));

/** The outcome closed its step: put by its own holder late, or recorded by an earlier delivery of the same item. */
const stoodAsOutcome = ({ world, entries, calls }: Oracle, item: Unrecorded): boolean =>
  entries.some((entry) => {
    if (entry.kind !== 'outcome' || entry.closes !== item.about || !saysSame(world, entry, item.outcome)) return false;
    const delivered = (calls.get(entry.by.where) ?? []).some((call) => call.item === item && isBy(call, entry));
    return entry.token === item.token || delivered;
  });

type Noted = { kind: string; about: number; by: { where: string }; text: string };

const notesAbout = ({ world }: Oracle, item: Unrecorded): Noted[] =>
  world.tables
    .partition('journal', `${item.instanceId}/notes`)
    .map(({ note }) => JSON.parse(String(note)) as Noted)
    .filter(({ kind, about }) => kind === 'fenced' && about === item.about);

/** A note that a delivery of the item left. */
const isOf = ({ calls }: Oracle, item: Unrecorded, { by, text }: Noted): boolean =>
  text.includes(`"${item.outcome.status}"`) && (calls.get(by.where) ?? []).some((call) => call.item === item);

export const checkRedriven = (oracle: Oracle, call: Call, { result }: Redriven): void => {
  const { item } = call;
  must(item !== undefined, 'I10', `${call.id} redrives nothing`);
  const own = oracle.entries.find((entry) => isBy(call, entry));
  const told = `${call.id} was told ${result}`;
  must((own !== undefined) === (result === 'recorded'), 'I10', `${told}, and ${own ? 'an' : 'no'} entry is its own`);
  if (result === 'recorded') {
    const whole = own?.kind === 'outcome' && own.closes === item.about && saysSame(oracle.world, own, item.outcome);
    must(whole, 'I10', `${told}, and entry ${own?.seq} says something else`);
    return;
  }
  const notes = notesAbout(oracle, item);
  const mine = notes.filter(({ by }) => by.where === call.id);
  if (result === 'noted') {
    must(mine.length > 0, 'I10', `${told}, and no note of it stands`);
    return;
  }
  must(mine.length === 0, 'I10', `${told}, and left a note of its own`);
  const known = stoodAsOutcome(oracle, item) || notes.some((note) => isOf(oracle, item, note));
  must(known, 'I10', `${told} about seq ${item.about}, and the journal has it neither as the outcome nor as a note`);
};

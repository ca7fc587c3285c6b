/** I4, I5, I6, I9 on the witness: what really began and happened, against what the journal allowed. */
import type { Entry } from '../../../src/engine/index.ts';
import { ancestorsOf, entriesOf } from '../kin.ts';
import { type Begin, must, type World } from '../world.ts';
import { originalKeyOf } from './endings.ts';
import { checkEntered } from './ends.ts';
import { checkLeased, newestDeadline } from './leases.ts';
import { checkKept, toldText } from './outputs.ts';
import type { Oracle } from './reading.ts';

/** How wrong a clock may be that learns from whole seconds. */
const learntErrorMaxMs = 1_500;

const checkBegin = ({ entries, world }: Oracle, begin: Begin): void => {
  const at = `${begin.cell} at seq ${begin.seq}`;
  const entry = entries[begin.seq];
  const reserve = entry?.kind === 'reserved' ? entry : entry?.kind === 'outcome' ? entry.reserve : undefined;
  must(entry !== undefined && reserve !== undefined, 'I4', `${at} began without a reservation`);
  must(entry.by.where === begin.call.id, 'I4', `${at} began in ${begin.call.id}, reserved by ${entry.by.where}`);
  const isAcknowledged = begin.call.acknowledged.has(`${world.instanceId}#${begin.seq}`);
  must(isAcknowledged, 'I4', `${at} began before the store said that its reservation stands`);
  must(
    reserve.cell === begin.cell && reserve.visit === begin.visit,
    'I4',
    `${at}: another cell or visit than reserved`,
  );
  must(reserve.attempt === begin.attempt, 'I4', `${at}: another attempt than reserved`);
  // One that came to its body late may have been renewed before.
  const deadlineAtMs = newestDeadline(entries, begin.seq, begin.beganAtMs);
  must(begin.beganAtMs < deadlineAtMs, 'I4', `${at} began after its deadline`);
  const errorMs = world.learns ? learntErrorMaxMs : 0;
  const inTime = begin.overAtMs < deadlineAtMs + errorMs;
  must(inTime, 'I4', `${at} began so late that it may outlive its deadline`);
  checkLeased({ entries, world } as Oracle, begin);
  must(begin.key === reserve.key, 'I9', `${at} got the key ${begin.key}`);
  const original = originalKeyOf(entries, world.version.runbook, begin.cell);
  must(begin.originalKey === original, 'I9', `${at} takes back ${begin.originalKey}, and that is ${original}`);
};

/** What satisfied a cell before the section, in the run around it. */
const above = (world: World, name: string): Entry | undefined => {
  const [first] = world.chain;
  const parent = first?.entry.kind === 'started' ? first.entry.parent : undefined;
  const [facet] = ancestorsOf(world);
  if (parent === undefined || facet === undefined) return undefined;
  const found = entriesOf(facet).findLast(
    (entry) =>
      entry.seq <= parent.seq &&
      (entry.kind === 'outcome' || entry.kind === 'resolved') &&
      entry.cell === name &&
      entry.then === 'next',
  );
  return found ?? citedIn(facet, name) ?? above(facet, name);
};

/** What satisfied a cell in a run that this one goes on from. */
export const citedIn = (world: World, name: string): Entry | undefined => {
  const first = world.chain[0]?.entry;
  const cited = first?.kind === 'started' ? first.continues?.outputs[name] : undefined;
  return cited && world.facets.get(cited.instanceId)?.chain[cited.seq]?.entry;
};

/** What a cell was given of an earlier one is what stands in the entry that satisfied that one. */
const checkOutputs = (oracle: Oracle, begin: Begin): void => {
  for (const [name, text] of Object.entries(begin.outputs)) {
    const ending = oracle.entries.find((entry) => entry.kind === 'ending' && entry.seq < begin.seq);
    const stood =
      ending?.kind === 'ending' && ending.stood?.cell === name ? oracle.entries[ending.stood.seq] : undefined;
    const satisfying = oracle.entries.findLast(
      (entry) =>
        entry.seq <= begin.seq &&
        (entry.kind === 'outcome' || entry.kind === 'resolved') &&
        entry.cell === name &&
        entry.then === 'next',
    );
    const source = stood ?? satisfying ?? citedIn(oracle.world, name) ?? above(oracle.world, name);
    const output = source !== undefined && 'output' in source ? source.output : undefined;
    // Of an outcome that was refused for what it held only a beginning could be kept, and nothing is handed on cut.
    const stands = output?.kind === 'truncated' ? undefined : toldText(oracle.world, output);
    must(stands === text, 'I9', `${begin.cell} at seq ${begin.seq} got ${text} of ${name}, and ${stands} stands`);
  }
};

/** Two bodies are alive at once only where a clock was far off, a sandbox slept, or a child got away. */
export const checkOverlap = (world: World, begins = world.begins): void => {
  const { clockFarOff, frozen, thawed, operatorRace, childOutlives, frozenBeforeArm } = world.faults;
  // A caller of a family may be frozen before it arms one element, while the body of another is alive.
  const isFamily = [...world.facets.keys()].some((instanceId) => instanceId.includes('~'));
  const asleep = isFamily ? frozenBeforeArm : 0;
  if (clockFarOff + frozen + thawed + operatorRace + childOutlives + asleep > 0) return;
  const sorted = [...begins].sort((a, b) => a.atMs - b.atMs);
  sorted.forEach((begin, index) => {
    const next = sorted[index + 1];
    if (next === undefined) return;
    const over = begin.endedAtMs !== null && begin.endedAtMs <= next.atMs;
    must(over, 'I4', `two bodies at once: seq ${begin.seq} and ${next.seq}`);
  });
};

export const checkWitness = (oracle: Oracle): void => {
  const { world } = oracle;
  const seqs = new Set<number>();
  const inputs = new Map<string, string>();
  for (const begin of world.begins) {
    must(!seqs.has(begin.seq), 'I4', `seq ${begin.seq} began twice`);
    seqs.add(begin.seq);
    checkBegin(oracle, begin);
    checkOutputs(oracle, begin);
    const first = inputs.get(begin.key) ?? begin.inputs;
    must(first === begin.inputs, 'I9', `two attempts under ${begin.key} got different inputs`);
    inputs.set(begin.key, first);
  }
  checkEntered(world, oracle.entries);
  checkKept(oracle);
  checkOverlap(world);
};

/**
 * Somebody with rights on the table alters a journal while nothing runs. From then on nothing is reserved, whoever comes by
 * and whatever fails; the view says `broken` and stays due; and a person ends it.
 */
import { type Entry, limits } from '../../src/engine/index.ts';
import type { Row } from '../../src/testing/tables.ts';
import { advance, keepAlive, type Run, ticker } from './actors.ts';
import { ask } from './calls.ts';
import { readerOf } from './check/stored.ts';
import { noFaults } from './faults.ts';
import { decide, starter } from './people.ts';
import { createProcess, pause } from './processes.ts';
import { breaks, headOf, must, say, viewRow, type World } from './world.ts';

type Alteration = { what: string; seq: number; make(row: Row): Row | undefined };

/** What every look at the head sees: the entry before it, or the first one. The head itself has nothing that proves it. */
const draw = (world: World): Alteration => {
  const seq = world.draw.chance(0.3) ? 0 : world.chain.length - 2;
  return world.draw.pick<Alteration>([
    { what: 'altered', seq, make: (row) => ({ ...row, entry: String(row.entry).replace('"actor":"', '"actor":"x') }) },
    { what: 'spaced out', seq, make: (row) => ({ ...row, entry: `${row.entry} ` }) },
    { what: 'given another token', seq, make: (row) => ({ ...row, token: 'f'.repeat(32) }) },
    { what: 'made unreadable', seq, make: (row) => ({ ...row, entry: 'rubbish' }) },
    { what: 'taken away', seq: Math.max(1, world.chain.length - 2), make: () => undefined },
  ]);
};

/** Whether there is something to break: an entry, and one that proves it. */
export const canBreak = ({ chain }: World): boolean => chain.length > 2 && chain.at(-1)?.entry.state.ended === null;

const alter = (world: World): void => {
  const { what, seq, make } = draw(world);
  const row = world.tables.row('journal', world.instanceId, seq) as Row;
  const other = make(row);
  if (other === undefined)
    world.tables.lose('journal', (one) => one.instanceId === world.instanceId && one.seq === seq);
  else world.tables.tamper('journal', other);
  world.isAltered = true;
  say(world, 'somebody', `entry ${seq} of ${world.instanceId} is ${what}`);
};

const setOut = (run: Run): void => {
  const { world } = run;
  starter(run, 'starter', 'auto', {});
  for (const name of ['d', 'e']) {
    keepAlive(world, name, async (process) => {
      for (let times = 0; times < 3; times += 1) {
        await pause(world, process, 'crashElsewhere', 'between calls', world.draw.int(40_000));
        const seen = world.draw.chance(0.3) ? { expectedSeq: world.chain.length - 1 } : {};
        await advance(run, process, name, { maxCells: Number.POSITIVE_INFINITY, ...seen });
      }
    });
  }
  keepAlive(world, 'op4', async (process) => {
    await pause(world, process, 'crashElsewhere', 'between looks', world.draw.int(40_000));
    const state = headOf(world)?.state;
    await decide(world, process, 'op4', world.instanceId, state?.open?.seq ?? state?.halted?.seq ?? 0);
  });
  ticker(run, 3);
  if (world.draw.chance(0.3)) cancelSoon(world);
};

const cancel = (world: World, name: string): Promise<unknown> => {
  const process = createProcess(world, name);
  const { instanceId } = world;
  return ask(world, process, name, 'cancel', {}, (by) => process.engine.cancel(instanceId, 'it is broken', by));
};

const cancelSoon = (world: World): void =>
  world.schedule.after(world.draw.int(60_000), () => {
    cancel(world, 'canceller').catch((error: unknown) => breaks(world, error));
  });

const isEnd = (entry: Entry | undefined): boolean => entry?.kind === 'cancelled' && entry.broken !== undefined;

const checkNothing = (world: World, length: number): void => {
  const further = world.chain.slice(length).map(({ entry }) => entry);
  must(further.length < 2, 'broken', `${further.length} entries stand after it was broken`);
  const [only] = further;
  must(only === undefined || isEnd(only), 'broken', `entry ${only?.seq} (${only?.kind}) stands after it was broken`);
};

const honest = async (run: Run): Promise<void> => {
  const { world } = run;
  const process = createProcess(world, 'honest');
  await advance(run, process, 'honest', { explicit: false });
  const row = viewRow(world);
  if (!isEnd(headOf(world))) {
    must(row?.status === 'broken', 'broken', `the view says ${row?.status} of a broken journal`);
    const latestMs = world.schedule.nowMs() + limits.brokenBackoffMsMax + world.clockErrorMaxMs;
    const isDue = typeof row.dueAtMs === 'number' && row.dueAtMs <= latestMs;
    must(isDue, 'broken', `a broken journal is looked at again at ${row.dueAtMs}`);
  }
  await cancel(world, 'op-honest');
  must(isEnd(headOf(world)), 'broken', 'it was cancelled, and goes on');
  const view = viewRow(world);
  must(view?.status === 'cancelled', 'broken', `it was cancelled, and its view says ${view?.status}`);
  await advance(run, process, 'honest', { maxCells: Number.POSITIVE_INFINITY });
};

/** Breaks the journal, lets everybody come by, and judges. */
export const breakJournal = async (
  run: Run,
  rest: () => Promise<void>,
  go: (work: Promise<void>) => Promise<void>,
): Promise<void> => {
  const { world } = run;
  const { length } = world.chain;
  alter(world);
  // A read that misses the newest entry, which no consistent read does, would miss what the newest proves.
  world.rates = { ...world.rates, staleRead: 0 };
  setOut(run);
  await rest();
  checkNothing(world, length);
  world.rates = noFaults;
  world.outageUntilMs = 0;
  world.trace.push('   THE FAULTS STOP');
  await go(honest(run));
  checkNothing(world, length);
  const { intact, ended } = await readerOf(world).verify(world.instanceId);
  must(!intact && ended !== null, 'broken', `verify finds it ${intact ? 'intact' : 'broken'}`);
};

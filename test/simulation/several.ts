/**
 * Schedules about several instances: two starts want one lock, halted runs are continued, and votes come by one-time links,
 * used twice at once. The same processes, wire and faults as everywhere; what is judged beside each journal by itself is in
 * `check/several.ts`.
 */
import { type AdvanceAnswer, limits, type Runbook, type StartRequest, type State } from '../../src/engine/index.ts';
import { approving, runbookOf } from '../engine/runbooks.ts';
import { advance, keepAlive, type Run, ticker, wakeAt } from './actors.ts';
import { ask } from './calls.ts';
import { disasters } from './disasters.ts';
import { wait } from './healing.ts';
import { decide, startAndRun } from './people.ts';
import { createProcess, type Process, pause } from './processes.ts';
import type { Draw } from './schedule.ts';
import { castVote, voters } from './waiting.ts';
import { wayOf } from './way.ts';
import { drawCells, drawEffect } from './workload.ts';
import { breaks, facetOf, headOf, must, type World } from './world.ts';

const lock = 'L';
/** Two runs that want the same lock. */
export const firstIds = ['p', 'q'] as const;

/** Short ones: what is met here lies between the runs. */
export const drawLocked = (draw: Draw): Runbook => {
  const withinMs = draw.chance(0.4) ? null : draw.pick([15_000, 40_000]);
  const quorum = 1 + draw.int(2);
  const approval = { body: approving([...voters], { quorum, withinMs, onExpiry: draw.pick(['approve', 'reject']) }) };
  const asked = draw.chance(0.6) ? draw.int(3) : -1;
  const cells = drawCells(draw, 3, (index) => (index === asked ? approval : drawEffect(draw, index)));
  return runbookOf(cells, { concurrency: draw.chance(0.85) ? [lock] : null });
};

const someFacet = (world: World): World => {
  const begun = [...world.facets.values()].filter((facet) => headOf(facet) !== undefined);
  return begun.length === 0 ? world : world.draw.pick(begun);
};

/** Wants its run until it has it: refused while another has the lock, it comes again. */
const starter = ({ world }: Run, name: string, instanceId: string, tries: number): void => {
  const { draw } = world;
  keepAlive(world, name, async (process) => {
    for (let tried = 0; tried < tries; tried += 1) {
      await pause(world, process, 'crashElsewhere', 'before starting', draw.int(tried === 0 ? 4_000 : 45_000));
      const request = { runbookId: 'demo', params: {}, instanceId };
      const drive = draw.pick(['auto', 'manual'] as const);
      const started = draw.chance(0.3)
        ? await startAndRun(world, process, name, request)
        : await ask(world, process, name, 'start', { about: instanceId }, (by) =>
            process.engine.start({ ...request, drive, by }),
          );
      if (started !== undefined && draw.chance(0.7)) return;
    }
  });
};

const pusher = (run: Run, name: string): void => {
  const { world } = run;
  const { draw } = world;
  keepAlive(world, name, async (process) => {
    let waitMs = draw.int(4_000);
    while (run.callsLeft > 0) {
      run.callsLeft -= 1;
      await pause(world, process, 'crashElsewhere', 'between calls', waitMs);
      const { instanceId } = someFacet(world);
      const all = draw.chance(0.4) ? { maxCells: Number.POSITIVE_INFINITY, drive: 'auto' as const } : {};
      const answer: AdvanceAnswer | undefined = await advance(run, process, name, { instanceId, ...all });
      const inFlight = answer?.stop.result === 'in_flight';
      waitMs = inFlight ? draw.int(4_000) : 1_000 + draw.int(12_000);
    }
  });
};

/** The run that goes on from it. */
export const nextIdOf = (instanceId: string): string => {
  const [, stem, number] = /^(.+)\.(\d+)$/.exec(instanceId) ?? [];
  return stem === undefined ? `${instanceId}.2` : `${stem}.${Number(number) + 1}`;
};

const generationsMax = 4;

/** Goes on from a run that halted or was cancelled; without a reason it says that nothing is done twice. */
const goOn = async (facet: World, world: World, process: Process, actor: string, state: State): Promise<void> => {
  const { draw, version } = world;
  const { instanceId } = facet;
  if (instanceId.split('.')[1] === String(generationsMax)) return;
  const way = version.runbook.cells.slice(0, wayOf(version.runbook.cells));
  const reached = state.ending?.at ?? state.next;
  const left = way.slice(0, reached + 2);
  const at = draw.chance(0.7) ? (way[reached] ?? left.at(-1)) : draw.pick(left);
  if (at === undefined) return;
  const reason = draw.chance(0.5) ? { reason: 'looked' } : {};
  const request: StartRequest = {
    runbookId: 'demo',
    params: {},
    drive: draw.pick(['auto', 'manual']),
    continues: { instanceId, at: at.name, ...reason },
    by: { actor: '', via: '', where: '' },
  };
  await ask(world, process, actor, 'startContinued', { about: nextIdOf(instanceId) }, (by) =>
    process.engine.start({ ...request, by }),
  );
};

/** A link for an approver, used once or twice, at once or late; somebody may have looked at it before. */
const handOutLink = async (
  facet: World,
  world: World,
  process: Process,
  actor: string,
  cell: string,
): Promise<void> => {
  const { draw, schedule } = world;
  const { instanceId } = facet;
  const voter = draw.pick(voters);
  const made = await ask(world, process, actor, 'makeLink', { about: instanceId }, (by) =>
    process.engine.makeLink(instanceId, cell, { actor: voter, by }),
  );
  if (made === undefined) return;
  const { secret } = made;
  const use = (delayMs: number): void =>
    schedule.after(delayMs, () => {
      const user = createProcess(world, `link${world.handOvers++}`);
      useLink(facet, world, user, secret, voter).catch((error: unknown) => breaks(world, error));
    });
  const firstMs = draw.int(draw.chance(0.7) ? 3_000 : 60_000);
  use(firstMs);
  // Once more: at once, or when it was used long ago.
  if (draw.chance(0.5)) use(firstMs + draw.int(draw.chance(0.6) ? 30 : 20_000));
};

const useLink = async (facet: World, world: World, process: Process, secret: string, actor: string): Promise<void> => {
  const { draw } = world;
  const options = { about: facet.instanceId };
  const read = await ask(world, process, actor, 'readLink', options, (by) => process.engine.readLink(secret, by));
  const shownHash = read?.shown.hash ?? '';
  const decision = draw.chance(0.8) ? ('approve' as const) : ('reject' as const);
  await ask(world, process, actor, 'useLink', options, ({ where }) =>
    process.engine.useLink(secret, { decision, shownHash, where }),
  );
};

/** What there is for a person to do in one of the runs. */
const act = async (facet: World, world: World, process: Process, actor: string, state: State): Promise<void> => {
  const { draw } = world;
  const { instanceId } = facet;
  const { open, halted } = state;
  if (state.ended === 'completed') return;
  if (state.epoch < process.epoch && state.ended === null) {
    await ask(world, process, actor, 'release', { about: instanceId }, (by) =>
      process.engine.release(instanceId, 'compared', by),
    );
  } else if (open?.kind === 'waiting' && open.quorum !== undefined) {
    if (draw.chance(0.6)) await handOutLink(facet, world, process, draw.pick([actor, ...voters]), open.cell);
    else await castVote(facet, world, process, state, open.cell);
  } else if (open?.kind === 'waiting') {
    await ask(world, process, actor, 'done', { about: instanceId }, (by) =>
      process.engine.done(instanceId, open.cell, { result: 'done', note: 'looked', by }),
    );
  } else if (state.ended !== null || (halted !== null && draw.chance(0.6))) {
    await goOn(facet, world, process, actor, state);
  } else {
    const seq = open?.seq ?? halted?.seq;
    if (seq !== undefined) await decide(world, process, actor, instanceId, seq);
  }
};

const operator = ({ world }: Run, name: string, looks: number): void => {
  const { draw } = world;
  keepAlive(world, name, async (process) => {
    for (let look = 0; look < looks; look += 1) {
      await pause(world, process, 'crashElsewhere', 'between looks', draw.int(20_000));
      const facet = someFacet(world);
      const head = await ask(world, process, name, 'look', { about: facet.instanceId }, () =>
        process.ports.journal.head(facet.instanceId),
      );
      if (head !== undefined) await act(facet, world, process, name, head.entry.state);
    }
  });
};

const canceller = ({ world }: Run): void => {
  const { draw, schedule } = world;
  schedule.after(draw.int(70_000), () => {
    const { instanceId } = someFacet(world);
    const process = createProcess(world, 'canceller');
    ask(world, process, 'canceller', 'cancel', { about: instanceId }, (by) =>
      process.engine.cancel(instanceId, 'stop', by),
    ).catch((error: unknown) => breaks(world, error));
  });
};

export const setOutSeveral = (run: Run): void => {
  const { world } = run;
  const { draw } = world;
  for (const id of firstIds) facetOf(world, id);
  starter(run, 'alice', 'p', 2);
  starter(run, 'bob', 'q', 4);
  if (draw.chance(0.3)) starter(run, 'carol', draw.pick(firstIds), 2);
  for (const name of ['a', 'b']) pusher(run, name);
  ticker(run, 5);
  for (const name of ['op1', 'op2']) operator(run, name, 6);
  if (draw.chance(0.4)) canceller(run);
  world.wakeAt = (id, atMs, seq) => wakeAt(run, id, atMs, seq);
  disasters(world);
};

const latecomer = 'z';

/** Once faults have stopped, a lock is held by a run that has not ended, or by nobody: then a start gets it. */
export const lockIsFree = async (run: Run): Promise<void> => {
  const { world } = run;
  if (world.version.runbook.concurrency === null) return;
  const process = createProcess(world, 'late');
  const facet = facetOf(world, latecomer);
  const start = (): Promise<unknown> =>
    ask(world, process, 'late', 'start', { about: latecomer }, (by) =>
      process.engine.start({ runbookId: 'demo', params: {}, instanceId: latecomer, by }),
    );
  await start();
  if (headOf(facet) === undefined) {
    await wait(run, limits.unstartedLockMs + 2 * world.clockErrorMaxMs);
    await start();
  }
  const holders = [...world.facets.values()].filter((one) => {
    const [first] = one.chain;
    return first?.entry.kind === 'started' && headOf(one)?.state.ended === null;
  });
  const names = holders.map(({ instanceId }) => instanceId).join(' and ');
  must(holders.length === 1, 'lock', `${names || 'nobody'} holds the lock in the end`);
};

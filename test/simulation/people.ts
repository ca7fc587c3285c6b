/** People: they start, cancel, record manual cells, decide what is in doubt or halted, and let held instances go on. */
import type { RunAnswer, StartRequest, State, Unrecorded, VerdictRequest } from '../../src/engine/index.ts';
import { keepAlive, type Run } from './actors.ts';
import { ask } from './calls.ts';
import { createProcess, type Process, pause } from './processes.ts';
import { wordAfter } from './twoPeople.ts';
import { castVote } from './waiting.ts';
import { breaks, instanceId, type World } from './world.ts';

/** Starts and runs in one call. */
export const startAndRun = (
  world: World,
  process: Process,
  name: string,
  request: Omit<StartRequest, 'drive' | 'by'> & { instanceId: string },
): Promise<RunAnswer | undefined> => {
  const budgetMs = world.draw.chance(0.8) ? 60_000 : world.draw.pick([1_500, 6_000, 12_000]);
  const options = { about: request.instanceId, budgetMs, maxCells: Number.POSITIVE_INFINITY };
  return ask(world, process, name, 'startAndRun', options, (by) =>
    process.engine.startAndRun({ ...request, by }, { budgetMs }),
  );
};

/** Starts the instance; after an answer that promises nothing, or a crash, once more under the same id. */
export const starter = (
  { world }: Run,
  name: string,
  drive: 'auto' | 'manual',
  params: Record<string, unknown>,
): void => {
  keepAlive(world, name, async (process) => {
    for (let tries = 0; tries < 3; tries += 1) {
      const request = { runbookId: 'demo', params, instanceId, drive };
      const started =
        drive === 'auto' && world.draw.chance(0.5)
          ? await startAndRun(world, process, name, request)
          : await ask(world, process, name, 'start', {}, (by) => process.engine.start({ ...request, by }));
      if (started !== undefined) return;
      await pause(world, process, 'crashElsewhere', 'before starting again', world.draw.int(3_000));
    }
  });
};

/** A verdict about a step. */
export const decide = async (world: World, process: Process, actor: string, id: string, seq: number): Promise<void> => {
  const { draw } = world;
  const drawn = draw.pick(['succeeded', 'failed', 'retry', 'retry', 'skip'] as const);
  // A section that is gone through again is a schedule of its own.
  const about = world.facets.get(id)?.chain[seq]?.entry;
  const kind = drawn === 'retry' && about?.kind === 'waiting' && about.each !== undefined ? 'skip' : drawn;
  const own: Omit<VerdictRequest, 'by'> = { seq, verdict: kind, reason: 'looked' };
  if (kind === 'retry' && draw.chance(0.3)) own.freshKey = true;
  if (kind === 'succeeded' && draw.chance(0.5)) own.output = '{"good":true}';
  if (draw.chance(0.2)) own.evidence = 'a line of its log';
  const request = wordAfter(world, id, seq) ?? own;
  await ask(world, process, actor, 'verdict', { about: id }, (by) => process.engine.verdict(id, { ...request, by }));
};

/** What there is for a person to do, as somebody sees it who has just looked. */
const act = async (world: World, process: Process, actor: string, state: State): Promise<void> => {
  const { draw } = world;
  const { open, halted } = state;
  if (state.epoch < process.epoch) {
    await ask(world, process, actor, 'release', {}, (by) => process.engine.release(instanceId, 'compared', by));
  } else if (open?.kind === 'waiting' && open.quorum !== undefined) {
    await castVote(world, world, process, state, open.cell);
  } else if (open?.kind === 'waiting') {
    // What waits for no person refuses whoever says that it is done.
    const result = draw.chance(0.85) ? 'done' : 'failed';
    await ask(world, process, actor, 'done', {}, (by) =>
      process.engine.done(instanceId, open.cell, { result, note: 'looked', by }),
    );
  } else {
    const seq = open?.seq ?? halted?.seq;
    if (seq !== undefined) await decide(world, process, actor, instanceId, seq);
  }
};

/** A person who looks now and then, at a step in flight again in the moment in which it is in doubt. */
export const operator = ({ world }: Run, name: string, looks: number): void => {
  const { draw } = world;
  keepAlive(world, name, async (process) => {
    let waitMs = draw.int(20_000);
    for (let look = 0; look < looks; look += 1) {
      await pause(world, process, 'crashElsewhere', 'between looks', waitMs);
      waitMs = draw.int(30_000);
      const head = draw.chance(0.15)
        ? await ask(world, process, name, 'inspect', {}, async (by) => {
            await process.engine.inspect(instanceId, by);
            return process.ports.journal.head(instanceId);
          })
        : await ask(world, process, name, 'look', {}, () => process.ports.journal.head(instanceId));
      const state = head?.entry.state;
      if (state === undefined) continue;
      if (state.ended !== null) return;
      const { open } = state;
      const doubtInMs = open?.kind === 'reserved' ? open.deadlineAtMs + world.graceMs - process.ports.clock.nowMs() : 0;
      if (doubtInMs > 0 && draw.chance(0.7)) waitMs = doubtInMs + draw.int(100);
      else await act(world, process, name, state);
    }
  });
};

/** Somebody who decides about one step at one moment, by a process of their own. */
export const rush = (world: World, id: string, atMs: number, seq: number): void => {
  world.schedule.after(atMs - world.schedule.nowMs(), () => {
    const process = createProcess(world, `rush${seq}`);
    decide(world, process, 'op-rush', id, seq).catch((error: unknown) => breaks(world, error));
  });
};

/** The failure queue: each item is delivered, soon or late, once or twice, and again when it could not be recorded. */
export const redriver = (world: World, item: Unrecorded): void => {
  const { draw, schedule } = world;
  const number = world.aside.length;
  const deliver = (delayMs: number, which: string): void =>
    schedule.after(delayMs, () => {
      const process = createProcess(world, `redrive${number}${which}`);
      ask(world, process, 'redriver', 'redrive', { about: item.instanceId, item }, (by) =>
        process.engine.redrive(item, by),
      ).catch((error: unknown) => breaks(world, error));
    });
  const firstMs = draw.int(draw.chance(0.7) ? 30_000 : 600_000);
  deliver(firstMs, '');
  if (draw.chance(0.3)) deliver(firstMs + draw.int(2_000), '-twice');
  deliver(firstMs + 120_000, '-again');
  // An operator who redrives what lies there again and again: it is met by other steps that are open.
  for (let again = 1; again <= 6; again += 1) deliver(draw.int(120_000), `-also${again}`);
};

export const canceller = ({ world }: Run): void => {
  const { draw, schedule } = world;
  schedule.after(draw.int(70_000), () => {
    const process = createProcess(world, 'canceller');
    ask(world, process, 'canceller', 'cancel', {}, (by) => process.engine.cancel(instanceId, 'stop', by)).catch(
      (error: unknown) => breaks(world, error),
    );
  });
};

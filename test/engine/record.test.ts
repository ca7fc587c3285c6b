/** After a body has ended: its output is tried for as long as its outcome, and a store that hangs loses neither word nor time. */
import { describe, expect, test } from 'vitest';
import { createEngine, limits, type Output } from '../../src/engine/index.ts';
import type { StoreClient } from '../../src/store/access.ts';
import type { Command } from '../support/operations.ts';
import { pass, runbookOf } from './runbooks.ts';
import { alice, setup, T0, type World } from './world.ts';

const request = { budgetMs: 60_000, by: alice };
const large = JSON.stringify('x'.repeat(100_000));
const isChunk = (command: Command): boolean =>
  command.kind === 'putIf' && String((command.item as { instanceId: string }).instanceId).includes('/out/');
const throttle = (): Error => Object.assign(new Error('rate exceeded'), { name: 'ThrottlingException' });

/** What the store answers is the test's: an error, silence, or what the tables say. */
const faulty = (fault: (command: Command, world: World) => Error | 'silence' | undefined): World => {
  const world: World = setup(
    (client) =>
      ({
        send: async (command: Command) => {
          const struck = fault(command, world);
          if (struck === 'silence') return await new Promise(() => {});
          if (struck !== undefined) throw struck;
          return await client.send(command as never);
        },
      }) as unknown as StoreClient,
  );
  return world;
};
const outputAt = async (world: World, id: string, seq: number): Promise<Output | null> => {
  const entry = (await world.entries(id))[seq];
  return entry?.kind === 'outcome' ? entry.output : null;
};

describe('a large output', () => {
  test('is tried for as long as its outcome: seven seconds of throttling, or ten after the deadline, lose nothing', async () => {
    const world = faulty((command, { now }) => (isChunk(command) && now < T0 + 12_000 ? throttle() : undefined));
    world.behave = () => ({ status: 'completed', output: large });
    const id = await world.start(runbookOf([{}, { reads: ['c0'] }]));
    const answer = await world.engine.advance(id, { ...request, maxCells: 2 });
    expect(answer).toMatchObject({ result: 'completed', steps: [{ status: 'completed', error: null }, {}] });
    expect(await outputAt(world, id, 2)).toMatchObject({ kind: 'stored', bytes: large.length });
    // The next cell gets it whole.
    expect(world.begun[1]?.outputs).toEqual({ c0: large });
  });

  test('that is never taken is said truly, in the entry, to the caller and to whoever watches; the step is recorded', async () => {
    const world = faulty((command) => (isChunk(command) ? throttle() : undefined));
    world.behave = () => ({ status: 'completed', output: large });
    const id = await world.start(runbookOf([{}, {}]));
    const answer = await world.engine.advance(id, { ...request, maxCells: 1 });
    const error = {
      code: 'output.unkept',
      message: expect.stringMatching(/100002 bytes, and the store did not take it/),
    };
    expect(answer.steps).toMatchObject([{ status: 'completed', error, recorded: true }]);
    expect((await world.entries(id))[2]).toMatchObject({ output: { kind: 'truncated', limitBytes: 0 }, error });
    expect(world.events.filter(({ kind }) => kind === 'output.unkept')).toMatchObject([
      { seq: 1, bytes: large.length },
    ]);
    expect(world.begun).toHaveLength(1);
  });

  test('and files beside it are tried for as long; those that are never taken are named, and the step is recorded', async () => {
    const left = (names: string[]) => ({
      files: names.map((name) => ({ name, base64: 'b25l' })),
      unkept: { files: [{ name: 'more', bytes: 9, why: 'sum' as const }], more: 0 },
    });
    const patient = faulty((command, { now }) => (isChunk(command) && now < T0 + 12_000 ? throttle() : undefined));
    patient.behave = () => ({ status: 'failed', output: large, evidence: left(['a', 'b']) });
    const id = await patient.start(runbookOf([{}]));
    await patient.engine.advance(id, request);
    const { unkept } = left([]);
    expect((await patient.entries(id))[2]).toMatchObject({
      attached: [
        { name: 'a', bytes: 3 },
        { name: 'b', bytes: 3 },
      ],
      unkept,
    });

    let taken = 0;
    const never = faulty((command) => (isChunk(command) && taken++ > 0 ? throttle() : undefined));
    never.behave = () => ({ status: 'completed', output: '{}', evidence: left(['a', 'b']) });
    const other = await never.start(runbookOf([{}, {}]));
    expect(await never.engine.advance(other, { ...request, maxCells: 1 })).toMatchObject({
      steps: [{ status: 'completed', recorded: true }],
    });
    expect((await never.entries(other))[2]).toMatchObject({
      attached: [{ name: 'a' }],
      unkept: { files: [{ name: 'more' }, { name: 'b', bytes: 3, why: 'store' }], more: 0 },
    });
    expect(never.events.filter(({ kind }) => kind === 'evidence.unkept')).toHaveLength(1);
    expect(never.begun).toHaveLength(1);
  });

  test('of a poll that loses its slot: each look has a place of its own', async () => {
    const world = setup();
    let looks = 0;
    world.behave = () => ({ status: 'completed', output: JSON.stringify(`${looks++}`.repeat(20_000)) });
    const id = await world.start(
      runbookOf([{ poll: { everyMs: 1_000, withinMs: null, onTimeout: 'fail' }, expect: [pass] }]),
    );
    const { journal } = world.ports;
    let lost = false;
    const putOnce: typeof journal.putOnce = async (entry) => {
      if (!lost && entry.kind === 'outcome') {
        lost = true;
        await world.engine.advance(id, { ...request, drive: 'auto', maxCells: 0 }).catch(() => undefined);
      }
      return await journal.putOnce(entry);
    };
    const engine = createEngine({ ...world.ports, journal: { ...journal, putOnce } });
    expect((await engine.advance(id, request)).result).toBe('completed');
    const entries = await world.entries(id);
    const closing = entries.find((entry) => entry.kind === 'outcome');
    expect(looks).toBeGreaterThan(1);
    if (closing?.kind !== 'outcome' || closing.output?.kind !== 'stored') throw new Error('no stored output');
    expect(await journal.outputText(closing.output)).toMatch(/^"(\d)\1+"$/);
  });
});

test('the smallest outcome, which leaves the output out, begins no further step: nobody may read what is not kept', async () => {
  let refused = 0;
  const world = faulty((command) => {
    const item = command.item as { seq?: number; kind?: string } | undefined;
    if (command.kind !== 'putIf' || item?.kind !== 'outcome' || refused++ > 0) return undefined;
    return Object.assign(new Error('item refused'), { name: 'ValidationException' });
  });
  world.behave = () => ({ status: 'completed', output: '{"n":1}' });
  const id = await world.start(runbookOf([{}, {}]));
  await world.engine.advance(id, { ...request, maxCells: 2 }).catch(() => undefined);
  const [, , outcome] = await world.entries(id);
  expect(outcome).toMatchObject({ kind: 'outcome', status: 'completed', output: { kind: 'truncated' } });
  expect(outcome).not.toHaveProperty('reserve');
});

describe('a store that hangs once the body has ended', () => {
  const hanging = async () => {
    const hangs = { now: false };
    const world = faulty(() => (hangs.now ? 'silence' : undefined));
    const order: string[] = [];
    const clock = {
      ...world.ports.clock,
      // What is waited for here is the store, in vain.
      alarm: async (ms: number, signal: AbortSignal) => {
        if (!hangs.now) return await world.ports.clock.alarm(ms, signal);
        await Promise.resolve();
        world.now += ms;
        return undefined;
      },
    };
    const engine = createEngine({
      ...world.ports,
      clock,
      observe: (event) => order.push(event.kind),
      setAside: async (item) => {
        order.push('set aside');
        world.aside.push(item);
      },
    });
    world.behave = (input) => {
      input.log('stdout', 'it pays\n');
      world.now += 1_500;
      hangs.now = true;
      return { status: 'completed', output: large, exitCode: 0 };
    };
    const id = await world.start(runbookOf([{}]));
    const answer = engine.advance(id, request);
    await expect(answer).rejects.toMatchObject({ code: 'outcome.unrecorded' });
    hangs.now = false;
    return { world, id, order };
  };

  test('is waited for no longer than to the end of the invocation: the outcome is set aside before', async () => {
    const { world, id } = await hanging();
    const deadlineAtMs = T0 + 5_000;
    expect(world.now).toBe(deadlineAtMs + limits.recordExtraMs + limits.recordLastMs);
    expect(world.now).toBeLessThan(T0 + request.budgetMs + limits.invocationEndMs);
    expect(world.aside).toMatchObject([{ instanceId: id, about: 1, outcome: { status: 'completed', exitCode: 0 } }]);
    // Back again, it is recorded, and nothing runs twice.
    await world.engine.redrive(world.aside[0] as never, alice);
    expect((await world.entries(id)).at(-1)).toMatchObject({ kind: 'outcome', status: 'completed' });
  });

  test('the log says how it ended before the store is asked for anything', async () => {
    const { order } = await hanging();
    const ended = order.indexOf('body.ended');
    expect(ended).toBeGreaterThan(-1);
    expect(order.slice(ended)).toContain('outcome.unrecorded');
    expect(order.at(-1)).toBe('set aside');
  });

  test('how long a body took is the time of the body, not of the store', async () => {
    const { world } = await hanging();
    expect(world.aside[0]?.outcome.durationMs).toBe(1_500);
    const slow = faulty((command, world) => {
      if (command.kind === 'putIf') world.now += 700;
      return undefined;
    });
    slow.behave = (input) => {
      input.log('stdout', 'a line\n');
      slow.now += 40;
      return { status: 'completed', output: '1' };
    };
    const id = await slow.start(runbookOf([{}]));
    expect((await slow.engine.advance(id, request)).steps).toMatchObject([{ durationMs: 40 }]);
  });
});

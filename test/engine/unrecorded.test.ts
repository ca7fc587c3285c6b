import { describe, expect, test } from 'vitest';
import { createEngine, limits, type PawlError, readUnrecorded, type Unrecorded } from '../../src/engine/index.ts';
import type { StoreClient } from '../../src/store/access.ts';
import type { Command } from '../support/operations.ts';
import { runbookOf } from './runbooks.ts';
import { alice, bob, setup, T0 } from './world.ts';

const request = { budgetMs: 60_000, by: alice };
const gone = 5_000 + 15_000;

/** An instance whose first cell ran while the store went away for good; it is back now. */
const unrecorded = async (over: object = {}, output = '{"paid":true}', maxCells = 1) => {
  let away = false;
  const world = setup(
    (client) =>
      ({
        send: async (command: Command) => {
          if (away) throw new Error('timeout');
          return await client.send(command as never);
        },
      }) as unknown as StoreClient,
  );
  const id = await world.start(runbookOf([over, {}]));
  world.behave = () => {
    away = true;
    return { status: 'completed', output };
  };
  await expect(world.engine.advance(id, { ...request, maxCells })).rejects.toMatchObject({
    code: 'outcome.unrecorded',
  });
  away = false;
  world.behave = () => ({ status: 'completed' });
  const [item] = world.aside;
  return { world, id, item: readUnrecorded(JSON.stringify(item)) };
};

describe('redrive: what the store did not take is recorded later', () => {
  test('as the outcome while the step is open, saying where it was; the run goes on, and nothing runs twice', async () => {
    const { world, id, item } = await unrecorded();
    expect(await world.engine.redrive(item, bob)).toMatchObject({
      result: 'recorded',
      view: { seq: 2, status: 'ready' },
    });
    const entry = (await world.entries(id))[2];
    expect(entry).toMatchObject({ kind: 'outcome', closes: 1, closedBy: 'holder', status: 'completed', by: bob });
    expect(entry).toMatchObject({ output: { text: '{"paid":true}' }, note: expect.stringContaining('by alice') });
    expect((await world.engine.advance(id, request)).result).toBe('completed');
    expect(world.begun.map((input) => input.step.cell)).toEqual(['c0', 'c1']);
  });

  test('of a call that would have gone on: what is set aside begins nothing', async () => {
    const { world, id, item } = await unrecorded({}, '{"paid":true}', 2);
    expect(item.outcome).not.toHaveProperty('reserve');
    expect(await world.engine.redrive(item, bob)).toMatchObject({ result: 'recorded' });
    expect((await world.entries(id)).map(({ kind }) => kind)).toEqual(['started', 'reserved', 'outcome']);
  });

  test('as a note once a person has decided; the verdict stands', async () => {
    const { world, id, item } = await unrecorded();
    world.now += gone;
    await world.engine.verdict(id, { seq: 1, verdict: 'skip', reason: 'moved on', by: alice });
    expect(await world.engine.redrive(item, bob)).toMatchObject({ result: 'noted' });
    expect((await world.entries(id)).map((entry) => entry.kind)).toEqual(['started', 'reserved', 'outcome']);
    expect(await world.engine.notes(id, 1)).toMatchObject([{ kind: 'fenced', text: expect.stringContaining('paid') }]);
  });

  test('a second time changes nothing: recorded or noted, it is known', async () => {
    const recorded = await unrecorded();
    await recorded.world.engine.redrive(recorded.item, bob);
    expect(await recorded.world.engine.redrive(recorded.item, alice)).toMatchObject({ result: 'known' });
    const noted = await unrecorded();
    noted.world.now += gone;
    await noted.world.engine.verdict(noted.id, { seq: 1, verdict: 'skip', reason: 'moved on', by: alice });
    await noted.world.engine.redrive(noted.item, bob);
    expect(await noted.world.engine.redrive(noted.item, bob)).toMatchObject({ result: 'known' });
    expect(await noted.world.engine.notes(noted.id, 1)).toHaveLength(1);
  });

  test('when the outcome’s own put landed late after all, it is known', async () => {
    const { world, id, item } = await unrecorded();
    const { seal } = await import('../../src/engine/call/chain.ts');
    const head = await world.ports.journal.head(id);
    await world.ports.journal.putOnce(
      seal(head ?? null, item.outcome, { instanceId: id, token: item.token, by: item.by, atMs: world.now }),
    );
    expect(await world.engine.redrive(item, bob)).toMatchObject({ result: 'known' });
    expect(await world.entries(id)).toHaveLength(3);
  });

  test('an outcome with the token of somebody else records nothing (hostile 55)', async () => {
    const { world, id, item } = await unrecorded();
    const forged: Unrecorded = { ...item, token: 'f'.repeat(32) };
    await expect(world.engine.redrive(forged, bob)).rejects.toMatchObject({ code: 'request.invalid' });
    const elsewhere: Unrecorded = { ...item, about: 0 };
    await expect(world.engine.redrive(elsewhere, bob)).rejects.toMatchObject({ code: 'request.invalid' });
    expect(await world.entries(id)).toHaveLength(2);
  });

  test('after a cancellation the truth is still recorded, and nothing follows', async () => {
    const { world, id, item } = await unrecorded();
    await world.engine.cancel(id, 'stop', alice);
    expect(await world.engine.redrive(item, bob)).toMatchObject({ result: 'recorded', view: { status: 'cancelled' } });
  });

  test('rubbish is refused', () => {
    for (const text of ['', 'null', '{}', '{"v":2}', 'not json'])
      expect(() => readUnrecorded(text)).toThrow(expect.objectContaining({ code: 'request.invalid' }));
  });

  test('one item fits into one message, whatever the cell returned', async () => {
    const { world, item } = await unrecorded({}, JSON.stringify('x'.repeat(2 * 1024 * 1024)));
    expect(JSON.stringify(item).length).toBeLessThan(limits.unrecordedBytesMax);
    expect(item.outcome).toMatchObject({
      status: 'completed',
      output: { kind: 'truncated', bytes: 2 * 1024 * 1024 + 2 },
    });
    expect(await world.engine.redrive(item, bob)).toMatchObject({ result: 'recorded' });
  });

  test('a failure queue that is away as well: the log has it all', async () => {
    const world = setup();
    const id = await world.start(runbookOf([{}]));
    const engine = createEngine({
      ...world.ports,
      journal: {
        ...world.ports.journal,
        putOnce: async (entry) =>
          entry.kind === 'outcome' ? { kind: 'unknown', cause: new Error('away') } : world.ports.journal.putOnce(entry),
      },
      setAside: async () => {
        throw new Error('the queue is away');
      },
    });
    world.behave = () => ({ status: 'completed', output: '{"paid":true}' });
    await expect(engine.advance(id, request)).rejects.toMatchObject({ code: 'outcome.unrecorded' });
    const logged = world.events.find((event) => event.kind === 'outcome.unrecorded');
    expect(world.events.map((event) => event.kind)).toContain('outcome.unqueued');
    expect(await world.engine.redrive(readUnrecorded(String(logged?.item)), bob)).toMatchObject({ result: 'recorded' });
    expect(T0).toBeLessThan(world.now);
  });
});

describe('what is set aside is believed only as far as it fits', () => {
  const broken: [string, object][] = [
    ['another attempt', { attempt: 2 }],
    ['another visit', { visit: 2 }],
    ['another cell', { index: 1, cell: 'c1' }],
    ['the word of a person', { closedBy: 'person' }],
    ['a step that the rules do not know', { then: 'end' }],
    [
      'a reservation that nobody holds',
      {
        reserve: {
          index: 1,
          cell: 'c1',
          visit: 1,
          attempt: 1,
          key: 'k',
          inputsHash: 'a'.repeat(64),
          deadlineAtMs: T0 + 99_999,
        },
      },
    ],
  ];
  test.each(broken)('%s is refused, and nothing is written', async (_what, over) => {
    const { world, id, item } = await unrecorded();
    const altered = readUnrecorded(JSON.stringify({ ...item, outcome: { ...item.outcome, ...over } }));
    await expect(world.engine.redrive(altered, bob)).rejects.toMatchObject({ code: 'request.invalid' });
    expect(await world.entries(id)).toHaveLength(2);
    expect(await world.engine.redrive(item, bob)).toMatchObject({ result: 'recorded' });
  });

  test('a time that is none is refused as it is read', async () => {
    const { item } = await unrecorded();
    expect(() => readUnrecorded(JSON.stringify({ ...item, atMs: 1e300 }))).toThrow('no outcome of the failure queue');
  });

  test('of a put that landed late only the smallest form stands: the whole is kept as a note, once', async () => {
    const { world, id, item } = await unrecorded();
    const { seal } = await import('../../src/engine/call/chain.ts');
    const { fallbackOutcome } = await import('../../src/engine/call/outcomes.ts');
    const head = await world.ports.journal.head(id);
    const from = { instanceId: id, token: item.token, by: item.by, atMs: world.now };
    await world.ports.journal.putOnce(seal(head ?? null, fallbackOutcome(item.outcome), from));
    expect(await world.engine.redrive(item, bob)).toMatchObject({ result: 'noted' });
    expect(await world.engine.notes(id, 1)).toMatchObject([{ text: expect.stringContaining('paid') }]);
    expect(await world.engine.redrive(item, bob)).toMatchObject({ result: 'known' });
  });
});

test('neither the store nor the queue takes it: the error carries the whole item, and says what to do with it', async () => {
  let away = false;
  const send = (client: StoreClient) => async (command: Command) => {
    if (away) throw new Error('timeout');
    return await client.send(command as never);
  };
  const world = setup((client) => ({ send: send(client) }) as unknown as StoreClient);
  const setAside = async () => {
    throw new Error('ENOSPC');
  };
  const id = await world.start(runbookOf([{}]));
  world.behave = () => {
    away = true;
    return { status: 'completed', output: '{"paid":true}' };
  };
  const lost = createEngine({ ...world.ports, setAside }).advance(id, request);
  const error = await lost.catch((one: PawlError) => one);
  expect(error).toMatchObject({ code: 'outcome.unrecorded', message: expect.stringContaining('`pawl redrive FILE`') });
  away = false;
  const item = readUnrecorded(JSON.stringify((error as PawlError).details.item));
  expect(await world.engine.redrive(item, bob)).toMatchObject({ result: 'recorded' });
});

test.each([
  ['credentials that just ran out', 'CredentialsProviderError', '{"paid":true}'],
  ['what the item holds', 'ValidationException', null],
])('a put refused for %s: the output stands where that is not the reason', async (_what, name, output) => {
  let refusals = 0;
  const send = (client: StoreClient) => async (command: Command) => {
    const item = command.item as { kind?: string } | undefined;
    if (item?.kind === 'outcome' && refusals++ === 0) throw Object.assign(new Error('refused'), { name });
    return await client.send(command as never);
  };
  const world = setup((client) => ({ send: send(client) }) as unknown as StoreClient);
  world.behave = () => ({ status: 'completed', output: '{"paid":true}' });
  const id = await world.start(runbookOf([{}]));
  expect((await world.engine.advance(id, request)).result).toBe('completed');
  const { output: kept } = (await world.entries(id)).at(-1) as { output: { text?: string } };
  expect(kept.text ?? null).toBe(output);
});

/** Logs of cells as notes: soon, in order, and without a word lost. */
import { describe, expect, test } from 'vitest';
import { type CellInput, createEngine, type Note } from '../../src/engine/index.ts';
import { createEnds } from '../../src/engine/model/text.ts';
import { runbookOf } from './runbooks.ts';
import { alice, setup, type World } from './world.ts';

const request = { budgetMs: 60_000, by: alice };

/** An engine whose alarms ring when the test says so, and its cell, that says what the test says. */
const speaking = async (more: { logFlushMs?: number } = {}) => {
  const world: World = setup();
  const alarms: { ms: number; ring(): void; signal: AbortSignal }[] = [];
  let input: CellInput | undefined;
  let end = (): void => {};
  world.behave = (begun) => {
    input = begun;
    return new Promise((resolve) => {
      end = () => resolve({ status: 'completed' });
    });
  };
  const alarm = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      alarms.push({ ms, signal, ring: resolve });
      signal.addEventListener('abort', () => resolve());
    });
  const engine = createEngine({ ...world.ports, ...more, clock: { ...world.ports.clock, alarm } });
  const id = await world.start(runbookOf([{}, {}]));
  const advancing = engine.advance(id, request);
  await expect.poll(() => input !== undefined).toBe(true);
  const notes = async (): Promise<Note[]> => await world.ports.journal.notes(id);
  const say = (text: string, glimpse = false): void => input?.log('stdout', text, glimpse);
  const finish = async (): Promise<void> => {
    end();
    await advancing;
  };
  /** Those that have not been called off, beside the deadline's. */
  const due = () => alarms.filter(({ ms, signal }) => ms !== 5_000 && !signal.aborted);
  return { say, notes, due, finish, world };
};
const texts = (notes: Note[]): string[] => notes.map(({ text }) => text);

describe('the log of a cell that runs', () => {
  test.each([
    [{}, 10_000],
    [{ logFlushMs: 1_000 }, 1_000],
  ])('goes out by itself, though nothing more is said: %j', async (more, afterMs) => {
    const { say, notes, due, finish } = await speaking(more);
    say('one\n');
    say('two\n');
    expect(due().map(({ ms }) => ms)).toEqual([afterMs]);
    due()[0]?.ring();
    await expect.poll(async () => texts(await notes())).toEqual(['one\ntwo\n']);
    say('three\n');
    await finish();
    expect(texts(await notes())).toEqual(['one\ntwo\n', 'three\n']);
    expect(due()).toHaveLength(0);
  });

  test('what comes in one moment stays in order', async () => {
    const { say, notes, finish } = await speaking();
    const pieces = Array.from({ length: 20 }, (_, n) => `${n}`.padEnd(64 * 1024, '.'));
    pieces.forEach((piece) => {
      say(piece);
    });
    await finish();
    expect(texts(await notes())).toEqual(pieces);
  });

  test('a glimpse goes out at once, marked, after what was said before it', async () => {
    const { say, notes, finish } = await speaking();
    say('one\n');
    say('much later\n', true);
    await expect.poll(async () => (await notes()).length).toBe(2);
    await finish();
    expect((await notes()).map(({ text, glimpse }) => [text, glimpse])).toEqual([
      ['one\n', undefined],
      ['much later\n', true],
    ]);
  });
});

test('both ends of a text are kept, and how much is between is said', () => {
  const short = createEnds(10, 'most');
  for (const piece of ['abc', 'defg', 'hij']) short.add(piece);
  expect(short.text()).toBe('abcdefghij');
  const long = createEnds(10, 'most');
  for (const letter of 'abcdefghijklmnopqrstuvwxyz') long.add(letter);
  expect(long.text()).toBe('abcde\n[16 characters are missing here: most is 10]\nvwxyz');
});

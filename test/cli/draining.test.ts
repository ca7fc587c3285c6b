/** What a process that is to end waits for: cells as long as it was told, those that are held by leases as long as they take. */
import { expect, test } from 'vitest';
import { drain } from '../../src/cli/worker/drain.ts';

type Cell = { name: string; held: boolean };

const begin = (cells: Cell[], drainSeconds = 0) => {
  const said: string[] = [];
  const stops: boolean[] = [];
  const left = Promise.withResolvers<void>();
  let running = cells;
  let wish = (_times: number): void => {};
  const runtime = {
    running: (held = false) => running.filter((cell) => !held || cell.held).map(({ name }) => name),
    stop: (held: boolean) => {
      stops.push(held);
      running = running.filter((cell) => cell.held && !held);
      if (running.length === 0) left.resolve();
    },
    leave: () => left.promise,
    stopped: () => cells.length - running.length,
  };
  const screen = { print: (text = '') => said.push(text) };
  const interruption = {
    handOver: (next: (times: number) => void) => {
      wish = next;
    },
  };
  const on = { screen, interruption, runtime, drainSeconds, close: async () => {} };
  const ended = drain(on as unknown as Parameters<typeof drain>[0])();
  const isOver = { now: false };
  void ended.then(() => {
    isOver.now = true;
  });
  const end = (): void => {
    running = [];
    left.resolve();
  };
  return { wish: (times: number) => wish(times), said, stops, ended, isOver, end };
};

const short: Cell = { name: 'run-1 deploy', held: false };
const long: Cell = { name: 'run-2 migrate', held: true };
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

test('after the drain what is held by a lease is waited for, and the others are stopped', async () => {
  const { wish, said, stops, isOver, ended, end } = begin([short, long]);
  wish(1);
  expect(said).toEqual([
    'Nothing new begins. Waiting for run-1 deploy, 0 s at most; for run-2 migrate, as long as it takes; once more ends them at once.',
  ]);
  await turn();
  expect(stops).toEqual([false]);
  expect(said.slice(1)).toEqual([
    '0 s are over: 1 cell stopped (run-1 deploy).',
    '0 s are over. Still waiting for run-2 migrate, as long as it takes; once more ends them at once.',
  ]);
  expect(isOver.now).toBe(false);
  end();
  await ended;
});

test('a second wish stops it as well', async () => {
  const { wish, said, stops, ended } = begin([long], 600);
  wish(1);
  wish(2);
  expect(stops).toEqual([true]);
  expect(said[1]).toBe('Not waiting any longer: 1 cell stopped (run-2 migrate).');
  expect(await ended).toEqual({ exit: 5, stopped: 1 });
});

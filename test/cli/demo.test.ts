/** The demo is the first thing anybody runs: it must work from nothing, and prove what it says. */
import { expect, test } from 'vitest';
import { setup } from './support.ts';

const place = setup();

test('the demo runs a real runbook, then eight processes race for one step, and it happened once', async () => {
  const { exit, out, err } = await place.pawl('demo');
  expect({ exit, err }).toEqual({ exit: 0, err: '' });
  expect(out).toMatch(/✓ cleanup +completed/);
  expect(out).toMatch(/✓ old_endpoint +failed as expected/);
  expect(out).toContain('Passed: ');
  expect(out.match(/^ {2}process \d {2}won: reserved seq 1, ran effect/gm)).toHaveLength(1);
  expect(out.match(/^ {2}process \d {2}(step\.inFlight|seq\.stale): /gm)).toHaveLength(7);
  expect(out).toContain('Lines in the file: 1. It happened once.');
  expect(out.split('\n').filter((line) => line.includes('\u001b'))).toEqual([]);
});

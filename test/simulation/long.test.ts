/** A run that is kept in a file goes on where it was ended, and comes to the same as one that was not. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { documentOf, keepLong, type Long, mismatchOf, readLong, runLong, totalsOf } from './long.ts';

const folder = mkdtempSync(join(tmpdir(), 'pawl-long-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const asked = { from: 6, seeds: 25, jobs: 1, pieceSeeds: 10 };
const rangesOf = ({ pieces }: Long) => pieces.map(({ from, to, digest }) => [from, to, digest]);

class Ended extends Error {}

test('a run ended after its first piece goes on with its second, and comes to what a whole run comes to', async () => {
  const file = join(folder, 'state.json');
  const ended = runLong({
    ...asked,
    keep: (done) => {
      keepLong(file, done);
      throw new Ended();
    },
  });
  await expect(ended).rejects.toThrow(Ended);
  const before = readLong(file);
  expect(before?.pieces.map(({ from, to }) => [from, to])).toEqual([[6, 10]]);

  const later: number[] = [];
  const { done } = await runLong({
    ...asked,
    ...(before === undefined ? {} : { before }),
    onProgress: (n) => later.push(n),
  });
  expect(later).toEqual([15, 25]);
  const whole = await runLong(asked);
  expect(rangesOf(done)).toEqual(rangesOf(whole.done));
  expect(totalsOf(done)).toEqual(totalsOf(whole.done));
  expect(totalsOf(done).schedules).toBe(25);
  expect(documentOf(done)).toContain(`| 11–20 | \`${done.pieces[1]?.digest}\` |`);
});

test('what other seeds or other sources have made is no beginning of a run', () => {
  const kept: Long = { from: 1, seeds: 50, sources: 'a', commit: 'c0ffee', pieces: [] };
  expect(mismatchOf(kept, { from: 1, seeds: 50 }, 'a')).toBeNull();
  expect(mismatchOf(kept, { from: 1, seeds: 60 }, 'a')).toBe('it is of --from 1 --seeds 50');
  expect(mismatchOf(kept, { from: 1, seeds: 50 }, 'b')).toContain('other sources (commit c0ffee)');
  expect(readLong(join(folder, 'none.json'))).toBeUndefined();
});

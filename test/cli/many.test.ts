/** One verdict about many steps: slowly enough, each once, and gone on with by the same command. */
import { beforeAll, describe, expect, test } from 'vitest';
import { exitOfMany, giveVerdicts } from '../../src/cli/bulk.ts';
import type { Client } from '../../src/cli/client.ts';
import { createPace } from '../../src/cli/pace.ts';
import type { Screen } from '../../src/cli/screen.ts';
import type { Step } from '../../src/cli/step.ts';
import type { CallOf } from '../../src/contract/index.ts';
import { PawlError } from '../../src/engine/index.ts';
import { paying, payOnce } from './documents.ts';
import { at, setup, transports, until, untilDecidable, withoutStore } from './support.ts';

describe.each(transports)('%s', (over) => {
  const place = setup(over);
  const pawl = (...args: string[]) => place.pawl(...args);
  const file = (name: string): string => `file=${place.folder}/${name}`;

  /** Runs of a runbook of their own, each with its second step in doubt at seq 2, the first one the oldest. */
  const inDoubt = async (runbook: string, ids: string[]): Promise<void> => {
    await place.write(`${runbook}.md`, paying.replace('runbook: pay', `runbook: ${runbook}`));
    for (const id of ids) {
      const { exit } = await pawl('run', `${runbook}.md`, '--instance', id, '-p', file(`${id}.txt`));
      expect(exit).toBe(5);
      await untilDecidable(place, id);
    }
  };
  const decisions = async (id: string): Promise<unknown[]> => {
    const { json } = await pawl('journal', id, '--json');
    return (json.entries as unknown[]).filter((entry) => at(entry, 'kind') === 'resolved');
  };

  beforeAll(async () => {
    await place.write('pay.md', paying);
    await payOnce(place);
  });

  describe('pawl verdict about many', () => {
    test('--dry-run decides nothing; then each is decided once, at the given rate; a second call finds none left', async () => {
      const ids = ['many-1', 'many-2', 'many-3'];
      await inDoubt('bulk', ids);
      const many = ['verdict', '--runbook', 'bulk', '--cell', 'charge', '--retry', '--reason', 'the bank was down'];
      const dry = await pawl(...many, '--dry-run');
      expect(dry.exit).toBe(0);
      for (const id of ids) expect(withoutStore(dry.out)).toContain(`  ${id}  seq 2  local/${id}/charge/1\n`);
      expect((await pawl('doubts', '--runbook', 'bulk', '--json')).json.doubts).toHaveLength(3);
      const { exit, out, json } = await place.begin([...many, '--per-second', '20', '--json']).ended;
      expect({ exit, out: out.length > 0 }).toEqual({ exit: 0, out: true });
      expect((json.decided as { instanceId: string }[]).map(({ instanceId }) => instanceId).sort()).toEqual(ids);
      expect(json).toMatchObject({ refused: [], left: [], perSecond: 20 });
      const again = await pawl(...many);
      expect(again.exit).toBe(0);
      expect(again.out).toContain('No instance of bulk is in doubt at charge; nothing was decided.');
      for (const id of ids)
        expect(await decisions(id)).toMatchObject([{ verdict: 'retry', reason: 'the bank was down' }]);
    });

    test.each([
      ['SIGINT', 130],
      ['SIGKILL', null],
    ] as const)(
      '%s between two: what was decided stands, and the same command decides only what is left',
      async (signal, code) => {
        const name = signal.toLowerCase();
        const ids = [`${name}-1`, `${name}-2`, `${name}-3`];
        await inDoubt(name, ids);
        const many = ['verdict', '--runbook', name, '--cell', 'charge', '--skip', '--reason', 'paid by hand'];
        const first = place.begin([...many, '--per-second', '1']);
        await until('the first decision', () => first.out().includes(`1/3  ${name}-1  seq 2  skip`));
        first.kill(signal);
        const { exit, out } = await first.ended;
        expect(exit).toBe(code);
        expect(out).toContain(`3 steps of ${name} in doubt at charge: skip, at most 1 a second.`);
        if (signal === 'SIGINT')
          expect(out).toMatch(
            /Decided \d of 3 steps\.\nInterrupted: \d left as they were\. The same command decides what is/,
          );
        expect(await decisions(`${name}-3`)).toEqual([]);
        const again = await pawl(...many, '--json');
        expect(again).toMatchObject({ exit: 0, json: { refused: [], left: [], stopped: null } });
        expect((again.json.decided as { instanceId: string }[]).at(-1)).toMatchObject({
          instanceId: `${name}-3`,
          seq: 2,
        });
        for (const id of ids) expect(await decisions(id)).toMatchObject([{ verdict: 'skip', reason: 'paid by hand' }]);
      },
    );

    test('one that somebody else decides meanwhile is told and keeps its verdict; the others are decided', async () => {
      await inDoubt('shared', ['shared-1', 'shared-2', 'shared-3']);
      const many = ['verdict', '--runbook', 'shared', '--cell', 'charge', '--retry', '--reason', 'the bank was down'];
      const bulk = place.begin([...many, '--per-second', '1']);
      await until('the first decision', () => bulk.out().includes('1/3  shared-1'));
      const other = await pawl('verdict', 'shared-3', '--seq', '2', '--skip', '--reason', 'paid by hand');
      expect(other.exit).toBe(0);
      const { exit, out } = await bulk.ended;
      expect(exit).toBe(4);
      expect(out).toMatch(/3\/3 {2}shared-3 {2}seq 2 {2}refused: Seq 2 of shared-3 needs no verdict/);
      expect(out).toContain('Decided 2 of 3 steps.\nRefused 1 (seq.stale): look at each with `pawl status ID`.\n');
      expect(await decisions('shared-2')).toMatchObject([{ verdict: 'retry' }]);
      expect(await decisions('shared-3')).toMatchObject([{ verdict: 'skip', reason: 'paid by hand' }]);
    });

    test('names that are not there and mixed forms are refused', async () => {
      const refused = async (...args: string[]) => {
        const { exit, json } = await pawl('verdict', ...args, '--skip', '--reason', 'looked', '--json');
        return [exit, at(json, 'error', 'code')];
      };
      expect(await refused('--runbook', 'none', '--cell', 'charge')).toEqual([2, 'runbook.unknown']);
      expect(await refused('--runbook', 'pay', '--cell', 'none')).toEqual([2, 'cell.unknown']);
      expect(await refused('--runbook', 'pay')).toEqual([2, 'request.invalid']);
      expect(await refused('many-1', '--runbook', 'pay', '--cell', 'charge')).toEqual([2, 'request.invalid']);
      expect(await refused('--runbook', 'pay', '--cell', 'charge', '--seq', '2')).toEqual([2, 'request.invalid']);
      expect(await refused('--runbook', 'pay', '--cell', 'charge', '--per-second', '0')).toEqual([
        2,
        'request.invalid',
      ]);
    });
  });
});

test('a store that goes away stops it: what was not asked for is left, and it ends as later', async () => {
  const asked: string[] = [];
  const client = {
    verdict: async ({ path: { instanceId } }: CallOf<'verdict'>) => {
      asked.push(instanceId);
      if (instanceId === 'b') throw new PawlError('store.unavailable', 'The store gave no answer.');
      return { view: { status: 'ready' } };
    },
  } as unknown as Client;
  const screen = { print: () => undefined, paint: (_: string, text: string) => text } as unknown as Screen;
  const steps = ['a', 'b', 'c', 'd'].map((instanceId) => ({ instanceId, seq: 2, ageMs: null }) as Step);
  const pace = { turn: async () => undefined, signal: new AbortController().signal };
  const bulk = await giveVerdicts(screen, client, steps, { verdict: 'skip', reason: 'x' }, pace);
  expect(asked).toEqual(['a', 'b']);
  expect(bulk).toMatchObject({ stopped: 'store', refused: [{ instanceId: 'b' }] });
  expect(bulk.left).toEqual([
    { instanceId: 'c', seq: 2 },
    { instanceId: 'd', seq: 2 },
  ]);
  expect(exitOfMany(bulk, 0)).toBe(4);
});

describe('the rate cap', () => {
  /** A clock that moves only by sleeping and by hand; its timers fire `earlyMs` too soon. */
  const clockOf = (earlyMs: number) => {
    const clock = {
      atMs: 1_000,
      nowMs: () => clock.atMs,
      sleep: async (ms: number) => {
        clock.atMs += Math.max(1, ms - earlyMs);
      },
    };
    return clock;
  };
  const never = new AbortController().signal;

  test('a turn begins so long after the one before began, however long the work took', async () => {
    const clock = clockOf(0);
    const turn = createPace(4, clock);
    const began: number[] = [];
    for (const workMs of [0, 100, 900, 0]) {
      await turn(never);
      began.push(clock.atMs);
      clock.atMs += workMs;
    }
    expect(began).toEqual([1_000, 1_250, 1_500, 2_400]);
  });

  test('a timer that fires early does not shorten it', async () => {
    const clock = clockOf(5);
    const turn = createPace(1, clock);
    await turn(never);
    await turn(never);
    expect(clock.atMs).toBe(2_000);
  });

  test('the signal ends the pause', async () => {
    const giveUp = new AbortController();
    const clock = { nowMs: () => 0, sleep: async () => giveUp.abort() };
    const turn = createPace(1, clock);
    await turn(giveUp.signal);
    await turn(giveUp.signal);
    expect(giveUp.signal.aborted).toBe(true);
  });
});

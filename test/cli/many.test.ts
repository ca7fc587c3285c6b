/** One verdict about many steps: slowly enough, each once, and gone on with by the same command. */
import { beforeAll, describe, expect, test } from 'vitest';
import { exitOfMany, giveVerdicts } from '../../src/cli/bulk.ts';
import type { Client } from '../../src/cli/client.ts';
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

  /** Of each test a runbook of its own, with so many runs whose second step is in doubt at seq 2, the first one the oldest. */
  const counts = { bulk: 3, sigint: 5, sigkill: 5, shared: 5 };
  const idsOf = (runbook: keyof typeof counts): string[] =>
    Array.from({ length: counts[runbook] }, (_, n) => `${runbook}-${n + 1}`);
  const decisions = async (id: string): Promise<unknown[]> => {
    const { json } = await pawl('journal', id, '--json');
    return (json.entries as unknown[]).filter((entry) => at(entry, 'kind') === 'resolved');
  };

  beforeAll(async () => {
    await place.write('pay.md', paying);
    await payOnce(place);
    // Their deadlines pass together.
    const runbooks = Object.keys(counts) as (keyof typeof counts)[];
    for (const runbook of runbooks) {
      await place.write(`${runbook}.md`, paying.replace('runbook: pay', `runbook: ${runbook}`));
      for (const id of idsOf(runbook)) {
        const { exit } = await pawl('run', `${runbook}.md`, '--instance', id, '-p', file(`${id}.txt`));
        expect(exit).toBe(5);
      }
    }
    await untilDecidable(place, ...runbooks.flatMap(idsOf));
  });

  describe('pawl verdict about many', () => {
    test('--dry-run decides nothing; then each is decided once, at the given rate; a second call finds none left', async () => {
      const ids = idsOf('bulk');
      const many = ['verdict', '--runbook', 'bulk', '--cell', 'charge', '--retry', '--reason', 'the bank was down'];
      const dry = await pawl(...many, '--dry-run');
      expect(dry.exit).toBe(0);
      for (const id of ids) expect(withoutStore(dry.out)).toContain(`  ${id}  seq 2  local/${id}/charge/1\n`);
      expect((await pawl('doubts', '--runbook', 'bulk', '--json')).json.doubts).toHaveLength(3);
      const { exit, out, json } = await pawl(...many, '--per-second', '20', '--json');
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
      ['SIGINT', 130, 'sigint'],
      ['SIGKILL', null, 'sigkill'],
    ] as const)(
      '%s between two: what was decided stands, and the same command decides only what is left',
      async (signal, code, name) => {
        // The last is seconds away when the first is told of.
        const ids = idsOf(name);
        const many = ['verdict', '--runbook', name, '--cell', 'charge', '--skip', '--reason', 'paid by hand'];
        const first = place.begin([...many, '--per-second', '1']);
        await until('the first decision', () => first.out().includes(`1/5  ${name}-1  seq 2  skip`));
        first.kill(signal);
        const { exit, out } = await first.ended;
        expect(exit).toBe(code);
        expect(out).toContain(`5 steps of ${name} in doubt at charge: skip, at most 1 a second.`);
        if (signal === 'SIGINT')
          expect(out).toMatch(
            /Decided \d of 5 steps\.\nInterrupted: \d left as they were\. The same command decides what is/,
          );
        expect(await decisions(`${name}-5`)).toEqual([]);
        const again = await pawl(...many, '--json');
        expect(again).toMatchObject({ exit: 0, json: { refused: [], left: [], stopped: null } });
        expect((again.json.decided as { instanceId: string }[]).at(-1)).toMatchObject({
          instanceId: `${name}-5`,
          seq: 2,
        });
        for (const id of ids) expect(await decisions(id)).toMatchObject([{ verdict: 'skip', reason: 'paid by hand' }]);
      },
    );

    test('one that somebody else decides meanwhile is told and keeps its verdict; the others are decided', async () => {
      const ids = idsOf('shared');
      const many = ['verdict', '--runbook', 'shared', '--cell', 'charge', '--retry', '--reason', 'the bank was down'];
      const bulk = place.begin([...many, '--per-second', '1']);
      await until('the first decision', () => bulk.out().includes('1/5  shared-1'));
      const other = await pawl('verdict', 'shared-5', '--seq', '2', '--skip', '--reason', 'paid by hand');
      expect(other.exit).toBe(0);
      const { exit, out } = await bulk.ended;
      expect(exit).toBe(4);
      expect(out).toMatch(
        /5\/5 {2}shared-5 {2}seq 2 {2}refused: Seq 2 of shared-5 needs no verdict.*; \S+ was first and said skip: paid by hand\n/,
      );
      expect(out).toContain('Decided 4 of 5 steps.\nRefused 1 (seq.stale): look at each with `pawl status ID`.\n');
      for (const id of ids.slice(0, -1)) expect(await decisions(id)).toMatchObject([{ verdict: 'retry' }]);
      expect(await decisions('shared-5')).toMatchObject([{ verdict: 'skip', reason: 'paid by hand' }]);
    });

    test('names that are not there and mixed forms are refused', async () => {
      const refused = async (...args: string[]) => {
        const { exit, json } = await pawl('verdict', ...args, '--skip', '--reason', 'looked', '--json');
        return [exit, at(json, 'error', 'code')];
      };
      expect(await refused('--runbook', 'none', '--cell', 'charge')).toEqual([2, 'runbook.unknown']);
      expect(await refused('--runbook', 'pay', '--cell', 'none')).toEqual([2, 'cell.unknown']);
      expect(await refused('--runbook', 'pay')).toEqual([2, 'request.invalid']);
      expect(await refused('bulk-1', '--runbook', 'pay', '--cell', 'charge')).toEqual([2, 'request.invalid']);
      expect(await refused('--runbook', 'pay', '--cell', 'charge', '--seq', '2')).toEqual([2, 'request.invalid']);
      for (const rate of ['0', '21'])
        expect(await refused('--runbook', 'pay', '--cell', 'charge', '--per-second', rate)).toEqual([
          2,
          'request.invalid',
        ]);
    });
  });
});

const screen = { print: () => undefined, paint: (_: string, text: string) => text } as unknown as Screen;
const stepsOf = (...ids: string[]): Step[] => ids.map((instanceId) => ({ instanceId, seq: 2, ageMs: null }) as Step);
type Asked = CallOf<'verdicts'>['body'];
/** A service that answers call by call. */
const answering = (asked: string[][], answer: (call: number, one: Asked['steps'][number]) => object) =>
  ({
    verdicts: async ({ body }: CallOf<'verdicts'>) => {
      asked.push(body.steps.map(({ instanceId }) => instanceId));
      return { steps: body.steps.map((one) => ({ ...one, ...answer(asked.length, one) })) };
    },
  }) as unknown as Pick<Client, 'verdicts'>;
const taken = { result: 'taken', view: { status: 'ready' } };
const ruling = { verdict: 'skip', reason: 'x' } as const;

test('a store that goes away stops it: what was not asked for is left, and it ends as later', async () => {
  const asked: string[][] = [];
  const away = { result: 'refused', code: 'store.unavailable', message: 'The store gave no answer.', first: null };
  const client = answering(asked, (_, { instanceId }) => (instanceId === 'b' ? away : taken));
  const { signal } = new AbortController();
  const bulk = await giveVerdicts(screen, client, stepsOf('a', 'b', 'c', 'd'), ruling, { perSecond: 1, signal });
  expect(asked).toEqual([['a'], ['b']]);
  expect(bulk).toMatchObject({ stopped: 'store', refused: [{ instanceId: 'b' }] });
  expect(bulk.left).toEqual([
    { instanceId: 'c', seq: 2 },
    { instanceId: 'd', seq: 2 },
  ]);
  expect(exitOfMany(bulk, 0)).toBe(4);
});

test("what a call had no time for is asked for again, and so is a turn that is another caller's, until the signal", async () => {
  const asked: string[][] = [];
  const client = answering(asked, (call, { instanceId }) =>
    call === 1 && instanceId === 'b' ? { result: 'left' } : taken,
  );
  const gone = new AbortController();
  const many = { perSecond: 2, signal: gone.signal };
  const bulk = await giveVerdicts(screen, client, stepsOf('a', 'b', 'c'), ruling, many);
  expect(asked).toEqual([
    ['a', 'b'],
    ['b', 'c'],
  ]);
  expect(bulk.decided.map(({ instanceId }) => instanceId)).toEqual(['a', 'b', 'c']);
  let calls = 0;
  const busy = {
    verdicts: async () => {
      calls += 1;
      if (calls === 3) gone.abort();
      throw new PawlError('verdicts.busy', 'Another call decides.', { untilMs: 1 });
    },
  } as unknown as Pick<Client, 'verdicts'>;
  const stopped = await giveVerdicts(screen, busy, stepsOf('a'), ruling, many);
  expect(calls).toBe(3);
  expect(stopped).toEqual({ decided: [], refused: [], left: [{ instanceId: 'a', seq: 2 }], stopped: 'signal' });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CellInput, isPawlError, type Runbook } from '../../src/engine/index.ts';
import { runbookOf } from '../engine/runbooks.ts';
import { engineOn } from '../support/engine.ts';
import { createWitness, type Witness } from '../support/witness.ts';
import { freshStore, type StoreKind, storeKinds } from '../support/world.ts';

const by = { actor: 'alice', via: 'test', where: 'host:1' };
/** A loser by INSERT reads what it met, so these races cost more of a machine; the rounds are like one another. */
const roundsOn: Record<StoreKind, number> = { dynamodb: 40, sqlite: 40, insert: 20 };
const advancers = 50;

const startOf = async (engine: ReturnType<typeof engineOn>, runbook: Runbook, instanceId: string) => {
  await engine.publish(JSON.stringify(runbook), by);
  return (await engine.start({ runbookId: runbook.runbookId, params: {}, instanceId, by })).view.seq;
};

describe.each(await storeKinds())('races on %s', (which) => {
  const rounds = roundsOn[which];
  test(`${rounds} rounds of ${advancers} advancers in one process: one effect each, every loser told the truth`, async () => {
    const { store } = await freshStore(which);
    // The witness holds the cell open until all the others have been answered.
    const effects: string[] = [];
    let held = Promise.withResolvers<void>();
    const execute = async (input: CellInput) => {
      effects.push(`${input.step.instanceId}@${input.step.seq}`);
      await held.promise;
      return { status: 'completed', output: '{}' } as const;
    };
    const engine = engineOn(store, { execute });
    const instanceId = 'raced';
    let seq = await startOf(
      engine,
      runbookOf(Array.from({ length: rounds }, () => ({ timeoutMs: 30_000 }))),
      instanceId,
    );
    for (let round = 0; round < rounds; round += 1) {
      held = Promise.withResolvers<void>();
      const told: string[] = [];
      const winners: number[] = [];
      const settled = (what: string): void => {
        told.push(what);
        if (told.length === advancers - 1) held.resolve();
      };
      await Promise.all(
        Array.from({ length: advancers }, async () => {
          try {
            const answer = await engine.advance(instanceId, { budgetMs: 120_000, expectedSeq: seq, by });
            if (answer.steps.length > 0) winners.push(answer.view.seq);
            else {
              // In flight under the seq that stands in the journal, by the one who holds it.
              expect(answer.stop).toMatchObject({
                result: 'in_flight',
                holder: { cell: `c${round}`, seq: seq + 1, by },
              });
              settled('in_flight');
            }
          } catch (error) {
            if (!isPawlError(error, 'seq.stale')) throw error;
            expect(error.details).toMatchObject({ seq: seq + 1, view: { status: 'running', cell: `c${round}` } });
            settled('seq.stale');
          }
        }),
      );
      expect(winners).toEqual([seq + 2]);
      expect(told).toHaveLength(advancers - 1);
      seq += 2;
    }
    expect(effects).toEqual(Array.from({ length: rounds }, (_, round) => `${instanceId}@${1 + 2 * round}`));
    expect((await engine.inspect(instanceId, by)).view).toMatchObject({
      status: 'completed',
      cellsDone: rounds,
      seq: 2 * rounds,
    });
  }, 240_000);

  describe('16 processes', () => {
    let witness: Witness;
    beforeAll(async () => {
      witness = await createWitness();
    });
    afterAll(() => witness.close());

    test('a barrier, one expected seq, a cell held open until all have asked: the witness sees one effect', async () => {
      const count = 16;
      const fresh = await freshStore(which);
      const { store, prefix, options } = fresh;
      const place = fresh.kind === 'sqlite' ? fresh.file : fresh.endpoint;
      const engine = engineOn(store);
      const body = { kind: 'http' as const, method: 'POST', url: `${witness.url}/effect`, headers: [], body: null };
      const seq = await startOf(engine, runbookOf([{ timeoutMs: 30_000, body: body as never }, {}]), 'raced');
      witness.holdUntilTold(count - 1);
      const racer = fileURLToPath(new URL('racer.ts', import.meta.url));
      const racers = Array.from({ length: count }, () =>
        spawn(
          process.execPath,
          [racer, place, prefix, options.appendOnly, 'raced', String(seq), witness.url, String(count)],
          { stdio: ['ignore', 'inherit', 'inherit'] },
        ),
      );
      const codes = await Promise.all(racers.map(async (one) => (await once(one, 'exit'))[0]));
      expect(codes).toEqual(Array.from({ length: count }, () => 0));
      const told = witness.told as { result: string; steps: number; seq: number }[];
      expect(told.filter((one) => one.result === 'advanced')).toHaveLength(1);
      const losers = told.filter((one) => one.result !== 'advanced');
      expect(losers).toHaveLength(count - 1);
      for (const loser of losers) {
        expect(['in_flight', 'seq.stale']).toContain(loser.result);
        expect(loser).toMatchObject({ steps: 0, seq: 1 });
      }
      expect(witness.effects).toEqual(['test/5707e1d0aaaa/raced/c0/1']);
    }, 120_000);
  });
});

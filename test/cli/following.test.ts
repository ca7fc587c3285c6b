/** A call that a service goes on with after its answer, as the client follows it: over any transport that says whose entries are whose. */
import { expect, test } from 'vitest';
import { type Client, createClient } from '../../src/cli/client.ts';
import { inProcess } from '../../src/cli/transports/inProcess.ts';
import type { By } from '../../src/engine/index.ts';
import { runbookOf } from '../engine/runbooks.ts';
import { alice, bob, setup, type World } from '../engine/world.ts';

const work: By = { actor: 'alice', via: 'api', where: 'api-1+work-1' };
const budgetMs = 60_000;

/** A service that hands every advance over at once; who then gets the slot is up to the test. */
const handingOver = (world: World, id: string, then: () => void = () => {}): Client => {
  const { engine, ports } = world;
  const { versions: runbooks, authoring, clock, sha256, deployment } = ports;
  const list = async () => ({ runbooks: [], next: null });
  const history = async () => [];
  const workers = { list: async () => ({ workers: [], wanted: [] }), want: async () => {} };
  const pace = { take: async () => ({ isMine: false, untilMs: 0 }) };
  const deps = { engine, workers, pace, authoring, clock, sha256, deployment, telemetry: { advanced: () => {} } };
  const inner = inProcess({ ...deps, runbooks: { get: runbooks.get, list, history } }, { by: alice, groups: [] });
  return createClient(async (name, given, signal) => {
    if (name !== 'advance') return await inner(name, given, signal);
    const { view, head } = await createClient(inner).instance(id);
    const stop = { kind: 'stop', result: 'deferred', cell: view.cell, untilMs: 0, why: 'budget' };
    then();
    const body = { stop, result: 'deferred', steps: [], reserved: 0, view, state: head.state };
    return { status: 202, body, isOurs: ({ where }) => where === work.where };
  });
};
const never = new AbortController().signal;

test('it is over when the journal says so: with its steps and how it stopped', async () => {
  const world = setup();
  const id = await world.start(runbookOf([{}, {}, {}]));
  const client = handingOver(world, id, () => void world.engine.advance(id, { budgetMs, by: work, maxCells: 2 }));
  const answer = await client.advance(id, { maxCells: 2 }, never);
  expect(answer).toMatchObject({ result: 'advanced', reserved: 2, view: { cell: 'c2', cellsDone: 2 } });
  expect(answer.steps.map(({ cell, seq }) => [cell, seq])).toEqual([
    ['c0', 1],
    ['c1', 2],
  ]);
});

test('somebody else took the slot: it runs nothing, and the caller is told where it stands', async () => {
  const world = setup();
  const id = await world.start(runbookOf([{}, {}]));
  const client = handingOver(world, id, () => void world.engine.advance(id, { budgetMs, by: bob }));
  const answer = await client.advance(id, {}, never);
  expect(answer).toMatchObject({ result: 'deferred', steps: [], reserved: 0, stop: { why: 'budget' } });
  expect(answer.view).toMatchObject({ cell: 'c1', cellsDone: 1 });
});

test('whoever gives up is told where it stands at once, also that it has ended meanwhile', async () => {
  const world = setup();
  const id = await world.start(runbookOf([{}]));
  const gaveUp = AbortSignal.abort();
  expect(await handingOver(world, id).advance(id, {}, gaveUp)).toMatchObject({ result: 'deferred', steps: [] });
  await world.engine.advance(id, { budgetMs, by: bob });
  const answer = await handingOver(world, id).advance(id, {}, gaveUp);
  expect(answer).toMatchObject({ result: 'completed', view: { status: 'completed' } });
});

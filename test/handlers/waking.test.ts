/** Who waits is woken: by whoever changes what it waits for, by a queue to the second, and by the schedule behind both. */
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PawlError } from '../../src/engine/index.ts';
import { createWork } from '../../src/handlers/work.ts';
import { engineOn } from '../support/engine.ts';
import { contextOf, documentOf, type Line, openService, publish, type Service, start, written } from './support.ts';

let service: Service;
beforeAll(async () => {
  service = await openService();
  const awaiting = '```await { name=ci }\nclaim: ci/{{ params.n }}\nuntil: supported\n```';
  await publish(
    service,
    documentOf('awaiting', [awaiting, 'name=last'], 'params: { n: { type: integer, default: 1 } }'),
  );
  await publish(service, documentOf('resting', ['```wait { name=rest for=1s }\n```', 'name=last']));
  await publish(service, documentOf('later', ['```wait { name=rest for=20m }\n```', 'name=last']));
  await publish(service, documentOf('manual', ['```manual { name=look }\nLook.\n```', 'name=last']));
  await publish(service, documentOf('plain', ['name=one', 'name=two']));
});
afterAll(() => service.world.drop());
beforeEach(() => {
  service.deliver.on = false;
  service.handed.length = 0;
  service.wakes.length = 0;
  service.cells.begun.length = 0;
});

const statusOf = async (id: string): Promise<unknown> =>
  ((await service.ask({ path: `/instances/${id}` })).body.view as Line).status;
const parked = async (runbookId: string, body: object = {}): Promise<string> => {
  const id = await start(service, runbookId, { drive: 'auto', ...body });
  // No time to stay until a short wait is over.
  const hasty = service.as({ answerWithinMs: 500 });
  const { body: answer } = await hasty.ask({ method: 'POST', path: `/instances/${id}/run` });
  expect(answer.result).toBe('parked');
  service.wakes.push(...hasty.wakes);
  return id;
};
const handedByTick = async (): Promise<string[]> => {
  service.handed.length = 0;
  await service.tick();
  return service.handed.map(({ instanceId }) => instanceId);
};
const set = (id: string, status = 'supported') =>
  service.ask({ method: 'PUT', path: '/claims', query: `id=${id}`, body: { status } });
const byQueue = (...bodies: unknown[]) => ({
  Records: bodies.map((body, n) => ({
    eventSource: 'aws:sqs',
    messageId: `m${n}`,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })),
});

describe('a claim that is set', () => {
  test('makes due who waits for it, and asks for it to be woken now', async () => {
    const id = await parked('awaiting', { params: { n: 11 } });
    const other = await parked('awaiting', { params: { n: 12 } });
    expect(await service.tick()).toMatchObject({ due: 0 });
    expect((await set('ci/11')).body).toMatchObject({ woken: 1 });
    expect(service.wakes.map(({ instanceId }) => instanceId)).toEqual([id]);
    expect(await service.work(byQueue({ look: id }))).toEqual({ batchItemFailures: [] });
    expect([await statusOf(id), await statusOf(other)]).toEqual(['completed', 'waiting']);
    expect(service.cells.begun).toEqual(['last']);
  });

  test('is found by the schedule where the queue lost it', async () => {
    service.deliver.on = true;
    const id = await parked('awaiting', { params: { n: 21 } });
    await set('ci/21');
    expect(await service.tick()).toMatchObject({ due: 1, handedOver: 1 });
    await service.settled();
    expect(await statusOf(id)).toBe('completed');
  });

  test('by somebody who died in the middle of it, is taken up by the schedule: its mark is due', async () => {
    service.deliver.on = true;
    const id = await parked('awaiting', { params: { n: 31 } });
    const { store } = service.world;
    const dead = async (): Promise<never> => {
      throw new PawlError('store.unavailable', 'It died.');
    };
    // Ten minutes ago: its time is over.
    const { clock } = service.world;
    const before = { ...clock, nowMs: () => clock.nowMs() - 600_000 };
    const engine = engineOn(store, { clock: before, subscriptions: { ...store.subscriptions, page: dead } });
    const by = { actor: 'ci', via: 'test', where: 'here' };
    expect(await engine.setClaim('ci/31', { status: 'supported', by })).toMatchObject({ woken: null });
    expect(await service.tick()).toMatchObject({ due: 1, handedOver: 1 });
    expect(service.handed).toEqual([{ wake: 'ci/31' }]);
    await service.settled();
    await service.tick();
    await service.settled();
    expect(await statusOf(id)).toBe('completed');
  });
});

describe('an answer', () => {
  test('lets a run that goes by itself go on at once, with the message that it sends', async () => {
    const id = await parked('manual');
    const done = { result: 'done', note: 'looked' };
    const path = `/instances/${id}/cells/look/done`;
    expect((await service.ask({ method: 'POST', path, body: done })).status).toBe(200);
    const [wake] = service.wakes;
    expect(wake).toEqual({ instanceId: id, atMs: expect.any(Number), seq: expect.any(Number) });
    expect(await service.work(byQueue({ look: id, seq: wake?.seq }))).toEqual({ batchItemFailures: [] });
    expect([await statusOf(id), service.cells.begun]).toEqual(['completed', ['last']]);
    expect(await service.tick()).toMatchObject({ due: 0 });
  });
});

describe('a wait', () => {
  test('that ends soon is woken to the second, and runs once however often the wake is delivered', async () => {
    const id = await parked('resting');
    const [wake] = service.wakes;
    expect(wake?.instanceId).toBe(id);
    const { body } = await service.ask({ path: `/instances/${id}` });
    expect(wake?.atMs).toBe((body.waits as Line).dueAtMs);
    // A little early by another clock: it waits for the moment.
    await Promise.all(Array.from({ length: 5 }, () => service.work(byQueue({ look: id }))));
    expect(await statusOf(id)).toBe('completed');
    expect(service.cells.begun).toEqual(['last']);
  });

  test('that ends later than a queue holds a message back is left to the schedule', async () => {
    await parked('later');
    expect(service.wakes).toEqual([]);
  });

  test('that is over without anybody woken is found by the schedule', async () => {
    service.deliver.on = true;
    const id = await parked('resting');
    expect(await handedByTick()).not.toContain(id);
    await wait(1_100);
    expect(await handedByTick()).toContain(id);
    await service.settled();
    expect(await statusOf(id)).toBe('completed');
  });
});

describe('a wake', () => {
  test('that names an entry which is not the newest any more looks whether it is due: its drive was changed, say', async () => {
    const id = await start(service, 'awaiting', { params: { n: 61 }, drive: 'manual' });
    await service.ask({ method: 'POST', path: `/instances/${id}/advance`, body: {} });
    // `started`, `waiting`, and the drive.
    await service.ask({ method: 'POST', path: `/instances/${id}/run` });
    await set('ci/61');
    expect(await service.work({ look: id, seq: 1 })).toMatchObject({ result: 'completed' });
    expect(await service.work({ look: id, seq: 1 })).toMatchObject({ result: 'not due' });
    expect(service.cells.begun).toEqual(['last']);
  });

  test('of what is not due is one read, and writes nothing', async () => {
    const id = await parked('awaiting', { params: { n: 41 } });
    const before = await service.world.store.views.get(id);
    expect(await service.work({ look: id })).toEqual({ result: 'not due', seq: before?.seq });
    expect(await service.work({ look: 'nobody' })).toEqual({ result: 'not due', seq: null });
    const ended = await start(service, 'plain');
    await service.ask({ method: 'POST', path: `/instances/${ended}/run` });
    expect(await service.work({ look: ended })).toMatchObject({ result: 'not due' });
    expect(service.cells.begun).toEqual(['one', 'two']);
  });

  test('pushes nothing on in drive manual', async () => {
    const id = await start(service, 'awaiting', { params: { n: 51 }, drive: 'manual' });
    await service.ask({ method: 'POST', path: `/instances/${id}/advance`, body: {} });
    await set('ci/51');
    await service.work({ look: id });
    expect(service.cells.begun).toEqual([]);
    const { body } = await service.ask({ path: `/instances/${id}` });
    expect(body.cells).toMatchObject([
      { name: 'ci', state: 'completed' },
      { name: 'last', state: 'next' },
    ]);
  });

  test('that fails is not repeated by the queue, and an outcome beside it is', async () => {
    const id = await parked('resting');
    await wait(1_100);
    const dead = async (): Promise<never> => {
      throw new PawlError('store.unavailable', 'Away.');
    };
    const { world } = service;
    const work = createWork((telemetry) => ({
      engine: engineOn(world.store, { journal: { ...world.store.journal, head: dead }, observe: telemetry.observe }),
      clock: world.clock,
      views: world.store.views,
      marks: world.store.marks,
      workers: world.store.workers,
      telemetry,
    }));
    const answer = await work(byQueue({ look: id }, 'rubbish', '{"look":7}'), contextOf(900_000));
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: 'm1' }, { itemIdentifier: 'm2' }] });
    expect(written.lines.filter(({ message }) => message === 'not woken')).toMatchObject([{ instanceId: id }]);
    // It is due all the same.
    expect(await handedByTick()).toContain(id);
  });
});

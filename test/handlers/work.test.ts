/** `work`: what is handed over runs once, whatever is delivered twice or late; what is set aside comes into the journal. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CellResult, Unrecorded } from '../../src/engine/index.ts';
import {
  documentOf,
  dyingBeforeItSaves,
  metricsIn,
  openService,
  publish,
  type Service,
  start,
  written,
} from './support.ts';

let service: Service;
const done: CellResult = { status: 'completed', output: '{"a":1}' };
beforeAll(async () => {
  service = await openService();
  await publish(
    service,
    documentOf('three', ['name=one timeout=10s', 'name=two timeout=10s', 'name=three timeout=10s']),
  );
  await publish(service, documentOf('slow', ['name=one timeout=14m', 'name=two timeout=14m']));
  await publish(service, documentOf('stubborn', ['name=one retry=3']));
});
afterAll(() => service.world.drop());
beforeEach(() => {
  service.cells.execute = async () => done;
  service.cells.begun.length = 0;
});

const by = { actor: 'ada', via: 'api', where: 'request-a' };
const handOver = (instanceId: string, more: object = {}) => ({
  instanceId,
  by,
  explicit: true,
  expectedSeq: 0,
  maxCells: 1,
  ...more,
});
const scheduled = (instanceId: string) => ({
  instanceId,
  by: { actor: 'schedule', via: 'tick', where: 'request-t' },
  explicit: false,
  maxCells: 'all',
});
const journalOf = async (id: string) => {
  const { body } = await service.ask({ path: `/instances/${id}/journal` });
  return body.entries as { kind: string; seq: number; by: { actor: string; where: string }; token: string }[];
};

describe('what waits for a place that nobody ever served', () => {
  const wanted = async (place: string) =>
    (await service.world.store.workers.list(place)).wanted.map((one) => one.place);
  const placed = (at: string) => documentOf(`at-${at}`, ['name=one', `name=two at=${at}`]);
  const begin = async (runbookId: string, drive: string): Promise<string> => {
    const { body } = await service.ask({ method: 'POST', path: `/runbooks/${runbookId}/instances`, body: { drive } });
    return (body.view as { instanceId: string }).instanceId;
  };

  test('is known from then on to the schedule, though no caller was answered', async () => {
    await publish(service, placed('bastion'));
    const id = await begin('at-bastion', 'auto');
    expect(await wanted('bastion')).toEqual([]);
    expect(await service.work(handOver(id, { maxCells: 'all' }))).toEqual({ result: 'parked', seq: 2 });
    expect(service.cells.begun).toEqual(['one']);
    expect(await wanted('bastion')).toEqual(['bastion']);
  });

  test('also where the call was asked for no more than what came before it', async () => {
    await publish(service, placed('edge'));
    const id = await begin('at-edge', 'auto');
    expect(await service.work(handOver(id))).toEqual({ result: 'advanced', seq: 2 });
    expect(await wanted('edge')).toEqual(['edge']);
  });

  test('and with the start, where it is the first cell; not while only people drive it', async () => {
    await publish(service, documentOf('at-attic', ['name=one at=attic']));
    await begin('at-attic', 'manual');
    expect(await wanted('attic')).toEqual([]);
    await begin('at-attic', 'auto');
    expect(await wanted('attic')).toEqual(['attic']);
  });
});

describe('a hand-over', () => {
  test('runs what was asked for, in the name of who asked, and says where both ran', async () => {
    const id = await start(service, 'three');
    expect(await service.work(handOver(id, { cell: 'one' }))).toEqual({ result: 'advanced', seq: 2 });
    const [, reserved] = await journalOf(id);
    expect(reserved?.by).toEqual({
      actor: 'ada',
      via: 'api',
      where: expect.stringMatching(/^request-a\+request-\d+$/),
    });
    expect(service.cells.begun).toEqual(['one']);
  });

  test('delivered fifty times at once it runs once', async () => {
    const id = await start(service, 'three');
    const copies = Array.from({ length: 50 }, () => service.work(handOver(id)));
    const results = (await Promise.all(copies)) as { result: string }[];
    expect(results.filter(({ result }) => result === 'advanced')).toHaveLength(1);
    expect(results.filter(({ result }) => result === 'seq.stale')).toHaveLength(49);
    expect(service.cells.begun).toEqual(['one']);
    expect((await journalOf(id)).map(({ kind }) => kind)).toEqual(['started', 'reserved', 'outcome']);
  });

  test('delivered once more long after, it runs nothing: its count begins at its seq', async () => {
    const id = await start(service, 'three');
    const event = handOver(id, { maxCells: 2 });
    expect(await service.work(event)).toMatchObject({ result: 'advanced' });
    for (let copy = 0; copy < 5; copy += 1)
      expect(await service.work(event)).toEqual({ result: 'seq.stale', seq: null });
    expect(service.cells.begun).toEqual(['one', 'two']);
  });

  test('of a cell that is no longer next it runs nothing', async () => {
    const id = await start(service, 'three');
    expect(await service.work(handOver(id, { cell: 'two' }))).toEqual({ result: 'cell.outOfOrder', seq: null });
    expect(service.cells.begun).toEqual([]);
  });

  test('whose holder was killed in mid-cell is not carried on by its repetition', async () => {
    const id = await start(service, 'three');
    const gate = Promise.withResolvers<CellResult>();
    service.cells.execute = () => gate.promise;
    const killed = service.work(handOver(id));
    while (service.cells.begun.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await service.work(handOver(id))).toEqual({ result: 'seq.stale', seq: null });
    gate.resolve(done);
    await killed;
    expect(service.cells.begun).toEqual(['one']);
  });

  test('goes on in its one invocation as long as there is time, and hands nothing on', async () => {
    const id = await start(service, 'three');
    expect(await service.work(handOver(id, { maxCells: 'all' }))).toEqual({ result: 'completed', seq: 4 });
    expect(service.handed).toEqual([]);
  });

  test('leaves the rest to the due mark when a cell does not fit any more', async () => {
    const id = await start(service, 'slow', { drive: 'auto' });
    const answer = await service.work(handOver(id, { maxCells: 'all' }), 880_000);
    expect(answer).toEqual({ result: 'deferred', seq: 0 });
    const [due] = await dueIds();
    expect(due).toContain(id);
    expect(service.handed).toEqual([]);
    expect(service.cells.begun).toEqual([]);
  });

  test('waits for a backoff of seconds itself, and counts the attempts it was allowed', async () => {
    let tries = 0;
    service.cells.execute = async () => {
      tries += 1;
      return { status: 'failed' };
    };
    const id = await start(service, 'stubborn');
    expect(await service.work(handOver(id, { maxCells: 2 }))).toMatchObject({ result: 'advanced' });
    expect(tries).toBe(2);
  });

  test('of what an operator has cancelled runs nothing', async () => {
    const id = await start(service, 'three');
    await service.ask({ method: 'POST', path: `/instances/${id}/cancel`, body: { reason: 'no' } });
    expect(await service.work(handOver(id))).toEqual({ result: 'seq.stale', seq: null });
    expect(await service.work(scheduled(id))).toEqual({ result: 'cancelled', seq: 1 });
    expect(service.cells.begun).toEqual([]);
  });

  test.each([
    ['without an id', { by, explicit: true, maxCells: 1 }],
    ['with a count of 0', handOver('x', { maxCells: 0 })],
    ['with an unknown field', handOver('x', { drive: 'auto' })],
    ['with a seq that is a text', handOver('x', { expectedSeq: '0' })],
    ['that is nothing', null],
  ])('%s fails the invocation and says so in the log', async (_, event) => {
    await expect(service.work(event)).rejects.toMatchObject({ code: 'request.invalid' });
    expect(written.lines).toContainEqual(expect.objectContaining({ level: 'ERROR', message: 'failed' }));
  });
});

const dueIds = async (): Promise<string[][]> => {
  const { marks, clock } = { marks: service.world.store.marks, clock: service.world.clock };
  const pages = await Promise.all(
    Array.from({ length: 16 }, (_, shard) => marks.due(clock.nowMs() + 24 * 3_600_000, 'local', shard)),
  );
  return [pages.flatMap(({ due }) => due.map(({ instanceId }) => instanceId))];
};

describe('from the schedule', () => {
  test('an `auto` instance that nobody touches is brought to its end', async () => {
    const id = await start(service, 'three', { drive: 'auto' });
    expect(await service.work(scheduled(id))).toEqual({ result: 'completed', seq: 4 });
    const [due] = await dueIds();
    expect(due).not.toContain(id);
  });

  test('a `manual` instance is left where it stands', async () => {
    const id = await start(service, 'three');
    expect(await service.work(scheduled(id))).toEqual({ result: 'parked', seq: 0 });
    expect(service.cells.begun).toEqual([]);
    expect(await journalOf(id)).toHaveLength(1);
  });

  test('a stale view is repaired, also of a `manual` instance', async () => {
    const id = await start(service, 'three');
    await service.ask({ method: 'POST', path: `/instances/${id}/advance`, body: {} });
    const { views } = service.world.store;
    await dyingBeforeItSaves(service.world).cancel(id, 'r', by);
    expect(await views.get(id)).toMatchObject({ seq: 2, status: 'ready' });
    expect(await service.work(scheduled(id))).toEqual({ result: 'cancelled', seq: 3 });
    expect(await views.get(id)).toMatchObject({ seq: 3, status: 'cancelled' });
  });

  test('a step in doubt that may not be closed stays so, and is counted', async () => {
    const id = await start(service, 'three', { drive: 'auto' });
    service.cells.execute = async () => ({ status: 'unknown' });
    expect(await service.work(scheduled(id))).toMatchObject({ result: 'in_doubt' });
    expect(metricsIn(written.lines, 'InDoubt')).toEqual([{ value: 1 }]);
    expect(metricsIn(written.lines, 'Advances')).toEqual([{ value: 1, result: 'in_doubt' }]);
    service.cells.execute = async () => done;
    expect(await service.work(scheduled(id))).toMatchObject({ result: 'in_doubt' });
    expect(service.cells.begun).toEqual(['one']);
  });

  test('a view whose instance never started is kept for an hour, and then is due no more', async () => {
    const { marks } = service.world.store;
    const nowMs = service.world.clock.nowMs();
    const hourMs = 3_600_000;
    for (const [id, atMs] of [
      ['unstarted-new', nowMs - hourMs + 60_000],
      ['unstarted-old', nowMs - hourMs - 60_000],
    ] as const) {
      await marks.arm({ instanceId: id, runbookId: 'three' }, atMs, atMs);
      expect(await service.work(scheduled(id))).toEqual({ result: 'instance.unknown', seq: null });
    }
    const [due] = await dueIds();
    expect(due).toContain('unstarted-new');
    expect(due).not.toContain('unstarted-old');
  });
});

describe('from the failure queue', () => {
  const messageOf = (messageId: string, body: unknown) => ({
    eventSource: 'aws:sqs',
    messageId,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    receiptHandle: 'r',
  });

  /** A step whose outcome the store did not take, as the engine would have set it aside. */
  const setAside = async (): Promise<{ id: string; item: Unrecorded; end(): Promise<unknown> }> => {
    const id = await start(service, 'three');
    const gate = Promise.withResolvers<CellResult>();
    service.cells.execute = () => gate.promise;
    const held = service.ask({ method: 'POST', path: `/instances/${id}/advance`, body: {} });
    while ((await journalOf(id)).length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    const [, reserved] = await journalOf(id);
    const outcome: Unrecorded['outcome'] = {
      kind: 'outcome',
      closes: 1,
      index: 0,
      cell: 'one',
      visit: 1,
      attempt: 1,
      status: 'completed',
      closedBy: 'holder',
      then: 'next',
      output: { kind: 'inline', text: '{"a":2}' },
      error: null,
      exitCode: null,
      expectations: [],
      permission: null,
      dueAtMs: null,
      durationMs: 5,
      logBytes: 0,
      note: null,
      evidence: null,
    };
    const { token = '' } = reserved ?? {};
    const item: Unrecorded = { v: 1, instanceId: id, about: 1, token, by, atMs: service.world.clock.nowMs(), outcome };
    return {
      id,
      item,
      end: () => {
        gate.resolve(done);
        return held;
      },
    };
  };

  test('an outcome is recorded as what it is, once, however often it comes', async () => {
    const { id, item, end } = await setAside();
    for (const messageId of ['m1', 'm1', 'm2'])
      expect(await service.work({ Records: [messageOf(messageId, item)] })).toEqual({ batchItemFailures: [] });
    const entries = await journalOf(id);
    expect(entries.map(({ kind }) => kind)).toEqual(['started', 'reserved', 'outcome']);
    expect(entries[2]?.by).toMatchObject({ actor: 'redrive', via: 'work' });
    const { body } = await service.ask({ path: `/instances/${id}` });
    expect((body.cells as object[])[0]).toMatchObject({ state: 'completed', output: '{"a":2}' });
    await end();
    expect(await journalOf(id)).toHaveLength(3);
  });

  test('one that somebody else has closed becomes a note', async () => {
    const { id, item, end } = await setAside();
    await end();
    expect(await service.work({ Records: [messageOf('m1', item)] })).toEqual({ batchItemFailures: [] });
    expect(await journalOf(id)).toHaveLength(3);
  });

  test('what cannot be recorded goes back to the queue, and holds up none of the others', async () => {
    const { id, item, end } = await setAside();
    const event = {
      Records: [
        messageOf('broken', '{"v":1'),
        messageOf('foreign', { ...item, token: '0'.repeat(32) }),
        messageOf('nobody', { ...item, instanceId: 'nobody' }),
        messageOf('good', item),
      ],
    };
    expect(await service.work(event)).toEqual({
      batchItemFailures: [{ itemIdentifier: 'broken' }, { itemIdentifier: 'foreign' }, { itemIdentifier: 'nobody' }],
    });
    expect((await journalOf(id)).map(({ kind }) => kind)).toEqual(['started', 'reserved', 'outcome']);
    expect(written.text).not.toContain('{\\"a\\":2}');
    await end();
  });
});

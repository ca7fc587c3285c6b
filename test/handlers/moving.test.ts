/** What fits into a call runs in it; what does not is handed to work, followed in the journal, and never run twice. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { authoring } from '../../src/authoring/index.ts';
import type { CellResult } from '../../src/engine/index.ts';
import type { ApiCall, OperationDeps } from '../../src/handlers/apiDeps.ts';
import { move } from '../../src/handlers/moving.ts';
import { systemRandom } from '../../src/store/index.ts';
import { engineOn } from '../support/engine.ts';
import { assertDocumented } from './document.ts';
import { type Answered, documentOf, openService, publish, type Service, start } from './support.ts';

let service: Service;
let brief: Service;
const done: CellResult = { status: 'completed', output: '{"a":1}' };

beforeAll(async () => {
  service = await openService();
  // Answers after three seconds instead of 25.
  brief = service.as({ answerWithinMs: 3_000 });
  await publish(service, documentOf('short', ['name=one', 'name=two', 'name=three']));
  await publish(
    service,
    documentOf('long', ['name=one timeout=60s', 'name=two timeout=60s', 'name=three timeout=60s']),
  );
  await publish(service, documentOf('mixed', ['name=one', 'name=two timeout=60s', 'name=three']));
  await publish(service, documentOf('roomy', ['name=one timeout=18s', 'name=two']));
  const site = 'params: { site: { type: string } }';
  await publish(service, documentOf('placed', ['name=one timeout=60s', 'name=two at="{{ params.site }}"'], site));
  await publish(service, documentOf('retrying', ['name=one retry=1']));
});
afterAll(() => service.world.drop());
beforeEach(() => {
  service.cells.execute = async () => done;
  service.cells.begun.length = 0;
  for (const each of [service, brief]) {
    each.handed.length = 0;
    each.deliver.on = true;
    each.deliver.refuse = false;
  }
});

const advance = (on: Service, id: string, body: object = {}, headers = {}): Promise<Answered> =>
  on.ask({ method: 'POST', path: `/instances/${id}/advance`, body, headers });
const run = (on: Service, id: string, headers = {}): Promise<Answered> =>
  on.ask({ method: 'POST', path: `/instances/${id}/run`, body: {}, headers });
const kindsOf = async (id: string): Promise<string[]> => {
  const { body } = await service.ask({ path: `/instances/${id}/journal` });
  return (body.entries as { kind: string }[]).map(({ kind }) => kind);
};
/** Cells that stay open until they are let go. */
const held = () => {
  const gate = Promise.withResolvers<void>();
  service.cells.execute = async () => {
    await gate.promise;
    return done;
  };
  return gate.resolve;
};

describe('in the call itself', () => {
  test('one cell if nothing else is said, so many as are asked for, all of them with `all`', async () => {
    const id = await start(service, 'short');
    expect(await advance(service, id)).toMatchObject({ status: 200, body: { reserved: 1, view: { cell: 'two' } } });
    const rest = await advance(service, id, { maxCells: 'all' });
    expect(rest).toMatchObject({ status: 200, body: { result: 'completed', reserved: 2 } });
    expect(service.handed).toEqual([]);
  });

  test('a step of somebody else is told with holder, age and deadline; it ran nothing', async () => {
    const id = await start(service, 'short');
    const letGo = held();
    const first = advance(service, id);
    while (service.cells.begun.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    const second = await advance(service, id, {}, { 'x-pawl-actor': 'ada' });
    letGo();
    expect(second).toMatchObject({
      status: 409,
      headers: { 'retry-after': expect.stringMatching(/^[1-4]$/) },
      body: {
        code: 'step.inFlight',
        instanceId: id,
        holder: { cell: 'one', seq: 1, by: { actor: 'local', via: 'api' } },
        ageMs: expect.any(Number),
        deadlineAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        view: { seq: 1, status: 'running' },
      },
    });
    assertDocumented('advance', second);
    // As the entry says, whatever the time is when it is told.
    const { detail, holder } = second.body as { detail: string; holder: { reservedAtMs: number } };
    expect(detail).toContain(`holds one since ${new Date(holder.reservedAtMs).toISOString()}, until `);
    expect(await first).toMatchObject({ status: 200 });
    expect(service.cells.begun).toEqual(['one']);
  });

  test('64 callers at once: one has it run, the others are told who holds it, and run nothing', async () => {
    // Time enough for all of them on a loaded machine.
    const id = await start(service, 'roomy');
    const letGo = held();
    const callers = Array.from({ length: 64 }, () => advance(service, id, { cell: 'one' }));
    const losers = callers.map((caller) => caller.then(({ status }) => status === 409 && ended()));
    let left = 63;
    const ended = (): void => {
      left -= 1;
      if (left === 0) letGo();
    };
    const answers = await Promise.all(callers);
    await Promise.all(losers);
    const told = answers.map(({ status, body }) => (status === 409 ? body.code : status));
    expect(told.filter((each) => each === 200)).toHaveLength(1);
    expect(told.filter((each) => each === 'step.inFlight')).toHaveLength(63);
    expect(service.cells.begun).toEqual(['one']);
    expect(await kindsOf(id)).toEqual(['started', 'reserved', 'outcome']);
  });

  test('a cell that does not fit into what is left of the invocation is not begun there', async () => {
    brief.deliver.on = false;
    const id = await start(service, 'short');
    const { status } = await brief.ask({
      method: 'POST',
      path: `/instances/${id}/advance`,
      body: {},
      remainingMs: 41_000,
    });
    expect(status).toBe(202);
    expect(brief.handed.length).toBe(1);
    expect(service.cells.begun).toEqual([]);
  });
});

describe('a call that is refused changes nothing', () => {
  const begun = async (): Promise<void> => {
    while (service.cells.begun.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  };

  test('a run while somebody else’s step is in flight: its drive stays manual, and the schedule leaves it alone', async () => {
    const id = await start(service, 'short');
    const letGo = held();
    const first = advance(service, id);
    await begun();
    const refused = await run(service, id, { 'x-pawl-actor': 'ada' });
    expect(refused).toMatchObject({ status: 409, body: { code: 'step.inFlight', view: { drive: 'manual' } } });
    assertDocumented('run', refused);
    letGo();
    await first;
    expect(await kindsOf(id)).toEqual(['started', 'reserved', 'outcome']);
  });

  test('a run whose slot was lost after it had set the drive says so: 202, and when to look', async () => {
    const id = await start(service, 'short');
    const letGo = held();
    const first = advance(service, id);
    await begun();
    const by = { actor: 'ada', via: 'test', where: 'here' };
    const refused = await engineOn(service.world.store, { authoring }).advance(id, { budgetMs: 60_000, by });
    const deps = { clock: service.world.clock, telemetry: { advanced: () => {} } } as unknown as OperationDeps;
    const call = { isAsync: false, answerLeftMs: () => 0, remainingMs: () => 0 } as unknown as ApiCall;
    const asked = { drive: 'auto', maxCells: 1 } as const;
    expect(await move(deps, call, { start: async () => ({ ...refused, wrote: true }) }, asked)).toMatchObject({
      status: 202,
      headers: { location: `/instances/${id}`, 'retry-after': expect.stringMatching(/^\d+$/) },
      answer: { result: 'in_flight', wrote: true },
    });
    await expect(move(deps, call, { start: async () => refused }, asked)).rejects.toMatchObject({
      code: 'step.inFlight',
    });
    letGo();
    await first;
  });

  test('a run that cannot be handed over, and whose drive stands: 202, since the schedule goes on with it', async () => {
    const id = await start(service, 'long');
    service.deliver.refuse = true;
    const answer = await run(service, id);
    expect(answer).toMatchObject({
      status: 202,
      headers: { location: `/instances/${id}` },
      body: { result: 'deferred', steps: [], wrote: true, view: { drive: 'auto' } },
    });
    expect(await kindsOf(id)).toEqual(['started', 'control']);
    // Asked again, nothing of the second call stands, and it is refused.
    expect(await run(service, id)).toMatchObject({ status: 503, body: { code: 'work.unavailable' } });
  });
});

describe('handed to work', () => {
  test('what stops there before a cell of another place is answered at once, and says whom it waits for', async () => {
    const id = await start(service, 'placed', { params: { site: 'bastion' } });
    expect(await run(brief, id)).toMatchObject({
      status: 200,
      body: {
        result: 'parked',
        steps: [{ cell: 'one' }],
        stop: { cell: 'two', waitsFor: { place: 'bastion', missing: [] } },
        view: { place: 'bastion', waitsFor: 'a worker at bastion' },
        manned: { place: 'bastion', alive: 0, lastSeenAtMs: null },
      },
    });
    expect(brief.handed).toHaveLength(1);
  });

  test('what is too long runs there, and its end is the answer', async () => {
    const id = await start(service, 'long');
    const answer = await advance(service, id, { cell: 'one', expectedSeq: 0 });
    expect(answer).toMatchObject({
      status: 200,
      body: {
        result: 'advanced',
        reserved: 1,
        steps: [{ cell: 'one', seq: 1, status: 'completed', recorded: true }],
        view: { seq: 2, cell: 'two' },
      },
    });
    assertDocumented('advance', answer);
    expect(service.handed).toEqual([
      {
        instanceId: id,
        by: { actor: 'local', via: 'api', where: expect.stringMatching(/^request-\d+$/) },
        explicit: true,
        expectedSeq: 0,
        cell: 'one',
        maxCells: 1,
      },
    ]);
    expect(service.cells.begun).toEqual(['one']);
  });

  test('what ran before and what ran there are one answer, and the count is kept', async () => {
    const id = await start(service, 'mixed');
    const answer = await advance(service, id, { maxCells: 2 });
    expect(answer).toMatchObject({ status: 200, body: { reserved: 2, view: { cell: 'three' } } });
    expect((answer.body.steps as { cell: string }[]).map(({ cell }) => cell)).toEqual(['one', 'two']);
    expect(service.handed).toMatchObject([{ expectedSeq: 2, maxCells: 1 }]);
    expect(service.cells.begun).toEqual(['one', 'two']);
  });

  test('a run has one verdict over all of it', async () => {
    const id = await start(service, 'mixed');
    const answer = await run(service, id);
    expect(answer).toMatchObject({
      status: 200,
      body: { result: 'completed', verdict: 'completed procedurally', reserved: 3, coverage: { cells: 3 } },
    });
    assertDocumented('run', answer);
    expect(service.handed).toMatchObject([{ maxCells: 'all' }]);
  });

  test('after its time a call answers 202 and where to look; the cell goes on', async () => {
    const id = await start(service, 'long');
    const letGo = held();
    const answer = await advance(brief, id);
    expect(answer).toMatchObject({
      status: 202,
      headers: { location: `/instances/${id}` },
      body: { result: 'deferred', steps: [], view: { seq: 0 } },
    });
    assertDocumented('advance', answer);
    expect(await service.ask({ path: `/instances/${id}` })).toMatchObject({ body: { view: { status: 'running' } } });
    letGo();
    await brief.settled();
    expect(await kindsOf(id)).toEqual(['started', 'reserved', 'outcome']);
    expect(service.cells.begun).toEqual(['one']);
  });

  test('`Prefer: respond-async` answers 202 at once, however short the cell', async () => {
    const id = await start(service, 'short');
    const letGo = held();
    const answer = await run(service, id, { Prefer: 'wait=10, respond-async' });
    expect(answer).toMatchObject({ status: 202, headers: { location: `/instances/${id}` }, body: { steps: [] } });
    assertDocumented('run', answer);
    letGo();
    await service.settled();
    expect(await service.ask({ path: `/instances/${id}` })).toMatchObject({ body: { view: { status: 'completed' } } });
  });

  test('`Prefer: respond-async` is told at once what cannot be', async () => {
    const id = await start(service, 'short');
    const answer = await advance(service, id, { cell: 'two' }, { prefer: 'respond-async' });
    expect(answer).toMatchObject({ status: 409, body: { code: 'cell.outOfOrder' } });
    expect(service.handed).toEqual([]);
  });

  test('a hand-over that is refused begins nothing, and the caller knows', async () => {
    const id = await start(service, 'long');
    service.deliver.refuse = true;
    const answer = await advance(service, id);
    expect(answer).toMatchObject({
      status: 503,
      headers: { 'retry-after': '2' },
      body: { code: 'work.unavailable', instanceId: id, view: { seq: 0 } },
    });
    assertDocumented('advance', answer);
    expect(await kindsOf(id)).toEqual(['started']);
  });

  test('a hand-over that is refused after something ran: what ran is the answer', async () => {
    const id = await start(service, 'mixed');
    service.deliver.refuse = true;
    const answer = await advance(service, id, { maxCells: 'all' });
    expect(answer).toMatchObject({ status: 200, body: { result: 'deferred', steps: [{ cell: 'one' }] } });
  });

  test('two callers at once: one of them has it run, the other one runs nothing', async () => {
    const id = await start(service, 'long');
    const letGo = held();
    const both = [1, 2].map(() => advance(service, id, { expectedSeq: 0 }));
    while (service.cells.begun.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    letGo();
    const answers = await Promise.all(both);
    await service.settled();
    const codes = answers.map(({ status, body }) => (status === 409 ? body.code : status));
    expect(codes.sort()).toEqual([200, 'seq.stale']);
    expect(service.cells.begun).toEqual(['one']);
    expect(await kindsOf(id)).toEqual(['started', 'reserved', 'outcome']);
  });

  test('a caller who named no seq and was overtaken by another decides anew', async () => {
    const id = await start(service, 'long');
    // Somebody else moves on between the hand-over and its delivery.
    service.deliver.on = false;
    const asked = advance(service, id);
    while (service.handed.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    service.deliver.on = true;
    const other = await advance(brief, id);
    expect(other.status).toBe(200);
    const [late] = service.handed;
    expect(await service.work(late)).toEqual({ result: 'seq.stale', seq: null });
    const answer = await asked;
    expect(answer).toMatchObject({ status: 200, body: { steps: [{ cell: 'two' }], reserved: 1 } });
    expect(service.cells.begun).toEqual(['one', 'two']);
  });

  test('a short backoff is waited for in work', async () => {
    let tries = 0;
    service.cells.execute = async () => {
      tries += 1;
      return tries === 1 ? { status: 'failed' } : done;
    };
    const id = await start(service, 'retrying');
    const answer = await advance(service, id, { maxCells: 2 }, { prefer: 'respond-async' });
    expect(answer.status).toBe(202);
    await service.settled();
    expect(tries).toBe(2);
    expect(await service.ask({ path: `/instances/${id}` })).toMatchObject({ body: { view: { status: 'completed' } } });
  });
});

describe('a long backoff', () => {
  test('is nothing to wait for: 202, and when to ask again', async () => {
    const source = documentOf('flaky', ['name=one retry=20']);
    await publish(service, source);
    const id = await start(service, 'flaky');
    service.cells.execute = async () => ({ status: 'failed' });
    const { journal, views } = service.world.store;
    // Attempts fail until the pause between two of them, which is drawn by lot, is beyond what work waits for.
    const nextAtMs = async (): Promise<number> => (await journal.head(id))?.entry.state.dueAtMs ?? 0;
    const noWaiting = { random: { token: systemRandom.token, fraction: () => 1 } };
    const clock = { ...service.world.clock, aheadMs: 0 };
    const ahead = { ...clock, nowMs: () => service.world.clock.nowMs() + clock.aheadMs };
    const impatient = engineOn(service.world.store, {
      ...noWaiting,
      authoring,
      clock: ahead,
      execute: async () => ({ status: 'failed' }),
    });
    for (let tries = 0; tries < 10; tries += 1) {
      await impatient.advance(id, { budgetMs: 60_000, by: { actor: 'ada', via: 'test', where: 'here' } });
      clock.aheadMs = (await nextAtMs()) - service.world.clock.nowMs();
    }
    expect(await views.get(id)).toMatchObject({ status: 'ready' });
    service.handed.length = 0;
    const answer = await advance(service, id);
    expect(answer).toMatchObject({
      status: 202,
      headers: { location: `/instances/${id}`, 'retry-after': expect.stringMatching(/^\d{3,4}$/) },
      body: { result: 'deferred', stop: { why: 'backoff' }, steps: [] },
    });
    assertDocumented('advance', answer);
    expect(service.handed).toEqual([]);
  });
});

describe('cancelling', () => {
  test('while a cell runs: 202 with what may still run and until when; nothing follows', async () => {
    const id = await start(service, 'short');
    const letGo = held();
    const running = advance(service, id, { maxCells: 'all' });
    while (service.cells.begun.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    const answer = await service.ask({ method: 'POST', path: `/instances/${id}/cancel`, body: { reason: 'stop' } });
    expect(answer).toMatchObject({
      status: 202,
      headers: { location: `/instances/${id}` },
      body: { mayStillRun: { cell: 'one', seq: 1, deadlineAtMs: expect.any(Number) }, view: { status: 'running' } },
    });
    assertDocumented('cancel', answer);
    letGo();
    expect(await running).toMatchObject({ status: 200, body: { result: 'cancelled' } });
    expect(service.cells.begun).toEqual(['one']);
    expect(await kindsOf(id)).toEqual(['started', 'reserved', 'cancelled', 'outcome']);
  });

  test('a verdict about a step whose holder is still heard is too early, and says until when', async () => {
    const id = await start(service, 'short');
    const letGo = held();
    const running = advance(service, id);
    while (service.cells.begun.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    const body = { seq: 1, verdict: 'succeeded', reason: 'I saw it' };
    const answer = await service.ask({ method: 'POST', path: `/instances/${id}/verdict`, body });
    expect(answer).toMatchObject({
      status: 409,
      headers: { 'retry-after': expect.stringMatching(/^\d$/) },
      body: { code: 'verdict.early', untilMs: expect.any(Number), seq: 1 },
    });
    assertDocumented('verdict', answer);
    letGo();
    await running;
  });
});

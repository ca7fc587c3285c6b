/** What the log and the metrics say, and what they never say; and that a caller's trace goes all the way. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type EngineEvent, PawlError } from '../../src/engine/index.ts';
import { createApi } from '../../src/handlers/api.ts';
import type { ApiDeps } from '../../src/handlers/apiDeps.ts';
import { createTelemetry, metricNames } from '../../src/handlers/metrics.ts';
import {
  answeredOf,
  contextOf,
  documentOf,
  eventOf,
  metricsIn,
  openService,
  publish,
  type Service,
  start,
  untilDecidable,
  written,
} from './support.ts';

let service: Service;
const secrets = {
  parameter: 'hunter2-parameter',
  output: 'hunter2-output',
  error: 'hunter2-error',
  log: 'hunter2-log',
  reason: 'hunter2-reason',
  evidence: 'hunter2-evidence',
  note: 'hunter2-note',
  code: 'hunter2-code',
};
beforeAll(async () => {
  service = await openService();
  await publish(
    service,
    documentOf(
      'demo',
      ['name=one', '```manual { name=look }\nLook.\n```', 'name=two'],
      'params: { password: { type: string, default: none } }',
    ),
  );
  await publish(service, documentOf('plain', ['name=one', 'name=two']));
});
afterAll(() => service.world.drop());
beforeEach(() => {
  service.cells.execute = async () => ({ status: 'completed', output: '{"a":1}' });
});

const advance = (id: string, headers = {}, body: object = {}) =>
  service.ask({ method: 'POST', path: `/instances/${id}/advance`, body, headers });
const linesOf = (message: string) => written.lines.filter((line) => line.message === message);

describe('log lines', () => {
  test('say which instance, seq and cell, by which request', async () => {
    const id = await start(service, 'plain');
    written.lines = [];
    await advance(id);
    expect(linesOf('put.written')).toMatchObject([
      { level: 'INFO', instanceId: id, seq: 1, cell: 'one', meant: 'reserved', stands: 'reserved' },
      { level: 'INFO', instanceId: id, seq: 2, cell: 'one', meant: 'outcome', stands: 'outcome' },
    ]);
    expect(linesOf('answered')).toMatchObject([
      { operation: 'advance', instanceId: id, seq: 2, cell: 'two', status: 200, actor: 'local', service: 'test' },
    ]);
    const requests = new Set(written.lines.filter((line) => 'level' in line).map((line) => line.function_request_id));
    expect(requests.size).toBe(1);
  });

  test('of a refusal say its code, its request, and what it is about', async () => {
    const id = await start(service, 'plain');
    await advance(id);
    written.lines = [];
    const { body } = await advance(id, {}, { expectedSeq: 0 });
    expect(linesOf('refused')).toMatchObject([
      { level: 'INFO', code: 'seq.stale', status: 409, instanceId: id, seq: 2, function_request_id: body.request },
    ]);
  });

  test('one invocation leaves nothing to the next one', async () => {
    const id = await start(service, 'plain');
    await advance(id);
    written.lines = [];
    await service.ask({ path: '/health' });
    expect(linesOf('answered')).toHaveLength(1);
    expect(linesOf('answered')[0]).not.toHaveProperty('instanceId');
  });

  test('never hold parameters, outputs, errors of cells, logs, reasons, evidence, notes or documents', async () => {
    const id = await start(service, 'demo', { params: { password: secrets.parameter } });
    service.cells.execute = async ({ log }) => {
      log('stdout', secrets.log);
      const error = { code: 'x', message: secrets.error };
      return { status: 'unknown', output: JSON.stringify(secrets.output), error };
    };
    await advance(id);
    await untilDecidable(service, id);
    const verdict = { seq: 1, verdict: 'succeeded', reason: secrets.reason, evidence: secrets.evidence };
    const output = JSON.stringify(secrets.output);
    const answer = await service.ask({
      method: 'POST',
      path: `/instances/${id}/verdict`,
      body: { ...verdict, output },
    });
    expect(answer.status).toBe(200);
    await advance(id);
    const done = { result: 'failed', note: secrets.note };
    await service.ask({ method: 'POST', path: `/instances/${id}/cells/look/done`, body: done });
    await service.ask({ path: `/instances/${id}` });
    await service.ask({ path: `/instances/${id}/journal` });
    await service.ask({ path: `/instances/${id}/notes` });
    await service.ask({ method: 'POST', path: `/instances/${id}/cancel`, body: { reason: secrets.reason } });
    await publish(service, documentOf('bad', [`name=one bogus=${secrets.code}`]));
    await service.ask({ method: 'POST', path: `/instances/${id}/advance`, body: { cell: `x ${secrets.note}` } });
    await service.ask({ method: 'POST', path: `/instances/${id}/advance`, body: `{${secrets.note}` });
    await service.ask({ method: 'POST', path: `/instances/${id}/advance`, body: { [secrets.note]: 1 } });
    const params = { [secrets.parameter]: 1, password: [secrets.parameter] };
    await service.ask({ method: 'POST', path: '/runbooks/demo/instances', body: { params } });
    expect(linesOf('answered').length).toBeGreaterThan(6);
    for (const [what, secret] of Object.entries(secrets)) {
      expect(written.text.includes(secret), `${what} in the log`).toBe(false);
    }
  });

  test('of a defect hold its name and its stack, and the answer names the request', async () => {
    const broken = createApi(
      (telemetry) =>
        ({
          auth: 'local',
          telemetry,
          answerWithinMs: 1,
          clock: { nowMs: () => 0 },
          engine: {
            list: async () => {
              throw new TypeError(`cannot read ${secrets.output}`);
            },
          },
        }) as unknown as ApiDeps,
    );
    const answer = answeredOf(await broken(eventOf({ path: '/instances' }), contextOf()));
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal', title: 'Internal Server Error' } });
    expect(JSON.stringify(answer.body)).not.toContain('hunter2');
    expect(linesOf('failed')).toMatchObject([
      { level: 'ERROR', code: 'internal', error: 'TypeError', stack: expect.any(Array) },
    ]);
    expect(written.text).not.toContain('hunter2');
  });

  test('a deployment that is not supported answers so, whatever is asked', async () => {
    const refused = createApi(() => {
      throw new PawlError('deployment.unsupported', 'PAWL_TABLES is not set.');
    });
    for (const path of ['/instances', '/health']) {
      const answer = answeredOf(await refused(eventOf({ path }), contextOf()));
      expect(answer).toMatchObject({ status: 500, body: { code: 'deployment.unsupported' } });
    }
  });

  test('an event that is none is a problem, too', async () => {
    const api = createApi(() => {
      throw new Error('never opened');
    });
    for (const event of [{}, { rawPath: 7 }, { rawPath: '/', requestContext: {} }]) {
      const answer = answeredOf(await api(event, contextOf()));
      expect(answer).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
    }
  });
});

describe('an outcome that the store did not take', () => {
  test('leaves in the log how the step ended, without what it returned, and is counted', () => {
    const telemetry = createTelemetry();
    const outcome = {
      kind: 'outcome',
      closes: 3,
      cell: 'one',
      visit: 1,
      attempt: 2,
      status: 'failed',
      then: 'halt',
      exitCode: 1,
      durationMs: 7,
      error: { code: 'cell.threw', message: secrets.error },
      output: { kind: 'inline', text: secrets.output },
      note: secrets.note,
    };
    const cause = { code: 'store.unavailable', message: 'no answer' };
    const item = JSON.stringify({ v: 1, instanceId: 'deploy-7', about: 3, token: 'f'.repeat(32), outcome });
    telemetry.observe({ kind: 'outcome.unrecorded', instanceId: 'deploy-7', seq: 3, cell: 'one', cause, item });
    telemetry.metrics.publishStoredMetrics();
    expect(linesOf('outcome.unrecorded')).toMatchObject([
      {
        level: 'ERROR',
        instanceId: 'deploy-7',
        seq: 3,
        cell: 'one',
        about: 3,
        token: 'f'.repeat(32),
        visit: 1,
        attempt: 2,
        status: 'failed',
        then: 'halt',
        exitCode: 1,
        durationMs: 7,
        errorCode: 'cell.threw',
      },
    ]);
    expect(metricsIn(written.lines, 'OutcomeUnrecorded')).toEqual([{ value: 1 }]);
    expect(written.text).not.toContain('hunter2');
  });

  test.each([
    ['view.unsaved', {}],
    ['view.unarmed', { cell: 'one' }],
    ['note.unwritten', { note: secrets.log }],
    ['wake.unsent', { cell: undefined }],
    ['wake.interrupted', {}],
    ['look.unwritten', { seq: 3, cell: 'one' }],
    ['subscription.left', { cell: 'one' }],
    ['approval.unsettled', { cell: 'one' }],
    ['outcome.fallback', { seq: 3, cell: 'one' }],
  ] as const)('%s is a warning, with its cause', (kind, more) => {
    const telemetry = createTelemetry();
    const cause = { code: 'store.unavailable', message: 'No answer (TimeoutError)' };
    telemetry.observe({ kind, instanceId: 'deploy-7', cause, ...more } as EngineEvent);
    const said = {
      level: 'WARN',
      instanceId: 'deploy-7',
      code: 'store.unavailable',
      error: 'No answer (TimeoutError)',
    };
    expect(linesOf(kind)).toMatchObject([said]);
  });

  test('an expectation that errs again and again is a warning, without its text', () => {
    const telemetry = createTelemetry();
    telemetry.observe({ kind: 'poll.erring', instanceId: 'deploy-7', seq: 3, cell: 'one', times: 3 });
    expect(linesOf('poll.erring')).toMatchObject([
      { level: 'WARN', instanceId: 'deploy-7', seq: 3, cell: 'one', times: 3 },
    ]);
  });

  test('what else an event may carry is not logged', () => {
    const telemetry = createTelemetry();
    const cause = { code: 'store.unavailable', message: 'no answer' };
    telemetry.observe({ kind: 'note.unwritten', instanceId: 'deploy-7', note: secrets.log, cause });
    expect(linesOf('note.unwritten')).toMatchObject([{ level: 'WARN', instanceId: 'deploy-7' }]);
    expect(written.text).not.toContain('hunter2');
  });
});

describe('metrics', () => {
  test('names are those that alarms and dashboard watch', () => {
    expect(Object.values(metricNames).sort()).toEqual([
      'Advances',
      'CellTimeMs',
      'Conflicts',
      'DueBacklog',
      'DueOldestAgeMs',
      'HandOversFailed',
      'InDoubt',
      'JournalAltered',
      'JournalBroken',
      'OutcomeUnrecorded',
      'PlaceUnmanned',
    ]);
  });

  test('advances by result, and the time of cells', async () => {
    const id = await start(service, 'plain');
    await advance(id);
    await advance(id);
    expect(metricsIn(written.lines, 'Advances')).toEqual([
      { value: 1, result: 'advanced' },
      { value: 1, result: 'completed' },
    ]);
    expect(metricsIn(written.lines, 'CellTimeMs')).toHaveLength(2);
  });

  test('are embedded in the log as CloudWatch reads them, under the namespace and the service', async () => {
    const id = await start(service, 'plain');
    await advance(id);
    const [advances] = written.lines.filter((line) => 'Advances' in line);
    expect(advances).toMatchObject({
      service: 'test',
      _aws: {
        CloudWatchMetrics: [
          {
            Namespace: 'Pawl',
            Dimensions: [['service', 'result']],
            Metrics: [{ Name: 'Advances', Unit: 'Count' }],
          },
        ],
      },
    });
    const [time] = written.lines.filter((line) => 'CellTimeMs' in line);
    expect(time).toMatchObject({
      _aws: { CloudWatchMetrics: [{ Dimensions: [['service']], Metrics: [{ Unit: 'Milliseconds' }] }] },
    });
  });

  test('conflicts: one for every slot that somebody else took', () => {
    const telemetry = createTelemetry();
    const put = {
      instanceId: 'deploy-7',
      seq: 3,
      cell: 'one',
      meant: 'reserved',
      stands: 'cancelled',
      hash: 'h',
    } as const;
    for (const kind of ['put.conflict', 'put.written', 'put.conflict', 'self_conflict'] as const)
      telemetry.observe({ ...put, kind });
    telemetry.metrics.publishStoredMetrics();
    expect(metricsIn(written.lines, 'Conflicts')).toEqual([{ value: 1 }, { value: 1 }]);
  });
});

describe('trace context', () => {
  const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

  test('stands in the journal and is handed to cells', async () => {
    const seen: unknown[] = [];
    service.cells.execute = async (input) => {
      seen.push(input.trace);
      return { status: 'completed', output: '1' };
    };
    const id = await start(service, 'plain');
    await advance(id, { traceparent: trace });
    const { body } = await service.ask({ path: `/instances/${id}/journal`, query: 'after=0' });
    for (const { by } of body.entries as { by: object }[]) expect(by).toMatchObject({ trace });
    expect(seen).toEqual([trace]);
  });

  test('goes on to what is handed over', async () => {
    const id = await start(service, 'plain');
    service.handed.length = 0;
    await advance(id, { traceparent: trace, prefer: 'respond-async' });
    expect(service.handed).toMatchObject([{ by: { trace } }]);
    await service.work(service.handed[0]);
    const { body } = await service.ask({ path: `/instances/${id}/journal`, query: 'after=0' });
    for (const { by } of body.entries as { by: object }[]) expect(by).toMatchObject({ trace });
  });

  test.each([
    ['of zeros', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`],
    ['of another version', `ff${trace.slice(2)}`],
    ['in capitals', trace.toUpperCase()],
    ['that is too long', `${trace}-00`],
    ['of words', 'hello'],
  ])('%s is left out', async (_, traceparent) => {
    const id = await start(service, 'plain');
    expect(await advance(id, { traceparent })).toMatchObject({ status: 200 });
    const { body } = await service.ask({ path: `/instances/${id}/journal`, query: 'after=0' });
    for (const { by } of body.entries as { by: object }[]) expect(by).not.toHaveProperty('trace');
  });
});

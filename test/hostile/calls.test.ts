/** Callers of the service who mean harm: nothing is stored, nothing runs, and the refusal says what was refused. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createExecute } from '../../src/cells/index.ts';
import { limits } from '../../src/engine/index.ts';
import { createTick } from '../../src/handlers/tick.ts';
import { testRunbook } from '../../src/testing/index.ts';
import { contextOf, documentOf, openService, publish, type Service, start } from '../handlers/support.ts';
import { serve } from './support.ts';

let service: Service;
beforeAll(async () => {
  service = await openService();
  await publish(service, documentOf('one', ['name=only']));
});
afterAll(() => service.world.drop());

const post = (path: string, body: object) => service.ask({ method: 'POST', path, body });

test('hostile 51: an instance of another deployment is answered as one that never was, whatever is asked of it', async () => {
  const other = await openService();
  await publish(other, documentOf('one', ['name=only']));
  await start(other, 'one', { instanceId: 'theirs' });
  await other.ask({ method: 'POST', path: '/instances/theirs/run', body: {} });
  const asked = [
    { path: '' },
    { path: '/journal' },
    { path: '/notes' },
    { path: '/outputs/1' },
    { method: 'POST', path: '/advance', body: {} },
    { method: 'POST', path: '/run', body: {} },
    { method: 'POST', path: '/cancel', body: { reason: 'mine' } },
    { method: 'POST', path: '/verdict', body: { seq: 1, verdict: 'retry', reason: 'mine' } },
    { method: 'POST', path: '/undo', body: { reason: 'mine' } },
    { method: 'POST', path: '/release', body: { reason: 'mine' } },
    { method: 'POST', path: '/cells/only/done', body: { result: 'done', note: 'mine' } },
  ];
  const of = async (id: string) =>
    await Promise.all(
      asked.map(async ({ path, ...more }) => {
        const { status, body } = await service.ask({ ...more, path: `/instances/${id}${path}` });
        const { request, ...told } = body;
        expect(request).toMatch(/^request-/);
        return [status, JSON.stringify(told).replaceAll(id, 'ID')];
      }),
    );
  const theirs = await of('theirs');
  expect(theirs).toEqual(await of('nobody'));
  expect(new Set(theirs.map(([status]) => status))).toEqual(new Set([404]));
  const listed = await service.ask({ path: '/instances' });
  expect(JSON.stringify(listed.body)).not.toContain('theirs');
  const { body } = await other.ask({ path: '/instances/theirs/journal' });
  expect((body.entries as { kind: string }[]).map(({ kind }) => kind)).toEqual([
    'started',
    'control',
    'reserved',
    'outcome',
  ]);
  await other.world.drop();
});

test.each(['tenant', 'deployment', 'actor', 'by'])(
  'hostile 52: %s in the body of a request is refused by name, and nothing runs',
  async (field) => {
    const id = await start(service, 'one');
    const begun = service.cells.begun.length;
    const { status, body } = await post(`/instances/${id}/advance`, { [field]: 'somebody-else' });
    expect([status, body.code]).toEqual([400, 'request.invalid']);
    expect(JSON.stringify(body)).toContain(field);
    expect(service.cells.begun).toHaveLength(begun);
  },
);

test('hostile 53: an instance named `a` and one named `ab` share nothing, and neither does a list', async () => {
  await publish(service, documentOf('a', ['name=only']));
  await publish(service, documentOf('ab', ['name=only']));
  await start(service, 'a', { instanceId: 'a' });
  await start(service, 'ab', { instanceId: 'ab' });
  await post('/instances/ab/run', {});
  const { body } = await service.ask({ path: '/instances/a/journal' });
  expect((body.entries as { kind: string }[]).map(({ kind }) => kind)).toEqual(['started']);
  const listed = await service.ask({ path: '/instances', query: 'runbook=a' });
  expect((listed.body.views as { instanceId: string }[]).map(({ instanceId }) => instanceId)).toEqual(['a']);
});

test('hostile 54: of 200 advances at once one runs the cell; every other one is told, and runs nothing', async () => {
  // With time enough to begin, however late two hundred at once are answered.
  await publish(service, documentOf('rushed', ['name=only timeout=15s']));
  const id = await start(service, 'rushed');
  const begun = service.cells.begun.length;
  const asked = Array.from({ length: 200 }, () => post(`/instances/${id}/advance`, { cell: 'only', expectedSeq: 0 }));
  const answers = await Promise.all(asked);
  expect(service.cells.begun).toHaveLength(begun + 1);
  const codes = answers.map(({ status, body }) => (status === 200 ? 'ran' : `${status} ${body.code ?? 'later'}`));
  expect(codes.filter((code) => code === 'ran')).toHaveLength(1);
  const others = new Set(codes.filter((code) => code !== 'ran'));
  // Two hundred at once can be more than the table service of a busy machine answers in time: told as well, and safely.
  // Where there is no time left to begin it is handed to `work`, and the answer is where to look.
  const told = ['202 later', '409 step.inFlight', '409 seq.stale', '409 instance.finished', '503 store.unavailable'];
  expect([...others].filter((code) => !told.includes(code))).toEqual([]);
  expect(codes.filter((code) => code === '503 store.unavailable').length).toBeLessThan(100);
});

test.each([
  ['status', 'halted OR 1=1'],
  ['status', "halted' OR '1'='1"],
  ['runbook', 'one) OR attribute_exists(instanceId'],
  ['runbook', '#pk = :pk'],
  ['runbook', '*'],
])('hostile 57: the filter %s = %j is a value and nothing else', async (name, value) => {
  const { status, body } = await service.ask({ path: '/instances', query: `${name}=${encodeURIComponent(value)}` });
  expect([status, body.code]).toEqual([400, 'request.invalid']);
  expect(body.views).toBeUndefined();
});

test('hostile 58: a verdict about a step that is not in doubt, or without a reason, is refused', async () => {
  const id = await start(service, 'one');
  await post(`/instances/${id}/run`, {});
  const finished = await post(`/instances/${id}/verdict`, { seq: 1, verdict: 'retry', reason: 'again' });
  expect(finished.status).toBe(409);
  const unreasoned = await post(`/instances/${id}/verdict`, { seq: 1, verdict: 'retry', reason: '' });
  expect([unreasoned.status, unreasoned.body.code]).toEqual([400, 'request.invalid']);
});

test('hostile 56: a million ids, or an event that is none, sent to work is refused as a whole', async () => {
  const begun = service.cells.begun.length;
  const ids = Array.from({ length: 1_000_000 }, (_, i) => `i${i}`);
  await expect(service.work({ instanceIds: ids })).rejects.toThrow();
  await expect(service.work({ kind: 'advance', instanceId: '../x' })).rejects.toThrow();
  expect(service.cells.begun).toHaveLength(begun);
});

test('hostile 56: a forged tick makes nothing due: what it says is not read', async () => {
  const handed: unknown[] = [];
  const tick = createTick((telemetry) => ({
    nowMs: async () => Date.now(),
    due: async () => ({ due: [], next: null }),
    places: ['local'],
    home: 'local',
    // A quarter of an hour may begin in any test.
    handOver: async (event) => 'sweep' in event || handed.push(event) > 0,
    fraction: () => 0.5,
    telemetry,
  }));
  const ids = Array.from({ length: 1_000_000 }, (_, i) => `i${i}`);
  expect(await tick({ instanceIds: ids, due: ids, explicit: true }, contextOf())).toMatchObject({
    due: 0,
    handedOver: 0,
  });
  expect(handed).toEqual([]);
});

/** How long each failed attempt of a cell is to wait before the next one, and how much later that was reserved. */
const pausesIn = async (id: string): Promise<{ pauseMs: number; sooner: number }[]> => {
  const { body } = await service.ask({ path: `/instances/${id}/journal` });
  const entries = body.entries as { kind: string; then?: string; atMs: number; dueAtMs?: number | null }[];
  return entries.flatMap(({ kind, then, atMs, dueAtMs }, seq) => {
    if (kind !== 'outcome' || then !== 'retry') return [];
    const next = entries.slice(seq + 1).find((entry) => entry.kind === 'reserved');
    return [{ pauseMs: (dueAtMs ?? 0) - atMs, sooner: (dueAtMs ?? 0) - (next?.atMs ?? 0) }];
  });
};

describe('money', () => {
  const failing = (attributes: string): string =>
    `---\nrunbook: costs\n---\n\`\`\`sh { name=fails ${attributes} }\nexit 1\n\`\`\`\n`;
  afterEach(() => {
    service.cells.execute = async () => ({ status: 'completed', output: '{}' });
  });

  test('hostile 67: a cell that fails at once is tried as often as it says, and then halts', async () => {
    let tried = 0;
    const report = await testRunbook(failing('retry=100'), {
      stubs: {
        fails: () => {
          tried += 1;
          throw new Error('no');
        },
      },
    });
    expect([tried, report.result]).toEqual([101, 'halted']);
  });

  test('hostile 67: between two attempts it waits for up to twice as long each time', async () => {
    await publish(service, failing('retry=3'));
    service.cells.execute = async () => ({ status: 'failed', error: { code: 'cell.exit', message: 'no' } });
    const id = await start(service, 'costs');
    // A busy machine does not get through it in one call.
    let result: unknown;
    do result = (await post(`/instances/${id}/run`, {})).body.result;
    while (result === 'deferred');
    expect(result).toBe('halted');
    const pauses = await pausesIn(id);
    expect(pauses).toHaveLength(3);
    for (const [n, { pauseMs, sooner }] of pauses.entries()) {
      expect(pauseMs).toBeGreaterThanOrEqual(0);
      expect(pauseMs).toBeLessThanOrEqual(limits.retryBackoffFirstMs * 2 ** n);
      expect(sooner).toBeLessThanOrEqual(0);
    }
    // Anywhere up to that: all at once they would hit what has just failed. Three times nothing does not happen.
    expect(Math.max(...pauses.map(({ pauseMs }) => pauseMs))).toBeGreaterThan(0);
  });

  test('hostile 34: "come again in ten years" is no more than the limit: nothing is asked until then', async () => {
    let asked = 0;
    const host = await serve((_request, response) => {
      asked += 1;
      response.writeHead(asked === 1 ? 429 : 200, { 'retry-after': '315360000' }).end();
    });
    service.cells.execute = createExecute({ httpAllow: [host] });
    await publish(service, documentOf('patient', [`\`\`\`http { name=a retry=1 }\nGET http://${host}/\n\`\`\``]));
    const id = await start(service, 'patient');
    const { body } = await post(`/instances/${id}/run`, {});
    expect([asked, body.result]).toEqual([1, 'deferred']);
    const [pause, ...others] = await pausesIn(id);
    expect(others).toEqual([]);
    expect(pause?.pauseMs).toBeLessThanOrEqual(limits.retryAfterMsMax);
  });

  test('hostile 67: more than a hundred retries are refused by name of the limit', async () => {
    await expect(testRunbook(failing('retry=101'))).rejects.toMatchObject({
      code: 'runbook.invalid',
      message: expect.stringContaining('100'),
    });
  });

  test.each([
    ['9999-12-31T23:59:59Z', 'halted'],
    ['1970-01-01T00:00:00Z', 'completed'],
  ])('hostile 68: a wait until %s: %s, decided once', async (until, result) => {
    const report = await testRunbook(
      '---\nrunbook: waits\nparams: { at: { type: string } }\n---\n```wait { name=w until="{{ params.at }}" }\n```\n',
      {
        params: { at: until },
      },
    );
    expect(report.result).toBe(result);
    expect(report.cells[0]?.crashes.filter(({ after }) => after === 'outcome')).toHaveLength(1);
  });
});

/** The service as `npm run dev` runs it: HTTP, the schedule, functions that call one another, on a file of SQLite. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { begin, until } from '../cli/support.ts';
import { createWitness, type Witness } from '../support/witness.ts';
import {
  type Answer,
  type Dev,
  journalOf,
  newDataDir,
  removeDataDir,
  startDev,
  stopDev,
  untilStatus,
  viewOf,
} from './support.ts';

let dataDir: string;
let witness: Witness;
let dev: Dev;

const heldRunbook = (id: string, timeout: string) => `---
runbook: ${id}
title: An effect that can be counted, then another
---
\`\`\`http { name=effect timeout=${timeout} }
POST ${witness.url}/effect

${id}
\`\`\`
\`\`\`http { name=after timeout=5s }
POST ${witness.url}/effect

after
\`\`\`
`;

const quickRunbook = `---
runbook: quick
title: Two cells of code
params:
  n: { type: integer, default: 1 }
---
\`\`\`js { name=double }
export default ({ params }) => ({ n: params.n * 2 });
\`\`\`
\`\`\`cel { expect=double }
output.n == params.n * 2
\`\`\`
\`\`\`js { name=again }
export default ({ outputs }) => ({ n: outputs.double.n * 2 });
\`\`\`
`;

/** Effects of one instance: its id is part of every key. */
const effectsOf = (instanceId: string): string[] => witness.effects.filter((key) => key.includes(`/${instanceId}/`));

const code = ({ body }: Answer) => body.code;

/** Effects wait from now on until this is called. */
const hold = (): (() => void) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  witness.onEffect(() => promise);
  return resolve;
};

beforeAll(async () => {
  [dataDir, witness] = await Promise.all([newDataDir(), createWitness()]);
  dev = await startDev(dataDir, { PAWL_HTTP_ALLOW: witness.host });
  for (const source of [quickRunbook, heldRunbook('held', '18s'), heldRunbook('long', '60s')]) {
    const { status, body } = await dev.publish(source);
    expect(status, JSON.stringify(body)).toBe(201);
  }
});
afterEach(() => witness.onEffect(() => {}));
afterAll(async () => {
  await stopDev(dev);
  await witness.close();
  await removeDataDir(dataDir);
});

describe('over HTTP', () => {
  it('publishes once: the same content answers with the version that exists', async () => {
    const again = await dev.publish(quickRunbook);
    expect([again.status, again.body]).toEqual([
      200,
      expect.objectContaining({ version: 1, cells: 2, created: false }),
    ]);
  });

  it('runs to the end, code cells in their own function, and says how the whole run stands', async () => {
    const id = await dev.start('quick', { params: { n: 4 } });
    const { status, body } = await dev.ask('POST', `/instances/${id}/run`);
    expect([status, body.result, body.verdict]).toEqual([200, 'completed', 'passed']);
    const { body: instance } = await dev.ask('GET', `/instances/${id}`);
    expect((instance.cells as { output: string }[]).map(({ output }) => output)).toEqual(['{"n":8}', '{"n":16}']);
    expect(await journalOf(dev, id)).toEqual([
      'started',
      'control', // It was started in drive `manual`; `run` says `auto`.
      'reserved double',
      'outcome double completed + again',
      'outcome again completed',
    ]);
  });

  it('8 callers of it, and commands on the same folder beside them: every run completes, and both see all of them', async () => {
    const source = '---\nrunbook: beside\ntitle: Beside\n---\n```js { name=a }\nexport default () => 1;\n```\n';
    expect((await dev.publish(source)).status).toBe(201);
    const folder = await mkdtemp(join(tmpdir(), 'pawl-beside-'));
    try {
      await writeFile(join(folder, 'beside.md'), source);
      const env = { PAWL_DATA_DIR: dev.dataDir, PAWL_DEPLOYMENT: 'local' };
      const commands = [0, 1, 2].map((n) => begin(folder, ['run', 'beside.md', '--instance', `command-${n}`], { env }));
      const ids = await Promise.all(Array.from({ length: 8 }, () => dev.start('beside')));
      const ran = await Promise.all(ids.map((id) => dev.ask('POST', `/instances/${id}/run`)));
      // On a busy machine one is answered before its end (202), and goes on by itself.
      expect(ran.filter(({ status }) => status !== 200 && status !== 202)).toEqual([]);
      for (const id of ids) await untilStatus(dev, id, 'completed');
      for (const { ended } of commands) expect((await ended).exit).toBe(0);
      for (const n of [0, 1, 2]) await untilStatus(dev, `command-${n}`, 'completed');
      const listed = await begin(folder, ['list', '--runbook', 'beside', '--limit', '100', '--json'], { env }).ended;
      expect((listed.json.views as unknown[]).length).toBe(11);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('64 callers at once, one effect: one is told 200, the others who holds the step or that it moved on', async () => {
    // Warm: a function that starts takes longer than what is looked at here.
    await Promise.all(Array.from({ length: 64 }, () => dev.ask('GET', '/instances')));
    const id = await dev.start('held');
    const release = hold();
    let told = 0;
    const answers = await Promise.all(
      Array.from({ length: 64 }, async () => {
        const answer = await dev.ask('POST', `/instances/${id}/advance`, { cell: 'effect', expectedSeq: 0 });
        told += 1;
        if (told === 63) release();
        return answer;
      }),
    );
    const [won, ...more] = answers.filter(({ status }) => status === 200);
    expect(more).toEqual([]);
    expect(won?.body).toMatchObject({ result: 'advanced', steps: [{ cell: 'effect', seq: 1, status: 'completed' }] });
    expect(effectsOf(id)).toHaveLength(1);
    expect(await journalOf(dev, id)).toEqual(['started', 'reserved effect', 'outcome effect completed']);

    const others = answers.filter((answer) => answer !== won);
    expect(others).toHaveLength(63);
    for (const { status, headers, body } of others) {
      expect([status, headers.get('content-type')]).toEqual([409, 'application/problem+json']);
      if (body.code === 'step.inFlight') {
        const holder = { cell: 'effect', seq: 1, by: expect.objectContaining({ actor: 'alice', via: 'api' }) };
        expect(body).toMatchObject({ instanceId: id, holder, view: { status: 'running', seq: 1 } });
        expect(body.ageMs).toBeTypeOf('number');
        expect(body.deadlineAt).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
        expect(headers.get('retry-after')).toMatch(/^\d+$/);
      } else {
        expect(body).toMatchObject({ code: 'seq.stale', expectedSeq: 0, seq: 1, view: { status: 'running', seq: 1 } });
      }
    }
  });

  it('lists views page by page, newest first, each once; and a journal in the same way', async () => {
    const started: string[] = [];
    for (const n of [1, 2, 3, 4, 5]) started.push(await dev.start('quick', { params: { n }, instanceId: `page-${n}` }));
    const seen: string[] = [];
    const sizes: number[] = [];
    let next = '';
    do {
      const mark = next === '' ? '' : `&next=${encodeURIComponent(next)}`;
      const { body } = await dev.ask('GET', `/instances?runbook=quick&status=ready&limit=2${mark}`);
      const ids = (body.views as { instanceId: string }[]).map(({ instanceId }) => instanceId);
      sizes.push(ids.length);
      seen.push(...ids);
      next = (body.next as string | null) ?? '';
    } while (next !== '');
    expect(seen).toEqual(started.toReversed());
    expect(Math.max(...sizes)).toBe(2);

    await dev.ask('POST', '/instances/page-1/run');
    const first = await dev.ask('GET', '/instances/page-1/journal?limit=2');
    const second = await dev.ask('GET', `/instances/page-1/journal?limit=4&after=${first.body.next}`);
    const seqs = ({ body }: Answer) => (body.entries as { seq: number }[]).map(({ seq }) => seq);
    expect([seqs(first), seqs(second), second.body.next]).toEqual([[0, 1], [2, 3, 4], null]);
  });

  it('cancels while a cell runs: says what may still run, records how it ended, begins nothing more', async () => {
    const id = await dev.start('held');
    const release = hold();
    const before = witness.effects.length;
    const running = dev.ask('POST', `/instances/${id}/advance`, { maxCells: 'all' });
    await witness.effectsReach(before + 1);
    const { status, body } = await dev.ask('POST', `/instances/${id}/cancel`, { reason: 'reverted' });
    expect([status, body.mayStillRun]).toEqual([202, expect.objectContaining({ cell: 'effect', seq: 1 })]);
    release();
    const { body: ended } = await running;
    expect(ended).toMatchObject({ result: 'cancelled', view: { status: 'cancelled' } });
    expect(await journalOf(dev, id)).toEqual(['started', 'reserved effect', 'cancelled', 'outcome effect completed']);
    expect(effectsOf(id)).toHaveLength(1);
  });

  it('what does not fit into a call goes on after 202, at the Location, to its end, under the name of its caller', async () => {
    const id = await dev.start('long');
    const release = hold();
    const { status, headers, body } = await dev.ask('POST', `/instances/${id}/run`);
    expect([status, headers.get('location'), body.result]).toEqual([202, `/instances/${id}`, 'deferred']);
    expect((await viewOf(dev, id)).status).toBe('running');
    release();
    await untilStatus(dev, id, 'completed');
    expect(effectsOf(id)).toHaveLength(2);
    const { body: journal } = await dev.ask('GET', `/instances/${id}/journal`);
    const reserved = (journal.entries as { kind: string; by: object }[]).find(({ kind }) => kind === 'reserved');
    expect(reserved?.by).toMatchObject({ actor: 'alice', via: 'api' });
  });

  it('does so at once for whoever prefers it', async () => {
    const id = await dev.start('held');
    const release = hold();
    const asked = dev.ask('POST', `/instances/${id}/advance`, { maxCells: 'all' }, { prefer: 'respond-async' });
    const { status, headers } = await asked;
    release();
    expect([status, headers.get('location')]).toEqual([202, `/instances/${id}`]);
    await untilStatus(dev, id, 'completed');
    expect(effectsOf(id)).toHaveLength(2);
  });

  it('answers programs of this machine, not pages of others', async () => {
    const { status, body } = await dev.ask('GET', '/instances', undefined, { origin: 'http://elsewhere.example' });
    expect([status, body.code]).toEqual([403, 'request.foreign']);
  });
});

describe('by itself', () => {
  it('the schedule finishes an `auto` instance that nobody touches, and leaves a `manual` one alone', async () => {
    const [auto, manual] = [await dev.start('quick', { drive: 'auto' }), await dev.start('quick')];
    // A minute for the next tick, and more for a slow machine.
    await untilStatus(dev, auto, 'completed', 240_000);
    expect(await journalOf(dev, auto)).toContain('outcome again completed');
    expect(await journalOf(dev, manual)).toEqual(['started']);
    const { body } = await dev.ask('GET', `/instances/${auto}/journal?after=0&limit=1`);
    expect((body.entries as { by: { via: string } }[])[0]?.by.via).toBe('tick');
  }, 300_000);

  it('work delivered many times, and late, runs what was asked for once', async () => {
    const id = await dev.start('held');
    const by = { actor: 'alice', via: 'api', where: 'a-request' };
    const event = { instanceId: id, by, explicit: true, expectedSeq: 0, maxCells: 1 };
    const release = hold();
    let told = 0;
    const answers = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const answer = (await dev.invoke('work', event, 'RequestResponse')) as { result: string };
        told += 1;
        if (told === 7) release();
        return answer.result;
      }),
    );
    expect(answers.filter((result) => result === 'advanced')).toHaveLength(1);
    expect(
      answers.filter((result) => result === 'advanced' || result === 'seq.stale' || result === 'in_flight'),
    ).toHaveLength(8);
    for (let late = 0; late < 3; late += 1)
      expect(await dev.invoke('work', event, 'RequestResponse')).toMatchObject({ result: 'seq.stale' });
    expect(await journalOf(dev, id)).toEqual(['started', 'reserved effect', 'outcome effect completed']);
    expect(effectsOf(id)).toHaveLength(1);
  });

  it('ticks delivered many times at once, and again, run each due cell once', async () => {
    const ids = [await dev.start('held', { drive: 'auto' }), await dev.start('held', { drive: 'auto' })];
    const tick = { version: '0', 'detail-type': 'Scheduled Event', source: 'aws.events', detail: {} };
    await Promise.all(Array.from({ length: 6 }, () => dev.invoke('tick', tick, 'RequestResponse')));
    for (const id of ids) await untilStatus(dev, id, 'completed');
    await dev.invoke('tick', tick, 'RequestResponse');
    for (const id of ids) {
      // A busy machine may not begin a body in time: then that is recorded, and it is reserved again.
      const journal = await journalOf(dev, id);
      const begun = journal.filter(
        (entry, at) => !entry.endsWith(' never') && journal[at - 1]?.endsWith(' never') !== true,
      );
      expect(begun).toEqual([
        'started',
        'reserved effect',
        'outcome effect completed + after',
        'outcome after completed',
      ]);
      expect(effectsOf(id)).toHaveLength(2);
    }
  });

  it('an asynchronous invocation that throws takes nothing down with it', async () => {
    await dev.invoke('work', { nonsense: true }, 'Event');
    await until('the error in the log of work', () => /"level":"ERROR".*work/.test(dev.out()));
    const { status, body } = await dev.ask('GET', '/health');
    expect([status, body]).toEqual([200, { status: 'ok' }]);
    expect(code(await dev.ask('GET', '/nowhere'))).toBe('route.unknown');
  });
});

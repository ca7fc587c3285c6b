/** A network that loses, delays, repeats, cuts and lies, between the engine and its store, and between cells and targets. */
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createHttp } from '../../src/cells/index.ts';
import { type CellInput, type Execute, isPawlError, type Unrecorded } from '../../src/engine/index.ts';
import { createClient, createStore } from '../../src/store/index.ts';
import { runbookOf } from '../engine/runbooks.ts';
import { engineOn } from '../support/engine.ts';
import { attemptsOf } from '../support/scene.ts';
import { createWitness } from '../support/witness.ts';
import { freshStore } from '../support/world.ts';
import { createDraw } from './draw.ts';
import { judge } from './judge.ts';
import type { Saw } from './processes.ts';
import { createWire, type Wire, type WireFault, wireFaults } from './wire.ts';

const each = 300;
const graceMs = 1_000;
const portOf = (endpoint: string): number => Number(new URL(endpoint).port);
/** The kind that has struck least: none waits for its turn for long. */
const rarest = ({ counts }: Wire): WireFault =>
  wireFaults.reduce((least, fault) => (counts[fault] < counts[least] ? fault : least));
const enough = ({ counts }: Wire): boolean => wireFaults.every((fault) => counts[fault] >= each);
const dynamo = (name: string): string =>
  JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: name });

test(`between engine and store, each kind of fault ${each} times: no step begins twice without a permission, none is lost`, async () => {
  const fresh = await freshStore('dynamodb');
  const draw = createDraw(Date.now());
  let breaking = true;
  const wire: Wire = await createWire({
    port: portOf(fresh.endpoint),
    // In waves: what a single fault does the retries of a client make good, what is away for a while they do not.
    next: () => (breaking && draw.chance(performance.now() % 4_000 < 1_500 ? 0.97 : 0.2) ? rarest(wire) : undefined),
    refusals: {
      answer400: { status: 400, body: dynamo('ValidationException') },
      answer500: { status: 500, body: dynamo('InternalServerError') },
      throttle: { status: 400, body: dynamo('ProvisionedThroughputExceededException') },
    },
    fraction: draw.fraction,
  });
  const seen: Saw[] = [];
  const execute: Execute = async ({ step: { idempotencyKey: key, seq } }) => {
    seen.push({ what: 'begin', key, seq });
    await wait(draw.int(15));
    seen.push({ what: 'effect', key, seq });
    return { status: 'completed', output: '{}' };
  };
  const aside: Unrecorded[] = [];
  const base = { execute, deployment: { name: 'wire', epoch: 0, takeoverGraceMs: graceMs } };
  const clients = Array.from({ length: 4 }, () => createClient({ endpoint: `http://${wire.host}` }));
  const engines = clients.map(({ client, clock }) =>
    engineOn(createStore(client, { tablesPrefix: fresh.prefix, clock }), {
      ...base,
      setAside: async (item) => void aside.push(item),
    }),
  );
  /** Past the wire: who publishes, decides, redrives, and at last finishes. */
  const calm = engineOn(fresh.store, base);
  const by = { actor: 'wire', via: 'test', where: 'here' };
  const cell = (n: number) => ({
    timeoutMs: 500,
    interrupted: n % 2 === 0 ? ('hold' as const) : ('retry' as const),
    retryMax: 20,
  });
  await calm.publish(
    JSON.stringify(
      runbookOf(
        Array.from({ length: 8 }, (_, n) => cell(n)),
        { runbookId: 'wired' },
      ),
    ),
    by,
  );

  const told = new Map<string, number>();
  const tell = (code: string): void => void told.set(code, (told.get(code) ?? 0) + 1);
  const expected = [
    'store.unavailable',
    'store.misconfigured',
    'outcome.unrecorded',
    'seq.stale',
    'journal.broken',
    'instance.finished',
  ];
  /** What was seen of the key decides, as a person would who looks at the target. */
  const decide = async (instanceId: string): Promise<void> => {
    const entries = (await fresh.store.journal.page(instanceId, -1, 1_000)).map(({ entry }) => entry);
    const { open, halted } = entries.at(-1)?.state ?? {};
    const seq = open?.kind === 'reserved' ? open.seq : halted?.doubt === true ? halted.seq : undefined;
    const key = attemptsOf(entries).find((attempt) => attempt.seq === seq)?.key;
    if (seq === undefined || key === undefined) return;
    const happened = seen.some((one) => one.what === 'effect' && one.key === key);
    const verdict = happened ? 'succeeded' : 'retry';
    await calm.verdict(instanceId, { seq, verdict, reason: 'looked', by }).catch((error: unknown) => {
      if (!isPawlError(error)) throw error;
    });
  };
  const redrive = async (): Promise<void> => {
    for (const item of aside.splice(0)) await calm.redrive(item, by);
  };
  const ids: string[] = [];
  const push = async (instanceId: string): Promise<string | undefined> => {
    try {
      const { result } = await draw.pick(engines).advance(instanceId, { budgetMs: 20_000, maxCells: 3, by });
      tell(result);
      return result;
    } catch (error) {
      if (!isPawlError(error) || !expected.includes(error.code)) throw error;
      expect(error.message.length).toBeGreaterThan(20);
      tell(error.code);
      return undefined;
    }
  };
  const drive = async (): Promise<void> => {
    while (!enough(wire)) {
      const instanceId = `w${ids.length}`;
      ids.push(instanceId);
      await calm.start({ runbookId: 'wired', params: {}, instanceId, by });
      for (let turn = 0; turn < 400; turn += 1) {
        // Two callers at once, over lines of their own: one of them wins, whatever the lines tell them.
        const [one, other] = await Promise.all([push(instanceId), push(instanceId)]);
        if (one === 'completed' || other === 'completed') break;
        if ([one, other].some((result) => result === 'in_doubt' || result === 'halted')) await decide(instanceId);
        else if (one === 'in_flight' && other === 'in_flight') await wait(300);
        await redrive();
      }
    }
  };
  await Promise.all(Array.from({ length: 24 }, drive));
  breaking = false;
  await redrive();
  for (const instanceId of ids) {
    for (let turn = 0; turn < 100; turn += 1) {
      const { result } = await calm.run(instanceId, { budgetMs: 60_000, by });
      if (result === 'completed') break;
      if (result === 'in_doubt' || result === 'halted') await decide(instanceId);
      else await wait(200);
    }
  }
  const journals = new Map<string, Awaited<ReturnType<typeof entriesOf>>>();
  const entriesOf = async (id: string) => (await fresh.store.journal.page(id, -1, 10_000)).map(({ entry }) => entry);
  for (const id of ids) journals.set(id, await entriesOf(id));
  const permits = (cell: string): string[] =>
    Number(cell.slice(1)) % 2 === 0 ? ['person', 'retry'] : ['person', 'retry', 'interrupted'];
  const names = Array.from({ length: 8 }, (_, n) => `c${n}`);
  const { wrong, cellsCompleted, doubts } = judge(journals, seen, { permits, cells: names, mayBeUnseen: () => false });
  console.log(
    `${ids.length} instances, ${cellsCompleted} cells, ${doubts} doubts; faults ${JSON.stringify(wire.counts)}; told ${JSON.stringify(Object.fromEntries(told))}`,
  );
  expect(wrong).toEqual([]);
  expect(enough(wire)).toBe(true);
  expect(told.get('store.unavailable') ?? 0).toBeGreaterThan(0);
  for (const { client } of clients) client.destroy();
  await wire.close();
}, 300_000);

test(`between cells and targets, each kind of fault ${each} times: what an http cell says is true`, async () => {
  const witness = await createWitness();
  const draw = createDraw(Date.now());
  const faultOf = new Map<string, WireFault | undefined>();
  const wire: Wire = await createWire({
    port: portOf(witness.url),
    next: (request) => {
      const fault = draw.chance(0.9) ? rarest(wire) : undefined;
      faultOf.set(/idempotency-key: *(\S+)/i.exec(request)?.[1] ?? '', fault);
      return fault;
    },
    refusals: {
      answer400: { status: 400, body: '{"no":true}' },
      answer500: { status: 500, body: '{"no":true}' },
      throttle: { status: 429, body: '{"no":true}' },
    },
    fraction: draw.fraction,
  });
  const execute = createHttp({ httpAllow: [wire.host] });
  const inputOf = (n: number): CellInput => ({
    body: { kind: 'http', method: 'POST', url: `http://${wire.host}/effect`, headers: [], body: '{}' },
    params: {},
    outputs: {},
    step: {
      instanceId: 'i',
      runbookId: 'r',
      version: 1,
      cell: 'c',
      seq: n,
      visit: 1,
      attempt: 1,
      idempotencyKey: `key-${n}`,
      deadlineAtMs: Date.now() + 60_000,
    },
    timeoutMs: 10_000,
    signal: new AbortController().signal,
    log: () => {},
  });
  const said = new Map<string, number>();
  const untrue: string[] = [];
  let sent = 0;
  const caller = async (): Promise<void> => {
    while (!enough(wire)) {
      const n = sent++;
      const { status, error } = await execute(inputOf(n));
      const key = `key-${n}`;
      const fault = faultOf.get(key);
      const times = witness.effects.filter((one) => one === key).length;
      const line = `${fault ?? 'nothing'}: ${status} ${error?.code ?? ''}`.trim();
      said.set(line, (said.get(line) ?? 0) + 1);
      if (status === 'completed' && times === 0) untrue.push(`${line}, and it did not happen`);
      if ((status === 'failed' || status === 'never') && times > 0) untrue.push(`${line}, and it happened`);
      if (times > (fault === 'duplicate' ? 2 : 1)) untrue.push(`${line}, and it happened ${times} times`);
    }
  };
  await Promise.all(Array.from({ length: 24 }, caller));
  console.log(JSON.stringify(Object.fromEntries([...said].sort())));
  expect(untrue).toEqual([]);
  expect([...said.keys()].sort()).toEqual([
    'answer400: failed http.status',
    'answer500: failed http.status',
    'delay: completed',
    'dropAnswer: unknown http.cut',
    'dropRequest: unknown http.cut',
    'duplicate: completed',
    'nothing: completed',
    'resetAfterBytes: unknown http.cut',
    'slowBody: completed',
    'throttle: failed http.status',
  ]);
  await wire.close();
  await witness.close();
}, 300_000);

/** A network that loses, delays, repeats, cuts and lies, between the engine and its store, and between cells and targets. */

import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createHttp } from '../../src/cells/index.ts';
import { type CellInput, type Execute, isPawlError, type Unrecorded } from '../../src/engine/index.ts';
import { createClient } from '../../src/store/dynamodb.ts';
import { createStore } from '../../src/store/index.ts';
import { runbookOf } from '../engine/runbooks.ts';
import { engineOn } from '../support/engine.ts';
import { attemptsOf } from '../support/scene.ts';
import { createWitness } from '../support/witness.ts';
import { freshStore } from '../support/world.ts';
import { readJournals, type Told, untrueOf } from './aftermath.ts';
import { createDraw } from './draw.ts';
import { type Attempt, judge } from './judge.ts';
import type { Saw } from './processes.ts';
import { stepOf } from './steps.ts';
import { createWire, type Wire, type WireFault, wireFaults } from './wire.ts';

/** Each kind of fault strikes so often at least; what else must have happened is for each of these. */
const each = 120;
const seed = 1;
const graceMs = 1_000;
const portOf = (endpoint: string): number => Number(new URL(endpoint).port);
/** The kind that has struck least: none waits for its turn for long. */
const rarest = ({ counts }: Wire, kinds: readonly WireFault[] = wireFaults): WireFault =>
  kinds.reduce((least, fault) => (counts[fault] < counts[least] ? fault : least));
const enough = ({ counts }: Wire, kinds: readonly WireFault[] = wireFaults): boolean =>
  kinds.every((fault) => counts[fault] >= each);
const dynamo = (name: string): string =>
  JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: name });

/** So many steps at least whose outcome never gets through, however often its holder tries: it is set aside in the end. */
const lostOutcomes = each / 5;
/** Kinds after which a request was not carried out. */
const losing: readonly WireFault[] = ['dropRequest', 'silence', 'answer500', 'throttle'];

/** Which puts of outcomes are lost for good: by the call that holds the step, so that whoever takes it over gets through. */
const createLosses = (draw: ReturnType<typeof createDraw>, more: () => boolean) => {
  const lost = new Map<string, boolean>();
  let chosen = 0;
  return (request: string): boolean => {
    // Who closed it is said where it was not the holder.
    if (!request.includes('"kind":{"S":"outcome"}') || request.includes('closedBy')) return false;
    const token = /"token":\{"S":"(\w+)"\}/.exec(request)?.[1];
    const closes = /\\"closes\\":(\d+)/.exec(request)?.[1];
    if (token === undefined || closes === undefined) throw new Error('a put of an outcome looks different now');
    const step = `${token} ${closes}`;
    if (!lost.has(step)) {
      const lose = (chosen < lostOutcomes || more()) && draw.chance(0.2);
      if (lose) chosen += 1;
      lost.set(step, lose);
    }
    return lost.get(step) === true;
  };
};

test(`between engine and store, each kind of fault ${each} times: no step begins twice without a permission, none is lost`, async () => {
  const fresh = await freshStore('dynamodb');
  const draw = createDraw(seed);
  const told = new Map<string, number>();
  const tell = (code: string): void => void told.set(code, (told.get(code) ?? 0) + 1);
  const redriven = new Map<string, number>();
  /** Steps that began and were closed by another than their holder, and how often one began again after that. */
  const doubted = new Set<string>();
  let further = 0;
  const isRedriven = (): boolean => redriven.has('recorded') && redriven.has('noted');
  /** It goes on until all that it is about has happened: how soon that is, the machine and the draws say. */
  const hasMet = (): boolean =>
    enough(wire) &&
    doubted.size >= each / 10 &&
    further >= each / 30 &&
    ['store.unavailable', 'outcome.unrecorded'].every((code) => (told.get(code) ?? 0) >= each / 30) &&
    isRedriven();
  const isLost = createLosses(draw, () => !isRedriven());
  let breaking = true;
  const wire: Wire = await createWire({
    port: portOf(fresh.endpoint),
    next: (request) => {
      if (!breaking) return undefined;
      if (isLost(request)) return draw.pick(losing);
      // In waves: what a single fault does the retries of a client make good, what is away for a while they do not.
      return draw.chance(performance.now() % 4_000 < 1_500 ? 0.97 : 0.2) ? rarest(wire) : undefined;
    },
    refusals: {
      answer400: { status: 400, body: dynamo('ValidationException') },
      answer500: { status: 500, body: dynamo('InternalServerError') },
      throttle: { status: 400, body: dynamo('ProvisionedThroughputExceededException') },
    },
    fraction: draw.fraction,
    // Some for longer than the client waits (3 s): it asks again, and the first is carried out afterwards.
    delayMs: () => (draw.chance(0.1) ? 3_200 + draw.int(1_000) : 20 + draw.int(150)),
  });
  const seen: Saw[] = [];
  const execute: Execute = async ({ step: { idempotencyKey: key, seq } }) => {
    const before = seen.filter((one) => one.what === 'begin' && one.key === key && one.seq !== seq);
    for (const one of before) doubted.add(`${key} ${one.seq}`);
    if (before.length > 0) further += 1;
    seen.push({ what: 'begin', key, seq });
    await wait(draw.int(200));
    seen.push({ what: 'effect', key, seq });
    return { status: 'completed', output: '{}' };
  };
  const aside: { item: Unrecorded; late: boolean }[] = [];
  let setAside = 0;
  const base = { execute, deployment: { name: 'wire', epoch: 0, takeoverGraceMs: graceMs } };
  const clients = Array.from({ length: 4 }, () =>
    createClient({ tablesPrefix: fresh.prefix, endpoint: `http://${wire.host}` }),
  );
  const engines = clients.map(({ client, clock }) =>
    engineOn(createStore(client, { clock }), {
      ...base,
      setAside: async (item) => {
        setAside += 1;
        // Every second one is recorded only when somebody else has closed its step.
        aside.push({ item, late: setAside % 2 === 0 });
      },
    }),
  );
  /** Past the wire: who publishes, decides, redrives, and at last finishes. */
  const calm = engineOn(fresh.store, base);
  const by = { actor: 'wire', via: 'test', where: 'calm' };
  const names = Array.from({ length: 8 }, (_, n) => `c${n}`);
  const holds = (cell: string): boolean => Number(cell.slice(1)) % 3 === 0;
  const cells = names.map((name) => ({
    timeoutMs: 500,
    interrupted: holds(name) ? ('hold' as const) : ('retry' as const),
    retryMax: 20,
  }));
  await calm.publish(JSON.stringify(runbookOf(cells, { runbookId: 'wired' })), by);

  const steps: Told[] = [];
  /**
   * Calls that were told that the store is away, or did not take an outcome: they may have reserved a step, by that outcome
   * too, without being sure of it, and begun nothing.
   */
  const unsure = new Set<string>();
  /** Steps that their holder never began: the answer to their reservation came too late. */
  const tooLate = new Set<string>();
  const expected = ['store.unavailable', 'store.misconfigured', 'outcome.unrecorded', 'seq.stale', 'instance.finished'];
  /** What was seen of the key decides, as a person would who looks at the target. */
  const decide = async (instanceId: string): Promise<void> => {
    const entries = (await fresh.store.journal.page(instanceId, -1, 1_000)).map(({ entry }) => entry);
    const { open, halted } = entries.at(-1)?.state ?? {};
    const seq = open?.kind === 'reserved' ? open.seq : halted?.doubt === true ? halted.seq : undefined;
    const key = attemptsOf(entries).find((attempt) => attempt.seq === seq)?.key;
    if (seq === undefined || key === undefined) return;
    const happened = seen.some((one) => one.what === 'effect' && one.key === key);
    const verdict = happened ? 'succeeded' : 'retry';
    const begun = seen.some((one) => one.what === 'begin' && one.key === key && one.seq === seq);
    try {
      await calm.verdict(instanceId, { seq, verdict, reason: 'looked', by });
      if (begun) doubted.add(`${key} ${seq}`);
    } catch (error) {
      if (!isPawlError(error)) throw error;
    }
  };
  const redrive = async (isDue: (one: (typeof aside)[number]) => boolean): Promise<void> => {
    const due = aside.filter(isDue);
    aside.splice(0, aside.length, ...aside.filter((one) => !due.includes(one)));
    for (const { item } of due) {
      const { result } = await calm.redrive(item, by);
      redriven.set(result, (redriven.get(result) ?? 0) + 1);
      // Twice changes nothing.
      expect((await calm.redrive(item, by)).result).toBe('known');
    }
  };
  const ids: string[] = [];
  let calls = 0;
  const push = async (instanceId: string): Promise<string | undefined> => {
    calls += 1;
    const where = `call-${calls}`;
    try {
      const request = { budgetMs: 20_000, maxCells: 3, by: { ...by, where } };
      const answer = await draw.pick(engines).advance(instanceId, request);
      tell(answer.result);
      for (const { seq, status, recorded } of answer.steps) {
        if (recorded) steps.push({ id: instanceId, seq, status });
        if (status === 'never') tooLate.add(stepOf(instanceId, seq));
      }
      return answer.result;
    } catch (error) {
      if (!isPawlError(error) || !expected.includes(error.code)) throw error;
      expect(error.message.length).toBeGreaterThan(20);
      tell(error.code);
      if (error.code.startsWith('store.') || error.code === 'outcome.unrecorded') unsure.add(where);
      return undefined;
    }
  };
  /** Two callers at once, over lines of their own; each comes again for as long as the other one is at it. */
  const pushTwice = async (instanceId: string): Promise<(string | undefined)[]> => {
    const results: (string | undefined)[] = [];
    let atIt = 0;
    const caller = async (): Promise<void> => {
      do {
        atIt += 1;
        results.push(await push(instanceId));
        atIt -= 1;
        if (atIt > 0) await wait(250);
      } while (atIt > 0);
    };
    await Promise.all([caller(), caller()]);
    return results;
  };
  const drive = async (): Promise<void> => {
    while (!hasMet()) {
      const instanceId = `w${ids.length}`;
      ids.push(instanceId);
      await calm.start({ runbookId: 'wired', params: {}, instanceId, by });
      while (!hasMet()) {
        const results = await pushTwice(instanceId);
        const mine = ({ item }: (typeof aside)[number]): boolean => item.instanceId === instanceId;
        if (results.includes('completed')) {
          await redrive(mine);
          break;
        }
        await redrive((one) => mine(one) && !one.late);
        if (results.some((result) => result === 'in_doubt' || result === 'halted')) await decide(instanceId);
      }
    }
  };
  await Promise.all(Array.from({ length: 32 }, drive));
  breaking = false;
  await redrive(() => true);
  for (const instanceId of ids) {
    for (let turn = 0; turn < 100; turn += 1) {
      const { result } = await calm.run(instanceId, { budgetMs: 60_000, by });
      if (result === 'completed') break;
      if (result === 'in_doubt' || result === 'halted') await decide(instanceId);
      else await wait(200);
    }
  }
  const journals = await readJournals(fresh.store, ids);
  const permits = (cell: string): string[] => ['person', 'retry', ...(holds(cell) ? [] : ['interrupted'])];
  const mayBeUnseen = (id: string, { seq, by: { where } }: Attempt): boolean =>
    unsure.has(where) || tooLate.has(stepOf(id, seq));
  const judged = judge(journals, seen, { permits, cells: names, mayBeUnseen });
  const attempts = [...journals.values()].flatMap(attemptsOf);
  const again = attempts.filter(
    ({ attempt, key, seq }) =>
      attempt > 1 && seen.some((one) => one.what === 'begin' && one.key === key && one.seq === seq),
  ).length;
  const { cellsCompleted, doubts, doubtsWitnessed, wrong } = judged;
  console.log(
    `${ids.length} instances, ${cellsCompleted} cells, ${doubts} doubts (${doubtsWitnessed} begun), ${again} further attempts; faults ${JSON.stringify(wire.counts)}; told ${JSON.stringify(Object.fromEntries(told))}; redriven ${JSON.stringify(Object.fromEntries(redriven))}`,
  );
  expect([...wrong, ...untrueOf(steps, journals)]).toEqual([]);
  expect(enough(wire)).toBe(true);
  expect(doubtsWitnessed).toBeGreaterThanOrEqual(each / 10);
  expect(again).toBeGreaterThanOrEqual(each / 30);
  expect(told.get('store.unavailable') ?? 0).toBeGreaterThanOrEqual(each / 30);
  expect(told.get('outcome.unrecorded') ?? 0).toBeGreaterThanOrEqual(each / 30);
  expect(isRedriven()).toBe(true);
  for (const { document } of clients) document.destroy();
  await wire.close();
}, 300_000);

test(`between cells and targets, each kind of fault ${each} times: what an http cell says is true`, async () => {
  const witness = await createWitness();
  const draw = createDraw(seed);
  // That a target says nothing is a matter of the cell's time-out, and tested with it.
  const kinds = wireFaults.filter((fault) => fault !== 'silence');
  const faultOf = new Map<string, WireFault | undefined>();
  const wire: Wire = await createWire({
    port: portOf(witness.url),
    next: (request) => {
      const fault = draw.chance(0.9) ? rarest(wire, kinds) : undefined;
      faultOf.set(/idempotency-key: *(\S+)/i.exec(request)?.[1] ?? '', fault);
      return fault;
    },
    refusals: {
      answer400: { status: 400, body: '{"no":true}' },
      answer500: { status: 500, body: '{"no":true}' },
      throttle: { status: 429, body: '{"no":true}' },
    },
    fraction: draw.fraction,
    delayMs: () => 20 + draw.int(150),
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
    while (!enough(wire, kinds)) {
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
    'answer500: unknown http.unclear',
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

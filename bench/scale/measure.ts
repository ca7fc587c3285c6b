/**
 * What it costs to look after what is due among many that wait: the tick and a wake through the real handlers, engine and
 * store, every request of theirs counted. test/e2e/scale.test.ts holds at small sizes what `npm run bench:scale` shows.
 */
import { randomUUID } from 'node:crypto';
import type { Context } from 'aws-lambda';
import { authoring } from '../../src/authoring/index.ts';
import { type Engine, type Ports, wakeIdOf } from '../../src/engine/index.ts';
import type { Look, WorkRequest } from '../../src/handlers/events.ts';
import { createTick, type TickAnswer } from '../../src/handlers/tick.ts';
import { createWork } from '../../src/handlers/work.ts';
import type { Store } from '../../src/store/index.ts';
import { engineOn } from '../../test/support/engine.ts';
import { meterOf, type Request } from '../../test/support/meter.ts';
import { documents, fill, type Model, modelOf, type Parked, park, type Tables } from '../../test/support/parked.ts';

export type World = Tables & { store: Store };

const by = { actor: 'ci', via: 'test', where: 'host:2' };
const withinMs = 900_000;

const contextOf = (name: string): Context =>
  ({
    awsRequestId: randomUUID(),
    functionName: `pawl-${name}`,
    invokedFunctionArn: `arn:aws:lambda:us-east-1:111122223333:function:pawl-${name}`,
    memoryLimitInMB: '1024',
    getRemainingTimeInMillis: () => withinMs,
  }) as unknown as Context;

/** What functions print goes to their logs. */
const quietly = async <T>(work: () => Promise<T>): Promise<T> => {
  const { stdout, stderr } = process;
  const kept = [stdout.write, stderr.write] as const;
  stdout.write = (() => true) as typeof stdout.write;
  stderr.write = (() => true) as typeof stderr.write;
  try {
    return await work();
  } finally {
    [stdout.write, stderr.write] = kept;
  }
};

const padded = (n: number): string => String(n).padStart(6, '0');
/** Every second waits for a claim of its own, the others for a moment in 30 days: both kinds stand in the table `views`. */
export const parkedOf = (n: number): Parked =>
  n % 2 === 0
    ? { instanceId: `await-${padded(n)}`, claimId: `scale/${padded(n)}` }
    : { instanceId: `rest-${padded(n)}`, claimId: null };

const range = function* <T>(from: number, to: number, step: number, of: (n: number) => T): Generator<T> {
  for (let n = from; n < to; n += step) yield of(n);
};

export const engineFor = (store: Store): Engine => engineOn(store, { authoring });

/** The runbooks and one of each kind, brought to wait by the engine: the first two of `parkedOf`. */
export const openParked = async (world: World): Promise<Model[]> => {
  const engine = engineFor(world.store);
  for (const document of documents) await engine.publish(document, by);
  const models: Model[] = [];
  for (const n of [0, 1]) models.push(await modelOf(world, await park(engine, parkedOf(n))));
  return models;
};

/** Those from `from` up to `to` (both even) are written in bulk. */
export const fillParked = async (
  world: World,
  models: Model[],
  from: number,
  to: number,
  written?: (instances: number) => void,
): Promise<void> => {
  for (const [kind, model] of models.entries()) {
    const first = from === 0 ? kind + 2 : from + kind;
    const before = kind === 0 ? 0 : (to - from) / 2;
    await fill(world, model, range(first, to, 2, parkedOf), (done) => written?.(before + done));
  }
};

/** Sets the claims of so many that wait for one: they are due. */
export const makeDue = async ({ store }: World, count: number): Promise<string[]> => {
  const engine = engineFor(store);
  const due = [...range(0, 2 * count, 2, parkedOf)];
  for (const { claimId } of due) {
    const { woken } = await engine.setClaim(claimId ?? '', { status: 'supported', by });
    if (woken !== 1) throw new Error(`${woken} waiters of ${claimId} were woken, not 1.`);
  }
  return due.map(({ instanceId }) => instanceId);
};

/** `handed`: ids of instances, and `wake:<claimId>`. */
export type Ticked = { answer: TickAnswer; handed: string[]; requests: Request[] };

/** One tick, of a function that was just started. What it hands over is counted, and runs nothing. */
export const tickOnce = async ({ document, store }: World): Promise<Ticked> => {
  const { marks, clock } = store;
  const handed: string[] = [];
  const tick = createTick((telemetry) => ({
    // As openTickDeps does: the time is learnt from one query.
    nowMs: async () => {
      await marks.due(0, 'local', 15);
      return clock.nowMs();
    },
    due: marks.due,
    places: ['local'],
    home: 'local',
    handOver: async (event: WorkRequest) => {
      if ('wake' in event) handed.push(wakeIdOf(event.wake));
      if ('instanceId' in event) handed.push(event.instanceId);
      return true;
    },
    fraction: () => 0,
    telemetry,
  }));
  const meter = meterOf(document);
  try {
    const answer = await quietly(() => tick({ source: 'aws.events' }, contextOf('tick')));
    return { answer, handed: handed.sort(), requests: meter.read() };
  } finally {
    meter.stop();
  }
};

type Woken = {
  /** From the beginning of its invocation up to the put that reserves the next cell, which is not among them. */
  beforeCell: string[];
  /** From that put to the end, the cell among it. */
  after: string[];
};

type Worker = {
  /** An invocation of `work` in this process. */
  wake(message: Look): Promise<Woken>;
  /** It brings one to wait itself, and so has read how it started. */
  park(parked: Parked): Promise<Parked>;
};

const openWorker = ({ document, store }: World): Worker => {
  const engine = engineFor(store);
  const work = createWork((telemetry) => ({
    engine,
    clock: store.clock,
    views: store.views,
    marks: store.marks,
    workers: store.workers,
    telemetry,
  }));
  return {
    park: (parked) => park(engine, parked),
    wake: async (message) => {
      const meter = meterOf(document);
      try {
        const answer = await quietly(() => work(message, contextOf('work')));
        if (!('result' in answer) || answer.result !== 'completed')
          throw new Error(`${message.look} was woken and is not completed: ${JSON.stringify(answer)}.`);
        const said = meter.read().map(({ what }) => what);
        const put = said.indexOf('PutItem journal');
        return { beforeCell: said.slice(0, put), after: said.slice(put) };
      } finally {
        meter.stop();
      }
    },
  };
};

/** What the process that wakes has read before: nothing, the runbook, or how this very instance started too. */
export const acquainted = ['new process', 'runbook known', 'instance known'] as const;
export type Wakes = Record<(typeof acquainted)[number], Woken>;

/** Three that wait beside all the others, woken one after the other by `other`, a process that was just started. */
export const wakeThree = async ({ store }: World, other: World, name: string): Promise<Wakes> => {
  // The message that whoever sets the claim sends to the queue of wakes.
  const sent: Look[] = [];
  const wakeAt: Ports['wakeAt'] = async (look, _atMs, seq) => {
    sent.push({ look, ...(seq === undefined ? {} : { seq }) });
  };
  const engine = engineOn(store, { authoring, wakeAt });
  const worker = openWorker(other);
  const woken = async (n: number, bring: (parked: Parked) => Promise<Parked>): Promise<Woken> => {
    const parked = { instanceId: `${name}-${n}`, claimId: `${name}/${n}` };
    await bring(parked);
    await engine.setClaim(parked.claimId, { status: 'supported', by });
    const message = sent.pop();
    if (message?.look !== parked.instanceId) throw new Error(`${parked.instanceId} was not woken.`);
    return await worker.wake(message);
  };
  return {
    'new process': await woken(1, (parked) => park(engine, parked)),
    'runbook known': await woken(2, (parked) => park(engine, parked)),
    'instance known': await woken(3, worker.park),
  };
};

const waiterOf = (claimId: string, n: number): Parked => ({
  instanceId: `waits-${claimId.replace('/', '-')}-${padded(n)}`,
  claimId,
});

/** `woken`: by the writer; `null`: its time was over before, and `bySchedule` were woken by the schedule, all of them anew. */
export type Waiters = {
  waiters: number;
  woken: number | null;
  bySchedule: number | null;
  due: number;
  requests: Request[];
  ms: number;
};

/** The same tables for a process that runs when the time of a claim's writer is over. */
const afterwards = (world: World): World => {
  const { clock } = world.store;
  return { ...world, store: { ...world.store, clock: { ...clock, nowMs: () => clock.nowMs() + 120_000 } } };
};

/** So many wait for one claim, which is set; then those that are due are read as the tick does. */
export const wakeWaiters = async (
  world: World,
  claimId: string,
  count: number,
  written?: (instances: number) => void,
): Promise<Waiters> => {
  const { document, store } = world;
  const engine = engineFor(store);
  const model = await modelOf(world, await park(engine, waiterOf(claimId, 0)));
  const others = range(1, count, 1, (n) => waiterOf(claimId, n));
  await fill(world, model, others, written);
  const meter = meterOf(document);
  const begunAtMs = performance.now();
  const { woken } = await engine.setClaim(claimId, { status: 'supported', by });
  const later = afterwards(world);
  const bySchedule = woken === null ? (await engineFor(later.store).wake(claimId)).woken : null;
  const ms = performance.now() - begunAtMs;
  const requests = meter.read();
  meter.stop();
  const { handed } = await tickOnce(later);
  const prefix = waiterOf(claimId, 0).instanceId.slice(0, -6);
  const due = handed.filter((id) => id.startsWith(prefix)).length;
  return { waiters: count, woken, bySchedule, due, requests, ms };
};

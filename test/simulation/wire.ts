/** The wire between a process and the tables: it loses, delays, doubles and refuses; a read may be stale or cut. */
import { ForbiddenWrite } from '../../src/store/carryOut.ts';
import type {
  AnswerOf,
  Operation,
  Page,
  QueryPage,
  RawItem,
  StoreClient,
  Updated,
  Written,
} from '../../src/store/tableOperations.ts';
import { placeOf } from '../../src/testing/tables.ts';
import { checkOver, countFrom } from './calls.ts';
import { carryOut, comesLate } from './commits.ts';
import { crash, freeze, type Process, pause } from './processes.ts';
import { wordsOf } from './summary.ts';
import { watch } from './watch.ts';
import { breaks, type Call, currentCall, RuleBroken, say, strikes, type World } from './world.ts';

const failing = (name: string, message: string): Error => Object.assign(new Error(message), { name });
const timeout = (): Error => failing('TimeoutError', 'socket hang up');
const refusal = (): Error => failing('ValidationException', 'item refused');
const throttle = (): Error => failing('ThrottlingException', 'rate exceeded');

type Answer = AnswerOf<Operation>;
type Done = { answer: Answer } | { error: Error };

/** Whether a write was carried out, and not refused by its condition. */
const isWritten = (done: Done): boolean =>
  'answer' in done && (done.answer as Written | Updated | undefined)?.kind === 'done';

/** The item or the keys that an operation is about. */
const aboutOf = (operation: Operation): RawItem => {
  if ('item' in operation) return operation.item;
  return 'key' in operation ? operation.key : {};
};
const partitionOf = (operation: Operation): unknown =>
  operation.kind === 'query' ? operation.query.partition : aboutOf(operation).instanceId;

const attempt = (world: World, call: Call | undefined, operation: Operation): Done => {
  try {
    const done = { answer: operation.kind === 'commit' ? carryOut(world, operation) : world.tables.execute(operation) };
    if (isWritten(done)) watch(world, operation, call);
    return done;
  } catch (error) {
    if (error instanceof ForbiddenWrite) breaks(world, new RuleBroken('I1', error.message));
    return { error: error as Error };
  }
};

/** Lands when nobody waits for it any more; a restore in between takes what was on the wire with it. */
const landLate = (world: World, call: Call | undefined, operation: Operation, what: string, ms: number): void => {
  const who = call?.id ?? 'nobody';
  const { epoch } = world;
  say(world, who, `${what}: late on the wire`);
  world.schedule.after(ms, () => {
    if (world.epoch !== epoch) return;
    const done = attempt(world, call, operation);
    say(world, who, `${what}: landed late, ${isWritten(done) ? 'written' : 'refused by its condition'}`);
  });
};

const isHeadQuery = ({ table, query, from }: QueryPage): boolean =>
  table === 'journal' && query.descending === true && from === undefined && !String(query.partition).includes('/');

/** Reads that a strongly consistent store never gives: safety must not rest on them all the same. */
const read = (world: World, call: Call | undefined, operation: Operation): Done => {
  const done = attempt(world, call, operation);
  if ('error' in done || operation.kind !== 'query') return done;
  const { items } = done.answer as Page;
  const { table, query } = operation;
  if (isHeadQuery(operation) && strikes(world, 'staleRead', call)) {
    // As if the newest were not there yet.
    const [, ...before] = world.tables.execute({ ...operation, query: { ...query, limit: 3 } }).items;
    return before.length === 0 ? done : { answer: { items: before, from: undefined } };
  }
  if (items.length > 1 && strikes(world, 'cutRead', call)) {
    const first = items.slice(0, Math.ceil(items.length / 2));
    return { answer: { items: first, from: placeOf(table, first.at(-1) as RawItem, query.index) } };
  }
  return done;
};

/** What the answer tells the call about entries of its own. */
const acknowledge = (call: Call | undefined, operation: Operation, done: Done): void => {
  if (call === undefined || 'error' in done) return;
  const told = (row: unknown): void => {
    const { instanceId, token, seq } = (row ?? {}) as RawItem;
    if (typeof token === 'string' && call.tokens.has(token)) call.acknowledged.add(`${instanceId}#${seq}`);
  };
  if (operation.kind === 'putIf' || operation.kind === 'commit') {
    const answer = done.answer as Written;
    told(answer.kind === 'done' ? operation.item : answer.standing);
  } else if (operation.kind === 'query') for (const row of (done.answer as Page).items) told(row);
  else if (operation.kind === 'get') told(done.answer);
};

/** The steps of parking at a claim: the wait itself, the subscription, the reading of claims, the saving of the view. */
const parks = (operation: Operation): boolean => {
  const { kind, table } = operation;
  if (kind === 'putIf') return operation.item.kind === 'waiting' || table === 'subscriptions';
  return kind === 'query' && table === 'claims';
};

/** Whoever begins to wait dies before it has looked; whoever lets an element begin, before that has. */
const opensOrTells = (operation: Operation): boolean =>
  operation.kind === 'putIf' && (operation.item.kind === 'waiting' || operation.item.kind === 'progress');

const verbs: Record<Operation['kind'], string> = {
  putIf: 'put',
  insert: 'put',
  commit: 'put',
  get: 'get',
  batchGet: 'read several',
  query: 'read',
  update: '',
  delete: 'delete',
};

const nameOf = (world: World, operation: Operation): string => {
  const { kind, table } = operation;
  if (kind === 'batchGet') return 'read several';
  const item = aboutOf(operation);
  const verb = verbs[kind];
  if (table === 'views') {
    const which = item.instanceId === world.instanceId ? '' : ` of ${item.instanceId}`;
    return (kind === 'update' ? updates(operation.values) : 'read view') + which;
  }
  if (table === 'claims' || table === 'subscriptions') {
    const partition = kind === 'query' ? operation.query.partition : item.claimId;
    const words = [verb, table, partition, item.revision ?? item.waiter, item.status];
    return words.filter((word) => word !== undefined).join(' ');
  }
  const partition = partitionOf(operation);
  if (partition === undefined) return `${verb} ${table}`;
  const [id, beside] = String(partition).split('/');
  if (beside !== undefined) return `${verb} ${beside}`;
  const which = id === world.instanceId ? '' : ` of ${id}`;
  if (kind === 'query' && operation.query.descending === true) return `${verb} head${which}`;
  return `${verb} ${item.seq ?? 'journal'} ${item.kind ?? ''}`.trimEnd() + which;
};

const updates = ({ until, revision }: RawItem): string => {
  if (revision !== undefined) return `save view ${revision}`;
  return until === undefined ? 'update view' : 'arm view';
};

/** What an entry that has just been written says. */
const details = (world: World, operation: Operation): string => {
  const { instanceId: partition, seq, entry } = aboutOf(operation);
  const written = entry !== undefined ? world.facets.get(String(partition))?.chain[seq as number]?.entry : undefined;
  return written === undefined ? '' : ` ${wordsOf(written)}`;
};

/** A write is about to be sent: not after the end of its invocation. */
const begins = (world: World, call: Call, operation: Operation): void => {
  checkOver(world, call);
  // The time of a start is counted from when it has its lock, and left the run that it goes on from: then it arms.
  const isNew = call.what.startsWith('start') && !call.acknowledged.has(`${call.about}#0`);
  if (!isNew || operation.kind !== 'update') return;
  if (operation.key.instanceId !== call.about) return;
  countFrom(world, call);
};

/** When the service carried a request out. */
type Served = { atMs: number | null };
const timeoutMs = 3_000;
const transient = new Set(['TimeoutError', 'ThrottlingException']);

export const createClient = (world: World, process: Process): StoreClient => {
  const { draw, schedule } = world;
  const once = async (operation: Operation, served: Served): Promise<Answer> => {
    const call = currentCall.getStore();
    const what = nameOf(world, operation);
    const who = call?.id ?? process.name;
    const put = operation.kind === 'putIf' || operation.kind === 'insert' || operation.kind === 'commit';
    // What can be made again: views are updated, subscriptions deleted.
    const update = operation.kind === 'update' || operation.kind === 'delete';
    const hit = (kind: Parameters<typeof strikes>[1]): boolean => strikes(world, kind, call);
    const writes = put || update;
    if (writes && call !== undefined) begins(world, call, operation);
    if (call?.what === 'advance' && parks(operation) && hit('claimRace')) {
      world.rushClaim();
      // Half of the time it is through before this one goes on.
      if (draw.chance(0.5)) await pause(world, process, 'crashElsewhere', `overtaken before ${what}`, draw.int(300));
    }
    if (what.startsWith('arm view') && !what.includes('wake:') && hit('frozenBeforeArm'))
      freeze(
        world,
        process,
        'frozenBeforeArm',
        20_000 + draw.int(draw.chance(0.5) ? 60_000 : 600_000),
        `before ${what}`,
      );
    const elsewhere = call?.what === 'setClaim' ? 'crashInWake' : 'crashElsewhere';
    await pause(world, process, put ? 'crashBeforePut' : elsewhere, `before ${what}`);
    if (schedule.nowMs() < world.outageUntilMs) {
      call?.struck.push('outage');
      throw draw.chance(0.5) ? throttle() : timeout();
    }
    if (hit('throttled')) throw throttle();
    if (hit('requestLost')) throw timeout();
    if (put && hit('itemRefused')) throw refusal();
    if (call?.what === 'advance' && what.startsWith('read claims') && hit('claimUnread')) throw timeout();
    if (update && hit('viewLost')) throw timeout();
    if ((put && hit('delayed')) || comesLate(world, operation, call) || (update && hit('viewReordered'))) {
      landLate(world, call, operation, what, 50 + draw.int(draw.chance(0.3) ? 60_000 : 8_000));
      throw timeout();
    }
    if (put && !process.dead && hit('delayedPastDeath')) {
      landLate(world, call, operation, what, 50 + draw.int(60_000));
      crash(world, process, 'delayedPastDeath', `with ${what} on the wire`);
      return await new Promise<never>(() => {});
    }
    let done = writes ? attempt(world, call, operation) : read(world, call, operation);
    served.atMs = schedule.nowMs();
    if (writes) say(world, who, `${what}${isWritten(done) ? details(world, operation) : ': refused by its condition'}`);
    if (opensOrTells(operation) && !process.dead && hit('crashAfterWaiting')) {
      crash(world, process, 'crashAfterWaiting', `after ${what}`);
      return await new Promise<never>(() => {});
    }
    await pause(world, process, put ? 'crashAfterPut' : elsewhere, `after ${what}`);
    if (put && hit('answerLostAndRetried')) {
      // The SDK repeats a put whose answer was lost, and collides with itself.
      done = attempt(world, call, operation);
      say(world, who, `${what}: answer lost, repeated by the SDK`);
    } else if (hit('answerLost')) {
      say(world, who, `${what}: answer lost`);
      throw timeout();
    }
    acknowledge(call, operation, done);
    if ('error' in done) throw done.error;
    return done.answer;
  };

  /** As the SDK does: an attempt that got no answer, or was told to wait, is repeated after a while, whatever it was. */
  const send = async <O extends Operation>(operation: O): Promise<AnswerOf<O>> => {
    for (let tried = 1; ; tried += 1) {
      const served: Served = { atMs: null };
      const sent = process.sending();
      try {
        const answer = (await once(operation, served)) as AnswerOf<O>;
        process.learn(sent, served.atMs ?? schedule.nowMs());
        return answer;
      } catch (error) {
        const { name } = error as Error;
        if (name !== 'TimeoutError') process.learn(sent, served.atMs ?? schedule.nowMs());
        if (world.attemptsEach === 1) throw error;
        if (name === 'TimeoutError') await pause(world, process, 'crashElsewhere', 'a time-out', draw.int(timeoutMs));
        if (!transient.has(name) || tried === world.attemptsEach)
          throw Object.assign(error as Error, { $metadata: { attempts: tried } });
        await pause(world, process, 'crashElsewhere', 'before another attempt', draw.int(100 * 2 ** tried));
      }
    }
  };
  return { send };
};

/** The wire between a process and the tables: it loses, delays, doubles and refuses; a read may be stale or cut. */
import type { StoreClient } from '../../src/store/access.ts';
import { type Command, ForbiddenWrite, keyOf, type Row } from '../../src/testing/tables.ts';
import { checkOver, countFrom } from './calls.ts';
import { crash, freeze, type Process, pause } from './processes.ts';
import { wordsOf } from './summary.ts';
import { watch } from './watch.ts';
import { breaks, type Call, currentCall, RuleBroken, say, strikes, type World } from './world.ts';

const failing = (name: string, message: string): Error => Object.assign(new Error(message), { name });
const timeout = (): Error => failing('TimeoutError', 'socket hang up');
const refusal = (): Error => failing('ValidationException', 'item refused');
const throttle = (): Error => failing('ThrottlingException', 'rate exceeded');

type Done = { answer: Row } | { error: Error };

const attempt = (world: World, call: Call | undefined, command: Command): Done => {
  try {
    const answer = world.tables.execute(command);
    watch(world, command, call);
    return { answer };
  } catch (error) {
    if (error instanceof ForbiddenWrite) breaks(world, new RuleBroken('I1', error.message));
    return { error: error as Error };
  }
};

/** Lands when nobody waits for it any more; a restore in between takes what was on the wire with it. */
const landLate = (world: World, call: Call | undefined, command: Command, what: string, ms: number): void => {
  const who = call?.id ?? 'nobody';
  const { epoch } = world;
  say(world, who, `${what}: late on the wire`);
  world.schedule.after(ms, () => {
    if (world.epoch !== epoch) return;
    const done = attempt(world, call, command);
    say(world, who, `${what}: landed late, ${'answer' in done ? 'written' : 'refused by its condition'}`);
  });
};

/** Reads that a strongly consistent store never gives: safety must not rest on them all the same. */
const read = (world: World, call: Call | undefined, command: Command): Done => {
  const done = attempt(world, call, command);
  if ('error' in done || command.constructor.name !== 'QueryCommand') return done;
  const items = done.answer.Items as Row[];
  const { ScanIndexForward, ExclusiveStartKey, ExpressionAttributeValues } = command.input;
  const pk = String((ExpressionAttributeValues as Row)[':pk']);
  const head = String(command.input.TableName).endsWith('-journal') && !pk.includes('/') && ScanIndexForward === false;
  if (head && ExclusiveStartKey === undefined && strikes(world, 'staleRead', call)) {
    // As if the newest were not there yet.
    const older = { constructor: command.constructor, input: { ...command.input, Limit: 3 } };
    const [, ...before] = world.tables.execute(older).Items as Row[];
    return before.length === 0 ? done : { answer: { Items: before } };
  }
  if (items.length > 1 && strikes(world, 'cutRead', call)) {
    const first = items.slice(0, Math.ceil(items.length / 2));
    const last = first.at(-1) as Row;
    const { TableName, IndexName } = command.input;
    const LastEvaluatedKey = keyOf(TableName as string, last, IndexName as string | undefined);
    return { answer: { Items: first, LastEvaluatedKey } };
  }
  return done;
};

/** What the answer tells the call about entries of its own. */
const acknowledge = (call: Call | undefined, command: Command, done: Done): void => {
  if (call === undefined) return;
  const told = (row: unknown): void => {
    const { instanceId, token, seq } = (row ?? {}) as Row;
    if (typeof token === 'string' && call.tokens.has(token)) call.acknowledged.add(`${instanceId}#${seq}`);
  };
  if ('error' in done) told((done.error as { Item?: unknown }).Item);
  else if (command.constructor.name === 'PutCommand') told(command.input.Item);
  else for (const row of (done.answer.Items as Row[] | undefined) ?? [done.answer.Item]) told(row);
};

/** The steps of parking at a claim: the wait itself, the subscription, the reading of claims, the saving of the view. */
const parks = (command: Command): boolean => {
  const { input } = command;
  const { kind } = (input.Item ?? {}) as Row;
  const table = String(input.TableName).slice(2);
  if (command.constructor.name === 'PutCommand') return kind === 'waiting' || table === 'subscriptions';
  return command.constructor.name === 'QueryCommand' && table === 'claims';
};

const verbs: Record<string, string> = {
  PutCommand: 'put',
  GetCommand: 'get',
  QueryCommand: 'read',
  UpdateCommand: '',
  DeleteCommand: 'delete',
};

const nameOf = (world: World, command: Command): string => {
  const { input } = command;
  if (input.RequestItems !== undefined) return 'read several';
  const item = (input.Item ?? input.Key ?? {}) as Row;
  const table = String(input.TableName).slice(2);
  const verb = verbs[command.constructor.name] ?? command.constructor.name;
  if (table === 'views') {
    const which = item.instanceId === world.instanceId ? '' : ` of ${item.instanceId}`;
    return (verb === '' ? (updates(input) ?? 'update view') : 'read view') + which;
  }
  if (table === 'claims' || table === 'subscriptions') {
    const values = (input.ExpressionAttributeValues ?? {}) as Row;
    const words = [verb, table, item.claimId ?? values[':pk'], item.revision ?? item.waiter, item.status];
    return words.filter((word) => word !== undefined).join(' ');
  }
  const partition = item.instanceId ?? (input.ExpressionAttributeValues as Row | undefined)?.[':pk'];
  if (partition === undefined) return `${verb} ${table}`;
  const [id, beside] = String(partition).split('/');
  if (beside !== undefined) return `${verb} ${beside}`;
  const which = id === world.instanceId ? '' : ` of ${id}`;
  if (input.ScanIndexForward === false) return `${verb} head${which}`;
  return `${verb} ${item.seq ?? 'journal'} ${item.kind ?? ''}`.trimEnd() + which;
};

const updates = ({ ExpressionAttributeValues: values }: Row): string | undefined => {
  const { ':until': until, ':revision': revision } = values as Row;
  if (revision !== undefined) return `save view ${revision}`;
  return until === undefined ? undefined : 'arm view';
};

/** What an entry that has just been written says. */
const details = (world: World, { input }: Command): string => {
  const { instanceId: partition, seq, entry } = (input.Item ?? {}) as Row;
  const written = entry !== undefined ? world.facets.get(String(partition))?.chain[seq as number]?.entry : undefined;
  return written === undefined ? '' : ` ${wordsOf(written)}`;
};

/** A write is about to be sent: not after the end of its invocation. */
const begins = (world: World, call: Call, command: Command): void => {
  checkOver(world, call);
  // The time of a start is counted from when it has its lock, and left the run that it goes on from: then it arms.
  const isNew = call.what.startsWith('start') && !call.acknowledged.has(`${call.about}#0`);
  if (!isNew || command.constructor.name !== 'UpdateCommand') return;
  if ((command.input.Key as Row).instanceId !== call.about) return;
  countFrom(world, call);
};

/** When the service carried a request out. */
type Served = { atMs: number | null };
const timeoutMs = 3_000;
const transient = new Set(['TimeoutError', 'ThrottlingException']);

export const createClient = (world: World, process: Process): StoreClient => {
  const { draw, schedule } = world;
  const once = async (command: Command, served: Served): Promise<Row> => {
    const call = currentCall.getStore();
    const what = nameOf(world, command);
    const who = call?.id ?? process.name;
    const put = command.constructor.name === 'PutCommand';
    // What can be made again: views are updated, subscriptions deleted.
    const update = ['UpdateCommand', 'DeleteCommand'].includes(command.constructor.name);
    const hit = (kind: Parameters<typeof strikes>[1]): boolean => strikes(world, kind, call);
    const writes = put || update;
    if (writes && call !== undefined) begins(world, call, command);
    if (call?.what === 'advance' && parks(command) && hit('claimRace')) {
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
    if ((put && hit('delayed')) || (update && hit('viewReordered'))) {
      landLate(world, call, command, what, 50 + draw.int(draw.chance(0.3) ? 60_000 : 8_000));
      throw timeout();
    }
    if (put && !process.dead && hit('delayedPastDeath')) {
      landLate(world, call, command, what, 50 + draw.int(60_000));
      crash(world, process, 'delayedPastDeath', `with ${what} on the wire`);
      return await new Promise<never>(() => {});
    }
    let done = writes ? attempt(world, call, command) : read(world, call, command);
    served.atMs = schedule.nowMs();
    if (writes) say(world, who, `${what}${'answer' in done ? details(world, command) : ': refused by its condition'}`);
    if (what.endsWith(' waiting') && !process.dead && hit('crashAfterWaiting')) {
      crash(world, process, 'crashAfterWaiting', `after ${what}`);
      return await new Promise<never>(() => {});
    }
    await pause(world, process, put ? 'crashAfterPut' : elsewhere, `after ${what}`);
    if (put && hit('answerLostAndRetried')) {
      // The SDK repeats a put whose answer was lost, and collides with itself.
      done = attempt(world, call, command);
      say(world, who, `${what}: answer lost, repeated by the SDK`);
    } else if (hit('answerLost')) {
      say(world, who, `${what}: answer lost`);
      throw timeout();
    }
    acknowledge(call, command, done);
    if ('error' in done) throw done.error;
    return done.answer;
  };

  /** As the SDK does: an attempt that got no answer, or was told to wait, is repeated after a while, whatever it was. */
  const send = async (command: Command): Promise<Row> => {
    for (let tried = 1; ; tried += 1) {
      const served: Served = { atMs: null };
      const sent = process.sending();
      try {
        const answer = await once(command, served);
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
  return { send } as unknown as StoreClient;
};

/** How the store reaches its tables: consistent reads, every query paged to its end, errors turned into ours. */
import { setTimeout } from 'node:timers/promises';
import { PawlError } from '../engine/index.ts';
import { storeError } from './failures.ts';
import {
  type Item,
  keyOf,
  type Page,
  type Query,
  type RawItem,
  type Rebuildable,
  type StoreClient,
  type Table,
} from './tableOperations.ts';

export type { AppendOnly, Item, RawItem, StoreClient } from './tableOperations.ts';
export { keyOf } from './tableOperations.ts';

/**
 * How an append is sent: a put under a condition, or PartiQL's INSERT, which is a right of its own. A role that has only
 * the second cannot overwrite, whatever its code does.
 */
export type AppendBy = 'put' | 'insert';

export type Access = { client: StoreClient; appendBy: AppendBy };

/** DynamoDB's partition keys hold 2048 bytes, its sort keys and those of its indexes 1024. */
const keyBytesMax = 1024;

/** `text`, which is to be (a part of) a key. @throws PawlError `limit.exceeded` naming `limit` */
export const keyText = (text: string, what: string, limit: string): string => {
  const bytes = Buffer.byteLength(text);
  if (bytes <= keyBytesMax) return text;
  const details = { limit, bytes, max: keyBytesMax };
  throw new PawlError('limit.exceeded', `${what} has ${bytes} bytes: make it shorter.`, details);
};

/** Strongly consistent. `keyed` is the key or any item that holds it. */
export const getItem = async (access: Access, table: Table, keyed: RawItem): Promise<RawItem | undefined> => {
  const key = keyOf(table, keyed);
  try {
    return await access.client.send({ kind: 'get', table, key });
  } catch (error) {
    throw storeError(error, `Reading ${table} ${JSON.stringify(key)}`);
  }
};

/** Several of one table in one request, each strongly consistent. @returns `undefined`: the service gave only some of them */
export const getItems = async (access: Access, table: Table, keyed: RawItem[]): Promise<RawItem[] | undefined> => {
  const keys = keyed.map((one) => keyOf(table, one));
  try {
    const { items, left } = await access.client.send({ kind: 'batchGet', table, keys, consistent: true });
    return left.length > 0 ? undefined : items;
  } catch (error) {
    throw storeError(error, `Reading ${table} ${JSON.stringify(keys)}`);
  }
};

const batchMax = 100;
/** Tries at what the service left out of an answer, the first of them at once. */
const batchTriesMax = 8;
const batchPauseMs = 50;

/** Any number of items, in no order, as an index would show them: a read may lag behind. Missing ones are left out. */
export const getEach = async (access: Access, table: Table, keyed: RawItem[]): Promise<RawItem[]> => {
  const items: RawItem[] = [];
  for (let at = 0; at < keyed.length; at += batchMax) {
    let left: RawItem[] = keyed.slice(at, at + batchMax).map((one) => keyOf(table, one));
    for (let tries = 0; left.length > 0; tries += 1) {
      if (tries >= batchTriesMax) throw new PawlError('store.unavailable', `Reading ${table}: ask again later.`);
      if (tries > 1) await setTimeout(batchPauseMs * 2 ** (tries - 2));
      try {
        const answer = await access.client.send({ kind: 'batchGet', table, keys: left, consistent: false });
        items.push(...answer.items);
        left = answer.left;
      } catch (error) {
        throw storeError(error, `Reading ${table}`);
      }
    }
  }
  return items;
};

/** What the service gives in one answer, at most `limit`, and where to go on; `from` undefined means the end. */
export const queryPage = async (access: Access, table: Table, query: Query, from?: RawItem): Promise<Page> => {
  try {
    return await access.client.send({ kind: 'query', table, query, ...(from === undefined ? {} : { from }) });
  } catch (error) {
    throw storeError(error, `Reading ${table} of ${query.partition}`);
  }
};

/** Items in key order, read to the end or to `limit`, however many pages the service cuts them into. */
export const queryItems = async (access: Access, table: Table, query: Query): Promise<RawItem[]> => {
  const items: RawItem[] = [];
  let from: RawItem | undefined;
  do {
    const left = query.limit === undefined ? {} : { limit: query.limit - items.length };
    const page = await queryPage(access, table, { ...query, ...left }, from);
    items.push(...page.items);
    from = page.from;
  } while (from !== undefined && (query.limit === undefined || items.length < query.limit));
  return items;
};

/** Puts the item where the condition lets it; nothing is changed otherwise. */
export const overwrite = async (access: Access, table: Rebuildable, item: Item, condition: string): Promise<void> => {
  try {
    await access.client.send({ kind: 'putIf', table, item, condition });
  } catch (error) {
    throw storeError(error, `Writing ${table} ${JSON.stringify(keyOf(table, item))}`);
  }
};

/** Deletes the item where the condition lets it; nothing is changed otherwise. */
export const deleteItem = async (access: Access, table: Rebuildable, item: Item, condition: string): Promise<void> => {
  try {
    await access.client.send({ kind: 'delete', table, item, condition });
  } catch (error) {
    throw storeError(error, `Deleting ${table} ${JSON.stringify(keyOf(table, item))}`);
  }
};

/**
 * One conditional update of a view. `undefined`: the condition failed. Otherwise the item as it was before, empty if
 * there was none. `#name` stands for attribute `name`; of `values`, those that the form mentions are sent.
 */
export const updateView = async (
  access: Access,
  instanceId: string,
  form: { condition: string; update: string },
  values: Item,
): Promise<RawItem | undefined> => {
  const { condition, update } = form;
  try {
    const answer = await access.client.send({
      kind: 'update',
      table: 'views',
      key: { instanceId },
      condition,
      update,
      values,
    });
    return answer.kind === 'done' ? answer.before : undefined;
  } catch (error) {
    throw storeError(error, `Updating the view of ${instanceId}`);
  }
};

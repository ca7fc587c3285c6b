/**
 * Instances that wait, by the thousand: the items that the engine wrote for one are written again under other names, in
 * bulk. So nothing here knows what an entry looks like; test/e2e/scale.test.ts compares with further ones of the engine.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { BatchWriteCommand, type DynamoDBDocumentClient, GetCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import type { Engine } from '../../src/engine/index.ts';
import { canonical, sha256 } from '../../src/store/index.ts';
import { duePartition, hashOfEntry, listedAs, shardOf } from '../../src/store/items.ts';

export type Tables = { document: DynamoDBDocumentClient; prefix: string };
export type Items = Record<'journal' | 'views' | 'subscriptions', Record<string, unknown>[]>;
/** Without `claimId`: it waits for a moment. */
export type Parked = { instanceId: string; claimId: string | null };

const batchItems = 25;
const batchesAtOnce = 8;
/** As src/store/views.ts has them. */
const listShards = 4;

const awaitingId = 'scale-await';
const restingId = 'scale-rest';
const documentOf = (runbookId: string, waits: string, front = ''): string =>
  `---\nrunbook: ${runbookId}\ntitle: Waits\n${front}---\n${waits}\n\`\`\`js { name=last }\nexport default () => 1;\n\`\`\`\n`;
export const documents = [
  documentOf(
    awaitingId,
    '```await { name=ci }\nclaim: "{{ params.claim }}"\nuntil: supported\n```',
    'params: { claim: { type: string } }\n',
  ),
  documentOf(restingId, '```wait { name=rest for=30d }\n```'),
];

const by = { actor: 'alice', via: 'test', where: 'host:1' };

/** One that the engine itself brings to wait. */
export const park = async (engine: Engine, { instanceId, claimId }: Parked): Promise<Parked> => {
  const what =
    claimId === null ? { runbookId: restingId, params: {} } : { runbookId: awaitingId, params: { claim: claimId } };
  await engine.start({ ...what, instanceId, drive: 'auto', by });
  const { result } = await engine.advance(instanceId, { budgetMs: 60_000, by });
  if (result !== 'parked') throw new Error(`${instanceId} does not wait: ${result}.`);
  return { instanceId, claimId };
};

const tableOf = ({ prefix }: Tables, name: keyof Items): string => `${prefix}-${name}`;

/** Everything that stands in the tables because of it. */
export const itemsOf = async (tables: Tables, { instanceId, claimId }: Parked): Promise<Items> => {
  const query = async (name: keyof Items, key: string, value: string) => {
    const answer = await tables.document.send(
      new QueryCommand({
        TableName: tableOf(tables, name),
        KeyConditionExpression: '#pk = :pk',
        ExpressionAttributeNames: { '#pk': key },
        ExpressionAttributeValues: { ':pk': value },
        ConsistentRead: true,
      }),
    );
    return answer.Items ?? [];
  };
  const subscribed = claimId === null ? [] : await query('subscriptions', 'claimId', claimId);
  const view = await tables.document.send(
    new GetCommand({ TableName: tableOf(tables, 'views'), Key: { instanceId }, ConsistentRead: true }),
  );
  return {
    journal: await query('journal', 'instanceId', instanceId),
    views: view.Item === undefined ? [] : [view.Item],
    subscriptions: subscribed.filter(({ waiter }) => String(waiter).startsWith(`${instanceId}/`)),
  };
};

/** What the `waiting` entry of an `await` has seen: the one hash of an entry, beside `prev`, that a name goes into. */
const seenBy = (claimId: string): string =>
  sha256(canonical({ body: { kind: 'await', claims: [claimId] }, params: { claim: claimId }, outputs: {} }));

type Swap = readonly [string, string];
const swapped = (text: string, swaps: Swap[]): string =>
  swaps.reduce((so, [from, to]) => so.replaceAll(from, to), text);
const swapAll = (item: Record<string, unknown>, swaps: Swap[]): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(item).map(([name, value]) => [name, typeof value === 'string' ? swapped(value, swaps) : value]),
  );

/** The same items as if `other` were the one that waits. */
export const itemsAs = (items: Items, model: Parked, other: Parked): Items => {
  const { instanceId } = other;
  const swaps: Swap[] = [[model.instanceId, instanceId]];
  if (model.claimId !== null && other.claimId !== null) {
    const seen = seenBy(model.claimId);
    if (!JSON.stringify(items.journal).includes(seen)) throw new Error('An entry hashes what it has seen otherwise.');
    swaps.push([model.claimId, other.claimId], [seen, seenBy(other.claimId)]);
  }
  const journal = items.journal.map((item) => {
    const one = { ...swapAll(item, swaps), ...listedAs(instanceId, Number(item.seq), String(item.kind)) };
    swaps.push([hashOfEntry(item), hashOfEntry(one)]);
    return one;
  });
  const views = items.views.map((item) => {
    const one = swapAll(item, swaps);
    const shard = shardOf(instanceId, listShards);
    for (const name of ['statusShard', 'runbookShard']) one[name] = String(one[name]).replace(/\d+$/, String(shard));
    return 'dueShard' in one ? { ...one, dueShard: duePartition('local', instanceId) } : one;
  });
  return { journal, views, subscriptions: items.subscriptions.map((item) => swapAll(item, swaps)) };
};

type Write = { table: string; item: Record<string, unknown> };

const writeBatch = async ({ document }: Tables, writes: Write[]): Promise<void> => {
  const putsOf = (name: string) =>
    writes.filter(({ table }) => table === name).map(({ item }) => ({ PutRequest: { Item: item } }));
  const names = new Set(writes.map(({ table }) => table));
  let left = Object.fromEntries([...names].map((name) => [name, putsOf(name)]));
  while (Object.keys(left).length > 0) {
    const answer = await document.send(new BatchWriteCommand({ RequestItems: left }));
    left = (answer.UnprocessedItems ?? {}) as typeof left;
    if (Object.keys(left).length > 0) await wait(50);
  }
};

/** One that waits, and what stands of it. */
export type Model = { parked: Parked; items: Items };
export const modelOf = async (tables: Tables, parked: Parked): Promise<Model> => ({
  parked,
  items: await itemsOf(tables, parked),
});

/** Writes for each of `others` what stood of the model. */
export const fill = async (
  tables: Tables,
  { parked, items }: Model,
  others: Iterable<Parked>,
  written: (instances: number) => void = () => {},
): Promise<void> => {
  const source = others[Symbol.iterator]();
  let done = 0;
  const writeSome = async (): Promise<void> => {
    const writes: Write[] = [];
    for (let next = source.next(); next.done !== true; next = source.next()) {
      const copies = itemsAs(items, parked, next.value);
      for (const name of ['journal', 'views', 'subscriptions'] as const)
        for (const item of copies[name]) writes.push({ table: tableOf(tables, name), item });
      done += 1;
      while (writes.length >= batchItems) await writeBatch(tables, writes.splice(0, batchItems));
      if (done % 1_000 === 0) written(done);
    }
    if (writes.length > 0) await writeBatch(tables, writes);
  };
  await Promise.all(Array.from({ length: batchesAtOnce }, writeSome));
};

/**
 * The only function that writes to the append-only tables (journal, runbooks, claims), and only where nothing stands at
 * the keys: by one put under that condition, or by one INSERT, as the store was opened.
 *
 * DynamoDB's SDK repeats a write whose answer was lost and then collides with itself, so a refusal alone says nothing: the
 * token in the item that stands tells whether it is ours. Ours means won, and what stands counts.
 */
import { type CommitWrite, PawlError, type Put, type Refused } from '../engine/index.ts';
import { type Access, type AppendBy, type AppendOnly, getItem, type Item, keyOf, type RawItem } from './access.ts';
import { free } from './conditions.ts';
import { provesRefusal, storeError } from './failures.ts';
import { sha256 } from './hash.ts';
import type { Commit, Insert, PutIf } from './tableOperations.ts';

const itemBytesMax = 400 * 1024;
/** Unordered puts (notes, outputs, contents) own their slot, so they are retried in place this often. */
const roundsMax = 2;

export type Slot<T> = {
  table: AppendOnly;
  /** Keys, `token` and content. */
  item: Item & { token: string };
  decode(item: RawItem): T;
};

const bytesOf = (value: Item[string] | undefined): number => {
  if (typeof value === 'string') return Buffer.byteLength(value);
  return value instanceof Uint8Array ? value.byteLength : 21;
};

const describe = (slot: Slot<unknown>): string =>
  `Writing ${slot.table} ${Object.values(keyOf(slot.table, slot.item)).join(' #')}`;

/** What is sent. What comes of it is judged by the same code: an INSERT only never says what stood in its way. */
const ways: Record<AppendBy, (slot: Slot<unknown>) => PutIf | Insert> = {
  put: ({ table, item }) => ({
    kind: 'putIf',
    table,
    item,
    condition: free,
  }),
  insert: ({ table, item }) => ({ kind: 'insert', table, item }),
};

export type Companions = { writes: readonly CommitWrite[]; attempt: string };

/** DynamoDB's tokens have 36 characters at most. */
const requestTokenChars = 32;

const committing = ({ appendBy }: Access, { table, item }: Slot<unknown>, { writes, attempt }: Companions): Commit => {
  // One token for one slot: whatever is sent again under it is the same, byte for byte.
  const named = [item.token, attempt, ...Object.values(keyOf(table, item))];
  const token = sha256(JSON.stringify(named)).slice(0, requestTokenChars);
  return { kind: 'commit', table, item, by: appendBy, writes, token };
};

/**
 * Puts the item if its slot is free. `unknown` is an answer, not an error; thrown are only errors which prove that
 * nothing was written (`store.misconfigured`, `limit.exceeded`), and what `decode` says of an item it cannot read.
 */
export async function putOnce<T>(access: Access, slot: Slot<T>): Promise<Put<T>>;
/**
 * The same with companions: the item and all of them, or none. One that is not taken is told only of a slot that was read as
 * free; an earlier put without an answer may still land there, until something else does.
 * @param companions.attempt names the attempt whose effect they are: with the slot, it makes the token by which the service knows a repetition
 */
export async function putOnce<T>(access: Access, slot: Slot<T>, companions: Companions): Promise<Put<T> | Refused>;
export async function putOnce<T>(access: Access, slot: Slot<T>, companions?: Companions): Promise<Put<T> | Refused> {
  const bytes = Object.entries(slot.item).reduce((sum, [name, value]) => sum + name.length + bytesOf(value), 0);
  if (bytes > itemBytesMax) {
    const details = { limit: 'itemBytesMax', bytes, max: itemBytesMax };
    throw new PawlError('limit.exceeded', `${describe(slot)} was refused: ${bytes} bytes are over 400 KB.`, details);
  }
  const mine = slot.decode(slot.item);
  const judge = (item: RawItem): Put<T> =>
    item.token === slot.item.token
      ? { kind: 'written', standing: slot.decode(item), adopted: true }
      : { kind: 'conflict', winner: slot.decode(item) };

  let cause: unknown;
  let refused: Refused | undefined;
  try {
    const way = companions === undefined ? ways[access.appendBy](slot) : committing(access, slot, companions);
    const answer = await access.client.send<PutIf | Insert | Commit>(way);
    if (answer.kind === 'done') return { kind: 'written', standing: mine, adopted: false };
    if (answer.kind === 'companion') refused = { ...answer, kind: 'refused' };
    else if (answer.standing !== undefined) return judge(answer.standing);
    cause = new Error('It was refused, and what stood there is gone.');
  } catch (error) {
    if (provesRefusal(error)) throw storeError(error, describe(slot));
    cause = error;
  }
  // No answer, an answer that proves nothing, or a refusal without the item, as of every INSERT: look what stands.
  let found: RawItem | undefined;
  try {
    found = await getItem(access, slot.table, slot.item);
  } catch {
    return { kind: 'unknown', cause };
  }
  return found === undefined ? (refused ?? { kind: 'unknown', cause }) : judge(found);
}

/** For slots that no other caller wants, or where a conflict is as good: repeats while the answer is `unknown`, then throws. */
export const putSurely = async <T>(access: Access, slot: Slot<T>): Promise<Exclude<Put<T>, { kind: 'unknown' }>> => {
  for (let round = 1; ; round += 1) {
    const put = await putOnce(access, slot);
    if (put.kind !== 'unknown') return put;
    if (round === roundsMax) throw storeError(put.cause, describe(slot));
  }
};

/**
 * Writes that are committed together with an outcome: to tables that others own, in the store of the journal. Only what both
 * stores can say alike: flat rows under a key, each write with conditions of its own.
 */
import * as z from 'zod';
import { limits } from './limits.ts';
import { once } from './once.ts';

const schemas = once(() => {
  const number = z.number().refine((value) => Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER);
  const compared = z.union([z.string(), number, z.boolean()]);
  const column = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/);
  const key = z.record(column, z.union([z.string().min(1), number])).refine((one) => Object.keys(one).length > 0);
  const set = z.record(column, z.union([compared, z.null()])).exactOptional();
  const where = z
    .record(
      column,
      z.union([
        z.strictObject({ is: compared }),
        z.strictObject({ atLeast: z.union([z.string(), number]) }),
        z.strictObject({ atMost: z.union([z.string(), number]) }),
      ]),
    )
    .exactOptional();
  // Neither an ARN, which would lead to other accounts, nor a name with a schema before it.
  const table = z.string().regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,254}$/);
  return z
    .array(
      z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('insert'), table, key, set }),
        z.strictObject({
          kind: z.literal('update'),
          table,
          key,
          set,
          add: z.record(column, number).exactOptional(),
          where,
        }),
        z.strictObject({ kind: z.literal('delete'), table, key, where }),
        z.strictObject({ kind: z.literal('check'), table, key, where }),
      ]),
    )
    .max(limits.commitWritesMax);
});

/**
 * `insert` where nothing stands at the key; `update` and `check` of one row that is there and of which `where` holds; `delete` of one that
 * is gone already, or of which it holds. `set` gives columns a value, `add` adds to numbers.
 */
export type CommitWrite = z.infer<ReturnType<typeof schemas>>[number];

/** What a task asked to be committed, or why it cannot be. */
export const readWrites = (given: unknown): { writes: CommitWrite[] } | { why: string } => {
  const read = schemas().safeParse(given);
  if (!read.success) {
    const [first] = read.error.issues;
    const count = Array.isArray(given) ? given.length : 0;
    if (count > limits.commitWritesMax)
      return { why: `there are ${count} writes; commitWritesMax is ${limits.commitWritesMax}` };
    const [at, ...path] = first?.path ?? [];
    return { why: `write ${Number(at) + 1}${path.length === 0 ? '' : `, ${path.join('.')}`}: ${first?.message}` };
  }
  const bytes = new TextEncoder().encode(JSON.stringify(read.data)).byteLength;
  if (bytes > limits.commitBytesMax)
    return { why: `the writes have ${bytes} bytes; commitBytesMax is ${limits.commitBytesMax}` };
  for (const write of read.data) {
    if (write.kind !== 'update') continue;
    const { key, set = {}, add = {} } = write;
    const named = [...Object.keys(key), ...Object.keys(set), ...Object.keys(add)];
    const twice = named.find((name, index) => named.indexOf(name) !== index);
    if (twice !== undefined) return { why: `an update of ${write.table} names ${twice} twice` };
    if (named.length === Object.keys(key).length) return { why: `an update of ${write.table} changes nothing` };
  }
  for (const { kind, table, key, ...rest } of read.data) {
    const set = 'set' in rest ? (rest.set ?? {}) : {};
    const twice = Object.keys(key).find((name) => Object.hasOwn(set, name));
    if (twice !== undefined) return { why: `an ${kind} of ${table} names ${twice} twice` };
  }
  return { writes: read.data };
};

/**
 * Families: a section with `each` is one wait of its instance, the parent, and an instance of its own for every element, a child.
 * What the parent's chain knows of them stands in its open wait.
 */
import * as z from 'zod';
import type { RunEnd } from './runEnd.ts';
import { shortName } from './shortName.ts';

const count = z.int().min(0);

/**
 * `spawned`: the elements before this index may begin. `ended`: a bit for each of them, in base64, set once it was seen ended; and
 * how many ended how (`failed`: rolled back or not). `stuck`: how many of the others were seen halted or in doubt.
 */
export const familySchema = z.strictObject({
  count,
  max: z.int().min(1),
  stopAfter: z.int().min(1),
  spawned: count.default(0),
  ended: z.string().default(''),
  completed: count.default(0),
  cancelled: count.default(0),
  failed: count.default(0),
  stuck: count.default(0),
});
export type Family = z.infer<typeof familySchema>;

/** The parent of a child: the `waiting` entry that opened the section, and which element it is. */
export const parentSchema = z.strictObject({
  instanceId: z.string(),
  seq: count,
  cell: z.string(),
  index: count,
});
export type Parent = z.infer<typeof parentSchema>;

/** What is known of a family when its section opens. */
export const familyOf = ({ count: all, max, stopAfter }: Pick<Family, 'count' | 'max' | 'stopAfter'>): Family => ({
  count: all,
  max,
  stopAfter,
  spawned: 0,
  ended: '',
  completed: 0,
  cancelled: 0,
  failed: 0,
  stuck: 0,
});

/** Whether the bit of an index is set. */
export const isSet = (bits: Buffer, index: number): boolean => ((bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;

/** Bits in base64, with those of the indexes set. */
export const withBits = (ended: string, indexes: readonly number[]): string => {
  const before = Buffer.from(ended, 'base64');
  const bytes = Buffer.alloc(Math.max(before.length, ...indexes.map((index) => (index >> 3) + 1)));
  before.copy(bytes);
  for (const index of indexes) bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (1 << (index & 7));
  return bytes.toString('base64');
};

/** Elements that may have begun and were not seen ended. */
export const unfinishedIn = ({ spawned, ended }: Family): number[] => {
  const bits = Buffer.from(ended, 'base64');
  return Array.from({ length: spawned }, (_, index) => index).filter((index) => !isSet(bits, index));
};

export const endedIn = ({ completed, cancelled, failed }: Family): number => completed + cancelled + failed;

/** What is known once these were seen ended, and so many of the others stand halted or in doubt. */
export const withEnds = (
  family: Family,
  ends: readonly { index: number; as: RunEnd }[],
  stuck: number = family.stuck,
): Family => {
  const how = (...wanted: RunEnd[]): number => ends.filter(({ as }) => wanted.includes(as)).length;
  const indexes = ends.map(({ index }) => index);
  return {
    ...family,
    ended: ends.length === 0 ? family.ended : withBits(family.ended, indexes),
    completed: family.completed + how('completed'),
    cancelled: family.cancelled + how('cancelled'),
    failed: family.failed + how('failed', 'rolled_back'),
    stuck,
  };
};

/** How many more elements may begin, as far as the parent's chain knows. */
export const roomIn = (family: Family): number => {
  const { count: all, max, stopAfter, spawned, cancelled, failed, stuck } = family;
  if (cancelled + failed + stuck >= stopAfter) return 0;
  return Math.max(0, Math.min(all - spawned, max - (spawned - endedIn(family))));
};

/** Nothing of it is under way, and nothing further may begin for good. */
export const isOver = (family: Family): boolean => {
  const { count: all, spawned, cancelled, failed, stopAfter } = family;
  return endedIn(family) === spawned && (spawned === all || cancelled + failed >= stopAfter);
};

/** Stands in the id of every child, and in no id that a caller may choose. */
const childMark = '~';
export const isChild = (instanceId: string): boolean => instanceId.includes(childMark);

/** The run to which a child belongs, which goes on with all of its elements; where that cannot be told, the child itself. */
export const rootOf = (instanceId: string): string => {
  const end = instanceId.indexOf(childMark);
  return end > 0 ? instanceId.slice(0, end) : instanceId;
};

const idAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-~';
const idCharsMax = 128;

/** The id of the child for an element: the same for everybody who looks. */
export const childId = (parent: Omit<Parent, 'seq'>, visit: number, sha256: (text: string) => string): string => {
  const { instanceId, cell, index } = parent;
  const own = `${cell}${visit === 1 ? '' : `-${visit}`}.${index}`;
  const id = `${instanceId}${childMark}${own}`;
  return id.length <= idCharsMax
    ? id
    : `${childMark}${shortName([instanceId, own], idCharsMax - 1, idAlphabet, sha256)}`;
};

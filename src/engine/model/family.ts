/**
 * Families: a section with `each` is one wait of its instance, the parent, and an instance of its own for every element, a child.
 * What the parent's chain knows of them stands in its open wait.
 */
import * as z from 'zod';
import type { RunEnd } from './runEnd.ts';
import { shortName } from './shortName.ts';

const count = z.int().min(0);

/**
 * `spawned`: so many elements, in the order in which they begin, may have begun. `ended`: a bit for each element, in base64, set once it
 * was seen ended, or is cited of an earlier visit; and how many ended how (`failed`: rolled back or not). `stuck`: how many of the
 * others were seen halted or in doubt. `locked`: how many had not begun, since somebody else held the lock of their runbook. `undoes`:
 * each takes back what an element of another section did, the last first.
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
  locked: count.min(1).exactOptional(),
  undoes: z.literal(true).exactOptional(),
});
export type Family = z.infer<typeof familySchema>;

/** The parent of a child: the `waiting` entry that opened the section, and which element it is. */
export const parentSchema = z.strictObject({
  instanceId: z.string(),
  seq: count,
  cell: z.string(),
  index: count,
  /** It is a run of its own: of a runbook's version that its first entry names, with parameters of its own. */
  run: z.literal(true).exactOptional(),
});
export type Parent = z.infer<typeof parentSchema>;

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

/** What a section says of itself when it opens; `cited`: bits of the elements that are not begun, since they completed before. */
type Opening = Pick<Family, 'count' | 'max' | 'stopAfter'> & { cited?: string; undoes?: object };

/** What is known of a family when its section opens. */
export const familyOf = ({ count: all, max, stopAfter, cited = '', undoes }: Opening): Family => ({
  count: all,
  max,
  stopAfter,
  spawned: 0,
  ended: cited,
  completed: indexesIn(cited, all).length,
  cancelled: 0,
  failed: 0,
  stuck: 0,
  ...(undoes === undefined ? {} : { undoes: true as const }),
});

/** The indexes below `count` whose bits are set. */
export const indexesIn = (text: string, all: number): number[] => {
  const bits = Buffer.from(text, 'base64');
  return Array.from({ length: all }, (_, index) => index).filter((index) => isSet(bits, index));
};

/** Elements that were not seen ended, of those from one to another in the order in which they begin. */
const notEndedIn = ({ count: all, ended, undoes }: Family, from: number, to: number): number[] => {
  const bits = Buffer.from(ended, 'base64');
  const places = Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at);
  return places.map((at) => (undoes === true ? all - 1 - at : at)).filter((index) => !isSet(bits, index));
};

/** Elements that may have begun and were not seen ended. */
export const unfinishedIn = (family: Family): number[] => notEndedIn(family, 0, family.spawned);

/** Elements that begin where `spawned` goes up to that. */
export const begunUpTo = (family: Family, spawned: number): number[] => notEndedIn(family, family.spawned, spawned);

/** What `spawned` says once so many more have begun. */
export const spawnedWith = (family: Family, more: number): number => {
  let { spawned } = family;
  while (begunUpTo(family, spawned).length < more) spawned += 1;
  return spawned;
};

/** What is known once these were seen ended, and so many of the others stand halted or in doubt. */
export const withEnds = (
  family: Family,
  ends: readonly { index: number; as: RunEnd }[],
  stuck: number = family.stuck,
): Family => {
  const how = (...wanted: RunEnd[]): number => ends.filter(({ as }) => wanted.includes(as)).length;
  // What an element was begun for: to take back.
  const done: RunEnd = family.undoes === true ? 'rolled_back' : 'completed';
  const others: RunEnd[] = family.undoes === true ? ['completed', 'failed'] : ['failed', 'rolled_back'];
  const indexes = ends.map(({ index }) => index);
  return {
    ...family,
    ended: ends.length === 0 ? family.ended : withBits(family.ended, indexes),
    completed: family.completed + how(done),
    cancelled: family.cancelled + how('cancelled'),
    failed: family.failed + how(...others),
    stuck,
  };
};

const isStopped = ({ cancelled, failed, stopAfter }: Family, stuck = 0): boolean =>
  cancelled + failed + stuck >= stopAfter;

/** How many more elements may begin, as far as the parent's chain knows. */
export const roomIn = (family: Family): number => {
  const { count: all, max, stuck } = family;
  if (isStopped(family, stuck)) return 0;
  return Math.max(0, Math.min(begunUpTo(family, all).length, max - unfinishedIn(family).length));
};

/** Nothing of it is under way, and nothing further may begin for good. */
export const isOver = (family: Family): boolean =>
  unfinishedIn(family).length === 0 && (begunUpTo(family, family.count).length === 0 || isStopped(family));

/** Stands in the id of every child, and in no id that a caller may choose. */
const childMark = '~';
export const isChild = (instanceId: string): boolean => instanceId.includes(childMark);

/** The run to which a child belongs, which goes on with all of its elements; where that cannot be told, the child itself. */
export const rootOf = (instanceId: string): string => {
  const end = instanceId.indexOf(childMark);
  return end > 0 ? instanceId.slice(0, end) : instanceId;
};

/** The instance whose element a child is, by its id; `undefined`: it is none, or one of those around it was too long to say so. */
export const parentIdOf = (instanceId: string): string | undefined => {
  const end = instanceId.lastIndexOf(childMark);
  return end > 0 && !instanceId.startsWith(childMark) ? instanceId.slice(0, end) : undefined;
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

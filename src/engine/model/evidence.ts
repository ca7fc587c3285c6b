/** Files that a cell left as evidence: how an executor hands them on, and why one of them is not kept. */
import * as z from 'zod';
import { limits } from './limits.ts';
import { once } from './once.ts';

/** In words, after the name of the file. */
export const unkeptReasons = {
  file: `larger than attachmentBytesMax, ${limits.attachmentBytesMax}`,
  sum: `with those before it more than evidenceBytesMax, ${limits.evidenceBytesMax}`,
  count: `one more than evidenceFilesMax, ${limits.evidenceFilesMax}`,
  kind: 'no plain file',
  name: `no plain name of up to attachmentNameCharsMax, ${limits.attachmentNameCharsMax}, printable characters`,
  unreadable: 'could not be read',
  interrupted: 'its cell was interrupted, so it may be half of a file',
  carried: `did not fit into the answer of its function, remotePayloadBytesMax, ${limits.remotePayloadBytesMax}`,
  store: 'the store did not take it in time',
} as const satisfies Record<string, string>;
type UnkeptReason = keyof typeof unkeptReasons;

const reasons = Object.keys(unkeptReasons) as [UnkeptReason, ...UnkeptReason[]];
/** `more`: so many are not named. */
export const unkeptSchema = once(() =>
  z.strictObject({
    files: z.array(z.strictObject({ name: z.string(), bytes: z.int().min(0), why: z.enum(reasons) })),
    more: z.int().min(0),
  }),
);
export type Unkept = z.infer<ReturnType<typeof unkeptSchema>>;

/** As text, since it comes from another process or machine. */
export const evidenceSchema = once(() =>
  z.strictObject({
    files: z.array(z.strictObject({ name: z.string(), base64: z.base64() })),
    unkept: unkeptSchema(),
  }),
);
export type Evidence = z.infer<ReturnType<typeof evidenceSchema>>;

export const noneUnkept = ({ files, more }: Unkept): boolean => files.length === 0 && more === 0;

/** Without the file at a place, which is named among those that are not kept. */
export const without = ({ files, unkept }: Evidence, at: number, why: UnkeptReason): Evidence => {
  const left = files[at];
  if (left === undefined) return { files, unkept };
  const isNamed = unkept.files.length < limits.evidenceFilesMax * 2;
  const one = { name: left.name, bytes: Buffer.byteLength(left.base64, 'base64'), why };
  return {
    files: files.filter((_, index) => index !== at),
    unkept: isNamed ? { ...unkept, files: [...unkept.files, one] } : { ...unkept, more: unkept.more + 1 },
  };
};

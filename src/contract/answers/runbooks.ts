/** Runbooks and their versions. */
import * as z from 'zod';
import type { Runbook } from '../../engine/model/index.ts';
import { count } from './parts.ts';

const hashes = {
  sourceHash: z.string().describe('sha256 of the document: the same content has the same.'),
  runHash: z.string().describe('sha256 of what runs: the document, its compiled form and format.'),
};
export const published = z.strictObject({
  runbookId: z.string(),
  version: z.int(),
  ...hashes,
  cells: count,
  created: z.boolean(),
});
/** No request holds one: it is made by publishing, so its form is told by its type alone. */
const compiled = z.record(z.string(), z.unknown()) as unknown as z.ZodType<Runbook>;
export const runbook = z.strictObject({
  runbookId: z.string(),
  version: z.int(),
  ...hashes,
  title: z.string(),
  source: z.string(),
  runbook: compiled.describe('The compiled form.'),
});
const listed = z.strictObject({
  runbookId: z.string(),
  version: z.int(),
  ...hashes,
  title: z.string(),
  cells: count,
  by: z.string().describe('Who published it.'),
  atMs: z.number(),
});
export const runbookPage = z.strictObject({ runbooks: z.array(listed), next: z.string().nullable() });
export const versionPage = z.strictObject({
  versions: z.array(listed).describe('Newest first.'),
  next: count.nullable().describe('Give it as `before`; null at the end.'),
});

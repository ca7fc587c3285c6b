/** Workers, and whether a place has any. */
import * as z from 'zod';
import { count } from './parts.ts';

export const manned = z
  .strictObject({
    place: z.string(),
    alive: count.describe('Workers that are alive there.'),
    lastSeenAtMs: z
      .number()
      .nullable()
      .describe('When any worker was seen there last; null: never, as far as is kept.'),
    lacking: z
      .array(z.string())
      .exactOptional()
      .describe(
        'What the next cell needs and every worker that is alive there lacks: `program kubectl`, `env KUBECONFIG`.',
      ),
  })
  .nullable();

export const workers = z.strictObject({
  workers: z.array(
    z.strictObject({
      place: z.string(),
      id: z.string(),
      state: z
        .enum(['alive', 'left', 'gone'])
        .describe('`left`: it ended by itself. `gone`: nothing was heard of it lately.'),
      host: z.string(),
      pid: z.int(),
      version: z.string().describe('Of Pawl.'),
      startedAtMs: z.number(),
      seenAtMs: z.number(),
      leftAtMs: z.number().nullable(),
      concurrency: count.describe('Instances that it goes on with at once, at most.'),
      running: count.describe('Instances that it went on with when it was seen last.'),
      lacks: z.array(z.string()).describe('What cells needed lately and it has not.'),
    }),
  ),
  wanted: z
    .array(z.strictObject({ place: z.string(), sinceMs: z.number() }))
    .describe('Places that something waited for when nobody had ever been there.'),
  nowMs: z.number(),
});

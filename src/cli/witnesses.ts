/**
 * What was seen of journals before: the newest entry of each instance, from a file. Either what `pawl verify --json` printed,
 * or lines of JSON with `instanceId`, `seq` and `hash`, such as the log lines of each put.
 */
import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { PawlError } from '../engine/index.ts';

export type Witnesses = Map<string, { seq: number; hash: string }>;

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const line = z.object({ instanceId: z.string(), seq: z.int().min(0), hash });
const document = z.object({
  verified: z.array(z.object({ instanceId: z.string(), head: z.object({ seq: z.int().min(0), hash }) })),
});

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const read = (text: string): z.infer<typeof line>[] => {
  const whole = document.safeParse(parsed(text));
  if (whole.success) return whole.data.verified.map(({ instanceId, head }) => ({ instanceId, ...head }));
  // A log has other lines too.
  return text.split('\n').flatMap((one) => {
    const found = line.safeParse(parsed(one));
    return found.success ? [found.data] : [];
  });
};

/** Of each instance the newest: it covers all that is before it. @throws PawlError `request.invalid` */
export const readWitnesses = async (file: string): Promise<Witnesses> => {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new PawlError('request.invalid', `${file} cannot be read: ${why}.`);
  });
  const witnesses: Witnesses = new Map();
  for (const { instanceId, seq, hash: seen } of read(text)) {
    if (seq >= (witnesses.get(instanceId)?.seq ?? 0)) witnesses.set(instanceId, { seq, hash: seen });
  }
  if (witnesses.size > 0) return witnesses;
  const message = `${file} holds no hash of an entry. Give what \`pawl verify --all --json\` printed, or log lines with \`instanceId\`, \`seq\` and \`hash\`.`;
  throw new PawlError('request.invalid', message);
};

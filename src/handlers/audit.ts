/** Alarms on any MODIFY or REMOVE of an append-only table; Pawl never makes one. */
import * as z from 'zod';
import { streamEvent } from './events.ts';
import { metricNames, type Telemetry } from './metrics.ts';
import { type Invoke, pipeline } from './pipeline.ts';

export type AuditDeps = { telemetry: Telemetry };
const auditAnswer = z.strictObject({ altered: z.int() });
type AuditAnswer = z.infer<typeof auditAnswer>;

type StreamEvent = z.infer<typeof streamEvent>;

/** `arn:aws:dynamodb:<region>:<account>:table/<name>/stream/<time>` */
const tableOf = (arn: string): string => /:table\/([^/]+)\//.exec(arn)?.[1] ?? 'unknown';

/** `{"S":"x"}` and `{"N":"1"}`: keys are texts and numbers. */
const keyOf = (keys: StreamEvent['Records'][number]['dynamodb']['Keys']) =>
  Object.fromEntries(Object.entries(keys).map(([name, value]) => [name, String(Object.values(value)[0])]));

const handle = async ({ Records }: StreamEvent, { telemetry }: AuditDeps): Promise<AuditAnswer> => {
  const altered = Records.filter(({ eventName }) => eventName !== 'INSERT');
  for (const { eventName, eventSourceARN, dynamodb, userIdentity, eventID } of altered) {
    const key = keyOf(dynamodb.Keys);
    const seq = key.seq === undefined ? null : Number(key.seq);
    const principal = userIdentity?.principalId ?? null;
    const where = { table: tableOf(eventSourceARN), key, instanceId: key.instanceId ?? null, seq, cell: null };
    telemetry.logger.error('journal altered', { ...where, eventName, eventID: eventID ?? null, principal });
  }
  telemetry.count(metricNames.journalAltered, altered.length);
  return { altered: altered.length };
};

export const createAudit = (open: (telemetry: Telemetry) => AuditDeps): Invoke<AuditAnswer> =>
  pipeline({ schema: streamEvent, open, handle });

/** Runbooks, their versions and the start of an instance. */
import * as z from 'zod';
import { once } from '../../engine/model/index.ts';
import { cellName, digits, idOf, instanceId, limit, next, reason, runbookId } from './parts.ts';

const version = z.int().min(1);
const drive = z.enum(['auto', 'manual']);
const newInstanceId = idOf('instance id');

export const runbookPath = once(() => z.strictObject({ runbookId }));
export const versionPath = once(() => z.strictObject({ runbookId, version: digits(1) }));
export const runbooksQuery = once(() => z.strictObject({ limit, next }));
export const versionsQuery = once(() =>
  z.strictObject({
    before: digits(1).describe('`next` of the page before: only versions before this one.').exactOptional(),
    limit,
  }),
);
export const statisticsQuery = once(() =>
  z.strictObject({ version: digits(1).describe('Default: the newest.').exactOptional() }),
);

export const startBody = once(() =>
  z.strictObject({
    params: z.record(z.string(), z.unknown()).default({}),
    version: version.describe('Default: the newest.').exactOptional(),
    instanceId: newInstanceId.exactOptional(),
    drive: drive.exactOptional(),
    continues: z
      .strictObject({
        instanceId: instanceId.describe('The halted or cancelled run to go on from.'),
        at: cellName.describe('The cell to begin with.'),
        reason: reason.describe('Asked for when a cell would run again that was done there.').exactOptional(),
      })
      .exactOptional(),
  }),
);
export const startAndRunBody = once(() => startBody().omit({ drive: true }));
/** What of a start says what would happen. */
export const planBody = once(() => startBody().pick({ params: true, version: true }));

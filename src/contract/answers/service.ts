/** What the service says of itself, and why it refuses. */
import * as z from 'zod';
import { type ErrorCode, errorCodes } from '../../engine/model/index.ts';

export const health = z.strictObject({ status: z.literal('ok') });
export const openApiDocument = z.looseObject({ openapi: z.literal('3.1.1') });

const codes = Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]];
/** RFC 9457, with what there is to know beside it: `view`, `holder`, `problems`, `instanceId` … */
export const problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(codes),
  request: z.string().describe('Names this request in the log.'),
});

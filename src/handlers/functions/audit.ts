import { createAudit } from '../audit.ts';
import { openAuditDeps } from '../deps.ts';

export const handler = createAudit(openAuditDeps);

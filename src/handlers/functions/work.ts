import { openWorkDeps } from '../deps.ts';
import { createWork } from '../work.ts';

export const handler = createWork(openWorkDeps);

import { openTickDeps } from '../deps.ts';
import { createTick } from '../tick.ts';

export const handler = createTick(openTickDeps);

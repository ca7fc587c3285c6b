/**
 * What is known of the tasks that a deployment is packaged with: infra/bundle.mjs reads their folder, and puts what it finds in the place
 * of this file. `api` publishes by it; their code is with `execute-task` alone.
 */
import type { Tasks } from '../engine/index.ts';

export const packagedTasks: Tasks = { where: 'tasks', known: new Map(), broken: [] };

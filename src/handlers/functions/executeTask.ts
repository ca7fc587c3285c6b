import { openExecuteTaskDeps } from '../deps.ts';
import { createExecuteTask } from '../executeCell.ts';

export const handler = createExecuteTask(openExecuteTaskDeps);

import { openExecuteCellDeps } from '../deps.ts';
import { createExecuteCell } from '../executeCell.ts';

export const handler = createExecuteCell(openExecuteCellDeps);

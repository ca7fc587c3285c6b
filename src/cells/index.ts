/** Cells with effects, one file per family of kinds; `assert`, `manual` and `end` have none and stay in the engine. */
import type { CellInput, CellResult, Execute } from '../engine/index.ts';
import { nothingAllowed } from './aws/allowed.ts';
import { createAws } from './aws/index.ts';
import * as code from './code.ts';
import { createHttp, type HttpOptions } from './http.ts';
import type { CellsStandby } from './standby.ts';
import { createTask } from './task.ts';
import { type FoundTasks, readTasks } from './tasks.ts';
import type { CellsUser } from './user.ts';

export { metadataAddresses, parseHttpAllow } from './addresses.ts';
export { type AwsAllow, type AwsAllowed, parseAwsAllow } from './aws/allowed.ts';
export { createAws } from './aws/index.ts';
export { execute as executeCode } from './code.ts';
export { holderState, ownProcess } from './holder.ts';
export { createHttp, type HttpOptions } from './http.ts';
export { type Address, type Asked, lookAround, lookAroundAs, type Reach, withAbove } from './lookAround.ts';
export { scriptProblems } from './shells.ts';
export { type CellsStandby, createStandby } from './standby.ts';
export { sweepFolders } from './sweep.ts';
export { createTask } from './task.ts';
export { type FoundTasks, readTasks } from './tasks.ts';
export { type CellsUser, cellsUser } from './user.ts';

/** Never throws: what a cell does is data. A defect of ours leaves its step `unknown`. */
export const createExecute = (
  options: HttpOptions & { cellsAs?: CellsUser; standby?: CellsStandby; tasks?: () => Promise<FoundTasks> } = {},
): Execute => {
  const runCode = code.createCode(options.cellsAs, options.standby);
  const http = createHttp(options);
  const aws = createAws(options.aws ?? nothingAllowed);
  const task = createTask(options.tasks ?? (() => readTasks('tasks')));
  return async (input: CellInput): Promise<CellResult> => {
    const { kind } = input.body;
    if (kind === 'http') return await http(input);
    if (kind === 'aws') return await aws(input);
    if (kind === 'task') return await task(input);
    if (kind === 'ts' || kind === 'js' || kind === 'sh') return await runCode(input);
    return { status: 'never', error: { code: 'cell.kind', message: `A ${kind} cell is not executed.` } };
  };
};

/** Cells with effects, one file per family of kinds; `assert`, `manual` and `end` have none and stay in the engine. */
import type { CellInput, CellResult, Execute } from '../engine/index.ts';
import * as code from './code.ts';
import { createHttp, type HttpOptions } from './http.ts';

export { parseHttpAllow } from './addresses.ts';
export { execute as executeCode } from './code.ts';
export { createHttp, type HttpOptions } from './http.ts';

/** Never throws: what a cell does is data. A defect of ours leaves its step `unknown`. */
export const createExecute = (options: HttpOptions = {}): Execute => {
  const http = createHttp(options);
  return async (input: CellInput): Promise<CellResult> => {
    const { kind } = input.body;
    if (kind === 'http') return await http(input);
    if (kind === 'ts' || kind === 'js' || kind === 'sh') return await code.execute(input);
    return { status: 'never', error: { code: 'cell.kind', message: `A ${kind} cell is not executed.` } };
  };
};

/** A stand-in for an engine process: runs one script cell from its arguments, until somebody kills it. */
import { createExecute } from '../../src/cells/index.ts';
import { inputOf } from './cells.ts';

await createExecute()(
  inputOf({ kind: 'sh', code: process.argv[2] ?? '' }, { timeoutMs: 60_000, params: { dir: process.argv[3] ?? '' } }),
);

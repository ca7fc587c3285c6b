/** A stand-in for an engine process: runs one script cell from its arguments, as the user in the last one, until somebody kills it. */
import { cellsUser, createExecute } from '../../src/cells/index.ts';
import { inputOf } from './cells.ts';

const [, , code = '', dir = '', user] = process.argv;
await createExecute(user === undefined ? {} : { cellsAs: await cellsUser(user) })(
  inputOf({ kind: 'sh', code }, { timeoutMs: 60_000, params: { dir } }),
);

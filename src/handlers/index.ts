/** The handlers' door: the operations, for a caller that runs them in its own process. */
export type { ApiCall, OperationDeps } from './apiDeps.ts';
export { operationOf } from './operations.ts';
export { takeInput } from './request.ts';
export { setAsideInFolder } from './setAsideFolder.ts';

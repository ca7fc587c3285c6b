/**
 * The contract's door: what HTTP carries. Handlers read requests by it and are typed by it, OpenAPI is made from it, and the
 * command line calls by it. A page in a browser may have it too, so it imports zod and the engine's words, nothing else.
 */
export { waitsForElements, whyNoVote } from '../engine/model/index.ts';
export type { AnswerOf, BodyOf, CallOf, InputOf } from './calls.ts';
export { momentOf } from './moments.ts';
export { findRoute, segmentsOf } from './paths.ts';
export { cellName, instanceId, seq } from './requests/parts.ts';
export { type Permission, permissions, type Route } from './routes/route.ts';
export { type OperationName, operationNames, operations, routes } from './routes.ts';
export { isNotYet, type Manned, mannedAt, withLacking, workerStateOf } from './workers.ts';

/**
 * Pawl as a library: the engine, a store, and the handlers of the service for a stack of one's own. docs/library.md
 * describes it. Importing this loads the engine alone; a store, the cells and AWS come with the first call that needs them.
 *
 * @example
 * ```ts
 * import { openPawl } from 'pawl';
 *
 * const { engine, close } = await openPawl({ dataDir: './data' });
 * const by = { actor: 'alice', via: 'cli', where: 'my program' };
 * await engine.publish(source, by);
 * ```
 */
import { demandedHandlers } from './library/handlers.ts';

export * from './engine/index.ts';
export type { HttpAnswer, Invoke, LambdaContext } from './library/handlers.ts';
export { type OpenOptions, openPawl, type Pawl } from './library/open.ts';

/** The functions of the service: each loads itself, and reads its environment, at its first event. */
export const handlers = demandedHandlers;

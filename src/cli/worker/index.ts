/** The door to what a process that stays runs by. Loaded by `pawl serve` and `pawl worker` alone: it brings middy and the logger. */

export { drain } from './drain.ts';
export { startBeating } from './heartbeat.ts';
export { openRuntime, type Runtime } from './runtime.ts';
export { startWorker } from './start.ts';
export { createTurns } from './turns.ts';

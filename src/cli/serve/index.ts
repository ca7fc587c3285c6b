/** The door to the service of one machine. Loaded by `pawl serve` alone: it brings middy and the logger. */

export { drain, startBeating } from '../worker/index.ts';
export { createGuard } from './guard.ts';
export { listen, type ServerOptions } from './http.ts';
export { openService } from './service.ts';

/** The door to the service of one machine. Loaded by `pawl serve` and `pawl console` alone: it brings middy and the logger. */

export { drain, startBeating } from '../worker/index.ts';
export { forwardTo } from './forward.ts';
export { createGuard } from './guard.ts';
export { listen, type ServerOptions } from './http.ts';
export { openService } from './service.ts';
export { whoAsks } from './whoAsks.ts';

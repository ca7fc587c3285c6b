/** The handlers' door for whoever serves them from one process: the functions that are deployed, on deps of one's own. */
export { createApi } from './api.ts';
export { type AskedFile, configPath, consoleConfig, createConsoleFiles, isConsole } from './consoleFiles.ts';
export type { WorkRequest } from './events.ts';
export { createTelemetry, loggable } from './metrics.ts';
export { createTick } from './tick.ts';
export { wakeByTimer } from './wakeTimer.ts';
export { createWork } from './work.ts';

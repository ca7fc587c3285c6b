/** The second door of the store, for the CLI and the tests: what AWS does for a deployment, a machine does for itself. */

export { type Embedded, openEmbedded } from './embedded.ts';
export { createTables, readTables } from './tables.ts';

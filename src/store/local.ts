/** The store's second door: what only a developer's machine and the tests need, kept out of the deployed bundle. */
export { createTables, readTables } from './tables.ts';
export { type Embedded, openEmbedded } from './embedded.ts';

/** The door to SQLite: the store of one machine, in a data folder of its own. */

export { backUp } from './backup.ts';
export { dataFile, hasStore, networkOf, prepareFolder } from './dataFolder.ts';
export { openFile, openFolder, openMemory, type Sqlite } from './sqlite.ts';
export { createSqliteClock, type Machine, thisMachine } from './sqliteClock.ts';

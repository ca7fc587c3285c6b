/** The door to DynamoDB: the client for the tables of a deployment, or of DynamoDB Local, and how those are made. */

export { createClient } from './client.ts';
export { createTables, readTables } from './tables.ts';

/** A Node that waits for one job and does nothing but that: what a code cell costs beside it is ours. */
import { readFileSync, writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

writeSync(3, 'waits\n');
const { file, input } = JSON.parse(readFileSync(0, 'utf8'));
const { default: cell } = await import(pathToFileURL(file).href);
writeSync(3, JSON.stringify(await cell(input)));
process.exit(0);

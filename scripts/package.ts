/** `npm run package [-- --stage prod …]`: packages into .serverless, and says what it made. */
import { join } from 'node:path';
import { packageService } from './packageService.ts';

const { folder, sizes, said } = await packageService(
  join(import.meta.dirname, '..', '.serverless'),
  process.argv.slice(2),
);
console.log(said.trim());
for (const [name, { kb }] of Object.entries(sizes)) console.log(`${name.padEnd(12)} ${String(kb).padStart(5)} KB`);
console.log(`The template and the zips are in ${folder}.`);

/** `npm run bench:batching`: what an outcome that carries the next reservation saves, against the same engine without. */

import { fileURLToPath } from 'node:url';
import { inEditedCopy, project, runJson } from '../../test/support/edited.ts';
import { readOptions } from '../../test/support/options.ts';
import type { Cost, Costs } from './measure.ts';

const script = 'bench/batching/measure.ts';
const help =
  'npm run bench:batching -- [--json]\n\nRequests and write units for each cell, with batching and without, in one run each.';
const { values } = readOptions(help, { options: { json: { type: 'boolean', default: false } } as const });

const batched = (await runJson(project, script, [])) as Costs;
const edit = fileURLToPath(new URL('plain.edit', import.meta.url));
const plain = (await inEditedCopy(edit, (folder) => runJson(folder, script, []))) as Costs;

const requests = ({ puts, updates, reads }: Cost): number => puts + updates + reads;
const perCell = (total: number, cells: string): string => (total / Number(cells)).toFixed(2).padStart(6);

if (values.json) console.log(JSON.stringify({ batched, plain }));
else {
  console.log('One run by one call, per cell:      requests                  write units');
  console.log('cells                          plain batched ratio       plain batched ratio');
  for (const [cells, without] of Object.entries(plain)) {
    const withIt = batched[cells] as Cost;
    const row = (a: number, b: number): string => `${perCell(a, cells)}  ${perCell(b, cells)}  ${(b / a).toFixed(2)}`;
    const units = row(without.writeUnits, withIt.writeUnits);
    console.log(`${cells.padStart(5)}${' '.repeat(25)}${row(requests(without), requests(withIt))}      ${units}`);
  }
}

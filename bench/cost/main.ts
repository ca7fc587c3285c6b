/** `npm run bench:cost`: what a cell needs on AWS, counted in this process, and what a million of them cost at list prices. */

import { randomBytes } from 'node:crypto';
import { createClient, createTables } from '../../src/store/dynamodb.ts';
import { createStore } from '../../src/store/index.ts';
import { readOptions, refuse } from '../../test/support/options.ts';
import { startJar } from '../../test/support/servers.ts';
import { type Measured, measure, pageViews } from './measure.ts';
import {
  type Assumptions,
  assumed,
  billOf,
  idleMonth,
  keptMonth,
  memory,
  plus,
  prices,
  sum,
  times,
  type Use,
} from './prices.ts';

const help = `npm run bench:cost -- [--cells N] [--cell-ms N] [--json]

Runs runbooks of N js cells and of N http cells (10) through the handlers, the engine and the store on DynamoDB Local
(Java; or PAWL_DYNAMODB_ENDPOINT), and prints for each cell the requests, the
write units and the read units. Then the list prices, with --cell-ms (${assumed.cellMs}) as the time that a cell is billed for.`;
const { values } = readOptions(help, {
  options: {
    cells: { type: 'string', default: '10' },
    'cell-ms': { type: 'string', default: String(assumed.cellMs) },
    json: { type: 'boolean', default: false },
  } as const,
});
const numberOf = (name: 'cells' | 'cell-ms', max: number): number => {
  const number = Number(values[name]);
  if (Number.isSafeInteger(number) && number >= 1 && number <= max) return number;
  return refuse(`--${name} is a whole number from 1 to ${max}, not ${values[name]}`);
};
const cells = numberOf('cells', 100);
const assumptions: Assumptions = { ...assumed, cellMs: numberOf('cell-ms', 840_000) };

type Tables = { name: string; endpoint: string; stop(): Promise<void> };
const openTables = async (): Promise<Tables> => {
  const given = process.env.PAWL_DYNAMODB_ENDPOINT;
  if (given) return { name: given, endpoint: given, stop: async () => {} };
  return { name: 'DynamoDB Local', ...(await startJar()) };
};

/** A cell of many runs, its part of the start among it. */
const wholeCell = ({ start, perCell, cells: of }: Measured): Use => plus(perCell, times(start, 1 / of));

const fixed = (number: number, digits = 2): string => number.toFixed(digits).padStart(8);
const unitsOf = (units: Record<string, number>): string =>
  Object.entries(units)
    .map(([name, count]) => `${name} ${count.toFixed(2)}`)
    .join(', ');
const showUse = (title: string, use: Use): void => {
  console.log(`${title.padEnd(26)}${fixed(use.requests)}${fixed(sum(use.write))}${fixed(sum(use.read))}`);
  console.log(
    `${' '.repeat(8)}written: ${unitsOf(use.write) || 'nothing'}\n${' '.repeat(8)}read: ${unitsOf(use.read)}`,
  );
};

const tables = await openTables();
const prefix = `pawl-cost-${randomBytes(4).toString('hex')}`;
const { client, clock, document } = createClient({ tablesPrefix: prefix, endpoint: tables.endpoint });
try {
  await createTables(document, prefix);
  const store = createStore(client, { clock });
  const { runs, sized, page, tick } = await measure({ document, store, prefix }, cells);
  const bills = runs.map((run) => billOf(wholeCell(run), 1, assumptions));
  const keptUsd = runs.map((run) => keptMonth(wholeCell(run)));
  const idleUsd = idleMonth(tick, assumptions);

  if (values.json) {
    const told = runs.map((run, at) => ({ ...run, usdPerMillionCells: bills[at] }));
    console.log(
      JSON.stringify({
        tables: tables.name,
        cells,
        prices,
        memory,
        assumptions,
        runs: told,
        sized,
        page,
        tick,
        keptUsd,
        idleUsd,
      }),
    );
  } else {
    console.log(`Counted on ${tables.name}, in runs of ${cells} cells.\n`);
    console.log(`${' '.repeat(26)}requests  writes   reads`);
    for (const { kind, shape, start, perCell } of runs) {
      showUse(`${kind}, ${shape}: start`, start);
      showUse(`${kind}, ${shape}: a cell`, perCell);
    }
    for (const { outputBytes, whole, advance } of sized) {
      showUse(`start and run, ${outputBytes} B`, whole);
      showUse(`one advance, ${outputBytes} B`, advance);
    }
    showUse(`a list of ${pageViews}`, page);
    showUse('a tick with nothing due', tick);
    console.log(`\nStart and run is all ${cells} cells in one call; so many bytes is the output of each cell.`);

    const { cellMs, callMs, requestMs } = assumptions;
    console.log(`\nUS dollars for a million cells, at list prices of 2025 (us-east-1, to be checked; no free tier). Assumed:
a cell is billed ${cellMs} ms (a js cell twice, since api waits for execute-cell), api ${callMs} ms more for each call and
${requestMs} ms for each request to DynamoDB; api and execute-cell have ${memory.api} GB. The start is shared by the ${cells} cells of its run.\n`);
    console.log(`${' '.repeat(22)}   writes   reads  Lambda invoked    HTTP     log   total`);
    for (const [at, { kind, shape }] of runs.entries()) {
      const row = Object.values(bills[at] ?? {}).map((usd) => fixed(usd));
      console.log(`${`${kind}, ${shape}`.padEnd(23)}${row.join('')}`);
    }
    console.log(`\nA month of keeping their journals, at most: ${Math.max(...keptUsd).toFixed(2)} USD.`);
    console.log(`A month of ticks that find nothing: ${idleUsd.toFixed(2)} USD.`);
    console.log('Not counted: alarms, metrics, the dashboard, and what cells use themselves.');
  }
} finally {
  document.destroy();
  await tables.stop();
}

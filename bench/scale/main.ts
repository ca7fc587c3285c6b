/** `npm run bench:scale`: what a tick, a wake and a claim with many waiters cost among few and among many that wait. */

import { randomBytes } from 'node:crypto';
import { createClient, createTables } from '../../src/store/dynamodb.ts';
import { createStore } from '../../src/store/index.ts';
import { type Request, unitsOf } from '../../test/support/meter.ts';
import { readOptions, refuse } from '../../test/support/options.ts';
import { startJar } from '../../test/support/servers.ts';
import {
  acquainted,
  fillParked,
  makeDue,
  openParked,
  tickOnce,
  type Waiters,
  type Wakes,
  wakeThree,
  wakeWaiters,
} from './measure.ts';

const fewer = 1_000;
const dueCount = 50;
const help = `npm run bench:scale -- [--instances N] [--waiters N] [--json]

Fills DynamoDB Local (Java, in memory; or PAWL_DYNAMODB_ENDPOINT) with ${fewer} instances that wait, makes ${dueCount} of them due, and
counts one tick and one wake; then the same with N (100,000) that wait. Then a claim with N (10,000) waiters is set, and
the waiters that are due are counted. Exits with 1 when the sizes differ in requests or units, or a waiter is not due.`;
const { values } = readOptions(help, {
  options: {
    instances: { type: 'string', default: '100000' },
    waiters: { type: 'string', default: '10000' },
    json: { type: 'boolean', default: false },
  } as const,
});
const numberOf = (name: 'instances' | 'waiters', min: number, max: number): number => {
  const number = Number(values[name]);
  if (Number.isSafeInteger(number) && number >= min && number <= max) return number;
  return refuse(`--${name} is a whole number from ${min} to ${max}, not ${values[name]}`);
};
// Even, since every second one waits for a claim.
const many = Math.ceil(numberOf('instances', 2 * fewer, 900_000) / 2) * 2;
const waiters = numberOf('waiters', 1, 900_000);

const begunAtMs = performance.now();
const seconds = (): string => `${((performance.now() - begunAtMs) / 1_000).toFixed(0).padStart(4)} s`;
const tell = (text: string): void => console.error(`${seconds()}  ${text}`);
const telling =
  (what: string, every: number) =>
  (done: number): void => {
    if (done % every === 0) tell(`${done.toLocaleString('en')} ${what}`);
  };

const given = process.env.PAWL_DYNAMODB_ENDPOINT;
const tables = given
  ? { name: given, endpoint: given, stop: async (): Promise<void> => {} }
  : { name: 'DynamoDB Local', ...(await startJar()) };
const prefix = `pawl-scale-${randomBytes(4).toString('hex')}`;
const { client, clock, document } = createClient({ tablesPrefix: prefix, endpoint: tables.endpoint });

type Use = { requests: number; units: number };
type Size = { parked: number; due: number; tick: Use; wakes: Wakes };
const useOf = (requests: Request[]): Use => ({ requests: requests.length, units: unitsOf(requests) });

const row = (title: string, ...cells: (string | number)[]): void =>
  console.log(title.padEnd(44) + cells.map((cell) => String(cell).padStart(12)).join(''));
const compare = (title: string, [small = 0, large = 0]: number[]): void =>
  row(title, small, large, (large / small).toFixed(2));

const show = (sizes: Size[], woken: Waiters): void => {
  console.log(`Counted on ${tables.name}.\n`);
  row('instances that wait', ...sizes.map(({ parked }) => parked.toLocaleString('en')), 'ratio');
  const each = (title: string, of: (size: Size) => number): void => compare(title, sizes.map(of));
  each('due, and found by one tick', ({ due }) => due);
  each('requests of that tick', ({ tick }) => tick.requests);
  each('capacity units of that tick', ({ tick }) => tick.units);
  console.log('\nRequests of a wake, from the beginning of its invocation to the put that reserves the next cell');
  for (const who of acquainted) each(who, ({ wakes }) => wakes[who].beforeCell.length);
  for (const who of acquainted) console.log(`  ${who}: ${sizes.at(-1)?.wakes[who].beforeCell.join(', ')}`);
  const { requests, units } = useOf(woken.requests);
  const perWaiter = (number: number): string => (number / waiters).toFixed(3);
  const who =
    woken.woken === null
      ? `more than its writer had time for (wakeInCallMsMax), ${woken.bySchedule?.toLocaleString('en')} woken by the schedule after it, both`
      : `${woken.woken.toLocaleString('en')} woken by its writer`;
  console.log(`
${waiters.toLocaleString('en')} waiters of one claim: ${who} in ${(woken.ms / 1_000).toFixed(1)} s, ${woken.due.toLocaleString('en')} due afterwards;
for each of them ${perWaiter(requests)} requests and ${perWaiter(units)} capacity units.`);
};

try {
  await createTables(document, prefix);
  const world = { document, prefix, store: createStore(client, { clock }) };
  const models = await openParked(world);
  const sizes: Size[] = [];
  let filled = 0;
  for (const parked of [fewer, many]) {
    await fillParked(world, models, filled, parked, telling('written', 10_000));
    filled = parked;
    if (sizes.length === 0) await makeDue(world, dueCount);
    tell(`${parked.toLocaleString('en')} wait, ${dueCount} of them are due`);
    const { handed, requests } = await tickOnce(world);
    const other = createClient({ tablesPrefix: prefix, endpoint: tables.endpoint });
    const store = createStore(other.client, { clock: other.clock });
    const wakes = await wakeThree(world, { document: other.document, prefix, store }, `woken-${parked}`);
    other.document.destroy();
    sizes.push({ parked, due: handed.length, tick: useOf(requests), wakes });
  }
  const woken = await wakeWaiters(world, 'many/1', waiters, telling('more wait for one claim', 1_000));
  tell('the claim is set');
  const waitersUse = { ...woken, requests: useOf(woken.requests) };
  if (values.json) console.log(JSON.stringify({ tables: tables.name, sizes, waiters: waitersUse }));
  else show(sizes, woken);
  const [small, large] = sizes;
  const told = ({ due, tick, wakes }: Size): string => JSON.stringify([due, tick, acquainted.map((who) => wakes[who])]);
  const same = small !== undefined && large !== undefined && told(small) === told(large);
  if (!same || woken.due !== waiters) {
    console.error(`Not as it should be: ${same ? `${woken.due} of ${waiters} waiters are due` : 'the sizes differ'}.`);
    process.exitCode = 1;
  }
} finally {
  document.destroy();
  await tables.stop();
}

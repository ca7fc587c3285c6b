/**
 * `npm run bench:families`: what an element of a section with `each` costs beside a run of the same cells with its start, whether a
 * parent costs more the further it is, and how long an element takes, driven by one call and by the schedule of a service alone.
 */
import { randomBytes } from 'node:crypto';
import { authoring } from '../../src/authoring/index.ts';
import { type By, createEngine, type Engine } from '../../src/engine/index.ts';
import { createClient, createTables } from '../../src/store/dynamodb.ts';
import { createStore } from '../../src/store/index.ts';
import { portsOn } from '../../test/support/engine.ts';
import { type Meter, meterOf, type Request, unitsOf } from '../../test/support/meter.ts';
import { readOptions, refuse } from '../../test/support/options.ts';
import { startJar } from '../../test/support/servers.ts';
import { cellsOf, documentOf, secondsDriven, secondsScheduled } from './measure.ts';

/** By the issue that asked for them. */
const ratioMax = 1.3;
const help = `npm run bench:families -- [--elements N] [--max N] [--cells N] [--json]

On DynamoDB Local (Java; or PAWL_DYNAMODB_ENDPOINT): requests and write units of N (1000) elements, so many (50) at a time, of so many
cells (3) each, against runs of the same cells with their starts. Exits with 1 where an element needs more than ${ratioMax} times as
much, or a parent's look at element 990 more than at 10. Then seconds an element with max 1 on the embedded store.`;
const { values } = readOptions(help, {
  options: {
    elements: { type: 'string', default: '1000' },
    max: { type: 'string', default: '50' },
    cells: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
  } as const,
});
const numberOf = (name: 'elements' | 'max' | 'cells', least: number, most: number): number => {
  const number = Number(values[name]);
  if (Number.isSafeInteger(number) && number >= least && number <= most) return number;
  return refuse(`--${name} is a whole number from ${least} to ${most}, not ${values[name]}`);
};
const elements = numberOf('elements', 20, 1_000);
const max = numberOf('max', 1, 1_000);
const cells = numberOf('cells', 1, 50);

type Use = { requests: number; writes: number };
const isWrite = ({ what }: Request): boolean => /^(Put|Update|Delete|Transact|BatchWrite)/.test(what);
const useOf = (requests: Request[], of = 1): Use => ({
  requests: requests.length / of,
  writes: unitsOf(requests.filter(isWrite)) / of,
});
const kindsOf = (requests: Request[], of: number): string =>
  Object.entries(Object.groupBy(requests, ({ what }) => what))
    .map(([what, all = []]) => `${what} ${(all.length / of).toFixed(2)}`)
    .sort()
    .join(', ');

const by: By = { actor: 'bench', via: 'cli', where: 'here' };
const budgetMs = 3_600_000;
const all = { by, budgetMs, maxCells: Number.POSITIVE_INFINITY };
const nodes = Array.from({ length: elements }, (_, index) => `node-${index}`);
const plainRuns = 50;

const completed = (result: string): void => {
  if (result !== 'completed') throw new Error(`It ${result}, and so is no measurement.`);
};

/** Every run by itself: start, and all cells in one call. */
const measurePlain = async (engine: Engine, meter: Meter): Promise<Request[]> => {
  await engine.publish(documentOf('plain', cellsOf(cells)), by);
  const params = { nodes: [] };
  meter.read();
  for (let run = 0; run < plainRuns; run += 1) {
    const { view } = await engine.start({ runbookId: 'plain', params, instanceId: `plain-${run}`, by });
    completed((await engine.advance(view.instanceId, { ...all, expectedSeq: 0 })).result);
  }
  return meter.read();
};

const start = async (engine: Engine, runbookId: string, atOnce: number): Promise<string> => {
  const section = `## Each { name=each_node each="params.nodes" as=node max=${atOnce} }\n${cellsOf(cells)}`;
  await engine.publish(documentOf(runbookId, section), by);
  const { view } = await engine.start({ runbookId, params: { nodes }, instanceId: `${runbookId}-1`, by });
  return view.instanceId;
};

/** All elements by one call. */
const measureFamily = async (engine: Engine, meter: Meter): Promise<Request[]> => {
  const id = await start(engine, 'family', max);
  meter.read();
  completed((await engine.advance(id, all)).result);
  return meter.read();
};

/** One element by each call: what the calls at two of them ask for. */
const measureFar = async (engine: Engine, meter: Meter, near: number, far: number): Promise<[Request[], Request[]]> => {
  const id = await start(engine, 'far', 1);
  const seen = new Map<number, Request[]>();
  for (let element = 0; element <= far; element += 1) {
    meter.read();
    await engine.advance(id, { ...all, maxCells: cells });
    seen.set(element, meter.read());
  }
  return [seen.get(near) ?? [], seen.get(far) ?? []];
};

const given = process.env.PAWL_DYNAMODB_ENDPOINT;
const tables = given
  ? { name: given, endpoint: given, stop: async (): Promise<void> => {} }
  : { name: 'DynamoDB Local', ...(await startJar()) };
const prefix = `pawl-families-${randomBytes(4).toString('hex')}`;
const { client, clock, document } = createClient({ tablesPrefix: prefix, endpoint: tables.endpoint });
const row = (title: string, ...of: (string | number)[]): void =>
  console.log(title.padEnd(44) + of.map((cell) => String(cell).padStart(12)).join(''));
const fixed = (number: number): string => number.toFixed(2);

try {
  await createTables(document, prefix);
  const engine = createEngine(portsOn(createStore(client, { clock }), { authoring }));
  const meter = meterOf(document);
  const plain = await measurePlain(engine, meter);
  const family = await measureFamily(engine, meter);
  const [near, far] = [10, elements - 10];
  const looks = await measureFar(engine, meter, near, far);
  const [one, element] = [useOf(plain, plainRuns), useOf(family, elements)];
  const ratios = { requests: element.requests / one.requests, writes: element.writes / one.writes };
  const [atNear, atFar] = looks.map((requests) => useOf(requests)) as [Use, Use];
  const driven = await secondsDriven(cells);
  const scheduled = await secondsScheduled(cells);
  if (values.json) {
    console.log(
      JSON.stringify({
        tables: tables.name,
        elements,
        max,
        cells,
        one,
        element,
        ratios,
        atNear,
        atFar,
        driven,
        scheduled,
      }),
    );
  } else {
    console.log(`Counted on ${tables.name}: ${elements} elements of ${cells} cells, ${max} at a time.\n`);
    row('', 'a run', 'an element', 'ratio');
    row('requests', fixed(one.requests), fixed(element.requests), fixed(ratios.requests));
    row('write units', fixed(one.writes), fixed(element.writes), fixed(ratios.writes));
    console.log(`  a run: ${kindsOf(plain, plainRuns)}\n  an element: ${kindsOf(family, elements)}\n`);
    row('an element by one call of its own, max 1', `at ${near}`, `at ${far}`);
    row('requests', atNear.requests, atFar.requests);
    row('write units', fixed(atNear.writes), fixed(atFar.writes));
    console.log(
      `\nSeconds an element with max 1, embedded: by one call ${fixed(driven)}, by the schedule alone ${fixed(scheduled)}.`,
    );
  }
  const isOver = Math.max(ratios.requests, ratios.writes) > ratioMax || atFar.requests > atNear.requests;
  if (isOver) process.exitCode = 1;
} finally {
  document.destroy();
  await tables.stop();
}

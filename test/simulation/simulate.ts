/**
 * One schedule: callers, ticks, people and disasters race over one instance under the faults that a seed draws. Then the
 * faults stop, and the journal, the view and the witness are judged.
 */
import './zlib.ts';
import { type Entry, limits, type Redriven, type Version } from '../../src/engine/index.ts';
import { duePartition } from '../../src/store/items.ts';
import { createTables } from '../../src/testing/tables.ts';
import { advancer, type Run, ticker, wakeAt } from './actors.ts';
import { inlineBytesMaxUsual } from './bodies.ts';
import { breakJournal, canBreak } from './broken.ts';
import {
  checkDue,
  checkFamilies,
  checkHome,
  checkLeft,
  checkPeopleTold,
  checkProgress,
  checkSafety,
  checkSeveral,
  checkStored,
  checkSwept,
  checkView,
  oracleOf,
  promisesNothing,
  watchFamily,
  watchLock,
} from './check/index.ts';
import { commitCells, drawCommits } from './commits.ts';
import { disasters } from './disasters.ts';
import { endsIn, setOutEnds, withEnds } from './endings.ts';
import { drawFamily, isFamily, setOutFamily, withParts } from './families.ts';
import { type Counts, countsFrom0, drawRates, faultKinds, noFaults } from './faults.ts';
import { continuer, goesOnElsewhere } from './goingOn.ts';
import { oneCaller, scheduleAlone, sweepAlone } from './healing.ts';
import { drawLeases, lengthenCells } from './leases.ts';
import { simulateLine } from './line.ts';
import { canceller, decide, operator, redriver, rush, starter } from './people.ts';
import { drawPlaces, home, placeCells } from './places.ts';
import { withRun } from './runs.ts';
import { createRandom, createSchedule, type Draw } from './schedule.ts';
import { countSections, type SectionCounts } from './sections.ts';
import { drawLocked, firstIds, lockIsFree, setOutSeveral } from './several.ts';
import { withNotify } from './telling.ts';
import { drawTwoPeople, rushSeconds } from './twoPeople.ts';
import { claimant, rushClaim } from './waiting.ts';
import { countEnds, type EndCounts } from './way.ts';
import { describeRunbook, drawRunbook, hasWaits } from './workload.ts';
import { type Call, instanceId, neighbour, RuleBroken, type World } from './world.ts';

const startMs = Date.UTC(2026, 10, 24, 3, 0, 0);
/** A schedule takes some 500 events. */
const eventsMax = 10_000;
const attemptsMaxUsual = limits.attemptsPerInstanceMax;
const pageMaxUsual = limits.pageMax;
const inlineBytesMaxSmall = 100;
const chunkBytesUsual = limits.outputChunkBytes;
const chunkBytesSmall = 200;

export type Simulated = {
  seed: number;
  /** The first rule that broke. */
  broken: { rule: string; message: string } | null;
  faults: Counts;
  branches: string[];
  trace: string[];
  /** The entries as they are stored, and as they are read. */
  journal: string[];
  entries: Entry[];
  /**
   * Bodies begun, entries written, calls made, those that no fault struck, and of these: answered, refused; outcomes set
   * aside, and those of them that were recorded in the end.
   */
  counts: {
    begins: number;
    entries: number;
    calls: number;
    unhit: number;
    answered: number;
    refused: number;
    setAside: number;
    redriven: number;
    /** Renewals, and bodies that ran out of their lease, or of the time of their cell. */
    renewals: number;
    /** Of these, such of elements and of runs that a cell runs. */
    childRenewals: number;
    unrenewed: number;
    /** Attempts whose effects stand with their outcome, and those that were closed since their holder was gone. */
    committed: number;
    uncommitted: number;
    /** First words of two about a step in doubt, and verdicts that took effect since another person had said the same. */
    proposed: number;
    seconded: number;
  } & SectionCounts &
    EndCounts;
  ended: string | null;
};

const neighbours = 4;
/** Views in the same part of the index, due earlier: they fill the first pages of it. */
const addNeighbours = ({ instanceId: id, tables, startMs: begin }: World): void => {
  const dueShard = duePartition(home, id);
  for (let n = 0; n < neighbours; n += 1)
    tables.tamper('views', { instanceId: `${neighbour}${n}`, dueShard, dueAtMs: begin - 1_000 + n, arms: 1 });
};

/** Every so many schedules are about several instances. */
const severalEvery = 4;
const isSeveral = (seed: number): boolean => seed % severalEvery === 0;
/** In so many the journal is altered by somebody. */
const brokenEvery = 8;
const breaksIts = (seed: number): boolean => seed % brokenEvery === 2;

/** In so many the time of a file of SQLite is gone through, too. */
const lineEvery = 4;
const hasLine = (seed: number): boolean => seed % lineEvery === 1;

const drawAlone = (draw: Draw, several: boolean) => (several ? drawLocked(draw) : drawRunbook(draw));

const createWorld = (seed: number): World => {
  const draw = createRandom(seed);
  const several = isSeveral(seed);
  const places = drawPlaces(seed);
  const family = isFamily(seed);
  const {
    runbook: drawn,
    params,
    ran: other,
  } = family
    ? withRun(seed, withParts(seed, drawFamily(draw)), endsIn(seed))
    : { runbook: drawAlone(draw, several), params: {}, ran: null };
  const leases = several ? null : drawLeases(seed);
  const ran = other && {
    ...other,
    runbook: { ...other.runbook, cells: lengthenCells(leases, other.runbook.cells) },
  };
  const commits = several || family ? null : drawCommits(seed);
  const placed = placeCells(places, endsIn(seed) ? withEnds(draw, drawn, ran?.runbook) : drawn);
  const runbook = withNotify(seed, { ...placed, cells: commitCells(commits, lengthenCells(leases, placed.cells)) });
  const version: Version = {
    runbookId: 'demo',
    version: 1,
    sourceHash: 'a'.repeat(64),
    runHash: 'a'.repeat(64),
    source: '',
    runbook,
  };
  const world: World = {
    instanceId: several ? firstIds[0] : instanceId,
    facets: new Map(),
    draw,
    schedule: createSchedule(startMs),
    startMs,
    tables: createTables(),
    version,
    ran,
    params,
    places,
    leases,
    commits,
    twoPeople: drawTwoPeople(seed),
    graceMs: draw.pick([1_000, 5_000, 15_000]),
    attemptsMax: draw.chance(0.04) ? 1 + draw.int(4) : attemptsMaxUsual,
    pageMax: draw.chance(0.3) ? 1 + draw.int(3) : pageMaxUsual,
    attemptsEach: draw.chance(0.3) ? 3 : 1,
    learns: draw.chance(0.3),
    inlineBytesMax: draw.chance(0.2) ? inlineBytesMaxSmall : inlineBytesMaxUsual,
    epoch: 0,
    rates: drawRates(draw),
    faults: countsFrom0(),
    outageUntilMs: 0,
    clockErrorMaxMs: 0,
    processes: new Set(),
    calls: [],
    handOvers: 0,
    begins: [],
    forgottenBegins: [],
    probes: [],
    polls: [],
    readyAtMs: startMs + draw.int(120_000),
    chain: [],
    onEntry: () => {},
    aside: [],
    redrive: (item) => redriver(world, item),
    rush: (id, atMs, seq) => rush(world, id, atMs, seq),
    rushesLeft: 5,
    rushClaim: () => rushClaim(world),
    wakeAt: () => {},
    unlookedAfter: false,
    isAltered: false,
    branches: new Set(),
    trace: [],
    clockReads: 0,
    broken: null,
  };
  world.facets.set(world.instanceId, world);
  if (several) world.onEntry = (facet, entry) => watchLock(facet, entry);
  if (family)
    world.onEntry = (facet, entry) => {
      watchFamily(facet, entry);
      if (ran !== null) watchLock(facet, entry);
    };
  if (world.pageMax < pageMaxUsual && draw.chance(0.5)) addNeighbours(world);
  return world;
};

const describe = (world: World, seed: number): void => {
  const on = faultKinds.filter((kind) => world.rates[kind] > 0);
  const attempts = world.attemptsMax === attemptsMaxUsual ? '' : `, at most ${world.attemptsMax} attempts`;
  if (world.twoPeople !== null) world.trace.push('   two people decide about a step in doubt');
  if (world.places !== null)
    world.trace.push(`   two places${world.places.isManned ? '' : ', nobody works at the other'}`);
  world.trace.push(`seed ${seed}: takeover grace ${world.graceMs / 1000} s${attempts}`);
  const { ran } = world;
  const other = ran === null ? [] : ['   and of deploy:', ...describeRunbook(ran.runbook)];
  if (ran?.runbook.concurrency != null) other.push('   one at a time');
  world.trace.push(...describeRunbook(world.version.runbook), ...other, `   faults: ${on.join(' ') || 'none'}`);
};

const setOut = (run: Run): void => {
  const { world } = run;
  const { draw } = world;
  starter(run, 'starter', draw.chance(0.5) ? 'auto' : 'manual', {});
  if (draw.chance(0.2)) starter(run, 'starter2', 'manual', draw.chance(0.7) ? {} : { other: 1 });
  for (const name of ['a', 'b', 'c']) advancer(run, name);
  ticker(run, 5);
  operator(run, 'op1', 5);
  if (draw.chance(0.5)) operator(run, 'op2', 3);
  if (draw.chance(0.3)) canceller(run);
  if (hasWaits(world.version.runbook)) {
    claimant(run, 'claimant', 4);
    if (draw.chance(0.3)) claimant(run, 'claimant2', 3);
    operator(run, 'op3', 6);
    world.wakeAt = (id, atMs, seq) => wakeAt(run, id, atMs, seq);
  }
  disasters(world);
};

const comeToRest = async (world: World): Promise<void> => {
  const ran = await world.schedule.run(eventsMax, () => world.broken !== null);
  if (world.broken !== null) throw world.broken;
  if (ran === eventsMax) throw new RuleBroken('rest', `it did not come to rest in ${eventsMax} events`);
};

const go = async (world: World, work: Promise<void>): Promise<void> => {
  let failed: unknown;
  work.catch((error: unknown) => {
    failed = error;
  });
  await comeToRest(world);
  if (failed !== undefined) throw failed;
};

/** Its start was given up before it wrote anything: it is judged by why. */
const isGivenUp = ({ chain }: World): boolean => chain[0]?.entry.kind === 'cancelled';
const facetsOf = (world: World): World[] => [...world.facets.values()].filter((facet) => !isGivenUp(facet));

/** Runs beside each other, and no families; an id that a run of a cell has is none. */
const isSeveralIn = (world: World): boolean =>
  ![...world.facets.keys()].some((id) => id.includes('~')) && world.facets.size > 1;

const checkRest = (world: World): void => {
  for (const facet of facetsOf(world)) {
    const oracle = oracleOf(facet);
    checkSafety(oracle);
    checkDue(oracle);
  }
  if (isSeveralIn(world)) checkSeveral(world);
  checkFamilies(world);
};

const runAll = async (run: Run, seed: number): Promise<void> => {
  const { world } = run;
  const several = isSeveral(seed);
  if (several) setOutSeveral(run);
  else if (isFamily(seed)) setOutFamily(run, seed);
  else setOut(run);
  setOutEnds(run);
  // More people look where more of them are needed.
  if (world.twoPeople !== null && !several) for (const name of ['op-more', 'op-more2']) operator(run, name, 8);
  rushSeconds(world, (process, actor, id, seq) => decide(world, process, actor, id, seq));
  if (isFamily(seed) && goesOnElsewhere(seed)) for (const name of ['op-on', 'op-on2']) continuer(run, name, 8);
  await comeToRest(world);
  checkRest(world);
  if (breaksIts(seed) && canBreak(world)) {
    await breakJournal(
      run,
      () => comeToRest(world),
      (work) => go(world, work),
    );
    return;
  }
  world.rates = noFaults;
  world.outageUntilMs = 0;
  world.trace.push('   THE FAULTS STOP; the schedule alone goes on');
  if (world.faults.viewsLost > 0 || world.draw.chance(0.3)) {
    await go(world, sweepAlone(run));
    for (const facet of world.facets.values()) checkSwept(oracleOf(facet));
  }
  if (world.places?.isManned === false) {
    await go(world, scheduleAlone(run, false));
    for (const facet of facetsOf(world)) checkHome(oracleOf(facet));
    world.trace.push('   somebody works at the other place');
  }
  await go(world, scheduleAlone(run, true));
  for (const facet of facetsOf(world)) {
    const oracle = oracleOf(facet);
    checkDue(oracle);
    const reading = world.version.runbook.notify === undefined ? undefined : checkSafety(oracle);
    if (reading !== undefined) checkPeopleTold(oracle, reading);
  }
  checkLeft(world);
  world.trace.push('   one caller goes on');
  await go(world, oneCaller(run));
  for (const facet of facetsOf(world)) {
    const after = oracleOf(facet);
    const reading = checkSafety(after);
    if (facet.chain.length > 0 || (!several && facet === world)) checkProgress(after, reading);
    checkView(after);
  }
  checkFamilies(world);
  if (several) {
    await go(world, lockIsFree(run));
    checkSeveral(world);
  }
  for (const id of world.facets.keys()) await checkStored(world, id);
};

const recorded = ({ what, told }: Call): boolean =>
  what === 'redrive' && told?.kind === 'answer' && (told.answer as Redriven).result === 'recorded';

const countsOf = (world: World): Simulated['counts'] => {
  const facets = [...world.facets.values()];
  const entries = facets.flatMap(({ chain }) => chain.map(({ entry }) => entry));
  const renewed = entries.filter(({ kind }) => kind === 'renewed');
  const unhit = world.calls.filter(({ struck }) => struck.length === 0);
  const refused = unhit.filter(({ told }) => told?.kind === 'error' && !promisesNothing.has(told.code));
  const answered = unhit.filter(({ told }) => told?.kind === 'answer');
  return {
    begins: facets.reduce((sum, { begins, forgottenBegins }) => sum + begins.length + forgottenBegins.length, 0),
    entries: entries.length,
    calls: world.calls.length,
    unhit: unhit.length,
    answered: answered.length,
    refused: refused.length,
    setAside: world.aside.length,
    redriven: world.calls.filter(recorded).length,
    renewals: renewed.length,
    childRenewals: renewed.filter((entry) => entry.instanceId.includes('~')).length,
    unrenewed: world.trace.filter((line) => line.includes('the runner KILLS')).length,
    committed: world.commits?.rows.size ?? 0,
    uncommitted: entries.filter((entry) => entry.kind === 'outcome' && entry.error?.code === 'commit.closed').length,
    proposed: entries.filter(({ kind }) => kind === 'proposed').length,
    seconded: entries.filter((entry) => 'agrees' in entry).length,
    ...countSections(world.version.runbook, entries),
    ...countEnds(entries),
  };
};

/** The limits themselves are the engine's; a schedule that is to meet them cannot make 100,000 attempts, or outputs of 8 KB. */
const setLimits = (attemptsMax: number, pageMax: number, inlineBytesMax: number, chunkBytes: number): void => {
  const changeable: Record<'attemptsPerInstanceMax' | 'pageMax' | 'outputInlineBytesMax' | 'outputChunkBytes', number> =
    limits;
  changeable.attemptsPerInstanceMax = attemptsMax;
  changeable.pageMax = pageMax;
  changeable.outputInlineBytesMax = inlineBytesMax;
  changeable.outputChunkBytes = chunkBytes;
};

/** Runs one seed to its end and judges it. `stacks`: with the places of defects, at a price. */
export const simulate = async (seed: number, stacks = false): Promise<Simulated> => {
  const world = createWorld(seed);
  describe(world, seed);
  // Where nobody works at the other place, few come by: what the last of them leaves there stays as they left it.
  const few = world.places?.isManned === false;
  const run: Run = { world, callsLeft: few ? 4 : isSeveral(seed) ? 12 : 14 };
  let broken: Simulated['broken'] = null;
  const { stackTraceLimit } = Error;
  if (!stacks) Error.stackTraceLimit = 0;
  setLimits(world.attemptsMax, world.pageMax, world.inlineBytesMax, chunkBytesSmall);
  try {
    if (hasLine(seed)) world.trace.push(simulateLine(seed, startMs));
    await runAll(run, seed);
  } catch (error) {
    if (error instanceof RuleBroken) broken = { rule: error.rule, message: error.message };
    else broken = { rule: 'defect', message: String(stacks ? (error as Error).stack : error) };
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    setLimits(attemptsMaxUsual, pageMaxUsual, inlineBytesMaxUsual, chunkBytesUsual);
  }
  const chains = [...world.facets.values()].flatMap(({ chain }) => chain);
  return {
    seed,
    broken,
    faults: world.faults,
    branches: [...world.branches],
    trace: world.trace,
    journal: chains.map(({ text }) => text),
    entries: chains.map(({ entry }) => entry),
    counts: countsOf(world),
    ended: world.chain.at(-1)?.entry.state.ended ?? null,
  };
};

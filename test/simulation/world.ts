/** One simulated world: its tables, its time, its faults, and the independent witness of what really happened in it. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Entry, Standing, Unrecorded, Version } from '../../src/engine/index.ts';
import type { Row, Tables } from '../../src/testing/tables.ts';
import type { Commits } from './commits.ts';
import type { Counts, FaultKind, Rates } from './faults.ts';
import type { Leases } from './leases.ts';
import type { Places } from './places.ts';
import type { Process } from './processes.ts';
import type { Draw, Schedule } from './schedule.ts';
import type { TwoPeople } from './twoPeople.ts';
import { elementsRunbook } from './way.ts';

/** The instance of a schedule that is about one. */
export const instanceId = 'sim';

/** Views beside those of the schedule's instances begin so: they are due for ever, and only fill pages. */
export const neighbour = 'beside-';

/** A rule that does not hold. `rule` is its number in docs/design.md, or a word for what else must hold. */
export class RuleBroken extends Error {
  readonly rule: string;
  constructor(rule: string, message: string) {
    super(`${rule}: ${message}`);
    this.name = 'RuleBroken';
    this.rule = rule;
  }
}

export function must(holds: boolean, rule: string, message: string): asserts holds {
  if (!holds) throw new RuleBroken(rule, message);
}

/** One call into an engine, by whomever. Its `id` stands as `by.where` in every entry that it writes. */
export type Call = {
  id: string;
  actor: string;
  what: string;
  /** The instance it is about. */
  about: string;
  process: Process;
  /** When it began on the process's own clock, its time, and its end, counted from when the engine had loaded the head. */
  atMs: number;
  budgetMs: number;
  endAtMs: number;
  /** The true time at which it began, and of its end. */
  beganAtMs: number;
  endsAtMs: number;
  /** The seq it named as the one it had seen, and how much it may reserve. */
  expectedSeq: number | undefined;
  maxCells: number;
  handOver: HandOver | undefined;
  /** The outcome that it redrives. */
  item: Unrecorded | undefined;
  /** Faults that struck it. */
  struck: FaultKind[];
  /** Tokens it drew, and the seqs under one of them that the store's answers told it of. */
  tokens: Set<string>;
  /** As `instance#seq`. */
  acknowledged: Set<string>;
  /** Its caller gave up waiting for it: its sandbox froze, and the promise goes on when it thaws. */
  onAbandoned: (() => void) | null;
  /** What its caller was told. */
  told: { kind: 'answer'; answer: unknown } | { kind: 'error'; code: string; details: Record<string, unknown> } | null;
  /** Written before a restore that took its entries back. */
  forgotten: boolean;
  /** It froze between its last look at the time and the sending of a put. */
  frozenInPut: boolean;
};

/** What a tick, or a caller who cannot wait, hands to `work`; every delivery of it is a call of its own. */
export type HandOver = { expectedSeq: number | undefined; maxCells: number; deliveries: Call[] };

/** A body that began, as the world saw it. */
export type Begin = {
  call: Call;
  cell: string;
  seq: number;
  visit: number;
  attempt: number;
  key: string;
  /** Of what it takes back. */
  originalKey: string | undefined;
  /** What the cell was given, as text. */
  inputs: string;
  outputs: Record<string, string>;
  /** The elements that it is begun for, by the names they have in their sections. */
  each: Record<string, unknown> | undefined;
  atMs: number;
  /** The same moment on the clock of its process; and when the engine called it, and until when it was to be dead. */
  beganAtMs: number;
  calledAtMs: number;
  overAtMs: number;
  /** When its effect happened, if it did, and when nothing of it was alive any more. */
  effectAtMs: number | null;
  endedAtMs: number | null;
  /** How it ended and what it told, where its engine was told; and what it logged. */
  status: string | null;
  output: string | null;
  logged: string;
};

/** A probe that was asked, on the asker's clock, and what it answered. */
/** `after`: so many entries stood then. `answered`: it said what it found. */
export type PollTried = {
  call: Call;
  instanceId: string;
  about: number;
  after: number;
  atMs: number;
  ready: boolean;
  answered: boolean;
};
type ProbeAsked = { call: Call; instanceId: string; key: string; about: number; askedAtMs: number; said: string };

export type World = {
  /**
   * The instance that this is about. Of each a schedule has a facet: the world, with what is seen of that instance in
   * place of another's. What is written through a facet stays in it, so only these are: chain, begins, unlookedAfter.
   */
  instanceId: string;
  facets: Map<string, World>;
  draw: Draw;
  schedule: Schedule;
  startMs: number;
  tables: Tables;
  version: Version;
  /** The other runbook, where a cell runs one. */
  ran: Version | null;
  /** Of the run. */
  params: Record<string, unknown>;
  places: Places;
  /** How cells of hours are held, in schedules that have some. */
  leases: Leases | null;
  /** Tables of others, where tasks commit to such. */
  commits: Commits | null;
  /** In schedules in which two people decide about a step in doubt. */
  twoPeople: TwoPeople | null;
  graceMs: number;
  /** Attempts an instance may have. */
  attemptsMax: number;
  /** Items of a page. */
  pageMax: number;
  /** Attempts that the client of the store makes of a request, each with a time-out. */
  attemptsEach: number;
  /** Whether processes learn the time from the answers of the store, by the shipped clock. */
  learns: boolean;
  /** Outputs larger than this stand beside the chain, in pieces. */
  inlineBytesMax: number;
  /** The deployment's epoch: raised by a restore. */
  epoch: number;
  rates: Rates;
  faults: Counts;
  outageUntilMs: number;
  /** How far the worst clock is off. */
  clockErrorMaxMs: number;
  /** Every process that lives. */
  processes: Set<Process>;
  calls: Call[];
  handOvers: number;
  begins: Begin[];
  /** Begun under reservations which a restore has taken out of the journal. */
  forgottenBegins: Begin[];
  probes: ProbeAsked[];
  /** Tries of polled cells, and whether they found what they look for; when they will. */
  polls: PollTried[];
  readyAtMs: number;
  /** The chain as it was written, read once, with what the next one's `prev` covers and its hash: index is seq. */
  chain: (Standing & { row: Row; text: string; sha256: string; landedAtMs: number })[];
  /** Looks at every entry that lands, where a schedule is about several instances. */
  onEntry: (world: World, entry: Entry) => void;
  /** The failure queue: outcomes which the store did not take in time. */
  aside: Unrecorded[];
  /** Records an item of the failure queue, after a while. */
  redrive: (item: Unrecorded) => void;
  /** Calls a person who decides at that moment. */
  rush: (instanceId: string, atMs: number, seq: number) => void;
  /** Changes a claim at that moment, so many times. */
  rushesLeft: number;
  rushClaim: () => void;
  /** Pushes the instance at that time, to the second, unless the message is lost. */
  wakeAt: (instanceId: string, atMs: number, seq?: number) => void;
  /**
   * The view was saved last by a call that had read a stale head; or its mark was over, by a clock that is off by more
   * than is tolerated, or by a freeze in the middle of a put. Only safety, not looking after, is promised then, until
   * the next save.
   */
  unlookedAfter: boolean;
  /** Its journal was altered by somebody: from then on every call may be told so. */
  isAltered: boolean;
  /** Ways `decide` took. */
  branches: Set<string>;
  trace: string[];
  /** Reads of any clock: a loop that never waits would read it without end. */
  clockReads: number;
  /** The first rule that broke while the schedule ran. */
  broken: unknown;
};

/** Which call an engine is working for, wherever its awaits lead. */
export const currentCall = new AsyncLocalStorage<Call>();

/** Whether a fault strikes here, by the seed. */
export const strikes = (world: World, kind: FaultKind, call: Call | undefined): boolean => {
  const rate = world.rates[kind];
  if (rate === 0 || !world.draw.chance(rate)) return false;
  world.faults[kind] += 1;
  call?.struck.push(kind);
  return true;
};

export const say = (world: World, who: string, text: string): void => {
  const seconds = ((world.schedule.nowMs() - world.startMs) / 1000).toFixed(3);
  world.trace.push(`${seconds.padStart(9)} ${who.padEnd(12)} ${text}`);
};

export const breaks = (world: World, error: unknown): void => {
  world.broken ??= error;
};

/** The head of the instance, as it stands in the tables. */
export const headOf = (world: World): Entry | undefined => world.chain.at(-1)?.entry;

export const viewRow = (world: World): Row | undefined => world.tables.row('views', world.instanceId);

/** Whose child an id names, and which element of which section. */
export const parentOf = (
  id: string,
): { instanceId: string; cell: string; visit: number; index: number } | undefined => {
  const [, instanceId, cell, visit = 1, index] = /^(.+)~(\w+?)(?:-(\d+))?\.(\d+)$/.exec(id) ?? [];
  if (instanceId === undefined || cell === undefined) return undefined;
  return { instanceId, cell, visit: Number(visit), index: Number(index) };
};

/** A child goes through the cells of its section, or of its part of that; a run through those of the other runbook. */
const versionIn = (world: World, id: string): Pick<World, 'version'> | undefined => {
  const parent = parentOf(id);
  if (parent === undefined) return undefined;
  const { version } = facetOf(world, parent.instanceId);
  const body = version.runbook.cells.find(({ name }) => name === parent.cell)?.body;
  if (body?.kind === 'run' && world.ran !== null) return { version: world.ran };
  if (body?.kind !== 'each') return undefined;
  return { version: { ...version, runbook: elementsRunbook(version.runbook, body, parent.index) } };
};

/** The world as it is about this instance. */
export const facetOf = (world: World, id: string): World => {
  const known = world.facets.get(id);
  if (known !== undefined) return known;
  const own: Partial<World> = { instanceId: id, chain: [], begins: [], forgottenBegins: [], unlookedAfter: false };
  const facet: World = Object.assign(Object.create(world), own, versionIn(world, id));
  world.facets.set(id, facet);
  return facet;
};

/** Plays a procedure as people would: whoever started it goes on with it, others vote, and somebody decides what is in doubt. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { TestContext } from 'vitest';
import { createSectionsBegun, type Entry } from '../../src/engine/index.ts';
import { at, type Ended } from '../cli/support.ts';
import { createStage, type Noted, type Serve, type Stage, type World } from './stage.ts';

/** A vote of each: for it, unless it says otherwise. */
type Voter = { actor: string; groups: string; rejects?: boolean };
export const voter = (actor: string, groups: string, rejects = false): Voter => ({ actor, groups, rejects });
/** That it is done, or that it failed. */
type Said = string | { failed: string };

export type Procedure = {
  name: string;
  /** What it runs, published with it. */
  runs?: string[];
  programs?: string[];
  serve?: Serve;
  /** The world as it is before. */
  world: Record<string, string>;
  /** `BASE` in them is the URL of the services, `WORLD` the folder of the world. */
  params: Record<string, unknown>;
  /** What people say at `manual` cells, and who votes at `approve` cells. */
  people?: Record<string, Said | Voter[]>;
  /** What somebody does about an element that halts, by its name (`erase.1`), or about a section that does, by its own. */
  halts?: Record<string, Halt>;
};

/** `mend`: what they do to the world before. */
type Halt = { mend?(world: World): void; command: 'verdict' | 'cancel' | 'undo'; options?: string[] };

export type Kill = {
  /** Where the call stops that `what` matches, `*` standing for any text. */
  when: 'before' | 'after';
  what: string;
  cell: string;
  /** Of an element of a section: `erase.1`. */
  element?: string;
  /**
   * What a person decides then, as options of `pawl verdict`; with `--holder-gone` at once, and not only when it is in doubt.
   * Without it policy or probe has to do.
   */
  verdict?: string[];
  /** Somebody cancels the whole first. */
  cancels?: boolean;
};

export type Played = {
  stage: Stage;
  /** How it ended, or `halted at` its cell. */
  result: string;
  entries: Entry[];
  /** The journals of elements, by their names: `erase.1`, and of a further visit `erase-2.1`. */
  elements: Map<string, Entry[]>;
  noted: Noted[];
  /** What changed the world, in order. */
  effects: string[];
  calls: string[];
};

/** Two deadlines and many looks: mostly waiting, beside others that wait. */
export const playedWithinMs = 240_000;
const pauseMs = 400;
const turnsMax = 200;
/** With a grace of a second, an attempt that was cut off is decidable six seconds later. */
const quick: [RegExp, string][] = [
  [/^(defaults: .*timeout:) \w+/m, '$1 5s'],
  [/(```(?:ts|js|sh|http) .*)\btimeout=\w+/g, '$1timeout=5s'],
  [/\bsettle=\w+/g, 'settle=1s'],
  [/\bsleep 1\b/g, 'sleep 0.1'],
  [/\bpoll=\w+/g, 'poll=1s'],
  [/\bwithin=\w+ onTimeout=continue/g, 'within=2s onTimeout=continue'],
];
/** The document as it stands, with times of which a test can see the end. */
export const sourceOf = (name: string): string => {
  const folder = join(import.meta.dirname, '../../runbooks');
  const files = [join(folder, 'procedures', `${name}.md`), join(folder, `${name}.md`)];
  const source = readFileSync(files.find((one) => existsSync(one)) ?? name, 'utf8');
  return quick.reduce((text, [pattern, by]) => text.replace(pattern, by), source);
};

const need = (ended: Ended): Ended => {
  if (ended.exit !== 0) throw new Error(`It ended with ${ended.exit}: ${ended.out}${ended.err}`);
  return ended;
};

/** @returns its id, and its first cell */
const start = async (stage: Stage, { name, runs = [], params }: Procedure): Promise<[string, string]> => {
  const files = [...runs, name].map((one) => stage.file(`${one}.md`, stage.settled(sourceOf(one))));
  need(await stage.pawl(['publish', ...files]));
  const given = Object.entries(params).flatMap(([key, value]) => [
    '-p',
    `${key}=${stage.placed(typeof value === 'string' ? value : JSON.stringify(value))}`,
  ]);
  const { json } = need(await stage.pawl(['start', name, ...given, '--json']));
  return [String(at(json, 'view', 'instanceId')), String(at(json, 'view', 'cell'))];
};

const act = async (stage: Stage, id: string, cell: string, what: Said | Voter[]): Promise<void> => {
  if (!Array.isArray(what)) {
    const said = typeof what === 'string' ? [what] : [what.failed, '--failed'];
    need(await stage.pawl(['done', id, cell, '--note', ...said]));
    return;
  }
  for (const { actor, groups, rejects } of what) {
    const env = { PAWL_ACTOR: actor, PAWL_GROUPS: groups };
    const { json } = need(await stage.pawl(['vote', id, cell, '--json'], env));
    need(
      await stage.pawl(
        ['vote', id, cell, rejects === true ? '--reject' : '--approve', '--shown', String(json.shownHash)],
        env,
      ),
    );
  }
};

/** Decides as soon as a decision is taken. @returns false while it is too early */
const decide = async (stage: Stage, id: string, seq: number, verdict: string[]): Promise<boolean> => {
  const told = ['verdict', id, '--seq', String(seq), ...verdict, '--reason', 'looked at the world', '--json'];
  const ended = await stage.pawl(told, { PAWL_ACTOR: 'dora' });
  if (ended.exit === 4) return false;
  need(ended);
  return true;
};

const statusOf = async (stage: Stage, id: string): Promise<Ended['json']> =>
  need(await stage.pawl(['status', id, '--json'])).json;

/** Whether nobody is needed any more for an element that was killed: where a person is, they decide as soon as they may. */
const isElementPast = async (stage: Stage, id: string, { verdict }: Kill): Promise<boolean> => {
  if (verdict === undefined) return true;
  const { view, step } = await statusOf(stage, id);
  const isEarly = at(view, 'status') !== 'in_doubt' && !verdict.includes('--holder-gone');
  return !isEarly && (await decide(stage, id, Number(at(step, 'seq')), verdict));
};

/** Does what somebody would about what has halted. @returns whether anything was done */
const settle = async (stage: Stage, id: string, { mend, command, options = [] }: Halt): Promise<void> => {
  mend?.(stage.world);
  if (command !== 'verdict') need(await stage.pawl([command, id, ...options, '--reason', 'it cannot be done there']));
  else if (!(await decide(stage, id, Number(at(await statusOf(stage, id), 'step', 'seq')), options)))
    throw new Error(`Nothing could be decided at ${id}.`);
};

/** As what it ends, or stands until somebody says how it goes on. */
const ways = ['completed', 'failed', 'rolled_back', 'cancelled', 'halted'];

/** Goes on until it has ended or halted. Before each of `kills` it has gone to just that cell, or to its section. */
const goOn = async (
  stage: Stage,
  [id, first]: [string, string],
  { people = {}, halts = {} }: Procedure,
  kills: Kill[],
): Promise<string> => {
  const left = [...kills];
  const open = new Map(Object.entries(halts));
  const settleAt = async (where: string, instanceId: string): Promise<boolean> => {
    const halt = open.get(where);
    if (halt === undefined) return false;
    open.delete(where);
    await settle(stage, instanceId, halt);
    return true;
  };
  /** Of the elements that halted, the first about which somebody knows what to do. */
  const settleElement = async (section: string): Promise<void> => {
    const { waits } = await statusOf(stage, id);
    for (const element of (at(waits, 'elements') ?? []) as { index: number; instanceId: string; status: string }[])
      if (element.status === 'halted') await settleAt(`${section}.${element.index}`, element.instanceId);
  };
  let isStruck = false;
  let next = first;
  for (let turn = 0; turn < turnsMax; turn += 1) {
    const [struck] = left;
    if (isStruck && struck !== undefined) {
      const { element, cell } = struck;
      if (element === undefined ? next !== cell : await isElementPast(stage, `${id}~${element}`, struck)) {
        left.shift();
        isStruck = false;
      }
    }
    const [kill] = left;
    if (kill !== undefined && !isStruck && next === (kill.element?.split('.')[0] ?? kill.cell)) {
      stage.hold(kill.when, kill.what);
      const ended = await stage.killed(['advance', id, ...(kill.element === undefined ? [] : ['--max-cells', 'all'])]);
      isStruck = ended === undefined;
      if (isStruck && kill.cancels === true) await stage.pawl(['cancel', id, '--reason', 'not tonight']);
      // It has to wait for another element, which was killed before.
      if (ended?.exit === 3) await wait(pauseMs);
      else if (ended !== undefined) throw new Error(`It ended before it came to the call: ${ended.out}${ended.err}`);
      if (ended !== undefined) continue;
    }
    const far = kill === undefined ? ['--max-cells', 'all'] : ['--cell', next];
    const { exit, json, err } = await stage.pawl(['advance', id, ...far, '--json']);
    const { result } = json;
    if (ways.includes(String(result))) {
      const where = String(at(json, 'view', 'cell'));
      if (result === 'halted' && (await settleAt(where, id))) continue;
      if (left.length > (isStruck ? 1 : 0)) throw new Error(`It never came to ${left.map((one) => one.cell).join()}.`);
      if (open.size > 0) throw new Error(`Nothing halted at ${[...open.keys()].join()}.`);
      return result === 'halted' ? `halted at ${where}` : String(result);
    }
    const cell = String(at(json, 'stop', 'cell'));
    const said = people[cell];
    // What people have done is behind it.
    next = String(at(json, 'error', 'details', 'next') ?? at(json, 'view', 'cell') ?? next);
    // The verdict about its last cell has ended it.
    if (at(json, 'error', 'code') === 'instance.finished') next = '';
    if (['cell.outOfOrder', 'instance.finished'].includes(String(at(json, 'error', 'code')))) continue;
    if (result === 'advanced') continue;
    if (result === 'parked' && said !== undefined) await act(stage, id, cell, said);
    else if (result === 'parked' && /elements/.test(String(at(json, 'view', 'waitsFor')))) await settleElement(cell);
    else if (result === 'in_doubt' && isStruck && kill?.verdict !== undefined && kill.cell === cell)
      await decide(stage, id, Number(at(json, 'stop', 'seq')), kill.verdict);
    else if (isStruck && kill?.verdict?.includes('--holder-gone') && at(json, 'error', 'code') === 'step.inFlight')
      await decide(stage, id, Number(at(json, 'error', 'details', 'holder', 'seq')), kill.verdict);
    else if (exit !== 4 && result !== 'in_doubt' && typeof at(json, 'stop', 'dueAtMs') !== 'number')
      throw new Error(`It ended with ${exit} at ${cell}: ${JSON.stringify(json)}${err}`);
    if (result !== 'parked' || said === undefined) await wait(pauseMs);
  }
  throw new Error(`${id} did not come to an end.`);
};

/** The names of sessions that stand in reservations, and the keys that stand beside them. */
const keysByName = (entries: Entry[]): Map<string, string> =>
  new Map(
    entries.flatMap((entry) => {
      const made = entry.kind === 'reserved' ? entry : entry.kind === 'outcome' ? entry.reserve : undefined;
      return made?.name === undefined ? [] : [[made.name, made.key]];
    }),
  );

const entriesOf = async (stage: Stage, id: string): Promise<Entry[]> =>
  need(await stage.pawl(['journal', id, '--json'])).json.entries as Entry[];

/** The elements that may have begun, as the journal of the whole says. */
const begunIn = (entries: Entry[]): string[] => {
  const { add, sections } = createSectionsBegun();
  entries.forEach(add);
  return sections().flatMap(({ cell, visit, begun }) =>
    begun.map((index) => `${cell}${visit === 1 ? '' : `-${visit}`}.${index}`),
  );
};

/** @param kills in the order of the document */
export const play = async (
  test: Pick<TestContext, 'onTestFinished'>,
  procedure: Procedure,
  kills: Kill[] = [],
): Promise<Played> => {
  const stage = await createStage(procedure.programs ?? [], procedure.serve);
  test.onTestFinished(stage.close);
  for (const [name, text] of Object.entries(procedure.world)) stage.world.write(name, text);
  const started = await start(stage, procedure);
  const [id] = started;
  const result = await goOn(stage, started, procedure, kills);
  const entries = await entriesOf(stage, id);
  const elements = new Map<string, Entry[]>();
  for (const name of begunIn(entries)) elements.set(name, await entriesOf(stage, `${id}~${name}`));
  const keys = keysByName([entries, ...elements.values()].flat());
  const noted = stage.noted().map((one) => ({ ...one, key: keys.get(one.key) ?? one.key }));
  return {
    stage,
    result,
    entries,
    elements,
    noted,
    effects: noted.filter(({ kind }) => kind === 'did').map(({ what }) => what),
    calls: noted.filter(({ kind }) => kind === 'call').map(({ what }) => what),
  };
};

/**
 * A crash: the engine is gone at this moment. A fresh one comes over what the store holds then, when deadline and grace
 * are over. It is let do what it would do, on a copy of the tables, up to the first body: which one runs, is decided by
 * who asked for the crash. So the run that the crash was taken from goes on as if nothing had been.
 */
import {
  type AdvanceAnswer,
  type Cell,
  type Entry,
  isPawlError,
  limits,
  natureOf,
  type Permission,
} from '../engine/index.ts';
import { bodyOf, type createBodies, isStubbed, type Rules, type Stubs } from './bodies.ts';
import { budgetMs, createProcess, graceMs, type Process, type ProcessOptions, tester } from './process.ts';
import type { Consequence, Ended } from './report.ts';
import type { Tables } from './tables.ts';

export type Recovery = Pick<ProcessOptions, 'authoring' | 'pins' | 'deployment' | 'secrets'> & {
  bodies: ReturnType<typeof createBodies>;
  stubs: Stubs;
  instanceId: string;
  /** The name that the test has for the cell. */
  name: string;
};
type Answered = { then: Consequence; detail: string | null; halts?: boolean; output?: boolean };

/** What stands after `seq`. */
const entriesAfter = async ({ engine }: Pick<Process, 'engine'>, instanceId: string, seq: number): Promise<Entry[]> => {
  const entries: Entry[] = [];
  for (;;) {
    const page = await engine.journal(instanceId, seq + entries.length, limits.pageMax);
    entries.push(...page.map(({ entry }) => entry));
    if (page.length < limits.pageMax) return entries;
  }
};

const comeBack = (recovery: Omit<Recovery, 'name'>, tables: Tables, startAtMs: number, rules: Rules): Process => {
  const { authoring, pins, deployment, secrets, bodies } = recovery;
  return createProcess({ authoring, pins, deployment, secrets, tables, startAtMs, bodies: bodies.by(rules) });
};

/** When the next caller may act: after the deadline, the grace, and the time a probe's answer needs to settle. */
const goneAtMs = (cell: Cell, head: Entry | undefined, nowMs: number): number => {
  const open = head?.state.open;
  if (open?.kind !== 'reserved') return nowMs + 1;
  const settleMs = cell.interrupted === 'probe' ? cell.settleMs : 0;
  return Math.max(nowMs, open.deadlineAtMs) + Math.max(graceMs, settleMs) + 1;
};

const byPermission = (permission: Permission | null): Consequence | undefined => {
  if (permission?.kind === 'probe') return 'probe_not_done';
  return permission?.kind === 'interrupted' ? 'retried' : undefined;
};

/** What the entries that the fresh engine wrote say about the cell. */
const readNew = (entries: Entry[], cell: Cell): Answered | undefined => {
  for (const entry of entries) {
    if (entry.kind !== 'outcome' && entry.kind !== 'resolved') continue;
    if (entry.cell !== cell.name) continue;
    const detail = entry.kind === 'outcome' ? entry.note : entry.reason;
    const again = byPermission(entry.permission);
    if (again !== undefined) return { then: again, detail };
    const closed = { detail, halts: entry.then === 'halt', output: entry.output !== null };
    if (entry.closedBy === 'probe') return { then: 'probe_done', ...closed };
    if (natureOf(cell) === 'effect' && entry.closedBy === 'policy') return { then: 'continued', ...closed };
    return { then: 'goes_on', ...closed };
  }
  return undefined;
};

const ask = async (process: Process, instanceId: string, cell: Cell): Promise<AdvanceAnswer | 'done'> => {
  try {
    return await process.engine.advance(instanceId, { cell: cell.name, maxCells: 0, budgetMs, by: tester });
  } catch (error) {
    // The engine refuses a cell that is done: that it does is what this asks.
    if (isPawlError(error, 'cell.outOfOrder') || isPawlError(error, 'instance.finished')) return 'done';
    throw error;
  }
};

const asksMax = 20;

/** The moment that an engine was gone: what stood then, the seq of the newest entry in it, and when it was. */
export type Moment = { tables: Tables; seq: number; nowMs: number };

/** What a fresh engine makes of the cell, without beginning it. The tables of the moment are used up. */
export const consequenceOf = async (
  recovery: Recovery,
  { tables, seq, nowMs }: Moment,
  cell: Cell,
): Promise<Answered & { process: Process }> => {
  const { instanceId, name, stubs } = recovery;
  const process = comeBack(recovery, tables, nowMs, { onlyProbes: true });
  const [head] = await entriesAfter(process, instanceId, seq - 1);
  process.clock.moveTo(goneAtMs(cell, head, nowMs));
  const deaf = isStubbed(stubs, name) && !isStubbed(stubs, `${name}.probe`);
  const isOpen = head?.state.open?.kind === 'reserved';
  if (deaf && isOpen && cell.interrupted === 'probe') {
    return { then: 'probe_not_asked', detail: 'the cell was answered for', process };
  }
  for (let asked = 0; asked < asksMax; asked += 1) {
    const answer = await ask(process, instanceId, cell);
    const written = await entriesAfter(process, instanceId, seq);
    const again = written.find((entry) => entry.kind === 'reserved' && entry.cell === cell.name);
    if (again !== undefined) return { then: 'runs_again', detail: `seq ${again.seq}`, process };
    if (answer === 'done') return { ...(readNew(written, cell) ?? { then: 'goes_on', detail: null }), process };
    const found = readNew(written, cell);
    if (found !== undefined) return { ...found, process };
    const { stop } = answer;
    if (stop.result === 'in_doubt' && stop.nextAtMs !== null) {
      process.clock.moveTo(stop.nextAtMs);
      continue;
    }
    if (stop.result === 'in_doubt') return { then: 'held', detail: await whyHeld(process, instanceId), process };
    if (stop.result === 'parked') return { then: 'waits', detail: null, process };
    return { then: 'goes_on', detail: stop.result === 'halted' ? 'halted, as it is recorded' : null, process };
  }
  return { then: 'held', detail: 'its probe was never sure', process };
};

/** What a fresh engine makes of a run of which only the start stands. */
export const afterStart = async (recovery: Omit<Recovery, 'name'>, { tables, nowMs }: Moment): Promise<Answered> => {
  const { engine } = comeBack(recovery, tables, nowMs, { onlyProbes: true });
  const { instanceId } = recovery;
  const { steps, reserved } = await engine.advance(instanceId, { maxCells: 0, budgetMs, by: tester });
  return reserved > 0 ? { then: 'runs_again', detail: steps[0]?.cell ?? null } : { then: 'goes_on', detail: null };
};

/** What the probe said last, where one was asked. */
const whyHeld = async ({ engine }: Process, instanceId: string): Promise<string | null> => {
  const lastAnswer = (await engine.notes(instanceId)).filter(({ kind }) => kind === 'probe').at(-1);
  if (lastAnswer === undefined) return null;
  const { detail } = JSON.parse(lastAnswer.text) as { detail?: unknown };
  return `its probe is not sure: ${String(detail)}`;
};

/** Lets the cell run again, which a permission allows, and says how that ended; `null`: it was not begun. */
export const runAgain = async (
  recovery: Recovery,
  { tables, seq, nowMs }: Moment,
  cell: Cell,
  instead?: Rules['instead'],
): Promise<Ended | null> => {
  const process = comeBack(recovery, tables, nowMs, instead === undefined ? {} : { instead });
  const { engine, clock, bodies } = process;
  const { instanceId } = recovery;
  const cells = instead === undefined ? 1 : 2;
  for (let asked = 0; asked < asksMax; asked += 1) {
    const answer = await engine
      .advance(instanceId, { cell: cell.name, maxCells: cells, budgetMs, by: tester })
      .catch((error: unknown) => {
        if (isPawlError(error, 'cell.outOfOrder') || isPawlError(error, 'instance.finished')) return undefined;
        throw error;
      });
    if (answer?.stop.result === 'deferred' && !bodies.results.has(bodyOf(instanceId, cell.name))) {
      clock.moveTo(answer.stop.untilMs);
      continue;
    }
    break;
  }
  const result = bodies.results.get(bodyOf(instanceId, cell.name));
  const last = (await entriesAfter(process, instanceId, seq)).findLast(
    (one) => one.kind === 'outcome' && one.cell === cell.name,
  );
  if (result === undefined || last?.kind !== 'outcome') return null;
  return { ...result, satisfied: last.then === 'next' || last.then === 'end' };
};

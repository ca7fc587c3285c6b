/** `each`: a section that is gone through once for every element of a list, each time by an instance of its own. */
import { type Call, stateOf, viewNow } from '../call/call.ts';
import { resolveInputs, scopeOf } from '../call/inputs.ts';
import { readJournal } from '../call/journal.ts';
import { householdOf, type Kin, loadStarted } from '../call/kin.ts';
import { failure, keepOutput } from '../call/outcomes.ts';
import type { EntryOf, Failure, State, Waiting } from '../model/entries.ts';
import { type ErrorCode, isPawlError, PawlError } from '../model/errors.ts';
import { indexesIn, unfinishedIn, withBits } from '../model/family.ts';
import { limits } from '../model/limits.ts';
import { type Cell, type EachBody, type Expression, partAt } from '../model/runbook.ts';
import type { RunEnd } from '../model/runEnd.ts';
import { settleAll } from '../model/settleAll.ts';
import { bytesOf } from '../model/text.ts';
import type { View } from '../model/view.ts';
import { satisfiedAt } from '../rules/satisfied.ts';
import { earlierElement, elementId, lastElement, openElement, readElement } from './elements.ts';
import { lookAtFamily } from './family.ts';
import { type Begun, bodyOf, nextSeq, type WaitEnd, type WaitKind, waitingEntry } from './kind.ts';

/** Of the elements; at least one at a time. */
const maxOf = ({ max }: EachBody, count: number): number =>
  Math.max(1, 'count' in max ? max.count : Math.floor((count * max.percent) / 100));

const hasLargeNumber = (value: unknown): boolean =>
  typeof value === 'bigint' ||
  (typeof value === 'object' && value !== null && Object.values(value).some(hasLargeNumber));

/** How many there could be of a child, with those around it. */
const sizeOf = (kin: Kin | null): number => (kin === null ? 1 : kin.household.items.length * sizeOf(kin.household.kin));

/** Why a value is no list of elements; `undefined`: it is one. */
const problemOf = (call: Call, cell: Cell, items: unknown): Failure | undefined => {
  const { engine } = call;
  if (!Array.isArray(items))
    return failure(
      'each.noList',
      `What section ${cell.name} goes over is no list, but ${items === null ? 'null' : typeof items}.`,
    );
  if (items.length > limits.elementsMax) {
    const message = `Section ${cell.name} would go over ${items.length} elements; elementsMax is ${limits.elementsMax}.`;
    return failure('each.tooMany', message);
  }
  if (hasLargeNumber(items)) {
    const message = `An element of section ${cell.name} has a whole number beyond 2^53 - 1, which not every reader keeps; write it as a text.`;
    return failure('each.number', message);
  }
  const inAll = items.length * sizeOf(call.family);
  if (inAll > limits.elementsPerFamilyMax) {
    const message = `With section ${cell.name} the run would have ${inAll} elements in elements; elementsPerFamilyMax is ${limits.elementsPerFamilyMax}.`;
    return failure('each.tooMany', message);
  }
  const seen = new Map<string, number>();
  for (const [index, item] of items.entries()) {
    const text = engine.canonical(item);
    const earlier = seen.get(text);
    if (earlier !== undefined) {
      const message = `Elements ${earlier + 1} and ${index + 1} of section ${cell.name} are the same: nothing could tell them apart.`;
      return failure('each.twice', message);
    }
    seen.set(text, index);
  }
  return undefined;
};

const endsSince = async ({ engine, instanceId }: Call, seq: number): Promise<Map<number, RunEnd>> => {
  const ends = new Map<number, RunEnd>();
  for await (const { entry } of readJournal(engine, instanceId, seq))
    if (entry.kind === 'progress' && entry.about === seq) for (const { index, as } of entry.ended) ends.set(index, as);
  return ends;
};

/** `isCited`: it completed in an earlier visit of its section. */
type Which = { index: number; isCited: boolean };

const evaluated = async (call: Call, open: Waiting, output: Expression, cells: Cell[], { index, isCited }: Which) => {
  const { engine } = call;
  const own = elementId(call, open, index);
  // One that completed in an earlier visit is cited of that.
  const cited = isCited ? await earlierElement(call, open, index) : null;
  const child = await openElement(call, cited?.instanceId ?? own);
  // One that ended early never came to its last cells: these have neither an output nor an end.
  const passed = cells.filter(({ index: at }) => satisfiedAt(stateOf(child), at) !== undefined);
  const all = { index: cells.length, name: open.cell, reads: 'all' as const, states: passed.map(({ name }) => name) };
  const scope = scopeOf(engine, await resolveInputs(child, all), { instanceId: child.instanceId });
  const found = engine.authoring.evaluate(output, scope);
  if (found.kind === 'error') return { error: found.message };
  const bytes = bytesOf(engine.canonical(found.value));
  return bytes > limits.elementOutputBytesMax
    ? { error: `It has ${bytes} bytes; elementOutputBytesMax is ${limits.elementOutputBytesMax}.` }
    : found.value;
};

/** What cannot be read, or is no JSON, today cannot be tomorrow: it is told, since the section would never close. */
const lasting: readonly ErrorCode[] = ['output.cut', 'limit.exceeded', 'request.invalid'];

/** What the section says of an element that completed: the value of its `output`, or `null`. */
const outputOf = async (call: Call, open: Waiting, body: EachBody, which: Which): Promise<unknown> => {
  const { cells, output } = partAt(body, which.index);
  if (output === null) return null;
  return await evaluated(call, open, output, cells, which).catch((error: unknown) => {
    if (!isPawlError(error) || !lasting.includes(error.code)) throw error;
    return { error: error.message };
  });
};

/** What the section came to, once nothing of it is under way and nothing more may begin. */
const endOf = async (call: Call, cell: Cell, open: Waiting): Promise<WaitEnd> => {
  const body = bodyOf(cell, 'each');
  const { instanceId } = call;
  const { items } = await householdOf(call.engine, { instanceId, seq: open.seq, cell: cell.name });
  const { each: opened } = await waitingEntry(call, open);
  const cited = new Set(indexesIn(opened?.cited ?? '', items.length));
  const ends = await endsSince(call, open.seq);
  for (const index of cited) ends.set(index, body.undoes === undefined ? 'completed' : 'rolled_back');
  const elements: unknown[] = [];
  for (let at = 0; at < items.length; at += limits.elementsAtOnceMax) {
    const page = items.slice(at, at + limits.elementsAtOnceMax).map(async (item, offset) => {
      const index = at + offset;
      const status = ends.get(index) ?? 'not_begun';
      return {
        item,
        status,
        output: status === 'completed' ? await outputOf(call, open, body, { index, isCited: cited.has(index) }) : null,
      };
    });
    elements.push(...(await settleAll(page)));
  }
  const isDone = (end: RunEnd): boolean => end === (body.undoes === undefined ? 'completed' : 'rolled_back');
  const completed = [...ends.values()].filter(isDone).length;
  const note = `${completed} of ${items.length} ${body.undoes === undefined ? 'completed' : 'taken back'}`;
  const output = JSON.stringify(elements, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value));
  const isAll = completed === items.length;
  const error = isAll ? null : failure('each.unfinished', `Section ${cell.name}: ${note}.`);
  return { status: isAll || body.undoes !== undefined ? 'completed' : 'failed', output, error, note };
};

type Told = {
  /** 0: of this section; 1: of one that the last element of depth 0 before it stands in, and so on. */
  depth: number;
  index: number;
  item: unknown;
  instanceId: string;
  status: string;
  cell: string | null;
  /** A person, a place, a time, as in its view. */
  waitsFor: string | null;
};

type Report = {
  kind: 'each';
  count: number;
  max: number;
  stopAfter: number;
  /** The elements before this index may begin. */
  spawned: number;
  /** Have begun, and were not seen ended. */
  underWay: number;
  completed: number;
  cancelled: number;
  failed: number;
  stuck: number;
  /** Those under way, in the order of the list, each before those of a section that it stands in: `elementsToldMax` at most. */
  elements: Told[];
  /** When one of them goes on by itself, here or at home. */
  nextAtMs: number | null;
};

/** An element as its own view has it; `null`: it has not begun. */
const lookInto = async (call: Call, open: Waiting, index: number): Promise<{ child: Call; view: View } | null> => {
  const { state, instanceId } = await readElement(call, open, index);
  if (state === null) return null;
  const child = await openElement(call, instanceId);
  const view = viewNow(child);
  // What is missing only the call knew that came to it.
  const saved = view.status === 'ready' ? await call.engine.views.get(instanceId) : undefined;
  return { child, view: saved?.seq === view.seq ? { ...view, waitsFor: saved.waitsFor } : view };
};

/** Elements under way, and those of the sections that they stand in; `room`: so many more may be told. Those of the outer section go first. */
const elementsUnder = async (
  call: Call,
  open: Waiting,
  room: { left: number },
  depth = 0,
): Promise<{ told: Told; view: View | null }[]> => {
  const { family, seq, cell } = open;
  if (family === undefined) return [];
  const { items } = await householdOf(call.engine, { instanceId: call.instanceId, seq, cell });
  const indexes = unfinishedIn(family).slice(0, room.left);
  room.left -= indexes.length;
  const found = await settleAll(indexes.map((index) => lookInto(call, open, index)));
  const all: { told: Told; view: View | null }[] = [];
  for (const [at, index] of indexes.entries()) {
    const { child, view = null } = found[at] ?? {};
    const { status = 'not begun', cell: stands = null, waitsFor = null } = view ?? {};
    const told = { depth, index, item: items[index], instanceId: elementId(call, open, index), status, cell: stands };
    all.push({ told: { ...told, waitsFor }, view });
    const inner = child === undefined ? null : stateOf(child).open;
    if (child !== undefined && inner?.kind === 'waiting')
      all.push(...(await elementsUnder(child, inner, room, depth + 1)));
  }
  return all;
};

/** The newest entry by which a run opened a section. */
const lastOpening = async (
  engine: Call['engine'],
  instanceId: string,
  cell: string,
): Promise<EntryOf<'waiting'> | undefined> => {
  let found: EntryOf<'waiting'> | undefined;
  for await (const { entry } of readJournal(engine, instanceId))
    if (entry.kind === 'waiting' && entry.cell === cell && entry.each !== undefined) found = entry;
  return found;
};

/** The same of the run, or else of the newest that it goes on from and that opened it. */
const lastOpeningInLine = async ({ engine, instanceId }: Call, cell: string): Promise<EntryOf<'waiting'>> => {
  for (let id: string | undefined = instanceId; id !== undefined; ) {
    const found = await lastOpening(engine, id, cell);
    if (found !== undefined) return found;
    id = (await loadStarted(engine, id)).continues?.instanceId;
  }
  throw new PawlError('journal.broken', `Section ${cell} of ${instanceId} was never opened.`, { instanceId });
};

/** Indexes as bits. */
const bitsOf = (indexes: number[]): string => withBits('', indexes);

/** Elements that completed in an earlier visit are cited; the list stays what it was. */
const beginAgain = async (call: Call, { name }: Cell, body: EachBody): Promise<Begun['each']> => {
  const before = await lastOpening(call.engine, call.instanceId, name);
  if (before?.each === undefined) return undefined;
  const { items, count, cited = '' } = before.each;
  const ends = await endsSince(call, before.seq);
  const completed = [...ends].flatMap(([index, as]) => (as === 'completed' ? [index] : []));
  const all = bitsOf([...indexesIn(cited, count), ...completed]);
  return { items, count, max: maxOf(body, count), stopAfter: body.stopAfter, cited: all };
};

/** Whether all that began in an element was taken back at its own end. */
const isTakenBack = ({ ended, ending }: State): boolean =>
  ended === 'rolled_back' || (ended !== null && ending?.whole === true && ending.undone > 0 && ending.undos === 0);

/** Elements that never began, or were taken back at their own end, have nothing to take back. Each of the others is gone through. */
const beginUndo = async (call: Call, section: string): Promise<Begun['each']> => {
  const { engine } = call;
  const before = await lastOpeningInLine(call, section);
  if (before.each === undefined) return undefined;
  const { instanceId, seq, visit } = before;
  const { items, count, max } = before.each;
  const nothing: number[] = [];
  for (let at = 0; at < count; at += limits.elementsAtOnceMax) {
    const page = Array.from({ length: Math.min(limits.elementsAtOnceMax, count - at) }, (_, offset) => at + offset);
    const found = await settleAll(page.map((index) => lastElement({ engine, instanceId }, before, visit, index)));
    page.forEach((index, offset) => {
      const one = found[offset];
      if (one === null || one === undefined || (!one.isBroken && isTakenBack(one.state))) nothing.push(index);
    });
  }
  return { items, count, max, stopAfter: count + 1, cited: bitsOf(nothing), undoes: { instanceId, seq } };
};

export const each: WaitKind<Report> = {
  begin: async (call, cell, { body: rendered }) => {
    const body = bodyOf(cell, 'each');
    if (rendered.kind !== 'each') throw new PawlError('journal.broken', `Cell ${cell.name} is no section.`);
    const { undoes } = body;
    const isAgain = stateOf(call).visit > 1;
    if (undoes !== undefined || isAgain) {
      const begun = await (undoes === undefined ? beginAgain(call, cell, body) : beginUndo(call, undoes));
      if (begun !== undefined) return { each: begun };
    }
    const { engine, instanceId, token } = call;
    const items = engine.authoring.parseJson(rendered.items);
    const problem = problemOf(call, cell, items);
    if (problem !== undefined) return problem;
    const count = (items as unknown[]).length;
    const at = { instanceId, seq: nextSeq(call), owner: token };
    const kept = await keepOutput(engine.journal, at, rendered.items, undefined);
    if (kept.kind === 'truncated')
      return failure(
        'each.tooMany',
        `The elements of section ${cell.name} have ${kept.bytes} bytes; outputBytesMax is ${limits.outputBytesMax}.`,
      );
    return { each: { items: kept, count, max: maxOf(body, count), stopAfter: body.stopAfter } };
  },
  park: () => ({ look: 'now' }),
  look: async (call, cell, open, advancing) => {
    const found = await lookAtFamily(call, open, advancing);
    return found.kind === 'over' ? { kind: 'over', end: await endOf(call, cell, open) } : found;
  },
  report: async (call, cell, open) => {
    const { engine, instanceId } = call;
    const { family } = open;
    const { each: begun } = await waitingEntry(call, open);
    if (family === undefined || begun === undefined)
      throw new PawlError('journal.broken', `Cell ${cell.name} is no section.`, { instanceId });
    const under = await elementsUnder(call, open, { left: limits.elementsToldMax });
    const elements = under.map(({ told }) => told);
    const { place, home } = engine.here;
    const isLookedAt = (view: View | null): boolean => view?.place === place || view?.place === home;
    const dueAt = under.flatMap(({ view }) => (isLookedAt(view) ? (view?.dueAtMs ?? []) : []));
    const { ended: _, undoes: _undoes, ...counted } = family;
    const underWay = unfinishedIn(family).length;
    return { kind: 'each', ...counted, underWay, elements, nextAtMs: dueAt.length === 0 ? null : Math.min(...dueAt) };
  },
};

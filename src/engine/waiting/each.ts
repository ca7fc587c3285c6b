/** `each`, `run`: a section, or another runbook, that is gone through once for every element of a list, each time by an instance of its own. */
import { type Call, stateOf, viewNow } from '../call/call.ts';
import { resolveInputs, scopeOf } from '../call/inputs.ts';
import { householdOf, type Kin, kinOf } from '../call/kin.ts';
import { failure, keepOutput } from '../call/outcomes.ts';
import type { Expression } from '../model/cellKinds.ts';
import { familyBody } from '../model/cellNature.ts';
import { type ErrorCode, isPawlError, PawlError } from '../model/errors.ts';
import { indexesIn, unfinishedIn } from '../model/family.ts';
import type { Failure } from '../model/fields.ts';
import { limits } from '../model/limits.ts';
import { hasLargeNumber } from '../model/numbers.ts';
import { type Cell, type CellBody, partAt } from '../model/runbook.ts';
import type { RunEnd } from '../model/runEnd.ts';
import { settleAll } from '../model/settleAll.ts';
import type { Waiting } from '../model/state.ts';
import { bytesOf } from '../model/text.ts';
import type { View } from '../model/view.ts';
import { satisfiedAt } from '../rules/satisfied.ts';
import { beforeElement, earlierElement, lastElement } from './earlier.ts';
import { elementId, openElement, openUnbroken, parentOf, readElement } from './elements.ts';
import { lookAtFamily } from './family.ts';
import { beginAfter, bitsOf, completedIn, endsSince, isNothing } from './goingOn.ts';
import { type Begun, endsAtMs, nextSeq, type WaitEnd, type WaitKind, waitingEntry, withinOf } from './kind.ts';
import { lastOpening, lastOpeningInLine } from './openings.ts';
import { lockHolderOf, paramsOfAll, pinnedVersion } from './runs.ts';

type FamilyBody = Extract<CellBody, { kind: 'each' | 'run' }>;

/** @throws PawlError `journal.broken` when the version has another kind there */
const sectionOf = (cell: Cell): FamilyBody => {
  const body = familyBody(cell);
  if (body === undefined) throw new PawlError('journal.broken', `Cell ${cell.name} is no section.`);
  return body;
};

/** As refusals name it, and at the beginning of a sentence. */
const nameOf = ({ name, body }: Cell): string => `${body.kind === 'run' ? 'cell' : 'section'} ${name}`;
const firstWord = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;

/** Of the elements; at least one at a time. */
const maxOf = ({ max }: FamilyBody, count: number): number =>
  Math.max(1, 'count' in max ? max.count : Math.floor((count * max.percent) / 100));

/** How many there could be of a child, with those around it. */
const sizeOf = (kin: Kin | null): number => (kin === null ? 1 : kin.household.items.length * sizeOf(kin.household.kin));

/** How many sections and runs are around what an instance goes through. */
const depthOf = (kin: Kin | null): number => (kin === null ? 0 : 1 + depthOf(kin.household.kin));

/** Why a value is no list of elements; `undefined`: it is one. */
const problemOf = (call: Call, cell: Cell, items: unknown): Failure | undefined => {
  const { engine } = call;
  const what = nameOf(cell);
  if (depthOf(call.family) >= limits.sectionNestingMax) {
    const message = `${firstWord(what)} would be at depth ${depthOf(call.family) + 1} of sections and runs; sectionNestingMax is ${limits.sectionNestingMax}.`;
    return failure('run.nested', message);
  }
  if (!Array.isArray(items)) {
    const message = `What ${what} goes over is no list, but ${items === null ? 'null' : typeof items}.`;
    return failure('each.noList', message);
  }
  if (items.length > limits.elementsMax) {
    const message = `${firstWord(what)} would go over ${items.length} elements; elementsMax is ${limits.elementsMax}.`;
    return failure('each.tooMany', message);
  }
  if (hasLargeNumber(items)) {
    const message = `An element of ${what} has a whole number beyond 2^53 - 1, which not every reader keeps; write it as a text.`;
    return failure('each.number', message);
  }
  const inAll = items.length * sizeOf(call.family);
  if (inAll > limits.elementsPerFamilyMax) {
    const message = `With ${what} the run would have ${inAll} elements in elements; elementsPerFamilyMax is ${limits.elementsPerFamilyMax}.`;
    return failure('each.tooMany', message);
  }
  const seen = new Map<string, number>();
  for (const [index, item] of items.entries()) {
    const text = engine.canonical(item);
    const earlier = seen.get(text);
    if (earlier !== undefined) {
      const message = `Elements ${earlier + 1} and ${index + 1} of ${what} are the same: nothing could tell them apart.`;
      return failure('each.twice', message);
    }
    seen.set(text, index);
  }
  return undefined;
};

/** `isCited`: it completed before its section was opened. */
type Which = { index: number; isCited: boolean };

const evaluated = async (call: Call, open: Waiting, output: Expression, { index, isCited }: Which) => {
  const { engine } = call;
  const own = elementId(call, open, index);
  // One that completed in an earlier visit, or run, is cited of that.
  const cited = isCited ? await earlierElement(call, open, index) : null;
  const child = await openElement(call, cited?.instanceId ?? own);
  // Of another version, where an earlier run went through it.
  const { cells } = child.runbook;
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
const outputOf = async (call: Call, open: Waiting, body: FamilyBody, which: Which): Promise<unknown> => {
  const { output } = body.kind === 'run' ? body : partAt(body, which.index);
  if (output === null) return null;
  return await evaluated(call, open, output, which).catch((error: unknown) => {
    if (!isPawlError(error) || !lasting.includes(error.code)) throw error;
    return { error: error.message };
  });
};

/** Why a run that ended failed never began; `undefined`: it did. */
const refusalOf = async (call: Call, open: Waiting, index: number): Promise<Failure | undefined> => {
  const first = (await call.engine.journal.entry(elementId(call, open, index), 0))?.entry;
  return first?.kind === 'cancelled' ? first.refused : undefined;
};

/** What the section says of an element. */
const elementEnd = async (call: Call, open: Waiting, body: FamilyBody, which: Which, status: RunEnd | 'not_begun') => {
  if (status === 'completed') return { output: await outputOf(call, open, body, which) };
  const error = body.kind === 'run' && status === 'failed' ? await refusalOf(call, open, which.index) : undefined;
  return { output: null, ...(error === undefined ? {} : { error }) };
};

/** What the section came to, once nothing of it is under way and nothing more may begin. */
const endOf = async (call: Call, cell: Cell, open: Waiting): Promise<WaitEnd> => {
  const body = sectionOf(cell);
  const { instanceId } = call;
  const { items } = await householdOf(call.engine, { instanceId, seq: open.seq, cell: cell.name });
  const { each: opened } = await waitingEntry(call, open);
  const cited = new Set(indexesIn(opened?.cited ?? '', items.length));
  const ends = await endsSince(call.engine, instanceId, open.seq);
  for (const index of cited) ends.set(index, body.undoes === undefined ? 'completed' : 'rolled_back');
  const elements: { item: unknown; status: RunEnd | 'not_begun'; output: unknown; error?: Failure }[] = [];
  for (let at = 0; at < items.length; at += limits.elementsAtOnceMax) {
    const page = items.slice(at, at + limits.elementsAtOnceMax).map(async (item, offset) => {
      const index = at + offset;
      const status = ends.get(index) ?? ('not_begun' as const);
      return { item, status, ...(await elementEnd(call, open, body, { index, isCited: cited.has(index) }, status)) };
    });
    elements.push(...(await settleAll(page)));
  }
  const isDone = (end: RunEnd): boolean => end === (body.undoes === undefined ? 'completed' : 'rolled_back');
  const completed = [...ends.values()].filter(isDone).length;
  const note = `${completed} of ${items.length} ${body.undoes === undefined ? 'completed' : 'taken back'}`;
  const output = JSON.stringify(elements, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value));
  const isAll = completed === items.length;
  const refused = elements.find(({ error }) => error !== undefined)?.error;
  const why = refused === undefined ? '' : ` ${refused.message}`;
  // Of what takes back the code says that it did not.
  const code = body.undoes === undefined && refused !== undefined ? refused.code : 'each.unfinished';
  const error = isAll ? null : failure(code, `${firstWord(nameOf(cell))}: ${note}.${why}`);
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
  /** A person, a place, a time, as in its view. Of one that cannot begin: who has its lock, or whose journal is broken. */
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

/** Who holds the lock of a run that has not begun. */
const heldBy = async (call: Call, open: Waiting, index: number): Promise<string | null> => {
  const body = familyBody(call.runbook.cells.find(({ name }) => name === open.cell) ?? { body: { kind: 'end' } });
  if (body?.kind !== 'run' || open.family?.locked === undefined) return null;
  const version = await pinnedVersion(call, body.pin);
  return 'code' in version
    ? null
    : await lockHolderOf(call, await kinOf(call.engine, parentOf(call, open, index)), version);
};

/** An element as its own view has it; `child`: unless its journal is broken. `null`: it has not begun. */
const lookInto = async (
  call: Call,
  open: Waiting,
  index: number,
): Promise<{ child?: Call; view: Pick<View, 'status' | 'cell' | 'waitsFor' | 'place' | 'dueAtMs'> } | null> => {
  const { state, instanceId, isBroken } = await readElement(call, open, index);
  if (state === null && isBroken !== true) return null;
  const child = isBroken === true ? undefined : await openUnbroken(call, instanceId);
  if (child === undefined)
    return { view: { status: 'broken', cell: null, waitsFor: null, place: call.engine.here.home, dueAtMs: null } };
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
): Promise<{ told: Told; view: Pick<View, 'place' | 'dueAtMs'> | null }[]> => {
  const { family, seq, cell } = open;
  if (family === undefined) return [];
  const { items } = await householdOf(call.engine, { instanceId: call.instanceId, seq, cell });
  const indexes = unfinishedIn(family).slice(0, room.left);
  room.left -= indexes.length;
  const found = await settleAll(indexes.map((index) => lookInto(call, open, index)));
  const all: { told: Told; view: Pick<View, 'place' | 'dueAtMs'> | null }[] = [];
  for (const [at, index] of indexes.entries()) {
    const { child, view = null } = found[at] ?? {};
    const holder = view === null ? await heldBy(call, open, index) : null;
    const { status = 'not begun', cell: stands = null, waitsFor = holder } = view ?? {};
    const broken = view === null && family.stuck > 0 ? await beforeElement(call, open, index) : null;
    const told = { depth, index, item: items[index], instanceId: elementId(call, open, index), status, cell: stands };
    if (broken?.kind === 'broken') all.push({ told: { ...told, status: 'broken', waitsFor: broken.by }, view });
    else all.push({ told: { ...told, waitsFor }, view });
    const inner = child === undefined ? null : stateOf(child).open;
    if (child !== undefined && inner?.kind === 'waiting')
      all.push(...(await elementsUnder(child, inner, room, depth + 1)));
  }
  return all;
};

/** Elements that completed in an earlier visit are cited; the list stays what it was. */
const beginAgain = async ({ engine, instanceId }: Call, { name }: Cell, body: FamilyBody): Promise<Begun['each']> => {
  const before = await lastOpening(engine, instanceId, name);
  if (before?.each === undefined) return undefined;
  const { items, params, count, after } = before.each;
  const how = { items, count, max: maxOf(body, count), stopAfter: body.stopAfter };
  const cited = bitsOf(await completedIn(engine, before));
  return { ...how, ...(params === undefined ? {} : { params }), cited, ...(after === undefined ? {} : { after }) };
};

/** Elements that never began, or were taken back at their own end, have nothing to take back. Each of the others is gone through. */
const beginUndo = async (call: Call, section: string): Promise<Begun['each']> => {
  const { engine } = call;
  const before = await lastOpeningInLine(call, section);
  if (before.each === undefined) return undefined;
  const { instanceId, seq } = before;
  const { items, count, max } = before.each;
  const nothing: number[] = [];
  for (let at = 0; at < count; at += limits.elementsAtOnceMax) {
    const page = Array.from({ length: Math.min(limits.elementsAtOnceMax, count - at) }, (_, offset) => at + offset);
    const found = await settleAll(page.map((index) => lastElement(engine, before, index)));
    nothing.push(...page.filter((_, offset) => isNothing(found[offset])));
  }
  return { items, count, max, stopAfter: count + 1, cited: bitsOf(nothing), undoes: { instanceId, seq } };
};

const tooLarge = (cell: Cell, what: string, bytes: number): Failure =>
  failure(
    'each.tooMany',
    `The ${what} of ${nameOf(cell)} have ${bytes} bytes; outputBytesMax is ${limits.outputBytesMax}.`,
  );

export const each: WaitKind<Report> = {
  begin: async (call, cell, { body: rendered, inputs }) => {
    const body = sectionOf(cell);
    if (rendered.kind !== 'each') throw new PawlError('journal.broken', `Cell ${cell.name} is no section.`);
    const { undoes } = body;
    const version = body.kind === 'run' ? await pinnedVersion(call, body.pin) : undefined;
    if (version !== undefined && 'code' in version) return version;
    const within = withinOf(call, cell, (body.kind === 'run' ? body.withinMs : null) ?? null, inputs);
    if ('code' in within) return within;
    const until = body.kind === 'run' ? { dueAtMs: endsAtMs(call, within.withinMs) } : {};
    const isAgain = stateOf(call).visit > 1;
    if (undoes !== undefined || isAgain) {
      const begun = await (undoes === undefined ? beginAgain(call, cell, body) : beginUndo(call, undoes));
      if (begun !== undefined) return { each: begun, ...until };
    }
    const { engine, instanceId, token } = call;
    const items = engine.authoring.parseJson(rendered.items);
    const problem = problemOf(call, cell, items);
    if (problem !== undefined) return problem;
    const count = (items as unknown[]).length;
    const seq = nextSeq(call);
    const list = await keepOutput(engine.journal, { instanceId, seq, owner: token }, rendered.items, undefined);
    if (list.kind === 'truncated') return tooLarge(cell, 'elements', list.bytes);
    const after = undoes === undefined ? await beginAfter(call, cell, items as unknown[]) : {};
    if ('code' in after) return after;
    const opened = { items: list, count, max: maxOf(body, count), stopAfter: body.stopAfter, ...after };
    if (body.kind !== 'run' || version === undefined) return { each: opened };
    const all = paramsOfAll(call, cell, body, version, { inputs, items: items as unknown[] });
    if ('code' in all) return all;
    // Another owner: what stands beside the chain is named by it.
    const at = { instanceId, seq, owner: engine.random.token() };
    const params = await keepOutput(engine.journal, at, JSON.stringify(all), undefined);
    if (params.kind === 'truncated') return tooLarge(cell, 'parameters', params.bytes);
    return { each: { ...opened, params }, ...until };
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
    const isLookedAt = (view: Pick<View, 'place'> | null): boolean => view?.place === place || view?.place === home;
    const dueAt = under.flatMap(({ view }) => (isLookedAt(view) ? (view?.dueAtMs ?? []) : []));
    const { ended: _, undoes: _undoes, locked: _locked, ...counted } = family;
    const underWay = unfinishedIn(family).length;
    return { kind: 'each', ...counted, underWay, elements, nextAtMs: dueAt.length === 0 ? null : Math.min(...dueAt) };
  },
};

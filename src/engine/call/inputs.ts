/**
 * What a cell sees: the parameters, the outputs of earlier cells, and how they ended. All are immutable, so resolving them again for
 * another attempt of the same visit gives the same; the hash in the journal proves it (I9).
 */
import type { CellEnd } from '../model/cellEnd.ts';
import type { Entry } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import type { Output } from '../model/fields.ts';
import { limits } from '../model/limits.ts';
import type { Cell } from '../model/runbook.ts';
import { settleAll } from '../model/settleAll.ts';
import type { State } from '../model/state.ts';
import { bytesOf } from '../model/text.ts';
import type { Ports, RunInfo, Scope } from '../ports.ts';
import { cellEndOf, isAsMeant } from '../rules/cellEnd.ts';
import { isAtEndOf } from '../rules/going.ts';
import { satisfiedAt, satisfiedBy } from '../rules/satisfied.ts';
import type { Call } from './call.ts';
import { namesIn, readerOf, seenBy } from './kin.ts';
import { cutWhyOf } from './outcomes.ts';
import { outputOf, textOf } from './texts.ts';

/** `states`: how the cells ended that are asked about; absent where none is. */
export type Inputs = {
  params: Record<string, unknown>;
  outputs: Record<string, string>;
  states?: Record<string, CellEnd>;
  /** In a section with `each`: the element and its index, under their names, and those around them. */
  each?: Record<string, unknown>;
  /** Of a cell at the end of a run. */
  run?: RunInfo;
  /** Of a cell that takes another back. */
  originalKey?: string;
};

/** Where a call reads from: what it knows of the instance. */
export type Reader = Pick<Call, 'engine' | 'started' | 'runbook' | 'outputs' | 'family'> & {
  chain: Pick<Call['chain'], 'head'>;
};

/** JSON text of an output that a cell reads. Nothing is handed on cut. @throws PawlError `output.cut` */
const wholeTextOf = async (ports: Pick<Ports, 'journal'>, cell: string, output: Output | null) => {
  if (output?.kind !== 'truncated') return await textOf(ports, output);
  const message = `The output of cell ${cell} cannot be read. ${cutWhyOf(output)}`;
  throw new PawlError('output.cut', message, { cell, bytes: output.bytes, limitBytes: output.limitBytes });
};

/** The entry of a run that satisfied one of its cells, which it is past. `undefined`: a cell before its first one. */
export const satisfyingEntry = async (
  state: State,
  index: number,
  entryAt: (seq: number) => Promise<Entry>,
): Promise<Entry | undefined> => {
  const found = satisfiedAt(state, index);
  if (found === undefined) return undefined;
  return await entryAt('seq' in found ? found.seq : satisfiedBy(await entryAt(found.ask), found.at));
};

const entryIn = async ({ engine, chain }: Reader, id: string, seq: number): Promise<Entry> => {
  const { entry: head } = chain.head;
  if (id === head.instanceId && seq === head.seq) return head;
  const standing = await engine.journal.entry(id, seq);
  if (standing === undefined) throw new PawlError('journal.broken', `Entry ${seq} of ${id} is missing.`);
  return standing.entry;
};

const entryOfCell = (reader: Reader, { index }: Cell): Promise<Entry | undefined> => {
  const { instanceId, state } = reader.chain.head.entry;
  return satisfyingEntry(state, index, (seq) => entryIn(reader, instanceId, seq));
};

/** Of the cell that the way stood at when it was over, the outcome by which it completed has its output. */
const whatSays = async (reader: Reader, entry: Entry | undefined, { name }: Cell): Promise<Entry | undefined> => {
  if (entry?.kind !== 'ending' || entry.stood?.cell !== name) return entry;
  return await entryIn(reader, entry.instanceId, entry.stood.seq);
};

/** The entry that says what came of a cell, which a run may cite of an earlier one. `undefined`: that one said nothing of it. */
export const entryThatSays = async (reader: Reader, cell: Cell): Promise<Entry | undefined> => {
  const { chain, started } = reader;
  const cited = started.continues?.outputs[cell.name];
  const isCited = cell.index < chain.head.entry.state.from;
  if (!isCited) return await whatSays(reader, await entryOfCell(reader, cell), cell);
  return cited && (await entryIn(reader, cited.instanceId, cited.seq));
};

const readOne = async (reader: Reader, cell: Cell): Promise<string | null> => {
  const entry = await entryThatSays(reader, cell);
  return entry === undefined ? null : await wholeTextOf(reader.engine, cell.name, outputOf(entry));
};

/** Whether a cell was taken back at the end of the run. */
export const isTakenBack = async (reader: Reader, { name }: Pick<Cell, 'name'>): Promise<boolean> => {
  const { runbook, chain } = reader;
  const { state } = chain.head.entry;
  if (state.ending === undefined) return false;
  const undo = runbook.cells.find(({ cleanup }) => cleanup !== undefined && 'undo' in cleanup && cleanup.undo === name);
  if (undo === undefined || undo.index >= state.next || !isAtEndOf(state, undo.index)) return false;
  const entry = await entryOfCell(reader, undo);
  const isOf = (entry?.kind === 'outcome' || entry?.kind === 'resolved') && entry.cell === undo.name;
  // One that failed as it was expected to found nothing left to take back.
  return isOf && isAsMeant(entry);
};

const stateOfCell = async (reader: Reader, cell: Cell): Promise<CellEnd> => {
  const { chain, started } = reader;
  if (await isTakenBack(reader, cell)) return 'taken_back';
  if (cell.index < chain.head.entry.state.from) return started.continues?.states?.[cell.name] ?? 'completed';
  const entry = await entryOfCell(reader, cell);
  if (entry === undefined) throw new PawlError('journal.broken', `The run is not past cell ${cell.name} yet.`);
  return cellEndOf(cell, entry);
};

/** How the cells ended that a cell asks about. */
const statesFor = async (
  reader: Reader,
  { index, states = [] }: Pick<Cell, 'index' | 'states'>,
): Promise<Pick<Inputs, 'states'>> => {
  if (states.length === 0) return {};
  const asked = sourcesOf(reader, index).filter(({ cell }) => states.includes(cell.name));
  const found = await settleAll(
    asked.map(async ({ from, cell }) => [cell.name, await stateOfCell(from, cell)] as const),
  );
  return { states: Object.fromEntries(found) };
};

/** A cell, and where it is read from: a child reads cells before its section from its parent. */
type Source = { from: Reader; cell: Cell };

/** Every cell that one may read, in the order of the document. */
export const sourcesOf = (reader: Reader, index: number): Source[] => {
  const own = reader.runbook.cells.slice(0, index).map((cell) => ({ from: reader, cell }));
  const around = seenBy(reader.family);
  if (around === null) return own;
  const { before, ...above } = readerOf(around, reader.engine);
  // What they share is kept by the call that reads, under names that are one of a kind in the document.
  return [...sourcesOf({ ...above, outputs: reader.outputs }, before), ...own];
};

const wantedBy = (reader: Reader, { index, reads }: Pick<Cell, 'index' | 'reads'>): Source[] =>
  sourcesOf(reader, index).filter(({ cell }) => reads === 'all' || reads.includes(cell.name));

/** Whether everything the cell reads is known already, so that resolving its inputs asks the store nothing. */
export const inHand = (reader: Reader, cell: Cell): boolean =>
  cell.states === undefined &&
  cell.cleanup === undefined &&
  wantedBy(reader, cell).every((other) => reader.outputs.has(other.cell.name));

/** Of a cell at the end of a run: how that came, as the entry says by which it began. */
const endFor = async (
  reader: Reader,
  { cleanup }: Pick<Cell, 'cleanup'>,
): Promise<Pick<Inputs, 'run' | 'originalKey'>> => {
  const { instanceId, state } = reader.chain.head.entry;
  if (cleanup === undefined || state.ending === undefined) return {};
  const entry = await entryIn(reader, instanceId, state.ending.seq);
  if (entry.kind !== 'ending') throw new PawlError('journal.broken', `Entry ${entry.seq} of ${instanceId} is no end.`);
  const { failed, began, keys } = entry;
  const { url } = reader.engine.deployment;
  const item = seenBy(reader.family)?.item ?? null;
  const run = {
    failed: failed && { cell: failed.cell, item, code: failed.code, message: failed.message },
    began,
    url: url === undefined ? null : `${url}/instances/${instanceId}`,
  };
  const originalKey = 'undo' in cleanup ? keys[cleanup.undo] : undefined;
  return { run, ...(originalKey === undefined ? {} : { originalKey }) };
};

/**
 * Reads what `cell` names (or every earlier output), at most two requests an output and none for what is cached.
 * @throws PawlError `output.cut`, `limit.exceeded`
 */
export const resolveInputs = async (
  reader: Reader,
  cell: Pick<Cell, 'index' | 'name' | 'reads' | 'states' | 'cleanup'>,
): Promise<Inputs> => {
  const { outputs, started } = reader;
  const wanted = wantedBy(reader, cell);
  const missing = wanted.filter((other) => !outputs.has(other.cell.name));
  await settleAll(missing.map(async (other) => outputs.set(other.cell.name, await readOne(other.from, other.cell))));
  const texts = wanted.flatMap((other) => {
    const text = outputs.get(other.cell.name) ?? null;
    return text === null ? [] : [[other.cell.name, text] as const];
  });
  const bytes = texts.reduce((sum, [, text]) => sum + bytesOf(text), 0);
  if (bytes > limits.inputsBytesMax) {
    const message = `The outputs cell ${cell.name} reads are ${bytes} bytes together; inputsBytesMax is ${limits.inputsBytesMax}.`;
    throw new PawlError('limit.exceeded', message, { limit: 'inputsBytesMax', bytes });
  }
  const each = seenBy(reader.family) === null ? {} : { each: namesIn(reader.family) };
  return {
    params: started.params,
    outputs: Object.fromEntries(texts),
    ...(await statesFor(reader, cell)),
    ...each,
    ...(await endFor(reader, cell)),
  };
};

/** What expressions and templates of a cell see. */
export const scopeOf = (ports: Ports, inputs: Inputs, step: Record<string, unknown>): Scope => ({
  params: inputs.params,
  outputs: Object.fromEntries(
    Object.entries(inputs.outputs).map(([name, text]) => [name, ports.authoring.parseJson(text)]),
  ),
  cells: Object.fromEntries(Object.entries(inputs.states ?? {}).map(([name, state]) => [name, { state }])),
  step: inputs.originalKey === undefined ? step : { ...step, originalKey: inputs.originalKey },
  ...(inputs.run === undefined ? {} : { run: inputs.run }),
  ...(inputs.each === undefined ? {} : { each: inputs.each }),
});

/**
 * What a cell sees: the parameters and the outputs of earlier cells. Both are immutable, so resolving them again for
 * another attempt of the same visit gives the same; the hash in the journal proves it (I9).
 */
import type { Entry, Output } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { Cell } from '../model/runbook.ts';
import { settleAll } from '../model/settleAll.ts';
import { bytesOf } from '../model/text.ts';
import type { Ports, Scope } from '../ports.ts';
import { satisfiedAt } from '../rules/apply.ts';
import type { Call } from './call.ts';
import { cutWhyOf } from './outcomes.ts';

export type Inputs = { params: Record<string, unknown>; outputs: Record<string, string> };

/** The output a satisfying entry carries. */
export const outputOf = (entry: Entry): Output | null =>
  entry.kind === 'outcome' || entry.kind === 'resolved' ? entry.output : null;

/** JSON text of an output, for people: a truncated one is the text of its beginning, as a JSON string. */
export const textOf = async (ports: Pick<Ports, 'journal'>, output: Output | null): Promise<string | null> => {
  if (output === null) return null;
  if (output.kind === 'inline') return output.text;
  return output.kind === 'stored' ? await ports.journal.outputText(output) : JSON.stringify(output.head);
};

/** Where a call reads from: what it knows of the instance. */
export type Reader = Pick<Call, 'engine' | 'chain' | 'started' | 'runbook' | 'outputs'>;

/** JSON text of an output that a cell reads. Nothing is handed on cut. @throws PawlError `output.cut` */
const wholeTextOf = async (ports: Pick<Ports, 'journal'>, cell: string, output: Output | null) => {
  if (output?.kind !== 'truncated') return await textOf(ports, output);
  const message = `The output of cell ${cell} cannot be read. ${cutWhyOf(output)}`;
  throw new PawlError('output.cut', message, { cell, bytes: output.bytes, limitBytes: output.limitBytes });
};

const readOne = async ({ engine, chain, started }: Reader, cell: Cell): Promise<string | null> => {
  const { head } = chain;
  const { instanceId, state } = head.entry;
  const outputAt = async (id: string, seq: number): Promise<string | null> =>
    wholeTextOf(engine, cell.name, outputOf(await entryAt(id, seq)));
  const entryAt = async (id: string, seq: number): Promise<Entry> => {
    if (id === instanceId && seq === head.entry.seq) return head.entry;
    const standing = await engine.journal.entry(id, seq);
    if (standing === undefined) throw new PawlError('journal.broken', `Entry ${seq} of ${id} is missing.`);
    return standing.entry;
  };
  if (cell.index < state.from) {
    const cited = started.continues?.outputs[cell.name];
    return cited === undefined ? null : await outputAt(cited.instanceId, cited.seq);
  }
  const found = satisfiedAt(state, cell.index);
  if (found === undefined) return null;
  const seq = 'seq' in found ? found.seq : (await entryAt(instanceId, found.ask)).state.satisfied.recent[found.at];
  return seq === undefined ? null : await outputAt(instanceId, seq);
};

const wantedBy = ({ runbook }: Pick<Reader, 'runbook'>, cell: Pick<Cell, 'index' | 'reads'>): Cell[] => {
  const { reads } = cell;
  const earlier = runbook.cells.slice(0, cell.index);
  return reads === 'all' ? earlier : earlier.filter((other) => reads.includes(other.name));
};

/** Whether everything the cell reads is known already, so that resolving its inputs asks the store nothing. */
export const inHand = (reader: Pick<Reader, 'runbook' | 'outputs'>, cell: Cell): boolean =>
  wantedBy(reader, cell).every((other) => reader.outputs.has(other.name));

/**
 * Reads what `cell` names (or every earlier output), at most two requests an output and none for what is cached.
 * @throws PawlError `output.cut`, `limit.exceeded`
 */
export const resolveInputs = async (reader: Reader, cell: Pick<Cell, 'index' | 'name' | 'reads'>): Promise<Inputs> => {
  const { outputs, started } = reader;
  const wanted = wantedBy(reader, cell);
  const missing = wanted.filter((other) => !outputs.has(other.name));
  await settleAll(missing.map(async (other) => outputs.set(other.name, await readOne(reader, other))));
  const texts = wanted.flatMap((other) => {
    const text = outputs.get(other.name) ?? null;
    return text === null ? [] : [[other.name, text] as const];
  });
  const bytes = texts.reduce((sum, [, text]) => sum + bytesOf(text), 0);
  if (bytes > limits.inputsBytesMax) {
    const message = `The outputs cell ${cell.name} reads are ${bytes} bytes together; inputsBytesMax is ${limits.inputsBytesMax}.`;
    throw new PawlError('limit.exceeded', message, { limit: 'inputsBytesMax', bytes });
  }
  return { params: started.params, outputs: Object.fromEntries(texts) };
};

/** What expressions and templates of a cell see. */
export const scopeOf = (ports: Ports, inputs: Inputs, step: Record<string, unknown>): Scope => ({
  params: inputs.params,
  outputs: Object.fromEntries(
    Object.entries(inputs.outputs).map(([name, text]) => [name, ports.authoring.parseJson(text)]),
  ),
  step,
});

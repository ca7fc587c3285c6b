/**
 * What a cell sees: the parameters and the outputs of earlier cells. Both are immutable, so resolving them again for
 * another attempt of the same visit gives the same; the hash in the journal proves it (I9).
 */
import { satisfiedAt } from './apply.ts';
import type { Entry, Output, Standing } from './entries.ts';
import { PawlError } from './errors.ts';
import { limits } from './limits.ts';
import { bytesOf } from './outcomes.ts';
import type { Ports, Scope } from './ports.ts';
import type { Cell, Runbook } from './runbook.ts';

/** Outputs read in this call, JSON text by cell name; `null` where a cell was skipped or had none. */
export type OutputCache = Map<string, string | null>;

export type Inputs = { params: Record<string, unknown>; outputs: Record<string, string> };

/** The output a satisfying entry carries. */
export const outputOf = (entry: Entry): Output | null =>
  entry.kind === 'outcome' || entry.kind === 'resolved' ? entry.output : null;

/** JSON text of an output; a truncated one is the text of its beginning, as a JSON string. */
export const textOf = async (ports: Pick<Ports, 'journal'>, output: Output | null): Promise<string | null> => {
  if (output === null) return null;
  if (output.kind === 'inline') return output.text;
  return output.kind === 'stored' ? await ports.journal.outputText(output) : JSON.stringify(output.head);
};

const readOne = async (ports: Ports, head: Standing, index: number): Promise<string | null> => {
  const { instanceId, state } = head.entry;
  const entryAt = async (seq: number): Promise<Entry> => {
    if (seq === head.entry.seq) return head.entry;
    const standing = await ports.journal.entry(instanceId, seq);
    if (standing === undefined) throw new PawlError('journal.broken', `Entry ${seq} of ${instanceId} is missing.`);
    return standing.entry;
  };
  const found = satisfiedAt(state, index);
  if (found === undefined) return null;
  const seq = 'seq' in found ? found.seq : (await entryAt(found.ask)).state.satisfied.recent[found.at];
  return seq === undefined ? null : await textOf(ports, outputOf(await entryAt(seq)));
};

/** Reads what `cell` names (or every earlier output), at most two requests an output and none for what is cached. */
export const resolveInputs = async (
  ports: Ports,
  head: Standing,
  runbook: Runbook,
  cell: Cell,
  params: Record<string, unknown>,
  cache: OutputCache,
): Promise<Inputs> => {
  const earlier = runbook.cells.slice(0, cell.index);
  const wanted = cell.reads === 'all' ? earlier : earlier.filter((other) => cell.reads.includes(other.name));
  const missing = wanted.filter((other) => !cache.has(other.name));
  await Promise.all(missing.map(async (other) => cache.set(other.name, await readOne(ports, head, other.index))));
  const texts = wanted.flatMap((other) => {
    const text = cache.get(other.name) ?? null;
    return text === null ? [] : [[other.name, text] as const];
  });
  const bytes = texts.reduce((sum, [, text]) => sum + bytesOf(text), 0);
  if (bytes > limits.inputsBytesMax) {
    const message = `The outputs cell ${cell.name} reads are ${bytes} bytes together; inputsBytesMax is ${limits.inputsBytesMax}.`;
    throw new PawlError('limit.exceeded', message, { limit: 'inputsBytesMax', bytes });
  }
  return { params, outputs: Object.fromEntries(texts) };
};

/** What expressions and templates of a cell see. */
export const scopeOf = (ports: Ports, inputs: Inputs, step: Record<string, unknown>): Scope => ({
  params: inputs.params,
  outputs: Object.fromEntries(
    Object.entries(inputs.outputs).map(([name, text]) => [name, ports.authoring.parseJson(text)]),
  ),
  step,
});

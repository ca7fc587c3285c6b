/** Outputs as text. */
import type { Entry } from '../model/entries.ts';
import type { Output } from '../model/fields.ts';
import type { Ports } from '../ports.ts';

/** The output a satisfying entry carries. */
export const outputOf = (entry: Entry): Output | null =>
  entry.kind === 'outcome' || entry.kind === 'resolved' ? entry.output : null;

/** JSON text of an output, for people: a truncated one is the text of its beginning, as a JSON string. */
export const textOf = async (ports: Pick<Ports, 'journal'>, output: Output | null): Promise<string | null> => {
  if (output === null) return null;
  if (output.kind === 'inline') return output.text;
  return output.kind === 'stored' ? await ports.journal.outputText(output) : JSON.stringify(output.head);
};

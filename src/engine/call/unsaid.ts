/** What the expressions of a cell miss since a person decided an earlier cell and gave no output for it. */

import type { Cell } from '../model/runbook.ts';
import { settleAll } from '../model/settleAll.ts';
import { entryThatSays, type Inputs, type Reader, sourcesOf } from './inputs.ts';

/** Such a word is final: no other can be said of the same step. */
const wordOf = async (from: Reader, cell: Cell): Promise<string | null> => {
  const entry = await entryThatSays(from, cell);
  if ((entry?.kind !== 'outcome' && entry?.kind !== 'resolved') || entry.closedBy !== 'person') return null;
  const { verdict } = entry;
  const seq = entry.kind === 'outcome' ? entry.closes : entry.about;
  if (verdict === undefined || seq === null) return null;
  return `The verdict about ${cell.name} (seq ${seq}, ${verdict}, by ${entry.by.actor}) left no output`;
};

/** @returns the message, and whose verdict left no output of a cell that it names: no retry mends that */
export const withUnsaid = async (
  reader: Reader,
  { index }: Pick<Cell, 'index'>,
  { outputs }: Pick<Inputs, 'outputs'>,
  message: string,
): Promise<string> => {
  const named = new Set(message.match(/\w+/g));
  const absent = sourcesOf(reader, index).filter(({ cell: { name } }) => named.has(name) && !(name in outputs));
  const words = await settleAll(absent.map(({ from, cell }) => wordOf(from, cell)));
  const said = words.filter((word) => word !== null);
  if (said.length === 0) return message;
  return `${message} ${said.join('; ')}, and none can be given to it any more: do by hand what this cell does and say that it is done, pass over it, or go on in a version that does not read it there.`;
};

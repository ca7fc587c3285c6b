/** One decision about many steps: slowly enough to be stopped, and one that is refused holds up none of the others. */
import { allCells, isPawlError, PawlError, type View } from '../engine/index.ts';
import type { Client } from './client.ts';
import { findDoubts } from './doubts.ts';
import { type Exit, exitOfError, exits } from './exits.ts';
import { duration, plural } from './format.ts';
import type { Turn } from './pace.ts';
import { harmless, type Screen } from './screen.ts';
import type { Session } from './session.ts';
import type { Step } from './step.ts';
import type { Target, VerdictInput } from './verdict.ts';

type Many = Extract<Target, { kind: 'many' }>;
type Named = { instanceId: string; seq: number };
type Decided = Named & { view: View };
type Refused = Named & { error: { code: string; message: string; details: object }; exit: Exit };

/** `left`: not decided, because the operator stopped it or the store gave no answer. */
export type Bulk = { decided: Decided[]; refused: Refused[]; left: Named[]; stopped: 'signal' | 'store' | null };

/** @throws PawlError `runbook.unknown`, `cell.unknown`: a name that is not there finds nothing for ever */
const assertThere = async (client: Client, { runbookId, cell }: Many): Promise<void> => {
  const { runbook, version } = await client.runbook(runbookId);
  if (allCells(runbook.cells).some(({ name }) => name === cell)) return;
  const message = `Runbook ${runbookId} version ${version} has no cell ${cell}, and nothing is in doubt at one; see \`pawl doubts --runbook ${runbookId}\`.`;
  throw new PawlError('cell.unknown', message, { runbookId, version, cell });
};

/** Every step of the runbook in doubt at the cell, looked for before anything is decided. */
export const findMany = async (session: Session, many: Many) => {
  const { runbookId, cell } = many;
  const { doubts, unreadable } = await findDoubts(session, { runbookId, cell });
  if (doubts.length === 0 && unreadable.length === 0) await assertThere(session.client, many);
  return { doubts, unreadable };
};

/**
 * Decides one after the other until the signal, each at its turn. Nothing is remembered between two calls: what was
 * decided is in doubt no longer, so the same command again decides only what is left.
 */
export const giveVerdicts = async (
  screen: Screen,
  client: Client,
  steps: Step[],
  ruling: VerdictInput,
  { turn, signal }: { turn: Turn; signal: AbortSignal },
): Promise<Bulk> => {
  const rest = (from: number): Named[] => steps.slice(from).map(({ instanceId, seq }) => ({ instanceId, seq }));
  const decided: Decided[] = [];
  const refused: Refused[] = [];
  const width = String(steps.length).length;
  for (const [index, { instanceId, seq, ageMs }] of steps.entries()) {
    await turn(signal);
    if (signal.aborted) return { decided, refused, left: rest(index), stopped: 'signal' };
    const head = `  ${String(index + 1).padStart(width)}/${steps.length}  ${instanceId}  seq ${seq}`;
    try {
      const { view } = await client.verdict({ path: { instanceId }, body: { ...ruling, seq, onlyInDoubt: true } });
      decided.push({ instanceId, seq, view });
      const age = ageMs === null ? '' : `, reserved ${duration(ageMs)} ago`;
      screen.print(`${head}  ${screen.paint('good', ruling.verdict)}${age}; now ${view.status.replace('_', ' ')}`);
    } catch (error) {
      if (!isPawlError(error)) throw error;
      const { code, message, details } = error;
      refused.push({ instanceId, seq, error: { code, message, details }, exit: exitOfError(error) });
      screen.print(`${head}  ${screen.paint('bad', 'refused')}: ${harmless(message)}`);
      if (code === 'store.unavailable') return { decided, refused, left: rest(index + 1), stopped: 'store' };
    }
  }
  return { decided, refused, left: [], stopped: null };
};

/** 0 only when everything was decided. */
export const exitOfMany = ({ refused, stopped }: Bulk, unreadable: number): Exit => {
  if (stopped !== null) return stopped === 'signal' ? exits.interrupted : exits.later;
  if (unreadable > 0) return exits.failed;
  if (refused.length === 0) return exits.done;
  return refused.every(({ exit }) => exit === exits.later) ? exits.later : exits.failed;
};

export const summarize = (screen: Screen, { decided, refused, left, stopped }: Bulk): void => {
  const all = decided.length + refused.length + left.length;
  screen.print();
  screen.print(`Decided ${decided.length} of ${plural(all, 'step')}.`);
  if (refused.length > 0) {
    const codes = [...new Set(refused.map(({ error }) => error.code))].join(', ');
    screen.print(screen.paint('bad', `Refused ${refused.length} (${codes}): look at each with \`pawl status ID\`.`));
  }
  if (stopped === null) return;
  const why = stopped === 'signal' ? 'Interrupted' : 'The store gave no answer';
  screen.print(
    screen.paint('warn', `${why}: ${left.length} left as they were. The same command decides what is left.`),
  );
};

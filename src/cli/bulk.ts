/** One decision about many steps: one that is refused holds up none of the others, and the service keeps it slow enough to be stopped. */
import type { BodyOf } from '../contract/index.ts';
import { allCells, type ErrorCode, errorCodes, isPawlError, limits, PawlError } from '../engine/index.ts';
import type { Client } from './client.ts';
import { findDoubts } from './doubts.ts';
import { type Exit, exitOfError, exits } from './exits.ts';
import { duration, plural, unbroken } from './format.ts';
import { harmless, type Screen } from './screen.ts';
import type { Session } from './session.ts';
import type { Step } from './step.ts';
import type { Target, VerdictInput } from './verdict.ts';

type Many = Extract<Target, { kind: 'many' }>;
type Named = { instanceId: string; seq: number };
/** `awaits`: it takes effect when another person says the same. */
type Decided = Named & Pick<BodyOf<'verdict'>, 'view' | 'awaits'>;
type Refused = Named & { error: { code: string; message: string; details: object }; exit: Exit };

type Answered = BodyOf<'verdicts'>['steps'][number];

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

/** How each is told of, by its number among all. */
const tellOf = (screen: Screen, steps: Step[]) => {
  const width = String(steps.length).length;
  const numbers = new Map(steps.map(({ instanceId }, index) => [instanceId, index]));
  return ({ instanceId, seq }: Named, text: (ageMs: number | null) => string): void => {
    const index = numbers.get(instanceId) ?? 0;
    const head = `  ${String(index + 1).padStart(width)}/${steps.length}  ${instanceId}  seq ${seq}`;
    screen.print(`${head}  ${text(steps[index]?.ageMs ?? null)}`);
  };
};

const firstText = ({ first }: Extract<Answered, { result: 'refused' }>): string => {
  if (first === null) return '';
  const reason = first.reason === null ? '' : `: ${unbroken(harmless(first.reason))}`;
  return `; ${harmless(first.actor)} was first${first.said === null ? '' : ` and said ${first.said}`}${reason}`;
};

const exitOf = (code: string, message: string): Exit =>
  code in errorCodes ? exitOfError(new PawlError(code as ErrorCode, message)) : exits.failed;

/** While another call has the turn it is asked for again. `undefined`: the signal came first. */
const inTurn = async <T>(call: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> => {
  while (!signal.aborted) {
    try {
      return await call();
    } catch (error) {
      // The service has waited for it already.
      if (!isPawlError(error, 'verdicts.busy')) throw error;
    }
  }
  return undefined;
};

/**
 * Decides until the signal, in calls of about a second each: the service keeps the rate, over all callers. Nothing is
 * remembered between two calls: what was decided is in doubt no longer, so the same command again decides only what is left.
 */
export const giveVerdicts = async (
  screen: Screen,
  client: Pick<Client, 'verdicts'>,
  steps: Step[],
  { verdict, reason, output, evidence, freshKey }: VerdictInput,
  { perSecond, signal }: { perSecond: number; signal: AbortSignal },
): Promise<Bulk> => {
  const ruling = { verdict, reason, output, evidence, freshKey, perSecond };
  const tell = tellOf(screen, steps);
  const decided: Decided[] = [];
  const refused: Refused[] = [];
  let rest: Named[] = steps.map(({ instanceId, seq }) => ({ instanceId, seq }));
  const refuse = (step: Named, error: Refused['error'], exit: Exit, first = ''): void => {
    refused.push({ ...step, error, exit });
    tell(step, () => `${screen.paint('bad', 'refused')}: ${harmless(error.message)}${first}`);
  };
  const take = (answer: Answered): void => {
    const { instanceId, seq } = answer;
    if (answer.result === 'left') return;
    if (answer.result === 'refused') {
      const { code, message, first } = answer;
      const error = { code, message, details: first === null ? {} : { first } };
      return refuse({ instanceId, seq }, error, exitOf(code, message), firstText(answer));
    }
    const { view } = answer;
    const awaits = answer.result === 'proposed' ? answer.awaits : null;
    decided.push({ instanceId, seq, view, awaits });
    const said = awaits === null ? verdict : `proposed ${verdict}, another person has to say it too`;
    tell(answer, (ageMs) => {
      const age = ageMs === null ? '' : `, reserved ${duration(ageMs)} ago`;
      return `${screen.paint('good', said)}${age}; now ${view.status.replace('_', ' ')}`;
    });
  };
  const isAway = (): boolean => refused.some(({ error }) => error.code === 'store.unavailable');
  while (rest.length > 0) {
    const now = rest.slice(0, Math.min(perSecond, limits.verdictsAtOnceMax));
    try {
      const answer = await inTurn(() => client.verdicts({ body: { ...ruling, steps: now } }), signal);
      if (answer === undefined) return { decided, refused, left: rest, stopped: 'signal' };
      for (const one of answer.steps) take(one);
      const isLeft = new Set(answer.steps.flatMap((one) => (one.result === 'left' ? [one.instanceId] : [])));
      rest = rest.filter((one, index) => index >= now.length || isLeft.has(one.instanceId));
    } catch (error) {
      if (!isPawlError(error)) throw error;
      const { code, message, details } = error;
      for (const step of now) refuse(step, { code, message, details }, exitOfError(error));
      rest = rest.slice(now.length);
    }
    if (isAway()) return { decided, refused, left: rest, stopped: 'store' };
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
  const proposed = decided.filter(({ awaits }) => awaits !== null).length;
  const waiting = proposed === 0 ? '' : ` ${proposed} of these take effect when another person says the same.`;
  screen.print(`Decided ${decided.length} of ${plural(all, 'step')}.${waiting}`);
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

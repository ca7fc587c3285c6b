/**
 * What every command works with: the calls of the HTTP API, plain JSON in and out. Here over the engine in this process;
 * a command cannot tell. Refusals are `PawlError`s.
 */
import type {
  AdvanceAnswer,
  By,
  Cancelled,
  Drive,
  Entry,
  Inspection,
  Note,
  Published,
  RunAnswer,
  Runbook,
  Started,
  View,
} from '../engine/index.ts';
import { PawlError } from '../engine/index.ts';
import type { Deps } from './deps.ts';
import { duration } from './format.ts';

export type StartAsked = { params: Record<string, unknown>; version?: number; instanceId?: string; drive?: Drive };
export type AdvanceAsked = { cell?: string; maxCells?: number | 'all'; expectedSeq?: number };
export type ListAsked = { runbookId?: string; status?: View['status']; limit: number; next?: string };
export type DoneAsked = { result: 'done' | 'failed'; note: string; expectedSeq?: number };
/** `nowMs` is the store's time: ages are reckoned from it, never from this machine's clock. */
export type Instance = Inspection & { nowMs: number; instructions: string | null };

export type Client = {
  publish(source: string): Promise<Published>;
  runbook(runbookId: string, version?: number): Promise<{ version: number; runbook: Runbook }>;
  start(runbookId: string, asked: StartAsked): Promise<Started>;
  /** @throws PawlError `step.inFlight` when somebody else's step is under way and nothing ran */
  advance(instanceId: string, asked: AdvanceAsked, signal: AbortSignal): Promise<AdvanceAnswer>;
  /** @throws what `advance` throws */
  run(instanceId: string, signal: AbortSignal): Promise<RunAnswer>;
  done(instanceId: string, cell: string, asked: DoneAsked): Promise<{ view: View }>;
  cancel(instanceId: string, asked: { reason: string }): Promise<Cancelled>;
  instance(instanceId: string): Promise<Instance>;
  /** One page of entries after `after`, in order; an empty one at the end. */
  journal(instanceId: string, after: number): Promise<Entry[]>;
  notes(instanceId: string, about?: number): Promise<Note[]>;
  list(asked: ListAsked): Promise<{ views: View[]; next: string | null }>;
};

/** As long as the longest invocation on AWS: every cell fits, and what is left behind becomes due soon enough. */
const budgetMs = 15 * 60_000;
const pageSize = 100;

const refuseInFlight = (answer: AdvanceAnswer, nowMs: number): void => {
  const { stop, steps, view } = answer;
  if (stop.result !== 'in_flight' || steps.length > 0) return;
  const { holder } = stop;
  const whose = `${holder.by.actor} (${holder.by.via}, ${holder.by.where})`;
  const left = duration(holder.deadlineAtMs - nowMs);
  const message = `Cell ${holder.cell} of ${view.instanceId} is in flight: ${whose} has held it for ${duration(holder.ageMs)}, ${left} more at most. This call ran nothing; ask again later.`;
  const deadlineAt = new Date(holder.deadlineAtMs).toISOString();
  const { instanceId } = view;
  throw new PawlError('step.inFlight', message, { instanceId, holder, ageMs: holder.ageMs, deadlineAt, view });
};

export const engineClient = (deps: Deps, by: By): Client => {
  const { engine, authoring } = deps;

  /** What a `manual` cell asks for, filled in as the person is to read it. */
  const instructionsOf = async ({ view, params, cells }: Inspection): Promise<string | null> => {
    if (view.status !== 'waiting') return null;
    const { runbook } = await runbookOf(view.runbookId, view.version);
    const cell = runbook.cells.find(({ name }) => name === view.cell);
    if (cell?.body.kind !== 'manual') return null;
    const outputs = cells.flatMap(({ name, output }) =>
      output === null ? [] : [[name, authoring.parseJson(output)] as const],
    );
    const step = { instanceId: view.instanceId, cell: cell.name };
    const rendered = authoring.render(cell.body.instructions, { params, outputs: Object.fromEntries(outputs), step });
    return rendered.kind === 'text' ? rendered.text : null;
  };

  const runbookOf = async (runbookId: string, version?: number) => {
    const found = await deps.versions.get(runbookId, version);
    if (found !== undefined) return { version: found.version, runbook: found.runbook };
    const message = `There is no runbook ${runbookId}${version === undefined ? '' : ` version ${version}`}; publish it with \`pawl publish FILE\`.`;
    throw new PawlError('runbook.unknown', message, { runbookId });
  };

  return {
    publish: (source) => engine.publish(source, by),
    runbook: runbookOf,
    start: (runbookId, asked) => engine.start({ runbookId, ...asked, by }),
    advance: async (instanceId, { maxCells, ...asked }, signal) => {
      const many = maxCells === 'all' ? Number.POSITIVE_INFINITY : (maxCells ?? 1);
      const answer = await engine.advance(instanceId, { ...asked, maxCells: many, budgetMs, signal, by });
      refuseInFlight(answer, deps.nowMs());
      return answer;
    },
    run: async (instanceId, signal) => {
      const answer = await engine.run(instanceId, { budgetMs, signal, by });
      refuseInFlight(answer, deps.nowMs());
      return answer;
    },
    done: (instanceId, cell, asked) => engine.done(instanceId, cell, { ...asked, by }),
    cancel: (instanceId, { reason }) => engine.cancel(instanceId, reason, by),
    instance: async (instanceId) => {
      const inspection = await engine.inspect(instanceId, by);
      return { ...inspection, nowMs: deps.nowMs(), instructions: await instructionsOf(inspection) };
    },
    journal: async (instanceId, after) => (await engine.journal(instanceId, after, pageSize)).map(({ entry }) => entry),
    notes: (instanceId, about) => engine.notes(instanceId, about),
    list: (asked) => engine.list(asked),
  };
};

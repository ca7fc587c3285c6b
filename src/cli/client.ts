/**
 * What every command works with: the calls of the HTTP API, plain JSON in and out. Here over the engine in this process;
 * a command cannot tell. Refusals are `PawlError`s.
 */
import type {
  AdvanceAnswer,
  By,
  Cancelled,
  ContinueRequest,
  Drive,
  Entry,
  Inspection,
  Note,
  Published,
  Redriven,
  RunAnswer,
  Runbook,
  Started,
  Unrecorded,
  VerdictRequest,
  View,
} from '../engine/index.ts';
import { PawlError, statusOf } from '../engine/index.ts';
import type { Deps } from './deps.ts';
import { duration } from './format.ts';

export type StartAsked = {
  params: Record<string, unknown>;
  version?: number;
  instanceId?: string;
  drive?: Drive;
  continues?: ContinueRequest;
};
export type AdvanceAsked = { cell?: string; maxCells?: number | 'all'; expectedSeq?: number };
export type ListAsked = { runbookId?: string; status?: View['status']; limit: number; next?: string };
export type DoneAsked = { result: 'done' | 'failed'; note: string; expectedSeq?: number };
export type VerdictAsked = Omit<VerdictRequest, 'by'>;
/** `nowMs` is the store's time: ages are reckoned from it, never from this machine's clock. */
export type Instance = Inspection & {
  nowMs: number;
  instructions: string | null;
  /** The entry that `view` was made from. */
  head: Entry;
  /** Begun before the last restore from backup: held until a person releases it. */
  held: boolean;
};
/** The newest entry and what it means now. */
export type Standing = Pick<Instance, 'head' | 'held' | 'nowMs'> & { status: View['status'] };

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
  /** Decides about a step in doubt or halted; `view.seq` is where that stands in the journal. */
  verdict(instanceId: string, asked: VerdictAsked): Promise<{ view: View }>;
  release(instanceId: string, asked: { reason: string }): Promise<{ view: View }>;
  redrive(item: Unrecorded): Promise<Redriven>;
  instance(instanceId: string): Promise<Instance>;
  /** Consistent, and cheap for whoever knows that the journal goes at least to `seq`; `undefined` if it does not. */
  standing(instanceId: string, seq: number): Promise<Standing | undefined>;
  /** One page of entries after `after`, in order; an empty one at the end. */
  journal(instanceId: string, after: number): Promise<Entry[]>;
  notes(instanceId: string, about?: number): Promise<Note[]>;
  /** Outcomes of a step that were set aside on this machine, as file names. */
  setAside(instanceId: string, seq: number): Promise<string[]>;
  list(asked: ListAsked): Promise<{ views: View[]; next: string | null }>;
};

/** Every entry after a seq, in order. */
export const entriesAfter = async (
  client: Pick<Client, 'journal'>,
  instanceId: string,
  seq: number,
): Promise<Entry[]> => {
  const entries: Entry[] = [];
  for (let after = seq; ; ) {
    const page = await client.journal(instanceId, after);
    const last = page.at(-1);
    if (last === undefined) return entries;
    entries.push(...page);
    after = last.seq;
  }
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
  const { engine, authoring, deployment } = deps;

  const journal = async (instanceId: string, after: number): Promise<Entry[]> =>
    (await engine.journal(instanceId, after, pageSize)).map(({ entry }) => entry);

  const isHeld = ({ state }: Entry): boolean => state.ended === null && state.epoch < deployment.epoch;

  const standing = async (instanceId: string, seq: number): Promise<Standing | undefined> => {
    const head = (await entriesAfter({ journal }, instanceId, seq - 1)).at(-1);
    if (head === undefined) return undefined;
    const nowMs = deps.nowMs();
    return { head, held: isHeld(head), nowMs, status: statusOf(head.state, nowMs, deployment.takeoverGraceMs) };
  };

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
    verdict: (instanceId, asked) => engine.verdict(instanceId, { ...asked, by }),
    redrive: (item) => engine.redrive(item, by),
    release: (instanceId, { reason }) => engine.release(instanceId, reason, by),
    instance: async (instanceId) => {
      const inspection = await engine.inspect(instanceId, by);
      const { seq } = inspection.view;
      const [head] = await journal(instanceId, seq - 1);
      if (head?.seq !== seq)
        throw new PawlError('journal.broken', `Entry ${seq} of ${instanceId} is missing.`, { instanceId, seq });
      const [nowMs, instructions] = [deps.nowMs(), await instructionsOf(inspection)];
      return { ...inspection, nowMs, instructions, head, held: isHeld(head) };
    },
    standing,
    journal,
    notes: (instanceId, about) => engine.notes(instanceId, about),
    setAside: (instanceId, seq) => deps.setAside.of(instanceId, seq),
    list: (asked) => engine.list(asked),
  };
};

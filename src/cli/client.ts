/**
 * What every command works with: the operations of the contract by their names, over whichever transport brings them, and
 * what several of them make together: an output in parts, a journal in pages, a call that goes on after its answer. A
 * command cannot tell the transports apart. Refusals are `PawlError`s.
 */
import { type BodyOf, type CallOf, type OperationName, operationNames } from '../contract/index.ts';
import {
  type AdvanceAnswer,
  type By,
  decidableAtMs,
  type Entry,
  gateOf,
  isPawlError,
  isRunEnd,
  type Note,
  type RunAnswer,
  type Stop,
  statusOf,
} from '../engine/index.ts';
import { inWordsOfCommand } from './ofCommand.ts';
import { renderParams } from './renderParams.ts';
import { untilOver } from './untilOver.ts';

type Given = { path?: object; query?: object; body?: unknown };
/** `isOurs`: whether an entry was written for this very call, where it may go on after its answer. */
type Answered = { status: number; body: unknown; isOurs?(by: By): boolean };
/**
 * Carries out one operation, wherever it is. `undefined`: the signal has fired, and it goes on there without us.
 * @throws PawlError what it was refused with; `store.unavailable` when there was no answer
 */
export type Transport = (name: OperationName, given: Given, signal?: AbortSignal) => Promise<Answered | undefined>;
type Operations = { [N in OperationName]: (given: CallOf<N>) => Promise<BodyOf<N>> };

/** `nowMs` is the store's time: ages are reckoned from it, never from this machine's clock. */
export type Instance = BodyOf<'instance'>;
/** The newest entry and what it means now. */
export type HeadReport = Pick<Instance, 'head' | 'held' | 'decidableAtMs' | 'nowMs'> & {
  status: Instance['view']['status'];
  /** Absent where it was not asked. */
  holderProcess?: Instance['holderProcess'];
};
export type Claim = BodyOf<'setClaim'>['claim'];
export type AdvanceInput = NonNullable<CallOf<'advance'>['body']>;

/** Where an instance stands, for a caller that could not wait for the end of a call. */
const standsAt = ({ view, head, nowMs }: Instance): AdvanceAnswer => {
  const { status } = view;
  const stop: Stop = isRunEnd(status)
    ? { kind: 'stop', result: status }
    : { kind: 'stop', result: 'deferred', cell: view.cell ?? view.runbookId, untilMs: nowMs, why: 'budget' };
  return { stop, result: stop.result, steps: [], reserved: 0, wrote: false, view, state: head.state };
};

export const createClient = (transport: Transport) => {
  // What goes in and comes out is what the table of routes says, here as there.
  const operations = Object.fromEntries(
    operationNames.map((name) => [
      name,
      async (given: Given) => (await inWordsOfCommand(transport(name, given)))?.body,
    ]),
  ) as unknown as Operations;

  const runbook = (runbookId: string, version?: number): Promise<BodyOf<'version'>> =>
    version === undefined
      ? operations.runbook({ path: { runbookId } })
      : operations.version({ path: { runbookId, version } });

  const journalPage = (instanceId: string, after: number, limit?: number) =>
    operations.journal({ path: { instanceId }, query: { after, limit } });
  const entry = async (instanceId: string, seq: number): Promise<Entry | undefined> =>
    (await journalPage(instanceId, seq - 1, 1)).entries[0];
  /** Every entry after a seq, and the store's time when the last of them was read. */
  const journalAfter = async (instanceId: string, seq: number): Promise<BodyOf<'journal'>> => {
    let page = await journalPage(instanceId, seq);
    const entries = [...page.entries];
    while (page.next !== null) {
      page = await journalPage(instanceId, page.next);
      entries.push(...page.entries);
    }
    return { ...page, entries };
  };

  /** `lastPage`: where the last page begins, which may be filled up later. */
  const notesFrom = async (instanceId: string, after: number | undefined, about?: number) => {
    const notes: Note[] = [];
    for (let from = after; ; ) {
      const page = await operations.notes({ path: { instanceId }, query: { about, after: from } });
      notes.push(...page.notes);
      if (page.next === null) return { notes, lastPage: from };
      from = page.next;
    }
  };

  const wholeOutput = async (instanceId: string, seq: number): Promise<string> => {
    let text = '';
    for (let part = 1, parts = 1; part <= parts; part += 1) {
      const answer = await operations.output({ path: { instanceId, seq }, query: { part } });
      text += answer.text;
      parts = answer.parts;
    }
    return text;
  };
  const attachment = async (instanceId: string, seq: number, file: number): Promise<Buffer> => {
    const pieces: Buffer[] = [];
    for (let part = 1, parts = 1; part <= parts; part += 1) {
      const answer = await operations.attachment({ path: { instanceId, seq }, query: { file, part } });
      pieces.push(Buffer.from(answer.base64, 'base64'));
      parts = answer.parts;
    }
    return Buffer.concat(pieces);
  };
  /** Without the largest outputs. */
  const glance = (instanceId: string): Promise<Instance> => operations.instance({ path: { instanceId } });
  /** With every output, however large. */
  const instance = async (instanceId: string): Promise<Instance> => {
    const found = await glance(instanceId);
    for (const cell of found.cells) {
      if (cell.output !== null || cell.outputSeq === null) continue;
      // What is cited stands in the journal of an earlier run.
      const started = cell.state === 'cited' ? await entry(instanceId, 0) : undefined;
      const cited = started?.kind === 'started' ? started.continues?.outputs[cell.name] : undefined;
      cell.output = await wholeOutput(cited?.instanceId ?? instanceId, cell.outputSeq);
    }
    return found;
  };

  /** What takes longer than its answer may is followed in the journal to its end. */
  const move = async (name: 'advance' | 'run', instanceId: string, body: AdvanceInput, signal: AbortSignal) => {
    const answered = await transport(name, { path: { instanceId }, body }, signal);
    if (answered === undefined) return standsAt(await instance(instanceId));
    const { status, isOurs } = answered;
    const answer = answered.body as AdvanceAnswer;
    const { stop } = answer;
    if (status !== 202 || isOurs === undefined || stop.result !== 'deferred' || stop.why !== 'budget') return answer;
    const many = name === 'run' || body.maxCells === 'all' ? Number.POSITIVE_INFINITY : (body.maxCells ?? 1);
    const from = { afterSeq: answer.view.seq, cell: body.cell, maxCells: many - answer.reserved, isOurs };
    const pages = {
      page: (after: number, limit: number) => journalPage(instanceId, after, limit),
      runbook: async (runbookId: string, version: number) => (await runbook(runbookId, version)).runbook,
      render: renderParams,
    };
    const seen = await untilOver(pages, from, signal);
    const soFar = seen.kind === 'underWay' ? { steps: seen.steps, reserved: seen.reserved } : {};
    const more = seen.kind === 'over' ? seen.answer : { ...standsAt(await instance(instanceId)), ...soFar };
    return {
      ...more,
      steps: [...answer.steps, ...more.steps],
      reserved: answer.reserved + more.reserved,
      wrote: answer.wrote || more.wrote,
    };
  };

  return {
    ...operations,
    runbook,
    entry,
    entriesAfter: async (instanceId: string, seq: number): Promise<Entry[]> =>
      (await journalAfter(instanceId, seq)).entries,
    instance,
    glance,
    /** A whole file that an entry carries. */
    wholeAttachment: attachment,
    /** Consistent, and cheap for a caller that knows that the journal goes at least to `seq`; `undefined` if it does not. */
    standing: async (instanceId: string, seq: number): Promise<HeadReport | undefined> => {
      const page = await journalAfter(instanceId, seq - 1).catch((error: unknown) => {
        // Armed by a start that never came to its first entry.
        if (isPawlError(error, 'instance.unknown')) return undefined;
        throw error;
      });
      const head = page?.entries.at(-1);
      if (page === undefined || head === undefined) return undefined;
      const { nowMs, deployment } = page;
      const held = head.state.ended === null && head.state.epoch < deployment.epoch;
      const { takeoverGraceMs: graceMs } = deployment;
      const decidable = decidableAtMs(head.state, graceMs);
      return { head, held, decidableAtMs: decidable, nowMs, status: statusOf(head.state, nowMs, graceMs) };
    },
    /** Where it was started, and where calls of this client run. */
    places: async (instanceId: string): Promise<{ startedAt: string; here: string }> => {
      const { entries, deployment } = await journalPage(instanceId, -1, 1);
      const [first] = entries;
      const startedAt = (first?.kind === 'started' ? first.place : undefined) ?? deployment.home;
      return { startedAt, here: deployment.place };
    },
    /** Oldest first. */
    notes: async (instanceId: string, about?: number): Promise<Note[]> =>
      (await notesFrom(instanceId, undefined, about)).notes,
    notesFrom,
    /** @throws PawlError `step.inFlight` when another caller's step is under way and nothing ran */
    advance: (instanceId: string, asked: AdvanceInput, signal: AbortSignal): Promise<AdvanceAnswer> =>
      move('advance', instanceId, asked, signal),
    /** @throws what `advance` throws */
    run: async (instanceId: string, signal: AbortSignal): Promise<RunAnswer> =>
      gateOf(await move('run', instanceId, {}, signal)),
  };
};
export type Client = ReturnType<typeof createClient>;

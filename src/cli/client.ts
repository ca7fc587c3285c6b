/**
 * What every command works with: the calls of the HTTP API, plain JSON in and out. Here over the engine in this process;
 * a command cannot tell. Refusals are `PawlError`s.
 */
import type {
  AdvanceAnswer,
  By,
  Cancelled,
  ClaimEntry,
  ClaimStatus,
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
  Voted,
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
export type ClaimAsked = { status: ClaimStatus; statement?: string; evidence?: unknown; revision?: number };
export type VoteAsked = { decision: 'approve' | 'reject' | 'withdraw'; shownHash: string; comment?: string };
/** One revision of a claim. `evidence`: any JSON value, `null` when there is none; `at`: ISO 8601. */
export type Claim = Pick<ClaimEntry, 'claimId' | 'revision' | 'status' | 'statement' | 'by'> & {
  evidence: unknown;
  at: string;
};
/** A one-time link: a path, or a whole URL where a service made it. */
export type LinkMade = { link: string; actor: string; expiresAt: string };
/** `nowMs` is the store's time: ages are reckoned from it, never from this machine's clock. */
export type Instance = Inspection & {
  nowMs: number;
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
  /** `woken`: how many who waited for it were told; `null`: the schedule tells the rest. */
  setClaim(claimId: string, asked: ClaimAsked): Promise<{ claim: Claim; woken: number | null }>;
  /** @throws PawlError `claim.unknown` */
  claim(claimId: string): Promise<Claim>;
  /** Newest first; `next`: give it as `before`. */
  claimHistory(claimId: string, limit: number, before?: number): Promise<{ claims: Claim[]; next: number | null }>;
  claims(limit: number, next?: string): Promise<{ claims: Claim[]; next: string | null }>;
  vote(instanceId: string, cell: string, asked: VoteAsked): Promise<Voted>;
  makeLink(instanceId: string, cell: string, actor: string): Promise<LinkMade>;
};

const shownClaim = ({ claimId, revision, status, statement, evidence, by, atMs }: ClaimEntry): Claim => ({
  claimId,
  revision,
  status,
  statement,
  evidence: evidence === null ? null : (JSON.parse(evidence) as unknown),
  by,
  at: new Date(atMs).toISOString(),
});

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

export const engineClient = (deps: Deps, by: By, groups: string[]): Client => {
  const { engine, deployment } = deps;

  const journal = async (instanceId: string, after: number): Promise<Entry[]> =>
    (await engine.journal(instanceId, after, pageSize)).map(({ entry }) => entry);

  const isHeld = ({ state }: Entry): boolean => state.ended === null && state.epoch < deployment.epoch;

  const standing = async (instanceId: string, seq: number): Promise<Standing | undefined> => {
    const head = (await entriesAfter({ journal }, instanceId, seq - 1)).at(-1);
    if (head === undefined) return undefined;
    const nowMs = deps.nowMs();
    return { head, held: isHeld(head), nowMs, status: statusOf(head.state, nowMs, deployment.takeoverGraceMs) };
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
      return { ...inspection, nowMs: deps.nowMs(), head, held: isHeld(head) };
    },
    standing,
    journal,
    notes: (instanceId, about) => engine.notes(instanceId, about),
    setAside: (instanceId, seq) => deps.setAside.of(instanceId, seq),
    list: (asked) => engine.list(asked),
    setClaim: async (claimId, { evidence, ...asked }) => {
      const text = evidence === undefined ? {} : { evidence: JSON.stringify(evidence) };
      const { claim, woken } = await engine.setClaim(claimId, { ...asked, ...text, by });
      return { claim: shownClaim(claim), woken };
    },
    claim: async (claimId) => shownClaim(await engine.claim(claimId)),
    claimHistory: async (claimId, limit, before) => {
      const claims = await engine.claimHistory(claimId, limit, before);
      const last = claims.at(-1)?.revision ?? 1;
      return { claims: claims.map(shownClaim), next: last > 1 ? last : null };
    },
    claims: async (limit, next) => {
      const page = await engine.claims({ limit, ...(next === undefined ? {} : { next }) });
      return { claims: page.claims.map(shownClaim), next: page.next };
    },
    vote: (instanceId, cell, asked) => engine.vote(instanceId, cell, { ...asked, groups, by }),
    makeLink: async (instanceId, cell, actor) => {
      const { secret, expiresAtMs } = await engine.makeLink(instanceId, cell, { actor, by });
      return { link: `/links/${secret}`, actor, expiresAt: new Date(expiresAtMs).toISOString() };
    },
  };
};

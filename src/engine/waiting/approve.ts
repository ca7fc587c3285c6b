/** `approve`: what is shown to those who are asked, and what their votes come to. */
import type { Call } from '../call/call.ts';
import type { Inputs } from '../call/inputs.ts';
import { votesSince } from '../call/journal.ts';
import { type Engine, isRun, type Kin, namesAround, startersIn } from '../call/kin.ts';
import { failure } from '../call/outcomes.ts';
import { prepare } from '../call/prepare.ts';
import { type ShownLog, shownLogsOf } from '../call/shownLogs.ts';
import type { CellEnd } from '../model/cellEnd.ts';
import type { ApproveBody } from '../model/cellKinds.ts';
import type { EntryOf } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import type { Failure } from '../model/fields.ts';
import { limits } from '../model/limits.ts';
import { type Cell, partAt, type Version } from '../model/runbook.ts';
import type { Waiting } from '../model/state.ts';
import { bytesOf } from '../model/text.ts';
import type { RenderedBody } from '../ports.ts';
import { type Freed, freedBy, freedThen } from '../rules/freed.ts';
import { isDecided } from '../rules/voting.ts';
import { bodyOf, endsAtMs, nextSeq, over, type WaitEnd, type WaitKind, waitingEntry, withinOf } from './kind.ts';

/**
 * What a vote is about. `hash` binds it: sha256 of the canonical JSON of the rest, of the cells up to this one as they run,
 * and of which approval it is.
 */
type Shown = {
  /** The runbook up to the end of this cell; before it, of those that it is run by, up to the cells that run it. */
  document: string;
  params: Record<string, unknown>;
  /** JSON texts of the outputs that the cell refers to. */
  outputs: Record<string, string>;
  /** How the cells ended that the cell asks about; absent where it asks about none. */
  states?: Record<string, CellEnd>;
  /** Of an element: that and its index, under their names, and those around them, also around the runs that it stands in. */
  each?: Record<string, unknown>;
  /** Logs of earlier cells, by cell; absent where it shows none. */
  logs?: Record<string, ShownLog>;
  text: string;
  hash: string;
};

/** What an approver sees: what the vote is about, and beside it what no hash binds. */
export type Asking = { shown: Shown; freed: Freed };

/** The cells up to one, as they run: of an element also those before its section, and those of its part of that up to here. */
const cellsThrough = ({ runbook, family }: Pick<Call, 'runbook' | 'family'>, index: number): Cell[] => {
  const own = runbook.cells.slice(0, index + 1);
  if (family === null) return own;
  const { runbook: above, section, kin } = family.household;
  const before = cellsThrough({ runbook: above, family: kin }, section.index - 1);
  if (section.body.kind === 'run') return [...before, section, ...own];
  const { parts: _, ...how } = section.body;
  const { output } = partAt(section.body, family.index);
  return [...before, { ...section, body: { ...how, kind: 'each', cells: own, output } }];
};

const versionOf = async (engine: Engine, { runbookId, version }: EntryOf<'started'>): Promise<Version> => {
  const found = await engine.versions.get(runbookId, version);
  if (found !== undefined) return found;
  throw new PawlError('journal.broken', `Version ${version} of ${runbookId} is missing.`);
};

/** The run that began what an instance is, or is an element of; `null`: a caller began it. */
const runAround = (family: Kin | null): Kin | null =>
  family === null || isRun(family) ? family : runAround(family.household.kin);

/** The last line of the fence that begins at a line; of a heading that line. */
const lastLineOf = (lines: string[], line: number): number => {
  const fence = /^\s*(`{3,}|~{3,})/.exec(lines[line - 1] ?? '')?.[1];
  const end = fence === undefined ? -1 : lines.findIndex((text, at) => at >= line && text.trim().startsWith(fence));
  return end === -1 ? line : end + 1;
};

/** The documents of the runs around one, up to the cells that run it, the outermost first. */
const documentsAround = async (engine: Engine, family: Kin | null): Promise<string[]> => {
  const run = runAround(family);
  if (run === null) return [];
  const { started, section, kin } = run.household;
  const lines = (await versionOf(engine, started)).source.split('\n');
  return [...(await documentsAround(engine, kin)), lines.slice(0, lastLineOf(lines, section.line)).join('\n')];
};

/** What an approval sets free; where it asks nobody else to the end of its run, also of the run around that. */
const freedIn = async (
  { engine, started, family }: Pick<Call, 'engine' | 'started' | 'family'>,
  cell: Cell,
): Promise<Freed> => {
  const freed = freedBy(await versionOf(engine, started), cell);
  const run = runAround(family);
  if (freed.until !== null || run === null) return freed;
  const { started: above, section, kin } = run.household;
  return freedThen(freed, await freedIn({ engine, started: above, family: kin }, section));
};

/** @param seq of the `waiting` entry: asked again, the same question is another one, and an earlier vote is none about it. */
const askingOf = async (
  call: Call,
  cell: Cell,
  text: string,
  { params, outputs, states }: Inputs,
  seq: number,
  logs: Record<string, ShownLog>,
): Promise<Asking> => {
  const { engine, instanceId, started, family } = call;
  const { source } = await versionOf(engine, started);
  if (cell.body.kind !== 'approve') throw new PawlError('journal.broken', `Cell ${cell.name} is no approval.`);
  const own = source.split('\n').slice(0, cell.body.lines).join('\n');
  const document = [...(await documentsAround(engine, family)), own].join('\n');
  const inSection = family === null ? {} : { each: namesAround(family) };
  const withLogs = Object.keys(logs).length === 0 ? {} : { logs };
  const withStates = states === undefined ? {} : { states };
  const shown = { document, params, outputs, ...withStates, ...inSection, ...withLogs, text };
  // The document is what people read, the cells are what runs: a vote is about both.
  const cells = cellsThrough(call, cell.index);
  const which = { instanceId, cell: cell.name, seq, cells };
  const hash = engine.sha256(engine.canonical({ ...shown, ...which }));
  return { shown: { ...shown, hash }, freed: await freedIn(call, cell) };
};

/** What an approval that asks shows: the same as when it began, as what is fixed in its `waiting` entry proves. `null`: it is gone. */
export const askedNow = async (call: Call, cell: Cell, open: Waiting): Promise<Asking | null> => {
  const { logs: fixed = {} } = await waitingEntry(call, open);
  const found = await prepare(call, cell);
  if (found.kind !== 'go' || found.body.kind !== 'approve') return null;
  const { logs: names = [] } = bodyOf(cell, 'approve');
  const told = await shownLogsOf(call, cell, names, fixed);
  return told === undefined ? null : await askingOf(call, cell, found.body.text, found.inputs, open.seq, told.logs);
};

/** Why no voter can be asked: a quorum that cannot be reached, or more than a person can be shown. */
const cannotAsk = (
  call: Call,
  cell: Cell,
  { approvers, groups, quorum }: RenderedBody & { kind: 'approve' },
  { self }: ApproveBody,
  shown: Shown,
): Failure | undefined => {
  const starters = self ? [] : startersIn(call);
  const able = new Set(approvers.filter((actor) => !starters.includes(actor)));
  if (groups.length === 0 && able.size < quorum) {
    const left = self ? '' : `, without ${starters.join(', ')}, who started it`;
    return failure(
      'approval.unreachable',
      `Cell ${cell.name} needs ${quorum} approvals, and ${able.size} of those it asks can give one${left}.`,
    );
  }
  const bytes = bytesOf(JSON.stringify(JSON.stringify(shown)));
  if (bytes <= limits.shownBytesMax) return undefined;
  const message = `What cell ${cell.name} would show has ${bytes} bytes; shownBytesMax is ${limits.shownBytesMax}. Refer to less, an output's summary say.`;
  return failure('inputs.tooLarge', message);
};

const voteReport = ({ by, decision, comment, seq, atMs }: EntryOf<'vote'>) => ({
  actor: by.actor,
  decision,
  comment,
  seq,
  atMs,
});

/** @returns how it ended; `undefined`: more votes are needed */
const endOf = async (call: Call, body: ApproveBody, open: Waiting): Promise<WaitEnd | undefined> => {
  const { approvals = [], quorum = Number.POSITIVE_INFINITY, rejected, dueAtMs } = open;
  const byVotes = rejected === true ? 'rejected' : approvals.length >= quorum ? 'approved' : undefined;
  const isOver = dueAtMs !== null && call.engine.clock.nowMs() >= dueAtMs;
  if (byVotes === undefined && !isOver) return undefined;
  const decision = byVotes ?? (body.onExpiry === 'approve' ? 'approved' : 'rejected');
  const votes = (await votesSince(call, open.seq)).map((vote) => {
    const { atMs, ...report } = voteReport(vote);
    return { ...report, at: new Date(atMs).toISOString() };
  });
  const output = JSON.stringify({ decision, by: byVotes === undefined ? 'expiry' : 'votes', approvals, votes });
  const who = rejected === true ? (votes.at(-1)?.actor ?? '') : approvals.join(', ');
  const note =
    byVotes === undefined
      ? `${decision} by expiry: ${approvals.length} of ${quorum} approvals in time`
      : `${decision} by ${who}`;
  if (decision === 'approved' || body.onReject === 'continue')
    return { status: 'completed', output, error: null, note };
  return { status: 'failed', output, error: failure('approval.rejected', note), note, halt: true };
};

type Report = {
  kind: 'approve';
  /** `null` when what was shown cannot be filled in any more. */
  shown: Shown | null;
  /** What runs once it is approved; `null` with `shown`. */
  freed: Freed | null;
  shownHash: string;
  approvers: string[];
  groups: string[];
  quorum: number;
  self: boolean;
  /** Who started the run, or one that it continues: unless `self`, they may not vote. */
  starters: string[];
  onExpiry: 'approve' | 'reject';
  approvals: string[];
  /** The newest. */
  votes: ReturnType<typeof voteReport>[];
};

export const approve: WaitKind<Report> = {
  begin: async (call, cell, { body: rendered, inputs }) => {
    const body = bodyOf(cell, 'approve');
    if (rendered.kind !== 'approve') throw new PawlError('journal.broken', `Cell ${cell.name} is no approval.`);
    const { logs, fixed } = (await shownLogsOf(call, cell, body.logs ?? [])) ?? { logs: {}, fixed: {} };
    const { shown } = await askingOf(call, cell, rendered.text, inputs, nextSeq(call), logs);
    const error = cannotAsk(call, cell, rendered, body, shown);
    if (error !== undefined) return error;
    const { approvers, groups, quorum } = rendered;
    const { self } = body;
    const within = withinOf(call, cell, body.withinMs, inputs);
    if ('code' in within) return within;
    return {
      dueAtMs: endsAtMs(call, within.withinMs),
      shownHash: shown.hash,
      ...(Object.keys(fixed).length === 0 ? {} : { logs: fixed }),
      asked: { approvers, groups, quorum, self },
    };
  },
  park: (open, nowMs) => (isDecided(open, nowMs) ? { look: 'now' } : { look: 'never' }),
  look: async (call, cell, open) => over(await endOf(call, bodyOf(cell, 'approve'), open)),
  report: async (call, cell, open) => {
    const { asked, shownHash } = await waitingEntry(call, open);
    const asking = (await askedNow(call, cell, open)) ?? { shown: null, freed: null };
    const votes = (await votesSince(call, open.seq)).slice(-limits.votesToldMax).map(voteReport);
    const { approvers = [], groups = [], quorum = 1, self = false } = asked ?? {};
    const { onExpiry } = bodyOf(cell, 'approve');
    const { approvals = [] } = open;
    const starters = [...new Set(startersIn(call))];
    const terms = { approvers, groups, quorum, self, starters, onExpiry };
    return { kind: 'approve', ...asking, shownHash: shownHash ?? '', ...terms, approvals, votes };
  },
};

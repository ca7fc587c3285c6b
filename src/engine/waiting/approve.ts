/** `approve`: what is shown to those who are asked, and what their votes come to. */
import type { Call } from '../call/call.ts';
import type { Inputs } from '../call/inputs.ts';
import { votesSince } from '../call/journal.ts';
import { startersIn } from '../call/kin.ts';
import { failure } from '../call/outcomes.ts';
import { prepare } from '../call/prepare.ts';
import type { CellEnd } from '../model/cellEnd.ts';
import type { EntryOf, Failure, Waiting } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { type ApproveBody, type Cell, partAt } from '../model/runbook.ts';
import { bytesOf } from '../model/text.ts';
import type { RenderedBody } from '../ports.ts';
import { type Freed, freedBy } from '../rules/freed.ts';
import { isDecided } from '../rules/voting.ts';
import { bodyOf, endsAtMs, nextSeq, over, type WaitEnd, type WaitKind, waitingEntry } from './kind.ts';

/**
 * What a vote is about. `hash` binds it: sha256 of the canonical JSON of the rest, of the cells up to this one as they run,
 * and of which approval it is.
 */
type Shown = {
  /** The runbook up to the end of this cell. */
  document: string;
  params: Record<string, unknown>;
  /** JSON texts of the outputs that the cell refers to. */
  outputs: Record<string, string>;
  /** How the cells ended that the cell asks about; absent where it asks about none. */
  states?: Record<string, CellEnd>;
  /** In a section with `each`: the element and its index, under their names, and those around them. */
  each?: Record<string, unknown>;
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
  const { parts: _, ...how } = section.body;
  const { output } = partAt(section.body, family.index);
  return [...before, { ...section, body: { ...how, kind: 'each', cells: own, output } }];
};

/** @param seq of the `waiting` entry: asked again, the same question is another one, and an earlier vote is none about it. */
export const askingOf = async (
  call: Call,
  cell: Cell,
  text: string,
  { params, outputs, states, each }: Inputs,
  seq: number,
): Promise<Asking> => {
  const { engine, instanceId, started } = call;
  const version = await engine.versions.get(started.runbookId, started.version);
  if (version === undefined || cell.body.kind !== 'approve')
    throw new PawlError('journal.broken', `Version ${started.version} of ${started.runbookId} is missing.`);
  const document = version.source.split('\n').slice(0, cell.body.lines).join('\n');
  const inSection = each === undefined ? {} : { each };
  const shown = { document, params, outputs, ...(states === undefined ? {} : { states }), ...inSection, text };
  // The document is what people read, the cells are what runs: a vote is about both.
  const cells = cellsThrough(call, cell.index);
  const which = { instanceId, cell: cell.name, seq, cells };
  const hash = engine.sha256(engine.canonical({ ...shown, ...which }));
  return { shown: { ...shown, hash }, freed: freedBy(version, cell) };
};

/** Why no voter can be asked: a quorum that cannot be reached, or more than a person can be shown. */
const cannotAsk = (
  call: Call,
  cell: Cell,
  { approvers, groups }: RenderedBody & { kind: 'approve' },
  { quorum, self }: ApproveBody,
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
  onExpiry: 'approve' | 'reject';
  approvals: string[];
  /** The newest. */
  votes: ReturnType<typeof voteReport>[];
};

export const approve: WaitKind<Report> = {
  begin: async (call, cell, { body: rendered, inputs }) => {
    const body = bodyOf(cell, 'approve');
    if (rendered.kind !== 'approve') throw new PawlError('journal.broken', `Cell ${cell.name} is no approval.`);
    const { shown } = await askingOf(call, cell, rendered.text, inputs, nextSeq(call));
    const error = cannotAsk(call, cell, rendered, body, shown);
    if (error !== undefined) return error;
    const { approvers, groups } = rendered;
    const { quorum, self, withinMs } = body;
    return { dueAtMs: endsAtMs(call, withinMs), shownHash: shown.hash, asked: { approvers, groups, quorum, self } };
  },
  park: (open, nowMs) => (isDecided(open, nowMs) ? { look: 'now' } : { look: 'never' }),
  look: async (call, cell, open) => over(await endOf(call, bodyOf(cell, 'approve'), open)),
  report: async (call, cell, open) => {
    const { asked, shownHash } = await waitingEntry(call, open);
    const found = await prepare(call, cell);
    const asking =
      found.kind === 'go' && found.body.kind === 'approve'
        ? await askingOf(call, cell, found.body.text, found.inputs, open.seq)
        : { shown: null, freed: null };
    const votes = (await votesSince(call, open.seq)).slice(-limits.votesToldMax).map(voteReport);
    const { approvers = [], groups = [], quorum = 1, self = false } = asked ?? {};
    const { onExpiry } = bodyOf(cell, 'approve');
    const { approvals = [] } = open;
    const terms = { approvers, groups, quorum, self, onExpiry };
    return { kind: 'approve', ...asking, shownHash: shownHash ?? '', ...terms, approvals, votes };
  },
};

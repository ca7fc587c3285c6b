/** What an instance waits for, as somebody who looks at it is to see it. Reads only. */

import type { Call } from '../call/call.ts';
import { votesSince } from '../call/journal.ts';
import { prepare } from '../call/prepare.ts';
import { limits } from '../model/limits.ts';
import type { ClaimStatus } from '../model/runbook.ts';
import { parkedAt } from '../rules/parked.ts';
import { type Shown, shownOf } from '../waiting/approvals.ts';
import { claimsNow } from '../waiting/awaiting.ts';
import { waitingEntry } from '../waiting/wait.ts';

/** `dueAtMs`: when it ends by itself; `null`: as long as it takes. `nextAtMs`: when it is looked at again. */
export type WaitReport = {
  cell: string;
  seq: number;
  sinceMs: number;
  dueAtMs: number | null;
  nextAtMs: number | null;
} & (
  | { kind: 'manual'; instructions: string | null }
  | { kind: 'wait' }
  | { kind: 'poll'; everyMs: number }
  | {
      kind: 'await';
      match: 'all' | 'any';
      until: ClaimStatus[];
      condition: string | null;
      /** `revision` 0: it does not exist yet. `unmet`: why it is not what is waited for; `null`: it is. */
      claims: { claimId: string; revision: number; status: ClaimStatus | null; unmet: string | null }[];
    }
  | {
      kind: 'approve';
      /** `null` when what was shown cannot be filled in any more. */
      shown: Shown | null;
      shownHash: string;
      approvers: string[];
      groups: string[];
      quorum: number;
      self: boolean;
      onExpiry: 'approve' | 'reject';
      approvals: string[];
      /** The newest. */
      votes: {
        actor: string;
        decision: 'approve' | 'reject' | 'withdraw';
        comment: string | null;
        seq: number;
        atMs: number;
      }[];
    }
);

/** @returns `null` when it waits for nothing */
export const waitReport = async (call: Call): Promise<WaitReport | null> => {
  const { engine, runbook, head } = call;
  const { open, next } = head.entry.state;
  const cell = runbook.cells[next];
  if (open?.kind !== 'waiting' || cell === undefined) return null;
  const { dueAtMs: nextAtMs } = parkedAt(open, engine.clock.nowMs());
  const base = { cell: cell.name, seq: open.seq, sinceMs: open.atMs, dueAtMs: open.dueAtMs, nextAtMs };
  const { body } = cell;
  if (cell.poll !== undefined) return { ...base, kind: 'poll', everyMs: cell.poll.everyMs };
  switch (body.kind) {
    case 'await': {
      const claims = await claimsNow(call, cell, body, await waitingEntry(call, open));
      const { match, until, condition } = body;
      return {
        ...base,
        kind: 'await',
        match,
        until,
        condition: condition?.source ?? null,
        claims,
      };
    }
    case 'approve': {
      const { asked, shownHash } = await waitingEntry(call, open);
      const found = await prepare(call, cell);
      const shown =
        found.kind === 'go' && found.body.kind === 'approve'
          ? await shownOf(call, cell, found.body.text, found.inputs, open.seq)
          : null;
      const votes = (await votesSince(call, open.seq))
        .slice(-limits.votesToldMax)
        .map(({ by, decision, comment, seq, atMs }) => ({
          actor: by.actor,
          decision,
          comment,
          seq,
          atMs,
        }));
      const { approvers = [], groups = [], quorum = 1, self = false } = asked ?? {};
      const terms = { approvers, groups, quorum, self, onExpiry: body.onExpiry };
      return {
        ...base,
        kind: 'approve',
        shown,
        shownHash: shownHash ?? '',
        ...terms,
        approvals: open.approvals ?? [],
        votes,
      };
    }
    case 'wait':
      return { ...base, kind: 'wait' };
    default: {
      const found = await prepare(call, cell);
      const text = found.kind === 'go' && found.body.kind === 'manual' ? found.body.instructions : null;
      return { ...base, kind: 'manual', instructions: text };
    }
  }
};

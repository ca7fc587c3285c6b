/**
 * Closes a step in doubt as its policy allows. Fence and permission are one entry: the caller that closes the step also says
 * whether it may be tried again, so nothing can come between (I5).
 */

import { type Call, stateOf } from '../call/call.ts';
import { check, failure, keepOutput, outcomeOf } from '../call/outcomes.ts';
import { stopWithout } from '../call/whereabouts.ts';
import { isCommitted } from '../model/cellNature.ts';
import type { Checked, Permission } from '../model/fields.ts';
import type { Cell } from '../model/runbook.ts';
import { commitEffects } from '../model/task.ts';
import type { Scope } from '../ports.ts';
import type { Decision } from '../rules/decide.ts';
import { doubtOf } from '../rules/policy.ts';
import { allPass, backoffMs, sequelOf } from '../rules/sequel.ts';
import type { Stop } from '../rules/stop.ts';
import { askProbe, type ProbeAnswer } from './probe.ts';

type Closing = {
  status: 'completed' | 'unknown' | 'abandoned';
  closedBy: 'policy' | 'probe';
  note: string;
  permission: Permission | null;
  output: string | null;
};

/** Puts what closes the doubt: an outcome for an open step, a `resolved` entry for one that was closed as `unknown`. */
const close = async (call: Call, cell: Cell, closing: Closing, checks: Checked[]): Promise<void> => {
  const { engine } = call;
  const state = stateOf(call);
  const nowMs = engine.clock.nowMs();
  const { seq, open } = doubtOf(state);
  const pausedAtMs = nowMs + backoffMs(Math.max(1, state.attempt), engine.random.fraction());
  const retryAtMs = Math.max(pausedAtMs, state.halted?.againAtMs ?? 0);
  const at = { instanceId: call.instanceId, seq, owner: engine.random.token() };
  const output = closing.output === null ? null : await keepOutput(engine.journal, at, closing.output, undefined);
  const { permission, closedBy, note } = closing;
  if (!open) {
    const satisfied = checks.length === 0 || allPass(checks);
    const verdict = permission !== null ? 'retry' : satisfied ? 'succeeded' : 'failed';
    const then = permission !== null ? 'retry' : satisfied || cell.optional ? 'next' : 'halt';
    await call.chain.append(() => ({
      kind: 'resolved',
      about: seq,
      index: cell.index,
      cell: cell.name,
      verdict,
      closedBy,
      then,
      permission,
      freshKey: false,
      dueAtMs: permission === null ? null : retryAtMs,
      reason: note,
      output,
      evidence: null,
      expectations: checks,
    }));
    return;
  }
  const ended = { status: closing.status, checks, attempt: state.attempt };
  const sequel =
    permission !== null
      ? { then: 'retry' as const, permission, dueAtMs: retryAtMs }
      : closing.status === 'unknown'
        ? { then: 'next' as const, permission: null, dueAtMs: null }
        : sequelOf(cell, state, ended, nowMs, engine.random.fraction());
  const outcome = outcomeOf(cell, state, {
    closes: seq,
    status: closing.status,
    closedBy,
    ...sequel,
    output,
    expectations: checks,
    note,
  });
  await call.chain.append(() => outcome);
};

/**
 * Closes the step of a task whose effects are what it commits. Its holder's commit lands in the slot that this takes, or not at
 * all; so either this finds the slot taken, or it is proof that nothing happened.
 */
const closeCommitted = async (call: Call, cell: Cell, permission: Permission | null): Promise<void> => {
  const { engine } = call;
  const state = stateOf(call);
  const pausedAtMs = engine.clock.nowMs() + backoffMs(Math.max(1, state.attempt), engine.random.fraction());
  const message = 'Its holder is gone. Nothing of it lands once its step is closed, so it did not happen.';
  const outcome = outcomeOf(cell, state, {
    closes: doubtOf(state).seq,
    status: 'failed',
    closedBy: 'policy',
    then: permission !== null ? 'retry' : cell.optional ? 'next' : 'halt',
    permission,
    dueAtMs: permission === null ? null : pausedAtMs,
    error: failure('commit.closed', message),
    note: permission?.detail ?? commitEffects,
  });
  await call.chain.append(() => outcome);
};

const closeByProbe = async (call: Call, cell: Cell, answer: ProbeAnswer, scope: Scope): Promise<void> => {
  if (answer.kind === 'not-done') {
    const permission = { kind: 'probe', detail: answer.detail } as const;
    await close(
      call,
      cell,
      { status: 'abandoned', closedBy: 'probe', note: answer.detail, permission, output: null },
      [],
    );
    return;
  }
  const output = answer.output;
  const seen = {
    ...scope,
    output: output === null ? null : call.engine.authoring.parseJson(output),
    status: 'completed',
    exitCode: null,
    error: null,
  };
  const checks = check(call.engine.authoring, cell.expect, seen);
  await close(
    call,
    cell,
    { status: 'completed', closedBy: 'probe', note: answer.detail, permission: null, output },
    checks,
  );
};

/** Carries out what policy allows. A stop when it has to wait or to hold; else whatever was put, or lost, decides anew. */
export const takeOver = async (
  call: Call,
  decision: Extract<Decision, { kind: 'takeOver' }>,
): Promise<Stop | undefined> => {
  const { cell, takeover } = decision;
  const state = stateOf(call);
  const doubt = doubtOf(state);
  const held = (nextAtMs: number | null): Stop => ({
    kind: 'stop',
    result: 'in_doubt',
    cell: cell.name,
    seq: doubt.seq,
    holder: null,
    nextAtMs,
  });
  switch (takeover.kind) {
    case 'hold':
      return held(null);
    case 'close':
      await closeCommitted(call, cell, null);
      return undefined;
    case 'retry': {
      const { permission } = takeover;
      if (isCommitted(cell) && doubt.open) {
        await closeCommitted(call, cell, permission);
        return undefined;
      }
      await close(
        call,
        cell,
        { status: 'abandoned', closedBy: 'policy', note: permission.detail, permission, output: null },
        [],
      );
      return undefined;
    }
    case 'continue':
      await close(
        call,
        cell,
        { status: 'unknown', closedBy: 'policy', note: 'interrupted=continue', permission: null, output: null },
        [],
      );
      return undefined;
    case 'probe': {
      const asked = await askProbe(call, cell, takeover, doubt.seq);
      if (asked.kind === 'later' && asked.missing !== undefined) {
        const stop = stopWithout(call, cell, { needs: [], secrets: asked.missing });
        return stop.result === 'in_doubt' ? { ...stop, nextAtMs: asked.atMs } : stop;
      }
      if (asked.kind === 'later') return held(asked.atMs);
      if (asked.kind === 'budget') {
        return { kind: 'stop', result: 'deferred', cell: cell.name, untilMs: call.engine.clock.nowMs(), why: 'budget' };
      }
      if (asked.kind === 'held') return held(null);
      await closeByProbe(call, cell, asked.answer, asked.scope);
      return undefined;
    }
  }
};

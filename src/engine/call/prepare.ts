/** Before a cell is gone through: what it sees, whether its `when` lets it, its body filled in. Reads only. */

import type { Failure, State } from '../model/entries.ts';
import { isPawlError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { Cell } from '../model/runbook.ts';
import type { RenderedBody, Scope } from '../ports.ts';
import { sequelOf } from '../rules/sequel.ts';
import type { Call, OutputCache } from './call.ts';
import { type Inputs, resolveInputs, scopeOf } from './inputs.ts';
import { check, failure, type OutcomeBody } from './outcomes.ts';

export type Ready = { inputs: Inputs; body: RenderedBody; inputsHash: string };
export type Entering =
  | { kind: 'skip' }
  | { kind: 'end' }
  | { kind: 'cannot'; error: Failure }
  | ({ kind: 'go' } & Ready);

/**
 * Resolves what the cell sees, looks at its `when`, fills in its body. Reads only.
 * @param at the state before the cell, and the outputs known then: the head's, or those that an outcome about to be
 *   recorded will lead to.
 */
export const prepare = async (
  call: Call,
  cell: Cell,
  at: { state: State; outputs: OutputCache } = { state: call.head.entry.state, outputs: call.outputs },
): Promise<Entering> => {
  const { engine } = call;
  const { state } = at;
  try {
    const inputs = await resolveInputs({ ...call, outputs: at.outputs }, cell);
    const scope = scopeOf(engine, inputs, {
      instanceId: call.instanceId,
      cell: cell.name,
      visit: state.visit,
      idempotencyKey: keyOf(call, cell, state.visit),
    });
    if (cell.when !== null) {
      const when = engine.authoring.evaluate(cell.when, scope);
      if (when.kind === 'error') return { kind: 'cannot', error: failure('when.error', when.message) };
      if (typeof when.value !== 'boolean')
        return { kind: 'cannot', error: failure('when.error', '`when` is not a boolean.') };
      if (!when.value) return { kind: 'skip' };
      if (cell.body.kind === 'end') return { kind: 'end' };
    }
    const rendered = engine.authoring.renderBody(cell.body, scope);
    if (rendered.kind === 'error') return { kind: 'cannot', error: failure('inputs.unresolvable', rendered.message) };
    const inputsHash = engine.sha256(engine.canonical({ body: rendered.body, ...inputs }));
    if (state.inputsHash !== null && state.inputsHash !== inputsHash) {
      const message = `Cell ${cell.name} would see other inputs than its first attempt did.`;
      return { kind: 'cannot', error: failure('inputs.changed', message) };
    }
    return { kind: 'go', inputs, body: rendered.body, inputsHash };
  } catch (error) {
    if (isPawlError(error, 'limit.exceeded'))
      return { kind: 'cannot', error: failure('inputs.tooLarge', error.message) };
    throw error;
  }
};

/**
 * Idempotency key of a visit: the same for all its attempts, different for any other visit (I9). It begins with the
 * deployment that the instance was started in: a setting that is changed later sends no other key.
 */
export const keyOf = (call: Call, cell: Cell, visit: number): string => {
  const key = `${call.started.deployment}/${call.instanceId}/${cell.name}/${visit}`;
  return key.length <= limits.idempotencyKeyCharsMax ? key : `${key.slice(0, 100)}${call.engine.sha256(key)}`;
};

/** An outcome that needs no reservation: nothing outside has happened. */
export const withoutReservation = (
  call: Call,
  cell: Cell,
  found: Exclude<Entering, { kind: 'go' }> | Ready,
): OutcomeBody => {
  const { engine, head } = call;
  const { visit, attempt } = head.entry.state;
  const base: Omit<OutcomeBody, 'status' | 'then'> = {
    kind: 'outcome',
    closes: null,
    index: cell.index,
    cell: cell.name,
    visit,
    attempt,
    closedBy: 'holder',
    permission: null,
    dueAtMs: null,
    output: null,
    error: null,
    exitCode: null,
    expectations: [],
    durationMs: 0,
    logBytes: 0,
    note: null,
  };
  if ('inputs' in found) {
    const scope: Scope = scopeOf(engine, found.inputs, { instanceId: call.instanceId, cell: cell.name, visit });
    const expressions = cell.body.kind === 'assert' ? [...cell.body.expressions, ...cell.expect] : cell.expect;
    const checks = check(engine.authoring, expressions, {
      ...scope,
      output: null,
      status: 'completed',
      exitCode: null,
      error: null,
    });
    const sequel = sequelOf(
      { ...cell, retryMax: 0 },
      head.entry.state,
      { status: 'completed', checks, attempt: 1 },
      0,
      0,
    );
    return { ...base, status: 'completed', ...sequel, expectations: checks };
  }
  if (found.kind === 'skip') return { ...base, status: 'skipped', then: 'next' };
  if (found.kind === 'end') return { ...base, status: 'completed', then: 'end' };
  return { ...base, status: 'failed', then: cell.optional ? 'next' : 'halt', error: found.error };
};

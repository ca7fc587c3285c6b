/** Before entering a cell: resolve its inputs, evaluate its `when`, render its body. Reads only. */

import { isPawlError } from '../model/errors.ts';
import type { Failure } from '../model/fields.ts';
import { limits } from '../model/limits.ts';
import type { Cell } from '../model/runbook.ts';
import type { State } from '../model/state.ts';
import type { RenderedBody } from '../ports.ts';
import { isDoubtful } from '../rules/closing.ts';
import { sequelOf } from '../rules/sequel.ts';
import { type Call, type OutputCache, stateOf } from './call.ts';
import { type Inputs, resolveInputs, scopeOf } from './inputs.ts';
import { check, failure, type OutcomeBody, outcomeOf } from './outcomes.ts';
import { filledWith, type Given, givenTo, placeholdersOf, secretsFor } from './secrets.ts';
import { withUnsaid } from './unsaid.ts';

/** `body`: where it has secrets, with placeholders until they are read, right before its reservation. */
export type Ready = Given & { inputs: Inputs; body: RenderedBody; inputsHash: string };
export type Entering =
  | { kind: 'skip' }
  | { kind: 'end' }
  | { kind: 'cannot'; error: Failure }
  | ({ kind: 'go' } & Ready);

/**
 * @param at the state before the cell, and the outputs known then: the head's, or those that an outcome about to be
 *   recorded will lead to.
 */
export const prepare = async (
  call: Call,
  cell: Cell,
  at: { state: State; outputs: OutputCache } = { state: stateOf(call), outputs: call.outputs },
): Promise<Entering> => {
  const { engine } = call;
  const { state } = at;
  try {
    const reader = { ...call, outputs: at.outputs };
    const inputs = await resolveInputs(reader, cell);
    const cannot = async (code: string, message: string): Promise<Entering> => {
      return { kind: 'cannot', error: failure(code, await withUnsaid(reader, cell, inputs, message)) };
    };
    const scope = scopeOf(engine, inputs, {
      instanceId: call.instanceId,
      cell: cell.name,
      visit: state.visit,
      idempotencyKey: keyOf(call, cell, state.visit),
    });
    if (cell.when !== null) {
      const when = engine.authoring.evaluate(cell.when, scope);
      if (when.kind === 'error') return await cannot('when.error', when.message);
      if (typeof when.value !== 'boolean')
        return { kind: 'cannot', error: failure('when.error', '`when` is not a boolean.') };
      if (!when.value) return { kind: 'skip' };
      if (cell.body.kind === 'end') return { kind: 'end' };
    }
    const rendered = engine.authoring.renderBody(cell.body, { ...scope, ...placeholdersOf(cell) });
    if (rendered.kind === 'error') return await cannot('inputs.unresolvable', rendered.message);
    const inputsHash = engine.sha256(engine.canonical({ body: rendered.body, ...inputs }));
    if (state.inputsHash !== null && state.inputsHash !== inputsHash) {
      const message = `Cell ${cell.name} would see other inputs than its first attempt did.`;
      return { kind: 'cannot', error: failure('inputs.changed', message) };
    }
    return { kind: 'go', inputs, body: rendered.body, inputsHash };
  } catch (error) {
    if (isPawlError(error, 'limit.exceeded'))
      return { kind: 'cannot', error: failure('inputs.tooLarge', error.message) };
    if (isPawlError(error, 'output.cut'))
      return { kind: 'cannot', error: failure('inputs.unresolvable', error.message) };
    throw error;
  }
};

/**
 * The cell with its secrets, read now: of an attempt right before it is reserved, and nothing is written where they cannot be
 * had.
 */
export const withSecrets = async (
  call: Call,
  cell: Cell,
  ready: Ready,
  of: 'attempt' | 'look',
): Promise<({ kind: 'go' } & Ready) | { kind: 'waits'; missing: string[] } | { kind: 'cannot'; error: Failure }> => {
  const { inputs, body, inputsHash } = ready;
  const found = await secretsFor(call, cell, of);
  if (found.kind !== 'go') return found;
  const { kind: _, ...all } = found;
  const given = givenTo(cell.body, all);
  const { visit } = stateOf(call);
  const step = { instanceId: call.instanceId, cell: cell.name, visit, idempotencyKey: keyOf(call, cell, visit) };
  const filled = filledWith(call, cell.body, body, given, scopeOf(call.engine, inputs, step));
  return filled.kind === 'body' ? { kind: 'go', inputs, body: filled.body, inputsHash, ...given } : filled;
};

/**
 * Idempotency key of a visit: the same for all its attempts, different for any other visit (I9). It begins with the
 * deployment and the store that the instance was started in, as its first entry says: a setting that is changed later, or
 * tables that were copied, send no other key, and the same ids in two stores send two.
 */
export const keyOf = (call: Call, cell: Cell, visit: number): string => {
  const { deployment, storeId } = call.started;
  const key = `${deployment}/${storeId}/${call.instanceId}/${cell.name}/${visit}`;
  return key.length <= limits.idempotencyKeyCharsMax ? key : `${key.slice(0, 100)}${call.engine.sha256(key)}`;
};

/** What an entry says that leaves a cell without going through it: a branch takes its section along. */
export const passing = (cell: Cell): { passes?: number } =>
  cell.body.kind === 'branch' ? { passes: cell.body.cells } : {};

const checked = (call: Call, cell: Cell, state: State, { inputs }: Ready): OutcomeBody => {
  const { engine, instanceId } = call;
  const scope = scopeOf(engine, inputs, { instanceId, cell: cell.name, visit: state.visit });
  const expressions = cell.body.kind === 'assert' ? [...cell.body.expressions, ...cell.expect] : cell.expect;
  const seen = { ...scope, output: null, status: 'completed', exitCode: null, error: null };
  const checks = check(engine.authoring, expressions, seen);
  const ended = { status: 'completed', checks, attempt: 1 } as const;
  const sequel = sequelOf({ ...cell, retryMax: 0 }, state, ended, 0, 0);
  return outcomeOf(cell, state, {
    status: 'completed',
    closedBy: 'holder',
    closes: null,
    ...sequel,
    expectations: checks,
  });
};

/** An outcome that needs no reservation: nothing outside has happened. */
export const withoutReservation = (
  call: Call,
  cell: Cell,
  found: Exclude<Entering, { kind: 'go' }> | Ready,
): OutcomeBody => {
  const state = stateOf(call);
  if ('inputs' in found) return checked(call, cell, state, found);
  const base = { closes: null, closedBy: 'holder' } as const;
  if (found.kind === 'skip')
    return outcomeOf(cell, state, { ...base, status: 'skipped', then: 'next', ...passing(cell) });
  if (found.kind === 'end') {
    const failed = cell.body.kind === 'end' && cell.body.as === 'failed' ? { as: cell.body.as } : {};
    return outcomeOf(cell, state, { ...base, status: 'completed', then: 'end', ...failed });
  }
  const { error } = found;
  if (!isDoubtful(state)) {
    return outcomeOf(cell, state, { ...base, status: 'failed', then: cell.optional ? 'next' : 'halt', error });
  }
  // An earlier attempt may have happened: no further one makes that known, so it is not failed, and never forgiven.
  const ending =
    cell.interrupted === 'continue' ? ({ closedBy: 'policy', then: 'next' } as const) : ({ then: 'halt' } as const);
  return outcomeOf(cell, state, { ...base, status: 'unknown', ...ending, error });
};

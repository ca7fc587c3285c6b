/**
 * A halted or cancelled run whose runbook needed a fix goes on as a new instance. The earlier one is cancelled first and
 * its continuation has one id, so of the two at most one can ever run, and two people who continue it get the same one.
 * Outputs are cited, not copied: their entries never change.
 */

import { type Call, type Engine, openCall, saveView, stateOf } from '../call/call.ts';
import { changeIn } from '../call/change.ts';
import { type Past, pastOf, satisfiedIn } from '../call/cited.ts';
import { commandMs } from '../call/mark.ts';
import type { Continues } from '../model/bodies.ts';
import { familyBody, hasEffects } from '../model/cellNature.ts';
import { startersOf } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';
import type { By } from '../model/fields.ts';
import { branchesOf } from '../model/levels.ts';
import { limits } from '../model/limits.ts';
import type { Cell, Runbook, Version } from '../model/runbook.ts';
import { settleAll } from '../model/settleAll.ts';
import { startedAt } from '../rules/place.ts';
import { endElements } from '../waiting/carrying.ts';
import { leftOpen, runsOf } from '../waiting/openings.ts';
import { assertApproved } from './approved.ts';
import { assertElements, assertEntered, refuse, refuseUnended } from './cited.ts';

export type ContinueRequest = {
  /** The earlier run. */
  instanceId: string;
  /** The cell to begin with: everything before it was gone through there. */
  at: string;
  /** Asked for when a cell from `at` on was done there, or may have happened, and would run again under another key. */
  reason?: string;
};

/**
 * Whether the earlier run can be left for good: nothing of it open or in doubt, and it did not complete. A section may stand open at
 * which it is to go on: its elements are left with it.
 */
const assertLeft = (call: Call, at: string): void => {
  const state = stateOf(call);
  const { instanceId } = call;
  const seq = state.open?.seq ?? state.halted?.seq;
  const details = { instanceId, seq };
  if (state.ended === 'completed') refuse(`Instance ${instanceId} completed; there is nothing to continue.`, details);
  if (state.open?.kind === 'reserved' || state.halted?.doubt === true) {
    const cell = state.open?.cell ?? state.halted?.cell;
    const next =
      state.ended === null
        ? `wait for its outcome, or decide it with \`pawl verdict ${instanceId} --seq ${seq} …\`, then continue`
        : 'it was cancelled so, and nothing can be decided in it any more; find out, and start a run of its own';
    refuse(`Cell ${cell} of ${instanceId} is in flight or in doubt: ${next}.`, details);
  }
  const { early, deadlineAtMs } = state.halted ?? {};
  if (early === true && call.engine.clock.nowMs() < (deadlineAtMs ?? 0)) {
    const until = new Date(deadlineAtMs ?? 0).toISOString();
    refuse(
      `Cell ${state.halted?.cell} of ${instanceId} was decided early: what it began elsewhere may act until ${until}; continue after that.`,
      { ...details, untilMs: deadlineAtMs },
    );
  }
  if (state.ended === null && (state.ending !== undefined || state.owes !== undefined))
    refuse(
      `The way of ${instanceId} is over, and what is at its end is under way: continue it once it has ended.`,
      details,
    );
  const isOpen = state.open?.kind === 'waiting' && state.open.family !== undefined && state.open.cell === at;
  if (state.ended === null && state.halted === null && !isOpen) {
    refuse(`Instance ${instanceId} is neither halted nor cancelled: go on with it, or cancel it first.`, details);
  }
};

/** The runs that a run goes on from, the newest first. They have ended, so what is read of them stays so. */
const earlierRuns = async ({ engine, by, started }: Call): Promise<Call[]> => {
  const runs: Call[] = [];
  for (let { continues } = started; continues !== null; ) {
    const run: Call = await openCall(engine, continues.instanceId, by, 0);
    runs.push(run);
    continues = run.started.continues;
  }
  return runs;
};

/**
 * Cells that would happen again in a run that begins at cell `first`, of all that were done in any run of its line or may have
 * been: those that do not stand before it. A cell that has no such name any more may be there under another. A reason was
 * given for one run, and is used up by it.
 */
const againIn = (
  line: Left[],
  runbook: Runbook,
  first: Cell,
  goesOn: readonly string[],
): { cell: string; instanceId: string; how: string }[] => {
  const kept = new Set(runbook.cells.slice(0, first.index).map(({ name }) => name));
  return line.flatMap(({ instanceId, past }, ago) => {
    const done = past.done.filter((cell) => {
      const named = ago === 0 && runbook.cells.some(({ name }) => name === cell.name);
      return !kept.has(cell.name) && (named || hasEffects(cell));
    });
    // Of a section that is gone on with, each element says for itself what would happen again.
    const isGoneOn = goesOn.includes(instanceId) && past.begun?.name === first.name;
    const begun = isGoneOn ? undefined : past.begun?.name;
    return [
      ...done.map(({ name }) => ({ cell: name, instanceId, how: `was done in ${instanceId}` })),
      ...(begun === undefined || (ago > 0 && kept.has(begun))
        ? []
        : [{ cell: begun, instanceId, how: `happened in ${instanceId}, or may have,` }]),
    ];
  });
};

/** A run that is left, and what it left behind. */
type Left = { instanceId: string; past: Past };

const isBranch = ({ body }: Cell): boolean => body.kind === 'branch';

/** @param goesOn the runs with whose elements the section at which it begins goes on */
const assertCells = (
  line: [Left, ...Left[]],
  runbook: Runbook,
  request: ContinueRequest,
  goesOn: readonly string[],
): Cell => {
  const [{ instanceId, past }] = line;
  const first = runbook.cells.find((cell) => cell.name === request.at && cell.cleanup === undefined);
  if (first === undefined) {
    const cells = runbook.cells.map((cell) => cell.name).slice(0, limits.pageMax);
    throw new PawlError('cell.unknown', `There is no cell ${request.at} in this version of ${runbook.runbookId}.`, {
      cell: request.at,
      cells,
    });
  }
  // What was a cell judged nothing for the section that has its name now, and a section did nothing.
  const gone = new Map(past.done.map((cell) => [cell.name, isBranch(cell)]));
  const missing = runbook.cells.slice(0, first.index).find((cell) => gone.get(cell.name) !== isBranch(cell));
  if (missing !== undefined) {
    const message = `Cell ${missing.name} comes before ${request.at} and was not done in ${instanceId}: continue at ${missing.name}.`;
    refuse(message, { instanceId, cell: missing.name });
  }
  const reason = request.reason ?? '';
  const [again] = againIn(line, runbook, first, familyBody(first) === undefined ? [] : goesOn);
  if (again !== undefined && reason.trim() === '') {
    const { cell, instanceId: where, how } = again;
    const renamed = runbook.cells.some(({ name }) => name === cell) ? '' : ' (perhaps under another name)';
    const message = `Cell ${cell} ${how} and would run again under another key${renamed}: give a reason (\`--reason TEXT\`), or continue after it.`;
    refuse(message, { instanceId: where, cell });
  }
  if (reason.length > limits.reasonCharsMax) {
    const message = `A reason has at most ${limits.reasonCharsMax} characters (reasonCharsMax).`;
    throw new PawlError('request.invalid', message, { limit: 'reasonCharsMax' });
  }
  return first;
};

const idsMax = 100;

/**
 * `<id>.2` continues `<id>`, `<id>.3` continues that. An id whose first entry says something else for ever (another run,
 * or a start that was given up) is passed over: everybody passes over the same ones, so all who continue a run get one id.
 */
const idAfter = async (engine: Engine, instanceId: string, continued: boolean): Promise<string> => {
  const [, base, n] = /^(.+)\.(\d+)$/.exec(instanceId) ?? [];
  const [stem, first] = continued && base !== undefined ? [base, Number(n) + 1] : [instanceId, 2];
  for (let number = first; number < first + idsMax; number += 1) {
    const id = `${stem}.${number}`;
    const begun = (await engine.journal.entry(id, 0))?.entry;
    if (begun === undefined) return id;
    if (begun.kind === 'started' && begun.continues?.instanceId === instanceId) return id;
  }
  return refuse(`Every id from ${stem}.${first} to ${stem}.${first + idsMax - 1} is taken: start a run of its own.`, {
    instanceId,
  });
};

export type Continuation = {
  instanceId: string;
  /** Where the earlier run was started: what it cites was made there, and what it left lies there. */
  place: string;
  /** Those of the earlier run, as far as the version has them. */
  params: Record<string, unknown>;
  /** @throws PawlError `continue.refused`, where it would go past an approval of something else */
  assertApproved(version: Version, params: Record<string, unknown>): Promise<void>;
  /** `ended`: by this call. */
  leave(): Promise<{ continues: Continues; ended: boolean }>;
};

/**
 * Looks whether a run can be continued. Nothing is written before `leave`, which cancels it, so that nothing more can
 * happen in it, and then says what to cite.
 * @throws PawlError `continue.refused`, `cell.unknown`, `instance.unknown`, `store.unavailable`
 */
export const continuationOf = async (
  engine: Engine,
  runbook: Runbook,
  request: ContinueRequest,
  by: By,
): Promise<Continuation> => {
  const call = await openCall(engine, request.instanceId, by, commandMs);
  const { started } = call;
  if (started.parent !== undefined) {
    const { instanceId: parent, cell } = started.parent;
    const message = `Instance ${request.instanceId} is an element of section ${cell} in ${parent}: decide its step there, or cancel it.`;
    refuse(message, { instanceId: request.instanceId, parent });
  }
  if (started.runbookId !== runbook.runbookId) {
    const message = `Instance ${request.instanceId} is one of runbook ${started.runbookId}, not of ${runbook.runbookId}.`;
    refuse(message, { instanceId: request.instanceId });
  }
  const instanceId = await idAfter(engine, request.instanceId, started.continues !== null);
  const line: [Call, ...Call[]] = [call, ...(await earlierRuns(call))];
  const assertContinuable = async (): Promise<{ first: Cell; goesOn: boolean }> => {
    assertLeft(call, request.at);
    const [newest, ...others] = line;
    const left = async (run: Call): Promise<Left> => ({ instanceId: run.instanceId, past: await pastOf(run) });
    const lefts: [Left, ...Left[]] = [await left(newest), ...(await settleAll(others.map(left)))];
    const opening = await leftOpen(call, request.at);
    const first = assertCells(lefts, runbook, request, opening === undefined ? [] : await runsOf(engine, opening));
    if (opening !== undefined && familyBody(first) !== undefined)
      await assertElements(call, opening, first, request.reason);
    return { first, goesOn: opening !== undefined && familyBody(first) !== undefined };
  };
  const { first, goesOn } = await assertContinuable();
  const { index } = first;
  if (branchesOf(runbook, index).length > 0)
    assertEntered(line, runbook, first, await satisfiedIn(call), request.reason);
  const leave: Continuation['leave'] = async () => {
    const reason = `goes on as ${instanceId}`;
    const { stands } = await changeIn(call, {
      prepare: async () => void (await assertContinuable()),
      decide: ({ ended, cancelled }) =>
        ended === null && cancelled === null ? { kind: 'cancelled', reason, continuedAs: instanceId } : null,
    });
    await endElements(call);
    await saveView(call);
    if (stateOf(call).ended === null) await refuseUnended(call);
    // Until they were told, its elements could still go on: what one began or left in doubt meanwhile stays so now.
    await assertContinuable();
    const { outputs, states } = await satisfiedIn(call);
    const continues = {
      instanceId: request.instanceId,
      seq: call.chain.head.entry.seq,
      at: request.at,
      index,
      reason: request.reason ?? null,
      outputs,
      ...(Object.keys(states).length === 0 ? {} : { states }),
      startedBy: [...new Set(startersOf(started))],
    };
    return { continues, ended: stands !== null };
  };
  const known = Object.keys((runbook.params.properties as Record<string, unknown> | undefined) ?? {});
  const params = Object.fromEntries(Object.entries(started.params).filter(([name]) => known.includes(name)));
  return {
    instanceId,
    place: startedAt({ started, home: engine.here.home }),
    params,
    assertApproved: (version, resolved) => assertApproved(call, index + (goesOn ? 1 : 0), version, resolved),
    leave,
  };
};

/** What a runbook would do with some parameters, as far as that can be known before it runs. */

import type { Engine } from '../call/kin.ts';
import { loadPins, type Newer, newerThan, type ReadPin } from '../call/pins.ts';
import { paramsFor, renderText, uniqueIdOf, versionOf } from '../call/starting.ts';
import { changesSomething, isSafe, kindWord } from '../model/cellNature.ts';
import { allCells, branchesOf, innerCells } from '../model/levels.ts';
import { limits } from '../model/limits.ts';
import { type Pins, pinsIn } from '../model/pins.ts';
import type { Ends, Plan, PlannedCell } from '../model/planned.ts';
import { type Cell, type EachBody, partsOf, type Runbook } from '../model/runbook.ts';
import type { Authoring, Scope } from '../ports.ts';
import { failingOf, undoOf } from './planEnds.ts';
import { fill, sources } from './planFill.ts';
import { inputOf } from './planInput.ts';
import { type LookedAt, runOf } from './planRuns.ts';
import { waitsOf, waysOf } from './planWays.ts';

const notifyOf = (authoring: Authoring, { notify }: Runbook, scope: Scope): string | null => {
  if (notify === undefined) return null;
  return notify.kind === 'claim'
    ? `claim ${fill(authoring, notify.claim, scope)}`
    : `${notify.method} ${fill(authoring, notify.url, scope)}`;
};

const eachOf = (body: EachBody, inner: Cell[]) => {
  const { as, max, stopAfter, parts, onFailure } = body;
  const atATime = 'count' in max ? String(max.count) : `${max.percent}%`;
  const names = parts?.map(({ name }) => name) ?? null;
  const failing = failingOf({ cells: inner, ...(onFailure === undefined ? {} : { onFailure }) });
  return { ...failing, as, max: atATime, stopAfter, cells: allCells(inner).length, parts: names };
};

type Placed = Pick<PlannedCell, 'within' | 'part'> & { cell: Cell; undoneBy: Ends['undoneBy'] };

/** Every cell, the sections in which it stands, the outermost first, and what takes it back. */
const levelsOf = (cells: readonly Cell[], around: string[], part: string | null): Placed[] =>
  cells.flatMap((cell) => {
    const within = [...around, ...branchesOf({ cells: [...cells] }, cell.index)];
    const parts = cell.body.kind === 'each' ? partsOf(cell.body) : [];
    const inner = parts.flatMap((one) => levelsOf(one.cells, [...within, cell.name], one.name ?? null));
    return [{ cell, within, part, undoneBy: undoOf(cells, cell) }, ...inner];
  });

const plannedOf = (authoring: Authoring, all: readonly Cell[], scope: Scope, looked: LookedAt): PlannedCell[] =>
  levelsOf(all, [], null).map(({ cell, within, part, undoneBy }) => ({
    name: cell.name,
    kind: kindWord(cell),
    line: cell.line,
    timeoutMs: cell.timeoutMs,
    retries: cell.retryMax ?? 0,
    retryOn: cell.retryOn ?? (isSafe(cell) && cell.poll === undefined ? ('unexpected' as const) : null),
    interrupted: cell.interrupted,
    byMethod: cell.byMethod ?? null,
    failedOn: ('failedOn' in cell.body && cell.body.failedOn) || [],
    unknownOn: ('unknownOn' in cell.body && cell.body.unknownOn) || [],
    ways: waysOf(authoring, cell, scope),
    optional: cell.optional,
    ...(cell.cleanup === undefined ? {} : { cleanup: cell.cleanup }),
    undoneBy,
    hasEffects: changesSomething(cell),
    within,
    part,
    sectionCells: cell.body.kind === 'branch' ? cell.body.cells : null,
    each: cell.body.kind === 'each' ? eachOf(cell.body, innerCells(cell)) : null,
    run:
      cell.body.kind === 'run'
        ? runOf(authoring, cell.body, scope, looked, (cells, inside) => plannedOf(authoring, cells, inside, looked))
        : null,
    when: cell.when?.source ?? null,
    expect: sources(cell.expect),
    waits: waitsOf(authoring, cell, scope),
    input: inputOf(authoring, cell, scope),
  }));

/**
 * Of a document at hand.
 * @throws PawlError `params.invalid`, `limit.exceeded`, `request.invalid`: as a start does
 */
export const planOf = (
  authoring: Authoring,
  runbook: Runbook,
  given: Record<string, unknown>,
  { pins, newer }: { pins: Pins; newer: readonly Newer[] } = { pins: () => undefined, newer: [] },
): Plan => {
  const params = paramsFor({ authoring }, runbook, given);
  // Without outputs and step, whatever needs them cannot be filled in yet, and shows as it is written.
  const scope: Scope = { params, outputs: {}, step: {} };
  const cells = plannedOf(authoring, runbook.cells, scope, { pins, newer, cellsLeft: limits.plannedCellsMax });
  return {
    runbookId: runbook.runbookId,
    version: null,
    title: runbook.title,
    params,
    instanceId: uniqueIdOf({ authoring }, runbook, params),
    concurrency: renderText({ authoring }, runbook, 'concurrency', params),
    notify: notifyOf(authoring, runbook, scope),
    ...failingOf(runbook),
    cells,
  };
};

/** What a start is asked for, as far as it says what would happen. */
export type PlanRequest = { runbookId: string; version?: number; params: Record<string, unknown> };

/**
 * What a start would do. It reads, and writes nothing.
 * @throws PawlError `runbook.unknown`, and as `planOf`
 */
export const plan = async (engine: Engine, request: PlanRequest): Promise<Plan> => {
  const { version, runbook } = await versionOf(engine, request);
  const read: ReadPin = async (named) => (await engine.versions.get(named.runbookId, named.version)) ?? null;
  const pins = await loadPins(read, pinsIn(runbook));
  const newer = await newerThan(read, runbook);
  return { ...planOf(engine.authoring, runbook, request.params, { pins, newer }), version };
};

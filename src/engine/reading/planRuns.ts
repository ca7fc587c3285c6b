/** What a `run` cell would run, as a plan shows it: which version, with which parameters, over what. */

import type { Newer } from '../call/pins.ts';
import { isPawlError } from '../model/errors.ts';
import { allCells } from '../model/levels.ts';
import type { Pins } from '../model/pins.ts';
import type { PlannedCell, PlannedRun } from '../model/planned.ts';
import { type Cell, type RunBody, type Runbook, runsOnce } from '../model/runbook.ts';
import type { Authoring, Scope } from '../ports.ts';
import { failingOf } from './planEnds.ts';
import { fill, lastingText } from './planFill.ts';

/** Versions that are looked at, those of which there is a newer one, and how many cells are still shown. */
export type LookedAt = { pins: Pins; newer: readonly Newer[]; cellsLeft: number };

/** What its cells would see, where its parameters are known by now. */
const scopeIn = (authoring: Authoring, runbook: Runbook, body: RunBody, scope: Scope): Scope => {
  const unknown: Scope = { params: {}, outputs: {}, step: {} };
  if (!runsOnce(body)) return unknown;
  const given: Record<string, unknown> = {};
  for (const [name, template] of Object.entries(body.params)) {
    const rendered = authoring.render(template, scope);
    if (rendered.kind === 'error') return unknown;
    given[name] = authoring.parseJson(rendered.text);
  }
  try {
    return { ...unknown, params: authoring.resolveParams(runbook, given) };
  } catch (error) {
    if (isPawlError(error)) return unknown;
    throw error;
  }
};

/** Cells of a version, while there is room for them: what runs others, which run others, may be very many. */
const roomFor = (runbook: Runbook, looked: LookedAt): boolean => {
  looked.cellsLeft -= allCells(runbook.cells).length;
  return looked.cellsLeft >= 0;
};

/** @param plan the cells of a version */
export const runOf = (
  authoring: Authoring,
  body: RunBody,
  scope: Scope,
  looked: LookedAt,
  plan: (cells: readonly Cell[], scope: Scope) => PlannedCell[],
): PlannedRun => {
  const { pin, as, max, stopAfter, withinMs, params, output, undoes } = body;
  const { runbookId, version } = pin;
  const pinned = looked.pins({ runbookId, version }) ?? undefined;
  const later = looked.newer.find((one) => one.runbookId === runbookId && one.version === version);
  const inside = pinned !== undefined && undoes === undefined && roomFor(pinned.runbook, looked);
  return {
    ...(pinned === undefined ? { onFailure: 'ask', path: [], stays: [] } : failingOf(pinned.runbook)),
    runbookId,
    version: version === 0 ? null : version,
    title: pinned?.runbook.title ?? null,
    newest: later?.newest ?? null,
    as: runsOnce(body) ? null : as,
    max: 'count' in max ? String(max.count) : `${max.percent}%`,
    stopAfter,
    within: withinMs === undefined ? null : lastingText(authoring, withinMs, scope),
    params: Object.fromEntries(
      Object.entries(params).map(([name, template]) => [name, fill(authoring, template, scope)]),
    ),
    output: output?.source ?? null,
    cells: inside ? plan(pinned.runbook.cells, scopeIn(authoring, pinned.runbook, body, scope)) : null,
  };
};

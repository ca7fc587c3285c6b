/** Tests a runbook: runs it once, with a crash at every entry of its journal, and says what each of its cells went through. */
import { familyBody, kindWord, natureOf, PawlError, type Runbook } from '../engine/index.ts';
import { isStubbed, type Stubs } from './bodies.ts';
import { drive } from './driving.ts';
import { putBackAt } from './ends.ts';
import { type NamedCell, namedCells } from './levels.ts';
import { tester } from './process.ts';
import type { CellTest, RunbookTest } from './report.ts';
import { createRun, type Track, type Wanted } from './watched.ts';

const ranOf = ({ name, cell }: NamedCell, track: Track, stubs: Stubs): CellTest['ran'] => {
  if (track.skipped && track.in.size === 0) return 'skipped';
  if (track.ended === null && track.crashes.length === 0) return 'not reached';
  if (natureOf(cell) === 'pure') return 'none';
  if (familyBody(cell) !== undefined) return 'elements';
  if (natureOf(cell) === 'waiting' && cell.poll === undefined) return 'answered';
  return isStubbed(stubs, name) ? 'stubbed' : 'really';
};

export type Ran = Omit<RunbookTest, 'ok' | 'findings'> & { runbook: Runbook };

/** @throws PawlError `runbook.invalid`, `params.invalid`, and what `start` refuses */
export const runUnderCrashes = async (wanted: Wanted): Promise<Ran> => {
  const compiled = wanted.authoring.compile(wanted.source, wanted.pins);
  if (compiled.kind === 'problems') {
    const { problems } = compiled;
    const listed = problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
    throw new PawlError('runbook.invalid', `Nothing ran: the runbook is not valid.\n${listed.join('\n')}`, {
      problems,
    });
  }
  const { runbook } = compiled;
  const cells = namedCells({ runbook, pins: wanted.pins }, wanted.whole ?? runbook);
  const run = createRun(wanted, cells);
  const { engine } = run.main;
  await engine.publish(wanted.source, tester);
  const { view } = await engine.start({
    runbookId: runbook.runbookId,
    params: wanted.params,
    by: tester,
    // One element at a time: each crash is about one of them, and the world is that of its moment.
    drive: cells.some(({ cell }) => familyBody(cell) !== undefined) ? 'manual' : 'auto',
  });
  const result = await drive({ run, cells, wanted }, view.instanceId);
  const { params } = await engine.inspect(view.instanceId, tester);
  const hasRun = (name: string): boolean => run.trackOf(name).ended !== null && run.trackOf(name).in.size > 0;
  const tested = cells.map((named): CellTest => {
    const { name, cell, level, section } = named;
    const { skipped: _, in: cameTo, by: _by, ...track } = run.trackOf(name);
    return {
      name,
      section,
      cameTo: cameTo.size,
      kind: kindWord(cell),
      line: cell.line,
      ran: ranOf(named, run.trackOf(name), wanted.stubs),
      declared: {
        interrupted: cell.interrupted,
        retry: cell.retryMax,
        probe: cell.probe !== null,
        optional: cell.optional,
      },
      times: run.times.get(name) ?? 0,
      putsBack: putBackAt(level, cell.name, hasRun),
      ...track,
    };
  });
  return {
    runbook,
    runbookId: runbook.runbookId,
    title: runbook.title,
    params,
    instanceId: view.instanceId,
    result,
    started: run.started(),
    crashes: 1 + tested.reduce((sum, { crashes }) => sum + crashes.length, 0),
    cells: tested,
    stubbed: Object.keys(wanted.stubs),
    unusedClaims: Object.keys(wanted.claims).filter((id) => !run.claimed.has(id)),
  };
};

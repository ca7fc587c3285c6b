/** What was approved in a run that is continued counts in its continuation only if it is the same there. */
import type { Call, Engine } from '../call/call.ts';
import { familyBody } from '../model/cellNature.ts';
import { innerCells } from '../model/levels.ts';
import type { Cell, Version } from '../model/runbook.ts';
import { settleAll } from '../model/settleAll.ts';
import { refuse } from './cited.ts';

/** The last line that a cell shows to those whom it asks, or whom its elements ask, or the runs of it; `null`: it asks nobody. */
const askedThrough = async (engine: Engine, cell: Cell): Promise<number | null> => {
  const { body } = cell;
  if (body.kind === 'approve') return body.lines;
  const run = body.kind === 'run' ? await engine.versions.get(body.pin.runbookId, body.pin.version) : undefined;
  const asked = await settleAll((run?.runbook.cells ?? innerCells(cell)).map((one) => askedThrough(engine, one)));
  const inner = asked.filter((line) => line !== null);
  if (inner.length === 0) return null;
  return run === undefined ? Math.max(...inner) : cell.line;
};

/**
 * What was approved there is approved here only if it is the same: the document to the end of the cell, what runs to there,
 * and every parameter. (Outputs before it are cited, so they are the same.)
 * @throws PawlError `continue.refused`
 * @param first so many cells are not gone through from their beginning: those that are cited, and a section that goes on
 */
export const assertApproved = async (
  { engine, started, runbook: earlier, instanceId }: Call,
  first: number,
  { source, runbook }: Version,
  params: Record<string, unknown>,
): Promise<void> => {
  const then = await engine.versions.get(started.runbookId, started.version);
  /** What was shown of a version, and what runs to there; `null`: it is no approval. */
  const upTo = async (text: string, cells: Cell[], cell: Cell | undefined): Promise<string | null> => {
    const lines = cell === undefined ? null : await askedThrough(engine, cell);
    return cell === undefined || lines === null
      ? null
      : engine.canonical([text.split('\n').slice(0, lines), cells.slice(0, cell.index + 1)]);
  };
  const sameParams = engine.canonical(params) === engine.canonical(started.params);
  for (const cell of runbook.cells.slice(0, first)) {
    const shown = await upTo(source, runbook.cells, cell);
    if (shown === null) continue;
    const asked = earlier.cells.find(({ name }) => name === cell.name);
    if (sameParams && shown === (await upTo(then?.source ?? '', earlier.cells, asked))) continue;
    const what = sameParams ? 'the document up to it has changed' : 'the parameters have changed';
    const before =
      familyBody(cell) !== undefined && cell.index === first - 1
        ? 'Begin before it'
        : `Begin at ${cell.name} or before it`;
    const message = `What ${cell.name} approved in ${instanceId} was something else: ${what}. ${before}, so that it is asked again.`;
    refuse(message, { instanceId, cell: cell.name });
  }
};

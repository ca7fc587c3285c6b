/** Whose log is shown to approvers (`shows=`). Pure. */
import { type Cell, partsOf } from '../model/runbook.ts';

/** Whether an approval among these cells, or in a section of theirs, shows the log of the cell of that name. */
export const isLogShown = (cells: readonly Cell[], name: string): boolean =>
  cells.some(({ body }) => {
    if (body.kind === 'approve') return body.logs?.includes(name) === true;
    return body.kind === 'each' && partsOf(body).some((part) => isLogShown(part.cells, name));
  });

/** A document whose last cells are gone through at the end of a run: published past the Markdown that would say so. */
import { join } from 'node:path';
import { authoring } from '../../src/authoring/index.ts';
import { type Cleanup, type Runbook, runsOf } from '../../src/engine/index.ts';
import { canonical, createStore, sha256 } from '../../src/store/index.ts';
import { openFolder } from '../../src/store/local.ts';

export const withEnds = (source: string, ends: Record<string, Cleanup>, over: Partial<Runbook> = {}): Runbook => {
  const compiled = authoring.compile(source);
  if (compiled.kind !== 'runbook') throw new Error(JSON.stringify(compiled));
  const { runbook } = compiled;
  const cells = runbook.cells.map((cell) => {
    const cleanup = ends[cell.name];
    return cleanup === undefined ? cell : { ...cell, cleanup };
  });
  return { ...runbook, ...over, cells };
};

export const publishIn = async (folder: string, source: string, runbook: Runbook): Promise<void> => {
  const { client, clock, close } = await openFolder(join(folder, 'data'));
  const { versions } = createStore(client, { clock });
  const runHash = sha256(canonical(runsOf({ source, runbook })));
  const { runbookId } = runbook;
  const content = { runbookId, sourceHash: sha256(source), runHash, source, runbook };
  await versions.publish(runbookId, content, { actor: 'alice', via: 'test', where: 'test' });
  close();
};

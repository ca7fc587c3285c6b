/** Publishing a document as a version of its runbook. */
import type { Engine } from '../call/call.ts';
import type { By } from '../model/entries.ts';
import { PawlError } from '../model/errors.ts';

export type Published = { runbookId: string; version: number; hash: string; cells: number; created: boolean };

/**
 * Publishes a document; the same content answers with the version that exists.
 * @throws PawlError `runbook.invalid` with every problem of the document
 */
export const publish = async (engine: Engine, source: string, by: By): Promise<Published> => {
  const compiled = engine.authoring.compile(source);
  if (compiled.kind === 'problems') {
    const { problems } = compiled;
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    throw new PawlError('runbook.invalid', `The runbook has ${count}; nothing was published.`, { problems });
  }
  const { runbook } = compiled;
  const hash = engine.sha256(source);
  const content = { runbookId: runbook.runbookId, hash, source, runbook };
  const { version, created } = await engine.versions.publish(runbook.runbookId, content, by);
  return { runbookId: runbook.runbookId, version, hash, cells: runbook.cells.length, created };
};

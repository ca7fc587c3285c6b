/** Publishing a document as a version of its runbook. */
import type { Engine } from '../call/call.ts';
import { loadPins } from '../call/pins.ts';
import { PawlError } from '../model/errors.ts';
import type { By } from '../model/fields.ts';
import { runsOf } from '../model/runbook.ts';

export type Published = {
  runbookId: string;
  version: number;
  sourceHash: string;
  runHash: string;
  cells: number;
  created: boolean;
};

/**
 * Publishes a document as the newest version, with the versions that it runs as they are now; what the newest says already answers with that.
 * @throws PawlError `runbook.invalid` with every problem of the document
 */
export const publish = async (engine: Engine, source: string, by: By): Promise<Published> => {
  const { authoring, versions } = engine;
  const pins = await loadPins(
    async ({ runbookId, version }) => (await versions.get(runbookId, version)) ?? null,
    authoring.runsIn(source),
  );
  const compiled = authoring.compile(source, pins);
  if (compiled.kind === 'problems') {
    const { problems } = compiled;
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    throw new PawlError('runbook.invalid', `The runbook has ${count}; nothing was published.`, { problems });
  }
  const { runbook } = compiled;
  const { runbookId } = runbook;
  const sourceHash = engine.sha256(source);
  const runHash = engine.sha256(engine.canonical(runsOf({ source, runbook })));
  const content = { runbookId, sourceHash, runHash, source, runbook };
  const published = await versions.publish(runbookId, content, by);
  return { runbookId, sourceHash, ...published, cells: runbook.cells.length };
};

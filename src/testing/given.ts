/** The runbooks that a tested document runs: documents that are given with it, or versions that stand elsewhere. */
import {
  type Authoring,
  childrenFirst,
  loadPins,
  type Named,
  PawlError,
  type Pinned,
  type Pins,
} from '../engine/index.ts';
import { sha256 } from '../store/index.ts';

/** What has no version yet is taken for the first one. */
const firstVersion = 1;

/**
 * @param sources documents that others of them, or the tested one, run without naming a version
 * @param elsewhere the other versions
 * @throws PawlError `runbook.invalid`
 */
export const pinsFor = async (
  authoring: Authoring,
  source: string,
  { sources, elsewhere }: { sources: readonly string[]; elsewhere: Pins },
): Promise<Pins> => {
  const given = new Map<string, Pinned>();
  const look = async (named: Named): Promise<Pinned | null | undefined> => {
    const one = (named.version ?? firstVersion) === firstVersion ? given.get(named.runbookId) : undefined;
    return one ?? elsewhere(named);
  };
  const read = sources.map((text) => {
    const compiled = authoring.compile(text);
    const runbookId = compiled.kind === 'runbook' ? compiled.runbook.runbookId : undefined;
    return { text, runs: authoring.runsIn(text), runbookId };
  });
  for (const { text, runs } of childrenFirst(read)) {
    const compiled = authoring.compile(text, await loadPins(look, runs));
    if (compiled.kind === 'problems') {
      const { problems } = compiled;
      const listed = problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
      const message = `Nothing ran: a runbook that is run is not valid.\n${listed.join('\n')}`;
      throw new PawlError('runbook.invalid', message, { problems });
    }
    const { runbook } = compiled;
    const { runbookId } = runbook;
    given.set(runbookId, { runbookId, version: firstVersion, runHash: sha256(text), runbook });
  }
  return await loadPins(look, authoring.runsIn(source));
};

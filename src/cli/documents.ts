/** Runbook documents on disk: read, compiled, and their problems told as `file:line:column message`. */
import {
  type Authoring,
  childrenFirst,
  loadPins,
  type Named,
  PawlError,
  type Pinned,
  type Pins,
  type Problem,
  type ReadPin,
  type Runbook,
} from '../engine/index.ts';
import { scriptProblems } from './deps.ts';
import { plural } from './format.ts';
import { textOfFile } from './given.ts';

export type FileProblem = Problem & { file: string };
/** `pins`: the versions that it runs, as far as they could be looked at. */
export type Document = { file: string; source: string; runbook: Runbook; notes: Problem[]; pins: Pins };

type Read = { file: string; source: string; runs: readonly Named[]; runbookId: string | undefined };

const readAll = async (authoring: Authoring, files: string[]): Promise<Read[]> => {
  const read: Read[] = [];
  for (const file of files) {
    const source = await textOfFile(file);
    read.push({ file, source, runs: authoring.runsIn(source), runbookId: undefined });
  }
  // Which document another one runs says its front matter: it is asked for that only where one runs something.
  if (read.some(({ runs }) => runs.length > 0))
    for (const one of read) {
      const compiled = authoring.compile(one.source);
      if (compiled.kind === 'runbook') one.runbookId = compiled.runbook.runbookId;
    }
  return read;
};

/**
 * Reads and compiles every file before anything is done with one of them. What one of them runs without saying which version is the
 * document that is given beside it, which would be published before: with no number yet.
 * @param look for versions of what they run
 * @throws PawlError `runbook.invalid` with every problem of every file, `request.invalid` for a file that cannot be read
 */
export const readDocuments = async (authoring: Authoring, files: string[], look: ReadPin): Promise<Document[]> => {
  const documents = new Map<string, Document>();
  const problems = new Map<string, FileProblem[]>();
  const given = new Map<string, Pinned>();
  const read = await readAll(authoring, files);
  for (const { file, source, runs } of childrenFirst(read)) {
    const pins = await loadPins(
      async (named) => ((named.version ?? 0) === 0 ? given.get(named.runbookId) : undefined) ?? (await look(named)),
      runs,
    );
    const compiled = authoring.compile(source, pins);
    const found = compiled.kind === 'runbook' ? await scriptProblems(compiled.runbook) : compiled.problems;
    if (compiled.kind === 'runbook') {
      const { runbook } = compiled;
      given.set(runbook.runbookId, { runbookId: runbook.runbookId, version: 0, runHash: '', runbook });
    }
    if (compiled.kind === 'runbook' && found.length === 0) {
      const { runbook, notes } = compiled;
      documents.set(file, { file, source, runbook, notes, pins });
    } else
      problems.set(
        file,
        found.map((problem) => ({ file, ...problem })),
      );
  }
  // As they were given.
  if (problems.size === 0) return files.flatMap((file) => documents.get(file) ?? []);
  const all = files.flatMap((file) => problems.get(file) ?? []);
  const message = `${plural(all.length, 'problem')} in ${plural(problems.size, 'file')}; nothing was published or run. Mend them, then \`pawl check\` again.`;
  throw new PawlError('runbook.invalid', message, { problems: all });
};

export const readDocument = async (authoring: Authoring, file: string, look: ReadPin): Promise<Document> => {
  const [document] = await readDocuments(authoring, [file], look);
  if (document === undefined) throw new PawlError('request.invalid', 'Give one file.');
  return document;
};

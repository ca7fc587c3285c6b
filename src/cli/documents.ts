/** Runbook documents on disk: read, compiled, and their problems told as `file:line:column message`. */
import { type Authoring, PawlError, type Problem, type Runbook } from '../engine/index.ts';
import { scriptProblems } from './deps.ts';
import { plural } from './format.ts';
import { textOfFile } from './given.ts';

export type FileProblem = Problem & { file: string };
export type Document = { file: string; source: string; runbook: Runbook; notes: Problem[] };

/**
 * Reads and compiles every file before anything is done with one of them.
 * @throws PawlError `runbook.invalid` with every problem of every file, `request.invalid` for a file that cannot be read
 */
export const readDocuments = async (authoring: Authoring, files: string[]): Promise<Document[]> => {
  const documents: Document[] = [];
  const problems: FileProblem[] = [];
  for (const file of files) {
    const source = await textOfFile(file);
    const compiled = authoring.compile(source);
    const found = compiled.kind === 'runbook' ? await scriptProblems(compiled.runbook) : compiled.problems;
    if (compiled.kind === 'runbook' && found.length === 0) {
      const { runbook, notes } = compiled;
      documents.push({ file, source, runbook, notes });
    } else problems.push(...found.map((problem) => ({ file, ...problem })));
  }
  if (problems.length === 0) return documents;
  const bad = files.length - documents.length;
  const message = `${plural(problems.length, 'problem')} in ${plural(bad, 'file')}; nothing was published or run. Mend them, then \`pawl check\` again.`;
  throw new PawlError('runbook.invalid', message, { problems });
};

export const readDocument = async (authoring: Authoring, file: string): Promise<Document> => {
  const [document] = await readDocuments(authoring, [file]);
  if (document === undefined) throw new PawlError('request.invalid', 'Give one file.');
  return document;
};

/** Documents of which only the parts matter: compiled behind one front matter. */
import { authoring } from '../../src/authoring/index.ts';
import type { Pins, Runbook } from '../../src/engine/index.ts';

/** @param documentOf the document of these parts */
export const compiling = (documentOf: (parts: string[]) => string, pins?: Pins) => {
  const compile = (...parts: string[]) => authoring.compile(documentOf(parts), pins);
  return {
    runbookOf: (...parts: string[]): Runbook => {
      const result = compile(...parts);
      if (result.kind === 'problems') throw new Error(JSON.stringify(result.problems));
      return result.runbook;
    },
    /** Its problems, `line:column message`. */
    told: (...parts: string[]): string[] => {
      const result = compile(...parts);
      return result.kind === 'runbook' ? [] : result.problems.map((one) => `${one.line}:${one.column} ${one.message}`);
    },
  };
};

/** Markdown → runbook, or everything that is wrong with it. */
import type { Problem, Runbook, Template } from '../engine/index.ts';
import { limits } from '../engine/index.ts';
import { readCell } from './cells.ts';
import { typesOf } from './celTypes.ts';
import { readDocument } from './document.ts';
import { readFrontMatter } from './frontMatter.ts';
import { readOutline } from './outline.ts';
import { noReads, type Surroundings } from './surroundings.ts';
import { asText, readTemplate } from './templates.ts';
import { collector, type Report, type Text } from './text.ts';

type Compiled = { kind: 'runbook'; runbook: Runbook; notes: Problem[] } | { kind: 'problems'; problems: Problem[] };

const read = (source: string, report: Report, note: Report): Runbook => {
  const { frontMatter, heading, fences, lost } = readDocument(source, report);
  for (const at of lost) {
    report(
      at,
      'this looks like a fence for Pawl, but Markdown reads it as text: mind indentation, HTML around it, and backticks in its first line',
    );
  }
  const front = readFrontMatter(frontMatter, report);
  const outline = readOutline(fences, front.defaults.interrupted, report);
  const types = typesOf(front.paramNames === null ? null : front.params);
  const onlyParams: Surroundings = {
    roots: ['params'],
    stepFields: [],
    params: front.paramNames,
    types,
    cells: outline.names,
    present: new Set(),
    index: 0,
  };
  const template = (text: Text | null): Template | null =>
    text === null ? null : readTemplate(text, asText, onlyParams, noReads(), report);
  const unique = template(front.unique);
  const concurrency = template(front.concurrency);
  const reading = { front, outline, types, passed: new Set<string>(), report, note };
  const cells = outline.cells.slice(0, limits.cellsPerRunbookMax).flatMap((piece) => readCell(piece, reading) ?? []);
  return {
    format: 1,
    runbookId: front.runbookId,
    title: front.title ?? heading ?? front.runbookId,
    params: front.params,
    unique,
    concurrency,
    cells,
  };
};

/** Characters that no store and no screen keeps as they are. */
const unstorable = /\0|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;

/** Compiles a document. Any problem at all, and there is no runbook; notes come beside it. Never throws. */
export const compile = (source: string): Compiled => {
  const { report, problems } = collector();
  const { report: note, problems: notes } = collector();
  const bytes = Buffer.byteLength(source);
  if (bytes > limits.sourceBytesMax) {
    report(
      { line: 1, column: 1 },
      `the document has ${bytes} bytes; at most ${limits.sourceBytesMax} (sourceBytesMax); move large data out of it`,
    );
    return { kind: 'problems', problems: problems() };
  }
  const odd = unstorable.exec(source);
  if (odd !== null) {
    const before = source.slice(0, odd.index).split(/\r\n?|\n/);
    report(
      { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 },
      'this character is not text (a NUL, or half of a surrogate pair); remove it',
    );
  }
  let runbook: Runbook | undefined;
  try {
    runbook = read(source, report, note);
  } catch (error) {
    // Deep nesting ends in the stack of some parser; whatever else it is, publishing is refused and not broken.
    const why = error instanceof RangeError ? 'it is nested too deeply' : 'it cannot be read';
    report({ line: 1, column: 1 }, `the document is refused: ${why}; simplify it`);
  }
  const found = problems();
  if (found.length > 0 || runbook === undefined)
    return { kind: 'problems', problems: found.slice(0, limits.problemsMax) };
  return { kind: 'runbook', runbook, notes: notes().slice(0, limits.problemsMax) };
};

/** Markdown → runbook, or everything that is wrong with it. */
import type { Cell, Pins, Problem, Runbook, Tasks, Template } from '../engine/index.ts';
import { limits } from '../engine/index.ts';
import { readBranch } from './branches.ts';
import { readCell } from './cells.ts';
import { typesOf } from './celTypes.ts';
import { readDocument } from './document.ts';
import { type FrontMatter, readFrontMatter } from './frontMatter.ts';
import { readPlace } from './needs.ts';
import { nested } from './nested.ts';
import { readNotify } from './notify.ts';
import { readOutline } from './outline.ts';
import { readSections, titleOf } from './sections.ts';
import { noReads, type Surroundings } from './surroundings.ts';
import { asText, readTemplate } from './templates.ts';
import { collector, type Report, type Text } from './text.ts';

type Compiled = { kind: 'runbook'; runbook: Runbook; notes: Problem[] } | { kind: 'problems'; problems: Problem[] };

const lostAs = {
  fence:
    'this looks like a fence for Pawl, but Markdown reads it as text: mind indentation, HTML around it, and backticks in its first line',
  heading:
    'this looks like the heading of a section, but Markdown reads it as text: mind the blank after its marks, indentation, and HTML around it',
};

const read = (source: string, { tasks, pins }: { tasks: Tasks; pins: Pins }, report: Report, note: Report): Runbook => {
  const { frontMatter, headings, fences, lost } = readDocument(source, report);
  for (const { as, at } of lost) report(at, lostAs[as]);
  const front = readFrontMatter(frontMatter, report);
  // Where the front matter is not found, its lines may read as headings.
  const sections = frontMatter === null ? [] : readSections(headings, report);
  const outline = readOutline(fences, sections, { interrupted: front.defaults.interrupted, pins }, report);
  const types = typesOf(front.paramNames === null ? null : front.params);
  const onlyParams: Surroundings = {
    roots: ['params'],
    stepFields: [],
    params: front.paramNames,
    types,
    secrets: front.secrets,
    cells: outline.names,
    present: new Set(),
    index: 0,
    within: [],
    elements: [],
  };
  const template = (text: Text | null): Template | null =>
    text === null ? null : readTemplate(text, asText, onlyParams, noReads(), report);
  const unique = template(front.unique);
  const concurrency = template(front.concurrency);
  const at = front.at === null ? null : readPlace(front.at, onlyParams, report);
  const notify = front.notify === null ? undefined : readNotify(front.notify, onlyParams, report);
  const reading = { front, at, outline, types, tasks, passed: [], pins, report, note };
  const flat = outline.cells
    .slice(0, limits.cellsPerRunbookMax)
    .flatMap((piece) => ('fence' in piece ? readCell(piece, reading) : readBranch(piece, reading)) ?? []);
  if (front.undoAt !== null && !outline.failurePaths.has(undefined))
    report(
      front.undoAt,
      'nothing takes anything back here: write an undo fence (`sh { undo=CELL }`) or a section with `on=failure`, or leave `onFailure` out',
    );
  const cells = nested(flat, new Map(outline.branches.map((branch) => [branch.index, branch])), pins);
  return {
    format: 1,
    runbookId: front.runbookId,
    title: front.title ?? (headings[0] && titleOf(headings[0])) ?? front.runbookId,
    params: front.params,
    unique,
    concurrency,
    ...secretsOf(front, [...flat, ...(notify?.kind === 'http' ? [notify] : [])], note),
    ...(front.undoAt === null ? {} : { onFailure: 'undo' }),
    ...(notify === undefined ? {} : { notify }),
    cells,
  };
};

/** What is stored of the declared secrets. One that no cell uses is a note: it was meant for some cell. */
const secretsOf = ({ secrets }: FrontMatter, cells: Pick<Cell, 'uses'>[], note: Report): Pick<Runbook, 'secrets'> => {
  const used = new Set(cells.flatMap(({ uses = [] }) => uses));
  for (const [name, { at }] of secrets ?? [])
    if (!used.has(name))
      note(at, `no cell uses the secret \`${name}\`; leave it out, or name it with \`uses="${name}"\``);
  const stored = [...(secrets ?? [])].map(([name, { from, hosts }]) => [name, { from, hosts }] as const);
  return stored.length === 0 ? {} : { secrets: Object.fromEntries(stored) };
};

/** Characters that no store and no screen keeps as they are. */
const unstorable = /\0|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;

/** Compiles a document. Any problem at all, and there is no runbook; notes come beside it. Never throws. */
export const compile = (source: string, tasks: Tasks, pins: Pins = () => undefined): Compiled => {
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
    runbook = read(source, { tasks, pins }, report, note);
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

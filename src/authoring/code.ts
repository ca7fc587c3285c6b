/** `ts`, `js` and `sh` fences: types stripped, syntax checked, and which outputs the code can read. */
import { stripTypeScriptTypes } from 'node:module';
import { type Node, type Program, parse, tokTypes } from 'acorn';
import { readsOfModule } from './codeReads.ts';
import { readScriptNames } from './scriptNames.ts';
import { refuseUnkept, usedFilesIn } from './secrets.ts';
import { type Reads, referToCell, type Surroundings } from './surroundings.ts';
import { linesOf, type Position, type Report, slice, type Text } from './text.ts';
import { refusePlaceholders } from './unfilled.ts';

/** Strips types without the warning that Node prints about it; other warnings pass. */
const stripTypes = (code: string): string => {
  const { emitWarning } = process;
  process.emitWarning = (() => {}) as typeof emitWarning;
  try {
    return stripTypeScriptTypes(code);
  } finally {
    process.emitWarning = emitWarning;
  }
};

/** Node tells the place of a mistake only in the stack: `:<line>`, lines of the source with tabs as four spaces, carets. */
const placeOfTypeScriptError = (error: Error, body: Text): Position => {
  const [head = '', ...shown] = (error.stack ?? '').split('\n');
  const line = Number(/:(\d+)$/.exec(head)?.[1] ?? 1);
  const written = linesOf(body)[line - 1] ?? body;
  const column = shown.find((text) => /^\s*\^+\s*$/.test(text))?.indexOf('^');
  let offset = column === undefined ? written.text.search(/\S|$/) : 0;
  for (let width = 0; width < (column ?? 0) && offset < written.text.length; offset++)
    width += written.text[offset] === '\t' ? 4 : 1;
  return written.at(offset);
};

const plainValues = [
  'Literal',
  'ObjectExpression',
  'ArrayExpression',
  'TemplateLiteral',
  'ClassDeclaration',
  'ClassExpression',
];

/** `undefined`: there is none. */
const defaultExportOf = (program: Program): Node | undefined => {
  for (const statement of program.body) {
    if (statement.type === 'ExportDefaultDeclaration') return statement.declaration;
    if (statement.type !== 'ExportNamedDeclaration') continue;
    const exported = statement.specifiers.find(
      ({ exported }) => (exported.type === 'Identifier' ? exported.name : exported.value) === 'default',
    );
    if (exported !== undefined) return statement.source ? exported : exported.local;
  }
  return undefined;
};

/** Reads a `ts` or `js` fence; gives the JavaScript to store. */
export const readModule = (
  kind: 'ts' | 'js',
  body: Text,
  around: Surroundings,
  reads: Reads,
  report: Report,
): string => {
  let code = body.text;
  try {
    if (kind === 'ts') code = stripTypes(code);
  } catch (error) {
    if (refusePlaceholders(kind, body, report)) return code;
    const problem = error instanceof Error ? error : new Error('it cannot be read');
    const why =
      'code' in problem && problem.code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX'
        ? 'types are only removed here, not compiled: '
        : '';
    report(placeOfTypeScriptError(problem, body), `this TypeScript is refused: ${why}${problem.message}`);
    return code;
  }
  // Types are replaced by spaces, so places in what is left are places in what was written.
  try {
    const texts: { start: number; end: number }[] = [];
    const program = parse(code, {
      ecmaVersion: 'latest',
      sourceType: 'module',
      onToken: ({ type, start, end }) => {
        if (type === tokTypes.string || type === tokTypes.template) texts.push({ start, end });
      },
    });
    // As code, `{{ params }}` is two blocks; in a text it is a mistake.
    for (const { start, end } of texts) refusePlaceholders(kind, slice(body, start, end), report);
    const exported = defaultExportOf(program);
    if (exported === undefined)
      report(body.at(0), 'this code has no `export default`; export the function that the cell runs');
    else if (plainValues.includes(exported.type))
      report(body.at(exported.start), 'the default export must be a function that Pawl can call');
    else readsOfModule(program, exported, body, around, reads, report);
    usedFilesIn(body, around.secrets, reads.uses, report);
  } catch (error) {
    if (refusePlaceholders(kind, body, report)) return code;
    if (error instanceof RangeError) report(body.at(0), 'this code is nested too deeply to be read; simplify it');
    else if (error instanceof SyntaxError) {
      const offset = 'pos' in error && typeof error.pos === 'number' ? error.pos : 0;
      report(body.at(offset), `this code cannot be parsed: ${error.message.replace(/ \(\d+:\d+\)$/, '')}`);
    } else throw error;
  }
  return code;
};

/**
 * Cells whose outputs a script names as `PAWL_OUT_<cell>` or `PAWL_OUT_<cell>_<field>`. Both may be meant, so both are read; a
 * name that is put together when it runs may be any.
 */
const readNamedOutputs = (body: Text, around: Surroundings, reads: Reads, report: Report): void => {
  const earlier = [...around.cells].filter(([, { index }]) => index < around.index).map(([cell]) => cell);
  for (const { 1: name = '', index } of body.text.matchAll(/PAWL_OUT_(\w*)/g)) {
    const meant = earlier.filter((cell) => name === cell || name.startsWith(`${cell}_`));
    for (const cell of meant) reads.cells.add(cell);
    if (meant.length > 0) continue;
    const open = name === '' || /^[$*?[{]/.test(body.text.slice(index + 'PAWL_OUT_'.length + name.length));
    if (open) reads.all = true;
    else referToCell(name, body.at(index), around, reads, report);
  }
};

/** Reads an `sh` fence. Outputs reach a script by names that begin so, and in no other way. */
export const readScript = (body: Text, around: Surroundings, reads: Reads, report: Report): string => {
  if (body.text.trim() === '') report(body.at(0), 'this script is empty; write what the cell does');
  refusePlaceholders('sh', body, report);
  if (/INPUTS|OUTPUTS|outputs/.test(body.text)) reads.all = true;
  readNamedOutputs(body, around, reads, report);
  usedFilesIn(body, around.secrets, reads.uses, report);
  refuseUnkept(body, around.secrets, report);
  readScriptNames(body, around, reads, report);
  return body.text;
};

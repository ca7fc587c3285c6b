/** What a script reads by name: parameters as variables, parameters and outputs as files. What can never be there is refused. */
import { type ScriptFile, scriptFilesIn } from '../engine/index.ts';
import { runIsOfTheEnd, runVariables } from './runRoot.ts';
import { shellTextsOf } from './shellText.ts';
import { type Reads, referToCell, referToParam, type Surroundings } from './surroundings.ts';
import { list, quote, type Report, suggest, type Text } from './text.ts';

/** A script of another interpreter has its own way to write a variable. */
const isOfShell = (code: string): boolean => !code.startsWith('#!') || /^#!.*\b(?:ba|da|a|k|z)?sh\b/.test(code);

/** Names that also stand without `$`, or get a default: the script may set them itself. */
const namesSetIn = (uncommented: string): Set<string> => {
  const set = /(?<![\w$]|\$\{[#!]?)(PAWL_(?:PARAM|RUN|ORIGINAL)_\w+)|\$\{(PAWL_(?:PARAM|RUN|ORIGINAL)_\w+):?=/g;
  return new Set([...uncommented.matchAll(set)].map(([, bare, filled]) => bare ?? filled ?? ''));
};

const readVariables = (body: Text, filledIn: string, uncommented: string, around: Surroundings, report: Report) => {
  if (around.params === null) return;
  const known = new Set([...around.params].map((name) => `PAWL_PARAM_${name.toUpperCase()}`));
  const set = namesSetIn(uncommented);
  for (const { 0: whole, 1: name = '', index } of filledIn.matchAll(/\$(?:\{[#!]?)?(PAWL_PARAM_\w+)/g)) {
    // `${!PREFIX*}` asks for all that begin so.
    const isPrefix = /[*@]/.test(filledIn[index + whole.length] ?? '') && whole.startsWith('${!');
    if (known.has(name) || set.has(name) || isPrefix) continue;
    const hint = suggest(name.slice('PAWL_PARAM_'.length), around.params);
    const close = /`(.*)`/.exec(hint)?.[1]?.toUpperCase();
    const what = close === undefined ? '; declare it under `params:`' : `; did you mean \`PAWL_PARAM_${close}\`?`;
    report(body.at(index), `there is no parameter for ${quote(name)}${what}`);
  }
};

/** Variables that only cells at the end of a run have. */
const readEndVariables = (
  body: Text,
  filledIn: string,
  uncommented: string,
  { atEnd, stepFields }: Surroundings,
  report: Report,
): void => {
  const set = namesSetIn(uncommented);
  for (const { 1: name = '', index } of filledIn.matchAll(/\$(?:\{[#!]?)?(PAWL_(?:RUN|ORIGINAL)_\w+)/g)) {
    if (set.has(name)) continue;
    const at = body.at(index);
    if (name.startsWith('PAWL_ORIGINAL_') && !(name === 'PAWL_ORIGINAL_KEY' && stepFields.includes('originalKey')))
      report(
        at,
        `there is no ${quote(name)} here: only a cell that takes back has \`PAWL_ORIGINAL_KEY\`, that of a cell with a key`,
      );
    else if (name.startsWith('PAWL_RUN_') && atEnd === undefined)
      report(at, `there is no ${quote(name)} here: ${runIsOfTheEnd}`);
    else if (name.startsWith('PAWL_RUN_') && !runVariables.includes(name))
      report(at, `there is no ${quote(name)}${suggest(name, runVariables) || `; there are ${list(runVariables)}`}`);
  }
};

/** Whether the script makes it, so far as can be told from what stands before it. */
const isWritten = ({ before }: ScriptFile): boolean =>
  /(?:>\|?\s*"?|\b(?:tee|cp|mv|ln|touch|install|mkdir)\b[^;&|]*|\s-o\s*"?)$/.test(before);

const readFiles = (body: Text, filledIn: string, around: Surroundings, reads: Reads, report: Report): void => {
  const files = scriptFilesIn(filledIn);
  const own = new Set(files.filter(isWritten).map(({ folder, file }) => `${folder}/${file}`));
  for (const one of files) {
    if (own.has(`${one.folder}/${one.file}`)) continue;
    const at = body.at(one.index);
    if (one.name === undefined)
      report(
        at,
        `there is never a file ${quote(one.file)}: they are \`NAME.json\`, \`NAME.txt\` and \`NAME.FIELD.txt\``,
      );
    else if (one.folder === 'PAWL_PARAMS') referToParam(one.name, at, around, report);
    else referToCell(one.name, at, around, reads, report);
  }
};

/** Reports what a script reads by a name under which nothing will ever be. */
export const readScriptNames = (body: Text, around: Surroundings, reads: Reads, report: Report): void => {
  if (!/PAWL_(?:PARAM|OUTPUTS|RUN_|ORIGINAL_)/.test(body.text) || !isOfShell(body.text)) return;
  const { filledIn, uncommented } = shellTextsOf(body.text);
  readVariables(body, filledIn, uncommented, around, report);
  readEndVariables(body, filledIn, uncommented, around, report);
  readFiles(body, filledIn, around, reads, report);
};

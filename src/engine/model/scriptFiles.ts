/** Files that a script names by `$PAWL_PARAMS/…` and `$PAWL_OUTPUTS/…`, as authoring and the cells both read it. */

export type ScriptFolder = 'PAWL_PARAMS' | 'PAWL_OUTPUTS';
/** `index`: where in the script it stands. `before`: what stands shortly before it in its line. `NAME.FIELD.txt` has a `field`. */
export type ScriptFile = { folder: ScriptFolder; file: string; index: number; before: string } & (
  | { name: string; field?: string; ending: 'json' | 'txt' }
  | { name?: undefined }
);

const mention = /\$(?:(PAWL_PARAMS|PAWL_OUTPUTS)\b|\{(PAWL_PARAMS|PAWL_OUTPUTS)\})"?\/([\w.-]+)/g;
/** What may make it another name when it runs, or a folder. */
const goesOn = /^(?:"?[$*?[{`\\~]|"\w|'|\/)/;
/** Of what stands before a name: enough to see what is done with it. */
const beforeCharsMax = 500;
const form = /^(\w+)(?:\.(\w+))?\.(json|txt)$/;

/** Those that are written out; a name that is put together when it runs is none of them. */
export const scriptFilesIn = (code: string): ScriptFile[] =>
  [...code.matchAll(mention)].flatMap(({ 0: whole, 1: bare, 2: braced, 3: file = '', index }): ScriptFile[] => {
    if (goesOn.test(code.slice(index + whole.length, index + whole.length + 2))) return [];
    const folder = (bare ?? braced) as ScriptFolder;
    const found = {
      folder,
      file,
      index,
      before: code.slice(Math.max(0, index - beforeCharsMax), index).replace(/^[\s\S]*\n/, ''),
    };
    const [, name, field, ending] = form.exec(file) ?? [];
    if (name === undefined || (field !== undefined && ending === 'json')) return [found];
    return [{ ...found, name, ending: ending as 'json' | 'txt', ...(field === undefined ? {} : { field }) }];
  });

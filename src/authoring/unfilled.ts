/**
 * Placeholders where nothing fills them in: code gets its values in another way. Braces alone are no mistake (`docker
 * ps --format '{{.Names}}'`): a placeholder is what names something of Pawl's.
 */
import type { CellKind } from '../engine/index.ts';
import { attemptFields } from './surroundings.ts';
import { quote, type Report, type Text } from './text.ts';

/** No `{{` inside: each is looked at once, however many there are. */
const braces = /\{\{(?![{%#])((?:(?!\{\{|\}\}).)*)\}\}/gs;
const ours = /(?<![\w.$])(params|outputs|step|secrets)\b(?:\s*\.\s*([A-Za-z_]\w*))?/;

/** What a script has as `PAWL_…`, by its name in expressions. */
const stepFields: ReadonlySet<string> = new Set(attemptFields);

const rightForm = (kind: CellKind, root: string, field: string | undefined): string => {
  if (kind === 'sh') {
    if (root === 'params' && field !== undefined)
      return `a script reads it as \`"$PAWL_PARAM_${field.toUpperCase()}"\``;
    if (root === 'params') return 'a script reads a parameter as `"$PAWL_PARAM_NAME"`';
    if (root === 'secrets')
      return `a script reads it from its file, as \`"$(cat "$PAWL_SECRETS/${field ?? 'NAME'}")"\``;
    if (root === 'step' && field !== undefined && stepFields.has(field))
      return `a script reads it as \`"$PAWL_${field.replace(/[A-Z]/g, '_$&').toUpperCase()}"\``;
    return `a script reads it from the JSON file \`"$PAWL_INPUTS"\`, at \`.${root}${field === undefined ? '' : `.${field}`}\``;
  }
  const value = `${root}${field === undefined ? '' : `.${field}`}`;
  return `the function gets it as its argument: \`export default async ({ ${root} }) => …\` and \`${value}\``;
};

/** Reports every placeholder in a text; says whether there was one. */
export const refusePlaceholders = (kind: CellKind, text: Text, report: Report): boolean => {
  let isFound = false;
  for (const { 0: whole, 1: inside = '', index } of text.text.matchAll(braces)) {
    const [, root, field] = ours.exec(inside) ?? [];
    if (root === undefined) continue;
    isFound = true;
    report(text.at(index), `${quote(whole)} is not filled in here; ${rightForm(kind, root, field)}`);
  }
  return isFound;
};

/** What cells need of the place that carries them out, and which place that is: in the front matter, and at a cell. */
import type { Cell, CellKind, Needs, Template } from '../engine/index.ts';
import {
  anyPlace,
  isNeverHanded,
  isPlace,
  limits,
  placeForm,
  programName,
  variableNeed,
  variableOf,
} from '../engine/index.ts';
import { type Attributes, textOfAttribute } from './attributes.ts';
import { noReads, type Surroundings } from './surroundings.ts';
import { asText, readTemplate } from './templates.ts';
import { list, quote, type Report, suggest, type Text } from './text.ts';
import type { Field } from './yaml.ts';

const needKeys = ['programs', 'env'] as const;
type NeedKey = (typeof needKeys)[number];

const problemOf: Record<NeedKey, (name: string) => string | undefined> = {
  programs: (name) =>
    programName.test(name)
      ? undefined
      : `${quote(name)} is no name of a program: letters, digits, \`.\`, \`_\`, \`+\` and \`-\`; where it is, says the PATH of the place`,
  env: (name) => {
    if (!variableNeed.test(name))
      return `${quote(name)} is no name of a variable: letters, digits and \`_\`, not a digit first, and a \`?\` behind it if it need not be set`;
    const variable = variableOf(name);
    if (!isNeverHanded(variable.name)) return undefined;
    return `\`${variable.name}\` is never handed to a cell, whatever a place allows: it is Pawl's own, or runs code of another's choice`;
  },
};

/** The names that are right, each once; whatever is wrong is reported. */
const namesOf = (key: NeedKey, texts: Text[], report: Report): string[] => {
  const found = new Map<string, string>();
  for (const text of texts) {
    const { name } = variableOf(text.text);
    const problem =
      problemOf[key](text.text) ?? (found.has(name) ? `${quote(name)} is given twice; keep one` : undefined);
    if (problem === undefined) found.set(name, text.text);
    else report(text.at(0), problem);
  }
  const { needsPerCellMax: max } = limits;
  const first = texts[0];
  if (first !== undefined && found.size > max)
    report(first.at(0), `\`${key}\` names more than ${max} (needsPerCellMax)`);
  return [...found.values()];
};

/** `needs: { programs: [kubectl], env: [KUBECONFIG] }` of the front matter. */
export const readNeeds = (field: Field, report: Report): Needs => {
  const needs: Needs = { programs: [], env: [] };
  const inner = field.fields();
  if (inner === null) report(field.valueAt, '`needs` is a mapping, as in `{ programs: [kubectl], env: [KUBECONFIG] }`');
  for (const { key, at, valueAt, items } of inner ?? []) {
    const known = needKeys.find((one) => one === key);
    const texts = items();
    if (known === undefined)
      report(at, `unknown key ${quote(key)} in \`needs\`${suggest(key, needKeys) || `; known are ${list(needKeys)}`}`);
    else if (texts === null)
      report(valueAt, `\`${key}\` is a list of names, as in \`[${known === 'env' ? 'KUBECONFIG' : 'kubectl'}]\``);
    else needs[known] = namesOf(known, texts, report);
  }
  return needs;
};

const words = (text: Text): Text[] =>
  [...text.text.matchAll(/\S+/g)].map(({ 0: word, index }) => ({
    text: word,
    at: (offset) => text.at(index + offset),
  }));

/** Cells that the place runs in a process of their own; a request is sent by Pawl itself. */
const codeKinds: readonly CellKind[] = ['ts', 'js', 'sh'];

/** What has to be there for one of them has to be there. */
const union = (a: string[], b: string[]): string[] => {
  const all = new Set([...a, ...b]);
  return [...all].filter((name) => !name.endsWith('?') || !all.has(variableOf(name).name));
};

/** What a cell needs: what the front matter says, and what it says itself. */
export const needsOf = (kind: CellKind, attributes: Attributes, ofAll: Needs, report: Report): Pick<Cell, 'needs'> => {
  const own: Needs = { programs: [], env: [] };
  for (const key of needKeys) {
    const text = textOfAttribute(key, attributes, report);
    if (text === undefined || text.text === '') continue;
    const all = words(text);
    if (all.length === 0)
      report(text.at(0), `\`${key}\` names nothing; write \`${key}="${key === 'env' ? 'KUBECONFIG' : 'kubectl jq'}"\``);
    own[key] = namesOf(key, all, report);
  }
  if (!codeKinds.includes(kind)) return {};
  const needs = { programs: union(ofAll.programs, own.programs), env: union(ofAll.env, own.env) };
  return needs.programs.length + needs.env.length === 0 ? {} : { needs };
};

/** A kind that runs nothing of the place's needs nothing of it: said better than as an unknown attribute. */
export const refuseNeeds = (kind: CellKind, attributes: Attributes, report: Report): void => {
  for (const key of needKeys) {
    const given = attributes.get(key);
    if (given === undefined || codeKinds.includes(kind)) continue;
    const what = kind === 'http' ? 'sends a request' : 'runs no program';
    report(given.at, `\`${key}\` is for \`ts\`, \`js\` and \`sh\` cells; a \`${kind}\` cell ${what}, and needs none`);
  }
};

/** A place, or a text with parameters that makes one; `any`: wherever somebody is. */
export const readPlace = (text: Text, around: Surroundings, report: Report): Template => {
  const template = readTemplate(text, asText, { ...around, roots: ['params'] }, noReads(), report);
  const literal = template.every((part) => typeof part === 'string') ? template.join('') : undefined;
  if (literal !== undefined && literal !== anyPlace && !isPlace(literal))
    report(text.at(0), `${quote(literal)} is no place: ${placeForm}; \`at=any\` leaves it open`);
  return template;
};

/** Where a cell is carried out: what it says itself, or the front matter. */
export const placeOf = (
  attributes: Attributes,
  ofAll: Template | null,
  around: Surroundings,
  report: Report,
): Pick<Cell, 'at'> => {
  const own = textOfAttribute('at', attributes, report);
  const at = own === undefined || own.text === '' ? ofAll : readPlace(own, around, report);
  return at === null ? {} : { at };
};

/**
 * A `task` fence: a task of the deployment by its name, and its input as YAML. The input is looked at when the document is
 * published, with what placeholders will stand for left open, and filled in before each visit; the task itself reads it
 * once more.
 */
import { isLater } from '../aws/index.ts';
import { closed, limits, type RenderedBody, type Scope, type TaskBody, type Tasks } from '../engine/index.ts';
import { type Attributes, textOfAttribute } from './attributes.ts';
import { unfit, unfitParts } from './jsonSchema.ts';
import type { Reads, Surroundings } from './surroundings.ts';
import { render } from './templates.ts';
import { type Position, quote, type Report, suggest, type Text } from './text.ts';
import { readYamlTemplate, type YamlTemplate } from './yamlTemplate.ts';

export const noTasks: Tasks = { where: 'tasks', known: new Map(), broken: [] };

type Reading = { attributes: Attributes; around: Surroundings; reads: Reads; report: Report; at: Position };

/** Why there is no such task, and what to do. */
const missingText = (name: string, { where, known, broken }: Tasks): string => {
  const hint = suggest(name, known.keys());
  const [first] = broken;
  const also = first === undefined ? '' : `; ${first.file} cannot be read: ${first.why}`;
  const write = `; declare it with \`defineTask({ name: '${name.slice(0, 64)}', … })\` in a file of ${where}`;
  return `there is no task ${quote(name)} in ${where}${hint || (also === '' ? write : '')}${also}`;
};

/** Paths to what only the run will know, and what may stand there until then. */
type Open = { path: string; text: boolean };

const withoutLater = (value: unknown, path: string, open: Open[]): unknown => {
  if (isLater(value)) {
    open.push({ path, text: value.later === 'text' });
    return value.later === 'text' ? '' : null;
  }
  const step = (key: string | number): string => `${path}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
  if (Array.isArray(value)) return value.map((inner, index) => withoutLater(inner, step(index), open));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutLater(inner, step(key), open)]));
};

const isWithin = (path: string, outer: string): boolean => path === outer || path.startsWith(`${outer}/`);
/** What is wrong whatever is filled in: a name that is missing, or not known. */
const ofNames: readonly string[] = ['required', 'additionalProperties', 'unevaluatedProperties'];

/** Reports what of an input does not fit whatever its placeholders come to. */
const checkKnown = (task: string, schema: Record<string, unknown>, input: YamlTemplate, report: Report): void => {
  const open: Open[] = [];
  const found = unfitParts(schema, withoutLater(input.value, '', open));
  const isOpen = ({ instancePath, keyword }: (typeof found)[number]): boolean => {
    if (ofNames.includes(keyword)) return false;
    const inside = open.filter(({ path }) => isWithin(path, instancePath));
    // A text stays one: a number cannot stand between quotes.
    return inside.length > 0 && !(keyword === 'type' && inside.some((one) => one.path === instancePath && one.text));
  };
  const choices = found.filter((one) => isOpen(one) && ['anyOf', 'oneOf', 'not', 'if'].includes(one.keyword));
  for (const one of found) {
    if (isOpen(one) || choices.some(({ instancePath }) => isWithin(one.instancePath, instancePath))) continue;
    const { names, path, message } = one;
    report(placeIn(input, names), `the input of ${task}: ${path === '' ? '' : `${quote(path)} `}${message}`);
  }
};

/** The place of a path in what is written, or of the nearest thing around it. */
const placeIn = ({ fields, at }: YamlTemplate, names: readonly string[]): Position => {
  let [inside, place] = [fields, at];
  for (const name of names) {
    const field = inside.find(({ key }) => key === name);
    if (field === undefined) break;
    place = field.at;
    inside = field.inside();
  }
  return place;
};

export const readTask = (body: Text, reading: Reading, tasks: Tasks): TaskBody => {
  const { attributes, around, reads, report, at } = reading;
  const name = textOfAttribute('task', attributes, report);
  const input = readYamlTemplate(body, around, reads, report);
  const nothing = { task: '', input: input?.template ?? [], schema: {} };
  if (name === undefined || name.text === '') {
    if (name !== undefined || !attributes.has('task'))
      report(name?.at(0) ?? at, 'a task cell names its task, as in `task { name=charge task=charge_card }`');
    return nothing;
  }
  const spec = tasks.known.get(name.text);
  if (spec === undefined) {
    report(name.at(0), missingText(name.text, tasks));
    return nothing;
  }
  const { input: schema, effects } = spec;
  const bytes = Buffer.byteLength(JSON.stringify(schema));
  if (bytes > limits.taskSchemaBytesMax)
    report(
      name.at(0),
      `the schema of the input of ${quote(name.text)} has ${bytes} bytes; taskSchemaBytesMax is ${limits.taskSchemaBytesMax}`,
    );
  else if (input !== undefined) checkKnown(name.text, schema, input, report);
  return { task: name.text, input: input?.template ?? [], schema, ...(effects === undefined ? {} : { effects }) };
};

/** Fills in an input; what does not fit is never begun. */
export const renderTask = (
  { task, input, schema, effects }: TaskBody,
  scope: Scope,
): { kind: 'body'; body: RenderedBody & { kind: 'task' } } | { kind: 'error'; message: string } => {
  const rendered = render(input, scope);
  if (rendered.kind === 'error') return rendered;
  const why = unfit(schema, JSON.parse(rendered.text));
  if (why !== undefined) return { kind: 'error', message: closed(`The input does not fit task ${task}: ${why}`) };
  const body = { kind: 'task' as const, task, input: rendered.text };
  return { kind: 'body', body: effects === undefined ? body : { ...body, effects } };
};

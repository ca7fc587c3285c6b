/** What is known of the version that a `run` cell runs: its cells for `output=`, its parameters for `params:`. */

import { isLater } from '../aws/index.ts';
import { branchesOf, type Cell, innerCells, type Pinned, partsOf } from '../engine/index.ts';
import { typesOf } from './celTypes.ts';
import { unfit } from './jsonSchema.ts';
import { bareFields, type Element, type NamedCell, type Surroundings } from './surroundings.ts';
import { list, quote, type Report, suggest } from './text.ts';
import type { Field } from './yaml.ts';

const isSkipped = ({ body, when }: Cell): boolean => when !== null && body.kind !== 'end' && body.kind !== 'branch';

/** Why the run may be past it without an output, as far as its compiled form tells. */
const absentBy = (cell: Cell): Pick<NamedCell, 'absent'> => {
  const reasons = [
    ...(isSkipped(cell) ? ['is skipped when its `when` is false'] : []),
    ...(cell.optional ? ['may fail and is optional'] : []),
    ...(cell.interrupted === 'continue' ? ['is passed when it is interrupted (`interrupted=continue`)'] : []),
    ...(cell.poll?.onTimeout === 'continue' ? ['is passed at its time-out (`onTimeout=continue`)'] : []),
  ];
  return reasons.length === 0 ? {} : { absent: list(reasons) };
};

/** Every cell by its name, those in sections that elements go through as well. */
const namesIn = (cells: readonly Cell[], elements: readonly Element[]): [string, NamedCell][] =>
  cells.flatMap((cell) => {
    const { name, index, line, body, cleanup } = cell;
    const within = branchesOf({ cells: [...cells] }, index);
    const atEnd = cleanup === undefined ? {} : ({ atEnd: 'undo' in cleanup ? 'undo' : 'on' } as const);
    const own: NamedCell = { index, line, kind: body.kind, within, elements, ...absentBy(cell), ...atEnd };
    if (innerCells(cell).length === 0 || body.kind !== 'each') return [[name, own]];
    const inner = partsOf(body).flatMap((part) =>
      namesIn(part.cells, [
        ...elements,
        { section: name, as: body.as, ...(part.name === undefined ? {} : { part: part.name }) },
      ]),
    );
    return [[name, own], ...inner];
  });

const propertiesOf = ({ runbook }: Pinned): Record<string, Record<string, unknown>> =>
  runbook.params.properties as Record<string, Record<string, unknown>>;

/** What an expression about a run that completed sees: what the last cell of that one saw, and its output. */
export const surroundingsIn = (pinned: Pinned): Surroundings => ({
  roots: ['params', 'outputs', 'cells', 'step'],
  stepFields: bareFields,
  params: new Set(Object.keys(propertiesOf(pinned))),
  types: typesOf(pinned.runbook.params),
  secrets: new Map(),
  cells: new Map(namesIn(pinned.runbook.cells, [])),
  present: new Set(),
  index: pinned.runbook.cells.length,
  within: [],
  elements: [],
  isOver: true,
});

/** As people call it. What would be published first has no number yet. */
export const pinnedText = ({ runbookId, version }: Pick<Pinned, 'runbookId' | 'version'>): string =>
  version === 0 ? runbookId : `${runbookId}@${version}`;

/** Whether something in a value is known only when it is filled in. */
const isUnknown = (value: unknown): boolean => {
  if (isLater(value)) return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(isUnknown);
};

const unfitAs = (schema: Record<string, unknown>, value: unknown): string | undefined => {
  if (!isUnknown(value)) return unfit(schema, value);
  const isText = isLater(value) && value.later === 'text';
  // Whatever is filled into a text, it stays one.
  return isText && typeof schema.type === 'string' && schema.type !== 'string' ? `must be ${schema.type}` : undefined;
};

/** Reports parameters that the version does not have, has and does not get, or gets as something else. */
export const checkParams = (
  given: readonly { field: Field; value: unknown }[],
  pinned: Pinned,
  at: Field['at'],
  report: Report,
): void => {
  const { runbook } = pinned;
  const properties = propertiesOf(pinned);
  const what = pinnedText(pinned);
  for (const { field, value } of given) {
    const schema = Object.hasOwn(properties, field.key) ? properties[field.key] : undefined;
    if (schema === undefined) {
      const known = Object.keys(properties);
      const has = known.length === 0 ? '; it has none' : `; it has ${list(known)}`;
      report(field.at, `${what} has no parameter ${quote(field.key)}${suggest(field.key, known) || has}`);
      continue;
    }
    const why = unfitAs(schema, value);
    if (why !== undefined) report(field.valueAt, `the parameter \`${field.key}\` of ${what}: ${why}`);
  }
  const missing = (runbook.params.required as string[]).filter(
    (name) => !given.some(({ field }) => field.key === name),
  );
  if (missing.length > 0)
    report(
      at,
      `${what} needs ${list(missing.map((name) => `\`${name}\``))}: write ${missing.length === 1 ? 'it' : 'them'} under \`params:\``,
    );
};

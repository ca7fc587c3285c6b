/** A `run` fence: a version of another runbook as the elements of a section. */
import {
  type CellBody,
  depthOf,
  type Expression,
  limits,
  listOfOne,
  type Named,
  type Pin,
  type Pinned,
  type RunBody,
} from '../engine/index.ts';
import { type Attributes, textOfAttribute } from './attributes.ts';
import { readOver } from './eachHeading.ts';
import { checkExpression, checkForm } from './expressions.ts';
import { readLasting } from './lasting.ts';
import type { CellPiece } from './pieces.ts';
import { checkParams, pinnedText, surroundingsIn } from './pinned.ts';
import type { Reading } from './reading.ts';
import { namedIn, namedText, runbookIn } from './runNames.ts';
import { noReads, type Reads, type Surroundings } from './surroundings.ts';
import { list, type Position, quote, type Report, suggest } from './text.ts';
import type { Field } from './yaml.ts';
import { isFilledIn, readYamlFields } from './yamlTemplate.ts';

const keys = ['runbook', 'params'];
const example = 'as in `runbook: restore_db`, or `runbook: restore_db@3`';

const readNamed = (field: Field, { front, report }: Reading): Named | undefined => {
  const { value, valueAt } = field;
  const named = typeof value === 'string' ? namedIn(value) : undefined;
  if (isFilledIn(value))
    report(valueAt, `which runbook runs is settled at publishing, so nothing is filled in here: name it, ${example}`);
  else if (named === undefined) report(valueAt, `\`runbook\` names a runbook, ${example}, not ${quote(String(value))}`);
  else if (named.runbookId === front.runbookId)
    report(
      valueAt,
      'a runbook cannot run itself: each publishing would make another version; go over a list with `each`',
    );
  else return named;
  return undefined;
};

/** Where its version is not known, an empty hash stands for it: of such a compiled form nothing is published. */
const readPin = (
  field: Field,
  named: Named,
  { pins, report, note }: Reading,
): { pin: Pin; pinned: Pinned | undefined } => {
  const pinned = pins(named);
  const { runbookId, version = 0 } = named;
  if (pinned === null)
    report(
      field.valueAt,
      named.version === undefined
        ? `the runbook \`${runbookId}\` is not published: publish that document first (\`pawl publish ${runbookId}.md\`)`
        : `there is no version ${version} of the runbook \`${runbookId}\`: publish it first, or name another one`,
    );
  if (pinned === undefined)
    note(
      field.valueAt,
      `\`${namedText(named)}\` was not looked at, since there is no store here: publishing looks for its version, and whether its parameters fit`,
    );
  if (pinned == null) return { pin: { runbookId, version, runHash: '' }, pinned: undefined };
  return { pin: { runbookId, version: pinned.version, runHash: pinned.runHash }, pinned };
};

const refuseDepth = ({ within, fence }: CellPiece, pinned: Pinned, { pins, report }: Reading): void => {
  const depth = within.length + 1 + depthOf(pinned.runbook.cells, pins);
  if (depth > limits.sectionNestingMax)
    report(
      fence.position,
      `sections and runs are nested ${depth} deep, with those of ${pinnedText(pinned)}; at most ${limits.sectionNestingMax} (sectionNestingMax)`,
    );
};

/** What says how elements are gone through, where there are none. */
const refuseWithoutEach = (attributes: Attributes, report: Report): void => {
  for (const name of ['as', 'max', 'stopAfter']) {
    const given = attributes.get(name);
    if (given !== undefined) report(given.at, `\`${name}\` says how a list is gone through; it needs \`each="…"\``);
  }
};

const readElements = (
  { name, info: { attributes }, fence: { position }, elements }: CellPiece,
  runbookId: string,
  around: Surroundings,
  reads: Reads,
  report: Report,
): { over: Pick<RunBody, 'over' | 'as' | 'max' | 'stopAfter'>; inside: Surroundings } => {
  const each = textOfAttribute('each', attributes, report);
  if (each === undefined && !attributes.has('each')) {
    refuseWithoutEach(attributes, report);
    // Nobody sees this element, so it is called what no element around it is.
    const taken = elements.map(({ as }) => as);
    const as = ['runbook', ...taken.map((_, at) => `runbook_${at}`)].find((one) => !taken.includes(one)) ?? 'runbook';
    const over = { source: listOfOne(runbookId), line: position.line };
    return { over: { over, as, max: { count: 1 }, stopAfter: 1 }, inside: around };
  }
  const how = readOver(attributes, report);
  if (elements.some(({ as }) => as === how.as))
    report(
      attributes.get('as')?.at ?? position,
      `the element of the section around it is called \`${how.as}\` too; give this one another name with \`as=\``,
    );
  if (each?.text.trim() === listOfOne(runbookId))
    report(each.at(0), 'a list of nothing but the runbook itself is what a `run` without `each` has: leave `each` out');
  if (each !== undefined) checkExpression(each, false, around, reads, report);
  const over = { source: each?.text ?? '[]', line: each?.at(0).line ?? position.line };
  return {
    over: { over, ...how },
    inside: { ...around, elements: [...around.elements, { section: name, as: how.as }] },
  };
};

const readOutput = (attributes: Attributes, pinned: Pinned | undefined, report: Report): Expression | null => {
  const text = textOfAttribute('output', attributes, report);
  if (text === undefined) return null;
  if (pinned === undefined) checkForm(text, report);
  else {
    const inIt: Report = (at, message) => report(at, `in ${pinnedText(pinned)}: ${message}`);
    checkExpression(text, false, surroundingsIn(pinned), noReads(), inIt);
  }
  return { source: text.text, line: text.at(0).line };
};

/** Reports what stands in the body beside the runbook and its parameters. */
const refuseKeys = (fields: readonly Field[], at: Position, report: Report): void => {
  for (const { key, at: keyAt } of fields)
    if (!keys.includes(key))
      report(
        keyAt,
        `unknown key ${quote(key)} in a \`run\` cell${suggest(key, keys) || `; known are ${list(keys)}, and parameters stand under \`params:\``}`,
      );
  if (runbookIn(fields) === undefined) report(at, `a \`run\` cell names a runbook, ${example}`);
};

/** Reads what a `run` cell runs, over what, and with which parameters. */
export const readRun = (piece: CellPiece, around: Surroundings, reads: Reads, reading: Reading): CellBody => {
  const { fence, info, atEnd } = piece;
  const { attributes } = info;
  const { report } = reading;
  if (atEnd !== undefined)
    report(
      fence.position,
      'no `run` can stand in a section with `on`: what has to run at the end is a cell of its own',
    );
  const onFailure = attributes.get('onFailure');
  if (onFailure !== undefined)
    report(onFailure.at, 'what becomes of a run that fails says the front matter of its own runbook (`onFailure:`)');
  const body = readYamlFields(fence.body, report, 'the body of a `run` cell');
  const isBlank = fence.body.text.trim() === '';
  const at = isBlank ? fence.position : fence.body.at(0);
  if (body !== undefined) refuseKeys(body.fields, at, report);
  const field = runbookIn(body?.fields ?? []);
  const named = field && readNamed(field, reading);
  const { pin, pinned } =
    field === undefined || named === undefined
      ? { pin: { runbookId: '', version: 0, runHash: '' }, pinned: undefined }
      : readPin(field, named, reading);
  if (pinned !== undefined) refuseDepth(piece, pinned, reading);
  const { over, inside } = readElements(piece, pin.runbookId, around, reads, report);
  const withinMs = readLasting('within', { attributes, around, reads, report });
  const given = body?.fields.find(({ key }) => key === 'params');
  const fields = given?.fields() ?? null;
  if (given !== undefined && fields === null && given.value !== null)
    report(given.valueAt, '`params` is a mapping from names to values, as in `params: { name: "{{ item }}" }`');
  const values = (fields ?? []).map((one) => ({ field: one, ...body?.write(one, inside, reads) }));
  if (pinned !== undefined)
    checkParams(
      values.map(({ field: one, value }) => ({ field: one, value })),
      pinned,
      field?.valueAt ?? at,
      report,
    );
  return {
    kind: 'run',
    ...over,
    pin,
    params: Object.fromEntries(values.map(({ field: one, template = [] }) => [one.key, template])),
    output: readOutput(attributes, pinned, report),
    ...(withinMs === null ? {} : { withinMs }),
  };
};

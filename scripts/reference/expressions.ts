/** What expressions may call and what they give: the values are those that Pawl computes. */

import { functionNames } from '../../src/authoring/cel.ts';
import { authoring } from '../../src/authoring/index.ts';
import { attemptFields, bareFields, claimFields, visitFields } from '../../src/authoring/surroundings.ts';
import { meaningOf } from '../../src/cells/statuses.ts';
import { type CellEnd, cellEnds } from '../../src/engine/index.ts';
import { code, codes, table } from './text.ts';

/** What the examples of the page see. */
export const scope = {
  params: { count: 3, ratio: 0.5, name: 'Ada', on: true },
  outputs: { list: { rows: [1, 2.5], id: '7', note: null, 'a-b': 1 } },
  step: {},
};

const examples: [expression: string, remark: string][] = [
  ['params.count / 2', 'whole numbers are divided as whole numbers'],
  ['params.count / 2.0', 'one fraction is enough'],
  ['params.count == 3.0', ''],
  ['3.0 in [1, 3]', 'a list is searched for the same type'],
  ['params.ratio % 2', '`%` is of whole numbers'],
  ['0.1 + 0.2 == 0.3', 'as everywhere'],
  ['params.name + 1', 'nothing is made a text by itself'],
  ['params.name + string(1)', ''],
  ['outputs.list.id == 7', 'a text is no number: of an output this is just false'],
  ['int(outputs.list.id) == 7', ''],
  ['params.name == "ada"', 'case counts, in values'],
  ['params.name.lowerAscii() == "ada"', ''],
  ['params.Name', 'and in names'],
  ['params.name.matches("d")', 'anywhere in the text; `^` and `$` for the whole'],
  ['outputs.list["a-b"]', 'a key that is no name'],
  ['outputs.list.note == null', 'there, and null'],
  ['has(outputs.list.note)', 'null is there'],
  ['outputs.list.gone', 'what is absent is an error, and not null'],
  ['has(outputs.list.gone)', ''],
  ['has(outputs.other)', 'a cell without an output'],
  ['has(outputs.other.x)', '`has` asks for the last name only'],
  ['has(outputs.other) && outputs.other.x > 1', 'so ask for one after the other'],
  ['outputs.list.gone || true', 'an error does not matter where the other side decides'],
  ['outputs.list.rows[2]', ''],
  ['outputs.list.rows.all(row, row > 0)', ''],
  ['outputs.list.rows.filter(row, row > 1)', ''],
  ['outputs.list.rows.map(row, row * 2)', ''],
  ['size(outputs.list.rows) == 2 ? "two" : "other"', ''],
  ['timestamp("2026-01-31T10:00:00")', 'a time without a zone is none'],
  ['timestamp("2026-02-01T00:00:00Z") - timestamp("2026-01-31T00:00:00Z") > duration("23h")', ''],
  ['!params.on', ''],
];

const given = (source: string): string => {
  const found = authoring.evaluate({ source, line: 1 }, scope);
  if (found.kind === 'value') return code(JSON.stringify(found.value));
  return `error: ${code(found.message.replace(/^`.*`: /, ''))}`;
};

export const exampleTable = (): string =>
  table(
    ['expression', 'gives', ''],
    examples.map(([source, remark]) => [code(source), given(source), remark]),
  );

export const functionList = (): string => functionNames.map(code).join(', ');

const stepMeaning: Record<(typeof attemptFields)[number], string> = {
  instanceId: 'the run',
  cell: 'the cell',
  visit: 'which deliberate pass over the cell this is, from 1',
  idempotencyKey: 'the same for every attempt of a visit, and for nothing else',
  runbookId: 'the runbook',
  version: 'its version',
  seq: 'the entry that reserved this attempt',
  attempt: 'which attempt of the visit, from 1',
  deadlineAtMs: 'when it is over, in ms since 1970',
};

const yes = (fields: readonly string[], field: string): string => (fields.includes(field) ? 'yes' : '');

export const stepTable = (): string =>
  table(
    ['`step.`', 'what', 'placeholders, `when`', 'expectations, probes', 'cells without a reservation'],
    attemptFields.map((field) => [
      code(field),
      stepMeaning[field],
      yes(visitFields, field),
      'yes',
      yes(bareFields, field),
    ]),
  );

export const claimList = (): string => claimFields.map((field) => code(`claim.${field}`)).join(', ');

const statuses = (method: string, meaning: string): string[] =>
  Array.from({ length: 500 }, (_, at) => at + 100)
    .filter((status) => meaningOf(status, { method }) === meaning)
    .map(String);

export const statusTable = (): string =>
  table(
    ['method', 'completed', 'failed', 'unknown'],
    [
      [
        'POST and others',
        '2xx',
        `nothing was sent, or ${statuses('POST', 'failed').join(' ')}`,
        'every other answer, and none',
      ],
      [codes(['GET', 'HEAD', 'OPTIONS']), '2xx', 'nothing was sent, or every other answer', 'no answer'],
    ],
  );

const ends: Record<CellEnd, string> = {
  completed: 'it completed, and what it expects holds',
  unexpected: 'it completed not as expected, and is optional',
  failed: 'it failed, as it was expected to; of a section: its `when` could not be judged, and a person passed over it',
  forgiven: 'it failed, and is optional',
  unknown: 'it may have happened, and `interrupted=continue` went on',
  skipped: 'by its `when`, with its section, or by a person',
  timed_out: 'what it waited for did not come in time, and `onTimeout=continue` went on',
  taken_back: 'its undo completed; asked in cells that run at the end',
  not_reached: 'the way was over before the run came to it; asked in cells that run at the end',
};
export const endTable = (): string =>
  table(
    ['`cells.NAME.state`', 'when'],
    cellEnds.map((end) => [code(end), ends[end]]),
  );

/** A `task` fence is checked against what the deployment's task says of its input, and every problem has its place. */
import { describe, expect, test } from 'vitest';
import { authoringWith } from '../../src/authoring/index.ts';
import type { Cell, TaskSpec } from '../../src/engine/index.ts';
import { someTasks } from '../support/tasks.ts';

const charge: TaskSpec = {
  name: 'charge_card',
  file: 'tasks/charge.ts',
  input: {
    type: 'object',
    properties: {
      customer: { type: 'string', minLength: 1 },
      cents: { type: 'integer', exclusiveMinimum: 0 },
      how: { enum: ['card', 'invoice'] },
      who: { anyOf: [{ type: 'object', properties: { id: { type: 'integer' } }, required: ['id'] }, { type: 'null' }] },
      lines: { type: 'array', items: { type: 'object', properties: { sku: { type: 'string' } }, required: ['sku'] } },
    },
    required: ['customer', 'cents'],
    additionalProperties: false,
  },
  output: {},
};
const odd: TaskSpec = { name: 'odd', file: 'tasks/odd.ts', input: { type: 'object', nonsense: 1 }, output: {} };
const authoring = authoringWith({
  ...someTasks(charge, odd),
  broken: [{ file: 'tasks/refund.ts', why: 'SyntaxError: Unexpected token' }],
});
/** A first fence stands in line 9, its body in line 10. */
const front = `---
runbook: demo
params:
  customer: { type: string }
  cents: { type: integer }
  lines: { type: array }
---

`;
const source = (attributes: string, body = '', more = ''): string =>
  `${front}\`\`\`task { name=a ${attributes} }\n${body}${body === '' ? '' : '\n'}\`\`\`\n${more}`;
const problems = (text: string): string[] => {
  const result = authoring.compile(text);
  return result.kind === 'runbook' ? [] : result.problems.map((one) => `${one.line}:${one.column} ${one.message}`);
};
const cellOf = (text: string): Cell => {
  const result = authoring.compile(text);
  if (result.kind === 'problems') throw new Error(JSON.stringify(result.problems));
  return result.runbook.cells[0] as Cell;
};
const whole = 'customer: "{{ params.customer }}"\ncents: {{ params.cents }}';

describe('a task cell', () => {
  test('is stored with its input as a template, and with the schema that it was checked against', () => {
    expect(cellOf(source('task=charge_card retry=2 at=bastion', whole))).toMatchObject({
      body: {
        kind: 'task',
        task: 'charge_card',
        schema: charge.input,
        input: [
          '{"customer":"',
          { expression: 'params.customer', write: 'jsonString' },
          '","cents":',
          { expression: 'params.cents', write: 'json' },
          '}',
        ],
      },
      interrupted: 'hold',
      retryMax: 2,
      at: ['bastion'],
    });
  });

  test.each([
    ['charge_card', 'customer: c', ['9:1 the input of charge_card: `cents` is missing'], 10],
    [
      'charge_card',
      'customer: c\ncents: "{{ params.cents }}"',
      ['the input of charge_card: `cents` must be integer'],
      11,
    ],
    ['charge_card', 'customer: c\ncents: 0', ['the input of charge_card: `cents` must be > 0'], 11],
    [
      'charge_card',
      'customer: c\ncents: 1\ncent: 1',
      ['the input of charge_card: `cent` is not known; did you mean `cents`?'],
      12,
    ],
    [
      'charge_card',
      'customer: c\ncents: 1\nlines:\n  - sku: "{{ params.customer }}"\n  - other: 1',
      ['the input of charge_card: `lines[1].sku` is missing'],
      14,
    ],
    ['charge_card', 'customer: c\ncents: 1\nhow: cash', ['`how` must be one of "card" and "invoice"'], 12],
  ])('%s is refused %j', (task, body, told, line) => {
    const found = problems(source(`task=${task}`, body));
    expect(found).toHaveLength(told.length);
    for (const [at, text] of told.entries()) expect(found[at]).toContain(text.replace(/^\d+:\d+ /, ''));
    expect(found[0]).toMatch(new RegExp(`^${line}:`));
  });

  test.each([
    ['a value that only the run knows', 'customer: c\ncents: {{ params.cents }}\nhow: {{ params.customer }}'],
    ['a part of a choice', 'customer: c\ncents: 1\nwho: { id: {{ params.cents }} }'],
    ['a list', 'customer: c\ncents: 1\nlines: {{ params.lines }}'],
  ])('%s is left open', (_, body) => {
    expect(problems(source('task=charge_card', body))).toEqual([]);
  });

  test('names a task that there is; a file that cannot be read is told with it', () => {
    expect(problems(source('task=charge_cart', whole))).toEqual([
      '9:23 there is no task `charge_cart` in tasks; did you mean `charge_card`?; tasks/refund.ts cannot be read: SyntaxError: Unexpected token',
    ]);
    expect(problems(source('retry=1', whole))[0]).toBe(
      '9:1 a task cell names its task, as in `task { name=charge task=charge_card }`',
    );
    expect(problems(source('task=odd', ''))[0]).toContain('its schema cannot be used');
  });

  test('has no poll, and needs nothing of its place', () => {
    expect(problems(source('task=charge_card poll=5s', whole))[0]).toContain('unknown attribute `poll`');
    expect(problems(source('task=charge_card programs=jq', whole))[0]).toContain('`programs` is for');
  });

  test('may take back, and be taken back', () => {
    const undo = `\n\`\`\`task { undo=a task=charge_card }\n${whole}\n\`\`\`\n`;
    expect(problems(source('task=charge_card', whole, undo))).toEqual([]);
  });
});

describe('its input', () => {
  const rendered = (params: Record<string, unknown>) =>
    authoring.renderBody(cellOf(source('task=charge_card', whole)).body, { params, outputs: {}, step: {} });

  test('is filled in as JSON', () => {
    expect(rendered({ customer: 'c"1', cents: 5 })).toEqual({
      kind: 'body',
      body: { kind: 'task', task: 'charge_card', input: '{"customer":"c\\"1","cents":5}' },
    });
  });
  test('that does not fit is an error that says where', () => {
    expect(rendered({ customer: '', cents: 5 })).toEqual({
      kind: 'error',
      message: 'The input does not fit task charge_card: `customer` must NOT have fewer than 1 characters.',
    });
  });
});

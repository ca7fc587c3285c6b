/** Runbooks made by hand for engine tests, and an authoring port that only knows `true`, `false` and a few comparisons. */
import {
  type Authoring,
  type Cell,
  type CellBody,
  limits,
  type RenderedBody,
  type Runbook,
} from '../../src/engine/index.ts';

export const cellOf = (index: number, name: string, over: Partial<Cell> = {}): Cell => ({
  index,
  name,
  line: 10 + index,
  timeoutMs: 4_000,
  retryMax: null,
  interrupted: 'hold',
  settleMs: limits.settleMsDefault,
  keyWindowMs: null,
  when: null,
  optional: false,
  expect: [],
  probe: null,
  reads: [],
  body: { kind: 'ts', code: `export default () => ${index}` },
  ...over,
});

export const runbookOf = (cells: Partial<Cell>[], over: Partial<Runbook> = {}): Runbook => ({
  format: 1,
  runbookId: 'demo',
  title: 'Demo',
  params: { type: 'object', properties: {}, required: [], additionalProperties: true },
  unique: null,
  concurrency: null,
  cells: cells.map((over, index) => cellOf(index, over.name ?? `c${index}`, over)),
  ...over,
});

export const pass = { source: 'true', line: 1 };
export const fail = { source: 'false', line: 1 };
export const broken = { source: 'broken', line: 1 };

/** Compiles nothing: `publish` gets the runbook as JSON text. */
export const plainAuthoring: Authoring = {
  compile: (source) => ({ kind: 'runbook', runbook: JSON.parse(source) as Runbook }),
  resolveParams: (_runbook, given) => given,
  evaluate: (expression, scope) => {
    if (expression.source === 'broken') return { kind: 'error', message: 'broken on purpose' };
    if (expression.source === 'true' || expression.source === 'false')
      return { kind: 'value', value: expression.source === 'true' };
    const [path = '', wanted] = expression.source.split(' == ');
    const value = path
      .split('.')
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], scope);
    return wanted === undefined ? { kind: 'value', value } : { kind: 'value', value: JSON.stringify(value) === wanted };
  },
  render: (template, scope) => ({
    kind: 'text',
    text: template
      .map((part) => (typeof part === 'string' ? part : String(scope.params[part.expression] ?? '')))
      .join(''),
  }),
  renderBody: (body: CellBody) => {
    if (body.kind === 'manual')
      return { kind: 'body', body: { kind: 'manual', instructions: body.instructions.join('') } };
    return { kind: 'body', body: body as unknown as RenderedBody };
  },
  parseJson: (text) => JSON.parse(text),
};

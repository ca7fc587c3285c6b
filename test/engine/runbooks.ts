/** Runbooks made by hand for engine tests, and an authoring port that only knows `true`, `false` and a few comparisons. */
import {
  type Authoring,
  type Cell,
  type CellBody,
  limits,
  type Probe,
  type RenderedBody,
  type Runbook,
  type Scope,
  type Template,
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

/** What it is asked by is code: its text says that it is the probe. */
export const probe: Probe = {
  line: 1,
  timeoutMs: 1_000,
  done: null,
  notDone: null,
  reads: [],
  body: { kind: 'ts', code: 'probe' },
};

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

const at = (path: string, scope: Scope): unknown =>
  path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], scope);

const fill = (template: Template, scope: Scope): string =>
  template
    .map((part) => {
      if (typeof part === 'string') return part;
      // What is JSON names its whole path.
      if (part.write === 'json') return JSON.stringify(at(part.expression, scope) ?? null);
      return String(scope.params[part.expression] ?? '');
    })
    .join('');

const rendered = (body: CellBody, scope: Scope): RenderedBody => {
  const all = (templates: Template[]): string[] => templates.map((template) => fill(template, scope));
  switch (body.kind) {
    case 'manual':
      return { kind: 'manual', instructions: fill(body.instructions, scope) };
    case 'await':
      return { kind: 'await', claims: all(body.claims) };
    case 'approve': {
      const { kind, text, approvers, groups } = body;
      const quorum = typeof body.quorum === 'number' ? body.quorum : Number(fill(body.quorum, scope));
      return { kind, text: fill(text, scope), approvers: all(approvers), groups: all(groups), quorum };
    }
    case 'wait':
      return {
        ...body,
        forMs: typeof body.forMs === 'number' ? body.forMs : null,
        until: body.until === null ? null : fill(body.until, scope),
      };
    case 'http': {
      // A probe has no key of its own to send: it asks about that of the effect.
      const url = String(body.url).replace('{key}', encodeURIComponent(String(scope.step.idempotencyKey)));
      return { ...body, url } as unknown as RenderedBody;
    }
    default:
      return body as unknown as RenderedBody;
  }
};

export const awaiting = (claims: string[], over: Partial<CellBody & { kind: 'await' }> = {}): CellBody => ({
  kind: 'await',
  claims: claims.map((claim) => [claim]),
  match: 'all',
  until: ['supported'],
  condition: null,
  withinMs: null,
  onTimeout: 'fail',
  ...over,
});
export const approving = (approvers: string[], over: Partial<CellBody & { kind: 'approve' }> = {}): CellBody => ({
  kind: 'approve',
  text: ['Shall it go on?'],
  lines: 1,
  approvers: approvers.map((one) => [one]),
  groups: [],
  quorum: 1,
  self: false,
  withinMs: null,
  onExpiry: 'reject',
  onReject: 'halt',
  ...over,
});
export const waitingFor = (forMs: number): CellBody => ({ kind: 'wait', forMs, until: null, cron: null, tz: 'UTC' });

const evaluate: Authoring['evaluate'] = (expression, scope) => {
  if (expression.source === 'broken') return { kind: 'error', message: 'broken on purpose' };
  if (expression.source === 'true' || expression.source === 'false')
    return { kind: 'value', value: expression.source === 'true' };
  // The names of the parts of a section with `parallel`.
  if (expression.source.startsWith('[')) return { kind: 'value', value: JSON.parse(expression.source) };
  const [path = '', wanted] = expression.source.split(' == ');
  const value = at(path, scope);
  return wanted === undefined ? { kind: 'value', value } : { kind: 'value', value: JSON.stringify(value) === wanted };
};

/** The elements of a section with `each`, as the text of a list. */
const elements = (
  body: Extract<CellBody, { kind: 'each' | 'run' }>,
  scope: Scope,
): ReturnType<Authoring['renderBody']> => {
  const found = evaluate(body.over, scope);
  if (found.kind === 'error') return found;
  return { kind: 'body', body: { kind: 'each', items: JSON.stringify(found.value ?? null) } };
};

/** Compiles nothing: `publish` gets the runbook as JSON text. */
export const plainAuthoring: Authoring = {
  runsIn: () => [],
  compile: (source) => ({ kind: 'runbook', runbook: JSON.parse(source) as Runbook, notes: [] }),
  resolveParams: (_runbook, given) => given,
  evaluate,
  render: (template, scope) => ({ kind: 'text', text: fill(template, scope) }),
  renderBody: (body: CellBody, scope) =>
    body.kind === 'each' || body.kind === 'run' ? elements(body, scope) : { kind: 'body', body: rendered(body, scope) },
  lasts: (lasting, scope) => {
    const ms = typeof lasting === 'number' ? lasting : Number(fill(lasting, scope));
    return Number.isNaN(ms) ? { kind: 'error', message: 'it is no time' } : { kind: 'ms', ms };
  },
  momentOf: ({ forMs, until }, nowMs) => {
    const atMs = until === null ? nowMs + (forMs ?? 0) : Date.parse(until);
    return Number.isNaN(atMs) ? { kind: 'error', message: `${until} is no time` } : { kind: 'moment', atMs };
  },
  parseJson: (text) => JSON.parse(text),
};

/** What a runbook would do with some parameters, as far as that can be known before it runs. */
import {
  type Authoring,
  type Cell,
  type Expression,
  isSafe,
  limits,
  type Runbook,
  type Scope,
  type Template,
} from '../engine/index.ts';
import { duration, oneLine, plural } from './format.ts';
import { harmless, type Screen } from './screen.ts';

type PlannedCell = {
  name: string;
  kind: string;
  line: number;
  timeoutMs: number;
  /** Further attempts after a known failure. */
  retries: number;
  /** What it repeats beside known failures: what is not as expected, by `retryOn` or by the method of the request. */
  retryOn: 'unexpected' | null;
  interrupted: string;
  /** `interrupted` is declared by the method alone: by which. */
  byMethod: string | null;
  /** Statuses of which the author says what they mean. */
  failedOn: number[];
  unknownOn: number[];
  optional: boolean;
  when: string | null;
  expect: string[];
  /** Of a cell that waits: for whom or what, how long, and what then. */
  waits: string | null;
  /** What it acts with; `{{ }}` stays where an earlier cell's output is needed. */
  input: string;
};
export type Plan = {
  runbookId: string;
  title: string;
  params: Record<string, unknown>;
  /** Where `unique` decides it. */
  instanceId: string | null;
  concurrency: string | null;
  cells: PlannedCell[];
};

const fill = (authoring: Authoring, template: Template, scope: Scope): string =>
  template
    .map((part) => {
      if (typeof part === 'string') return part;
      const rendered = authoring.render([part], scope);
      return rendered.kind === 'text' ? rendered.text : `{{ ${part.expression} }}`;
    })
    .join('');

const sources = (expressions: Expression[]): string[] => expressions.map(({ source }) => source);

const inputOf = (authoring: Authoring, { body }: Cell, scope: Scope): string => {
  switch (body.kind) {
    case 'ts':
    case 'js':
    case 'sh':
      return body.code.trim();
    case 'http': {
      const headers = body.headers.map(([name, value]) => `\n${name}: ${fill(authoring, value, scope)}`).join('');
      const content = body.body === null ? '' : `\n\n${fill(authoring, body.body, scope)}`;
      return `${body.method} ${fill(authoring, body.url, scope)}${headers}${content}`;
    }
    case 'manual':
      return fill(authoring, body.instructions, scope);
    case 'assert':
      return sources(body.expressions).join('\n');
    case 'await': {
      const which = body.claims.length === 1 ? '' : `${body.match} of `;
      const claims = body.claims.map((claim) => fill(authoring, claim, scope)).join(', ');
      const also = body.condition === null ? '' : `\nif ${body.condition.source}`;
      return `${which}${claims}: ${body.until.join(' or ')}${also}`;
    }
    case 'approve':
      return fill(authoring, body.text, scope);
    case 'wait':
      if (body.forMs !== null) return `for ${duration(body.forMs)}`;
      if (body.until !== null) return `until ${fill(authoring, body.until, scope)}`;
      return `until the next time of ${body.cron} in ${body.tz}`;
    case 'end':
      return '';
  }
};

const within = (ms: number | null, then: string): string =>
  ms === null ? 'as long as it takes' : `${duration(ms)} at most, then ${then}`;
const onTimeout = { fail: 'it fails', continue: 'it goes on' } as const;

const waitsOf = (authoring: Authoring, { body, poll }: Cell, scope: Scope): string | null => {
  if (poll !== undefined)
    return `repeated every ${duration(poll.everyMs)} until what it expects holds; ${within(poll.withinMs, onTimeout[poll.onTimeout])}`;
  switch (body.kind) {
    case 'manual':
      return 'waits for a person';
    case 'await':
      return `waits for claims; ${within(body.withinMs, onTimeout[body.onTimeout])}`;
    case 'approve': {
      const names = (list: Template[]): string[] => list.map((one) => fill(authoring, one, scope));
      const whom = [...names(body.approvers), ...names(body.groups).map((group) => `members of ${group}`)].join(', ');
      const time = within(body.withinMs, `it is ${body.onExpiry === 'approve' ? 'approved' : 'rejected'}`);
      const rejected = body.onReject === 'halt' ? 'halts' : 'goes on';
      const self = body.self ? '' : ', not the starter';
      return `asks ${whom}${self}; ${plural(body.quorum, 'approval')} needed; ${time}; rejected: ${rejected}`;
    }
    case 'wait':
      return 'waits for a time';
    default:
      return null;
  }
};

/** @throws PawlError `params.invalid` */
export const planOf = (authoring: Authoring, runbook: Runbook, given: Record<string, unknown>): Plan => {
  const params = authoring.resolveParams(runbook, given);
  // Without outputs and step, whatever needs them cannot be filled in yet, and shows as it is written.
  const scope: Scope = { params, outputs: {}, step: {} };
  const cells = runbook.cells.map((cell) => ({
    name: cell.name,
    kind: cell.body.kind,
    line: cell.line,
    timeoutMs: cell.timeoutMs,
    retries: cell.retryMax ?? 0,
    retryOn: cell.retryOn ?? (isSafe(cell) && cell.poll === undefined ? ('unexpected' as const) : null),
    interrupted: cell.interrupted,
    byMethod: cell.byMethod ?? null,
    failedOn: (cell.body.kind === 'http' && cell.body.failedOn) || [],
    unknownOn: (cell.body.kind === 'http' && cell.body.unknownOn) || [],
    optional: cell.optional,
    when: cell.when?.source ?? null,
    expect: sources(cell.expect),
    waits: waitsOf(authoring, cell, scope),
    input: inputOf(authoring, cell, scope),
  }));
  return {
    runbookId: runbook.runbookId,
    title: runbook.title,
    params,
    instanceId: runbook.unique === null ? null : `${runbook.runbookId}.${fill(authoring, runbook.unique, scope)}`,
    concurrency: runbook.concurrency === null ? null : fill(authoring, runbook.concurrency, scope),
    cells,
  };
};

const onInterruption: Record<string, string> = {
  hold: 'a person decides',
  retry: 'is tried again',
  probe: 'its probe decides',
  continue: 'goes on',
};

const policy = (cell: PlannedCell): string => {
  if (cell.kind === 'assert') return 'no effects; halts unless all hold';
  if (cell.kind === 'end') return 'no effects; ends the run';
  if (cell.waits !== null) return cell.waits;
  const retries = cell.retries > 0 ? `${plural(cell.retries, 'more attempt')}, then ` : '';
  const failed = `fails${cell.retryOn === null ? '' : ' or is not as expected'}: ${retries}${cell.optional ? 'forgiven' : 'halts'}`;
  const by = cell.byMethod === null ? '' : ` (${cell.byMethod}, RFC 9110)`;
  const cut = `cut off: ${onInterruption[cell.interrupted] ?? cell.interrupted}${by}`;
  const statuses = (['failedOn', 'unknownOn'] as const)
    .filter((name) => cell[name].length > 0)
    .map((name) => `; ${name} ${cell[name].join(' ')}`);
  return `${duration(cell.timeoutMs)}; ${failed}; ${cut}${statuses.join('')}`;
};

const inputLinesMax = 4;

export const printPlan = (screen: Screen, plan: Plan): void => {
  const { print, paint, width } = screen;
  print(paint('strong', `${plan.runbookId}: ${harmless(plan.title)}`));
  for (const [name, value] of Object.entries(plan.params))
    print(`  ${name} = ${oneLine(harmless(JSON.stringify(value)), width - name.length - 5)}`);
  if (plan.instanceId !== null) print(`  instance ${plan.instanceId}, by \`unique\``);
  if (plan.concurrency !== null) print(`  one unfinished instance at a time for ${harmless(plan.concurrency)}`);
  plan.cells.forEach((cell, index) => {
    print();
    print(`${String(index + 1).padStart(2)}  ${paint('strong', cell.name)}  ${cell.kind}, line ${cell.line}`);
    print(paint('quiet', `    ${policy(cell)}`));
    if (cell.when !== null) print(`    when    ${harmless(cell.when)}`);
    const lines = cell.input.split('\n').filter((line) => line.trim() !== '');
    for (const line of lines.slice(0, inputLinesMax))
      print(`    | ${oneLine(harmless(line.replaceAll('\t', '  ')), width - 6).padStart(0)}`);
    if (lines.length > inputLinesMax)
      print(paint('quiet', `    | … ${plural(lines.length - inputLinesMax, 'more line')}`));
    for (const source of cell.expect) print(`    expect  ${harmless(source)}`);
  });
  print();
  print(`${plural(plan.cells.length, 'cell')} of at most ${limits.cellsPerRunbookMax}. Nothing was published or run.`);
};

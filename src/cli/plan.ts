/** What a runbook would do with some parameters, as far as that can be known before it runs. */
import {
  type Authoring,
  allCells,
  branchesOf,
  type Cell,
  changesSomething,
  type EachBody,
  type Expression,
  innerCells,
  isSafe,
  kindWord,
  limits,
  partsOf,
  type Runbook,
  type Scope,
  safeText,
  type Template,
} from '../engine/index.ts';
import { duration, oneLine, plural } from './format.ts';
import { type Ends, endText, type Failing, failingOf, printFailing, undoOf } from './planEnds.ts';
import { harmless, type Screen } from './screen.ts';

type PlannedCell = Ends & {
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
  /** Statuses, or error codes of AWS, of which the author says what they mean. */
  failedOn: (number | string)[];
  unknownOn: (number | string)[];
  /** What else it says of how it is carried out, as it says it: `shell=bash`, `redirects=3`. */
  ways: string[];
  optional: boolean;
  /** The branches in whose sections it stands, the outermost first. */
  within: string[];
  /** Of a section with `parallel` that is one of them: the part in which it stands; of the innermost. */
  part: string | null;
  /** Of a branch: how many cells its section has. */
  sectionCells: number | null;
  /** Of a section with `each`: how it goes over its elements. Of `parallel` with the names of its parts. */
  each: (Failing & { as: string; max: string; stopAfter: number; cells: number; parts: string[] | null }) | null;
  when: string | null;
  expect: string[];
  /** Of a cell that waits: for whom or what, how long, and what then. */
  waits: string | null;
  /** What it acts with; `{{ }}` stays where an earlier cell's output is needed. */
  input: string;
};
export type Plan = Failing & {
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

const bigAsText = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);

const inputOf = (authoring: Authoring, { body }: Cell, scope: Scope): string => {
  switch (body.kind) {
    case 'ts':
    case 'js':
    case 'sh':
      return body.code.trim();
    case 'http': {
      const headers = body.headers.map(([name, value]) => `\n${name}: ${fill(authoring, value, scope)}`).join('');
      const content = body.body === null ? '' : `\n\n${fill(authoring, body.body, scope)}`;
      const role = body.sigv4?.role == null ? '' : ` as ${fill(authoring, body.sigv4.role, scope)}`;
      const signed =
        body.sigv4 === undefined ? '' : `\nsigned for ${body.sigv4.service} in ${body.sigv4.region}${role}`;
      return `${body.method} ${fill(authoring, body.url, scope)}${signed}${headers}${content}`;
    }
    case 'aws': {
      const { service, action, tokens } = body;
      const place = (
        [
          ['in', body.region],
          ['as', body.role],
        ] as const
      )
        .map(([word, template]) => (template === null ? '' : ` ${word} ${fill(authoring, template, scope)}`))
        .join('');
      const filled = tokens.map((token) => `\n${token}: from the key of the visit`).join('');
      return `${service}:${action}${place}\n${fill(authoring, body.input, scope)}${filled}`;
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
    case 'branch':
      return '';
    case 'each': {
      // Elements are known where the list needs no earlier output.
      const found = authoring.renderBody(body, scope);
      if (found.kind === 'error' || found.body.kind !== 'each') return body.over.source;
      const items = authoring.parseJson(found.body.items);
      if (!Array.isArray(items)) return body.over.source;
      const each = items.map((item) => (typeof item === 'string' ? item : JSON.stringify(item, bigAsText)));
      return [`${body.over.source}: ${plural(items.length, 'element')}`, ...each].join('\n');
    }
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

/** Attributes that say how a cell is carried out, where they differ from what holds without them. */
const waysOf = (authoring: Authoring, cell: Cell, scope: Scope): string[] => {
  const { body, probe, interrupted, settleMs, keyWindowMs, at, needs, uses = [] } = cell;
  const ways: string[] = [];
  if (body.kind === 'end' && body.as !== undefined) ways.push(`as=${body.as}`);
  if (at !== undefined) ways.push(`at=${fill(authoring, at, scope)}`);
  for (const name of ['programs', 'env'] as const)
    if ((needs?.[name] ?? []).length > 0) ways.push(`${name}=${needs?.[name].join(',')}`);
  if (uses.length > 0) ways.push(`uses=${uses.join(',')}`);
  if (interrupted === 'probe') ways.push(`probe=${probe?.body.kind ?? ''}`, `settle=${duration(settleMs)}`);
  if (keyWindowMs !== null) ways.push(`keyWindow=${duration(keyWindowMs)}`);
  if (body.kind === 'sh') {
    if (body.errexit !== true) ways.push('errexit=off');
    if (body.shell !== undefined) ways.push(`shell=${body.shell}`);
  }
  if (body.kind === 'http') {
    if (body.cookies !== undefined) ways.push(`cookies=${body.cookies}`);
    if (body.redirects !== undefined) ways.push(`redirects=${body.redirects}`);
  }
  return ways;
};

const eachOf = (body: EachBody, inner: Cell[]) => {
  const { as, max, stopAfter, parts, onFailure } = body;
  const atATime = 'count' in max ? String(max.count) : `${max.percent}%`;
  const names = parts?.map(({ name }) => name) ?? null;
  const failing = failingOf({ cells: inner, ...(onFailure === undefined ? {} : { onFailure }) });
  return { ...failing, as, max: atATime, stopAfter, cells: allCells(inner).length, parts: names };
};

type Placed = Pick<PlannedCell, 'within' | 'part'> & { cell: Cell; undoneBy: Ends['undoneBy'] };

/** Every cell, the sections in which it stands, the outermost first, and what takes it back. */
const levelsOf = (cells: readonly Cell[], around: string[], part: string | null): Placed[] =>
  cells.flatMap((cell) => {
    const within = [...around, ...branchesOf({ cells: [...cells] }, cell.index)];
    const parts = cell.body.kind === 'each' ? partsOf(cell.body) : [];
    const inner = parts.flatMap((one) => levelsOf(one.cells, [...within, cell.name], one.name ?? null));
    return [{ cell, within, part, undoneBy: undoOf(cells, cell) }, ...inner];
  });

/** @throws PawlError `params.invalid` */
export const planOf = (authoring: Authoring, runbook: Runbook, given: Record<string, unknown>): Plan => {
  const params = authoring.resolveParams(runbook, given);
  // Without outputs and step, whatever needs them cannot be filled in yet, and shows as it is written.
  const scope: Scope = { params, outputs: {}, step: {} };
  const cells = levelsOf(runbook.cells, [], null).map(({ cell, within, part, undoneBy }) => ({
    name: cell.name,
    kind: kindWord(cell),
    line: cell.line,
    timeoutMs: cell.timeoutMs,
    retries: cell.retryMax ?? 0,
    retryOn: cell.retryOn ?? (isSafe(cell) && cell.poll === undefined ? ('unexpected' as const) : null),
    interrupted: cell.interrupted,
    byMethod: cell.byMethod ?? null,
    failedOn: ('failedOn' in cell.body && cell.body.failedOn) || [],
    unknownOn: ('unknownOn' in cell.body && cell.body.unknownOn) || [],
    ways: waysOf(authoring, cell, scope),
    optional: cell.optional,
    ...(cell.cleanup === undefined ? {} : { cleanup: cell.cleanup }),
    undoneBy,
    hasEffects: changesSomething(cell),
    within,
    part,
    sectionCells: cell.body.kind === 'branch' ? cell.body.cells : null,
    each: cell.body.kind === 'each' ? eachOf(cell.body, innerCells(cell)) : null,
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
    ...failingOf(runbook),
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
  if (cell.each !== null) {
    const { as, max, stopAfter, cells, parts } = cell.each;
    if (cell.cleanup !== undefined) return `element by element, the last first, ${max} at a time`;
    const what = parts === null ? `once for every ${as} of this list` : 'its parts beside each other';
    const atATime = parts !== null && max === '100%' ? 'all' : max;
    return `${what}: a section of ${plural(cells, 'cell')}, ${atATime} at a time; no more begin after ${stopAfter} halted, in doubt or given up`;
  }
  if (cell.sectionCells !== null)
    return `a section of ${plural(cell.sectionCells, 'cell')}, passed over together unless this holds`;
  if (cell.waits !== null) return cell.waits;
  const retries = cell.retries > 0 ? `${plural(cell.retries, 'more attempt')}, then ` : '';
  const failed = `fails${cell.retryOn === null ? '' : ' or is not as expected'}: ${retries}${cell.optional ? 'forgiven' : 'halts'}`;
  const by = cell.byMethod === null ? '' : ` (${safeText(cell.byMethod)})`;
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
  const hasEnds = plan.cells.some(({ cleanup }) => cleanup !== undefined);
  plan.cells.forEach((cell, index) => {
    const indent = '  '.repeat(cell.within.length);
    const part = cell.part === null ? '' : ` in ${cell.part}`;
    print();
    print(
      `${indent}${String(index + 1).padStart(2)}  ${paint('strong', cell.name)}  ${cell.kind}${part}, line ${cell.line}`,
    );
    print(paint('quiet', `${indent}    ${policy(cell)}${cell.ways.map((way) => `; ${way}`).join('')}`));
    const end = endText(cell, hasEnds);
    if (end !== null) print(`${indent}    end     ${end}`);
    if (cell.each !== null && cell.each.path.length > 0)
      printFailing(screen, `${indent}    `, 'a failure in an element', cell.each);
    if (cell.when !== null) print(`${indent}    when    ${harmless(cell.when)}`);
    const lines = cell.input.split('\n').filter((line) => line.trim() !== '');
    for (const line of lines.slice(0, inputLinesMax))
      print(`${indent}    | ${oneLine(harmless(line.replaceAll('\t', '  ')), width - 6 - indent.length)}`);
    if (lines.length > inputLinesMax)
      print(paint('quiet', `${indent}    | … ${plural(lines.length - inputLinesMax, 'more line')}`));
    for (const source of cell.expect) print(`${indent}    expect  ${harmless(source)}`);
  });
  print();
  if (plan.path.length > 0 || plan.onFailure !== 'ask') printFailing(screen, '', 'A failure', plan);
  print(`${plural(plan.cells.length, 'cell')} of at most ${limits.cellsPerRunbookMax}. Nothing was published or run.`);
};

/** What a seed's schedule is about: a runbook of one to six mixed cells, and the deployment it runs in. */
import {
  type Cell,
  type CellBody,
  type Expression,
  type Holds,
  natureOf,
  type Probe,
  partsOf,
  type Runbook,
} from '../../src/engine/index.ts';
import { approving, awaiting, runbookOf, waitingFor } from '../engine/runbooks.ts';
import type { Draw } from './schedule.ts';
import { asksEnd, condition, drawSections, earlier } from './sections.ts';
import { claimIds, voters } from './waiting.ts';

const one = (source: string): Expression => ({ source, line: 1 });

const common = { line: 1, timeoutMs: 2_000, reads: [] };
const codeProbe: Probe = { ...common, done: null, notDone: null, body: { kind: 'ts', code: 'probe' } };
const httpProbe: Probe = {
  ...common,
  done: 'output.done == true',
  notDone: 'output.done == false',
  body: { kind: 'http', method: 'GET', url: ['https://example.com/'], headers: [], body: null },
};

const withoutEffect = (draw: Draw, index: number): Partial<Cell> | undefined => {
  const x = draw.fraction();
  if (x < 0.02 && index > 0) {
    const { source, states } = asksEnd(draw, index);
    return { body: { kind: 'assert', expressions: [one(source)] }, states, optional: draw.chance(0.8) };
  }
  if (x < 0.06) {
    const name = index > 0 && draw.chance(0.4) ? earlier(draw, index) : undefined;
    const expressions = [one(name === undefined ? 'true' : `outputs.${name}.good == true`)];
    const body: CellBody = { kind: 'assert', expressions };
    return { body, reads: name === undefined ? [] : [name], optional: draw.chance(0.5) };
  }
  if (x < 0.12) return { body: { kind: 'manual', instructions: ['Look.'] } };
  if (x < 0.14) return { body: { kind: 'end' }, ...condition(draw, index) };
  return undefined;
};

const some = <T>(draw: Draw, items: readonly T[]): T[] => {
  const [first, ...others] = items.filter(() => draw.chance(0.6));
  return first === undefined ? [draw.pick(items)] : [first, ...others];
};

const drawHolds = (draw: Draw): Holds | undefined => {
  const x = draw.fraction();
  if (x < 0.35) return { forMs: draw.pick([5_000, 20_000, 45_000]) };
  return x < 0.6 ? { times: 2 + draw.int(2) } : undefined;
};

const waiting = (draw: Draw): Partial<Cell> => {
  const withinMs = draw.chance(0.5) ? null : draw.pick([8_000, 25_000, 60_000]);
  const onTimeout = draw.pick(['fail', 'continue'] as const);
  const x = draw.fraction();
  if (x < 0.5) {
    const until = draw.pick([['supported'], ['supported', 'superseded']] as const);
    const over = { match: draw.pick(['all', 'any'] as const), until: [...until], withinMs, onTimeout };
    return { body: awaiting(some(draw, claimIds), over), optional: draw.chance(0.3) };
  }
  if (x < 0.75) {
    const approvers = some(draw, voters);
    const quorum = 1 + draw.int(Math.min(2, approvers.length));
    const onExpiry = draw.pick(['approve', 'reject'] as const);
    const onReject = draw.pick(['halt', 'continue'] as const);
    return { body: approving(approvers, { quorum, withinMs, onExpiry, onReject }) };
  }
  if (x < 0.88) return { body: waitingFor(draw.pick([3_000, 25_000, 90_000])) };
  const holds = drawHolds(draw);
  const everyMs = draw.pick(holds === undefined ? [2_000, 10_000, 30_000] : [10_000, 30_000]);
  const poll = { everyMs, withinMs, onTimeout, ...(holds === undefined ? {} : { holds }) };
  return { body: { kind: 'ts', code: 'poll' }, poll, expect: [one('output.ready == true')], timeoutMs: 2_000 };
};

const request = (method: string): CellBody => ({
  kind: 'http',
  method,
  url: ['https://example.com/'],
  headers: [],
  body: null,
});

export const drawCell = (draw: Draw, index: number, waits: boolean): Partial<Cell> => {
  if (waits && draw.chance(0.45)) return waiting(draw);
  const pure = withoutEffect(draw, index);
  if (pure !== undefined) return pure;
  const interrupted = draw.pick(['hold', 'retry', 'retry', 'probe', 'probe', 'continue'] as const);
  const expected = draw.fraction();
  const conditional = draw.chance(0.08) ? condition(draw, index) : undefined;
  const reads = index > 0 && draw.chance(0.3) ? [earlier(draw, index)] : [];
  const requests = draw.chance(0.25);
  return {
    interrupted,
    ...(requests ? { body: request(draw.pick(['POST', 'POST', 'POST', 'GET'])) } : {}),
    ...(draw.chance(0.2) ? { retryOn: 'unexpected' as const } : {}),
    probe: interrupted === 'probe' ? draw.pick([codeProbe, codeProbe, httpProbe]) : null,
    settleMs: draw.pick([0, 5_000, 120_000]),
    keyWindowMs: draw.chance(0.15) ? draw.pick([20_000, 120_000]) : null,
    retryMax: draw.chance(0.5) ? draw.int(4) : null,
    optional: draw.chance(0.15),
    expect: expected < 0.15 ? [one('output.good == true')] : expected < 0.18 ? [one('status == "failed"')] : [],
    timeoutMs: draw.pick([2_000, 8_000]),
    ...(conditional === undefined ? { reads } : { ...conditional, reads: [...conditional.reads, ...reads] }),
  };
};

/** A cell that nobody has to wait for. */
export const drawEffect = (draw: Draw, index: number): Partial<Cell> => drawCell(draw, index, false);

/** One to so many cells, some of them in sections. */
export const drawCells = (draw: Draw, most: number, drawOne: (index: number) => Partial<Cell>): Partial<Cell>[] =>
  draw.chance(0.4)
    ? drawSections(draw, 1 + draw.int(Math.min(4, most)), drawOne)
    : Array.from({ length: 1 + draw.int(most) }, (_, index) => drawOne(index));

/** Some wait much, others not at all. */
export const drawRunbook = (draw: Draw): Runbook => {
  const waits = draw.chance(0.4);
  return runbookOf(drawCells(draw, 6, (index) => drawCell(draw, index, waits)));
};

export const hasWaits = ({ cells }: Pick<Runbook, 'cells'>): boolean =>
  cells.some((cell) =>
    cell.body.kind === 'each'
      ? partsOf(cell.body).some(hasWaits)
      : natureOf(cell) === 'waiting' && cell.body.kind !== 'manual' && cell.body.kind !== 'run',
  );

const seconds = (ms: unknown): string => (ms === null ? 'none' : `${Number(ms) / 1000} s`);

/** The cells in a line each, for whoever reads a trace. */
export const describeRunbook = (runbook: Runbook): string[] =>
  runbook.cells.flatMap((cell) => {
    const words = [cell.name, cell.body.kind];
    const { body, poll } = cell;
    if (body.kind === 'await') {
      words.push(body.match, body.claims.flat().join(','), `until ${body.until}`, `within ${seconds(body.withinMs)}`);
      words.push(`onTimeout=${body.onTimeout}`);
    } else if (body.kind === 'approve') {
      words.push(`${body.quorum} of ${body.approvers.flat()}`, `within ${seconds(body.withinMs)}`);
      words.push(`default=${body.onExpiry}`, `onReject=${body.onReject}`);
    } else if (body.kind === 'wait') words.push(`for ${seconds(body.forMs)}`);
    else if (poll !== undefined) {
      words.push(`poll every ${seconds(poll.everyMs)}`, `within ${seconds(poll.withinMs)}`);
      if (poll.holds !== undefined) words.push(`holds ${JSON.stringify(poll.holds)}`);
    } else if (natureOf(cell) === 'effect') {
      if (body.kind === 'http') words.push(body.method);
      words.push(`timeout ${seconds(cell.timeoutMs)}`, `retry=${cell.retryMax ?? 'none'}`);
      if (cell.retryOn !== undefined) words.push(`retryOn=${cell.retryOn}`);
      words.push(`interrupted=${cell.interrupted}`);
      if (cell.probe !== null) words.push(`settle ${seconds(cell.settleMs)}`);
      if (cell.keyWindowMs !== null) words.push(`keyWindow ${seconds(cell.keyWindowMs)}`);
    }
    if (body.kind === 'branch') words.push(`of ${body.cells} cells`);
    if (body.kind === 'end' && body.as !== undefined) words.push(`as ${body.as}`);
    if (cell.cleanup !== undefined) words.push(JSON.stringify(cell.cleanup));
    if (cell.body.kind === 'assert') words.push(...cell.body.expressions.map(({ source }) => source));
    if (cell.optional) words.push('optional');
    if (cell.when !== null) words.push(`when ${cell.when.source}`);
    for (const { source } of cell.expect) words.push(`expect ${source}`);
    if (cell.reads.length > 0) words.push(`reads ${cell.reads}`);
    if (body.kind !== 'each' && body.kind !== 'run') return [`   cell ${words.join(' ')}`];
    const max = 'count' in body.max ? body.max.count : `${body.max.percent}%`;
    words.push(`over ${body.over.source}`, `max ${max}`, `stopAfter ${body.stopAfter}`);
    if (body.kind === 'run') return [`   cell ${words.join(' ')} of ${body.pin.runbookId}`];
    words.push(`onFailure=${body.onFailure ?? 'ask'}`, 'of');
    return [
      `   cell ${words.join(' ')}`,
      ...partsOf(body).flatMap((part) => describeRunbook({ ...runbook, cells: part.cells })),
    ];
  });

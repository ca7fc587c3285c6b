/** What a seed's schedule is about: a runbook of one to six mixed cells, and the deployment it runs in. */
import type { Cell, CellBody, Expression, Probe, Runbook } from '../../src/engine/index.ts';
import { runbookOf } from '../engine/runbooks.ts';
import type { Draw } from './schedule.ts';

const one = (source: string): Expression => ({ source, line: 1 });

const common = { line: 1, timeoutMs: 2_000, reads: [] };
const codeProbe: Probe = { ...common, done: null, notDone: null, body: { kind: 'ts', code: 'probe' } };
const httpProbe: Probe = {
  ...common,
  done: 'output.done == true',
  notDone: 'output.done == false',
  body: { kind: 'http', method: 'GET', url: ['https://example.com/'], headers: [], body: null },
};

/** An earlier cell whose output a later one may look at; it may have been skipped, or have failed. */
const earlier = (draw: Draw, index: number): string => `c${draw.int(index)}`;

const condition = (draw: Draw, index: number): { when: Expression; reads: string[] } => {
  if (index === 0 || draw.chance(0.6)) return { when: one(draw.chance(0.5) ? 'true' : 'false'), reads: [] };
  const name = earlier(draw, index);
  return { when: one(`outputs.${name}.good == true`), reads: [name] };
};

const withoutEffect = (draw: Draw, index: number): Partial<Cell> | undefined => {
  const x = draw.fraction();
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

const drawCell = (draw: Draw, index: number): Partial<Cell> => {
  const pure = withoutEffect(draw, index);
  if (pure !== undefined) return pure;
  const interrupted = draw.pick(['hold', 'retry', 'retry', 'probe', 'continue'] as const);
  const expected = draw.fraction();
  const conditional = draw.chance(0.08) ? condition(draw, index) : undefined;
  const reads = index > 0 && draw.chance(0.3) ? [earlier(draw, index)] : [];
  return {
    interrupted,
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

export const drawRunbook = (draw: Draw): Runbook =>
  runbookOf(Array.from({ length: 1 + draw.int(6) }, (_, index) => drawCell(draw, index)));

const seconds = (ms: number | null): string => (ms === null ? 'none' : `${ms / 1000} s`);

/** The cells in a line each, for whoever reads a trace. */
export const describeRunbook = (runbook: Runbook): string[] =>
  runbook.cells.map((cell) => {
    const words = [cell.name, cell.body.kind];
    if (cell.body.kind === 'ts') {
      words.push(`timeout ${seconds(cell.timeoutMs)}`, `retry=${cell.retryMax ?? 'none'}`);
      words.push(`interrupted=${cell.interrupted}`);
      if (cell.probe !== null) words.push(`settle ${seconds(cell.settleMs)}`);
      if (cell.keyWindowMs !== null) words.push(`keyWindow ${seconds(cell.keyWindowMs)}`);
    }
    if (cell.body.kind === 'assert') words.push(...cell.body.expressions.map(({ source }) => source));
    if (cell.optional) words.push('optional');
    if (cell.when !== null) words.push(`when ${cell.when.source}`);
    for (const { source } of cell.expect) words.push(`expect ${source}`);
    if (cell.reads.length > 0) words.push(`reads ${cell.reads}`);
    return `   cell ${words.join(' ')}`;
  });

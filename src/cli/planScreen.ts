/** How a plan looks on a terminal. */
import { limits, type Plan, type PlannedCell, safeText } from '../engine/index.ts';
import { duration, oneLine, plural } from './format.ts';
import { endText, printFailing } from './planEnds.ts';
import { runLines, runPolicy } from './planRuns.ts';
import { harmless, type Screen } from './screen.ts';

const onInterruption: Record<string, string> = {
  hold: 'a person decides',
  retry: 'is tried again',
  probe: 'its probe decides',
  continue: 'goes on',
};

const policy = (cell: PlannedCell): string => {
  if (cell.kind === 'assert') return 'no effects; halts unless all hold';
  if (cell.kind === 'end') return 'no effects; ends the run';
  if (cell.run !== null) return runPolicy(cell.run, cell.cleanup !== undefined);
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

/** @param before what stands before the number of each, and before its line */
const printCells = (screen: Screen, cells: readonly PlannedCell[], before: string, margin: string): void => {
  const hasEnds = cells.some(({ cleanup }) => cleanup !== undefined);
  cells.forEach((cell, index) => {
    const indent = `${margin}${'  '.repeat(cell.within.length)}`;
    printCell(screen, cell, { indent, number: `${before}${index + 1}`.padStart(2), hasEnds });
  });
};

type Placing = { indent: string; number: string; hasEnds: boolean };

const printCell = (screen: Screen, cell: PlannedCell, { indent, number, hasEnds }: Placing): void => {
  const { print, paint, width } = screen;
  const part = cell.part === null ? '' : ` in ${cell.part}`;
  print();
  print(`${indent}${number}  ${paint('strong', cell.name)}  ${cell.kind}${part}, line ${cell.line}`);
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
  const { run } = cell;
  if (run === null) return;
  for (const line of runLines(run, cell.cleanup !== undefined)) print(`${indent}    ${line}`);
  if (run.path.length > 0 && run.cells !== null) printFailing(screen, `${indent}    `, 'a failure in it', run);
  printCells(screen, run.cells ?? [], `${number.trim()}.`, `${indent}  `);
};

export const printPlan = (screen: Screen, plan: Plan): void => {
  const { print, paint, width } = screen;
  print(paint('strong', `${plan.runbookId}: ${harmless(plan.title)}`));
  for (const [name, value] of Object.entries(plan.params))
    print(`  ${name} = ${oneLine(harmless(JSON.stringify(value)), width - name.length - 5)}`);
  if (plan.instanceId !== null) print(`  instance ${plan.instanceId}, by \`unique\``);
  if (plan.concurrency !== null) print(`  one unfinished instance at a time for ${harmless(plan.concurrency)}`);
  if (plan.notify !== null) print(`  when it halts, or is in doubt: ${harmless(plan.notify)}`);
  printCells(screen, plan.cells, '', '');
  print();
  if (plan.path.length > 0 || plan.onFailure !== 'ask') printFailing(screen, '', 'A failure', plan);
  print(`${plural(plan.cells.length, 'cell')} of at most ${limits.cellsPerRunbookMax}. Nothing was published or run.`);
};

/** How a test of a runbook under crashes looks on a terminal. */
import type { CellTest, Consequence, RunbookTest } from '../testing/index.ts';
import { differenceText, type WillRun } from '../testing/index.ts';
import { oneLine, plural } from './format.ts';
import { harmless, type Screen, type Tone } from './screen.ts';

const words: Record<Consequence, string> = {
  goes_on: 'it is recorded: goes on',
  waits: 'waits as before',
  held: 'in doubt: held for a person',
  retried: 'tried again, by interrupted=retry',
  probe_done: 'its probe says done: recorded, and on',
  probe_not_done: 'its probe says not done: tried again',
  probe_not_asked: 'its probe would decide; it was not asked, as the cell was answered for',
  continued: 'recorded as unknown, and on, by interrupted=continue',
  runs_again: 'would run again without a permission',
};

type Line = { label: string; text: string; tone: Tone };
const line = (label: string, text: string, tone: Tone = 'plain'): Line => ({ label, text, tone });

const thens = ({ crashes }: CellTest, after: CellTest['crashes'][number]['after']): Line[] =>
  // Several attempts of one cell mostly come to the same.
  [...new Map(crashes.filter((crash) => crash.after === after).map((crash) => [crash.then, crash])).values()].map(
    ({ then, detail, halts, withoutOutputFor }) => {
      const unsure = then === 'held' && detail !== null ? `${words.held}, since ${detail}` : words[then];
      const outcome = halts && then === 'probe_done' ? 'its probe says done: recorded, and the run halts' : unsure;
      const label = after === 'reserved' ? 'gone before its effect' : 'gone after its effect';
      if (then === 'runs_again') return line(label, outcome, 'bad');
      return withoutOutputFor.length === 0
        ? line(label, outcome)
        : line(label, `${outcome}; without its output, which ${withoutOutputFor.join(', ')} reads`, 'warn');
    },
  );

const repeatLine = ({ repeat, ended }: CellTest): Line[] => {
  if (repeat === null) return [];
  const why = repeat.by === 'retry' ? ', after a failure that the test made up' : '';
  if (repeat.same) {
    const isEmpty = ended?.output == null || ended.output === 'null';
    const found = isEmpty ? `${ended?.status} again${why}; it returns nothing, so nothing was compared` : null;
    return [line('ran again', found ?? `the same result${why}: ${ended?.status}`, isEmpty ? 'warn' : 'good')];
  }
  if (repeat.after === null) return [line('ran again', 'no attempt was left', 'bad')];
  const [first, ...more] = repeat.differences.map(differenceText);
  return [
    line('ran again', `another result${why}: ${first}`, 'bad'),
    ...more.slice(0, 3).map((text) => line('', text, 'bad')),
  ];
};

const endLine = ({ ended }: CellTest): Line[] => {
  if (ended === null || ended.satisfied) return [];
  const why = ended.error === null ? 'what it expects did not hold' : ended.error;
  return [line('ended', `${ended.status}: ${why}`, 'bad')];
};

/** What would follow a failure, which no test goes through. */
const putsBackLine = ({ putsBack, ran }: CellTest): Line[] =>
  putsBack.length === 0 || ran === 'not reached' || ran === 'skipped'
    ? []
    : [line('a failure here', `leads to ${putsBack.join(', ')}; not tried`)];

const linesOf = (cell: CellTest): Line[] => {
  switch (cell.ran) {
    case 'not reached':
      return [line('', 'not reached', 'quiet')];
    case 'skipped':
      // With its section there was no ending of its own.
      return [
        line(
          '',
          cell.ended === null
            ? 'skipped with its section: nothing to interrupt'
            : 'skipped, as its `when` is false: nothing to interrupt',
          'quiet',
        ),
      ];
    case 'elements':
      return [
        line(
          '',
          `nothing to interrupt by itself: its ${cell.kind === 'run' ? 'runs' : 'elements'} are gone through`,
          'quiet',
        ),
        ...endLine(cell),
      ];
    case 'none':
      return [line('', 'nothing to interrupt: it has no effects', 'quiet'), ...endLine(cell)];
    case 'answered':
      return [
        line('', 'nothing to interrupt: it waits as before', 'quiet'),
        line('answered', cell.answer ?? 'by no given answer', cell.answer === null ? 'warn' : 'plain'),
        ...endLine(cell),
      ];
    default:
      return [...thens(cell, 'reserved'), ...thens(cell, 'effect'), ...repeatLine(cell), ...endLine(cell)];
  }
};

const ranText = ({ ran, times, attempts, section, cameTo }: CellTest): string => {
  const where = section === null || cameTo === 0 ? '' : ` in ${plural(cameTo, 'element')}`;
  if (ran === 'stubbed') return `answered for by --stub${where}`;
  if (ran !== 'really') return '';
  const tries = attempts > 1 ? `, ${plural(attempts, 'attempt')} by itself` : '';
  return `ran ${times === 1 ? 'once' : `${times} times`}${where}${tries}`;
};

const labelWidth = 23;

const conclusion = ({ ok, findings, crashes, cells, result, stubbed }: RunbookTest): string => {
  if (!ok) {
    const cellCount = new Set(findings.map(({ cell }) => cell)).size;
    return `${plural(cellCount, 'cell')} of ${cells.length} ${cellCount === 1 ? 'is' : 'are'} not as declared:`;
  }
  const held = cells.filter((cell) => cell.crashes.some(({ then }) => then === 'held')).length;
  const same = cells.filter(({ repeat }) => repeat?.same === true).length;
  const parts = [
    plural(crashes, 'crash').replace(/crashs$/, 'crashes'),
    held > 0 ? `${plural(held, 'cell')} held for a person` : '',
    same > 0 ? `${plural(same, 'cell')} ran again with the same result` : '',
    stubbed.length > 0 ? `${stubbed.length} answered for` : '',
  ].filter((part) => part !== '');
  const end = result === 'stopped' ? 'As declared, up to the cell that was asked for' : 'Every cell is as declared';
  return `${end}: ${parts.join(', ')}.`;
};

/** How many sections stand around it through whose elements it is gone through. */
const depthOf = ({ cells }: Pick<RunbookTest, 'cells'>, { section }: CellTest): number => {
  const around = cells.find(({ name }) => name === section);
  return around === undefined ? 0 : 1 + depthOf({ cells }, around);
};

export const printTest = (screen: Screen, report: RunbookTest): void => {
  const { print, paint, width } = screen;
  report.cells.forEach((cell, index) => {
    print();
    const ran = ranText(cell);
    const margin = '  '.repeat(depthOf(report, cell));
    const head = `${margin}${String(index + 1).padStart(2)}  ${paint('strong', cell.name)}  ${cell.kind}, line ${cell.line}`;
    print(ran === '' ? head : `${head}  ${paint('quiet', ran)}`);
    for (const { label, text, tone } of [...linesOf(cell), ...putsBackLine(cell)]) {
      const start = `${margin}    ${label === '' && tone === 'quiet' ? '' : `${label.padEnd(labelWidth)} `}`;
      // Whole where a file or a program reads it: the end of a line is often the reason.
      const most = screen.live ? Math.max(40, width - start.length) : text.length;
      print(`${start}${paint(tone, oneLine(harmless(text), most))}`);
    }
  });
  print();
  print(paint(report.ok ? 'good' : 'bad', conclusion(report)));
  for (const { message, next } of report.findings) {
    print(`  ${harmless(message)}`);
    print(`    Next: ${harmless(next)}`);
  }
};

const times: Record<WillRun['often'], string> = {
  once: 'once',
  again: 'twice, as it is declared safe to repeat; as often as it permits, if it fails',
  polled: 'until what it expects holds, or its time is over',
};

const inElements = (often: WillRun['often'], section: string): string =>
  `for every element of ${section}, ${often === 'again' ? `${times.once}, for one of them ${times.again}` : times[often]}`;

/** What is about to really happen, before it does. */
export const printWarning = (screen: Screen, cells: WillRun[]): void => {
  const { print, paint } = screen;
  print(paint('warn', `${plural(cells.length, 'cell')} will really run, with all effects:`));
  for (const { cell, kind, line: at, often, section, probe } of cells) {
    print(
      `  ${cell}  ${kind}, line ${at}: ${section === null ? times[often] : inElements(often, section)}${probe ? '; its probe is asked' : ''}`,
    );
  }
};

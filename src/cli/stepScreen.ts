/** The facts of a step on the screen, the same in `status`, `advance` and `doubts`: a label, and what is known. */

import { type CellReport, tokenOf } from '../engine/index.ts';
import type { Unreadable } from './doubts.ts';
import { duration, oneLine, stamp, time, unbroken } from './format.ts';
import { wrap } from './layout.ts';
import { noteLine } from './notes.ts';
import { harmless, type Screen } from './screen.ts';
import { shellWord } from './shellWord.ts';
import type { Step } from './step.ts';
import { commandTyped } from './typed.ts';
import { waysOut } from './ways.ts';

const labelWidth = 10;
const notesMax = 6;

/** `  label     text`, wrapped under the text. */
export const printFact = (screen: Screen, label: string, text: string): void => {
  const lines = wrap(text, screen.width - labelWidth - 2);
  lines.forEach((line, index) => {
    screen.print(`  ${(index === 0 ? label : '').padEnd(labelWidth)}${line}`);
  });
};

/** What is known of the process that holds it, where the store was asked. */
const processText = ({ holderProcess, deadlineAtMs }: Step, nowMs: number): string | null => {
  if (holderProcess === 'alive') return 'it, or one that it began, is alive';
  if (holderProcess !== 'gone') return null;
  const until = (deadlineAtMs ?? 0) > nowMs ? time(deadlineAtMs ?? 0) : null;
  return until === null ? 'gone' : `gone; what it started elsewhere may go on until ${until}`;
};

const printHolder = (screen: Screen, step: Step, nowMs: number): void => {
  const { holder, attempt, visit, seq, reservedAtMs, ageMs, deadlineAtMs, untilAtMs, key, name, recorded } = step;
  const which = `attempt ${attempt}${visit > 1 ? ` of visit ${visit}` : ''}, seq ${seq}`;
  if (holder === null || reservedAtMs === null || ageMs === null || deadlineAtMs === null)
    return printFact(screen, 'step', `${step.kind}, seq ${seq}, no reservation`);
  printFact(screen, 'holder', `${harmless(`${holder.actor} (${holder.via}, ${holder.where})`)}, ${which}`);
  const left = deadlineAtMs - nowMs;
  const more = untilAtMs === null ? 'at most' : `, and may be renewed until ${stamp(untilAtMs)}`;
  const has = `it has ${duration(left)} more${untilAtMs === null ? ' ' : ''}${more}`;
  const until = left > 0 ? has : `its deadline was ${stamp(deadlineAtMs)}`;
  const end = recorded === null ? until : `recorded as ${recorded.status} after ${duration(recorded.durationMs)}`;
  printFact(screen, 'reserved', `${stamp(reservedAtMs)}, ${duration(ageMs)} ago; ${end}`);
  const process = processText(step, nowMs);
  if (process !== null) printFact(screen, 'process', process);
  if (key !== null) printFact(screen, 'key', harmless(key));
  if (name !== null)
    printFact(screen, 'at AWS', `${harmless(name)}: session of its role, and token ${harmless(tokenOf(name))}`);
};

/** `retry with a fresh key`. */
export const wordOf = ({ verdict, freshKey }: { verdict: string; freshKey?: boolean | undefined }): string =>
  `${verdict}${freshKey ? ' with a fresh key' : ''}`;

const proposalTexts = ({ proposed }: Step): string[] => {
  if (proposed === null) return [];
  const said = proposed.map(
    ({ actor, reason, ...word }) =>
      `${harmless(unbroken(actor))} proposes ${wordOf(word)}, "${harmless(unbroken(reason))}": it takes effect when another person says the same`,
  );
  return said.length > 0 ? said : ['two decide about it: a verdict takes effect when another person says the same'];
};

/** Holder, key, error, the end of the log, notes, and what may happen by itself. */
export const printStep = (screen: Screen, step: Step, nowMs: number): void => {
  printHolder(screen, step, nowMs);
  const { recorded, declared, log, logLines, notes, byItself, setAside } = step;
  if (recorded?.error) printFact(screen, 'error', `${harmless(recorded.error.message)} (${recorded.error.code})`);
  if (log.length > 0) {
    screen.print(logLines > log.length ? `  log       the last ${log.length} of ${logLines} lines:` : '  log');
    for (const line of log) screen.print(`    ${harmless(line)}`.trimEnd());
  }
  for (const note of notes.slice(-notesMax)) {
    const head = `${time(note.atMs)} ${harmless(unbroken(note.by.actor))}: `;
    printFact(screen, note.kind, head + noteLine(note));
  }
  for (const text of proposalTexts(step)) printFact(screen, 'people', text);
  if (declared?.evidence != null) printFact(screen, 'evidence', harmless(unbroken(declared.evidence)));
  if (notes.length > notesMax)
    printFact(
      screen,
      'notes',
      `${notes.length - notesMax} earlier ones: \`pawl journal ${shellWord(step.instanceId)} --notes\``,
    );
  if (setAside.length > 0)
    printFact(screen, 'set aside', `${setAside.join(', ')}: its outcome, which the store did not take`);
  if (byItself !== null) printFact(screen, 'policy', byItself.text);
};

/** Of an output, which may be large; `pawl output` prints all of it. */
const outputShownMax = 1_000;
const shownOutput = (output: string): string =>
  output.length <= outputShownMax
    ? unbroken(harmless(output))
    : `${oneLine(harmless(output), outputShownMax)} (\`pawl output\` prints all of it)`;

export const printExpectations = (screen: Screen, { expectations, output, state }: CellReport): void => {
  for (const { source, result, message } of expectations) {
    if (result === 'pass' || result === 'skipped') continue;
    const why =
      result === 'error'
        ? `could not be evaluated: ${harmless(message ?? '')}`
        : `does not hold${message === undefined ? '' : `: ${harmless(message)}`}`;
    printFact(screen, 'expected', `${harmless(source)}: ${why}`);
  }
  if ((state === 'completed' || state === 'completed, not as expected') && output !== null)
    printFact(screen, 'output', shownOutput(output));
};

/** `a, b, c and others`. */
export const someOf = (names: string[]): string =>
  `${names.slice(0, 3).join(', ')}${names.length > 3 ? ' and others' : ''}`;

/** What a person can do. One command a line, whole however wide: it is there to be copied. */
export const printWays = (screen: Screen, step: Step): void => {
  const ways = waysOut(step);
  const width = Math.max(...ways.map(({ what }) => what.length));
  for (const { what, command } of ways) screen.print(`  ${what.padEnd(width)}  ${commandTyped(command)}`);
  const { readers } = step;
  if (readers.length > 0 && ways.some(({ name }) => name === 'succeeded')) {
    const id = shellWord(step.instanceId);
    const came = ['each.unfinished', 'run.locked', 'unique.exists'].includes(step.recorded?.error?.code ?? '')
      ? `; \`pawl output ${id} ${step.cell}\` prints what its elements came to`
      : '';
    for (const line of wrap(
      `(${someOf(readers)} may read its output: with --succeeded give --output JSON or @FILE${came})`,
      screen.width - 2,
    ))
      screen.print(`  ${line}`);
  }
};

/** Journals that could not be read may hide a doubt. */
export const printUnreadable = (screen: Screen, unreadable: Unreadable[]): void => {
  for (const { instanceId, code, message } of unreadable)
    screen.print(screen.paint('bad', `${instanceId} cannot be read (${code}): ${harmless(message)}`));
};

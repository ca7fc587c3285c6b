/** The facts of a step on the screen, the same in `status`, `advance` and `doubts`: a label, and what is known. */
import type { Unreadable } from './doubts.ts';
import { clock, duration, oneLine, shellWord, stamp } from './format.ts';
import { noteLine } from './notes.ts';
import { harmless, type Screen } from './screen.ts';
import type { Step } from './step.ts';
import { commandTyped } from './typed.ts';
import { waysOut } from './ways.ts';

const labelWidth = 10;
const notesMax = 6;

/** What is long goes on under itself: words are not cut in two, and a word too long for a line stays whole. */
const wrapped = (text: string, width: number): string[] => {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
};

/** `  label     text`, wrapped under the text. */
export const printFact = (screen: Screen, label: string, text: string): void => {
  const lines = wrapped(text, screen.width - labelWidth - 2);
  lines.forEach((line, index) => {
    screen.print(`  ${(index === 0 ? label : '').padEnd(labelWidth)}${line}`);
  });
};

const printHolder = (screen: Screen, step: Step, nowMs: number): void => {
  const { holder, attempt, visit, seq, reservedAtMs, ageMs, deadlineAtMs, key, recorded } = step;
  const which = `attempt ${attempt}${visit > 1 ? ` of visit ${visit}` : ''}, seq ${seq}`;
  if (holder === null || reservedAtMs === null || ageMs === null || deadlineAtMs === null)
    return printFact(screen, 'step', `${step.kind}, seq ${seq}, no reservation`);
  printFact(screen, 'holder', `${harmless(`${holder.actor} (${holder.via}, ${holder.where})`)}, ${which}`);
  const left = deadlineAtMs - nowMs;
  const until = left > 0 ? `it has ${duration(left)} more at most` : `its deadline was ${clock(deadlineAtMs)}`;
  const end = recorded === null ? until : `recorded as ${recorded.status} after ${duration(recorded.durationMs)}`;
  printFact(screen, 'reserved', `${stamp(reservedAtMs)}, ${duration(ageMs)} ago; ${end}`);
  if (key !== null) printFact(screen, 'key', harmless(key));
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
    const head = `${clock(note.atMs)} ${harmless(oneLine(note.by.actor, 12))}: `;
    printFact(screen, note.kind, head + noteLine(note, 300));
  }
  if (declared?.evidence != null) printFact(screen, 'evidence', harmless(oneLine(declared.evidence, 300)));
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

/** What a person can do. One command a line, whole however wide: it is there to be copied. */
export const printWays = (screen: Screen, step: Step): void => {
  const ways = waysOut(step);
  const width = Math.max(...ways.map(({ what }) => what.length));
  for (const { what, command } of ways) screen.print(`  ${what.padEnd(width)}  ${commandTyped(command)}`);
  const { readers } = step;
  if (readers.length > 0 && step.status !== 'running') {
    const who = `${readers.slice(0, 3).join(', ')}${readers.length > 3 ? ' and others' : ''}`;
    for (const line of wrapped(
      `(${who} may read its output: with --succeeded give --output JSON or @FILE)`,
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

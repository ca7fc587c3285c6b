/** Says in words where an instance stands, what is known about it, and what to do next. */
import type { CellReport, EntryOf, Stop } from '../engine/index.ts';
import type { Client, Instance } from './client.ts';
import { clock, duration, oneLine, plural, shellWord, stamp } from './format.ts';
import { harmless, type Screen } from './screen.ts';

const logLinesMax = 6;

const indented = (text: string): string =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => `    ${line}`.trimEnd())
    .join('\n');

/** The reservation that opened a step; since batching it may stand in the outcome of the cell before. */
const reservationOf = async (client: Client, instanceId: string, seq: number) => {
  const [entry] = await client.journal(instanceId, seq - 1);
  if (entry?.kind === 'reserved') return { ...entry, reserved: entry };
  return entry?.kind === 'outcome' && entry.reserve !== undefined ? { ...entry, reserved: entry.reserve } : undefined;
};

const printFacts = async (screen: Screen, client: Client, instanceId: string, cell: CellReport): Promise<void> => {
  const { error, expectations, seq } = cell;
  if (error !== null) screen.print(`  error     ${harmless(error.message)} (${error.code})`);
  for (const { source, result, message } of expectations.filter(
    (checked) => checked.result !== 'pass' && checked.result !== 'skipped',
  )) {
    const why = result === 'error' ? `could not be evaluated: ${harmless(message ?? '')}` : 'does not hold';
    screen.print(`  expected  ${harmless(source)}: ${why}`);
  }
  if (cell.state === 'completed' && cell.output !== null)
    screen.print(`  output    ${oneLine(harmless(cell.output), screen.width - 12)}`);
  if (seq === null) return;
  const log = (await client.notes(instanceId, seq)).filter((note) => note.kind === 'log').map((note) => note.text);
  const lines = log
    .join('')
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '');
  if (lines.length === 0) return;
  screen.print(lines.length > logLinesMax ? `  log       the last ${logLinesMax} of ${lines.length} lines:` : '  log');
  screen.print(indented(lines.slice(-logLinesMax).map(harmless).join('\n')));
};

const printHolder = async (screen: Screen, client: Client, instance: Instance, cell: CellReport): Promise<void> => {
  const found = cell.seq === null ? undefined : await reservationOf(client, instance.view.instanceId, cell.seq);
  if (found === undefined) return;
  const { by, atMs, seq, reserved } = found;
  screen.print(
    `  holder    ${harmless(`${by.actor} (${by.via}, ${by.where})`)}, attempt ${reserved.attempt}, seq ${seq}`,
  );
  const left = reserved.deadlineAtMs - instance.nowMs;
  const until = left > 0 ? `it has ${duration(left)} more at most` : `its deadline was ${clock(reserved.deadlineAtMs)}`;
  const end = cell.closedBy === null ? until : `cut off after ${duration(cell.durationMs ?? 0)}, recorded as unknown`;
  screen.print(`  reserved  ${stamp(atMs)}, ${duration(instance.nowMs - atMs)} ago; ${end}`);
  screen.print(`  key       ${reserved.key}`);
};

const cancelHint = (id: string): string => `pawl cancel ${id} --reason TEXT`;

const halted = (stop: Stop | undefined, cell: CellReport): string => {
  const why = stop?.result === 'halted' ? stop.why : 'step';
  if (why === 'epoch') return 'it is older than the last restore from backup, which may have forgotten steps';
  if (why === 'attempts') return 'it has used up attemptsPerInstanceMax';
  return cell.state === 'completed'
    ? 'it completed, but not as expected'
    : `it ${cell.state === 'halted' ? 'could not begin' : cell.state}`;
};

const cancelReason = async (client: Client, instance: Instance): Promise<EntryOf<'cancelled'> | undefined> => {
  const last = await client.journal(instance.view.instanceId, instance.view.seq - 1);
  return last.find((entry) => entry.kind === 'cancelled');
};

/** @param stop how the call stopped, where one was made */
export const explain = async (screen: Screen, client: Client, instance: Instance, stop?: Stop): Promise<void> => {
  const { view } = instance;
  const id = shellWord(view.instanceId);
  const cell = instance.cells.find(({ name }) => name === view.cell);
  const { print, paint } = screen;
  if (view.status === 'completed') return print(paint('good', `Completed: ${plural(view.cells, 'cell')}.`));
  if (view.status === 'cancelled' || cell === undefined) {
    const by = await cancelReason(client, instance);
    const who = by === undefined ? '' : ` by ${harmless(by.by.actor)}: ${harmless(by.reason)}`;
    return print(paint('bad', `Cancelled${who}${/[.!?]$/.test(who) ? '' : '.'} Nothing runs in it any more.`));
  }
  if (view.status === 'in_doubt') {
    print(paint('warn', `In doubt: nobody knows whether ${cell.name} happened. Nothing was repeated.`));
    await printHolder(screen, client, instance, cell);
    await printFacts(screen, client, view.instanceId, cell);
    print(
      `Next: look at what ${cell.name} acts upon, and at \`pawl journal ${id} --notes\`. Nothing goes on by itself;`,
    );
    return print(`to give it up: \`${cancelHint(id)}\`.`);
  }
  if (view.status === 'running') {
    print(paint('warn', `In flight: somebody is carrying out ${cell.name}.`));
    await printHolder(screen, client, instance, cell);
    return print(`Next: wait, and ask again: \`pawl status ${id}\`.`);
  }
  if (view.status === 'waiting') {
    print(paint('warn', `Parked: ${cell.name} waits for a person.`));
    if (instance.instructions !== null) print(indented(harmless(instance.instructions)));
    print(
      `Next: do it, then \`pawl done ${id} ${cell.name} --note TEXT\` (or --failed), then \`pawl advance ${id} --max-cells all\`.`,
    );
    return;
  }
  if (view.status === 'halted' || stop?.result === 'halted') {
    print(paint('bad', `Halted at ${cell.name}: ${halted(stop, cell)}.`));
    await printFacts(screen, client, view.instanceId, cell);
    return print(
      `Next: see \`pawl journal ${id} --notes\`; give it up with \`${cancelHint(id)}\`, mend the cause, start anew.`,
    );
  }
  const dueMs = stop?.result === 'deferred' ? stop.untilMs - instance.nowMs : 0;
  const when = dueMs > 0 ? `, not before ${duration(dueMs)} from now` : '';
  print(`Next: ${cell.name}${when}: \`pawl advance ${id}\`, or \`--max-cells all\` for the rest.`);
};

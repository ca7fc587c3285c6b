/** Progress: once faults have stopped and one caller lives, whatever needs no person has finished. */
import { type Entry, natureOf } from '../../../src/engine/index.ts';
import { pagesClaim } from '../telling.ts';
import { waitsForOthers } from '../waiting.ts';
import { endsByItself } from '../watch.ts';
import { must } from '../world.ts';
import type { Oracle, Reading } from './reading.ts';

const probesMax = 5;

const asked = ({ world }: Oracle, seq: number): number =>
  world.tables
    .partition('journal', `${world.instanceId}/notes`)
    .filter((row) => row.kind === 'asked' && (JSON.parse(row.note as string) as { about: number }).about === seq)
    .length;

/** Why an instance that has not ended may stand where it stands. */
const needsPerson = (oracle: Oracle, reading: Reading): boolean => {
  const { world } = oracle;
  if (reading.ended !== null) return true;
  const { state } = oracle.entries.at(-1) as Entry;
  if (reading.open?.kind === 'waiting') return waitsForOthers(world, state, world.schedule.nowMs());
  if (reading.halted !== null && !reading.halted.doubt) return reading.owes === null && !endsByItself(world, state);
  if (reading.owes !== null && reading.open === null && reading.halted === null) return false;
  const cell = world.version.runbook.cells[reading.next];
  if (cell === undefined) return false;
  const doubt = reading.open ?? reading.halted;
  if (doubt === null) return reading.reservations >= world.attemptsMax && natureOf(cell) === 'effect';
  const used = reading.attempts > (cell.retryMax ?? 2);
  const windowMs = cell.keyWindowMs ?? Number.POSITIVE_INFINITY;
  const late = world.schedule.nowMs() >= (reading.firstAtMs ?? 0) + windowMs;
  switch (cell.interrupted) {
    case 'hold':
      return true;
    case 'continue':
      return false;
    case 'retry':
      return used || late;
    case 'probe':
      // A probe that may not permit another attempt, or was asked five times, leaves it to a person.
      return used || late || asked(oracle, doubt.seq) >= probesMax;
  }
};

/** Where people are to be told that one of them is needed, the schedule alone has told them once faults have stopped. */
export const checkPeopleTold = (oracle: Oracle, reading: Reading): void => {
  const { world, entries } = oracle;
  const { open, halted, next, ended } = reading;
  const { runbook } = world.version;
  if (runbook.notify === undefined || world.unlookedAfter || !needsPerson(oracle, reading)) return;
  if (ended !== null || open?.kind === 'waiting') return;
  const doubt = halted?.doubt === false ? null : (open ?? halted);
  if (doubt === null ? halted === null : runbook.cells[next]?.interrupted !== 'hold') return;
  const { state } = entries.at(-1) as Entry;
  const key = `${world.instanceId}/${state.halted?.seq ?? state.open?.seq}/halt`;
  const said = world.tables.rows('claims').filter(({ claimId }) => claimId === pagesClaim);
  const isTold = said.some((row) => JSON.stringify(row).includes(key));
  must(isTold, 'told', `${key}: a person is needed, and nobody was told`);
};

export const checkProgress = (oracle: Oracle, reading: Reading | undefined): void => {
  must(reading !== undefined, 'progress', 'it never started');
  if (needsPerson(oracle, reading)) return;
  const cell = oracle.world.version.runbook.cells[reading.next]?.name;
  must(false, 'progress', `${cell ?? 'the end'} needs no person, and nobody goes on`);
};

/** What is not as declared, and what its author can do about it. */
import type { CellTest, Consequence, Crash, Difference, Finding, RunbookTest } from './report.ts';
import type { Ran } from './run.ts';

const short = (value: unknown): string => {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
};

/** `output.removed: 3, then 0`. */
export const differenceText = ({ path, before, after }: Difference): string => {
  if (path !== 'satisfied') return `${path}: ${short(before)}, then ${short(after)}`;
  return before === true ? 'what it expects held, then did not' : 'what it expects did not hold, then did';
};

const shownDifferences = 3;

const ofRepeat = ({ name, repeat, declared }: CellTest): Finding[] => {
  if (repeat === null || repeat.same) return [];
  const by = repeat.by === 'interrupted' ? 'interrupted=retry' : `retry=${declared.retry}`;
  if (repeat.after === null) {
    return [
      {
        code: 'repeat.held',
        cell: name,
        message: `${name} is declared safe to repeat by ${by}, and was not begun again.`,
        next: 'Raise its retry=N or its keyWindow: an attempt has to be left.',
      },
    ];
  }
  const shown = repeat.differences.slice(0, shownDifferences).map(differenceText);
  const more = repeat.differences.length - shown.length;
  const differ = more > 0 ? [...shown, `and ${more} more`] : shown;
  const halts = declared.optional || repeat.after.satisfied ? '' : '; the run would halt there';
  const path = repeat.differences.find((one) => one.path.startsWith('output'))?.path;
  const ignore = path === undefined ? '' : `; or, if the difference does not matter, say --ignore ${name}.${path}`;
  return [
    {
      code: 'repeat.differs',
      cell: name,
      message: `${name} is declared safe to repeat by ${by}, and running it again left another result (${differ.join('; ')})${halts}.`,
      next: `Let it return what is true afterwards, not what this attempt did; or take ${by} off, and a person decides${ignore}.`,
    },
  ];
};

const after = ({ crashes }: CellTest, point: Crash['after'], then: Consequence): Crash | undefined =>
  crashes.find((crash) => crash.after === point && crash.then === then);

const ofProbe = (cell: CellTest): Finding[] => {
  const missed = after(cell, 'effect', 'probe_not_done');
  if (missed !== undefined) {
    return [
      {
        code: 'probe.missesEffect',
        cell: cell.name,
        message: `${cell.name} had run, and its probe said that it did not happen (${missed.detail}): it would run twice.`,
        next: 'Let the probe look for what the cell leaves behind, by step.idempotencyKey. It was asked at once: if what it looks for shows after a while only, let it wait, or answer for it with --stub here, and see that settle= is long enough.',
      },
    ];
  }
  const unsure = after(cell, 'effect', 'held');
  if (unsure !== undefined && cell.declared.interrupted === 'probe') {
    return [
      {
        code: 'probe.unsure',
        cell: cell.name,
        message: `${cell.name} had run, and its probe could not say so (${unsure.detail?.replace(/^its probe is not sure: /, '') ?? 'it was not asked'}): a person would have to decide, as with interrupted=hold.`,
        next: 'Let done= or notDone= hold for what the probe finds after the effect; or answer for it with --stub, if it needs what is not here.',
      },
    ];
  }
  const halting = cell.crashes.find(({ after: at, then, halts }) => at === 'effect' && then === 'probe_done' && halts);
  if (halting !== undefined && cell.ended?.satisfied === true) {
    return [
      {
        code: 'probe.halts',
        cell: cell.name,
        message: `${cell.name} had run, its probe said so, and the run would halt there: what ${cell.name} expects does not hold for what the probe returns.`,
        next: 'Let the probe return what the cell returns; it is recorded in its place.',
      },
    ];
  }
  const seen = after(cell, 'reserved', 'probe_done');
  if (seen === undefined) return [];
  return [
    {
      code: 'probe.seesNothing',
      cell: cell.name,
      message: `${cell.name} had not begun, and its probe said that it happened (${seen.detail}): it would never run.`,
      next: 'Let the probe look for this attempt, by step.idempotencyKey, and not for what an earlier run left behind.',
    },
  ];
};

const ofPromise = (cell: CellTest): Finding[] =>
  cell.crashes
    .filter(({ then }) => then === 'runs_again')
    .map(({ seq, after: point }) => ({
      code: 'promise.broken' as const,
      cell: cell.name,
      message: `${cell.name} would run again without a permission when the engine is gone after its ${point} at seq ${seq}.`,
      next: 'This is a defect of Pawl: please report it with the document.',
    }));

const ofEnd = ({ result, cells }: Ran): Finding[] => {
  if (result === 'completed' || result === 'stopped') return [];
  const last = cells.findLast(({ ran }) => ran !== 'not reached');
  const name = last?.name ?? null;
  const error = last?.ended?.error == null ? '' : `: ${last.ended.error.replace(/\.$/, '')}`;
  const texts = {
    halted: ['halted', 'Mend the cell or what it expects; or answer for it with --stub, if it needs what is not here.'],
    in_doubt: [
      'is in doubt by itself, without a crash',
      'Raise its timeout=, or let it end in time; a person would have to decide about it now.',
    ],
    waiting: [
      'waits, and nothing that the test may say ends that',
      'Say what it waits for: --claim ID=STATUS; or give the cell a time-out (timeout=, expires=).',
    ],
    failed: ['failed, and the run with it', 'Mend the cell or what it expects; or answer for it with --stub.'],
    rolled_back: [
      'failed, and what was done is taken back',
      'Mend the cell or what it expects; or answer for it with --stub.',
    ],
    cancelled: ['was cancelled', 'Run the test again.'],
  } as const;
  const [what, next] = texts[result];
  return [{ code: 'run.unfinished', cell: name, message: `The run does not finish: ${name} ${what}${error}.`, next }];
};

const ofAnswers = ({ unusedClaims, result }: Ran): Finding[] =>
  // A run that stopped on its way may not have come to them.
  (result === 'completed' ? unusedClaims : []).map((claimId) => ({
    code: 'answer.unused',
    cell: null,
    message: `An answer was given for the claim ${claimId}, which no cell waited for.`,
    next: 'Look whether its id is the one that the cell makes of its template.',
  }));

export const judge = ({ runbook: _, ...ran }: Ran): RunbookTest => {
  const findings = ran.cells.flatMap((cell) => [...ofPromise(cell), ...ofRepeat(cell), ...ofProbe(cell)]);
  const all = [...findings, ...ofEnd(ran as Ran), ...ofAnswers(ran as Ran)];
  return { ...ran, ok: all.length === 0, findings: all };
};

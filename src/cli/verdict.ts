/** What a person decides, as given on the command line, for one step or for many. */
import type { CallOf } from '../contract/index.ts';
import { limits, PawlError } from '../engine/index.ts';
import { textGiven } from './given.ts';

type VerdictBody = CallOf<'verdict'>['body'];
const verdicts = ['succeeded', 'failed', 'retry', 'skip'] as const satisfies VerdictBody['verdict'][];

export type VerdictOptions = Partial<Record<(typeof verdicts)[number], true>> & {
  reason: string;
  output?: string;
  evidence?: string;
  freshKey?: true;
  inDoubt?: true;
  holderGone?: true;
  overlapOk?: true;
  seq?: number;
  runbook?: string;
  cell?: string;
  perSecond?: number;
  dryRun?: true;
};

/** What is decided, without the step that it is decided about. */
export type VerdictInput = Omit<VerdictBody, 'seq'>;

const refuse = (message: string): never => {
  throw new PawlError('request.invalid', message);
};

const list = verdicts.map((name) => `--${name}`).join(', ');

/** @throws PawlError `request.invalid` unless exactly one verdict is given, and for files that cannot be read */
export const verdictInputOf = async (options: VerdictOptions): Promise<VerdictInput> => {
  const given = verdicts.filter((name) => options[name]);
  const [verdict] = given;
  if (verdict === undefined) return refuse(`Say what you decide: one of ${list}.`);
  if (given.length > 1)
    return refuse(`${given.map((name) => `--${name}`).join(' and ')} exclude one another: give one of ${list}.`);
  const { reason, output, evidence, freshKey, inDoubt, holderGone, overlapOk } = options;
  return {
    verdict,
    reason,
    output: output && (await textGiven('--output', output)),
    evidence: evidence && (await textGiven('--evidence', evidence)),
    freshKey,
    onlyInDoubt: inDoubt,
    holderGone,
    overlapOk,
  };
};

export type Target =
  | { kind: 'one'; instanceId: string; seq: number }
  | { kind: 'many'; runbookId: string; cell: string; perSecond: number; dryRun: boolean };

/** @throws PawlError `request.invalid` when it is neither one step nor all of one runbook and cell */
export const targetOf = (instanceId: string | undefined, options: VerdictOptions): Target => {
  const { seq, runbook, cell, perSecond, dryRun, holderGone, overlapOk } = options;
  const many = runbook !== undefined || cell !== undefined;
  if (instanceId !== undefined && many)
    return refuse(`${instanceId} and --runbook, --cell exclude one another: decide about one step, or about many.`);
  if (instanceId !== undefined) {
    if (perSecond !== undefined || dryRun !== undefined)
      return refuse('--per-second and --dry-run belong to --runbook R --cell C: leave them out for one instance.');
    if (seq === undefined)
      return refuse(`Name the step of ${instanceId}: --seq N; \`pawl status ${instanceId}\` shows it.`);
    return { kind: 'one', instanceId, seq };
  }
  if (!many) return refuse('Name one step (ID --seq N) or many (--runbook R --cell C); `pawl doubts` shows them.');
  if (runbook === undefined || cell === undefined)
    return refuse('Many steps are decided by runbook and cell: give both --runbook R and --cell C.');
  if (holderGone || overlapOk)
    return refuse('--holder-gone is said of one step, ID --seq N: whose process is gone is looked at one by one.');
  if (seq !== undefined) return refuse('--seq names one step of one instance: leave it out with --runbook and --cell.');
  const most = limits.verdictsPerSecondMax;
  if (perSecond !== undefined && perSecond > most)
    return refuse(
      `--per-second ${perSecond} is too fast: at most ${most} (verdictsPerSecondMax), over all who decide.`,
    );
  const rate = perSecond ?? limits.verdictsPerSecond;
  return { kind: 'many', runbookId: runbook, cell, perSecond: rate, dryRun: dryRun ?? false };
};

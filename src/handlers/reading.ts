/** What operations read besides what the engine answers: a version, and a journal in pages. */
import type { BodyOf } from '../contract/index.ts';
import { type JournalPages, PawlError, type Version } from '../engine/index.ts';
import type { OperationDeps } from './apiDeps.ts';

/** @throws PawlError `runbook.unknown` */
export const versionOf = async (
  { runbooks }: Pick<OperationDeps, 'runbooks'>,
  runbookId: string,
  version?: number,
): Promise<Version> => {
  const found = await runbooks.get(runbookId, version);
  if (found !== undefined) return found;
  const which = version === undefined ? '' : ` version ${version}`;
  const message = `There is no runbook ${runbookId}${which}; publish it with \`pawl publish FILE\`.`;
  throw new PawlError('runbook.unknown', message, { runbookId });
};

export const journalPage = async (
  { engine, clock, deployment }: Pick<OperationDeps, 'engine' | 'clock' | 'deployment'>,
  instanceId: string,
  after: number,
  limit: number,
): Promise<BodyOf<'journal'>> => {
  const entries = (await engine.journal(instanceId, after, limit)).map(({ entry }) => entry);
  const next = entries.length < limit ? null : (entries.at(-1)?.seq ?? null);
  const { name, epoch, takeoverGraceMs } = deployment;
  return { entries, next, nowMs: clock.nowMs(), deployment: { name, epoch, takeoverGraceMs } };
};

/** For whoever follows a call that was handed over. */
export const pagesOf = (deps: OperationDeps, instanceId: string): JournalPages => ({
  page: (after, limit) => journalPage(deps, instanceId, after, limit),
  runbook: async (runbookId, version) => (await versionOf(deps, runbookId, version)).runbook,
});

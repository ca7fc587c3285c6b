/** What operations read besides what the engine answers: a version, and a journal in pages. */
import type { BodyOf } from '../contract/index.ts';
import { type JournalPages, limits, PawlError, type Version } from '../engine/index.ts';
import type { OperationDeps } from './apiDeps.ts';

/** As Lambda measures it: the body is a JSON text inside a JSON text. */
const quotedBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(JSON.stringify(value)));

/** As many as fit into one answer, at least one. `shown`: what of an item stands in the answer. */
export const fitting = <T>(items: T[], shown: (item: T) => unknown = (item) => item): T[] => {
  let bytes = 0;
  const cut = items.findIndex((item, at) => {
    bytes += quotedBytes(shown(item));
    return at > 0 && bytes > limits.answerBytesMax;
  });
  return cut === -1 ? items : items.slice(0, cut);
};

/** Of what comes whole or not at all. @throws PawlError `limit.exceeded` */
export const assertFits = (answer: unknown, what: string, next: string): void => {
  const bytes = quotedBytes(answer);
  if (bytes <= limits.answerBytesMax) return;
  const message = `${what} has ${bytes} bytes; answerBytesMax is ${limits.answerBytesMax}: ${next}.`;
  throw new PawlError('limit.exceeded', message, { limit: 'answerBytesMax', bytes });
};

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
  const standing = await engine.journal(instanceId, after, limit);
  // What does not fit into one answer stands on the next page.
  const page = fitting(standing, ({ entry }) => entry);
  const last = page.at(-1);
  const isWhole = page.length === standing.length && standing.length < limit;
  const { name, epoch, takeoverGraceMs } = deployment;
  const entries = page.map(({ entry }) => entry);
  const next = isWhole ? null : (last?.entry.seq ?? null);
  return {
    entries,
    lastHash: last?.hash ?? null,
    next,
    nowMs: clock.nowMs(),
    deployment: { name, epoch, takeoverGraceMs, ...engine.here },
  };
};

/** A page of all that ever started, part by part; `next` is where to go on: the part and the id in it. */
export const journalIds = async (
  { engine }: Pick<OperationDeps, 'engine'>,
  from = '0',
): Promise<{ instanceIds: string[]; next: string | null }> => {
  const [shard = '0', after] = from.split('/');
  const instanceIds: string[] = [];
  let place: { after?: string } = after === undefined ? {} : { after };
  for (let part = Number(shard); part < limits.journalShards; part += 1) {
    const page = await engine.started(part, place.after);
    instanceIds.push(...page.instanceIds);
    if (page.next !== null) return { instanceIds, next: `${part}/${page.next}` };
    if (instanceIds.length >= limits.pageMax) return { instanceIds, next: `${part + 1}` };
    place = {};
  }
  return { instanceIds, next: null };
};

/** For a caller that follows a call that was handed over. */
export const pagesOf = (deps: OperationDeps, instanceId: string): JournalPages => ({
  page: (after, limit) => journalPage(deps, instanceId, after, limit),
  runbook: async (runbookId, version) => (await versionOf(deps, runbookId, version)).runbook,
  render: async (template, params) => {
    const rendered = deps.authoring.render(template, { params, outputs: {}, step: {} });
    return rendered.kind === 'text' ? rendered.text : null;
  },
});

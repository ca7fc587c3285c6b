/**
 * Calls of the operations in this process: the code that a service runs, over an engine of our own. There is no `work` to
 * hand anything over to, so a call lasts until all of it is done, and Ctrl-C reaches the cell that runs.
 */
import { type OperationName, operations, permissions } from '../../contract/index.ts';
import { type OperationDeps, operationOf, takeInput } from '../../handlers/index.ts';
import type { Transport } from '../client.ts';
import type { Settings } from '../settings.ts';

/** As long as the longest invocation on AWS: every cell fits, and what is left behind becomes due soon enough. */
const budgetMs = 15 * 60_000;

/** As a request would bring it: texts, and nothing for what was left out. */
const texts = (values: object = {}): Record<string, string> =>
  Object.fromEntries(
    Object.entries(values)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, String(value)]),
  );

/** Reading what is stored needs neither a parser of documents nor what runs cells. */
const reading: ReadonlySet<OperationName> = new Set([
  'claims',
  'claimHistory',
  'claimWaiters',
  'counts',
  'elements',
  'journal',
  'journals',
  'listInstances',
  'listRunbooks',
  'me',
  'notes',
  'output',
  'overview',
  'runbook',
  'statistics',
  'version',
  'versions',
]);

export const inProcess =
  (deps: OperationDeps & { load?(): Promise<void> }, { by, groups }: Pick<Settings, 'by' | 'groups'>): Transport =>
  async (name, { path, query, body = {} }, signal) => {
    if (!reading.has(name)) await deps.load?.();
    const given = { path: texts(path), query: texts(query), body };
    return await operationOf(name)(deps, takeInput(operations[name], given), {
      by,
      groups,
      permissions: [...permissions],
      wantsPage: false,
      hasConsole: false,
      origin: '',
      isAsync: false,
      answerLeftMs: () => budgetMs,
      remainingMs: () => Number.POSITIVE_INFINITY,
      ...(signal === undefined ? {} : { signal }),
    });
  };

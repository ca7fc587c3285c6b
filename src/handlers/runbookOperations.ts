/** Operations on runbooks: publishing, their versions, and starts of instances. */
import { type AdvanceRequest, PawlError, type Version } from '../engine/index.ts';
import { seal, unseal } from './cursor.ts';
import { mannedFor } from './manned.ts';
import { ran } from './moved.ts';
import { move } from './moving.ts';
import { limitOf, type Operations } from './operation.ts';
import { assertFits, versionOf } from './reading.ts';
import { statisticsOf } from './statistics.ts';

const shown = ({ runbookId, version, sourceHash, runHash, source, runbook }: Version) => ({
  runbookId,
  version,
  sourceHash,
  runHash,
  title: runbook.title,
  source,
  runbook,
});

export const runbookOperations: Pick<
  Operations,
  'listRunbooks' | 'runbook' | 'versions' | 'version' | 'publish' | 'statistics' | 'plan' | 'start' | 'startAndRun'
> = {
  listRunbooks: async (deps, { query }) => {
    const after = query.next === undefined ? undefined : unseal(deps, 'runbooks', query.next);
    const { runbooks, next } = await deps.runbooks.list(limitOf(query), after);
    return { status: 200, body: { runbooks, next: seal(deps, 'runbooks', next) } };
  },

  runbook: async (deps, { path }) => ({ status: 200, body: shown(await versionOf(deps, path.runbookId)) }),

  versions: async (deps, { path: { runbookId }, query }) => {
    const limit = limitOf(query);
    const versions = await deps.runbooks.history(runbookId, limit, query.before);
    if (versions.length === 0) await versionOf(deps, runbookId);
    const last = versions.at(-1)?.version ?? 1;
    return { status: 200, body: { versions, next: versions.length === limit && last > 1 ? last : null } };
  },

  version: async (deps, { path }) => ({
    status: 200,
    body: shown(await versionOf(deps, path.runbookId, path.version)),
  }),

  publish: async ({ engine, authoring }, { path, body }, { by }) => {
    // For its name alone: what is published is compiled with the versions that it runs.
    const compiled = authoring.compile(body);
    const namedId = compiled.kind === 'runbook' ? compiled.runbook.runbookId : path.runbookId;
    if (namedId !== path.runbookId) {
      const message = `The document is of runbook ${namedId}, the path of ${path.runbookId}; nothing was published. Put it to /runbooks/${namedId}.`;
      throw new PawlError('request.invalid', message, { runbookId: namedId });
    }
    const published = await engine.publish(body, by);
    return { status: published.created ? 201 : 200, body: published };
  },

  statistics: async (deps, { path: { runbookId }, query }) => {
    const { version } = await versionOf(deps, runbookId, query.version);
    return { status: 200, body: await statisticsOf(deps, runbookId, version) };
  },

  plan: async ({ engine }, { path, body }) => {
    const planned = await engine.plan({ runbookId: path.runbookId, ...body });
    assertFits(planned, `The plan of ${path.runbookId}`, '`pawl plan FILE` shows it whole');
    return { status: 200, body: planned };
  },

  start: async (deps, { path, body }, { by }) => {
    const started = await deps.engine.start({ runbookId: path.runbookId, ...body, by });
    if (started.created) await mannedFor(deps, started.view);
    const headers = { location: `/instances/${started.view.instanceId}` };
    return { status: started.created ? 201 : 200, body: started, headers };
  },

  startAndRun: async (deps, { path, body }, call) => {
    let created = false;
    const asked = { maxCells: Number.POSITIVE_INFINITY, drive: 'auto' } as const;
    const start = async (within: Pick<AdvanceRequest, 'budgetMs' | 'signal'>) => {
      const answer = await deps.engine.startAndRun({ runbookId: path.runbookId, ...body, by: call.by }, within);
      created = answer.created;
      return answer;
    };
    const moved = await move(deps, call, { start }, asked);
    const { status, body: answer, headers } = await ran(deps, moved);
    const location = `/instances/${answer.view.instanceId}`;
    return { status, body: { ...answer, created }, headers: { location, ...headers } };
  },
};

/** What each route does: call the engine, shape the answer. */
import { type AnswerOf, type InputOf, type OperationName, workerStateOf } from '../contract/index.ts';
import {
  type AdvanceRequest,
  type ClaimEntry,
  decidableAtMs,
  gateOf,
  limits,
  PawlError,
  parseAsWritten,
  type Version,
} from '../engine/index.ts';
import type { ApiCall, OperationDeps } from './apiDeps.ts';
import { seal, unseal } from './cursor.ts';
import { boundsNow, given } from './finding.ts';
import { linkPage, votedPage } from './linkPage.ts';
import { listing } from './listing.ts';
import { mannedFor } from './manned.ts';
import { type Moved, move } from './moving.ts';
import { overviewOf } from './overview.ts';
import type { Answer } from './problem.ts';
import { assertFits, fitting, journalIds, journalPage, versionOf } from './reading.ts';
import type { Input } from './request.ts';
import { statisticsOf } from './statistics.ts';
import { decideMany } from './verdicts.ts';

/** `page`: HTML for a person, in place of the body. */
type Answered<N extends OperationName> = AnswerOf<N> & { headers?: Record<string, string>; page?: string };

type Operations = {
  [N in OperationName]: (deps: OperationDeps, input: InputOf<N>, call: ApiCall) => Promise<Answered<N>>;
};

const shown = ({ runbookId, version, sourceHash, runHash, source, runbook }: Version) => ({
  runbookId,
  version,
  sourceHash,
  runHash,
  title: runbook.title,
  source,
  runbook,
});

/** An instance that is not there is an error; an empty rest of what it has is not. */
const assertBegun = async ({ engine }: Pick<OperationDeps, 'engine'>, instanceId: string): Promise<void> => {
  if ((await engine.journal(instanceId, -1, 1)).length > 0) return;
  throw new PawlError('instance.unknown', `There is no instance ${instanceId}; see \`pawl list\`.`, { instanceId });
};

const limitOf = (query: { limit?: number }): number => query.limit ?? limits.pageMax;
const maxCellsOf = (maxCells: number | 'all' | undefined): number =>
  maxCells === 'all' ? Number.POSITIVE_INFINITY : (maxCells ?? 1);

/** A file comes as base64. */
const doneOf = ({ attachment, ...body }: InputOf<'done'>['body']) => {
  if (attachment === undefined) return body;
  const { name, base64, sha256 } = attachment;
  return { ...body, attachment: { name, sha256, content: Buffer.from(base64, 'base64') } };
};

/** The same text for the same output, so that its parts can be put together. A surrogate pair is not torn apart. */
const partsOf = (text: string): string[] => {
  const parts: string[] = [];
  for (let at = 0; at < text.length; ) {
    let end = Math.min(text.length, at + limits.outputPartCharsMax);
    if (end < text.length && /[\uD800-\uDBFF]/.test(text.charAt(end - 1))) end -= 1;
    parts.push(text.slice(at, end));
    at = end;
  }
  return parts.length === 0 ? [''] : parts;
};

const shownClaim = ({ claimId, revision, status, statement, evidence, reason, by, atMs }: ClaimEntry) => ({
  claimId,
  revision,
  status,
  statement,
  evidence: evidence === null ? null : parseAsWritten(evidence),
  reason: reason ?? null,
  by,
  at: new Date(atMs).toISOString(),
});

/** Where it is parked for a worker of another place, whether there is any. However it stopped, that place is known from then on. */
const withManned = async <A extends Moved['answer']>(deps: OperationDeps, answer: A) => {
  const manned = await mannedFor(deps, answer.view);
  return answer.result === 'parked' ? { ...answer, manned } : answer;
};

const ran = async (deps: OperationDeps, { status, answer, headers }: Moved) => ({
  status,
  body: await withManned(deps, gateOf(answer)),
  headers,
});

const operations: Operations = {
  health: async () => ({ status: 200, body: { status: 'ok' } }),

  // Few ask for it, and its schemas take their time to make.
  openApi: async () => ({ status: 200, body: (await import('./openapi.ts')).openApi() }),

  me: async (_deps, _input, { by: { actor }, groups, permissions }) => ({
    status: 200,
    body: { actor, groups, permissions },
  }),

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

  listInstances: async (deps, { query }) => ({ status: 200, body: await listing(deps, query) }),

  overview: async (deps, { query }) => ({ status: 200, body: await overviewOf(deps, query) }),

  counts: async (deps, { query: { runbook: runbookId, ...asked } }) => {
    const bounds = given(await boundsNow(deps, asked));
    const counts = await deps.engine.counts({ ...(runbookId === undefined ? {} : { runbookId }), ...bounds });
    return { status: 200, body: { counts } };
  },

  instance: async (deps, { path: { instanceId }, query }, { by }) => {
    const { engine, clock, deployment } = deps;
    const outputBytesMax = query.outputBytesMax ?? limits.answerOutputsBytesMax;
    const inspection = await engine.inspect(instanceId, by, outputBytesMax);
    const { seq } = inspection.view;
    const [standing] = await engine.journal(instanceId, seq - 1, 1);
    if (standing?.entry.seq !== seq)
      throw new PawlError('journal.broken', `Entry ${seq} of ${instanceId} is missing.`, { instanceId, seq });
    const { entry: head } = standing;
    const held = head.state.ended === null && head.state.epoch < deployment.epoch;
    const decidable = decidableAtMs(head.state, deployment.takeoverGraceMs);
    const manned = await mannedFor(deps, inspection.view);
    const decidePeople = head.state.people ?? deployment.decidePeople ?? 1;
    const body = { ...inspection, manned, head, held, decidableAtMs: decidable, decidePeople, nowMs: clock.nowMs() };
    return { status: 200, body };
  },

  journal: async (deps, { path: { instanceId }, query }) => {
    const after = query.after ?? -1;
    const page = await journalPage(deps, instanceId, after, limitOf(query));
    if (page.entries.length === 0) await assertBegun(deps, instanceId);
    return { status: 200, body: page };
  },

  verify: async ({ engine }, { path: { instanceId }, query: { seq, hash } }) => {
    if ((seq === undefined) !== (hash === undefined))
      throw new PawlError('request.invalid', 'A witness is a `seq` and the `hash` of the entry there: give both.');
    const witness = seq === undefined || hash === undefined ? undefined : { seq, hash, what: 'the witness' };
    return { status: 200, body: await engine.verify(instanceId, witness) };
  },

  journals: async (deps, { query }) => {
    const after = query.next === undefined ? undefined : unseal(deps, 'journals', query.next);
    const { instanceIds, next } = await journalIds(deps, after);
    return { status: 200, body: { instanceIds, next: seal(deps, 'journals', next) } };
  },

  rebuild: async ({ engine }, { path }, { by }) => ({ status: 200, body: await engine.rebuild(path.instanceId, by) }),

  notes: async ({ engine }, { path: { instanceId }, query }) => {
    const page = await engine.notesPage(instanceId, limitOf(query), query.after);
    if (page.notes.length === 0) await assertBegun({ engine }, instanceId);
    const kept = fitting(page.notes);
    const next = kept.length < page.notes.length ? (kept.at(-1)?.id ?? null) : page.next;
    const notes = kept
      .map(({ note }) => note)
      .filter(({ about }) => query.about === undefined || about === query.about);
    return { status: 200, body: { notes, next } };
  },

  elements: async ({ engine }, { path: { instanceId }, query: { cell, after = -1 } }) => {
    const begun = await engine.elements(instanceId, cell);
    if (begun.length === 0) await assertBegun({ engine }, instanceId);
    const left = begun.filter(({ index }) => index > after);
    const elements = fitting(left);
    return {
      status: 200,
      body: { elements, next: elements.length < left.length ? (elements.at(-1)?.index ?? null) : null },
    };
  },

  output: async ({ engine }, { path: { instanceId, seq }, query }) => {
    const output = await engine.output(instanceId, seq);
    if (output === undefined) {
      const message = `No entry ${seq} of ${instanceId} carries an output; \`outputSeq\` of a cell names one that does.`;
      throw new PawlError('output.unknown', message, { instanceId, seq });
    }
    const parts = partsOf(output.text);
    const part = query.part ?? 1;
    const text = parts[part - 1];
    if (text === undefined) {
      const message = `The output of ${instanceId} at seq ${seq} has ${parts.length} part(s); there is no part ${part}.`;
      throw new PawlError('output.unknown', message, { instanceId, seq, parts: parts.length });
    }
    const { bytes, truncated } = output;
    return { status: 200, body: { seq, bytes, truncated, part, parts: parts.length, text } };
  },

  attachment: async ({ engine }, { path: { instanceId, seq }, query }) => {
    const files = await engine.attached(instanceId, seq);
    const { file = 1, part = 1 } = query;
    const found = files[file - 1];
    if (found === undefined) {
      const message = `Entry ${seq} of ${instanceId} carries ${files.length} file(s); there is no file ${file}. \`attached\` of a cell names the entry that does.`;
      throw new PawlError('attachment.unknown', message, { instanceId, seq, files: files.length });
    }
    const content = Buffer.from(await found.read());
    const { attachmentPartBytesMax: most } = limits;
    const parts = Math.max(1, Math.ceil(content.byteLength / most));
    if (part > parts) {
      const message = `File ${file} of ${instanceId} at seq ${seq} has ${parts} part(s); there is no part ${part}.`;
      throw new PawlError('attachment.unknown', message, { instanceId, seq, parts });
    }
    const base64 = content.subarray((part - 1) * most, part * most).toString('base64');
    const { name, bytes, sha256 } = found;
    return { status: 200, body: { seq, file, files: files.length, name, bytes, sha256, part, parts, base64 } };
  },

  advance: async (deps, { path, body }, call) => {
    const { maxCells, ...rest } = body;
    const { status, answer, headers } = await move(deps, call, path, { ...rest, maxCells: maxCellsOf(maxCells) });
    return { status, body: await withManned(deps, answer), headers };
  },

  run: async (deps, { path, body }, call) =>
    ran(deps, await move(deps, call, path, { ...body, drive: 'auto', maxCells: Number.POSITIVE_INFINITY })),

  cancel: async ({ engine }, { path: { instanceId }, body }, { by }) => {
    const { reason, ...how } = body;
    const cancelled = await engine.cancel(instanceId, reason, by, how);
    if (cancelled.mayStillRun === null) return { status: 200, body: cancelled };
    return { status: 202, body: cancelled, headers: { location: `/instances/${instanceId}` } };
  },

  undo: async ({ engine }, { path, body }, { by }) => ({
    status: 200,
    body: await engine.undo(path.instanceId, { ...body, by }),
  }),

  verdict: async ({ engine }, { path, body }, { by }) => ({
    status: 200,
    body: await engine.verdict(path.instanceId, { ...body, by }),
  }),

  verdicts: async (deps, { body }, { by }) => ({ status: 200, body: { steps: await decideMany(deps, body, by) } }),

  release: async ({ engine }, { path, body: { reason, ...how } }, { by }) => ({
    status: 200,
    body: await engine.release(path.instanceId, reason, by, how),
  }),

  done: async ({ engine }, { path, body }, { by }) => ({
    status: 200,
    body: await engine.done(path.instanceId, path.cell, { ...doneOf(body), by }),
  }),

  vote: async ({ engine }, { path, body }, { by, groups }) => ({
    status: 200,
    body: await engine.vote(path.instanceId, path.cell, { ...body, groups, by }),
  }),

  makeLink: async ({ engine }, { path, body }, { by, origin }) => {
    const { secret, actor, expiresAtMs } = await engine.makeLink(path.instanceId, path.cell, { ...body, by });
    const link = `${origin}/links/${secret}`;
    return { status: 201, body: { link, actor, expiresAt: new Date(expiresAtMs).toISOString() } };
  },

  link: async ({ engine }, { path }, { by, wantsPage, hasConsole }) => {
    const found = await engine.readLink(path.secret, by);
    const { expiresAtMs, ...rest } = found;
    const body = { ...rest, expiresAt: new Date(expiresAtMs).toISOString() };
    return { status: 200, body, ...(wantsPage ? { page: linkPage(found, hasConsole) } : {}) };
  },

  useLink: async ({ engine }, { path, body }, { by, wantsPage }) => {
    const { view, ...tally } = await engine.useLink(path.secret, { ...body, where: by.where });
    const answer = { instanceId: view.instanceId, ...tally };
    return { status: 200, body: answer, ...(wantsPage ? { page: votedPage(body.decision, answer) } : {}) };
  },

  claims: async (deps, { query }) => {
    const { id, next } = query;
    if (id !== undefined) {
      return { status: 200, body: { claim: shownClaim(await deps.engine.claim(id)) } };
    }
    const after = next === undefined ? {} : { next: unseal(deps, 'claims', next) };
    const whole = await deps.engine.claims({ limit: limitOf(query), ...after });
    const claims = fitting(whole.claims.map(shownClaim));
    // What does not fit into one answer: a page of those that do says where the next one begins.
    const fits = claims.length === whole.claims.length;
    const page = fits ? whole : await deps.engine.claims({ limit: claims.length, ...after });
    return { status: 200, body: { claims: page.claims.map(shownClaim), next: seal(deps, 'claims', page.next) } };
  },

  setClaim: async ({ engine }, { query, body }, { by }) => {
    const { evidence, ...revision } = body;
    const text = evidence === undefined ? {} : { evidence: JSON.stringify(evidence) };
    const { claim, woken } = await engine.setClaim(query.id, { ...revision, ...text, by });
    return { status: claim.revision === 1 ? 201 : 200, body: { claim: shownClaim(claim), woken } };
  },

  claimWaiters: async (deps, { query }) => {
    const list = `waiters ${query.id}`;
    const from = query.next === undefined ? undefined : unseal(deps, list, query.next);
    const { waiters, next } = await deps.engine.claimWaiters(query.id, limitOf(query), from);
    const shownWaiters = waiters.map(({ instanceId, cell, runbookId }) => ({ instanceId, cell, runbookId }));
    return { status: 200, body: { waiters: shownWaiters, next: seal(deps, list, next) } };
  },

  workers: async ({ workers: heartbeats, clock }, { query }) => {
    const { workers, wanted } = await heartbeats.list(query.place);
    const nowMs = clock.nowMs();
    const shownWorkers = workers.map((worker) => ({ ...worker, state: workerStateOf(worker, nowMs) }));
    const served = new Set(workers.map(({ place }) => place));
    const unserved = wanted.filter(({ place }) => !served.has(place));
    return { status: 200, body: { workers: fitting(shownWorkers), wanted: unserved, nowMs } };
  },

  claimHistory: async ({ engine }, { query }) => {
    const limit = limitOf(query);
    const found = await engine.claimHistory(query.id, limit, query.before);
    const claims = fitting(found.map(shownClaim));
    const last = claims.at(-1)?.revision ?? 1;
    return { status: 200, body: { claims, next: last > 1 && found.length > 0 ? last : null } };
  },
};

type Operation = (deps: OperationDeps, input: Input, call: ApiCall) => Promise<Answer>;
/** An operation by its name. Its own types follow from the schemas that have just read its input. */
export const operationOf = (name: OperationName): Operation => operations[name] as unknown as Operation;

/** Operations that read instances: lists, one of them, its journal and what stands beside it. */
import { decidableAtMs, limits, PawlError } from '../engine/index.ts';
import type { OperationDeps } from './apiDeps.ts';
import { seal, unseal } from './cursor.ts';
import { boundsNow, given } from './finding.ts';
import { listing } from './listing.ts';
import { mannedFor } from './manned.ts';
import { limitOf, type Operations } from './operation.ts';
import { overviewOf } from './overview.ts';
import { fitting, journalIds, journalPage } from './reading.ts';

/** An instance that is not there is an error; an empty rest of what it has is not. */
const assertBegun = async ({ engine }: Pick<OperationDeps, 'engine'>, instanceId: string): Promise<void> => {
  if ((await engine.journal(instanceId, -1, 1)).length > 0) return;
  throw new PawlError('instance.unknown', `There is no instance ${instanceId}; see \`pawl list\`.`, { instanceId });
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

export const readingOperations: Pick<
  Operations,
  | 'listInstances'
  | 'overview'
  | 'counts'
  | 'instance'
  | 'journal'
  | 'verify'
  | 'journals'
  | 'rebuild'
  | 'notes'
  | 'elements'
  | 'output'
  | 'attachment'
> = {
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
};

/**
 * Telling people that one of them is needed: a run that has halted, or is in doubt and its policy holds. Each time at least once, under
 * one idempotency key, `<id>/<seq>/halt`: a note says that it was told, and until that stands the view stays due, so whoever dies in
 * between is followed by the schedule. It is no step: nothing of the run depends on it.
 */
import { type Call, noteQuietly, stateOf } from '../call/call.ts';
import { setClaim } from '../call/claims.ts';
import { failureAt } from '../call/ending.ts';
import { readJournal } from '../call/journal.ts';
import { itemAround, notifierOf } from '../call/kin.ts';
import { secretsFor } from '../call/secrets.ts';
import { isPawlError } from '../model/errors.ts';
import type { Failure } from '../model/fields.ts';
import { limits } from '../model/limits.ts';
import type { Notify, Runbook } from '../model/runbook.ts';
import { headOf } from '../model/text.ts';
import type { Scope } from '../ports.ts';
import type { Stop } from '../rules/stop.ts';
import { fits } from './free.ts';

type Need = { seq: number; cell: string; status: 'halted' | 'in_doubt' };

/** The step for which a person is needed; `undefined`: for none, or it is about something else than a step. */
const needOf = (stop: Stop): Need | undefined => {
  if (stop.result === 'halted' && stop.why === 'step') return { seq: stop.seq, cell: stop.cell, status: 'halted' };
  const isHeld = stop.result === 'in_doubt' && stop.nextAtMs === null && stop.waitsFor === undefined;
  return isHeld ? { seq: stop.seq, cell: stop.cell, status: 'in_doubt' } : undefined;
};

const inDoubt: Failure = {
  code: 'step.inDoubt',
  message: 'It is unknown whether it happened, and its policy holds: a person decides.',
};

const whyOf = async ({ engine, instanceId }: Call, { seq, status }: Need): Promise<Failure> => {
  if (status === 'in_doubt') return inDoubt;
  let found: Failure | undefined;
  for await (const { entry } of readJournal(engine, instanceId, seq)) found = failureAt(entry, seq) ?? found;
  return found ?? { code: 'cell.failed', message: 'It failed.' };
};

type Notifier = NonNullable<ReturnType<typeof notifierOf>>;
type Said = { runbook: Runbook; key: string; need: Need; why: Failure; scope: Scope };

const saying = async (call: Call, notifier: Notifier, need: Need): Promise<Said> => {
  const { engine, instanceId, family } = call;
  const { started } = notifier;
  const { seq, cell } = need;
  const why = await whyOf(call, need);
  const key = `${instanceId}/${seq}/halt`;
  const { url } = engine.deployment;
  const scope: Scope = {
    params: started.params,
    outputs: {},
    step: { instanceId, cell, visit: stateOf(call).visit, idempotencyKey: key },
    run: {
      failed: { cell, item: itemAround(family), code: why.code, message: why.message },
      url: url === undefined ? null : `${url}/instances/${instanceId}`,
    },
  };
  return { runbook: notifier.runbook, key, need, why, scope };
};

/** How it went, in words; `undefined`: nobody was told. */
type Told = string | undefined;

const byRequest = async (call: Call, notify: Notify & { kind: 'http' }, said: Said): Promise<Told> => {
  const { engine, instanceId, started, by } = call;
  const { uses, line: _, ...body } = notify;
  const given = await secretsFor({ ...call, runbook: said.runbook }, { uses }, 'look');
  if (given.kind !== 'go')
    return untold(call, said, given.kind === 'waits' ? given.missing.join(', ') : given.error.message);
  const values = Object.fromEntries(Object.entries(given.secrets ?? {}).map(([name, { value }]) => [name, value]));
  const rendered = engine.authoring.renderBody(body, { ...said.scope, secrets: values });
  if (rendered.kind === 'error') return untold(call, said, rendered.message);
  const { seq, cell } = said.need;
  const nowMs = engine.clock.nowMs();
  const result = await engine.execute({
    body: rendered.body,
    params: said.scope.params,
    outputs: {},
    step: {
      instanceId,
      runbookId: started.runbookId,
      version: started.version,
      cell,
      seq,
      visit: stateOf(call).visit,
      attempt: 1,
      idempotencyKey: said.key,
      deadlineAtMs: Math.ceil(nowMs + limits.notifyTimeoutMs),
    },
    ...(given.secrets === undefined ? {} : { secrets: given.secrets }),
    timeoutMs: limits.notifyTimeoutMs,
    ...(by.trace === undefined ? {} : { trace: by.trace }),
    signal: new AbortController().signal,
    log: () => {},
  });
  if (result.status !== 'completed') return untold(call, said, result.error?.message ?? result.status);
  const to = rendered.body.kind === 'http' ? new URL(rendered.body.url).host : '';
  return `by ${body.method} to ${to}`;
};

const byClaim = async (call: Call, { claim }: Notify & { kind: 'claim' }, said: Said): Promise<Told> => {
  const { engine, instanceId, by } = call;
  const rendered = engine.authoring.render(claim, said.scope);
  if (rendered.kind === 'error') return untold(call, said, rendered.message);
  const { cell, seq, status } = said.need;
  const { code, message } = said.why;
  const { url, failed } = said.scope.run ?? { url: null, failed: null };
  const evidence = { key: said.key, instanceId, seq, cell, status, item: failed?.item ?? null, code, message, url };
  const newest = await engine.claims.newest(rendered.text);
  // Whoever told it died before the note; another revision would wake all who wait for it once more.
  if (newest?.evidence?.includes(JSON.stringify(said.key)) !== true) {
    const statement = headOf(`${instanceId} is ${status} at ${cell}: ${message}`, limits.claimStatementCharsMax);
    await setClaim(engine, rendered.text, {
      status: 'asserted',
      statement,
      evidence: engine.canonical(evidence),
      // One that was settled for good is opened again: somebody is needed once more.
      ...(newest === undefined ? {} : { revision: newest.revision, reason: `${said.key}: somebody is needed` }),
      by,
    });
  }
  return `by claim ${rendered.text}`;
};

const untold = ({ engine, instanceId }: Call, { need }: Said, message: string): undefined => {
  const cause = { code: 'notify.failed', message: headOf(message, limits.errorMessageCharsMax) };
  engine.observe({ kind: 'notify.failed', instanceId, seq: need.seq, cell: need.cell, cause });
  return undefined;
};

/**
 * Tells people where a call has stopped because of a step that needs one, unless that was done. What cannot be told now is told by the
 * next caller: nothing fails for it.
 */
export const tell = async (call: Call, stop: Stop): Promise<void> => {
  const { engine, instanceId, by } = call;
  const notifier = notifierOf(call);
  const notify = notifier?.runbook.notify;
  const need = needOf(stop);
  if (notifier === undefined || notify === undefined || need === undefined || !fits(call, limits.notifyTimeoutMs))
    return;
  call.told = 'tried';
  let said: Said | undefined;
  try {
    const notes = await engine.journal.notes(instanceId, need.seq);
    const isTold = notes.some(({ kind }) => kind === 'told');
    if (!isTold) {
      said = await saying(call, notifier, need);
      const how = await (notify.kind === 'http' ? byRequest(call, notify, said) : byClaim(call, notify, said));
      if (how === undefined) return;
      const note = {
        kind: 'told',
        about: need.seq,
        cell: need.cell,
        atMs: engine.clock.nowMs(),
        by,
        text: how,
      } as const;
      if (!(await noteQuietly(call, note))) return;
    }
    call.told = 'stands';
  } catch (error) {
    // The store went away, or the claim was set by another at the same time.
    if (!isPawlError(error)) throw error;
    const cause = { code: error.code, message: headOf(error.message, limits.errorMessageCharsMax) };
    engine.observe({ kind: 'notify.failed', instanceId, seq: need.seq, cell: need.cell, cause });
  }
};

/** Bodies without effects (probes, polls): run without a reservation, perhaps by several callers at a time. */

import { type Call, stateOf } from '../call/call.ts';
import type { Inputs } from '../call/inputs.ts';
import { keyOf } from '../call/prepare.ts';
import type { Given } from '../call/secrets.ts';
import { envOf } from '../call/whereabouts.ts';
import type { Cell } from '../model/runbook.ts';
import type { CellResult, RenderedBody } from '../ports.ts';
import { reservedForMs } from '../rules/decide.ts';

export type Free = Pick<Given, 'secrets'> & {
  body: RenderedBody;
  timeoutMs: number;
  inputs: Inputs;
  seq: number;
  log: (text: string) => void;
};

/** Whether there is time for it in this call. */
export const fits = (call: Call, timeoutMs: number): boolean =>
  !call.engine.leaving?.aborted && call.engine.clock.nowMs() + reservedForMs({ timeoutMs }) <= call.endAtMs;

/** @returns how it ended; never throws for what the body does */
export const runFree = async (
  call: Call,
  cell: Cell,
  { body, timeoutMs, inputs, seq, log, secrets }: Free,
): Promise<CellResult> => {
  const { engine, instanceId, started, by } = call;
  const { visit, attempt } = stateOf(call);
  return await engine
    .execute({
      body,
      params: inputs.params,
      outputs: inputs.outputs,
      ...(inputs.each === undefined ? {} : { each: inputs.each }),
      ...(inputs.run === undefined ? {} : { run: inputs.run }),
      step: {
        instanceId,
        runbookId: started.runbookId,
        version: started.version,
        cell: cell.name,
        seq,
        visit,
        attempt: Math.max(1, attempt),
        idempotencyKey: keyOf(call, cell, visit),
        deadlineAtMs: Math.ceil(engine.clock.nowMs() + reservedForMs({ timeoutMs })),
        ...(inputs.originalKey === undefined ? {} : { originalKey: inputs.originalKey }),
      },
      free: true,
      ...(secrets === undefined ? {} : { secrets }),
      ...envOf(cell),
      timeoutMs,
      ...(by.trace === undefined ? {} : { trace: by.trace }),
      signal: new AbortController().signal,
      // A look is short: how it ended tells.
      log: (_stream, text, glimpse) => (glimpse === true ? undefined : log(text)),
    })
    .catch(
      (error: unknown): CellResult => ({ status: 'unknown', error: { code: 'cell.executor', message: String(error) } }),
    );
};
